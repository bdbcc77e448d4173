"""When several rules give points at once: which of them count, and what caps of all of them leave. Pure."""

from collections.abc import Sequence

from functions.accrual.given import Given, not_applied
from functions.accrual.limits import points_left
from functions.ledger.account import Reason
from functions.program.conditions import Moment
from functions.program.model import Group, Limit
from functions.program.occasions import Purchase


def stacked(group: Group, candidates: list[Given], moment: Moment, reasons: list[Reason]) -> list[Given]:
    """The rules of a group that count, of those that apply."""
    if group.policy == "all":
        return candidates
    if group.by_line:
        return _stacked_by_line(group, candidates, moment, reasons)
    best = max(candidates, key=lambda one: one.points) if group.policy == "highest" else candidates[0]
    facts: dict[str, int | str] = {"rule": best.rule.id, "points": best.points}
    code = "another_gives_more" if group.policy == "highest" else "another_comes_first"
    reasons += [
        not_applied(one.rule, code, {**facts, "would_give": one.points}) for one in candidates if one is not best
    ]
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
                candidates[n].points -= candidates[n].shares[i]
                candidates[n].shares[i] = 0
                lost[n][line.id] = code
    chosen: list[Given] = []
    for one, losses in zip(candidates, lost, strict=True):
        one.skipped = {**one.skipped, **losses}
        if losses and not one.points:
            reasons.append(not_applied(one.rule, code, {}, one.skipped))
        else:
            chosen.append(one)
    return chosen


def cap_benefit(given: Sequence[Given], moment: Moment) -> None:
    """No line gives more, by its discount and its points together, than the programme allows."""
    cap, worth = moment.program.benefit_cap, moment.program.worth
    if cap is None or worth is None or not isinstance(moment.event, Purchase):
        return
    spendable = _split(given)
    for i, line in enumerate(moment.lines):
        room = cap * (line.amount + line.discount) - line.discount
        most = max(0, int(room // worth))
        _take_off(spendable, [i], sum([shares[i] for _, shares in spendable]) - most, "most_benefit")


def cap_together(given: Sequence[Given], moment: Moment, limits: Sequence[Limit], owner: str, why: str) -> None:
    """Points of several rules together keep within the limits of their group, or of the programme."""
    left = points_left(limits, owner, moment)
    if left is None:
        return
    too_many = sum([one.points for one in given if one.rule.into is None]) - max(0, left[0])
    if too_many > 0:
        _take_off(_split(given), range(len(moment.lines)), too_many, why)


def _split(given: Sequence[Given]) -> list[tuple[Given, list[int]]]:
    """The points that can be spent, by line: of every rule before any is changed, for some are made of others'."""
    shares = [(one, one.shares) for one in given]
    return [(one, share) for one, share in shares if one.rule.into is None]


def _take_off(shares: Sequence[tuple[Given, list[int]]], places: Sequence[int], too_many: int, why: str) -> None:
    """Take so many points from what the places get, from the last rules first."""
    for one, share in reversed(shares):
        for i in reversed(places):
            taken = min(share[i], too_many)
            if taken > 0:
                share[i] -= taken
                one.points -= taken
                too_many -= taken
                one.facts[why] = int(one.facts.get(why, 0)) - taken
