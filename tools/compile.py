"""Compiles the rules to machine code for `loyalty backtest` (`make fast`): the very sources, by mypyc.

The result lies in .local/compiled, beside a note of the sources it was made of: `cli/compiled.py` uses it as long as
they are the same. Functions on AWS never run it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from cli import compiled

ROOT = Path(__file__).resolve().parent.parent

MODULES = [
    "cli/backtest/replaying.py",
    "cli/purchases/columns.py",
    "functions/accrual/counting.py",
    "functions/accrual/deciding.py",
    "functions/accrual/earning.py",
    "functions/accrual/given.py",
    "functions/accrual/limits.py",
    "functions/accrual/rulebook.py",
    "functions/accrual/stacking.py",
    "functions/ledger/account.py",
    "functions/ledger/booking.py",
    "functions/ledger/lots.py",
    "functions/ledger/movements.py",
    "functions/ledger/rewards.py",
    "functions/lifecycle/passing.py",
    "functions/program/budgets.py",
    "functions/program/conditions.py",
    "functions/program/due.py",
    "functions/program/expiry.py",
    "functions/program/model.py",
    "functions/program/occasions.py",
    "functions/program/periods.py",
    "functions/program/sharing.py",
    "functions/program/tiers.py",
]
"""What a replay runs for every purchase."""


def main() -> int:
    console, sources = Console(highlight=False, stderr=True), compiled.made_of()
    with tempfile.TemporaryDirectory() as folder, console.status(f"Compiling {len(MODULES)} modules, about a minute"):
        built = Path(folder) / "built"
        command = [sys.executable, __file__, str(built), folder]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            console.print((done.stdout + done.stderr).strip()[-2000:], markup=False)
            console.print(
                "\nNothing was compiled, and backtests work as before. It takes a C compiler and Python's headers."
            )
            return 1
        compiled.keep(built, sources)
    console.print("Compiled. `loyalty backtest` uses it until a source changes.")
    return 0


def build(into: str, folder: str) -> None:
    """In a process of its own: setuptools takes over the command line and the working folder."""
    from mypyc.build import mypycify
    from setuptools import setup  # type: ignore[import-untyped]

    checked = ["--follow-imports=silent", *MODULES]
    extensions = mypycify(checked, opt_level="1", debug_level="0", target_dir=f"{folder}/c")
    setup(
        name="fidelio-compiled",
        packages=[],
        ext_modules=extensions,
        script_args=["--quiet", "build_ext", "--build-lib", into, "--build-temp", f"{folder}/objects"],
    )


if __name__ == "__main__":
    if len(sys.argv) == 3:
        build(*sys.argv[1:])
    else:
        sys.exit(main())
