"""Accounts and entries in DynamoDB: load, look up, and the one commit.

    commit ──> load account ──> decide (pure) ──> post ──> transact [entry must be new | account must be as loaded | …]
                   ^               |refused: look again, strongly; then keep the refusal under the operation id
                   |               |                            |entry exists: a repeat, answer what was answered
                   └───────────────┴── account has moved on ────┘  conflict or throttling: wait a little, again

The entry is the idempotency record, for ever. A lost answer is therefore safe to repeat, by botocore or by the partner.
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from functions.ledger import items
from functions.ledger.account import Account, Entry, Operation, Posting, post
from functions.ledger.identity import Identity
from functions.runtime import clock, tables
from functions.runtime.errors import (
    LoyaltyError,
    MemberNotFoundError,
    OperationIdReusedError,
    RefusedError,
    ReplayedRefusalError,
    TryAgainError,
)
from functions.runtime.observability import logger
from functions.runtime.tables import CancelledError, ConditionFailedError, Put, Replace

_ATTEMPTS = 40
_LONGEST_PAUSE = 0.4
_BUSY = ("TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded")

Decide: TypeAlias = Callable[[Account], Posting]
AlsoWrite: TypeAlias = Callable[[Entry], Sequence[Put]]


@dataclass(frozen=True, slots=True)
class Committed:
    """An entry that is in the books; `replayed` if it already was when the operation came."""

    entry: Entry
    replayed: bool


def nothing_else(_entry: Entry) -> Sequence[Put]:
    return ()


def resolve(identity: Identity) -> str:
    """The member an identity belongs to. Raises MemberNotFoundError."""
    if identity.kind == "id":
        return identity.value
    claim = tables.get("members", {"key": identity.claim_key()})
    claim = claim or tables.get("members", {"key": identity.claim_key()}, consistent=True)
    if claim is None:
        raise MemberNotFoundError(f"No member has this {identity.kind}.")
    member: str = claim["member"]
    return member


def load(member: str, *, consistent: bool = False) -> Account:
    """The account, by default as a cheap read sees it. Raises MemberNotFoundError, never for want of consistency."""
    item = tables.get("accounts", items.account_key(member), consistent=consistent)
    if item is None and not consistent:
        return load(member, consistent=True)
    if item is None:
        raise MemberNotFoundError("No member has this id.")
    return items.account_from_item(item)


def find(operation_key: str) -> Entry | None:
    """The entry that an operation made, if it made one."""
    item = tables.get("entries", {"operation": operation_key}, consistent=True)
    return items.entry_from_item(item) if item and "refused" not in item else None


def opening(account: Account) -> Put:
    """The write that opens an account, for the transaction that enrols its member."""
    return Put("accounts", items.account_to_item(account), key="member")


def commit(operation: Operation, who: Identity, decide: Decide, also_write: AlsoWrite = nothing_else) -> Committed:
    """Carry out an operation exactly once.

    `decide` is pure and may be called several times, each time with a fresher account. Raises what it raises (a
    RefusedError is kept, so that it stays one), MemberNotFoundError, OperationIdReusedError, and TryAgainError when the
    account was too busy; then nothing was written.
    """
    try:
        account = load(resolve(who))
        return _decide_and_write(account, operation, decide, also_write)
    except RefusedError as refusal:
        return _refuse(operation, refusal)
    except OperationIdReusedError:
        raise
    except LoyaltyError:
        # What was accepted once is answered as it was then, whatever the programme or the member say today.
        existing = tables.get("entries", {"operation": operation.key}, consistent=True)
        if existing is None:
            raise
        return _replay(existing, operation)


def _decide_and_write(account: Account, operation: Operation, decide: Decide, also_write: AlsoWrite) -> Committed:
    surely_fresh = False
    for attempt in range(_ATTEMPTS):
        try:
            posting = decide(account)
        except RefusedError:
            if surely_fresh:
                raise
            account, surely_fresh = load(account.member, consistent=True), True
            continue
        after, entry = post(account, posting, operation, clock.now())
        try:
            _write(account, after, entry, also_write(entry))
        except CancelledError as cancelled:
            entry_reason, account_reason, *_ = cancelled.reasons
            if cancelled.has("ValidationError"):
                raise
            if entry_reason.item:
                return _replay(entry_reason.item, operation)
            if account_reason.item:
                account, surely_fresh = items.account_from_item(account_reason.item), True
            elif not cancelled.has(*_BUSY):
                raise
            time.sleep(random.uniform(0, min(_LONGEST_PAUSE, 0.005 * 2**attempt)))
            continue
        return Committed(entry, replayed=False)
    raise TryAgainError("The account is busy. Nothing was written; repeat the call with the same operation id.")


def _write(before: Account, after: Account, entry: Entry, also: Sequence[Put]) -> None:
    tables.transact(
        [
            Put("entries", items.entry_to_item(entry), key="operation"),
            Replace("accounts", items.account_to_item(after), expected={"revision": before.revision}),
            *also,
        ]
    )


def _refuse(operation: Operation, refusal: RefusedError) -> Committed:
    """Keep a refusal under its operation id, so that a repeat is refused too, also when it would be granted by then."""
    record = {"operation": operation.key, "hash": operation.payload_hash, "refused": refusal.problem()}
    try:
        tables.put_new("entries", record, key="operation")
    except ConditionFailedError as failed:
        if failed.item is None:
            raise
        return _replay(failed.item, operation)
    raise refusal


def _replay(existing: tables.Item, operation: Operation) -> Committed:
    if existing["hash"] != operation.payload_hash:
        raise OperationIdReusedError(f"The {operation.kind} {operation.id} was sent before with another payload.")
    if "refused" in existing:
        raise ReplayedRefusalError(existing["refused"])
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


def since(member: str, n: int) -> Iterator[Entry]:
    """The entries of a member after the `n`-th, in order."""
    condition, values = "#member = :member AND #n > :n", {"member": member, "n": n}
    for item in tables.query("entries", condition, values, index="by_member"):
        yield items.entry_from_item(item)
