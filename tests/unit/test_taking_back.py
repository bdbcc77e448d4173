"""What a return takes back of all that a purchase brought: points wherever they lie by now, counters, a tier."""

import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.accrual.returning import Return, decide_return
from functions.ledger.account import Count, Returned, TierStep, Traits
from functions.ledger.booking import changed
from functions.ledger.lots import NEVER, total
from functions.ledger.movements import DebtPolicy, spend
from functions.program.model import (
    Bracket,
    Earn,
    EarningRule,
    Gift,
    Group,
    Lasting,
    Limit,
    LineFilter,
    Match,
    Program,
    Rate,
    Referral,
    Tiers,
)
from functions.program.occasions import Purchase, PurchaseLine
from functions.runtime.errors import PointsSpentError
from tests.unit.factories import (
    NOW,
    TODAY,
    Journey,
    a_basket,
    a_flat_rule,
    a_gift_rule,
    a_goal,
    a_line,
    a_program,
    a_purchase,
    a_rule,
    a_rule_of,
    an_account,
    levels,
    reason_of,
)

ENROLLED = datetime(2025, 1, 15, tzinfo=UTC)
EXTENDED = Lasting(after_months=3, extended_by=frozenset({"purchase"}))


def a_journey(program: Program, **account: Any) -> Journey:
    return Journey(program, an_account(**{"enrolled_at": ENROLLED, **account}))


def days(number: int) -> timedelta:
    return timedelta(days=number)


# Points that moved meanwhile.


@pytest.mark.parametrize("policy", ["carry", "forgive", "block"])
@pytest.mark.parametrize("returned_after", [6, 95])
def test_points_that_a_later_purchase_kept_alive_are_found_where_they_lie_now(
    policy: DebtPolicy, returned_after: int
) -> None:
    journey = a_journey(a_program(lasting=EXTENDED, spent_then_returned=policy))
    first = journey.does(a_purchase(1000))
    journey.does(a_purchase(100, occurred_at=NOW + days(5)))
    journey.returns(first, at=NOW + days(returned_after))
    assert journey.account.lots == {"2027-02-26": 1}


def test_a_purchase_that_moved_what_was_there_takes_back_only_what_it_earned() -> None:
    account = {"lots": {"2027-02-20": 5}, "pending": {"2026-12-01>2027-02-20": 10}}
    journey = a_journey(a_program(earning=[a_rule(pending_days=14)], lasting=EXTENDED), **account)
    purchase = journey.does(a_purchase(1000))
    assert journey.account.pending == {"2026-12-01>2027-02-21": 10, "2026-12-05>2027-02-21": 10}
    journey.returns(purchase)
    assert journey.account.lots == {"2027-02-21": 5}
    assert journey.account.pending == {"2026-12-01>2027-02-21": 10}


def test_points_that_were_spent_are_spent_although_lots_move() -> None:
    journey = a_journey(a_program(lasting=EXTENDED, spent_then_returned="block"))
    purchase = journey.does(a_purchase(1000))
    spent = changed(journey.account, spend(journey.account, 4, TODAY))
    with pytest.raises(PointsSpentError):
        decide_return(spent, purchase, Return(NOW, None), journey.program, NOW)


def test_points_that_became_points_for_ever_are_found_as_well() -> None:
    program = a_program(
        tiers=Tiers(levels(gold={"spend": 10_000}), window="year"),
        lasting=Lasting(after_months=12),
        spent_then_returned="forgive",
    )
    program = replace(program, lasting={**program.lasting, "gold": Lasting()})
    journey = a_journey(program)
    first = journey.does(a_purchase(1000))
    journey.does(a_purchase(10_000))
    assert journey.account.lots == {NEVER: 110}
    journey.returns(first)
    assert journey.account.lots == {NEVER: 100}


def test_points_that_wait_are_taken_where_they_wait() -> None:
    journey = a_journey(a_program(earning=[a_rule(), a_flat_rule(5, pending_days=14)]))
    purchase = journey.does(a_purchase(1000))
    journey.returns(purchase)
    assert (journey.account.lots, journey.account.pending) == ({}, {})


