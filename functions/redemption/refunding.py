"""What a refund gives back: the very lots, the piece of the stock, what was counted; and what becomes of the voucher.
Pure."""

from dataclasses import replace
from datetime import datetime, timedelta

from functions.ledger.account import Account, Entry, Posting, Reason, Returned, Reversal
from functions.ledger.lots import expiry_key
from functions.ledger.movements import give_back
from functions.ledger.rewards import Voucher, Withdrawal
from functions.program.model import Program
from functions.program.periods import day_in
from functions.program.stock import put_back
from functions.redemption.spending import reward_of, taken_off
from functions.runtime.errors import FieldError, InvalidError, NotRefundableError, VoucherNotUsableError

SUPPLIER_FAILED = "supplier_failed"
WHOLE = "all"
"""Where an entry notes how much of a redemption has come back, which has no lines. A name in a table is never empty."""


def decide_refund(
    account: Account,
    opened: Entry,
    captured: Entry,
    voucher: Voucher | None,
    program: Program,
    now: datetime,
    points: int | None = None,
    because: str | None = None,
) -> Posting:
    """Undo a redemption, wholly or, of points as money, `points` of it.

    `program`: by which it was redeemed. `opened`, `captured`: the entries that opened it and that made it final, one
    and the same where nothing was held. `because`: why, where nobody asked for it. Points that have expired meanwhile
    can be spent again for as long as the programme allows. Raises NotRefundableError where nothing is left to refund,
    VoucherNotUsableError where its voucher was used, InvalidError for a part of what has one price, or for too many.
    """
    reward, whole = reward_of(captured), -captured.posting.points
    before = captured.returned[WHOLE].points if captured.returned else 0
    left = whole - before
    if not left:
        raise NotRefundableError("All of it was refunded before.")
    if voucher is not None and (voucher.uses or voucher.withdrawn):
        raise VoucherNotUsableError("Its voucher was used.", reason="used")
    part = left if points is None else points
    if part > left:
        raise _wrong(f"At most {left} points can be refunded.")
    if points is not None and program.rewards[reward.reward].paying is None:
        raise _wrong("Only points that were used as money are refunded in parts.")
    today = day_in(now, program.zone)
    grace = expiry_key(today + timedelta(days=program.refund_grace_days))
    instead = (today, grace) if program.refund_grace_days else None
    all_of_it = part == left
    stays = reward.value - _worth(reward.value, before + part, whole)
    return Posting(
        kind="reversed",
        change=give_back(account, captured.posting.made or captured.posting.change, part, before, instead),
        occurred_at=now,
        program_version=captured.posting.program_version,
        explanation=[Reason(because, applied=True)] if because else (),
        reward=replace(reward, value=_worth(reward.value, before + part, whole) - _worth(reward.value, before, whole)),
        reversal=Reversal(captured.operation.key, captured.reversals, {WHOLE: Returned(1, before + part)}),
        currency=reward.currency,
        counts=taken_off(opened) if all_of_it else (),
        withdrawn=[Withdrawal(voucher, stays)] if voucher else (),
        draws=[put_back(draw) for draw in opened.posting.draws] if all_of_it else (),
    )


def _wrong(detail: str) -> InvalidError:
    return InvalidError([FieldError("/points", "refund", detail)])


def _worth(value: int, points: int, whole: int) -> int:
    """The part of a value that goes with so many of all its points."""
    return value * points // whole
