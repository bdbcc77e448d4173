"""Accounts, postings and entries: what a member has, and every change of it. Pure.

An account changes only by a posting, and every posting becomes one entry; entries are never changed. `n` counts them
without a gap, so that an account and its entries can be checked against each other (`proof.py`) at any time.

    active    points that can be spent, in lots by their last day
    pending   points that become active on a day
    held      points set aside for a redemption that is not captured yet; they remember their lots
    debt      points that were spent and then taken back; what comes in pays it first

What a member owns is active + pending + held - debt: exactly the sum of the points of all entries. Nothing of it is
ever below zero, and debt and active points never stand side by side.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Literal, TypeAlias

from functions.ledger.lots import Lots, merged, spendable, total

EntryKind = Literal["earned", "activated", "redeemed", "expired", "adjusted", "reversed", "held", "released"]
OperationKind = Literal[
    "purchase", "return", "redemption", "capture", "release", "refund", "adjustment", "activation", "expiry"
]
MemberStatus = Literal["active"]

Holds: TypeAlias = Mapping[str, Lots]
"""Points set aside, by the redemption they are held for, still in their lots."""


@dataclass(frozen=True, slots=True)
class Balance:
    """Points a member can spend, will be able to spend, has set aside, and owes."""

    active: int
    pending: int = 0
    held: int = 0
    debt: int = 0


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
    pending: Lots = field(default_factory=dict)
    holds: Holds = field(default_factory=dict)
    debt: int = 0
    latest: Sequence[str] = ()

    def balance(self, today: date) -> Balance:
        """What there is today: an expired lot is not, even where the night that books its expiry has not come yet."""
        held = sum(total(lots) for lots in self.holds.values())
        return Balance(total(spendable(self.lots, today)), total(self.pending), held, self.debt)


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
    """What a redemption gives. `value` in minor units of `currency`; `code`: good as money, None while held."""

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
    caller's receipt namespace, `payload_hash` tells a repeat from a reused id. What follows from a redemption, and what
    time does by itself, has an id of ours, so that it can be looked up by id alone and happens once whoever asks.
    """

    kind: OperationKind
    source: str
    id: str
    payload_hash: str
    correlation_id: str

    @property
    def key(self) -> str:
        return f"{self.kind}#{self.source}#{self.id}" if self.kind in OWN_IDS else f"{self.kind}#{self.id}"


OWN_IDS = frozenset({"purchase", "return", "adjustment"})
"""Operations whose ids partners choose."""


@dataclass(frozen=True, slots=True)
class Change:
    """Signed points by lot, by pending bucket, by hold and lot, and of debt."""

    lots: Lots = field(default_factory=dict)
    pending: Lots = field(default_factory=dict)
    holds: Holds = field(default_factory=dict)
    debt: int = 0

    @property
    def points(self) -> int:
        """By how much it changes what the member owns: nothing, where points only move."""
        held = sum(total(lots) for lots in self.holds.values())
        return total(self.lots) + total(self.pending) + held - self.debt


@dataclass(frozen=True, slots=True)
class Returned:
    """How much of one purchase line has come back."""

    quantity: int
    points: int


@dataclass(frozen=True, slots=True)
class Reversal:
    """What a reversal takes from what remains reversible of an entry.

    `operation`: key of that entry. `seen`: how many reversals the decision knew of. `returned`: all that has come back
    by line, this reversal included. `forgiven`: points that the debt policy lets the member keep.
    """

    operation: str
    seen: int
    returned: Mapping[str, Returned]
    forgiven: int = 0


@dataclass(frozen=True, slots=True)
class Posting:
    """A decided change of an account, with the whole explanation."""

    kind: EntryKind
    change: Change
    occurred_at: datetime
    program_version: int
    explanation: Sequence[Reason] = ()
    lines: Sequence[Line] = ()
    reward: IssuedReward | None = None
    reversal: Reversal | None = None
    currency: str | None = None

    @property
    def points(self) -> int:
        return self.change.points


@dataclass(frozen=True, slots=True)
class Entry:
    """A posting as it was booked: the `n`-th of its member, with the balance after it.

    `reversals` and `returned` say what has been taken back of it since: the only thing about an entry that grows.
    """

    operation: Operation
    member: str
    n: int
    posting: Posting
    balance_after: Balance
    tier_after: str | None
    recorded_at: datetime
    reversals: int = 0
    returned: Mapping[str, Returned] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{self.member}#{self.n}"


def changed(account: Account, change: Change) -> Account:
    """The account after a change. Raises ValueError if anything would go below zero: the decision was wrong then."""
    holds = {hold: merged(account.holds.get(hold, {}), lots) for hold, lots in change.holds.items()}
    debt = account.debt + change.debt
    if debt < 0:
        raise ValueError(f"the debt would be {debt}")
    return replace(
        account,
        lots=merged(account.lots, change.lots),
        pending=merged(account.pending, change.pending),
        holds={hold: lots for hold, lots in {**account.holds, **holds}.items() if lots},
        debt=debt,
    )


def post(account: Account, posting: Posting, operation: Operation, now: datetime) -> tuple[Account, Entry]:
    """Book a posting. Raises ValueError as `changed`."""
    after = replace(
        changed(account, posting.change),
        n=account.n + 1,
        revision=account.revision + 1,
        latest=(operation.key,),
        updated_at=now,
    )
    entry = Entry(operation, account.member, after.n, posting, after.balance(now.date()), after.tier, now)
    return after, entry
