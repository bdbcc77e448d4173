"""What the records of all members come to. Pure.

Money is in minor units of the programme's currency. What a point is worth is what the file says, else the best that a
reward gives for one.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from statistics import median
from typing import Literal

from cli.backtest.replaying import Record
from functions.program.model import Program
from functions.program.periods import add_months, end_of_month

ACTIVE_DAYS = 90
ODDEST = 10
_LEAST_PURCHASES = 5
_NORMAL = 0.6745
"""Median absolute deviation of a normal distribution, over its standard deviation."""


@dataclass(frozen=True, slots=True)
class Assumption:
    """What is not known of the past. `redeemed`: which part of points and vouchers is used. `worth` of a point in minor
    units, None where nothing says it."""

    redeemed: Fraction
    worth: Fraction | None
    worth_from: Literal["file", "reward", "nothing"]


@dataclass(frozen=True, slots=True)
class Odd:
    """An account far from all others: by how much, and why."""

    member: str
    points: int
    spend: int
    distance: float
    reason: str


@dataclass(frozen=True, slots=True)
class Figures:
    """A programme over the purchases."""

    name: str
    currency: str
    last: date
    purchases: int
    members: int
    active_members: int
    spend: int
    points: int
    by_rule: Mapping[str, int]
    into_counters: Mapping[str, int]
    vouchers: Mapping[str, tuple[int, int]]
    month_ends: Sequence[date]
    tiers: Mapping[str, Sequence[int]]
    expired: int
    converted: int
    active: int
    pending: int
    assumption: Assumption

    @property
    def voucher_value(self) -> int:
        return sum(value for _, value in self.vouchers.values())

    @property
    def points_cost(self) -> int | None:
        """Points that did not become vouchers, as far as they are redeemed."""
        return self._money(self.points - self.converted)

    @property
    def voucher_cost(self) -> int:
        return round(self.voucher_value * self.assumption.redeemed)

    @property
    def cost(self) -> int | None:
        return None if self.points_cost is None else self.points_cost + self.voucher_cost

    @property
    def liability(self) -> int | None:
        """What the points that members hold at the end will cost."""
        return self._money(self.active + self.pending)

    def _money(self, points: int) -> int | None:
        worth = self.assumption.worth
        return None if worth is None else round(points * worth * self.assumption.redeemed)


@dataclass(frozen=True, slots=True)
class Change:
    """What a member gains by the one programme over the other, in `unit`."""

    member: str
    by: int
    before: Record
    after: Record


@dataclass(frozen=True, slots=True)
class Difference:
    """Two programmes over the same purchases. `unit`: money where both say what a point is worth, else points."""

    unit: Literal["money", "points"]
    changes: Sequence[Change]
    winners: int
    losers: int
    gained: int
    lost: int
    quantiles: Mapping[int, int]


def figures(records: Sequence[Record], program: Program, last: date, redeemed: Fraction) -> Figures:
    """`last`: the last day of the data."""
    ends = _month_ends(min(record.enrolled_on for record in records), last)
    since = last - timedelta(days=ACTIVE_DAYS)
    return Figures(
        name=program.id,
        currency=program.currency,
        last=last,
        purchases=sum(record.purchases for record in records),
        members=len(records),
        active_members=sum(record.earned_on is not None and record.earned_on > since for record in records),
        spend=sum(record.spend for record in records),
        points=sum(record.points for record in records),
        by_rule=_by_rule(program, _summed(record.by_rule for record in records)),
        into_counters=_summed(record.into_counters for record in records),
        vouchers=_vouchers(records),
        month_ends=ends,
        tiers=_tiers(records, program, ends),
        expired=sum(record.expired for record in records),
        converted=sum(record.converted for record in records),
        active=sum(record.active for record in records),
        pending=sum(record.pending for record in records),
        assumption=assumed(program, redeemed),
    )


def assumed(program: Program, redeemed: Fraction) -> Assumption:
    """What a point is taken to be worth."""
    if program.worth is not None:
        return Assumption(redeemed, program.worth, "file")
    rates = [Fraction(one.value, one.points) for one in program.rewards.values() if one.points and one.value]
    rates += [Fraction(one.each.value, one.each.points) for one in program.conversions if one.each]
    return Assumption(redeemed, max(rates), "reward") if rates else Assumption(redeemed, None, "nothing")


def difference(before: Sequence[Record], after: Sequence[Record], one: Figures, other: Figures) -> Difference:
    """What members gain or lose by `after`; both in the same order of members."""
    worths = one.assumption.worth, other.assumption.worth
    unit: Literal["money", "points"] = "points" if None in worths else "money"
    was, is_now = worths if unit == "money" else (None, None)
    changes = [Change(a.member, _value(b, is_now) - _value(a, was), a, b) for a, b in zip(before, after, strict=True)]
    ordered = sorted(change.by for change in changes)
    return Difference(
        unit=unit,
        changes=changes,
        winners=sum(by > 0 for by in ordered),
        losers=sum(by < 0 for by in ordered),
        gained=sum(by for by in ordered if by > 0),
        lost=sum(by for by in ordered if by < 0),
        quantiles={share: ordered[(len(ordered) - 1) * share // 100] for share in (0, 5, 25, 50, 75, 95, 100)},
    )


def _value(record: Record, worth: Fraction | None) -> int:
    """What a member got: the points that did not become vouchers, and the vouchers."""
    if worth is None:
        return record.points
    return round((record.points - record.converted) * worth) + record.voucher_value


def oddest(records: Sequence[Record], scale: int) -> list[Odd]:
    """The members whose points for what they spent lie farthest from the median, by robust z-score.

    Only members of 5 purchases or more, where there are enough of them. `scale`: minor units of one unit of money.
    """
    regular = [record for record in records if record.purchases >= _LEAST_PURCHASES and record.spend > 0]
    judged = regular if len(regular) >= ODDEST else [record for record in records if record.spend > 0]
    if not judged:
        return []
    usual = median(_rate(record) for record in judged)
    spread = median(abs(_rate(record) - usual) for record in judged) / _NORMAL
    if not spread:
        return []
    usual_by_rule = _usual_by_rule(judged)
    scores = [((_rate(record) - usual) / spread, record) for record in judged]
    scores.sort(key=lambda pair: (-abs(pair[0]), pair[1].member))
    return [
        Odd(record.member, record.points, record.spend, score, _why(record, usual, usual_by_rule, scale))
        for score, record in scores[:ODDEST]
        if score
    ]


def most_changed(changes: Sequence[Change], unit_of: Callable[[int], str]) -> list[Odd]:
    """The members who gain or lose most, with the rule that does most of it."""
    found = sorted(changes, key=lambda change: (-abs(change.by), change.member))[:ODDEST]
    return [
        Odd(one.member, one.after.points, one.after.spend, one.by, _why_changed(one, unit_of))
        for one in found
        if one.by
    ]


def _why_changed(change: Change, unit_of: Callable[[int], str]) -> str:
    before, after = change.before, change.after
    rules = {
        rule: after.by_rule.get(rule, 0) - before.by_rule.get(rule, 0) for rule in {**before.by_rule, **after.by_rule}
    }
    rule = max(sorted(rules), key=lambda one: abs(rules[one]), default="")
    parts = [f"{rule}: {rules[rule]:+,} points"] if rule and rules[rule] else []
    vouchers = after.voucher_value - before.voucher_value
    if vouchers:
        parts.append(f"vouchers: {'+' if vouchers > 0 else '−'}{unit_of(abs(vouchers))}")
    if before.tier != after.tier:
        parts.append(f"tier {before.tier or 'none'} → {after.tier or 'none'}")
    return ", ".join(parts) or "what a point is worth"


def _why(record: Record, usual: float, usual_by_rule: Mapping[str, float], scale: int) -> str:
    """The rule that sets the account apart most."""
    rate = _rate(record)
    apart = {
        rule: record.by_rule.get(rule, 0) / record.spend - usual_by_rule.get(rule, 0.0)
        for rule in {**usual_by_rule, **record.by_rule}
    }
    told = f"{rate * scale:.2f} points for 1 spent, {usual * scale:.2f} is usual"
    towards = {rule: by for rule, by in apart.items() if (by > 0) == (rate > usual)}
    if not towards:
        return told
    rule = max(sorted(towards), key=lambda one: abs(towards[one]))
    here = record.by_rule.get(rule, 0) / record.spend * scale
    return f"{told}; {rule} gives {here:.2f}, usually {usual_by_rule.get(rule, 0.0) * scale:.2f}"


def _rate(record: Record) -> float:
    return record.points / record.spend


def _usual_by_rule(records: Sequence[Record]) -> dict[str, float]:
    rules = {rule for record in records for rule in record.by_rule}
    return {rule: median(record.by_rule.get(rule, 0) / record.spend for record in records) for rule in sorted(rules)}


def _summed(counts: Iterable[Mapping[str, int]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for one in counts:
        found.update(one)
    return found


def _by_rule(program: Program, found: Mapping[str, int]) -> dict[str, int]:
    """In the order of the file, with the rules that gave nothing."""
    ids = [rule.id for rule in program.earning if rule.into is None and rule.earn is not None]
    ids += [goal.id for goal in program.goals if goal.points]
    return {id: found.get(id, 0) for id in ids}


def _vouchers(records: Sequence[Record]) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for record in records:
        for reward, (times, value) in record.vouchers.items():
            before = found.get(reward, (0, 0))
            found[reward] = before[0] + times, before[1] + value
    return dict(sorted(found.items()))


def _month_ends(first: date, last: date) -> list[date]:
    """The last days of the months, and the last day of the data."""
    ends = [end_of_month(first)]
    while ends[-1] < last:
        ends.append(end_of_month(add_months(ends[-1].replace(day=1), 1)))
    return [*ends[:-1], last]


def _tiers(records: Sequence[Record], program: Program, ends: Sequence[date]) -> dict[str, list[int]]:
    """How many members each tier has at the end of each month, lowest tier first."""
    if program.tiers is None:
        return {}
    counts = {level.id: [0] * len(ends) for level in program.tiers.levels}
    for record in records:
        for i, end in enumerate(ends):
            held = [tier for since, tier in record.tiers if since <= end]
            if held:
                counts[held[-1]][i] += 1
    return counts
