"""What becomes of tiers: reviews when their time is over, and returns of what they rested on."""

from datetime import UTC, date, datetime, timedelta

import pytest

from functions.ledger.account import TierStep
from functions.program.model import Level, Tiers
from tests.unit.careers import ENROLLED, LEVELS, Career

YEARLY = Tiers(LEVELS)
THIS_YEAR = Tiers(LEVELS, held="window")
ROLLING = Tiers(LEVELS, rolling_months=12, held="months", held_months=12)


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


# --- reviews -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tiers", "bought", "day", "tier", "until"),
    [
        # To the end of next year: what next year reaches counts from then on.
        (YEARLY, [(date(2026, 4, 10), 1000)], date(2027, 12, 31), "gold", date(2027, 12, 31)),
        (YEARLY, [(date(2026, 4, 10), 1000)], date(2028, 1, 1), "basic", None),
        (YEARLY, [(date(2026, 4, 10), 1000), (date(2027, 5, 1), 600)], date(2028, 1, 1), "silver", date(2028, 12, 31)),
        (YEARLY, [(date(2026, 4, 10), 1000), (date(2027, 5, 1), 1000)], date(2028, 1, 1), "gold", date(2028, 12, 31)),
        # To the end of the window, and what grace there is.
        (THIS_YEAR, [(date(2026, 4, 10), 1000)], date(2027, 1, 1), "basic", None),
        (
            Tiers(LEVELS, held="window", grace_months=1),
            [(date(2026, 4, 10), 1000), (date(2027, 1, 20), 600)],
            date(2027, 2, 1),
            "silver",
            date(2028, 1, 31),
        ),
        (
            Tiers(LEVELS, held="window", grace_months=1),
            [(date(2026, 4, 10), 1000), (date(2027, 1, 20), 1000)],
            date(2027, 2, 1),
            "gold",
            date(2028, 1, 31),
        ),
        # A fiscal year from 1 March with a month of grace: 2026 is held to 31 March 2028.
        (
            Tiers(LEVELS, "fiscal", grace_months=1),
            [(date(2026, 4, 10), 1000), (date(2028, 2, 29), 600)],
            date(2028, 4, 1),
            "silver",
            date(2029, 3, 31),
        ),
        (
            Tiers(LEVELS, "fiscal", grace_months=1),
            [(date(2026, 4, 10), 1000), (date(2028, 3, 1), 600)],
            date(2028, 4, 1),
            "silver",
            date(2030, 3, 31),
        ),
    ],
)
def test_when_the_time_of_a_tier_is_over_what_was_reached_meanwhile_counts(
    tiers: Tiers, bought: list[tuple[date, int]], day: date, tier: str, until: date | None
) -> None:
    career = Career(tiers, fiscal_year=(3, 1))
    for bought_on, amount in bought:
        career.buys(bought_on, amount)
    step = career.on(day)
    assert (step.tier, step.until) == (tier, until)


def test_a_long_grace_does_not_hide_what_was_reached_many_windows_ago() -> None:
    """Gold of January is held to the end of February and six months more, silver of March to the end of October."""
    career = Career(Tiers(LEVELS, "month", grace_months=6))
    career.buys(date(2026, 1, 10), 1000)
    career.buys(date(2026, 3, 10), 500)
    assert career.on(date(2026, 8, 31)).tier == "gold"
    step = career.on(date(2026, 9, 1))
    assert (step.tier, step.until) == ("silver", date(2026, 10, 31))


@pytest.mark.parametrize(
    ("bought", "tier"),
    [
        # What the step rested on does not count again,
        ([(date(2026, 3, 15), 1000)], "basic"),
        ([(date(2026, 3, 1), 400), (date(2026, 3, 15), 600)], "basic"),
        ([(date(2026, 2, 1), 400), (date(2026, 3, 15), 600)], "basic"),
        # but all that came after it does, be it in the same month.
        ([(date(2026, 3, 15), 1000), (date(2026, 3, 20), 500)], "silver"),
        ([(date(2026, 3, 15), 1000), (date(2026, 3, 20), 500), (date(2026, 12, 1), 500)], "gold"),
        ([(date(2026, 3, 15), 1000), (date(2027, 3, 14), 1000)], "gold"),
    ],
)
def test_a_review_of_a_rolling_window_does_not_count_twice_what_the_step_rested_on(
    bought: list[tuple[date, int]], tier: str
) -> None:
    career = Career(ROLLING)
    for day, amount in bought:
        career.buys(day, amount)
    assert career.steps[-1].until == date(2027, 3, 14)
    step = career.on(date(2027, 3, 15))
    assert (step.tier, step.until) == (tier, None if tier == "basic" else date(2028, 3, 14))


