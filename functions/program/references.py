"""Whether the names in a programme file fit together: every rule, tier, reward, counter and activity that is named must
be there, and be one of those that can stand there. Pure."""

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from functions.program.cel import roots
from functions.program.goal_grammar import ConversionIn, GoalIn
from functions.program.grammar import GroupIn, ProgramIn, ReferralIn
from functions.program.model import (
    BUILT_IN,
    MONTHS,
    POINTS,
    PROFILE,
    PURCHASE,
    REDEMPTION,
    REFERRED,
    SPEND,
    VISITS,
    Match,
)
from functions.program.reward_grammar import RewardIn
from functions.program.rule_grammar import LastingIn, RuleIn
from functions.program.vocabulary import WhenIn

Path: TypeAlias = tuple[int | str, ...]
Mistake: TypeAlias = tuple[Path, str, str]
"""Where, a stable code, and what would be right."""

_MEASURES = {SPEND, POINTS, VISITS}
_EXTENDING = {PURCHASE, REDEMPTION}


def mistakes(document: ProgramIn) -> Iterator[Mistake]:
    """Every mistake in a file whose shape is right."""
    names = _Names(document)
    yield from _doubles(document)
    yield from _reserved(document)
    yield from _points(document, names)
    yield from _tiers(document, names)
    for i, rule in enumerate(document.earning):
        for path, code, problem in _rule(document, rule, names):
            yield ("earning", i, *path), code, problem
    for i, goal in enumerate(document.goals):
        for path, code, problem in _goal(goal, names):
            yield ("goals", i, *path), code, problem
    for i, conversion in enumerate(document.conversions):
        yield from _conversion(i, conversion, names)
    for i, reward in enumerate(document.rewards):
        yield from _reward(i, reward, names)
        if reward.id in _given(document) and reward.handed_over() != "code":
            yield ("rewards", i), "given", "It is given by a rule, a goal or a conversion: it needs fulfilment: code"
    if document.referral:
        yield from _referral(document.referral, names)
    if document.messages and document.messages.each:
        from functions.program.messages.checks import wrong_words  # not at the top: few programmes have their own

        yield from wrong_words(document.messages)


class _Names:
    def __init__(self, document: ProgramIn) -> None:
        self.tiers = [level.id for level in document.tiers.levels] if document.tiers else []
        self.counters = [counter.id for counter in document.counters]
        self.activities = [activity.id for activity in document.activities]
        self.occasions = [PURCHASE, *BUILT_IN, *self.activities]
        self.rewards = [reward.id for reward in document.rewards]
        self.rules = [rule.id for rule in document.earning]
        counted = (set(BUILT_IN) - {REFERRED}) | set(self.activities)
        self.measures = sorted(_MEASURES | set(self.counters) | counted)
        self.extending = sorted({PURCHASE, REDEMPTION} | counted)
        self.numbers = {
            activity.id: [name for name, kind in activity.attributes.items() if kind == "number"]
            for activity in document.activities
        }


def _unknown(path: Path, what: str, name: str, known: Iterable[str]) -> Iterator[Mistake]:
    known = list(known)
    if name in known:
        return
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"there is {', '.join(known)}" if known else "there is none"
    yield path, f"unknown_{what}", f"There is no {what} {name}: {hint}"


def _doubles(document: ProgramIn) -> Iterator[Mistake]:
    lists = {
        "earning": [rule.id for rule in document.earning],
        "goals": [goal.id for goal in document.goals],
        "conversions": [conversion.id for conversion in document.conversions],
        "rewards": [reward.id for reward in document.rewards],
        "counters": [counter.id for counter in document.counters],
        "activities": [activity.id for activity in document.activities],
    }
    if document.tiers:
        lists["tiers"] = [level.id for level in document.tiers.levels]
    for name, ids in lists.items():
        for one, times in Counter(ids).items():
            if times > 1:
                i = len(ids) - 1 - ids[::-1].index(one)
                path: Path = ("tiers", "levels", i, "id") if name == "tiers" else (name, i, "id")
                yield path, "duplicate_id", f"{name} has two entries with id {one}"
    rules = set(lists["earning"])
    for i, goal in enumerate(document.goals):
        if goal.id in rules:
            yield ("goals", i, "id"), "duplicate_id", f"A rule has the id {goal.id} already"


