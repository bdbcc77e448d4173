"""What is awaited, as table items: a purchase that returns wait for, and a hold that is to end by itself."""

import zlib
from collections.abc import Sequence
from dataclasses import asdict

from functions.ledger.account import AwaitingReturn, Operation
from functions.runtime.tables import Item

AWAITED = "purchase"
"""What stands in the index of what is awaited, for a purchase that returns wait for."""
HOLD_SHARDS = tuple(f"hold.{i}" for i in range(8))
"""The same for holds that are to end by themselves; several, so that no part of the index is written too often."""


def hold_shard(redemption: str) -> str:
    return HOLD_SHARDS[zlib.crc32(redemption.encode()) % len(HOLD_SHARDS)]


CHANGES = "changes"
"""Counts the changes of a place where returns wait: a writer must have seen the latest."""


def awaited_to_item(purchase: Operation, awaiting: AwaitingReturn, report_at: str) -> Item:
    """The place of a purchase that has not come, with a return that waits for it. It stands under the purchase's own
    key: booking the purchase finds it without looking for it."""
    return {
        "operation": purchase.key,
        "source": purchase.source,
        "awaited": AWAITED,
        "report_at": report_at,
        "returns": awaiting_to_list([awaiting]),
        CHANGES: 1,
    }


def is_awaited(item: Item) -> bool:
    """Whether returns wait at this place, and nothing has come to it yet."""
    return item.get("awaited") == AWAITED and "refused" not in item


def as_awaited(item: Item) -> Item:
    """What must still be so where returns wait. Its time tells a place from an earlier one that was freed: both count
    their changes from one."""
    return {name: item[name] for name in ("awaited", "report_at", CHANGES)}


def awaiting_to_list(waiting: Sequence[AwaitingReturn]) -> list[Item]:
    return [asdict(one) for one in waiting]


def awaiting_from_item(item: Item) -> list[AwaitingReturn]:
    return [AwaitingReturn(**one) for one in item.get("returns", ())]
