"""How much, how often and how soon again: limits of rules, groups and the programme; cooldowns; budgets."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.accrual.deciding import decide
from functions.accrual.limits import is_last_key
from functions.accrual.returning import Return, decide_return
from functions.ledger.account import Count, Draw
from functions.program.budgets import Shard, portions
from functions.program.model import Gift, Group, Limit, Program
from tests.unit.factories import (
    NOW,
    Journey,
    a_flat_rule,
    a_gift_rule,
    a_program,
    a_purchase,
    a_rule,
    an_account,
    an_activity,
    reason_of,
    shares_of,
)

SATURDAY = NOW  # 21 November 2026
ENROLLED = datetime(2025, 1, 15, tzinfo=UTC)


def a_journey(program: Program) -> Journey:
    return Journey(program, an_account(enrolled_at=ENROLLED))


def points_on(program: Program, days: Sequence[str], amount: int = 1000) -> list[int]:
    """What one purchase after another earns."""
    journey = a_journey(program)
    return [
        journey.does(a_purchase(amount, occurred_at=datetime.fromisoformat(f"{day}T12:00:00+00:00"))).posting.points
        for day in days
    ]


# Points.

ACROSS: Sequence[tuple[Any, str, str]] = [
    # Two days of one period, and the first day of the next.
    ("day", "2026-11-21", "2026-11-22"),
    ("week", "2026-11-22", "2026-11-23"),
    ("month", "2026-11-30", "2026-12-01"),
    ("quarter", "2026-12-31", "2027-01-01"),
    ("year", "2026-12-31", "2027-01-01"),
    ("fiscal", "2027-01-31", "2027-02-01"),
    ("anniversary", "2027-01-14", "2027-01-15"),
]


@pytest.mark.parametrize(("per", "last", "after"), ACROSS)
def test_a_rule_gives_so_many_points_a_period_and_as_many_in_the_next(per: Any, last: str, after: str) -> None:
    program = a_program(earning=[a_rule(limits=(Limit(per, points=15),))], fiscal_year=(2, 1))
    assert points_on(program, ["2026-11-21", last, last, after]) == [10, 5, 0, 10]


def test_what_is_limited_for_ever_never_begins_anew() -> None:
    program = a_program(earning=[a_rule(limits=(Limit("ever", points=15),))])
    assert points_on(program, ["2026-11-21", "2028-11-21", "2036-11-21"]) == [10, 5, 0]


def test_each_purchase_has_its_own_limit_and_its_first_lines_count() -> None:
    program = a_program(earning=[a_rule(limits=(Limit("purchase", points=15),))])
    posting = decide(an_account(), a_purchase(1000, 1000, 1000), program, NOW)
    assert shares_of(posting) == {"1": 10, "2": 5, "3": 0}
    assert reason_of(posting, "every-dollar").facts == {"before_limit": 30, "limit": 15, "per": "purchase"}
    assert points_on(program, ["2026-11-21", "2026-11-21"], 3000) == [15, 15]


def test_the_strictest_of_several_limits_holds_and_is_named() -> None:
    limits = Limit("ever", points=100), Limit("day", points=12), Limit("purchase", points=20), Limit("week", times=9)
    posting = decide(an_account(), a_purchase(5000), a_program(earning=[a_rule(limits=limits)]), NOW)
    assert posting.points == 12
    assert reason_of(posting, "every-dollar").facts == {"before_limit": 50, "limit": 12, "per": "day"}


def test_a_limit_that_is_reached_is_named() -> None:
    journey = a_journey(a_program(earning=[a_rule(limits=(Limit("day", points=10),))]))
    journey.does(a_purchase(1000))
    reason = reason_of(journey.does(a_purchase(1000)).posting, "every-dollar")
    assert (reason.condition, reason.facts) == ("limit_reached", {"limit": 10, "per": "day"})


def test_a_lowered_limit_takes_nothing_back() -> None:
    program = a_program(earning=[a_rule(limits=(Limit("day", points=10),))])
    account = an_account(counters={"rule.every-dollar.points/day@2026-11-21": 500})
    assert decide(account, a_purchase(1000), program, NOW).points == 0


def test_what_is_limited_is_counted_by_line_so_that_a_return_makes_room_again() -> None:
    program = a_program(earning=[a_rule(limits=(Limit("day", points=15),))])
    journey = a_journey(program)
    first = journey.does(a_purchase(1000, 500))
    assert journey.does(a_purchase(1000)).posting.points == 0
    journey.returns(first, {"2": 1})
    assert journey.does(a_purchase(1000)).posting.points == 5


def test_rules_of_a_group_share_a_limit_over_time() -> None:
    rules = [a_rule(id="one"), a_rule(id="other")]
    program = a_program(earning=rules, groups=[Group("", "all", limits=(Limit("day", points=25),))])
    assert points_on(program, ["2026-11-21", "2026-11-21", "2026-11-22"]) == [20, 5, 20]


def test_all_rules_share_the_limit_of_the_programme_over_time() -> None:
    rules = [a_rule(id="one", group="a"), a_rule(id="other", group="b")]
    groups = [Group("a", "all"), Group("b", "all")]
    program = a_program(earning=rules, groups=groups, limits=(Limit("week", points=25), Limit("purchase", points=18)))
    assert points_on(program, ["2026-11-21", "2026-11-22", "2026-11-23"]) == [18, 7, 18]


@pytest.mark.parametrize("id", ["all", "rule", "group"])
def test_no_rule_shares_a_count_with_the_programme_whatever_its_name(id: str) -> None:
    program = a_program(earning=[a_rule(id=id, limits=(Limit("day", points=15),))], limits=(Limit("day", points=15),))
    assert points_on(program, ["2026-11-21", "2026-11-21"]) == [10, 5]


def test_points_into_a_counter_use_nothing_of_the_limit_of_a_group() -> None:
    rules = [a_rule(), a_rule(id="status-points", into="status")]
    group = Group("", "all", limits=(Limit("day", points=15),))
    program = a_program(earning=rules, groups=[group], counters={"status": {}})
    assert points_on(program, ["2026-11-21", "2026-11-21"]) == [10, 5]


def test_a_rule_that_the_programmes_limit_leaves_nothing_has_not_applied() -> None:
    rule = a_flat_rule(10, limits=(Limit("month", times=2),))
    program = a_program(earning=[rule], limits=(Limit("day", points=10),))
    days = ["2026-11-21", "2026-11-21", "2026-11-22", "2026-11-23"]
    assert points_on(program, days) == [10, 0, 10, 0]


# Times.


@pytest.mark.parametrize(("per", "last", "after"), ACROSS)
def test_a_rule_applies_so_often_a_period(per: Any, last: str, after: str) -> None:
    program = a_program(earning=[a_flat_rule(limits=(Limit(per, times=2),))], fiscal_year=(2, 1))
    assert points_on(program, ["2026-11-21", last, last, after]) == [10, 10, 0, 10]


def test_a_rule_that_applied_often_enough_says_so() -> None:
    journey = a_journey(a_program(earning=[a_flat_rule(limits=(Limit("ever", times=1),))]))
    journey.does(a_purchase(1000))
    reason = reason_of(journey.does(a_purchase(1000)).posting, "bonus")
    assert (reason.condition, reason.facts) == ("limit_reached", {"times": 1, "per": "ever"})


def test_a_rule_that_gave_nothing_has_not_applied() -> None:
    journey = a_journey(a_program(earning=[a_rule(limits=(Limit("ever", times=1),))]))
    assert [journey.does(a_purchase(amount)).posting.points for amount in (99, 1000, 1000)] == [0, 10, 0]


def test_a_group_applies_so_often_whichever_of_its_rules_did() -> None:
    rules = [a_rule(id="dollars"), a_flat_rule(5)]
    program = a_program(earning=rules, groups=[Group("", "first", limits=(Limit("day", times=2),))])
    journey = a_journey(program)
    assert [journey.does(a_purchase(amount)).posting.points for amount in (1000, 1, 1000)] == [10, 5, 0]
    last = journey.does(a_purchase(1000)).posting
    assert {(one.rule, one.condition) for one in last.explanation} == {
        ("dollars", "limit_reached"),
        ("bonus", "limit_reached"),
    }


def test_a_group_of_rules_into_counters_applies_so_often_as_well() -> None:
    group = Group("", "all", limits=(Limit("day", times=1),))
    program = a_program(earning=[a_rule(into="status")], groups=[group], counters={"status": {}})
    journey = a_journey(program)
    journey.does(a_purchase(1000))
    journey.does(a_purchase(1000))
    assert journey.account.counters["status"] == 10


def test_a_time_comes_back_with_the_last_piece_of_the_purchase() -> None:
    journey = a_journey(a_program(earning=[a_flat_rule(limits=(Limit("ever", times=1),))]))
    first = journey.does(a_purchase(500, 500))
    first = journey.returns(first, {"1": 1})
    assert journey.does(a_purchase(1000)).posting.points == 0
    journey.returns(first, {"2": 1})
    assert journey.does(a_purchase(1000)).posting.points == 10


@pytest.mark.parametrize(("rewards_return", "again"), [(True, 1), (False, 0)])
def test_a_time_at_which_something_was_given_comes_back_if_what_was_given_does(
    rewards_return: bool, again: int
) -> None:
    rule = a_gift_rule(Gift("voucher-5"), limits=(Limit("ever", times=1),))
    journey = a_journey(a_program(earning=[rule], rewards_return=rewards_return))
    first = journey.does(a_purchase(500))
    journey.returns(first)
    assert (len(first.posting.issued), len(journey.does(a_purchase(500)).posting.issued)) == (1, again)
    assert journey.standing() == [500]


# Cooldown.


def test_after_a_rule_applied_it_rests_for_days() -> None:
    program = a_program(earning=[a_flat_rule(cooldown_days=7)])
    days = ["2026-11-21", "2026-11-21", "2026-11-27", "2026-11-28", "2026-12-04", "2026-12-05"]
    assert points_on(program, days) == [10, 0, 0, 10, 0, 10]


def test_a_rule_that_rests_says_for_how_long() -> None:
    journey = a_journey(a_program(earning=[a_flat_rule(cooldown_days=7)]))
    journey.does(a_purchase(100))
    reason = reason_of(journey.does(a_purchase(100, occurred_at=NOW + timedelta(days=2))).posting, "bonus")
    assert (reason.condition, reason.facts) == ("cooldown", {"days_left": 5})


def test_a_purchase_that_arrives_late_falls_into_the_rest_of_a_later_one() -> None:
    assert points_on(a_program(earning=[a_flat_rule(cooldown_days=7)]), ["2026-11-21", "2026-11-20"]) == [10, 0]


def test_a_return_does_not_shorten_the_rest() -> None:
    journey = a_journey(a_program(earning=[a_flat_rule(cooldown_days=7)]))
    journey.returns(journey.does(a_purchase(100)))
    assert journey.does(a_purchase(100)).posting.points == 0


# Budgets.


@pytest.mark.parametrize(("left", "points"), [(None, 10), (10, 10), (9, 0), (0, 0)])
def test_a_rule_gives_all_or_nothing_of_its_budget(left: int | None, points: int) -> None:
    program = a_program(earning=[a_rule(budget=500)])
    budgets = {} if left is None else {"every-dollar": [Shard(left, 500 - left)]}
    posting = decide(an_account(), a_purchase(1000), program, NOW, budgets)
    assert posting.points == points
    assert posting.draws == ([Draw("every-dollar", 0, 10, 490)] if points else [])
    assert reason_of(posting, "every-dollar").condition == (None if points else "budget_used_up")


def test_a_budget_smaller_than_the_award_is_used_up_from_the_start() -> None:
    assert decide(an_account(), a_purchase(1000), a_program(earning=[a_rule(budget=9)]), NOW).points == 0


def test_where_the_members_own_shard_is_empty_another_gives() -> None:
    budget = 300_000
    assert portions(budget) == [100_000] * 3
    program = a_program(earning=[a_rule(budget=budget)])
    enough, empty = Shard(10, 99_990), Shard(9, 99_991)
    for full in range(3):
        shards = [enough if i == full else empty for i in range(3)]
        [draw] = decide(an_account(), a_purchase(1000), program, NOW, {"every-dollar": shards}).draws
        assert draw == Draw("every-dollar", full, 10, 99_990)
    posting = decide(an_account(), a_purchase(1000), program, NOW, {"every-dollar": [empty] * 3})
    assert (posting.points, posting.draws) == (0, [])


def test_only_what_is_given_in_the_end_is_drawn() -> None:
    rules = [a_rule(id="limited", budget=500, limits=(Limit("day", points=8),)), a_rule(id="capped", budget=500)]
    posting = decide(an_account(), a_purchase(1000), a_program(earning=rules, limits=(Limit("day", points=11),)), NOW)
    assert [(draw.rule, draw.points) for draw in posting.draws] == [("limited", 8), ("capped", 3)]


def test_a_rule_that_another_beats_draws_nothing() -> None:
    rules = [a_flat_rule(5, "small", budget=500), a_flat_rule(10, "large")]
    posting = decide(an_account(), a_purchase(1000), a_program(earning=rules, groups=[Group("", "highest")]), NOW)
    assert (posting.points, posting.draws) == (10, [])


@pytest.mark.parametrize(("left", "gifts"), [(2, 1), (1, 0)])
def test_gifts_draw_how_many_they_are(left: int, gifts: int) -> None:
    program = a_program(earning=[a_gift_rule(Gift("voucher-5", per_full=1000), budget=5)])
    posting = decide(an_account(), a_purchase(2000), program, NOW, {"gift": [Shard(left, 5 - left)]})
    assert len(posting.issued) == gifts
    assert posting.draws == ([Draw("gift", 0, 2, 3)] if gifts else [])


def test_a_budget_is_not_filled_up_by_returns() -> None:
    journey = a_journey(a_program(earning=[a_rule(budget=500)]))
    purchase = journey.does(a_purchase(1000))
    assert decide_return(journey.account, purchase, Return(NOW, None), journey.program, NOW).draws == ()


# Whatever happens, and in whatever order it arrives.

Limits = st.lists(
    st.builds(
        lambda per, points: Limit(per, points=points),
        st.sampled_from(["purchase", "day", "week", "month", "quarter", "year", "fiscal", "anniversary", "ever"]),
        st.integers(1, 60),
    ),
    max_size=2,
    unique_by=lambda limit: limit.per,
).map(tuple)
Happenings = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5000)), min_size=1, max_size=12)
Programs = st.builds(
    lambda one, other, together, all_of_them, policy: a_program(
        earning=[a_rule(id="one", limits=one), a_rule(3, 200, "other", limits=other, rounding="ceil")],
        groups=[Group("", policy, limits=together)],
        limits=all_of_them,
    ),
    Limits,
    Limits,
    Limits,
    Limits,
    st.sampled_from(["all", "highest", "first", "exclusive"]),
)


@given(Programs, Happenings)
def test_points_never_exceed_a_limit_in_whatever_order_purchases_arrive(
    program: Program, happenings: list[tuple[int, int]]
) -> None:
    journey = a_journey(program)
    now = SATURDAY + timedelta(days=30)
    given_on: dict[str, dict[datetime, int]] = {"one": {}, "other": {}}
    for i, (day, amount) in enumerate(happenings):
        at = SATURDAY + timedelta(days=day, seconds=i)
        posting = journey.does(a_purchase(amount, occurred_at=at), now).posting
        for reason in posting.explanation:
            given_on[reason.rule][at] = reason.points

    together = {at: given_on["one"][at] + given_on["other"][at] for at in given_on["one"]}
    [group] = program.groups
    limited = [(rule.limits, given_on[rule.id]) for rule in program.earning]
    for limits, points_at in [*limited, (group.limits, together), (program.limits, together)]:
        for limit in limits:
            assert limit.points is not None
            assert all(points <= limit.points for points in sums(points_at, limit.per))
    assert sum(together.values()) == sum(journey.account.lots.values())


def sums(points_at: dict[datetime, int], per: str) -> list[int]:
    """Points by period, worked out on its own: from 21 November to 21 December, enrolled on 15 January."""
    formats = {"purchase": "%c %f", "day": "%Y-%m-%d", "week": "%G %V", "month": "%Y-%m"}
    found: dict[str, int] = {}
    for at, points in points_at.items():
        name = at.strftime(formats.get(per, "all within one"))
        found[name] = found.get(name, 0) + points
    return list(found.values())


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("rule.bonus.last", True),
        ("rule.bonus.times/day@2026-11-21", False),
        ("rule.last.points", False),
        ("all.last", False),
        ("goal.goal.last", False),
    ],
)
def test_which_counters_say_when_a_rule_last_applied(key: str, says: bool) -> None:
    assert is_last_key(key) is says


def test_an_activity_is_limited_as_a_whole() -> None:
    journey = a_journey(a_program(earning=[a_flat_rule(10, on=("review",), limits=(Limit("day", points=15),))]))
    assert [journey.does(an_activity()).posting.points for _ in range(3)] == [10, 5, 0]
    assert (
        Count("rule.bonus.points/day@2026-11-21", whole=10)
        in decide(an_account(), an_activity(), journey.program, NOW).counts
    )


def test_a_daily_limit_holds_for_purchases_that_arrive_after_weeks() -> None:
    journey = a_journey(a_program(earning=[a_rule(limits=(Limit("day", points=15),))]))
    late = a_purchase(1000, occurred_at=NOW - timedelta(days=50))
    assert [journey.does(replace(late, id=str(i)), NOW).posting.points for i in range(3)] == [10, 5, 0]
