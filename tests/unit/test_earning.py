"""Earning: points for every full amount, rounded down once for the whole purchase."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.accrual.earning import CLOCK_SKEW, Purchase, decide_purchase
from functions.ledger.account import Change, Line, Posting, Reason
from functions.ledger.lots import NEVER
from functions.program.model import Program
from functions.runtime.errors import InvalidError
from tests.unit.factories import NOW, a_program, a_purchase, a_rule, an_account


def decided(purchase: Purchase, program: Program | None = None, now: datetime = NOW) -> Posting:
    return decide_purchase(an_account(), purchase, program or a_program(), now)


def shares(posting: Posting) -> Mapping[str, int]:
    return {line.id: line.points for line in posting.lines}


def test_a_purchase_earns_points_for_every_full_dollar() -> None:
    assert decided(a_purchase(1250, 2799)) == Posting(
        kind="earned",
        change=Change({NEVER: 40}),
        occurred_at=NOW,
        program_version=7,
        explanation=[Reason("every-dollar", applied=True, points=40, lines={"1": 12, "2": 28})],
        lines=[Line("1", 1, 1250, 12), Line("2", 1, 2799, 28)],
        reward=None,
        currency="USD",
    )


def test_two_half_dollars_earn_together_what_neither_earns_alone() -> None:
    assert shares(decided(a_purchase(50, 50))) == {"1": 0, "2": 1}


def test_a_line_for_nothing_earns_nothing_and_is_still_booked() -> None:
    assert shares(decided(a_purchase(0, 100))) == {"1": 0, "2": 1}


def test_a_purchase_below_one_step_is_booked_for_nothing_with_the_reason() -> None:
    posting = decided(a_purchase(60, 39))
    assert posting.change == Change()
    assert posting.points == 0
    assert posting.explanation == [
        Reason("every-dollar", applied=False, condition="amount_below_one_step", facts={"paid": 99, "needed": 100})
    ]


def test_every_rule_gives_its_points_and_lines_add_them_up() -> None:
    program = a_program(earning=[a_rule(1, 100), a_rule(5, 1000, "big-basket"), a_rule(1, 9999, "too-big")])

    posting = decided(a_purchase(700, 400), program)

    assert shares(posting) == {"1": 7, "2": 9}
    assert posting.change == Change({NEVER: 16})
    assert posting.explanation == [
        Reason("every-dollar", applied=True, points=11, lines={"1": 7, "2": 4}),
        Reason("big-basket", applied=True, points=5, lines={"2": 5}),
        Reason("too-big", applied=False, condition="amount_below_one_step", facts={"paid": 1100, "needed": 9999}),
    ]


def test_points_expire_months_after_the_day_of_the_purchase_and_not_of_its_arrival() -> None:
    bought = datetime(2026, 8, 31, 23, 59, tzinfo=UTC)
    posting = decided(a_purchase(100, occurred_at=bought), a_program(expire_after_months=6))
    assert posting.change == Change({"2027-02-28": 1})
    assert posting.occurred_at == bought


def test_another_currency_than_the_programme_counts_in_is_refused() -> None:
    with pytest.raises(InvalidError) as refused:
        decided(a_purchase(100, currency="EUR"))
    assert refused.value.members == {
        "errors": [{"pointer": "/currency", "code": "currency", "detail": "The programme counts in USD."}]
    }


def test_a_till_whose_clock_runs_ahead_a_little_is_believed() -> None:
    assert decided(a_purchase(100, occurred_at=NOW + CLOCK_SKEW)).points == 1


def test_a_purchase_of_the_future_is_refused_together_with_its_currency() -> None:
    with pytest.raises(InvalidError) as refused:
        decided(a_purchase(100, occurred_at=NOW + CLOCK_SKEW + timedelta(microseconds=1), currency="EUR"))
    assert refused.value.members["errors"] == [
        {"pointer": "/currency", "code": "currency", "detail": "The programme counts in USD."},
        {"pointer": "/occurred_at", "code": "future", "detail": "The purchase lies in the future."},
    ]


rules = st.lists(st.builds(a_rule, st.integers(1, 1000), st.integers(1, 100_000)), min_size=1, max_size=4).map(
    lambda made: [a_rule(rule.points, rule.amount, f"rule-{i}") for i, rule in enumerate(made)]
)
amounts = st.lists(st.integers(0, 1_000_000), min_size=1, max_size=12)


@given(rules, amounts)
def test_shares_always_add_up_to_the_floor_of_the_whole(earning: list[object], paid: list[int]) -> None:
    program = a_program(earning=earning)  # type: ignore[arg-type]

    posting = decided(a_purchase(*paid), program)

    assert posting.points == sum(sum(paid) // rule.amount * rule.points for rule in program.earning)
    assert sum(shares(posting).values()) == posting.points
    assert all(points >= 0 for points in shares(posting).values())
    for rule, reason in zip(program.earning, posting.explanation, strict=True):
        assert reason.points == sum(paid) // rule.amount * rule.points == sum(reason.lines.values())
        assert reason.applied is (reason.points > 0)
