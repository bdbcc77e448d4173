"""Lots: points that expire on the same day are one bucket. Pure.

`Lots` maps an expiry day (ISO date, or `NEVER`) to points. The day is the last day on which the points can be spent.
ISO dates sort as text and `NEVER` sorts after them, so that plain order is the order of spending: earliest first.
Points that are not active yet lie in buckets too, under both their days: `pending_key`.
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


def pending_key(activates_on: date, expires: str) -> str:
    """The bucket of points that become active on a day, and then lie in the lot `expires`."""
    return f"{activates_on.isoformat()}>{expires}"


def due(pending: Lots, today: date) -> dict[str, int]:
    """The pending buckets whose day has come."""
    return {key: points for key, points in pending.items() if key.partition(">")[0] <= today.isoformat()}


def lot_of(pending_key: str) -> str:
    """The lot that a pending bucket becomes."""
    return pending_key.partition(">")[2]


def expired(lots: Lots, today: date) -> dict[str, int]:
    """What could be spent before today and cannot any more."""
    return {day: points for day, points in lots.items() if day < today.isoformat()}


def total(lots: Lots) -> int:
    return sum(lots.values())


def negative(lots: Lots) -> dict[str, int]:
    return {day: -points for day, points in lots.items()}


def spendable(lots: Lots, today: date) -> dict[str, int]:
    """What can be spent today: an expired lot cannot, even where the night that books its expiry has not come yet."""
    return {day: points for day, points in lots.items() if day >= today.isoformat()}


def take(lots: Lots, points: int, today: date) -> dict[str, int]:
    """The signed change that takes `points` from the lots that expire first. Raises ValueError if there are too few."""
    change = take_up_to(lots, points, today)
    if total(change) != -points:
        raise ValueError(f"{points + total(change)} of {points} points are missing")
    return change


def take_up_to(lots: Lots, points: int, today: date) -> dict[str, int]:
    """As `take`, but as much as there is."""
    missing = points
    change: dict[str, int] = {}
    for day, available in sorted(spendable(lots, today).items()):
        taken = min(available, missing)
        if taken:
            change[day] = -taken
            missing -= taken
    return change
