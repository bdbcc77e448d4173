"""Lots: points that expire on the same day are one bucket. Pure.

`Lots` maps an expiry day (ISO date, or `NEVER`) to points. The day is the last day on which the points can be spent.
ISO dates sort as text and `NEVER` sorts after them, so that plain order is the order of spending: earliest first.
"""

from collections.abc import Mapping
from datetime import date
from typing import TypeAlias

Lots: TypeAlias = Mapping[str, int]

NEVER = "never"


def expiry_key(last_day: date | None) -> str:
    return NEVER if last_day is None else last_day.isoformat()


def merged(lots: Lots, change: Lots) -> dict[str, int]:
    """The lots after a signed change. Raises ValueError if one would go below zero: points cannot come from nowhere."""
    result = dict(lots)
    for day, points in change.items():
        result[day] = result.get(day, 0) + points
        if result[day] < 0:
            raise ValueError(f"lot {day} would hold {result[day]} points")
        if result[day] == 0:
            del result[day]
    return result


def spendable(lots: Lots, today: date) -> dict[str, int]:
    """What can be spent today: an expired lot cannot, even where the night that books its expiry has not come yet."""
    return {day: points for day, points in lots.items() if day >= today.isoformat()}


def take(lots: Lots, points: int, today: date) -> dict[str, int]:
    """The signed change that takes `points` from the lots that expire first. Raises ValueError if there are too few."""
    missing = points
    change: dict[str, int] = {}
    for day, available in sorted(spendable(lots, today).items()):
        if missing == 0:
            break
        taken = min(available, missing)
        change[day] = -taken
        missing -= taken
    if missing:
        raise ValueError(f"{missing} of {points} points are missing")
    return change
