"""What becomes of a tier if nothing more is counted, what keeps it, and what lifts it."""

from datetime import UTC, date, datetime

from functions.ledger.account import TierStep
from functions.lifecycle.forecast import Need, forecast
from functions.program.model import Level, Tiers
from tests.unit.careers import LEVELS
from tests.unit.factories import NOW, a_program, an_account

BASIC, SILVER, GOLD = LEVELS
YEARLY = Tiers(LEVELS, "year", held="window")


def test_without_tiers_there_is_nothing_to_tell() -> None:
    assert forecast(an_account(), a_program(), NOW) is None


def test_who_has_no_step_yet_has_the_lowest_tier_and_hears_of_the_next() -> None:
    account = an_account(counters={"spend/year@2026-01-01": 120})
    found = forecast(account, a_program(tiers=YEARLY), NOW)
    assert found is not None
    assert (found.tier, found.since, found.held_until, found.then, found.keep) == (BASIC, NOW, None, None, [])
    assert (found.next, found.ways) == (SILVER, [[Need("spend", 120, 500)]])


def test_a_tier_that_will_be_lost_says_what_keeps_it() -> None:
    account = an_account(tiers=(TierStep("silver", NOW, date(2026, 12, 31)),), counters={"spend/year@2026-01-01": 600})
    found = forecast(account, a_program(tiers=YEARLY), NOW)
    assert found is not None
    assert (found.tier, found.held_until, found.then) == (SILVER, date(2026, 12, 31), "basic")
    assert found.keep == [[Need("spend", 600, 500)]]
    assert (found.next, found.ways) == (GOLD, [[Need("spend", 600, 1000)]])


def test_a_tier_that_will_be_kept_needs_nothing() -> None:
    tiers = Tiers(LEVELS, "year", held="next_window")
    account = an_account(tiers=(TierStep("silver", NOW, date(2026, 12, 31)),), counters={"spend/year@2026-01-01": 600})
    found = forecast(account, a_program(tiers=tiers), NOW)
    assert found is not None
    assert (found.then, found.keep) == ("silver", [])


def test_the_highest_tier_has_none_above_and_one_for_ever_none_after() -> None:
    found = forecast(an_account(tiers=(TierStep("gold", NOW),)), a_program(tiers=YEARLY), NOW)
    assert found is not None
    assert (found.tier, found.held_until, found.then, found.next, found.ways) == (GOLD, None, None, None, [])


def test_a_tier_whose_time_is_over_is_told_as_it_is_though_the_night_has_not_come() -> None:
    account = an_account(tiers=(TierStep("gold", NOW, date(2026, 12, 31)),))
    found = forecast(account, a_program(tiers=YEARLY), datetime(2027, 1, 1, 0, 30, tzinfo=UTC))
    assert found is not None
    assert (found.tier, found.since) == (BASIC, datetime(2027, 1, 1, tzinfo=UTC))


def test_every_way_to_a_tier_is_told() -> None:
    levels = [Level("basic", {}), Level("silver", {}, [{"spend": 500}, {"visits": 10, "months": 6}])]
    account = an_account(counters={"visits/year@2026-01-01": 4}, enrolled_at=datetime(2026, 8, 21, tzinfo=UTC))
    found = forecast(account, a_program(tiers=Tiers(levels, "year", held="window")), NOW)
    assert found is not None
    assert found.ways == [[Need("spend", 0, 500)], [Need("visits", 4, 10), Need("months", 3, 6)]]
