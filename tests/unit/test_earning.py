"""Earning: what a rule gives for what it counts, how it is rounded, and which line gets what."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.accrual.deciding import decide
from functions.ledger.account import Change, Count, Line, Posting, Reason
from functions.ledger.lots import NEVER
from functions.program.document import read
from functions.program.model import Bracket, Earn, EarningRule, Gift, Group, LineFilter, Match, Program, Rate, Rounding
from functions.program.occasions import Purchase
from functions.program.sharing import spread
from tests.unit.factories import (
    NOW,
    a_basket,
    a_flat_rule,
    a_gift_rule,
    a_line,
    a_program,
    a_purchase,
    a_reward,
    a_rule,
    a_rule_of,
    an_account,
    an_activity,
    an_earn,
    reason_of,
    shares_of,
)


def decided(purchase: Purchase, program: Program | None = None) -> Posting:
    return decide(an_account(), purchase, program or a_program(), NOW)


def earned(rule: EarningRule, *amounts: int) -> list[int]:
    """The points of each line."""
    return list(shares_of(decided(a_purchase(*amounts), a_program(earning=[rule]))).values())


def test_a_purchase_earns_points_for_every_full_dollar_and_says_all_it_does_and_why() -> None:
    assert decided(a_purchase(1250, 2799)) == Posting(
        kind="earned",
        change=Change({NEVER: 40}),
        occurred_at=NOW,
        program_version=7,
        explanation=[Reason("every-dollar", applied=True, points=40, lines={"1": 12, "2": 28})],
        lines=[Line("1", 1, 1250, 12), Line("2", 1, 2799, 28)],
        currency="USD",
        counts=[
            Count("visits", whole=1),
            Count("spend", {"1": 1250, "2": 2799}),
            Count("points", {"1": 12, "2": 28}),
        ],
        issued=[],
        draws=[],
    )


def test_two_half_dollars_earn_together_what_neither_earns_alone() -> None:
    assert earned(a_rule(), 50, 50) == [0, 1]


def test_a_line_for_nothing_earns_nothing_and_is_still_booked() -> None:
    assert earned(a_rule(), 0, 100) == [0, 1]


def test_a_purchase_below_one_step_is_booked_for_nothing_with_the_reason() -> None:
    posting = decided(a_purchase(60, 39))
    assert posting.change == Change()
    assert posting.points == 0
    assert posting.explanation == [
        Reason("every-dollar", applied=False, condition="amount_below_one_step", facts={"paid": 99, "needed": 100})
    ]


def test_every_rule_gives_its_points_and_lines_add_them_up() -> None:
    program = a_program(earning=[a_rule(1, 100), a_rule_of(full(5, 1000), "big-basket"), a_rule(1, 9999, "too-big")])

    posting = decided(a_purchase(700, 400), program)

    assert shares_of(posting) == {"1": 10, "2": 6}
    assert posting.change == Change({NEVER: 16})
    assert posting.explanation == [
        Reason("every-dollar", applied=True, points=11, lines={"1": 7, "2": 4}),
        # 5 points in proportion to 700 and 400: 3 for the first, the rest for the second.
        Reason("big-basket", applied=True, points=5, lines={"1": 3, "2": 2}),
        Reason("too-big", applied=False, condition="amount_below_one_step", facts={"paid": 1100, "needed": 9999}),
    ]


def test_reasons_come_in_the_order_of_the_file_whatever_the_order_of_the_groups() -> None:
    rules = [a_flat_rule(1, "b1", group="b"), a_flat_rule(1, "a1", group="a"), a_rule(1, 9999, "b2", group="b")]
    program = a_program(earning=rules, groups=[Group("a", "all"), Group("b", "all")])
    assert [reason.rule for reason in decided(a_purchase(100), program).explanation] == ["b1", "a1", "b2"]


# Rates and rounding.


def full(points: Fraction | int, per: int) -> Earn:
    """So many points for each full `per`."""
    return Earn({"": Rate(Fraction(points), per, full=True)})


@pytest.mark.parametrize(
    ("rounding", "points", "per", "amounts", "together", "by_line"),
    [
        ("floor", 1, 100, (150, 150), [1, 2], [1, 1]),
        ("half_up", 1, 100, (149, 150), [1, 2], [1, 2]),
        ("half_up", 1, 100, (150, 150), [2, 1], [2, 2]),
        ("half_up", 1, 100, (40, 40, 40), [0, 1, 0], [0, 0, 0]),
        ("ceil", 1, 100, (1, 1), [1, 0], [1, 1]),
        ("ceil", 1, 100, (100, 0), [1, 0], [1, 0]),
        ("ceil", 1, 100, (100, 1), [1, 1], [1, 1]),
        ("floor", Fraction(6, 5), 100, (400, 100), [4, 2], [4, 1]),
        ("half_up", Fraction(6, 5), 100, (200, 200), [2, 3], [2, 2]),
        ("ceil", Fraction(6, 5), 100, (100, 100), [2, 1], [2, 2]),
        ("floor", Fraction(1, 3), 1, (1, 1, 1), [0, 0, 1], [0, 0, 0]),
    ],
)
def test_rounding_once_for_the_purchase_or_for_each_line(
    rounding: Rounding,
    points: Fraction | int,
    per: int,
    amounts: tuple[int, ...],
    together: list[int],
    by_line: list[int],
) -> None:
    rule = a_rule(points, per, rounding=rounding)
    assert earned(rule, *amounts) == together
    assert earned(replace(rule, by_line=True), *amounts) == by_line


@pytest.mark.parametrize(
    ("rounding", "points", "amounts", "together", "by_line"),
    [
        ("floor", 10, (1999,), [10], [10]),
        ("floor", 10, (500, 500), [5, 5], [0, 0]),
        ("floor", 10, (2000, 999), [13, 7], [20, 0]),
        ("floor", 10, (999,), [0], [0]),
        ("half_up", Fraction(5, 2), (1000,), [3], [3]),
        ("ceil", Fraction(5, 2), (1000, 1000), [2, 3], [3, 3]),
        ("floor", Fraction(5, 2), (1000, 1000), [2, 3], [2, 2]),
    ],
)
def test_only_full_steps_of_ten_dollars_count(
    rounding: Rounding, points: Fraction | int, amounts: tuple[int, ...], together: list[int], by_line: list[int]
) -> None:
    rule = a_rule_of(full(points, 1000), rounding=rounding)
    assert earned(rule, *amounts) == together
    assert earned(replace(rule, by_line=True), *amounts) == by_line


@pytest.mark.parametrize(
    ("amounts", "shares"), [((700, 300), [7, 3]), ((1, 1, 1), [3, 3, 4]), ((0, 0), [10, 0]), ((0, 5), [0, 10])]
)
def test_points_at_once_are_shared_out_in_proportion(amounts: tuple[int, ...], shares: list[int]) -> None:
    assert earned(a_flat_rule(10), *amounts) == shares


@pytest.mark.parametrize(("rounding", "points"), [("floor", 2), ("half_up", 3), ("ceil", 3)])
def test_a_fraction_of_points_at_once_is_rounded(rounding: Rounding, points: int) -> None:
    assert earned(a_rule(Fraction(5, 2), 0, rounding=rounding), 100) == [points]


@pytest.mark.parametrize(
    ("points", "values", "shares"),
    [(0, [1, 2], [0, 0]), (7, [], []), (7, [0], [7]), (7, [3, 0, 4], [3, 0, 4]), (1, [1, 1], [0, 1])],
)
def test_spreading_gives_all_away_in_proportion(points: int, values: list[int], shares: list[int]) -> None:
    assert spread(points, values) == shares


# Brackets.

STEPS = (Bracket(1000, Rate(Fraction(1), 100)), Bracket(5000, Rate(Fraction(2), 100)))


@pytest.mark.parametrize(
    ("amounts", "shares"),
    [((999,), [0]), ((1000,), [10]), ((4999,), [49]), ((5000,), [100]), ((2500, 2500), [50, 50])],
)
def test_all_at_the_rate_of_the_highest_bracket_reached(amounts: tuple[int, ...], shares: list[int]) -> None:
    assert earned(a_rule_of(Earn({}, STEPS)), *amounts) == shares


@pytest.mark.parametrize(
    ("amounts", "shares"),
    [
        ((999,), [0]),
        ((1000,), [0]),
        ((2000,), [10]),
        ((5000,), [40]),
        ((6000,), [60]),
        ((3000, 3000), [20, 40]),
        ((1050, 1050), [0, 11]),
    ],
)
def test_each_part_at_the_rate_of_its_own_bracket(amounts: tuple[int, ...], shares: list[int]) -> None:
    assert earned(a_rule_of(Earn({}, STEPS, marginal=True)), *amounts) == shares


def test_brackets_of_points_at_once() -> None:
    earn = Earn({}, (Bracket(3000, Rate(Fraction(10))), Bracket(6000, Rate(Fraction(25)))))
    assert [sum(earned(a_rule_of(earn), amount)) for amount in (2999, 3000, 5999, 6000)] == [0, 10, 10, 25]


def test_below_the_first_bracket_the_reason_says_where_it_begins() -> None:
    reason = reason_of(decided(a_purchase(999), a_program(earning=[a_rule_of(Earn({}, STEPS))])), "rule")
    assert (reason.condition, reason.facts) == ("amount_below_one_step", {"paid": 999, "needed": 1000})


# What is counted.

VINYL = LineFilter(category=Match(frozenset({"vinyl"})))


def test_pieces_instead_of_money() -> None:
    rule = a_rule_of(an_earn(5, 1, of="quantity"))
    program = a_program(earning=[rule])
    assert shares_of(decided(a_basket(a_line("1", quantity=2), a_line("2", 0)), program)) == {"1": 10, "2": 5}


@pytest.mark.parametrize(("value", "points"), [(7, 7), (0, 0), (-7, 0), (True, 0), ("7", 0), (None, 0)])
def test_a_number_of_the_line_counts_and_what_is_no_number_does_not(value: Any, points: int) -> None:
    program = a_program(earning=[a_rule_of(an_earn(1, 1, of="lines.discs"))])
    attributes = {} if value is None else {"discs": value}
    posting = decided(a_basket(a_line("1"), a_line("2", attributes=attributes)), program)
    assert shares_of(posting) == {"1": 0, "2": points}


def test_a_number_of_the_purchase_counts_on_its_first_line() -> None:
    program = a_program(earning=[a_rule_of(an_earn(1, 1, of="attributes.stamps"))])
    posting = decided(a_basket(a_line("1"), a_line("2"), attributes={"stamps": 3}), program)
    assert shares_of(posting) == {"1": 3, "2": 0}


@pytest.mark.parametrize(("minutes", "points"), [(45, 4), (9, 0), (-45, 0)])
def test_a_number_of_an_activity(minutes: int, points: int) -> None:
    program = a_program(earning=[a_rule_of(an_earn(1, 10, of="attributes.minutes"), on=("training",))])
    posting = decide(an_account(), an_activity("training", minutes=minutes), program, NOW)
    assert posting.points == points
    assert posting.lines == []
    assert reason_of(posting, "rule").lines == {}


def test_only_the_lines_a_rule_takes_earn_and_are_rounded_together() -> None:
    program = a_program(earning=[a_rule(lines=VINYL)])
    lines = a_line("1", 150, categories=("vinyl",)), a_line("2", 999), a_line("3", 150, categories=("vinyl",))
    assert shares_of(decided(a_basket(*lines), program)) == {"1": 1, "2": 0, "3": 2}


@pytest.mark.parametrize(("amount", "condition"), [(1999, "below_minimum"), (2000, None)])
def test_the_minimum_is_of_the_lines_that_count(amount: int, condition: str | None) -> None:
    program = a_program(earning=[a_rule(lines=VINYL, minimum=2000)])
    posting = decided(a_basket(a_line("1", amount, categories=("vinyl",)), a_line("2", 9000)), program)
    reason = reason_of(posting, "every-dollar")
    assert reason.condition == condition
    assert reason.skipped == {"2": "category"}
    assert reason.facts == ({"counted": 1999, "needed": 2000} if condition else {})


# Multiples of what other rules gave.

BASE_AND_EXTRA = [Group("base", "all"), Group("extra", "all")]


def multiple(times: Fraction | int, *of: str, **more: Any) -> EarningRule:
    """`multiply: times` gives the others' points once less."""
    return a_rule_of(Earn({"": Rate(Fraction(times) - 1, 1)}, of_rules=of), "extra", group="extra", **more)


