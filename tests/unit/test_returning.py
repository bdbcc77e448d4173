"""What a return takes back: by piece and by line, never more than the purchase gave, all of it in the end."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import hypothesis.strategies as st
import pytest
from hypothesis import given

from functions.accrual.returning import Return, decide_return
from functions.ledger.account import Account, Change, Entry, Line, Posting, Reason, Returned, Reversal
from functions.ledger.booking import post
from functions.ledger.lots import NEVER, total
from functions.ledger.movements import DebtPolicy, spend
from functions.runtime.errors import InvalidError, PointsSpentError, PurchaseNotReturnableError
from tests.unit.factories import NOW, TODAY, a_program, an_account, an_operation

LAST_WEEK = NOW - timedelta(days=7)
RECEIPT = an_operation(id="receipt-1")


def bought(*lines: Line, lot: str = NEVER) -> tuple[Account, Entry]:
    """A member with nothing but this purchase."""
    points = sum(line.points for line in lines)
    change = Change(lots={lot: points} if points else {})
    posting = Posting("earned", change, LAST_WEEK, program_version=7, lines=lines, currency="USD")
    return post(an_account(), posting, RECEIPT, LAST_WEEK)


def bring_back(
    account: Account, purchase: Entry, quantities: Mapping[str, int] | None, policy: DebtPolicy = "carry"
) -> tuple[Account, Entry, Posting]:
    """The account and the purchase after a return, and how it was booked."""
    posting = decide_return(account, purchase, Return(NOW, quantities), a_program(spent_then_returned=policy), NOW)
    assert posting.reversal is not None
    after, _ = post(account, posting, an_operation("return", f"return-{account.n}"), NOW)
    return after, replace(purchase, reversals=purchase.reversals + 1, returned=posting.reversal.returned), posting


RECORDS, MUG = Line("1", quantity=3, amount=1999, points=10), Line("2", quantity=1, amount=500, points=5)


def test_a_return_says_all_it_does_and_why() -> None:
    account, purchase = bought(RECORDS, MUG)
    posting = decide_return(account, purchase, Return(NOW, {"1": 2}), a_program(), NOW + timedelta(minutes=1))
    assert posting == Posting(
        kind="reversed",
        change=Change(lots={NEVER: -6}),
        occurred_at=NOW,
        program_version=7,
        explanation=[Reason("return", applied=True, points=-6, lines={"1": -6}, facts={"to_take_back": 6})],
        reversal=Reversal(RECEIPT.key, seen=0, returned={"1": Returned(2, 6)}, forgiven=0),
        currency="USD",
        counts=[],
        withdrawn=[],
    )


def test_a_second_return_knows_of_the_first_one_and_keeps_what_it_said_of_other_lines() -> None:
    account, purchase = bought(RECORDS, MUG)
    account, purchase, _ = bring_back(account, purchase, {"1": 1})
    _, _, posting = bring_back(account, purchase, {"2": 1})
    assert posting.reversal == Reversal(RECEIPT.key, 1, {"1": Returned(1, 3), "2": Returned(1, 5)})
    assert posting.explanation[0].lines == {"2": -5}


@pytest.mark.parametrize(
    ("line", "pieces", "points"),
    [
        (Line("1", 3, 1999, points=10), [1, 1, 1], [3, 3, 4]),
        (Line("1", 3, 1999, points=10), [2, 1], [6, 4]),
        (Line("1", 3, 1999, points=10), [3], [10]),
        (Line("1", 3, 1999, points=1), [1, 1, 1], [0, 0, 1]),
        (Line("1", 3, 1999, points=0), [1, 2], [0, 0]),
        (Line("1", 7, 1999, points=20), [1, 1, 1, 1, 1, 1, 1], [2, 3, 3, 3, 3, 3, 3]),
    ],
)
def test_the_member_keeps_what_cannot_be_divided_until_the_last_piece(
    line: Line, pieces: list[int], points: list[int]
) -> None:
    account, purchase = bought(line)
    taken = []
    for count in pieces:
        account, purchase, posting = bring_back(account, purchase, {"1": count})
        taken.append(-posting.points)
    assert taken == points
    assert account.lots == {}


def test_a_whole_return_takes_all_lines() -> None:
    account, purchase = bought(RECORDS, MUG)
    account, _, posting = bring_back(account, purchase, None)
    assert (posting.points, account.lots) == (-15, {})


def test_a_whole_return_takes_what_earlier_ones_have_left() -> None:
    account, purchase = bought(RECORDS, MUG)
    account, purchase, _ = bring_back(account, purchase, {"1": 1, "2": 1})
    account, purchase, posting = bring_back(account, purchase, None)
    assert posting.explanation[0].lines == {"1": -7}
    assert purchase.returned == {"1": Returned(3, 10), "2": Returned(1, 5)}
    assert account.lots == {}


def test_a_whole_return_twice_is_refused() -> None:
    account, purchase = bought(RECORDS, MUG)
    account, purchase, _ = bring_back(account, purchase, None)
    with pytest.raises(PurchaseNotReturnableError) as refused:
        bring_back(account, purchase, None)
    assert refused.value.members == {"lines": []}


@pytest.mark.parametrize(
    ("quantities", "lines"),
    [
        ({"1": 3}, [{"line": "1", "quantity": 3, "returnable": 2}]),
        ({"2": 2}, [{"line": "2", "quantity": 2, "returnable": 1}]),
        ({"3": 1}, [{"line": "3", "quantity": 1, "returnable": 0}]),
        ({"1": 2, "2": 2}, [{"line": "2", "quantity": 2, "returnable": 1}]),
        (
            {"1": 3, "3": 1},
            [{"line": "1", "quantity": 3, "returnable": 2}, {"line": "3", "quantity": 1, "returnable": 0}],
        ),
    ],
)
def test_more_than_is_left_and_unknown_lines_are_refused_and_named(
    quantities: dict[str, int], lines: Sequence[dict[str, object]]
) -> None:
    account, purchase = bought(RECORDS, MUG)
    account, purchase, _ = bring_back(account, purchase, {"1": 1})
    with pytest.raises(PurchaseNotReturnableError) as refused:
        bring_back(account, purchase, quantities)
    assert refused.value.members == {"lines": lines}


def test_a_purchase_that_earned_nothing_can_come_back_once() -> None:
    account, purchase = bought(Line("1", 2, 10, points=0))
    account, purchase, posting = bring_back(account, purchase, None)
    assert posting.change == Change()
    with pytest.raises(PurchaseNotReturnableError):
        bring_back(account, purchase, None)


def spent(account: Account, points: int) -> Account:
    posting = Posting("redeemed", spend(account, points, TODAY), NOW, program_version=7)
    return post(account, posting, an_operation("redemption", "rdm_1"), NOW)[0]


@pytest.mark.parametrize(
    ("policy", "change", "facts", "forgiven"),
    [
        ("carry", Change(lots={NEVER: -3}, debt=12), {"to_take_back": 15}, 0),
        ("forgive", Change(lots={NEVER: -3}), {"to_take_back": 15, "forgiven": 12}, 12),
    ],
)
def test_points_that_are_spent_are_owed_or_forgiven_and_the_reason_says_so(
    policy: DebtPolicy, change: Change, facts: dict[str, int], forgiven: int
) -> None:
    account, purchase = bought(RECORDS, MUG)
    _, purchase, posting = bring_back(spent(account, 12), purchase, None, policy)
    [reason] = posting.explanation
    assert posting.change == change
    assert (reason.points, reason.facts) == (change.points, facts)
    assert posting.reversal == Reversal(RECEIPT.key, 0, {"1": Returned(3, 10), "2": Returned(1, 5)}, forgiven)


def test_points_that_are_spent_block_the_return_where_the_programme_says_so() -> None:
    account, purchase = bought(RECORDS, MUG)
    with pytest.raises(PointsSpentError):
        bring_back(spent(account, 12), purchase, None, "block")


def test_forgiven_pieces_have_come_back_all_the_same() -> None:
    account, purchase = bought(RECORDS)
    account, purchase, _ = bring_back(spent(account, 10), purchase, {"1": 3}, "forgive")
    with pytest.raises(PurchaseNotReturnableError):
        bring_back(account, purchase, {"1": 1}, "forgive")


def test_a_return_after_the_lot_has_expired_owes_nothing() -> None:
    account, purchase = bought(RECORDS, lot="2026-11-20")
    _, _, posting = bring_back(replace(account, lots={}), purchase, None, "carry")
    assert (posting.change, posting.reversal and posting.reversal.forgiven) == (Change(), 10)


Lines = st.lists(
    st.builds(lambda quantity, points: (quantity, points), st.integers(1, 6), st.integers(0, 40)),
    min_size=1,
    max_size=4,
).map(lambda found: [Line(str(i), quantity, 100, points) for i, (quantity, points) in enumerate(found)])


@given(Lines, st.randoms(use_true_random=False), st.integers(0, 40), st.sampled_from(["carry", "forgive"]))
def test_all_pieces_in_any_order_take_back_exactly_what_the_lines_gave(
    lines: list[Line], order: random.Random, redeemed: int, policy: DebtPolicy
) -> None:
    account, purchase = bought(*lines)
    given_points = total(account.lots)
    account = spent(account, min(redeemed, given_points))
    pieces = [line.id for line in lines for _ in range(line.quantity)]
    order.shuffle(pieces)
    taken = 0
    for piece in pieces:
        account, purchase, posting = bring_back(account, purchase, {piece: 1}, policy)
        assert posting.reversal is not None
        taken += posting.reversal.forgiven - posting.points
        assert all(purchase.returned.get(line.id, Returned(0, 0)).points <= line.points for line in lines)
    assert taken == given_points
    assert purchase.returned == {line.id: Returned(line.quantity, line.points) for line in lines}
    assert account.lots == {}
    assert account.debt == (min(redeemed, given_points) if policy == "carry" else 0)


@pytest.mark.parametrize(("minutes", "taken"), [(10, True), (11, False)])
def test_a_return_of_the_future_is_invalid_but_for_the_skew_of_a_till(minutes: int, taken: bool) -> None:
    account, purchase = bought(RECORDS, MUG)
    returned = Return(NOW + timedelta(minutes=minutes), {"1": 1})
    if taken:
        assert decide_return(account, purchase, returned, a_program(), NOW).points == -3
        return
    with pytest.raises(InvalidError) as refused:
        decide_return(account, purchase, returned, a_program(), NOW)
    assert [(error.pointer, error.code) for error in refused.value.errors] == [("/occurred_at", "future")]
