"""Who is sent when: purchases shared out into streams, and each stream cut into batches. The same for the same input,
so that a later run knows the batches of an earlier one by their numbers.

All purchases of a member are in one stream, the earlier before the later. A stream goes member after member: the ledger
books what a batch holds of one member in as few transactions as it can. Where a rule has a budget, which all members
draw from, it goes by time, and the stream that is furthest behind goes first.
"""

import heapq
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from cli.purchases.columns import Purchases

MOST_STREAMS = 64
PER_STREAM = 200
LARGEST_BATCH = 100
MOST_LINES = 2_000
"""Lines of receipts in a batch: a request and its answer, which explains every line, stay well below 6 MB."""


class Batch(NamedTuple):
    """Batch `number` of a stream: which purchases."""

    stream: int
    number: int
    purchases: Sequence[int]


def taken(purchases: Purchases, first: int | None) -> list[int]:
    """All purchases in the order of time, or only the first of them."""
    return purchases.by_time()[:first]


def batches(purchases: Purchases, chosen: Sequence[int], *, by_time: bool) -> list[list[Batch]]:
    """The streams, each as its batches."""
    count = max(1, min(MOST_STREAMS, len(chosen) // PER_STREAM))
    streams: list[list[int]] = [[] for _ in range(count)]
    for i in chosen:  # which are in the order of time
        streams[purchases.member[i] % count].append(i)
    if not by_time:
        for stream in streams:
            stream.sort(key=purchases.member.__getitem__)  # stable: each member's stay in the order of time
    return [list(_cut(purchases, number, stream)) for number, stream in enumerate(streams)]


def _cut(purchases: Purchases, stream: int, order: Sequence[int]) -> Iterator[Batch]:
    number, batch, lines = 0, list[int](), 0
    for i in order:
        more = purchases.start[i + 1] - purchases.start[i]
        if batch and (len(batch) == LARGEST_BATCH or lines + more > MOST_LINES):
            yield Batch(stream, number, batch)
            number, batch, lines = number + 1, [], 0
        batch.append(i)
        lines += more
    if batch:
        yield Batch(stream, number, batch)


class Turns:
    """Hands out batches, one of a stream at a time, and of those that may go the oldest."""

    def __init__(self, purchases: Purchases, streams: Iterable[Iterable[Batch]]) -> None:
        self._at = purchases.at
        self._streams = [deque(stream) for stream in streams]
        self._may_go: list[tuple[int, int]] = []
        self._under_way = 0
        self._ended = False
        self._changed = threading.Condition()
        for number in range(len(self._streams)):
            self._let_go(number)

    def next(self) -> Batch | None:
        """The next batch, once there is one; None when there will be no more."""
        with self._changed:
            while not self._ended and not self._may_go and self._under_way:
                self._changed.wait()
            if self._ended or not self._may_go:
                return None
            self._under_way += 1
            _at, number = heapq.heappop(self._may_go)
            return self._streams[number].popleft()

    def done(self, batch: Batch) -> None:
        """The caller is through with a batch: the next one of its stream may go."""
        with self._changed:
            self._under_way -= 1
            self._let_go(batch.stream)
            self._changed.notify_all()

    def end(self) -> None:
        """Hand out nothing more."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _let_go(self, number: int) -> None:
        if self._streams[number]:
            heapq.heappush(self._may_go, (self._at[self._streams[number][0].purchases[0]], number))
