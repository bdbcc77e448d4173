"""What goes wrong, how often, and how often it did.

Every fault is drawn from the run's own random numbers and counted, so that a green run can show what it survived.
"""

import random
from collections import Counter
from dataclasses import dataclass, fields, replace
from typing import Literal

Fault = Literal[
    "lost_before",
    "lost_after",
    "throttled",
    "server_error",
    "crash",
    "conflict",
    "stale_read",
    "unprocessed_keys",
    "refused_event",
    "lost_answer",
    "impatient_client",
    "duplicate_message",
    "repeated_batch",
    "lost_batch",
    "late_batch",
]


@dataclass(frozen=True, slots=True)
class Rates:
    """Probability of each fault each time that it can happen.

    lost_before       the request never arrives; the caller sees a timeout
    lost_after        it takes effect, and the answer never arrives
    throttled         ThrottlingException, ProvisionedThroughputExceededException
    server_error      InternalServerError, before any effect
    crash             the process dies before this call
    conflict          a transaction is cancelled for another one, or throttled as a cancellation reason
    stale_read        an eventually consistent read sees an older image
    unprocessed_keys  BatchGetItem leaves some out
    refused_event     PutEvents does not take this one, but others
    lost_answer       the handler finishes and its answer never reaches the partner
    impatient_client  the partner stops waiting and repeats the call while the first one still runs
    duplicate_message the bus delivers an event twice
    repeated_batch    the stream delivers a batch again that was published
    lost_batch        the stream gives a batch up
    late_batch        the stream delivers a batch more than half a minute late
    """

    lost_before: float = 0.012
    lost_after: float = 0.012
    throttled: float = 0.01
    server_error: float = 0.004
    crash: float = 0.006
    conflict: float = 0.04
    stale_read: float = 0.3
    unprocessed_keys: float = 0.1
    refused_event: float = 0.03
    lost_answer: float = 0.04
    impatient_client: float = 0.05
    duplicate_message: float = 0.1
    repeated_batch: float = 0.1
    lost_batch: float = 0.03
    late_batch: float = 0.03

    def times(self, factor: float) -> "Rates":
        """The same weather, calmer or rougher."""
        return replace(self, **{each.name: min(0.5, getattr(self, each.name) * factor) for each in fields(self)})


CALM = Rates().times(0)


class Faults:
    """The dice of one run."""

    def __init__(self, rng: random.Random, rates: Rates) -> None:
        self.rng = rng
        self.rates = rates
        self.seen: Counter[str] = Counter()

    def strikes(self, fault: Fault) -> bool:
        """Whether this fault happens now; if so it is counted."""
        if self.rng.random() >= getattr(self.rates, fault):
            return False
        self.seen[fault] += 1
        return True

    def end(self) -> None:
        """From now on all goes well."""
        self.rates = CALM
