"""Replaying purchases through programmes: the rules that judge live purchases, and what time does in between.

Members enrol with their first purchase; nobody redeems, returns or refers. `now` is when each purchase occurred. What
happens to one member depends on nobody else, so members are shared out over processes; only where a rule has a budget,
which all members draw from, one process takes all purchases in the order of time.
"""

import gc
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TypeAlias

from cli.purchases.columns import Purchases
from functions.accrual.deciding import decide
from functions.ledger.account import Account, Posting
from functions.ledger.booking import booked
from functions.ledger.lots import total
from functions.ledger.rewards import IssuedReward
from functions.lifecycle.passing import passing
from functions.program.budgets import Shard, untouched
from functions.program.due import next_due
from functions.program.model import Program
from functions.program.occasions import Activity, Purchase

_ENROLLED = "enrolled"
_SPANS = 240
"""Into how many parts the members are shared out: many, so that no process waits long for the last one."""
_FEW = 3_000
"""Purchases that are not worth a second process."""


@dataclass(slots=True)
class Record:
    """What one member did and got. `tiers`: each tier with its first day. `vouchers`: how many, and minor units."""

    member: str
    purchases: int = 0
    spend: int = 0
    points: int = 0
    by_rule: dict[str, int] = field(default_factory=dict)
    into_counters: dict[str, int] = field(default_factory=dict)
    vouchers: dict[str, tuple[int, int]] = field(default_factory=dict)
    expired: int = 0
    converted: int = 0
    active: int = 0
    pending: int = 0
    enrolled_on: date = date.min
    earned_on: date | None = None
    tier: str = ""
    tiers: list[tuple[date, str]] = field(default_factory=list)

    @property
    def voucher_value(self) -> int:
        return sum(value for _, value in self.vouchers.values())


class Replay:
    """One programme over purchases; each member's must come in the order of time."""

    def __init__(self, program: Program) -> None:
        self._program = program
        on_enrolment = any(_ENROLLED in rule.on for rule in program.earning)
        self._enrolment_counts = on_enrolment or any(goal.counts == _ENROLLED for goal in program.goals)
        self._left = {rule.id: untouched(rule.budget) for rule in program.earning if rule.budget is not None}
        self._lives: dict[str, _Life] = {}

    def take(self, member: str, purchase: Purchase) -> Posting:
        """One purchase; what the rules decide about it."""
        life = self._lives.get(member)
        if life is None:
            life = self._lives[member] = _Life(member, purchase, self._program)
            if self._enrolment_counts:
                self._decide(life, Activity(f"enrolled-{member}", _ENROLLED, purchase.occurred_at))
        life.pass_to(purchase.occurred_at.astimezone(self._program.zone).date())
        record = life.record
        record.purchases += 1
        record.spend += sum([line.amount for line in purchase.lines])
        return self._decide(life, purchase)

    def account(self, member: str) -> Account:
        return self._lives[member].account

    def finish(self, last: date) -> list[Record]:
        """What became of everyone by the end of a day. Members who are finished are forgotten."""
        records = [life.finished(last) for life in self._lives.values()]
        self._lives = {}
        return records

    def _decide(self, life: "_Life", event: Purchase | Activity) -> Posting:
        posting = decide(life.account, event, self._program, event.occurred_at, self._left)
        for draw in posting.draws:
            left, spent = self._left[draw.rule][draw.shard]
            self._left[draw.rule][draw.shard] = Shard(left - draw.points, spent + draw.points)
        life.book(posting)
        return posting


