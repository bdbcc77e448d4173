"""Versions of the programme in DynamoDB: immutable once published; rollouts say which of them judges whom and when.

    VERSION  <number>   a published file, word for word
    ACTIVE   0          the rollouts, oldest first
    DRAFT    0          the file that is worked on

A warm function keeps the versions and looks for new rollouts every few seconds: the hot path reads nothing.
"""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo

from functions.program import rollout, stored
from functions.program.model import Program
from functions.program.rollout import EVERYONE, Rollout, added, for_everyone
from functions.runtime import clock, tables
from functions.runtime.errors import (
    FieldError,
    InvalidError,
    ProgramDraftNotFoundError,
    ProgramNotActiveError,
    ProgramVersionNotFoundError,
    TryAgainError,
)

_VERSION = "VERSION"
_ACTIVE = {"part": "ACTIVE", "version": 0}
_DRAFT = {"part": "DRAFT", "version": 0}
_PROGRAMS_CACHED = 8
_LARGEST_READY = 150_000
"""Bytes: with a file of the largest size, an item stays well under the 400 KB that DynamoDB takes."""
_ATTEMPTS = 10
SECONDS_CACHED = 5


@dataclass(frozen=True, slots=True)
class Version:
    """A published version: its number, its file word for word, and when it was published."""

    version: int
    text: str
    published_at: datetime


@dataclass(frozen=True, slots=True)
class Draft:
    """The file that is worked on; it may still have mistakes."""

    text: str
    saved_at: datetime


@dataclass(slots=True)
class _Cache:
    rollouts: Sequence[Rollout] = ()
    programs: dict[int, Program] = field(default_factory=dict)
    checked_at: float = float("-inf")


_cache = _Cache()


def publish(text: str) -> tuple[Version, bool]:
    """Check a file and keep it as the next version; True if it is new, False if the latest version is the same file.

    Raises InvalidError.
    """
    from functions.program import document  # not at the top: functions that judge should start without it

    program = document.read(text)
    while True:
        latest = next(versions(limit=1), None)
        if latest and latest.text == text:
            return latest, False
        new = Version((latest.version if latest else 0) + 1, text, clock.now())
        try:
            tables.put_new("program", _to_item(new, program), key="version")
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
    return _from_item(_get(version))


def _get(version: int) -> tables.Item:
    item = tables.get("program", {"part": _VERSION, "version": version})
    if item is None:
        raise ProgramVersionNotFoundError(f"Version {version} was not published.")
    return item


def save_draft(text: str) -> Draft:
    """Keep a file to work on; nothing is checked yet."""
    draft = Draft(text, clock.now())
    tables.put("program", _DRAFT | {"text": text, "saved_at": clock.to_text(draft.saved_at)})
    return draft


def draft() -> Draft:
    """Raises ProgramDraftNotFoundError."""
    item = tables.get("program", _DRAFT, consistent=True)
    if item is None:
        raise ProgramDraftNotFoundError("There is no draft: save one first, or send the file with the call.")
    return Draft(item["text"], clock.from_text(item["saved_at"]))


def activate(version: int, starts_at: datetime | None = None, percent: int = EVERYONE) -> tuple[Version, Rollout]:
    """Let a version judge from an instant on (None: from now), `percent` of the members or all.

    Rollouts that were to start later are dropped, so that an earlier version that is activated again is back at once.
    Raises ProgramVersionNotFoundError, InvalidError for the past, and ProgramNotActiveError where the first version
    ever is not for everyone; TryAgainError when others activate at the same moment.
    """
    found = get(version)
    for _attempt in range(_ATTEMPTS):
        now = clock.now()
        if starts_at is not None and starts_at < now:
            raise InvalidError([FieldError("/starts_at", "past", "What is past was judged already.")])
        item = tables.get("program", _ACTIVE, consistent=True)
        existing = _rollouts(item)
        if existing and starts_at is None and _is_already(existing[-1], version, percent, now):
            return found, existing[-1]
        new = Rollout(version, starts_at or now, percent)
        if percent != EVERYONE and for_everyone(existing, new.starts_at) is None:
            raise ProgramNotActiveError("The first version must be for everyone: leave percent out.")
        if _replaced(item, added(existing, new)):
            forget()
            return found, new
        clock.pause(0.05)
    raise TryAgainError("Others are activating versions at this moment.")


