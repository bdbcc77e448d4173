"""Places in the feed and in the log: opaque outside, and what nobody gave is refused."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.runtime.errors import InvalidError
from functions.runtime.instants import to_text
from functions.webhooks.places import (
    BEHIND,
    KEPT,
    Place,
    days,
    from_cursor,
    from_log_cursor,
    newest,
    oldest,
    to_cursor,
    to_log_cursor,
)
from tests.unit.factories import NOW

YESTERDAY = to_text(NOW - timedelta(days=1))
DELIVERY = "20261121100307250000-0123456789abcdef"


@pytest.mark.parametrize("place", [Place(YESTERDAY, 0), Place(f"{YESTERDAY}#0123456789ab", 17)])
def test_a_cursor_leads_back_to_its_place(place: Place) -> None:
    assert from_cursor(to_cursor(place), NOW) == place
    assert YESTERDAY not in to_cursor(place)


def test_without_a_cursor_one_begins_at_the_oldest() -> None:
    assert from_cursor(None, NOW) == oldest(NOW) == Place(to_text(NOW - KEPT), 0)
    assert timedelta(days=30) < KEPT


def test_the_end_is_a_moment_ago() -> None:
    assert newest(NOW) == Place(to_text(NOW - BEHIND), 0)


def test_who_was_away_too_long_is_told() -> None:
    assert from_cursor(to_cursor(oldest(NOW)), NOW)
    with pytest.raises(InvalidError, match="Events since then are gone"):
        from_cursor(to_cursor(oldest(NOW)), NOW + timedelta(seconds=1))


@pytest.mark.parametrize(
    "place",
    [
        Place("2026-11-31T10:00:00.000000Z", 0),
        Place("2026-11-21", 0),
        Place(f"{YESTERDAY}#0123456789AB", 0),
        Place(f"{YESTERDAY}\n", 0),
        Place(YESTERDAY, -1),
        Place(YESTERDAY, 10**9),
    ],
)
def test_a_place_that_is_none_is_refused(place: Place) -> None:
    with pytest.raises(InvalidError, match="next_cursor"):
        from_cursor(to_cursor(place), NOW)


@given(st.text(max_size=60))
def test_what_nobody_gave_is_refused(cursor: str) -> None:
    for read in (lambda: from_cursor(cursor, NOW), lambda: from_log_cursor(cursor)):
        with pytest.raises(InvalidError):
            read()


def test_the_log_is_gone_on_with_where_the_page_before_ended() -> None:
    assert from_log_cursor(None) is None
    assert from_log_cursor(to_log_cursor(DELIVERY)) == DELIVERY
    assert DELIVERY not in to_log_cursor(DELIVERY)


def test_days_lie_between_two_days() -> None:
    assert days("2026-11-29", "2026-12-02") == ["2026-11-29", "2026-11-30", "2026-12-01", "2026-12-02"]
    assert days("2026-11-29", "2026-11-29") == ["2026-11-29"]


def test_a_day_is_that_of_its_instant() -> None:
    assert newest(datetime(2026, 11, 21, 0, 0, 5, tzinfo=UTC)).day == "2026-11-20"
