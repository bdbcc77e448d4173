"""From rows, one per line of a receipt, to purchases; and what is wrong with rows that cannot be."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import NamedTuple

from babel.numbers import get_currency_precision

from cli.errors import ExplainedError
from cli.purchases.columns import Collector, Purchases
from functions.program.model import Program, Word
from functions.program.occasions import Purchase, PurchaseLine
from functions.runtime.validation import LARGEST_AMOUNT

COLUMNS = (
    "receipt", "member", "occurred_at", "amount", "paid", "quantity", "sku", "category", "brand", "discounted",
    "discount", "store", "channel", "payment_method",
)  # fmt: skip
_NEEDED = ("receipt", "member", "occurred_at")
_MOST_TOLD = 20
_WHOLE = re.compile(r"-?\d+")
_YES_NO = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False, "": False}


class ReadingError(ExplainedError):
    """The purchases could not be read; the message says where and why."""


class BadRow(NamedTuple):
    """A row that cannot be read: its line, why, and whose receipt it says it is, where that much can be told."""

    line: int
    reason: str
    receipt: str | None = None
    member: str | None = None


class BadRows:
    """The rows that cannot be read, with their reasons."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.rows: list[BadRow] = []

    def add(self, line: int, reason: str, receipt: str | None = None, member: str | None = None) -> None:
        self.rows.append(BadRow(line, reason, receipt, member))

    def raise_if_any(self) -> None:
        """Raises ReadingError that tells the first of them."""
        if self.rows:
            told = [f"line {row.line}: {row.reason}" for row in self.rows[:_MOST_TOLD]]
            more = len(self.rows) - len(told)
            mistakes = "a mistake" if len(self.rows) == 1 else f"{len(self.rows):,} mistakes"
            title = f"{self._name} has {mistakes}; nothing was done:"
            raise ReadingError("\n  ".join([title, *told, *([f"and {more:,} more"] if more else [])]))


class _BadRowError(Exception):
    """Why a row cannot be read."""


@dataclass(frozen=True, slots=True)
class Header:
    """Where each column stands; attributes of the receipt and of the line apart."""

    places: dict[str, int]
    attributes: dict[str, int] = field(default_factory=dict)
    of_lines: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, names: Sequence[str], bad: BadRows) -> "Header":
        """Raises ReadingError where a column is missing or unknown."""
        header = cls({})
        for place, name in enumerate(name.strip() for name in names):
            first, _, rest = name.partition(".")
            kept = {"attributes": header.attributes, "lines": header.of_lines}.get(first) if rest else header.places
            if kept is None or (kept is header.places and name not in COLUMNS):
                close = difflib.get_close_matches(name, COLUMNS, n=1)
                hint = f"did you mean {close[0]}?" if close else f"there is {', '.join(COLUMNS)}"
                bad.add(1, f"there is no column {name}: {hint}")
            elif (rest or name) in kept:
                bad.add(1, f"the column {name} is there twice")
            else:
                kept[rest or name] = place
        for name in _NEEDED:
            if name not in header.places:
                bad.add(1, f"the column {name} is missing")
        if ("amount" in header.places) == ("paid" in header.places):
            bad.add(1, "give either amount (minor units) or paid (as 12.99)")
        bad.raise_if_any()
        return header

    def width(self) -> int:
        return len(self.places) + len(self.attributes) + len(self.of_lines)


@dataclass(slots=True)
class _Receipt:
    line: int
    member: str
    head: tuple[str, ...]
    purchase: Purchase
    lines: list[PurchaseLine]