@pytest.mark.parametrize(
    ("times", "of", "shares"),
    [
        (2, ("dollars",), {"1": 3, "2": 7}),
        (3, ("dollars",), {"1": 6, "2": 14}),
        (Fraction(3, 2), ("dollars",), {"1": 1, "2": 4}),
        (2, ("dollars", "vinyl"), {"1": 3, "2": 12}),
        (2, ("vinyl",), {"2": 5}),
    ],
)
def test_a_multiple_gives_each_line_its_multiple_of_what_it_got(
    times: Fraction | int, of: tuple[str, ...], shares: dict[str, int]
) -> None:
    rules = [
        a_rule(id="dollars", group="base"),
        a_flat_rule(5, "vinyl", group="base", lines=VINYL),
        multiple(times, *of),
    ]
    program = a_program(earning=rules, groups=BASE_AND_EXTRA)
    posting = decided(a_basket(a_line("1", 300), a_line("2", 700, categories=("vinyl",))), program)
    assert reason_of(posting, "extra").lines == shares


def test_a_multiple_of_a_rule_that_did_not_apply_is_nothing() -> None:
    rules = [a_rule(id="dollars", group="base"), multiple(2, "dollars")]
    reason = reason_of(decided(a_purchase(99), a_program(earning=rules, groups=BASE_AND_EXTRA)), "extra")
    assert (reason.condition, reason.facts) == ("amount_below_one_step", {"paid": 0, "needed": 1})


