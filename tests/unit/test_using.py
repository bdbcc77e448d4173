"""What a voucher pays of a purchase, when it does not, and what is left of it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import hypothesis.strategies as st
import pytest
from hypothesis import given

from functions.ledger.account import Change, Posting
from functions.ledger.rewards import Use, Voucher
from functions.program.model import LineFilter, Match, Program, Terms
from functions.program.occasions import PurchaseLine
from functions.redemption.using import Basket, decide_use
from functions.runtime.errors import FieldError, InvalidError, VoucherNotUsableError
from tests.unit.factories import MEMBER, NOW, TODAY, a_line, a_program, a_reward, an_issued_reward

ISSUED = an_issued_reward()
VOUCHER = Voucher(ISSUED, MEMBER, version=7)
WINE = LineFilter(category=Match(frozenset({"wine"})))
RED, MILK = a_line("red", 300, categories=("wine",)), a_line("milk", 900, categories=("dairy",))


def under(**terms: Any) -> Program:
    return a_program(rewards=[replace(a_reward(), terms=Terms(**terms))])


def a_basket(*lines: PurchaseLine, **more: Any) -> Basket:
    return Basket(**{"currency": "USD", "lines": lines or [RED, MILK], **more})


def use_of(
    voucher: Voucher = VOUCHER, basket: Basket | None = None, program: Program | None = None, now: datetime = NOW
) -> Use:
    posting = decide_use(voucher, basket or a_basket(), program or under(), now)
    assert posting.used
    return posting.used


def refusal(
    voucher: Voucher = VOUCHER, basket: Basket | None = None, program: Program | None = None, now: datetime = NOW
) -> dict[str, object]:
    with pytest.raises(VoucherNotUsableError) as refused:
        decide_use(voucher, basket or a_basket(), program or under(), now)
    return dict(refused.value.members)


def test_a_voucher_pays_a_part_of_every_line_and_moves_no_point() -> None:
    assert decide_use(VOUCHER, a_basket(), under(), NOW) == Posting(
        "used",
        Change(),
        NOW,
        program_version=7,
        currency="USD",
        used=Use(VOUCHER, 500, 0, used_up=True, lines={"red": 125, "milk": 375}),
    )


def test_it_pays_no_more_than_the_purchase_and_the_rest_is_lost() -> None:
    assert use_of(basket=a_basket(RED)) == Use(VOUCHER, 300, 0, used_up=True, lines={"red": 300})


def test_it_pays_no_more_than_is_asked_for() -> None:
    assert use_of(basket=a_basket(amount=400)) == Use(VOUCHER, 400, 0, used_up=True, lines={"red": 100, "milk": 300})
    assert use_of(basket=a_basket(amount=501)).paid == 500


def test_used_in_parts_it_keeps_what_it_has_not_paid_until_nothing_is_left() -> None:
    program = under(in_parts=True)
    assert use_of(basket=a_basket(amount=499), program=program) == Use(
        VOUCHER, 499, 1, used_up=False, lines={"red": 124, "milk": 375}
    )
    rest = replace(VOUCHER, reward=replace(ISSUED, value=1), uses=1)
    assert use_of(rest, program=program) == Use(rest, 1, 0, used_up=True, lines={"milk": 1})


def test_used_several_times_it_is_worth_the_same_every_time() -> None:
    program = under(times=3)
    uses = [use_of(replace(VOUCHER, uses=times), program=program) for times in range(3)]
    assert [(use.paid, use.left, use.used_up) for use in uses] == [(500, 500, False), (500, 500, False), (500, 0, True)]


def test_what_is_worth_nothing_in_money_is_used_all_the_same() -> None:
    voucher = replace(VOUCHER, reward=replace(ISSUED, value=0))
    assert use_of(voucher) == Use(voucher, 0, 0, used_up=True)
    assert use_of(voucher, program=under(times=2)) == Use(voucher, 0, 0, used_up=False)


def test_only_lines_it_is_for_are_paid() -> None:
    program = under(lines=WINE)
    assert use_of(program=program).lines == {"red": 300}
    assert refusal(basket=a_basket(MILK), program=program) == {"reason": "lines"}


@pytest.mark.parametrize(
    ("basket", "program"),
    [(a_basket(a_line("red", 0)), under()), (a_basket(amount=0), under()), (a_basket(a_line(amount=0)), under())],
)
def test_a_purchase_of_nothing_uses_no_voucher(basket: Basket, program: Program) -> None:
    assert refusal(basket=basket, program=program) == {"reason": "nothing_to_pay"}


def test_lines_it_is_for_that_cost_nothing_use_it_neither() -> None:
    free = a_line("free", 0, categories=("wine",))
    assert refusal(basket=a_basket(free, MILK), program=under(lines=WINE)) == {"reason": "nothing_to_pay"}


@pytest.mark.parametrize(("minimum", "missing"), [(1200, None), (1201, 1), (1500, 300)])
def test_the_whole_purchase_must_be_as_large_as_its_terms_say(minimum: int, missing: int | None) -> None:
    program = under(minimum=minimum, lines=WINE)
    if missing is None:
        assert use_of(program=program).paid == 300
    else:
        assert refusal(program=program) == {"reason": "minimum_spend", "missing": missing}


def test_it_is_used_where_its_terms_say() -> None:
    program = under(stores=frozenset({"paris", "lyon"}))
    assert use_of(basket=a_basket(store="lyon"), program=program).paid == 500
    for store in ("nice", None):
        assert refusal(basket=a_basket(store=store), program=program) == {"reason": "store"}
    assert use_of(basket=a_basket(store="nice")).paid == 500


@pytest.mark.parametrize(
    ("voucher", "reason"),
    [
        (replace(VOUCHER, withdrawn=True), "withdrawn"),
        (replace(VOUCHER, withdrawn=True, used_up=True), "withdrawn"),
        (replace(VOUCHER, used_up=True), "used"),
        (replace(VOUCHER, reward=replace(ISSUED, valid_from=TODAY + timedelta(days=1))), "not_yet"),
        (replace(VOUCHER, reward=replace(ISSUED, valid_until=TODAY - timedelta(days=1))), "expired"),
    ],
)
def test_a_voucher_that_cannot_be_used_says_why(voucher: Voucher, reason: str) -> None:
    assert refusal(voucher) == {"reason": reason}


@pytest.mark.parametrize("days", [{"valid_from": TODAY, "valid_until": TODAY}, {"valid_until": None}])
def test_it_can_be_used_on_its_first_day_and_on_its_last(days: dict[str, date | None]) -> None:
    assert use_of(replace(VOUCHER, reward=replace(ISSUED, **days))).paid == 500  # type: ignore[arg-type]


def test_a_day_is_the_day_where_the_programme_is() -> None:
    voucher = replace(VOUCHER, reward=replace(ISSUED, valid_until=date(2026, 11, 21)))
    program = replace(under(), zone=ZoneInfo("Europe/Paris"))
    assert use_of(voucher, program=program, now=datetime(2026, 11, 21, 22, 59, tzinfo=UTC)).paid == 500
    assert refusal(voucher, program=program, now=datetime(2026, 11, 21, 23, 0, tzinfo=UTC)) == {"reason": "expired"}


def test_a_voucher_is_good_in_its_own_currency_only() -> None:
    with pytest.raises(InvalidError) as refused:
        decide_use(VOUCHER, a_basket(currency="EUR"), under(), NOW)
    assert list(refused.value.errors) == [FieldError("/currency", "currency", "The voucher is in USD.")]


def test_a_voucher_of_a_reward_nobody_knows_any_more_is_used_once() -> None:
    used = use_of(program=a_program(rewards=[]))
    assert (used.paid, used.used_up) == (500, True)


Amounts = st.lists(st.integers(0, 2000), min_size=1, max_size=8)
Baskets = st.lists(st.tuples(Amounts, st.none() | st.integers(1, 3000)), min_size=1, max_size=6)


@given(Baskets, st.integers(1, 5000), st.sampled_from([{}, {"in_parts": True}, {"times": 3}]), st.booleans())
def test_lines_add_up_and_no_voucher_gives_more_than_it_is_worth(
    baskets: list[tuple[list[int], int | None]], value: int, terms: dict[str, Any], only_wine: bool
) -> None:
    program = under(**terms, lines=WINE if only_wine else None)
    voucher, paid = replace(VOUCHER, reward=replace(ISSUED, value=value)), 0
    for amounts, most in baskets:
        lines = [a_line(str(i), amount, categories=("wine" if i % 2 else "milk",)) for i, amount in enumerate(amounts)]
        try:
            use = use_of(voucher, a_basket(*lines, amount=most), program)
        except VoucherNotUsableError:
            continue
        eligible = {line.id: line.amount for line in lines if not only_wine or "wine" in line.categories}
        assert sum(use.lines.values()) == use.paid
        assert 0 < use.paid <= min(voucher.reward.value, sum(eligible.values()), most or use.paid)
        assert all(0 < share <= eligible[line] for line, share in use.lines.items())
        assert use.used_up == (use.left == 0)
        paid += use.paid
        voucher = replace(voucher, reward=replace(ISSUED, value=use.left), uses=voucher.uses + 1, used_up=use.used_up)
    assert paid <= value * terms.get("times", 1)
    assert voucher.uses <= terms.get("times", 1) or terms.get("in_parts")
    if terms.get("in_parts"):
        assert paid + voucher.reward.value == value
