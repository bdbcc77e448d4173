"""Where a reader is: in the feed, and in the log of an endpoint. Opaque outside. Pure.

feed    <instant>[#<item>]/<events read of it>        log    <delivery id>
"""

import base64
import re
from datetime import datetime, timedelta
from typing import NamedTuple

from functions.runtime.errors import FieldError, InvalidError
from functions.runtime.instants import from_text, to_text

KEPT = timedelta(days=35)
"""How long the feed goes back."""
BEHIND = timedelta(seconds=10)
"""The feed ends so long ago. Every key holds the time of who wrote it, who wrote it anew where that took long: what is
older than this can be read, and nothing comes before it any more."""
_IN_THE_FEED = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z(?:#[0-9a-f]{12})?)/(\d{1,5})", re.ASCII)
DELIVERY_ID = r"^[0-9]{20}-[0-9a-f]{16}$"


class Place(NamedTuple):
    """A key of the feed, and how many events of that item were read."""

    at: str
    read: int

    @property
    def day(self) -> str:
        return self.at[:10]


def oldest(now: datetime) -> Place:
    return Place(to_text(now - KEPT), 0)


def newest(now: datetime) -> Place:
    """Where the feed ends."""
    return Place(to_text(now - BEHIND), 0)


def days(first: str, last: str) -> list[str]:
    """All of them, such as `2026-11-21`."""
    start = datetime.fromisoformat(first)
    return [f"{start + timedelta(days=n):%Y-%m-%d}" for n in range((datetime.fromisoformat(last) - start).days + 1)]


def to_cursor(place: Place) -> str:
    return _hidden(f"{place.at}/{place.read}")


def from_cursor(cursor: str | None, now: datetime) -> Place:
    """Raises InvalidError for a cursor that nobody gave, and for one from so long ago that events are missing since."""
    if cursor is None:
        return oldest(now)
    found = _IN_THE_FEED.fullmatch(_shown(cursor))
    try:
        place = Place(found[1], int(found[2])) if found else None
        at = from_text(place.at.partition("#")[0]) if place else None
    except ValueError:
        place = at = None
    if place is None or at is None:
        raise _wrong("query:after", "cursor", "Use the next_cursor of the answer before.")
    if at < now - KEPT:
        raise _wrong("query:after", "cursor_too_old", "Events since then are gone. Leave it out to read all there are.")
    return place


def to_log_cursor(delivery: str) -> str:
    return _hidden(delivery)


def from_log_cursor(cursor: str | None) -> str | None:
    """The delivery before which a page begins. Raises InvalidError for a cursor that no page gave."""
    if cursor is None:
        return None
    delivery = _shown(cursor)
    if not re.fullmatch(DELIVERY_ID, delivery):
        raise _wrong("query:cursor", "cursor", "Use the next_cursor of the page before.")
    return delivery


def _hidden(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _shown(cursor: str) -> str:
    try:
        return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except ValueError:
        return ""


def _wrong(pointer: str, code: str, detail: str) -> InvalidError:
    return InvalidError([FieldError(pointer, code, detail)])
