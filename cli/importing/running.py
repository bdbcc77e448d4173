"""One import from its file to its report."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from rich.console import Console
from rich.progress import Progress, TaskID

from cli.errors import ExplainedError
from cli.importing import error_file
from cli.importing.journal import Journal
from cli.importing.outcome import Outcome, Refusal, together
from cli.importing.programme import in_force, refuse_too_early, too_late
from cli.importing.sending import Naming, Sender
from cli.importing.streams import Batch, Turns, batches, taken
from cli.purchases.columns import Purchases
from cli.purchases.reading import digest, read
from cli.purchases.receipts import BadRow, ReadingError
from cli.showing import progress
from functions.program.model import Program

BAD_ROW = "bad_row"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be imported and how. `programme` tells one deployed programme from another."""

    source: str
    programme: str
    first: int | None = None
    naming: Naming = field(default_factory=Naming)
    callers: int = 8
    skip_bad_rows: bool = False

    @property
    def journal(self) -> Path:
        return Path(f"{self.source}.progress")

    @property
    def errors(self) -> Path:
        return Path(f"{self.source}.errors.ndjson")


@dataclass(frozen=True, slots=True)
class Report:
    """What became of an import. `earlier`: what runs before this one had done. `stopped`: why it ended early."""

    wanted: Wanted
    chosen: int
    whole: Outcome
    earlier: Outcome
    bad: Sequence[Refusal]
    seconds: float
    stopped: str | None

    @property
    def open(self) -> int:
        return self.chosen - self.whole.answered

    @property
    def all_booked(self) -> bool:
        return self.whole.booked == self.chosen and not self.bad


def imported(
    api: httpx.Client, wanted: Wanted, console: Console, pause: Callable[[float], object] | None = None
) -> Report:
    """Send what is still to be sent. Raises ExplainedError where nothing can be sent at all.

    `pause` instead of waiting: a test has no time.
    """
    program = in_force(api)
    with console.status("Reading the purchases"):
        purchases, bad = _read(wanted, program)
    chosen = taken(purchases, wanted.first)
    if wanted.naming.enrol:
        refuse_too_early(purchases, chosen, program)
    if late := too_late(purchases, chosen, program):
        told = f"{late:,} purchases are too old for the programme (accepted_late_days) and will be refused."
        console.print(told, markup=False, soft_wrap=True)
    by_time = any(rule.budget is not None for rule in program.earning)
    streams = batches(purchases, chosen, by_time=by_time)
    journal = Journal.open(wanted.journal, _belongs(wanted, program, by_time=by_time))
    finished = False
    try:
        _say_where(console, journal, wanted)
        run = _Run(api, purchases, wanted, journal, streams, pause)
        with error_file.kept(wanted.errors, lambda: [*bad, *run.whole().refused]):
            started = time.monotonic()
            with progress(console) as bar:
                stopped = run.through(bar, len(chosen))
            seconds = time.monotonic() - started
        report = Report(wanted, len(chosen), run.whole(), run.earlier, bad, seconds, stopped)
        finished = report.open == 0
        return report
    finally:
        journal.close(finished=finished)


def _read(wanted: Wanted, program: Program) -> tuple[Purchases, list[Refusal]]:
    """Raises ReadingError where rows are bad and may not be skipped; all of them are in the error file then."""
    purchases, bad = read(wanted.source, program)
    refusals = [_refusal(row) for row in bad.rows]
    if refusals and not wanted.skip_bad_rows:
        error_file.write(wanted.errors, refusals)
        try:
            bad.raise_if_any()
        except ReadingError as error:
            hint = f"All of them are in {wanted.errors}. With --skip-bad-rows the other receipts are sent."
            raise ReadingError(f"{error}\n{hint}") from None
    return purchases, refusals


def _refusal(row: BadRow) -> Refusal:
    return Refusal(row.line, row.receipt, row.member, BAD_ROW, row.reason)


