"""The only place that reads the wall clock, and the only one that waits. Rules get the time as a parameter.

In a sandbox the clock can be put forward: the program table says by how much (`SANDBOX`). In production nothing is
looked up, and nothing can be put forward.
"""

import os
import random
import time
from datetime import UTC, datetime, timedelta

from functions.runtime.instants import from_text, to_text

__all__ = [
    "SECONDS_CACHED",
    "SHIFT_KEY",
    "from_text",
    "let_others_look",
    "now",
    "pause",
    "put_forward_to",
    "shift",
    "to_text",
    "wall",
]

SHIFT_KEY = {"part": "CLOCK", "version": 0}
SECONDS_CACHED = 0.2
SECONDS_TO_HEAR = 1.5


class _Seen:
    """The shift as it was last looked up."""

    shift = timedelta()
    at = float("-inf")


def now() -> datetime:
    """This instant, aware, UTC, to the microsecond; in a sandbox, that of the programme."""
    return wall() + shift()


def wall() -> datetime:
    """This instant for everybody, also in a sandbox: for what others check against clocks of their own, such as
    signatures, and for what must never jump."""
    return datetime.now(UTC)


def shift() -> timedelta:
    """By how much the sandbox is ahead of everybody else; nothing outside a sandbox."""
    if os.environ.get("SANDBOX") != "yes":
        return timedelta()
    if time.monotonic() - _Seen.at >= SECONDS_CACHED:
        from functions.runtime import tables  # not at the top: only a sandbox looks

        found = tables.get("program", SHIFT_KEY, consistent=True)
        _Seen.shift, _Seen.at = timedelta(seconds=found["seconds"] if found else 0), time.monotonic()
    return _Seen.shift


def put_forward_to(instant: datetime) -> None:
    """Let the sandbox be at an instant, never before the one it is at. Raises ValueError outside a sandbox."""
    if os.environ.get("SANDBOX") != "yes":
        raise ValueError("only a sandbox can be put forward")
    from functions.runtime import tables

    ahead = max(instant - datetime.now(UTC), shift())
    # A little ahead rather than behind: what is due at that instant must be.
    seconds = -(-ahead // timedelta(seconds=1))
    tables.put("program", SHIFT_KEY | {"seconds": seconds})
    _Seen.shift, _Seen.at = timedelta(seconds=seconds), time.monotonic()


def let_others_look() -> None:
    """Wait until every warm function of a sandbox has looked at its clock again: to those behind, what is told now lies
    in the future."""
    time.sleep(SECONDS_CACHED)


def let_others_hear() -> None:
    """Wait a moment in which what was told in a sandbox is usually heard, before its clock goes on: a mail is sent by
    then, or cannot be."""
    time.sleep(SECONDS_TO_HEAR)


def pause(longest: float) -> None:
    """Wait a random while, `longest` seconds at most: those who met once do not meet again."""
    time.sleep(random.uniform(0, longest))
