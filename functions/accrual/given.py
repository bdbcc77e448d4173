"""What rules give, by line and together, and why they do not: what judging hands from step to step. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from functions.ledger.account import Reason
from functions.ledger.by_line import ByLine
from functions.program.conditions import Facts, Moment
from functions.program.model import EarningRule
from functions.program.occasions import Purchase

NOTHING: Mapping[str, Any] = {}
quick = tuple.__new__
"""Makes a named tuple in a third of the time that calling its class takes: reasons and lines are made by the dozen."""


@dataclass(slots=True)
class Given:
    """What one rule gives: points, and facts for the explanation, or how many gifts and for what of each line.

    `split` shares the points out over the purchase's lines, in their order. It looks at what earlier rules gave, so
    whoever changes any shares looks at all of them first.
    """

    rule: EarningRule
    points: int
    split: Callable[[], list[int]]
    skipped: Mapping[str, str]
    facts: dict[str, int | str]
    gifts: int = 0
    gifts_for: Mapping[str, int] = field(default_factory=dict)
    _shares: list[int] | None = None

    @property
    def shares(self) -> list[int]:
        """The points by line."""
        if self._shares is None:
            self._shares = self.split()
        return self._shares


@dataclass(slots=True)
class Judgement:
    """What all rules gave, and why each of them did or did not. `spendable`: those that gave points to spend, `points`
    how many, `by_line` the same by the ids of the lines that got any."""

    given: list[Given]
    reasons: Sequence[Reason]
    spendable: list[Given]
    points: int
    by_line: Mapping[str, int]


def points_of(given: Sequence[Given]) -> int:
    """The points of several rules."""
    return sum([one.points for one in given])


def shares_of(given: Sequence[Given], moment: Moment) -> list[int]:
    """The points of several rules, by line."""
    if len(given) == 1:
        return given[0].shares
    return list(map(sum, zip(*[one.shares for one in given], strict=True))) if given else [0] * len(moment.lines)


def by_line(given: Sequence[Given], moment: Moment) -> Mapping[str, int]:
    """The points of several rules, by the ids of the lines that got any; none for an activity, which has no lines."""
    points = points_of(given)
    if not points or not isinstance(moment.event, Purchase):
        return NOTHING
    return ByLine(moment.ids, lambda: shares_of(given, moment), points)


def not_applied(rule: EarningRule, code: str, facts: Facts, skipped: Mapping[str, str] = NOTHING) -> Reason:
    return quick(Reason, (rule.id, False, 0, NOTHING, code, facts, skipped, rule.into))
