"""What rules do to each other: some come too late, some always lose, some add up. Pure.

Sure or silent: that a rule never counts is said only where another applies whenever it does.
"""

from collections.abc import Iterator
from fractions import Fraction

from functions.program import wording
from functions.program.checks.bounds import counts_amount, rounded, what_counts
from functions.program.checks.conditions import clash, implies, line_clash, lines_within
from functions.program.checks.costs import REFERRED
from functions.program.checks.finding import Finding
from functions.program.checks.rules import levels, never_applies, takes
from functions.program.model import PURCHASE, EarningRule, Group, Match, Program, Rate, When


class _Pairs:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.places = {group.id: i for i, group in enumerate(program.groups)}
        self.groups = {group.id: group for group in program.groups}
        self.tiers = levels(program)
        self.everyone = When(tier=Match(frozenset(self.tiers))) if self.tiers else When()
        self.rules = [
            (i, rule) for i, rule in enumerate(program.earning) if never_applies(program, rule, ("earning", i)) is None
        ]

    def occasions(self, rule: EarningRule) -> set[str]:
        """What a rule is on, and what may be that at the same time."""
        referral = self.program.referral
        return {*rule.on, *([referral.on] if referral and REFERRED in rule.on else [])}

    def never_together(self, one: EarningRule, other: EarningRule) -> str | None:
        """Why two rules never apply to the same event."""
        if not self.occasions(one) & self.occasions(other):
            return (
                f"{one.id} is on {wording.in_order(one.on, 'or')}, {other.id} is on {wording.in_order(other.on, 'or')}"
            )
        return clash(one.when, other.when, self.everyone) or line_clash(one.lines, other.lines)

    def shuts_out(self, earlier: EarningRule, later: EarningRule) -> bool:
        """Whether, where the first applies, nothing of the other's group does."""
        exclusive = self.groups[earlier.group].policy == "exclusive"
        return exclusive and self.places[earlier.group] < self.places[later.group]


def of_pairs(program: Program) -> Iterator[Finding]:
    """What rules do to each other."""
    pairs = _Pairs(program)
    for i, rule in pairs.rules:
        yield from _multiples(pairs, i, rule)
        yield from _shut_out(pairs, i, rule)
        yield from _losing(pairs, i, rule)
    for n, (i, rule) in enumerate(pairs.rules):
        for _, other in pairs.rules[:n]:
            yield from _adding_up(pairs, i, rule, other)


def _multiples(pairs: _Pairs, i: int, rule: EarningRule) -> Iterator[Finding]:
    of_rules = rule.earn.of_rules if rule.earn and not rule.earn.brackets else ()
    others = [other for other in pairs.program.earning if other.id in of_rules]
    why = {other.id: reason for other in others if (reason := _why_not_of(pairs, rule, other))}
    for other, reason in why.items():
        everything = len(why) == len(others)
        never = "can never apply" if everything else f"never counts points of {other}"
        code = "of_never_together" if everything else "of_partly_never"
        yield Finding(("earning", i, "of"), code, f"The rule {rule.id} {never}: {reason}.", serious=everything)
        if everything:
            return


def _why_not_of(pairs: _Pairs, rule: EarningRule, other: EarningRule) -> str | None:
    if pairs.shuts_out(other, rule):
        return f"{other.id} is in an exclusive group before it, and where that applies, later groups do not"
    if other.earn is None or never_applies(pairs.program, other, ()):
        return f"{other.id} never gives points"
    return pairs.never_together(rule, other)


def _shut_out(pairs: _Pairs, i: int, rule: EarningRule) -> Iterator[Finding]:
    for _, other in pairs.rules:
        if pairs.shuts_out(other, rule) and _applies_whenever(pairs, other, rule):
            problem = (
                f"The rule {rule.id} can never apply: {other.id} applies whenever it would, and the group "
                f"{other.group} is exclusive, so that groups after it do not count. Put the group {rule.group} first."
            )
            yield Finding(("earning", i), "never_after_exclusive", problem, serious=True)
            return


def _losing(pairs: _Pairs, i: int, rule: EarningRule) -> Iterator[Finding]:
    group = pairs.groups[rule.group]
    for place, other in pairs.rules:
        if other is rule or other.group != group.id or not _beats(pairs, group, other, rule, earlier=place < i):
            continue
        first = "comes first" if group.policy != "highest" else "gives at least as much"
        problem = (
            f"The rule {rule.id} always loses: {other.id} applies whenever it does and {first}, and of the group "
            f"{group.id or 'of all rules'} only one counts."
        )
        yield Finding(("earning", i), "always_loses", problem, serious=True)
        return


def _beats(pairs: _Pairs, group: Group, other: EarningRule, rule: EarningRule, *, earlier: bool) -> bool:
    if group.policy == "all" or not _applies_whenever(pairs, other, rule):
        return False
    if group.by_line:
        return earlier and other.by_line and rule.by_line and _at_least(pairs, other, rule) and _by_rate(other, rule)
    if group.policy == "highest":
        return _at_least(pairs, other, rule) if earlier else _twice(pairs, other, rule)
    return earlier


def _by_rate(*rules: EarningRule) -> bool:
    """Whether rules give every line its own points."""
    rates = [rate for rule in rules for rate in (rule.earn.rates.values() if rule.earn else [Rate(Fraction(0))])]
    return all(rate.per for rate in rates)


