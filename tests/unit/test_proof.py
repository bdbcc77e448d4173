"""Proof of a balance: whatever disagrees is found, and the first of it is named."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import pytest

from functions.ledger.account import (
    Account,
    Balance,
    Change,
    Count,
    Draw,
    Entry,
    MemberChange,
    MemberStatus,
    Posting,
    TierStep,
    Traits,
)
from functions.ledger.booking import post
from functions.ledger.lots import NEVER
from functions.ledger.movements import forfeit
from functions.ledger.proof import Proof, prove
from tests.unit.factories import MEMBER, NOW, an_account, an_operation

Books: TypeAlias = tuple[Account, list[Entry]]

JANUARY = "2027-01-31"
BUCKET = f"2026-12-24>{NEVER}"
STEPS = [
    ("earned", Change(lots={JANUARY: 30})),
    ("earned", Change(pending={BUCKET: 40})),
    ("held", Change(lots={JANUARY: -20}, holds={"rdm_1": {JANUARY: 20}})),
    ("redeemed", Change(lots={JANUARY: -5})),
    ("reversed", Change(lots={JANUARY: -5}, debt=7)),
    ("earned", Change(lots={NEVER: 3}, debt=-2)),
]
"""Seventy-five earned, five redeemed, twenty held, twelve taken back."""


def books() -> Books:
    """A member of every bucket."""
    account, entries = an_account(), []
    for kind, change in STEPS:
        posting = Posting(kind, change, NOW, program_version=1)  # type: ignore[arg-type]
        account, entry = post(account, posting, an_operation(id=f"receipt-{account.n}"), NOW)
        entries.append(entry)
    return account, entries


def with_entry(entries: list[Entry], n: int, change: Change) -> list[Entry]:
    """The entries, the `n`-th of which makes another change."""
    forged = replace(entries[n - 1], posting=replace(entries[n - 1].posting, change=change))
    return [*entries[: n - 1], forged, *entries[n:]]


def test_books_that_agree_are_proved_and_made_again_to_the_point() -> None:
    account, entries = books()
    proof = prove(account, iter(entries))
    assert replace(proof, rebuilt=None) == Proof(
        MEMBER, entries=6, earned=75, redeemed=5, owned=58, drawn={}, drift=None, rebuilt=None
    )
    assert proof.rebuilt == account
    balance = account.balance(NOW.date())
    assert proof.owned == balance.active + balance.pending + balance.held - balance.debt


def test_an_account_without_entries_is_proved() -> None:
    assert prove(an_account(), []) == Proof(MEMBER, 0, 0, 0, 0, drawn={}, drift=None, rebuilt=an_account())


def test_what_the_entries_drew_is_added_up_by_name() -> None:
    draws = [(Draw("vinyl", 3, 50, 99), Draw("stock.cake", 1, 1, 9)), (Draw("vinyl", 4, 7, 99),), ()]
    draws += [(Draw("stock.cake", 1, -1, 9), Draw("stock.tea", 0, 1, 9))]
    account, entries = books()
    both = zip(entries[:4], draws, strict=True)
    drawing = [replace(entry, posting=replace(entry.posting, draws=drawn)) for entry, drawn in both]
    proof = prove(account, [*drawing, *entries[4:]])
    assert (proof.drawn, proof.drift) == ({"vinyl": 57, "stock.cake": 0, "stock.tea": 1}, None)


def without_the_first(account: Account, entries: list[Entry]) -> Books:
    return account, entries[1:]


def without_the_second(account: Account, entries: list[Entry]) -> Books:
    return account, [entries[0], *entries[2:]]


def with_the_second_twice(account: Account, entries: list[Entry]) -> Books:
    return account, [*entries[:2], *entries[1:]]


def without_the_last(account: Account, entries: list[Entry]) -> Books:
    return account, entries[:-1]


def with_another_balance(account: Account, entries: list[Entry]) -> Books:
    return account, [entries[0], replace(entries[1], balance_after=Balance(31, 40)), *entries[2:]]


def with_another_debt_in_a_balance(account: Account, entries: list[Entry]) -> Books:
    return account, [*entries[:5], replace(entries[5], balance_after=Balance(3, 40, 20, 4))]


def with_too_much_taken(account: Account, entries: list[Entry]) -> Books:
    return account, with_entry(entries, 4, Change(lots={JANUARY: -11}))


def with_too_much_debt_paid(account: Account, entries: list[Entry]) -> Books:
    return account, with_entry(entries, 6, Change(lots={NEVER: 3}, debt=-8))


def with_a_hold_that_was_not(account: Account, entries: list[Entry]) -> Books:
    return account, with_entry(entries, 4, Change(holds={"rdm_2": {JANUARY: -5}}))


def with_points_earned_in_another_lot(account: Account, entries: list[Entry]) -> Books:
    return account, with_entry(entries, 6, Change(lots={"2028-01-31": 3}, debt=-2))


def with_points_from_nowhere(account: Account, entries: list[Entry]) -> Books:
    return replace(account, lots={NEVER: 4}), entries


def with_points_in_another_lot(account: Account, entries: list[Entry]) -> Books:
    return replace(account, lots={JANUARY: 3}), entries


def with_points_that_wait_for_another_day(account: Account, entries: list[Entry]) -> Books:
    return replace(account, pending={f"2026-12-25>{NEVER}": 40}), entries


def with_a_hold_of_another_name(account: Account, entries: list[Entry]) -> Books:
    return replace(account, holds={"rdm_2": {JANUARY: 20}}), entries


def with_a_forgotten_debt(account: Account, entries: list[Entry]) -> Books:
    return replace(account, debt=0), entries


SAYS_31 = "Balance(active=31, pending=40, held=0, debt=0)"
SAYS_30 = "Balance(active=30, pending=40, held=0, debt=0)"
OWES_4 = "Balance(active=3, pending=40, held=20, debt=4)"
OWES_5 = "Balance(active=3, pending=40, held=20, debt=5)"
HELD_1 = f"{{'rdm_1': {{'{JANUARY}': 20}}}}"
HELD_2 = f"{{'rdm_2': {{'{JANUARY}': 20}}}}"


@pytest.mark.parametrize(
    ("spoil", "drift"),
    [
        (without_the_first, "entry 1 is missing: the next one is 2"),
        (without_the_second, "entry 2 is missing: the next one is 3"),
        (with_the_second_twice, "entry 3 is missing: the next one is 2"),
        (without_the_last, "the account counts 6 entries, there are 5"),
        (with_another_balance, f"entry 2 says {SAYS_31}, the entries up to it say {SAYS_30}"),
        (with_another_debt_in_a_balance, f"entry 6 says {OWES_4}, the entries up to it say {OWES_5}"),
        (with_too_much_taken, f"entry 4 takes what was not there: lot {JANUARY} would hold -1 points"),
        (with_too_much_debt_paid, "entry 6 takes what was not there: the debt would be -1"),
        (with_a_hold_that_was_not, f"entry 4 takes what was not there: lot {JANUARY} would hold -5 points"),
        (
            with_points_earned_in_another_lot,
            "the account's lots are {'never': 3}, its entries make {'2028-01-31': 3}",
        ),
        (with_points_from_nowhere, "the account's lots are {'never': 4}, its entries make {'never': 3}"),
        (with_points_in_another_lot, f"the account's lots are {{'{JANUARY}': 3}}, its entries make {{'never': 3}}"),
        (
            with_points_that_wait_for_another_day,
            f"the account's pending are {{'2026-12-25>never': 40}}, its entries make {{'{BUCKET}': 40}}",
        ),
        (with_a_hold_of_another_name, f"the account's holds are {HELD_2}, its entries make {HELD_1}"),
        (with_a_forgotten_debt, "the account's debt are 0, its entries make 5"),
    ],
)
def test_what_disagrees_first_is_named(spoil: Callable[[Account, list[Entry]], Books], drift: str) -> None:
    assert prove(*spoil(*books())).drift == drift


@pytest.mark.parametrize("spoil", [without_the_second, with_another_balance, with_too_much_taken])
def test_entries_that_make_no_account_rebuild_none(spoil: Callable[[Account, list[Entry]], Books]) -> None:
    assert prove(*spoil(*books())).rebuilt is None


@pytest.mark.parametrize("spoil", [with_points_from_nowhere, with_a_forgotten_debt, with_a_hold_of_another_name])
def test_an_account_that_drifted_is_rebuilt_from_its_entries(
    spoil: Callable[[Account, list[Entry]], Books],
) -> None:
    account, _ = books()
    assert prove(*spoil(*books())).rebuilt == account


def test_what_was_counted_and_the_tiers_belong_to_the_proof() -> None:
    gold = (TierStep("basic", NOW), TierStep("gold", NOW))
    posting = Posting("earned", Change(), NOW, 1, counts=[Count("visits", whole=1)], tiers=gold)
    account, entry = post(an_account(), posting, an_operation(), NOW)
    assert prove(account, [entry]).rebuilt == account
    more = replace(account, counters={"visits": 2})
    assert prove(more, [entry]).drift == "the account's counters are {'visits': 2}, its entries make {'visits': 1}"
    base = replace(account, tiers=gold[:1])
    assert prove(base, [entry]).drift == f"the account's tiers are {gold[:1]}, its entries make {gold}"


def test_only_the_first_disagreement_is_named_and_all_entries_are_counted() -> None:
    account, entries = with_another_balance(*books())
    proof = prove(replace(account, lots={}), entries)
    assert (proof.entries, proof.earned, proof.redeemed, proof.owned) == (6, 75, 5, 58)
    assert proof.drift is not None
    assert proof.drift.startswith("entry 2 says")


def test_a_lot_that_has_expired_but_lies_there_still_belongs_to_the_proof() -> None:
    account, entries = an_account(), []
    for kind, change in (("earned", Change(lots={"2026-11-20": 9})), ("expired", Change(lots={"2026-11-20": -9}))):
        posting = Posting(kind, change, NOW, program_version=1)  # type: ignore[arg-type]
        account, entry = post(account, posting, an_operation(id=kind), NOW)
        entries.append(entry)
        proof = prove(account, entries)
        assert (proof.drift, proof.owned) == (None, sum(account.lots.values()))


# --- members who come and go ---------------------------------------------------------------------------------------

VIP = Traits(("vip",), "12-10", {"diet": "none"}, complete=True)


def with_change(account: Account, entries: list[Entry], change: MemberChange, points: Change | None = None) -> Books:
    posting = Posting("changed", points or Change(), NOW, program_version=1, member=change)
    after, entry = post(account, posting, an_operation("change", f"key-{account.n}"), NOW)
    return after, [*entries, entry]


def test_what_became_of_a_member_belongs_to_the_proof() -> None:
    account, entries = with_change(*books(), MemberChange("MemberUpdated", ["segments"], traits=VIP))
    account, entries = with_change(account, entries, MemberChange("MemberSuspended", ["status"], status="suspended"))
    proof = prove(account, entries)
    assert (proof.drift, proof.entries, proof.owned, proof.rebuilt) == (None, 8, 58, account)
    assert prove(replace(account, status="active"), entries).drift == (
        "the account's status are active, its entries make suspended"
    )
    assert prove(replace(account, traits=Traits()), entries).drift == (
        f"the account's traits are {Traits()}, its entries make {VIP}"
    )


@pytest.mark.parametrize("status", ["suspended", "closed"])
def test_an_account_cannot_be_in_a_state_that_no_entry_says(status: MemberStatus) -> None:
    account, entries = books()
    assert prove(replace(account, status=status), entries).drift == (
        f"the account's status are {status}, its entries make active"
    )


def test_a_member_who_left_owns_nothing_and_the_sums_stay() -> None:
    account, entries = books()
    account, entries = with_change(account, entries, MemberChange("MemberUpdated", ["segments"], traits=VIP))
    posting = Posting("released", Change({JANUARY: 20}, holds={"rdm_1": {JANUARY: -20}}), NOW, program_version=1)
    account, entry = post(account, posting, an_operation("release", "rdm_1"), NOW)
    farewell = MemberChange("MemberClosed", ["status"], status="closed", traits=Traits())
    account, entries = with_change(account, [*entries, entry], farewell, forfeit(account))
    proof = prove(account, entries)
    assert (proof.drift, proof.earned, proof.redeemed, proof.owned) == (None, 75, 5, 0)
    assert account.balance(NOW.date()) == entries[-1].balance_after == Balance(0)
    assert (account.status, account.traits) == ("closed", Traits())
