"""Conditions of rules and goals as tests: each gives nothing if it holds, else the facts of why not. Pure.

The code of a failed condition is what the explanation names.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, TypeAlias

from functions.ledger.account import Account
from functions.program import cel
from functions.program.model import (
    CountedSoFar,
    LineFilter,
    Match,
    Program,
    Range,
    Recurrence,
    When,
    Word,
)
from functions.program.occasions import Activity, Purchase, PurchaseLine
from functions.program.periods import Calendar
from functions.program.tiers import key_on

Facts: TypeAlias = Mapping[str, int | str]


@dataclass(slots=True)
class Moment:
    """What is judged: an event of a member, as things stood when it occurred.

    `amounts`: what earns of each line, minor units. `local`: when it occurred, in the programme's time zone.
    """

    event: Purchase | Activity
    account: Account
    program: Program
    calendar: Calendar
    local: datetime
    day: date
    tier: str
    lines: Sequence[PurchaseLine]
    amounts: Sequence[int]
    paid: int
    number: int
    _ids: list[str] | None = None
    _cel: dict[str, Any] | None = None

    def ids(self) -> list[str]:
        """The ids of the lines."""
        if self._ids is None:
            self._ids = [line[0] for line in self.lines]
        return self._ids

    def facts(self) -> dict[str, Any]:
        """The event and the member as conditions in CEL see them."""
        if self._cel is None:
            self._cel = _facts(self)
        return self._cel


Test: TypeAlias = tuple[str, Callable[[Moment], Facts | None]]
"""The code of a condition, and what it takes: None if it holds, else the facts of why not."""

LineTest: TypeAlias = Callable[[PurchaseLine], str | None]
"""None if the line counts, else the code of the condition that it fails."""


def first_failed(tests: Sequence[Test], moment: Moment) -> tuple[str, Facts] | None:
    """The first condition that does not hold, with its facts."""
    for code, test in tests:
        facts = test(moment)
        if facts is not None:
            return code, facts
    return None


def tests_of(when: When) -> tuple[Test, ...]:
    """The conditions that are given, cheap ones first."""
    tests: list[Test] = [
        (name, _one_of(name, match))
        for name in ("tier", "store", "channel", "payment_method")
        if (match := getattr(when, name)) is not None
    ]
    makers: tuple[tuple[str, Any, Callable[[Any], Callable[[Moment], Facts | None]]], ...] = (
        ("segment", when.segment, _segment),
        ("dates", (when.first_day, when.last_day) if when.first_day or when.last_day else None, _dates),
        ("weekday", when.weekday, _weekday),
        ("time", when.times, _time),
        ("paid", when.paid, _paid),
        ("purchase_number", when.number, _number),
        ("every_nth_purchase", when.every, _every),
        ("enrolled_within_days", when.new_days, _new),
        ("birthday", when.birthday, _birthday),
        ("recurs", when.recurs, _recurs),
    )
    tests += [(code, make(wanted)) for code, wanted, make in makers if wanted is not None]
    tests += [(f"attributes.{name}", _attribute(name, wanted)) for name, wanted in when.attributes.items()]
    tests += [(f"member.{name}", _member(name, wanted)) for name, wanted in when.member.items()]
    tests += [(f"counted.{name}", _counted(name, wanted)) for name, wanted in when.counted.items()]
    return (*tests, ("cel", _cel(when.cel))) if when.cel is not None else tuple(tests)


def _one_of(name: str, match: Match) -> Callable[[Moment], Facts | None]:
    def test(moment: Moment) -> Facts | None:
        value = moment.tier if name == "tier" else getattr(moment.event, name, None)
        return None if match.takes(value) else _is(value)

    return test


def _is(value: Word | None) -> Facts:
    return {} if value is None else {"is": value}


def _segment(match: Match) -> Callable[[Moment], Facts | None]:
    def test(moment: Moment) -> Facts | None:
        has_one = any(segment in match.values for segment in moment.account.traits.segments)
        return None if has_one is not match.excluded else {}

    return test


def _dates(days: tuple[date | None, date | None]) -> Callable[[Moment], Facts | None]:
    first, last = days

    def test(moment: Moment) -> Facts | None:
        if first is not None and moment.day < first:
            return {"first_day": first.isoformat()}
        if last is not None and moment.day > last:
            return {"last_day": last.isoformat()}
        return None

    return test


def _weekday(days: frozenset[int]) -> Callable[[Moment], Facts | None]:
    return lambda moment: None if moment.day.weekday() in days else {"is": moment.day.weekday() + 1}


def _time(between: tuple[time, time]) -> Callable[[Moment], Facts | None]:
    start, end = between

    def test(moment: Moment) -> Facts | None:
        now = moment.local.time()
        inside = start <= now < end if start < end else now >= start or now < end
        return None if inside else {"is": now.isoformat("minutes")}

    return test


def _paid(wanted: Range) -> Callable[[Moment], Facts | None]:
    def test(moment: Moment) -> Facts | None:
        if wanted.takes(moment.paid):
            return None
        if wanted.at_least is not None and moment.paid < wanted.at_least:
            return {"paid": moment.paid, "needed": wanted.at_least}
        return {"paid": moment.paid, "at_most": wanted.at_most or 0}

    return test


def _number(wanted: int) -> Callable[[Moment], Facts | None]:
    return lambda moment: None if moment.number == wanted else {"is": moment.number, "needed": wanted}


def _every(nth: int) -> Callable[[Moment], Facts | None]:
    def test(moment: Moment) -> Facts | None:
        missing = -moment.number % nth
        return {"is": moment.number, "needed": moment.number + missing} if missing else None

    return test


def _new(days: int) -> Callable[[Moment], Facts | None]:
    def test(moment: Moment) -> Facts | None:
        since = (moment.day - moment.calendar.enrolled_on).days
        return None if since <= days else {"days": since, "at_most": days}

    return test


def _birthday(around: tuple[int, int]) -> Callable[[Moment], Facts | None]:
    before, after = around

    def test(moment: Moment) -> Facts | None:
        birthday = moment.account.traits.birthday
        if birthday is None:
            return {"birthday": "unknown"}
        near = (moment.day + timedelta(days=shift) for shift in range(-after, before + 1))
        return None if any(_is_birthday(birthday, day) for day in near) else {}

    return test


def _is_birthday(birthday: str, day: date) -> bool:
    """Who was born on 29 February celebrates on the 28th in other years."""
    if birthday == "02-29" and f"{day:%m-%d}" == "02-28":
        return (day + timedelta(days=1)).day == 1
    return f"{day:%m-%d}" == birthday


def _recurs(recurrence: Recurrence) -> Callable[[Moment], Facts | None]:
    from dateutil.rrule import rrulestr

    rule = rrulestr(recurrence.rule, dtstart=datetime.combine(recurrence.starts, datetime.min.time()))

    def found(day: date) -> bool:
        last = datetime.combine(day, datetime.min.time())
        return bool(rule.between(last - timedelta(days=recurrence.days - 1), last, inc=True))

    comes = lru_cache(maxsize=20_000)(found)
    return lambda moment: None if comes(moment.day) else {}


def _attribute(name: str, wanted: Match | Range) -> Callable[[Moment], Facts | None]:
    def test(moment: Moment) -> Facts | None:
        value = moment.event.attributes.get(name)
        return None if wanted.takes(value) else _is(value)

    return test


def _member(name: str, wanted: Match | Range) -> Callable[[Moment], Facts | None]:
    # What a member is stays out of explanations: it may be personal.
    return lambda moment: None if wanted.takes(moment.account.traits.attributes.get(name)) else {}


def _counted(measure: str, wanted: CountedSoFar) -> Callable[[Moment], Facts | None]:
    def test(moment: Moment) -> Facts | None:
        key = key_on(measure, wanted.per, moment.day, moment.calendar)
        so_far = moment.account.counters.get(key, 0)
        return None if wanted.range.takes(so_far) else {"counted": so_far}

    return test


def _cel(expression: str) -> Callable[[Moment], Facts | None]:
    condition = cel.compiled(expression)
    return lambda moment: None if condition.holds(moment.facts()) else {}


def line_test(wanted: LineFilter) -> LineTest:
    condition = cel.compiled(wanted.cel) if wanted.cel else None

    def test(line: PurchaseLine) -> str | None:
        if wanted.sku is not None and not wanted.sku.takes(line.sku):
            return "sku"
        if wanted.category is not None and not _in_category(wanted.category, line.categories):
            return "category"
        if wanted.brand is not None and not wanted.brand.takes(line.brand):
            return "brand"
        if wanted.discounted is not None and line.discounted is not wanted.discounted:
            return "discounted"
        if any(not value.takes(line.attributes.get(name)) for name, value in wanted.attributes.items()):
            return "attributes"
        return "cel" if condition and not condition.holds({"line": _line_facts(line)}) else None

    return test


def _in_category(match: Match, categories: Sequence[str]) -> bool:
    return any(category in match.values for category in categories) is not match.excluded


def _line_facts(line: PurchaseLine) -> dict[str, Any]:
    return {
        "sku": line.sku,
        "brand": line.brand or "",
        "categories": list(line.categories),
        "amount": line.amount,
        "quantity": line.quantity,
        "discounted": line.discounted,
        "attributes": dict(line.attributes),
    }


def _facts(moment: Moment) -> dict[str, Any]:
    event, account = moment.event, moment.account
    happened = {
        "attributes": dict(event.attributes),
        "occurred_at": moment.local.replace(tzinfo=None).isoformat(timespec="seconds"),
        "weekday": moment.day.weekday() + 1,
    }
    member = {
        "tier": moment.tier,
        "segments": list(account.traits.segments),
        "attributes": dict(account.traits.attributes),
        "purchases": account.counters.get("visits", 0),
        "days_enrolled": (moment.day - moment.calendar.enrolled_on).days,
    }
    if isinstance(event, Activity):
        return {"activity": happened | {"type": event.type}, "member": member}
    purchase = {
        "store": event.store or "",
        "channel": event.channel or "",
        "payment_method": event.payment_method or "",
        "total": moment.paid,
    }
    return {"purchase": happened | purchase, "member": member}
