"""Accounts and entries in DynamoDB: load, look up, and the one commit.

    load account ──> decide (pure) ──> post ──> transact [every entry must be new | the account must be as loaded | …]
         ^                |refused: look again, strongly; then keep the refusal under the operation id
         |                |                         |an entry exists: a repeat, answer what was answered
         └────────────────┴──── account moved on ───┘conflict or throttling: wait, look again, and again

The entry is the idempotency record, for ever. A lost answer is therefore safe to repeat, by botocore or by the partner.
Operations of one member that come together are decided one after the other and committed in one transaction.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TypeAlias

from functions.ledger import items
from functions.ledger.account import Account, Draw, Entry, MemberChange, Operation, Posting
from functions.ledger.booking import check_status, post
from functions.ledger.identity import ADDRESSES, Identity
from functions.ledger.rewards import Use, Voucher, Withdrawal
from functions.ledger.vouchers import RANDOM_BYTES, code_from, completed
from functions.program import store as programs
from functions.program.due import DAY, next_due
from functions.program.periods import day_in
from functions.runtime import clock, tables
from functions.runtime.errors import (
    LoyaltyError,
    MemberNotFoundError,
    OperationIdReusedError,
    OperationTooLargeError,
    ProgramNotActiveError,
    RefusedError,
    ReplayedRefusalError,
    TryAgainError,
)
from functions.runtime.observability import logger
from functions.runtime.tables import Add, Amend, CancelledError, ConditionFailedError, Put, Replace, Write
from functions.runtime.validation import payload_hash_of

ATTEMPTS = 20
_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 1.0
"""Seconds. All pauses together take about seven: the gateway waits ten."""
_LARGEST_TRANSACTION = 100
_BUSY = ("TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded")

Decide: TypeAlias = Callable[[Account, datetime], Posting]


@dataclass(frozen=True, slots=True)
class Request:
    """An operation to carry out for whom.

    `decide` may be called several times, each time with a fresher account, and with the time that counts. `also`: what
    is to be written with what was decided last; `explain` says what it means that some of that could not be, None where
    it is only to be decided again.
    """

    operation: Operation
    who: Identity
    decide: Decide
    also: Callable[[], Sequence[Write]] = tuple
    explain: Callable[[Sequence[tables.Reason]], LoyaltyError | None] = lambda _reasons: None


@dataclass(frozen=True, slots=True)
class Committed:
    """An entry that is in the books; `replayed` if it already was when the operation came."""

    entry: Entry
    replayed: bool


Outcome: TypeAlias = Committed | LoyaltyError


def resolve(identity: Identity) -> str:
    """The member an identity belongs to. Raises MemberNotFoundError."""
    if identity.kind == "id":
        return identity.value
    member: str = _claim(identity)["member"]
    return member


def _claim(identity: Identity) -> tables.Item:
    claim = tables.get("members", {"key": identity.claim_key()})
    claim = claim or tables.get("members", {"key": identity.claim_key()}, consistent=True)
    if claim is None:
        raise MemberNotFoundError(f"No member has this {identity.kind}.")
    return claim


def load(member: str, *, consistent: bool = False) -> Account:
    """The account, by default as a cheap read sees it. Raises MemberNotFoundError, never for want of consistency."""
    item = tables.get("accounts", items.account_key(member), consistent=consistent)
    if item is None and not consistent:
        return load(member, consistent=True)
    if item is None:
        raise MemberNotFoundError("No member has this id.")
    return items.account_from_item(item)


def find(operation_key: str, *, consistent: bool = True) -> Entry | None:
    """The entry that an operation made, if it made one.

    What has been taken back of it may be a moment old where `consistent` is False, at half the price.
    """
    item = tables.get("entries", {"operation": operation_key}, consistent=consistent)
    if item is None and not consistent:
        return find(operation_key)
    return items.entry_from_item(item) if item and items.is_entry(item) else None


def answered(operation: Operation) -> Committed | None:
    """What an operation was answered before. Raises OperationIdReusedError, and ReplayedRefusalError."""
    existing = tables.get("entries", {"operation": operation.key}, consistent=True)
    outcome = _replay(existing, operation) if existing else None
    if isinstance(outcome, LoyaltyError):
        raise outcome
    return outcome


def refuse(operation: Operation, error: LoyaltyError) -> LoyaltyError | None:
    """Keep a refusal under an operation id, once. What is to be told of it: nothing where something came of the
    operation meanwhile, and OperationIdReusedError where another payload has taken its id."""
    record = {"operation": operation.key, "hash": operation.payload_hash, "refused": error.problem()}
    try:
        tables.put_new("entries", record, key="operation")
    except ConditionFailedError as failed:
        if failed.item is None or failed.item == record:
            return error
        outcome = _replay(failed.item, operation)
        return outcome if isinstance(outcome, OperationIdReusedError) else None
    return error


def find_voucher(code: str, *, consistent: bool = False) -> Voucher | None:
    """What a code stands for."""
    item = tables.get("rewards", items.voucher_key(code), consistent=consistent)
    return items.voucher_from_item(item) if item else None


def holds_due(now: datetime) -> Iterator[str]:
    """Ids of redemptions whose hold should have ended by itself, as the index has them."""
    condition = "#awaited = :awaited AND #report_at <= :now"
    for shard in items.HOLD_SHARDS:
        values = {"awaited": shard, "now": clock.to_text(now)}
        for item in tables.query("entries", condition, values, index="awaited"):
            yield items.operation_from_item(item).id


def first_hold_due() -> datetime | None:
    """When the next hold ends by itself."""
    found = (
        next(iter(tables.query("entries", "#awaited = :awaited", {"awaited": shard}, index="awaited", limit=1)), None)
        for shard in items.HOLD_SHARDS
    )
    return min((clock.from_text(item["report_at"]) for item in found if item), default=None)


def hold_settled(redemption: str) -> None:
    """Take a hold that has ended, however it did, out of the index of those that are to end."""
    key = {"operation": Operation("redemption", "", redemption, "", "").key}
    change = "REMOVE #awaited, #report_at"
    tables.update("entries", key, change, "attribute_exists(#operation)", {})


def drawn(rule: str, shards: int) -> dict[int, int]:
    """What was drawn from the budget of a rule, by shard."""
    keys = {items.budget_key(rule, shard)["key"]: shard for shard in range(shards)}
    found = tables.get_many("rewards", [{"key": key} for key in keys])
    return {keys[item["key"]]: item[items.SPENT] for item in found}


def drawing(draw: Draw) -> Write:
    """The write that draws from a budget or from a stock."""
    return Add("rewards", items.budget_key(draw.rule, draw.shard), items.SPENT, draw.points, draw.room)


def _new_code() -> str:
    return code_from(secrets.token_bytes(RANDOM_BYTES))


def opening(account: Account) -> Put:
    """The write that opens an account, for the transaction that enrols its member."""
    return Put("accounts", items.account_to_item(_with_due(account, None, account.enrolled_at)), key="member")


def _with_due(after: Account, due_before: date | None, now: datetime) -> Account:
    """The account with the next day on which time has something to do for it: an earlier one than before, if there is
    one. A later one is not written: whoever comes for nothing on that day finds the right one."""
    try:
        program = programs.in_force(after.member, now)
    except ProgramNotActiveError:
        return after
    yesterday = day_in(now, program.zone) - DAY
    due = next_due(after, program, max(after.passed_on or yesterday, yesterday))
    return replace(after, due_on=min(due, due_before) if due and due_before else due or due_before)


def due(shard: str, on: date) -> Iterator[str]:
    """Members of a part of the index for whom time has something to do by a day, the longest due first."""
    values = {"due": shard, "due_on": on.isoformat()}
    for item in tables.query("accounts", "#due = :due AND #due_on <= :due_on", values, index="due"):
        yield item["member"]


def first_due() -> date | None:
    """The next day on which time has something to do for anybody."""
    found = (
        next(iter(tables.query("accounts", "#due = :due", {"due": shard}, index="due", limit=1)), None)
        for shard in items.DUE_SHARDS
    )
    return min((date.fromisoformat(item["due_on"]) for item in found if item), default=None)


def passed(account: Account, on: date, due_on: date | None) -> bool:
    """Note that time has done its work for an account up to a day, and when there is more; False if the account has
    changed since: then that is to be seen first."""
    # A new revision: who saw the account before would write the earlier days over these.
    change = "SET #passed_on = :passed_on, #revision = :next"
    revisions = {"revision": account.revision, "next": account.revision + 1}
    values: dict[str, object] = {"passed_on": on.isoformat(), **revisions}
    if due_on:
        change += ", #due_on = :due_on, #due = :due"
        values |= {"due_on": due_on.isoformat(), "due": items.due_shard(account.member)}
    else:
        change += " REMOVE #due_on, #due"
    return tables.update("accounts", items.account_key(account.member), change, "#revision = :revision", values)


def commit(request: Request) -> Committed:
    """Carry out one operation exactly once.

    Raises what `decide` raises (a RefusedError is kept, so that it stays one), MemberNotFoundError,
    OperationIdReusedError, and TryAgainError when the account was too busy; then nothing was written.
    """
    [outcome] = commit_all([request])
    if isinstance(outcome, LoyaltyError):
        raise outcome
    return outcome


def commit_all(requests: Sequence[Request]) -> list[Outcome]:
    """Carry out operations, each exactly once; those of one member in as few transactions as their order allows.

    The outcomes stand in the order of the requests. One that fails does not touch the others.

    What names its member by an e-mail address or a phone number is known again by whose that is, not by the address:
    the same operation by another address of the same member is a repeat.
    """
    outcomes: dict[int, Outcome] = {}
    by_member: dict[str, dict[int, Request]] = {}
    for i, request in enumerate(requests):
        try:
            member, placed = _placed(request)
            by_member.setdefault(member, {})[i] = placed
        except LoyaltyError as error:
            outcomes[i] = _of_nobody(request, error)
    for member, mine in by_member.items():
        done = _Batch(member, list(mine.values())).carry_out()
        outcomes |= dict(zip(mine, done, strict=True))
    return [outcomes[i] for i in range(len(requests))]


def _placed(request: Request) -> tuple[str, Request]:
    """The member that a request is for, and the request as it is kept. Raises MemberNotFoundError."""
    if request.who.kind not in ADDRESSES:
        return resolve(request.who), request
    claim = _claim(request.who)
    # After a merge the claim still tells whose it was: what was sent before is known again.
    member: str = claim["member"]
    first: str = claim.get("first", member)
    return member, replace(request, operation=_named(request.operation, first))


def _named(operation: Operation, member: str) -> Operation:
    """An operation that named its member by an address: its hash holds the member in the place of that."""
    return replace(operation, payload_hash=payload_hash_of(f"{member} {operation.payload_hash}"))


def _of_nobody(request: Request, error: LoyaltyError) -> Outcome:
    """What comes of a request whose member is not found: a repeat is answered as it was then. An address that is
    nobody's any more may have been that of the member of the entry; a refusal does not tell whose it was."""
    if request.who.kind not in ADDRESSES:
        return _what_it_was(request.operation, error)
    existing = tables.get("entries", {"operation": request.operation.key}, consistent=True)
    if existing is None or "member" not in existing:
        return error
    return _replay(existing, _named(request.operation, existing["member"]))


