"""What changes for members between two versions of a programme, in words: one sentence for each change. Pure.

Every field of the programme is told, one that has no words of its own by its name. The number of the version is not.
"""

from collections.abc import Iterator
from fractions import Fraction

from functions.program import wording
from functions.program.differences import rules
from functions.program.differences.changes import by_name, days, instead, one_by_one, or_none, others, texts
from functions.program.differences.parts import Counter, Parts
from functions.program.model import Acceptance, Program

_TOLD = {"version", "name", "lasting", "groups", "earning", "rewards", "pending_days", "worth", "spent_then_returned"}
_TOLD |= {"limits", "unearning", "benefit_cap", "counters", "activities", "goals", "conversions", "tiers", "referral"}
_TOLD |= {"acceptance", "fiscal_year", "currency", "zone", "refund_grace_days"}
_RETURNED = {
    "carry": "are owed by the member",
    "forgive": "are kept by the member",
    "block": "make the return impossible",
}


def differences(old: Program, new: Program) -> list[str]:
    """A sentence for everything that is different; none where nothing is."""
    return list(_Differences(old, new).sentences())


class _Differences:
    def __init__(self, old: Program, new: Program) -> None:
        self._old, self._new, self._currency = old, new, new.currency

    def sentences(self) -> Iterator[str]:
        """From the whole to its parts."""
        old, new, parts = self._old, self._new, Parts(self._currency)
        yield from self._whole()
        yield from self._points()
        yield from one_by_one(old.groups, new.groups, "group", parts.group, parts.compare_groups)
        yield from one_by_one(old.earning, new.earning, "rule", parts.rule, parts.compare_rules)
        yield from parts.tiers(old.tiers, new.tiers)
        yield from one_by_one(old.goals, new.goals, "goal", parts.goal, parts.compare_goals)
        conversions = list(old.conversions), list(new.conversions)
        yield from one_by_one(*conversions, "conversion", parts.conversion, parts.compare_conversions)
        rewards = list(old.rewards.values()), list(new.rewards.values())
        yield from one_by_one(*rewards, "reward", parts.reward, parts.compare_rewards, ordered=False)
        yield from parts.referral(old.referral, new.referral)
        counters = _counters(old), _counters(new)
        yield from one_by_one(*counters, "counter", parts.texted, parts.compare_counters, ordered=False)
        activities = list(old.activities.values()), list(new.activities.values())
        yield from one_by_one(*activities, "activity", parts.texted, parts.compare_activities, ordered=False)
        yield from others("The programme", old, new, _TOLD)

    def _whole(self) -> Iterator[str]:
        old, new = self._old, self._new
        yield from texts("Name", old.name, new.name)
        yield from instead("The programme counts in", old.currency, new.currency)
        yield from instead("Days are those of", old.zone.key, new.zone.key)
        yield from instead("The fiscal year starts on", old.fiscal_year, new.fiscal_year, wording.year_day)
        yield from _acceptance(old.acceptance, new.acceptance)
        paying = "Earning nothing: paying with"
        yield from instead(paying, old.unearning, new.unearning)

    def _points(self) -> Iterator[str]:
        old, new = self._old, self._new
        expire = or_none(wording.lasting, "as all points do")
        yield from by_name(old.lasting, new.lasting, lambda tier: f"Points{_of(tier)} expire", expire)
        yield from instead("Points can be spent", old.pending_days, new.pending_days, days)
        worth = or_none(self._money, "an amount that is not said")
        yield from instead("A point costs", old.worth, new.worth, worth)
        returned = "Points that are spent when their purchase is returned"
        yield from instead(returned, old.spent_then_returned, new.spent_then_returned, _RETURNED.__getitem__)
        yield from instead(
            "Expired points that are refunded last", old.refund_grace_days, new.refund_grace_days, _grace
        )
        yield from rules.limits("The programme", old.limits, new.limits)
        yield from instead("Discount and points together give", old.benefit_cap, new.benefit_cap, _percent)

    def _money(self, value: Fraction) -> str:
        return wording.money(value, self._currency)


def _counters(program: Program) -> list[Counter]:
    return [Counter(id, text) for id, text in program.counters.items()]


def _acceptance(old: Acceptance, new: Acceptance) -> Iterator[str]:
    some = or_none(_at_most, "any time")
    yield from instead("Purchases count that are late by", old.late_days, new.late_days, some)
    before = "Purchases count from before the enrolment by"
    yield from instead(before, old.before_enrolment_days, new.before_enrolment_days, some)
    yield from others("Acceptance", old, new, {"late_days", "before_enrolment_days"})


def _at_most(limit: int) -> str:
    return f"at most {wording.counted(limit, 'day')}"


def _of(tier: str) -> str:
    return f" of {tier}" if tier else ""


def _percent(cap: Fraction | None) -> str:
    return "any part of a price" if cap is None else f"at most {wording.number(cap * 100)} % of a price"


def _grace(count: int) -> str:
    return wording.counted(count, "more day")
