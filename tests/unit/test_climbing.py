"""Tiers and events: which tier judges a purchase, what lifts it, and what becomes of the points when it changes."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from functions.accrual.deciding import decide
from functions.ledger.account import Account, TierStep
from functions.ledger.lots import NEVER
from functions.program.model import Earn, Gift, Lasting, Match, Program, Rate, Tiers, When
from tests.unit.factories import (
    NOW,
    Journey,
    a_flat_rule,
    a_gift_rule,
    a_program,
    a_purchase,
    a_rule,
    a_rule_of,
    an_account,
    levels,
    reason_of,
)

ENROLLED = datetime(2025, 1, 15, tzinfo=UTC)
END_OF_NEXT_YEAR = date(2027, 12, 31)
TIERS = Tiers(levels(gold={"spend": 10_000}, black={"spend": 50_000}), window="year", held="next_window")
BY_TIER = a_rule_of(
    Earn({"base": Rate(Fraction(1), 100), "gold": Rate(Fraction(2), 100), "": Rate(Fraction(3), 100)}), "by-tier"
)


def program(**more: Any) -> Program:
    return a_program(**{"earning": [BY_TIER], "tiers": TIERS, **more})


def on_tier(tier: str, since: datetime = ENROLLED, until: date | None = None, **more: Any) -> Account:
    steps = [TierStep("base", ENROLLED), TierStep(tier, since, until)]
    return an_account(**{"enrolled_at": ENROLLED, "tiers": steps, **more})


@pytest.mark.parametrize(("tier", "points"), [("base", 10), ("gold", 20), ("black", 30)])
def test_each_tier_earns_at_its_own_rate_or_at_that_of_all_others(tier: str, points: int) -> None:
    assert decide(on_tier(tier), a_purchase(1000), program(), NOW).points == points


def test_a_tier_without_a_rate_earns_nothing_with_the_reason() -> None:
    only_gold = a_rule_of(Earn({"gold": Rate(Fraction(1), 100)}))
    reason = reason_of(decide(on_tier("base"), a_purchase(1000), program(earning=[only_gold]), NOW), "rule")
    assert (reason.condition, reason.facts) == ("tier", {"is": "base"})


@pytest.mark.parametrize(("tier", "points"), [("base", 0), ("gold", 10), ("black", 0)])
def test_a_rule_may_be_for_one_tier_alone(tier: str, points: int) -> None:
    rule = a_flat_rule(when=When(tier=Match(frozenset({"gold"}))))
    posting = decide(on_tier(tier), a_purchase(1000), program(earning=[rule]), NOW)
    assert posting.points == points
    if not points:
        assert reason_of(posting, "bonus").facts == {"is": tier}


def test_a_tier_the_programme_does_not_have_any_more_is_judged_as_the_lowest() -> None:
    posting = decide(on_tier("silver"), a_purchase(1000), program(lasting=Lasting(after_months=12)), NOW)
    assert posting.points == 10
    assert posting.change.lots == {"2027-11-21": 10}


def test_the_purchase_that_lifts_the_tier_is_judged_by_the_tier_before() -> None:
    journey = Journey(program(), an_account(enrolled_at=ENROLLED))
    first, second = journey.does(a_purchase(10_000)), journey.does(a_purchase(10_000))
    assert (first.posting.points, second.posting.points) == (100, 200)
    assert first.posting.tier_before == "base"
    assert first.posting.tiers == (TierStep("base", ENROLLED), TierStep("gold", NOW, END_OF_NEXT_YEAR))
    assert (first.tier_after, second.posting.tiers) == ("gold", None)


def test_two_tiers_at_once() -> None:
    journey = Journey(program(), an_account(enrolled_at=ENROLLED))
    assert journey.does(a_purchase(50_000)).tier_after == "black"


def test_a_purchase_below_the_next_tier_changes_none_but_opens_the_first() -> None:
    journey = Journey(program(), an_account(enrolled_at=ENROLLED))
    assert journey.does(a_purchase(9999)).posting.tiers == (TierStep("base", ENROLLED),)
    assert journey.does(a_purchase(0)).posting.tiers is None


@pytest.mark.parametrize(
    ("occurred_at", "points"), [(NOW - timedelta(days=20), 10), (NOW - timedelta(days=10), 20), (NOW, 20)]
)
def test_what_arrives_late_is_judged_by_the_tier_of_its_time(occurred_at: datetime, points: int) -> None:
    account = on_tier("gold", since=NOW - timedelta(days=15), until=END_OF_NEXT_YEAR)
    assert decide(account, a_purchase(1000, occurred_at=occurred_at), program(), NOW).points == points


def test_what_happened_before_all_steps_that_are_known_is_judged_by_the_first() -> None:
    account = an_account(enrolled_at=ENROLLED, tiers=[TierStep("gold", NOW - timedelta(days=5))])
    assert decide(account, a_purchase(1000, occurred_at=NOW - timedelta(days=9)), program(), NOW).points == 20


def test_a_late_purchase_that_lifts_the_tier_lifts_it_from_its_own_day_on() -> None:
    journey = Journey(program(), an_account(enrolled_at=ENROLLED))
    then = NOW - timedelta(days=20)
    assert journey.does(a_purchase(10_000, occurred_at=then), now=NOW).posting.tiers == (
        TierStep("base", ENROLLED),
        TierStep("gold", then, END_OF_NEXT_YEAR),
    )


@pytest.mark.parametrize(("day", "points"), [(31, 20), (32, 10)])
def test_a_review_that_is_due_comes_before_the_judging(day: int, points: int) -> None:
    """A purchase at midnight of 1 January must not wait for the night to find that gold has ended."""
    account = on_tier("gold", since=datetime(2025, 3, 1, tzinfo=UTC), until=date(2026, 12, 31))
    at = datetime(2026, 12, 1, tzinfo=UTC) + timedelta(days=day - 1)
    posting = decide(account, a_purchase(1000, occurred_at=at), program(), at)
    assert posting.points == points
    steps = None if points == 20 else (*account.tiers, TierStep("base", datetime(2027, 1, 1, tzinfo=UTC)))
    assert posting.tiers == steps


def test_points_of_goals_and_gifts_come_from_the_same_judgement() -> None:
    journey = Journey(program(earning=[BY_TIER, a_gift_rule(Gift("voucher-5"))]), an_account(enrolled_at=ENROLLED))
    posting = journey.does(a_purchase(10_000)).posting
    assert (posting.points, len(posting.issued), journey.account.tier) == (100, 1, "gold")


# A tier that is given.


@pytest.mark.parametrize(
    ("months", "until"), [(3, date(2027, 2, 20)), (12, date(2027, 11, 20)), (None, END_OF_NEXT_YEAR)]
)
def test_a_rule_may_give_a_tier(months: int | None, until: date) -> None:
    rule = a_gift_rule(Gift(tier="gold", months=months))
    journey = Journey(program(earning=[rule]), an_account(enrolled_at=ENROLLED))
    posting = journey.does(a_purchase(100)).posting
    assert posting.tiers is not None
    assert (posting.tiers[-1].tier, posting.tiers[-1].since, posting.tiers[-1].until) == ("gold", NOW, until)
    assert reason_of(posting, "gift").facts == {"tier": "gold"}
    assert posting.issued == []


def test_a_tier_is_not_given_to_who_has_a_higher_one() -> None:
    account = on_tier("black", until=END_OF_NEXT_YEAR)
    assert decide(account, a_purchase(100), program(earning=[a_gift_rule(Gift(tier="gold"))]), NOW).tiers is None


# What becomes of the points.

BASE_EXPIRES = {"": Lasting(after_months=12), "gold": Lasting()}


def lasting_by_tier(**more: Any) -> Program:
    return replace(program(**more), lasting=BASE_EXPIRES)


def test_points_that_expire_never_do_once_a_tier_is_reached_that_keeps_them() -> None:
    account = an_account({"2026-11-20": 1, "2027-03-01": 2}, enrolled_at=ENROLLED, pending={"2026-12-01>2027-06-01": 4})
    journey = Journey(lasting_by_tier(), account)
    journey.does(a_purchase(10_000))
    # What is over stays over.
    assert journey.account.lots == {"2026-11-20": 1, NEVER: 102}
    assert journey.account.pending == {"2026-12-01>never": 4}


def test_points_that_never_expire_begin_to_when_the_tier_ends() -> None:
    account = on_tier(
        "gold",
        since=datetime(2025, 3, 1, tzinfo=UTC),
        until=date(2026, 10, 31),
        lots={NEVER: 7, "2027-01-01": 1},
        pending={"2026-12-01>never": 4},
    )
    journey = Journey(lasting_by_tier(), account)
    journey.does(a_purchase(1000))
    # Base again from 1 November on, twelve months from then; what the purchase earns lies in a lot of its own.
    assert journey.account.lots == {"2027-01-01": 1, "2027-11-01": 7, "2027-11-21": 10}
    assert journey.account.pending == {"2026-12-01>2027-11-01": 4}


@pytest.mark.parametrize("amount", [100, 40_000])
def test_points_stay_where_they_are_while_the_tier_or_its_expiry_stays(amount: int) -> None:
    two_kept = replace(program(), lasting={**BASE_EXPIRES, "black": Lasting()})
    account = on_tier(
        "gold", until=END_OF_NEXT_YEAR, lots={"2027-01-01": 1, NEVER: 7}, counters={"spend/year@2026-01-01": 10_000}
    )
    journey = Journey(two_kept, account)
    journey.does(a_purchase(amount))
    assert journey.account.tier == ("gold" if amount == 100 else "black")
    assert journey.account.lots == {"2027-01-01": 1, NEVER: 7 + amount // 100 * 2}


def test_a_tier_that_is_reached_by_months_alone_counts_from_its_day() -> None:
    by_months = replace(TIERS, levels=levels(gold={"months": 12}), held="ever")
    account = an_account(enrolled_at=ENROLLED)
    before, after = datetime(2026, 1, 14, 23, tzinfo=UTC), datetime(2026, 1, 15, tzinfo=UTC)
    points = [
        decide(account, a_purchase(1000, occurred_at=at), program(tiers=by_months), NOW).points
        for at in (before, after)
    ]
    assert points == [10, 20]


def test_a_programme_that_gave_up_its_tiers_leaves_those_of_its_members_alone() -> None:
    posting = decide(on_tier("gold"), a_purchase(1000), a_program(earning=[a_rule()]), NOW)
    assert (posting.points, posting.tiers) == (10, None)
