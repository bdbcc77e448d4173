"""Proof of a balance: whatever disagrees is found, and the first of it is named."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from functions.ledger.account import Account, Balance, Entry, Posting, post
from functions.ledger.lots import NEVER
from functions.ledger.proof import Proof, prove
from tests.unit.factories import MEMBER, NOW, an_account, an_operation

Books = tuple[Account, list[Entry]]


def books() -> Books:
    """Seventy points, thirty of which expire, then a redemption of forty."""
    account, entries = an_account(), []
    for kind, lots in (
        ("earned", {"2027-01-31": 30}),
        ("earned", {NEVER: 40}),
        ("redeemed", {"2027-01-31": -30, NEVER: -10}),
    ):
        posting = Posting(kind, lots, NOW, program_version=1)  # type: ignore[arg-type]
        account, entry = post(account, posting, an_operation(id=f"receipt-{account.n}"), NOW)
        entries.append(entry)
    return account, entries


def test_books_that_agree_are_proved() -> None:
    assert prove(*books()) == Proof(MEMBER, entries=3, earned=70, redeemed=40, drift=None)


def test_an_account_without_entries_is_proved() -> None:
    assert prove(an_account(), []) == Proof(MEMBER, entries=0, earned=0, redeemed=0, drift=None)


def without_the_second(account: Account, entries: list[Entry]) -> Books:
    return account, [entries[0], entries[2]]


def without_the_last(account: Account, entries: list[Entry]) -> Books:
    return account, entries[:-1]


def with_another_balance(account: Account, entries: list[Entry]) -> Books:
    return account, [entries[0], replace(entries[1], balance_after=Balance(71, 0)), entries[2]]


def with_too_much_taken(account: Account, entries: list[Entry]) -> Books:
    greedy = replace(entries[2].posting, lots={NEVER: -41})
    return account, [*entries[:2], replace(entries[2], posting=greedy)]


def with_points_from_nowhere(account: Account, entries: list[Entry]) -> Books:
    return replace(account, lots={NEVER: 31}), entries


def with_points_in_another_lot(account: Account, entries: list[Entry]) -> Books:
    return replace(account, lots={"2027-01-31": 30}), entries


@pytest.mark.parametrize(
    ("spoil", "drift"),
    [
        (without_the_second, "entry 2 is missing: the next one is 3"),
        (without_the_last, "the account counts 3 entries, there are 2"),
        (with_another_balance, "entry 2 says the balance is 71, the entries up to it say 70"),
        (with_too_much_taken, "entry 3 takes what was not there: lot never would hold -1 points"),
        (with_points_from_nowhere, "the account holds {'never': 31}, its entries make {'never': 30}"),
        (with_points_in_another_lot, "the account holds {'2027-01-31': 30}, its entries make {'never': 30}"),
    ],
)
def test_what_disagrees_first_is_named(spoil: Callable[[Account, list[Entry]], Books], drift: str) -> None:
    assert prove(*spoil(*books())).drift == drift


def test_only_the_first_disagreement_is_named_and_all_entries_are_counted() -> None:
    account, entries = with_another_balance(*books())
    proof = prove(replace(account, lots={}), entries)
    assert (proof.entries, proof.earned, proof.redeemed) == (3, 70, 40)
    assert proof.drift is not None
    assert proof.drift.startswith("entry 2 says")
