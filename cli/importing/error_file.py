"""`FILE.errors.ndjson`: what was refused or could not be read, one line of JSON for each, in the order of the file."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cli.errors import ExplainedError
from cli.importing.outcome import Mistake, Refusal


@contextmanager
def kept(path: Path, refusals: Callable[[], Sequence[Refusal | Mistake]]) -> Iterator[None]:
    """The file is right before and after, however that ends: it is made anew from all that is known."""
    write(path, refusals())
    try:
        yield
    finally:
        write(path, refusals())


def write(path: Path, refusals: Sequence[Refusal | Mistake]) -> None:
    """The whole file anew; no file where there is nothing to tell. Raises ExplainedError."""
    if not refusals:
        path.unlink(missing_ok=True)
        return
    ordered = sorted(refusals, key=lambda one: (one.line or 0, one[1] or ""))
    draft = path.with_name(path.name + ".new")
    try:
        draft.write_text("".join(json.dumps(one._asdict(), ensure_ascii=False) + "\n" for one in ordered), "utf-8")
        draft.replace(path)
    except OSError as error:
        raise ExplainedError(f"{path} could not be written: {error.strerror}.") from None
