"""What members do that the rules judge. Values only, pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from functions.program.model import PURCHASE, Word


class PurchaseLine(NamedTuple):
    """One line of a receipt. `amount`: what the member paid for the whole line; `discount`: how much less that was than
    its full price. Both minor units."""

    id: str
    quantity: int
    amount: int
    sku: str = ""
    categories: tuple[str, ...] = ()
    brand: str | None = None
    discounted: bool = False
    discount: int = 0
    attributes: Mapping[str, Word] = {}


@dataclass(slots=True)
class Purchase:
    """What a member bought; never changed once it is made, though not frozen, which takes longer to make.

    `payments`: minor units by way of paying, where several or other than money were used.
    """

    id: str
    occurred_at: datetime
    currency: str
    lines: Sequence[PurchaseLine]
    store: str | None = None
    channel: str | None = None
    payment_method: str | None = None
    attributes: Mapping[str, Word] = field(default_factory=dict)
    payments: Mapping[str, int] = field(default_factory=dict)

    @property
    def type(self) -> str:
        return PURCHASE


@dataclass(frozen=True, slots=True)
class Activity:
    """Something else a member did: its type is one that the programme declares, or that happens by itself."""

    id: str
    type: str
    occurred_at: datetime
    attributes: Mapping[str, Word] = field(default_factory=dict)
