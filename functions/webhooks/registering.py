"""What partners may do with endpoints, and see of them."""

from dataclasses import replace
from typing import NamedTuple

from functions.runtime import bus, clock, outgoing, settings
from functions.runtime.errors import OperationIdReusedError, TryAgainError, WebhookDisabledError, WebhookNotFoundError
from functions.runtime.validation import payload_hash
from functions.webhooks import outbox, places, store, telling
from functions.webhooks.contract import (
    DeliveriesOut,
    DeliveryOut,
    EventsOut,
    WebhookChangeIn,
    WebhookIn,
    WebhookOut,
    WebhooksOut,
)
from functions.webhooks.delivery import Status
from functions.webhooks.endpoint import Endpoint, Health, secret_of, webhook_id


class Registered(NamedTuple):
    webhook: WebhookOut
    replayed: bool


def register(wanted: WebhookIn, source: str, key: str) -> Registered:
    """Once for a key: a repeat answers with the endpoint as it is by now.

    Raises OperationIdReusedError, TooManyWebhooksError, WebhookNotFoundError where it was deleted meanwhile.
    """
    types = None if wanted.types is None else frozenset[str](wanted.types)
    new = Endpoint(webhook_id(source, key), wanted.url, types, wanted.description, clock.wall(), payload_hash(wanted))
    there = store.add(new)
    if there is None:
        return Registered(_with_secret(new), replayed=False)
    if there.payload != new.payload:
        raise OperationIdReusedError("This key has registered another webhook.")
    if there.status == "deleted":
        raise WebhookNotFoundError("This key has registered a webhook that was deleted.")
    return Registered(_with_secret(there), replayed=True)


def everything() -> WebhooksOut:
    found = store.endpoints()
    health = outbox.health([one.id for one in found])
    return WebhooksOut(items=[WebhookOut.of(one, health.get(one.id, Health())) for one in found])


def one(webhook: str) -> WebhookOut:
    """Raises WebhookNotFoundError."""
    endpoint = store.find(webhook)
    return WebhookOut.of(endpoint, _health(webhook))


def change(webhook: str, wanted: WebhookChangeIn) -> WebhookOut:
    """Raises WebhookNotFoundError, TryAgainError."""
    before = store.find(webhook)
    after = _changed(before, wanted)
    saved = store.change(after)
    if before.status == "disabled" and saved.status == "active":
        bus.publish([telling.due(webhook)])  # what has waited since
    return _with_secret(saved) if wanted.rotate_secret else WebhookOut.of(saved, _health(webhook))


def _changed(endpoint: Endpoint, wanted: WebhookChangeIn) -> Endpoint:
    named = wanted.model_fields_set
    if "url" in named and wanted.url is not None:
        endpoint = replace(endpoint, url=wanted.url)
    if "types" in named:
        endpoint = replace(endpoint, types=None if wanted.types is None else frozenset(wanted.types))
    if "description" in named:
        endpoint = replace(endpoint, description=wanted.description)
    if "status" in named and wanted.status is not None:
        endpoint = replace(endpoint, status=wanted.status, gone=endpoint.gone and wanted.status != "active")
    return endpoint.rotated(clock.wall()) if wanted.rotate_secret else endpoint


def delete(webhook: str) -> None:
    """Nothing more is sent to it; what waits goes by itself. Raises WebhookNotFoundError, TryAgainError."""
    store.change(replace(store.find(webhook), status="deleted"))


def deliveries(webhook: str, status: Status | None, limit: int, cursor: str | None) -> DeliveriesOut:
    """Raises WebhookNotFoundError, InvalidError."""
    before = places.from_log_cursor(cursor)
    store.find(webhook)
    found, last = outbox.log(webhook, status, limit, before)
    following = places.to_log_cursor(last) if last else None
    return DeliveriesOut(items=[DeliveryOut.of(one) for one in found], next_cursor=following)


def redeliver(webhook: str, delivery: str) -> DeliveryOut:
    """Let it be sent again, with all its tries before it.

    Raises WebhookNotFoundError, DeliveryNotFoundError, WebhookDisabledError, TryAgainError.
    """
    if store.find(webhook).status != "active":
        raise WebhookDisabledError("Make it active before anything is delivered to it.")
    now = clock.wall()
    before = outbox.find(webhook, delivery)
    after = before.again(now)
    if not outbox.save(before, after, now):
        raise TryAgainError("It is being delivered at this moment.")
    bus.publish([telling.due(webhook)])
    return DeliveryOut.of(after)


def feed(after: str | None, limit: int) -> EventsOut:
    """Raises InvalidError for a cursor that is none, or too old."""
    found, place = store.read_the_feed(places.from_cursor(after, clock.wall()), limit)
    return EventsOut.model_validate({"items": found, "next_cursor": places.to_cursor(place)})


def _health(webhook: str) -> Health:
    return outbox.health([webhook]).get(webhook, Health())


def _with_secret(endpoint: Endpoint) -> WebhookOut:
    secret = secret_of(outgoing.secret(settings.webhook_secret()), endpoint.id, endpoint.generation)
    return WebhookOut.of(endpoint, _health(endpoint.id), secret)