def standing(account: Account) -> Account:
    """The account itself, or the one that has it all where it was merged into another."""
    while account.merged_into:
        account = load(account.merged_into)
    return account


class _Batch:
    """The operations of one member, on their way into the books."""

    def __init__(self, member: str, requests: Sequence[Request]) -> None:
        self._member = member
        self._requests = requests
        self._outcomes: dict[int, Outcome] = {}
        self._surely_fresh = False
        self._awaited: dict[str, tables.Item] = {}

    def carry_out(self) -> list[Outcome]:
        try:
            self._account = standing(load(self._member))
        except LoyaltyError as error:
            return [_what_it_was(request.operation, error) for request in self._requests]
        failures = 0
        while self._open() and failures < ATTEMPTS:
            planned = self._plan()
            if not planned:
                continue
            try:
                self._write(planned)
            except CancelledError as cancelled:
                self._learn(planned, cancelled)
                if self._open() and 0 < failures < ATTEMPTS - 1:
                    self._step_back(failures)
                failures += 1
        for i in self._open():
            self._outcomes[i] = TryAgainError("The account is busy. Nothing was written; repeat the call as it was.")
        return [self._outcomes[i] for i in range(len(self._requests))]

    def _step_back(self, failures: int) -> None:
        """Let others pass, and look again: what the cancelled transaction showed has long changed by then.

        The first time there is no pause, and its picture of the account is used at once.
        """
        clock.pause(min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**failures))
        self._account, self._surely_fresh = standing(load(self._member, consistent=True)), True

    def _open(self) -> list[int]:
        return [i for i in range(len(self._requests)) if i not in self._outcomes]

    def _plan(self) -> dict[int, Entry]:
        """Decide as many operations as fit in one transaction; the entries by request, the account as they leave it.

        A refusal counts only against the books: where it follows operations that are not committed yet, it waits.
        """
        planned: dict[int, Entry] = {}
        self._after = self._account
        touched: set[str] = set()
        room = _LARGEST_TRANSACTION - 1
        # A clock that lags must not call back what another has seen expire.
        now = max(clock.now(), self._account.updated_at)
        zone = programs.zone_of(self._account.member, now)
        for i in self._open():
            request = self._requests[i]
            if request.operation.key in touched:
                break
            try:
                check_status(self._after, request.operation.kind)
                posting = request.decide(self._after, now)
            except LoyaltyError as error:
                if planned:
                    break
                if isinstance(error, RefusedError) and not self._surely_fresh:
                    self._account = self._after = standing(load(self._member, consistent=True))
                    self._surely_fresh = True
                    return {}
                self._outcomes[i] = _refused(request.operation, error)
                continue
            posting = completed(posting, request.operation, _new_code)
            after, entry = post(self._after, posting, request.operation, now, zone)
            writes = self._writes_of(i, entry)
            items_of = {request.operation.key, *(f"budget#{draw.rule}#{draw.shard}" for draw in posting.draws)}
            items_of |= {posting.reversal.operation} if posting.reversal else set()
            if not planned and len(writes) > room:
                too_large = OperationTooLargeError(f"It would take {len(writes)} writes; {room} can be made at once.")
                self._outcomes[i] = _refused(request.operation, too_large)
                continue
            if len(writes) > room or items_of & touched:
                break
            room -= len(writes)
            touched |= items_of
            self._after, planned[i] = after, entry
        return planned

    def _write(self, planned: dict[int, Entry]) -> None:
        after = replace(self._after, latest=tuple(entry.operation.key for entry in planned.values()))
        after = _with_due(after, self._account.due_on, after.updated_at)
        writes = [write for i, entry in planned.items() for write in self._writes_of(i, entry)]
        account = Replace("accounts", items.account_to_item(after), expected={"revision": self._account.revision})
        tables.transact([account, *writes])
        self._account, self._surely_fresh = after, True
        self._outcomes |= {i: Committed(entry, replayed=False) for i, entry in planned.items()}

    def _learn(self, planned: dict[int, Entry], cancelled: CancelledError) -> None:
        """What a cancelled transaction says: which operations are repeats, and what the account is by now."""
        account_reason, *reasons = cancelled.reasons
        left = iter(reasons)
        for i, entry in planned.items():
            mine = [next(left) for _ in self._writes_of(i, entry)]
            key, existing = entry.operation.key, mine[0].item
            if existing and items.is_awaited(existing):
                self._awaited[key] = existing
            elif existing:
                self._outcomes[i] = _replay(existing, self._requests[i].operation)
            elif mine[0].code == "ConditionalCheckFailed":
                del self._awaited[key]  # nobody waits any more
            elif error := self._requests[i].explain(mine[len(mine) - len(self._requests[i].also()) :]):
                self._outcomes[i] = _refused(self._requests[i].operation, error)
        if account_reason.item:
            self._account, self._surely_fresh = standing(items.account_from_item(account_reason.item)), True
        elif cancelled.has("ValidationError") or not cancelled.has("ConditionalCheckFailed", *_BUSY):
            raise cancelled

    def _writes_of(self, i: int, entry: Entry) -> list[Write]:
        """The entry first, over the place where returns wait for it, if they do; then what goes with it."""
        also = self._requests[i].also()
        awaited = self._awaited.get(entry.operation.key)
        item = items.entry_to_item(entry)
        if awaited is None:
            return [Put("entries", item, key="operation"), *_writes_with(entry), *also]
        taken_over = {"returns": awaited["returns"]}
        return [Replace("entries", item | taken_over, expected=items.as_awaited(awaited)), *_writes_with(entry), *also]


