"""Instants as text, as they are stored and answered. Pure."""

from datetime import UTC, datetime


def to_text(instant: datetime) -> str:
    """UTC ISO 8601 with a `Z`; sorts as text when the precision is equal."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def from_text(text: str) -> datetime:
    return datetime.fromisoformat(text)
