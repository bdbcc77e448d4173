"""What every command of the command line shares: where it prints, which stack it reaches, how it fails."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer
from rich.console import Console

from cli.connection import Connection
from cli.errors import ExplainedError
from cli.local_stack import ROOT

STATE_DIR = ROOT / ".local"
console = Console(highlight=False)


def deployed() -> Connection:
    """The stack that runs on this machine. Raises ExplainedError."""
    return Connection.read(STATE_DIR / "stack.json")


@contextmanager
def failures_explained() -> Iterator[None]:
    """What a command explains ends it with that sentence; anything else is a mistake of ours, and shows its trace."""
    try:
        yield
    except ExplainedError as error:
        fail(str(error))
    except KeyboardInterrupt:
        fail("Interrupted.")


def fail(message: str) -> NoReturn:
    """End the command with a message."""
    console.print("[red]✗[/red] ", end="")
    console.print(message, markup=False, soft_wrap=True)
    raise typer.Exit(code=1)
