"""One run: a world, its weather, its workload, and the judgement. Everything in it follows from the seed.

storm      partners, queues, stream, sweepers, nights and visits at midnight work while calls are lost, throttled, late,
           and handlers die
calm       faults end; what lies in dead-letter queues is sent again, the stream drains, sweeper and nights run, and
           members are visited, on the next day as well
repeats    what was asked is asked once more: every answer must be the one that was given
judgement  `watch.py` saw every commit; `verdict.py`, `rests.py`, `waits.py` and `told.py` hold books and bus against
           the answers, `spent.py` what was bought, `midnight.py` what time did; the real proofs recompute every
           account and every stock
"""

import hashlib
import logging
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from botocore.exceptions import BotoCoreError, ClientError

from functions.accrual import batching
from functions.accrual import store as accrual
from functions.enrolment import profiles
from functions.enrolment import store as enrolment
from functions.enrolment.contract import MemberIn
from functions.enrolment.member import member_id
from functions.ledger import awaiting, committing, items, proving, publishing, stockproof
from functions.ledger.account import Account
from functions.lifecycle import store as lifecycle
from functions.program import document
from functions.program import store as programs
from functions.redemption import store as redemption
from functions.runtime import aws, clock
from functions.runtime.bus import PublishError
from functions.runtime.envelope import SOURCE
from functions.runtime.errors import TryAgainError
from functions.runtime.observability import logger
from infra.tables import TABLES
from tests.faults.bus import MEMBERS_DUE, EventsClient, Taken
from tests.faults.dynamodb import Database, Instant
from tests.faults.faults import CALM, Faults, Rates
from tests.faults.intents import REFERRER, SOURCES, World, enrolment_of
from tests.faults.messages import Queue, Witness
from tests.faults.midnight import Midnight, judge_time
from tests.faults.operations import Asked
from tests.faults.programme import drawn
from tests.faults.rests import judge_rests
from tests.faults.schedule import Schedule, skewed
from tests.faults.sdk import DynamoDbClient, Sdk
from tests.faults.spent import judge_spent
from tests.faults.stream import Record, Stream
from tests.faults.told import judge_bus
from tests.faults.verdict import Books, judge
from tests.faults.waits import judge_waits
from tests.faults.watch import Watch
from tests.faults.workload import Partner, handle

_FINAL = {"committed", "waiting", "refused", "reused"}
_REFERRER = member_id(SOURCES[0], "referrer")
_EPOCH = datetime(2026, 2, 28, 23, 59, 40, tzinfo=UTC)
"""Just before midnight: the day changes, and some points expire, while the run goes on."""
INDEX_LAG = 8.0
"""Seconds that the index needs at most: well within the half minute that the sweeper leaves a change."""
_MOST_REPEATS = 25
_ROUNDS = 3
"""Of redrive, sweep and night, until all is at rest: what one of them brings about may need the others."""
_SWEEPS = (20.0, 45.0, 80.0)
_ENDINGS = (12.0, 13.0, 25.0, 40.0, 41.0, 60.0, 85.0)
"""When holds are ended whose time is over: by two at once now and then."""
_NIGHTS = (35.0, 65.0, 100.0)
_HAND_OUTS = (9.0, 18.5, 20.0, 20.3, 24.0, 45.0, 90.0)
"""When members are sent for to be visited: just before midnight, just after, and when it is long over."""
_VISIT_DELAY = 3.0
_NEWS = ("MemberEnrolled", "ReferralCompleted", "ReferralWithdrawn", "AwaitedPurchaseArrived")
"""Our own events that something follows from."""
_NEWS_DELAY = 40.0


@dataclass(frozen=True, slots=True)
class Report:
    """What one run was. `digest`: of the whole trace, equal for equal runs."""

    seed: int
    operations: Counter[str]
    outcomes: Counter[str]
    faults: Counter[str]
    entries: int
    events: int
    violations: Sequence[str]
    trace: Sequence[str]
    digest: str


