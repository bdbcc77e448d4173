"""Past purchases in columns: a year of a supermarket is small in memory, and every process builds only its own part.

What repeats is kept once: a `Kind` is what a line is, a `Setting` where and how a purchase was made. The rest is
numbers.
"""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import repeat
from typing import NamedTuple, TypeAlias

from functions.program.model import Word
from functions.program.occasions import Purchase, PurchaseLine

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

IDENTITIES = ("external_id", "card", "email", "phone", "id")

Kind: TypeAlias = tuple[str, tuple[str, ...], str | None, bool, Mapping[str, Word]]
"""Sku, categories, brand, discounted, attributes: what a `PurchaseLine` says besides its numbers."""


class Setting(NamedTuple):
    """What a purchase says besides its time and lines."""

    store: str | None = None
    channel: str | None = None
    payment_method: str | None = None
    attributes: Mapping[str, Word] = {}
    payments: Mapping[str, int] = {}


def _numbers() -> "array[int]":
    return array("q")


@dataclass(slots=True)
class Purchases:
    """Purchase `i` is of member `member[i]`; its lines stand from `start[i]` to `start[i + 1]`. Times in microseconds
    since 1970, UTC. `line_ids` None: the lines of each purchase are called 1, 2, 3, …

    `row[i]`: the line of the file where purchase `i` begins. `identity[i]`: which of `IDENTITIES` names its member.
    Both are empty where the file does not tell.
    """

    currency: str
    members: list[str] = field(default_factory=list)
    receipts: list[str] = field(default_factory=list)
    member: "array[int]" = field(default_factory=_numbers)
    at: "array[int]" = field(default_factory=_numbers)
    setting: "array[int]" = field(default_factory=_numbers)
    start: "array[int]" = field(default_factory=lambda: array("q", [0]))
    kind: "array[int]" = field(default_factory=_numbers)
    quantity: "array[int]" = field(default_factory=_numbers)
    amount: "array[int]" = field(default_factory=_numbers)
    discount: "array[int]" = field(default_factory=_numbers)
    settings: list[Setting] = field(default_factory=list)
    kinds: list[Kind] = field(default_factory=list)
    line_ids: list[str] | None = None
    row: "array[int]" = field(default_factory=_numbers)
    identity: "array[int]" = field(default_factory=lambda: array("b"))

    def __len__(self) -> int:
        return len(self.receipts)

    def by_member(self) -> list[int]:
        """The purchases member after member, each member's in the order of time, then of the file."""
        return sorted(range(len(self)), key=lambda i: (self.member[i], self.at[i]))

    def by_time(self) -> list[int]:
        """The purchases of all members in the order of time, then of the file."""
        return sorted(range(len(self)), key=self.at.__getitem__)

    def row_of(self, i: int) -> int | None:
        """The line of the file where a purchase begins, if there is such a thing."""
        return self.row[i] if self.row else None

    def identity_of(self, i: int) -> str | None:
        """What the member of a purchase is named by, if the file tells."""
        return IDENTITIES[self.identity[i]] if self.identity else None

    def last_instant(self) -> datetime:
        return instant(max(self.at))

    def built(self, order: Sequence[int]) -> Iterator[tuple[str, Purchase]]:
        """The purchases of an order, ready for the rules, with their members."""
        places = [str(n) for n in range(1, 1 + self._longest(order))]
        kinds, quantities, amounts, discounts = self.kinds, self.quantity, self.amount, self.discount
        for i in order:
            a, b = self.start[i], self.start[i + 1]
            ids = places if self.line_ids is None else self.line_ids[a:b]
            of_lines = [kinds[code] for code in self.kind[a:b]]
            skus, categories, brands, discounted, attributes = zip(*of_lines, strict=True)
            numbers, more = (ids, quantities[a:b], amounts[a:b]), (discounts[a:b], attributes)
            columns = zip(*numbers, skus, categories, brands, discounted, *more, strict=False)
            # In a third of the time that PurchaseLine(…) takes.
            lines = list(map(tuple.__new__, repeat(PurchaseLine), columns))
            at, setting = instant(self.at[i]), self.settings[self.setting[i]]
            yield self.members[self.member[i]], Purchase(self.receipts[i], at, self.currency, lines, *setting)

    def _longest(self, order: Sequence[int]) -> int:
        return max((self.start[i + 1] - self.start[i] for i in order), default=0)


class Collector:
    """Purchases as they are read, one after the other."""

    def __init__(self, currency: str) -> None:
        self.purchases = Purchases(currency, line_ids=[])
        self._members: dict[object, int] = {}
        self._settings: dict[object, int] = {}
        self._kinds: dict[object, int] = {}

    def add(self, member: str, purchase: Purchase, row: int = 0, identity: str | None = None) -> None:
        """`row`: where in the file it begins. `identity`: what `member` is; all purchases of a file tell, or none."""
        one = self.purchases
        one.row.append(row)
        if identity is not None:
            one.identity.append(IDENTITIES.index(identity))
        assert one.line_ids is not None
        one.receipts.append(purchase.id)
        one.member.append(_code(self._members, member, one.members, member))
        one.at.append(microseconds(purchase.occurred_at))
        setting = Setting(
            purchase.store, purchase.channel, purchase.payment_method, purchase.attributes, purchase.payments
        )
        key = (*setting[:3], *map(_key, setting[3:]))
        one.setting.append(_code(self._settings, key, one.settings, setting))
        for line in purchase.lines:
            kind = line.sku, line.categories, line.brand, line.discounted, line.attributes
            one.kind.append(_code(self._kinds, (*kind[:4], _key(kind[4])), one.kinds, kind))
            one.quantity.append(line.quantity)
            one.amount.append(line.amount)
            one.discount.append(line.discount)
            one.line_ids.append(line.id)
        one.start.append(len(one.kind))


def instant(at: int) -> datetime:
    """The instant of so many microseconds since 1970."""
    return EPOCH + timedelta(microseconds=at)


def microseconds(at: datetime) -> int:
    return (at - EPOCH) // _MICROSECOND


def _key(values: Mapping[str, object]) -> tuple[tuple[str, str, object], ...]:
    """1 and true are different values, though equal keys."""
    return tuple(sorted((name, type(value).__name__, value) for name, value in values.items())) if values else ()


def _code(known: dict[object, int], key: object, values: list, value: object) -> int:  # type: ignore[type-arg]
    found = known.get(key)
    if found is None:
        found = known[key] = len(values)
        values.append(value)
    return found
