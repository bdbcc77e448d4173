"""Endpoints and the feed in the tables. The deliveries are in `outbox.py`.

webhooks  ENDPOINTS  <webhook>    an endpoint; one that was deleted is kept a while, so that a repeat registers nothing
          COUNT      ENDPOINTS    how many there are
feed      <day>      <instant>#…  events that came together
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from functions.runtime import clock, tables
from functions.runtime.errors import TooManyWebhooksError, TryAgainError, WebhookNotFoundError
from functions.webhooks.delivery import Told, feed_items, unpacked
from functions.webhooks.endpoint import MOST_ENDPOINTS, Endpoint
from functions.webhooks.places import KEPT, Place, days, newest

SECONDS_CACHED = 5
_KEPT_AFTER_ITS_END = timedelta(days=60)
_SLOW = timedelta(seconds=5)
"""A reader stays ten seconds behind: what took longer than this to write may have come too late for it."""
_LARGEST_PAGE = 3_000_000
"""Characters: a function may answer with six megabytes."""
_COUNT = {"webhook": "COUNT", "part": "ENDPOINTS"}


@dataclass(slots=True)
class _Cache:
    endpoints: Sequence[Endpoint] = ()
    looked_at: float = float("-inf")


_cache = _Cache()


def add(endpoint: Endpoint) -> Endpoint | None:
    """Keep a new endpoint; or answer the one that has its id already, where it was registered before.

    Raises TooManyWebhooksError, TryAgainError.
    """
    counted = tables.Add("webhooks", _COUNT, "endpoints", 1, most=MOST_ENDPOINTS - 1)
    try:
        tables.transact([tables.Put("webhooks", _to_item(endpoint), key="webhook"), counted])
    except tables.CancelledError as cancelled:
        if cancelled.has("TransactionConflict"):
            raise TryAgainError("Somebody else registers a webhook at this moment.") from cancelled
        there, full = cancelled.reasons
        if there.item:
            return _from_item(there.item)
        if full.code == "ConditionalCheckFailed":
            detail = f"There are {MOST_ENDPOINTS} webhooks: delete one that is not needed."
            raise TooManyWebhooksError(detail) from cancelled
        raise
    return None


def find(webhook: str) -> Endpoint:
    """Raises WebhookNotFoundError."""
    item = tables.get("webhooks", _key(webhook), consistent=True)
    if item is None or item["status"] == "deleted":
        raise WebhookNotFoundError("There is no webhook with this id.")
    return _from_item(item)


def endpoints() -> list[Endpoint]:
    """All that were not deleted, oldest first."""
    found = map(_from_item, tables.query("webhooks", "#webhook = :endpoints", {"endpoints": "ENDPOINTS"}))
    return sorted((one for one in found if one.status != "deleted"), key=lambda one: (one.created_at, one.id))


def listening() -> Sequence[Endpoint]:
    """Those that are active, at most a few seconds late."""
    if time.monotonic() - _cache.looked_at >= SECONDS_CACHED:
        _cache.endpoints = [one for one in endpoints() if one.status == "active"]
        _cache.looked_at = time.monotonic()
    return _cache.endpoints


def forget() -> None:
    """Drop what is cached, so that the next look is at the table."""
    _cache.endpoints, _cache.looked_at = (), float("-inf")


def change(endpoint: Endpoint) -> Endpoint:
    """Keep an endpoint that was changed. Raises TryAgainError where somebody else changed it meanwhile."""
    changed = replace(endpoint, revision=endpoint.revision + 1)
    writes: list[tables.Write] = [tables.Replace("webhooks", _to_item(changed), {"revision": endpoint.revision})]
    if changed.status == "deleted":
        writes.append(tables.Add("webhooks", _COUNT, "endpoints", -1, most=MOST_ENDPOINTS))
    try:
        tables.transact(writes)
    except tables.CancelledError as cancelled:
        raise TryAgainError("Somebody else changes this webhook at this moment.") from cancelled
    return changed


def disable_gone(webhook: str) -> None:
    """Send nothing more to an endpoint that says that it is gone, unless somebody has dealt with that already."""
    change = "SET #status = :disabled, #gone = :gone ADD #revision :one"
    values = {"disabled": "disabled", "gone": True, "one": 1, "active": "active"}
    tables.update("webhooks", _key(webhook), change, "#status = :active", values)


def tell_the_feed(events: Sequence[Told]) -> None:
    """Put events into the feed, so that no reader can have passed their place already."""
    for name, content in feed_items(events):
        while True:
            began = clock.wall()
            at = clock.to_text(began)
            expires_at = int((began + KEPT).timestamp())
            tables.put("feed", {"day": at[:10], "at": f"{at}#{name}", "events": content, "expires_at": expires_at})
            if clock.wall() - began <= _SLOW:
                break


def read_the_feed(after: Place, limit: int) -> tuple[list[Mapping[str, Any]], Place]:
    """The next events, at most `limit`, and where to go on."""
    found: list[Mapping[str, Any]] = []
    room = _LARGEST_PAGE
    end = newest(clock.wall())
    if after.at >= end.at:
        return [], after
    for item in _items(after, end, limit):
        content = unpacked(item["events"])
        events = json.loads(content)
        seen = after.read if item["at"] == after.at else 0
        if found and len(content) > room:
            return found, Place(item["at"], seen)
        room -= len(content)
        part = events[seen : seen + limit - len(found)]
        found += part
        if len(found) == limit:
            return found, Place(item["at"], seen + len(part))
    return found, end


def _items(after: Place, end: Place, limit: int) -> Iterator[tables.Item]:
    for day in days(after.day, end.day):
        condition = "#day = :day AND #at BETWEEN :first AND :last"
        first = after.at if day == after.day else day
        values = {"day": day, "first": first, "last": end.at}
        # The first may be one of which everything was read.
        yield from tables.query("feed", condition, values, limit=limit + 1, consistent=True)


def _key(webhook: str) -> dict[str, Any]:
    return {"webhook": "ENDPOINTS", "part": webhook}


def _to_item(endpoint: Endpoint) -> tables.Item:
    end = clock.wall() + _KEPT_AFTER_ITS_END
    return {
        **_key(endpoint.id),
        "url": endpoint.url,
        "types": None if endpoint.types is None else sorted(endpoint.types),
        "description": endpoint.description,
        "created_at": clock.to_text(endpoint.created_at),
        "payload": endpoint.payload,
        "status": endpoint.status,
        "gone": endpoint.gone,
        "generation": endpoint.generation,
        "retired": [[generation, clock.to_text(until)] for generation, until in endpoint.retired],
        "revision": endpoint.revision,
    } | ({"expires_at": int(end.timestamp())} if endpoint.status == "deleted" else {})


def _from_item(item: tables.Item) -> Endpoint:
    return Endpoint(
        item["part"],
        item["url"],
        None if item["types"] is None else frozenset(item["types"]),
        item["description"],
        clock.from_text(item["created_at"]),
        item["payload"],
        item["status"],
        item["gone"],
        item["generation"],
        tuple((generation, clock.from_text(until)) for generation, until in item["retired"]),
        item["revision"],
    )
