"""The queue that the bus fills, and the function behind it: at least once, in no order, several batches at a time.

A message that is not accepted or refused comes back, with the others of its batch if the handler died; after five tries
it lies in the dead-letter queue, from where an operator sends it again when all is well.
"""

from collections import deque
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from functions.accrual import store as accrual
from functions.runtime import bus
from functions.runtime.errors import LoyaltyError, TryAgainError
from tests.faults.faults import Faults
from tests.faults.operations import Answer, Asked, verdict_of
from tests.faults.schedule import CrashError, Schedule, skewed

_LARGEST_BATCH = 10
_MOST_CONSUMERS = 3
_RECEIVES_BEFORE_DEAD = 5


@dataclass
class Message:
    """An event on its way to the function."""

    event: bus.Event
    asked: Asked
    receives: int = 0


class Queue:
    """`dead`: what was tried too often."""

    def __init__(self, schedule: Schedule, faults: Faults) -> None:
        self._schedule = schedule
        self._faults = faults
        self._waiting: deque[Message] = deque()
        self._consumers = 0
        self.dead: list[Message] = []
        self.sent = 0

    def send(self, event: bus.Event, asked: Asked) -> None:
        """Deliver an event once, or sometimes twice."""
        self.sent += 1
        asked.began = self._schedule.now
        for _ in range(2 if self._faults.strikes("duplicate_message") else 1):
            self._arrive_later(Message(event, asked), self._schedule.rng.random())

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
            self._schedule.spawn(f"consumer-{self._consumers}", self._drain, self._schedule.rng.random() * 0.2)

    def _drain(self) -> None:
        while self._waiting:
            size = min(len(self._waiting), self._schedule.rng.randint(1, _LARGEST_BATCH))
            batch = [self._waiting.popleft() for _ in range(size)]
            for message, outcome in zip(batch, self._outcomes(batch), strict=True):
                self._settle(message, outcome)
        self._consumers -= 1

    def _outcomes(self, batch: list[Message]) -> list[bus.Outcome]:
        """What the handler makes of a batch; where it dies, all of it comes again."""
        skewed(self._schedule)
        try:
            return accrual.record_events([message.event for message in batch])
        except (CrashError, ClientError, BotoCoreError) as error:
            return [TryAgainError(type(error).__name__)] * len(batch)
        except Exception as error:  # noqa: BLE001  the edge, as in `functions.runtime.bus`
            self._schedule.breaks(error)
            return [TryAgainError(type(error).__name__)] * len(batch)

    def _settle(self, message: Message, outcome: bus.Outcome) -> None:
        now = self._schedule.now
        self._schedule.note(f"{message.asked.key} over the bus: {outcome or 'accepted'}")
        if outcome is None:
            message.asked.answers.append(Answer("committed", now))
            return
        assert isinstance(outcome, LoyaltyError), f"what is {outcome!r}?"
        answer = verdict_of(outcome, now)
        message.asked.answers.append(answer)
        if not isinstance(outcome, TryAgainError):
            return
        message.receives += 1
        if message.receives < _RECEIVES_BEFORE_DEAD:
            self._arrive_later(message, self._schedule.rng.random() * 5)
        else:
            self.dead.append(message)
