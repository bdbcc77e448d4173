"""The envelope of every event."""

from datetime import timedelta

from functions.runtime.envelope import OutboundEvent, envelope
from tests.unit.factories import NOW


def test_an_event_is_metadata_and_data() -> None:
    event = envelope(
        "PointsEarned",
        {"points": 40},
        event_id="mem_a#1",
        occurred_at=NOW,
        recorded_at=NOW + timedelta(seconds=1),
        correlation_id="request-1",
        member_sequence=1,
        program_version=7,
    )
    assert event == OutboundEvent(
        "PointsEarned",
        {
            "metadata": {
                "event_id": "mem_a#1",
                "member_sequence": 1,
                "program_version": 7,
                "occurred_at": "2026-11-21T10:00:00.000000Z",
                "recorded_at": "2026-11-21T10:00:01.000000Z",
                "schema_version": 1,
                "correlation_id": "request-1",
            },
            "data": {"points": 40},
        },
    )


def test_what_an_event_is_not_about_is_null_and_not_missing() -> None:
    event = envelope("OperationRefused", {}, event_id="e", occurred_at=NOW, recorded_at=NOW, correlation_id=None)
    assert event.detail["metadata"] == {
        "event_id": "e",
        "member_sequence": None,
        "program_version": None,
        "occurred_at": "2026-11-21T10:00:00.000000Z",
        "recorded_at": "2026-11-21T10:00:00.000000Z",
        "schema_version": 1,
        "correlation_id": None,
    }