def test_a_multiple_of_the_lines_a_rule_takes() -> None:
    rules = [a_rule(id="dollars", group="base"), multiple(2, "dollars", lines=VINYL)]
    program = a_program(earning=rules, groups=BASE_AND_EXTRA)
    posting = decided(a_basket(a_line("1", 300), a_line("2", 700, categories=("vinyl",))), program)
    assert shares_of(posting) == {"1": 3, "2": 14}


# Points that go elsewhere, and gifts.


def test_points_into_a_counter_cannot_be_spent() -> None:
    program = a_program(earning=[a_rule(), a_flat_rule(50, into="status")], counters={"status": {}})
    posting = decided(a_purchase(300, 100), program)
    assert posting.change == Change({NEVER: 4})
    assert shares_of(posting) == {"1": 3, "2": 1}
    assert reason_of(posting, "bonus") == Reason("bonus", True, 50, {"1": 37, "2": 13}, into="status")
    assert Count("status", {"1": 37, "2": 13}) in posting.counts


@pytest.mark.parametrize(
    ("per_full", "amount", "gifts"), [(0, 0, 1), (0, 9999, 1), (2000, 1999, 0), (2000, 2000, 1), (2000, 6100, 3)]
)
def test_a_reward_once_or_for_each_full_amount(per_full: int, amount: int, gifts: int) -> None:
    mug = replace(a_reward(id="mug"), kind="product", value=None)
    posting = decided(a_purchase(amount), a_program([a_gift_rule(Gift("mug", per_full=per_full))], [mug]))
    reason = reason_of(posting, "gift")
    assert [(reward.reward, reward.value) for reward in posting.issued] == [("mug", 0)] * gifts
    if gifts:
        assert reason.facts == {"reward": "mug"} | ({"times": gifts} if gifts > 1 else {})
    else:
        assert (reason.condition, reason.facts) == ("amount_below_one_step", {"paid": amount, "needed": 2000})


