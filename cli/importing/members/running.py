"""One import of members, from its file to its reconciliation."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx
from rich.console import Console

from cli.errors import ExplainedError
from cli.importing import error_file
from cli.importing.journal import KeptLines
from cli.importing.members.checking import Arrival, Checked, Into, checked
from cli.importing.members.reading import Found, Raw, read
from cli.importing.members.reconciling import Held, Reconciled, held, reconciled
from cli.importing.members.sending import Arrived, Caller, OpenError, RefusedError, bring
from cli.importing.members.totals import Line, Totals, compared
from cli.importing.outcome import Mistake
from cli.importing.programme import in_force
from cli.importing.running import explained
from cli.purchases.reading import digest
from cli.showing import progress
from functions.program.model import ENROLLED, PROFILE_COMPLETED, Program

Piece = TypeVar("Piece")
_NO_WORDING = "-"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be imported and how. `programme` tells one deployed programme from another; `source`: the client that
    sends, to whom external ids belong."""

    file: Path
    programme: str
    source: str
    wording: str | None = None
    control: Path | None = None
    dry_run: bool = False
    reconcile: bool = False
    callers: int = 8
    welcome: bool = False

    @property
    def journal(self) -> Path:
        return Path(f"{self.file}.progress")

    @property
    def errors(self) -> Path:
        return Path(f"{self.file}.errors.ndjson")


@dataclass(slots=True)
class Report:
    """What became of an import. `against`: the file and its control, where they differ. `stopped`: why it ended early.

    `brought`: how many members are there with everything, `repeats` of them had been enrolled by an earlier run.
    """

    wanted: Wanted
    totals: Totals
    members: int
    mistakes: Sequence[Mistake] = ()
    against: Sequence[Line] = ()
    refused: Sequence[Mistake] = ()
    brought: int = 0
    earlier: int = 0
    repeats: int = 0
    seconds: float = 0.0
    stopped: str | None = None
    reconciled: Reconciled | None = None

    @property
    def open(self) -> int:
        return self.members - self.brought - len(self.refused)

    @property
    def sent(self) -> bool:
        return not (self.mistakes or self.against or self.wanted.dry_run or self.wanted.reconcile)

    @property
    def good(self) -> bool:
        """What was asked for is so."""
        if self.mistakes or self.against or self.stopped:
            return False
        if self.wanted.dry_run:
            return True
        there = self.wanted.reconcile or self.brought == self.members
        return there and self.reconciled is not None and self.reconciled.to_zero


class MembersJournal(KeptLines):
    """Which rows are surely done: the member by line of the file."""

    def __init__(self, path: Path, descriptor: int) -> None:
        super().__init__(path, descriptor)
        self.done: dict[int, Arrived] = {}

    def note(self, line: int, arrived: Arrived) -> None:
        """All of a row is there. Raises JournalError."""
        self._write({"line": line, "member": arrived.member_id, "repeated": arrived.repeated})
        self.done[line] = arrived

    def _known(self, line: dict[str, Any]) -> None:
        self.done[line["line"]] = Arrived(line["member"], line["repeated"])


def imported(
    api: httpx.Client, wanted: Wanted, console: Console, pause: Callable[[float], object] | None = None
) -> Report:
    """Check, send what is still to be sent, and compare. Raises ExplainedError where nothing can be done at all.

    `pause` instead of waiting: a test has no time.
    """
    program = in_force(api)
    with console.status("Reading the members"):
        found = read(wanted.file)
        result = _checked(found, wanted, program)
    totals = Totals.of(result.arrivals)
    report = Report(wanted, totals, len(result.arrivals), mistakes=result.mistakes)
    error_file.write(wanted.errors, result.mistakes)
    if result.mistakes:
        return report
    expected = totals.controlled(wanted.control)
    if not wanted.reconcile:
        report.against = [line for line in compared(totals, expected) if line.difference]
    if wanted.welcome and not wanted.reconcile and (gifts := given_by_itself(program)):
        told = f"The programme gives to everybody who joins, to these members too: {', '.join(gifts)}."
        console.print(told, markup=False, soft_wrap=True)
    if report.against or wanted.dry_run:
        return report
    _Run(api, wanted, console, pause, program, report).through(result.arrivals, expected)
    return report


def _checked(found: Sequence[Found], wanted: Wanted, program: Program) -> Checked:
    """Raises ExplainedError where consents have no wording."""
    now = datetime.now(UTC)
    if wanted.reconcile:  # what was brought before is not judged by today's programme
        return checked(found, Into(wanted.source, now, wanted.wording or _NO_WORDING, welcome=wanted.welcome))
    if not wanted.wording and any(isinstance(one, Raw) and one.consents for one in found):
        raise ExplainedError("There are consents: --wording says which version of your text these members agreed to.")
    return checked(found, Into(wanted.source, now, wanted.wording, program, wanted.welcome))


