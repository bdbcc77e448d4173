"""A programme made ready to judge quickly: conditions as a list of tests, lines sorted out once per kind of line. Pure.

A test that fails gives the code that the explanation names. What a line is (its sku, brand, categories, attributes)
repeats from basket to basket: which rules take it is remembered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from functions.program.conditions import Test, line_test, tests_of
from functions.program.model import EarningRule, Goal, Program
from functions.program.occasions import PurchaseLine

_REMEMBERED = 200_000


@dataclass(frozen=True, slots=True)
class Ready:
    """A rule, and what judging it takes, found out once.

    `place` of its line filter, None where it takes every line. `of`: what it counts. `owner`: in whose name its limits
    count. `again`: whether it may have applied too often, or too recently. `rates` by tier, as two whole numbers, where
    its points are a part of what it counts, rounded down once for the purchase.
    """

    rule: EarningRule
    id: str
    into: str | None
    tests: tuple[Test, ...]
    place: int | None
    of: str
    owner: str
    again: bool
    rates: Mapping[str, tuple[int, int]] | None


class Rulebook:
    """The rules of one version, ready."""

    def __init__(self, program: Program) -> None:
        self.goal_tests = {goal.id: tests_of(goal.when) for goal in program.goals}
        self.referral_tests = tests_of(program.referral.when) if program.referral else ()
        self._by_occasions: dict[tuple[str, ...], list[list[Ready]]] = {}
        self.order = {rule.id: i for i, rule in enumerate(program.earning)}
        filtered: list[EarningRule | Goal] = [rule for rule in program.earning if rule.lines]
        filtered += [goal for goal in program.goals if goal.lines]
        self._filters = [line_test(one.lines) for one in filtered if one.lines]
        self.place = {one.id: i for i, one in enumerate(filtered)}
        self._by_attributes = any(one.lines and (one.lines.attributes or one.lines.cel) for one in filtered)
        # What makes a kind of line: sku, categories, brand and discounted; the sku only where a filter asks for it.
        self._kind = slice(3 if any(one.lines and one.lines.sku for one in filtered) else 4, 7)
        self._known: dict[Any, tuple[str | None, ...]] = {}
        rules = [_ready(rule, self.place[rule.id] if rule.lines else None) for rule in program.earning]
        self._grouped = [[one for one in rules if one.rule.group == group.id] for group in program.groups]

    def rules_on(self, occasions: tuple[str, ...]) -> list[list[Ready]]:
        """The rules for a kind of event, or for several that coincide, by group in their order."""
        found = self._by_occasions.get(occasions)
        if found is None:
            found = [[one for one in rules if set(occasions) & set(one.rule.on)] for rules in self._grouped]
            self._by_occasions[occasions] = found
        return found

    def failing(self, lines: Sequence[PurchaseLine]) -> list[tuple[str | None, ...]]:
        """For every filter of the programme, what each line fails."""
        if not self._filters:
            return []
        known, kind = self._known, self._kind
        found: list[Any] = [known.get(line[kind]) for line in lines]
        if None in found:
            found = [self.sorted_out(line) for line in lines]
        return list(zip(*found, strict=True))

    def sorted_out(self, line: PurchaseLine) -> tuple[str | None, ...]:
        """For every filter of the programme: None if it takes the line, else the condition that fails."""
        if self._by_attributes:
            return tuple([test(line) for test in self._filters])
        kind = line[self._kind]
        found = self._known.get(kind)
        if found is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            found = self._known[kind] = tuple([test(line) for test in self._filters])
        return found


def _ready(rule: EarningRule, place: int | None) -> Ready:
    of = rule.earn.of if rule.earn else rule.gift.of if rule.gift else "amount"
    again = rule.cooldown_days > 0 or any(limit.times is not None for limit in rule.limits)
    return Ready(rule, rule.id, rule.into, tests_of(rule.when), place, of, f"rule.{rule.id}", again, _plain_rates(rule))


def _plain_rates(rule: EarningRule) -> Mapping[str, tuple[int, int]] | None:
    earn = rule.earn
    if earn is None or earn.brackets or rule.by_line or rule.rounding != "floor":
        return None
    if any(rate.full or not rate.per for rate in earn.rates.values()):
        return None
    return {tier: (rate.points.numerator, rate.points.denominator * rate.per) for tier, rate in earn.rates.items()}


@lru_cache(maxsize=8)
def rulebook_of(program: Program) -> Rulebook:
    """The rulebook of a programme, made once; of the versions that were asked for last, for a book may be large."""
    return Rulebook(program)
