"""What a redemption takes and gives. Pure.

    ask ──> redeemed                 points go, the reward is given
        └─> held ──> redeemed        captured, wholly or, of points as money, in part
                 └─> released        cancelled, or its time is over: whichever comes first, once

A hold is captured by the programme that it was opened by: at its price, for its value, and as long to be used.
"""

import base64
import hashlib
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal, TypeAlias

from functions.ledger.account import Account, Change, Count, Entry, Posting
from functions.ledger.booking import changed
from functions.ledger.movements import capture, hold, release, relocate, spend, together
from functions.ledger.rewards import IssuedReward
from functions.program import expiry, tiers
from functions.program.model import REDEMPTION, Program, Reward
from functions.program.offering import ANYWHERE, THE_PRICE, Place, Price, Wanted, check_eligible, counts_of, price_of
from functions.program.stock import put_back
from functions.runtime.errors import FulfilmentNotAwaitedError, HoldExpiredError, RewardNotFoundError

HANDED_OVER = frozenset({"manual", "partner"})
"""Ways in which somebody must hand a reward over."""


@dataclass(frozen=True, slots=True)
class Redemption:
    """What is asked for, how it is to be paid, and where."""

    id: str
    reward: str
    wanted: Wanted = THE_PRICE
    place: Place = ANYWHERE


Status: TypeAlias = Literal["held", "captured", "cancelled", "expired", "refunded"]
Handover: TypeAlias = Literal["pending", "fulfilled", "failed"]


@dataclass(frozen=True, slots=True)
class Redeemed:
    """A redemption: the entry that made it what it is, and the reward it is about. `refunded`: points that came back.
    `handover`: how far it is where somebody must hand it over, and what a supplier gave, None where nobody must."""

    entry: Entry
    reward: IssuedReward
    status: Status
    replayed: bool
    refunded: int = 0
    handover: Handover | None = None


def redemption_id(source: str, idempotency_key: str) -> str:
    """The id of a redemption: the same for every repeat of the call, and enough to look it up by."""
    digest = hashlib.sha256(f"redemption\n{source}\n{idempotency_key}".encode()).digest()
    return "rdm_" + base64.b32encode(digest).decode().lower()[:20]


def decide_redemption(account: Account, redemption: Redemption, program: Program, now: datetime) -> Posting:
    """Take the price from the lots that expire first, and give the reward.

    Raises RewardNotFoundError, InvalidError for a price that it does not have, RewardNotEligibleError that says why,
    and InsufficientPointsError that says how many points are missing.
    """
    reward, price = _on_offer(program, redemption)
    check_eligible(account, reward, program, now, redemption.place)
    spent = spend(account, price.points, _today(program, now))
    moved, counts = _kept_alive(changed(account, spent), program, now)
    return Posting(
        kind="redeemed",
        change=together(spent, moved),
        made=spent if moved != Change() else None,
        occurred_at=now,
        program_version=program.version,
        reward=_issued(reward, price, redemption, program, now),
        currency=program.currency,
        counts=[*counts_of(account, reward, program, now), *counts],
    )


def decide_hold(
    account: Account, redemption: Redemption, program: Program, now: datetime, lasting: timedelta
) -> Posting:
    """Set the price aside for a reward that is given at capture. Raises as `decide_redemption`."""
    reward, price = _on_offer(program, redemption)
    check_eligible(account, reward, program, now, redemption.place)
    change = hold(account, redemption.id, price.points, _today(program, now))
    moved, counts = _kept_alive(changed(account, change), program, now)
    return Posting(
        kind="held",
        change=together(change, moved),
        occurred_at=now,
        program_version=program.version,
        reward=replace(_issued(reward, price, redemption, program, now), valid_from=None, valid_until=None),
        currency=program.currency,
        counts=[*counts_of(account, reward, program, now), *counts],
        until=now + lasting,
    )


def decide_capture(
    account: Account, held: Entry, program: Program, now: datetime, wanted: Wanted = THE_PRICE
) -> Posting:
    """Make a hold final, or a part of it, and give the reward. `program`: by which it was held.

    Raises HoldExpiredError, HoldNotFoundError, and InvalidError for a part of what is not paid by the point, or for
    more than is held.
    """
    promised, reward = reward_of(held), program.rewards[reward_of(held).reward]
    if held.posting.until is not None and now >= held.posting.until and promised.redemption in account.holds:
        raise HoldExpiredError("The time of the hold is over: its points are free again, ask anew.")
    change, value = capture(account, promised.redemption), promised.value
    if wanted != THE_PRICE:
        price = price_of(_up_to(reward, held), wanted)
        change, value = capture(account, promised.redemption, price.points), price.value
    return Posting(
        kind="redeemed",
        change=change,
        occurred_at=now,
        program_version=held.posting.program_version,
        reward=_valid(replace(promised, value=value), reward, _today(program, now)),
        currency=promised.currency,
    )


