"""What time did by itself: all of it, once, in time, and nothing else.

at every commit    the next visit is never later than what is due; the day that is noted never moves back, and nothing
                   that was due by then is left, neither to be done nor to be told
in the end         nobody is due; no points are over, and none wait whose day has come; each activation, expiry, review
                   and conversion happened once for a member and a day, not too early, of what there was then; points
                   that are over were not spent; every announcement has one id
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import date, datetime
from typing import TYPE_CHECKING

from functions.ledger.account import Account, Entry
from functions.ledger.lots import spendable, total
from functions.ledger.movements import merged_signed
from functions.lifecycle.announcing import Days, announced
from functions.lifecycle.passing import passing
from functions.program.due import DAY, next_due
from functions.program.model import Program
from tests.faults.bus import EventsClient
from tests.faults.programme import STATEMENT, STATEMENT_POINTS, STATEMENT_VALUE

if TYPE_CHECKING:
    from tests.faults.verdict import Books, Finding

BY_TIME = frozenset({"activation", "expiry", "review", "conversion"})
_SPENDS = frozenset({"redemption", "adjustment", "conversion"})
_NOTES = frozenset({"passed_on", "due_on", "revision"})


class Midnight:
    """What must hold of time at every commit. `booked`: the keys of all entries."""

    def __init__(self, program: Program, bus: EventsClient) -> None:
        self.program = program
        self.booked: set[str] = set()
        self._bus = bus

    def stepped(self, before: Account | None, account: Account, now: datetime) -> "Iterator[Finding]":
        """What is wrong with how an account was written."""
        yesterday = max(now, account.updated_at).date() - DAY
        wanted = next_due(account, self.program, max(account.passed_on or yesterday, yesterday))
        if wanted and (account.due_on is None or account.due_on > wanted):
            yield "P10", f"{account.member} is due on {wanted}, and is to be visited on {account.due_on}"
        if before is None:
            return
        if before.passed_on and (account.passed_on is None or account.passed_on < before.passed_on):
            yield "P4", f"{account.member} was visited up to {before.passed_on}, and then up to {account.passed_on}"
        if account.n == before.n:
            yield from self._noted(before, account)

    def _noted(self, before: Account, account: Account) -> "Iterator[Finding]":
        if any(getattr(before, f.name) != getattr(account, f.name) for f in fields(account) if f.name not in _NOTES):
            yield "P4", f"{account.member} was {before}, and is {account} without an entry"
        if account.revision < before.revision:
            yield "P4", f"{account.member} went from revision {before.revision} to {account.revision}"
        if before.due_on is None or account.passed_on is None or before.due_on > account.passed_on:
            return
        first = before.due_on - DAY
        after = max(before.passed_on or first, first)
        for one in passing(replace(account, due_on=None), self.program, after, account.passed_on):
            if f"{one.kind}#{one.id}" not in self.booked:
                yield "P10", f"{one.kind} {one.id} is noted as done, and is not in the books"
        told = {taken.event_id for taken in self._bus.announced}
        days = Days(after, account.passed_on, account.passed_on, self.program.reminders)
        for announcement in announced(account, self.program, days):
            if f"{account.member}#{announcement.id}" not in told:
                yield "P10", f"{announcement} of {account.member} is noted as told, and is not on the bus"


def judge_time(books: "Books", bus: EventsClient, program: Program, today: date) -> "Iterator[Finding]":
    """Everything that is wrong with what time did, or did not."""
    for account in books.accounts.values():
        if account.due_on and account.due_on <= today:
            yield "P10", f"{account.member} is due since {account.due_on}"
        over = [lot for lot in account.lots if lot < today.isoformat()]
        over += [bucket for bucket in account.pending if bucket[:10] <= today.isoformat()]
        if over:
            yield "P10", f"{account.member} still has {over}, up to {account.passed_on}"
        yield from _entries(books.of(account.member))
    ids: defaultdict[tuple[str, str, object], set[str]] = defaultdict(set)
    for taken in bus.announced:
        about = taken.detail["data"].get("expires_on") or taken.detail["data"].get("active_on")
        ids[taken.detail["data"]["member_id"], taken.detail_type, about].add(taken.event_id)
    for (member, what, about), mine in ids.items():
        if len(mine) > 1:
            yield "P8", f"{member} was told {what} of {about} as {sorted(mine)}"


def _entries(entries: list[Entry]) -> "Iterator[Finding]":
    lots: dict[str, int] = {}
    times: Counter[tuple[str, date]] = Counter()
    for entry in entries:
        key, day, change = entry.operation.key, entry.posting.occurred_at.date(), entry.posting.change
        then = entry.recorded_at.date().isoformat()
        taken = [lot for lot, points in change.lots.items() if points < 0]
        if entry.operation.kind in BY_TIME:
            times[entry.operation.kind, day] += 1
            if entry.operation.id not in {f"{entry.member}:{day}", f"{entry.member}:{STATEMENT}:{day}"}:
                yield "P1", f"{key} has an id by which nobody would know it again"
        if entry.operation.kind in _SPENDS and any(
            lot < (then if _is_asked(entry) else day.isoformat()) for lot in taken
        ):
            yield "P3", f"{key} spent {change.lots} on {then}"
        if entry.operation.kind == "expiry" and (
            any(lot >= then for lot in taken) or any(lots.get(lot, 0) != -change.lots[lot] for lot in taken)
        ):
            yield "P3", f"{key} took {change.lots} on {then}, there were {lots}"
        if entry.operation.kind == "activation" and any(bucket[:10] > then for bucket in change.pending):
            yield "P3", f"{key} activated {change.pending} on {then}"
        if entry.operation.kind == "conversion":
            yield from _converted(entry, total(spendable(lots, day)))
        lots = merged_signed(lots, change.lots)
    for (kind, day), count in times.items():
        if count > 1:
            yield "P1", f"{entries[0].member} had {count} of {kind} on {day}"


def _is_asked(entry: Entry) -> bool:
    return entry.operation.kind != "conversion"


def _converted(entry: Entry, active: int) -> "Iterator[Finding]":
    steps, reward = active // STATEMENT_POINTS, entry.posting.reward
    worth = reward.value if reward else 0
    if -entry.posting.points != steps * STATEMENT_POINTS or worth != steps * STATEMENT_VALUE:
        yield "P4", f"{entry.operation.key} made {worth} of {-entry.posting.points} points, there were {active}"
