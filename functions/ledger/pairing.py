"""The commit of one operation on two accounts: both are booked, or neither. As `committing.py`, for those two alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from functions.ledger import answering, items, store
from functions.ledger.account import Account, Entry, Operation, Posting
from functions.ledger.booking import post
from functions.ledger.committing import ATTEMPTS, BUSY, pause
from functions.program import store as programs
from functions.runtime import clock, tables
from functions.runtime.errors import LoyaltyError, TryAgainError
from functions.runtime.tables import CancelledError, Put, Replace, Write


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
        before = [store.load(member, consistent=True) for member in pair.members]
        now = max(clock.now(), *(account.updated_at for account in before))
        try:
            postings = pair.decide(before[0], before[1], now)
        except LoyaltyError as error:
            outcome = answering.refused(pair.operations[0], error)
            if isinstance(outcome, LoyaltyError):
                raise outcome from error
            return outcome.entry, True
        zone = programs.zone_of(before[0].member, now)
        posted = [post(*one, now, zone) for one in zip(before, postings, pair.operations, strict=True)]
        booked = [(store.with_due(after, after.due_on, now), entry) for after, entry in posted]
        writes: list[Write] = [Put("entries", items.entry_to_item(entry), key="operation") for _, entry in booked]
        writes += [
            Replace("accounts", items.account_to_item(after), expected={"revision": account.revision})
            for account, (after, _) in zip(before, booked, strict=True)
        ]
        try:
            tables.transact([*writes, *pair.also()])
        except CancelledError as cancelled:
            if existing := cancelled.reasons[0].item:
                outcome = answering.replay(existing, pair.operations[0])
                if isinstance(outcome, LoyaltyError):
                    raise outcome from cancelled
                return outcome.entry, True
            if not cancelled.has("ConditionalCheckFailed", *BUSY):
                raise
            pause(attempt)
            continue
        return booked[0][1], False
    raise TryAgainError("The accounts are busy. Nothing was written; repeat the call as it was.")
