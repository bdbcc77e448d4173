"""Tiers: when one is reached, how long it is held, and what comes after. Pure.

    reached    the highest tier whose minimum the counters meet in the window that a day lies in
    lifted     up at once, when an event takes the counters over a minimum
    reviewed   when `until` is over: what was reached meanwhile holds, else down, to what is reached or by one tier
    lowered    a purchase came back that a tier had rested on

What is counted per period is never thrown away before nothing looks at it, so that a review needs the counters alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import TypeAlias
from zoneinfo import ZoneInfo

from functions.ledger.account import TierStep
from functions.program.model import MONTHS, Program, Tiers
from functions.program.periods import Calendar, PeriodKind, add_months, day_in, first_day, following, name, previous

Steps: TypeAlias = Sequence[TierStep]
Counters: TypeAlias = Mapping[str, int]

STEPS_KEPT = 5
_MOST_WINDOWS = 60


def counter_key(measure: str, kind: str, period: str) -> str:
    """Where something is counted: `visits` for ever, `visits/month@2026-03-01` in a month."""
    return f"{measure}/{kind}@{period}" if period else measure


def key_on(measure: str, kind: PeriodKind, day: date, calendar: Calendar) -> str:
    """Where something is counted in the period that a day lies in."""
    if kind == "ever":
        return measure
    if kind == "anniversary" or kind == "fiscal":
        return counter_key(measure, kind, name(kind, day, calendar))
    return _key_on(measure, kind, day)


@lru_cache(maxsize=10_000)
def _key_on(measure: str, kind: PeriodKind, day: date) -> str:
    return counter_key(measure, kind, name(kind, day, Calendar(day)))


def tier_at(steps: Steps, program: Program, at: datetime) -> str:
    """The tier that counted at an instant; the first known one for what is older, the lowest where the programme does
    not have it any more."""
    if steps and steps[-1].since <= at:
        found = steps[-1].tier
    else:
        found = next((step.tier for step in reversed(steps) if step.since <= at), steps[0].tier if steps else "")
    for level in program.tiers.levels if program.tiers else ():
        if level.id == found:
            return found
    return program.base_tier()


def opened(program: Program, enrolled_at: datetime) -> Steps:
    """The first step of a new member."""
    return (TierStep(program.base_tier(), enrolled_at),) if program.tiers else ()


def reviewed(steps: Steps, counters: Counters, program: Program, enrolled_on: date, today: date) -> Steps:
    """The steps after every review that was due before `today`, and after what months of membership have brought."""
    tiers = program.tiers
    if tiers is None or not steps:
        return steps
    by_months = [day for day in days_of_months(program, enrolled_on) if day <= today]
    if not by_months and (steps[-1].until is None or steps[-1].until >= today):
        return steps
    calendar = program.calendar(enrolled_on)
    while True:
        until = steps[-1].until
        review = until + timedelta(days=1) if until is not None and until < today else None
        if by_months and (review is None or by_months[0] <= review):
            at = datetime.combine(by_months.pop(0), time(), program.zone)
            steps = lifted(steps, counters, program, enrolled_on, at) if at > steps[-1].since else steps
        elif review is not None:
            steps = stepped(steps, _after_review(tiers, steps, counters, calendar, program))
        else:
            return steps


def days_of_months(program: Program, enrolled_on: date) -> list[date]:
    """The days on which a tier may be reached by nothing but the months of membership."""
    months = _months(program)
    return sorted({add_months(enrolled_on, n) for n in months}) if months else []


@lru_cache(maxsize=64)
def _months(program: Program) -> frozenset[int]:
    """How many months of membership help to reach some tier."""
    levels = program.tiers.levels if program.tiers else ()
    ways = [way for level in levels for way in (*level.reach, *level.lifetime)]
    return frozenset(way[MONTHS] for way in ways if MONTHS in way)


def lifted(steps: Steps, counters: Counters, program: Program, enrolled_on: date, at: datetime) -> Steps:
    """The steps after an event at `at`: a higher tier from then on, or the same one for longer."""
    tiers = program.tiers
    if tiers is None:
        return steps
    calendar = program.calendar(enrolled_on)
    day = at.astimezone(program.zone).date()
    current = steps[-1]
    rank = reached(tiers, counters, calendar, day)
    if rank == 0 or rank < (current_rank := tiers.rank(current.tier)):
        return steps
    until = _until(tiers, rank, counters, calendar, day)
    if until is not None and until < day_in(current.since, program.zone):
        return steps  # it comes so late that what it reaches was over before the present step began
    if rank > current_rank:
        counted = _counted(tiers, counters, day)
        return stepped(steps, TierStep(tiers.levels[rank].id, max(at, current.since), until, counted))
    if _is_longer(until, current.until) and (until is None or not tiers.held_months):
        return (*steps[:-1], replace(current, until=until))
    return steps


def granted(steps: Steps, program: Program, tier: str, months: int | None, enrolled_on: date, at: datetime) -> Steps:
    """A tier that is given, as a match for another programme's: for so many months, or as if it was reached."""
    tiers = program.tiers
    if tiers is None or tiers.rank(steps[-1].tier) > tiers.rank(tier):
        return steps
    day = at.astimezone(program.zone).date()
    current = steps[-1]
    if months:
        # Who renews before the end loses nothing of what is still to come.
        start = day if current.tier != tier or current.until is None else max(day, current.until + timedelta(days=1))
        until: date | None = add_months(start, months) - timedelta(days=1)
    else:
        until = _held_until(tiers, program.calendar(enrolled_on), day)
    if current.tier == tier:
        return (*steps[:-1], replace(current, until=until)) if _is_longer(until, current.until) else steps
    return stepped(steps, TierStep(tier, max(at, current.since), until, given=True))