def test_nor_does_the_review_after_it_count_what_the_one_before_has_counted() -> None:
    career = Career(ROLLING)
    career.buys(date(2026, 3, 15), 1000)
    career.buys(date(2027, 3, 10), 1000)
    assert career.on(date(2027, 3, 15)).tier == "gold"
    assert career.on(date(2028, 3, 15)).tier == "basic"


def test_months_are_those_of_the_programme_wherever_it_is() -> None:
    """1 April in Auckland is still 31 March in UTC."""
    career = Career(ROLLING, zone="Pacific/Auckland")
    career.buys(date(2026, 4, 1), 1000, hour=8)
    assert career.steps[-1].since == datetime(2026, 3, 31, 19, tzinfo=UTC)
    assert career.steps[-1].until == date(2027, 3, 31)
    assert career.on(date(2027, 4, 1)).tier == "basic"


@pytest.mark.parametrize(
    ("soft", "tiers"),
    [(False, ["gold", "basic", "basic", "basic"]), (True, ["gold", "silver", "basic", "basic"])],
)
def test_a_soft_landing_is_one_tier_at_a_time(soft: bool, tiers: list[str]) -> None:
    career = Career(Tiers(LEVELS, held="window", soft=soft))
    career.buys(date(2026, 4, 10), 1000)
    assert [career.on(date(year, 6, 1)).tier for year in (2026, 2027, 2028, 2029)] == tiers


def test_a_soft_landing_is_no_softer_than_what_is_reached() -> None:
    levels = [*LEVELS, Level("platinum", {}, [{"spend": 5000}])]
    career = Career(Tiers(levels, held="window", grace_months=1, soft=True))
    career.buys(date(2026, 4, 10), 5000)
    career.buys(date(2027, 1, 10), 1000)
    assert career.on(date(2027, 2, 1)) == TierStep("gold", midnight(date(2027, 2, 1)), date(2028, 1, 31))


def test_a_soft_landing_lasts_as_many_months_as_any_tier_does() -> None:
    career = Career(Tiers(LEVELS, rolling_months=12, held="months", held_months=12, soft=True))
    career.buys(date(2026, 3, 15), 1000)
    assert career.on(date(2027, 3, 15)) == TierStep("silver", midnight(date(2027, 3, 15)), date(2028, 3, 14))
    assert career.on(date(2028, 3, 15)).tier == "basic"


def test_several_reviews_that_are_overdue_happen_each_on_its_day() -> None:
    career = Career(Tiers(LEVELS, held="window", soft=True))
    career.buys(date(2025, 4, 10), 1000)
    career.on(date(2030, 11, 21))
    assert career.steps[1:] == (
        TierStep("gold", datetime(2025, 4, 10, 12, tzinfo=UTC), date(2025, 12, 31)),
        TierStep("silver", midnight(date(2026, 1, 1)), date(2026, 12, 31)),
        TierStep("basic", midnight(date(2027, 1, 1))),
    )


def test_a_review_that_is_asked_for_again_changes_nothing() -> None:
    career = Career(YEARLY)
    career.buys(date(2026, 4, 10), 1000)
    career.on(date(2028, 1, 1))
    steps = career.steps
    career.on(date(2028, 1, 1))
    assert career.steps == steps


# --- months of membership ------------------------------------------------------------------------------------------


MONTHS = (Level("basic", {}), Level("silver", {}, [{"months": 12}]), Level("gold", {}, lifetime=[{"months": 36}]))


def test_months_of_membership_lift_by_themselves_and_for_ever_where_the_programme_says_so() -> None:
    career = Career(Tiers(MONTHS))
    assert career.on(date(2025, 5, 16)).tier == "basic"
    assert career.on(date(2025, 5, 17)) == TierStep("silver", midnight(date(2025, 5, 17)), date(2026, 12, 31))
    assert career.on(date(2027, 1, 1)) == TierStep("silver", midnight(date(2027, 1, 1)), date(2028, 12, 31))
    assert career.on(date(2027, 5, 16)).tier == "silver"
    assert career.on(date(2027, 5, 17)) == TierStep("gold", midnight(date(2027, 5, 17)), None)
    assert career.on(date(2040, 1, 1)).tier == "gold"


def test_what_time_brings_is_the_same_however_rarely_anyone_looks() -> None:
    seldom, often = Career(Tiers(MONTHS)), Career(Tiers(MONTHS))
    day = ENROLLED
    while day < date(2028, 1, 1):
        often.on(day)
        day += timedelta(days=1)
    seldom.on(date(2027, 12, 31))
    assert seldom.steps == often.steps


# --- returns -------------------------------------------------------------------------------------------------------


APRIL, MAY, JUNE, JULY = (date(2026, month, 10) for month in (4, 5, 6, 7))


