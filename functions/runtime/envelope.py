"""The envelope of every event we publish. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from functions.runtime.instants import to_text

SOURCE = "loyalty"
SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class OutboundEvent:
    """An event as we publish it; `detail` is `{metadata, data}`."""

    detail_type: str
    detail: Mapping[str, object]


def envelope(
    detail_type: str,
    data: Mapping[str, object],
    *,
    event_id: str,
    occurred_at: datetime,
    recorded_at: datetime,
    correlation_id: str | None,
    member_sequence: int | None = None,
    program_version: int | None = None,
) -> OutboundEvent:
    """`event_id` must be the same whenever the event is published again: consumers drop what they have seen.

    `member_sequence` is the entry's `n`; None for an event that is no change of an account.
    """
    metadata = {
        "event_id": event_id,
        "member_sequence": member_sequence,
        "program_version": program_version,
        "occurred_at": to_text(occurred_at),
        "recorded_at": to_text(recorded_at),
        "schema_version": SCHEMA_VERSION,
        "correlation_id": correlation_id,
    }
    return OutboundEvent(detail_type, {"metadata": metadata, "data": dict(data)})
