"""Budgets: points for all members together, never one too many, whoever draws in whatever order."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.program.budgets import MOST_SHARDS, Shard, portions, shard_for, shards, untouched


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        (1, [1]),
        (199_999, [199_999]),
        (200_000, [100_000, 100_000]),
        (300_001, [100_001, 100_000, 100_000]),
        (1_600_000, [100_000] * 16),
        (1_600_017, [100_002, *[100_001] * 15]),
    ],
)
def test_a_large_budget_lies_in_several_shards(budget: int, expected: list[int]) -> None:
    assert portions(budget) == expected


@given(st.integers(1, 10_000_000_000))
def test_the_shards_hold_the_budget_to_the_point(budget: int) -> None:
    assert sum(portions(budget)) == budget
    assert 1 <= len(portions(budget)) <= MOST_SHARDS
    assert max(portions(budget)) - min(portions(budget)) <= 1


@pytest.mark.parametrize(
    ("budget", "spent", "expected"),
    [
        (1000, {}, [1000]),
        (1000, {0: 1000}, [0]),
        (200_000, {0: 60_000}, [40_000, 100_000]),
        (200_000, {0: 100_000, 1: 99_999}, [0, 1]),
        # A budget that was cut: what lay in shards that are gone is spent all the same.
        (1000, {0: 1200}, [0]),
        (1000, {0: 400, 1: 300, 9: 250}, [50]),
        (200_000, {2: 500_000}, [0, 0]),
    ],
)
def test_what_is_left_is_what_was_not_spent(budget: int, spent: dict[int, int], expected: list[int]) -> None:
    assert [shard.left for shard in shards(budget, spent)] == expected
    assert [shard.spent for shard in shards(budget, spent)] == [spent.get(i, 0) for i in range(len(expected))]


@pytest.mark.parametrize(
    ("budget", "spent"),
    [
        (300_000, {0: 140_000}),  # it grew: all of it had been one shard
        (200_000, {0: 50_000, 1: 50_000, 2: 40_000}),  # it was cut: there was a third shard
    ],
    ids=["grown", "cut"],
)
def test_after_a_change_of_the_budget_no_more_is_left_in_all_shards_than_is_left_altogether(
    budget: int, spent: dict[int, int]
) -> None:
    """Or two members who do not see each other draw one part each, and both together too much."""
    assert sum(shard.left for shard in shards(budget, spent)) == budget - sum(spent.values())


def test_an_award_is_drawn_as_a_whole_or_not_at_all() -> None:
    assert shard_for([Shard(10), Shard(10)], "ada", 10) is not None
    assert shard_for([Shard(10), Shard(10)], "ada", 11) is None
    assert shard_for([Shard(0, 90), Shard(10), Shard(9)], "ada", 10) == 1


def test_a_member_draws_by_preference_from_the_same_shard_and_members_from_different_ones() -> None:
    full = untouched(1_600_000)
    members = [f"mem_{i}" for i in range(200)]
    first = {member: shard_for(full, member, 1) for member in members}
    assert {member: shard_for(full, member, 100_000) for member in members} == first
    assert set(first.values()) == set(range(16))


Draws = st.lists(
    st.tuples(
        st.sampled_from([f"mem_{i}" for i in range(20)]),
        st.integers(1, 60_000),
        st.integers(0, 30),
        st.sampled_from([None, None, None, None, 0, 1, 2]),
    ),
    max_size=60,
)
BUDGETS = [150_000, 333_333, 250_000]


@given(st.sampled_from([0, 1, 2]), Draws)
def test_a_budget_is_never_overdrawn_in_any_interleaving(
    first: int, asked: Sequence[tuple[str, int, int, int | None]]
) -> None:
    """Each member decides on what the shards held some draws ago, and the table takes a draw only while no more was
    drawn from its shard than was seen then; meanwhile the budget itself may be changed."""
    budget, spent, beginning = BUDGETS[first], dict[int, int](), 0
    seen = [dict(spent)]
    for member, points, behind, changed in asked:
        if changed is not None and BUDGETS[changed] != budget:
            budget, beginning = BUDGETS[changed], len(seen) - 1
        there = max(sum(spent.values()), budget)
        found = shards(budget, seen[max(beginning, len(seen) - 1 - behind)])
        shard = shard_for(found, member, points)
        if shard is not None and spent.get(shard, 0) <= found[shard].spent + found[shard].left - points:
            spent[shard] = spent.get(shard, 0) + points
        seen.append(dict(spent))
        assert sum(spent.values()) <= there
