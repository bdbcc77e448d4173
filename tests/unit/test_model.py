"""What the values of a programme can tell of themselves."""

from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest

from functions.program.model import Earn, Lasting, Level, Match, Range, Rate, Tiers, Validity, Word
from tests.unit.factories import a_program


@pytest.mark.parametrize(
    ("match", "value", "taken"),
    [
        (Match(frozenset({"gold", "silver"})), "gold", True),
        (Match(frozenset({"gold", "silver"})), "basic", False),
        (Match(frozenset({"gold"})), None, False),
        (Match(frozenset({"gold"}), excluded=True), "gold", False),
        (Match(frozenset({"gold"}), excluded=True), "basic", True),
        (Match(frozenset({"gold"}), excluded=True), None, True),
        (Match(frozenset({7, True})), 7, True),
        (Match(frozenset({"7"})), 7, False),
    ],
)
def test_a_match_takes_its_values_or_all_but_them(match: Match, value: Word | None, taken: bool) -> None:
    assert match.takes(value) is taken


@pytest.mark.parametrize(
    ("wanted", "value", "taken"),
    [
        (Range(3, 9), 3, True),
        (Range(3, 9), 9, True),
        (Range(3, 9), 2, False),
        (Range(3, 9), 10, False),
        (Range(at_least=3), 1000, True),
        (Range(at_most=9), -1, True),
        (Range(), 0, True),
        (Range(3, 9), "5", False),
        (Range(0, 9), True, False),
        (Range(), None, False),
    ],
)
def test_a_range_takes_whole_numbers_within_its_bounds_and_nothing_else(
    wanted: Range, value: Word | None, taken: bool
) -> None:
    assert wanted.takes(value) is taken


@pytest.mark.parametrize(
    ("lasting", "never"),
    [
        (Lasting(), True),
        (Lasting(to_month_end=True), True),
        (Lasting(after_months=1), False),
        (Lasting(after_days=1), False),
        (Lasting(year_ends=(12, 31)), False),
    ],
)
def test_points_end_if_anything_ends_them(lasting: Lasting, never: bool) -> None:
    assert lasting.never_ends is never


START = date(2026, 11, 21)


@pytest.mark.parametrize(
    ("valid", "first", "last"),
    [
        (Validity(days=90), START, date(2027, 2, 19)),
        (Validity(days=1), START, date(2026, 11, 22)),
        (Validity(months=1), START, date(2026, 12, 20)),
        (Validity(months=3, to_month_end=True), START, date(2027, 2, 28)),
        (Validity(last=date(2026, 12, 24)), START, date(2026, 12, 24)),
        (Validity(first=date(2026, 12, 1), last=date(2026, 12, 24)), date(2026, 12, 1), date(2026, 12, 24)),
        (Validity(first=date(2026, 11, 1), last=date(2026, 12, 24)), START, date(2026, 12, 24)),
    ],
)
def test_a_reward_is_good_for_days_for_months_or_within_days_that_are_the_same_for_all(
    valid: Validity, first: date, last: date
) -> None:
    assert (valid.first_day(START), valid.last_day(START)) == (first, last)


@pytest.mark.parametrize(
    ("start", "months", "last"),
    [
        (date(2026, 12, 1), 1, date(2026, 12, 31)),
        (date(2026, 1, 31), 1, date(2026, 2, 27)),
        (date(2028, 2, 29), 12, date(2029, 2, 27)),
    ],
)
def test_a_month_from_the_1st_is_the_whole_month(start: date, months: int, last: date) -> None:
    assert Validity(months=months).last_day(start) == last


def test_a_rate_may_depend_on_the_tier_and_one_may_be_for_all_others() -> None:
    gold, other = Rate(Fraction(2)), Rate(Fraction(1))
    assert Earn({"gold": gold, "": other}).rate("gold") == gold
    assert Earn({"gold": gold, "": other}).rate("basic") == other
    assert Earn({"gold": gold}).rate("basic") is None


LEVELS = [Level(id, {}) for id in ("basic", "silver", "gold")]


def test_a_tier_has_a_rank_and_one_that_is_gone_has_the_lowest() -> None:
    assert [Tiers(LEVELS).rank(tier) for tier in ("basic", "silver", "gold", "platinum", None)] == [0, 1, 2, 0, 0]


def test_a_rolling_window_is_counted_by_the_month() -> None:
    assert Tiers(LEVELS, window="quarter").counted_by == "quarter"
    assert Tiers(LEVELS, window="month", rolling_months=12).counted_by == "month"


def test_everyone_has_the_lowest_tier_where_there_are_any() -> None:
    assert a_program(tiers=Tiers(LEVELS)).base_tier() == "basic"
    assert a_program().base_tier() == ""


def test_points_last_as_their_tier_says_or_as_all_others() -> None:
    year, ever = Lasting(after_months=12), Lasting()
    program = replace(a_program(), lasting={"": year, "gold": ever})
    assert (program.lasting_of("gold"), program.lasting_of("silver"), program.lasting_of("")) == (ever, year, year)


def test_the_periods_of_a_member_follow_the_fiscal_year_and_the_day_of_enrolment() -> None:
    calendar = a_program(fiscal_year=(3, 1)).calendar(START)
    assert (calendar.enrolled_on, calendar.fiscal_month, calendar.fiscal_day) == (START, 3, 1)
