"""`python -m cli` is the `loyalty` command."""

from cli.app import app

app(prog_name="loyalty")
