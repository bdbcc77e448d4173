"""Redemptions into the ledger."""

from datetime import datetime

from functions.ledger import store as ledger
from functions.ledger.account import Account, Entry, Operation, Posting, Voucher
from functions.ledger.identity import Identity
from functions.ledger.vouchers import normal_code
from functions.program import store as programs
from functions.redemption.contract import RedemptionIn
from functions.redemption.spending import (
    Redeemed,
    Redemption,
    decide_capture,
    decide_hold,
    decide_redemption,
    decide_release,
    redemption_id,
    reward_of,
)
from functions.runtime.errors import RedemptionNotFoundError, VoucherNotFoundError
from functions.runtime.validation import payload_hash


def redeem(received: RedemptionIn, source: str, idempotency_key: str, correlation_id: str) -> Redeemed:
    """Take points and give a voucher at once, or hold them, once.

    Raises the errors of `ledger.store.commit` and of `decide_redemption`.
    """
    wanted = redemption_id(source, idempotency_key)
    operation = Operation("redemption", source, wanted, payload_hash(received), correlation_id)

    def decide(account: Account, now: datetime) -> Posting:
        redemption = Redemption(wanted, received.reward_id)
        decided = decide_redemption if received.capture else decide_hold
        return decided(account, redemption, programs.in_force(account.member, now), now)

    return _committed(ledger.Request(operation, received.member.identity(source), decide))


def capture(wanted: str, source: str, correlation_id: str) -> Redeemed:
    """Make a hold final. Raises RedemptionNotFoundError, HoldNotFoundError if it was resolved otherwise."""
    held = _made(wanted)

    def decide(account: Account, now: datetime) -> Posting:
        return decide_capture(account, held, programs.in_force(account.member, now), now)

    operation = Operation("capture", source, wanted, "", correlation_id)
    return _committed(ledger.Request(operation, Identity("id", held.member), decide))


def cancel(wanted: str, source: str, correlation_id: str) -> Redeemed:
    """Give a hold up. Raises RedemptionNotFoundError, HoldNotFoundError if it was resolved otherwise."""
    held = _made(wanted)

    def decide(account: Account, now: datetime) -> Posting:
        return decide_release(account, held, now)

    operation = Operation("release", source, wanted, "", correlation_id)
    return _committed(ledger.Request(operation, Identity("id", held.member), decide))


def find_redemption(wanted: str) -> Redeemed:
    """A redemption as it is now. Raises RedemptionNotFoundError."""
    entry = _made(wanted)
    if entry.posting.kind == "held":
        resolutions = [ledger.find(Operation(kind, "", wanted, "", "").key) for kind in ("capture", "release")]
        entry = next((found for found in resolutions if found), entry)
    return Redeemed(entry, reward_of(entry), replayed=True)


def _made(wanted: str) -> Entry:
    """The entry that opened a redemption: it never changes, so the cheap read will do."""
    entry = ledger.find(Operation("redemption", "", wanted, "", "").key, consistent=False)
    if entry is None:
        raise RedemptionNotFoundError(f"There is no redemption {wanted}.")
    return entry


def _committed(request: ledger.Request) -> Redeemed:
    committed = ledger.commit(request)
    return Redeemed(committed.entry, reward_of(committed.entry), committed.replayed)


def find_voucher(typed: str) -> Voucher:
    """The voucher of a code as a person may have typed it. Raises VoucherNotFoundError."""
    code = normal_code(typed)
    found = ledger.find_voucher(code) if code else None
    if found is None:
        raise VoucherNotFoundError("No voucher has this code.")
    return found
