"""What is wrong with a rule by itself: conditions that never hold, points that come to nothing, small limits. Pure."""

from collections.abc import Iterator, Sequence
from datetime import date

from functions.program import budgets, wording
from functions.program.checks.bounds import counts_amount, gift_times, least_of, rounded, rule_most
from functions.program.checks.conditions import clash, line_clash
from functions.program.checks.costs import REFERRAL_MADE, REFERRED
from functions.program.checks.finding import Finding, Path
from functions.program.model import EarningRule, LineFilter, Match, Program, When
from functions.runtime.validation import LARGEST_AMOUNT


def of_rules(program: Program, today: date | None) -> Iterator[Finding]:
    """What is wrong with each rule by itself."""
    for i, rule in enumerate(program.earning):
        path: Path = ("earning", i)
        mistake = never_applies(program, rule, path)
        if mistake:
            yield mistake
            continue
        yield from _small_limits(program, rule, path)
        yield from over(f"The rule {rule.id}", rule.when.last_day, today, (*path, "when", "last_day"))
        yield from of_conditions(program, f"The rule {rule.id}", rule.when, (*path, "when"), rule.on)
        yield from _odd_lines(rule, path)
        yield from _odd_tiers(program, rule, path)
        if program.referral is None and set(rule.on) <= {REFERRED, REFERRAL_MADE}:
            yield Finding(
                (*path, "on"),
                "no_referral",
                f"The rule {rule.id} waits for a referral, and nothing says when a referral counts: add referral.",
            )


def never_applies(program: Program, rule: EarningRule, path: Path) -> Finding | None:
    """Why a rule can never apply, whatever the other rules are."""
    named = f"The rule {rule.id} can never apply"
    if problem := clash(rule.when):
        return Finding((*path, "when"), "conditions_never_hold", f"{named}: {problem}.", serious=True)
    if problem := line_clash(rule.lines):
        return Finding((*path, "lines"), "lines_never_count", f"{named}: {problem}.", serious=True)
    tiers = levels(program)
    if tiers and not [tier for tier in tiers if takes(rule.when.tier, tier)]:
        return Finding((*path, "when", "tier"), "no_tier_taken", f"{named}: it leaves out every tier.", serious=True)
    worlds = [*tiers, ""]
    if rule.earn and rule.earn.rates and not _paid_tiers(rule, worlds):
        problem = f"{named}: it has a rate for {wording.listed(rule.earn.rates)}, which its conditions leave out."
        return Finding(path, "no_rate_for_tier", problem, serious=True)
    if not _gives_something(rule, worlds):
        return Finding(path, "comes_to_nothing", f"{named}: {_why_nothing(program, rule)}.", serious=True)
    return _budget(rule, path, worlds)


def takes(match: Match | None, tier: str) -> bool:
    """Whether a condition on tiers takes one."""
    return match is None or match.takes(tier)


def levels(program: Program) -> list[str]:
    """The tiers, lowest first."""
    return [level.id for level in program.tiers.levels] if program.tiers else []


def _paid_tiers(rule: EarningRule, tiers: Sequence[str]) -> list[str]:
    """The tiers that a rule takes and has a rate for."""
    assert rule.earn is not None
    return [tier for tier in tiers if takes(rule.when.tier, tier) and rule.earn.rate(tier)]


def _gives_something(rule: EarningRule, tiers: Sequence[str]) -> bool:
    """Whether the largest purchase brings anything."""
    if rule.earn is None:
        return gift_times(rule, LARGEST_AMOUNT) != 0
    counted = LARGEST_AMOUNT if counts_amount(rule) else None
    return any(rule_most(rule, tier, counted) != 0 for tier in tiers)


def _why_nothing(program: Program, rule: EarningRule) -> str:
    if counts_amount(rule) and rule.when.paid and rule.when.paid.at_most is not None:
        most = wording.money(rule.when.paid.at_most, program.currency)
        return f"at most {most} may be paid, which is below its minimum or too little for a point or reward"
    return "its points are less than one and are rounded to nothing; give whole points, or round: ceil"


def _budget(rule: EarningRule, path: Path, tiers: Sequence[str]) -> Finding | None:
    award = smallest_award(rule, tiers)
    if rule.budget is None or award <= max(budgets.portions(rule.budget)):
        return None
    problem = f"The rule {rule.id} can never apply: it gives at least {award} at once, and its budget is {rule.budget}."
    return Finding((*path, "budget"), "budget_below_award", problem, serious=True)


def smallest_award(rule: EarningRule, tiers: Sequence[str]) -> int:
    """The fewest points or gifts that a rule gives while none of its limits is used."""
    if rule.earn is None or rule.earn.brackets:
        return 1
    rates = [rate for tier in _paid_tiers(rule, tiers) if (rate := rule.earn.rate(tier))]
    if any(rate.per and not rate.full for rate in rates):
        return 1
    fewest = min(max(1, rounded(rate.points, rule.rounding)) for rate in rates)
    return least_of([fewest, *(limit.points for limit in rule.limits)]) or 1


def _small_limits(program: Program, rule: EarningRule, path: Path) -> Iterator[Finding]:
    award = smallest_award(EarningRule(rule.id, "", {}, when=rule.when, earn=rule.earn), [*levels(program), ""])
    for j, limit in enumerate(rule.limits):
        if limit.points is not None and limit.points < award:
            problem = f"The rule {rule.id} gives {award} points at once, and its limit cuts them to {limit.points}."
            yield Finding((*path, "limits", j), "limit_below_award", problem)


def over(named: str, last_day: date | None, today: date | None, path: Path) -> Iterator[Finding]:
    """What is over is no mistake, but good to know."""
    if last_day is not None and today is not None and last_day < today:
        yield Finding(path, "is_over", f"{named} is over since {wording.day(last_day)}.")


def of_conditions(program: Program, named: str, when: When, path: Path, on: Sequence[str]) -> Iterator[Finding]:
    """What conditions name that is not there."""
    declared = [program.activities[one].attributes for one in on if one in program.activities]
    if len(declared) == len(on):
        for name in when.attributes:
            if not any(name in attributes for attributes in declared):
                problem = f"{named} wants an attribute {name}, which {wording.listed(on)} does not declare."
                yield Finding((*path, "attributes", name), "undeclared_attribute", problem)


def _odd_lines(rule: EarningRule, path: Path) -> Iterator[Finding]:
    if rule.lines == LineFilter():
        problem = f"The filter of the rule {rule.id} says nothing, so every line counts: say which, or leave lines out."
        yield Finding((*path, "lines"), "lines_take_all", problem)


def _odd_tiers(program: Program, rule: EarningRule, path: Path) -> Iterator[Finding]:
    for tier in rule.earn.rates if rule.earn else ():
        if tier and not takes(rule.when.tier, tier):
            problem = f"The rule {rule.id} has a rate for {tier}, which its conditions leave out: it is never used."
            yield Finding(path, "rate_unused", problem)
    if rule.gift and rule.gift.tier and rule.gift.tier == levels(program)[0]:
        problem = f"The rule {rule.id} gives {rule.gift.tier}, the tier that everyone has."
        yield Finding((*path, "tier"), "gives_lowest_tier", problem)
