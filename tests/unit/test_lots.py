"""Lots: what expires together is one bucket, and the earliest is spent first."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.ledger.lots import (
    NEVER,
    due,
    expired,
    expiry_key,
    lot_of,
    merged,
    negative,
    pending_key,
    spendable,
    take,
    take_up_to,
    total,
)

TODAY = date(2026, 11, 21)
YESTERDAY, LATER, LATEST = "2026-11-20", "2027-01-31", "2027-02-28"

days = st.one_of(st.dates(date(2025, 1, 1), date(2028, 12, 31)).map(date.isoformat), st.just(NEVER))
lots = st.dictionaries(days, st.integers(1, 10_000), max_size=8)


@pytest.mark.parametrize(("last_day", "key"), [(date(2027, 1, 31), "2027-01-31"), (None, "never")])
def test_a_lot_is_named_by_the_last_day_of_its_points(last_day: date | None, key: str) -> None:
    assert expiry_key(last_day) == key


def test_points_that_never_expire_come_after_every_day() -> None:
    assert expiry_key(date.max) < NEVER


def test_points_can_be_spent_on_their_last_day_and_no_longer() -> None:
    assert spendable({YESTERDAY: 1, TODAY.isoformat(): 2, LATER: 4, NEVER: 8}, TODAY) == {
        TODAY.isoformat(): 2,
        LATER: 4,
        NEVER: 8,
    }


def test_what_cannot_be_spent_any_more_has_expired() -> None:
    assert expired({YESTERDAY: 1, TODAY.isoformat(): 2, LATER: 4, NEVER: 8}, TODAY) == {YESTERDAY: 1}


@given(lots)
def test_a_point_can_be_spent_or_has_expired(held: dict[str, int]) -> None:
    assert merged(spendable(held, TODAY), expired(held, TODAY)) == held


def test_a_pending_bucket_knows_when_it_becomes_active_and_when_it_expires() -> None:
    key = pending_key(date(2026, 12, 1), LATER)
    assert (key, lot_of(key)) == ("2026-12-01>2027-01-31", LATER)
    assert lot_of(pending_key(date(2026, 12, 1), NEVER)) == NEVER


def test_a_pending_bucket_is_due_on_its_day_and_after_it() -> None:
    yesterday, today, tomorrow = (pending_key(date(2026, 11, day), NEVER) for day in (20, 21, 22))
    assert due({yesterday: 1, today: 2, tomorrow: 4}, TODAY) == {yesterday: 1, today: 2}


def test_lots_are_counted_and_turned_round() -> None:
    assert total({LATER: 10, NEVER: 5}) == 15
    assert negative({LATER: 10, NEVER: -5}) == {LATER: -10, NEVER: 5}


def test_what_is_there_is_taken_where_there_is_less_than_was_asked() -> None:
    assert take_up_to({YESTERDAY: 1000, NEVER: 50, LATER: 10}, 61, TODAY) == {LATER: -10, NEVER: -50}
    assert take_up_to({YESTERDAY: 1000, NEVER: 50, LATER: 10}, 12, TODAY) == {LATER: -10, NEVER: -2}
    assert take_up_to({}, 5, TODAY) == {}


def test_a_redemption_takes_what_expires_first() -> None:
    assert take({NEVER: 50, LATEST: 20, LATER: 10}, 25, TODAY) == {LATER: -10, LATEST: -15}


def test_a_redemption_takes_no_expired_points() -> None:
    assert take({YESTERDAY: 100, NEVER: 30}, 30, TODAY) == {NEVER: -30}


def test_taking_all_leaves_the_lots_behind_it_alone() -> None:
    assert take({LATER: 10, NEVER: 5}, 10, TODAY) == {LATER: -10}


def test_taking_nothing_changes_nothing() -> None:
    assert take({LATER: 10}, 0, TODAY) == {}


def test_more_than_there_is_cannot_be_taken() -> None:
    with pytest.raises(ValueError, match=r"^1 of 61 points are missing"):
        take({YESTERDAY: 1000, LATER: 10, NEVER: 50}, 61, TODAY)


def test_a_change_adds_to_a_lot_and_an_empty_lot_goes() -> None:
    assert merged({LATER: 10, NEVER: 5}, {LATER: -10, NEVER: 2, LATEST: 1}) == {NEVER: 7, LATEST: 1}


def test_a_lot_cannot_go_below_zero() -> None:
    with pytest.raises(ValueError, match=r"^lot never would hold -1 points"):
        merged({NEVER: 4}, {NEVER: -5})


def test_merging_leaves_the_lots_it_was_given_as_they_were() -> None:
    before = {NEVER: 5}
    merged(before, {NEVER: 1})
    assert before == {NEVER: 5}


@given(lots, st.integers(0, 100_000))
def test_what_is_taken_is_what_was_asked_and_was_there(held: dict[str, int], points: int) -> None:
    there = sum(spendable(held, TODAY).values())
    if points > there:
        with pytest.raises(ValueError, match="are missing"):
            take(held, points, TODAY)
        return
    change = take(held, points, TODAY)
    after = merged(held, change)
    assert sum(change.values()) == -points
    assert sum(after.values()) == sum(held.values()) - points
    assert all(left > 0 for left in after.values())


@given(lots, st.data())
def test_nothing_is_taken_while_something_earlier_is_left(held: dict[str, int], data: st.DataObject) -> None:
    points = data.draw(st.integers(0, sum(spendable(held, TODAY).values())))
    change = take(held, points, TODAY)
    latest_taken = max(change, default="")
    left = spendable(merged(held, change), TODAY)
    assert not [day for day in left if day < latest_taken]


@given(lots, st.data())
def test_giving_back_what_was_taken_restores_the_same_lots(held: dict[str, int], data: st.DataObject) -> None:
    change = take(held, data.draw(st.integers(0, sum(spendable(held, TODAY).values()))), TODAY)
    given_back = {day: -points for day, points in change.items()}
    assert merged(merged(held, change), given_back) == held
