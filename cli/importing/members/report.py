"""What an import of members tells at its end: mistakes, what came in, the reconciliation, and what to do next."""

from collections import Counter
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table

from cli.importing.members.reconciling import Reconciled
from cli.importing.members.running import Report
from cli.importing.members.totals import Line
from cli.importing.outcome import Mistake

MOST_SHOWN = 100


def show(report: Report, console: Console) -> None:
    """The tables and the next steps."""
    if report.mistakes:
        _show_mistakes(report.mistakes, console)
    if report.against:
        _show_lines("The file and its control do not agree", "file", "control", report.against, console)
    if not report.mistakes:
        _show_counts(report, console)
    if report.refused:
        _show_mistakes(report.refused, console)
    if report.reconciled:
        _show_reconciled(report.reconciled, console)
    for sentence in next_steps(report):
        console.print(f"• {sentence}", markup=False, soft_wrap=True)


def _show_mistakes(mistakes: Sequence[Mistake], console: Console) -> None:
    """The first of them one by one, and how many there are of each kind."""
    table = Table("line", "field", "why", box=None, show_edge=False)
    for one in sorted(mistakes, key=lambda one: (one.line, one.field))[:MOST_SHOWN]:
        table.add_row(f"{one.line}", _plain(one.field or "–"), _plain(one.detail))
    console.print(table)
    if len(mistakes) > MOST_SHOWN:
        console.print(f"… and {len(mistakes) - MOST_SHOWN:,} more. Of each kind there are:")
        for (column, code), count in sorted(Counter((one.field, one.code) for one in mistakes).items()):
            console.print(f"  {count:>9,}  {column} {code}", markup=False)


def _plain(text: str) -> str:
    return text.replace("[", r"\[")


def _show_counts(report: Report, console: Console) -> None:
    table = Table(show_header=False, box=None)
    table.add_column()
    table.add_column(justify="right")
    for name, value in _counts(report):
        table.add_row(name, value)
    console.print(table)


def _counts(report: Report) -> Iterator[tuple[str, str]]:
    yield "members of the file", f"{report.members:,}"
    yield "points of the file", f"{report.totals.points:,}"
    if not report.sent:
        return
    yield "brought in", f"{report.brought:,}"
    yield "  of them enrolled by an earlier run", f"{report.repeats:,}"
    yield "refused", f"{len(report.refused):,}"
    yield "open, not surely brought in", f"{report.open:,}"
    done = report.brought + len(report.refused) - report.earlier
    yield "members a second", f"{done / report.seconds:,.0f}" if done and report.seconds else "–"


def _show_lines(title: str, one: str, other: str, lines: Sequence[Line], console: Console) -> None:
    console.print(title)
    table = Table(box=None)
    table.add_column("")
    for name in (one, other, "difference"):
        table.add_column(name, justify="right")
    for line in lines:
        difference = f"{line.difference:+,}" if line.difference else "0"
        table.add_row(line.what, f"{line.imported:,}", f"{line.expected:,}", difference)
    console.print(table)


def _show_reconciled(result: Reconciled, console: Console) -> None:
    _show_lines("Reconciliation", "imported", "expected", result.lines, console)
    if result.moved_on:
        told = (
            f"{result.moved_on:,} accounts hold more than the import: of these the import's own entries are compared."
        )
        console.print(told, soft_wrap=True)
    if result.over:
        console.print(f"Left out, for these lots have ended since: {', '.join(sorted(result.over))}.", soft_wrap=True)
    if not result.differing:
        return
    table = Table("line", "member", "field", "what differs", box=None)
    for one in result.differing[:MOST_SHOWN]:
        table.add_row(f"{one.line}", _plain(one.key or ""), one.field, _plain(one.detail))
    console.print(table)
    if len(result.differing) > MOST_SHOWN:
        console.print(f"… and {len(result.differing) - MOST_SHOWN:,} more.")


def next_steps(report: Report) -> Iterator[str]:
    """What to do now, most pressing first."""
    wanted = report.wanted
    if report.mistakes:
        yield f"Nothing was sent. All {len(report.mistakes):,} mistakes are in {wanted.errors}: correct the file."
    elif report.against:
        yield "Nothing was sent. Find out which of the two is right."
    elif wanted.dry_run:
        yield "Every row can be imported. Nothing was sent: leave out --dry-run to do it."
    if report.sent and (report.open or report.refused):
        yield "Run the same command again: it goes on with what is not there yet."
    if report.refused or (report.reconciled and report.reconciled.differing):
        yield f"Line numbers and reasons are in {wanted.errors}."
    if any(one.code == "operation_id_reused" for one in report.refused):
        yield "operation_id_reused: this row was imported before with another content; nothing was booked twice."
    if report.good and not wanted.dry_run:
        yield "`loyalty prove` recomputes every balance from its entries."