def simulate(seed: int, rates: Rates | None = None, index_lag: float = INDEX_LAG) -> Report:
    """Run one seed. `rates`: instead of the weather that the seed would bring. `index_lag`: its longest, in seconds."""
    return Simulation(seed, rates, index_lag).run()


def command(seed: int, index_lag: float = INDEX_LAG) -> str:
    """What replays a run, step by step."""
    lag = "" if index_lag == INDEX_LAG else f" --index-lag {index_lag:g}"
    return f"python -m tests.faults --seed {seed}{lag} --trace"


class Simulation:
    """The world of one run."""

    def __init__(self, seed: int, rates: Rates | None, index_lag: float) -> None:
        self._seed = seed
        self._longest_lag = index_lag
        rng = random.Random(seed)
        self._rng = rng
        self._rates = rates or Rates().times(rng.choice((0.0, 0.3, 1.0, 1.0, 2.5)))
        self._schedule = Schedule(rng, _EPOCH)
        self._faults = Faults(rng, CALM)
        sdk = Sdk(self._schedule, self._faults)
        self._database = Database(Instant(lambda: self._schedule.now, self._index_lag))
        self._dynamodb = DynamoDbClient(sdk, self._database)
        self._bus = EventsClient(sdk)
        self._queue = Queue("consumer", self._schedule, self._faults)
        self._news = Queue("follower", self._schedule, self._faults, _NEWS_DELAY)
        self._visits = Queue("visitor", self._schedule, self._faults, _VISIT_DELAY)
        self._witness = Witness(self._schedule, self._queue, self._news, self._visits)
        self._stream = Stream(self._schedule, self._faults, self._publish)
        self._world = World(
            patience=rng.choice((5.0, 20.0, 40.0)), night=self._night_if_it_lives, sweep=self._end_if_it_lives
        )
        self._rules, self._program = drawn(rng)
        self._watch = Watch(self._schedule, self._database, Midnight(document.read(self._program), self._bus))
        self._database.listeners += [self._watch.on_written, self._stream.on_written]
        self._bus.listeners += [self._watch.on_taken, self._on_news]
        self._bus.handed_out.append(self._on_members_due)

    def run(self) -> Report:
        with self._in_place():
            self._process("operator", self._open)
            self._schedule.now += 5  # any read sees it by now
            self._storm()
            self._calm()
            self._repeat()
            self._judge()
        return self._report()

    def _process(self, name: str, act: Callable[[], object]) -> None:
        self._schedule.spawn(name, act)
        self._schedule.run()

    def _storm(self) -> None:
        self._faults.rates = self._rates
        for i in range(self._rng.randint(2, 6)):
            partner = Partner(f"partner-{i}", self._world, self._schedule, self._faults, self._witness)
            self._schedule.spawn(partner.name, partial(partner.live, self._rng.randint(5, 15)))
        for after in _SWEEPS:
            self._schedule.spawn("sweeper", self._sweep_if_it_lives, after)
        for after in _ENDINGS:
            self._schedule.spawn("ending", self._end_if_it_lives, after)
        for after in _NIGHTS:
            self._schedule.spawn("night", self._night_if_it_lives, after)
        for after in _HAND_OUTS:
            self._schedule.spawn("clock", self._hand_out_if_it_lives, after)
        self._schedule.run()

    def _calm(self) -> None:
        self._faults.end()
        # What came late on a day is done by the next one.
        for later in (*[3_600] * _ROUNDS, 86_400, 3_600):
            self._schedule.now += later
            for queue in (self._queue, self._news, self._visits):
                queue.redrive()
            self._schedule.run()
            self._process("clock", self._hand_out)
            self._process("sweeper", self._sweep)
            self._process("ending", redemption.end_holds)
            self._process("night", self._night)
        for queue in (self._queue, self._news, self._visits):
            if queue.dead:
                events = [f"{message.event['detail-type']} {message.event['detail']}" for message in queue.dead]
                self._watch.violated("P10", f"{events} came to no end, though all is well")

    def _repeat(self) -> None:
        """Ask much of it again, one after the other. What is repeated is evidence like everything else."""
        intents = {(asked.key, asked.content): asked for asked in self._world.asked}
        before = set(self._watch.booked)
        final = {(one.key, one.content) for one in self._world.asked if one.verdicts() & _FINAL}
        kept = {item["operation"]["S"] for item in self._database.items("entries")}
        kept |= {item["key"]["S"] for item in self._database.items("rewards")}
        # A return that was given up may be sent again, and is then carried out: that would be no repeat.
        answered = [
            asked for one, asked in intents.items() if one in final and (asked.key in kept or asked.kind == "enrol")
        ]
        again = self._rng.sample(answered, min(len(answered), _MOST_REPEATS))

        def repeat() -> None:
            for asked in again:
                answer = handle(asked, self._schedule)
                if answer.verdict == "nothing":
                    self._watch.violated("P1", f"{asked.key} had an answer, and a repeat gets {answer.code}")
                if answer.verdict == "committed" and not answer.replayed:
                    self._watch.violated("P1", f"{asked.key} was carried out again")

        self._process("repeats", repeat)
        if self._watch.booked != before:
            self._watch.violated("P1", f"repeats booked {self._watch.booked - before}")

    def _judge(self) -> None:
        books = Books(self._database, self._watch, self._rules)
        asked = self._world.asked
        for finding in chain(
            judge(asked, books),
            judge_rests(books),
            judge_spent(asked, books),
            judge_waits(asked, self._bus, (self._queue, self._news), books),
            judge_bus(self._bus, self._stream, books),
            judge_time(books, self._bus, self._watch.midnight.program, clock.now().date()),
        ):
            self._watch.violated(*finding)
        self._process("proof", self._prove)

    def _prove(self) -> None:
        drawn: Counter[str] = Counter()
        for account in proving.accounts():
            proof = proving.prove_account(account)
            drawn.update(proof.drawn)
            if proof.drift:
                self._watch.violated("P4", f"{proof.member} drifts: {proof.drift}")
        counted = stockproof.counted()
        for difference in stockproof.differences(drawn, counted, counted):
            self._watch.violated("P3", difference)

    def _open(self) -> None:
        """Publish the programme, and enrol the one who sends all the others."""
        version, _ = programs.publish(self._program)
        programs.activate(version.version)
        joins = enrolment_of(MemberIn(card=REFERRER, attributes={}), SOURCES[0], "referrer")
        self._world.asked.append(joins)
        handle(joins, self._schedule)

    def _publish(self, batch: Sequence[Record]) -> None:
        skewed(self._schedule)
        publishing.publish_changes(batch)

    def _sweep(self) -> None:
        publishing.publish_forgotten(clock.now())

    def _sweep_if_it_lives(self) -> None:
        try:
            self._sweep()
        except Exception as error:  # noqa: BLE001  it runs again in an hour; what else it may raise is judged there
            self._schedule.note(f"sweeper failed: {type(error).__name__}")

    def _night(self) -> None:
        awaiting.report_overdue(clock.now())

    def _night_if_it_lives(self) -> None:
        try:
            self._night()
        except (ClientError, BotoCoreError, PublishError) as error:
            self._schedule.note(f"night failed: {type(error).__name__}")

    def _end_if_it_lives(self) -> None:
        skewed(self._schedule)
        try:
            redemption.end_holds()
        except (ClientError, BotoCoreError, TryAgainError) as error:
            self._schedule.note(f"ending failed: {type(error).__name__}")

    def _hand_out(self) -> None:
        lifecycle.hand_out(lambda: True)

    def _hand_out_if_it_lives(self) -> None:
        skewed(self._schedule)
        try:
            self._hand_out()
        except (ClientError, BotoCoreError, PublishError) as error:
            self._schedule.note(f"handing out failed: {type(error).__name__}")

    def _on_members_due(self, detail: Mapping[str, Any]) -> None:
        event_id = f"visit-{self._world.fresh('due')}"
        event = {"id": event_id, "source": SOURCE, "time": clock.to_text(clock.now())}
        self._visits.send(event | {"detail-type": MEMBERS_DUE, "detail": detail})

    def _on_news(self, taken: Taken) -> None:
        """The bus hands our own events on, each time that one is on it, under an id of its own."""
        if taken.detail_type in _NEWS:
            event = {
                "id": f"news-{len(self._bus.taken)}",
                "source": SOURCE,
                "time": clock.to_text(clock.now()),
                "detail-type": taken.detail_type,
                "detail": taken.detail,
            }
            self._news.send(event)

    def _referred(self, member: str, **content: Any) -> Account:
        """An account as enrolling opens it, and two of three members were sent by somebody."""
        referred = hashlib.sha256(member.encode()).digest()[0] % 3 > 0 and member != _REFERRER
        traits = replace(content["traits"], referred_by=_REFERRER if referred else None)
        return Account(member, **(content | {"traits": traits}))

    def _index_lag(self) -> float:
        """Mostly a few milliseconds, now and then seconds: each item at its own pace."""
        return self._rng.random() ** 6 * self._longest_lag if self._faults.rates is not CALM else 0.0

    @contextmanager
    def _in_place(self) -> Iterator[None]:
        """The real code, with this world around it."""
        names = {f"{table.name.upper()}_TABLE": table.name for table in TABLES}
        names |= {"BUS_NAME": "loyalty", "RECEIPT_NAMESPACES": "{}"}
        level = logger.log_level
        with ExitStack() as stack:
            stack.enter_context(patch.dict(os.environ, names))
            stack.enter_context(patch.object(aws, "dynamodb", lambda: self._dynamodb))
            stack.enter_context(patch.object(aws, "events", lambda: self._bus))
            stack.enter_context(patch.object(clock, "now", self._schedule.clock))
            stack.enter_context(patch.object(clock, "pause", self._pause))
            stack.enter_context(patch.object(programs, "time", SimpleNamespace(monotonic=lambda: self._schedule.now)))
            stack.enter_context(patch.object(committing, "secrets", SimpleNamespace(token_bytes=self._rng.randbytes)))
            salts = SimpleNamespace(token_hex=lambda size: self._rng.randbytes(size).hex())
            stack.enter_context(patch.object(profiles, "secrets", salts))
            stack.enter_context(patch.object(batching, "time", SimpleNamespace(monotonic=lambda: self._schedule.now)))
            stack.enter_context(patch.object(accrual, "_USUAL_WAIT", timedelta(seconds=self._world.patience)))
            stack.enter_context(patch.object(enrolment, "Account", self._referred))
            stack.enter_context(patch.object(redemption, "timedelta", _seconds_for_minutes))
            stack.enter_context(patch.object(items, "DUE_SHARDS", items.DUE_SHARDS[:2]))
            programs.forget()
            logger.setLevel(logging.CRITICAL)
            try:
                yield
            finally:
                logger.setLevel(level)
                programs.forget()

    def _pause(self, longest: float) -> None:
        self._schedule.pause(self._rng.random() * longest)

    def _report(self) -> Report:
        asked: Sequence[Asked] = self._world.asked
        lines = [str(step) for step in self._schedule.trace]
        return Report(
            seed=self._seed,
            operations=Counter(one.kind for one in asked),
            outcomes=Counter(answer.verdict for one in asked for answer in one.answers),
            faults=self._faults.seen,
            entries=len(self._database.items("entries")),
            events=len(self._bus.taken),
            violations=[*self._watch.violations, *self._schedule.broken],
            trace=lines,
            digest=hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16],
        )


def _seconds_for_minutes(minutes: int) -> timedelta:
    """Holds end while the run goes on."""
    return timedelta(seconds=minutes)
