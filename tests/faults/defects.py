"""Mistakes that engineers really make, put into the real code for a while: the simulator must see every one of them.

Each is a context manager that changes one thing. `DEFECTS` names them in words; `test_defects.py` looks for the first
seed that finds each. A check that cannot fail is worse than none.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import date, datetime
from itertools import count
from typing import Any, TypeAlias
from unittest.mock import patch

from botocore.exceptions import BotoCoreError

from functions.accrual import counting
from functions.accrual import store as accrual
from functions.accrual.contract import PurchaseIn
from functions.ledger import account as ledger_account
from functions.ledger import events, items, movements, publishing, store
from functions.ledger.account import Account, Change, Entry, Operation, Posting
from functions.program.model import Goal
from functions.runtime import aws, bus, tables
from functions.runtime.envelope import OutboundEvent
from functions.runtime.errors import HoldNotFoundError, LoyaltyError

Defect: TypeAlias = Callable[[], AbstractContextManager[Any]]


def _unconditional(write: type[tables.Put] | type[tables.Replace], table: str) -> AbstractContextManager[Any]:
    real = write.wire

    def wire(self: Any) -> Any:
        request = real(self)
        if self.table != table:
            return request
        return {"Put": {name: request["Put"][name] for name in ("TableName", "Item")}}

    return patch.object(write, "wire", wire)


def account_without_condition() -> AbstractContextManager[Any]:
    """The last writer wins, and what the other one wrote is gone."""
    return _unconditional(tables.Replace, "accounts")


def entry_without_condition() -> AbstractContextManager[Any]:
    """Nothing remembers that an operation was carried out."""
    return _unconditional(tables.Put, "entries")


def published_before_the_commit() -> AbstractContextManager[Any]:
    """Events leave the handler, and then the transaction is cancelled, or the handler dies."""
    real = tables.transact

    def transact(writes: Sequence[tables.Write]) -> None:
        for write in writes:
            if isinstance(write, tables.Put) and write.table == "entries":
                bus.publish(events.of_entry(items.entry_from_item(dict(write.item))))
        real(writes)

    return patch.object(tables, "transact", transact)


def refused_on_a_stale_account() -> AbstractContextManager[Any]:
    """The cheap read is believed, and the refusal is kept for ever."""
    real = store._Batch.__init__

    def begin(self: Any, member: str, requests: Sequence[store.Request]) -> None:
        real(self, member, requests)
        self._surely_fresh = True

    return patch.object(store._Batch, "__init__", begin)


def refusals_are_not_kept() -> AbstractContextManager[Any]:
    """The same call is granted later, after the partner was told no."""

    def refused(operation: Operation, error: LoyaltyError) -> store.Outcome:
        return store._what_it_was(operation, error)

    return patch.object(store, "_refused", refused)


def payload_is_not_compared() -> AbstractContextManager[Any]:
    """Another basket under a known receipt number is answered as if it had been booked."""
    real = store._replay

    def replay(existing: tables.Item, operation: Operation) -> store.Outcome:
        return real(existing, replace(operation, payload_hash=existing["hash"]))

    return patch.object(store, "_replay", replay)


def marked_before_published() -> AbstractContextManager[Any]:
    """The mark says that all is on the bus, and then the bus does not take it."""
    real = publishing.publish_changes

    def publish_changes(records: Iterable[Mapping[str, Any]]) -> None:
        records = list(records)
        for member, (before, n) in publishing._spans(map(publishing._change, records)).items():
            publishing._mark(member, before, n)
        real(records)

    return patch.object(publishing, "publish_changes", publish_changes)


def failed_entries_ignored() -> AbstractContextManager[Any]:
    """PutEvents answers 200, so all must be well."""

    def publish(told: Sequence[OutboundEvent]) -> None:
        for entries in bus._calls(told):
            aws.events().put_events(Entries=entries)

    return patch.object(bus, "publish", publish)


def lots_spent_twice() -> AbstractContextManager[Any]:
    """A redemption leaves the lots it took where they are."""
    real = ledger_account.post

    def post(account: Account, posting: Posting, operation: Operation, now: datetime) -> tuple[Account, Entry]:
        after, entry = real(account, posting, operation, now)
        return (replace(after, lots=account.lots) if posting.kind == "redeemed" else after), entry

    return patch("functions.ledger.store.post", post)


def one_lot_for_all() -> AbstractContextManager[Any]:
    """The lot that expires first is charged with everything, whatever lies in it."""

    def take(lots: Mapping[str, int], points: int, today: date) -> dict[str, int]:
        return {min(lots): -points}

    return patch.object(movements, "take", take)


def fresh_id_for_every_delivery() -> AbstractContextManager[Any]:
    """An operation id made where the message is received: a redelivery earns again."""
    real, numbers = accrual.purchase_request, count()

    def purchase_request(received: PurchaseIn, source: str, correlation_id: str) -> store.Request:
        request = real(received, source, correlation_id)
        return replace(request, operation=replace(request.operation, id=f"{received.id}-{next(numbers)}"))

    return patch.object(accrual, "purchase_request", purchase_request)


def lost_answer_taken_for_a_failure() -> AbstractContextManager[Any]:
    """A timeout is "it did not work", so the handler tries once more under another id."""
    real = store.commit_all

    def commit_all(requests: Sequence[store.Request]) -> list[store.Outcome]:
        try:
            return real(requests)
        except BotoCoreError:
            again = [replace(one, operation=replace(one.operation, id=f"{one.operation.id}-2")) for one in requests]
            return real(again)

    return patch.object(store, "commit_all", commit_all)


def hold_captured_after_its_release() -> AbstractContextManager[Any]:
    """A hold that is not there any more is captured all the same, out of what the member has."""
    real = movements.capture

    def capture(account: Account, redemption: str) -> Change:
        try:
            return real(account, redemption)
        except HoldNotFoundError:
            return movements.spend(account, 100, account.updated_at.date())

    return patch("functions.redemption.spending.capture", capture)


def mark_jumps() -> AbstractContextManager[Any]:
    """The mark jumps to the newest change, over one that the stream lost."""

    def mark(member: str, n_before: int, n: int) -> None:
        condition = "attribute_not_exists(#n) OR #n < :n"
        tables.update("accounts", items.published_key(member), "SET #n = :n", condition, {"n": n})

    return patch.object(publishing, "_mark", mark)


def budget_without_condition() -> AbstractContextManager[Any]:
    """What was read of a budget is believed when it is drawn from."""
    real = tables.Add.wire

    def wire(self: tables.Add) -> Any:
        request: Any = real(self)
        update = {name: part for name, part in request["Update"].items() if name != "ConditionExpression"}
        update["ExpressionAttributeValues"] = {":amount": update["ExpressionAttributeValues"][":amount"]}
        return {"Update": update}

    return patch.object(tables.Add, "wire", wire)


def budget_drawn_after_the_commit() -> AbstractContextManager[Any]:
    """The draw is a call of its own, which a handler may not live to make."""
    real = tables.transact

    def transact(writes: Sequence[tables.Write]) -> None:
        draws = [write for write in writes if isinstance(write, tables.Add)]
        real([write for write in writes if not isinstance(write, tables.Add)])
        for draw in draws:
            real([draw])

    return patch.object(tables, "transact", transact)


def goals_forget_what_they_gave() -> AbstractContextManager[Any]:
    """A goal that is reached gives its reward at every purchase from then on."""
    real = counting._due

    def due(goal: Goal, progress: int) -> int:
        return real(goal, progress) + progress

    return patch.object(counting, "_due", due)


DEFECTS: Mapping[str, Defect] = {
    "the account is written without its condition": account_without_condition,
    "the entry is written without its condition": entry_without_condition,
    "events are published before the commit": published_before_the_commit,
    "a stale account refuses and nobody looks again": refused_on_a_stale_account,
    "refusals are not kept": refusals_are_not_kept,
    "the payload of a repeat is not compared": payload_is_not_compared,
    "changes are marked before they are published": marked_before_published,
    "the mark jumps over a lost change": mark_jumps,
    "FailedEntryCount is ignored": failed_entries_ignored,
    "a redemption leaves its lots in place": lots_spent_twice,
    "one lot is charged with everything": one_lot_for_all,
    "every delivery has a fresh operation id": fresh_id_for_every_delivery,
    "a lost answer is taken for a failure": lost_answer_taken_for_a_failure,
    "a released hold can be captured": hold_captured_after_its_release,
    "a budget is drawn from without its condition": budget_without_condition,
    "a budget is drawn from after the commit": budget_drawn_after_the_commit,
    "a goal gives again what it gave": goals_forget_what_they_gave,
}
