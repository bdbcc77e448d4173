"""The only place that reads the wall clock, and the only one that waits. Rules get the time as a parameter."""

import random
import time
from datetime import UTC, datetime


def now() -> datetime:
    """This instant, aware, UTC, to the microsecond."""
    return datetime.now(UTC)


def pause(longest: float) -> None:
    """Wait a random while, `longest` seconds at most: those who met once do not meet again."""
    time.sleep(random.uniform(0, longest))


def to_text(instant: datetime) -> str:
    """UTC ISO 8601 with a `Z`, as stored and as answered; sorts as text when the precision is equal."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def from_text(text: str) -> datetime:
    return datetime.fromisoformat(text)
