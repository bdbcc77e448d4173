"""A programme as the rules read it: values only. Pure. The file that people write is `document.py`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, TypeAlias

Text: TypeAlias = Mapping[str, str]
"""A text by language code (`en`, `fr`)."""


@dataclass(frozen=True, slots=True)
class EarningRule:
    """`points` for every full `amount` (minor units) of what the member paid."""

    id: str
    points: int
    amount: int
    text: Text


@dataclass(frozen=True, slots=True)
class Reward:
    """A voucher worth `value` (minor units) for `points`; valid `valid_days` from the day it is issued."""

    id: str
    points: int
    value: int
    valid_days: int
    text: Text


@dataclass(frozen=True, slots=True)
class Program:
    """One published version.

    `expire_after_months`: None where points never expire. `spent_then_returned`: what happens when a purchase is
    returned whose points are spent: the member owes them (carry), keeps them (forgive), or it is refused (block).
    """

    version: int
    id: str
    name: Text
    currency: str
    expire_after_months: int | None
    spent_then_returned: Literal["carry", "forgive", "block"]
    earning: Sequence[EarningRule]
    rewards: Mapping[str, Reward]


def add_months(day: date, months: int) -> date:
    """The same day of a later month, or that month's last day where it has no such day (31 January + 1 month)."""
    month = day.month - 1 + months
    year, month = day.year + month // 12, month % 12 + 1
    return day.replace(year=year, month=month, day=min(day.day, _days_in(year, month)))


def _days_in(year: int, month: int) -> int:
    following = date(year + month // 12, month % 12 + 1, 1)
    return (following - date(year, month, 1)).days
