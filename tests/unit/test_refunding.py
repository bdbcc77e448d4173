"""Refunds: the very lots come back with their days, in any number of parts, and never more than was spent in all."""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import hypothesis.strategies as st
import pytest
from hypothesis import assume, given

from functions.ledger.account import Account, Change, Count, Draw, Entry, Posting, Reason, Returned
from functions.ledger.booking import changed, post
from functions.ledger.lots import NEVER, expiry_key, total
from functions.ledger.movements import give_back
from functions.ledger.rewards import Voucher, Withdrawal
from functions.program.model import Fulfilment, Lasting, Limit, Paying, Program, Reward, Validity
from functions.program.offering import Wanted
from functions.redemption.refunding import SUPPLIER_FAILED, decide_refund
from functions.redemption.spending import (
    Redemption,
    decide_capture,
    decide_hold,
    decide_redemption,
    points_held,
    reward_of,
)
from functions.runtime.errors import FieldError, InvalidError, NotRefundableError, VoucherNotUsableError
from tests.unit.factories import MEMBER, NOW, TODAY, a_program, a_reward, an_account, an_operation

SOON, LATE = expiry_key(TODAY + timedelta(days=5)), expiry_key(TODAY + timedelta(days=50))
LOTS = {SOON: 60, LATE: 30, NEVER: 500}
KEY = "redemption#rdm_1"
WANTED = Redemption("rdm_1", "voucher-5")
LIMITED = replace(a_reward(), limits=(Limit("month", times=1),))
HAD = "voucher-5.had/month@2026-11-01"
DRAW = Draw("stock.voucher-5", 3, 1, 9)


def at_the_till(fulfilment: Fulfilment = "none") -> Program:
    """Three points for two cents."""
    reward = Reward("voucher-5", "credit", None, None, Validity(), {}, paying=Paying(3, 2), fulfilment=fulfilment)
    return a_program(rewards=[reward])


def spent(program: Program, wanted: Redemption = WANTED, **account: Any) -> tuple[Account, Entry]:
    """An account that redeemed at once, and the entry of it, with a piece of a stock."""
    before = an_account(LOTS, **account)
    posting = replace(decide_redemption(before, wanted, program, NOW), draws=(DRAW,))
    return post(before, posting, an_operation("redemption", "rdm_1"), NOW)


def undone(posting: Posting) -> tuple[str, int, list[Returned]]:
    """Which entry, after how many refunds of it, and all that has come back of it by now."""
    assert posting.reversal
    return posting.reversal.operation, posting.reversal.seen, list(posting.reversal.returned.values())


def refund(account: Account, entry: Entry, program: Program, **more: Any) -> Posting:
    return decide_refund(account, entry, entry, **{"voucher": None, "program": program, "now": NOW, **more})


def after(entry: Entry, posting: Posting) -> Entry:
    """The entry as a refund leaves it."""
    assert posting.reversal
    assert (posting.reversal.operation, posting.reversal.seen) == (entry.operation.key, entry.reversals)
    return replace(entry, reversals=entry.reversals + 1, returned=posting.reversal.returned)


def test_a_refund_restores_the_lots_the_piece_and_the_limit() -> None:
    program = a_program(rewards=[LIMITED])
    account, entry = spent(program)
    later = NOW + timedelta(days=2)

    posting = refund(account, entry, program, now=later)

    assert undone(posting) == (KEY, 0, [Returned(1, 100)])
    assert posting == Posting(
        kind="reversed",
        change=Change({SOON: 60, LATE: 30, NEVER: 10}),
        occurred_at=later,
        program_version=7,
        reward=reward_of(entry),
        reversal=posting.reversal,
        currency="USD",
        counts=[Count(HAD, whole=-1)],
        draws=[Draw("stock.voucher-5", 3, -1, 10**12)],
    )
    assert changed(account, posting.change).lots == LOTS


def test_why_is_said_where_nobody_asked_for_it() -> None:
    program = a_program()
    account, entry = spent(program)
    assert refund(account, entry, program, because=SUPPLIER_FAILED).explanation == [
        Reason("supplier_failed", applied=True)
    ]


def test_all_of_it_comes_back_once() -> None:
    program = a_program()
    account, entry = spent(program)
    entry = after(entry, refund(account, entry, program))
    with pytest.raises(NotRefundableError, match=re.escape("All of it was refunded before.")):
        refund(account, entry, program)


# --- points that have expired meanwhile ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "lots"),
    [
        (5, {SOON: 60, LATE: 30, NEVER: 10}),
        (6, {expiry_key(TODAY + timedelta(days=36)): 60, LATE: 30, NEVER: 10}),
        (20, {LATE: 90, NEVER: 10}),
        (51, {expiry_key(TODAY + timedelta(days=81)): 90, NEVER: 10}),
    ],
)
def test_what_has_expired_can_be_spent_again_for_as_long_as_the_programme_allows(
    days: int, lots: dict[str, int]
) -> None:
    program = a_program()
    account, entry = spent(program)
    assert refund(account, entry, program, now=NOW + timedelta(days=days)).change == Change(lots)