# A tier that rested on the purchase.


def test_a_tier_that_rested_on_the_purchase_goes_and_points_expire_again() -> None:
    program = a_program(tiers=Tiers(levels(gold={"spend": 10_000}), window="year"))
    program = replace(program, lasting={"": Lasting(after_months=12), "gold": Lasting()})
    journey = a_journey(program, lots={"2027-05-01": 50})
    purchase = journey.does(a_purchase(10_000))
    assert (journey.account.tier, journey.account.lots) == ("gold", {NEVER: 150})
    journey.returns(purchase)
    assert journey.account.tier == "base"
    assert journey.account.lots == {"2027-11-21": 50}


@pytest.mark.parametrize(("returns_lower", "tier"), [(True, "base"), (False, "gold")])
def test_unless_the_programme_lets_members_keep_it(returns_lower: bool, tier: str) -> None:
    tiers = Tiers(levels(gold={"spend": 10_000}), window="year", returns_lower=returns_lower)
    journey = a_journey(a_program(tiers=tiers))
    journey.returns(journey.does(a_purchase(10_000)))
    assert journey.account.tier == tier


def test_a_tier_that_holds_without_the_purchase_stays() -> None:
    journey = a_journey(a_program(tiers=Tiers(levels(gold={"spend": 10_000}), window="year")))
    journey.does(a_purchase(10_000))
    purchase = journey.does(a_purchase(9000))
    journey.returns(purchase)
    assert journey.account.tier == "gold"


def test_a_tier_goes_with_the_piece_that_it_needs() -> None:
    journey = a_journey(a_program(tiers=Tiers(levels(gold={"spend": 10_000}), window="year")))
    purchase = journey.does(a_purchase(10_000, 500))
    purchase = journey.returns(purchase, {"2": 1})
    assert journey.account.tier == "gold"
    journey.returns(purchase, {"1": 1})
    assert journey.account.tier == "base"


def test_a_tier_that_the_purchase_gave_goes_with_it() -> None:
    tiers = Tiers(levels(gold={"spend": 99_999}), window="year")
    journey = a_journey(a_program(earning=[a_gift_rule(Gift(tier="gold", months=3))], tiers=tiers))
    purchase = journey.does(a_purchase(5000))
    assert journey.account.tier == "gold"
    journey.returns(purchase)
    assert journey.account.tier == "base"


def test_a_tier_that_the_purchase_only_made_longer_stays() -> None:
    tiers = Tiers(levels(gold={"spend": 99_999}), window="year")
    journey = a_journey(a_program(earning=[a_gift_rule(Gift(tier="gold", months=3))], tiers=tiers))
    journey.does(a_purchase(5000))
    journey.returns(journey.does(a_purchase(5000)))
    assert journey.account.tier == "gold"


def test_the_tier_before_is_told_with_the_return() -> None:
    journey = a_journey(a_program(tiers=Tiers(levels(gold={"spend": 10_000}), window="year")))
    purchase = journey.does(a_purchase(10_000))
    posting = decide_return(journey.account, purchase, Return(NOW, None), journey.program, NOW)
    assert posting.tier_before == "gold"
    assert posting.tiers is not None
    assert posting.tiers[-1] == TierStep("base", NOW)


# What was counted.


def test_what_was_counted_goes_back_by_piece_and_the_visit_with_the_last_one() -> None:
    journey = a_journey(a_program(earning=[a_rule(limits=(Limit("day", points=99),))]))
    purchase = journey.does(a_basket(a_line("1", 1000, 3), a_line("2", 500)))
    seen = []
    for pieces in ({"1": 1}, {"1": 1, "2": 1}, {"1": 1}):
        purchase = journey.returns(purchase, pieces)
        seen.append(dict(journey.account.counters))
    limit = "rule.every-dollar.points/day@2026-11-21"
    # Of 10.00 and 10 points on three pieces, 3.33, 6.66 and 10.00 and 3, 6 and 10 go with one, two and three.
    assert seen == [
        {"visits": 1, "spend": 1500 - 333, "points": 15 - 3, limit: 15 - 3},
        {"visits": 1, "spend": 1500 - 666 - 500, "points": 15 - 6 - 5, limit: 15 - 6 - 5},
        {},
    ]


