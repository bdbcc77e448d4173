"""A delivery: one event on its way to one endpoint. Pure.

    waiting ──2xx──> delivered          waiting ──last pause over, or 410──> parked
       ▲  └──anything else: after a pause──┘ again
       └──── redelivered, from anywhere

An event has the same form in the body of a webhook and in the feed: `{type, timestamp, metadata, data}`.
"""

import base64
import hashlib
import json
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple, TypeAlias

Status: TypeAlias = Literal["waiting", "delivered", "parked"]

PAUSES = (
    timedelta(seconds=30),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
)
"""After each try that failed; after the last one there is none."""
LONGEST_WAIT = timedelta(hours=36)
"""How long a delivery waits at most, where its endpoint answers so little that there is no time to try it."""
_LONGEST_ASKED_FOR = timedelta(hours=1)
ATTEMPTS_KEPT = 10
LARGEST_FEED_ITEM = 300_000
"""Characters: with its key it stays well under the 400 KB that DynamoDB takes."""
_GONE = 410


class Told(NamedTuple):
    """An event as partners get it. `body`: all of it, as JSON."""

    event_id: str
    type: str
    recorded_at: str
    body: str


class Attempt(NamedTuple):
    """A try: the status that was answered, or in a word why there was no answer."""

    at: datetime
    status: int | None
    error: str | None
    milliseconds: int

    @property
    def succeeded(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def says_gone(self) -> bool:
        return self.status == _GONE


@dataclass(frozen=True, slots=True)
class Delivery:
    """`tries` count since `since`, when it was made or last asked for anew. `due_at`: of one that waits."""

    webhook: str
    id: str
    event_id: str
    type: str
    body: str
    since: datetime
    due_at: datetime | None
    status: Status = "waiting"
    tries: int = 0
    attempts: tuple[Attempt, ...] = ()

    def tried(self, attempt: Attempt, retry_after: int | None = None) -> "Delivery":
        """What becomes of it after a try."""
        tries, attempts = self.tries + 1, (*self.attempts, attempt)[-ATTEMPTS_KEPT:]
        done = replace(self, tries=tries, attempts=attempts, due_at=None)
        if attempt.succeeded:
            return replace(done, status="delivered")
        if attempt.says_gone or tries > len(PAUSES):
            return replace(done, status="parked")
        asked_for = min(timedelta(seconds=retry_after or 0), _LONGEST_ASKED_FOR)
        return replace(done, due_at=attempt.at + max(PAUSES[tries - 1], asked_for))

    def is_overdue(self, now: datetime) -> bool:
        return now - self.since > LONGEST_WAIT

    def parked(self) -> "Delivery":
        return replace(self, status="parked", due_at=None)

    def again(self, now: datetime) -> "Delivery":
        """To be delivered, whatever has become of it."""
        return replace(self, status="waiting", tries=0, since=now, due_at=now)


def told(event_type: str, detail: Mapping[str, Any]) -> Told:
    """An event of the bus as partners get it."""
    metadata = detail["metadata"]
    content = {"type": event_type, "timestamp": metadata["recorded_at"], "metadata": metadata, "data": detail["data"]}
    return Told(metadata["event_id"], event_type, metadata["recorded_at"], _json(content))


def delivery_id(event: Told) -> str:
    """Sorts by the time of the event, and is the same whenever the event comes again."""
    return f"{re.sub(r'[^0-9]', '', event.recorded_at)}-{hashlib.sha256(event.event_id.encode()).hexdigest()[:16]}"


def packed(text: str) -> str:
    """A text as it is stored: a quarter of its length, or so."""
    return base64.b85encode(zlib.compress(text.encode())).decode()


def unpacked(text: str) -> str:
    return zlib.decompress(base64.b85decode(text)).decode()


def feed_items(events: Sequence[Told]) -> Iterator[tuple[str, str]]:
    """Events together as items of the feed: what tells each from others, and its content. More than one where they are
    too large."""
    content = packed(f"[{','.join(event.body for event in events)}]")
    if len(content) > LARGEST_FEED_ITEM and len(events) > 1:
        half = len(events) // 2
        yield from feed_items(events[:half])
        yield from feed_items(events[half:])
        return
    yield hashlib.sha256(_json([event.event_id for event in events]).encode()).hexdigest()[:12], content


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
