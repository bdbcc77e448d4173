"""`FILE.progress`: what is surely done, so that an import that ended early goes on where it was.

The first line says what the journal belongs to: the content of the file, the options that shape what is sent, and the
programme it was sent to. Each further line is one batch, or one member, with its outcome, written after its answer
came. A line that the end of the process cut off counts as never written.
"""

import fcntl
import json
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self, TypeAlias

from cli.errors import ExplainedError
from cli.importing.outcome import Outcome
from cli.importing.streams import Batch

Belongs: TypeAlias = Mapping[str, str | int | bool | None]
_FORMAT = 1
"""Another one as soon as purchases are put into batches in another way: their numbers mean other purchases then."""


class JournalError(ExplainedError):
    """The journal cannot be kept, or another import of the same file keeps it."""


class KeptLines(ABC):
    """An open journal, locked: one import of a file at a time.

    `differs`: in what an earlier journal, now dropped, belonged elsewhere; empty where there was none.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.differs: list[str] = []
        self._file = descriptor

    @classmethod
    def open(cls, path: Path, belongs: Belongs) -> Self:
        """Raises JournalError."""
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as error:
            raise JournalError(f"{path} could not be written: {error.strerror}.") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise JournalError(f"Another import of this file is running: it keeps {path}.") from None
        journal = cls(path, descriptor)
        journal._read({"format": _FORMAT, **belongs})
        return journal

    def close(self, *, finished: bool) -> None:
        """Nothing is left to go on with once all is finished: then it is removed."""
        if finished:
            self.path.unlink(missing_ok=True)
        os.close(self._file)

    @abstractmethod
    def _known(self, line: dict[str, Any]) -> None:
        """Take in a line that is there already."""

    def _read(self, belongs: Belongs) -> None:
        """What is there already; begins anew where it belongs to something else."""
        whole = self.path.read_bytes().splitlines(keepends=True)
        head = _decoded(whole[0]) if whole else None
        if head == belongs:
            self._take(whole)
            return
        if head is not None:
            self.differs = [name for name in belongs if head.get(name) != belongs[name]]
        os.ftruncate(self._file, 0)
        self._write(belongs)

    def _take(self, whole: list[bytes]) -> None:
        good = len(whole[0])
        for text in whole[1:]:
            line = _decoded(text)
            if line is None:
                break
            self._known(line)
            good += len(text)
        os.ftruncate(self._file, good)

    def _write(self, line: Mapping[str, Any]) -> None:
        try:
            os.write(self._file, json.dumps(line, ensure_ascii=False).encode() + b"\n")
        except OSError as error:
            raise JournalError(f"{self.path} could not be written: {error.strerror}.") from None


class Journal(KeptLines):
    """Which batches of purchases are done: outcomes by stream and number."""

    def __init__(self, path: Path, descriptor: int) -> None:
        super().__init__(path, descriptor)
        self.done: dict[tuple[int, int], Outcome] = {}

    def note(self, batch: Batch, outcome: Outcome) -> None:
        """A batch is surely done. Raises JournalError."""
        self._write({"stream": batch.stream, "batch": batch.number, **outcome.to_json()})
        self.done[batch.stream, batch.number] = outcome

    def _known(self, line: dict[str, Any]) -> None:
        place = line.pop("stream"), line.pop("batch")
        self.done[place] = Outcome.from_json(line)


def _decoded(text: bytes) -> dict[str, Any] | None:
    """None for a line that was cut off."""
    if not text.endswith(b"\n"):
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
