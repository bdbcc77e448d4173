"""The one commit: operations are decided on the account as it is, and booked exactly once.

    load account ──> decide (pure) ──> post ──> transact [every entry must be new | the account must be as loaded | …]
         ^                |refused: look again, strongly; then keep the refusal under the operation id
         |                |                         |an entry exists: a repeat, answer what was answered
         └────────────────┴──── account moved on ───┘conflict or throttling: wait, look again, and again

The entry is the idempotency record, for ever. A lost answer is therefore safe to repeat, by botocore or by the partner.
Operations of one member that come together are decided one after the other and committed in one transaction.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from functions.ledger import answering, awaited_items, items, store
from functions.ledger.account import Account, Entry, Operation, Posting
from functions.ledger.answering import Committed, Outcome
from functions.ledger.awaited_items import is_awaited
from functions.ledger.booking import check_status, post
from functions.ledger.identity import ADDRESSES, Identity
from functions.ledger.reward_items import CHANGES, voucher_key, voucher_to_item
from functions.ledger.rewards import Use, Withdrawal
from functions.ledger.vouchers import RANDOM_BYTES, code_from, completed
from functions.program import store as programs
from functions.runtime import clock, tables
from functions.runtime.errors import LoyaltyError, OperationTooLargeError, RefusedError, TryAgainError
from functions.runtime.tables import Amend, CancelledError, Put, Replace, Write
from functions.runtime.validation import payload_hash_of

ATTEMPTS = 20
_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 1.0
"""Seconds. All pauses together take about seven: the gateway waits ten."""
_LARGEST_TRANSACTION = 100
BUSY = ("TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded")

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
        return store.resolve(request.who), request
    claim = store.claim_of(request.who)
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
        return answering.what_it_was(request.operation, error)
    existing = tables.get("entries", {"operation": request.operation.key}, consistent=True)
    if existing is None or "member" not in existing:
        return error
    return answering.replay(existing, _named(request.operation, existing["member"]))


def pause(failures: int) -> None:
    """Let others pass, longer after every failure."""
    clock.pause(min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**failures))


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
            self._account = store.standing(store.load(self._member))
        except LoyaltyError as error:
            return [answering.what_it_was(request.operation, error) for request in self._requests]
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
        pause(failures)
        self._account, self._surely_fresh = store.standing(store.load(self._member, consistent=True)), True

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
                    self._account = self._after = store.standing(store.load(self._member, consistent=True))
                    self._surely_fresh = True
                    return {}
                self._outcomes[i] = answering.refused(request.operation, error)
                continue
            posting = completed(posting, request.operation, _new_code)
            after, entry = post(self._after, posting, request.operation, now, zone)
            writes = self._writes_of(i, entry)
            items_of = {request.operation.key, *(f"budget#{draw.rule}#{draw.shard}" for draw in posting.draws)}
            items_of |= {posting.reversal.operation} if posting.reversal else set()
            if not planned and len(writes) > room:
                too_large = OperationTooLargeError(f"It would take {len(writes)} writes; {room} can be made at once.")
                self._outcomes[i] = answering.refused(request.operation, too_large)
                continue
            if len(writes) > room or items_of & touched:
                break
            room -= len(writes)
            touched |= items_of
            self._after, planned[i] = after, entry
        return planned

    def _write(self, planned: dict[int, Entry]) -> None:
        after = replace(self._after, latest=tuple(entry.operation.key for entry in planned.values()))
        after = store.with_due(after, self._account.due_on, after.updated_at)
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
            if existing and is_awaited(existing):
                self._awaited[key] = existing
            elif existing:
                self._outcomes[i] = answering.replay(existing, self._requests[i].operation)
            elif mine[0].code == "ConditionalCheckFailed":
                del self._awaited[key]  # nobody waits any more
            elif error := self._requests[i].explain(mine[len(mine) - len(self._requests[i].also()) :]):
                self._outcomes[i] = answering.refused(self._requests[i].operation, error)
        if account_reason.item:
            self._account, self._surely_fresh = store.standing(items.account_from_item(account_reason.item)), True
        elif cancelled.has("ValidationError") or not cancelled.has("ConditionalCheckFailed", *BUSY):
            raise cancelled

    def _writes_of(self, i: int, entry: Entry) -> list[Write]:
        """The entry first, over the place where returns wait for it, if they do; then what goes with it."""
        also = self._requests[i].also()
        awaited = self._awaited.get(entry.operation.key)
        item = items.entry_to_item(entry)
        if awaited is None:
            return [Put("entries", item, key="operation"), *_writes_with(entry), *also]
        taken_over = {"returns": awaited["returns"]}
        return [
            Replace("entries", item | taken_over, expected=awaited_items.as_awaited(awaited)),
            *_writes_with(entry),
            *also,
        ]


def _writes_with(entry: Entry) -> list[Write]:
    """What goes with an entry: vouchers, those it takes back, draws from budgets, what it takes from another entry."""
    posting = entry.posting
    final = [posting.reward] if posting.kind == "redeemed" and posting.reward else []
    vouchers = [
        voucher_to_item(reward, entry.member, posting.program_version)
        for reward in (*final, *posting.issued)
        if reward.code
    ]
    writes: list[Write] = [Put("rewards", voucher, key="key") for voucher in vouchers]
    writes += [_withdrawing(one) for one in entry.posting.withdrawn]
    writes += [_using(posting.used)] if posting.used else []
    writes += map(store.drawing, entry.posting.draws)
    reversal = entry.posting.reversal
    if reversal:
        returned = {"returned": items.returned_to_item(reversal.returned)}
        writes.append(Amend("entries", {"operation": reversal.operation}, "reversals", reversal.seen, returned))
    return writes


def _withdrawing(one: Withdrawal) -> Write:
    assert one.voucher.reward.code
    content = {"value": one.left, "withdrawn": not one.left}
    return Amend("rewards", voucher_key(one.voucher.reward.code), CHANGES, one.voucher.changes, content)


def _using(use: Use) -> Write:
    voucher = use.voucher
    assert voucher.reward.code
    content = {
        "value": use.left,
        "uses": voucher.uses + 1,
        "paid": voucher.paid + use.paid,
        "used_up": use.used_up,
    }
    return Amend("rewards", voucher_key(voucher.reward.code), CHANGES, voucher.changes, content)


def _new_code() -> str:
    return code_from(secrets.token_bytes(RANDOM_BYTES))
