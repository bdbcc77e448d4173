"""Accounts and entries: every posting becomes one entry, and the account counts them."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

import pytest

from functions.ledger.account import (
    Account,
    Balance,
    Change,
    Count,
    Entry,
    MemberChange,
    MemberStatus,
    Operation,
    OperationKind,
    Posting,
    TierStep,
    Traits,
)
from functions.ledger.booking import booked, changed, check_status, counted, post
from functions.ledger.lots import NEVER
from functions.runtime.errors import MemberClosedError, MemberSuspendedError
from tests.unit.factories import MEMBER, NOW, TODAY, an_account, an_operation

HOLD, OTHER = "rdm_abcdefghij2345672345", "rdm_bcdefghij23456723456"
LATER = "2027-01-31"
GOLD = (TierStep("basic", NOW - timedelta(days=90)), TierStep("gold", NOW))


def earned(lots: dict[str, int]) -> Posting:
    return Posting("earned", Change(lots), NOW, program_version=7)


def test_the_balance_counts_active_points_that_have_not_expired_and_the_other_parts_apart() -> None:
    account = an_account(
        {"2026-11-20": 5, TODAY.isoformat(): 20, NEVER: 100},
        pending={"2026-12-01>never": 7, "2026-12-02>2027-12-02": 1},
        holds={HOLD: {LATER: 30, NEVER: 3}, OTHER: {"2026-11-20": 600}},
        debt=4,
    )
    assert account.balance(TODAY) == Balance(active=120, pending=8, held=633, debt=4)


def test_a_new_account_is_empty() -> None:
    account = Account(MEMBER, enrolled_at=NOW, updated_at=NOW, source="till")
    assert (account.n, account.revision, account.lots, account.latest) == (0, 0, {}, ())
    assert (account.pending, account.holds, account.debt) == ({}, {}, 0)
    assert (account.tier, account.tiers, account.counters) == (None, (), {})
    assert account.balance(TODAY) == Balance(0, 0, 0, 0)


def test_posting_counts_up_changes_the_lots_and_leaves_an_entry_with_the_balance_after_it() -> None:
    pending = {"2026-12-01>never": 3}
    before = an_account({NEVER: 10}, n=4, revision=6, tiers=GOLD, pending=pending, latest=("purchase#till#receipt-0",))
    posting, operation = earned({NEVER: 30, "2026-11-20": 2}), an_operation()
    later = NOW.replace(hour=11)

    after, entry = post(before, posting, operation, later)

    assert after == an_account(
        {NEVER: 40, "2026-11-20": 2},
        n=5,
        revision=7,
        tiers=GOLD,
        pending=pending,
        latest=("purchase#till#receipt-1",),
        updated_at=later,
        active_on=later.date(),
    )
    assert entry == Entry(
        operation=operation,
        member=MEMBER,
        n=5,
        posting=posting,
        balance_after=Balance(active=40, pending=3),
        tier_after="gold",
        recorded_at=later,
        booked_on=later.date(),
    )
    assert entry.id == f"{MEMBER}#5"


def test_a_day_ends_where_the_programme_is() -> None:
    """An hour before midnight of UTC, Paris is in the next day: a lot whose last day was today is gone."""
    late = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
    before, posting = an_account({"2026-11-20": 7}), earned({NEVER: 30})
    posting = replace(posting, occurred_at=late)

    _, in_utc = post(before, posting, an_operation(), late)
    after, entry = post(before, posting, an_operation(), late, ZoneInfo("Europe/Paris"))

    assert (in_utc.booked_on, in_utc.balance_after.active) == (date(2026, 11, 20), 37)
    assert (entry.booked_on, entry.balance_after.active) == (date(2026, 11, 21), 30)
    assert after.active_on == date(2026, 11, 21)


def test_a_change_reaches_every_part_of_an_account_and_what_is_empty_goes() -> None:
    before = an_account(
        {NEVER: 10, LATER: 5}, pending={"2026-12-01>never": 3}, holds={HOLD: {NEVER: 9}, OTHER: {NEVER: 1}}, debt=2
    )
    change = Change(
        lots={LATER: -5, NEVER: 1},
        pending={"2026-12-01>never": -3, "2026-12-02>never": 4},
        holds={HOLD: {NEVER: -9}, OTHER: {LATER: 5}},
        debt=-2,
    )
    assert changed(before, change) == an_account(
        {NEVER: 11}, pending={"2026-12-02>never": 4}, holds={OTHER: {NEVER: 1, LATER: 5}}
    )


def test_a_change_leaves_the_account_it_was_given_as_it_was() -> None:
    before = an_account({NEVER: 10}, holds={HOLD: {NEVER: 9}}, debt=1)
    changed(before, Change({NEVER: -1}, {"2026-12-01>never": 2}, {HOLD: {NEVER: -9}}, debt=3))
    assert before == an_account({NEVER: 10}, holds={HOLD: {NEVER: 9}}, debt=1)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (Change({NEVER: -5}), "lot never would hold -1 points"),
        (Change(pending={"2026-12-01>never": -4}), "lot 2026-12-01>never would hold -1 points"),
        (Change(holds={HOLD: {NEVER: -10}}), "lot never would hold -1 points"),
        (Change(holds={OTHER: {NEVER: -1}}), "lot never would hold -1 points"),
        (Change(debt=-3), "the debt would be -1"),
    ],
    ids=["lots", "pending", "hold", "no hold", "debt"],
)
def test_points_cannot_come_from_nowhere(change: Change, told: str) -> None:
    account = an_account({NEVER: 4}, pending={"2026-12-01>never": 3}, holds={HOLD: {NEVER: 9}}, debt=2)
    with pytest.raises(ValueError, match=f"^{told}$"):
        post(account, Posting("adjusted", change, NOW, program_version=7), an_operation(), NOW)


def test_the_points_of_a_posting_are_the_sum_over_its_lots() -> None:
    assert earned({LATER: -10, NEVER: -15}).points == -25
    assert earned({}).points == 0


@pytest.mark.parametrize(
    ("change", "points"),
    [
        (Change(pending={"2026-12-01>never": 7}), 7),
        (Change({NEVER: 7}, pending={"2026-12-01>never": -7}), 0),
        (Change({NEVER: -7}, holds={HOLD: {NEVER: 7}}), 0),
        (Change(holds={HOLD: {NEVER: -7, LATER: -1}}), -8),
        (Change({NEVER: -7}, debt=5), -12),
        (Change({NEVER: 2}, debt=-5), 7),
    ],
    ids=["earned for later", "activated", "held", "captured", "owed", "paid"],
)
def test_points_that_only_move_are_none(change: Change, points: int) -> None:
    assert change.points == points


@pytest.mark.parametrize(
    ("operation", "key"),
    [
        (Operation("purchase", "till", "receipt-1", "", ""), "purchase#till#receipt-1"),
        (Operation("return", "till", "receipt-2", "", ""), "return#till#receipt-2"),
        (Operation("adjustment", "till", "by-hand-1", "", ""), "adjustment#till#by-hand-1"),
        (Operation("redemption", "till", "rdm_a", "", ""), "redemption#rdm_a"),
        (Operation("capture", "till", "rdm_a", "", ""), "capture#rdm_a"),
        (Operation("release", "till", "rdm_a", "", ""), "release#rdm_a"),
        (Operation("refund", "till", "rdm_a", "", ""), "refund#rdm_a"),
        (Operation("activation", "clock", "mem_a#2026-11-21", "", ""), "activation#mem_a#2026-11-21"),
        (Operation("expiry", "clock", "mem_a#2026-11-21", "", ""), "expiry#mem_a#2026-11-21"),
    ],
    ids=lambda value: value.kind if isinstance(value, Operation) else "",
)
def test_an_operation_is_known_by_kind_source_and_id_and_never_by_member(operation: Operation, key: str) -> None:
    assert operation.key == key


# --- what is counted -----------------------------------------------------------------------------------------------


def test_a_count_is_by_line_as_a_whole_and_for_good() -> None:
    assert Count("spend", {"1": 300, "2": 200}).total == 500
    assert Count("visits", whole=1).total == 1
    assert Count("a", {"1": 3}, whole=-1, kept=10).total == 12


def test_an_entry_adds_to_the_counters_it_names() -> None:
    counters = {"visits": 4, "spend": 900}
    counts = [Count("spend", {"1": 300, "2": 200}), Count("visits", whole=1), Count("base.points", kept=7)]
    assert counted(counters, counts, TODAY) == {"visits": 5, "spend": 1400, "base.points": 7}
    assert counters == {"visits": 4, "spend": 900}


def test_what_is_counted_back_to_nothing_goes() -> None:
    assert counted({"visits": 1, "spend": 900}, [Count("visits", whole=-1)], TODAY) == {"spend": 900}


@pytest.mark.parametrize(
    ("key", "last_day"),
    [
        ("visits/day@2026-11-21", date(2026, 12, 31)),
        ("visits/week@2026-11-16", date(2027, 12, 21)),
        ("visits/month@2026-11-01", date(2029, 1, 9)),
        ("visits/quarter@2026-10-01", date(2030, 1, 13)),
        ("visits/year@2026-01-01", date(2030, 5, 20)),
        ("visits/fiscal@2026-03-01", date(2030, 7, 18)),
        ("visits/anniversary@2026-05-17", date(2030, 10, 3)),
    ],
)
def test_a_period_is_forgotten_once_nothing_looks_back_at_it(key: str, last_day: date) -> None:
    """40 days after the first day of a day, 400 of a week, 800 of a month, 1,200 of a quarter, 1,600 of a year."""
    counts = [Count("visits", whole=1)]
    assert key in counted({key: 3}, counts, last_day)
    assert key not in counted({key: 3}, counts, last_day + timedelta(days=1))


def test_what_counts_for_ever_is_never_forgotten() -> None:
    assert counted({"visits": 3}, [Count("spend", whole=1)], date(9000, 1, 1)) == {"visits": 3, "spend": 1}


def test_without_a_count_the_counters_stay_as_they_are() -> None:
    counters = {"visits/day@2020-01-01": 3}
    assert counted(counters, [], TODAY) is counters


def test_a_posting_books_what_it_counts_and_the_steps_it_brings() -> None:
    before = an_account(counters={"visits": 1})
    counts = [Count("visits", whole=1)]
    after = booked(before, Posting("earned", Change(), NOW, 7, counts=counts, tiers=GOLD))
    assert (after.n, after.counters, after.tiers, after.tier) == (1, {"visits": 2}, GOLD, "gold")
    again = booked(after, Posting("earned", Change(), NOW, 7))
    assert (again.n, again.counters, again.tiers) == (2, {"visits": 2}, GOLD)


@pytest.mark.parametrize(
    ("operation", "key"),
    [
        (Operation("activity", "app", "check-in-1", "", ""), "activity#app#check-in-1"),
        (Operation("review", "clock", "mem_a:2026-11-21", "", ""), "review#mem_a:2026-11-21"),
        (
            Operation("conversion", "clock", "mem_a:quarterly:2026-11-21", "", ""),
            "conversion#mem_a:quarterly:2026-11-21",
        ),
    ],
)
def test_what_time_does_has_an_id_of_ours(operation: Operation, key: str) -> None:
    assert operation.key == key


# --- members who come and go ---------------------------------------------------------------------------------------

KINDS: tuple[OperationKind, ...] = get_args(OperationKind)
WHILE_SUSPENDED = {
    "return",
    "confirmation",
    "adjustment",
    "activation",
    "expiry",
    "review",
    "release",
    "refund",
    "fulfilment",
    "grace",
    "change",
}
"""What takes back, gives up or passes by itself; nothing that earns or spends."""


@pytest.mark.parametrize("kind", KINDS)
def test_to_an_active_member_anything_may_happen(kind: OperationKind) -> None:
    check_status(an_account(), kind)


@pytest.mark.parametrize("kind", sorted(WHILE_SUSPENDED))
def test_to_a_suspended_member_happens_what_neither_earns_nor_spends(kind: OperationKind) -> None:
    check_status(an_account(status="suspended"), kind)


@pytest.mark.parametrize("kind", sorted({*KINDS} - WHILE_SUSPENDED))
def test_a_suspended_member_earns_and_spends_nothing(kind: OperationKind) -> None:
    with pytest.raises(MemberSuspendedError):
        check_status(an_account(status="suspended"), kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("status", sorted({*get_args(MemberStatus)} - {"active", "suspended"}))
def test_to_a_member_who_is_gone_nothing_happens(status: MemberStatus, kind: OperationKind) -> None:
    with pytest.raises(MemberClosedError):
        check_status(an_account(status=status), kind)


def about(change: MemberChange | None) -> Posting:
    return Posting("changed", Change(), NOW, program_version=7, member=change)


VIP = Traits(("vip",), "12-10", {"diet": "none"}, "mem_friend", complete=True)


def test_a_change_of_a_member_is_an_entry_like_any_other_and_moves_no_points() -> None:
    before = an_account({NEVER: 10}, n=4, tiers=GOLD, counters={"visits": 2})
    posting = about(MemberChange("MemberSuspended", ["status"], status="suspended", traits=VIP))
    operation = Operation("change", "till", "key-1", "hash-1", "request-1")
    after, entry = post(before, posting, operation, NOW)
    assert after == an_account(
        {NEVER: 10},
        n=5,
        revision=1,
        tiers=GOLD,
        counters={"visits": 2},
        status="suspended",
        traits=VIP,
        latest=("change#till#key-1",),
    )
    assert (entry.n, entry.posting.points, entry.balance_after, entry.operation.key) == (
        5,
        0,
        Balance(10),
        "change#till#key-1",
    )


@pytest.mark.parametrize("status", ["active", "suspended"])
@pytest.mark.parametrize("change", [None, MemberChange("MemberUpdated", ["given_name"])], ids=["points", "profile"])
def test_what_an_entry_does_not_say_of_the_member_stays(change: MemberChange | None, status: MemberStatus) -> None:
    after = booked(an_account(status=status, traits=VIP), about(change))
    assert (after.status, after.traits) == (status, VIP)


def test_a_member_may_be_reinstated_and_traits_may_be_emptied() -> None:
    change = MemberChange("MemberReinstated", ["status"], status="active", traits=Traits())
    after = booked(an_account(status="suspended", traits=VIP), about(change))
    assert (after.status, after.traits) == ("active", Traits())
