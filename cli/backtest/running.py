"""One backtest from its files to its report."""

import time
from fractions import Fraction
from pathlib import Path

from rich.console import Console

from cli import compiled
from cli.backtest.figures import difference, figures, most_changed, oddest
from cli.backtest.page import page_of
from cli.backtest.replaying import processors, replayed
from cli.backtest.report import Report, write_ndjson
from cli.backtest.words import minor_units, money
from cli.purchases.columns import Purchases
from cli.purchases.reading import read_purchases
from cli.purchases.receipts import ReadingError
from cli.showing import progress
from functions.program.document import read
from functions.program.model import Program
from functions.runtime.errors import InvalidError

_MANY = 50_000
"""Purchases from which on somebody waits long enough to want it shorter."""


def backtested(console: Console, files: list[Path], source: str, redeemed: float, jobs: int | None) -> Report:
    """Read everything, then replay it. Raises ReadingError before anything is done."""
    programs = [_program(file) for file in files]
    if len({program.currency for program in programs}) > 1:
        raise ReadingError(f"The programmes count in {' and in '.join(program.currency for program in programs)}.")
    started = time.monotonic()
    with console.status("Reading the purchases"):
        purchases = read_purchases(source, programs[0])
    console.print(f"{len(purchases):,} purchases read in {time.monotonic() - started:.1f} s")
    if len(purchases) > _MANY and not compiled.in_use():
        console.print("`make fast` compiles the rules: then this takes a third less time.", style="dim")
    started = time.monotonic()
    report = _report(console, purchases, programs, Path(source).name, Fraction(str(redeemed)) / 100, jobs)
    how = ", with compiled rules" if compiled.in_use() else ""
    console.print(f"Replayed in {time.monotonic() - started:.1f} s{how}")
    return report


def _report(
    console: Console, purchases: Purchases, programs: list[Program], source: str, redeemed: Fraction, jobs: int | None
) -> Report:
    with progress(console) as bar:
        task = bar.add_task("Replaying", total=len(purchases))
        records = replayed(purchases, programs, jobs or processors(), lambda n: bar.advance(task, n))
    last = purchases.last_instant()
    found = [
        figures(of_one, program, last.astimezone(program.zone).date(), redeemed)
        for of_one, program in zip(records, programs, strict=True)
    ]
    if len(programs) == 1:
        return Report(source, found, records, None, oddest(records[0], minor_units(programs[0].currency)))
    changes = difference(records[1], records[0], found[1], found[0])
    odd = most_changed(changes.changes, lambda minor: money(minor, programs[0].currency))
    return Report(source, found, records, changes, odd)


def _program(path: Path) -> Program:
    try:
        return read(path.read_text(encoding="utf-8"))
    except InvalidError as error:
        mistakes = "\n  ".join(one.detail for one in error.errors)
        raise ReadingError(f"{path.name} has mistakes:\n  {mistakes}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ReadingError(f"{path} could not be read: {error}") from None


def write(report: Report, html: Path | None, ndjson: Path | None) -> None:
    """The report as files. Raises ReadingError where one cannot be written."""
    try:
        if html:
            html.write_text(page_of(report), encoding="utf-8")
        if ndjson:
            write_ndjson(report, ndjson)
    except OSError as error:
        raise ReadingError(f"{error.filename} could not be written: {error.strerror}") from None
