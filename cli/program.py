"""`loyalty program …`: check, try, publish, compare and activate programme files."""

import itertools
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from cli import programs
from cli.errors import ExplainedError
from cli.shell import console, deployed, fail, failures_explained
from cli.trying import Tried, read_table, tried
from functions.program.model import Program

app = typer.Typer(no_args_is_help=True, help="Check, try, publish, compare and activate programme files.")

File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A programme file.")]
Which = Annotated[str, typer.Argument(help="A programme file, or the number of a published version.")]


@app.command()
def check(file: File) -> None:
    """Say what is wrong with a file, what may not be meant so, and the most a purchase can cost."""
    with failures_explained():
        report = programs.checked(file)
        for told in report.told:
            console.print("[red]✗[/red] " if told.finding.serious else "[yellow]![/yellow] ", end="")
            console.print(f"line {told.line}: {told.finding.message}", markup=False, soft_wrap=True)
        for sentence in report.cost.sentences():
            console.print(sentence, markup=False, soft_wrap=True)
        if report.serious:
            fail(f"{file.name} can be published, but does not do what it says.")
        console.print(f"[green]✓[/green] {file.name} can be published.")


@app.command("try")
def try_out(
    file: File,
    table: Annotated[
        Path | None, typer.Argument(help="Stories; those of the same name in stories/ if left out.")
    ] = None,
) -> None:
    """Play the stories of a table and compare what members get with what is expected."""
    with failures_explained():
        stories = table or file.parent / "stories" / file.name
        if not stories.is_file():
            raise ExplainedError(f"There is no table of stories {stories}: name one, or write it.")
        program = programs.read(file)
        played = list(tried(program, read_table(stories)))
        _show_stories(played)
        wrong = sum(1 for one in played if one.wrong)
        if wrong:
            fail(f"{wrong} of {len(played)} steps went otherwise than expected.")
        console.print(f"[green]✓[/green] {len(played)} steps, all as expected.")


def _show_stories(played: list[Tried]) -> None:
    for story, steps in itertools.groupby(played, key=lambda one: one.story):
        shown = Table(
            title=story, title_justify="left", title_style="bold", box=None, show_header=False, pad_edge=False
        )
        for one in steps:
            points = "" if one.posting is None else f"{one.posting.points:+,}"
            mark = "[red]✗[/red]" if one.wrong else "[green]✓[/green]"
            wrong = [f"{name}: {found!r} instead of {wanted!r}" for name, (wanted, found) in one.wrong.items()]
            told = "\n".join([*([one.step.because] if one.step.because else []), *wrong])
            shown.add_row(f"{one.number:>3}", one.step.at, f"{points:>8}", mark, Text(told))
        console.print(shown)


@app.command()
def preview(
    file: File,
    html: Annotated[Path | None, typer.Option(help="Where to write the page with all of them.")] = None,
) -> None:
    """Show every message as members will read it, in every language, with examples for what is not known yet."""
    from cli import previewing

    with failures_explained():
        found = list(previewing.previewed(programs.read(file)))
        previewing.show(found, console)
        page = html or Path(f"{file.stem}-messages.html")
        previewing.write_gallery(found, page)
        console.print(f"[green]✓[/green] Look at them in a browser: {page}", soft_wrap=True)


@app.command()
def publish(
    file: File,
    activate_it: Annotated[bool, typer.Option("--activate", help="Let it judge everyone from now on.")] = False,
) -> None:
    """Publish a file as the next version; it judges nobody until it is activated."""
    with failures_explained():
        connection = deployed()
        version = programs.publish(connection, file)
        console.print(f"[green]✓[/green] {file.name} is version {version}.")
        if activate_it:
            _say_activated(programs.activate(connection, version))


@app.command()
def versions() -> None:
    """List what was published, and which version judges whom and when."""
    with failures_explained():
        page = programs.versions(deployed())
        shown = Table("version", "published", "judges", box=None, header_style="bold", pad_edge=False)
        for one in page["items"]:
            rollouts = [rollout for rollout in page["rollouts"] if rollout["version"] == one["version"]]
            told = ", ".join(f"{rollout['percent']} % from {rollout['starts_at']}" for rollout in rollouts[:3])
            shown.add_row(str(one["version"]), one["published_at"], told or "nobody")
        console.print(shown)


@app.command()
def diff(old: Which, new: Which) -> None:
    """Say in words what changes for members from one file or version to another."""
    from functions.program.differences.programs import differences

    with failures_explained():
        sentences = differences(_program(old), _program(new))
        for sentence in sentences:
            console.print(f"• {sentence}", markup=False, soft_wrap=True)
        if not sentences:
            console.print("Nothing changes for members.")


def _program(which: str) -> Program:
    if which.isdigit() and not Path(which).exists():
        return programs.read_text(programs.text_of(deployed(), int(which)), f"version {which}")
    if not Path(which).is_file():
        raise ExplainedError(f"{which} is neither a file nor the number of a version.")
    return programs.read(Path(which))


@app.command()
def activate(
    version: Annotated[int, typer.Argument(min=1, help="Its number.")],
    start: Annotated[
        str | None, typer.Option("--from", help="Such as 2026-12-01T06:00:00+01:00; now if left out.")
    ] = None,
    percent: Annotated[int, typer.Option(min=1, max=100, help="Of the members; always the same ones.")] = 100,
) -> None:
    """Let a version judge, all members or some, from now or from a day on. An earlier version is back at once."""
    with failures_explained():
        starts_at = _instant(start)
        _say_activated(programs.activate(deployed(), version, starts_at, percent))


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise ExplainedError(f"{text} is not a time such as 2026-12-01T06:00:00+01:00.") from None
    if instant.tzinfo is None:
        raise ExplainedError(
            f"{text} needs its offset, such as {text}+01:00: else nobody knows which six o'clock it is."
        )
    return instant.astimezone(UTC)


def _say_activated(answer: programs.Json) -> None:
    console.print(
        f"[green]✓[/green] Version {answer['version']} judges {answer['percent']} % of the members "
        f"from {answer['starts_at']}."
    )


@app.command()
def schema() -> None:
    """Print the JSON Schema of programme files, for editors that complete and check while you type."""
    typer.echo(programs.schema_text(), nl=False)
