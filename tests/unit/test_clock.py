"""Time as text: UTC, microseconds, sorted as it was."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.runtime import clock

instants = st.datetimes(timezones=st.just(UTC))


def test_outside_a_sandbox_the_time_is_that_of_everybody() -> None:
    assert clock.wall().tzinfo is UTC
    assert abs(clock.now() - clock.wall()) < timedelta(minutes=1)


def test_now_is_aware_and_utc() -> None:
    assert clock.now().tzinfo is UTC
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (datetime(2026, 11, 21, 10, 0, tzinfo=UTC), "2026-11-21T10:00:00.000000Z"),
        (datetime(2026, 11, 21, 0, 30, 0, 7, tzinfo=timezone(timedelta(hours=1))), "2026-11-20T23:30:00.000007Z"),
    ],
)
def test_an_instant_is_written_in_utc(instant: datetime, text: str) -> None:
    assert clock.to_text(instant) == text


def test_a_pause_is_a_random_part_of_the_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those who met once would meet again if they waited equally long."""
    waited: list[float] = []
    monkeypatch.setattr("functions.runtime.clock.time.sleep", waited.append)
    for _ in range(200):
        clock.pause(0.5)
    assert all(0 <= seconds <= 0.5 for seconds in waited)
    assert min(waited) < 0.1
    assert max(waited) > 0.4


@given(instants)
def test_what_is_written_is_read_as_the_same_instant(instant: datetime) -> None:
    assert clock.from_text(clock.to_text(instant)) == instant


@given(instants, instants)
def test_texts_sort_as_their_instants(one: datetime, other: datetime) -> None:
    assert (clock.to_text(one) < clock.to_text(other)) is (one < other)
