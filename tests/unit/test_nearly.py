"""What a little more would bring: what it says is true, and it says the nearest things first."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from functions.accrual.deciding import decide
from functions.accrual.nearly import MOST_TOLD, Nearly, nearly_reached
from functions.ledger.account import Account, Posting
from functions.program.model import (
    Bracket,
    Earn,
    Gift,
    Group,
    Limit,
    LineFilter,
    Match,
    Program,
    Range,
    Rate,
    Reward,
    Validity,
    When,
)
from functions.program.occasions import Purchase
from tests.unit.factories import (
    NOW,
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
)

MUG = Reward("mug", "product", None, value=None, valid=Validity(days=30), text={})
VINYL = LineFilter(category=Match(frozenset({"vinyl"})))
STEPS = (Bracket(1000, Rate(Fraction(1), 100)), Bracket(5000, Rate(Fraction(2), 100)))
FULL = Earn({"": Rate(Fraction(5), 1000, full=True)})


def program(*rules: Any, **more: Any) -> Program:
    return a_program(earning=rules, rewards=(a_reward(), MUG), **more)


def nearly(of: Program, basket: Purchase, account: Account | None = None) -> list[Nearly]:
    def judge(purchase: Purchase) -> Posting:
        return decide(account or an_account(), purchase, of, NOW)

    return nearly_reached(basket, judge(basket), of, judge)


def told(of: Program, basket: Purchase, account: Account | None = None) -> list[tuple[str, int, int, list[str]]]:
    return [(one.rule, one.missing, one.points, list(one.rewards)) for one in nearly(of, basket, account)]


@pytest.mark.parametrize(
    ("rule", "basket", "expected"),
    [
        pytest.param(a_flat_rule(50, when=When(paid=Range(3000))), (2000, 500), [("bonus", 500, 50, [])], id="paid"),
        pytest.param(a_flat_rule(50, when=When(paid=Range(3000))), (3000,), [], id="paid that is reached"),
        pytest.param(a_flat_rule(50, when=When(paid=Range(3000))), (1000,), [], id="more than the basket again"),
        pytest.param(a_flat_rule(50, when=When(paid=Range(2000))), (1000,), [("bonus", 1000, 50, [])], id="twice"),
        pytest.param(a_flat_rule(50, when=When(paid=Range(None, 3000))), (2000,), [], id="paid at most"),
        pytest.param(a_flat_rule(50, minimum=3000), (2500,), [("bonus", 500, 50, [])], id="minimum"),
        pytest.param(
            a_gift_rule(Gift("voucher-5"), minimum=3000),
            (2999,),
            [("gift", 1, 0, ["voucher-5"])],
            id="minimum of a gift",
        ),
        pytest.param(a_gift_rule(Gift("mug", per_full=1000)), (2600,), [("gift", 400, 0, ["mug"])], id="one gift more"),
        pytest.param(
            a_gift_rule(Gift("voucher-5", per_full=1000)), (2600,), [("gift", 400, 0, ["voucher-5"])], id="more value"
        ),
        pytest.param(
            a_gift_rule(Gift("mug", per_full=1000)), (2000,), [("gift", 1000, 0, ["mug"])], id="the next full one"
        ),
        pytest.param(a_rule_of(Earn({}, STEPS)), (900,), [("rule", 100, 10, [])], id="first bracket"),
        pytest.param(a_rule_of(Earn({}, STEPS)), (4900,), [("rule", 100, 100 - 49, [])], id="next bracket"),
        pytest.param(a_rule_of(Earn({}, STEPS)), (5000,), [], id="last bracket"),
        pytest.param(a_rule_of(FULL), (2600,), [("rule", 400, 5, [])], id="full steps"),
        pytest.param(a_rule(), (2650,), [], id="in proportion"),
        pytest.param(a_gift_rule(Gift(tier="gold", months=3), minimum=3000), (2500,), [], id="a tier"),
    ],
)
def test_what_is_missing_to_a_rule_and_what_it_would_bring(
    rule: Any, basket: tuple[int, ...], expected: list[tuple[str, int, int, list[str]]]
) -> None:
    assert told(program(rule), a_purchase(*basket)) == expected


@pytest.mark.parametrize(
    ("goal", "counters", "basket", "expected"),
    [
        pytest.param(a_goal("spend", 3000), {}, 2500, [("goal", 500, 50, [])], id="by itself"),
        pytest.param(
            a_goal("spend", 3000),
            {"goal.goal/month@2026-11-01": 1000},
            1500,
            [("goal", 500, 50, [])],
            id="with earlier",
        ),
        pytest.param(a_goal("spend", 3000), {}, 3500, [], id="once only"),
        pytest.param(
            a_goal("spend", 1000, repeat=True, points=0, reward="voucher-5"),
            {},
            2700,
            [("goal", 300, 0, ["voucher-5"])],
            id="again",
        ),
        pytest.param(a_goal("visits", 2), {}, 2500, [], id="on visits"),
        pytest.param(a_goal("spend", 3000, when=When(paid=Range(9000))), {}, 2500, [], id="whose condition fails"),
    ],
)
def test_what_is_missing_to_a_goal(
    goal: Any, counters: dict[str, int], basket: int, expected: list[tuple[str, int, int, list[str]]]
) -> None:
    account = an_account(counters=counters)
    assert told(program(goals=[goal]), a_purchase(basket), account) == expected


def test_it_counts_on_the_lines_that_count() -> None:
    rule = a_flat_rule(50, minimum=3000, lines=VINYL)
    vinyl, bag = a_line("1", 2500, categories=("vinyl",)), a_line("2", 1000)
    assert told(program(rule), a_basket(bag, vinyl)) == [("bonus", 500, 50, [])]
    assert told(program(rule), a_basket(bag)) == []


def test_a_goal_on_lines_counts_on_those() -> None:
    goal = a_goal("spend", 3000, lines=VINYL)
    vinyl, bag = a_line("1", 2500, categories=("vinyl",)), a_line("2", 1000)
    assert told(program(goals=[goal]), a_basket(bag, vinyl)) == [("goal", 500, 50, [])]


def test_what_the_basket_brings_anyway_by_the_same_rule_is_not_told_again() -> None:
    """Of 20.00 and four pieces more, only what is new."""
    rule = a_gift_rule(Gift("mug", per_full=1000))
    [one] = nearly(program(rule), a_purchase(3900))
    assert (one.missing, one.rewards) == (100, ["mug"])


def test_it_tells_what_more_it_brings_by_all_rules_together() -> None:
    of = program(a_rule(), a_flat_rule(50, when=When(paid=Range(3000))))
    assert told(of, a_purchase(2500)) == [("bonus", 500, 50 + 5, [])]


def test_what_other_rules_bring_is_not_told_as_of_this_one() -> None:
    """On the first lines more would bring nothing by the full steps, on the last it does."""
    full = a_rule_of(Earn({"": Rate(Fraction(5), 1000, full=True)}), by_line=True)
    assert told(program(a_rule(), full), a_purchase(200, 200, 1900)) == [("rule", 700, 7 + 5, [])]


def test_more_is_tried_only_on_lines_that_count() -> None:
    """Another rule gives points for the bag."""
    gift = a_gift_rule(Gift("mug", per_full=1000), lines=VINYL)
    basket = a_basket(a_line("1", 1000), a_line("2", 1600, categories=("vinyl",)))
    assert told(program(a_rule(), gift), basket) == [("gift", 400, 4, ["mug"])]


def test_it_says_so_in_the_words_of_the_rule() -> None:
    rule = a_flat_rule(50, minimum=3000)
    [one] = nearly(program(rule), a_purchase(2500))
    assert one.text == rule.text


@pytest.mark.parametrize(
    "rule",
    [
        a_flat_rule(50, minimum=3000, when=When(store=Match(frozenset({"another"})))),
        a_flat_rule(50, minimum=3000, limits=(Limit("ever", times=1),)),
        a_flat_rule(50, minimum=3000, on=("review",)),
    ],
    ids=["another condition", "a limit", "another occasion"],
)
def test_what_fails_for_another_reason_is_not_told(rule: Any) -> None:
    account = an_account(counters={"rule.bonus.times": 1})
    assert told(program(rule), a_purchase(2500), account) == []


def test_nothing_is_told_that_brings_less_than_the_basket_as_it_is() -> None:
    """A rule that excludes better ones."""
    groups = [Group("first", "exclusive"), Group("then", "all")]
    of = program(a_flat_rule(5, group="first", when=When(paid=Range(1000))), a_rule(group="then"), groups=groups)
    assert told(of, a_purchase(900)) == []


def test_nothing_is_told_that_brings_no_points_and_no_reward() -> None:
    """Stars are no points that can be spent."""
    of = program(a_flat_rule(5, into="stars", when=When(paid=Range(1000))), counters={"stars": {}})
    assert told(of, a_purchase(950)) == []


def test_the_nearest_come_first_and_only_a_few() -> None:
    rules = [a_flat_rule(1, f"from-{at}", when=When(paid=Range(at))) for at in (3000, 2600, 2800, 2501)]
    found = told(program(*rules), a_purchase(2500))
    assert [rule for rule, *_ in found] == ["from-2501", "from-2600", "from-2800"]
    assert len(found) == MOST_TOLD


def test_of_what_is_as_near_that_comes_first_that_brings_most() -> None:
    """More vinyl, or more of anything else."""
    others = LineFilter(category=Match(frozenset({"vinyl"}), excluded=True))
    rules = [a_flat_rule(5, "others", minimum=1000, lines=others), a_flat_rule(7, "vinyl", minimum=1000, lines=VINYL)]
    basket = a_basket(a_line("1", 900), a_line("2", 900, categories=("vinyl",)))
    assert told(program(*rules), basket) == [("vinyl", 100, 7, []), ("others", 100, 5, [])]


@pytest.mark.parametrize(("before", "expected"), [(19, [("rule", 400, 5, [])]), (20, [])])
def test_only_the_first_lines_of_a_large_basket_are_tried(
    before: int, expected: list[tuple[str, int, int, list[str]]]
) -> None:
    """Only on the last line does it bring anything."""
    rule = a_rule_of(Earn({"": Rate(Fraction(5), 1000, full=True)}), by_line=True)
    lines = [a_line(str(i), 0) for i in range(before)]
    assert told(program(rule), a_basket(*lines, a_line("last", 2600))) == expected


# It is true.

THRESHOLDS = st.integers(500, 6000)
REWARDS = st.sampled_from(["mug", "voucher-5"])
RULES = st.one_of(
    st.builds(lambda at, points: a_flat_rule(points, when=When(paid=Range(at))), THRESHOLDS, st.integers(1, 99)),
    st.builds(lambda at, lines: a_flat_rule(50, minimum=at, lines=lines), THRESHOLDS, st.sampled_from([None, VINYL])),
    st.builds(lambda full, reward: a_gift_rule(Gift(reward, per_full=full)), THRESHOLDS, REWARDS),
    st.builds(lambda at: a_gift_rule(Gift("voucher-5"), minimum=at, lines=VINYL), THRESHOLDS),
    st.builds(lambda per: a_rule_of(Earn({"": Rate(Fraction(5), per, full=True)})), THRESHOLDS),
    st.builds(
        lambda first, width: a_rule_of(
            Earn({}, (Bracket(first, Rate(Fraction(1), 100)), Bracket(first + width, Rate(Fraction(3), 100))))
        ),
        THRESHOLDS,
        THRESHOLDS,
    ),
)
GOALS = st.builds(
    lambda reach, repeat, reward, lines: a_goal("spend", reach, repeat=repeat, reward=reward, lines=lines),
    THRESHOLDS,
    st.booleans(),
    st.sampled_from([None, "mug", "voucher-5"]),
    st.sampled_from([None, VINYL]),
)
PROGRAMS = st.builds(
    lambda rules, goals, policy: program(
        *(replace(rule, id=f"rule-{i}", group="g") for i, rule in enumerate(rules)),
        a_rule(group="base"),
        goals=[replace(goal, id=f"goal-{i}") for i, goal in enumerate(goals)],
        groups=[Group("g", policy), Group("base", "all")],
    ),
    st.lists(RULES, max_size=4),
    st.lists(GOALS, max_size=2),
    st.sampled_from(["all", "highest", "first", "exclusive"]),
)
BASKETS = st.lists(st.tuples(st.integers(0, 3000), st.booleans()), min_size=1, max_size=3).map(
    lambda lines: a_basket(*(a_line(str(i), a, categories=("vinyl",) * v) for i, (a, v) in enumerate(lines)))
)


def given_by(posting: Posting, rule: str) -> list[str]:
    """What a rule or goal gives of rewards, each as often as it is given."""
    of_rule = [one for one in posting.issued if one.basis and one.basis.rule == rule]
    return [one.reward for one in of_rule for _ in range(one.value // 500 or 1)]


@given(PROGRAMS, BASKETS)
def test_buying_that_much_more_really_brings_it(of: Program, basket: Purchase) -> None:
    """On one of the lines, and what it brings is points or rewards that the basket as it is does not bring."""
    before = decide(an_account(), basket, of, NOW)
    paid = sum(line.amount for line in basket.lines)
    found = nearly(of, basket)
    assert len(found) <= MOST_TOLD
    assert [one.missing for one in found] == sorted(one.missing for one in found)
    for one in found:
        assert 0 < one.missing <= paid
        assert one.points > 0 or one.rewards
        outcomes = []
        for i, line in enumerate(basket.lines):
            lines = [*basket.lines[:i], line._replace(amount=line.amount + one.missing), *basket.lines[i + 1 :]]
            after = decide(an_account(), replace(basket, lines=lines), of, NOW)
            more = given_by(after, one.rule)[len(given_by(before, one.rule)) :]
            outcomes.append((after.points - before.points, more))
        assert (one.points, list(one.rewards)) in outcomes


@given(st.integers(1, 9000), st.integers(1, 9000), st.sampled_from(["paid", "minimum", "gift", "goal"]))
def test_a_threshold_is_told_to_the_cent_and_only_within_reach(paid: int, threshold: int, kind: str) -> None:
    """One cent less would not bring it, and of what takes more than the basket again nothing is said."""
    assume(paid < threshold)
    of = {
        "paid": program(a_flat_rule(50, "it", when=When(paid=Range(threshold)))),
        "minimum": program(a_flat_rule(50, "it", minimum=threshold)),
        "gift": program(a_gift_rule(Gift("voucher-5", per_full=threshold), "it")),
        "goal": program(goals=[a_goal("spend", threshold, id="it")]),
    }[kind]
    missing = threshold - paid
    assert [one.missing for one in nearly(of, a_purchase(paid))] == ([missing] if missing <= paid else [])
    almost = decide(an_account(), a_purchase(threshold - 1), of, NOW)
    assert (almost.points, almost.issued) == (0, [])
