"""Vouchers whose days are over, by an index that only those are in of which nobody has told yet.

What was used or taken back meanwhile stays in the index until its day: to take it out would cost a write for each.
"""

from collections.abc import Iterator, Sequence
from datetime import date

from functions.ledger.reward_items import ENDING_SHARDS, voucher_from_item
from functions.ledger.rewards import Voucher
from functions.runtime import tables


def over(shard: str, today: date) -> Iterator[str]:
    """Keys of the vouchers of a part of the index that could be used until yesterday or before, longest ago first."""
    values = {"ends": shard, "today": today.isoformat()}
    for item in tables.query("rewards", "#ends = :ends AND #ends_on < :today", values, index="ending"):
        yield item["key"]


def read(keys: Sequence[str]) -> dict[str, Voucher]:
    """Vouchers as they are now, by key."""
    found = tables.get_many("rewards", [{"key": key} for key in keys])
    return {item["key"]: voucher_from_item(item) for item in found}


def settle(key: str) -> None:
    """Take a voucher out of the index: what there was to tell has been told."""
    tables.update("rewards", {"key": key}, "REMOVE #ends, #ends_on", "attribute_exists(#key)", {})


def first() -> date | None:
    """The last day of the voucher that is the next to end."""
    found = (
        next(iter(tables.query("rewards", "#ends = :ends", {"ends": shard}, index="ending", limit=1)), None)
        for shard in ENDING_SHARDS
    )
    return min((date.fromisoformat(item["ends_on"]) for item in found if item), default=None)
