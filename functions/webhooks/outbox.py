"""Deliveries in the table, and whose turn it is to send them.

webhooks  <webhook>  D#<delivery>   a delivery; the index `waiting` has those that wait, by when they are due
          <webhook>  LEASE          who sends to this endpoint at the moment, and how it went lately

    worker 1   take ─── send ─── send ─── nothing left ─x─ send ─── nothing left ─── release
    others                    `again`                  │
                                                      `again` was set: look once more
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from functions.runtime import clock, tables
from functions.runtime.errors import DeliveryNotFoundError
from functions.webhooks.delivery import Attempt, Delivery, Status, Told, delivery_id, packed
from functions.webhooks.endpoint import Health

LEASE = timedelta(seconds=40)
"""Longer than a function may run: after that nobody sends any more."""
_KEPT = {"delivered": timedelta(days=30), "waiting": timedelta(days=60), "parked": timedelta(days=60)}
_LEASE = "LEASE"
_LOOKED_AT = 1_000


def put(webhook: str, event: Told, now: datetime) -> None:
    """Let an event wait for an endpoint, once."""
    new = Delivery(webhook, delivery_id(event), event.event_id, event.type, packed(event.body), now, now)
    with suppress(tables.ConditionFailedError):  # the event came before
        tables.put_new("webhooks", _to_item(new, now), key="webhook")


def find(webhook: str, delivery: str) -> Delivery:
    """Raises DeliveryNotFoundError."""
    item = tables.get("webhooks", _key(webhook, delivery), consistent=True)
    if item is None:
        raise DeliveryNotFoundError("This webhook has no delivery with this id, or it was too long ago.")
    return _from_item(item)


def is_due(webhook: str, now: datetime) -> bool:
    return next(_due(webhook, now, limit=1), None) is not None


def due(webhook: str, now: datetime, at_once: int, handled: Collection[str]) -> list[Delivery]:
    """Deliveries whose time has come, the longest due first; not those just `handled`: the index is a moment late."""
    keys = [one["part"] for one in _due(webhook, now, limit=at_once + len(handled))]
    wanted = [part for part in keys if part.removeprefix("D#") not in handled][:at_once]
    items = tables.get_many("webhooks", [{"webhook": webhook, "part": part} for part in wanted])
    found = map(_from_item, items)
    ready = [one for one in found if one.status == "waiting" and one.due_at is not None and one.due_at <= now]
    return sorted(ready, key=lambda one: (one.due_at, one.id))


def _due(webhook: str, now: datetime, limit: int) -> Iterator[tables.Item]:
    condition = "#waiting = :webhook AND #due_at <= :now"
    values = {"webhook": webhook, "now": clock.to_text(now)}
    return tables.query("webhooks", condition, values, index="waiting", limit=limit)


def save(before: Delivery, after: Delivery, now: datetime) -> bool:
    """Keep what became of a delivery; False where somebody else has dealt with it meanwhile."""
    kept = _to_item(after, now)
    fields = {name: kept[name] for name in ("status", "tries", "attempts", "since", "expires_at")}
    fields |= {name: kept[name] for name in ("waiting", "due_at") if name in kept}
    change = "SET " + ", ".join(f"#{name} = :{name}" for name in fields)
    change += "" if "waiting" in kept else " REMOVE #waiting, #due_at"
    condition = "#status = :was AND #tries = :seen AND #since = :asked"
    seen = {"was": before.status, "seen": before.tries, "asked": clock.to_text(before.since)}
    return tables.update("webhooks", _key(before.webhook, before.id), change, condition, fields | seen)


def log(webhook: str, status: Status | None, limit: int, before: str | None) -> tuple[list[Delivery], str | None]:
    """Deliveries of an endpoint, newest first, those before one if given, and from where to go on.

    A page of a rare status may hold less than asked for, though more may follow.
    """
    condition = "#webhook = :webhook AND #part BETWEEN :first AND :last"
    values = {"webhook": webhook, "first": "D#", "last": f"D#{before}" if before else "D#~"}
    found: list[Delivery] = []
    seen: str | None = None
    looked_at = _LOOKED_AT if status else limit + 2
    for number, item in enumerate(tables.query("webhooks", condition, values, limit=looked_at, newest_first=True)):
        one = _from_item(item)
        if one.id == before:
            continue
        if len(found) == limit:
            return found, seen
        if status in {None, one.status}:
            found.append(one)
        seen = one.id
        if number + 1 == looked_at:
            return found, seen
    return found, None


def lease(webhook: str, worker: str, now: datetime) -> bool:
    """Whether it is this worker's turn; if not, who has it looks once more at the end."""
    take = "SET #worker = :worker, #until = :until REMOVE #again"
    free = "attribute_not_exists(#until) OR #until < :now"
    values = {"now": clock.to_text(now), "worker": worker, "until": clock.to_text(now + LEASE)}
    for _ in range(2):
        if tables.update("webhooks", _lease_key(webhook), take, free, values):
            return True
        if is_at_work(webhook, now):
            return False
    return False


