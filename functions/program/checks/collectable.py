"""How much a member can collect at most of what is counted: in a period, or at one time before it expires. Pure.

None where there is no bound. What is given by hand does not count here.
"""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from functions.program.checks.bounds import Bound, least_of, most_of, rule_most, times_of, total_of
from functions.program.checks.rules import levels, never_applies
from functions.program.model import POINTS, EarningRule, Goal, Lasting, Limit, Program
from functions.program.periods import PeriodKind

Span: TypeAlias = PeriodKind | int
"""A period, or a number of days."""

_LENGTHS = {"day": (1, 1), "week": (7, 7), "month": (28, 31), "quarter": (90, 92)}
_YEAR = (365, 366)
_NESTED = {("month", "quarter"): 3, ("month", "year"): 12, ("quarter", "year"): 4}
_ONCE = {"enrolled", "referred"}
"""What happens once to a member."""


def periods_in(span: Span, per: PeriodKind) -> Bound:
    """How many periods of a kind one span can touch."""
    if per in {"ever", span} or span == "day":
        return 1
    if span == "ever":
        return None
    if isinstance(span, str) and (span, per) in _NESTED:
        return 1
    if isinstance(span, str) and (per, span) in _NESTED:
        return _NESTED[(per, span)]
    days = span if isinstance(span, int) else _LENGTHS.get(span, _YEAR)[1]
    return days if per == "day" and isinstance(span, str) else days // _LENGTHS.get(per, _YEAR)[0] + 2


def most_in(program: Program, measure: str, span: Span) -> Bound:
    """The most of a measure that a member can bring together within a span."""
    if measure != POINTS and measure not in program.counters:
        return None
    into = None if measure == POINTS else measure
    rules = [
        rule for rule in program.earning if rule.earn and rule.into == into and never_applies(program, rule, ()) is None
    ]
    by_rules = total_of([_by_rule(program, rule, span) for rule in rules])
    return least_of([by_rules, *_caps(program.limits, span)]) if into is None else by_rules


def _by_rule(program: Program, rule: EarningRule, span: Span) -> Bound:
    at_once = most_of([rule_most(rule, tier, None) for tier in (*levels(program), "")])
    caps = [rule.budget, *_caps(rule.limits, span)]
    if at_once is None:
        return least_of(caps)
    times = [
        times_of(periods_in(span, limit.per), limit.times)
        for limit in rule.limits
        if limit.times is not None and limit.per != "purchase"
    ]
    if set(rule.on) <= _ONCE:
        times.append(len(rule.on))
    return least_of([*caps, times_of(least_of(times), at_once)])


def _caps(limits: Iterable[Limit], span: Span) -> list[Bound]:
    return [
        times_of(periods_in(span, limit.per), limit.points)
        for limit in limits
        if limit.points is not None and limit.per != "purchase"
    ]


def most_at_once(program: Program) -> Bound:
    """The most points that a member can have, with what expires meanwhile."""
    span = _kept(program)
    by_goals = [times_of(_goal_times(goal, span), goal.points) for goal in program.goals]
    return total_of([most_in(program, POINTS, span), *by_goals])


def _goal_times(goal: Goal, span: Span) -> Bound:
    return None if goal.repeat else periods_in(span, goal.per)


def _kept(program: Program) -> Span:
    """How long points are kept at most."""
    several = [*program.lasting.values(), *(one for rule in program.earning for one in rule.lasting.values())]
    days = most_of([_days_of(lasting) for lasting in _used(program, several)])
    return "ever" if days is None else days


def _used(program: Program, several: Sequence[Lasting]) -> Sequence[Lasting]:
    """Without what stands for tiers that are not named, where every one is."""
    named = set(levels(program)) <= set(program.lasting) and len(program.lasting) > 1
    return [one for one in several if not (named and one is program.lasting.get(""))]


def _days_of(lasting: Lasting) -> Bound:
    if lasting.never_ends or lasting.extended_by:
        return None
    year = _YEAR[1] if lasting.year_ends else 0
    return lasting.after_days + lasting.after_months * 31 + year + (31 if lasting.to_month_end else 0)
