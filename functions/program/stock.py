"""Stock of rewards: pieces for all members together, never one too many. Pure.

The pieces lie in shards, so that members who want them at the same moment do not wait for each other. A member takes
from one of them, by preference always the same, and from another where that is empty. What is counted is what was
taken; pieces that are added count as taken less.
"""

import zlib
from collections.abc import Mapping
from datetime import date

from functions.ledger.account import Draw
from functions.program.model import Program, Reward, Stock
from functions.program.periods import Calendar, name

SHARDS = 16
_ALWAYS = 10**12
"""Room for what comes back: nothing stands in its way."""


def shelf(reward: Reward, stock: Stock, program: Program, today: date) -> str:
    """Where is counted what was taken of a reward in the period that a day lies in."""
    period = name(stock.per, today, Calendar(today, *program.fiscal_year))
    return f"stock.{reward.id}/{stock.per}@{period}" if period else f"stock.{reward.id}"


def portions(pieces: int) -> list[int]:
    """What each shard holds."""
    return [pieces // SHARDS + (i < pieces % SHARDS) for i in range(SHARDS)]


def first_try(of: str, stock: Stock, member: str) -> Draw | None:
    """A piece of the shard that is the member's first, if nothing is known of what was taken; None where there are no
    pieces but those that were added."""
    shards = min(SHARDS, stock.pieces)
    if not shards:
        return None
    shard = zlib.crc32(member.encode()) % shards
    return Draw(of, shard, 1, portions(stock.pieces)[shard] - 1)


def piece(of: str, stock: Stock, member: str, taken: Mapping[int, int]) -> Draw | None:
    """A piece of the first shard that has one; None where all are empty."""
    first = zlib.crc32(member.encode()) % SHARDS
    held = portions(stock.pieces)
    for shard in (*range(first, SHARDS), *range(first)):
        if taken.get(shard, 0) < held[shard]:
            return Draw(of, shard, 1, held[shard] - 1)
    return None


def put_back(draw: Draw) -> Draw:
    """The piece of a redemption that came to nothing."""
    return Draw(draw.rule, draw.shard, -draw.points, _ALWAYS)


def left(stock: Stock, taken: Mapping[int, int]) -> int:
    """How many pieces there are."""
    return sum(max(0, held - taken.get(shard, 0)) for shard, held in enumerate(portions(stock.pieces)))


def added(of: str, pieces: int) -> list[Draw]:
    """Pieces that come in, spread over the shards."""
    return [Draw(of, shard, -more, _ALWAYS) for shard, more in enumerate(portions(pieces)) if more]


def removed(of: str, stock: Stock, pieces: int, taken: Mapping[int, int]) -> list[Draw] | None:
    """Pieces that go out, of the fullest shards first; None where there are not so many."""
    held = {shard: portion - taken.get(shard, 0) for shard, portion in enumerate(portions(stock.pieces))}
    draws: list[Draw] = []
    for shard in sorted(held, key=lambda one: -held[one]):
        take = min(pieces, max(0, held[shard]))
        if take:
            draws.append(Draw(of, shard, take, taken.get(shard, 0)))
            pieces -= take
    return None if pieces else draws