def _up_to(reward: Reward, held: Entry) -> Reward:
    """The reward, for at most as many points as are held; how many that must be at least was asked when it was held."""
    if reward.paying is None:
        return replace(reward, points=points_held(held), mix=None)
    return replace(reward, paying=replace(reward.paying, least=1, most=points_held(held), most_percent=None))


def points_held(held: Entry) -> int:
    return sum(sum(lots.values()) for lots in held.posting.change.holds.values())


def decide_release(account: Account, held: Entry, now: datetime) -> Posting:
    """Give a hold up. Raises HoldNotFoundError."""
    promised = reward_of(held)
    return Posting(
        kind="released",
        change=release(account, promised.redemption),
        occurred_at=now,
        program_version=held.posting.program_version,
        reward=promised,
        currency=promised.currency,
        counts=taken_off(held),
        draws=[put_back(draw) for draw in held.posting.draws],
    )


def decide_fulfilment(captured: Entry, code: str | None, reference: str | None, now: datetime) -> Posting:
    """Note that a reward was handed over, and what its supplier gave. Raises FulfilmentNotAwaitedError."""
    reward = reward_of(captured)
    if reward.fulfilment not in HANDED_OVER:
        raise FulfilmentNotAwaitedError("This reward comes by itself.")
    if sum(back.points for back in captured.returned.values()) == -captured.posting.points:
        raise FulfilmentNotAwaitedError("This redemption was refunded.")
    return Posting(
        kind="fulfilled",
        change=Change(),
        occurred_at=now,
        program_version=captured.posting.program_version,
        reward=replace(reward, code=code, reference=reference),
        currency=reward.currency,
    )


def taken_off(opened: Entry) -> list[Count]:
    """What a redemption that came to nothing does not count any more."""
    return [Count(count.key, whole=-count.whole) for count in opened.posting.counts if count.whole]


def reward_of(entry: Entry) -> IssuedReward:
    """The reward that the entry of a redemption is about."""
    if entry.posting.reward is None:
        raise ValueError(f"entry {entry.id} of a redemption has no reward")
    return entry.posting.reward


def on_offer(program: Program, reward: str) -> Reward:
    """A reward that members can ask for. Raises RewardNotFoundError."""
    found = program.rewards.get(reward)
    if found is None or not found.is_sold:
        raise RewardNotFoundError(f"The programme offers no reward {reward}.")
    return found


def _on_offer(program: Program, redemption: Redemption) -> tuple[Reward, Price]:
    reward = on_offer(program, redemption.reward)
    return reward, price_of(reward, redemption.wanted)


def _kept_alive(account: Account, program: Program, now: datetime) -> tuple[Change, list[Count]]:
    """Where the programme says so, redeeming keeps the points alive that are left."""
    lasting, today = program.lasting_of(tiers.tier_at(account.tiers, program, now)), _today(program, now)
    if REDEMPTION not in lasting.extended_by:
        return Change(), []
    month = expiry.month_key(today)
    first = month not in account.counters
    moved = expiry.extended(account, lasting, REDEMPTION, today, first_this_month=first)
    return relocate(account, moved), [Count(month, kept=1)] if lasting.each_month and first else []


def _today(program: Program, now: datetime) -> date:
    return now.astimezone(program.zone).date()


def _issued(reward: Reward, price: Price, redemption: Redemption, program: Program, now: datetime) -> IssuedReward:
    """The reward as it is given; its code comes with the commit."""
    issued = IssuedReward(
        redemption=redemption.id,
        reward=reward.id,
        kind=reward.kind,
        value=price.value,
        currency=program.currency,
        code=None,
        valid_until=None,
        money=price.money,
        fulfilment=reward.fulfilment,
    )
    return _valid(issued, reward, _today(program, now))


def _valid(issued: IssuedReward, reward: Reward, today: date) -> IssuedReward:
    """With the days on which it can be used, where it has some."""
    if not reward.has_days:
        return issued
    return replace(issued, valid_from=reward.valid.first_day(today), valid_until=reward.valid.last_day(today))