def test_or_not_at_all() -> None:
    program = a_program(refund_grace_days=0)
    account, entry = spent(program)
    later = NOW + timedelta(days=6)
    posting = refund(account, entry, program, now=later)
    assert posting.change == Change({SOON: 60, LATE: 30, NEVER: 10})
    assert changed(account, posting.change).balance(later.date()).active == 530


def test_the_debt_is_paid_first() -> None:
    program = a_program()
    account, entry = spent(program)
    posting = refund(replace(account, lots={}, debt=80), entry, program)
    assert posting.change == Change({LATE: 10, NEVER: 10}, debt=-80)
    assert posting.points == 100


# --- parts ---------------------------------------------------------------------------------------------------------


def test_parts_come_back_latest_first_and_with_the_last_of_them_the_piece_and_the_limit() -> None:
    program = at_the_till()
    [reward] = program.rewards.values()
    program = replace(program, rewards={reward.id: replace(reward, limits=(Limit("month", times=1),))})
    account, entry = spent(program, replace(WANTED, wanted=Wanted(99)))
    told = []
    for points in (10, 30, 59):
        posting = refund(account, entry, program, points=points)
        account, entry = changed(account, posting.change), after(entry, posting)
        assert posting.reversal
        told.append((posting.change.lots, undone(posting)[2][0].points, reward_of_posting(posting)))
        assert (bool(posting.counts), bool(posting.draws)) == ((points == 59,) * 2)
    assert told == [({NEVER: 9, LATE: 1}, 10, 6), ({LATE: 29, SOON: 1}, 40, 20), ({SOON: 59}, 99, 40)]
    assert account.lots == LOTS


def reward_of_posting(posting: Posting) -> int:
    assert posting.reward
    return posting.reward.value


@pytest.mark.parametrize("points", [100, 1000])
def test_no_part_is_more_than_what_is_left(points: int) -> None:
    program = at_the_till()
    account, entry = spent(program, replace(WANTED, wanted=Wanted(99)))
    for left in (99, 90):
        with pytest.raises(InvalidError) as refused:
            refund(account, entry, program, points=points)
        assert list(refused.value.errors) == [
            FieldError("/points", "refund", f"At most {left} points can be refunded.")
        ]
        entry = after(entry, refund(account, entry, program, points=9))


@pytest.mark.parametrize("points", [50, 100])
def test_what_has_one_price_comes_back_as_a_whole(points: int) -> None:
    program = a_program()
    account, entry = spent(program)
    with pytest.raises(InvalidError) as refused:
        refund(account, entry, program, points=points)
    assert list(refused.value.errors) == [
        FieldError("/points", "refund", "Only points that were used as money are refunded in parts.")
    ]


