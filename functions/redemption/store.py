"""Redemptions into the ledger, and the vouchers they give.

V#<code>    voucher, in the rewards table, written in the transaction of its redemption
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from functions.ledger import store as ledger
from functions.ledger.account import Account, Entry, IssuedReward, Operation, Posting
from functions.program import store as programs
from functions.redemption.contract import RedemptionIn
from functions.redemption.spending import Redemption, decide_redemption, redemption_id
from functions.redemption.vouchers import RANDOM_BYTES, code_from, normal_code
from functions.runtime import clock, tables
from functions.runtime.errors import RedemptionNotFoundError, VoucherNotFoundError
from functions.runtime.validation import payload_hash


@dataclass(frozen=True, slots=True)
class Redeemed:
    """A committed redemption and the reward it gave."""

    entry: Entry
    reward: IssuedReward
    replayed: bool


def redeem(received: RedemptionIn, source: str, idempotency_key: str, correlation_id: str) -> Redeemed:
    """Take points and give a voucher, once. Raises the errors of `ledger.store.commit` and of `decide_redemption`."""
    wanted = redemption_id(source, idempotency_key)
    operation = Operation("redemption", source, wanted, payload_hash(received), correlation_id)

    def decide(account: Account) -> Posting:
        redemption = Redemption(wanted, received.reward_id, code_from(secrets.token_bytes(RANDOM_BYTES)))
        return decide_redemption(account, redemption, programs.active(), clock.now())

    committed = ledger.commit(operation, received.member.identity(source), decide, _voucher)
    return Redeemed(committed.entry, _reward(committed.entry), committed.replayed)


def find_redemption(wanted: str) -> Redeemed:
    """Raises RedemptionNotFoundError."""
    entry = ledger.find(Operation("redemption", "", wanted, "", "").key)
    if entry is None:
        raise RedemptionNotFoundError(f"There is no redemption {wanted}.")
    return Redeemed(entry, _reward(entry), replayed=True)


def find_voucher(typed: str) -> IssuedReward:
    """The voucher of a code as a person may have typed it. Raises VoucherNotFoundError."""
    code = normal_code(typed)
    item = tables.get("rewards", {"key": f"V#{code}"}) if code else None
    if item is None:
        raise VoucherNotFoundError("No voucher has this code.")
    return IssuedReward(
        redemption=item["redemption"],
        reward=item["reward"],
        kind="voucher",
        value=item["value"],
        currency=item["currency"],
        code=code,
        valid_until=date.fromisoformat(item["valid_until"]),
    )


def _reward(entry: Entry) -> IssuedReward:
    if entry.posting.reward is None:
        raise ValueError(f"entry {entry.id} of a redemption has no reward")
    return entry.posting.reward


def _voucher(entry: Entry) -> Sequence[tables.Put]:
    reward = _reward(entry)
    item = {
        "key": f"V#{reward.code}",
        "member": entry.member,
        "redemption": reward.redemption,
        "reward": reward.reward,
        "value": reward.value,
        "currency": reward.currency,
        "valid_until": reward.valid_until.isoformat() if reward.valid_until else None,
    }
    return [tables.Put("rewards", item, key="key")]
