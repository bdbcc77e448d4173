"""Which version judges whom, and when. Pure.

Activating a version adds a rollout: from an instant on, it judges a stable percentage of the members. The latest one
that had started and that takes the member counts, so that a late purchase is judged by the version of its day.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

EVERYONE = 100
ROLLOUTS_KEPT = 200


@dataclass(frozen=True, slots=True)
class Rollout:
    """A version that judges `percent` of the members from an instant on."""

    version: int
    starts_at: datetime
    percent: int = EVERYONE


def in_force(rollouts: Sequence[Rollout], member: str, at: datetime) -> int | None:
    """The version that judges what a member does at an instant. What is older than all is judged by the first."""
    for rollout in reversed(rollouts):
        if rollout.starts_at <= at and takes(rollout, member):
            return rollout.version
    return next((rollout.version for rollout in rollouts if rollout.percent == EVERYONE), None)


def for_everyone(rollouts: Sequence[Rollout], at: datetime) -> int | None:
    """The version that judges whoever no later rollout takes."""
    started = [rollout for rollout in rollouts if rollout.percent == EVERYONE and rollout.starts_at <= at]
    return started[-1].version if started else None


def takes(rollout: Rollout, member: str) -> bool:
    """Whether a member is among the percentage: the same members at every percentage, and more of them as it grows."""
    return rollout.percent == EVERYONE or place(member) < rollout.percent


def place(member: str) -> int:
    """A member's place from 0 to 99, by chance but for ever."""
    return int.from_bytes(hashlib.sha256(f"rollout\n{member}".encode()).digest()[:8]) % 100


def added(rollouts: Sequence[Rollout], new: Rollout) -> list[Rollout]:
    """The rollouts with a new one; those that were to start later than it are dropped, and one for everyone drops what
    starts with it as well."""
    kept = [one for one in rollouts if one.starts_at < new.starts_at]
    kept += [one for one in rollouts if one.starts_at == new.starts_at and new.percent != EVERYONE]
    kept.append(new)
    cut = max(0, len(kept) - ROLLOUTS_KEPT)
    base = [one for one in kept[: cut + 1] if one.percent == EVERYONE][-1:] if cut else []
    return [*base, *kept[cut + 1 :]] if cut else kept