class _Life:
    """One member's account through time, and the record of it."""

    def __init__(self, member: str, first: Purchase, program: Program) -> None:
        at = first.occurred_at
        self._program = program
        self.day = at.astimezone(program.zone).date()
        self.account = Account(member, at, at, "backtest")
        self.record = Record(member, enrolled_on=self.day)
        self._note_tier()

    def pass_to(self, day: date) -> None:
        """What time does up to a day."""
        if day <= self.day:
            return
        due = next_due(self.account, self._program, self.day)
        for passed in passing(self.account, self._program, self.day, day) if due and due <= day else ():
            self.account, self.day = passed.account, passed.on
            if passed.kind == "expiry":
                self.record.expired -= passed.posting.points
            elif passed.kind == "conversion":
                self.record.converted -= passed.posting.points
                if passed.posting.reward:
                    self._note_voucher(passed.posting.reward)
            elif passed.kind == "review":
                self._note_tier()
        self.day = day

    def book(self, posting: Posting) -> None:
        record = self.record
        tiers = self.account.tiers
        self.account = booked(self.account, posting)
        for reason in posting.explanation:
            if reason.points:
                into = record.into_counters if reason.into else record.by_rule
                into[reason.rule] = into.get(reason.rule, 0) + reason.points
        points = posting.points
        if points > 0:
            record.points += points
            record.earned_on = self.day
        for issued in posting.issued:
            self._note_voucher(issued)
        if self.account.tiers is not tiers:
            self._note_tier()

    def finished(self, last: date) -> Record:
        self.pass_to(last)
        record = self.record
        record.active = self.account.balance(last).active
        record.pending = total(self.account.pending)
        record.tier = record.tiers[-1][1]
        return record

    def _note_tier(self) -> None:
        tier = self.account.tier or self._program.base_tier()
        if not self.record.tiers or self.record.tiers[-1][1] != tier:
            self.record.tiers.append((self.day, tier))

    def _note_voucher(self, issued: IssuedReward) -> None:
        times, value = self.record.vouchers.get(issued.reward, (0, 0))
        self.record.vouchers[issued.reward] = times + 1, value + issued.value


def replayed(
    purchases: Purchases, programs: Sequence[Program], jobs: int, advance: Callable[[int], None]
) -> list[list[Record]]:
    """The records of every member under each programme. `advance` hears how many more purchases are done."""
    last = purchases.last_instant()
    if any(rule.budget is not None for program in programs for rule in program.earning):
        found = [_through(purchases, programs, _in_steps(purchases.by_time(), advance), last)]
    elif jobs == 1 or len(purchases) < _FEW:
        found = [_through(purchases, programs, _in_steps(purchases.by_member(), advance), last)]
    else:
        found = _in_parallel((purchases, programs, _spans(purchases), last), jobs, advance)
    places = {member: i for i, member in enumerate(purchases.members)}
    of_each = [[record for part in found for record in part[i]] for i in range(len(programs))]
    return [sorted(records, key=lambda record: places[record.member]) for records in of_each]


def processors() -> int:
    """How many processes can run at once here."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _through(
    purchases: Purchases, programs: Sequence[Program], order: Iterable[Sequence[int]], last: datetime
) -> list[list[Record]]:
    """The records of the members whose purchases `order` holds, by the day of `last`."""
    replays = [Replay(program) for program in programs]
    for part in order:
        for member, purchase in purchases.built(part):
            for replay in replays:
                replay.take(member, purchase)
    return [
        replay.finish(last.astimezone(program.zone).date()) for replay, program in zip(replays, programs, strict=True)
    ]


def _in_steps(order: Sequence[int], advance: Callable[[int], None]) -> Iterable[Sequence[int]]:
    for start in range(0, len(order), 500):
        part = order[start : start + 500]
        yield part
        advance(len(part))


def _spans(purchases: Purchases) -> list[list[int]]:
    """The purchases in the order of members, cut between members."""
    order = purchases.by_member()
    size = len(order) // _SPANS + 1
    spans: list[list[int]] = [[]]
    for i in order:
        span = spans[-1]
        if len(span) >= size and purchases.member[span[-1]] != purchases.member[i]:
            spans.append(span := [])
        span.append(i)
    return spans


_Task: TypeAlias = tuple[Purchases, Sequence[Program], list[list[int]], datetime]
_task: _Task


def _begin(task: _Task) -> None:
    """In each process, once. Nothing that lives long here makes cycles: collecting them would only cost time."""
    global _task  # noqa: PLW0603  # what a process of a pool was started for
    _task = task
    gc.freeze()
    gc.disable()


def _span(number: int) -> tuple[int, list[list[Record]]]:
    purchases, programs, spans, last = _task
    return len(spans[number]), _through(purchases, programs, [spans[number]], last)


def _in_parallel(task: _Task, jobs: int, advance: Callable[[int], None]) -> list[list[list[Record]]]:
    # A fork shares what was read; elsewhere than on Linux it is not safe, and each process gets a copy.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else None)
    found = []
    with context.Pool(jobs, _begin, (task,)) as pool:
        for done, records in pool.imap_unordered(_span, range(len(task[2]))):
            found.append(records)
            advance(done)
    return found
