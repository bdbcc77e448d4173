"""Counting: visits, spend, points, activities and counters by period, and the goals they bring nearer."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.ledger.account import Count, Posting, Reason
from functions.program.model import CountedSoFar, Goal, LineFilter, Match, Program, Range, Referral, Tiers, When
from functions.program.occasions import Activity, Purchase
from tests.unit.factories import (
    NOW,
    Journey,
    a_basket,
    a_flat_rule,
    a_goal,
    a_line,
    a_program,
    a_purchase,
    a_reward,
    a_rule,
    an_account,
    an_activity,
    levels,
    reason_of,
)

ENROLLED = datetime(2025, 1, 15, tzinfo=UTC)


def a_journey(*goals: Goal, **program: Any) -> Journey:
    more = {"earning": [], **program}
    return Journey(a_program(goals=goals, **more), an_account(enrolled_at=ENROLLED))


def on(day: str, *amounts: int) -> Purchase:
    return a_purchase(*(amounts or (100,)), occurred_at=datetime.fromisoformat(f"{day}T12:00:00+00:00"))


def points_of(journey: Journey, days: Sequence[str]) -> list[int]:
    return [journey.does(on(day)).posting.points for day in days]


# What is counted.


def test_a_purchase_counts_as_a_visit_with_what_was_spent_and_earned_by_line() -> None:
    posting = a_journey(earning=[a_rule()]).does(a_purchase(300, 0, 250)).posting
    assert list(posting.counts) == [
        Count("visits", whole=1),
        Count("spend", {"1": 300, "3": 250}),
        Count("points", {"1": 3, "3": 2}),
    ]


def test_a_purchase_for_nothing_is_a_visit_and_nothing_else() -> None:
    assert list(a_journey(earning=[a_rule()]).does(a_purchase(0)).posting.counts) == [Count("visits", whole=1)]


def test_an_activity_counts_as_itself_with_the_points_it_brought() -> None:
    journey = a_journey(earning=[a_flat_rule(10, on=("review",))])
    assert list(journey.does(an_activity()).posting.counts) == [Count("review", whole=1), Count("points", whole=10)]


def test_points_into_a_counter_are_counted_there_and_not_as_points() -> None:
    rules = [a_rule(2, id="to-stars", into="stars"), a_flat_rule(7, "review-stars", on=("review",), into="stars")]
    journey = a_journey(earning=rules, counters={"stars": {}, "moons": {}})
    journey.does(a_purchase(300))
    journey.does(an_activity())
    assert journey.account.counters == {"visits": 1, "spend": 300, "review": 1, "stars": 13}


@pytest.mark.parametrize(
    ("window", "key"),
    [
        ("month", "@2026-11-01"),
        ("quarter", "@2026-10-01"),
        ("year", "@2026-01-01"),
        ("fiscal", "@2026-02-01"),
        ("anniversary", "@2026-01-15"),
    ],
)
def test_what_tiers_are_reached_with_is_counted_in_their_window(window: Any, key: str) -> None:
    tiers = Tiers(levels(gold={"spend": 999_999, "review": 99, "months": 999}), window=window)
    journey = a_journey(tiers=tiers, fiscal_year=(2, 1))
    journey.does(a_purchase(300))
    journey.does(an_activity())
    assert journey.account.counters == {
        "visits": 1,
        "spend": 300,
        f"spend/{window}{key}": 300,
        "review": 1,
        f"review/{window}{key}": 1,
    }


def test_rolling_windows_are_counted_by_month() -> None:
    tiers = Tiers(levels(gold={"visits": 99}), rolling_months=12, held="months", held_months=12)
    journey = a_journey(tiers=tiers)
    journey.does(a_purchase(0))
    assert journey.account.counters == {"visits": 1, "visits/month@2026-11-01": 1}


def test_what_conditions_of_rules_goals_and_referrals_ask_for_is_counted_in_their_periods() -> None:
    def when(per: Any) -> When:
        return When(counted={"visits": CountedSoFar(Range(99), per)})

    journey = a_journey(
        a_goal(when=when("week")), earning=[a_rule(when=when("day"))], referral=Referral(when=when("year"))
    )
    journey.does(a_purchase(0))
    assert journey.account.counters == {
        "visits": 1,
        "visits/day@2026-11-21": 1,
        "visits/week@2026-11-16": 1,
        "visits/year@2026-01-01": 1,
    }


def test_a_condition_on_what_was_counted_looks_at_what_was_before() -> None:
    rule = a_flat_rule(when=When(counted={"visits": CountedSoFar(Range(2, 2), "month")}))
    journey = a_journey(earning=[rule])
    assert points_of(journey, ["2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23", "2026-12-01"]) == [
        0,
        0,
        10,
        0,
        0,
    ]


@pytest.mark.parametrize(
    ("zone", "at", "key"),
    [
        ("UTC", "2026-12-01T03:00:00+00:00", "visits/month@2026-12-01"),
        ("America/New_York", "2026-12-01T03:00:00+00:00", "visits/month@2026-11-01"),
        ("Pacific/Auckland", "2026-11-30T11:00:00+00:00", "visits/month@2026-12-01"),
    ],
)
def test_a_month_begins_at_midnight_where_the_programme_is(zone: str, at: str, key: str) -> None:
    journey = a_journey(tiers=Tiers(levels(gold={"visits": 99}), window="month"), zone=ZoneInfo(zone))
    journey.does(a_purchase(0, occurred_at=datetime.fromisoformat(at)))
    assert key in journey.account.counters


# A goal once a period.


def test_a_goal_is_reached_once_a_period() -> None:
    journey = a_journey(a_goal(reach=2))
    days = ["2026-11-01", "2026-11-30", "2026-11-30", "2026-11-30", "2026-12-01", "2026-12-02"]
    assert points_of(journey, days) == [0, 50, 0, 0, 0, 50]


def test_a_goal_says_how_far_it_is_when_it_is_reached_and_that_it_was() -> None:
    journey = a_journey(a_goal(reach=2))
    assert [reason_of(journey.does(a_purchase(0)).posting, "goal") for _ in range(3)] == [
        Reason("goal", False, condition="goal_not_reached", facts={"progress": 1, "reach": 2}),
        Reason("goal", True, 50, facts={"progress": 2, "reach": 2, "times": 1}),
        Reason("goal", False, condition="goal_reached_before", facts={"progress": 3, "reach": 2}),
    ]


def test_a_goal_for_ever_is_reached_once_for_ever() -> None:
    journey = a_journey(a_goal(reach=2, per="ever"))
    assert points_of(journey, ["2026-11-01", "2027-11-01", "2030-11-01", "2036-11-01"]) == [0, 50, 0, 0]


@pytest.mark.parametrize(
    ("counts", "events", "expected"),
    [
        ("spend", [a_purchase(150), a_purchase(149), a_purchase(1)], [0, 0, 50]),
        ("points", [a_purchase(29900), an_activity(), a_purchase(100)], [299, 51, 1]),
        ("review", [an_activity()] * 300, [1] * 299 + [51]),
        ("stars", [a_purchase(9900), an_activity("quiz")], [99, 50]),
    ],
)
def test_goals_count_spend_points_activities_and_counters(
    counts: str, events: Sequence[Purchase | Activity], expected: list[int]
) -> None:
    rules = [
        a_rule(),
        a_rule(2, id="stars-of-purchases", into="stars"),
        a_flat_rule(1, "review-point", on=("review",)),
        a_flat_rule(102, "quiz-stars", on=("quiz",), into="stars"),
    ]
    # 300 of whatever is counted; the small purchases earn a point by the dollar.
    journey = a_journey(a_goal(counts, 300), earning=rules, counters={"stars": {}})
    points = [journey.does(event).posting.points for event in events]
    base = {"spend": [1, 1, 0]}.get(counts, [0] * len(events))
    assert points == [one + more for one, more in zip(expected, base, strict=True)]


def test_an_event_that_brings_nothing_of_what_a_goal_counts_says_so_or_nothing() -> None:
    goals = a_goal("points", id="points-goal"), a_goal("review", id="review-goal"), a_goal("spend", id="spend-goal")
    posting = a_journey(*goals).does(a_purchase(0)).posting
    assert list(posting.explanation) == [
        Reason("points-goal", False, condition="nothing_to_count"),
        Reason("spend-goal", False, condition="nothing_to_count"),
    ]


def test_only_the_lines_a_goal_takes_bring_it_nearer() -> None:
    vinyl = LineFilter(category=Match(frozenset({"vinyl"})))
    journey = a_journey(a_goal("spend", 1000, lines=vinyl))
    lines = a_line("1", 600, categories=("vinyl",)), a_line("2", 5000), a_line("3", 399, categories=("vinyl",))
    posting = journey.does(a_basket(*lines)).posting
    assert reason_of(posting, "goal").facts == {"progress": 999, "reach": 1000}
    assert Count("goal.goal/month@2026-11-01", {"1": 600, "3": 399}) in posting.counts
    assert reason_of(journey.does(a_basket(lines[1])).posting, "goal").condition == "no_line_counts"
    assert journey.does(a_basket(a_line("1", 1, categories=("vinyl",)))).posting.points == 50


def test_a_purchase_that_fails_the_goals_conditions_does_not_count() -> None:
    journey = a_journey(a_goal(reach=1, when=When(store=Match(frozenset({"lyon"})))))
    assert reason_of(journey.does(a_basket(a_line(), store="paris")).posting, "goal") == Reason(
        "goal", False, condition="store", facts={"is": "paris"}
    )
    assert journey.does(a_basket(a_line(), store="lyon")).posting.points == 50


def test_goals_do_not_count_the_points_that_goals_give() -> None:
    journey = a_journey(a_goal("visits", 1, id="one"), a_goal("points", 40, id="other"), earning=[])
    assert journey.does(a_purchase(100)).posting.points == 50
    assert "points" not in journey.account.counters


@pytest.mark.parametrize("id", ["visits", "spend", "points", "referred", "active", "all"])
def test_a_goal_shares_no_count_with_anything_whatever_its_name(id: str) -> None:
    journey = a_journey(a_goal("visits", 2, "ever", id=id), earning=[a_rule()])
    journey.does(a_purchase(100))
    assert {key: value for key, value in journey.account.counters.items() if key in {"visits", "spend", "points"}} == {
        "visits": 1,
        "spend": 100,
        "points": 1,
    }
    assert reason_of(journey.does(a_purchase(0)).posting, id).points == 50


# Again and again.


def test_a_goal_that_repeats_is_reached_with_each_full_step() -> None:
    journey = a_journey(a_goal("spend", 1000, repeat=True))
    assert [journey.does(a_purchase(amount)).posting.points for amount in (999, 1, 2500, 499, 1)] == [0, 50, 100, 0, 50]


def test_a_goal_that_repeats_says_how_often_and_what_is_still_missing() -> None:
    journey = a_journey(a_goal("spend", 1000, repeat=True))
    assert reason_of(journey.does(a_purchase(3500)).posting, "goal").facts == {
        "progress": 3500,
        "reach": 1000,
        "times": 3,
    }
    last = reason_of(journey.does(a_purchase(100)).posting, "goal")
    assert (last.condition, last.facts) == ("goal_not_reached", {"progress": 3600, "reach": 1000})


@pytest.mark.parametrize(("rewards_return", "points"), [(True, [50, 0, 50]), (False, [0, 0, 50])])
def test_what_comes_back_must_be_reached_again_and_is_never_rewarded_twice(
    rewards_return: bool, points: list[int]
) -> None:
    """Where the return took the goal back, it is given again; where it stayed, it is not."""
    journey = a_journey(a_goal("spend", 1000, repeat=True), rewards_return=rewards_return)
    first = journey.does(a_purchase(1000))
    journey.returns(first)
    assert [journey.does(a_purchase(amount)).posting.points for amount in (1000, 999, 1)] == points
    assert journey.account.balance(NOW.date()).active == 100


# Rewards.


def test_a_goal_gives_its_reward_at_once() -> None:
    journey = a_journey(a_goal(reach=1, points=0, reward="voucher-5"))
    posting = journey.does(on("2026-11-21")).posting
    assert [(one.reward, one.value, one.valid_from, one.valid_until) for one in posting.issued] == [
        ("voucher-5", 500, date(2026, 11, 21), date(2027, 2, 19))
    ]
    assert reason_of(posting, "goal").facts == {"progress": 1, "reach": 1, "times": 1, "reward": "voucher-5"}


@pytest.mark.parametrize(
    ("per", "start"),
    [("week", date(2026, 11, 23)), ("month", date(2026, 12, 1)), ("anniversary", date(2027, 1, 15))],
)
def test_or_for_the_next_period(per: Any, start: date) -> None:
    journey = a_journey(a_goal(reach=1, per=per, points=0, reward="voucher-5", next_period=True))
    [reward] = journey.does(on("2026-11-21")).posting.issued
    assert (reward.valid_from, reward.valid_until) == (start, start + timedelta(days=90))


def test_several_rewards_at_once() -> None:
    mug = replace(a_reward(id="mug"), kind="product", value=None)
    goal = a_goal("spend", 1000, points=0, reward="mug", repeat=True)
    posting = a_journey(goal, rewards=[mug]).does(a_purchase(2000)).posting
    assert [reward.reward for reward in posting.issued] == ["mug", "mug"]


# Streaks: November 2026 has Mondays on the 2nd, 9th, 16th, 23rd and 30th.

THREE_WEEKS = a_goal(reach=1, per="week", in_a_row=3)


@pytest.mark.parametrize(
    ("days", "points"),
    [
        (["2026-11-02", "2026-11-15", "2026-11-16"], [0, 0, 50]),
        (["2026-11-02", "2026-11-03", "2026-11-09", "2026-11-10", "2026-11-16"], [0, 0, 0, 0, 50]),
        # A week without a visit: it begins anew.
        (["2026-11-02", "2026-11-09", "2026-11-23", "2026-11-30", "2026-12-07"], [0, 0, 0, 0, 50]),
        # Rewarded weeks are used up.
        (["2026-11-02", "2026-11-09", "2026-11-16", "2026-11-17", "2026-11-23", "2026-11-30"], [0, 0, 50, 0, 0, 0]),
        (["2026-11-02", "2026-11-09", "2026-11-16", "2026-11-23", "2026-11-30", "2026-12-07"], [0, 0, 50, 0, 0, 50]),
        # A purchase that arrives late closes the gap, before, between and after.
        (["2026-11-09", "2026-11-16", "2026-11-02"], [0, 0, 50]),
        (["2026-11-02", "2026-11-16", "2026-11-09"], [0, 0, 50]),
        (["2026-11-02", "2026-11-09", "2026-11-23", "2026-11-30", "2026-11-16"], [0, 0, 0, 0, 50]),
    ],
)
def test_three_weeks_in_a_row(days: list[str], points: list[int]) -> None:
    assert points_of(a_journey(THREE_WEEKS), days) == points


def test_each_week_of_a_streak_must_reach_the_goal() -> None:
    journey = a_journey(a_goal(reach=2, per="week", in_a_row=2))
    days = ["2026-11-02", "2026-11-03", "2026-11-09", "2026-11-16", "2026-11-17", "2026-11-10"]
    assert points_of(journey, days) == [0, 0, 0, 0, 0, 50]


def test_a_streak_says_how_far_the_period_is() -> None:
    journey = a_journey(a_goal(reach=2, per="week", in_a_row=2))
    facts = [reason_of(journey.does(on(day)).posting, "goal") for day in ("2026-11-02", "2026-11-03", "2026-11-09")]
    assert [(one.condition, one.facts["progress"]) for one in facts] == [
        ("goal_not_reached", 1),
        ("streak_not_complete", 2),
        ("goal_not_reached", 1),
    ]


@pytest.mark.parametrize(
    ("per", "in_a_row", "step"), [("day", 40, 1), ("week", 52, 7), ("month", 24, 31), ("quarter", 12, 92)]
)
def test_the_longest_streaks_are_remembered_to_their_end(per: Any, in_a_row: int, step: int) -> None:
    journey = a_journey(a_goal(reach=1, per=per, in_a_row=in_a_row))
    start = datetime(2026, 1, 5, tzinfo=UTC)
    starts = [start + timedelta(days=step * i) for i in range(in_a_row)]
    points = [journey.does(a_purchase(0, occurred_at=at)).posting.points for at in starts]
    assert points == [0] * (in_a_row - 1) + [50]


# Late, and in any order.


def test_a_purchase_that_arrives_late_counts_for_the_month_in_which_it_was_made() -> None:
    journey = a_journey(a_goal(reach=2))
    assert points_of(journey, ["2026-10-30", "2026-11-02", "2026-10-31", "2026-11-01"]) == [0, 0, 50, 50]


Days = st.lists(st.tuples(st.integers(0, 34), st.integers(0, 3000)), min_size=1, max_size=10)


@given(Days, st.randoms(use_true_random=False))
def test_progress_and_windows_do_not_depend_on_the_order_of_arrival(days: list[tuple[int, int]], order: Any) -> None:
    goals = (
        a_goal("spend", 4000, "month", id="monthly"),
        a_goal("spend", 1500, "week", id="again", repeat=True),
        a_goal("visits", 3, "ever", id="once"),
        a_goal("points", 9, "day", id="points-of-a-day"),
        a_goal("visits", 1, "week", id="streak", in_a_row=2),
    )
    tiers = Tiers(levels(gold={"spend": 5000}, black={"visits": 6, "points": 40}), window="month", held="next_window")
    program = a_program(earning=[a_rule()], goals=goals, tiers=tiers)
    purchases = [
        a_purchase(amount, occurred_at=NOW + timedelta(days=day, seconds=i)) for i, (day, amount) in enumerate(days)
    ]
    shuffled = list(purchases)
    order.shuffle(shuffled)

    one, other = journey_through(program, purchases), journey_through(program, shuffled)

    assert without_streaks(one.account.counters) == without_streaks(other.account.counters)


def journey_through(program: Program, purchases: Sequence[Purchase]) -> Journey:
    journey = Journey(program, an_account(enrolled_at=ENROLLED))
    for purchase in purchases:
        journey.does(purchase, NOW + timedelta(days=40))
    return journey


def without_streaks(counters: Mapping[str, int]) -> dict[str, int]:
    """Which weeks a streak used up depends on which of them came first."""
    return {key: value for key, value in counters.items() if not key.startswith("streak.streak.done")}


def test_a_posting_without_goals_has_no_reasons_of_goals() -> None:
    posting: Posting = a_journey(earning=[a_rule()]).does(a_purchase(100)).posting
    assert [reason.rule for reason in posting.explanation] == ["every-dollar"]
