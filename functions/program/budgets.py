"""Budgets of rules: points for all members together, never one too many. Pure.

A large budget lies in several shards, so that members do not wait for each other; a member draws from one of them,
by preference always the same. An award is drawn as a whole or not at all: at the end too little may be left for one.
"""

import zlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

MOST_SHARDS = 16
_LEAST_IN_A_SHARD = 100_000


def portions(budget: int) -> list[int]:
    """What each shard of a budget holds."""
    shards = max(1, min(MOST_SHARDS, budget // _LEAST_IN_A_SHARD))
    return [budget // shards + (1 if i < budget % shards else 0) for i in range(shards)]


class Shard(NamedTuple):
    """A part of a budget: what is left in it, and what was drawn from it."""

    left: int
    spent: int = 0


def untouched(budget: int) -> list[Shard]:
    """The shards of a budget from which nothing was drawn."""
    return [Shard(portion) for portion in portions(budget)]


def shards(budget: int, spent: Mapping[int, int]) -> list[Shard]:
    """The shards as they are. Together they hold what is left of the budget, also of one that was changed meanwhile."""
    altogether = max(0, budget - sum(spent.values()))
    found: list[Shard] = []
    for i, portion in enumerate(portions(budget)):
        drawn = spent.get(i, 0)
        left = min(altogether, max(0, portion - drawn))
        altogether -= left
        found.append(Shard(left, drawn))
    return found


def shard_for(found: Sequence[Shard], member: str, points: int) -> int | None:
    """The shard an award is drawn from; None where none holds enough."""
    first = zlib.crc32(member.encode()) % len(found)
    order = [*range(first, len(found)), *range(first)]
    return next((i for i in order if found[i].left >= points), None)
