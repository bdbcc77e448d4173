"""Tiers: when one is reached, how long it is held, and what is given."""

from datetime import UTC, date, datetime, timedelta

import pytest

from functions.ledger.account import TierStep
from functions.program.model import Level, Tiers
from functions.program.periods import Calendar
from functions.program.tiers import (
    STEPS_KEPT,
    counter_key,
    days_of_months,
    granted,
    lifted,
    lowered,
    measures,
    opened,
    progress,
    reached,
    reviewed,
    tier_at,
)
from tests.unit.careers import ENROLLED, LEVELS, Career
from tests.unit.factories import NOW, a_program

CALENDAR = Calendar(ENROLLED)
DAY = date(2026, 11, 21)


def test_what_is_counted_for_ever_and_in_a_period_lies_under_different_keys() -> None:
    assert counter_key("visits", "ever", "") == "visits"
    assert counter_key("visits", "month", "2026-03-01") == "visits/month@2026-03-01"


# --- reached -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("spend", "rank"), [(0, 0), (499, 0), (500, 1), (999, 1), (1000, 2), (5000, 2)])
def test_the_highest_tier_whose_minimum_is_met_is_reached(spend: int, rank: int) -> None:
    assert reached(Tiers(LEVELS), {"spend/year@2026-01-01": spend}, CALENDAR, DAY) == rank


WAYS = Tiers(
    [
        Level("basic", {}),
        Level("gold", {}, reach=[{"spend": 1000}, {"visits": 20, "points": 100}], lifetime=[{"spend": 9000}]),
    ]
)


@pytest.mark.parametrize(
    ("counters", "rank"),
    [
        ({"spend/year@2026-01-01": 1000}, 1),
        ({"visits/year@2026-01-01": 20}, 0),
        ({"visits/year@2026-01-01": 20, "points/year@2026-01-01": 99}, 0),
        ({"visits/year@2026-01-01": 20, "points/year@2026-01-01": 100}, 1),
        ({"spend/year@2025-01-01": 1000}, 0),
        ({"spend": 8999}, 0),
        ({"spend": 9000}, 1),
    ],
)
def test_one_way_with_all_it_names_is_enough(counters: dict[str, int], rank: int) -> None:
    assert reached(WAYS, counters, CALENDAR, DAY) == rank


def test_only_what_counts_within_the_window_must_be_counted_for_it() -> None:
    tiers = Tiers([Level("a", {}), Level("b", {}, [{"spend": 1, "months": 2}, {"visits": 3}], [{"points": 9}])])
    assert measures(tiers) == {"spend", "visits"}


@pytest.mark.parametrize(
    ("day", "months"),
    [(date(2024, 5, 17), 0), (date(2024, 6, 16), 0), (date(2024, 6, 17), 1), (date(2026, 5, 16), 23), (DAY, 30)],
)
def test_months_count_from_the_day_of_enrolment(day: date, months: int) -> None:
    assert progress("months", Tiers(LEVELS), {}, CALENDAR, day) == months


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        # Twelve months to the day, and the whole of the month that they begin in.
        (date(2026, 12, 30), 2 + 4 + 8),
        (date(2026, 12, 31), 2 + 4 + 8),
        (date(2026, 11, 30), 1 + 2 + 4),
        (date(2026, 11, 29), 1 + 2 + 4),
        (date(2027, 2, 28), 4 + 8),
    ],
)
def test_a_rolling_window_is_the_months_that_it_touches(day: date, expected: int) -> None:
    tiers = Tiers(LEVELS, rolling_months=12, held="months", held_months=12)
    months = {"2025-12-01": 1, "2026-01-01": 2, "2026-11-01": 4, "2026-12-01": 8}
    counters = {counter_key("spend", "month", month): value for month, value in months.items()}
    if day == date(2026, 12, 30):  # from 31 December 2025 on
        expected += 1
    assert progress("spend", tiers, counters, CALENDAR, day) == expected


# --- lifted and held -----------------------------------------------------------------------------------------------