def is_at_work(webhook: str, now: datetime) -> bool:
    """Whether somebody sends to this endpoint, and so looks once more before the end; or lets it rest."""
    values = {"now": clock.to_text(now), "again": True}
    return tables.update("webhooks", _lease_key(webhook), "SET #again = :again", "#until >= :now", values)


def release(webhook: str, worker: str) -> bool:
    """Whether it is another's turn; not where somebody has asked to look once more."""
    key, me = _lease_key(webhook), {"worker": worker}
    unasked = "#worker = :worker AND attribute_not_exists(#again)"
    if tables.update("webhooks", key, "REMOVE #until, #worker", unasked, me):
        return True
    return not tables.update("webhooks", key, "REMOVE #again", "#worker = :worker", me)


def hand_on(webhook: str, worker: str) -> None:
    """Let another take over, although there is more to do."""
    mine = "#worker = :worker"
    tables.update("webhooks", _lease_key(webhook), "REMOVE #until, #worker, #again", mine, {"worker": worker})


def rest(webhook: str, worker: str, until: datetime) -> None:
    """Let nobody send to this endpoint for a while."""
    values = {"worker": worker, "until": clock.to_text(until)}
    tables.update("webhooks", _lease_key(webhook), "SET #until = :until REMOVE #worker", "#worker = :worker", values)


def note_health(webhook: str, now: datetime, *, delivered: bool) -> None:
    changes = (
        "SET #last_delivered_at = :now REMOVE #failing_since"
        if delivered
        else "SET #failing_since = if_not_exists(#failing_since, :now)"
    )
    tables.update("webhooks", _lease_key(webhook), changes, "attribute_exists(#webhook)", {"now": clock.to_text(now)})


def health(webhooks: Sequence[str]) -> dict[str, Health]:
    """How it went lately, by endpoint; nothing of those to which nothing was sent yet."""
    items = tables.get_many("webhooks", [_lease_key(webhook) for webhook in webhooks])
    return {
        item["webhook"]: Health(_instant(item, "last_delivered_at"), _instant(item, "failing_since")) for item in items
    }


def _instant(item: tables.Item, name: str) -> datetime | None:
    return clock.from_text(item[name]) if name in item else None


def _key(webhook: str, delivery: str) -> dict[str, Any]:
    return {"webhook": webhook, "part": f"D#{delivery}"}


def _lease_key(webhook: str) -> dict[str, Any]:
    return {"webhook": webhook, "part": _LEASE}


def _to_item(delivery: Delivery, now: datetime) -> tables.Item:
    waits = {"waiting": delivery.webhook, "due_at": clock.to_text(delivery.due_at)} if delivery.due_at else {}
    return {
        **_key(delivery.webhook, delivery.id),
        **waits,
        "event_id": delivery.event_id,
        "type": delivery.type,
        "body": delivery.body,
        "since": clock.to_text(delivery.since),
        "status": delivery.status,
        "tries": delivery.tries,
        "attempts": [[clock.to_text(one.at), *one[1:]] for one in delivery.attempts],
        "expires_at": int((now + _KEPT[delivery.status]).timestamp()),
    }


def _from_item(item: tables.Item) -> Delivery:
    return Delivery(
        item["webhook"],
        item["part"].removeprefix("D#"),
        item["event_id"],
        item["type"],
        item["body"],
        clock.from_text(item["since"]),
        _instant(item, "due_at"),
        item["status"],
        item["tries"],
        tuple(Attempt(clock.from_text(at), *rest) for at, *rest in item["attempts"]),
    )
