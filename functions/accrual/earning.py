"""What the rules of a programme give for one event, and why. Pure.

Rules are judged group by group, in the order of the file, so that a multiple can be taken of what earlier groups gave:

    conditions ─> lines ─> minimum ─> points ─> limits, budget ─> the group's policy ─> caps of the programme

Points are shared out over the lines that earned them: by a rate, each line gets what it lifts the running total by;
what is given for full steps or at once, in proportion. So the shares add up to the whole, and a line that is returned
takes back exactly its share.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, TypeAlias

from functions.accrual.events import Purchase
from functions.accrual.rulebook import Facts, Moment, Rulebook, first_failed
from functions.ledger.account import Count, Draw, Reason
from functions.program.budgets import Shard, shard_for, untouched
from functions.program.model import Bracket, EarningRule, Group, Limit, Rate, Rounding
from functions.program.periods import name
from functions.program.tiers import counter_key

NOTHING: Mapping[str, Any] = {}

Budgets: TypeAlias = Mapping[str, Sequence[Shard]]
"""Points that are left of the budgets of rules, by shard; a rule that is not named has spent nothing of its own."""


@dataclass(slots=True)
class Given:
    """What one rule gives: points by line (in the order of the purchase's lines), or how many gifts, and facts for the
    explanation."""

    rule: EarningRule
    shares: list[int]
    skipped: Mapping[str, str]
    facts: dict[str, int | str] = field(default_factory=dict)
    gifts: int = 0

    @property
    def points(self) -> int:
        return sum(self.shares)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What all rules gave, and why each of them did or did not."""

    given: list[Given]
    reasons: Sequence[Reason]


def judge(moment: Moment, book: Rulebook, budgets: Budgets, occasions: tuple[str, ...]) -> Judgement:
    """Every rule on what happened, judged: `occasions` are the kind of the event and what it completes."""
    failing = list(zip(*map(book.sorted_out, moment.lines), strict=True))
    given: list[Given] = []
    reasons: list[Reason] = []
    ended_by: str | None = None
    for group, rules in zip(moment.program.groups, book.rules_on(occasions), strict=True):
        if ended_by is not None:
            reasons += [_not(rule, "exclusive_rule_applied", {"rule": ended_by}) for rule in rules]
            continue
        used_up = _times_used_up(group.limits, f"group.{group.id}", moment) if group.limits else None
        if used_up:
            reasons += [_not(rule, *used_up) for rule in rules]
            continue
        candidates: list[Given] = []
        for rule in rules:
            found = _judged(rule, moment, book, failing, given, budgets)
            if isinstance(found, Reason):
                reasons.append(found)
            else:
                candidates.append(found)
        chosen = _stacked(group, candidates, moment, reasons) if len(candidates) > 1 else candidates
        if group.limits:
            _cap(chosen, moment, group.limits, f"group.{group.id}", "group_limit")
        given += chosen
        if group.policy == "exclusive" and any(one.points or one.gifts for one in chosen):
            ended_by = chosen[0].rule.id
    _cap_benefit(given, moment)
    if moment.program.limits:
        _cap(given, moment, moment.program.limits, "all", "programme_limit")
    nothing_left = [one for one in given if one.rule.gift is None and not one.points]
    if nothing_left:
        given = [one for one in given if one not in nothing_left]
        reasons += [_not(one.rule, "limit_reached", one.facts, one.skipped) for one in nothing_left]
    reasons += [_reason(one, moment) for one in given]
    order = book.order
    reasons.sort(key=lambda reason: order[reason[0]])
    return Judgement(given, reasons)


def _judged(
    rule: EarningRule,
    moment: Moment,
    book: Rulebook,
    failing: Sequence[tuple[str | None, ...]],
    given: Sequence[Given],
    budgets: Budgets,
) -> Given | Reason:
    """What a rule would give by itself, or why it does not apply."""
    tests = book.tests[rule.id]
    failed = first_failed(tests, moment) if tests else None
    if failed is None and (rule.limits or rule.cooldown_days):
        failed = _used_up(rule, moment)
    if failed:
        return _not(rule, *failed)
    skipped: Mapping[str, str] = NOTHING
    places: Sequence[int] = range(len(moment.lines))
    if rule.lines is not None:
        codes = failing[book.place[rule.id]]
        if any(codes):
            skipped = {line[0]: code for line, code in zip(moment.lines, codes, strict=True) if code}
            places = [i for i, code in enumerate(codes) if code is None]
            if not places:
                return _not(rule, "no_line_counts", NOTHING, skipped)
    values = _counted(rule, moment, places, given)
    total = sum(values)
    if total < rule.minimum:
        return _not(rule, "below_minimum", {"counted": total, "needed": rule.minimum}, skipped)
    if rule.earn is None:
        return _gift(rule, moment, total, skipped, budgets)
    return _earned(rule, moment, places, values, total, skipped, budgets)


def _gift(
    rule: EarningRule, moment: Moment, total: int, skipped: Mapping[str, str], budgets: Budgets
) -> Given | Reason:
    assert rule.gift is not None
    times = total // rule.gift.per_full if rule.gift.per_full else 1
    if not times:
        return _not(rule, "amount_below_one_step", {"paid": total, "needed": rule.gift.per_full}, skipped)
    if rule.budget is not None and _draw(rule, times, moment, budgets) is None:
        return _not(rule, "budget_used_up", {}, skipped)
    return Given(rule, [0] * len(moment.lines), skipped, gifts=times)


def _earned(
    rule: EarningRule,
    moment: Moment,
    places: Sequence[int],
    values: Sequence[int],
    total: int,
    skipped: Mapping[str, str],
    budgets: Budgets,
) -> Given | Reason:
    assert rule.earn is not None
    rate = _rate(rule, moment.tier, total)
    if rate is None:
        return _not(rule, "tier", {"is": moment.tier} if moment.tier else {}, skipped)
    shares = _shares(rule, rate, values)
    if not any(shares):
        return _not(rule, "amount_below_one_step", {"paid": total, "needed": _needed(rule, rate)}, skipped)
    facts: dict[str, int | str] = {}
    left = _points_left(rule.limits, f"rule.{rule.id}", moment) if rule.limits else None
    if left is not None and sum(shares) > left[0]:
        if left[0] <= 0:
            return _not(rule, "limit_reached", left[1], skipped)
        facts = {"before_limit": sum(shares), **left[1]}
        shares = _cut(shares, left[0])
    if rule.budget is not None and _draw(rule, sum(shares), moment, budgets) is None:
        return _not(rule, "budget_used_up", {}, skipped)
    if len(places) == len(moment.lines):
        return Given(rule, shares, skipped, facts)
    spread = [0] * len(moment.lines)
    for place, share in zip(places, shares, strict=True):
        spread[place] = share
    return Given(rule, spread, skipped, facts)


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


def _counted(rule: EarningRule, moment: Moment, places: Sequence[int], given: Sequence[Given]) -> list[int]:
    """What the rule counts, by line; an attribute of the whole is counted on the first line."""
    of = rule.earn.of if rule.earn else rule.gift.of if rule.gift else "amount"
    if rule.earn and rule.earn.of_rules:
        of_these = [one.shares for one in given if one.rule.id in rule.earn.of_rules]
        if not of_these:
            return [0] * len(places)
        sums = of_these[0] if len(of_these) == 1 else list(map(sum, zip(*of_these, strict=True)))
        return [sums[i] for i in places]
    if of == "amount":
        amounts = moment.amounts
        return list(amounts) if len(places) == len(amounts) else [amounts[i] for i in places]
    if of == "quantity":
        return [moment.lines[i].quantity for i in places]
    kind, _, attribute = of.partition(".")
    if kind == "lines":
        return [_number(moment.lines[i].attributes.get(attribute)) for i in places]
    whole = _number(moment.event.attributes.get(attribute))
    return [whole if n == 0 else 0 for n, _ in enumerate(places)]


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _rate(rule: EarningRule, tier: str, total: int) -> Rate | None:
    earn = rule.earn
    assert earn is not None
    if not earn.brackets:
        return earn.rate(tier)
    reached = [bracket.rate for bracket in earn.brackets if total >= bracket.start]
    return reached[-1] if reached else Rate(Fraction(0), 1)


def _needed(rule: EarningRule, rate: Rate) -> int:
    """How much the first point takes."""
    assert rule.earn is not None
    if rule.earn.brackets and not rate.points:
        return rule.earn.brackets[0].start
    cost = rate.per / rate.points
    if rate.full:
        return rate.per
    return math.ceil(cost if rule.rounding == "floor" else cost / 2)


def _shares(rule: EarningRule, rate: Rate, values: Sequence[int]) -> list[int]:
    """Points by line, rounded once for the purchase, or for each line where the rule says so."""
    assert rule.earn is not None
    if rate.per == 0:
        return spread(_rounded(rate.points, rule.rounding), values)
    if rule.earn.marginal:
        return _along(values, lambda so_far: _rounded(_marginal(rule.earn.brackets, so_far), rule.rounding))  # type: ignore[union-attr]
    top, bottom = rate.points.numerator, rate.points.denominator
    if rate.full:
        per = rate.per
        if rule.by_line:
            return [_whole(value // per * top, bottom, rule.rounding) for value in values]
        return spread(_whole(sum(values) // per * top, bottom, rule.rounding), values)
    bottom *= rate.per
    if rule.by_line:
        return [_whole(value * top, bottom, rule.rounding) for value in values]
    if rule.rounding == "floor":
        return _along_floor(values, top, bottom)
    return _along(values, lambda so_far: _whole(so_far * top, bottom, rule.rounding))


def _along(values: Sequence[int], points_of: Callable[[int], int]) -> list[int]:
    """Each line gets what it lifts the running total by."""
    shares: list[int] = []
    so_far = before = 0
    for value in values:
        so_far += value
        points = points_of(so_far)
        shares.append(points - before)
        before = points
    return shares


def _along_floor(values: Sequence[int], top: int, bottom: int) -> list[int]:
    """`_along` for the commonest of rates, which most of the time goes into."""
    shares: list[int] = []
    so_far = before = 0
    for value in values:
        so_far += value * top
        points = so_far // bottom
        shares.append(points - before)
        before = points
    return shares


def spread(points: int, values: Sequence[int]) -> list[int]:
    """A number shared out in proportion to others; all to the first where there is nothing to go by."""
    total = sum(values)
    if total == 0:
        return [points if i == 0 else 0 for i, _ in enumerate(values)]
    return _along_floor(values, points, total)


def _marginal(brackets: Sequence[Bracket], value: int) -> Fraction:
    points = Fraction(0)
    for i, bracket in enumerate(brackets):
        end = brackets[i + 1].start if i + 1 < len(brackets) else value
        if value > bracket.start:
            points += bracket.rate.points * (min(value, end) - bracket.start) / bracket.rate.per
    return points


def _rounded(points: Fraction, rounding: Rounding) -> int:
    return _whole(points.numerator, points.denominator, rounding)


def _whole(top: int, bottom: int, rounding: Rounding) -> int:
    if rounding == "floor":
        return top // bottom
    return -(-top // bottom) if rounding == "ceil" else (2 * top + bottom) // (2 * bottom)


def _used_up(rule: EarningRule, moment: Moment) -> tuple[str, Facts] | None:
    """Whether the rule has applied often enough, or too short a time ago."""
    counters = moment.account.counters
    if rule.cooldown_days:
        last = counters.get(_last_key(rule))
        again = 0 if last is None else last + rule.cooldown_days
        if again > moment.day.toordinal():
            return "cooldown", {"days_left": again - moment.day.toordinal()}
    return _times_used_up(rule.limits, f"rule.{rule.id}", moment)


def _times_used_up(limits: Sequence[Limit], owner: str, moment: Moment) -> tuple[str, Facts] | None:
    for limit in limits:
        if limit.times is not None and moment.account.counters.get(_limit_key(owner, limit, moment), 0) >= limit.times:
            return "limit_reached", {"times": limit.times, "per": limit.per}
    return None


def _points_left(limits: Sequence[Limit], owner: str, moment: Moment) -> tuple[int, Facts] | None:
    """How many points the strictest limit leaves, and which that is."""
    left: tuple[int, Facts] | None = None
    for limit in limits:
        if limit.points is None:
            continue
        used = 0 if limit.per == "purchase" else moment.account.counters.get(_limit_key(owner, limit, moment), 0)
        if left is None or limit.points - used < left[0]:
            left = limit.points - used, {"limit": limit.points, "per": limit.per}
    return left


def _limit_key(owner: str, limit: Limit, moment: Moment) -> str:
    assert limit.per != "purchase"
    what = "points" if limit.times is None else "times"
    return counter_key(f"{owner}.{what}", limit.per, name(limit.per, moment.day, moment.calendar))


def _last_key(rule: EarningRule) -> str:
    return f"rule.{rule.id}.last"


def _cut(shares: Sequence[int], most: int) -> list[int]:
    """The first lines count until the limit is reached."""
    return _along(shares, lambda so_far: min(so_far, most))


def _stacked(group: Group, candidates: list[Given], moment: Moment, reasons: list[Reason]) -> list[Given]:
    """The rules of a group that count, of those that apply."""
    if group.policy == "all":
        return candidates
    if group.by_line:
        return _stacked_by_line(group, candidates, moment, reasons)
    best = max(candidates, key=lambda one: one.points) if group.policy == "highest" else candidates[0]
    facts: dict[str, int | str] = {"rule": best.rule.id, "points": best.points}
    code = "another_gives_more" if group.policy == "highest" else "another_comes_first"
    reasons += [_not(one.rule, code, {**facts, "would_give": one.points}) for one in candidates if one is not best]
    return [best]


def _stacked_by_line(group: Group, candidates: list[Given], moment: Moment, reasons: list[Reason]) -> list[Given]:
    code = "another_gives_more" if group.policy == "highest" else "another_comes_first"
    lost: list[dict[str, str]] = [{} for _ in candidates]
    for i, line in enumerate(moment.lines):
        offers = [n for n, one in enumerate(candidates) if one.shares[i]]
        if not offers:
            continue
        best = max(offers, key=lambda n: candidates[n].shares[i]) if group.policy == "highest" else offers[0]
        for n in offers:
            if n != best:
                candidates[n].shares[i] = 0
                lost[n][line.id] = code
    chosen: list[Given] = []
    for one, losses in zip(candidates, lost, strict=True):
        one.skipped = {**one.skipped, **losses}
        if losses and not one.points:
            reasons.append(_not(one.rule, code, {}, one.skipped))
        else:
            chosen.append(one)
    return chosen


def _cap_benefit(given: Sequence[Given], moment: Moment) -> None:
    """No line gives more, by its discount and its points together, than the programme allows."""
    cap, worth = moment.program.benefit_cap, moment.program.worth
    if cap is None or worth is None or not isinstance(moment.event, Purchase):
        return
    for i, line in enumerate(moment.lines):
        room = cap * (line.amount + line.discount) - line.discount
        _take_off(given, [i], max(0, int(room // worth)), "most_benefit")


def _cap(given: Sequence[Given], moment: Moment, limits: Sequence[Limit], owner: str, why: str) -> None:
    """Points of several rules together keep within the limits of their group, or of the programme."""
    left = _points_left(limits, owner, moment)
    if left is not None:
        _take_off(given, range(len(moment.lines)), max(0, left[0]), why)


def _take_off(given: Sequence[Given], places: Sequence[int], most: int, why: str) -> None:
    """Reduce what the places get to `most` points, the last rules first."""
    if len(places) > 1:
        too_many = sum([one.points for one in given if one.rule.into is None]) - most
    else:
        too_many = sum([one.shares[i] for one in given if one.rule.into is None for i in places]) - most
    for one in reversed(given):
        if too_many <= 0:
            return
        if one.rule.into is None:
            for i in reversed(places):
                taken = min(one.shares[i], too_many)
                if taken > 0:
                    one.shares[i] -= taken
                    too_many -= taken
                    one.facts[why] = int(one.facts.get(why, 0)) - taken


def counts_of(given: Sequence[Given], moment: Moment) -> list[Count]:
    """What must be remembered for the limits of the rules that applied, and of the programme."""
    counts: list[Count] = []
    for one in given:
        if one.rule.limits:
            counts += _towards(one.rule.limits, f"rule.{one.rule.id}", [one], moment)
        if one.rule.cooldown_days:
            last = moment.account.counters.get(_last_key(one.rule), 0)
            counts.append(Count(_last_key(one.rule), kept=max(0, moment.day.toordinal() - last)))
    for group in moment.program.groups:
        if group.limits:
            of_group = [one for one in given if one.rule.group == group.id]
            counts += _towards(group.limits, f"group.{group.id}", of_group, moment)
    if moment.program.limits:
        counts += _towards(moment.program.limits, "all", [one for one in given if one.rule.into is None], moment)
    return counts


def _towards(limits: Sequence[Limit], owner: str, given: Sequence[Given], moment: Moment) -> list[Count]:
    """What rules that applied use of the limits they share."""
    counts: list[Count] = []
    for limit in limits if given else ():
        if limit.per == "purchase":
            continue
        key = _limit_key(owner, limit, moment)
        if limit.points is not None:
            spendable = [one for one in given if one.rule.into is None or len(given) == 1]
            counts.append(Count(key, _by_line(shares_of(spendable, moment), moment)))
        elif any(one.rule.gift for one in given):
            counts.append(Count(key, kept=1))  # what was given stays when the purchase comes back
        else:
            counts.append(Count(key, whole=1))
    return counts


def shares_of(given: Sequence[Given], moment: Moment) -> list[int]:
    """The points of several rules, by line."""
    if len(given) == 1:
        return given[0].shares
    return list(map(sum, zip(*[one.shares for one in given], strict=True))) if given else [0] * len(moment.lines)


def _by_line(shares: Sequence[int], moment: Moment) -> dict[str, int]:
    return {line[0]: share for line, share in zip(moment.lines, shares, strict=True) if share}


def _reason(one: Given, moment: Moment) -> Reason:
    rule = one.rule
    facts = dict(one.facts)
    if rule.gift:
        facts |= {"reward": rule.gift.reward} if rule.gift.reward else {"tier": rule.gift.tier or ""}
        facts |= {"times": one.gifts} if one.gifts > 1 else {}
    lines = _by_line(one.shares, moment)
    lines.pop("", None)
    return Reason(rule.id, True, one.points, lines, None, facts, one.skipped, rule.into)


def _not(rule: EarningRule, code: str, facts: Facts, skipped: Mapping[str, str] | None = None) -> Reason:
    return Reason(rule.id, False, 0, NOTHING, code, facts, skipped or NOTHING, rule.into)
