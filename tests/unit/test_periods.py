"""Calendar periods: each named by its first day, in the programme's own days."""

from datetime import date, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.program.periods import (
    KEPT_DAYS,
    Calendar,
    PeriodKind,
    add_months,
    days_in,
    end_of_month,
    first_day,
    following,
    name,
    previous,
)

ENROLLED = date(2024, 5, 17)
CALENDAR = Calendar(ENROLLED, fiscal_month=3, fiscal_day=1)
LEAPLING = Calendar(date(2024, 2, 29))
KINDS: list[PeriodKind] = [kind for kind in get_args(PeriodKind) if kind != "ever"]


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2026, 1, 15), 1, date(2026, 2, 15)),
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2028, 1, 31), 1, date(2028, 2, 29)),
        (date(2100, 1, 31), 1, date(2100, 2, 28)),
        (date(2000, 1, 31), 1, date(2000, 2, 29)),
        (date(2026, 1, 31), 2, date(2026, 3, 31)),
        (date(2026, 1, 31), 3, date(2026, 4, 30)),
        (date(2026, 3, 31), 1, date(2026, 4, 30)),
        (date(2028, 2, 29), 12, date(2029, 2, 28)),
        (date(2028, 2, 29), 48, date(2032, 2, 29)),
        (date(2026, 11, 30), 1, date(2026, 12, 30)),
        (date(2026, 12, 31), 1, date(2027, 1, 31)),
        (date(2026, 12, 31), 2, date(2027, 2, 28)),
        (date(2026, 12, 31), 12, date(2027, 12, 31)),
        (date(2026, 11, 30), 13, date(2027, 12, 30)),
        (date(2026, 6, 15), 120, date(2036, 6, 15)),
        (date(2026, 6, 15), 0, date(2026, 6, 15)),
        (date(2026, 3, 31), -1, date(2026, 2, 28)),
        (date(2026, 1, 15), -1, date(2025, 12, 15)),
        (date(2026, 1, 1), -12, date(2025, 1, 1)),
    ],
    ids=str,
)
def test_months_later_is_the_same_day_or_the_last_of_a_shorter_month(day: date, months: int, expected: date) -> None:
    assert add_months(day, months) == expected


@given(st.dates(date(1000, 1, 1), date(9900, 1, 1)), st.integers(-1000, 1000))
def test_adding_months_lands_in_the_month_that_many_later(day: date, months: int) -> None:
    later = add_months(day, months)
    assert (later.year - day.year) * 12 + later.month - day.month == months
    assert later.day <= day.day


@pytest.mark.parametrize(
    ("year", "month", "days"),
    [(2026, 1, 31), (2026, 2, 28), (2028, 2, 29), (2000, 2, 29), (2100, 2, 28), (2026, 4, 30), (2026, 12, 31)],
)
def test_a_month_has_as_many_days_as_its_year_gives_it(year: int, month: int, days: int) -> None:
    assert days_in(year, month) == days
    assert end_of_month(date(year, month, 1)) == end_of_month(date(year, month, days)) == date(year, month, days)


@pytest.mark.parametrize(
    ("kind", "day", "first", "next_one"),
    [
        ("day", date(2028, 2, 28), date(2028, 2, 28), date(2028, 2, 29)),
        ("day", date(2026, 12, 31), date(2026, 12, 31), date(2027, 1, 1)),
        # Weeks run from Monday and over the end of a year: 1 January 2027 is a Friday.
        ("week", date(2027, 1, 1), date(2026, 12, 28), date(2027, 1, 4)),
        ("week", date(2026, 12, 28), date(2026, 12, 28), date(2027, 1, 4)),
        ("week", date(2027, 1, 3), date(2026, 12, 28), date(2027, 1, 4)),
        ("week", date(2027, 1, 4), date(2027, 1, 4), date(2027, 1, 11)),
        ("month", date(2028, 2, 29), date(2028, 2, 1), date(2028, 3, 1)),
        ("month", date(2026, 12, 31), date(2026, 12, 1), date(2027, 1, 1)),
        ("quarter", date(2026, 3, 31), date(2026, 1, 1), date(2026, 4, 1)),
        ("quarter", date(2026, 4, 1), date(2026, 4, 1), date(2026, 7, 1)),
        ("quarter", date(2026, 12, 31), date(2026, 10, 1), date(2027, 1, 1)),
        ("year", date(2028, 12, 31), date(2028, 1, 1), date(2029, 1, 1)),
        # The fiscal year starts on 1 March.
        ("fiscal", date(2028, 2, 29), date(2027, 3, 1), date(2028, 3, 1)),
        ("fiscal", date(2028, 3, 1), date(2028, 3, 1), date(2029, 3, 1)),
        ("fiscal", date(2026, 12, 31), date(2026, 3, 1), date(2027, 3, 1)),
        # The member enrolled on 17 May.
        ("anniversary", date(2026, 5, 16), date(2025, 5, 17), date(2026, 5, 17)),
        ("anniversary", date(2026, 5, 17), date(2026, 5, 17), date(2027, 5, 17)),
    ],
)
def test_a_day_lies_in_a_period_that_leads_to_the_next(
    kind: PeriodKind, day: date, first: date, next_one: date
) -> None:
    assert first_day(kind, day, CALENDAR) == first
    assert following(kind, first, CALENDAR) == next_one
    assert previous(kind, next_one, CALENDAR) == first
    assert name(kind, day, CALENDAR) == first.isoformat()


@pytest.mark.parametrize(
    ("day", "first", "next_one"),
    [
        (date(2025, 2, 27), date(2024, 2, 29), date(2025, 2, 28)),
        (date(2025, 2, 28), date(2025, 2, 28), date(2026, 2, 28)),
        (date(2028, 2, 28), date(2027, 2, 28), date(2028, 2, 29)),
        (date(2028, 2, 29), date(2028, 2, 29), date(2029, 2, 28)),
    ],
)
def test_the_anniversary_of_29_february_is_the_28th_where_there_is_none(day: date, first: date, next_one: date) -> None:
    assert first_day("anniversary", day, LEAPLING) == first
    assert following("anniversary", first, LEAPLING) == next_one
    assert previous("anniversary", next_one, LEAPLING) == first


def test_what_counts_for_ever_has_an_empty_name() -> None:
    assert name("ever", date(2026, 11, 21), CALENDAR) == ""


@given(
    st.sampled_from(KINDS),
    st.dates(date(1990, 1, 1), date(2090, 1, 1)),
    st.dates(date(1990, 1, 1), date(2090, 1, 1)),
    st.integers(1, 12),
    st.integers(1, 28),
)
def test_periods_follow_each_other_without_gap_or_overlap(
    kind: PeriodKind, day: date, enrolled_on: date, month: int, fiscal_day: int
) -> None:
    calendar = Calendar(enrolled_on, month, fiscal_day)
    first = first_day(kind, day, calendar)
    after = following(kind, first, calendar)
    assert first <= day < after
    assert first_day(kind, after - timedelta(days=1), calendar) == first
    assert first_day(kind, after, calendar) == after
    assert previous(kind, after, calendar) == first


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_counted_is_kept_until_well_after_the_next_period(kind: PeriodKind) -> None:
    first = first_day(kind, date(2026, 11, 21), CALENDAR)
    end_of_next = following(kind, following(kind, first, CALENDAR), CALENDAR)
    assert (end_of_next - first).days < KEPT_DAYS[kind]
