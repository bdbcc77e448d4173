"""Referrals: when a referred member has qualified, what that brings the member, and to whom it is due."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from functions.accrual.deciding import decide
from functions.ledger.account import Account, Draw, Traits
from functions.program.budgets import Shard
from functions.program.model import Gift, Group, Limit, Program, Range, Referral, When
from tests.unit.factories import (
    NOW,
    Journey,
    a_flat_rule,
    a_gift_rule,
    a_goal,
    a_program,
    a_purchase,
    a_rule,
    an_account,
    an_activity,
    reason_of,
    shares_of,
)

FRIEND = "mem_friend"
WELCOME = a_flat_rule(20, "friend-welcome", on=("referred",))


def program(*rules: Any, referral: Referral | None = None, **more: Any) -> Program:
    return a_program(earning=[a_rule(), *(rules or (WELCOME,))], referral=referral or Referral(), **more)


def referred(**more: Any) -> Account:
    return an_account(**{"enrolled_at": NOW - timedelta(days=10), "traits": Traits(referred_by=FRIEND), **more})


def test_the_first_purchase_brings_the_member_what_is_promised_and_names_the_friend() -> None:
    posting = decide(referred(), a_purchase(300, 700), program(), NOW)
    assert posting.points == 30
    assert posting.referrer == FRIEND
    # 20 points in proportion to 3 and 7 dollars, on top of theirs.
    assert shares_of(posting) == {"1": 3 + 6, "2": 7 + 14}
    assert (reason_of(posting, "every-dollar").points, reason_of(posting, "friend-welcome").points) == (10, 20)


def test_it_is_due_once() -> None:
    journey = Journey(program(), referred())
    assert [journey.does(a_purchase(1000)).posting.points for _ in range(2)] == [30, 10]
    assert journey.does(a_purchase(1000)).posting.referrer is None


def test_it_is_due_again_once_the_purchase_that_completed_it_is_back_with_all_it_brought() -> None:
    journey = Journey(program(WELCOME, a_gift_rule(Gift("voucher-5"), on=("referred",))), referred())
    journey.returns(journey.does(a_purchase(1000)))
    assert (journey.standing(), journey.account.lots, journey.account.counters) == ([], {}, {})
    again = journey.does(a_purchase(1000)).posting
    assert (len(again.issued), again.referrer, again.points) == (1, FRIEND, 30)


def test_it_is_due_once_where_rewards_stay_although_the_purchase_came_back() -> None:
    """Or each first purchase could bring another voucher."""
    given = program(WELCOME, a_gift_rule(Gift("voucher-5"), on=("referred",)), rewards_return=False)
    journey = Journey(given, referred())
    first = journey.does(a_purchase(1000))
    journey.returns(first)
    again = journey.does(a_purchase(1000)).posting
    assert (len(first.posting.issued), again.issued, again.referrer, again.points) == (1, [], None, 10)
    assert journey.entries[1].posting.referrer is None


def test_a_return_undoes_the_referral_with_the_last_piece_and_names_the_friend() -> None:
    journey = Journey(program(), referred())
    purchase = journey.does(a_purchase(500, 500))
    purchase = journey.returns(purchase, {"1": 1})
    assert (journey.entries[-1].posting.referrer, journey.account.counters["referral.done"]) == (None, 1)
    journey.returns(purchase, {"2": 1})
    assert (journey.entries[-1].posting.referrer, journey.account.counters) == (FRIEND, {})


def test_a_purchase_that_completed_nothing_undoes_nothing() -> None:
    journey = Journey(program(), referred())
    journey.does(a_purchase(500))
    journey.returns(journey.does(a_purchase(500)))
    assert (journey.entries[-1].posting.referrer, journey.account.counters["referral.done"]) == (None, 1)


@pytest.mark.parametrize(
    ("account", "referral", "event"),
    [
        (an_account(), Referral(), a_purchase(1000)),  # nobody referred the member
        (referred(), Referral(on="training"), a_purchase(1000)),
        (referred(), Referral(when=When(paid=Range(1001))), a_purchase(1000)),
        (referred(), Referral(within_days=9), a_purchase(1000)),
    ],
)
def test_when_a_referral_does_not_count(account: Account, referral: Referral, event: Any) -> None:
    posting = decide(account, event, program(referral=referral), NOW)
    assert (posting.points, posting.referrer) == (10, None)
    assert [reason.rule for reason in posting.explanation] == ["every-dollar"]


@pytest.mark.parametrize(
    "referral", [Referral(when=When(paid=Range(1000))), Referral(within_days=10), Referral(within_days=3660)]
)
def test_when_it_does(referral: Referral) -> None:
    assert decide(referred(), a_purchase(1000), program(referral=referral), NOW).referrer == FRIEND


def test_a_programme_without_referrals_does_not_care_who_referred_whom() -> None:
    posting = decide(referred(), a_purchase(1000), replace(program(), referral=None), NOW)
    assert (posting.points, posting.referrer) == (10, None)


def test_a_purchase_that_does_not_count_leaves_the_referral_to_the_next() -> None:
    journey = Journey(program(referral=Referral(when=When(paid=Range(1000)))), referred())
    assert [journey.does(a_purchase(amount)).posting.referrer for amount in (999, 1000)] == [None, FRIEND]


def test_an_activity_can_complete_a_referral() -> None:
    posting = decide(referred(), an_activity("training"), program(referral=Referral(on="training")), NOW)
    assert (posting.points, posting.referrer, posting.lines) == (20, FRIEND, [])


def test_the_friend_earns_by_the_rules_on_a_referral_made() -> None:
    rules = WELCOME, a_flat_rule(30, "friend-brought", on=("referral_made",), limits=(Limit("year", times=2),))
    journey = Journey(program(*rules), an_account())
    assert [journey.does(an_activity("referral_made")).posting.points for _ in range(3)] == [30, 30, 0]


# What is promised is limited and counted as everything else.


def test_a_budget_that_is_used_up_gives_the_member_nothing_and_the_friend_is_named_all_the_same() -> None:
    limited = program(replace(WELCOME, budget=1000))
    full, empty = Shard(20, 980), Shard(19, 981)
    posting = decide(referred(), a_purchase(1000), limited, NOW, {"friend-welcome": [full]})
    assert (posting.points, posting.draws) == (30, [Draw("friend-welcome", 0, 20, 980)])
    posting = decide(referred(), a_purchase(1000), limited, NOW, {"friend-welcome": [empty]})
    assert (posting.points, posting.draws, posting.referrer) == (10, [], FRIEND)
    assert reason_of(posting, "friend-welcome").condition == "budget_used_up"


def test_it_goes_into_a_counter_where_the_rule_says_so() -> None:
    journey = Journey(program(replace(WELCOME, into="stars"), counters={"stars": {}}), referred())
    assert journey.does(a_purchase(1000)).posting.points == 10
    assert journey.account.counters["stars"] == 20


def test_it_counts_for_goals_on_points() -> None:
    posting = decide(referred(), a_purchase(1000), program(goals=[a_goal("points", 30)]), NOW)
    assert reason_of(posting, "goal").facts == {"progress": 30, "reach": 30, "times": 1}


@pytest.mark.parametrize(
    "more", [{"limits": (Limit("day", points=25),)}, {"groups": [Group("", "all", limits=(Limit("day", points=25),))]}]
)
def test_it_keeps_within_the_limits_together_with_what_the_purchase_earns(more: Any) -> None:
    journey = Journey(program(**more), referred())
    assert [journey.does(a_purchase(1000)).posting.points for _ in range(2)] == [25, 0]


def test_a_return_takes_it_back_with_all_that_was_counted_of_it() -> None:
    journey = Journey(
        program(replace(WELCOME, limits=(Limit("day", points=50),)), limits=(Limit("day", points=99),)), referred()
    )
    purchase = journey.does(a_purchase(500, 500))
    journey.returns(journey.returns(purchase, {"2": 1}), {"1": 1})
    assert journey.account.lots == {}
    assert journey.account.counters == {}
