"""Accounts, postings and entries: what a member has, and every change of it. Pure.

An account changes only by a posting, and every posting becomes one entry; entries are never changed. `n` counts them
without a gap, so that an account and its entries can be checked against each other (`proof.py`) at any time.

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
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from typing import Any, Literal, NamedTuple, TypeAlias

from functions.ledger.lots import Lots, merged, spendable, total
from functions.program.periods import GOAL_KEPT_DAYS, KEPT_DAYS, LIMIT_KEPT_DAYS
from functions.runtime.errors import MemberClosedError, MemberSuspendedError

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
class Basis:
    """What a reward that was given rests on, so that a return knows when it goes.

    `rule`: the rule or `goal` that gave it, `times` so often. By a rule: for what it counted of each purchase line
    (`lines`), at least `least` together, once for each full `step` of it (0: once for the whole), and where at least
    `paid` was paid for all lines.
    """

    rule: str
    times: int = 1
    lines: Mapping[str, int] = field(default_factory=dict)
    least: int = 0
    step: int = 0
    paid: int = 0
    goal: bool = False


@dataclass(frozen=True, slots=True)
class IssuedReward:
    """What a redemption, a rule or a goal gives. `value` in minor units of `currency`.

    `code`: good as money, None while held. `redemption`: its id, also where it was given and not bought. It can be used
    from `valid_from` to `valid_until`. `basis`: why it was given, None where it was bought. `money`: what is paid
    besides the points, minor units. `fulfilment`: how it is handed over. `reference`: what the supplier calls it.
    """

    redemption: str
    reward: str
    kind: str
    value: int
    currency: str
    code: str | None
    valid_until: date | None
    valid_from: date | None = None
    basis: Basis | None = None
    money: int = 0
    fulfilment: str = "code"
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Voucher:
    """A reward with a code, as it is now: `reward.value` is what is left of it. `version`: of the programme, whose
    terms it has. `uses`: how often it was used, `paid`: how much it paid, `used_up`: it cannot be any more. `changes`:
    how often it was changed since it was issued; a writer must have seen the latest."""

    reward: IssuedReward
    member: str
    changes: int = 0
    withdrawn: bool = False
    version: int = 0
    uses: int = 0
    paid: int = 0
    used_up: bool = False


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A voucher that is taken back: wholly, or down to the value `left`."""

    voucher: Voucher
    left: int


@dataclass(frozen=True, slots=True)
class Use:
    """A voucher that is used: it paid `paid` of a purchase, by line, and `left` of its value is left. `used_up`: it
    cannot be used again. Minor units."""

    voucher: Voucher
    paid: int
    left: int
    used_up: bool
    lines: Mapping[str, int] = field(default_factory=dict)


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


class Count(NamedTuple):
    """What one entry adds to a counter: by purchase line, as a whole (it goes when the last piece is returned), or for
    good. Negative where a return takes it back."""

    key: str
    lines: Mapping[str, int] = {}
    whole: int = 0
    kept: int = 0

    @property
    def total(self) -> int:
        return (sum(self.lines.values()) if self.lines else 0) + self.whole + self.kept


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


_STILL_POSSIBLE: Mapping[MemberStatus, frozenset[OperationKind]] = {
    "suspended": frozenset(
        {
            "return",
            "confirmation",
            "adjustment",
            "activation",
            "expiry",
            "review",
            "grace",
            "release",
            "refund",
            "fulfilment",
            "change",
        }
    ),
    "closed": frozenset(),
    "merged": frozenset(),
}


def check_status(account: Account, kind: OperationKind) -> None:
    """Raises MemberSuspendedError or MemberClosedError where the member's state does not allow the operation: who is
    suspended earns and spends nothing, and nothing happens to who is gone."""
    if account.status == "active" or kind in _STILL_POSSIBLE[account.status]:
        return
    if account.status != "suspended":
        raise MemberClosedError("This member has left.")
    raise MemberSuspendedError("This member is suspended: nothing is earned or spent meanwhile.")


def changed(account: Account, change: Change) -> Account:
    """The account after a change. Raises ValueError if anything would go below zero: the decision was wrong then."""
    return replace(account, **_parts(account, change))


