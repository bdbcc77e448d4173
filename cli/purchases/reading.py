"""Reading past purchases: CSV, NDJSON, parquet, or the Complete Journey. All rows are read before anything is done with
them; each bad one is noted with its line and reason.

CSV and parquet have one row per line of a receipt. Columns:

    receipt, member, occurred_at         needed; a time without an offset is of the programme's time zone
    amount                               what was paid for the whole line, minor units; or `paid`, as 12.99
    quantity                             1 where it is left out
    sku, category, brand                 several categories are separated by |
    discounted, discount                 true or false; how much less than the full price, in the unit of amount or paid
    store, channel, payment_method       of the whole receipt, like attributes.<name>
    lines.<name>                         an attribute of the line

NDJSON has one purchase per line, in the shape of the body of `POST /v1/purchases`.
"""

import csv
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ValidationError

from cli.purchases.columns import Collector, Purchases
from cli.purchases.receipts import BadRows, Header, ReadingError, Receipts
from functions.accrual.contract import PurchaseIn
from functions.program.model import Program
from functions.runtime.validation import field_errors

if TYPE_CHECKING:
    from _csv import Reader as CsvReader

COMPLETE_JOURNEY = "completejourney"


class Reading(NamedTuple):
    """What a file says: the purchases that could be read, and the rows that could not."""

    purchases: Purchases
    bad: BadRows


def read_purchases(source: str, program: Program) -> Purchases:
    """The purchases of a file, or of the Complete Journey. Raises ReadingError that names the bad rows."""
    purchases, bad = read(source, program)
    bad.raise_if_any()
    return purchases


def read(source: str, program: Program) -> Reading:
    """Reads past bad rows. Raises ReadingError where the file as a whole makes no sense."""
    if source == COMPLETE_JOURNEY:
        from cli.purchases.complete_journey import whole_year

        return Reading(whole_year(program), BadRows(source))
    path = Path(source)
    readers = {".csv": _from_csv, ".ndjson": _from_ndjson, ".jsonl": _from_ndjson, ".parquet": _from_parquet}
    if path.suffix not in readers:
        raise ReadingError(f"{source} is not a .csv, .ndjson or .parquet file, nor the word {COMPLETE_JOURNEY}.")
    try:
        found = readers[path.suffix](path, program)
    except OSError as error:
        raise ReadingError(f"{source} could not be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise ReadingError(f"{source} is not text in UTF-8.") from None
    except csv.Error as error:
        raise ReadingError(f"{source} is not a CSV file, or a quote is not closed: {error}.") from None
    if not len(found.purchases) and not found.bad.rows:
        raise ReadingError(f"{source} holds no purchases.")
    return found


def digest(source: str) -> str:
    """A hash of all that is read from a source: another one once it has changed. Raises ReadingError."""
    if source == COMPLETE_JOURNEY:
        from cli.purchases.complete_journey import files

        paths = files()
    else:
        paths = [Path(source)]
    found = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            found.update(hashlib.file_digest(file, "sha256").digest())
    return found.hexdigest()


def _from_csv(path: Path, program: Program) -> Reading:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        return _from_rows(path, next(rows, []), _numbered(rows), program)


def _numbered(rows: "CsvReader") -> Iterator[tuple[int, list[str]]]:
    """The rows with the lines they begin on; a quoted text may go over several."""
    ended = rows.line_num
    for row in rows:
        if row:
            yield ended + 1, row
        ended = rows.line_num


def _from_parquet(path: Path, program: Program) -> Reading:
    from cli.purchases.complete_journey import rows_of

    names, rows = rows_of(path)
    return _from_rows(path, names, enumerate(rows, start=1), program)


def _from_rows(path: Path, names: list[str], rows: Iterator[tuple[int, list[str]]], program: Program) -> Reading:
    bad = BadRows(path.name)
    header = Header.of(names, bad)
    receipts = Receipts(header, program, bad)
    for number, row in rows:
        receipts.take(number, row)
    return Reading(receipts.collected(), bad)


def _from_ndjson(path: Path, program: Program) -> Reading:
    bad, collector, seen = BadRows(path.name), Collector(program.currency), dict[str, int]()
    with path.open(encoding="utf-8-sig") as file:
        for number, text in enumerate(file, start=1):
            received = _received(number, text, program, bad) if text.strip() else None
            if received is None:
                continue
            identity, member = next(iter(received.member.model_dump(exclude_none=True).items()))
            if seen.setdefault(received.id, number) != number:
                reason = f"the receipt {received.id} stands on line {seen[received.id]} already"
                bad.add(number, reason, received.id, member)
                continue
            collector.add(member, received.purchase(), number, identity)
    return Reading(collector.purchases, bad)


def _received(number: int, text: str, program: Program, bad: BadRows) -> PurchaseIn | None:
    value: Any = None
    try:
        value = json.loads(text)
        received = PurchaseIn.model_validate(value)
    except json.JSONDecodeError as error:
        bad.add(number, f"this is not JSON: {error.msg}")
        return None
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        for one in field_errors([{**detail, "loc": ("body", *detail["loc"])} for detail in details]):
            bad.add(number, f"{one.pointer or '/'}: {one.detail}", _id_of(value))
        return None
    if received.currency != program.currency:
        reason = f"the currency is {received.currency}, the programme counts in {program.currency}"
        bad.add(number, reason, received.id)
        return None
    return received


def _id_of(value: object) -> str | None:
    id = value.get("id") if isinstance(value, dict) else None
    return id if isinstance(id, str) else None