@given(
    st.dictionaries(st.sampled_from([SOON, LATE, "2027-05-05", NEVER]), st.integers(1, 60), min_size=1),
    st.integers(0, 100),
    st.integers(0, 100),
    st.lists(st.integers(1, 80), max_size=6),
)
def test_parts_of_any_size_restore_exactly_what_was_spent_and_no_more(
    lots: dict[str, int], asked: int, part_captured: int, parts: list[int]
) -> None:
    """Of what was held and captured in part as well as of what was spent at once."""
    program = at_the_till()
    before = an_account(lots)
    most = max(2, total(lots) * asked // 100)
    assume(total(lots) >= most)
    wanted = Redemption("rdm_1", "voucher-5", Wanted(most))
    operation = an_operation("redemption", "rdm_1")
    if part_captured:
        account, opened = post(before, decide_hold(before, wanted, program, NOW, timedelta(days=1)), operation, NOW)
        captured = decide_capture(
            account, opened, program, NOW, Wanted(max(2, points_held(opened) * part_captured // 100))
        )
        account, entry = post(account, captured, an_operation("capture", "rdm_1"), NOW)
    else:
        account, opened = post(before, decide_redemption(before, wanted, program, NOW), operation, NOW)
        entry = opened
    whole, value, so_far, worth = -entry.posting.points, reward_of_posting(entry.posting), 0, 0
    for part in [*parts, None]:
        try:
            posting = decide_refund(account, opened, entry, None, program, NOW, part)
        except InvalidError:
            assert part
            assert part > whole - so_far
            continue
        except NotRefundableError:
            assert so_far == whole
            continue
        assert 0 < posting.points <= whole - so_far
        so_far, worth = so_far + posting.points, worth + reward_of_posting(posting)
        account, entry = changed(account, posting.change), after(entry, posting)
        assert worth == value * so_far // whole
    assert (so_far, worth) == (whole, value)
    assert account.lots == before.lots


# --- what else goes with it ----------------------------------------------------------------------------------------


def voucher_of(entry: Entry, **more: Any) -> Voucher:
    return Voucher(replace(reward_of(entry), code="0123-4567-89AB-CDEF"), MEMBER, **more)


def test_the_voucher_is_taken_back() -> None:
    program = a_program()
    account, entry = spent(program)
    voucher = voucher_of(entry)
    assert refund(account, entry, program, voucher=voucher).withdrawn == [Withdrawal(voucher, 0)]


def test_a_voucher_of_points_that_come_back_in_part_keeps_the_rest_of_its_value() -> None:
    program = at_the_till("code")
    account, entry = spent(program, replace(WANTED, wanted=Wanted(99)))
    lefts = []
    for points in (10, 30, 59):
        voucher = voucher_of(entry, changes=entry.reversals)
        [withdrawal] = refund(account, entry, program, points=points, voucher=voucher).withdrawn
        assert withdrawal.voucher == voucher
        lefts.append(withdrawal.left)
        entry = after(entry, refund(account, entry, program, points=points, voucher=voucher))
    assert lefts == [60, 40, 0]


@pytest.mark.parametrize("more", [{"uses": 1}, {"withdrawn": True}])
def test_what_was_used_is_not_refunded(more: dict[str, Any]) -> None:
    program = a_program()
    account, entry = spent(program)
    with pytest.raises(VoucherNotUsableError) as refused:
        refund(account, entry, program, voucher=voucher_of(entry, **more))
    assert refused.value.members == {"reason": "used"}


def test_of_a_held_one_the_hold_is_what_was_counted_and_took_the_piece() -> None:
    program = a_program(rewards=[LIMITED])
    posting = decide_hold(an_account(LOTS), WANTED, program, NOW, timedelta(days=1))
    account, opened = post(an_account(LOTS), replace(posting, draws=(DRAW,)), an_operation("redemption", "rdm_1"), NOW)
    account, captured = post(
        account, decide_capture(account, opened, program, NOW), an_operation("capture", "rdm_1"), NOW
    )
    posting = decide_refund(account, opened, captured, None, program, NOW)
    assert undone(posting) == ("capture#rdm_1", 0, [Returned(1, 100)])
    assert (posting.counts, [draw.points for draw in posting.draws]) == ([Count(HAD, whole=-1)], [-1])
    assert changed(account, posting.change).lots == LOTS


def test_points_that_redeeming_moved_to_later_days_stay_there() -> None:
    lasting = Lasting(after_months=12, extended_by=frozenset({"redemption"}))
    program = a_program(lasting=lasting)
    account, entry = post(
        an_account({SOON: 160}),
        decide_redemption(an_account({SOON: 160}), WANTED, program, NOW),
        an_operation("redemption", "rdm_1"),
        NOW,
    )
    assert account.lots == {"2027-11-21": 60}
    posting = refund(account, entry, program)
    assert posting.change == Change({SOON: 100})


def test_a_day_is_the_day_where_the_programme_is() -> None:
    program = a_program(zone=ZoneInfo("Pacific/Auckland"))
    account, entry = spent(program)
    late = datetime(2026, 11, 26, 10, 59, tzinfo=NOW.tzinfo)  # a minute before midnight there
    assert refund(account, entry, program, now=late).change.lots == {SOON: 60, LATE: 30, NEVER: 10}
    assert SOON not in refund(account, entry, program, now=late + timedelta(minutes=1)).change.lots


# --- give_back -----------------------------------------------------------------------------------------------------


Taken = st.dictionaries(st.sampled_from(["2026-11-20", SOON, LATE, NEVER]), st.integers(1, 50), min_size=1)


@given(Taken, st.lists(st.integers(1, 40), max_size=8), st.booleans())
def test_give_back_in_parts_restores_exactly_the_lots(lots: dict[str, int], parts: list[int], captured: bool) -> None:
    negative = {day: -points for day, points in lots.items()}
    taken = Change(holds={"rdm_1": negative}) if captured else Change(negative)
    account, before = an_account(), 0
    for wanted in [*parts, total(lots)]:
        part = min(wanted, total(lots) - before)
        change = give_back(account, taken, part, before)
        assert change.points == part
        kept = sorted(day for day, points in lots.items() if changed(account, change).lots.get(day, 0) < points)
        assert not change.lots or not kept or max(kept) <= min(change.lots)
        account, before = changed(account, change), before + part
    assert account.lots == lots


@given(Taken)
def test_what_has_expired_goes_into_the_other_lot_and_nothing_else_does(lots: dict[str, int]) -> None:
    taken = Change({day: -points for day, points in lots.items()})
    change = give_back(an_account(), taken, instead=(TODAY + timedelta(days=6), LATE))
    over = lots.get("2026-11-20", 0) + lots.get(SOON, 0)
    expected = {LATE: lots.get(LATE, 0) + over, NEVER: lots.get(NEVER, 0)}
    assert change == Change({day: points for day, points in expected.items() if points})
