"""Versions of the programme in DynamoDB: immutable once published, one of them active.

A warm function keeps the active version and looks for a newer one every few seconds: the hot path reads nothing.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from functions.program import document
from functions.program.model import Program
from functions.runtime import clock, tables
from functions.runtime.errors import ProgramNotActiveError, ProgramVersionNotFoundError

_VERSION = "VERSION"
_ACTIVE = {"part": "ACTIVE", "version": 0}
_SECONDS_CACHED = 5


@dataclass(frozen=True, slots=True)
class Version:
    """A published version: its number, its file word for word, and when it was published."""

    version: int
    text: str
    published_at: datetime


@dataclass(slots=True)
class _Cache:
    program: Program | None = None
    checked_at: float = float("-inf")


_cache = _Cache()


def publish(text: str) -> tuple[Version, bool]:
    """Check a file and keep it as the next version; True if it is new, False if the latest version is the same file.

    Raises InvalidError.
    """
    document.read(text)
    while True:
        latest = next(versions(limit=1), None)
        if latest and latest.text == text:
            return latest, False
        new = Version((latest.version if latest else 0) + 1, text, clock.now())
        try:
            tables.put_new("program", _to_item(new), key="version")
        except tables.ConditionFailedError:
            continue  # somebody published at the same moment: theirs is the latest now
        return new, True


def versions(limit: int, below: int | None = None) -> Iterator[Version]:
    """Published versions, latest first, those below a number if given."""
    condition = "#part = :part" + ("" if below is None else " AND #version < :version")
    values = {"part": _VERSION} | ({} if below is None else {"version": below})
    for item in tables.query("program", condition, values, limit=limit, newest_first=True):
        yield _from_item(item)


def get(version: int) -> Version:
    """Raises ProgramVersionNotFoundError."""
    item = tables.get("program", {"part": _VERSION, "version": version})
    if item is None:
        raise ProgramVersionNotFoundError(f"Version {version} was not published.")
    return _from_item(item)


def activate(version: int) -> Version:
    """Make a version the one that judges from now on; an earlier one is activated again in the same way."""
    found = get(version)
    tables.put("program", _ACTIVE | {"active": version})
    return found


def active() -> Program:
    """The programme in force, at most a few seconds late. Raises ProgramNotActiveError."""
    if time.monotonic() - _cache.checked_at < _SECONDS_CACHED and _cache.program:
        return _cache.program
    version = active_version()
    if version is None:
        raise ProgramNotActiveError("Publish and activate a version of the programme first.")
    if _cache.program is None or _cache.program.version != version:
        _cache.program = document.read(get(version).text, version)
    _cache.checked_at = time.monotonic()
    return _cache.program


def forget() -> None:
    """Drop the cached version, so that the next look is at the table."""
    _cache.program, _cache.checked_at = None, float("-inf")


def active_version() -> int | None:
    pointer = tables.get("program", _ACTIVE)
    return pointer["active"] if pointer else None


def _to_item(version: Version) -> tables.Item:
    return {
        "part": _VERSION,
        "version": version.version,
        "text": version.text,
        "published_at": clock.to_text(version.published_at),
    }


def _from_item(item: tables.Item) -> Version:
    return Version(item["version"], item["text"], clock.from_text(item["published_at"]))
