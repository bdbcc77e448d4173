"""Accounts and entries as table items: what is written is what is read."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from functions.ledger import items
from functions.ledger.account import (
    Account,
    AwaitingReturn,
    Change,
    Count,
    Draw,
    Entry,
    Line,
    Posting,
    Reason,
    Returned,
    Reversal,
    TierStep,
    Traits,
)
from functions.ledger.awaited_items import (
    HOLD_SHARDS,
    as_awaited,
    awaited_to_item,
    awaiting_from_item,
    awaiting_to_list,
    hold_shard,
    is_awaited,
)
from functions.ledger.lots import NEVER
from functions.ledger.reward_items import CHANGES, budget_key, voucher_from_item, voucher_to_item
from functions.ledger.rewards import Basis, Use, Voucher, Withdrawal
from functions.runtime.tables import from_wire, to_wire
from tests.unit.factories import MEMBER, NOW, an_account, an_entry, an_issued_reward, an_operation

REDEMPTION = "rdm_abcdefghij2345672345"
APPLIED = Reason("every-dollar", applied=True, points=12, lines={"1": 4, "2": 8})
FAILED = Reason("big-basket", applied=False, condition="amount_below_one_step", facts={"paid": 1299, "needed": 5000})
PARTLY = Reason("vinyl", applied=True, points=3, lines={"2": 3})
EARNED = Posting(
    kind="earned",
    change=Change({NEVER: 12}),
    occurred_at=NOW - timedelta(days=1, microseconds=7),
    program_version=7,
    explanation=(APPLIED, FAILED, PARTLY),
    lines=(Line("1", 1, 499, 4), Line("2", 2, 800, 8)),
    currency="USD",
)
REVERSED = Posting(
    kind="reversed",
    change=Change({NEVER: -3, "2027-01-31": -1}, {"2026-12-01>never": -2}, debt=6),
    occurred_at=NOW,
    program_version=7,
    explanation=(Reason("return", applied=True, points=-12, lines={"1": -12}, facts={"to_take_back": 12}),),
    reversal=Reversal("purchase#till#receipt-1", seen=2, returned={"1": Returned(1, 4), "2": Returned(2, 8)}),
    currency="USD",
)
HELD = replace(an_issued_reward(), code=None, valid_until=None)
BASIC = TierStep("basic", NOW - timedelta(days=90))
GOLD = TierStep("gold", NOW, date(2027, 12, 31), {"spend": 1000})
COUNTED = replace(
    EARNED,
    made=Change({NEVER: 12}),
    counts=(
        Count("spend", {"1": 499, "2": 800}),
        Count("points", {"1": 4, "2": 8}),
        Count("visits", whole=1),
        Count("rule.vinyl.points/month@2026-11-01", {"2": 3}),
        Count("goal.ten.done/month@2026-11-01", kept=1),
    ),
    tiers=(BASIC, GOLD),
    tier_before="basic",
    issued=(an_issued_reward(), replace(an_issued_reward(), valid_from=NOW.date())),
    draws=(Draw("vinyl", 3, 50, 99_950),),
    referrer="mem_b",
)
GIFT = replace(an_issued_reward(), basis=Basis("every-20", 3, {"1": 4200, "2": 1800}, least=1000, step=2000, paid=5000))
OF_GOAL = replace(an_issued_reward(), basis=Basis("ten-visits", goal=True))
WITHDRAWN = replace(
    REVERSED,
    withdrawn=(Withdrawal(Voucher(GIFT, "", changes=2), left=500), Withdrawal(Voucher(OF_GOAL, ""), left=0)),
    referrer="mem_b",
)
UNCONFIRMED = Posting(
    "earned", Change(pending={"9999-12-31>never": 5}), NOW, program_version=7, activity="review", unconfirmed=True
)
CONFIRMED = Posting("activated", Change({NEVER: 5}, {"9999-12-31>never": -5}), NOW, 7, activity="review")
PARTNER = replace(an_issued_reward(), code="ABC", money=250, fulfilment="partner", reference="order-9")
USED = Posting(
    "used",
    Change(),
    NOW,
    program_version=7,
    currency="USD",
    used=Use(
        Voucher(an_issued_reward(), MEMBER, 2, version=6, uses=1), 400, 100, used_up=False, lines={"1": 125, "2": 275}
    ),
)
ADJUSTED = Posting("adjusted", Change({NEVER: 5}), NOW, program_version=7, note="Sorry for the wait – l’équipe")


@pytest.mark.parametrize(
    "entry",
    [
        an_entry(EARNED),
        an_entry(Posting("earned", Change(), NOW, program_version=1)),
        an_entry(Posting("earned", Change(pending={"2026-12-01>2027-12-01": 5}), NOW, program_version=1)),
        an_entry(
            Posting(
                "redeemed", Change({NEVER: -100}), NOW, program_version=7, reward=an_issued_reward(), currency="USD"
            ),
            operation=an_operation("redemption", REDEMPTION),
        ),
        an_entry(Posting("redeemed", Change({NEVER: -100}), NOW, program_version=7, reward=an_issued_reward(None))),
        an_entry(
            Posting(
                "held",
                Change({NEVER: -60, "2027-01-31": -40}, holds={REDEMPTION: {NEVER: 60, "2027-01-31": 40}}),
                NOW,
                program_version=7,
                reward=HELD,
                currency="USD",
                until=NOW + timedelta(minutes=15),
            ),
            {NEVER: 60, "2027-01-31": 50},
            operation=an_operation("redemption", REDEMPTION),
        ),
        replace(an_entry(EARNED), posting=REVERSED, operation=an_operation("return", "return-1")),
        replace(an_entry(EARNED), reversals=3, returned={"1": Returned(1, 4), "2": Returned(1, 4)}),
        replace(an_entry(EARNED), tier_after="gold"),
        an_entry(COUNTED),
        an_entry(replace(COUNTED, tiers=(replace(GOLD, given=True),), tier_before=None)),
        an_entry(replace(EARNED, issued=(GIFT, OF_GOAL))),
        replace(an_entry(EARNED), posting=WITHDRAWN, operation=an_operation("return", "return-1")),
        an_entry(UNCONFIRMED, operation=an_operation("activity", "review-1")),
        replace(an_entry(EARNED), posting=CONFIRMED, operation=an_operation("confirmation", "review-1")),
        an_entry(ADJUSTED, operation=an_operation("adjustment", "sorry-1")),
        an_entry(Posting("fulfilled", Change(), NOW, program_version=7, reward=PARTNER)),
        an_entry(USED, operation=an_operation("use", "use-1")),
    ],
    ids=[
        "purchase",
        "purchase for nothing",
        "purchase for later",
        "redemption",
        "reward without a last day",
        "hold",
        "return",
        "returned purchase",
        "tier",
        "all that a purchase can bring",
        "given tier",
        "gifts",
        "withdrawn gifts",
        "unconfirmed activity",
        "confirmation",
        "adjustment",
        "fulfilment",
        "use",
    ],
)
def test_an_entry_is_read_as_it_was_written(entry: Entry) -> None:
    item = items.entry_to_item(entry)
    if entry.reversals:  # these are written by the return
        item |= {"reversals": entry.reversals, "returned": items.returned_to_item(entry.returned)}
    assert items.entry_from_item(from_wire(to_wire(item))) == entry


# Returns that wait at the place of a purchase.

WAITING = AwaitingReturn("return-1", "hash-2", {"id": "return-1", "lines": [{"id": "1", "quantity": 2}]})


def test_the_place_of_a_purchase_that_has_not_come_is_no_entry() -> None:
    place = awaited_to_item(an_operation(), WAITING, "2026-12-21T10:00:00.000000Z")
    assert from_wire(to_wire(place)) == {
        "operation": "purchase#till#receipt-1",
        "source": "till",
        "awaited": "purchase",
        "report_at": "2026-12-21T10:00:00.000000Z",
        "returns": [{"id": "return-1", "payload_hash": "hash-2", "content": WAITING.content}],
        "changes": 1,
    }
    assert awaiting_from_item(from_wire(to_wire(place))) == [WAITING]
    assert (items.is_entry(place), is_awaited(place)) == (False, True)
    again = as_awaited(place)
    assert again == {"awaited": "purchase", "report_at": "2026-12-21T10:00:00.000000Z", "changes": 1}


def test_nothing_waits_any_more_where_the_purchase_was_refused() -> None:
    place = awaited_to_item(an_operation(), WAITING, "2026-12-21T10:00:00.000000Z")
    refused = place | {"hash": "hash-1", "refused": {"code": "points_spent"}}
    assert (items.is_entry(refused), is_awaited(refused)) == (False, False)


def test_an_entry_is_one_and_no_place() -> None:
    item = items.entry_to_item(an_entry(EARNED))
    assert (items.is_entry(item), is_awaited(item), awaiting_from_item(item)) == (True, False, [])


def test_an_entry_that_took_the_place_knows_which_returns_waited() -> None:
    other = AwaitingReturn("return-2", "hash-3", {"id": "return-2"})
    item = items.entry_to_item(an_entry(EARNED)) | {"returns": awaiting_to_list([WAITING, other])}
    assert items.entry_from_item(from_wire(to_wire(item))) == replace(an_entry(EARNED), awaited_by=(WAITING, other))


def test_only_the_parts_that_changed_are_written() -> None:
    assert items.entry_to_item(an_entry(EARNED))["change"] == {"lots": {NEVER: 12}}
    assert items.entry_to_item(an_entry(Posting("earned", Change(), NOW, program_version=1)))["change"] == {}
    reversal = items.entry_to_item(replace(an_entry(EARNED), posting=REVERSED))
    assert reversal["change"] == {
        "lots": {NEVER: -3, "2027-01-31": -1},
        "pending": {"2026-12-01>never": -2},
        "debt": 6,
    }
    assert reversal["reversal"] == {
        "operation": "purchase#till#receipt-1",
        "seen": 2,
        "returned": {"1": [1, 4], "2": [2, 8]},
        "forgiven": 0,
    }


def test_reasons_name_the_lines_of_the_purchase_by_their_place() -> None:
    assert items.entry_to_item(an_entry(EARNED))["why"] == [
        ["every-dollar", True, 12, [4, 8]],
        ["big-basket", False, 0, {}, "amount_below_one_step", {"paid": 1299, "needed": 5000}],
        ["vinyl", True, 3, [0, 3]],
    ]


def test_what_a_purchase_counts_is_said_by_its_lines_amounts_or_points_where_it_is_just_those() -> None:
    assert items.entry_to_item(an_entry(COUNTED))["counts"] == [
        ["spend", "amount"],
        ["points", "points"],
        ["visits", {}, 1, 0],
        ["rule.vinyl.points/month@2026-11-01", [0, 3]],
        ["goal.ten.done/month@2026-11-01", {}, 0, 1],
    ]


def test_why_a_line_did_not_count_is_one_letter() -> None:
    why = Reason("vinyl", applied=True, points=3, lines={"2": 3}, skipped={"1": "category"}, into="status")
    item = items.entry_to_item(an_entry(replace(EARNED, explanation=(why,))))
    assert item["why"] == [["vinyl", True, 3, ["c", 3], None, {}, "status"]]
    assert items.entry_from_item(item).posting.explanation == (why,)


@pytest.mark.parametrize(
    "account",
    [
        an_account(),
        an_account({NEVER: 12, "2027-01-31": 3}, n=2, revision=5, tiers=(BASIC, GOLD), latest=("a", "b")),
        an_account(
            {NEVER: 12},
            pending={"2026-12-01>never": 9},
            holds={REDEMPTION: {NEVER: 1, "2027-01-31": 3}, "rdm_b": {NEVER: 2}},
        ),
        an_account(debt=7),
        an_account(
            counters={"visits": 3, "visits/month@2026-11-01": 1},
            traits=Traits(("staff",), "02-29", {"vip": True, "size": 42, "city": "Lyon"}, "mem_b"),
        ),
    ],
    ids=["empty", "lots", "pending and held", "debt", "counters and traits"],
)
def test_an_account_is_read_as_it_was_written(account: Account) -> None:
    assert items.account_from_item(from_wire(to_wire(items.account_to_item(account)))) == account


def test_the_account_and_its_mark_lie_side_by_side() -> None:
    assert items.account_key(MEMBER) == {"member": MEMBER, "part": "A"}
    assert items.published_key(MEMBER) == {"member": MEMBER, "part": "P"}


@pytest.mark.parametrize("kind", ["purchase", "return", "activity", "confirmation", "adjustment"])
def test_a_source_with_the_separator_in_it_is_read_as_it_was_written(kind: str) -> None:
    item = items.entry_to_item(an_entry(EARNED)) | {"operation": f"{kind}#a#b#receipt-1", "source": "a#b"}
    operation = items.operation_from_item(item)
    assert (operation.source, operation.id, operation.key) == ("a#b", "receipt-1", f"{kind}#a#b#receipt-1")


@pytest.mark.parametrize(
    "kind", ["redemption", "capture", "release", "refund", "activation", "expiry", "review", "conversion"]
)
def test_an_operation_with_an_id_of_ours_is_read_as_it_was_written(kind: str) -> None:
    """The id may even begin as the source does: the source is no part of such a key."""
    item = items.entry_to_item(an_entry(EARNED)) | {"operation": f"{kind}#till#1", "source": "till"}
    operation = items.operation_from_item(item)
    assert (operation.source, operation.id, operation.key) == ("till", "till#1", f"{kind}#till#1")


def test_a_voucher_is_looked_up_by_its_code() -> None:
    voucher = replace(an_issued_reward(), valid_from=NOW.date())
    item = voucher_to_item(voucher, MEMBER, 7)
    assert item["key"] == "V#0123-4567-89AB-CDEF"
    assert (item["member"], "code" in item) == (MEMBER, False)
    assert voucher_from_item(from_wire(to_wire(item))) == Voucher(voucher, MEMBER, version=7)


def test_a_voucher_that_was_changed_says_how_often_and_whether_it_is_withdrawn() -> None:
    """What a return writes of it."""
    item = voucher_to_item(an_issued_reward(), MEMBER, 7) | {"value": 0, "withdrawn": True, CHANGES: 2}
    found = voucher_from_item(from_wire(to_wire(item)))
    assert found == Voucher(replace(an_issued_reward(), value=0), MEMBER, changes=2, withdrawn=True, version=7)


def test_a_voucher_that_was_used_says_how_often_and_whether_it_can_be_again() -> None:
    """What a use writes of it."""
    item = voucher_to_item(an_issued_reward(), MEMBER, 7) | {
        "value": 100,
        "uses": 2,
        "paid": 400,
        "used_up": True,
    }
    found = voucher_from_item(from_wire(to_wire(item)))
    assert found == Voucher(replace(an_issued_reward(), value=100), MEMBER, version=7, uses=2, used_up=True, paid=400)


def test_a_hold_that_ends_by_itself_waits_where_those_are_looked_for_that_are_due() -> None:
    posting = Posting("held", Change(), NOW, program_version=7, reward=HELD, until=NOW)
    item = items.entry_to_item(an_entry(posting))
    assert item["awaited"] == hold_shard(REDEMPTION)
    assert item["awaited"] in HOLD_SHARDS
    assert item["report_at"] == item["until"] == "2026-11-21T10:00:00.000000Z"
    assert not is_awaited(item)
    assert {"awaited", "report_at"}.isdisjoint(items.entry_to_item(an_entry(replace(posting, until=None))))


def test_holds_are_spread_over_the_index() -> None:
    assert {hold_shard(f"rdm_{i}") for i in range(200)} == set(HOLD_SHARDS)


def test_every_shard_of_a_budget_has_a_key() -> None:
    assert budget_key("vinyl", 3) == {"key": "B#vinyl#3"}
