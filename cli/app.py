"""The command line itself: one function for each command of `loyalty`."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Annotated, Literal, NoReturn

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from cli import program
from cli.backtest.command import backtest
from cli.connection import Connection
from cli.importing.command import app as importing
from cli.local_stack import LocalStack, LocalStackError, running_port
from cli.shell import STATE_DIR, console, deployed, fail, failures_explained

DEFAULT_PORT = 4566

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A loyalty programme you own: try it on this machine, measure it, prove it.",
)
app.add_typer(program.app, name="program")
app.add_typer(importing, name="import")
app.command()(backtest)


@app.callback()
def loyalty() -> None:
    """Makes commands of the functions below even while there is only one."""


@app.command()
def up(detach: Annotated[bool, typer.Option("--detach", help="Leave it running and return.")] = False) -> None:
    """Start AWS on this machine, deploy the programme to it and show it at work. Its data outlives it."""
    _treat_as_interrupt(signal.SIGTERM, signal.SIGHUP)
    with failures_explained():
        already = running_port(STATE_DIR)
        stack = LocalStack(STATE_DIR, already or _chosen_port(), keep=True)
        if already:
            console.print(f"Already running on port {already}: deploying what has changed.")
            _show(stack)
        else:
            _run(stack, stay=not detach)
        if already or detach:
            console.print("It keeps running: `make down` stops it and keeps its data.")


@app.command()
def down() -> None:
    """Stop what `up --detach` left running, and keep its data. Stopping what does not run is fine."""
    with failures_explained():
        if running_port(STATE_DIR) is None:
            console.print("Nothing is running.")
            return
        with _step("Stopping, keeping the data"):
            LocalStack(STATE_DIR, DEFAULT_PORT, keep=True).stop()


@app.command()
def demo(
    data: Annotated[Literal["sample", "full"], typer.Option(help="Every tenth customer, or all of them.")] = "sample",
) -> None:
    """Send the real purchases of a record shop through the programme, and prove every balance; then let time pass."""
    from cli import cdnow, in_time, programs
    from cli import demo as replayed

    with failures_explained(), _running_stack() as connection:
        file = cdnow.full_history() if data == "full" else cdnow.SAMPLE
        if not replayed.run(connection, console, file):
            fail("The ledger and the input file disagree.")
        # Last, for the clock does not go back.
        in_time.tell(connection, console)
        programs.put_in_force(connection, programs.READY)


@app.command()
def prove() -> None:
    """Recompute every balance from its entries; fails if one disagrees."""
    from cli import proving

    with failures_explained():
        connection = deployed()
        totals = proving.prove_all(connection, console)
        proving.show(totals, console)
        if totals.stocks:
            fail(f"{len(totals.stocks):,} stocks or budgets disagree with the entries.")
        if totals.drifts:
            fail(f"{len(totals.drifts):,} accounts disagree with their entries.")


@app.command()
def repair(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what each account would become.")] = False,
) -> None:
    """Rebuild the accounts that disagree with their entries."""
    from cli import proving

    with failures_explained():
        connection = deployed()
        totals = proving.prove_all(connection, console)
        if not totals.drifts:
            console.print("Every account agrees with its entries: there is nothing to repair.")
            return
        repaired = proving.repair(connection, console, totals, dry_run=dry_run)
        console.print("Nothing was changed." if dry_run else f"{repaired} of {len(totals.drifts)} accounts repaired.")


@app.command()
def messages(
    follow: Annotated[bool, typer.Option("--follow", help="Show them as they go out, until Ctrl-C.")] = False,
) -> None:
    """Show the mails and text messages that members of the local stack were sent."""
    from cli import messages as sent

    with failures_explained(), suppress(KeyboardInterrupt):
        (sent.follow if follow else sent.show)(deployed(), console)


@app.command("dead-letters")
def list_dead_letters() -> None:
    """Show what failed for good, function by function."""
    from cli import dead_letters

    with failures_explained():
        dead_letters.show(deployed(), console)


@app.command()
def redrive(function: Annotated[str, typer.Argument(help="As `loyalty dead-letters` names it.")]) -> None:
    """Send the dead letters of a function through its queue again, once their cause is repaired."""
    from cli import dead_letters

    with failures_explained():
        moved = dead_letters.redrive(deployed(), function, console)
        console.print(f"{moved} sent through again.")


@contextmanager
def _running_stack() -> Iterator[Connection]:
    """The stack of this checkout; started for the while, and stopped again, if it is not running."""
    if running_port(STATE_DIR):
        yield deployed()
        return
    stack = LocalStack(STATE_DIR, _chosen_port(), keep=True)
    with _step("Starting AWS on this machine"):
        stack.start()
    try:
        with _step("Deploying the programme"):
            stack.bootstrap()
            stack.deploy()
        yield Connection.read(stack.connection_file)
    finally:
        _ignore_interrupts()
        with _step("Stopping, keeping the data"):
            stack.stop()


def _run(stack: LocalStack, *, stay: bool) -> None:
    """Starts, shows and, to stay, waits for Ctrl-C. Whatever goes wrong after the start, the emulator is stopped."""
    with _step("Starting AWS on this machine"):
        stack.start()
    leave_running = False
    try:
        with _step("Preparing the account for the CDK"):
            stack.bootstrap()
        _show(stack)
        leave_running = not stay
        if stay:
            _wait(stack)
    finally:
        if not leave_running:
            _ignore_interrupts()
            with _step("Stopping, keeping the data"):
                stack.stop()


def _show(stack: LocalStack) -> None:
    from cli import story

    with _step("Deploying the programme"):
        stack.deploy()
    connection = Connection.read(stack.connection_file)
    story.tell(connection, console)
    console.print(f"\nAPI       {connection.api_url}/v1/health", soft_wrap=True)
    where = f"Addresses {os.path.relpath(stack.connection_file)}   Log {os.path.relpath(stack.log)}"
    console.print(where, soft_wrap=True)


def _wait(stack: LocalStack) -> None:
    console.print("Running. Ctrl-C stops it and keeps its data.")
    try:
        while stack.is_running():
            time.sleep(0.5)
    except KeyboardInterrupt:
        console.print()
        return
    console.print(f"The emulator was stopped from elsewhere, or ended by itself. Its log: {os.path.relpath(stack.log)}")


def _chosen_port() -> int:
    port = os.environ.get("FIDELIO_PORT") or str(DEFAULT_PORT)
    if not port.isdigit():
        raise LocalStackError(f"FIDELIO_PORT is {port!r}: expected a number such as {DEFAULT_PORT}.")
    return int(port)


@contextmanager
def _step(title: str) -> Iterator[None]:
    """Shows that something is going on and since when; then how long it took."""
    started = time.monotonic()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        progress.add_task(title, total=None)
        yield
    console.print(f"[green]✓[/green] {title} [dim]({time.monotonic() - started:.1f} s)[/dim]")


def _treat_as_interrupt(*signals: signal.Signals) -> None:
    def interrupt(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    for number in signals:
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup means it
            signal.signal(number, interrupt)


def _ignore_interrupts() -> None:
    # The data is being written: a second, impatient Ctrl-C would lose it.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