@dataclass(frozen=True, slots=True)
class Pair:
    """One operation on two accounts: `decide` says what becomes of each. `operations`, `members`: in the same order."""

    operations: tuple[Operation, Operation]
    members: tuple[str, str]
    decide: Callable[[Account, Account, datetime], tuple[Posting, Posting]]
    also: Callable[[], Sequence[Write]]


def commit_pair(pair: Pair) -> tuple[Entry, bool]:
    """Carry out an operation on two accounts, once, both or neither; the first entry, and whether it was a repeat.

    Raises what `decide` raises, MemberNotFoundError, OperationIdReusedError, TryAgainError.
    """
    for attempt in range(ATTEMPTS):
        before = [load(member, consistent=True) for member in pair.members]
        now = max(clock.now(), *(account.updated_at for account in before))
        try:
            postings = pair.decide(before[0], before[1], now)
        except LoyaltyError as error:
            outcome = _refused(pair.operations[0], error)
            if isinstance(outcome, LoyaltyError):
                raise outcome from error
            return outcome.entry, True
        zone = programs.zone_of(before[0].member, now)
        posted = [post(*one, now, zone) for one in zip(before, postings, pair.operations, strict=True)]
        booked = [(_with_due(after, after.due_on, now), entry) for after, entry in posted]
        writes: list[Write] = [Put("entries", items.entry_to_item(entry), key="operation") for _, entry in booked]
        writes += [
            Replace("accounts", items.account_to_item(after), expected={"revision": account.revision})
            for account, (after, _) in zip(before, booked, strict=True)
        ]
        try:
            tables.transact([*writes, *pair.also()])
        except CancelledError as cancelled:
            if existing := cancelled.reasons[0].item:
                outcome = _replay(existing, pair.operations[0])
                if isinstance(outcome, LoyaltyError):
                    raise outcome from cancelled
                return outcome.entry, True
            if not cancelled.has("ConditionalCheckFailed", *_BUSY):
                raise
            clock.pause(min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt))
            continue
        return booked[0][1], False
    raise TryAgainError("The accounts are busy. Nothing was written; repeat the call as it was.")


