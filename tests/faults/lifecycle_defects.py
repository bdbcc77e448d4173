"""Mistakes about what time does, as in `defects.py`: each changes one thing, and the simulator must see it."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from datetime import date, datetime
from itertools import count
from types import SimpleNamespace
from typing import Any, TypeAlias
from unittest.mock import patch
from zoneinfo import ZoneInfo

from functions.ledger import answering, committing, items
from functions.ledger import store as ledger
from functions.ledger.account import Account, OperationKind, Posting
from functions.lifecycle import store
from functions.lifecycle.announcing import Announcement
from functions.lifecycle.passing import Passed
from functions.program import store as programs
from functions.program.due import DAY, next_due
from functions.program.model import Program
from functions.program.periods import day_in
from functions.runtime import bus, tables
from functions.runtime.envelope import OutboundEvent

Defect: TypeAlias = Callable[[], AbstractContextManager[Any]]


def a_day_early() -> AbstractContextManager[Any]:
    """The last day of points is taken for the day on which they are over."""

    def today(at: datetime, zone: ZoneInfo) -> date:
        return day_in(at, zone) + DAY

    return patch.object(store, "day_in", today)


def noted_without_condition() -> AbstractContextManager[Any]:
    """A visit notes the next day that it knows of, whatever came meanwhile."""
    return _noting("attribute_exists(#member)", new_revision=True)


def noted_in_secret() -> AbstractContextManager[Any]:
    """To note a day is no new revision: who saw the account before writes the earlier days over it."""
    return _noting("#revision = :seen", new_revision=False)


def _noting(condition: str, *, new_revision: bool) -> AbstractContextManager[Any]:
    def passed(account: Account, on: date, due_on: date | None) -> bool:
        new: dict[str, Any] = {"passed_on": on.isoformat()}
        new |= {"revision": account.revision + 1} if new_revision else {}
        new |= {"due_on": due_on.isoformat(), "due": items.due_shard(account.member)} if due_on else {}
        change = "SET " + ", ".join(f"#{name} = :{name}" for name in new)
        change += "" if due_on else " REMOVE #due_on, #due"
        values = new | ({"seen": account.revision} if ":seen" in condition else {})
        return tables.update("accounts", items.account_key(account.member), change, condition, values)

    return patch.object(ledger, "passed", passed)


def converted_as_it_was() -> AbstractContextManager[Any]:
    """What is converted is what there was when the visit began."""
    return _as_it_was("conversion")


def expired_as_it_was() -> AbstractContextManager[Any]:
    """What expires is what there was when the visit began."""
    return _as_it_was("expiry")


def _as_it_was(kind: OperationKind) -> AbstractContextManager[Any]:
    real = store._request

    def request(one: Passed, *more: Any) -> committing.Request:
        made = real(one, *more)

        def decide(_account: Account, _now: datetime) -> Posting:
            return one.posting

        return replace(made, decide=decide) if one.kind == kind else made

    return patch.object(store, "_request", request)


def done_under_a_fresh_id() -> AbstractContextManager[Any]:
    """What time does is another operation at every visit: what comes later on the day is converted as well."""
    real, numbers = store._request, count()

    def request(one: Passed, *more: Any) -> committing.Request:
        made = real(one, *more)
        return replace(made, operation=replace(made.operation, id=f"{made.operation.id}-{next(numbers)}"))

    return patch.object(store, "_request", request)


def put_off_by_others() -> AbstractContextManager[Any]:
    """A purchase looks for the next day from today on, and forgets that something is due already."""

    def with_due(after: Account, _due_before: date | None, now: datetime) -> Account:
        program = programs.in_force(after.member, now)
        return replace(after, due_on=next_due(after, program, day_in(now, program.zone)))

    return patch.object(ledger, "with_due", with_due)


def told_under_a_fresh_id() -> AbstractContextManager[Any]:
    """An announcement has an id of its own at every visit: the member is told twice."""
    real, numbers = store._event, count()

    def event(one: Announcement, account: Account, program: Program) -> OutboundEvent:
        return real(replace(one, id=f"{one.id}-{next(numbers)}"), account, program)

    return patch.object(store, "_event", event)


def told_or_not() -> AbstractContextManager[Any]:
    """What the bus did not take is not told, and noted as told."""

    def publish(told: Sequence[OutboundEvent]) -> None:
        with suppress(bus.PublishError):
            bus.publish(told)

    return patch.object(store, "bus", SimpleNamespace(publish=publish, PublishError=bus.PublishError))


def noted_before_it_is_done() -> AbstractContextManager[Any]:
    """The day is noted first, and the visit does not live to do what is due."""
    real = committing.commit_all

    def commit_all(requests: Sequence[committing.Request]) -> list[answering.Outcome]:
        if requests and requests[0].operation.kind in {"activation", "expiry", "review", "conversion"}:
            account = ledger.load(requests[0].who.value, consistent=True)
            on = date.fromisoformat(requests[-1].operation.correlation_id.removeprefix("clock#"))
            ledger.passed(account, on, next_due(account, programs.active(), on))
        return real(requests)

    return patch.object(store, "committing", _changed(committing, commit_all=commit_all))


def _changed(module: Any, **instead: Any) -> SimpleNamespace:
    return SimpleNamespace(**(vars(module) | instead))


LIFECYCLE_DEFECTS: Mapping[str, Defect] = {
    "a last day is over when it begins": a_day_early,
    "a visit notes its day without a condition": noted_without_condition,
    "a visit notes its day and no new revision": noted_in_secret,
    "a visit notes its day before its work is done": noted_before_it_is_done,
    "what is converted is what there was before": converted_as_it_was,
    "what expires is what there was before": expired_as_it_was,
    "what time does has a fresh id at every visit": done_under_a_fresh_id,
    "a purchase puts off what is due": put_off_by_others,
    "an announcement has a fresh id at every visit": told_under_a_fresh_id,
    "an announcement that the bus refused is noted as told": told_or_not,
}
