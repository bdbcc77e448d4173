"""How points move: every verb of the ledger, by its table of cases, and what holds for all of them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import hypothesis.strategies as st
import pytest
from hypothesis import given

from functions.ledger.account import Account, Balance, Change, Posting
from functions.ledger.booking import changed, post
from functions.ledger.lots import NEVER, lot_of, pending_key, spendable, total
from functions.ledger.movements import (
    DebtPolicy,
    Earned,
    activate,
    adjust,
    capture,
    earn,
    expire,
    forfeit,
    give_back,
    hand_over,
    hold,
    merged_signed,
    release,
    relocate,
    spend,
    take_back,
    take_over,
    together,
)
from functions.ledger.proof import prove
from functions.runtime.errors import (
    AlreadyHeldError,
    HoldNotFoundError,
    InsufficientPointsError,
    PointsSpentError,
    RedemptionsOpenError,
)
from tests.unit.factories import NOW, an_account, an_operation

TODAY = date(2026, 11, 21)
YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)
OVER, LAST, SOON, LATE = YESTERDAY.isoformat(), TODAY.isoformat(), TOMORROW.isoformat(), "2027-12-31"
"""Lots: over since yesterday, to be spent today or never, and two with time left."""
RIPE, UNRIPE = pending_key(TODAY, LATE), pending_key(TOMORROW, LATE)


# --- earn ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("debt", "points", "activates_on", "change"),
    [
        (0, 10, None, Change(lots={LATE: 10})),
        (0, 10, TODAY, Change(lots={LATE: 10})),
        (0, 10, YESTERDAY, Change(lots={LATE: 10})),
        (0, 10, TOMORROW, Change(pending={UNRIPE: 10})),
        (0, 0, None, Change()),
        (0, 0, TOMORROW, Change()),
        (4, 10, None, Change(lots={LATE: 6}, debt=-4)),
        (10, 10, None, Change(debt=-10)),
        (15, 10, None, Change(debt=-10)),
        (4, 10, TOMORROW, Change(pending={UNRIPE: 10})),
    ],
)
def test_what_is_earned_pays_the_debt_and_then_lies_in_its_lot_or_waits(
    debt: int, points: int, activates_on: date | None, change: Change
) -> None:
    assert earn(an_account(debt=debt), [Earned(points, LATE, activates_on)], TODAY) == change


def test_less_than_nothing_cannot_be_earned() -> None:
    with pytest.raises(ValueError, match="-1 points cannot move"):
        earn(an_account(), [Earned(5, NEVER), Earned(-1, NEVER)], TODAY)


def test_nothing_is_earned_by_no_parts() -> None:
    assert earn(an_account({LATE: 5}, debt=0), [], TODAY) == Change()


@pytest.mark.parametrize(
    ("debt", "lots"),
    [
        (0, {SOON: 7, LATE: 5, NEVER: 1}),
        (6, {SOON: 1, LATE: 5, NEVER: 1}),
        (8, {LATE: 4, NEVER: 1}),
        (13, {}),
    ],
)
def test_every_part_comes_into_its_lot_and_the_debt_is_paid_by_what_expires_first(
    debt: int, lots: dict[str, int]
) -> None:
    parts = [
        Earned(1, NEVER),
        Earned(5, LATE),
        Earned(3, SOON),
        Earned(4, SOON, TODAY),
        Earned(2, LATE, TOMORROW),
        Earned(6, LATE, TOMORROW),
    ]
    assert earn(an_account(debt=debt), parts, TODAY) == Change(lots=lots, pending={UNRIPE: 8}, debt=-debt)


# --- relocate and together -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lots", "pending", "days", "change"),
    [
        ({SOON: 5, NEVER: 1}, {}, {}, Change()),
        ({SOON: 5, NEVER: 1}, {}, {SOON: LATE}, Change(lots={SOON: -5, LATE: 5})),
        ({SOON: 5}, {}, {LATE: NEVER}, Change()),
        # several lots into one, and one after the other
        ({LAST: 2, SOON: 5}, {}, {LAST: LATE, SOON: LATE}, Change(lots={LAST: -2, LATE: 7, SOON: -5})),
        ({LAST: 2, SOON: 5}, {}, {LAST: SOON, SOON: LATE}, Change(lots={LAST: -2, SOON: -3, LATE: 5})),
        ({LAST: 5, SOON: 5}, {}, {LAST: SOON, SOON: LATE}, Change(lots={LAST: -5, LATE: 5})),
        # pending points that will lie in the lot go along, on their day
        (
            {LATE: 5},
            {RIPE: 2, UNRIPE: 3, f"{SOON}>{NEVER}": 4},
            {LATE: NEVER},
            Change(
                lots={LATE: -5, NEVER: 5},
                pending={RIPE: -2, f"{LAST}>never": 2, UNRIPE: -3, f"{SOON}>never": 3},
            ),
        ),
        # to where they are
        ({LATE: 5}, {UNRIPE: 3}, {LATE: LATE}, Change()),
    ],
    ids=["nothing", "one", "not there", "two into one", "in a row", "as many as came", "pending", "nowhere"],
)
def test_whole_lots_move_to_other_days(
    lots: dict[str, int], pending: dict[str, int], days: dict[str, str], change: Change
) -> None:
    account = an_account(lots, pending=pending)
    assert relocate(account, days) == change
    assert change.points == 0
    assert total(changed(account, change).lots) == total(lots)


def test_two_changes_one_after_the_other_are_one() -> None:
    one = Change({SOON: -5, LATE: 5}, {UNRIPE: 3}, {"rdm_1": {LATE: 4}}, debt=2)
    other = Change({LATE: -5, NEVER: 1}, {UNRIPE: -3, RIPE: 1}, {"rdm_1": {NEVER: 1}, "rdm_2": {LATE: 2}}, debt=-1)
    assert together(one, other) == Change(
        {SOON: -5, NEVER: 1}, {RIPE: 1}, {"rdm_1": {LATE: 4, NEVER: 1}, "rdm_2": {LATE: 2}}, debt=1
    )
    assert together(one, Change()) == together(Change(), one) == one


# --- activate and expire -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("debt", "pending", "change"),
    [
        (0, {}, Change()),
        (0, {UNRIPE: 10}, Change()),
        (0, {RIPE: 10, UNRIPE: 5}, Change(lots={LATE: 10}, pending={RIPE: -10})),
        (
            0,
            {RIPE: 10, pending_key(YESTERDAY, LATE): 5, pending_key(TODAY, NEVER): 1},
            Change(lots={LATE: 15, NEVER: 1}, pending={RIPE: -10, f"{OVER}>{LATE}": -5, f"{LAST}>never": -1}),
        ),
        (3, {RIPE: 10}, Change(lots={LATE: 7}, pending={RIPE: -10}, debt=-3)),
        (12, {RIPE: 10}, Change(pending={RIPE: -10}, debt=-10)),
        (
            3,
            {RIPE: 2, pending_key(TODAY, SOON): 2},
            Change(lots={LATE: 1}, pending={RIPE: -2, f"{LAST}>{SOON}": -2}, debt=-3),
        ),
    ],
)
def test_pending_points_whose_day_has_come_pay_the_debt_and_then_lie_in_their_lots(
    debt: int, pending: dict[str, int], change: Change
) -> None:
    assert activate(an_account(debt=debt, pending=pending), TODAY) == change


def test_only_lots_whose_last_day_is_over_expire() -> None:
    account = an_account({OVER: 3, "2025-01-01": 4, LAST: 5, LATE: 6, NEVER: 7})
    assert expire(account, TODAY) == Change(lots={OVER: -3, "2025-01-01": -4})
    assert expire(changed(account, expire(account, TODAY)), TODAY) == Change()


# --- spend, hold, adjust -------------------------------------------------------------------------------------------


LOTS = {NEVER: 10, LATE: 10, LAST: 10, OVER: 10}


@pytest.mark.parametrize(
    ("points", "taken"),
    [
        (0, {}),
        (1, {LAST: -1}),
        (10, {LAST: -10}),
        (11, {LAST: -10, LATE: -1}),
        (30, {LAST: -10, LATE: -10, NEVER: -10}),
    ],
)
def test_spending_holding_and_a_correction_take_what_expires_first_and_nothing_that_has_expired(
    points: int, taken: dict[str, int]
) -> None:
    account = an_account(LOTS)
    assert spend(account, points, TODAY) == Change(lots=taken)
    assert adjust(account, -points, NEVER, TODAY) == Change(lots=taken)
    held = {day: -taken_points for day, taken_points in taken.items()}
    assert hold(account, "rdm_1", points, TODAY) == Change(lots=taken, holds={"rdm_1": held})


@pytest.mark.parametrize(
    "take",
    [
        lambda account: spend(account, 33, TODAY),
        lambda account: hold(account, "rdm_1", 33, TODAY),
        lambda account: adjust(account, -33, NEVER, TODAY),
    ],
)
def test_nobody_takes_more_than_is_active_and_is_told_how_much_is_missing(take: Callable[[Account], Change]) -> None:
    with pytest.raises(InsufficientPointsError) as refused:
        take(an_account(LOTS, pending={RIPE: 100}, holds={"rdm_0": {NEVER: 100}}))
    assert refused.value.members == {"required": 33, "missing": 3}


@pytest.mark.parametrize(
    "take", [lambda account: spend(account, -1, TODAY), lambda account: hold(account, "rdm_1", -1, TODAY)]
)
def test_less_than_nothing_cannot_be_spent(take: Callable[[Account], Change]) -> None:
    with pytest.raises(ValueError, match="-1 points cannot move"):
        take(an_account(LOTS))


@pytest.mark.parametrize(
    ("debt", "points", "change"),
    [
        (0, 5, Change(lots={LATE: 5})),
        (0, 0, Change()),
        (3, 5, Change(lots={LATE: 2}, debt=-3)),
        (5, 5, Change(debt=-5)),
        (9, 5, Change(debt=-5)),
    ],
)
def test_points_given_by_hand_pay_the_debt_first(debt: int, points: int, change: Change) -> None:
    assert adjust(an_account(debt=debt), points, LATE, TODAY) == change


def test_points_are_held_once_for_a_redemption() -> None:
    with pytest.raises(AlreadyHeldError):
        hold(an_account(LOTS, holds={"rdm_1": {NEVER: 5}}), "rdm_1", 5, TODAY)


# --- capture and release -------------------------------------------------------------------------------------------


HELD = {LATE: 6, NEVER: 4}


def test_a_captured_hold_is_final() -> None:
    assert capture(an_account(holds={"rdm_1": HELD}), "rdm_1") == Change(holds={"rdm_1": {LATE: -6, NEVER: -4}})


@pytest.mark.parametrize(
    ("debt", "lots"),
    [
        (0, {LATE: 6, NEVER: 4}),
        (1, {LATE: 5, NEVER: 4}),
        (6, {NEVER: 4}),
        (7, {NEVER: 3}),
        (10, {}),
        (11, {}),
    ],
)
def test_a_released_hold_pays_the_debt_out_of_what_expires_first_and_goes_back_to_its_lots(
    debt: int, lots: dict[str, int]
) -> None:
    change = release(an_account(debt=debt, holds={"rdm_1": HELD}), "rdm_1")
    assert change == Change(lots=lots, holds={"rdm_1": {LATE: -6, NEVER: -4}}, debt=-min(debt, 10))
    assert change.points == 0


def test_released_points_whose_day_is_over_are_not_spendable_again() -> None:
    account = an_account(holds={"rdm_1": {OVER: 5}})
    released = changed(account, release(account, "rdm_1"))
    assert released.lots == {OVER: 5}
    assert released.balance(TODAY).active == 0


@pytest.mark.parametrize("first", [capture, release])
@pytest.mark.parametrize("second", [capture, release])
def test_a_hold_is_resolved_once(
    first: Callable[[Account, str], Change], second: Callable[[Account, str], Change]
) -> None:
    account = an_account(holds={"rdm_1": HELD, "rdm_2": HELD})
    resolved = changed(account, first(account, "rdm_1"))
    assert resolved.holds == {"rdm_2": HELD}
    with pytest.raises(HoldNotFoundError):
        second(resolved, "rdm_1")


@pytest.mark.parametrize(
    ("points", "debt", "change"),
    [
        (None, 7, Change()),
        (10, 7, Change()),
        (9, 0, Change({NEVER: 1})),
        (6, 0, Change({NEVER: 4})),
        (4, 0, Change({LATE: 2, NEVER: 4})),
        (4, 3, Change({NEVER: 3}, debt=-3)),
        (4, 9, Change(debt=-6)),
    ],
)
def test_of_a_part_that_is_captured_those_go_that_expire_first_and_the_rest_pays_the_debt_and_goes_back(
    points: int | None, debt: int, change: Change
) -> None:
    captured = capture(an_account(holds={"rdm_1": HELD}, debt=debt), "rdm_1", points)
    assert captured == replace(change, holds={"rdm_1": {LATE: -6, NEVER: -4}})
    assert captured.points == -(points or 10)
    assert give_back(an_account(), captured).lots == {
        day: spent for day, spent in {LATE: min(6, points or 10), NEVER: (points or 10) - 6}.items() if spent > 0
    }


# --- give_back -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("taken", "debt", "change"),
    [
        (Change(lots={OVER: -1, LATE: -6, NEVER: -4}), 0, Change(lots={OVER: 1, LATE: 6, NEVER: 4})),
        (Change(holds={"rdm_1": {LATE: -6, NEVER: -4}}), 0, Change(lots=HELD)),
        (Change(lots={LATE: -6, NEVER: -4}), 7, Change(lots={NEVER: 3}, debt=-7)),
        (Change(holds={"rdm_1": {LATE: -6, NEVER: -4}}), 10, Change(debt=-10)),
    ],
)
def test_what_was_spent_pays_the_debt_and_goes_back_to_the_very_lots(taken: Change, debt: int, change: Change) -> None:
    assert give_back(an_account(debt=debt), taken) == change


# --- take_back -----------------------------------------------------------------------------------------------------


POLICIES: tuple[DebtPolicy, ...] = ("carry", "forgive", "block")


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize(
    ("given_points", "points", "account", "change"),
    [
        # nothing to take back
        (Change(lots={LATE: 10}), 0, {"lots": {LATE: 10}}, Change()),
        # pending points go before active ones
        (Change(pending={UNRIPE: 10}), 7, {"pending": {UNRIPE: 10}, "lots": {LATE: 9}}, Change(pending={UNRIPE: -7})),
        # of a bucket that others share, no more than was given
        (Change(pending={UNRIPE: 10}), 10, {"pending": {UNRIPE: 25}}, Change(pending={UNRIPE: -10})),
        # what was pending has become active since
        (Change(pending={UNRIPE: 10}), 7, {"lots": {LATE: 10, SOON: 9}}, Change(lots={LATE: -7})),
        # the very lot, although others expire sooner
        (Change(lots={LATE: 10}), 10, {"lots": {SOON: 50, LATE: 10, NEVER: 50}}, Change(lots={LATE: -10})),
        # of several lots the latest first: the others were the first to be spent
        (Change(lots={SOON: 5, NEVER: 5}), 7, {"lots": {SOON: 5, NEVER: 5}}, Change(lots={SOON: -2, NEVER: -5})),
        # part pending, part active
        (
            Change(pending={UNRIPE: 10}),
            10,
            {"pending": {UNRIPE: 4}, "lots": {LATE: 6}},
            Change(pending={UNRIPE: -4}, lots={LATE: -6}),
        ),
        # expired, but not booked as expired yet: taken back as long as it lies there
        (Change(lots={OVER: 10}), 10, {"lots": {OVER: 10, LATE: 9}}, Change(lots={OVER: -10})),
        # points of another pending bucket stay
        (
            Change(lots={LATE: 10}),
            10,
            {"pending": {UNRIPE: 10}, "lots": {LATE: 10}},
            Change(lots={LATE: -10}),
        ),
    ],
)
def test_what_is_still_there_is_taken_back_whatever_the_policy(
    policy: DebtPolicy, given_points: Change, points: int, account: dict[str, dict[str, int]], change: Change
) -> None:
    found = take_back(an_account(**account), given_points, points, policy, TODAY)
    assert found == (change, 0)


@pytest.mark.parametrize(
    ("policy", "lots", "change", "forgiven"),
    [
        # what is left of the lot is taken; the rest out of other lots, those that expire first
        ("carry", {LATE: 4, SOON: 3, NEVER: 9}, Change(lots={LATE: -4, SOON: -3, NEVER: -3}), 0),
        ("carry", {LATE: 4, SOON: 3, OVER: 9}, Change(lots={LATE: -4, SOON: -3}, debt=3), 0),
        ("carry", {}, Change(debt=10), 0),
        ("forgive", {LATE: 4, SOON: 3, NEVER: 9}, Change(lots={LATE: -4}), 6),
        ("forgive", {}, Change(), 10),
    ],
)
def test_the_policy_says_what_happens_to_points_that_are_spent(
    policy: DebtPolicy, lots: dict[str, int], change: Change, forgiven: int
) -> None:
    assert take_back(an_account(lots), Change(lots={LATE: 10}), 10, policy, TODAY) == (change, forgiven)


@pytest.mark.parametrize("policy", POLICIES)
def test_what_is_taken_while_it_is_pending_is_not_taken_out_of_its_lot_as_well(policy: DebtPolicy) -> None:
    """The lot has points of another purchase; what this one made elsewhere is still there."""
    account = an_account({LATE: 7 + 8, SOON: 1}, pending={UNRIPE: 2})
    given_points = Change(lots={LATE: 8, SOON: 1}, pending={UNRIPE: 2})
    assert lot_of(UNRIPE) == LATE
    expected = Change(lots={LATE: -8, SOON: -1}, pending={UNRIPE: -2})
    assert take_back(account, given_points, 11, policy, TODAY) == (expected, 0)


def test_carry_takes_no_pending_points_of_other_purchases() -> None:
    account = an_account(pending={UNRIPE: 50})
    assert take_back(account, Change(lots={LATE: 10}), 10, "carry", TODAY) == (Change(debt=10), 0)


def test_a_debt_grows_on_top_of_one_that_is_there() -> None:
    account = an_account(debt=5)
    change, _ = take_back(account, Change(lots={LATE: 10}), 10, "carry", TODAY)
    assert changed(account, change).debt == 15


@pytest.mark.parametrize("lots", [{}, {LATE: 4, SOON: 30}])
def test_block_refuses_and_says_how_much_is_spent(lots: dict[str, int]) -> None:
    with pytest.raises(PointsSpentError) as refused:
        take_back(an_account(lots), Change(lots={LATE: 10}), 10, "block", TODAY)
    assert refused.value.members == {"missing": 10 - lots.get(LATE, 0)}


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("given_points", [Change(lots={OVER: 10}), Change(pending={pending_key(YESTERDAY, OVER): 10})])
def test_what_is_gone_with_its_expired_lot_is_forgiven_whatever_the_policy(
    policy: DebtPolicy, given_points: Change
) -> None:
    account = an_account({OVER: 4, LATE: 50})
    assert take_back(account, given_points, 10, policy, TODAY) == (Change(lots={OVER: -4}), 6)


def test_nothing_is_forgiven_on_the_last_day_of_the_lot() -> None:
    assert take_back(an_account(), Change(lots={LAST: 10}), 10, "carry", TODAY) == (Change(debt=10), 0)


def test_nothing_is_forgiven_while_one_of_the_lots_has_time_left() -> None:
    given_points = Change(lots={OVER: 5, LATE: 5})
    assert take_back(an_account(), given_points, 10, "carry", TODAY) == (Change(debt=10), 0)


@pytest.mark.parametrize(("policy", "change", "forgiven"), [("carry", Change(debt=10), 0), ("forgive", Change(), 10)])
def test_what_paid_a_debt_is_owed_again(policy: DebtPolicy, change: Change, forgiven: int) -> None:
    """It never lay in a lot that could expire."""
    assert take_back(an_account(), Change(debt=-10), 10, policy, TODAY) == (change, forgiven)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize(
    ("given_points", "account", "change"),
    [
        # moved to a later lot since
        (Change(lots={SOON: 10}), {"lots": {LATE: 10}}, Change(lots={LATE: -10})),
        (Change(lots={SOON: 10}), {"lots": {SOON: 4, LATE: 5, NEVER: 5}}, Change(lots={SOON: -4, LATE: -5, NEVER: -1})),
        # still pending, for a later lot
        (Change(pending={UNRIPE: 10}), {"pending": {f"{SOON}>never": 12}}, Change(pending={f"{SOON}>never": -10})),
    ],
    ids=["moved", "some of it", "pending"],
)
def test_where_lots_move_points_are_taken_back_from_where_they_lie_now(
    policy: DebtPolicy, given_points: Change, account: dict[str, dict[str, int]], change: Change
) -> None:
    assert take_back(an_account(**account), given_points, 10, policy, TODAY, lots_move=True) == (change, 0)


def test_less_than_nothing_cannot_be_taken_back() -> None:
    with pytest.raises(ValueError, match="-1 points cannot move"):
        take_back(an_account(), Change(), -1, "carry", TODAY)


def test_two_changes_of_lots_are_one() -> None:
    assert merged_signed({SOON: -1, LATE: -2}, {LATE: -3, NEVER: -4}) == {SOON: -1, LATE: -5, NEVER: -4}


# --- for all accounts ----------------------------------------------------------------------------------------------


Buckets = st.dictionaries(st.sampled_from([OVER, LAST, SOON, LATE, NEVER]), st.integers(1, 30))
Pending = st.dictionaries(st.sampled_from([RIPE, UNRIPE]), st.integers(1, 30))


@st.composite
def accounts(draw: st.DrawFn) -> Account:
    """Any account that the rules allow: one with a debt has nothing to spend."""
    lots = draw(Buckets)
    debt = 0 if spendable(lots, TODAY) else draw(st.integers(0, 30))
    return an_account(lots, pending=draw(Pending), holds=draw(st.just({}) | st.just({"rdm_1": HELD})), debt=debt)


@given(accounts(), st.integers(0, 60), st.sampled_from([None, TOMORROW]), st.sampled_from([SOON, NEVER]))
def test_what_comes_in_is_all_there_and_never_leaves_a_debt_beside_points(
    account: Account, points: int, activates_on: date | None, expires: str
) -> None:
    for change, owned in (
        (earn(account, [Earned(points, expires, activates_on)], TODAY), points),
        (relocate(account, {LAST: LATE, SOON: NEVER, LATE: NEVER}), 0),
        (adjust(account, points, expires, TODAY), points),
        (give_back(account, Change(lots={expires: -points})), points),
        (activate(account, TODAY), 0),
        *([(release(account, "rdm_1"), 0)] if account.holds else []),
    ):
        after = changed(account, change)
        assert change.points == owned
        assert not (after.debt and after.balance(TODAY).active)


@given(accounts(), Buckets, Pending, st.sampled_from(POLICIES), st.data())
def test_taking_back_accounts_for_every_point(
    account: Account, lots: dict[str, int], pending: dict[str, int], policy: DebtPolicy, data: st.DataObject
) -> None:
    given_points = Change(lots=lots, pending=pending)
    points = data.draw(st.integers(0, given_points.points))
    try:
        change, forgiven = take_back(account, given_points, points, policy, TODAY)
    except PointsSpentError:
        assert policy == "block"
        return
    after = changed(account, change)
    assert forgiven - change.points == points
    assert forgiven == 0 or policy == "forgive" or not spendable(lots, TODAY)
    may_owe = policy == "carry" or (policy == "forgive" and account.holds)
    assert change.debt == 0 or (may_owe and after.balance(TODAY).active == 0)


def test_held_points_are_not_forgiven_so_that_none_come_back_for_nothing() -> None:
    account = an_account(holds={"rdm_1": {NEVER: 7}})

    change, forgiven = take_back(account, Change(lots={NEVER: 10}), 10, "forgive", TODAY)

    assert (change.points, change.debt, forgiven) == (-7, 7, 3)
    after = changed(account, change)
    assert changed(after, release(after, "rdm_1")).balance(TODAY).active == 0


@given(accounts(), st.integers(0, 120))
def test_what_is_spent_and_given_back_or_held_and_released_leaves_no_trace(account: Account, points: int) -> None:
    if total(spendable(account.lots, TODAY)) < points:
        with pytest.raises(InsufficientPointsError):
            spend(account, points, TODAY)
        return
    taken = spend(account, points, TODAY)
    spent = changed(account, taken)
    assert changed(spent, give_back(spent, taken)) == account
    if points:
        held = changed(account, hold(account, "rdm_2", points, TODAY))
        assert changed(held, release(held, "rdm_2")) == account
        captured = changed(held, capture(held, "rdm_2"))
        assert captured == spent
        assert changed(captured, give_back(captured, capture(held, "rdm_2"))) == account


# --- members who leave ---------------------------------------------------------------------------------------------


def owned(account: Account) -> int:
    """All points of an account, whether they can be spent or not, less what is owed."""
    held = sum(total(lots) for lots in account.holds.values())
    return total(account.lots) + total(account.pending) + held - account.debt


@given(accounts())
def test_who_leaves_has_and_owes_nothing_and_the_books_agree(account: Account) -> None:
    """What was there comes from one entry, what is forfeited goes by another."""
    account = replace(account, holds={})
    come = Posting("earned", Change(account.lots, account.pending, debt=account.debt), NOW, program_version=1)
    before, first = post(an_account(), come, an_operation(), NOW)
    gone = forfeit(before)
    after, second = post(before, Posting("changed", gone, NOW, program_version=1), an_operation("change"), NOW)
    assert (after.lots, after.pending, after.holds, after.debt) == ({}, {}, {}, 0)
    assert second.balance_after == Balance(0)
    proof = prove(after, [first, second])
    assert (proof.drift, proof.owned) == (None, 0)
    assert second.posting.points == -owned(account)


def test_nobody_leaves_while_points_are_held() -> None:
    with pytest.raises(RedemptionsOpenError):
        forfeit(an_account(LOTS, holds={"rdm_1": {NEVER: 1}}))


@given(accounts(), accounts())
def test_what_one_hands_over_and_another_takes_over_is_the_same(gone: Account, kept: Account) -> None:
    gone = replace(gone, holds={f"{hold}-of-the-other": lots for hold, lots in gone.holds.items()})
    left, arrived = changed(gone, hand_over(gone)), changed(kept, take_over(kept, gone, TODAY))
    assert (left.lots, left.pending, left.holds, left.debt) == ({}, {}, {}, 0)
    assert owned(arrived) == owned(gone) + owned(kept)
    assert arrived.holds == {**gone.holds, **kept.holds}
    assert not (arrived.debt and spendable(arrived.lots, TODAY))