def test_a_return_counts_in_the_period_of_the_purchase() -> None:
    tiers = Tiers(levels(gold={"spend": 99_999}), window="month")
    journey = a_journey(a_program(tiers=tiers))
    purchase = journey.does(a_purchase(1000))
    journey.does(a_purchase(500, occurred_at=NOW + days(20)))
    journey.returns(purchase, at=NOW + days(21))
    assert {key: value for key, value in journey.account.counters.items() if "/" in key} == {
        "spend/month@2026-12-01": 500
    }


def test_points_in_a_counter_go_back_with_their_lines() -> None:
    journey = a_journey(a_program(earning=[a_rule(into="stars")], counters={"stars": {}}))
    purchase = journey.does(a_purchase(300, 700))
    journey.returns(purchase, {"2": 1})
    assert journey.account.counters == {"visits": 1, "spend": 300, "stars": 3}


def test_a_goal_that_was_reached_stays_reached_and_its_points_stay_where_the_programme_says_so() -> None:
    journey = a_journey(a_program(goals=[a_goal("spend", 1000, "month")], rewards_return=False))
    purchase = journey.does(a_purchase(1000))
    journey.returns(purchase)
    assert journey.account.lots == {NEVER: 50}
    assert journey.account.counters == {"goal.goal.done/month@2026-11-01": 1}
    assert journey.does(a_purchase(1000)).posting.points == 10


@pytest.mark.parametrize(("rewards_return", "counters", "standing"), [(True, {}, []), (False, {"visits": 1}, [500])])
def test_a_purchase_that_brought_a_reward_stays_a_visit_as_long_as_the_reward_stays(
    rewards_return: bool, counters: dict[str, int], standing: list[int]
) -> None:
    """Or the first purchase could be made again and again."""
    rules = [a_rule(), a_gift_rule(Gift("voucher-5"))]
    journey = a_journey(a_program(earning=rules, rewards_return=rewards_return))
    journey.returns(journey.does(a_purchase(1000)))
    assert (journey.account.counters, journey.standing()) == (counters, standing)


def test_a_return_says_what_it_counts_back() -> None:
    journey = a_journey(a_program())
    purchase = journey.does(a_purchase(300, 700))
    posting = decide_return(journey.account, purchase, Return(NOW, {"1": 1}), journey.program, NOW)
    assert list(posting.counts) == [Count("spend", {"1": -300}), Count("points", {"1": -3})]
    posting = decide_return(journey.account, purchase, Return(NOW, None), journey.program, NOW)
    assert Count("visits", whole=-1) in posting.counts


# Whatever was bought, and however it comes back.

