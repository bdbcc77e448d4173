"""What the rules of a programme give for one event, and why. Pure.

Rules are judged group by group, in the order of the file, so that a multiple can be taken of what earlier groups gave:

    conditions ─> lines ─> minimum ─> points ─> limits, budget ─> the group's policy ─> caps of the programme

A rule goes by the whole of what it counts. Its points are shared out over the lines that earned them when somebody
looks: by a rate, each line gets what it lifts the running total by; what is given for full steps or at once, in
proportion. So the shares add up to the whole, and a line that is returned takes back exactly its share.
"""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import TypeAlias

from functions.accrual.given import (
    NOTHING,
    Given,
    Judgement,
    by_line,
    not_applied,
    parts,
    points_of,
    quick,
    shares_of,
)
from functions.accrual.limits import points_left, times_used_up, used_up
from functions.accrual.rulebook import Ready, Rulebook
from functions.accrual.stacking import cap_benefit, cap_together, stacked
from functions.ledger.account import Draw, Reason
from functions.ledger.by_line import ByLine
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
    left = [one for one in given if one.points or one.rule.gift is not None]
    if len(left) < len(given):
        nothing_left = [one for one in given if not one.points and one.rule.gift is None]
        reasons += [not_applied(one.rule, "limit_reached", one.facts, one.skipped) for one in nothing_left]
    reasons += [_reason(one, moment) for one in left]
    of_rules = {reason[0]: reason for reason in reasons}
    in_order = [of_rules[rule] for rule in book.order if rule in of_rules]
    spendable = [one for one in left if one.rule.into is None]
    return Judgement(left, in_order, spendable, points_of(spendable), by_line(spendable, moment))


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
            skipped = ByLine(moment.ids, lambda: codes)
            if None not in codes:
                return not_applied(rule, "no_line_counts", NOTHING, skipped)
            places = [i for i, code in enumerate(codes) if code is None]
    total, values = _counted(ready, moment, places, given)
    if total < rule.minimum:
        return not_applied(rule, "below_minimum", {"counted": total, "needed": rule.minimum}, skipped)
    if rule.earn is None:
        ids = moment.ids()
        counted = ids if places is None else [ids[i] for i in places]
        gifts_for = {line: value for line, value in zip(counted, values(), strict=True) if line and value}
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
    return Given(rule, 0, lambda: [0] * len(moment.lines), skipped, {}, times, gifts_for)


def _earned(
    ready: Ready,
    moment: Moment,
    places: Sequence[int] | None,
    values: Callable[[], Sequence[int]],
    total: int,
    skipped: Mapping[str, str],
    budgets: Budgets,
) -> Given | Reason:
    rule, tier = ready.rule, moment.tier
    points = _points(ready, tier, values, total)
    if points is None:
        return not_applied(rule, "tier", {"is": tier} if tier else {}, skipped)
    if not points:
        needed = _needed(rule, tier, total)
        return not_applied(rule, "amount_below_one_step", {"paid": total, "needed": needed}, skipped)
    facts: dict[str, int | str] = {}
    left = points_left(rule.limits, ready.owner, moment) if rule.limits else None
    limited = left is not None and points > left[0]
    if left is not None and limited:
        if left[0] <= 0:
            return not_applied(rule, "limit_reached", left[1], skipped)
        facts = {"before_limit": points, **left[1]}
        points = left[0]
    if rule.budget is not None and _draw(rule, points, moment, budgets) is None:
        return not_applied(rule, "budget_used_up", {}, skipped)

    def split() -> list[int]:
        shares = _shares(rule, tier, values(), total)
        if limited:
            shares = cut(shares, points)
        if places is None:
            return shares
        of_all = [0] * len(moment.lines)
        for place, share in zip(places, shares, strict=True):
            of_all[place] = share
        return of_all

    return Given(rule, points, split, skipped, facts)


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


def _counted(
    ready: Ready, moment: Moment, places: Sequence[int] | None, given: Sequence[Given]
) -> tuple[int, Callable[[], Sequence[int]]]:
    """What the rule counts: the whole, and by line that counts; an attribute of the whole is counted on the first of
    them."""
    rule, of = ready.rule, ready.of
    found: Sequence[int]
    if rule.earn and rule.earn.of_rules:
        others = [one for one in given if one.rule.id in rule.earn.of_rules]
        if places is None:
            return points_of(others), lambda: shares_of(others, moment)
        found = shares_of(others, moment)
    elif of == "amount":
        found = moment.amounts
        if places is None:
            return moment.paid, lambda: found
    elif of == "quantity":
        found = [line.quantity for line in moment.lines]
    else:
        kind, _, attribute = of.partition(".")
        if kind != "lines":
            whole = _number(moment.event.attributes.get(attribute))
            return whole, lambda: [whole] + [0] * (len(moment.lines if places is None else places) - 1)
        found = [_number(line.attributes.get(attribute)) for line in moment.lines]
    if places is not None:
        found = [found[i] for i in places]
    return sum(found), lambda: found


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


def _points(ready: Ready, tier: str, values: Callable[[], Sequence[int]], total: int) -> int | None:
    """What the whole gives: rounded once for the purchase, or for each line where the rule says so; None where the tier
    gets nothing."""
    if ready.rates is not None:
        plain = ready.rates.get(tier) or ready.rates.get("")
        return total * plain[0] // plain[1] if plain else None
    rate = _rate(ready.rule, tier, total)
    if rate is None:
        return None
    return sum(_shares(ready.rule, tier, values(), total)) if ready.rule.by_line else _of(ready.rule, rate, total)


def _of(rule: EarningRule, rate: Rate, counted: int) -> int:
    """The points for so much at a rate, rounded."""
    assert rule.earn is not None
    if rate.per == 0:
        return rounded(rate.points, rule.rounding)
    if rule.earn.marginal:
        return rounded(marginal(rule.earn.brackets, counted), rule.rounding)
    top, bottom = rate.points.numerator, rate.points.denominator
    if rate.full:
        return whole(counted // rate.per * top, bottom, rule.rounding)
    return whole(counted * top, bottom * rate.per, rule.rounding)


def _shares(rule: EarningRule, tier: str, values: Sequence[int], total: int) -> list[int]:
    """Points by line; they add up to those of the whole."""
    rate = _rate(rule, tier, total)
    assert rule.earn is not None
    assert rate is not None
    if rate.per == 0:
        return spread(_of(rule, rate, total), values)
    if rule.by_line and not rule.earn.marginal:
        return [_of(rule, rate, value) for value in values]
    if rate.full and not rule.earn.marginal:
        return spread(_of(rule, rate, total), values)
    if rule.rounding == "floor" and not rule.earn.marginal:
        return along_floor(values, rate.points.numerator, rate.points.denominator * rate.per)
    return along(values, lambda so_far: _of(rule, rate, so_far))


def _reason(one: Given, moment: Moment) -> Reason:
    rule, facts = one.rule, one.facts
    if rule.gift:
        facts |= {"reward": rule.gift.reward} if rule.gift.reward else {"tier": rule.gift.tier or ""}
        facts |= {"times": one.gifts} if one.gifts > 1 else {}
    lines = parts(one.points, lambda: one.shares, moment)
    return quick(Reason, (rule.id, True, one.points, lines, None, facts, one.skipped, rule.into))