def held(window: str = "year", rolling: int = 0, held: str = "next_window", months: int = 0, grace: int = 0) -> Tiers:
    return Tiers(LEVELS, window, rolling, held, months, grace)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("tiers", "bought_on", "until"),
    [
        # To the end of next year, as Sephora does.
        (held(), date(2026, 4, 10), date(2027, 12, 31)),
        (held(), date(2026, 12, 31), date(2027, 12, 31)),
        (held(), date(2027, 1, 1), date(2028, 12, 31)),
        (held(held="window"), date(2026, 4, 10), date(2026, 12, 31)),
        (held(held="window", grace=1), date(2026, 4, 10), date(2027, 1, 31)),
        (held(held="ever"), date(2026, 4, 10), None),
        (held(held="months", months=12), date(2026, 3, 15), date(2027, 3, 14)),
        # A fiscal year from 1 March, and a month of grace.
        (held("fiscal", held="window"), date(2028, 2, 29), date(2028, 2, 29)),
        (held("fiscal", grace=1), date(2027, 2, 28), date(2028, 3, 31)),
        (held("fiscal", grace=1), date(2027, 3, 1), date(2029, 3, 31)),
        # Shorter windows.
        (held("month", held="window"), date(2028, 2, 10), date(2028, 2, 29)),
        (held("month"), date(2026, 12, 10), date(2027, 1, 31)),
        (held("quarter", held="window"), date(2026, 2, 10), date(2026, 3, 31)),
        (held("quarter"), date(2026, 11, 10), date(2027, 3, 31)),
        # From the day of enrolment, 17 May.
        (held("anniversary", held="window"), date(2026, 5, 16), date(2026, 5, 16)),
        (held("anniversary"), date(2026, 5, 16), date(2027, 5, 16)),
        (held("anniversary"), date(2026, 5, 17), date(2028, 5, 16)),
        (held("ever", held="ever"), date(2026, 4, 10), None),
        # Twelve months from the day.
        (held(rolling=12, held="months", months=12), date(2026, 3, 15), date(2027, 3, 14)),
        (held(rolling=12, held="months", months=12, grace=2), date(2026, 3, 15), date(2027, 5, 14)),
        (held(rolling=12, held="months", months=12), date(2028, 2, 29), date(2029, 2, 27)),
        (held(rolling=3, held="ever"), date(2026, 3, 15), None),
    ],
)
def test_a_tier_is_reached_at_once_and_held_as_the_programme_says(
    tiers: Tiers, bought_on: date, until: date | None
) -> None:
    career = Career(tiers, fiscal_year=(3, 1))
    assert career.buys(bought_on, 1000) == "gold"
    assert career.steps[-1] == TierStep(
        "gold",
        datetime(bought_on.year, bought_on.month, bought_on.day, 12, tzinfo=UTC),
        until,
        {"spend": 1000} if tiers.rolling_months and tiers.held_months else {},
    )
    if until is not None:
        assert career.on(until).tier == "gold"
        assert career.on(until + timedelta(days=1)).tier == "basic"


def test_steps_lead_up_one_after_the_other() -> None:
    career = Career(held())
    bought = [career.buys(date(2026, month, 1), 300) for month in (1, 2, 3, 4)]
    assert bought == ["basic", "silver", "silver", "gold"]
    assert [step.tier for step in career.steps] == ["basic", "silver", "gold"]


def test_reaching_a_tier_again_holds_it_for_longer_from_the_same_day() -> None:
    career = Career(held())
    career.buys(date(2026, 4, 10), 1000)
    first = career.steps[-1]
    assert career.buys(date(2027, 6, 1), 999) == "gold"
    assert career.steps[-1] == first
    career.buys(date(2027, 6, 2), 1)
    assert career.steps[-1] == TierStep("gold", first.since, date(2028, 12, 31))