def _is_already(latest: Rollout, version: int, percent: int, now: datetime) -> bool:
    return (latest.version, latest.percent) == (version, percent) and latest.starts_at <= now


def _replaced(item: tables.Item | None, rollouts: Sequence[Rollout]) -> bool:
    """Write the rollouts, unless somebody else wrote them meanwhile."""
    revision = item["revision"] if item else 0
    content = [[one.version, clock.to_text(one.starts_at), one.percent] for one in rollouts]
    return tables.update(
        "program",
        _ACTIVE,
        "SET #rollouts = :rollouts, #revision = :next",
        "#revision = :revision" if item else "attribute_not_exists(#revision)",
        {"rollouts": content, "next": revision + 1} | ({"revision": revision} if item else {}),
    )


def rollouts() -> Sequence[Rollout]:
    """All rollouts that are kept, oldest first."""
    return _rollouts(tables.get("program", _ACTIVE))


def _rollouts(item: tables.Item | None) -> list[Rollout]:
    stored = item["rollouts"] if item else []
    return [Rollout(version, clock.from_text(starts_at), percent) for version, starts_at, percent in stored]


def active_version() -> int | None:
    """The version that judges everyone whom no partial rollout takes."""
    return for_everyone(rollouts(), clock.now())


def active() -> Program:
    """The programme in force for everyone, at most a few seconds late. Raises ProgramNotActiveError."""
    return _program(for_everyone(_current_rollouts(), clock.now()))


def in_force(member: str, at: datetime) -> Program:
    """The programme that judges what a member does, or did, at an instant. Raises ProgramNotActiveError."""
    return _program(rollout.in_force(_current_rollouts(), member, at))


def zone_of(member: str, at: datetime) -> tzinfo:
    """Where the days of a member's programme begin; UTC as long as there is none."""
    try:
        return in_force(member, at).zone
    except ProgramNotActiveError:
        return UTC


def of_version(version: int) -> Program:
    """A version that was published, whatever is in force now. Raises ProgramVersionNotFoundError."""
    return _program(version)


def _current_rollouts() -> Sequence[Rollout]:
    if not _cache.rollouts or time.monotonic() - _cache.checked_at >= SECONDS_CACHED:
        _cache.rollouts = rollouts()
        _cache.checked_at = time.monotonic()
    return _cache.rollouts


def _program(version: int | None) -> Program:
    """A version, read and checked once by a warm function."""
    if version is None:
        raise ProgramNotActiveError("Publish and activate a version of the programme first.")
    found = _cache.programs.get(version)
    if found is None:
        found = _read(version)
        if len(_cache.programs) >= _PROGRAMS_CACHED:
            _cache.programs.pop(next(iter(_cache.programs)))
        _cache.programs[version] = found
    return found


def _read(version: int) -> Program:
    """A version as it was stored ready to judge, or, where other code stored it, from its file."""
    item = _get(version)
    if item.get("format") == stored.FORMAT:
        program: Program = stored.from_plain(json.loads(item["program"]))
        return replace(program, version=version)
    from functions.program import document

    return document.read(item["text"], version)


def forget() -> None:
    """Drop what is cached, so that the next look is at the table."""
    _cache.rollouts, _cache.programs, _cache.checked_at = (), {}, float("-inf")


def _to_item(version: Version, program: Program) -> tables.Item:
    plain = json.dumps(stored.to_plain(program), ensure_ascii=False, separators=(",", ":"))
    ready = {"format": stored.FORMAT, "program": plain} if len(plain.encode()) <= _LARGEST_READY else {}
    return ready | {
        "part": _VERSION,
        "version": version.version,
        "text": version.text,
        "published_at": clock.to_text(version.published_at),
    }


def _from_item(item: tables.Item) -> Version:
    return Version(item["version"], item["text"], clock.from_text(item["published_at"]))