def _reserved(document: ProgramIn) -> Iterator[Mistake]:
    taken = {*_MEASURES, MONTHS, *_EXTENDING, *BUILT_IN}
    if document.members:
        known = [*PROFILE, *document.members.attributes]
        for j, name in enumerate(document.members.complete):
            yield from _unknown(("members", "complete", j), "field", name, known)
    for i, activity in enumerate(document.activities):
        for j, name in enumerate(activity.required):
            yield from _unknown(("activities", i, "required", j), "attribute", name, list(activity.attributes))
        if activity.id in taken:
            yield ("activities", i, "id"), "reserved", f"{activity.id} means something else already"
    for i, counter in enumerate(document.counters):
        if counter.id in taken | {activity.id for activity in document.activities}:
            yield ("counters", i, "id"), "reserved", f"{counter.id} means something else already"


def _points(document: ProgramIn, names: _Names) -> Iterator[Mistake]:
    expire = document.points.expire
    by_tier = expire if isinstance(expire, dict) else {"": expire}
    for tier, lasting in by_tier.items():
        path: Path = ("points", "expire", tier) if tier else ("points", "expire")
        if tier:
            yield from _unknown(path, "tier", tier, names.tiers)
        if isinstance(lasting, LastingIn):
            yield from _extending(path, lasting, names)
    if isinstance(expire, dict):
        for tier in names.tiers:
            if tier not in expire:
                yield ("points", "expire"), "missing_tier", f"Say how long the points of {tier} last"
    if document.purchases and document.purchases.most_benefit_percent and document.points.worth is None:
        yield ("purchases", "most_benefit_percent"), "missing_worth", "This needs points: worth, what a point is worth"


def _extending(path: Path, lasting: LastingIn, names: _Names) -> Iterator[Mistake]:
    for i, what in enumerate(lasting.extended_by or ()):
        yield from _unknown((*path, "extended_by", i), "activity", what, names.extending)


def _tiers(document: ProgramIn, names: _Names) -> Iterator[Mistake]:
    if not document.tiers:
        return
    for i, level in enumerate(document.tiers.levels):
        for list_name, ways in (("reach", level.reach), ("lifetime", level.lifetime)):
            for j, way in enumerate(ways):
                for measure in way:
                    path = ("tiers", "levels", i, list_name, j, measure)
                    yield from _unknown(path, "measure", measure, [*names.measures, MONTHS])


def _rule(document: ProgramIn, rule: RuleIn, names: _Names) -> Iterator[Mistake]:
    yield from _on(rule, names)
    yield from _group(document, rule)
    if rule.when:
        yield from _when(("when",), rule.when, names, of_purchase=PURCHASE in rule.occasions)
    if rule.lines and PURCHASE not in rule.occasions:
        yield ("lines",), "lines", "Only purchases have lines"
    if rule.lines:
        yield from _cel(("lines", "cel"), rule.lines.cel, {"line"})
    yield from _by_tier(rule, names)
    if rule.reward:
        yield from _unknown(("reward",), "reward", rule.reward, names.rewards)
    if rule.tier:
        yield from _unknown(("tier",), "tier", rule.tier, names.tiers)
    if rule.into:
        yield from _unknown(("into",), "counter", rule.into, names.counters)
    if isinstance(rule.expire, LastingIn):
        yield from _extending(("expire",), rule.expire, names)
    yield from _of(document, rule, names)


def _on(rule: RuleIn, names: _Names) -> Iterator[Mistake]:
    for i, occasion in enumerate(rule.occasions):
        path: Path = ("on", i) if isinstance(rule.on, list) else ("on",)
        yield from _unknown(path, "activity", occasion, names.occasions)
    if PURCHASE in rule.occasions and len(rule.occasions) > 1:
        yield ("on",), "mixed", "A rule is on purchases or on activities; write two rules"


def _by_tier(rule: RuleIn, names: _Names) -> Iterator[Mistake]:
    for name in ("points", "multiply"):
        by_tier = getattr(rule, name)
        for tier in by_tier if isinstance(by_tier, dict) else ():
            yield from _unknown((name, tier), "tier", tier, names.tiers)
    if isinstance(rule.points, dict):
        for tier in names.tiers:
            if tier not in rule.points and not _tier_left_out(rule, tier):
                yield ("points",), "missing_tier", f"Say how many points {tier} gets, or leave {tier} out in when: tier"


def _tier_left_out(rule: RuleIn, tier: str) -> bool:
    match = rule.when.tier if rule.when else None
    return match is not None and not match.takes(tier)


def _group(document: ProgramIn, rule: RuleIn) -> Iterator[Mistake]:
    if not document.groups:
        if rule.group:
            yield ("group",), "unknown_group", "The programme has no groups: name them under groups, with their policy"
        if len(document.earning) > 1:
            yield (), "missing_group", "With more than one rule, say under groups what counts when several apply"
    elif rule.group is None:
        yield (), "missing_group", f"Say the group of this rule: {', '.join(document.groups)}"
    else:
        yield from _unknown(("group",), "group", rule.group, document.groups)
        group = document.groups.get(rule.group)
        policy = group.policy if isinstance(group, GroupIn) else group
        if policy == "highest" and (rule.reward or rule.tier):
            yield ("group",), "gift_in_highest", "highest compares points, and this rule gives none: use another group"


