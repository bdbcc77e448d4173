"""The last day of points, and what moves it."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from functions.ledger.account import Change, TierStep
from functions.ledger.lots import NEVER
from functions.program.expiry import converted, extended, following_tier, last_day, lot_for, month_key
from functions.program.model import Lasting, Program, Tiers
from tests.unit.careers import LEVELS
from tests.unit.factories import NOW, a_program, an_account

DAY = date(2026, 11, 21)


@pytest.mark.parametrize(
    ("lasting", "day", "expected"),
    [
        (Lasting(), DAY, None),
        (Lasting(to_month_end=True), DAY, None),
        # Months: the same day, or the last one of a shorter month.
        (Lasting(after_months=12), DAY, date(2027, 11, 21)),
        (Lasting(after_months=1), date(2026, 1, 31), date(2026, 2, 28)),
        (Lasting(after_months=12), date(2028, 2, 29), date(2029, 2, 28)),
        (Lasting(after_months=48), date(2028, 2, 29), date(2032, 2, 29)),
        (Lasting(after_months=6, to_month_end=True), DAY, date(2027, 5, 31)),
        (Lasting(after_months=3, to_month_end=True), DAY, date(2027, 2, 28)),
        (Lasting(after_months=15, to_month_end=True), DAY, date(2028, 2, 29)),
        # Days.
        (Lasting(after_days=30), DAY, date(2026, 12, 21)),
        (Lasting(after_days=1), date(2028, 2, 28), date(2028, 2, 29)),
        (Lasting(after_days=30, to_month_end=True), DAY, date(2026, 12, 31)),
        # The end of a year, and months on top of it.
        (Lasting(year_ends=(12, 31)), DAY, date(2026, 12, 31)),
        (Lasting(year_ends=(12, 31)), date(2026, 12, 31), date(2026, 12, 31)),
        (Lasting(year_ends=(12, 31)), date(2027, 1, 1), date(2027, 12, 31)),
        (Lasting(after_months=2, year_ends=(12, 31)), DAY, date(2027, 2, 28)),
        (Lasting(after_months=2, year_ends=(12, 31)), date(2027, 11, 21), date(2028, 2, 29)),
        (Lasting(after_months=12, year_ends=(1, 31)), DAY, date(2028, 1, 31)),
        (Lasting(year_ends=(6, 15), to_month_end=True), DAY, date(2027, 6, 30)),
        # A year that ends with February, however long that is.
        (Lasting(year_ends=(2, 29)), date(2027, 2, 28), date(2027, 2, 28)),
        (Lasting(year_ends=(2, 29)), date(2027, 3, 1), date(2028, 2, 29)),
        (Lasting(year_ends=(2, 29)), date(2028, 2, 29), date(2028, 2, 29)),
        (Lasting(year_ends=(2, 29)), date(2028, 3, 1), date(2029, 2, 28)),
        (Lasting(after_months=1, year_ends=(2, 29)), date(2027, 3, 1), date(2028, 3, 31)),
    ],
)
def test_points_last_as_their_policy_says(lasting: Lasting, day: date, expected: date | None) -> None:
    assert last_day(lasting, day) == expected
    assert lot_for(lasting, day) == (expected.isoformat() if expected else NEVER)


LOTS = {"2026-11-20": 1, "2026-11-21": 2, "2027-05-31": 3, "2027-11-21": 4, "2028-01-01": 5, NEVER: 6}
YEAR = Lasting(after_months=12, extended_by=frozenset({"purchase", "check-in"}))


def test_what_keeps_points_alive_gives_them_the_time_of_new_ones() -> None:
    """What is over stays over, and what lasts longer than new points or for ever is not cut."""
    moved = {"2026-11-21": "2027-11-21", "2027-05-31": "2027-11-21"}
    assert extended(an_account(LOTS), YEAR, "purchase", DAY, first_this_month=True) == moved
    assert extended(an_account(LOTS), YEAR, "check-in", DAY, first_this_month=False) == moved


@pytest.mark.parametrize("lasting", [YEAR, Lasting(after_months=12), Lasting()])
def test_what_is_not_named_keeps_nothing_alive(lasting: Lasting) -> None:
    assert extended(an_account(LOTS), lasting, "redemption", DAY, first_this_month=True) == {}


MONTHLY = Lasting(after_months=12, extended_by=frozenset({"check-in"}), each_month=True)


def test_points_may_be_kept_alive_by_a_month_for_each_month_in_which_something_happens() -> None:
    assert extended(an_account(LOTS), MONTHLY, "check-in", DAY, first_this_month=True) == {
        "2026-11-21": "2026-12-21",
        "2027-05-31": "2027-06-30",
        "2027-11-21": "2027-12-21",
        "2028-01-01": "2028-02-01",
    }
    assert extended(an_account(LOTS), MONTHLY, "check-in", DAY, first_this_month=False) == {}


def test_a_month_more_to_the_end_of_a_month_is_to_the_end_of_the_next() -> None:
    lasting = Lasting(after_months=1, to_month_end=True, extended_by=frozenset({"check-in"}), each_month=True)
    lots = {"2028-01-31": 1, "2028-02-29": 2}
    moved = {"2028-01-31": "2028-02-29", "2028-02-29": "2028-03-31"}
    assert extended(an_account(lots), lasting, "check-in", date(2028, 1, 15), first_this_month=True) == moved


def test_every_day_of_a_month_has_the_same_mark() -> None:
    assert month_key(date(2026, 11, 1)) == month_key(date(2026, 11, 30)) == "points.alive/month@2026-11-01"


@pytest.mark.parametrize(
    ("lasting", "moved"),
    [
        # For ever from now on: all that is not over.
        (Lasting(), dict.fromkeys(("2026-11-21", "2027-05-31", "2027-11-21", "2028-01-01"), NEVER)),
        # Points that never expired begin to; a day that is set stays.
        (Lasting(after_months=12), {NEVER: "2027-11-21"}),
        (Lasting(year_ends=(12, 31)), {NEVER: "2026-12-31"}),
    ],
)
def test_points_follow_their_member_into_another_tier(lasting: Lasting, moved: dict[str, str]) -> None:
    assert converted(an_account(LOTS), lasting, DAY) == moved


def test_without_points_that_never_expire_nothing_begins_to() -> None:
    assert converted(an_account({"2027-05-31": 3}), Lasting(after_months=12), DAY) == {}
    assert converted(an_account({NEVER: 3}), Lasting(), DAY) == {}


def test_points_that_are_still_pending_go_where_those_of_their_lot_go() -> None:
    account = an_account({"2027-05-31": 3}, pending={f"2026-12-01>{NEVER}": 5, "2026-12-01>2027-06-30": 2})
    assert extended(account, YEAR, "purchase", DAY, first_this_month=True) == {
        "2027-05-31": "2027-11-21",
        "2027-06-30": "2027-11-21",
    }
    assert converted(account, Lasting(after_months=12), DAY) == {NEVER: "2027-11-21"}
    assert converted(account, Lasting(), DAY) == {"2027-05-31": NEVER, "2027-06-30": NEVER}


BY_TIER = replace(a_program(tiers=Tiers(LEVELS)), lasting={"": Lasting(after_months=12), "gold": Lasting()})
BASIC, GOLD = TierStep("basic", NOW - timedelta(days=1)), TierStep("gold", NOW)
EARNED = Change(lots={"2027-11-21": 9})


def test_with_a_tier_comes_its_expiry_for_what_there_was_and_what_comes() -> None:
    account = an_account({"2027-05-31": 3, NEVER: 1}, tiers=(BASIC,))
    assert following_tier(account, EARNED, (BASIC, GOLD), BY_TIER) == Change(lots={"2027-05-31": -3, NEVER: 12})


def test_and_points_begin_to_expire_on_the_day_on_which_the_tier_goes() -> None:
    account = an_account({NEVER: 3}, tiers=(GOLD,))
    steps = (GOLD, TierStep("silver", NOW + timedelta(days=10)))
    assert following_tier(account, Change(), steps, BY_TIER) == Change(lots={NEVER: -3, "2027-12-01": 3})


def test_where_a_tier_is_lost_and_reached_again_at_once_all_points_lie_as_if_somebody_had_looked_in_between() -> None:
    account = an_account({NEVER: 3}, tiers=(GOLD,))
    later = NOW + timedelta(days=10)
    earned = Change(lots={"2027-12-01": 9})  # as the tier in between has it
    steps = (GOLD, TierStep("basic", later), TierStep("gold", later))
    assert following_tier(account, earned, steps, BY_TIER) == Change(lots={NEVER: 9})


@pytest.mark.parametrize(
    ("tiers", "steps", "program"),
    [
        ((), (), a_program()),
        ((BASIC,), (BASIC, GOLD), a_program(tiers=Tiers(LEVELS))),
        ((BASIC,), (BASIC, replace(GOLD, tier="silver")), BY_TIER),
        ((), (BASIC,), BY_TIER),
    ],
    ids=["no tiers", "one expiry for all", "the same expiry", "the first tier"],
)
def test_where_the_expiry_is_the_same_nothing_moves(
    tiers: tuple[TierStep, ...], steps: tuple[TierStep, ...], program: Program
) -> None:
    assert following_tier(an_account({NEVER: 3}, tiers=tiers), EARNED, steps, program) == EARNED
