"""`loyalty backtest`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cli.errors import ExplainedError


def backtest(
    file: Annotated[Path, typer.Argument(help="The programme.")],
    purchases: Annotated[
        str, typer.Option(help="A .csv, .ndjson or .parquet file of past purchases, or the word completejourney.")
    ],
    against: Annotated[Path | None, typer.Option(help="Another programme, to see the difference.")] = None,
    redeemed: Annotated[float, typer.Option(min=0, max=100, help="Percent of points and vouchers that are used.")] = 60,
    html: Annotated[Path | None, typer.Option(help="Write the report as a page.")] = None,
    ndjson: Annotated[Path | None, typer.Option(help="Write one line of JSON for each member.")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes; as many as can run at once.")] = None,
) -> None:
    """Replay past purchases through a programme, or through two: what it would have given, and cost."""
    from cli.backtest.report import show
    from cli.backtest.running import backtested, write

    console = Console(highlight=False)
    try:
        report = backtested(console, [file, *([against] if against else [])], purchases, redeemed, jobs)
        show(report, console)
        write(report, html, ndjson)
    except ExplainedError as error:
        console.print("[red]✗[/red] ", end="")
        console.print(str(error), markup=False, soft_wrap=True)
        raise typer.Exit(code=1) from None
    for written in (html, ndjson):
        if written:
            console.print(f"Written: {written}", markup=False, soft_wrap=True)
