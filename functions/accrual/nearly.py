"""What a little more would bring: the rules and goals that a basket nearly reaches. Pure.

What is missing is read from the rules; what it would bring is not computed beside them but by judging the basket again
with that much more in it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from functions.ledger.account import Posting, Reason
from functions.program.model import SPEND, EarningRule, Goal, Program, Text
from functions.program.occasions import Purchase, PurchaseLine

MOST_TOLD = 3
_LINES_TRIED = 20


@dataclass(frozen=True, slots=True)
class Nearly:
    """`missing` (minor units) more, and the rule or goal brings `points` and `rewards` (ids) that the basket as it is
    does not bring."""

    rule: str
    text: Text
    missing: int
    points: int
    rewards: Sequence[str]


def nearly_reached(
    purchase: Purchase, judged: Posting, program: Program, judge: Callable[[Purchase], Posting]
) -> list[Nearly]:
    """The nearest first, at most `MOST_TOLD`, and nothing that takes more than the basket again."""
    reasons = {reason.rule: reason for reason in judged.explanation}
    paid = sum(line.amount for line in purchase.lines)
    found: list[Nearly] = []
    rules: list[EarningRule | Goal] = [*program.earning, *program.goals]
    for rule in rules:
        reason = reasons.get(rule.id)
        missing = min(_missing(rule, reason, purchase, paid), default=0) if reason else 0
        if reason and 0 < missing <= paid:
            found += _brought(rule, reason, missing, purchase, judged, judge)
    return sorted(found, key=lambda one: (one.missing, -one.points))[:MOST_TOLD]


def _missing(rule: EarningRule | Goal, reason: Reason, purchase: Purchase, paid: int) -> Iterator[int]:
    """How much more might make a difference to a rule; whether it does is seen when it is judged."""
    counted = sum(line.amount for line in purchase.lines if line.id not in reason.skipped)
    if isinstance(rule, Goal):
        if rule.counts == SPEND and "progress" in reason.facts:
            yield rule.reach - int(reason.facts["progress"]) % rule.reach
        return
    if rule.when.paid and rule.when.paid.at_least and paid < rule.when.paid.at_least:
        yield rule.when.paid.at_least - paid
        return
    if counted < rule.minimum:
        yield rule.minimum - counted
        return
    if rule.gift and rule.gift.per_full:
        yield rule.gift.per_full - counted % rule.gift.per_full
    for bracket in rule.earn.brackets if rule.earn else ():
        if counted < bracket.start:
            yield bracket.start - counted
    for rate in rule.earn.rates.values() if rule.earn else ():
        if rate.full:
            yield rate.per - counted % rate.per


def _brought(
    rule: EarningRule | Goal,
    before: Reason,
    missing: int,
    purchase: Purchase,
    judged: Posting,
    judge: Callable[[Purchase], Posting],
) -> Iterator[Nearly]:
    """What so much more brings, on the first line on which it brings anything by this rule."""
    for i, line in enumerate(purchase.lines[:_LINES_TRIED]):
        if line.id in before.skipped:
            continue
        more = judge(replace(purchase, lines=_with_more(purchase.lines, i, missing)))
        after = next((reason for reason in more.explanation if reason.rule == rule.id), before)
        rewards = _rewards(more, rule.id)[len(_rewards(judged, rule.id)) :]
        by_it = after.points > before.points or rewards
        if after.applied and by_it and (more.points > judged.points or rewards):
            yield Nearly(rule.id, rule.text, missing, more.points - judged.points, rewards)
            return


def _with_more(lines: Sequence[PurchaseLine], i: int, more: int) -> list[PurchaseLine]:
    return [*lines[:i], lines[i]._replace(amount=lines[i].amount + more), *lines[i + 1 :]]


def _rewards(posting: Posting, rule: str) -> list[str]:
    """What a rule or goal gave, each as often as it gave it."""
    of_rule = [one for one in posting.issued if one.basis and one.basis.rule == rule]
    return [one.reward for one in of_rule for _ in range(one.basis.times if one.value and one.basis else 1)]
