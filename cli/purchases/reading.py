"""Reading past purchases: CSV, NDJSON, parquet, or the Complete Journey. All rows are read before anything is replayed;
if some are bad, each is named with its line and reason, and nothing is done.

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
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cli.purchases.columns import Collector, Purchases
from cli.purchases.receipts import BadRows, Header, ReadingError, Receipts
from functions.accrual.contract import PurchaseIn
from functions.program.model import Program
from functions.runtime.validation import field_errors

COMPLETE_JOURNEY = "completejourney"


def read_purchases(source: str, program: Program) -> Purchases:
    """The purchases of a file, or of the Complete Journey. Raises ReadingError that names every bad row."""
    if source == COMPLETE_JOURNEY:
        from cli.purchases.complete_journey import whole_year

        return whole_year(program)
    path = Path(source)
    readers = {".csv": _csv, ".ndjson": _ndjson, ".jsonl": _ndjson, ".parquet": _parquet}
    if path.suffix not in readers:
        raise ReadingError(f"{source} is not a .csv, .ndjson or .parquet file, nor the word {COMPLETE_JOURNEY}.")
    try:
        purchases = readers[path.suffix](path, program)
    except OSError as error:
        raise ReadingError(f"{source} could not be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise ReadingError(f"{source} is not text in UTF-8.") from None
    if not len(purchases):
        raise ReadingError(f"{source} holds no purchases.")
    return purchases


def _csv(path: Path, program: Program) -> Purchases:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        return _from_rows(path, next(rows, []), ((rows.line_num, row) for row in rows if row), program)


def _parquet(path: Path, program: Program) -> Purchases:
    from cli.purchases.complete_journey import rows_of

    names, rows = rows_of(path)
    return _from_rows(path, names, enumerate(rows, start=1), program)


def _from_rows(path: Path, names: list[str], rows: Iterator[tuple[int, list[str]]], program: Program) -> Purchases:
    bad = BadRows(path.name)
    header = Header.of(names, bad)
    receipts = Receipts(header, program, bad)
    for number, row in rows:
        receipts.take(number, row)
    bad.raise_if_any()
    return receipts.collected()


def _ndjson(path: Path, program: Program) -> Purchases:
    bad, collector, seen = BadRows(path.name), Collector(program.currency), dict[str, int]()
    with path.open(encoding="utf-8") as file:
        for number, text in enumerate(file, start=1):
            received = _received(number, text, program, bad) if text.strip() else None
            if received is None:
                continue
            if seen.setdefault(received.id, number) != number:
                bad.add(number, f"the receipt {received.id} stands on line {seen[received.id]} already")
                continue
            member = next(value for value in received.member.model_dump().values() if value is not None)
            collector.add(member, received.purchase())
    bad.raise_if_any()
    return collector.purchases


def _received(number: int, text: str, program: Program, bad: BadRows) -> PurchaseIn | None:
    try:
        value: Any = json.loads(text)
        received = PurchaseIn.model_validate(value)
    except json.JSONDecodeError as error:
        bad.add(number, f"this is not JSON: {error.msg}")
        return None
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        for one in field_errors([{**detail, "loc": ("body", *detail["loc"])} for detail in details]):
            bad.add(number, f"{one.pointer or '/'}: {one.detail}")
        return None
    if received.currency != program.currency:
        bad.add(number, f"the currency is {received.currency}, the programme counts in {program.currency}")
        return None
    return received
