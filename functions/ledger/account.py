"""Accounts, postings and entries: what a member has, and every change of it. Pure.

An account changes only by a posting, and every posting becomes one entry; entries are never changed. `n` counts them
without a gap, so that an account and its entries can be checked against each other (`proof.py`) at any time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Literal

from functions.ledger.lots import Lots, merged, spendable

EntryKind = Literal["earned", "redeemed"]
MemberStatus = Literal["active"]


@dataclass(frozen=True, slots=True)
class Balance:
    """Points a member can spend (`active`) and points that are still to become so (`pending`)."""

    active: int
    pending: int


@dataclass(frozen=True, slots=True)
class Account:
    """One member's points.

    `n`: entries so far. `revision`: writes so far, of any kind; a writer must have seen the latest. `latest`: operation
    keys of the entries of the last commit, for the publisher. `enrolled_at`, `source`: when and by whom it was opened.
    """

    member: str
    enrolled_at: datetime
    updated_at: datetime
    source: str
    status: MemberStatus = "active"
    tier: str | None = None
    n: int = 0
    revision: int = 0
    lots: Lots = field(default_factory=dict)
    pending: int = 0
    latest: Sequence[str] = ()

    def balance(self, today: date) -> Balance:
        return Balance(sum(spendable(self.lots, today).values()), self.pending)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why one rule gave points, or did not.

    `lines`: points per purchase line. `condition`: the code of the condition that failed, with its `facts`.
    """

    rule: str
    applied: bool
    points: int = 0
    lines: Mapping[str, int] = field(default_factory=dict)
    condition: str | None = None
    facts: Mapping[str, int | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Line:
    """What a purchase line was, and what it earned: the measure of every later return. Amount in minor units."""

    id: str
    quantity: int
    amount: int
    points: int


@dataclass(frozen=True, slots=True)
class IssuedReward:
    """What a redemption gave. `value` in minor units of `currency`; `code` is as good as money."""

    redemption: str
    reward: str
    kind: str
    value: int
    currency: str
    code: str | None
    valid_until: date | None


@dataclass(frozen=True, slots=True)
class Operation:
    """What the outside asked for, once: the reason why an entry exists.

    `key` is unique for ever and does not contain the member, so that no receipt can be claimed by two. `source` is the
    caller's receipt namespace, `payload_hash` tells a repeat from a reused id. A redemption's id is ours, made from
    source and idempotency key, so that it can be looked up by id alone.
    """

    kind: Literal["purchase", "redemption"]
    source: str
    id: str
    payload_hash: str
    correlation_id: str

    @property
    def key(self) -> str:
        return f"redemption#{self.id}" if self.kind == "redemption" else f"{self.kind}#{self.source}#{self.id}"


@dataclass(frozen=True, slots=True)
class Posting:
    """A decided change of an account: signed points per lot, with the whole explanation."""

    kind: EntryKind
    lots: Lots
    occurred_at: datetime
    program_version: int
    explanation: Sequence[Reason] = ()
    lines: Sequence[Line] = ()
    reward: IssuedReward | None = None
    currency: str | None = None

    @property
    def points(self) -> int:
        return sum(self.lots.values())


@dataclass(frozen=True, slots=True)
class Entry:
    """A posting as it was booked: the `n`-th of its member, with the balance after it."""

    operation: Operation
    member: str
    n: int
    posting: Posting
    balance_after: Balance
    tier_after: str | None
    recorded_at: datetime

    @property
    def id(self) -> str:
        return f"{self.member}#{self.n}"


def post(account: Account, posting: Posting, operation: Operation, now: datetime) -> tuple[Account, Entry]:
    """Book a posting. Raises ValueError if a lot would go below zero: then the decision was wrong, not the request."""
    after = replace(
        account,
        n=account.n + 1,
        revision=account.revision + 1,
        lots=merged(account.lots, posting.lots),
        latest=(operation.key,),
        updated_at=now,
    )
    entry = Entry(operation, account.member, after.n, posting, after.balance(now.date()), after.tier, now)
    return after, entry