LIMITED = (Limit("week", points=400), Limit("purchase", points=300))
VINYL = LineFilter(category=Match(frozenset({"vinyl"})))
STEPS = (Bracket(1000, Rate(Fraction(1), 100)), Bracket(5000, Rate(Fraction(2), 100)))
RULES: tuple[EarningRule, ...] = (
    a_rule(id="dollars", group="base", rounding="half_up"),
    a_flat_rule(7, "flat", group="base", limits=(Limit("ever", times=3),)),
    a_rule(3, 250, "vinyl", group="base", lines=VINYL, limits=LIMITED, rounding="ceil", by_line=True),
    a_rule_of(Earn({}, STEPS, marginal=True), "steps", group="best"),
    a_rule(2, 300, "best", group="best", pending_days=14),
    a_rule_of(Earn({"": Rate(Fraction(1, 2), 1)}, of_rules=("dollars", "vinyl")), "half-more", group="extra"),
    a_rule(5, 100, "stars", group="extra", into="stars"),
    a_flat_rule(20, "welcome", group="extra", on=("referred",)),
)
Lastings = st.sampled_from([Lasting(), Lasting(after_months=12), replace(EXTENDED, after_months=12)])
Programs = st.builds(
    lambda lasting, policy, limits, by_line, tiers: a_program(
        earning=RULES,
        lasting=lasting,
        spent_then_returned=policy,
        groups=[
            Group("base", "all", limits=(Limit("day", points=250),)),
            Group("best", "highest", by_line),
            Group("extra", "all"),
        ],
        counters={"stars": {}},
        referral=Referral(),
        limits=limits,
        tiers=tiers,
    ),
    Lastings,
    st.sampled_from(["carry", "forgive", "block"]),
    st.sampled_from([(), (Limit("day", points=200),)]),
    st.booleans(),
    st.sampled_from([None, Tiers(levels(gold={"spend": 20_000, "stars": 50}), window="quarter")]),
)
Baskets = st.lists(st.tuples(st.integers(0, 9999), st.integers(1, 4), st.booleans()), min_size=1, max_size=4).map(
    lambda lines: [
        a_line(str(i), amount, quantity, categories=("vinyl",) * vinyl)
        for i, (amount, quantity, vinyl) in enumerate(lines)
    ]
)


@given(Programs, Baskets, Baskets, st.randoms(use_true_random=False), st.booleans())
def test_all_pieces_in_any_order_take_back_exactly_what_was_earned_and_counted(
    program: Program, earlier: list[PurchaseLine], lines: list[PurchaseLine], order: random.Random, later_too: bool
) -> None:
    journey = a_journey(program, traits=Traits(referred_by="mem_friend") if len(lines) % 2 else Traits())
    journey.does(a_basket(*earlier, occurred_at=NOW - days(1)))
    before = journey.account
    purchase = journey.does(a_basket(*lines))
    earned = purchase.posting.points
    later = journey.does(a_purchase(500, occurred_at=NOW + days(1))) if later_too else None
    pieces = [line.id for line in lines for _ in range(line.quantity)]
    order.shuffle(pieces)

    owned = total(journey.account.lots) + total(journey.account.pending)
    for piece in pieces:
        purchase = journey.returns(purchase, {piece: 1}, at=NOW + days(2))

    assert total(journey.account.lots) + total(journey.account.pending) == owned - earned
    assert journey.account.debt == 0
    assert purchase.returned == {line.id: Returned(line.quantity, line.points) for line in purchase.posting.lines}
    if later is None:
        assert without_kept(journey.account.counters) == without_kept(before.counters)
    assert all(value >= 0 for value in journey.account.counters.values())


def without_kept(counters: Mapping[str, int]) -> dict[str, int]:
    """What a return leaves as it is: that points were kept alive in a month."""
    return {key: value for key, value in counters.items() if not key.startswith("active")}


def test_nothing_of_a_purchase_is_left_after_a_year_of_buying_and_bringing_back() -> None:
    program = a_program(
        earning=RULES,
        groups=[Group("base", "all"), Group("best", "first"), Group("extra", "all")],
        counters={"stars": {}},
    )
    journey = a_journey(program)
    for month in range(12):
        at = NOW + days(30 * month)
        bought: Purchase = a_purchase(1999, 4999, occurred_at=at)
        journey.returns(journey.does(bought), at=at + days(3))
    assert (journey.account.lots, journey.account.pending, journey.account.counters) == ({}, {}, {})
    assert journey.account.balance(date(2027, 12, 1)).debt == 0


def test_the_explanation_of_a_return_names_what_each_line_gives_back() -> None:
    journey = a_journey(a_program())
    purchase = journey.does(a_purchase(300, 700))
    posting = decide_return(journey.account, purchase, Return(NOW, None), journey.program, NOW)
    assert reason_of(posting, "return").lines == {"1": -3, "2": -7}