def given_by_itself(program: Program) -> list[str]:
    """What every member gets who is welcomed."""
    by_itself = (ENROLLED, PROFILE_COMPLETED)
    return [rule.id for rule in program.earning if set(rule.on) & set(by_itself)]


@dataclass
class _Run:
    """The threads at work."""

    api: httpx.Client
    wanted: Wanted
    console: Console
    pause: Callable[[float], object] | None
    program: Program
    report: Report
    _ending: threading.Event = field(default_factory=threading.Event)
    _noting: threading.Lock = field(default_factory=threading.Lock)

    def through(self, arrivals: Sequence[Arrival], expected: Totals) -> None:
        self._caller = Caller(self.api, self.pause or self._ending.wait, self._ending)
        report, wanted, ids = self.report, self.wanted, dict[int, str]()
        if not wanted.reconcile:
            ids = self._sent(arrivals)
        if not report.stopped:
            report.reconciled = self._reconciled(arrivals, ids, expected)
        differing = report.reconciled.differing if report.reconciled else ()
        error_file.write(wanted.errors, [*report.refused, *differing])

    def _sent(self, arrivals: Sequence[Arrival]) -> dict[int, str]:
        """The members by line, of all that are there."""
        report, wanted = self.report, self.wanted
        belongs = {"what": "members", "file": digest(str(wanted.file)), "programme": wanted.programme}
        journal = MembersJournal.open(wanted.journal, {**belongs, "wording": wanted.wording, "welcome": wanted.welcome})
        try:
            self._say_where(journal)
            refused, started = list[Mistake](), time.monotonic()

            def one(arrival: Arrival) -> None:
                outcome = bring(self._caller, arrival)
                with self._noting:
                    if isinstance(outcome, Arrived):
                        journal.note(arrival.line, outcome)
                    elif outcome:
                        refused.append(outcome)

            report.earlier = len(journal.done)
            left = [arrival for arrival in arrivals if arrival.line not in journal.done]
            try:
                report.stopped = self._each("Importing", left, one, report.earlier)
            finally:
                error_file.write(wanted.errors, refused)
            report.seconds = time.monotonic() - started
            report.refused = refused
            report.brought = len(journal.done)
            report.repeats = sum(arrived.repeated for arrived in journal.done.values())
            return {line: arrived.member_id for line, arrived in journal.done.items()}
        finally:
            journal.close(finished=report.brought == len(arrivals))

    def _say_where(self, journal: MembersJournal) -> None:
        if journal.differs:
            told = f"{journal.path} is of another import: starting anew. What is there stays there once."
            self.console.print(told, markup=False, soft_wrap=True)
        elif journal.done:
            told = f"Going on: {len(journal.done):,} members were brought in before, says {journal.path}."
            self.console.print(told, markup=False, soft_wrap=True)

    def _reconciled(self, arrivals: Sequence[Arrival], ids: dict[int, str], expected: Totals) -> Reconciled | None:
        """None where it could not be brought to its end."""
        has, unsure = dict[int, Held | None](), list[str]()

        def one(arrival: Arrival) -> None:
            try:
                has[arrival.line] = held(self._caller, arrival, ids.get(arrival.line))
            except OpenError:
                unsure.append("some balances could not be fetched")
            except RefusedError as refused:
                unsure.append(refused.detail)

        self.report.stopped = self._each("Comparing", arrivals, one)
        if unsure and not self.report.stopped:
            self.report.stopped = f"The balances were not compared: {unsure[0]}. --reconcile does it later."
        if self.report.stopped:
            return None
        pairs = [(arrival, has[arrival.line]) for arrival in arrivals]
        return reconciled(pairs, expected, self.program.base_tier(), datetime.now(UTC).date())

    def _each(self, title: str, pieces: Sequence[Piece], work: Callable[[Piece], None], before: int = 0) -> str | None:
        """Do the work on every piece, several at a time; why it ended early, if it did."""
        waiting = _Shared(pieces)
        with progress(self.console) as bar, ThreadPoolExecutor(self.wanted.callers) as pool:
            task = bar.add_task(title, total=before + len(pieces), completed=before)

            def call() -> None:
                try:
                    for piece in waiting:
                        if self._ending.is_set():
                            return
                        work(piece)
                        bar.advance(task)
                except BaseException:
                    self._ending.set()
                    raise

            try:
                callers = [pool.submit(call) for _ in range(self.wanted.callers)]
                wait(callers, return_when=FIRST_EXCEPTION)
                return explained(callers)
            except KeyboardInterrupt:
                self._ending.set()
                return "Interrupted."


class _Shared(Iterator[Piece]):
    """Pieces for several threads, each to one of them."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self._pieces = iter(pieces)
        self._lock = threading.Lock()

    def __next__(self) -> Piece:
        with self._lock:
            return next(self._pieces)