class Receipts:
    """Rows as they come, put together to receipts.

    A receipt with a row that cannot be read is left out as a whole: what is left of it is not what was bought.
    """

    def __init__(self, header: Header, program: Program, bad: BadRows) -> None:
        self._header = header
        self._program = program
        self._bad = bad
        self._receipts: dict[str, _Receipt] = {}
        self._of_head = [
            header.places[name] for name in ("store", "channel", "payment_method") if name in header.places
        ]
        self._of_head += header.attributes.values()
        self._scale = Decimal(10) ** get_currency_precision(program.currency)
        self._words: dict[str, str] = {}
        self._spoilt: set[str] = set()

    def take(self, number: int, row: Sequence[str]) -> None:
        """One more row; what is wrong with it is noted."""
        try:
            if len(row) != self._header.width():
                raise _BadRowError(f"{len(row)} fields where {self._header.width()} are expected")
            receipt = self._receipt(number, row)
            receipt.lines.append(self._line(len(receipt.lines) + 1, row))
        except _BadRowError as error:
            receipt_id, member = self._told(row, "receipt"), self._told(row, "member")
            self._bad.add(number, str(error), receipt_id, member)
            if receipt_id:
                self._spoilt.add(receipt_id)

    def collected(self) -> Purchases:
        collector = Collector(self._program.currency)
        for id, receipt in self._receipts.items():
            if id not in self._spoilt:
                collector.add(receipt.member, receipt.purchase, receipt.line)
        return collector.purchases

    def _told(self, row: Sequence[str], name: str) -> str | None:
        """What a row that may be too short says in a column."""
        place = self._header.places[name]
        return (row[place] or None) if place < len(row) else None

    def _receipt(self, number: int, row: Sequence[str]) -> _Receipt:
        places = self._header.places
        id, member, at = (row[places[name]] for name in _NEEDED)
        if not id or not member:
            raise _BadRowError(f"{'member' if id else 'receipt'} is empty")
        head = (at, *[row[place] for place in self._of_head])
        found = self._receipts.get(id)
        if found is None:
            lines: list[PurchaseLine] = []
            found = _Receipt(number, member, head, self._purchase(id, at, row, lines), lines)
            self._receipts[id] = found
        if found.member != member:
            raise _BadRowError(f"the receipt {id} is of the member {found.member} on line {found.line}")
        if found.head != head:
            raise _BadRowError(f"the receipt {id} says otherwise on line {found.line}: when, where or how it was paid")
        return found

    def _purchase(self, id: str, at: str, row: Sequence[str], lines: list[PurchaseLine]) -> Purchase:
        store, channel, payment_method = (self._word(row, name) for name in ("store", "channel", "payment_method"))
        attributes = _attributes(row, self._header.attributes)
        return Purchase(
            id, self._instant(at), self._program.currency, lines, store, channel, payment_method, attributes
        )

    def _instant(self, text: str) -> datetime:
        try:
            at = datetime.fromisoformat(text)
            return (at if at.tzinfo else at.replace(tzinfo=self._program.zone)).astimezone(UTC)
        except (ValueError, OverflowError):
            raise _BadRowError(f"occurred_at is {text!r}, not a time such as 2026-03-10T09:00:00") from None

    def _line(self, number: int, row: Sequence[str]) -> PurchaseLine:
        categories = self._word(row, "category")
        unit = "amount" if "amount" in self._header.places else "paid"
        discount = self._money(row, "discount", unit)
        return PurchaseLine(
            str(number),
            self._quantity(row),
            self._money(row, "amount", "amount")
            if "amount" in self._header.places
            else self._money(row, "paid", "paid"),
            self._word(row, "sku") or "",
            tuple(part.strip() for part in categories.split("|") if part.strip()) if categories else (),
            self._word(row, "brand"),
            self._discounted(row) or discount > 0,
            discount,
            _attributes(row, self._header.of_lines),
        )

    def _word(self, row: Sequence[str], name: str) -> str | None:
        """The text of a column, the same object for the same text."""
        place = self._header.places.get(name)
        text = row[place] if place is not None else ""
        return self._words.setdefault(text, text) if text else None

    def _quantity(self, row: Sequence[str]) -> int:
        text = self._word(row, "quantity")
        if text is None:
            return 1
        if not text.isdecimal() or not 1 <= int(text) <= 100_000:
            raise _BadRowError(f"quantity is {text!r}, not a whole number from 1 to 100000")
        return int(text)

    def _discounted(self, row: Sequence[str]) -> bool:
        text = (self._word(row, "discounted") or "").lower()
        if text not in _YES_NO:
            raise _BadRowError(f"discounted is {text!r}, neither true nor false")
        return _YES_NO[text]

    def _money(self, row: Sequence[str], name: str, unit: str) -> int:
        """Minor units, exactly; a half of one goes to the even one."""
        text = self._word(row, name)
        if text is None and name == "discount":
            return 0
        try:
            if unit == "amount" and not _WHOLE.fullmatch(text or ""):
                raise _BadRowError(f"{name} is {text!r}, not a whole number of minor units")
            value = int(text or "") if unit == "amount" else self._minor(text or "")
        except (InvalidOperation, ValueError):
            raise _BadRowError(f"{name} is {text!r}, not an amount such as 12.99") from None
        if not 0 <= value <= LARGEST_AMOUNT:
            raise _BadRowError(f"{name} is {text!r}, not from 0 to {LARGEST_AMOUNT} minor units")
        return value

    def _minor(self, text: str) -> int:
        return int((Decimal(text) * self._scale).quantize(Decimal(1), ROUND_HALF_EVEN))


def _attributes(row: Sequence[str], places: dict[str, int]) -> dict[str, Word]:
    """Whole numbers, true and false as what they are, everything else as text; nothing where nothing is written."""
    return {name: _value(row[place]) for name, place in places.items() if row[place]}


def _value(text: str) -> Word:
    if _WHOLE.fullmatch(text):
        return int(text)
    return text == "true" if text in {"true", "false"} else text
