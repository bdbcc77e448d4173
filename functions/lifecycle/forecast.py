"""What will become of a tier if nothing more is counted, what keeps it, and what lifts it. Pure."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

from functions.ledger.account import Account
from functions.program import tiers
from functions.program.due import DAY
from functions.program.model import Level, Program, Tiers
from functions.program.periods import Calendar, day_in


class Need(NamedTuple):
    """How much of a measure is counted, and how much is needed."""

    measure: str
    have: int
    need: int


class Forecast(NamedTuple):
    """A tier as it stands. `then`: the one after `held_until`; `keep`: ways to keep it; `next`: the one above, and the
    `ways` to it."""

    tier: Level
    since: datetime
    held_until: date | None
    then: str | None
    keep: Sequence[Sequence[Need]]
    next: Level | None
    ways: Sequence[Sequence[Need]]


def forecast(account: Account, program: Program, now: datetime) -> Forecast | None:
    """None where the programme has no tiers."""
    if program.tiers is None:
        return None
    enrolled_on, today = day_in(account.enrolled_at, program.zone), day_in(now, program.zone)
    steps = account.tiers or tiers.opened(program, account.enrolled_at)
    steps = tiers.reviewed(steps, account.counters, program, enrolled_on, today)
    step, rank = steps[-1], program.tiers.rank(steps[-1].tier)
    level, above = program.tiers.levels[rank], program.tiers.levels[rank + 1 : rank + 2]
    calendar = program.calendar(enrolled_on)
    then: str | None = None
    keep: list[list[Need]] = []
    if step.until is not None:
        then = tiers.reviewed(steps, account.counters, program, enrolled_on, step.until + DAY)[-1].tier
        if program.tiers.rank(then) < rank:
            keep = [
                _needs(way, program.tiers, account.counters, calendar, min(today, step.until)) for way in level.reach
            ]
    ways = [_needs(way, program.tiers, account.counters, calendar, today) for one in above for way in one.reach]
    return Forecast(level, step.since, step.until, then, keep, above[0] if above else None, ways)


def _needs(
    way: Mapping[str, int], tiers_: Tiers, counters: Mapping[str, int], calendar: Calendar, day: date
) -> list[Need]:
    return [
        Need(measure, tiers.progress(measure, tiers_, counters, calendar, day), least) for measure, least in way.items()
    ]
