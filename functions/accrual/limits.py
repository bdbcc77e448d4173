"""What limits leave: how often and for how many points a rule, a group or the programme may still apply; and what is
counted towards them. Pure."""

from collections.abc import Mapping, Sequence

from functions.accrual.given import Given, Judgement, by_line, points_of
from functions.accrual.rulebook import Ready
from functions.ledger.account import Count
from functions.program.conditions import Facts, Moment
from functions.program.model import EarningRule, Limit
from functions.program.occasions import Purchase
from functions.program.tiers import key_on


def used_up(ready: Ready, moment: Moment) -> tuple[str, Facts] | None:
    """Whether the rule has applied often enough, or too short a time ago."""
    rule, counters = ready.rule, moment.account.counters
    if rule.cooldown_days:
        last = counters.get(last_key(rule))
        again = 0 if last is None else last + rule.cooldown_days
        if again > moment.day.toordinal():
            return "cooldown", {"days_left": again - moment.day.toordinal()}
    return times_used_up(rule.limits, ready.owner, moment)


def times_used_up(limits: Sequence[Limit], owner: str, moment: Moment) -> tuple[str, Facts] | None:
    for limit in limits:
        if limit.times is not None and moment.account.counters.get(limit_key(owner, limit, moment), 0) >= limit.times:
            return "limit_reached", {"times": limit.times, "per": limit.per}
    return None


def points_left(limits: Sequence[Limit], owner: str, moment: Moment) -> tuple[int, Facts] | None:
    """How many points the strictest limit leaves, and which that is."""
    left: tuple[int, Facts] | None = None
    for limit in limits:
        if limit.points is None:
            continue
        used = 0 if limit.per == "purchase" else moment.account.counters.get(limit_key(owner, limit, moment), 0)
        if left is None or limit.points - used < left[0]:
            left = limit.points - used, {"limit": limit.points, "per": limit.per}
    return left


def counts_of(judged: Judgement, moment: Moment) -> list[Count]:
    """What must be remembered for the limits of the rules that applied, and of the programme."""
    given = judged.given
    counts: list[Count] = []
    for one in given:
        if one.rule.limits:
            counts += _towards(one.rule.limits, f"rule.{one.rule.id}", [one], moment)
        if one.rule.cooldown_days:
            last = moment.account.counters.get(last_key(one.rule), 0)
            counts.append(Count(last_key(one.rule), kept=max(0, moment.day.toordinal() - last)))
    for group in moment.program.groups:
        if group.limits:
            of_group = [one for one in given if one.rule.group == group.id]
            counts += _towards(group.limits, f"group.{group.id}", of_group, moment)
    for limit in moment.program.limits if judged.spendable else ():
        if limit.points is not None and limit.per != "purchase":
            counts.append(_count_points(limit_key("all", limit, moment), judged.points, judged.by_line))
        else:
            counts += _towards([limit], "all", judged.spendable, moment)
    return counts


def _towards(limits: Sequence[Limit], owner: str, given: Sequence[Given], moment: Moment) -> list[Count]:
    """What rules that applied use of the limits they share."""
    counts: list[Count] = []
    for limit in limits if given else ():
        if limit.per == "purchase":
            continue
        key = limit_key(owner, limit, moment)
        if limit.points is not None:
            spendable = [one for one in given if one.rule.into is None or len(given) == 1]
            counts.append(_count_points(key, points_of(spendable), by_line(spendable, moment)))
        elif any(one.rule.gift for one in given) and _stays(moment):
            counts.append(Count(key, kept=1))
        else:
            counts.append(Count(key, whole=1))
    return counts


def _count_points(key: str, points: int, lines: Mapping[str, int]) -> Count:
    """Points towards a limit, by line; those of an activity, which has none, as a whole."""
    return Count(key, lines) if lines else Count(key, whole=points)


def _stays(moment: Moment) -> bool:
    """Whether what was given stays when the purchase comes back."""
    return isinstance(moment.event, Purchase) and not moment.program.rewards_return


def limit_key(owner: str, limit: Limit, moment: Moment) -> str:
    assert limit.per != "purchase"
    what = "points" if limit.times is None else "times"
    return key_on(f"{owner}.{what}", limit.per, moment.day, moment.calendar)


def last_key(rule: EarningRule) -> str:
    return f"rule.{rule.id}.last"


def is_last_key(key: str) -> bool:
    """Whether a counter says on which day a rule last applied."""
    return key.startswith("rule.") and key.endswith(".last")