def lowered(
    steps: Steps, before: Counters, after: Counters, program: Program, enrolled_on: date, at: datetime
) -> Steps:
    """The steps after a return at `at`: what the counters supported before and do not any more goes, be it the tier or
    only how long it is held. A tier that was given, or that is held by grace, does not rest on the counters."""
    tiers = program.tiers
    if tiers is None or not tiers.returns_lower or not steps or steps[-1].given:
        return steps
    calendar = program.calendar(enrolled_on)
    today, current = at.astimezone(program.zone).date(), steps[-1]
    had = _supported(tiers, current, before, calendar, today, program.zone)
    has = _supported(tiers, current, after, calendar, today, program.zone)
    rank = tiers.rank(current.tier)
    if had.rank < rank:
        return steps
    if has.rank >= rank:
        shorter = _is_longer(current.until, has.until) and not _is_longer(current.until, had.until)
        return (*steps[:-1], replace(current, until=has.until)) if shorter and has.rank == rank else steps
    best = _best_held([step for step in steps if step.given], tiers, today)
    # What was not deserved is forgotten, or a later look back would find it again.
    steps = [step for step in steps[:-1] if step.given or tiers.rank(step.tier) <= has.rank]
    if best and tiers.rank(best.tier) > has.rank:
        return stepped(steps, replace(best, since=at))
    return stepped(steps, TierStep(tiers.levels[has.rank].id, at, has.until if has.rank else None))


def reached(tiers: Tiers, counters: Counters, calendar: Calendar, day: date, after: "_After | None" = None) -> int:
    """The rank of the highest tier that the window of a day reaches, or that is kept for ever.

    `after`: in a rolling window, what counted for that step does not count again.
    """
    for rank in range(len(tiers.levels) - 1, 0, -1):
        ways = tiers.levels[rank].reach
        if _is_met(ways, tiers, counters, calendar, day, after) or _for_ever(tiers, rank, counters, calendar, day):
            return rank
    return 0


@dataclass(frozen=True, slots=True)
class _After:
    """The month in which a step began, and what had been counted in it by then."""

    month: date
    counted: Mapping[str, int]


def progress(
    measure: str, tiers: Tiers, counters: Counters, calendar: Calendar, day: date, after: _After | None = None
) -> int:
    """How much of what qualifies the window of a day holds. A rolling window is the months that it touches; of those
    only what came after the step `after`, if that is given."""
    if measure == MONTHS:
        return _months_between(calendar.enrolled_on, day)
    if not tiers.rolling_months:
        return counters.get(key_on(measure, tiers.window, day, calendar), 0)
    month = add_months(day + timedelta(days=1), -tiers.rolling_months).replace(day=1)
    total = 0
    if after is not None and after.month >= month:
        month, total = after.month, -after.counted.get(measure, 0)
    while month <= day:
        total += counters.get(counter_key(measure, "month", month.isoformat()), 0)
        month = add_months(month, 1)
    return total


def measures(tiers: Tiers) -> set[str]:
    """What must be counted per window for these tiers."""
    return {measure for level in tiers.levels for way in level.reach for measure in way} - {MONTHS}


def _counted(tiers: Tiers, counters: Counters, day: date) -> dict[str, int]:
    """What the month of a step holds so far, where a later review looks at the same month."""
    if not (tiers.rolling_months and tiers.held_months):
        return {}
    month = day.replace(day=1).isoformat()
    found = {measure: counters.get(counter_key(measure, "month", month), 0) for measure in sorted(measures(tiers))}
    return {measure: value for measure, value in found.items() if value}


def _is_met(
    ways: Sequence[Mapping[str, int]],
    tiers: Tiers,
    counters: Counters,
    calendar: Calendar,
    day: date,
    after: _After | None,
) -> bool:
    for way in ways:
        for measure, least in way.items():
            if progress(measure, tiers, counters, calendar, day, after) < least:
                break
        else:
            return True
    return False


def _for_ever(tiers: Tiers, rank: int, counters: Counters, calendar: Calendar, day: date) -> bool:
    lifetime = tiers.levels[rank].lifetime
    return bool(lifetime) and any(
        all(
            (_months_between(calendar.enrolled_on, day) if measure == MONTHS else counters.get(measure, 0)) >= least
            for measure, least in way.items()
        )
        for way in lifetime
    )