def _parts(account: Account, change: Change) -> dict[str, Any]:
    """The parts of the account that a change touches, after it."""
    parts: dict[str, Any] = {}
    if change.lots:
        parts["lots"] = merged(account.lots, change.lots)
    if change.pending:
        parts["pending"] = merged(account.pending, change.pending)
    if change.holds:
        holds = {hold: merged(account.holds.get(hold, {}), lots) for hold, lots in change.holds.items()}
        parts["holds"] = {hold: lots for hold, lots in {**account.holds, **holds}.items() if lots}
    if change.debt:
        parts["debt"] = account.debt + change.debt
        if parts["debt"] < 0:
            raise ValueError(f"the debt would be {parts['debt']}")
    return parts


def summed(counters: Mapping[str, int], counts: Sequence[Count]) -> dict[str, int]:
    """The counters after what an entry counts, with nothing forgotten."""
    after = dict(counters)
    for key, lines, whole, kept in counts:
        after[key] = after.get(key, 0) + (sum(lines.values()) if lines else 0) + whole + kept
    return after


def counted(counters: Mapping[str, int], counts: Sequence[Count], day: date) -> Mapping[str, int]:
    """The counters after what an entry counts, without those of periods so long before `day`, when it occurred, that
    nothing looks back at them any more."""
    if not counts:
        return counters
    after = summed(counters, counts)
    if len(after) == len(counters) and all(after.values()):
        return after  # nothing is forgotten before something new comes
    ordinal = day.toordinal()
    if min(map(_kept_until, after)) >= ordinal and all(after.values()):
        return after
    return {key: value for key, value in after.items() if value and _kept_until(key) >= ordinal}


@lru_cache(maxsize=100_000)
def _kept_until(key: str) -> int:
    """The last day (as an ordinal) on which something may look back at a counter."""
    name, _, first = key.partition("@")
    if not first:
        return date.max.toordinal()
    kept = LIMIT_KEPT_DAYS if name.startswith(_LIMITS) else GOAL_KEPT_DAYS if name.startswith("goal.") else KEPT_DAYS
    return date.fromisoformat(first).toordinal() + kept[name.rpartition("/")[2]]


_LIMITS = ("rule.", "group.", "all.")


def booked(account: Account, posting: Posting) -> Account:
    """The account with a posting in it. Raises ValueError as `changed`."""
    parts = _parts(account, posting.change)
    return Account(
        account.member,
        account.enrolled_at,
        account.updated_at,
        account.source,
        (posting.member and posting.member.status) or account.status,
        account.tiers if posting.tiers is None else posting.tiers,
        account.n + 1,
        account.revision,
        parts.get("lots", account.lots),
        parts.get("pending", account.pending),
        parts.get("holds", account.holds),
        parts.get("debt", account.debt),
        account.latest,
        counted(account.counters, posting.counts, posting.occurred_at.date()),
        (posting.member and posting.member.traits) or account.traits,
        (posting.member and posting.member.merged_into) or account.merged_into,
        account.active_on,
        account.passed_on,
        account.due_on,
    )


ACTIVE_BY = frozenset({"purchase", "activity", "redemption", "use"})
"""Operations by which a member shows some activity."""


def _active_on(account: Account, posting: Posting, operation: Operation, zone: tzinfo) -> date | None:
    day = posting.occurred_at.astimezone(zone).date()
    if operation.kind not in ACTIVE_BY or (account.active_on and account.active_on > day):
        return account.active_on
    return day


def post(
    account: Account, posting: Posting, operation: Operation, now: datetime, zone: tzinfo = UTC
) -> tuple[Account, Entry]:
    """Book a posting. `zone`: where the programme's days begin. Raises ValueError as `changed`."""
    today = now.astimezone(zone).date()
    after = replace(
        booked(account, posting),
        revision=account.revision + 1,
        latest=(operation.key,),
        updated_at=now,
        active_on=_active_on(account, posting, operation, zone),
    )
    entry = Entry(operation, account.member, after.n, posting, after.balance(today), after.tier, now, today)
    return after, entry
