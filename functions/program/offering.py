"""Whether a member can have a reward now, and how much it takes. Pure."""

from datetime import date, datetime

from functions.ledger.account import Account, Count
from functions.program import tiers
from functions.program.model import Limit, Program, Reward
from functions.program.periods import day_in, name
from functions.runtime.errors import RewardNotEligibleError


def check_eligible(account: Account, reward: Reward, program: Program, now: datetime) -> None:
    """Raises RewardNotEligibleError that says why the member cannot have the reward, whatever it costs."""
    tier, today = tiers.tier_at(account.tiers, program, now), day_in(now, program.zone)
    if reward.tier is not None and not reward.tier.takes(tier):
        raise RewardNotEligibleError(f"This reward is not for the tier {tier}.", reason="tier")
    if (reward.first_day and today < reward.first_day) or (reward.last_day and today > reward.last_day):
        raise RewardNotEligibleError("This reward is not offered today.", reason="dates")
    for limit in reward.limits:
        had = account.counters.get(_limit_key(account, reward, limit, program, today), 0)
        if limit.times is not None and had >= limit.times:
            raise RewardNotEligibleError(f"This reward can be had {limit.times} times per {limit.per}.", reason="limit")


def can_have(account: Account, reward: Reward, program: Program, now: datetime) -> bool:
    """Whether the member is eligible for the reward and has the points it costs."""
    if reward.points is None or account.balance(day_in(now, program.zone)).active < reward.points:
        return False
    try:
        check_eligible(account, reward, program, now)
    except RewardNotEligibleError:
        return False
    return True


def counts_of(account: Account, reward: Reward, program: Program, now: datetime) -> list[Count]:
    """What must be remembered for the limits of a reward that was had."""
    today = day_in(now, program.zone)
    return [Count(_limit_key(account, reward, limit, program, today), whole=1) for limit in reward.limits]


def _limit_key(account: Account, reward: Reward, limit: Limit, program: Program, today: date) -> str:
    assert limit.per != "purchase"
    calendar = program.calendar(day_in(account.enrolled_at, program.zone))
    return tiers.counter_key(f"{reward.id}.had", limit.per, name(limit.per, today, calendar))
