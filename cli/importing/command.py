"""`loyalty import …`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from cli.shell import console, deployed, fail, failures_explained

app = typer.Typer(no_args_is_help=True, help="Bring what a business has from before into the programme.")


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


@app.command()
def members(
    file: Annotated[Path, typer.Argument(help="A .csv or .ndjson file with a member in each row.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, list every mistake, send nothing.")] = (
        False
    ),
    wording: Annotated[str | None, typer.Option(help="Which version of your text the consents were given to.")] = None,
    control: Annotated[
        Path | None, typer.Option(help="JSON with the totals of the other system, to compare with.")
    ] = None,
    reconcile: Annotated[
        bool, typer.Option("--reconcile", help="Send nothing: only compare what was imported with the file.")
    ] = False,
    callers: Annotated[int, typer.Option(min=1, max=64, help="How many members at a time.")] = 8,
    welcome: Annotated[
        bool, typer.Option("--welcome", help="Give them what new members get: gifts for joining, and a mail.")
    ] = False,
) -> None:
    """Bring in members of another system with their points and tiers. It ends well only if nothing differs."""
    from cli.importing.members.report import show
    from cli.importing.members.running import Wanted, imported

    if dry_run and reconcile:
        raise typer.BadParameter("Say either --dry-run or --reconcile.")
    with failures_explained():
        connection = deployed()
        programme, source = f"{connection.client_id} at {connection.api_url}", connection.client_id
        wanted = Wanted(file, programme, source, wording, control, dry_run, reconcile, callers, welcome)
        report = imported(connection.api, wanted, console)
        show(report, console)
        if report.stopped:
            fail(report.stopped)
        if not report.good:
            fail("The file has mistakes." if report.mistakes else "Not all is as it should be.")
        console.print("[green]✓[/green] " + ("The file is good." if dry_run else "All is there, to the point."))