def test_a_tier_that_rested_on_a_purchase_goes_when_it_comes_back() -> None:
    career = Career(YEARLY)
    career.buys(APRIL, 1000)
    assert career.returns(APRIL, 1, MAY) == "silver"
    assert career.steps[-1] == TierStep("silver", datetime(2026, 5, 10, 12, tzinfo=UTC), date(2027, 12, 31))


def test_if_all_comes_back_the_lowest_tier_is_left() -> None:
    career = Career(YEARLY)
    career.buys(APRIL, 1000)
    assert career.returns(APRIL, 1000, MAY) == "basic"
    assert career.steps[-1] == TierStep("basic", datetime(2026, 5, 10, 12, tzinfo=UTC))


def test_what_was_reached_without_the_purchase_stays() -> None:
    career = Career(YEARLY)
    assert [career.buys(APRIL, 600), career.buys(MAY, 600)] == ["silver", "gold"]
    assert career.returns(MAY, 600, JUNE) == "silver"


def test_a_tier_for_which_enough_is_left_stays() -> None:
    career = Career(YEARLY)
    career.buys(APRIL, 1500)
    steps = career.steps
    assert career.returns(APRIL, 500, MAY) == "gold"
    assert career.steps == steps


def test_a_tier_that_did_not_rest_on_the_purchase_stays() -> None:
    career = Career(YEARLY)
    career.buys(APRIL, 1000)
    career.buys(date(2027, 2, 1), 300)
    assert career.returns(date(2027, 2, 1), 300, date(2027, 3, 1)) == "gold"

    career = Career(YEARLY)
    career.buys(date(2025, 12, 1), 300)
    career.buys(APRIL, 1000)
    assert career.returns(date(2025, 12, 1), 300, MAY) == "gold"


def test_a_tier_that_was_given_meanwhile_stays() -> None:
    career = Career(YEARLY)
    career.matched(date(2026, 1, 1), "silver", 12)
    career.buys(APRIL, 1000)
    assert career.returns(APRIL, 1000, MAY) == "silver"
    assert career.steps[-1].until == date(2026, 12, 31)


def test_a_tier_that_was_reached_years_ago_does_not_rest_on_what_comes_back_today() -> None:
    career = Career(Tiers(LEVELS, "month", held="ever"), enrolled_on=date(2019, 1, 1))
    career.buys(date(2020, 1, 10), 1000)
    career.buys(APRIL, 600)
    assert career.returns(APRIL, 600, MAY) == "gold"


@pytest.mark.parametrize(("back", "tier"), [(400, "silver"), (1000, "basic")])
def test_where_a_tier_is_held_for_months_a_return_lowers_it_as_well(back: int, tier: str) -> None:
    career = Career(ROLLING)
    career.buys(APRIL, 1000)
    assert career.returns(APRIL, back, JULY) == tier
    assert career.steps[-1].until == (date(2027, 4, 9) if tier == "silver" else None)


def test_where_a_tier_is_held_for_months_enough_that_is_left_keeps_it() -> None:
    career = Career(ROLLING)
    career.buys(APRIL, 1000)
    career.buys(JUNE, 600)
    assert career.returns(JUNE, 600, JULY) == "gold"


def test_a_programme_may_let_returns_lower_nothing() -> None:
    career = Career(Tiers(LEVELS, returns_lower=False))
    career.buys(APRIL, 1000)
    assert career.returns(APRIL, 1000, MAY) == "gold"


@pytest.mark.parametrize("order", [(APRIL, MAY), (MAY, APRIL)], ids=["first first", "last first"])
def test_who_brings_everything_back_has_nothing_left_in_whatever_order(order: tuple[date, date]) -> None:
    career = Career(YEARLY)
    career.buys(APRIL, 600)
    career.buys(MAY, 600)
    career.returns(order[0], 600, JUNE)
    assert career.returns(order[1], 600, JULY) == "basic"


def test_a_tier_that_came_to_rest_on_a_later_purchase_goes_with_that() -> None:
    career = Career(YEARLY)
    career.buys(APRIL, 1000)
    career.buys(MAY, 1000)
    assert career.returns(APRIL, 1000, JUNE) == "gold"
    assert career.returns(MAY, 1000, JULY) == "basic"


def test_a_renewal_goes_with_the_purchase_it_rested_on() -> None:
    career = Career(YEARLY)
    career.buys(APRIL, 1000)
    career.buys(date(2027, 2, 1), 1000)
    assert career.steps[-1].until == date(2028, 12, 31)
    assert career.returns(date(2027, 2, 1), 1000, date(2027, 3, 1)) == "gold"
    assert career.on(date(2028, 1, 1)).tier == "basic"
