"""What goes with what is undone: rewards of rules by what is left of the lines they were given for, goals by what is
left in their period. Promises first, one by one; then for whatever is bought and brought back."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.accrual.withdrawing import NOTHING_FOUND, Found, in_question, undone
from functions.ledger.account import Account, Count, Entry, Reason, Traits
from functions.ledger.lots import NEVER, negative, total
from functions.ledger.movements import DebtPolicy
from functions.ledger.proof import prove
from functions.ledger.rewards import IssuedReward, Voucher, Withdrawal
from functions.program.model import (
    Earn,
    Gift,
    Goal,
    Group,
    Lasting,
    Limit,
    LineFilter,
    Match,
    Program,
    Range,
    Rate,
    Referral,
    Reward,
    Tiers,
    Validity,
    When,
)
from tests.unit.factories import (
    NOW,
    Journey,
    a_basket,
    a_flat_rule,
    a_gift_rule,
    a_goal,
    a_line,
    a_program,
    a_purchase,
    a_reward,
    a_rule,
    a_rule_of,
    an_account,
    an_activity,
    levels,
)

ENROLLED = datetime(2025, 1, 15, tzinfo=UTC)
MUG = Reward("mug", "product", None, value=None, valid=Validity(days=30), text={})
VINYL = LineFilter(category=Match(frozenset({"vinyl"})))
OTHERS = LineFilter(category=Match(frozenset({"vinyl"}), excluded=True))


def a_journey(*rules: Any, goals: Sequence[Goal] = (), account: Account | None = None, **more: Any) -> Journey:
    program = a_program(earning=rules, goals=goals, rewards=(a_reward(), MUG), **more)
    return Journey(program, account or an_account(enrolled_at=ENROLLED))


def on(day: str, *amounts: int) -> Any:
    return a_purchase(*(amounts or (100,)), occurred_at=datetime.fromisoformat(f"{day}T09:00:00+00:00"))


def left_of(journey: Journey) -> tuple[int, list[int]]:
    """Points that can be spent, and what the vouchers that stand are worth."""
    return total(journey.account.lots), journey.standing()


# What a rule gave.


@pytest.mark.parametrize(
    ("gift", "minimum", "standing"),
    [
        # Of 4 pieces of 10.00: 30.00, 20.00, 10.00, nothing.
        pytest.param(Gift("voucher-5", per_full=1000), 0, [[1500], [1000], [500], []], id="for each full 10.00"),
        pytest.param(Gift("voucher-5", per_full=1500), 0, [[1000], [500], [], []], id="for each full 15.00"),
        pytest.param(Gift("voucher-5", per_full=1000), 2000, [[1500], [1000], [], []], id="from 20.00 on"),
        pytest.param(Gift("voucher-5"), 3000, [[500], [], [], []], id="once, from 30.00 on"),
        pytest.param(Gift("voucher-5"), 0, [[500], [500], [500], []], id="once, for anything"),
        pytest.param(Gift("mug", per_full=1000), 0, [[0] * 3, [0] * 2, [0], []], id="things for each full 10.00"),
        pytest.param(Gift("voucher-5", per_full=2, of="quantity"), 0, [[500], [500], [], []], id="for two pieces"),
        pytest.param(Gift("voucher-5", per_full=2, of="lines.kg"), 0, [[1500], [1000], [500], []], id="for a number"),
    ],
)
def test_a_reward_shrinks_with_what_is_left_of_what_it_was_given_for(
    gift: Gift, minimum: int, standing: list[list[int]]
) -> None:
    journey = a_journey(a_gift_rule(gift, minimum=minimum))
    purchase = journey.does(a_basket(a_line("1", 4000, quantity=4, attributes={"kg": 8})))
    seen = []
    for _ in range(4):
        purchase = journey.returns(purchase, {"1": 1})
        seen.append(journey.standing())
    assert seen == standing


def test_a_return_says_which_voucher_it_takes_back_how_far_and_by_which_rule() -> None:
    journey = a_journey(a_gift_rule(Gift("voucher-5", per_full=1000), "every-ten"))
    purchase = journey.does(a_basket(a_line("1", 4000, quantity=4)))
    [voucher] = journey.vouchers.values()
    posting = journey.return_of(purchase, {"1": 3})
    assert [(one.voucher, one.left) for one in posting.withdrawn] == [(voucher, 500)]
    facts: dict[str, int | str] = {"reward": "voucher-5", "redemption": voucher.reward.redemption, "left": 500}
    assert posting.explanation[1:] == [Reason("every-ten", applied=True, facts=facts)]


def test_of_things_the_last_ones_go_first() -> None:
    journey = a_journey(a_gift_rule(Gift("mug", per_full=1000)))
    purchase = journey.does(a_basket(a_line("1", 3000, quantity=3)))
    journey.returns(purchase, {"1": 1})
    assert [one.withdrawn for one in journey.vouchers.values()] == [False, False, True]


def test_of_more_things_than_are_given_at_once_those_stay_that_would_still_be_given() -> None:
    journey = a_journey(a_gift_rule(Gift("mug", per_full=100)))
    purchase = journey.does(a_basket(a_line("1", 3000, quantity=30)))
    assert len(journey.standing()) == 20
    seen = []
    for pieces in (9, 1, 1, 18, 1):
        purchase = journey.returns(purchase, {"1": pieces})
        seen.append(len(journey.standing()))
    assert seen == [20, 20, 19, 1, 0]


@pytest.mark.parametrize(("minimum", "per_full"), [(0, 0), (1, 0), (0, 500), (1000, 0)])
def test_a_reward_goes_with_the_lines_that_it_was_given_for_whatever_else_stays(minimum: int, per_full: int) -> None:
    journey = a_journey(a_gift_rule(Gift("voucher-5", per_full=per_full), minimum=minimum, lines=VINYL))
    purchase = journey.does(a_basket(a_line("1", 1000, categories=("vinyl",)), a_line("2", 9000)))
    journey.returns(purchase, {"1": 1})
    assert journey.standing() == []


@pytest.mark.parametrize("gift", [Gift("voucher-5"), Gift("voucher-5", per_full=2000)])
def test_lines_that_came_back_before_are_gone_when_others_follow(gift: Gift) -> None:
    journey = a_journey(a_gift_rule(gift, minimum=2000))
    purchase = journey.does(a_purchase(1000, 1000, 1000))
    purchase = journey.returns(purchase, {"1": 1})
    assert journey.standing() == [500]
    journey.returns(purchase, {"2": 1})
    assert journey.standing() == []


def test_a_reward_stays_where_only_other_lines_come_back() -> None:
    journey = a_journey(a_gift_rule(Gift("voucher-5"), minimum=1000, lines=VINYL))
    purchase = journey.does(a_basket(a_line("1", 1000, categories=("vinyl",)), a_line("2", 9000)))
    journey.returns(purchase, {"2": 1})
    assert journey.standing() == [500]


def test_a_reward_for_a_purchase_that_cost_nothing_goes_with_the_last_piece() -> None:
    journey = a_journey(a_gift_rule(Gift("voucher-5")))
    purchase = journey.does(a_basket(a_line("1", 0), a_line("2", 0)))
    purchase = journey.returns(purchase, {"1": 1})
    assert journey.standing() == [500]
    journey.returns(purchase, {"2": 1})
    assert journey.standing() == []


@pytest.mark.parametrize(
    ("paid", "gift", "standing"),
    [
        (Range(3000), Gift("voucher-5"), [500]),
        (Range(3001), Gift("voucher-5"), []),
        (Range(None, 9000), Gift("voucher-5"), [500]),
        (Range(3000), Gift("voucher-5", per_full=1000), [1500]),
        (Range(3001), Gift("voucher-5", per_full=1000), []),
    ],
)
def test_a_reward_for_paying_so_much_goes_when_less_than_that_is_left(
    paid: Range, gift: Gift, standing: list[int]
) -> None:
    """Of 40.00, 30.00 are left."""
    journey = a_journey(a_gift_rule(gift, when=When(paid=paid)))
    purchase = journey.does(a_basket(a_line("1", 2000, quantity=2), a_line("2", 2000)))
    journey.returns(purchase, {"1": 1})
    assert journey.standing() == standing


def test_what_must_be_paid_may_lie_on_lines_that_the_reward_is_not_for() -> None:
    journey = a_journey(a_gift_rule(Gift("voucher-5"), when=When(paid=Range(3000)), lines=VINYL))
    purchase = journey.does(a_basket(a_line("1", 1000, categories=("vinyl",)), a_line("2", 2000, quantity=2)))
    journey.returns(purchase, {"2": 1})
    assert journey.standing() == []


def test_each_rule_loses_its_own() -> None:
    rules = [
        a_gift_rule(Gift("voucher-5"), "big", minimum=2000),
        a_gift_rule(Gift("mug"), "small", minimum=500),
        a_gift_rule(Gift("voucher-5"), "any"),
    ]
    journey = a_journey(*rules)
    purchase = journey.does(a_purchase(1000, 1000))
    journey.returns(purchase, {"1": 1})
    gone = [one.reward.basis.rule for one in journey.vouchers.values() if one.withdrawn and one.reward.basis]
    assert gone == ["big"]


def test_a_voucher_that_was_bought_with_points_is_nobodys_business() -> None:
    journey = a_journey(a_rule())
    purchase = journey.does(a_purchase(1000))
    bought = IssuedReward("rdm_1", "voucher-5", "voucher", 500, "USD", "code-0", None)
    purchase = replace(purchase, posting=replace(purchase.posting, issued=[bought]))
    journey.vouchers = {"code-0": Voucher(bought, journey.account.member)}
    journey.returns(purchase)
    assert journey.standing() == [500]


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(lambda voucher: NOTHING_FOUND, id="is not there"),
        pytest.param(lambda voucher: Found((), {"code-0": replace(voucher, withdrawn=True)}), id="is withdrawn"),
        pytest.param(lambda voucher: Found((), {"code-0": replace(voucher, used_up=True)}), id="is used"),
        pytest.param(
            lambda voucher: Found((), {"code-0": replace(voucher, reward=replace(voucher.reward, value=200))}),
            id="is worth less than what is left of it",
        ),
    ],
)
def test_no_voucher_is_taken_back_that(found: Any) -> None:
    journey = a_journey(a_gift_rule(Gift("voucher-5", per_full=1000)))
    purchase = journey.does(a_basket(a_line("1", 2000, quantity=2)))
    voucher = found(journey.vouchers["code-0"])
    gone = undone(journey.account, purchase, [], lambda line, value: value // 2 if line else value, voucher)
    assert (gone.withdrawn, gone.reasons) == ([], [])


@pytest.mark.parametrize(("paid", "left"), [(0, 500), (1, 499), (499, 1), (500, 0), (900, 0)])
def test_what_a_voucher_has_paid_already_is_part_of_what_is_deserved(paid: int, left: int) -> None:
    """Of a thousand half stays deserved when half of the purchase comes back."""
    journey = a_journey(a_gift_rule(Gift("voucher-5", per_full=1000)))
    purchase = journey.does(a_basket(a_line("1", 2000, quantity=2)))
    voucher = journey.vouchers["code-0"]
    used = replace(voucher, reward=replace(voucher.reward, value=1000 - paid), paid=paid, uses=1)
    found = Found((), {"code-0": used})
    gone = undone(journey.account, purchase, [], lambda line, value: value // 2 if line else value, found)
    assert gone.withdrawn == [Withdrawal(used, left)]


def test_a_withdrawn_thing_is_not_withdrawn_again() -> None:
    journey = a_journey(a_gift_rule(Gift("mug", per_full=1000)))
    purchase = journey.does(a_basket(a_line("1", 3000, quantity=3)))
    for _ in range(3):
        purchase = journey.returns(purchase, {"1": 1})
        assert len(journey.entries[-1].posting.withdrawn) == 1
    assert [one.changes for one in journey.vouchers.values()] == [1, 1, 1]


def test_the_same_purchase_again_brings_what_was_taken_back() -> None:
    journey = a_journey(a_gift_rule(Gift("voucher-5"), cooldown_days=0, limits=(Limit("ever", times=1),)))
    journey.returns(journey.does(a_purchase(1000)))
    journey.does(a_purchase(1000))
    assert journey.standing() == [500]


# Which goals may go.


def test_only_goals_that_are_reached_and_lose_something_are_in_question() -> None:
    counters = {"goal.a.done/month@2026-11-01": 2, "goal.b.done": 1, "streak.c.done/week@2026-11-16": 1}
    taken = [
        Count("goal.a/month@2026-11-01", {"1": -5}),
        Count("goal.b", whole=-1),
        Count("streak.c/week@2026-11-16", kept=-1),
        Count("goal.d", whole=-1),  # never reached
        Count("goal.e", {"1": 0}),  # loses nothing
        Count("spend", {"1": -5}),
        Count("rule.goal.points", {"1": -5}),
    ]
    assert in_question(an_account(counters=counters), taken) == counters
    assert in_question(an_account(counters=counters | {"goal.b.done": 0}), taken[1:2]) == {}
    assert in_question(an_account(counters=counters), [Count("goal.b", whole=1)]) == {}


# Goals.


def test_a_goal_goes_with_the_purchase_that_reached_it_with_all_that_it_brought() -> None:
    journey = a_journey(goals=[a_goal("spend", 1000, points=50, reward="voucher-5")])
    first = journey.does(a_purchase(400))
    second = journey.does(a_purchase(700))
    assert left_of(journey) == (50, [500])
    journey.returns(second)
    assert left_of(journey) == (0, [])
    assert journey.account.counters["goal.goal/month@2026-11-01"] == 400
    assert "goal.goal.done/month@2026-11-01" not in journey.account.counters
    assert first.posting.points == 0


def test_a_goal_goes_also_with_a_purchase_that_did_not_reach_it() -> None:
    """It is the entry of another purchase that gave the points and the voucher; they go all the same."""
    journey = a_journey(goals=[a_goal("spend", 1000, points=50, reward="voucher-5")])
    first = journey.does(a_purchase(400))
    journey.does(a_purchase(700))
    journey.returns(first)
    assert left_of(journey) == (0, [])


def test_a_goal_stays_as_long_as_what_is_left_reaches_it() -> None:
    journey = a_journey(goals=[a_goal("spend", 1000, points=50, reward="voucher-5")])
    purchase = journey.does(a_basket(a_line("1", 1500, quantity=3)))
    purchase = journey.returns(purchase, {"1": 1})
    assert left_of(journey) == (50, [500])
    journey.returns(purchase, {"1": 1})
    assert left_of(journey) == (0, [])


def test_a_return_says_which_goal_it_undoes_and_what_is_missing_now() -> None:
    journey = a_journey(goals=[a_goal("spend", 1000, points=50)])
    purchase = journey.does(a_purchase(400, 700))
    posting = journey.return_of(purchase, {"2": 1})
    facts = {"progress": 400, "reach": 1000, "times": -1}
    assert posting.explanation[1:] == [Reason("goal", True, -50, facts=facts)]
    assert posting.explanation[0] == Reason("return", True, 0, {"2": 0}, facts={"to_take_back": 0})
    assert posting.points == -50
    assert Count("goal.goal.done/month@2026-11-01", kept=-1) in posting.counts


def test_the_reasons_of_a_return_add_up_to_what_it_takes() -> None:
    journey = a_journey(a_rule(), goals=[a_goal("spend", 1000, points=50)])
    purchase = journey.does(a_purchase(2000))
    posting = journey.return_of(purchase)
    assert [(reason.rule, reason.points) for reason in posting.explanation] == [("return", -20), ("goal", -50)]
    assert posting.points == -70


def test_a_goal_that_repeats_loses_as_often_as_is_not_reached_any_more_the_latest_first() -> None:
    journey = a_journey(goals=[a_goal("spend", 1000, points=50, reward="voucher-5", repeat=True)])
    first = journey.does(a_purchase(1000))
    journey.does(on("2026-11-22", 2500))
    journey.does(on("2026-11-23", 600))
    assert left_of(journey) == (200, [500, 1000, 500])  # 41.00
    journey.returns(first)  # 31.00
    assert left_of(journey) == (150, [500, 1000])
    assert journey.account.counters["goal.goal.done/month@2026-11-01"] == 3


def test_a_goal_that_was_reached_many_times_at_once_loses_some_of_them() -> None:
    journey = a_journey(goals=[a_goal("spend", 1000, points=50, reward="voucher-5", repeat=True)])
    purchase = journey.does(a_basket(a_line("1", 4000, quantity=4)))
    seen = []
    for _ in range(4):
        purchase = journey.returns(purchase, {"1": 1})
        seen.append(left_of(journey))
    assert seen == [(150, [1500]), (100, [1000]), (50, [500]), (0, [])]


def test_of_things_that_a_goal_gave_many_times_at_once_the_last_ones_go() -> None:
    journey = a_journey(goals=[a_goal("spend", 1000, points=0, reward="mug", repeat=True)])
    purchase = journey.does(a_basket(a_line("1", 3000, quantity=3)))
    journey.returns(purchase, {"1": 2})
    assert [one.withdrawn for one in journey.vouchers.values()] == [False, True, True]


def test_one_return_can_take_a_goal_from_several_purchases() -> None:
    journey = a_journey(goals=[a_goal("spend", 1000, points=50, reward="voucher-5", repeat=True)])
    big = journey.does(a_purchase(900))
    journey.does(on("2026-11-22", 100))
    journey.does(on("2026-11-23", 2000))
    journey.does(on("2026-11-24", 1000))
    assert left_of(journey) == (200, [500, 1000, 500])  # 40.00
    journey.does(on("2026-11-25", 900))
    journey.returns(big)
    assert left_of(journey) == (200, [500, 1000, 500])  # 40.00 again
    journey.returns(journey.latest(journey.entries[2]))
    assert left_of(journey) == (100, [500, 500])  # 20.00


def test_what_was_lost_and_reached_again_is_lost_by_the_one_that_reached_it_again() -> None:
    """The loss between them is not taken for another award."""
    journey = a_journey(goals=[a_goal("spend", 1000, points=50, reward="voucher-5")])
    first = journey.does(a_purchase(1000))
    journey.returns(first)
    again = journey.does(on("2026-11-22", 1000))
    assert left_of(journey) == (50, [500])
    journey.returns(again)
    assert left_of(journey) == (0, [])
    assert [one.withdrawn for one in journey.vouchers.values()] == [True, True]


def test_after_the_latest_lost_it_the_one_before_it_is_next() -> None:
    journey = a_journey(goals=[a_goal("spend", 1000, points=50, reward="voucher-5", repeat=True)])
    bought = [journey.does(on(f"2026-11-2{i}", 1000)) for i in range(2, 5)]
    journey.returns(bought[0])
    assert [one.withdrawn for one in journey.vouchers.values()] == [False, False, True]
    journey.returns(bought[2])
    assert [one.withdrawn for one in journey.vouchers.values()] == [False, True, True]
    journey.returns(bought[1])
    assert [one.withdrawn for one in journey.vouchers.values()] == [True, True, True]
    assert (left_of(journey), journey.account.counters) == ((0, []), {})


def test_a_goal_of_another_period_stays() -> None:
    journey = a_journey(goals=[a_goal("spend", 1000, points=50, reward="voucher-5")])
    journey.does(on("2026-10-20", 1000))
    november = journey.does(a_purchase(1000))
    journey.returns(november)
    assert left_of(journey) == (50, [500])


def test_another_goal_stays() -> None:
    goals = [a_goal("spend", 1000, id="much"), a_goal("visits", 2, id="often", points=7)]
    journey = a_journey(goals=goals)
    journey.does(a_purchase(200))
    purchase = journey.does(a_purchase(900, 1))
    journey.returns(purchase, {"1": 1})
    assert left_of(journey) == (7, [])


def test_of_two_goals_that_one_purchase_reached_the_other_keeps_its_reward() -> None:
    goals = [
        a_goal("spend", 2000, id="much", points=0, reward="voucher-5"),
        a_goal("spend", 1000, id="some", points=0, reward="mug"),
    ]
    journey = a_journey(goals=goals)
    purchase = journey.does(a_purchase(1000, 1000))
    journey.returns(purchase, {"1": 1})
    standing = [one.reward.reward for one in journey.vouchers.values() if not one.withdrawn]
    assert standing == ["mug"]


def test_a_goal_on_visits_goes_with_the_last_piece_of_a_visit() -> None:
    journey = a_journey(goals=[a_goal("visits", 2, points=0, reward="voucher-5")])
    first = journey.does(a_purchase(100, 200))
    journey.does(a_purchase(100))
    first = journey.returns(first, {"1": 1})
    assert journey.standing() == [500]
    journey.returns(first, {"2": 1})
    assert journey.standing() == []


def test_points_of_a_goal_that_wait_are_taken_where_they_wait() -> None:
    journey = a_journey(goals=[a_goal("spend", 1000, points=50)], pending_days=14)
    first = journey.does(a_purchase(400))
    journey.does(a_purchase(700))
    journey.returns(first)
    assert (journey.account.pending, journey.account.lots) == ({}, {})


def test_points_of_a_goal_are_taken_from_the_lot_of_the_purchase_that_reached_it() -> None:
    journey = a_journey(a_rule(), goals=[a_goal("spend", 1000, "year", points=50)], lasting=Lasting(after_months=3))
    first = journey.does(on("2026-09-10", 400))
    journey.does(on("2026-10-10", 700))
    journey.returns(first)
    assert journey.account.lots == {"2027-01-10": 7}


@pytest.mark.parametrize(("policy", "debt", "forgiven"), [("carry", 70, 0), ("forgive", 0, 70)])
def test_points_of_a_goal_that_are_spent_are_owed_or_forgiven_with_the_others(
    policy: DebtPolicy, debt: int, forgiven: int
) -> None:
    journey = a_journey(a_rule(), goals=[a_goal("spend", 1000, points=50)], spent_then_returned=policy)
    purchase = journey.does(a_purchase(2000))
    journey.account = replace(journey.account, lots={})
    posting = journey.return_of(purchase)
    assert posting.reversal is not None
    assert (posting.change.debt, posting.reversal.forgiven) == (debt, forgiven)
    assert posting.explanation[0].facts.get("forgiven", 0) == forgiven
    assert sum(reason.points for reason in posting.explanation) == posting.points
    assert all(reason.points <= 0 for reason in posting.explanation)


@pytest.mark.parametrize("policy", ["carry", "forgive", "block"])
def test_a_return_takes_its_points_and_those_of_its_goal_from_where_each_lies(policy: DebtPolicy) -> None:
    """The points of the rule and of the goal expire on different days; the other purchase's lie where the goal's do."""
    rule = a_rule(lasting={"": Lasting(after_months=1)}, lines=VINYL)
    program: dict[str, Any] = {
        "lasting": Lasting(after_months=12),
        "goals": [a_goal("spend", 1000, points=50, when=a_goal().when, lines=VINYL)],
        "spent_then_returned": policy,
    }
    journey = a_journey(rule, a_rule(3, id="others"), **program)
    first = journey.does(a_basket(a_line("1", 1000, categories=("vinyl",))))
    second = journey.does(a_basket(a_line("1", 1000)))
    assert journey.account.lots == {"2026-12-21": 10, "2027-11-21": 30 + 50 + 30}
    journey.returns(first)
    assert journey.account.lots == {"2027-11-21": 30}
    journey.returns(second)
    assert journey.account.lots == {}


@pytest.mark.parametrize("policy", ["carry", "forgive", "block"])
def test_pieces_take_together_no_more_out_of_a_lot_than_the_purchase_put_there(policy: DebtPolicy) -> None:
    """Another purchase has points in the lot that the first piece has emptied of its own."""
    rules = [a_rule(lasting={"": Lasting(after_months=1)}, lines=VINYL), a_rule(id="others", lines=OTHERS)]
    journey = a_journey(*rules, spent_then_returned=policy)
    first = journey.does(a_basket(a_line("1", 500, categories=("vinyl",)), a_line("2", 500)))
    second = journey.does(a_basket(a_line("1", 700)))
    for piece in ("1", "2"):
        first = journey.returns(first, {piece: 1})
    assert journey.account.lots == {NEVER: 7}
    journey.returns(second)
    assert (journey.account.lots, journey.account.debt) == ({}, 0)


@pytest.mark.parametrize("policy", ["carry", "forgive", "block"])
def test_pieces_that_come_back_after_the_goal_take_their_own_points(policy: DebtPolicy) -> None:
    """Not those of another purchase that lie where the points of the goal lay."""
    rule = a_rule(lasting={"": Lasting(after_months=1)}, lines=VINYL)
    goals = [a_goal("spend", 1000, points=50, lines=VINYL)]
    journey = a_journey(rule, a_rule(id="others", lines=OTHERS), goals=goals, spent_then_returned=policy)
    first = journey.does(a_basket(*(a_line(id, 500, categories=("vinyl",)) for id in ("1", "2"))))
    first = journey.returns(first, {"1": 1})
    second = journey.does(a_basket(a_line("1", 700)))
    assert journey.account.lots == {"2026-12-21": 5, NEVER: 7}
    journey.returns(first, {"2": 1})
    assert journey.account.lots == {NEVER: 7}
    journey.returns(second)
    assert (journey.account.lots, journey.account.debt) == ({}, 0)


def test_where_some_points_are_forgiven_the_last_goals_say_that_they_lose_less() -> None:
    """60 are there of 20 by the rule, 50 and 30 by goals."""
    goals = [a_goal("spend", 1000, points=50), a_goal("spend", 2000, id="second", points=30)]
    journey = a_journey(a_rule(), goals=goals, spent_then_returned="forgive")
    purchase = journey.does(a_purchase(2000))
    journey.account = replace(journey.account, lots={NEVER: 60})
    posting = journey.return_of(purchase)
    assert [reason.points for reason in posting.explanation] == [-20, -40, 0]
    assert (posting.points, posting.reversal and posting.reversal.forgiven) == (-60, 40)


# Streaks.


def streak(**more: Any) -> Goal:
    return a_goal("visits", 1, "month", **{"in_a_row": 3, "points": 50, "reward": "voucher-5", **more})


def test_a_streak_goes_with_any_of_its_periods_and_the_others_are_free_again() -> None:
    for lost in range(3):
        journey = a_journey(goals=[streak()])
        visits = [journey.does(on(f"2026-{month}-10")) for month in ("09", "10", "11")]
        assert left_of(journey) == (50, [500])
        journey.returns(visits[lost])
        assert left_of(journey) == (0, [])
        assert not [key for key in journey.account.counters if ".done" in key]


def test_a_streak_stays_as_long_as_each_of_its_periods_is_reached() -> None:
    journey = a_journey(goals=[streak()])
    visits = [journey.does(on(f"2026-{day}")) for day in ("09-10", "10-10", "10-20", "11-10")]
    journey.returns(visits[1])
    assert left_of(journey) == (50, [500])
    journey.returns(visits[2])
    assert left_of(journey) == (0, [])


def test_a_streak_is_made_again_by_a_visit_in_the_period_that_was_lost() -> None:
    journey = a_journey(goals=[streak()])
    visits = [journey.does(on(f"2026-{month}-10")) for month in ("09", "10", "11")]
    journey.returns(visits[1])
    journey.does(on("2026-10-30"), NOW)
    assert left_of(journey) == (50, [500])
    journey.returns(visits[0])
    assert left_of(journey) == (0, [])


def test_a_second_streak_stays_when_the_first_one_goes() -> None:
    journey = a_journey(goals=[streak(in_a_row=2)])
    visits = [journey.does(on(f"2026-{month}-10")) for month in ("07", "08", "09", "10")]
    assert left_of(journey) == (100, [500, 500])
    journey.returns(visits[0])
    assert [one.withdrawn for one in journey.vouchers.values()] == [True, False]
    assert left_of(journey) == (50, [500])


# Where rewards stay.


def test_where_the_programme_says_so_rewards_and_goals_stay_and_nothing_more_goes() -> None:
    goals = [a_goal("spend", 1000, points=50, reward="voucher-5"), streak(id="streak", in_a_row=1 + 1)]
    rules = [a_rule(), a_gift_rule(Gift("mug"))]
    journey = a_journey(*rules, goals=goals, rewards_return=False)
    visits = [journey.does(on("2026-10-10", 1000)), journey.does(a_purchase(1000))]
    assert left_of(journey) == (20 + 50 + 50 + 50, [0, 500, 0, 500, 500])
    for visit in visits:
        journey.returns(visit)
        assert journey.entries[-1].posting.withdrawn == []
    assert left_of(journey) == (150, [0, 500, 0, 500, 500])


# Whatever is bought, and however it comes back.

RULES = (
    a_rule(group="all"),
    a_flat_rule(7, "flat", group="all", limits=(Limit("month", times=3),)),
    a_rule(2, 300, "later", group="all", pending_days=14),
    a_rule(3, 500, "long", group="all", lasting={"": Lasting(after_months=24)}),
    a_rule_of(Earn({"": Rate(Fraction(1, 2), 1)}, of_rules=("every-dollar",)), "half-more", group="more"),
    a_gift_rule(Gift("voucher-5", per_full=1500), "each", group="more", minimum=2000),
    a_gift_rule(Gift("mug", per_full=2, of="quantity"), "mugs", group="more", limits=(Limit("week", times=2),)),
    a_gift_rule(Gift("voucher-5"), "vinyl", group="more", lines=VINYL),
    a_gift_rule(Gift("voucher-5"), "welcome", group="more", on=("referred",)),
)
GOALS = (
    a_goal("spend", 3000, "month", id="once", points=50, reward="voucher-5"),
    a_goal("spend", 2500, "week", id="again", points=20, reward="mug", repeat=True),
    a_goal("visits", 2, "week", id="row", points=30, reward="voucher-5", in_a_row=2),
    a_goal("points", 100, "ever", id="ever", points=10, repeat=True, lines=VINYL),
)
PROGRAMS = st.builds(
    lambda lasting, policy, tiers, goals: a_program(
        earning=RULES,
        goals=goals,
        rewards=(a_reward(), MUG),
        groups=[Group("all", "all"), Group("more", "all", limits=(Limit("day", points=80),))],
        lasting=lasting,
        spent_then_returned=policy,
        tiers=tiers,
        referral=Referral(),
    ),
    st.sampled_from([Lasting(), Lasting(after_months=12)]),
    st.sampled_from(["carry", "forgive", "block"]),
    st.sampled_from([None, Tiers(levels(gold={"spend": 8000}), window="quarter")]),
    st.lists(st.sampled_from(GOALS), unique_by=lambda goal: goal.id, max_size=4),
)
LINES = st.lists(st.tuples(st.integers(0, 4000), st.integers(1, 3), st.booleans()), min_size=1, max_size=3)
BOUGHT = st.lists(st.tuples(LINES, st.integers(0, 20)), min_size=1, max_size=5)


def bought(journey: Journey, baskets: Sequence[Any]) -> list[Entry]:
    at, entries = NOW - timedelta(days=110), []
    for lines, days in baskets:
        at += timedelta(days=days)
        basket = [a_line(str(i), a, q, categories=("vinyl",) * v) for i, (a, q, v) in enumerate(lines)]
        entries.append(journey.does(a_basket(*basket, occurred_at=at)))
    return entries


def pieces_of(entries: Sequence[Entry]) -> list[tuple[int, Mapping[str, int]]]:
    return [
        (i, {line.id: 1})
        for i, entry in enumerate(entries)
        for line in entry.posting.lines
        for _ in range(line.quantity)
    ]


@given(PROGRAMS, BOUGHT, st.randoms(use_true_random=False), st.booleans())
def test_of_all_that_came_back_nothing_is_left_and_the_books_prove_it(
    program: Program, baskets: list[Any], order: random.Random, wholly: bool
) -> None:
    """In pieces, in any order, in any mixture with returns of whole purchases."""
    journey = Journey(program, an_account(enrolled_at=ENROLLED, traits=Traits(referred_by="mem_friend")))
    entries = bought(journey, baskets)
    pieces = pieces_of(entries)
    order.shuffle(pieces)
    for i, piece in pieces:
        [line] = piece
        so_far = entries[i].returned.get(line)
        if so_far and so_far.quantity == next(one for one in entries[i].posting.lines if one.id == line).quantity:
            continue  # it came back with the whole
        entries[i] = journey.returns(entries[i], None if wholly and order.random() < 0.2 else piece)
        proof = prove(journey.account, journey.entries)
        assert (proof.drift, proof.entries) == (None, len(journey.entries))

    account = journey.account
    assert (account.lots, account.pending, account.debt) == ({}, {}, 0)
    assert {key: value for key, value in account.counters.items() if not key.startswith("active")} == {}
    assert journey.standing() == []
    assert all(one.withdrawn for one in journey.vouchers.values())
    assert account.tier in (None, "base")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_goals_that_one_purchase_reached_are_taken_out_of_what_they_gave_and_of_nothing_else(
    order: Sequence[int],
) -> None:
    """Not out of the lots of another purchase, or its return is refused."""
    lasting = Lasting(after_months=12)
    rewards = (a_reward(), MUG)
    groups = [Group("all", "all"), Group("more", "all")]
    program = a_program(RULES, rewards, lasting, "block", goals=GOALS[:2], groups=groups)
    journey = Journey(program, an_account(enrolled_at=ENROLLED))
    entries = bought(journey, [([(3000, 1, False)], 0), ([(167, 1, False)], 0)])
    for i in order:
        given_by_it = entries[i].posting.change
        journey.returns(entries[i], {"0": 1})
        taken = journey.entries[-1].posting.change
        assert (taken.lots, taken.pending) == (negative(given_by_it.lots), negative(given_by_it.pending))
    assert (journey.account.lots, journey.account.pending, journey.account.debt) == ({}, {}, 0)


@given(PROGRAMS, BOUGHT, st.randoms(use_true_random=False), st.integers(0, 6))
def test_what_is_left_is_what_the_counters_still_support(
    program: Program, baskets: list[Any], order: random.Random, number: int
) -> None:
    """After some returns, a goal stands as often as its progress reaches it, and as many rewards of it stand."""
    journey = Journey(program, an_account(enrolled_at=ENROLLED))
    entries = bought(journey, baskets)
    pieces = pieces_of(entries)
    order.shuffle(pieces)
    for i, piece in pieces[:number]:
        entries[i] = journey.returns(entries[i], piece)
    counters = journey.account.counters
    assert all(value > 0 for value in counters.values())
    for goal in program.goals:
        if goal.in_a_row > 1:
            continue
        name = f"goal.{goal.id}"
        done = {key: value for key, value in counters.items() if key.partition("/")[0] == f"{name}.done"}
        for key, times in done.items():
            progress = counters[key.replace(".done", "")]
            assert times == (progress // goal.reach if goal.repeat else min(1, progress // goal.reach))
        standing = [
            one.reward
            for one in journey.vouchers.values()
            if not one.withdrawn and one.reward.basis and one.reward.basis.rule == goal.id
        ]
        given_times = sum(reward.value // 500 if reward.value else 1 for reward in standing)
        assert given_times == (sum(done.values()) if goal.reward else 0)


@given(PROGRAMS, BOUGHT, st.randoms(use_true_random=False), st.integers(0, 8))
def test_where_rewards_stay_no_return_touches_a_voucher_or_a_goal(
    program: Program, baskets: list[Any], order: random.Random, number: int
) -> None:
    journey = Journey(replace(program, rewards_return=False), an_account(enrolled_at=ENROLLED))
    entries = bought(journey, baskets)
    done = {key: value for key, value in journey.account.counters.items() if ".done" in key}
    vouchers = dict(journey.vouchers)
    pieces = pieces_of(entries)
    order.shuffle(pieces)
    for i, piece in pieces[:number]:
        entries[i] = journey.returns(entries[i], piece)
    assert journey.vouchers == vouchers
    assert {key: value for key, value in journey.account.counters.items() if ".done" in key} == done


def test_an_activity_that_counts_towards_a_goal_is_undone_as_a_purchase_is() -> None:
    journey = a_journey(goals=[a_goal("review", 2, points=50)])
    journey.does(an_activity("review"))
    activity = journey.does(an_activity("review"))
    assert journey.account.lots == {NEVER: 50}
    journey.declines(activity)
    assert journey.account.lots == {}
