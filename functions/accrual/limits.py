"""What limits leave: how often and for how many points a rule, a group or the programme may still apply. Pure."""

from collections.abc import Sequence

from functions.accrual.rulebook import Ready
from functions.program.conditions import Facts, Moment
from functions.program.model import EarningRule, Limit
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


def limit_key(owner: str, limit: Limit, moment: Moment) -> str:
    assert limit.per != "purchase"
    what = "points" if limit.times is None else "times"
    return key_on(f"{owner}.{what}", limit.per, moment.day, moment.calendar)


def last_key(rule: EarningRule) -> str:
    return f"rule.{rule.id}.last"


def is_last_key(key: str) -> bool:
    """Whether a counter says on which day a rule last applied."""
    return key.startswith("rule.") and key.endswith(".last")
