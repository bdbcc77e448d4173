"""Whether a member can have a reward now, what it costs, and how much it takes. Pure."""

from collections.abc import Mapping
from datetime import date, datetime
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from functions.ledger.account import Account, Count
from functions.program import tiers
from functions.program.conditions import Moment, Test, first_failed, tests_of
from functions.program.model import Limit, Mix, Paying, Program, Reward
from functions.program.occasions import Purchase
from functions.program.periods import day_in, name
from functions.program.sharing import rounded
from functions.runtime.errors import FieldError, InvalidError, RewardNotEligibleError


class Place(NamedTuple):
    """Where a reward is asked for, as far as that is said."""

    store: str | None = None
    channel: str | None = None


class Wanted(NamedTuple):
    """How a member wants to pay for a reward: so many points, or points for an amount (minor units), of a purchase that
    costs so much. All None: the price."""

    points: int | None = None
    amount: int | None = None
    purchase_amount: int | None = None


class Price(NamedTuple):
    """What is paid for a reward, and what it is worth. Minor units."""

    points: int
    money: int
    value: int


ANYWHERE = Place()
THE_PRICE = Wanted()


def check_eligible(account: Account, reward: Reward, program: Program, now: datetime, place: Place = ANYWHERE) -> None:
    """Raises RewardNotEligibleError that says why the member cannot have the reward, whatever it costs."""
    tier, today = tiers.tier_at(account.tiers, program, now), day_in(now, program.zone)
    if reward.tier is not None and not reward.tier.takes(tier):
        raise RewardNotEligibleError(f"This reward is not for the tier {tier}.", reason="tier")
    if (reward.first_day and today < reward.first_day) or (reward.last_day and today > reward.last_day):
        raise RewardNotEligibleError("This reward is not offered today.", reason="dates")
    if reward.when is not None:
        failed = first_failed(_tests(program)[reward.id], _moment(account, program, tier, now, place))
        if failed:
            raise RewardNotEligibleError(
                f"This reward is not for this member, here and now: {failed[0]}.", reason=failed[0], facts=failed[1]
            )
    for limit in reward.limits:
        had = account.counters.get(_limit_key(account, reward, limit, program, today), 0)
        if limit.times is not None and had >= limit.times:
            often = "once" if limit.times == 1 else f"{limit.times} times"
            period = "" if limit.per == "ever" else f" per {limit.per}"
            raise RewardNotEligibleError(f"A member can have this reward {often}{period}.", reason="limit")


@lru_cache(maxsize=8)
def _tests(program: Program) -> Mapping[str, tuple[Test, ...]]:
    """The conditions of rewards, by reward."""
    return {reward.id: tests_of(reward.when) for reward in program.rewards.values() if reward.when}


def _moment(account: Account, program: Program, tier: str, now: datetime, place: Place) -> Moment:
    """Asking for a reward, as conditions see it: a purchase of nothing."""
    local = now.astimezone(program.zone)
    return Moment(
        event=Purchase("", now, program.currency, (), place.store, place.channel),
        account=account,
        program=program,
        calendar=program.calendar(day_in(account.enrolled_at, program.zone)),
        local=local,
        day=local.date(),
        tier=tier,
        lines=(),
        amounts=(),
        paid=0,
        number=account.counters.get("visits", 0),
    )


def price_of(reward: Reward, wanted: Wanted) -> Price:
    """What a reward costs as the member wants to pay for it. Raises InvalidError that says what is possible."""
    if reward.paying:
        return _paid_in_points(reward.paying, wanted)
    if wanted.amount is not None:
        raise _wrong("amount", "This reward has a price: say at most how many points.")
    price, value = reward.points or 0, reward.value or 0
    points = price if wanted.points is None else wanted.points
    if points == price:
        return Price(price, reward.money, value)
    if reward.mix is None:
        raise _wrong("points", f"This reward costs {price} points.")
    if not reward.mix.least_points <= points < price:
        raise _wrong("points", f"Between {reward.mix.least_points} and {price} points can be paid.")
    return Price(points, reward.money + _for_missing(reward.mix, price - points), value)


def least_points(reward: Reward) -> int:
    """With how many points it can be had."""
    if reward.paying:
        return reward.paying.least
    return reward.mix.least_points if reward.mix else reward.points or 0


def _for_missing(mix: Mix, points: int) -> int:
    return rounded(points * mix.per_point, "half_up")


def _paid_in_points(paying: Paying, wanted: Wanted) -> Price:
    """As many points as are asked for, or as an amount takes; never a point for less than it is worth. Who asks for the
    fewest possible is not refused where a point less is worth as much."""
    if (wanted.points is None) == (wanted.amount is None):
        raise _wrong("points", "Say either how many points, or which amount they pay.")
    value = wanted.amount if wanted.amount is not None else (wanted.points or 0) * paying.value // paying.points
    points = -(-value * paying.points // paying.value)
    named = "amount" if wanted.amount is not None else "points"
    if not value:
        raise _wrong(named, f"{paying.points} points are worth {paying.value}: that is too few to be worth anything.")
    if max(points, wanted.points or 0) < paying.least:
        raise _wrong(named, f"At least {paying.least} points are paid at once.")
    if paying.most is not None and points > paying.most:
        raise _wrong(named, f"At most {paying.most} points are paid at once.")
    if paying.most_percent is not None:
        _check_part(paying.most_percent, value, wanted.purchase_amount, named)
    return Price(points, 0, value)


def _check_part(most_percent: Fraction, value: int, purchase_amount: int | None, named: str) -> None:
    if purchase_amount is None:
        raise _wrong("purchase_amount", "Points pay a part of a purchase at most: say what it costs.")
    most = purchase_amount * most_percent // 100
    if value > most:
        raise _wrong(named, f"At most {most} of this purchase can be paid with points.")


def _wrong(field: str, detail: str) -> InvalidError:
    return InvalidError([FieldError(f"/{field}", "price", detail)])


def can_have(account: Account, reward: Reward, program: Program, now: datetime) -> bool:
    """Whether the member is eligible for the reward and has the points it costs."""
    if not reward.is_sold or account.balance(day_in(now, program.zone)).active < least_points(reward):
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
