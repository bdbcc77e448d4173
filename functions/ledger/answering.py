"""What an operation was answered: an entry is in the books for ever, and so is a refusal.

Either stands under the operation's own key. A repeat is answered as it was then; another payload under a known id is
OperationIdReusedError.
"""

from dataclasses import dataclass
from typing import TypeAlias

from functions.ledger import awaited_items, items
from functions.ledger.account import Entry, Operation
from functions.ledger.awaited_items import CHANGES, is_awaited
from functions.runtime import tables
from functions.runtime.errors import (
    LoyaltyError,
    OperationIdReusedError,
    RefusedError,
    ReplayedRefusalError,
    TryAgainError,
)
from functions.runtime.observability import logger
from functions.runtime.tables import CancelledError, ConditionFailedError, Replace


@dataclass(frozen=True, slots=True)
class Committed:
    """An entry that is in the books; `replayed` if it already was when the operation came."""

    entry: Entry
    replayed: bool


Outcome: TypeAlias = Committed | LoyaltyError


def answered(operation: Operation) -> Committed | None:
    """What an operation was answered before. Raises OperationIdReusedError, and ReplayedRefusalError."""
    existing = tables.get("entries", {"operation": operation.key}, consistent=True)
    outcome = replay(existing, operation) if existing else None
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
        outcome = replay(failed.item, operation)
        return outcome if isinstance(outcome, OperationIdReusedError) else None
    return error


def refused(operation: Operation, error: LoyaltyError) -> Outcome:
    """Keep a refusal under its operation id, so that a repeat is refused too, also when it would be granted by then."""
    if not isinstance(error, RefusedError):
        return what_it_was(operation, error)
    record = {"operation": operation.key, "hash": operation.payload_hash, "refused": error.problem()}
    try:
        tables.put_new("entries", record, key="operation")
    except ConditionFailedError as failed:
        if failed.item and is_awaited(failed.item):
            return _refused_awaited(record, failed.item, error)
        return replay(failed.item, operation) if failed.item else error
    return error


def _refused_awaited(record: tables.Item, awaited: tables.Item, error: LoyaltyError) -> Outcome:
    """Keep a refusal where returns wait: they go on waiting, until they are reported."""
    try:
        kept = awaited | record | {CHANGES: awaited[CHANGES] + 1}
        tables.transact([Replace("entries", kept, expected=awaited_items.as_awaited(awaited))])
    except CancelledError:
        return TryAgainError("Something else came for this purchase. Nothing was written; repeat the call as it was.")
    return error


def what_it_was(operation: Operation, error: LoyaltyError) -> Outcome:
    """What was accepted once is answered as it was then, whatever the programme or the member say today."""
    existing = tables.get("entries", {"operation": operation.key}, consistent=True)
    return replay(existing, operation) if existing and not is_awaited(existing) else error


def replay(existing: tables.Item, operation: Operation) -> Outcome:
    if existing["hash"] != operation.payload_hash:
        return OperationIdReusedError(f"The {operation.kind} {operation.id} was sent before with another payload.")
    if "refused" in existing:
        return ReplayedRefusalError(existing["refused"])
    logger.info("operation_replayed", operation=operation.key)
    return Committed(items.entry_from_item(existing), replayed=True)