def _until(tiers: Tiers, rank: int, counters: Counters, calendar: Calendar, day: date) -> date | None:
    if _for_ever(tiers, rank, counters, calendar, day):
        return None
    return _held_until(tiers, calendar, day)


def _held_until(tiers: Tiers, calendar: Calendar, day: date) -> date | None:
    """The last day of a tier reached on a day."""
    if tiers.held == "ever":
        return None
    if tiers.held == "months":
        return add_months(day, tiers.held_months + tiers.grace_months) - timedelta(days=1)
    if tiers.held == "window":
        return _window_end(tiers, calendar, day)
    last = following(tiers.window, first_day(tiers.window, day, calendar), calendar)
    return _window_end(tiers, calendar, last)


def _window_end(tiers: Tiers, calendar: Calendar, day: date) -> date | None:
    """The last day of a tier that is held to the end of the window of a day, grace included."""
    if tiers.held in {"months", "ever"}:
        return _held_until(tiers, calendar, day)
    end = following(tiers.window, first_day(tiers.window, day, calendar), calendar)
    return add_months(end, tiers.grace_months) - timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Support:
    """What the counters support: a tier, and until when."""

    rank: int
    until: date | None


def _best_held(steps: Steps, tiers: Tiers, day: date) -> TierStep | None:
    """The highest of the steps that are held on a day."""
    held = [step for step in steps if step.until is None or step.until >= day]
    return max(held, key=lambda step: tiers.rank(step.tier), default=None)


def _after_review(tiers: Tiers, steps: Steps, counters: Counters, calendar: Calendar, program: Program) -> TierStep:
    """What follows a last step whose time is over. After a tier that was given comes at least the one before, where
    that is still held."""
    step = steps[-1]
    assert step.until is not None
    day = step.until + timedelta(days=1)
    since = datetime.combine(day, time(), program.zone)
    if tiers.held == "months":
        began = step.since.astimezone(program.zone).date()
        rank = reached(tiers, counters, calendar, step.until, _After(began.replace(day=1), step.counted))
        found = _Support(rank, _until(tiers, rank, counters, calendar, day) if rank else None)
    else:
        found = _by_windows(tiers, counters, calendar, day)
    current = tiers.rank(step.tier)
    if tiers.soft and found.rank < current - 1:
        found = _Support(current - 1, _window_end(tiers, calendar, day))
    before = _best_held(steps[:-1], tiers, day) if step.given else None
    if before and tiers.rank(before.tier) > max(found.rank, 0):
        return replace(before, since=since)
    if found.rank == 0:
        return TierStep(tiers.levels[0].id, since)
    counted = _counted(tiers, counters, step.until) if day.day > 1 else {}
    return TierStep(tiers.levels[found.rank].id, since, found.until, counted)


def _supported(
    tiers: Tiers, step: TierStep, counters: Counters, calendar: Calendar, today: date, zone: ZoneInfo
) -> _Support:
    """The best that the counters support today: in a window that still counts, or, where a tier is held from the day it
    was reached, at any time since the day before the step began."""
    since = step.since.astimezone(zone).date()
    if tiers.held != "months":
        return _by_windows(tiers, counters, calendar, today, since)
    days = {since - timedelta(days=1), since, today}
    month = since.replace(day=1)
    while (month := add_months(month, 1)) <= today:
        days.add(month - timedelta(days=1))
    return _Support(max(reached(tiers, counters, calendar, day) for day in days), step.until)


def _by_windows(tiers: Tiers, counters: Counters, calendar: Calendar, day: date, since: date | None = None) -> _Support:
    """The best that a window reached whose tiers are still held on a day; for tiers that are held for ever, back to the
    window of `since`."""
    best = _Support(0, None)
    window = first_day(tiers.window, day, calendar) if tiers.window != "ever" else day
    for _ in range(_MOST_WINDOWS):
        last = following(tiers.window, window, calendar) - timedelta(days=1) if tiers.window != "ever" else day
        held = _held_until(tiers, calendar, min(last, day))
        if held is not None and held < day:
            break
        rank = reached(tiers, counters, calendar, min(last, day))
        if rank > best.rank:
            best = _Support(rank, _until(tiers, rank, counters, calendar, min(last, day)))
        if tiers.window == "ever" or (held is None and (since is None or last < since)):
            break
        window = previous(tiers.window, window, calendar)
    return best


def _months_between(start: date, day: date) -> int:
    months = (day.year - start.year) * 12 + day.month - start.month
    return months if add_months(start, months) <= day else months - 1


def _is_longer(until: date | None, other: date | None) -> bool:
    """Whether something is held longer; None is for ever."""
    return other is not None and (until is None or until > other)


def stepped(steps: Steps, step: TierStep) -> Steps:
    return (*steps, step)[-STEPS_KEPT:]
