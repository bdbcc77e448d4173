"""What a voucher pays of a purchase, under the terms it was issued with. Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from functions.ledger.account import Change, Posting
from functions.ledger.rewards import Use, Voucher
from functions.program.conditions import line_test
from functions.program.model import Program, Terms
from functions.program.occasions import PurchaseLine
from functions.program.periods import day_in
from functions.program.sharing import spread
from functions.runtime.errors import FieldError, InvalidError, VoucherNotUsableError


class Basket(NamedTuple):
    """A purchase that a voucher is to pay a part of. `amount`: at most so much of it, None for all it can (minor
    units)."""

    currency: str
    lines: Sequence[PurchaseLine]
    store: str | None = None
    amount: int | None = None


def decide_use(voucher: Voucher, basket: Basket, program: Program, now: datetime) -> Posting:
    """Use a voucher once. `program`: the version that issued it, whose terms it has.

    Raises InvalidError for another currency, and VoucherNotUsableError that says why: withdrawn, used, not_yet,
    expired, store, minimum_spend, lines, nothing_to_pay.
    """
    reward = voucher.reward
    known = program.rewards.get(reward.reward)
    terms = known.terms if known else Terms()
    if basket.currency != reward.currency:
        raise InvalidError([FieldError("/currency", "currency", f"The voucher is in {reward.currency}.")])
    _check_time(voucher, program, now)
    total = sum(line.amount for line in basket.lines)
    if terms.stores and basket.store not in terms.stores:
        raise VoucherNotUsableError("This voucher is for other stores.", reason="store")
    if total < terms.minimum:
        missing = terms.minimum - total
        raise VoucherNotUsableError(
            f"This voucher needs a purchase of {terms.minimum}.", reason="minimum_spend", missing=missing
        )
    counts = line_test(terms.lines) if terms.lines else None
    amounts = [0 if counts and counts(line) else line.amount for line in basket.lines]
    if counts and all(counts(line) for line in basket.lines):
        raise VoucherNotUsableError("This voucher pays for none of these lines.", reason="lines")
    limits = [reward.value, sum(amounts)] + ([] if basket.amount is None else [basket.amount])
    paid = min(limits)
    if reward.value and not paid:
        raise VoucherNotUsableError("There is nothing left to pay with this voucher.", reason="nothing_to_pay")
    left = reward.value - paid if terms.in_parts else reward.value if voucher.uses + 1 < terms.times else 0
    shares = spread(paid, amounts)
    used = Use(
        voucher,
        paid,
        left,
        used_up=left == 0 if terms.in_parts else voucher.uses + 1 >= terms.times,
        lines={line.id: share for line, share in zip(basket.lines, shares, strict=True) if share},
    )
    return Posting("used", Change(), now, program.version, currency=reward.currency, used=used)


def _check_time(voucher: Voucher, program: Program, now: datetime) -> None:
    reward, today = voucher.reward, day_in(now, program.zone)
    if voucher.withdrawn:
        raise VoucherNotUsableError("This voucher was taken back.", reason="withdrawn")
    if voucher.used_up:
        raise VoucherNotUsableError("This voucher is used.", reason="used")
    if reward.valid_from and today < reward.valid_from:
        raise VoucherNotUsableError(f"This voucher can be used from {reward.valid_from} on.", reason="not_yet")
    if reward.valid_until and today > reward.valid_until:
        raise VoucherNotUsableError(f"This voucher could be used until {reward.valid_until}.", reason="expired")
