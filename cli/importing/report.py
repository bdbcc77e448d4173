"""What an import tells at its end: a table, and what to do next."""

from collections import Counter
from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from cli.importing.running import Report


def show(report: Report, console: Console) -> None:
    """The table and the next steps."""
    table = Table(show_header=False, box=None)
    table.add_column()
    table.add_column(justify="right")
    for name, value in _rows(report):
        table.add_row(name, value)
    console.print(table)
    for sentence in next_steps(report):
        console.print(f"• {sentence}", markup=False, soft_wrap=True)


def _rows(report: Report) -> Iterator[tuple[str, str]]:
    whole = report.whole
    yield "purchases", f"{report.chosen:,}"
    yield "booked", f"{whole.booked:,}"
    yield "  of them repeats, booked before", f"{whole.repeats:,}"
    for code, count in sorted(Counter(refusal.code for refusal in whole.refused).items()):
        yield f"refused: {code}", f"{count:,}"
    if report.bad:
        yield "rows that cannot be read", f"{len(report.bad):,}"
    yield "open, not surely booked", f"{report.open:,}"
    if report.wanted.naming.enrol:
        yield "members enrolled", f"{whole.enrolled:,}"
    yield "points earned", f"{whole.points:,}"
    answered = whole.answered - report.earlier.answered
    yield "purchases a second", f"{answered / report.seconds:,.0f}" if answered and report.seconds else "–"


def next_steps(report: Report) -> Iterator[str]:
    """What to do now, most pressing first."""
    codes = {refusal.code for refusal in report.whole.refused}
    if report.open:
        yield "Run the same command again: it goes on with what is open."
    if report.whole.refused or report.bad:
        yield f"Line numbers and reasons are in {report.wanted.errors}."
    if "member_not_found" in codes and not report.wanted.naming.enrol:
        yield "Members of the file are unknown to the programme: --enrol enrols them."
    if "operation_id_reused" in codes:
        yield "operation_id_reused: this receipt is booked already, with another content; nothing was booked twice."
    if codes - {"operation_id_reused"} or report.bad:
        yield "Correct that and run it again: what is booked stays booked once."
    if report.all_booked:
        yield "`loyalty prove` recomputes every balance from its entries."
