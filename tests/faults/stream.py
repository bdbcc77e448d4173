"""The stream of the accounts table and the function behind it, as an event source mapping drives them.

    change ──> shard (by member) ──> batch ──> publish_changes ──> done, and sometimes the same batch again
                                       ^            |fails
                                       └── halves, in order; given up after some tries: the sweeper's business

Changes of one member are in one shard, so they come in order; those of different members mix. A batch that is given up
is lost to the stream for good, as after ten tries or a day.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from botocore.exceptions import BotoCoreError, ClientError

from functions.runtime.bus import PublishError
from tests.faults.dynamodb import Written
from tests.faults.faults import Faults
from tests.faults.schedule import CrashError, Schedule

SHARDS = 2
_LARGEST_BATCH = 10
_TRIES = 4

Record: TypeAlias = Mapping[str, Any]
Publish: TypeAlias = Callable[[Sequence[Record]], None]


class Stream:
    """`lost`: member and `n` of every change that was given up; 0 is the opening."""

    def __init__(self, schedule: Schedule, faults: Faults, publish: Publish) -> None:
        self._schedule = schedule
        self._faults = faults
        self._publish = publish
        self._shards: list[deque[Record]] = [deque() for _ in range(SHARDS)]
        self._working: set[int] = set()
        self.lost: set[tuple[str, int]] = set()
        self.given_up = 0

    def on_written(self, written: Sequence[Written]) -> None:
        """Queue the changes that the filter of the mapping lets through."""
        for change in written:
            if change.table != "accounts" or change.new is None or change.new["part"]["S"] != "A":
                continue
            shard = hashlib.sha256(change.new["member"]["S"].encode()).digest()[0] % SHARDS
            record = {"NewImage": change.new} | ({"OldImage": change.old} if change.old else {})
            self._shards[shard].append(record)
            self._wake(shard)

    def _wake(self, shard: int) -> None:
        if shard in self._working:
            return
        self._working.add(shard)
        delay = self._schedule.rng.random() * 0.3
        if self._faults.strikes("late_batch"):
            delay += 30 + self._schedule.rng.random() * 30
        self._schedule.spawn(f"stream-{shard}", lambda: self._drain(shard), delay)

    def _drain(self, shard: int) -> None:
        waiting = self._shards[shard]
        while waiting:
            size = self._schedule.rng.randint(1, _LARGEST_BATCH)
            batch = [waiting.popleft() for _ in range(min(size, len(waiting)))]
            self._deliver(batch, _TRIES)
        self._working.discard(shard)

    def _deliver(self, batch: Sequence[Record], tries: int) -> None:
        if not tries or self._faults.strikes("lost_batch"):
            self._give_up(batch)
        elif not self._works(batch):
            self._schedule.pause(self._schedule.rng.random() * 2)
            middle = len(batch) // 2
            for half in (batch[:middle], batch[middle:]):
                if half:
                    self._deliver(half, tries - 1)
        elif self._faults.strikes("repeated_batch"):
            self._works(batch)

    def _works(self, batch: Sequence[Record]) -> bool:
        try:
            self._publish(batch)
        except (PublishError, ClientError, BotoCoreError, CrashError) as error:
            self._schedule.note(f"batch of {len(batch)} failed: {type(error).__name__}")
            return False
        return True

    def _give_up(self, batch: Sequence[Record]) -> None:
        self._schedule.note(f"batch of {len(batch)} given up")
        self.given_up += 1
        for record in batch:
            member = record["NewImage"]["member"]["S"]
            before = int(record["OldImage"]["n"]["N"]) if "OldImage" in record else -1
            self.lost |= {(member, n) for n in range(before + 1, int(record["NewImage"]["n"]["N"]) + 1)}
