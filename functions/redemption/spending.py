"""What a redemption takes and gives. Pure."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal, TypeAlias

from functions.ledger.account import Account, Change, Count, Entry, IssuedReward, Posting, changed
from functions.ledger.movements import capture, hold, release, relocate, spend, together
from functions.program import expiry, tiers
from functions.program.model import REDEMPTION, Program, Reward, Validity
from functions.program.offering import check_eligible, counts_of
from functions.runtime.errors import RewardNotFoundError

LAST_RESORT = Validity(days=90)


@dataclass(frozen=True, slots=True)
class Redemption:
    """What is asked for."""

    id: str
    reward: str


Status: TypeAlias = Literal["held", "captured", "cancelled"]


@dataclass(frozen=True, slots=True)
class Redeemed:
    """A redemption: the entry that made it what it is, and the reward it is about."""

    entry: Entry
    reward: IssuedReward
    replayed: bool

    @property
    def status(self) -> Status:
        return _STATUS[self.entry.posting.kind]


_STATUS: Mapping[str, Status] = {"held": "held", "redeemed": "captured", "released": "cancelled"}


def redemption_id(source: str, idempotency_key: str) -> str:
    """The id of a redemption: the same for every repeat of the call, and enough to look it up by."""
    digest = hashlib.sha256(f"redemption\n{source}\n{idempotency_key}".encode()).digest()
    return "rdm_" + base64.b32encode(digest).decode().lower()[:20]


def decide_redemption(account: Account, redemption: Redemption, program: Program, now: datetime) -> Posting:
    """Take the price from the lots that expire first, and give the reward.

    Raises RewardNotFoundError, RewardNotEligibleError that says why, and InsufficientPointsError that says how many
    points are missing.
    """
    reward, price = _on_offer(program, redemption)
    check_eligible(account, reward, program, now)
    change = spend(account, price, _today(program, now))
    moved, counts = _kept_alive(changed(account, change), program, now)
    return Posting(
        kind="redeemed",
        change=together(change, moved),
        occurred_at=now,
        program_version=program.version,
        reward=_issued(reward, redemption, program, now),
        currency=program.currency,
        counts=[*counts_of(account, reward, program, now), *counts],
    )


def decide_hold(account: Account, redemption: Redemption, program: Program, now: datetime) -> Posting:
    """Set the price aside for a reward that is given at capture. Raises as `decide_redemption`."""
    reward, price = _on_offer(program, redemption)
    check_eligible(account, reward, program, now)
    change = hold(account, redemption.id, price, _today(program, now))
    moved, counts = _kept_alive(changed(account, change), program, now)
    return Posting(
        kind="held",
        change=together(change, moved),
        occurred_at=now,
        program_version=program.version,
        reward=replace(_issued(reward, redemption, program, now), valid_from=None, valid_until=None),
        currency=program.currency,
        counts=[*counts_of(account, reward, program, now), *counts],
    )


def decide_capture(account: Account, held: Entry, program: Program, now: datetime) -> Posting:
    """Make a hold final, at the price and for the value it was held for, and give the voucher.

    The reward may have left the programme meanwhile; then the voucher is good for `LAST_RESORT`. Raises
    HoldNotFoundError.
    """
    promised = reward_of(held)
    offered = program.rewards.get(promised.reward)
    valid, today = offered.valid if offered else LAST_RESORT, _today(program, now)
    return Posting(
        kind="redeemed",
        change=capture(account, promised.redemption),
        occurred_at=now,
        program_version=held.posting.program_version,
        reward=replace(promised, valid_from=valid.first_day(today), valid_until=valid.last_day(today)),
        currency=promised.currency,
    )


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
        counts=[Count(count.key, whole=-count.whole) for count in held.posting.counts if count.whole],
    )


def reward_of(entry: Entry) -> IssuedReward:
    """The reward that the entry of a redemption is about."""
    if entry.posting.reward is None:
        raise ValueError(f"entry {entry.id} of a redemption has no reward")
    return entry.posting.reward


def _on_offer(program: Program, redemption: Redemption) -> tuple[Reward, int]:
    """The reward and its price."""
    reward = program.rewards.get(redemption.reward)
    if reward is None or reward.points is None:
        raise RewardNotFoundError(f"The programme offers no reward {redemption.reward}.")
    return reward, reward.points


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


def _issued(reward: Reward, redemption: Redemption, program: Program, now: datetime) -> IssuedReward:
    """The reward as it is given; its code comes with the commit."""
    today = _today(program, now)
    return IssuedReward(
        redemption=redemption.id,
        reward=reward.id,
        kind=reward.kind,
        value=reward.value or 0,
        currency=program.currency,
        code=None,
        valid_from=reward.valid.first_day(today),
        valid_until=reward.valid.last_day(today),
    )
