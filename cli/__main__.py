"""`python -m cli` is the `loyalty` command."""

import sys

from cli import compiled


def main() -> None:
    if sys.argv[1:2] == ["backtest"]:
        compiled.use()
    from cli.app import app

    app(prog_name="loyalty")


if __name__ == "__main__":
    main()
