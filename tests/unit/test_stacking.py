"""Several rules apply: which of them count, for the purchase or for each line, and how much they may give together."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from functions.accrual.deciding import decide
from functions.ledger.account import Change, Posting
from functions.program.model import Earn, EarningRule, Gift, Group, Limit, LineFilter, Match, Program, Rate
from functions.program.occasions import Purchase
from tests.unit.factories import (
    NOW,
    Journey,
    a_basket,
    a_flat_rule,
    a_gift_rule,
    a_line,
    a_program,
    a_purchase,
    a_rule,
    a_rule_of,
    an_account,
    reason_of,
    shares_of,
)


def decided(program: Program, purchase: Purchase) -> Posting:
    return decide(an_account(), purchase, program, NOW)


def outcome(posting: Posting) -> dict[str, int | str | None]:
    """By rule: its points, or why it gave none."""
    return {reason.rule: reason.points if reason.applied else reason.condition for reason in posting.explanation}


ONE, FIVE, FIVE_AGAIN = a_flat_rule(1, "one"), a_flat_rule(5, "five"), a_flat_rule(5, "five-again")
TOO_BIG = a_rule(1, 999_999, "too-big")


# For the whole purchase.


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("all", {"too-big": "amount_below_one_step", "one": 1, "five": 5, "five-again": 5}),
        (
            "highest",
            {
                "too-big": "amount_below_one_step",
                "one": "another_gives_more",
                "five": 5,
                "five-again": "another_gives_more",
            },
        ),
        (
            "first",
            {
                "too-big": "amount_below_one_step",
                "one": 1,
                "five": "another_comes_first",
                "five-again": "another_comes_first",
            },
        ),
        (
            "exclusive",
            {
                "too-big": "amount_below_one_step",
                "one": 1,
                "five": "another_comes_first",
                "five-again": "another_comes_first",
            },
        ),
    ],
)
def test_which_rules_of_a_group_count(policy: Any, expected: Mapping[str, int | str]) -> None:
    program = a_program(earning=[TOO_BIG, ONE, FIVE, FIVE_AGAIN], groups=[Group("", policy)])
    assert outcome(decided(program, a_purchase(100))) == expected


@pytest.mark.parametrize(("policy", "best", "points"), [("highest", "five", 5), ("first", "one", 1)])
def test_a_rule_that_does_not_count_says_which_does_and_what_it_would_have_given(
    policy: Any, best: str, points: int
) -> None:
    program = a_program(earning=[ONE, FIVE, FIVE_AGAIN], groups=[Group("", policy)])
    facts = reason_of(decided(program, a_purchase(100)), "five-again").facts
    assert facts == {"rule": best, "points": points, "would_give": 5}


def test_where_one_rule_applies_there_is_nothing_to_choose() -> None:
    program = a_program(earning=[TOO_BIG, FIVE], groups=[Group("", "highest")])
    assert outcome(decided(program, a_purchase(100))) == {"too-big": "amount_below_one_step", "five": 5}


@pytest.mark.parametrize(
    ("applies", "expected"),
    [
        (True, {"staff": 5, "dollars": "exclusive_rule_applied", "bonus": "exclusive_rule_applied"}),
        (False, {"staff": "amount_below_one_step", "dollars": 1, "bonus": 10}),
    ],
)
def test_where_an_exclusive_rule_applies_the_groups_that_follow_do_not(
    applies: bool, expected: Mapping[str, int | str]
) -> None:
    first = replace(FIVE, id="staff", group="first") if applies else a_rule(1, 9999, "staff", group="first")
    rules = [first, a_rule(id="dollars", group="second"), a_flat_rule(10, group="third")]
    groups = [Group("first", "exclusive"), Group("second", "all"), Group("third", "all")]
    assert outcome(decided(a_program(earning=rules, groups=groups), a_purchase(100))) == expected


@pytest.mark.parametrize("whose", ["rule", "group"])
def test_an_exclusive_rule_that_a_limit_leaves_nothing_does_not_keep_others_out(whose: str) -> None:
    limits = (Limit("day", points=10),)
    rules = [
        a_rule(id="staff", group="first", limits=limits if whose == "rule" else ()),
        a_rule(id="dollars", group="second"),
    ]
    groups = [Group("first", "exclusive", limits=limits if whose == "group" else ()), Group("second", "all")]
    journey = Journey(a_program(earning=rules, groups=groups), an_account())
    found = [outcome(journey.does(a_purchase(1000)).posting) for _ in range(2)]
    assert found == [{"staff": 10, "dollars": "exclusive_rule_applied"}, {"staff": "limit_reached", "dollars": 10}]


def test_the_reason_names_the_exclusive_rule() -> None:
    rules = [replace(FIVE, group="first"), a_flat_rule(10, group="second")]
    program = a_program(earning=rules, groups=[Group("first", "exclusive"), Group("second", "all")])
    assert reason_of(decided(program, a_purchase(100)), "bonus").facts == {"rule": "five"}


def test_groups_before_an_exclusive_one_count() -> None:
    rules = [replace(ONE, group="before"), replace(FIVE, group="then"), a_flat_rule(10, group="after")]
    groups = [Group("before", "all"), Group("then", "exclusive"), Group("after", "all")]
    program = a_program(earning=rules, groups=groups)
    assert outcome(decided(program, a_purchase(100))) == {"one": 1, "five": 5, "bonus": "exclusive_rule_applied"}


def test_a_multiple_is_taken_of_what_counted_in_the_groups_before() -> None:
    doubled = a_rule_of(Earn({"": Rate(Fraction(1), 1)}, of_rules=("one", "five")), "doubled", group="extra")
    rules = [replace(ONE, group="base"), replace(FIVE, group="base"), doubled]
    program = a_program(earning=rules, groups=[Group("base", "highest"), Group("extra", "all")])
    assert outcome(decided(program, a_purchase(100))) == {"one": "another_gives_more", "five": 5, "doubled": 5}


# For each line by itself.


def of_category(id: str, category: str, points: int) -> EarningRule:
    """`points` for a dollar of a category."""
    return a_rule(points, 100, id, lines=LineFilter(category=Match(frozenset({category}))))


BY_LINE: Sequence[EarningRule] = (of_category("vinyl", "vinyl", 2), of_category("sale", "sale", 3), a_rule(id="any"))
BASKET = a_basket(
    a_line("1", 1000, categories=("vinyl",)),
    a_line("2", 1000, categories=("vinyl", "sale")),
    a_line("3", 1000),
)


@pytest.mark.parametrize(
    ("policy", "lines"),
    [
        ("all", {"vinyl": {"1": 20, "2": 20}, "sale": {"2": 30}, "any": {"1": 10, "2": 10, "3": 10}}),
        ("highest", {"vinyl": {"1": 20}, "sale": {"2": 30}, "any": {"3": 10}}),
        ("first", {"vinyl": {"1": 20, "2": 20}, "sale": {}, "any": {"3": 10}}),
        ("exclusive", {"vinyl": {"1": 20, "2": 20}, "sale": {}, "any": {"3": 10}}),
    ],
)
def test_every_line_chooses_its_own_rule(policy: Any, lines: Mapping[str, Mapping[str, int]]) -> None:
    posting = decided(a_program(earning=BY_LINE, groups=[Group("", policy, by_line=True)]), BASKET)
    assert {reason.rule: reason.lines for reason in posting.explanation} == lines
    assert sum(shares_of(posting).values()) == posting.points


def test_lines_that_chose_another_rule_are_named_beside_those_that_were_skipped() -> None:
    posting = decided(a_program(earning=BY_LINE, groups=[Group("", "highest", by_line=True)]), BASKET)
    assert reason_of(posting, "vinyl").skipped == {"2": "another_gives_more", "3": "category"}
    assert reason_of(posting, "any").skipped == {"1": "another_gives_more", "2": "another_gives_more"}


def test_a_rule_that_no_line_chose_does_not_count() -> None:
    posting = decided(a_program(earning=BY_LINE, groups=[Group("", "first", by_line=True)]), BASKET)
    sale = reason_of(posting, "sale")
    assert (sale.applied, sale.condition) == (False, "another_comes_first")
    assert sale.skipped == {"1": "category", "2": "another_comes_first", "3": "category"}


def test_of_equal_rules_a_line_chooses_the_first() -> None:
    rules = [a_rule(id="one"), a_rule(id="other")]
    posting = decided(a_program(earning=rules, groups=[Group("", "highest", by_line=True)]), a_purchase(100))
    assert outcome(posting) == {"one": 1, "other": "another_gives_more"}


def test_a_line_that_no_rule_wants_chooses_none_and_gifts_do_not_compete_for_lines() -> None:
    rules = [of_category("vinyl", "vinyl", 2), of_category("sale", "sale", 3), a_gift_rule(Gift("voucher-5"))]
    posting = decided(a_program(earning=rules, groups=[Group("", "first", by_line=True)]), BASKET)
    assert shares_of(posting) == {"1": 20, "2": 20, "3": 0}
    assert [reward.reward for reward in posting.issued] == ["voucher-5"]


# How much they may give together. (Limits over time: test_limits.py.)


def test_rules_of_a_group_share_its_limit_and_the_last_one_gives_way() -> None:
    rules = [a_rule(id="dollars"), a_rule(2, id="double")]
    program = a_program(earning=rules, groups=[Group("", "all", limits=(Limit("purchase", points=25),))])
    posting = decided(program, a_purchase(300, 700))
    # Of 10 and 20 points, 5 are too many; they come off the last line of the last rule.
    assert shares_of(posting) == {"1": 9, "2": 16}
    assert reason_of(posting, "double").facts == {"group_limit": -5}
    assert reason_of(posting, "dollars").facts == {}


def test_the_limit_of_the_programme_is_that_of_all_rules_together() -> None:
    rules = [a_rule(id="dollars", group="a"), a_rule(2, id="double", group="b")]
    groups = [Group("a", "all"), Group("b", "all")]
    program = a_program(earning=rules, groups=groups, limits=(Limit("purchase", points=4),))
    posting = decided(program, a_purchase(300, 700))
    assert shares_of(posting) == {"1": 3, "2": 1}
    assert reason_of(posting, "dollars").facts == {"programme_limit": -6}
    assert outcome(posting) == {"dollars": 4, "double": "limit_reached"}
    assert reason_of(posting, "double").facts == {"programme_limit": -20}


def test_points_that_cannot_be_spent_are_not_limited_with_those_that_can() -> None:
    limits = (Limit("purchase", points=4),)
    rules = [a_rule(id="dollars"), a_rule(into="status", id="status-points")]
    program = a_program(earning=rules, groups=[Group("", "all", limits=limits)], limits=limits, counters={"status": {}})
    assert outcome(decided(program, a_purchase(1000))) == {"dollars": 4, "status-points": 10}


@pytest.mark.parametrize(
    "caps", [{"limits": (Limit("purchase", points=4),)}, {"worth": Fraction(1), "benefit_cap": Fraction(1, 250)}]
)
def test_a_multiple_into_a_counter_is_of_what_the_lines_had_before_the_caps(caps: dict[str, Any]) -> None:
    of_dollars = Earn({"": Rate(Fraction(1), 1)}, of_rules=("dollars",))
    rules = [a_rule(id="dollars", group="a"), a_rule_of(of_dollars, "status-points", group="b", into="status")]
    program = a_program(earning=rules, groups=[Group("a", "all"), Group("b", "all")], counters={"status": {}}, **caps)
    posting = decided(program, a_purchase(300, 700))
    assert posting.points < 10
    assert reason_of(posting, "status-points").points == 10
    assert reason_of(posting, "status-points").lines == {"1": 3, "2": 7}
    assert [count.lines for count in posting.counts if count.key == "status"] == [{"1": 3, "2": 7}]


@pytest.mark.parametrize(
    ("lines", "shares"),
    [
        # At 10 % and a cent a point, a line of 10.00 gives 100 points at most.
        ([a_line("1", 1000)], {"1": 100}),
        ([a_line("1", 900, discount=100)], {"1": 0}),
        ([a_line("1", 950, discount=50)], {"1": 50}),
        ([a_line("1", 500, discount=500)], {"1": 0}),
        ([a_line("1", 1000), a_line("2", 500, discount=500), a_line("3", 199)], {"1": 100, "2": 0, "3": 19}),
    ],
)
def test_a_lines_discount_and_points_together_keep_within_the_benefit_cap(
    lines: list[Any], shares: dict[str, int]
) -> None:
    program = a_program(earning=[a_rule(1, 4, by_line=True)], worth=Fraction(1), benefit_cap=Fraction(1, 10))
    assert shares_of(decided(program, a_basket(*lines))) == shares


def test_the_benefit_cap_counts_what_points_are_worth_in_fractions_of_a_cent() -> None:
    program = a_program(earning=[a_flat_rule(500)], worth=Fraction(3, 10), benefit_cap=Fraction(1, 20))
    posting = decided(program, a_purchase(1000))
    assert posting.points == 166  # 50 cents at 0.3 cents a point
    assert reason_of(posting, "bonus").facts == {"most_benefit": -334}


@pytest.mark.parametrize("more", [{"worth": Fraction(1)}, {"benefit_cap": Fraction(1, 100)}, {}])
def test_without_a_worth_and_a_cap_there_is_no_benefit_cap(more: dict[str, Any]) -> None:
    assert decided(a_program(earning=[a_flat_rule(500)], **more), a_purchase(1000)).points == 500


def test_the_benefit_cap_takes_from_the_last_rule_first_and_only_on_the_line() -> None:
    rules = [a_rule(8, 100, "dollars"), a_rule(4, 100, "extra")]
    program = a_program(earning=rules, worth=Fraction(1), benefit_cap=Fraction(1, 10))
    posting = decided(program, a_basket(a_line("1", 1000), a_line("2", 1000, discount=1000)))
    assert reason_of(posting, "dollars").lines == {"1": 80}
    assert reason_of(posting, "extra").lines == {"1": 20}


def test_rules_that_give_nothing_after_the_caps_leave_no_trace_but_their_reason() -> None:
    program = a_program(earning=[a_flat_rule(5)], worth=Fraction(1), benefit_cap=Fraction(1, 1000))
    posting = decided(program, a_purchase(100))
    assert posting.change == Change()
    assert outcome(posting) == {"bonus": "limit_reached"}
