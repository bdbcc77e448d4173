"""`loyalty import …`."""

from typing import Annotated, Literal

import typer

from cli.shell import console, deployed, fail, failures_explained

app = typer.Typer(no_args_is_help=True, help="Bring what a business has from before into the programme.")


@app.callback()
def importing() -> None:
    """Makes commands of the functions below even while there is only one."""


@app.command()
def purchases(
    file: Annotated[
        str, typer.Argument(help="A .csv, .ndjson or .parquet file of past purchases, or the word completejourney.")
    ],
    first: Annotated[int | None, typer.Option(min=1, help="Only so many, the oldest.")] = None,
    enrol: Annotated[bool, typer.Option("--enrol", help="Enrol members that the programme does not know.")] = False,
    known_by: Annotated[
        Literal["external_id", "card", "email", "phone", "id"],
        typer.Option(help="What the member column holds; NDJSON tells it by itself."),
    ] = "external_id",
    callers: Annotated[int, typer.Option(min=1, max=64, help="How many requests at a time.")] = 8,
    skip_bad_rows: Annotated[
        bool, typer.Option("--skip-bad-rows", help="Send the rest where rows cannot be read.")
    ] = False,
) -> None:
    """Send past purchases to the programme. Each is booked once, however often this runs; it goes on where it ended."""
    from cli.importing.report import show
    from cli.importing.running import Wanted, imported
    from cli.importing.sending import Naming

    with failures_explained():
        connection = deployed()
        programme = f"{connection.client_id} at {connection.api_url}"
        wanted = Wanted(file, programme, first, Naming(known_by, enrol), callers, skip_bad_rows)
        report = imported(connection.api, wanted, console)
        show(report, console)
        if report.stopped:
            fail(report.stopped)
        if not report.all_booked:
            fail("Not all is booked.")
        console.print("[green]✓[/green] All is booked.")
