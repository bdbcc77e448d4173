"""The most that a rule gives, and rules of a group together: whole points, never fewer than could be given. Pure."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import TypeAlias

from functions.program.model import Earn, EarningRule, Group, Limit, Range, Rate, Rounding

Bound: TypeAlias = int | None
"""None where there is none."""


def together(group: Group, rules: Sequence[EarningRule], bounds: Sequence[Bound]) -> Bound:
    """What rules of a group give together, as its policy has it."""
    if group.policy == "all":
        return total_of(bounds)
    if group.by_line and not all(map(_is_plain, rules)):
        return total_of(bounds)  # rules may take turns, line after line, and each rounds its own total
    return most_of(bounds)


def _is_plain(rule: EarningRule) -> bool:
    """Whether the best of such rules, line by line, is never more than the best of them for the whole."""
    earn = rule.earn
    if earn is None or earn.brackets or earn.of != "amount" or earn.of_rules:
        return False
    if rule.limits or rule.budget is not None or rule.when.paid or rule.minimum:
        return False
    in_proportion = all(rate.per and not rate.full for rate in earn.rates.values())
    return rule.by_line and rule.rounding == "floor" and in_proportion


def rule_most(rule: EarningRule, tier: str, counted: Bound) -> Bound:
    """The most points that a rule gives a tier, where there is at most so much of what it counts."""
    if rule.earn is None or (rule.when.tier and not rule.when.tier.takes(tier)):
        return 0
    if counted is not None and counts_amount(rule):
        counted = paid_within(rule.when.paid, counted)
    if counted is not None and counted < rule.minimum:
        return 0
    return least_of([limited(_points(rule, rule.earn, tier, counted), rule.limits), rule.budget])


def counts_amount(rule: EarningRule) -> bool:
    """Whether a rule counts what was paid."""
    return what_counts(rule) == "amount" and not (rule.earn and rule.earn.of_rules)


def what_counts(rule: EarningRule) -> str:
    """What a rule counts, where it is not the points of other rules."""
    return rule.earn.of if rule.earn else rule.gift.of if rule.gift else "amount"


def paid_within(paid: Range | None, total: int) -> int:
    """How much of `total` a purchase can have cost where its price must lie in a range; below 0 where it cannot."""
    if paid is None:
        return total
    most = total if paid.at_most is None else min(total, paid.at_most)
    return most if (paid.at_least or 0) <= most else -1


def gift_times(rule: EarningRule, total: int) -> Bound:
    """How many gifts a rule gives at most for a purchase of `total`."""
    paid = paid_within(rule.when.paid, total)
    counted = paid if counts_amount(rule) else None
    if rule.gift is None or paid < 0 or (counted is not None and counted < rule.minimum):
        return 0
    if not rule.gift.per_full:
        return 1
    return least_of([None if counted is None else counted // rule.gift.per_full, rule.budget])


def _points(rule: EarningRule, earn: Earn, tier: str, counted: Bound) -> Bound:
    if not earn.brackets:
        rate = earn.rate(tier)
        return 0 if rate is None else _at(rule, rate, counted)
    if not earn.marginal:
        tops = [step.start - 1 for step in earn.brackets[1:]]
        parts = [
            _at(rule, step.rate, least_of([counted, top]))
            for step, top in zip(earn.brackets, [*tops, counted], strict=True)
            if counted is None or step.start <= counted
        ]
        return most_of(parts)
    if counted is None:
        return None
    ends = [*(step.start for step in earn.brackets[1:]), counted]
    values = [max(0, min(counted, end) - step.start) for step, end in zip(earn.brackets, ends, strict=True)]
    shares = [step.rate.points * value / step.rate.per for step, value in zip(earn.brackets, values, strict=True)]
    return rounded(sum(shares, Fraction(0)), rule.rounding)


def _at(rule: EarningRule, rate: Rate, counted: Bound) -> Bound:
    """At one rate. Where each line is rounded up by itself, each may gain by it."""
    if rate.per == 0:
        return rounded(rate.points, rule.rounding)
    if counted is None:
        return None
    each = rate.points if rate.full else rate.points / rate.per
    times = max(0, counted // rate.per if rate.full else counted)
    if not rule.by_line or rule.rounding == "floor":
        return rounded(each * times, rule.rounding)
    most = Fraction(rounded(each, "ceil")) if rule.rounding == "ceil" else min(2 * each, each + Fraction(1, 2))
    return rounded(most * times, "floor")


def rounded(points: Fraction, rounding: Rounding) -> int:
    """To whole points."""
    if rounding == "half_up":
        return int((points + Fraction(1, 2)) // 1)
    return int(points // 1) if rounding == "floor" else -int(-points // 1)


def limited(points: Bound, limits: Iterable[Limit]) -> Bound:
    """Within the limits: what a period allows is the most that a single purchase gets."""
    return least_of([points, *(limit.points for limit in limits)])


def least_of(bounds: Iterable[Bound]) -> Bound:
    """The strictest bound."""
    return min((bound for bound in bounds if bound is not None), default=None)


def most_of(bounds: Sequence[Bound]) -> Bound:
    """The bound of the one that gives most."""
    return None if None in bounds else max((bound or 0 for bound in bounds), default=0)


def total_of(bounds: Sequence[Bound]) -> Bound:
    """The bound of all together."""
    return None if None in bounds else sum(bound or 0 for bound in bounds)


def times_of(times: Bound, each: int) -> Bound:
    """So many times as much."""
    return 0 if each == 0 else None if times is None else times * each
