"""What the rules of a programme give for one event, and why. Pure.

Rules are judged group by group, in the order of the file, so that a multiple can be taken of what earlier groups gave:

    conditions ─> lines ─> minimum ─> points ─> limits, budget ─> the group's policy ─> caps of the programme

Points are shared out over the lines that earned them: by a rate, each line gets what it lifts the running total by;
what is given for full steps or at once, in proportion. So the shares add up to the whole, and a line that is returned
takes back exactly its share.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TypeAlias

from functions.accrual.given import NOTHING, Given, Judgement, by_line, not_applied, quick, shares_of
from functions.accrual.limits import points_left, times_used_up, used_up
from functions.accrual.rulebook import Ready, Rulebook
from functions.accrual.stacking import cap_benefit, cap_together, stacked
from functions.ledger.account import Draw, Reason
from functions.program.budgets import Shard, shard_for, untouched
from functions.program.conditions import Moment
from functions.program.model import EarningRule, Rate
from functions.program.sharing import along, along_floor, cut, marginal, rounded, spread, whole

Budgets: TypeAlias = Mapping[str, Sequence[Shard]]
"""Points that are left of the budgets of rules, by shard; a rule that is not named has spent nothing of its own."""


def judge(moment: Moment, book: Rulebook, budgets: Budgets, occasions: tuple[str, ...]) -> Judgement:
    """Every rule on what happened, judged: `occasions` are the kind of the event and what it completes."""
    failing = book.failing(moment.lines)
    given: list[Given] = []
    reasons: list[Reason] = []
    ended_by: str | None = None
    for group, rules in zip(moment.program.groups, book.rules_on(occasions), strict=True):
        if ended_by is not None:
            reasons += [not_applied(one.rule, "exclusive_rule_applied", {"rule": ended_by}) for one in rules]
            continue
        spent = times_used_up(group.limits, f"group.{group.id}", moment) if group.limits else None
        if spent:
            reasons += [not_applied(one.rule, *spent) for one in rules]
            continue
        candidates = _candidates(rules, moment, failing, given, budgets, reasons)
        chosen = stacked(group, candidates, moment, reasons) if len(candidates) > 1 else candidates
        if group.limits:
            cap_together(chosen, moment, group.limits, f"group.{group.id}", "group_limit")
        given += chosen
        if group.policy == "exclusive" and any(one.points or one.gifts for one in chosen):
            ended_by = chosen[0].rule.id
    cap_benefit(given, moment)
    if moment.program.limits:
        cap_together(given, moment, moment.program.limits, "all", "programme_limit")
    return _judgement(given, reasons, moment, book)


def _judgement(given: list[Given], reasons: list[Reason], moment: Moment, book: Rulebook) -> Judgement:
    """What is left after all limits, with the reasons in the order of the file."""
    nothing_left = [one for one in given if one.rule.gift is None and not one.points]
    if nothing_left:
        given = [one for one in given if one not in nothing_left]
        reasons += [not_applied(one.rule, "limit_reached", one.facts, one.skipped) for one in nothing_left]
    of_rules = {reason.rule: reason for reason in reasons + [_reason(one, moment) for one in given]}
    shares = shares_of([one for one in given if one.rule.into is None], moment)
    in_order = [of_rules[rule] for rule in book.order if rule in of_rules]
    return Judgement(given, in_order, shares, by_line(shares, moment))


def _candidates(
    rules: Sequence[Ready],
    moment: Moment,
    failing: Sequence[tuple[str | None, ...]],
    given: Sequence[Given],
    budgets: Budgets,
    reasons: list[Reason],
) -> list[Given]:
    """What each rule of a group gives by itself; why the others do not is added to the reasons."""
    candidates: list[Given] = []
    for ready in rules:
        for code, test in ready.tests:
            facts = test(moment)
            if facts is not None:
                reasons.append(quick(Reason, (ready.id, False, 0, NOTHING, code, facts, NOTHING, ready.into)))
                break
        else:
            found = _judged(ready, moment, failing, given, budgets)
            if isinstance(found, Reason):
                reasons.append(found)
            else:
                candidates.append(found)
    return candidates


def _judged(
    ready: Ready,
    moment: Moment,
    failing: Sequence[tuple[str | None, ...]],
    given: Sequence[Given],
    budgets: Budgets,
) -> Given | Reason:
    """What a rule whose conditions hold would give by itself, or why it does not apply."""
    rule = ready.rule
    if ready.again and (spent := used_up(ready, moment)):
        return not_applied(rule, *spent)
    skipped: Mapping[str, str] = NOTHING
    places: Sequence[int] | None = None
    if ready.place is not None:
        codes = failing[ready.place]
        if any(codes):
            skipped = {line: code for line, code in zip(moment.ids, codes, strict=True) if code}
            if None not in codes:
                return not_applied(rule, "no_line_counts", NOTHING, skipped)
            places = [i for i, code in enumerate(codes) if code is None]
    values = _counted(ready, moment, places, given)
    total = sum(values)
    if total < rule.minimum:
        return not_applied(rule, "below_minimum", {"counted": total, "needed": rule.minimum}, skipped)
    if rule.earn is None:
        counted = moment.ids if places is None else [moment.ids[i] for i in places]
        gifts_for = {line: value for line, value in zip(counted, values, strict=True) if line and value}
        return _gift(rule, moment, total, gifts_for, skipped, budgets)
    return _earned(ready, moment, places, values, total, skipped, budgets)


def _gift(
    rule: EarningRule,
    moment: Moment,
    total: int,
    gifts_for: Mapping[str, int],
    skipped: Mapping[str, str],
    budgets: Budgets,
) -> Given | Reason:
    assert rule.gift is not None
    times = total // rule.gift.per_full if rule.gift.per_full else 1
    if not times:
        return not_applied(rule, "amount_below_one_step", {"paid": total, "needed": rule.gift.per_full}, skipped)
    if rule.budget is not None and _draw(rule, times, moment, budgets) is None:
        return not_applied(rule, "budget_used_up", {}, skipped)
    return Given(rule, [0] * len(moment.lines), 0, skipped, {}, times, gifts_for)


def _earned(
    ready: Ready,
    moment: Moment,
    places: Sequence[int] | None,
    values: Sequence[int],
    total: int,
    skipped: Mapping[str, str],
    budgets: Budgets,
) -> Given | Reason:
    rule = ready.rule
    shares = _shares(ready, moment.tier, values, total)
    if shares is None:
        return not_applied(rule, "tier", {"is": moment.tier} if moment.tier else {}, skipped)
    points = sum(shares)
    if not points:
        needed = _needed(rule, moment.tier, total)
        return not_applied(rule, "amount_below_one_step", {"paid": total, "needed": needed}, skipped)
    facts: dict[str, int | str] = {}
    left = points_left(rule.limits, ready.owner, moment) if rule.limits else None
    if left is not None and points > left[0]:
        if left[0] <= 0:
            return not_applied(rule, "limit_reached", left[1], skipped)
        facts = {"before_limit": points, **left[1]}
        shares, points = cut(shares, left[0]), left[0]
    if rule.budget is not None and _draw(rule, points, moment, budgets) is None:
        return not_applied(rule, "budget_used_up", {}, skipped)
    if places is None:
        return Given(rule, shares, points, skipped, facts)
    of_all = [0] * len(moment.lines)
    for place, share in zip(places, shares, strict=True):
        of_all[place] = share
    return Given(rule, of_all, points, skipped, facts)


def draws_of(given: Sequence[Given], moment: Moment, budgets: Budgets) -> list[Draw]:
    """What the rules that applied draw from their budgets: their points, or one gift."""
    limited = [(one.rule, one.gifts or one.points) for one in given if one.rule.budget is not None]
    drawn = [_draw(rule, wanted, moment, budgets) for rule, wanted in limited if wanted]
    return [draw for draw in drawn if draw]


def _draw(rule: EarningRule, points: int, moment: Moment, budgets: Budgets) -> Draw | None:
    """Points from the budget of a rule; None where too few are left."""
    assert rule.budget is not None
    shards = budgets.get(rule.id) or untouched(rule.budget)
    shard = shard_for(shards, moment.account.member, points)
    return None if shard is None else Draw(rule.id, shard, points, sum(shards[shard]) - points)


def _counted(ready: Ready, moment: Moment, places: Sequence[int] | None, given: Sequence[Given]) -> Sequence[int]:
    """What the rule counts, by line that counts; an attribute of the whole is counted on the first of them."""
    rule, of = ready.rule, ready.of
    found: Sequence[int]
    if rule.earn and rule.earn.of_rules:
        found = shares_of([one for one in given if one.rule.id in rule.earn.of_rules], moment)
    elif of == "amount":
        found = moment.amounts
    elif of == "quantity":
        found = [line.quantity for line in moment.lines]
    else:
        kind, _, attribute = of.partition(".")
        if kind != "lines":
            others = len(moment.lines if places is None else places) - 1
            return [_number(moment.event.attributes.get(attribute))] + [0] * others
        found = [_number(line.attributes.get(attribute)) for line in moment.lines]
    return found if places is None else [found[i] for i in places]


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _rate(rule: EarningRule, tier: str, total: int) -> Rate | None:
    earn = rule.earn
    assert earn is not None
    if not earn.brackets:
        return earn.rate(tier)
    reached = [bracket.rate for bracket in earn.brackets if total >= bracket.start]
    return reached[-1] if reached else Rate(Fraction(0), 1)


def _needed(rule: EarningRule, tier: str, total: int) -> int:
    """How much the first point takes."""
    rate = _rate(rule, tier, total)
    assert rule.earn is not None
    assert rate is not None
    if rule.earn.brackets and not rate.points:
        return rule.earn.brackets[0].start
    if rate.full:
        return rate.per
    points = rate.points if rule.rounding == "floor" else 2 * rate.points
    return whole(rate.per * points.denominator, points.numerator, "ceil")


def _shares(ready: Ready, tier: str, values: Sequence[int], total: int) -> list[int] | None:
    """Points by line, rounded once for the purchase, or for each line where the rule says so; None where the tier gets
    none."""
    rule = ready.rule
    assert rule.earn is not None
    if ready.rates is not None:
        plain = ready.rates.get(tier) or ready.rates.get("")
        return along_floor(values, *plain) if plain else None
    rate = _rate(rule, tier, total)
    if rate is None:
        return None
    if rate.per == 0:
        return spread(rounded(rate.points, rule.rounding), values)
    if rule.earn.marginal:
        return along(values, lambda so_far: rounded(marginal(rule.earn.brackets, so_far), rule.rounding))  # type: ignore[union-attr]
    top, bottom = rate.points.numerator, rate.points.denominator
    if rate.full:
        per = rate.per
        if rule.by_line:
            return [whole(value // per * top, bottom, rule.rounding) for value in values]
        return spread(whole(total // per * top, bottom, rule.rounding), values)
    bottom *= rate.per
    if rule.by_line:
        return [whole(value * top, bottom, rule.rounding) for value in values]
    if rule.rounding == "floor":
        return along_floor(values, top, bottom)
    return along(values, lambda so_far: whole(so_far * top, bottom, rule.rounding))


def _reason(one: Given, moment: Moment) -> Reason:
    rule, facts = one.rule, one.facts
    if rule.gift:
        facts |= {"reward": rule.gift.reward} if rule.gift.reward else {"tier": rule.gift.tier or ""}
        facts |= {"times": one.gifts} if one.gifts > 1 else {}
    lines = by_line(one.shares, moment)
    lines.pop("", None)
    return quick(Reason, (rule.id, True, one.points, lines, None, facts, one.skipped, rule.into))