def test_a_reward_with_a_value_that_is_given_three_times_comes_as_one_of_the_whole_value() -> None:
    posting = decided(a_purchase(6100), a_program([a_gift_rule(Gift("voucher-5", per_full=2000))]))
    assert [(reward.reward, reward.value) for reward in posting.issued] == [("voucher-5", 1500)]


def test_of_other_things_no_more_are_given_at_once_than_one_write_can_hold() -> None:
    mug = replace(a_reward(id="mug"), kind="product", value=None)
    posting = decided(a_purchase(1_000_000), a_program([a_gift_rule(Gift("mug", per_full=1))], [mug]))
    assert len(posting.issued) == 20


def test_a_gift_gives_no_points() -> None:
    program = a_program(earning=[a_gift_rule(Gift("voucher-5"))])
    posting = decided(a_purchase(100, 100), program)
    assert (posting.change, shares_of(posting)) == (Change(), {"1": 0, "2": 0})


FILE = """
program: shop
name: {{en: Shop, fr: Magasin}}
currency: USD
activities: [{{id: jars, text: {{en: Jars, fr: Bocaux}}, attributes: {{number: number}}}}]
earning:
  - {{id: gift, text: {{en: A gift, fr: Un cadeau}}, reward: mug, per_full: 5, on: {on}, of: {of}}}
rewards:
  - {{id: mug, text: {{en: A mug, fr: Une tasse}}, kind: product, valid_days: 30}}
"""


