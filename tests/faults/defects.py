"""Mistakes that engineers really make, put into the real code for a while: the simulator must see every one of them.

Each is a context manager that changes one thing. `DEFECTS` names them in words; `test_defects.py` looks for the first
seed that finds each. A check that cannot fail is worse than none. What a defect remembers of one process it keeps
beside that process's thread: all of them run under the same patch.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from datetime import date, datetime, tzinfo
from itertools import count
from types import SimpleNamespace
from typing import Any, TypeAlias
from unittest.mock import patch

from botocore.exceptions import BotoCoreError, ClientError

from functions.accrual import batching, counting, following, returning
from functions.accrual import store as accrual
from functions.accrual.contract import DecisionIn
from functions.ledger import (
    answering,
    awaited_items,
    awaiting,
    booking,
    committing,
    events,
    items,
    movements,
    publishing,
)
from functions.ledger.account import Account, Change, Entry, Operation, OperationKind, Posting
from functions.program.model import Goal
from functions.program.occasions import Activity
from functions.runtime import aws, bus, settings, tables
from functions.runtime.envelope import OutboundEvent
from functions.runtime.errors import HoldNotFoundError, LoyaltyError
from tests.faults.lifecycle_defects import LIFECYCLE_DEFECTS
from tests.faults.schedule import CrashError
from tests.faults.spending_defects import SPENDING_DEFECTS

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
    real = committing._Batch.__init__

    def begin(self: Any, member: str, requests: Sequence[committing.Request]) -> None:
        real(self, member, requests)
        self._surely_fresh = True

    return patch.object(committing._Batch, "__init__", begin)


def refusals_are_not_kept() -> AbstractContextManager[Any]:
    """The same call is granted later, after the partner was told no."""

    def refused(operation: Operation, error: LoyaltyError) -> answering.Outcome:
        return answering.what_it_was(operation, error)

    return patch.object(answering, "refused", refused)


def payload_is_not_compared() -> AbstractContextManager[Any]:
    """Another basket under a known receipt number is answered as if it had been booked."""
    real = answering.replay

    def replay(existing: tables.Item, operation: Operation) -> answering.Outcome:
        return real(existing, replace(operation, payload_hash=existing["hash"]))

    return patch.object(answering, "replay", replay)


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
    real = booking.post

    def post(
        account: Account, posting: Posting, operation: Operation, now: datetime, zone: tzinfo
    ) -> tuple[Account, Entry]:
        after, entry = real(account, posting, operation, now, zone)
        return (replace(after, lots=account.lots) if posting.kind == "redeemed" else after), entry

    return patch("functions.ledger.committing.post", post)


def one_lot_for_all() -> AbstractContextManager[Any]:
    """The lot that expires first is charged with everything, whatever lies in it."""

    def take(lots: Mapping[str, int], points: int, today: date) -> dict[str, int]:
        return {min(lots): -points}

    return patch.object(movements, "take", take)


def fresh_id_for_every_delivery() -> AbstractContextManager[Any]:
    """An operation id made where the message is received: a redelivery earns again."""
    real, numbers = accrual._request, count()

    def request_of(report: accrual.Report) -> committing.Request | None:
        request = real(report)
        if request is None:
            return None
        return replace(request, operation=replace(request.operation, id=f"{request.operation.id}-{next(numbers)}"))

    return patch.object(accrual, "_request", request_of)


def lost_answer_taken_for_a_failure() -> AbstractContextManager[Any]:
    """A timeout is "it did not work", so the handler tries once more under another id."""
    real = committing.commit_all

    def commit_all(requests: Sequence[committing.Request]) -> list[answering.Outcome]:
        try:
            return real(requests)
        except BotoCoreError:
            again = [replace(one, operation=replace(one.operation, id=f"{one.operation.id}-2")) for one in requests]
            return real(again)

    return patch.object(committing, "commit_all", commit_all)


def hold_captured_after_its_release() -> AbstractContextManager[Any]:
    """A hold that is not there any more is captured all the same, out of what the member has."""
    real = movements.capture

    def capture(account: Account, redemption: str, points: int | None = None) -> Change:
        try:
            return real(account, redemption, points)
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
            with suppress(tables.CancelledError):
                real([draw])

    return patch.object(tables, "transact", transact)


def goals_forget_what_they_gave() -> AbstractContextManager[Any]:
    """A goal that is reached gives its reward at every purchase from then on."""
    real = counting._due

    def due(goal: Goal, progress: int) -> int:
        return real(goal, progress) + progress

    return patch.object(counting, "_due", due)


def awaited_place_without_counter() -> AbstractContextManager[Any]:
    """A purchase is booked over the place where returns wait, whoever came to wait there meanwhile."""
    return patch.object(awaited_items, "as_awaited", lambda item: {"awaited": item["awaited"]})


def returns_join_without_counter() -> AbstractContextManager[Any]:
    """Two returns come to wait at one moment, and the second one writes down itself and those it had seen."""
    real = tables.Amend.wire

    def wire(self: tables.Amend) -> Any:
        request: Any = real(self)
        if "returns" not in self.values:
            return request
        update = {name: part for name, part in request["Update"].items() if name != "ConditionExpression"}
        values = {name: part for name, part in update["ExpressionAttributeValues"].items() if name != ":seen"}
        return {"Update": update | {"ExpressionAttributeValues": values}}

    return patch.object(tables.Amend, "wire", wire)


def nobody_tells_who_waited() -> AbstractContextManager[Any]:
    """The purchase is booked and published, and the returns that waited for it are forgotten."""
    real = events.of_entry

    def of_entry(entry: Entry) -> list[OutboundEvent]:
        return real(replace(entry, awaited_by=()))

    return patch.object(events, "of_entry", of_entry)


def waits_without_looking() -> AbstractContextManager[Any]:
    """A return lets itself down at the place of its purchase, which has come a moment ago."""

    def put_new(table: settings.Table, item: Mapping[str, Any], key: str) -> None:
        if "awaited" in item:
            tables.put(table, item)
        else:
            real(table, item, key)

    real = tables.put_new
    return patch.object(tables, "put_new", put_new)


def freed_without_condition() -> AbstractContextManager[Any]:
    """The night frees a place to which something has come."""

    def delete(table: settings.Table, key: Mapping[str, Any], expected: Mapping[str, Any]) -> bool:
        return real(table, key, {name: key[name] for name in key})

    real = tables.delete
    return patch.object(tables, "delete", delete)


def given_up_without_a_record() -> AbstractContextManager[Any]:
    """The night says that a return is given up and keeps no refusal: the purchase comes, and the return is booked."""
    return patch.object(answering, "refuse", lambda _operation, error: error)


@contextmanager
def given_up_in_silence() -> Iterator[None]:
    """The place is freed before the partner was told, and the night does not live to tell."""
    mine, free = threading.local(), awaiting._free

    def publish(told: Sequence[OutboundEvent]) -> None:
        mine.told = told

    def free_and_tell(place: tables.Item) -> None:
        free(place)
        if mine.told:
            bus.publish(mine.told)

    later = SimpleNamespace(publish=publish, refusal_of=bus.refusal_of)
    with patch.object(awaiting, "bus", later), patch.object(awaiting, "_free", free_and_tell):
        yield


def decided_under_two_ids() -> AbstractContextManager[Any]:
    """Confirming is one operation and declining another: both can be carried out."""
    real = accrual.Report.operation

    def operation(self: accrual.Report, kind: OperationKind, operation_id: str, content: str) -> Operation:
        found = real(self, kind, operation_id, content)
        if kind == "confirmation" and isinstance(self.body, DecisionIn) and self.body.decision == "declined":
            return replace(found, id=f"{operation_id}-declined")
        return found

    return patch.object(accrual.Report, "operation", operation)


def confirmed_by_the_lot() -> AbstractContextManager[Any]:
    """Confirming one activity activates all that waits to be confirmed."""

    def confirm(account: Account, _given: Change, last_day: str, _today: date) -> Change:
        waiting = movements._unconfirmed(account.pending)
        return movements._activated(account, waiting, dict.fromkeys((), last_day))

    return patch.object(returning, "confirm", confirm)


def voucher_withdrawn_after_the_commit() -> AbstractContextManager[Any]:
    """Vouchers are taken back by a call of their own, which a handler may not live to make."""
    real = tables.transact

    def transact(writes: Sequence[tables.Write]) -> None:
        vouchers = [write for write in writes if isinstance(write, tables.Amend) and write.table == "rewards"]
        real([write for write in writes if write not in vouchers])
        if vouchers:
            with suppress(tables.CancelledError):
                real(vouchers)

    return patch.object(tables, "transact", transact)


@contextmanager
def batch_answers_before_the_commit() -> Iterator[None]:
    """A batch answers what was decided, and books it when it has answered, if it still lives then."""
    mine, real, commit = threading.local(), accrual.record_all, tables.transact

    def transact(writes: Sequence[tables.Write]) -> None:
        if not getattr(mine, "answers", False):
            commit(writes)

    def record_all(reports: Sequence[accrual.Report]) -> list[accrual.Outcome]:
        mine.answers = True
        try:
            outcomes = real(reports)
        finally:
            mine.answers = False
        with suppress(BotoCoreError, ClientError, CrashError):
            real(reports)
        return outcomes

    eager = SimpleNamespace(record_all=record_all, Report=accrual.Report)
    with patch.object(batching, "store", eager), patch.object(tables, "transact", transact):
        yield


def goals_stay_reached() -> AbstractContextManager[Any]:
    """A purchase comes back, and the gift that it had completed stays."""
    return patch.object(returning, "in_question", lambda _account, _counts: {})


def referral_outlives_its_purchase() -> AbstractContextManager[Any]:
    """The purchase that completed a referral is returned, and nobody tells."""
    real = events._brought

    def brought(entry: Entry) -> Any:
        return (told for told in real(entry) if told[0] != "ReferralWithdrawn")

    return patch.object(events, "_brought", brought)


def news_under_a_fresh_id() -> AbstractContextManager[Any]:
    """What follows from our own events is booked under the id of the delivery."""
    real = following._happening

    def happening(activity: Activity, member: str, correlation_id: str) -> committing.Request:
        return real(replace(activity, id=f"{activity.id}-{correlation_id}"), member, correlation_id)

    return patch.object(following, "_happening", happening)


def refused_in_silence() -> AbstractContextManager[Any]:
    """What the bus brought and the books refused is dropped."""
    real = bus.publish

    def publish(told: Sequence[OutboundEvent]) -> None:
        heard = [event for event in told if event.detail_type != "OperationRefused"]
        if heard:
            real(heard)

    return patch.object(bus, "publish", publish)


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
    "a purchase is booked over returns that it has not seen": awaited_place_without_counter,
    "a return joins those that wait without its condition": returns_join_without_counter,
    "nobody tells of the returns that waited": nobody_tells_who_waited,
    "a return waits without looking whether its purchase came": waits_without_looking,
    "the night frees a place without its condition": freed_without_condition,
    "the night gives a return up and keeps no record of it": given_up_without_a_record,
    "the night frees a place before it tells": given_up_in_silence,
    "confirming and declining have different operation ids": decided_under_two_ids,
    "confirming one activity confirms all": confirmed_by_the_lot,
    "a voucher is withdrawn after the commit": voucher_withdrawn_after_the_commit,
    "a batch answers before it commits": batch_answers_before_the_commit,
    "a goal stays reached when its purchase comes back": goals_stay_reached,
    "a referral outlives its purchase": referral_outlives_its_purchase,
    "our own events are followed under the id of the delivery": news_under_a_fresh_id,
    "what the bus brought is refused in silence": refused_in_silence,
    **SPENDING_DEFECTS,
    **LIFECYCLE_DEFECTS,
}