def _belongs(wanted: Wanted, program: Program, *, by_time: bool) -> dict[str, str | int | bool | None]:
    """What must be the same for a later run to go on where this one ends."""
    return {
        "file": digest(wanted.source),
        "programme": wanted.programme,
        "currency": program.currency,
        "time_zone": str(program.zone),
        "order": "time" if by_time else "member",
        "first": wanted.first,
        "known_by": wanted.naming.known_by,
        "enrol": wanted.naming.enrol,
        "skip_bad_rows": wanted.skip_bad_rows,
    }


_MEANING = {
    "file": "the file has changed",
    "programme": "it went to another programme",
    "currency": "the programme has another currency",
    "time_zone": "the programme has another time zone",
    "order": "the programme has other budgets",
    "format": "it was made by another version of this command",
}


def _say_where(console: Console, journal: Journal, wanted: Wanted) -> None:
    if journal.differs:
        why = ", ".join(dict.fromkeys(_MEANING.get(name, "the options are others") for name in journal.differs))
        told = f"{wanted.journal} is of another import ({why}): starting anew. What was booked stays booked once."
        console.print(told, markup=False, soft_wrap=True)
    elif journal.done:
        answered = together(journal.done.values()).answered
        told = f"Going on: {answered:,} purchases were done before, says {wanted.journal}."
        console.print(told, markup=False, soft_wrap=True)


class _Run:
    """The callers at work."""

    def __init__(
        self,
        api: httpx.Client,
        purchases: Purchases,
        wanted: Wanted,
        journal: Journal,
        streams: Sequence[Sequence[Batch]],
        pause: Callable[[float], object] | None,
    ) -> None:
        self._ending = threading.Event()
        self._sender = Sender(api, purchases, wanted.naming, pause or self._ending.wait, self._ending)
        self._journal = journal
        self._callers = wanted.callers
        self._noting = threading.Lock()
        self._partly: list[Outcome] = []
        self.earlier = together(journal.done.values())
        left: list[list[Batch]] = [[] for _ in streams]
        for batch in (batch for stream in streams for batch in stream):
            if (batch.stream, batch.number) in journal.done:
                self._sender.enrolled.update(map(self._sender.who, batch.purchases))
            else:
                left[batch.stream].append(batch)
        self._turns = Turns(purchases, left)

    def whole(self) -> Outcome:
        """What became of all purchases so far, in this run and before."""
        with self._noting:
            return together([*self._journal.done.values(), *self._partly])

    def through(self, bar: Progress, total: int) -> str | None:
        """Send all that is left; why it ended early, if it did."""
        task = bar.add_task("Importing", total=total, completed=self.earlier.answered)
        with ThreadPoolExecutor(self._callers) as pool:
            try:
                callers = [pool.submit(self._call, bar, task) for _ in range(self._callers)]
                wait(callers, return_when=FIRST_EXCEPTION)
                return explained(callers)
            except KeyboardInterrupt:
                return "Interrupted."
            finally:
                self._end()

    def _end(self) -> None:
        self._ending.set()
        self._turns.end()

    def _call(self, bar: Progress, task: TaskID) -> None:
        try:
            while batch := self._turns.next():
                self._note(batch, self._sender.send(batch), bar, task)
                self._turns.done(batch)
        except BaseException:
            self._end()
            raise

    def _note(self, batch: Batch, outcome: Outcome, bar: Progress, task: TaskID) -> None:
        with self._noting:
            if outcome.answered == len(batch.purchases):
                self._journal.note(batch, outcome)
            else:
                self._partly.append(outcome)
        bar.advance(task, outcome.answered)


def explained(callers: Sequence[Future[None]]) -> str | None:
    """Why a caller ended early. Raises what no caller can explain."""
    wait(callers)
    for caller in callers:
        error = caller.exception()
        if isinstance(error, ExplainedError):
            return str(error)
        if error:
            raise error
    return None
