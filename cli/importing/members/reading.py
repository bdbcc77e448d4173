"""Reading members: CSV with a row for each, or NDJSON with a line for each.

Here a row is only taken apart, to one shape for both; whether it can be a member is asked in `checking`.
"""

import csv
import difflib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from cli.errors import ExplainedError
from cli.importing.bodies import Json
from cli.importing.outcome import Mistake

if TYPE_CHECKING:
    from _csv import Reader as CsvReader

PROFILE = (
    "external_id", "card", "email", "phone", "given_name", "family_name", "locale", "time_zone", "birth_date",
    "country", "invite_code",
)  # fmt: skip
COLUMNS = (
    "key", *PROFILE, "segments", "tier", "tier_until", "points", "points_expire_on", "lots", "consents"
)  # fmt: skip
_ATTRIBUTE = "attributes."


class MembersFileError(ExplainedError):
    """The file as a whole makes no sense; the message says why."""


@dataclass(slots=True)
class Raw:
    """A row as the file has it. `values`: by column, without what is empty. `lots`: last day and points, as they are
    written. `as_text`: attributes are still text, whatever the programme wants them to be."""

    line: int
    values: Json
    attributes: Json = field(default_factory=dict)
    lots: list[tuple[str, object]] = field(default_factory=list)
    consents: list[str] = field(default_factory=list)
    as_text: bool = False

    @property
    def key(self) -> str | None:
        key = self.values.get("key")
        return key if isinstance(key, str) else None

    def mistake(self, column: str, code: str, detail: str) -> Mistake:
        return Mistake(self.line, self.key, column, code, detail)


Found: TypeAlias = Raw | Mistake


def read(path: Path) -> list[Found]:
    """The rows of a file, and in the place of those that cannot be read why. Raises MembersFileError."""
    readers: dict[str, Callable[[Path], Iterator[Found]]] = {
        ".csv": _from_csv,
        ".ndjson": _from_ndjson,
        ".jsonl": _from_ndjson,
    }
    if path.suffix not in readers:
        raise MembersFileError(f"{path} is not a .csv or .ndjson file.")
    try:
        found = list(readers[path.suffix](path))
    except OSError as error:
        raise MembersFileError(f"{path} could not be read: {error.strerror or error}.") from None
    except UnicodeDecodeError:
        raise MembersFileError(f"{path} is not text in UTF-8.") from None
    except csv.Error as error:
        raise MembersFileError(f"{path} is not a CSV file, or a quote is not closed: {error}.") from None
    if not found:
        raise MembersFileError(f"{path} holds no members.")
    return found


def _from_csv(path: Path) -> Iterator[Found]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file, strict=True)
        names = [name.strip() for name in next(rows, [])]
        _check_header(path, names)
        for line, cells in _numbered(rows):
            if len(cells) != len(names):
                detail = f"There are {len(cells)} fields here and {len(names)} columns."
                yield Mistake(line, None, "", "wrong_width", detail)
                continue
            filled = {name: text for name, cell in zip(names, cells, strict=True) if (text := cell.strip())}
            yield from _of_cells(line, filled)


def _numbered(rows: "CsvReader") -> Iterator[tuple[int, list[str]]]:
    """The rows with the lines they begin on; a quoted text may go over several."""
    ended = rows.line_num
    for row in rows:
        if row:
            yield ended + 1, row
        ended = rows.line_num


def _check_header(path: Path, names: Sequence[str]) -> None:
    wrong = [_unknown(name) for name in names if not _is_known(name)]
    wrong += [f"the column {name} is there twice" for name in dict.fromkeys(names) if names.count(name) > 1]
    if wrong:
        raise MembersFileError("\n  ".join([f"{path.name} has mistakes in its first line; nothing was done:", *wrong]))


def _is_known(name: str) -> bool:
    return name in COLUMNS or (name.startswith(_ATTRIBUTE) and name != _ATTRIBUTE)


def _unknown(name: str) -> str:
    close = difflib.get_close_matches(name, COLUMNS, n=1)
    hint = f"did you mean {close[0]}?" if close else f"there is {', '.join(COLUMNS)}, attributes.<name>"
    return f"there is no column {name or 'without a name'}: {hint}"


def _of_cells(line: int, cells: dict[str, str]) -> Iterator[Found]:
    raw = Raw(line, {}, as_text=True)
    for name, text in cells.items():
        if name.startswith(_ATTRIBUTE):
            raw.attributes[name.removeprefix(_ATTRIBUTE)] = text
        elif name == "segments":
            raw.values[name] = _parts(text)
        elif name == "consents":
            raw.consents = _parts(text)
        elif name == "lots":
            raw.lots = [_lot(part) for part in _parts(text)]
        else:
            raw.values[name] = text
    yield raw


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(";") if part.strip()]


def _lot(part: str) -> tuple[str, object]:
    day, _, points = part.partition(":")
    return day.strip(), points.strip()


class _TwiceError(Exception):
    """A name stands twice in an object: which of the two is meant?"""


def _once(pairs: list[tuple[str, Any]]) -> Json:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _TwiceError(next(name for name in names if names.count(name) > 1))
    return found


def _from_ndjson(path: Path) -> Iterator[Found]:
    with path.open(encoding="utf-8-sig") as file:
        for line, text in enumerate(file, start=1):
            if not text.strip():
                continue
            try:
                value = json.loads(text, object_pairs_hook=_once)
            except json.JSONDecodeError as error:
                yield Mistake(line, None, "", "not_json", f"This is not JSON: {error.msg}.")
            except _TwiceError as twice:
                yield Mistake(line, None, str(twice), "twice", "This stands twice here.")
            else:
                yield from _of_object(line, value)


def _of_object(line: int, value: object) -> Iterator[Found]:
    if not isinstance(value, dict):
        yield Mistake(line, None, "", "not_an_object", "A line is an object: {…}.")
        return
    given = {name: content for name, content in value.items() if content is not None}
    raw = Raw(line, {})
    wrong = [raw.mistake(name, "unknown_column", _unknown(name)) for name in given if not _of_a_line(name)]
    attributes, lots = given.pop("attributes", {}), given.pop("lots", {})
    consents, segments = given.pop("consents", []), given.pop("segments", None)
    raw.values = {name: content for name, content in given.items() if name in COLUMNS}
    wrong += _misshapen(raw, attributes, lots, consents)
    if wrong:
        yield from wrong
        return
    raw.attributes = attributes
    raw.lots = list(lots.items()) if isinstance(lots, dict) else [_lot(part) for part in _parts(lots)]
    raw.consents = _parts(consents) if isinstance(consents, str) else consents
    if segments is not None:
        raw.values["segments"] = _parts(segments) if isinstance(segments, str) else segments
    yield raw


def _of_a_line(name: str) -> bool:
    return name in COLUMNS or name == "attributes"


def _misshapen(raw: Raw, attributes: object, lots: object, consents: object) -> list[Mistake]:
    wrong = []
    if not isinstance(attributes, dict):
        wrong.append(raw.mistake("attributes", "shape", 'Give an object: {"shoe_size": 42}.'))
    if not isinstance(lots, dict | str):
        wrong.append(raw.mistake("lots", "shape", 'Give an object: {"2026-12-31": 500, "never": 100}.'))
    if not isinstance(consents, str) and not (
        isinstance(consents, list) and all(isinstance(one, str) for one in consents)
    ):
        wrong.append(raw.mistake("consents", "shape", 'Give a list: ["email/marketing"].'))
    return wrong
