"""One run: a world, its weather, its workload, and the judgement. Everything in it follows from the seed.

storm      partners, queue, stream and sweeper work while calls are lost, throttled, late, and handlers die
calm       faults end; what lies in dead-letter queues is sent again, the stream drains, the sweeper runs
repeats    everything that was ever asked is asked once more: every answer must be the one that was given
judgement  `watch.py` saw every commit, `verdict.py` and `told.py` hold books and bus against the answers, and the
           real proof recomputes every account
"""

import hashlib
import json
import logging
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from types import SimpleNamespace
from unittest.mock import patch

from functions.ledger import proving, publishing
from functions.ledger import store as ledger
from functions.program import store as programs
from functions.runtime import aws, clock
from functions.runtime.observability import logger
from infra.tables import TABLES
from tests.faults.bus import EventsClient
from tests.faults.dynamodb import Database, Instant
from tests.faults.faults import CALM, Faults, Rates
from tests.faults.messages import Queue
from tests.faults.operations import Asked
from tests.faults.schedule import Schedule, skewed
from tests.faults.sdk import DynamoDbClient, Sdk
from tests.faults.stream import Record, Stream
from tests.faults.told import judge_bus
from tests.faults.verdict import GOAL, LAUNCH, LAUNCH_BUDGET, LAUNCH_POINTS, Books, judge
from tests.faults.watch import Watch
from tests.faults.workload import Partner, World, handle

_EPOCH = datetime(2026, 2, 28, 23, 59, 40, tzinfo=UTC)
"""Just before midnight: the day changes, and some points expire, while the run goes on."""
INDEX_LAG = 8.0
"""Seconds that the index needs at most: well within the half minute that the sweeper leaves a change."""
_REDRIVES = 2
_SWEEPS = (20.0, 45.0, 80.0)
_TEXT = {"en": "a text", "fr": "un texte"}
_PROGRAM = {
    "program": "simulated",
    "name": {"en": "Club", "fr": "Club"},
    "currency": "USD",
    "groups": {"base": "all", "launch": "all"},
    "earning": [
        {"id": "every-dollar", "group": "base", "points": 1, "per": 100, "text": _TEXT},
        {
            "id": LAUNCH,
            "group": "launch",
            "points": LAUNCH_POINTS,
            "budget": LAUNCH_BUDGET,
            "limits": [{"times": 3, "per": "ever"}],
            "text": _TEXT,
        },
    ],
    "goals": [
        {"id": GOAL, "counts": "visits", "reach": 3, "per": "ever", "repeat": True, "reward": "gift", "text": _TEXT}
    ],
    "tiers": {
        "window": "year",
        "held": "next_window",
        "levels": [{"id": "green", "text": _TEXT}, {"id": "gold", "text": _TEXT, "reach": [{"visits": 2}]}],
    },
    "rewards": [
        {"id": "voucher-5", "kind": "voucher", "points": 100, "value": 500, "valid_days": 90, "text": _TEXT},
        {"id": "gift", "kind": "voucher", "value": 100, "valid_days": 30, "text": _TEXT},
    ],
}


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
        self._watch = Watch(self._schedule, self._database)
        self._queue = Queue(self._schedule, self._faults)
        self._stream = Stream(self._schedule, self._faults, self._publish)
        self._world = World()
        self._database.listeners += [self._watch.on_written, self._stream.on_written]
        self._bus.listeners.append(self._watch.on_taken)

    def run(self) -> Report:
        with self._in_place():
            self._process("operator", self._publish_program)
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
        for i in range(self._rng.randint(2, 7)):
            partner = Partner(f"partner-{i}", self._world, self._schedule, self._faults, self._queue)
            self._schedule.spawn(partner.name, partial(partner.live, self._rng.randint(5, 15)))
        for after in _SWEEPS:
            self._schedule.spawn("sweeper", self._sweep_if_it_lives, after)
        self._schedule.run()

    def _calm(self) -> None:
        self._faults.end()
        self._schedule.now += 3600
        for _ in range(_REDRIVES):
            self._queue.redrive()
            self._schedule.run()
        if self._queue.dead:
            keys = [message.asked.key for message in self._queue.dead]
            self._watch.violated("P10", f"{keys} came to no end, though all is well")
        self._schedule.now += 3600
        self._process("sweeper", self._sweep)

    def _repeat(self) -> None:
        """Ask everything again, one after the other. What is repeated is evidence like everything else."""
        intents = {(asked.key, asked.content): asked for asked in self._world.asked}
        before = set(self._watch.booked)
        answered = [asked for asked in intents.values() if asked.verdicts() & {"committed", "refused", "reused"}]

        def repeat() -> None:
            for asked in answered:
                answer = handle(asked, self._schedule)
                if answer.verdict == "nothing":
                    self._watch.violated("P1", f"{asked.key} had an answer, and a repeat gets {answer.code}")
                if answer.verdict == "committed" and not answer.replayed:
                    self._watch.violated("P1", f"{asked.key} was carried out again")

        self._process("repeats", repeat)
        if self._watch.booked != before:
            self._watch.violated("P1", f"repeats booked {self._watch.booked - before}")

    def _judge(self) -> None:
        books = Books(self._database, self._watch)
        for finding in judge(self._world.asked, books):
            self._watch.violated(*finding)
        for finding in judge_bus(self._bus, self._stream, books):
            self._watch.violated(*finding)
        self._process("proof", self._prove)

    def _prove(self) -> None:
        for account in proving.accounts():
            proof = proving.prove_account(account)
            if proof.drift:
                self._watch.violated("P4", f"{proof.member} drifts: {proof.drift}")

    def _publish_program(self) -> None:
        policy = self._rng.choice(("carry", "carry", "forgive", "block"))
        months = self._rng.choice(("never", 12, 12))
        points = {"expire": "never" if months == "never" else {"after_months": months}, "spent_then_returned": policy}
        version, _ = programs.publish(json.dumps(_PROGRAM | {"points": points}))
        programs.activate(version.version)

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

    def _index_lag(self) -> float:
        """Mostly a few milliseconds, now and then seconds: each item at its own pace."""
        return self._rng.random() ** 6 * self._longest_lag if self._faults.rates is not CALM else 0.0

    @contextmanager
    def _in_place(self) -> Iterator[None]:
        """The real code, with this world around it."""
        names = {f"{table.name.upper()}_TABLE": table.name for table in TABLES} | {"BUS_NAME": "loyalty"}
        level = logger.log_level
        with ExitStack() as stack:
            stack.enter_context(patch.dict(os.environ, names))
            stack.enter_context(patch.object(aws, "dynamodb", lambda: self._dynamodb))
            stack.enter_context(patch.object(aws, "events", lambda: self._bus))
            stack.enter_context(patch.object(clock, "now", self._schedule.clock))
            stack.enter_context(patch.object(clock, "pause", self._pause))
            stack.enter_context(patch.object(programs, "time", SimpleNamespace(monotonic=lambda: self._schedule.now)))
            stack.enter_context(patch.object(ledger, "secrets", SimpleNamespace(token_bytes=self._rng.randbytes)))
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
