"""What conditions mean for each other: whether they can hold together, whether one holds whenever another does. Pure.

Sure or silent: a clash that is told is one, an implication that is told holds. What CEL says is not understood.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import TypeAlias

from dateutil.rrule import rrule, rruleset, rrulestr

from functions.program import wording
from functions.program.model import LineFilter, Match, Range, Recurrence, When, Word

Wanted: TypeAlias = Match | Range

_HORIZON = timedelta(days=60 * 366)
"""How far ahead recurring days are looked at."""

_SMALL = 1000


def clash(*whens: When) -> str | None:
    """Why conditions can never hold together, None where nothing is known against it."""
    return next(_clashes(whens), None)


def _clashes(whens: Sequence[When]) -> Iterator[str]:
    for name, wanted in _texts(whens):
        if not _one_meets(wanted, text=True):
            yield f"no {name} is {_all(wanted)}{_hint(wanted)}"
    segments = [when.segment for when in whens if when.segment]
    if not _some_meet(segments):
        yield f"no segments are {_all(segments)}{_hint(segments)}"
    yield from _attribute_clashes([when.attributes for when in whens])
    yield from _attribute_clashes([when.member for when in whens], "member ")
    if not _on_some_day(whens):
        yield "no day is within the dates, on the weekdays and among the recurring days that are asked for"
    if not set.intersection(*(minutes(when.times) for when in whens)):
        yield "no time of day is within all the times that are asked for"
    if not _one_meets([when.paid for when in whens if when.paid]):
        yield "no purchase costs at the same time so much and so little"
    yield from _number_clashes(whens)


def _number_clashes(whens: Sequence[When]) -> Iterator[str]:
    for measure in sorted({name for when in whens for name in when.counted}):
        known = [when.counted[measure] for when in whens if measure in when.counted]
        if not all(_one_meets([one.range for one in known if one.per == other.per]) for other in known):
            yield f"{measure} so far cannot be at the same time so many and so few"
    numbers = {when.number for when in whens if when.number is not None}
    every = [when.every for when in whens if when.every is not None]
    if len(numbers) > 1:
        yield "a purchase has only one purchase_number"
    if any(number % nth for number in numbers for nth in every):
        yield "the purchase_number is none of those that every_nth_purchase takes"


def line_clash(*filters: LineFilter | None) -> str | None:
    """Why no line can pass all filters, None where nothing is known against it."""
    return next(_line_clashes([one for one in filters if one is not None]), None)


def _line_clashes(filters: Sequence[LineFilter]) -> Iterator[str]:
    for name, wanted in (
        ("sku", [one.sku for one in filters if one.sku]),
        ("brand", [one.brand for one in filters if one.brand]),
    ):
        if not _one_meets(wanted, text=True):
            yield f"no {name} is {_all(wanted)}{_hint(wanted)}"
    categories = [one.category for one in filters if one.category]
    if not _some_meet(categories):
        yield f"no categories are {_all(categories)}{_hint(categories)}"
    if len({one.discounted for one in filters if one.discounted is not None}) > 1:
        yield "no line is discounted and is not"
    yield from _attribute_clashes([one.attributes for one in filters])


def _texts(whens: Sequence[When]) -> list[tuple[str, list[Match]]]:
    return [
        ("tier", [when.tier for when in whens if when.tier]),
        ("store", [when.store for when in whens if when.store]),
        ("channel", [when.channel for when in whens if when.channel]),
        ("payment_method", [when.payment_method for when in whens if when.payment_method]),
    ]


def _all(wanted: Sequence[Wanted]) -> str:
    return " and ".join(wording.wanted(one) for one in wanted)


def _hint(wanted: Sequence[Match]) -> str:
    numbers = [value for one in wanted for value in one.values if not isinstance(value, str)]
    return f'; text such as "{numbers[0]}" is written in quotes' if numbers else ""


def _attribute_clashes(several: Sequence[Mapping[str, Wanted]], of: str = "") -> Iterator[str]:
    for name in sorted({name for one in several for name in one}):
        wanted = [one[name] for one in several if name in one]
        if not _one_meets(wanted):
            yield f"no {of}attribute {name} is {_all(wanted)}"


def _one_meets(wanted: Sequence[Wanted], *, text: bool = False) -> bool:
    """Whether one value meets all that is wanted of it."""
    named = [one for one in wanted if isinstance(one, Match) and not one.excluded]
    if named:
        values = [value for value in named[0].values if isinstance(value, str) or not text]
        return any(all(one.takes(value) for one in wanted) for value in map(_as_number, values))
    ranges = [one for one in wanted if isinstance(one, Range)]
    low = max((one.at_least for one in ranges if one.at_least is not None), default=None)
    high = min((one.at_most for one in ranges if one.at_most is not None), default=None)
    if low is None or high is None or high - low > _SMALL:
        return True
    return any(all(one.takes(value) for one in wanted) for value in range(low, high + 1))


def _as_number(value: Word) -> Word:
    """`true` and 1 are the same for a list of values, and 1 is in a range as well."""
    return int(value) if isinstance(value, bool) else value


def _some_meet(wanted: Sequence[Match]) -> bool:
    """Whether several words, such as the segments of a member, meet all that is wanted of them."""
    refused = {value for one in wanted if one.excluded for value in one.values}
    named = [one.values for one in wanted if not one.excluded]
    return all(any(isinstance(value, str) for value in values - refused) for values in named)


def minutes(times: tuple[time, time] | None) -> set[int]:
    """The minutes of a day that lie within; a time may run over midnight."""
    if times is None:
        return set(range(1440))
    start, end = (one.hour * 60 + one.minute for one in times)
    return set(range(start, end)) if start < end else set(range(start, 1440)) | set(range(end))


def _on_some_day(whens: Sequence[When]) -> bool:
    first = max((when.first_day for when in whens if when.first_day), default=date.min)
    last = min((when.last_day for when in whens if when.last_day), default=date.max)
    weekdays = set.intersection(*(set(range(7) if when.weekday is None else when.weekday) for when in whens))
    recurring = [when.recurs for when in whens if when.recurs]
    if recurring:
        return any(day.weekday() in weekdays for day in _recurring(recurring, first, last))
    return any(day.weekday() in weekdays for day in _days(first, min(last, _later(first, timedelta(days=6)))))


def _recurring(several: Sequence[Recurrence], first: date, last: date) -> Iterator[date]:
    """The days from `first` to `last` on which all come true."""
    one, *others = several
    first = max(first, *(each.starts for each in several))
    last = min(last, _later(first, _HORIZON))
    for start in _starts(one, first, last):
        for day in _days(max(start, first), min(_later(start, timedelta(days=one.days - 1)), last)):
            if all(next(_starts(other, day, day), None) for other in others):
                yield day


def _starts(recurrence: Recurrence, first: date, last: date) -> Iterator[date]:
    """The occurrences that reach into the days from `first` to `last`."""
    earliest = first - timedelta(days=recurrence.days - 1) if first > recurrence.starts else recurrence.starts
    rule = _rule(recurrence.rule, recurrence.starts)
    for found in rule.xafter(_midnight(earliest), inc=True):
        if found.date() > last:
            return
        yield found.date()


@lru_cache(maxsize=200)
def _rule(rule: str, starts: date) -> rrule | rruleset:
    return rrulestr(rule, dtstart=_midnight(starts), cache=True)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time())


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=shift) for shift in range((last - first).days + 1))


def _later(day: date, by: timedelta) -> date:
    return day + by if date.max - day > by else date.max


def implies(one: When, other: When) -> bool:
    """Whether `other` holds whenever `one` does."""
    return (
        all(
            _within(mine, others)
            for mine, others in (
                (one.tier, other.tier),
                (one.store, other.store),
                (one.channel, other.channel),
                (one.payment_method, other.payment_method),
                (one.paid, other.paid),
            )
        )
        and _words_within(one.segment, other.segment)
        and _attributes_within(one.attributes, other.attributes)
        and _attributes_within(one.member, other.member)
        and _counted_within(one, other)
        and _days_within(one, other)
        and _numbers_within(one, other)
        and other.cel in {None, one.cel}
    )


def lines_within(one: LineFilter | None, other: LineFilter | None) -> bool:
    """Whether `other` takes every line that `one` takes."""
    if other is None or one is None:
        return other is None
    return (
        _within(one.sku, other.sku)
        and _within(one.brand, other.brand)
        and _words_within(one.category, other.category)
        and other.discounted in {None, one.discounted}
        and _attributes_within(one.attributes, other.attributes)
        and other.cel in {None, one.cel}
    )


def _within(one: Wanted | None, other: Wanted | None) -> bool:
    """Whether every value that `one` takes is taken by `other`."""
    if other is None or one is None:
        return other is None
    if isinstance(one, Range):
        return isinstance(other, Range) and _range_within(one, other)
    if not one.excluded:
        return all(other.takes(value) for value in one.values)
    return isinstance(other, Match) and other.excluded and other.values <= one.values


def _range_within(one: Range, other: Range) -> bool:
    low = other.at_least is None or (one.at_least is not None and one.at_least >= other.at_least)
    return low and (other.at_most is None or (one.at_most is not None and one.at_most <= other.at_most))


def _words_within(one: Match | None, other: Match | None) -> bool:
    """As `_within`, where there are several words and one is enough."""
    if other is None or one is None:
        return other is None
    if one.excluded is not other.excluded:
        return False
    return other.values <= one.values if one.excluded else one.values <= other.values


def _attributes_within(one: Mapping[str, Wanted], other: Mapping[str, Wanted]) -> bool:
    return all(_within(one.get(name), wanted) for name, wanted in other.items())


def _counted_within(one: When, other: When) -> bool:
    return all(
        name in one.counted and one.counted[name].per == so_far.per and _within(one.counted[name].range, so_far.range)
        for name, so_far in other.counted.items()
    )


def _days_within(one: When, other: When) -> bool:
    return (
        (other.first_day is None or (one.first_day is not None and one.first_day >= other.first_day))
        and (other.last_day is None or (one.last_day is not None and one.last_day <= other.last_day))
        and (other.weekday is None or (one.weekday is not None and one.weekday <= other.weekday))
        and other.recurs in {None, one.recurs}
        and minutes(one.times) <= minutes(other.times)
        and _birthday_within(one.birthday, other.birthday)
    )


def _birthday_within(one: tuple[int, int] | None, other: tuple[int, int] | None) -> bool:
    if other is None or one is None:
        return other is None
    return one[0] <= other[0] and one[1] <= other[1]


def _numbers_within(one: When, other: When) -> bool:
    number = other.number in {None, one.number}
    every = other.every is None or any(known and known % other.every == 0 for known in (one.number, one.every))
    return (
        number and every and (other.new_days is None or (one.new_days is not None and one.new_days <= other.new_days))
    )