def _of(document: ProgramIn, rule: RuleIn, names: _Names) -> Iterator[Mistake]:
    if isinstance(rule.of, list):
        order = list(document.groups)
        groups = {one.id: one.group for one in document.earning}
        for i, other in enumerate(rule.of):
            path: Path = ("of", i)
            yield from _unknown(path, "rule", other, names.rules)
            into = next((one.into for one in document.earning if one.id == other), None)
            if into not in {None, rule.into}:
                yield path, "other_counter", f"{other} goes into {into}: say into: {into} here as well"
            if other == rule.id:
                yield path, "itself", "A rule cannot count its own points"
            both_known = groups.get(other) in order and rule.group in order
            if both_known and order.index(groups[other] or "") >= order.index(rule.group or ""):
                yield path, "rule_too_late", f"{other} must be of a group that is listed before {rule.group}"
        return
    counted = rule.of or "amount"
    if PURCHASE in rule.occasions:
        if not (counted in {"amount", "quantity"} or counted.startswith(("attributes.", "lines."))):
            yield ("of",), "of", "Input should be amount, quantity, attributes.<name>, lines.<name>, or a list of rules"
        return
    counts = rule.per or rule.per_full or rule.brackets or rule.minimum or rule.of
    numbers = [set(names.numbers.get(occasion, ())) for occasion in rule.occasions]
    known = [f"attributes.{name}" for name in sorted(set.intersection(*numbers))]
    if counts and counted not in known:
        yield ("of",), "of", f"An activity is counted by a number: {', '.join(known) or 'it declares none'}"


def _when(path: Path, when: WhenIn, names: _Names, *, of_purchase: bool) -> Iterator[Mistake]:
    if isinstance(when.tier, Match):
        for tier in sorted(map(str, when.tier.values)):
            yield from _unknown((*path, "tier"), "tier", tier, names.tiers)
    yield from _cel((*path, "cel"), when.cel, {"purchase" if of_purchase else "activity", "member"})
    for measure in when.counted:
        yield from _unknown((*path, "counted", measure), "measure", measure, names.measures)
    if of_purchase:
        return
    for field in ("store", "channel", "payment_method", "paid", "purchase_number", "every_nth_purchase"):
        if getattr(when, field) is not None:
            yield (*path, field), "not_of_activities", "Only purchases have this"


def _cel(path: Path, expression: str | None, known: set[str]) -> Iterator[Mistake]:
    for root in sorted(roots(expression) - known) if expression else ():
        yield (
            path,
            "unknown_here",
            f"There is no {root} here: a condition in this place knows {', '.join(sorted(known))}",
        )


def _goal(goal: GoalIn, names: _Names) -> Iterator[Mistake]:
    yield from _unknown(("counts",), "measure", goal.counts, names.measures)
    if goal.reward:
        yield from _unknown(("reward",), "reward", goal.reward, names.rewards)
    if goal.when:
        yield from _when(("when",), goal.when, names, of_purchase=goal.counts in _MEASURES)


def _conversion(i: int, conversion: ConversionIn, names: _Names) -> Iterator[Mistake]:
    yield from _unknown(("conversions", i, "reward"), "reward", conversion.reward, names.rewards)


def _reward(i: int, reward: RewardIn, names: _Names) -> Iterator[Mistake]:
    if reward.tier is not None:
        for tier in sorted(map(str, reward.tier.values)):
            yield from _unknown(("rewards", i, "tier"), "tier", tier, names.tiers)
    path: Path = ("rewards", i, "when")
    if reward.when:
        yield from _when(path, reward.when, names, of_purchase=True)
        yield from _cel((*path, "cel"), reward.when.cel, {"member"})
    if reward.use and reward.use.lines:
        yield from _cel(("rewards", i, "use", "lines", "cel"), reward.use.lines.cel, {"line"})


def _given(document: ProgramIn) -> set[str | None]:
    """Rewards that members get without asking for them."""
    return {
        *(rule.reward for rule in document.earning),
        *(goal.reward for goal in document.goals),
        *(conversion.reward for conversion in document.conversions),
    }


def _referral(referral: ReferralIn, names: _Names) -> Iterator[Mistake]:
    yield from _unknown(("referral", "on"), "activity", referral.on, names.occasions)
    if referral.when:
        yield from _when(("referral", "when"), referral.when, names, of_purchase=referral.on == PURCHASE)
