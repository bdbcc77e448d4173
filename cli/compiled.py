"""The rules compiled to machine code, for long backtests: `make fast` makes them (tools/compile.py).

They are used only where they were made of the sources as they are now. Standard library only: this comes before all
other imports.
"""

import hashlib
import importlib
import os
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = Path(os.environ.get("FIDELIO_COMPILED") or ROOT / ".local" / "compiled")
"""Where they lie. FIDELIO_COMPILED names another folder; one that is not there is a way to do without."""
_NOTE = "made-of"
_SOURCES = ("functions", "cli/backtest", "cli/purchases")


def use() -> bool:
    """Let imports find the compiled modules before their sources. Whether there are any that fit."""
    note = FOLDER / _NOTE
    if not note.is_file() or note.read_text(encoding="utf-8") != made_of():
        return False
    sys.path.append(str(FOLDER))
    for folder in sorted({path.parent for path in FOLDER.glob("*/**/*.so")}):
        package = importlib.import_module(".".join(folder.relative_to(FOLDER).parts))
        package.__path__.insert(0, str(folder))
    return True


def in_use() -> bool:
    """Whether imports look there."""
    return str(FOLDER) in sys.path


def keep(built: Path, sources: str) -> None:
    """What was compiled from sources that `made_of` described before, for `use` to find."""
    (built / _NOTE).write_text(sources, encoding="utf-8")
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(built, FOLDER)


def made_of() -> str:
    """The interpreter and every source that compiled modules are or import, in a few letters."""
    digest = hashlib.sha256(sys.version.encode())
    for folder in _SOURCES:
        for path in sorted((ROOT / folder).rglob("*.py")):
            digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
