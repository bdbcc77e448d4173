"""Small makers of what the rules work on: a test names only what it is about."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from functions.accrual.earning import Purchase, PurchaseLine
from functions.ledger.account import Account, Entry, IssuedReward, Operation, Posting, post
from functions.ledger.lots import NEVER, Lots
from functions.ledger.movements import DebtPolicy
from functions.program.model import EarningRule, Program, Reward

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
TODAY = NOW.date()
MEMBER = "mem_abcdefghij2345672345"


def an_account(lots: Lots | None = None, **more: Any) -> Account:
    return Account(
        **{"member": MEMBER, "enrolled_at": NOW, "updated_at": NOW, "source": "till", "lots": lots or {}, **more}
    )


def a_rule(points: int = 1, amount: int = 100, id: str = "every-dollar") -> EarningRule:
    return EarningRule(id, points, amount, {"en": "1 point for every dollar", "fr": "1 point par dollar"})


def a_reward(points: int = 100, id: str = "voucher-5") -> Reward:
    return Reward(id, points, value=500, valid_days=90, text={"en": "5 dollars off", "fr": "5 dollars de réduction"})


def a_program(
    earning: Sequence[EarningRule] = (a_rule(),),
    rewards: Sequence[Reward] = (a_reward(),),
    expire_after_months: int | None = None,
    spent_then_returned: DebtPolicy = "carry",
) -> Program:
    return Program(
        version=7,
        id="record-shop",
        name={"en": "Record Club", "fr": "Le Club du disque"},
        currency="USD",
        expire_after_months=expire_after_months,
        spent_then_returned=spent_then_returned,
        earning=earning,
        rewards={reward.id: reward for reward in rewards},
    )


def a_purchase(*amounts: int, occurred_at: datetime = NOW, currency: str = "USD") -> Purchase:
    """A purchase with a line for each amount; the lines are called 1, 2, 3, …"""
    lines = [PurchaseLine(str(i), quantity=1, amount=amount) for i, amount in enumerate(amounts, start=1)]
    return Purchase("receipt-1", occurred_at, currency, lines)


def an_operation(kind: str = "purchase", id: str = "receipt-1") -> Operation:
    return Operation(kind, "till", id, "hash-1", "request-1")  # type: ignore[arg-type]


def an_issued_reward(valid_until: date | None = date(2027, 2, 19)) -> IssuedReward:
    return IssuedReward(
        redemption="rdm_abcdefghij2345672345",
        reward="voucher-5",
        kind="voucher",
        value=500,
        currency="USD",
        code="0123-4567-89AB-CDEF",
        valid_until=valid_until,
    )


def an_entry(
    posting: Posting, lots: Mapping[str, int] = {NEVER: 250}, operation: Operation | None = None, n: int = 3
) -> Entry:
    """The `n`-th entry of an account that held `lots` before."""
    _, entry = post(an_account(lots, n=n - 1), posting, operation or an_operation(), NOW)
    return entry
