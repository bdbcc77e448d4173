"""Many processes, one at a time: who goes on, and what time it is, follow from one seed.

A process is a thread that runs the real code. Exactly one holds the baton; it gives it away only where it would wait
in the world: at a call to AWS, in a pause, while a partner thinks. Then time jumps to whoever wakes next. How long each
wait takes is drawn from the seed, so the seed decides every interleaving, and the same seed gives the same run again:

    process A  ──load──┐              ┌──commit──┐
    process B          └─load──commit─┘          └── cancelled, decides again

Nothing here sleeps: a minute of simulated time costs what the code in it costs.
"""

import heapq
import random
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

MOST_STEPS = 300_000
"""A run that takes more will never come to rest."""


class CrashError(BaseException):
    """The process dies where it stands, as a Lambda that is shut down: no `except Exception` sees it."""


class RestlessError(RuntimeError):
    """The run went on and on."""


@dataclass
class Process:
    """A thread that waits for the baton. `skew`: seconds by which its clock is wrong."""

    name: str
    act: Callable[[], object]
    skew: float = 0.0
    baton: threading.Lock = field(default_factory=threading.Lock)
    thread: threading.Thread | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the trace: when (simulated seconds), who, and what."""

    at: float
    who: str
    what: str

    def __str__(self) -> str:
        return f"{self.at:10.4f}  {self.who:<12} {self.what}"


class Schedule:
    """The baton, the time, and the trace of one run."""

    def __init__(self, rng: random.Random, epoch: datetime) -> None:
        self.rng = rng
        self.now = 0.0
        self.trace: list[Step] = []
        self.broken: list[str] = []
        self._epoch = epoch
        self._waiting: list[tuple[float, int, Process]] = []
        self._count = 0
        self._current: Process | None = None
        self._all_done = threading.Lock()

    @property
    def current(self) -> Process:
        assert self._current is not None, "only a process calls AWS"
        return self._current

    def note(self, what: str) -> None:
        self.trace.append(Step(self.now, self._current.name if self._current else "-", what))

    def breaks(self, error: Exception) -> None:
        """The real code raised what it must not raise."""
        self.note(f"BROKE: {error!r}")
        frames = traceback.extract_tb(error.__traceback__)[-3:]
        way = " > ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames)
        self.broken.append(f"{self.current.name} broke (at {self.now:.3f} s): {error!r} in {way}")

    def clock(self) -> datetime:
        """What the clock of the current process says: simulated time, and its skew."""
        skew = self._current.skew if self._current else 0.0
        return self._epoch + timedelta(seconds=round(self.now + skew, 6))

    def spawn(self, name: str, act: Callable[[], object], after: float = 0.0) -> None:
        """Let a process begin `after` seconds."""
        self._push(Process(name, act), self.now + after)

    def pause(self, seconds: float) -> None:
        """Give the baton away for that long. The only point at which another process can get in between."""
        me = self.current
        self._push(me, self.now + seconds)
        following = self._next()
        if following is me:
            return
        assert following is not None, "this process itself is waiting"
        me.baton.acquire()
        self._hand_to(following)
        me.baton.acquire()
        me.baton.release()

    def run(self) -> None:
        """Let every process come to its end. What broke on the way stands in `broken`."""
        first = self._next()
        if first is None:
            return
        self._all_done.acquire()
        self._hand_to(first)
        self._all_done.acquire()
        self._all_done.release()
        self._current = None

    def _push(self, process: Process, at: float) -> None:
        self._count += 1
        heapq.heappush(self._waiting, (at, self._count, process))

    def _next(self) -> Process | None:
        if not self._waiting:
            return None
        if self._count > MOST_STEPS:
            raise RestlessError(f"{self._count} steps, and the run is not at rest")
        at, _, process = heapq.heappop(self._waiting)
        self.now = max(self.now, at)
        self._current = process
        return process

    def _hand_to(self, process: Process) -> None:
        if process.thread is None:
            process.thread = threading.Thread(target=self._live, args=[process], name=process.name, daemon=True)
            process.thread.start()
        else:
            process.baton.release()

    def _live(self, process: Process) -> None:
        try:
            process.act()
        except CrashError:
            self.note("died")
        except Exception as error:  # noqa: BLE001  the edge: a broken process is a finding, the others must go on
            self.breaks(error)
        following = self._after_the_end()
        if following:
            self._hand_to(following)
        else:
            self._all_done.release()

    def _after_the_end(self) -> Process | None:
        try:
            return self._next()
        except RestlessError as error:
            self.broken.append(str(error))
            self._waiting.clear()
            return None


def skewed(schedule: Schedule) -> None:
    """The current process is another machine now: its clock is mostly right, and now and then seconds off."""
    far = schedule.rng.random() < 0.1
    schedule.current.skew = schedule.rng.gauss(0.0, 2.0 if far else 0.02)
