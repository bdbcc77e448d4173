"""Redemptions into the ledger, and out of it."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Literal

from functions.ledger import committing
from functions.ledger import store as ledger
from functions.ledger.account import Account, Entry, Operation, Posting
from functions.ledger.answering import Committed
from functions.ledger.committing import Request
from functions.ledger.identity import Identity
from functions.ledger.rewards import Voucher
from functions.program import store as programs
from functions.program.offering import THE_PRICE, Wanted
from functions.redemption import stocking
from functions.redemption.contract import CaptureIn, RedemptionIn, RefundIn
from functions.redemption.refunding import SUPPLIER_FAILED, WHOLE, decide_refund
from functions.redemption.spending import (
    HANDED_OVER,
    Handover,
    Redeemed,
    Redemption,
    Status,
    decide_capture,
    decide_hold,
    decide_redemption,
    decide_release,
    redemption_id,
    reward_of,
)
from functions.runtime import clock
from functions.runtime.envelope import SOURCE
from functions.runtime.errors import (
    FulfilmentNotAwaitedError,
    HoldNotFoundError,
    LoyaltyError,
    RedemptionNotFoundError,
)
from functions.runtime.observability import logger
from functions.runtime.validation import payload_hash


def redeem(received: RedemptionIn, source: str, idempotency_key: str, correlation_id: str) -> Redeemed:
    """Take points and give a reward at once, or hold them, once.

    Raises RewardSoldOutError, the errors of `ledger.store.commit` and of `decide_redemption`.
    """
    wanted = Redemption(redemption_id(source, idempotency_key), received.reward_id, received.wanted(), received.place())
    operation = Operation("redemption", source, wanted.id, payload_hash(received), correlation_id)
    shelf = stocking.Shelf()

    def decide(account: Account, now: datetime) -> Posting:
        program = programs.in_force(account.member, now)
        if received.capture:
            posting = decide_redemption(account, wanted, program, now)
        else:
            posting = decide_hold(account, wanted, program, now, timedelta(minutes=received.hold_minutes))
        return shelf.with_a_piece(posting, account, program, now)

    return _made(committing.commit(Request(operation, received.member.identity(source), decide)))


def capture(wanted: str, received: CaptureIn | None, source: str, correlation_id: str) -> Redeemed:
    """Make a hold final, or a part of it. Raises RedemptionNotFoundError, and as `decide_capture`."""
    held = _opened(wanted)
    part = Wanted(received.points, received.amount) if received else THE_PRICE

    def decide(account: Account, now: datetime) -> Posting:
        if held.posting.kind != "held":
            raise HoldNotFoundError("The redemption is not held: its points were taken at once.")
        return decide_capture(account, held, programs.of_version(held.posting.program_version), now, part)

    content = payload_hash(received) if received and part != THE_PRICE else ""
    return _resolved("capture", held, source, correlation_id, decide, content)


def cancel(wanted: str, source: str, correlation_id: str) -> Redeemed:
    """Give a hold up. Raises RedemptionNotFoundError, HoldNotFoundError if it was resolved otherwise."""
    held = _opened(wanted)
    return _resolved("release", held, source, correlation_id, lambda account, now: decide_release(account, held, now))


def end_holds() -> int:
    """Give up every hold whose time is over; how many. One that cannot be does not keep the others waiting: what it
    raises is raised at the end."""
    ended = 0
    failed: list[LoyaltyError] = []
    for wanted in ledger.holds_due(clock.now()):
        try:
            ended += _ended(wanted)
        except LoyaltyError as error:
            logger.exception("hold_stays", redemption=wanted)
            failed.append(error)
    logger.info("holds_ended", ended=ended, failed=len(failed))
    if failed:
        raise failed[0]
    return ended


def _ended(wanted: str) -> bool:
    """Give one hold up, unless somebody was quicker; whether it was held."""
    held = find_redemption(wanted).entry.posting.kind == "held"
    if held:
        with suppress(HoldNotFoundError):
            cancel(wanted, SOURCE, f"expired#{wanted}")
    ledger.hold_settled(wanted)
    return held


def _resolved(
    kind: Literal["capture", "release"],
    held: Entry,
    source: str,
    correlation_id: str,
    decide: Callable[[Account, datetime], Posting],
    content: str = "",
) -> Redeemed:
    operation = Operation(kind, source, reward_of(held).redemption, content, correlation_id)
    return _made(committing.commit(Request(operation, Identity("id", held.member), decide)))


def refund(wanted: str, received: RefundIn | None, source: str, correlation_id: str) -> Redeemed:
    """Give the points of a redemption back, or some of them. Raises RedemptionNotFoundError, HoldNotFoundError while
    nothing is captured, the errors of `ledger.store.commit` and of `decide_refund`."""
    part = received.points if received else None
    own_id = f":{received.id}" if received and received.id else ""
    content = payload_hash(received) if received and received != RefundIn() else ""
    operation = Operation("refund", source, f"{wanted}{own_id}", content, correlation_id)
    return _refunded(wanted, operation, part)


def give_up(wanted: str, source: str, correlation_id: str) -> Redeemed:
    """Refund what could not be handed over. Raises FulfilmentNotAwaitedError where it was, and as `refund`.

    Its id is none that a refund which is asked for can have: where it is refused, that one stays possible.
    """
    operation = Operation("refund", source, f"{wanted}/{SUPPLIER_FAILED}", "", correlation_id)
    return _refunded(wanted, operation, None, SUPPLIER_FAILED)


def captured(wanted: str) -> Entry:
    """The entry that made a redemption final. Raises RedemptionNotFoundError, HoldNotFoundError."""
    return _final(_opened(wanted))


def _final(opened: Entry) -> Entry:
    wanted = reward_of(opened).redemption
    found = ledger.find(operation_of("capture" if _is_held(opened) else "redemption", wanted).key)
    if found is None:
        raise HoldNotFoundError("Nothing is captured: cancel it, if it is still held.")
    return found


def _refunded(wanted: str, operation: Operation, points: int | None, because: str | None = None) -> Redeemed:
    opened = _opened(wanted)
    # Asked for too early, it is not refused for ever: what is held may be captured yet.
    final = _final(opened) if _is_held(opened) else opened
    first_look = [(final, _untouched_voucher(final))]

    def decide(account: Account, now: datetime) -> Posting:
        # The first time, what was just read will do, and the voucher is taken for unused: were that wrong, the commit
        # would fail on it.
        final, voucher = first_look.pop() if first_look else _final_with_voucher(opened)
        if because and (not _is_handed_over(final) or ledger.find(operation_of("fulfilment", wanted).key)):
            raise FulfilmentNotAwaitedError("This reward was handed over, or comes by itself.")
        program = programs.of_version(final.posting.program_version)
        return decide_refund(account, opened, final, voucher, program, now, points, because)

    committed = committing.commit(Request(operation, Identity("id", opened.member), decide))
    reversal = committed.entry.posting.reversal
    assert reversal
    refunded = reversal.returned[WHOLE].points
    status: Status = "refunded" if refunded == -final.posting.points else "captured"
    return Redeemed(committed.entry, reward_of(final), status, committed.replayed, refunded)


def _untouched_voucher(final: Entry) -> Voucher | None:
    return Voucher(reward_of(final), final.member) if reward_of(final).code else None


def _final_with_voucher(opened: Entry) -> tuple[Entry, Voucher | None]:
    final = _final(opened)
    code = reward_of(final).code
    return final, ledger.find_voucher(code, consistent=True) if code else None


def find_redemption(wanted: str) -> Redeemed:
    """A redemption as it is now. Raises RedemptionNotFoundError."""
    opened = _opened(wanted, consistent=True)
    found = [ledger.find(operation_of(kind, wanted).key) for kind in ("capture", "release")] if _is_held(opened) else []
    entry = next((one for one in found if one), opened)
    refunded = entry.returned[WHOLE].points if entry.returned else 0
    fulfilled = ledger.find(operation_of("fulfilment", wanted).key) if _is_handed_over(entry) else None
    reward = reward_of(fulfilled or entry)
    status: Status = "refunded" if refunded and refunded == -entry.posting.points else _status(entry)
    if status == "held" and entry.posting.until and clock.now() >= entry.posting.until:
        status = "expired"  # its points come back within a minute
    handover: Handover | None = None
    if _is_handed_over(entry):
        handover = "fulfilled" if fulfilled else "failed" if status == "refunded" else "pending"
    return Redeemed(entry, reward, status, True, refunded, handover)


def operation_of(kind: Literal["redemption", "capture", "release", "fulfilment"], wanted: str) -> Operation:
    """Enough of an operation to find it by."""
    return Operation(kind, "", wanted, "", "")


def _opened(wanted: str, *, consistent: bool = False) -> Entry:
    """The entry that opened a redemption: what it says never changes, so the cheap read will do."""
    entry = ledger.find(operation_of("redemption", wanted).key, consistent=consistent)
    if entry is None:
        raise RedemptionNotFoundError(f"There is no redemption {wanted}.")
    return entry


def _is_held(opened: Entry) -> bool:
    return opened.posting.kind == "held"


def _is_handed_over(entry: Entry) -> bool:
    return entry.posting.kind == "redeemed" and reward_of(entry).fulfilment in HANDED_OVER


def _status(entry: Entry) -> Status:
    match entry.posting.kind:
        case "held":
            return "held"
        case "released":
            return "expired" if entry.operation.source == SOURCE else "cancelled"
        case _:
            return "captured"


def _made(committed: Committed) -> Redeemed:
    entry = committed.entry
    handover: Handover | None = "pending" if _is_handed_over(entry) else None
    return Redeemed(entry, reward_of(entry), _status(entry), committed.replayed, handover=handover)
