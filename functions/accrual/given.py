"""What rules give, by line and together, and why they do not: what judging hands from step to step. Pure."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from functions.ledger.account import Reason
from functions.ledger.by_line import ByLine
from functions.program.conditions import Facts, Moment
from functions.program.model import EarningRule
from functions.program.occasions import Purchase

NOTHING: Mapping[str, Any] = {}
quick = tuple.__new__
"""Makes a named tuple in a third of the time that calling its class takes: reasons and lines are made by the dozen."""


class Given:
    """What one rule gives: points, and facts for the explanation, or how many gifts and for what of each line.

    `split` shares the points out over the purchase's lines, in their order. It looks at what earlier rules gave, so
    whoever changes any shares looks at all of them first.
    """

    __slots__ = ("_shares", "_split", "facts", "gifts", "gifts_for", "points", "rule", "skipped")

    def __init__(
        self,
        rule: EarningRule,
        points: int,
        split: Callable[[], list[int]],
        skipped: Mapping[str, str],
        facts: dict[str, int | str],
        gifts: int = 0,
        gifts_for: Mapping[str, int] = NOTHING,
    ) -> None:
        self.rule = rule
        self.points = points
        self._split = split
        self.skipped = skipped
        self.facts = facts
        self.gifts = gifts
        self.gifts_for = gifts_for
        self._shares: list[int] | None = None

    @property
    def shares(self) -> list[int]:
        """The points by line."""
        if self._shares is None:
            self._shares = self._split()
        return self._shares


class Judgement(NamedTuple):
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
    """The points of several rules, as `parts`."""
    return parts(points_of(given), lambda: shares_of(given, moment), moment)


def parts(points: int, shares: Callable[[], Sequence[int]], moment: Moment) -> Mapping[str, int]:
    """Points by the ids of the lines that got any; none for an activity, which has no lines."""
    return ByLine(moment.ids, shares, points) if points and isinstance(moment.event, Purchase) else NOTHING


def not_applied(rule: EarningRule, code: str, facts: Facts, skipped: Mapping[str, str] = NOTHING) -> Reason:
    return quick(Reason, (rule.id, False, 0, NOTHING, code, facts, skipped, rule.into))
