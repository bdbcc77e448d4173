"""A queue that the bus fills, and the function behind it: at least once, in no order, several batches at a time.

A message that the function does not settle comes back, with the others of its batch if the handler died; after five
tries it lies in the dead-letter queue, from where an operator sends it again when all is well. The handler is the real
one, `functions.runtime.bus`, over what a partner or we ourselves put on the bus.
"""

import json
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, TypeVar, cast

from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError

from functions.accrual import following, reporting
from functions.lifecycle import on_members_due
from functions.runtime import bus
from functions.runtime.errors import LoyaltyError
from tests.faults.faults import Faults
from tests.faults.operations import Answer, Asked, verdict_of
from tests.faults.schedule import CrashError, Schedule, skewed

_LARGEST_BATCH = 10
_MOST_CONSUMERS = 3
_CONTEXT = cast("LambdaContext", SimpleNamespace())
_HONEST = (LoyaltyError, ClientError, BotoCoreError, bus.PublishError)
"""What the code behind a queue may raise: anything else is a finding."""

Result = TypeVar("Result")


@dataclass
class Message:
    """An event on its way to the function."""

    event: dict[str, Any]
    receives: int = 0


class Queue:
    """`dead`: what was tried too often. `sent`: the ids of all events; `accepted`: of those that took effect, or may
    have. `longest_delay`: seconds that an event may need to get here."""

    def __init__(self, name: str, schedule: Schedule, faults: Faults, longest_delay: float = 1.0) -> None:
        self._name = name
        self._schedule = schedule
        self._faults = faults
        self._longest_delay = longest_delay
        self._waiting: deque[Message] = deque()
        self._consumers = 0
        self.dead: list[Message] = []
        self.sent: dict[str, str] = {}
        self.accepted: set[str] = set()
        self._handler: bus.Handler = lambda _batch, _context: {"batchItemFailures": []}

    def served_by(self, handler: bus.Handler) -> None:
        """The function behind the queue."""
        self._handler = handler

    def send(self, event: dict[str, Any]) -> None:
        """Deliver an event once, or sometimes twice."""
        self.sent.setdefault(event["id"], event["detail-type"])
        for _ in range(2 if self._faults.strikes("duplicate_message") else 1):
            self._arrive_later(Message(event), self._schedule.rng.random() ** 3 * self._longest_delay)

    def redrive(self) -> int:
        """Send all that lies in the dead-letter queue again."""
        dead, self.dead = self.dead, []
        for message in dead:
            message.receives = 0
            self._arrive_later(message, 0.0)
        return len(dead)

    def _arrive_later(self, message: Message, delay: float) -> None:
        self._schedule.spawn("queue", lambda: self._arrive(message), delay)

    def _arrive(self, message: Message) -> None:
        self._waiting.append(message)
        if self._consumers < _MOST_CONSUMERS:
            self._consumers += 1
            name = f"{self._name}-{self._consumers}"
            self._schedule.spawn(name, self._drain, self._schedule.rng.random() * 0.2)

    def _drain(self) -> None:
        while self._waiting:
            size = min(len(self._waiting), self._schedule.rng.randint(1, _LARGEST_BATCH))
            batch = [self._waiting.popleft() for _ in range(size)]
            unsettled = self._unsettled(batch)
            for i in unsettled:
                self._come_again(batch[i])
        self._consumers -= 1

    def _unsettled(self, batch: Sequence[Message]) -> list[int]:
        """Which messages of a batch must come again; where the handler dies, all of them."""
        skewed(self._schedule)
        records = [
            {
                "messageId": str(i),
                "body": json.dumps(message.event),
                "attributes": {"ApproximateReceiveCount": str(message.receives + 1)},
            }
            for i, message in enumerate(batch)
        ]
        try:
            answer = self._handler({"Records": records}, _CONTEXT)
        except CrashError:
            self._schedule.note("died over a batch")
            return list(range(len(batch)))
        except Exception as error:  # noqa: BLE001  the edge: a handler must not raise
            self._schedule.breaks(error)
            return list(range(len(batch)))
        return [int(failure["itemIdentifier"]) for failure in answer["batchItemFailures"]]

    def _come_again(self, message: Message) -> None:
        message.receives += 1
        if message.receives < bus.TRIES:
            self._arrive_later(message, self._schedule.rng.random() * 5)
        else:
            self.dead.append(message)


class Witness:
    """Stands between a queue's handler and the real code, and keeps what became of every event as evidence."""

    def __init__(self, schedule: Schedule, reports: Queue, news: Queue, visits: Queue) -> None:
        self._schedule = schedule
        self._reports = reports
        self._news = news
        self._asked: dict[str, Asked] = {}
        reports.served_by(bus.batch_consumer(self._record))
        news.served_by(bus.consumer(self._follow))
        visits.served_by(bus.consumer(self._visit))

    def send(self, asked: Asked, event: dict[str, Any]) -> None:
        """Let a partner's event come over the bus."""
        self._asked[event["id"]] = asked
        asked.began = self._schedule.now if asked.began is None else asked.began
        self._reports.send(event)

    def _record(self, events: Sequence[bus.Event]) -> Sequence[bus.Outcome]:
        """The real consumer of partners' events."""
        try:
            outcomes = self._honestly(lambda: reporting.record_events(events))
        except (*_HONEST, CrashError):
            self._see(events, [Answer("unknown", self._schedule.now)] * len(events))
            raise
        self._see(events, [self._answer(event, outcome) for event, outcome in zip(events, outcomes, strict=True)])
        return outcomes

    def _see(self, events: Sequence[bus.Event], answers: Sequence[Answer]) -> None:
        for event, answer in zip(events, answers, strict=True):
            self._asked[event.id].answers.append(answer)
            self._schedule.note(f"{self._asked[event.id].key} over the bus: {answer.verdict} {answer.code}")

    def _answer(self, event: bus.Event, outcome: bus.Outcome) -> Answer:
        """A return that was accepted may be booked, or wait."""
        if outcome is None:
            self._reports.accepted.add(event.id)
            waits = self._asked[event.id].kind == "return"
            return Answer("waiting" if waits else "committed", self._schedule.now)
        assert isinstance(outcome, LoyaltyError), f"what is {outcome!r}?"
        return verdict_of(outcome, self._schedule.now)

    def _follow(self, event: bus.Event) -> None:
        """The real consumer of our own events."""
        self._honestly(lambda: following.follow(event))
        self._news.accepted.add(event.id)
        self._schedule.note(f"followed {event.detail_type} {event.id}")

    def _visit(self, event: bus.Event) -> None:
        """The real consumer of the members that are due."""
        self._honestly(lambda: on_members_due.consume(event))
        self._schedule.note(f"visited {event.detail['data']['members']}")

    def _honestly(self, act: Callable[[], Result]) -> Result:
        try:
            return act()
        except _HONEST:
            raise
        except Exception as error:
            self._schedule.breaks(error)
            raise
