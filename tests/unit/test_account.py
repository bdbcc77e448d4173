"""Accounts and entries: every posting becomes one entry, and the account counts them."""

import pytest

from functions.ledger.account import Account, Balance, Entry, Operation, Posting, post
from functions.ledger.lots import NEVER
from tests.unit.factories import MEMBER, NOW, TODAY, an_account, an_operation


def earned(lots: dict[str, int]) -> Posting:
    return Posting("earned", lots, NOW, program_version=7)


def test_the_balance_counts_active_points_that_have_not_expired_and_pending_points_apart() -> None:
    account = an_account({"2026-11-20": 5, TODAY.isoformat(): 20, NEVER: 100}, pending=7)
    assert account.balance(TODAY) == Balance(active=120, pending=7)


def test_a_new_account_is_empty() -> None:
    account = Account(MEMBER, enrolled_at=NOW, updated_at=NOW, source="till")
    assert (account.n, account.revision, account.lots, account.latest) == (0, 0, {}, ())
    assert account.balance(TODAY) == Balance(0, 0)


def test_posting_counts_up_changes_the_lots_and_leaves_an_entry_with_the_balance_after_it() -> None:
    before = an_account({NEVER: 10}, n=4, revision=6, tier="gold", pending=3, latest=("purchase#till#receipt-0",))
    posting, operation = earned({NEVER: 30, "2026-11-20": 2}), an_operation()
    later = NOW.replace(hour=11)

    after, entry = post(before, posting, operation, later)

    assert after == an_account(
        {NEVER: 40, "2026-11-20": 2},
        n=5,
        revision=7,
        tier="gold",
        pending=3,
        latest=("purchase#till#receipt-1",),
        updated_at=later,
    )
    assert entry == Entry(
        operation=operation,
        member=MEMBER,
        n=5,
        posting=posting,
        balance_after=Balance(active=40, pending=3),
        tier_after="gold",
        recorded_at=later,
    )
    assert entry.id == f"{MEMBER}#5"


def test_points_cannot_come_from_nowhere() -> None:
    with pytest.raises(ValueError, match="lot never would hold -1 points"):
        post(an_account({NEVER: 4}), earned({NEVER: -5}), an_operation(), NOW)


def test_the_points_of_a_posting_are_the_sum_over_its_lots() -> None:
    assert earned({"2027-01-31": -10, NEVER: -15}).points == -25
    assert earned({}).points == 0


@pytest.mark.parametrize(
    ("operation", "key"),
    [
        (Operation("purchase", "till", "receipt-1", "", ""), "purchase#till#receipt-1"),
        (Operation("redemption", "till", "rdm_a", "", ""), "redemption#rdm_a"),
    ],
)
def test_an_operation_is_known_by_kind_source_and_id_and_never_by_member(operation: Operation, key: str) -> None:
    assert operation.key == key