def test_a_tier_held_for_months_is_held_from_the_day_it_was_reached_and_no_purchase_prolongs_it() -> None:
    career = Career(held(rolling=12, held="months", months=12))
    career.buys(date(2026, 3, 15), 1000)
    career.buys(date(2026, 9, 15), 1000)
    assert career.steps[-1].until == date(2027, 3, 14)


def test_a_purchase_below_the_present_tier_changes_nothing() -> None:
    career = Career(held())
    career.matched(date(2026, 1, 1), "gold", 24)
    before = career.steps
    assert career.buys(date(2026, 2, 1), 600) == "gold"
    assert career.steps == before


def test_a_late_purchase_reaches_the_tier_of_its_day_but_not_before_the_present_step() -> None:
    career = Career(held())
    career.buys(date(2026, 12, 20), 500)
    silver = career.steps[-1]
    assert career.buys(date(2026, 12, 1), 500) == "gold"
    assert career.steps[-1] == TierStep("gold", silver.since, date(2027, 12, 31))


def test_only_the_last_steps_are_kept() -> None:
    career = Career(held("month", held="window"))
    for month in range(1, 13):
        career.buys(date(2026, month, 1), 1000)
        career.on(date(2026 + month // 12, month % 12 + 1, 1))
    assert len(career.steps) == STEPS_KEPT
    assert career.steps[-1].tier == "basic"


# --- for ever ------------------------------------------------------------------------------------------------------


LIFETIME = Tiers([*LEVELS[:2], Level("gold", {}, [{"spend": 1000}], lifetime=[{"spend": 3000}])])


def test_what_was_counted_over_all_years_may_keep_a_tier_for_ever() -> None:
    career = Career(LIFETIME)
    tiers = [career.buys(date(2024 + i, 6, 1), 800) for i in range(4)]
    assert tiers == ["silver", "silver", "silver", "gold"]
    assert career.on(date(2060, 1, 1)) == TierStep("gold", datetime(2027, 6, 1, 12, tzinfo=UTC), None)


def test_a_tier_that_is_held_is_kept_for_ever_once_enough_was_counted() -> None:
    career = Career(LIFETIME)
    career.buys(date(2026, 6, 1), 2900)
    assert career.steps[-1].until == date(2027, 12, 31)
    career.buys(date(2026, 7, 1), 100)
    assert career.steps[-1] == TierStep("gold", datetime(2026, 6, 1, 12, tzinfo=UTC), None)


# --- given ---------------------------------------------------------------------------------------------------------


def test_a_tier_is_given_for_months_or_as_if_it_was_reached() -> None:
    at = datetime(2026, 3, 10, 12, tzinfo=UTC)
    assert Career(held()).matched(date(2026, 3, 10), "gold", 6) == TierStep("gold", at, date(2026, 9, 9), given=True)
    assert Career(held()).matched(date(2026, 3, 10), "gold", None) == TierStep(
        "gold", at, date(2027, 12, 31), given=True
    )


def test_who_renews_before_the_end_loses_nothing_of_what_is_still_to_come() -> None:
    career = Career(held())
    career.matched(date(2026, 3, 10), "gold", 6)
    assert career.matched(date(2026, 8, 9), "gold", 6).until == date(2027, 3, 9)


def test_who_renews_after_the_end_begins_on_that_day() -> None:
    career = Career(held())
    career.matched(date(2026, 3, 10), "gold", 6)
    renewed = career.matched(date(2026, 10, 1), "gold", 6)
    assert renewed == TierStep("gold", datetime(2026, 10, 1, 12, tzinfo=UTC), date(2027, 3, 31), given=True)
    assert [step.tier for step in career.steps] == ["basic", "gold", "basic", "gold"]


def test_after_a_given_tier_comes_what_was_reached_meanwhile() -> None:
    career = Career(held())
    career.matched(date(2026, 3, 10), "gold", 6)
    career.buys(date(2026, 4, 1), 600)
    assert career.on(date(2026, 9, 10)) == TierStep("silver", datetime(2026, 9, 10, tzinfo=UTC), date(2027, 12, 31))


def test_what_is_given_where_tiers_are_for_ever_ends_all_the_same() -> None:
    career = Career(held("ever", held="ever"))
    career.matched(date(2026, 3, 10), "gold", 6)
    career.buys(date(2026, 4, 1), 600)
    assert career.on(date(2026, 9, 9)).tier == "gold"
    assert career.on(date(2026, 9, 10)) == TierStep("silver", datetime(2026, 9, 10, tzinfo=UTC), None)


@pytest.mark.parametrize(
    ("tiers", "until"),
    [
        (held(held="ever"), None),
        (held(rolling=12, held="months", months=12), date(2026, 12, 9)),
        (held("month", grace=9), date(2026, 10, 31)),
    ],
    ids=["ever", "rolling", "grace"],
)
def test_after_a_given_tier_comes_the_one_that_is_still_held(tiers: Tiers, until: date | None) -> None:
    career = Career(tiers)
    career.buys(date(2025, 12, 10), 600)
    assert career.steps[-1].until == until
    career.matched(date(2026, 2, 1), "gold", 6)
    step = career.on(date(2026, 8, 1))
    assert (step.tier, step.until) == ("silver", until)


def test_nobody_is_given_less_than_they_have() -> None:
    career = Career(held())
    career.buys(date(2026, 3, 10), 1000)
    before = career.steps
    assert career.matched(date(2026, 4, 1), "silver", 60) == before[-1]
    assert career.matched(date(2026, 4, 1), "gold", None) == before[-1]
    assert career.steps == before


def test_who_has_a_tier_for_ever_keeps_it_for_ever() -> None:
    career = Career(held(held="ever"))
    career.buys(date(2026, 3, 10), 1000)
    assert career.matched(date(2026, 4, 1), "gold", 6).until is None


# --- at an instant -------------------------------------------------------------------------------------------------


def test_the_tier_of_an_instant_is_that_of_the_latest_step_before_it() -> None:
    program = a_program(tiers=Tiers(LEVELS))
    steps = [TierStep("silver", NOW), TierStep("gold", NOW + timedelta(days=1))]
    moments = [NOW - timedelta(days=1), NOW, NOW + timedelta(hours=23), NOW + timedelta(days=1)]
    assert [tier_at(steps, program, at) for at in moments] == ["silver", "silver", "silver", "gold"]
    assert tier_at((), program, NOW) == "basic"


def test_what_comes_so_late_that_it_was_over_before_the_present_step_lifts_nobody() -> None:
    career = Career(held("month", held="window"), zone="Europe/Paris")
    career.buys(date(2026, 7, 10), 1000)
    now = career.on(date(2026, 8, 1))
    assert now.tier == "basic"
    late = datetime(2026, 7, 14, 12, tzinfo=UTC)
    assert lifted(career.steps, career.counters, career.program, career.enrolled_on, late) == career.steps


def test_where_there_are_no_tiers_nothing_happens_to_them() -> None:
    program = a_program()
    assert opened(program, NOW) == ()
    assert reviewed((), {}, program, DAY, DAY) == ()
    assert reviewed((), {}, a_program(tiers=Tiers(LEVELS)), DAY, DAY) == ()
    assert lifted((), {"spend": 5000}, program, DAY, NOW) == ()
    assert granted((), program, "gold", 6, DAY, NOW) == ()
    assert lowered((), {}, {}, program, DAY, NOW) == ()
    assert tier_at((), program, NOW) == ""


def test_the_days_on_which_months_of_membership_may_lift_are_known_beforehand() -> None:
    tiers = Tiers(
        [
            Level("basic", {}),
            Level("silver", {}, [{"spend": 500}, {"months": 12}]),
            Level("gold", {}, [{"months": 24, "spend": 1}], lifetime=[{"months": 12}]),
        ]
    )
    assert days_of_months(a_program(tiers=tiers), date(2024, 2, 29)) == [date(2025, 2, 28), date(2026, 2, 28)]
    assert days_of_months(a_program(tiers=Tiers(LEVELS)), ENROLLED) == []