def _writes_with(entry: Entry) -> list[Write]:
    """What goes with an entry: vouchers, those it takes back, draws from budgets, what it takes from another entry."""
    posting = entry.posting
    final = [posting.reward] if posting.kind == "redeemed" and posting.reward else []
    vouchers = [
        items.voucher_to_item(reward, entry.member, posting.program_version)
        for reward in (*final, *posting.issued)
        if reward.code
    ]
    writes: list[Write] = [Put("rewards", voucher, key="key") for voucher in vouchers]
    writes += [_withdrawing(one) for one in entry.posting.withdrawn]
    writes += [_using(posting.used)] if posting.used else []
    writes += map(drawing, entry.posting.draws)
    reversal = entry.posting.reversal
    if reversal:
        returned = {"returned": items.returned_to_item(reversal.returned)}
        writes.append(Amend("entries", {"operation": reversal.operation}, "reversals", reversal.seen, returned))
    return writes


def _withdrawing(one: Withdrawal) -> Write:
    assert one.voucher.reward.code
    content = {"value": one.left, "withdrawn": not one.left}
    return Amend("rewards", items.voucher_key(one.voucher.reward.code), items.CHANGES, one.voucher.changes, content)


def _using(use: Use) -> Write:
    voucher = use.voucher
    assert voucher.reward.code
    content = {
        "value": use.left,
        "uses": voucher.uses + 1,
        "paid": voucher.paid + use.paid,
        "used_up": use.used_up,
    }
    return Amend("rewards", items.voucher_key(voucher.reward.code), items.CHANGES, voucher.changes, content)


