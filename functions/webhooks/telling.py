"""What happened, for partners: into the feed, and as a delivery for every endpoint that wants it.

events ──> feed (one item)
       ──> a delivery for each endpoint and event ──> DeliveriesDue, where no worker is at work
"""

from collections.abc import Sequence

from functions.runtime import bus, clock
from functions.runtime.envelope import OutboundEvent, envelope
from functions.webhooks import delivery, outbox, store


def tell(events: Sequence[bus.Event]) -> Sequence[bus.Outcome]:
    """All of it may be done again: an event that comes twice stands twice in the feed, and is delivered once."""
    told = [delivery.told(event.detail_type, event.detail) for event in events]
    store.tell_the_feed(told)
    touched: list[str] = []
    now = clock.wall()
    for endpoint in store.listening():
        wanted = [event for event in told if endpoint.wants(event.type)]
        for event in wanted:
            outbox.put(endpoint.id, event, now)
        touched += [endpoint.id] if wanted else []
    _call_workers(touched)
    return [None] * len(events)


def tell_what_waits() -> None:
    """Let what waits be sent where nobody sends at the moment: what is to be tried again, or was left behind."""
    now = clock.wall()
    waiting = [one.id for one in store.endpoints() if one.status == "active" and outbox.is_due(one.id, now)]
    _call_workers(waiting)


def _call_workers(webhooks: Sequence[str]) -> None:
    """One for each endpoint, where none is at work."""
    now = clock.wall()
    bus.publish([due(webhook) for webhook in webhooks if not outbox.is_at_work(webhook, now)])


def due(webhook: str) -> OutboundEvent:
    """`DeliveriesDue`: the programme tells itself that something waits for an endpoint."""
    now = clock.now()
    event_id = f"deliveries#{clock.to_text(now)}#{webhook}"
    data = {"webhook_id": webhook}
    return envelope("DeliveriesDue", data, event_id=event_id, occurred_at=now, recorded_at=now, correlation_id=event_id)