def _applies_whenever(pairs: _Pairs, other: EarningRule, rule: EarningRule) -> bool:
    """Whether `other` surely applies whenever `rule` does."""
    if other.limits or other.cooldown_days or other.budget is not None or pairs.groups[other.group].limits:
        return False
    if not (set(rule.on) <= set(other.on) and implies(rule.when, other.when) and lines_within(rule.lines, other.lines)):
        return False
    return _reaches_minimum(other, rule) and (_gives_anyway(other, rule) or _at_least(pairs, other, rule))


def _reaches_minimum(other: EarningRule, rule: EarningRule) -> bool:
    if other.minimum <= 0:
        return True
    paid = (rule.when.paid.at_least or 0) if rule.when.paid else 0
    if counts_amount(other) and other.lines is None and paid >= other.minimum:
        return True
    return rule.minimum >= other.minimum and _counts_as_much(other, rule)


def _gives_anyway(other: EarningRule, rule: EarningRule) -> bool:
    """Whether a rule gives something, however much there is of what it counts."""
    if other.earn is None:
        if rule.gift is None or other.gift is None:
            return other.gift is not None and other.gift.per_full == 0
        return rule.gift.per_full >= other.gift.per_full and (_counts_as_much(other, rule) or not other.gift.per_full)
    flat = not other.earn.brackets and set(other.earn.rates) == {""} and other.earn.rates[""].per == 0
    return flat and not other.earn.of_rules and rounded(other.earn.rates[""].points, other.rounding) > 0


def _counts_as_much(other: EarningRule, rule: EarningRule) -> bool:
    """Whether `other` counts at least as much as `rule` where its lines and conditions are as wide."""
    mine, others = (one.earn.of_rules if one.earn else () for one in (rule, other))
    if others or mine:
        return rule.group == other.group and bool(mine) and set(mine) <= set(others)
    return what_counts(rule) == what_counts(other) and not what_counts(rule).startswith("attributes.")


def _at_least(pairs: _Pairs, other: EarningRule, rule: EarningRule) -> bool:
    """Whether `other` gives at least as many points as `rule` whenever both apply."""
    if rule.earn is None:
        return False
    if other.earn is None or other.earn.brackets or rule.earn.brackets or not _counts_as_much(other, rule):
        return False
    if other.rounding != rule.rounding or other.by_line is not rule.by_line:
        return False
    return all(
        (theirs := other.earn.rate(tier)) is not None and _no_less(theirs, mine)
        for tier in (*pairs.tiers, "")
        if takes(rule.when.tier, tier) and (mine := rule.earn.rate(tier)) is not None
    )


def _no_less(theirs: Rate, mine: Rate) -> bool:
    if not theirs.per or not mine.per:
        return not theirs.per and not mine.per and theirs.points >= mine.points
    if theirs.points / theirs.per < mine.points / mine.per:
        return False
    return not theirs.full or (mine.full and mine.per % theirs.per == 0)


def _twice(pairs: _Pairs, other: EarningRule, rule: EarningRule) -> bool:
    """Whether `other` gives surely more: at twice the rate, rounded down, there is no tie."""
    if rule.rounding != "floor" or rule.earn is None or not _at_least(pairs, other, rule) or not _by_rate(other, rule):
        return False
    rates = [
        (theirs, mine)
        for tier in (*pairs.tiers, "")
        if takes(rule.when.tier, tier)
        and (mine := rule.earn.rate(tier))
        and other.earn
        and (theirs := other.earn.rate(tier))
    ]
    return all(theirs.points / theirs.per >= 2 * mine.points / mine.per for theirs, mine in rates)


def _adding_up(pairs: _Pairs, i: int, rule: EarningRule, other: EarningRule) -> Iterator[Finding]:
    """Two rates for the same lines that both count."""
    if not (_is_rate(rule) and _is_rate(other)) or pairs.never_together(rule, other):
        return
    if not lines_within(rule.lines, other.lines) and not lines_within(other.lines, rule.lines):
        return
    if rule.group == other.group and pairs.groups[rule.group].policy != "all":
        return
    if pairs.shuts_out(rule, other) or pairs.shuts_out(other, rule):
        return
    tier = next((one for one in [*pairs.tiers, ""] if _rate_of(rule, one) and _rate_of(other, one)), None)
    if tier is None:
        return
    each = _rate_of(rule, tier) + _rate_of(other, tier)
    problem = (
        f"The rules {other.id} and {rule.id} both count on the lines that both take: together they give "
        f"{wording.points(100 * each)} per {wording.money(100, pairs.program.currency)}. If only one should, put them "
        "in one group with the policy highest."
    )
    yield Finding(("earning", i), "rates_add_up", problem)


def _is_rate(rule: EarningRule) -> bool:
    return PURCHASE in rule.on and rule.into is None and rule.earn is not None and counts_amount(rule)


def _rate_of(rule: EarningRule, tier: str) -> Fraction:
    """Points per minor unit; 0 where it is no rate."""
    rate = rule.earn.rate(tier) if rule.earn and takes(rule.when.tier, tier) else None
    return rate.points / rate.per if rate and rate.per else Fraction(0)
