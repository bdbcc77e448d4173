"""What an event adds to visits, spend, points, activities and counters, and the goals it brings nearer. Pure.

Everything is counted for the period in which the event occurred, whenever it arrives.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from functions.accrual.given import NOTHING, Judgement, by_line, points_of, quick
from functions.accrual.rulebook import Rulebook
from functions.ledger.account import Count, Reason, total_of
from functions.ledger.by_line import ByLine
from functions.ledger.rewards import Basis, IssuedReward
from functions.program import tiers
from functions.program.conditions import Moment, first_failed
from functions.program.model import POINTS, SPEND, VISITS, Goal, Program, Reward
from functions.program.occasions import Purchase
from functions.program.periods import PeriodKind, first_day, following, previous
from functions.program.tiers import key_on

MOST_AT_ONCE = 20
"""Rewards of one kind by one event: each is a write of its transaction."""


class Tally(NamedTuple):
    """How much of one measure an event brings: by line, and as a whole."""

    lines: Mapping[str, int]
    whole: int = 0

    @property
    def total(self) -> int:
        return total_of(self.lines) + self.whole


class Reached(NamedTuple):
    """What the goals made of an event."""

    counts: Sequence[Count]
    points: Mapping[str, int]
    issued: Sequence[IssuedReward]
    reasons: Sequence[Reason]


def tallies(moment: Moment, judged: Judgement) -> dict[str, Tally]:
    """What the event brings of every measure."""
    given = judged.given
    if isinstance(moment.event, Purchase):
        found = {
            VISITS: Tally({}, 1),
            SPEND: Tally(ByLine(moment.ids, lambda: moment.amounts, moment.paid)),
            POINTS: Tally(judged.by_line),
        }
    else:
        found = {moment.event.type: Tally({}, 1), POINTS: Tally({}, judged.points)}
    into_counters = {one.rule.into for one in given}
    for counter in moment.program.counters if len(into_counters) > 1 or None not in into_counters else ():
        into = [one for one in given if one.rule.into == counter]
        if points := points_of(into):
            lines = by_line(into, moment)
            found[counter] = Tally(lines, 0 if lines else points)
    return found


def counts(moment: Moment, found: Mapping[str, Tally]) -> list[Count]:
    """The counters that the programme needs, each for ever or for the window of its tiers."""
    periods = measured(moment.program)
    return [
        quick(Count, (key_on(measure, kind, moment.day, moment.calendar), tally.lines, tally.whole, 0))
        for measure, tally in found.items()
        for kind in periods.get(measure, ("ever",))
        if tally.total
    ]


@lru_cache(maxsize=64)
def measured(program: Program) -> dict[str, tuple[PeriodKind, ...]]:
    """By which periods each measure is counted: for ever, and as tiers and conditions need it."""
    found: dict[str, dict[PeriodKind, None]] = {}
    if program.tiers is not None:
        for measure in sorted(tiers.measures(program.tiers)):
            found.setdefault(measure, {"ever": None})[program.tiers.counted_by] = None
    conditions = [rule.when for rule in program.earning] + [goal.when for goal in program.goals]
    for when in conditions + ([program.referral.when] if program.referral else []):
        for measure, wanted in when.counted.items():
            found.setdefault(measure, {"ever": None})[wanted.per] = None
    return {measure: tuple(periods) for measure, periods in found.items()}


def goals(moment: Moment, book: Rulebook, found: Mapping[str, Tally]) -> Reached:
    """What the event does for every goal that counts something it brings."""
    counted: list[Count] = []
    points: dict[str, int] = {}
    issued: list[IssuedReward] = []
    reasons: list[Reason] = []
    for goal in moment.program.goals:
        tally = found.get(goal.counts)
        if tally is None:
            continue
        failed = first_failed(book.goal_tests[goal.id], moment)
        if failed:
            reasons.append(Reason(goal.id, False, condition=failed[0], facts=failed[1]))
            continue
        if goal.lines is not None:
            place = book.place[goal.id]
            lines = {line.id for line in moment.lines if book.sorted_out(line)[place] is None}
            tally = Tally({line: value for line, value in tally.lines.items() if line in lines})
        brought = tally.total
        if not brought:
            code = "no_line_counts" if goal.lines is not None else "nothing_to_count"
            reasons.append(Reason(goal.id, False, condition=code))
            continue
        key = _key(goal, moment.day, moment)
        progress = moment.account.counters.get(key, 0) + brought
        counted.append(quick(Count, (key, tally.lines, tally.whole, 0)))
        times = _advance(goal, moment, progress, counted)
        reasons.append(_reason(goal, progress, brought, times))
        if times and goal.points:
            points[goal.id] = goal.points * times
        if times and goal.reward:
            reward = moment.program.rewards[goal.reward]
            of_goal = Basis(goal.id, times, goal=True)
            issued += [replace(one, basis=of_goal) for one in _issue(goal, reward, times, moment)]
    return Reached(counted, points, issued, reasons)


def _advance(goal: Goal, moment: Moment, progress: int, counted: list[Count]) -> int:
    """How many times a goal is reached by what an event brings, which is counted as well."""
    if progress < goal.reach:
        return 0
    if goal.in_a_row > 1:
        times, awarded = _streaks(goal, moment)
    else:
        awarded = [_done_key(goal, moment.day, moment)]
        times = _due(goal, progress) - moment.account.counters.get(awarded[0], 0)
    if times > 0:
        counted += [Count(one, kept=times if goal.in_a_row == 1 else 1) for one in awarded]
    return max(0, times)


def _due(goal: Goal, progress: int) -> int:
    return progress // goal.reach if goal.repeat else int(progress >= goal.reach)


def _streaks(goal: Goal, moment: Moment) -> tuple[int, list[str]]:
    """Whether the periods around this one, which has reached the goal, make a streak that has not been rewarded yet;
    the periods that it uses up."""
    assert goal.per != "ever"
    here = first_day(goal.per, moment.day, moment.calendar)
    run = [here]
    while len(run) < goal.in_a_row and _open(goal, before := previous(goal.per, run[0], moment.calendar), moment):
        run.insert(0, before)
    while len(run) < goal.in_a_row and _open(goal, after_it := following(goal.per, run[-1], moment.calendar), moment):
        run.append(after_it)
    if len(run) < goal.in_a_row or moment.account.counters.get(_done_key(goal, here, moment), 0):
        return 0, []
    return 1, [_done_key(goal, day, moment) for day in run]


def _open(goal: Goal, day: date, moment: Moment) -> bool:
    """Whether a period reached the goal and belongs to no streak yet."""
    counters = moment.account.counters
    reached = counters.get(_key(goal, day, moment), 0) >= goal.reach
    return reached and not counters.get(_done_key(goal, day, moment), 0)


def _key(goal: Goal, day: date, moment: Moment) -> str:
    return key_on(_name(goal), goal.per, day, moment.calendar)


def _name(goal: Goal) -> str:
    """What its counters are called: those of streaks are kept longer, for they look back further."""
    return f"streak.{goal.id}" if goal.in_a_row > 1 else f"goal.{goal.id}"


def _done_key(goal: Goal, day: date, moment: Moment) -> str:
    return key_on(f"{_name(goal)}.done", goal.per, day, moment.calendar)


def _reason(goal: Goal, progress: int, more: int, times: int) -> Reason:
    facts: dict[str, int | str] = {"progress": progress, "reach": goal.reach}
    if times:
        facts |= {"times": times} | ({"reward": goal.reward} if goal.reward else {})
        return Reason(goal.id, True, goal.points * times, facts=facts)
    once = progress >= goal.reach and not goal.repeat
    reached = goal.in_a_row == 1 and (once or _due(goal, progress) > _due(goal, progress - more))
    code = "goal_reached_before" if reached else "goal_not_reached"
    if goal.in_a_row > 1 and progress >= goal.reach:
        code, facts = "streak_not_complete", facts | {"in_a_row": goal.in_a_row}
    return quick(Reason, (goal.id, False, 0, NOTHING, code, facts, NOTHING, None))


def _issue(goal: Goal, reward: Reward, times: int, moment: Moment) -> list[IssuedReward]:
    if not goal.next_period:
        return issued(reward, times, moment.program, moment.day)
    assert goal.per != "ever"
    start = following(goal.per, first_day(goal.per, moment.day, moment.calendar), moment.calendar)
    return issued(reward, times, moment.program, start)


def issued(reward: Reward, times: int, program: Program, start: date) -> list[IssuedReward]:
    """A reward that is given `times` times, usable from `start`: what has a value comes as one of the whole value, of
    other things at most `MOST_AT_ONCE`. Ids and codes come with the commit."""
    if reward.value:
        return [_issued(reward, reward.value * times, program, start)]
    return [_issued(reward, 0, program, start) for _ in range(min(times, MOST_AT_ONCE))]


def _issued(reward: Reward, value: int, program: Program, start: date) -> IssuedReward:
    return IssuedReward(
        redemption="",
        reward=reward.id,
        kind=reward.kind,
        value=value,
        currency=program.currency,
        code=None,
        valid_from=reward.valid.first_day(start),
        valid_until=reward.valid.last_day(start),
    )
