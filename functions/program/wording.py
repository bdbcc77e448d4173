"""Programme values in plain words, for what people read about a programme file. Pure."""

from collections.abc import Iterable, Mapping
from datetime import date, time
from decimal import Decimal
from fractions import Fraction

from babel.numbers import get_currency_precision

from functions.program.model import Lasting, Limit, Match, Range, Recurrence

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October")
MONTHS = (*_MONTHS, "November", "December")
_PERIODS = {"ever": "in all", "fiscal": "a fiscal year", "anniversary": "a year of membership"}


def money(minor: int | Fraction, currency: str) -> str:
    """15.00 EUR; parts of a minor unit are shown where there are some, to three places at most."""
    places = get_currency_precision(currency)
    value = Fraction(minor) / 10**places
    if Fraction(minor).denominator == 1:
        return f"{Decimal(value.numerator) / value.denominator:.{places}f} {currency}"
    return f"{Decimal(value.numerator) / value.denominator:.{places + 3}f}".rstrip("0") + f" {currency}"


def number(value: Fraction | int) -> str:
    """1.2; to six places at most."""
    exact = Fraction(value)
    text = f"{Decimal(exact.numerator) / exact.denominator:.6f}"
    return text.rstrip("0").rstrip(".")


def points(value: Fraction | int) -> str:
    """1 point, 1.2 points."""
    return "1 point" if value == 1 else f"{number(value)} points"


def listed(words: Iterable[object], between: str = "and") -> str:
    """a, b and c, in the order of the alphabet."""
    return in_order(sorted(map(str, words)), between)


def in_order(words: Iterable[object], between: str = "and") -> str:
    """a, b and c, in the order given."""
    *first, last = [str(word) for word in words] or ["nothing"]
    return f"{', '.join(first)} {between} {last}" if first else last


def wanted(value: Match | Range) -> str:
    """gold or silver; not gold; from 3 to 9."""
    if isinstance(value, Match):
        return f"not {listed(value.values, 'or')}" if value.excluded else listed(value.values, "or")
    if value.at_most is None:
        return f"at least {value.at_least}"
    return f"at most {value.at_most}" if value.at_least is None else f"from {value.at_least} to {value.at_most}"


def weekdays(days: Iterable[int]) -> str:
    """Monday or Sunday, in the order of the week."""
    return in_order([WEEKDAYS[day] for day in sorted(days)], "or")


def times(value: tuple[time, time]) -> str:
    """14:00-17:00"""
    return f"{value[0]:%H:%M}-{value[1]:%H:%M}"


def recurring(value: Recurrence) -> str:
    """The rule as it is written, from when, how long."""
    return f"{value.rule} from {day(value.starts)}, {counted(value.days, 'day')} each"


def day(value: date) -> str:
    """24 December 2026"""
    return f"{value.day} {MONTHS[value.month - 1]} {value.year}"


def year_day(month_and_day: tuple[int, int]) -> str:
    """31 December"""
    return f"{month_and_day[1]} {MONTHS[month_and_day[0] - 1]}"


def counted(times: int, what: str) -> str:
    """1 day, 3 days"""
    return f"{times} {what}" if times == 1 else f"{times} {what}s"


def per(period: str) -> str:
    """a month, in all"""
    return _PERIODS.get(period, f"a {period}")


def limit(value: Limit) -> str:
    """100 points a month, 2 times in all"""
    what = counted(value.times, "time") if value.points is None and value.times else points(value.points or 0)
    return f"{what} {per(value.per)}"


def limits(values: Iterable[Limit]) -> str:
    """at most 100 points a month and 2 times in all"""
    return f"at most {in_order(map(limit, values))}"


def lasting(value: Lasting) -> str:
    """When points expire: never, after 12 months."""
    if value.never_ends:
        when = "never"
    elif value.year_ends:
        more = f" and {counted(value.after_months, 'month')}" if value.after_months else ""
        when = f"with the year to {year_day(value.year_ends)}{more}"
    else:
        when = f"after {counted(value.after_months, 'month')}" if value.after_months else _days(value)
    when += ", at the end of that month" if value.to_month_end else ""
    if value.extended_by or value.each_month:
        how = "one month longer for each month with" if value.each_month else "counted anew from each"
        when += f", {how} {listed(value.extended_by, 'or')}"
    return when


def _days(value: Lasting) -> str:
    return f"after {counted(value.after_days, 'day')}"


def said(value: object) -> str:
    """Any value of a programme, in the words there are for its type."""
    if isinstance(value, bool) or value is None:
        return "nothing" if value is None else "yes" if value else "no"
    if isinstance(value, Match | Range):
        return wanted(value)
    if isinstance(value, Fraction):
        return number(value)
    if isinstance(value, date):
        return day(value)
    if isinstance(value, Recurrence):
        return recurring(value)
    if isinstance(value, Mapping):
        return in_order([f"{name} {said(one)}" for name, one in value.items()])
    if isinstance(value, frozenset | tuple | list):
        return listed(value)
    return str(value)