def _refused(operation: Operation, error: LoyaltyError) -> Outcome:
    """Keep a refusal under its operation id, so that a repeat is refused too, also when it would be granted by then."""
    if not isinstance(error, RefusedError):
        return _what_it_was(operation, error)
    record = {"operation": operation.key, "hash": operation.payload_hash, "refused": error.problem()}
    try:
        tables.put_new("entries", record, key="operation")
    except ConditionFailedError as failed:
        if failed.item and items.is_awaited(failed.item):
            return _refused_awaited(record, failed.item, error)
        return _replay(failed.item, operation) if failed.item else error
    return error


def _refused_awaited(record: tables.Item, awaited: tables.Item, error: LoyaltyError) -> Outcome:
    """Keep a refusal where returns wait: they go on waiting, until they are reported."""
    try:
        kept = awaited | record | {items.CHANGES: awaited[items.CHANGES] + 1}
        tables.transact([Replace("entries", kept, expected=items.as_awaited(awaited))])
    except CancelledError:
        return TryAgainError("Something else came for this purchase. Nothing was written; repeat the call as it was.")
    return error


def _what_it_was(operation: Operation, error: LoyaltyError) -> Outcome:
    """What was accepted once is answered as it was then, whatever the programme or the member say today."""
    existing = tables.get("entries", {"operation": operation.key}, consistent=True)
    return _replay(existing, operation) if existing and not items.is_awaited(existing) else error


