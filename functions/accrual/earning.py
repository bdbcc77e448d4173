"""What a purchase earns. Pure: `decide_purchase(account, purchase, program)` is the same live, dry and in tests."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from functions.ledger.account import Account, Line, Posting, Reason
from functions.ledger.lots import expiry_key
from functions.ledger.movements import earn
from functions.program.model import EarningRule, Program, add_months
from functions.runtime.errors import FieldError, InvalidError

CLOCK_SKEW = timedelta(minutes=10)
"""How far ahead of ours a till's clock may run."""


@dataclass(frozen=True, slots=True)
class PurchaseLine:
    """One line of a receipt. `amount`: what the member paid for the whole line, minor units."""

    id: str
    quantity: int
    amount: int


@dataclass(frozen=True, slots=True)
class Purchase:
    """What a member bought, where it matters to the rules."""

    id: str
    occurred_at: datetime
    currency: str
    lines: Sequence[PurchaseLine]


def decide_purchase(account: Account, purchase: Purchase, program: Program, now: datetime) -> Posting:
    """The points a purchase earns, per rule and line, with the reasons for and against.

    Points count from the day of the purchase. Raises InvalidError for a currency that is not the programme's and for a
    purchase of the future.
    """
    _check(purchase, program, now)
    shares = [_shares(rule, purchase.lines) for rule in program.earning]
    lines = [
        Line(line.id, line.quantity, line.amount, sum(share[i] for share in shares))
        for i, line in enumerate(purchase.lines)
    ]
    points = sum(line.points for line in lines)
    return Posting(
        kind="earned",
        change=earn(account, points, _lot(purchase, program), activates_on=None, today=now.date()),
        occurred_at=purchase.occurred_at,
        program_version=program.version,
        explanation=[_reason(*pair, purchase.lines) for pair in zip(program.earning, shares, strict=True)],
        lines=lines,
        currency=purchase.currency,
    )


def _check(purchase: Purchase, program: Program, now: datetime) -> None:
    errors = []
    if purchase.currency != program.currency:
        errors.append(FieldError("/currency", "currency", f"The programme counts in {program.currency}."))
    if purchase.occurred_at > now + CLOCK_SKEW:
        errors.append(FieldError("/occurred_at", "future", "The purchase lies in the future."))
    if errors:
        raise InvalidError(errors)


def _shares(rule: EarningRule, lines: Sequence[PurchaseLine]) -> list[int]:
    """Points per line. The purchase as a whole is rounded down; each line gets what it lifts the running total by.

    So the shares always add up to the whole, and two lines of 0.50 earn together what neither earns alone.
    """
    shares: list[int] = []
    paid = counted = 0
    for line in lines:
        paid += line.amount
        total = paid // rule.amount * rule.points
        shares.append(total - counted)
        counted = total
    return shares


def _reason(rule: EarningRule, shares: Sequence[int], lines: Sequence[PurchaseLine]) -> Reason:
    points = sum(shares)
    if points:
        by_line = {line.id: share for line, share in zip(lines, shares, strict=True) if share}
        return Reason(rule.id, applied=True, points=points, lines=by_line)
    facts = {"paid": sum(line.amount for line in lines), "needed": rule.amount}
    return Reason(rule.id, applied=False, condition="amount_below_one_step", facts=facts)


def _lot(purchase: Purchase, program: Program) -> str:
    months = program.expire_after_months
    return expiry_key(None if months is None else add_months(purchase.occurred_at.date(), months))
