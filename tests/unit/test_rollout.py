"""Which version judges whom: stable by member, growing with the percentage, a late purchase by that of its day."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.program.rollout import (
    EVERYONE,
    ROLLOUTS_KEPT,
    Rollout,
    added,
    for_everyone,
    in_force,
    place,
    takes,
)

NOVEMBER, DECEMBER, JANUARY = (
    datetime(2026, 11, 1, tzinfo=UTC),
    datetime(2026, 12, 1, tzinfo=UTC),
    datetime(2027, 1, 1, tzinfo=UTC),
)
MOMENT = timedelta(microseconds=1)
MEMBERS = [f"mem_{i}" for i in range(1000)]
EARLY = next(member for member in MEMBERS if place(member) == 0)
LATE = next(member for member in MEMBERS if place(member) == 99)


def test_a_member_has_the_same_place_for_ever() -> None:
    assert [place(f"mem_{i}") for i in range(5)] == [place(f"mem_{i}") for i in range(5)]
    assert {place(member) for member in MEMBERS} == set(range(100))


@given(st.sampled_from(MEMBERS), st.integers(1, 100), st.integers(1, 100))
def test_whoever_a_small_percentage_takes_a_larger_one_takes_too(member: str, one: int, other: int) -> None:
    small, large = sorted([one, other])
    assert takes(Rollout(2, DECEMBER, small), member) <= takes(Rollout(3, DECEMBER, large), member)


@pytest.mark.parametrize("percent", [1, 10, 50, 90])
def test_a_percentage_takes_about_so_many(percent: int) -> None:
    taken = sum(takes(Rollout(2, DECEMBER, percent), member) for member in MEMBERS)
    assert abs(taken - percent * 10) < 50


def test_a_hundred_percent_is_everyone() -> None:
    assert all(takes(Rollout(2, DECEMBER), member) for member in MEMBERS)


ROLLOUTS = [Rollout(1, NOVEMBER), Rollout(2, DECEMBER, 50), Rollout(3, JANUARY)]


@pytest.mark.parametrize(
    ("at", "early", "late"),
    [
        (NOVEMBER - timedelta(days=300), 1, 1),
        (NOVEMBER, 1, 1),
        (DECEMBER - MOMENT, 1, 1),
        (DECEMBER, 2, 1),
        (JANUARY - MOMENT, 2, 1),
        (JANUARY, 3, 3),
    ],
)
def test_the_latest_version_that_had_started_and_takes_the_member_counts(at: datetime, early: int, late: int) -> None:
    """Whenever it is asked: a late purchase is judged by the version of its day."""
    assert (in_force(ROLLOUTS, EARLY, at), in_force(ROLLOUTS, LATE, at)) == (early, late)


def test_before_anything_is_for_everyone_there_is_no_version() -> None:
    assert in_force([], EARLY, NOVEMBER) is None
    assert in_force([Rollout(1, NOVEMBER, 50)], LATE, DECEMBER) is None
    assert for_everyone([], NOVEMBER) is None


@pytest.mark.parametrize(("at", "version"), [(NOVEMBER - MOMENT, None), (NOVEMBER, 1), (DECEMBER, 1), (JANUARY, 3)])
def test_whom_no_later_rollout_takes_has_the_version_for_everyone(at: datetime, version: int | None) -> None:
    assert for_everyone(ROLLOUTS, at) == version


def test_what_was_to_start_later_than_a_new_rollout_is_dropped() -> None:
    back = Rollout(1, DECEMBER + MOMENT)
    assert added(ROLLOUTS, back) == [*ROLLOUTS[:2], back]
    assert in_force(added(ROLLOUTS, back), EARLY, JANUARY) == 1
    assert added(ROLLOUTS, Rollout(4, JANUARY + MOMENT)) == [*ROLLOUTS, Rollout(4, JANUARY + MOMENT)]
    assert added([], ROLLOUTS[0]) == ROLLOUTS[:1]


def test_a_version_for_everyone_takes_the_place_of_one_that_starts_at_the_same_instant() -> None:
    assert [one.version for one in added(ROLLOUTS, Rollout(4, JANUARY))] == [1, 2, 4]


def test_a_version_for_some_leaves_the_others_the_one_that_starts_at_the_same_instant() -> None:
    rollouts = added([Rollout(1, NOVEMBER)], Rollout(2, NOVEMBER, 10))
    assert in_force(rollouts, EARLY, DECEMBER) == 2
    assert in_force(rollouts, LATE, DECEMBER) == 1


def grown(percents: Sequence[int]) -> list[Rollout]:
    """Version after version, an hour apart."""
    rollouts: list[Rollout] = []
    for i, percent in enumerate(percents):
        rollouts = added(rollouts, Rollout(i + 1, NOVEMBER + timedelta(hours=i), percent))
    return rollouts


def test_so_many_rollouts_are_kept_the_latest_and_one_for_everyone_before_them() -> None:
    assert [one.version for one in grown([EVERYONE] * ROLLOUTS_KEPT)] == list(range(1, 201))
    kept = grown([EVERYONE] * (ROLLOUTS_KEPT + 5))
    assert len(kept) == ROLLOUTS_KEPT
    assert [one.version for one in kept[1:]] == list(range(7, 206))


def test_what_everyone_has_stays_in_force_however_many_rollouts_follow() -> None:
    rollouts = grown([EVERYONE, EVERYONE, *[1] * ROLLOUTS_KEPT])
    assert in_force(rollouts, LATE, JANUARY) == 2


def test_the_rollouts_that_are_kept_stay_in_order() -> None:
    rollouts = grown([50, 50, 50, *[EVERYONE] * ROLLOUTS_KEPT])
    assert [one.version for one in rollouts] == sorted({one.version for one in rollouts})