def _replay(existing: tables.Item, operation: Operation) -> Outcome:
    if existing["hash"] != operation.payload_hash:
        return OperationIdReusedError(f"The {operation.kind} {operation.id} was sent before with another payload.")
    if "refused" in existing:
        return ReplayedRefusalError(existing["refused"])
    logger.info("operation_replayed", operation=operation.key)
    return Committed(items.entry_from_item(existing), replayed=True)


def statement(member: str, limit: int, below: int | None) -> list[Entry]:
    """Up to `limit` entries of a member, latest first, those with an `n` below `below` if given.

    Read from an index that follows the table within a moment. Raises MemberNotFoundError.
    """
    load(member)
    condition = "#member = :member" + ("" if below is None else " AND #n < :n")
    values = {"member": member} | ({} if below is None else {"n": below})
    found = tables.query("entries", condition, values, index="by_member", limit=limit, newest_first=True)
    return [items.entry_from_item(item) for item in found]


def forget(entry: Entry) -> None:
    """Remove what may be personal of an entry of a member who has left: what somebody wrote to it, what the member was
    like after a change, and the hash of what was sent to change it, which could be guessed."""
    key = {"operation": entry.operation.key}
    if entry.posting.note is not None:
        tables.update("entries", key, "REMOVE #note", "attribute_exists(#operation)", {})
    change = entry.posting.member
    if change and change.what != "MemberClosed":
        ids = change.after if change.what == "MemberMerged" else {}
        kept = MemberChange(change.what, change.fields, {}, ids, change.status, None, change.merged_into)
        about = items.member_to_item(kept)
        values = {"about": about, "hash": ""}
        tables.update("entries", key, "SET #about = :about, #hash = :hash", "attribute_exists(#operation)", values)


def newest_first(member: str, below: int | None = None) -> Iterator[Entry]:
    """The entries of a member, latest first, those with an `n` below `below` if given, as the index has them: it
    follows the table within a moment."""
    condition = "#member = :member" + ("" if below is None else " AND #n < :n")
    values = {"member": member} | ({} if below is None else {"n": below})
    for item in tables.query("entries", condition, values, index="by_member", newest_first=True):
        yield items.entry_from_item(item)


def since(member: str, n: int) -> Iterator[Entry]:
    """The entries of a member after the `n`-th, in order."""
    condition, values = "#member = :member AND #n > :n", {"member": member, "n": n}
    for item in tables.query("entries", condition, values, index="by_member"):
        yield items.entry_from_item(item)
