"""Calendar periods, in the programme's own days. Pure.

A period is named by its first day, so that a name sorts, tells its age, and leads to the next one. `EVER` has no first
day: its name is empty.

    day      every day                     year         from 1 January
    week     from Monday                   fiscal       from the day the programme says
    month    from the 1st                  anniversary  from the day and month on which the member enrolled
    quarter  from 1 January, April, July and October
"""

from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Literal, NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

PeriodKind: TypeAlias = Literal["day", "week", "month", "quarter", "year", "fiscal", "anniversary", "ever"]

KEPT_DAYS = {"day": 40, "week": 400, "month": 800, "quarter": 1200, "year": 1600, "fiscal": 1600, "anniversary": 1600}
"""How long after its first day what was counted in a period is kept: longer than anything looks back."""

LIMIT_KEPT_DAYS = {"day": 40, "week": 50, "month": 70, "quarter": 130, "year": 400, "fiscal": 400, "anniversary": 400}
"""The same for limits, which look at their own period only: so much later a purchase may still arrive for it."""

GOAL_KEPT_DAYS = {"day": 60, "week": 120, "month": 200, "quarter": 400, "year": 800, "fiscal": 800, "anniversary": 800}
"""The same for goals that are no streaks."""


class Calendar(NamedTuple):
    """What periods depend on: when the fiscal year starts, and when the member enrolled."""

    enrolled_on: date
    fiscal_month: int = 1
    fiscal_day: int = 1


def first_day(kind: PeriodKind, day: date, calendar: Calendar) -> date:
    """The first day of the period that `day` lies in. Not for `ever`."""
    if kind == "fiscal":
        return _year_from(day, calendar.fiscal_month, calendar.fiscal_day)
    if kind == "anniversary":
        return _year_from(day, calendar.enrolled_on.month, calendar.enrolled_on.day)
    return _first_day(kind, day)


@lru_cache(maxsize=10_000)
def _first_day(kind: PeriodKind, day: date) -> date:
    match kind:
        case "day":
            return day
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case "quarter":
            return date(day.year, 3 * ((day.month - 1) // 3) + 1, 1)
        case _:
            return date(day.year, 1, 1)


def following(kind: PeriodKind, first: date, calendar: Calendar) -> date:
    """The first day of the next period."""
    if kind == "fiscal":
        return same_day(first.year + 1, calendar.fiscal_month, calendar.fiscal_day)
    if kind == "anniversary":
        return same_day(first.year + 1, calendar.enrolled_on.month, calendar.enrolled_on.day)
    match kind:
        case "day":
            return first + timedelta(days=1)
        case "week":
            return first + timedelta(days=7)
        case "month":
            return add_months(first, 1)
        case "quarter":
            return add_months(first, 3)
        case _:
            return add_months(first, 12)


def previous(kind: PeriodKind, first: date, calendar: Calendar) -> date:
    """The first day of the period before."""
    return first_day(kind, first - timedelta(days=1), calendar)


def name(kind: PeriodKind, day: date, calendar: Calendar) -> str:
    """The name of the period that `day` lies in: its first day, nothing for `ever`."""
    return "" if kind == "ever" else first_day(kind, day, calendar).isoformat()


@lru_cache(maxsize=10_000)
def day_in(at: datetime, zone: ZoneInfo) -> date:
    """The day of an instant in a time zone; remembered, for the same members come again."""
    return at.astimezone(zone).date()


@lru_cache(maxsize=10_000)
def add_months(day: date, months: int) -> date:
    """The same day of a later month, or that month's last day where it has no such day (31 January + 1 month)."""
    month = day.month - 1 + months
    year, month = day.year + month // 12, month % 12 + 1
    return day.replace(year=year, month=month, day=min(day.day, days_in(year, month)))


def days_in(year: int, month: int) -> int:
    """How many days a month has."""
    after = date(year + month // 12, month % 12 + 1, 1)
    return (after - date(year, month, 1)).days


def end_of_month(day: date) -> date:
    """The last day of the month."""
    return day.replace(day=days_in(day.year, day.month))


def _year_from(day: date, month: int, first: int) -> date:
    start = same_day(day.year, month, first)
    return start if start <= day else same_day(day.year - 1, month, first)


def same_day(year: int, month: int, day: int) -> date:
    """29 February is the 28th where there is none."""
    return date(year, month, min(day, days_in(year, month)))
