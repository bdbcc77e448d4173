"""What a redemption takes and gives. Pure."""

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from functions.ledger.account import Account, IssuedReward, Posting
from functions.ledger.lots import take
from functions.program.model import Program
from functions.runtime.errors import InsufficientPointsError, RewardNotFoundError


@dataclass(frozen=True, slots=True)
class Redemption:
    """What is asked for. `code`: the voucher code to give, if it comes to that."""

    id: str
    reward: str
    code: str


def redemption_id(source: str, idempotency_key: str) -> str:
    """The id of a redemption: the same for every repeat of the call, and enough to look it up by."""
    digest = hashlib.sha256(f"redemption\n{source}\n{idempotency_key}".encode()).digest()
    return "rdm_" + base64.b32encode(digest).decode().lower()[:20]


def decide_redemption(account: Account, redemption: Redemption, program: Program, now: datetime) -> Posting:
    """Take the price from the lots that expire first, and give a voucher.

    Raises RewardNotFoundError, and InsufficientPointsError that says how many points are missing.
    """
    reward = program.rewards.get(redemption.reward)
    if reward is None:
        raise RewardNotFoundError(f"The programme has no reward {redemption.reward}.")
    today = now.date()
    active = account.balance(today).active
    if active < reward.points:
        missing = reward.points - active
        raise InsufficientPointsError(
            f"The reward costs {reward.points} points; {missing} are missing.", required=reward.points, missing=missing
        )
    issued = IssuedReward(
        redemption=redemption.id,
        reward=reward.id,
        kind="voucher",
        value=reward.value,
        currency=program.currency,
        code=redemption.code,
        valid_until=today + timedelta(days=reward.valid_days),
    )
    return Posting(
        kind="redeemed",
        lots=take(account.lots, reward.points, today),
        occurred_at=now,
        program_version=program.version,
        reward=issued,
        currency=program.currency,
    )