def test_a_reward_for_every_five_pieces_counts_pieces_and_not_cents() -> None:
    program = read(FILE.format(on="purchase", of="quantity"))
    posting = decided(a_basket(a_line(amount=1000, quantity=11)), program)
    assert [reward.reward for reward in posting.issued] == ["mug", "mug"]


def test_a_reward_for_every_five_jars_counts_the_jars_of_the_activity() -> None:
    program = read(FILE.format(on="jars", of="attributes.number"))
    posting = decide(an_account(), an_activity("jars", number=10), program, NOW)
    assert [reward.reward for reward in posting.issued] == ["mug", "mug"]


# Whatever the rule: shares add up.

Rates = st.builds(
    lambda points, per, full: Rate(points, per, full and per > 0),
    st.fractions(min_value=Fraction(1, 1000), max_value=1000, max_denominator=1000),
    st.sampled_from([0, 1, 3, 100, 999, 1000]),
    st.booleans(),
)
Steps = st.lists(st.tuples(st.integers(0, 100_000), Rates), min_size=1, max_size=4, unique_by=lambda step: step[0]).map(
    lambda steps: tuple(Bracket(start, rate) for start, rate in sorted(steps, key=lambda step: step[0]))
)
Earns = st.one_of(
    Rates.map(lambda rate: Earn({"": rate})),
    Steps.map(lambda steps: Earn({}, steps)),
    Steps.filter(lambda steps: all(step.rate.per for step in steps)).map(lambda steps: Earn({}, steps, marginal=True)),
)
Rules = st.builds(
    lambda earn, rounding, by_line, lines: a_rule_of(earn, rounding=rounding, by_line=by_line, lines=lines),
    Earns,
    st.sampled_from(["floor", "half_up", "ceil"]),
    st.booleans(),
    st.sampled_from([None, VINYL]),
)
Baskets = st.lists(st.tuples(st.integers(0, 1_000_000), st.booleans()), min_size=1, max_size=12).map(
    lambda lines: a_basket(
        *(a_line(str(i), amount, categories=("vinyl",) * vinyl) for i, (amount, vinyl) in enumerate(lines))
    )
)


@given(st.lists(Rules, min_size=1, max_size=4), Baskets)
def test_shares_add_up_to_the_points_of_every_rule_and_of_the_purchase(
    rules: list[EarningRule], basket: Purchase
) -> None:
    rules = [replace(rule, id=f"rule-{i}") for i, rule in enumerate(rules)]

    posting = decided(basket, a_program(earning=rules))

    assert sum(shares_of(posting).values()) == posting.points == sum(reason.points for reason in posting.explanation)
    assert all(share >= 0 for share in shares_of(posting).values())
    for reason in posting.explanation:
        assert sum(reason.lines.values()) == reason.points
        assert all(share > 0 for share in reason.lines.values())
        assert reason.applied is (reason.points > 0)
        assert not reason.lines.keys() & reason.skipped.keys()


Amounts = st.lists(st.integers(0, 1_000_000), min_size=1, max_size=12)


@given(st.integers(1, 1000), st.integers(1, 100_000), Amounts)
def test_a_rate_rounded_down_once_gives_the_floor_of_the_whole(points: int, per: int, amounts: list[int]) -> None:
    assert sum(earned(a_rule(points, per), *amounts)) == points * sum(amounts) // per
    assert sum(earned(a_rule_of(full(points, per)), *amounts)) == sum(amounts) // per * points
