"""Accounts, postings and entries: what a member has, and every change of it. Pure.

An account changes only by a posting, and every posting becomes one entry (`booking.py`); entries are never changed.
`n` counts them without a gap, so that an account and its entries can be checked against each other (`proof.py`) at any
time.

    active    points that can be spent, in lots by their last day
    pending   points that become active on a day
    held      points set aside for a redemption that is not captured yet; they remember their lots
    debt      points that were spent and then taken back; what comes in pays it first

Beside the points an account keeps what the rules need to know: `counters` (what was counted per period: visits, spend,
how often a rule applied), `tiers` (the last steps, the present one at the end) and `traits` of the profile.

What a member owns is active + pending + held - debt: exactly the sum of the points of all entries. Nothing of it is
ever below zero, and debt and active points never stand side by side.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal, NamedTuple, TypeAlias

from functions.ledger.by_line import ByLine
from functions.ledger.lots import Lots, spendable, total
from functions.ledger.rewards import IssuedReward, Use, Withdrawal

EntryKind = Literal[
    "earned",
    "activated",
    "redeemed",
    "expired",
    "adjusted",
    "reversed",
    "held",
    "released",
    "changed",
    "used",
    "fulfilled",
]
OperationKind = Literal[
    "purchase",
    "return",
    "activity",
    "redemption",
    "capture",
    "release",
    "refund",
    "use",
    "fulfilment",
    "confirmation",
    "adjustment",
    "activation",
    "expiry",
    "review",
    "conversion",
    "grace",
    "change",
    "merge",
]
What = Literal["MemberUpdated", "MemberSuspended", "MemberReinstated", "MemberClosed", "MemberMerged", "MemberExported"]
MemberStatus = Literal["active", "suspended", "closed", "merged"]

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
class TierStep:
    """A tier from an instant on, held to the end of `until`; None where nothing ends it.

    `counted`: what had been counted by then in the month of `since`, where a review must not count it again. `given`:
    it was given, and not reached.
    """

    tier: str
    since: datetime
    until: date | None = None
    counted: Mapping[str, int] = field(default_factory=dict)
    given: bool = False


@dataclass(frozen=True, slots=True)
class Traits:
    """What rules know of the member. `birthday` is `MM-DD`; `referred_by` the id of another member; `complete`: the
    profile is, or once was. `imported`: was a member elsewhere before."""

    segments: Sequence[str] = ()
    birthday: str | None = None
    attributes: Mapping[str, str | int | bool] = field(default_factory=dict)
    referred_by: str | None = None
    complete: bool = False
    imported: bool = False


@dataclass(slots=True)
class Account:
    """One member's points. Never changed once it is made, like postings and changes; these are not frozen only because
    that makes them twice as slow to make.

    `n`: entries so far. `revision`: writes so far, of any kind; a writer must have seen the latest. `latest`: operation
    keys of the entries of the last commit, for the publisher. `enrolled_at`, `source`: when and by whom it was opened.
    `merged_into`: the member who has it all now. `active_on`: the last day on which the member did something.
    `passed_on`: the day up to which time has done its work, None where it has done none yet. `due_on`: the next day on
    which it may have some, never too late, None where there is none.
    """

    member: str
    enrolled_at: datetime
    updated_at: datetime
    source: str
    status: MemberStatus = "active"
    tiers: Sequence[TierStep] = ()
    n: int = 0
    revision: int = 0
    lots: Lots = field(default_factory=dict)
    pending: Lots = field(default_factory=dict)
    holds: Holds = field(default_factory=dict)
    debt: int = 0
    latest: Sequence[str] = ()
    counters: Mapping[str, int] = field(default_factory=dict)
    traits: Traits = Traits()
    merged_into: str | None = None
    active_on: date | None = None
    passed_on: date | None = None
    due_on: date | None = None

    @property
    def tier(self) -> str | None:
        """The present tier, None where the programme has given none yet."""
        return self.tiers[-1].tier if self.tiers else None

    def balance(self, today: date) -> Balance:
        """What there is today: an expired lot is not, even where the night that books its expiry has not come yet."""
        held = sum(total(lots) for lots in self.holds.values())
        return Balance(total(spendable(self.lots, today)), total(self.pending), held, self.debt)


class Reason(NamedTuple):
    """Why one rule gave points, or did not.

    `lines`: points per purchase line. `condition`: the code of the condition that failed, with its `facts`. `skipped`:
    lines that did not count, with the condition that each failed. `into`: the counter that got the points.
    """

    rule: str
    applied: bool
    points: int = 0
    lines: Mapping[str, int] = {}
    condition: str | None = None
    facts: Mapping[str, int | str] = {}
    skipped: Mapping[str, str] = {}
    into: str | None = None


class Line(NamedTuple):
    """What a purchase line was, and what it earned: the measure of every later return. Amount in minor units."""

    id: str
    quantity: int
    amount: int
    points: int


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


OWN_IDS = frozenset({"purchase", "return", "activity", "confirmation", "adjustment", "change", "use"})
"""Operations whose ids partners choose."""


def total_of(parts: Mapping[str, int]) -> int:
    """The sum of what lines have."""
    if type(parts) is ByLine:
        return parts.total
    return sum(parts.values()) if parts else 0


class Count(NamedTuple):
    """What one entry adds to a counter: by purchase line, as a whole (it goes when the last piece is returned), or for
    good. Negative where a return takes it back."""

    key: str
    lines: Mapping[str, int] = {}
    whole: int = 0
    kept: int = 0

    @property
    def total(self) -> int:
        return total_of(self.lines) + self.whole + self.kept


@dataclass(slots=True)
class Change:
    """Signed points by lot, by pending bucket, by hold and lot, and of debt."""

    lots: Lots = field(default_factory=dict)
    pending: Lots = field(default_factory=dict)
    holds: Holds = field(default_factory=dict)
    debt: int = 0

    @property
    def points(self) -> int:
        """By how much it changes what the member owns: nothing, where points only move."""
        held = sum([total(lots) for lots in self.holds.values()]) if self.holds else 0
        return total(self.lots) + (total(self.pending) if self.pending else 0) + held - self.debt


@dataclass(frozen=True, slots=True)
class Draw:
    """Points from the budget of a rule: from which shard, and the most that may have been drawn from it before."""

    rule: str
    shard: int
    points: int
    room: int


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
class MemberChange:
    """What became of the member, not of points. `what` is an event's name, `fields` those of the profile that changed,
    `before` and `after` their values where they are nothing personal. `status` and `traits`: None where they stay.
    `merged_into`: the member to whom everything goes."""

    what: What
    fields: Sequence[str] = ()
    before: Mapping[str, str] = field(default_factory=dict)
    after: Mapping[str, str] = field(default_factory=dict)
    status: MemberStatus | None = None
    traits: Traits | None = None
    merged_into: str | None = None


@dataclass(slots=True)
class Posting:
    """A decided change of an account, with the whole explanation.

    `made`: what it earned alone, where `change` moves other points as well. `counts`: what is added to which counters.
    `tiers`: the steps from now on, None where they stay. `issued`: rewards that come with it, `withdrawn` those that
    it takes back. `draws`: points from the budgets of rules. `referrer`: whom a completed referral is due to, or, where
    a return undoes it, was due to. `activity`: its type, where it is one; `unconfirmed` while nobody has confirmed it.
    `note`: what somebody wrote to explain it; not for events, it may be personal. `member`: what became of the member.
    `used`: the voucher that is used. `until`: when a hold ends by itself.
    """

    kind: EntryKind
    change: Change
    occurred_at: datetime
    program_version: int
    explanation: Sequence[Reason] = ()
    lines: Sequence[Line] = ()
    reward: IssuedReward | None = None
    reversal: Reversal | None = None
    currency: str | None = None
    made: Change | None = None
    counts: Sequence[Count] = ()
    tiers: Sequence[TierStep] | None = None
    tier_before: str | None = None
    issued: Sequence[IssuedReward] = ()
    draws: Sequence[Draw] = ()
    referrer: str | None = None
    withdrawn: Sequence[Withdrawal] = ()
    activity: str | None = None
    unconfirmed: bool = False
    note: str | None = None
    member: MemberChange | None = None
    used: Use | None = None
    until: datetime | None = None

    @property
    def points(self) -> int:
        return self.change.points


@dataclass(frozen=True, slots=True)
class AwaitingReturn:
    """A return that came before its purchase. `content`: the body as it was sent, `payload_hash` tells a repeat."""

    id: str
    payload_hash: str
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """A posting as it was booked: the `n`-th of its member, with the balance after it.

    `reversals` and `returned` say what has been taken back of it since: the only thing about an entry that grows.
    `awaited_by`: returns that came before it, and are to be carried out now. `booked_on`: the programme's day, which is
    not always that of UTC; what had expired by then is not part of the balance.
    """

    operation: Operation
    member: str
    n: int
    posting: Posting
    balance_after: Balance
    tier_after: str | None
    recorded_at: datetime
    booked_on: date
    reversals: int = 0
    returned: Mapping[str, Returned] = field(default_factory=dict)
    awaited_by: Sequence[AwaitingReturn] = ()

    @property
    def id(self) -> str:
        return f"{self.member}#{self.n}"
