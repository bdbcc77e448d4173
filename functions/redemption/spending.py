"""What a redemption takes and gives. Pure."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from functions.ledger.account import Account, Entry, IssuedReward, Posting
from functions.ledger.movements import capture, hold, release, spend
from functions.program.model import Program, Reward
from functions.runtime.errors import RewardNotFoundError

LAST_RESORT_DAYS = 90


@dataclass(frozen=True, slots=True)
class Redemption:
    """What is asked for. `code`: the voucher code to give, if it comes to that."""

    id: str
    reward: str
    code: str


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
    """Take the price from the lots that expire first, and give a voucher.

    Raises RewardNotFoundError, and InsufficientPointsError that says how many points are missing.
    """
    reward = _reward(program, redemption)
    return Posting(
        kind="redeemed",
        change=spend(account, reward.points, now.date()),
        occurred_at=now,
        program_version=program.version,
        reward=_issued(reward, redemption, program, now),
        currency=program.currency,
    )


def decide_hold(account: Account, redemption: Redemption, program: Program, now: datetime) -> Posting:
    """Set the price aside for a reward that is given at capture. Raises as `decide_redemption`."""
    reward = _reward(program, redemption)
    return Posting(
        kind="held",
        change=hold(account, redemption.id, reward.points, now.date()),
        occurred_at=now,
        program_version=program.version,
        reward=replace(_issued(reward, redemption, program, now), code=None, valid_until=None),
        currency=program.currency,
    )


def decide_capture(account: Account, held: Entry, code: str, program: Program, now: datetime) -> Posting:
    """Make a hold final, at the price and for the value it was held for, and give the voucher.

    The reward may have left the programme meanwhile; then the voucher is good for `LAST_RESORT_DAYS`. Raises
    HoldNotFoundError.
    """
    promised = reward_of(held)
    offered = program.rewards.get(promised.reward)
    days = offered.valid_days if offered else LAST_RESORT_DAYS
    return Posting(
        kind="redeemed",
        change=capture(account, promised.redemption),
        occurred_at=now,
        program_version=held.posting.program_version,
        reward=replace(promised, code=code, valid_until=now.date() + timedelta(days=days)),
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
    )


def reward_of(entry: Entry) -> IssuedReward:
    """The reward that the entry of a redemption is about."""
    if entry.posting.reward is None:
        raise ValueError(f"entry {entry.id} of a redemption has no reward")
    return entry.posting.reward


def _reward(program: Program, redemption: Redemption) -> Reward:
    reward = program.rewards.get(redemption.reward)
    if reward is None:
        raise RewardNotFoundError(f"The programme has no reward {redemption.reward}.")
    return reward


def _issued(reward: Reward, redemption: Redemption, program: Program, now: datetime) -> IssuedReward:
    return IssuedReward(
        redemption=redemption.id,
        reward=reward.id,
        kind="voucher",
        value=reward.value,
        currency=program.currency,
        code=redemption.code,
        valid_until=now.date() + timedelta(days=reward.valid_days),
    )
