"""The events of a committed change: exactly these, in this order."""

import json
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, get_args

import pytest

from functions.ledger.account import (
    AwaitingReturn,
    Change,
    EntryKind,
    Line,
    MemberChange,
    MemberStatus,
    Posting,
    Reason,
    Returned,
    Reversal,
    TierStep,
    Traits,
    What,
)
from functions.ledger.booking import post
from functions.ledger.events import of_entry, of_opening
from functions.ledger.lots import NEVER
from functions.ledger.rewards import Basis, Use, Voucher, Withdrawal
from functions.runtime.envelope import OutboundEvent
from tests.contract import schemas
from tests.unit.factories import MEMBER, NOW, an_account, an_entry, an_issued_reward, an_operation

FRIEND = "mem_22222222222222222222"
VOUCHER = replace(an_issued_reward(), valid_from=NOW.date())
REDEEMED = Posting("redeemed", Change({NEVER: -100}), NOW, program_version=7, reward=VOUCHER, currency="USD")


def metadata(event_id: str, **more: object) -> dict[str, object]:
    return {
        "event_id": event_id,
        "member_sequence": 3,
        "program_version": 7,
        "occurred_at": "2026-11-21T10:00:00.000000Z",
        "recorded_at": "2026-11-21T10:00:00.000000Z",
        "schema_version": 1,
        "correlation_id": "request-1",
        **more,
    }


def test_an_opened_account_is_a_member_who_enrolled() -> None:
    event = of_opening(an_account(n=5, updated_at=NOW + timedelta(days=1)))

    assert event == OutboundEvent(
        "MemberEnrolled",
        {
            "metadata": metadata(f"{MEMBER}#0", member_sequence=0, program_version=None, correlation_id=None),
            "data": {
                "member_id": MEMBER,
                "source": "till",
                "enrolled_at": "2026-11-21T10:00:00.000000Z",
                "profile_complete": False,
                "imported": False,
            },
        },
    )


def test_whether_a_profile_was_complete_from_the_start_is_told() -> None:
    event = of_opening(an_account(traits=Traits(complete=True)))
    assert event.detail["data"]["profile_complete"] is True  # type: ignore[index]


def test_a_purchase_is_told_as_points_earned_with_the_explanation() -> None:
    applied = Reason("every-dollar", True, 12, {"1": 12}, skipped={"2": "category"}, into="status")
    failed = Reason("big-basket", applied=False, condition="amount_below_one_step", facts={"paid": 1, "needed": 2})
    posting = Posting(
        kind="earned",
        change=Change({NEVER: 12}),
        occurred_at=NOW - timedelta(hours=1),
        program_version=7,
        explanation=(applied, failed),
        lines=(Line("1", 1, 1299, 12),),
        currency="USD",
    )

    [event] = of_entry(an_entry(posting))

    assert event == OutboundEvent(
        "PointsEarned",
        {
            "metadata": metadata(f"{MEMBER}#3", occurred_at="2026-11-21T09:00:00.000000Z"),
            "data": {
                "member_id": MEMBER,
                "entry_id": f"{MEMBER}#3",
                "operation": {"kind": "purchase", "id": "receipt-1", "source": "till"},
                "points": 12,
                "balance": {"active": 262, "pending": 0, "held": 0, "debt": 0},
                "tier": None,
                "explanation": [
                    {
                        "rule": "every-dollar",
                        "applied": True,
                        "points": 12,
                        "lines": {"1": 12},
                        "condition": None,
                        "facts": {},
                        "skipped": {"2": "category"},
                        "into": "status",
                    },
                    {
                        "rule": "big-basket",
                        "applied": False,
                        "points": 0,
                        "lines": {},
                        "condition": "amount_below_one_step",
                        "facts": {"paid": 1, "needed": 2},
                        "skipped": {},
                        "into": None,
                    },
                ],
            },
        },
    )


def test_a_redemption_is_told_as_points_then_reward_then_voucher() -> None:
    told = of_entry(an_entry(REDEEMED, operation=an_operation("redemption", "rdm_abcdefghij2345672345")))

    voucher = {
        "member_id": MEMBER,
        "redemption_id": "rdm_abcdefghij2345672345",
        "reward_id": "voucher-5",
        "kind": "voucher",
        "value": 500,
        "currency": "USD",
        "valid_from": "2026-11-21",
        "valid_until": "2027-02-19",
        "money": 0,
        "fulfilment": "code",
    }
    assert told == [
        OutboundEvent(
            "PointsRedeemed",
            {
                "metadata": metadata(f"{MEMBER}#3"),
                "data": {
                    "member_id": MEMBER,
                    "entry_id": f"{MEMBER}#3",
                    "operation": {"kind": "redemption", "id": "rdm_abcdefghij2345672345", "source": "till"},
                    "points": -100,
                    "balance": {"active": 150, "pending": 0, "held": 0, "debt": 0},
                    "tier": None,
                },
            },
        ),
        OutboundEvent("RewardRedeemed", {"metadata": metadata(f"{MEMBER}#3.1"), "data": {**voucher, "points": 100}}),
        OutboundEvent("VoucherIssued", {"metadata": metadata(f"{MEMBER}#3.2"), "data": voucher}),
    ]


CHANGE = {"member_id": MEMBER, "entry_id": f"{MEMBER}#3", "tier": None}
HOLD = "rdm_abcdefghij2345672345"
PROMISE = replace(an_issued_reward(), code=None, valid_until=None)


def change(kind: str, id: str, points: int, active: int, debt: int = 0, **more: object) -> dict[str, object]:
    """The data of an event that tells of points."""
    balance = {"active": active, "pending": 0, "held": 0, "debt": debt}
    operation = {"kind": kind, "id": id, "source": "till"}
    return {**CHANGE, "operation": operation, "points": points, "balance": balance, **more}


def told_of(posting: Posting, kind: str, id: str, **account: object) -> list[OutboundEvent]:
    """The events of a posting in an account of 250 points and what else it needs."""
    _, entry = post(an_account({NEVER: 250}, n=2, **account), posting, an_operation(kind, id), NOW)
    events = of_entry(entry)
    for event in events:
        schemas.check_event(event.detail_type, event.detail)
    return events


def test_points_that_become_active_are_told_with_how_many_and_not_as_a_gain() -> None:
    posting = Posting("activated", Change({NEVER: 50}, {"2026-11-21>never": -60}, debt=-10), NOW, program_version=7)
    told = told_of(posting, "activation", "a-1", pending={"2026-11-21>never": 60}, debt=10)
    data = change("activation", "a-1", 0, active=300, activated=60)
    assert told == [OutboundEvent("PointsActivated", {"metadata": metadata(f"{MEMBER}#3"), "data": data})]


def test_points_that_expire_are_told() -> None:
    told = told_of(Posting("expired", Change({NEVER: -30}), NOW, program_version=7), "expiry", "e-1")
    data = change("expiry", "e-1", -30, active=220)
    assert told == [OutboundEvent("PointsExpired", {"metadata": metadata(f"{MEMBER}#3"), "data": data})]


REASON = {
    "rule": "goodwill",
    "applied": True,
    "points": 5,
    "lines": {},
    "condition": None,
    "facts": {"parcel": "1"},
    "skipped": {},
    "into": None,
}


def test_points_that_are_given_by_hand_are_told_with_the_reason() -> None:
    why = Reason("goodwill", applied=True, points=5, facts={"parcel": "1"})
    told = told_of(Posting("adjusted", Change({NEVER: 5}), NOW, 7, (why,)), "adjustment", "by-hand-1")
    data = change("adjustment", "by-hand-1", 5, active=255, explanation=[REASON])
    assert told == [OutboundEvent("PointsAdjusted", {"metadata": metadata(f"{MEMBER}#3"), "data": data})]


def test_a_return_is_told_with_the_purchase_it_is_of_and_what_is_forgiven() -> None:
    why = Reason("return", applied=True, points=-270, lines={"1": -300}, facts={"to_take_back": 300, "forgiven": 30})
    posting = Posting(
        kind="reversed",
        change=Change({NEVER: -250}, debt=20),
        occurred_at=NOW,
        program_version=7,
        explanation=(why,),
        reversal=Reversal("purchase#till#receipt-1", 0, {"1": Returned(1, 300)}, forgiven=30),
    )
    data = change(
        "return",
        "return-1",
        -270,
        active=0,
        debt=20,
        explanation=[
            {
                "rule": "return",
                "applied": True,
                "points": -270,
                "lines": {"1": -300},
                "condition": None,
                "facts": {"to_take_back": 300, "forgiven": 30},
                "skipped": {},
                "into": None,
            }
        ],
        reversed_operation="purchase#till#receipt-1",
        forgiven=30,
    )
    told = told_of(posting, "return", "return-1")
    assert told == [OutboundEvent("PointsReversed", {"metadata": metadata(f"{MEMBER}#3"), "data": data})]


def test_a_reversal_of_no_purchase_names_none() -> None:
    [event] = of_entry(an_entry(Posting("reversed", Change({NEVER: 1}), NOW, program_version=7)))
    assert event.detail["data"] == change("purchase", "receipt-1", 1, active=251, explanation=[])


@pytest.mark.parametrize(
    ("kind", "operation", "sign", "detail_type"),
    [("held", "redemption", 1, "RewardHeld"), ("released", "release", -1, "RewardReleased")],
)
def test_a_hold_is_told_with_what_is_set_aside_and_so_is_its_end(
    kind: str, operation: str, sign: int, detail_type: str
) -> None:
    moved = Change(
        {NEVER: -60 * sign, "2027-01-31": -40 * sign}, holds={HOLD: {NEVER: 60 * sign, "2027-01-31": 40 * sign}}
    )
    lots = {NEVER: 250, "2027-01-31": 40}
    holds = {} if sign == 1 else {HOLD: {NEVER: 60, "2027-01-31": 40}}
    until = NOW + timedelta(minutes=15) if kind == "held" else None
    posting = Posting(kind, moved, NOW, 7, reward=PROMISE, currency="USD", until=until)  # type: ignore[arg-type]
    _, entry = post(an_account(lots, n=2, holds=holds), posting, an_operation(operation, HOLD), NOW)

    [event] = of_entry(entry)

    schemas.check_event(event.detail_type, event.detail)
    data = {
        "member_id": MEMBER,
        "redemption_id": HOLD,
        "reward_id": "voucher-5",
        "kind": "voucher",
        "value": 500,
        "currency": "USD",
        "valid_from": None,
        "valid_until": None,
        "money": 0,
        "fulfilment": "code",
        "points": 100,
        **({"expires_at": "2026-11-21T10:15:00.000000Z"} if kind == "held" else {}),
    }
    assert event == OutboundEvent(detail_type, {"metadata": metadata(f"{MEMBER}#3"), "data": data})


def test_a_captured_hold_is_told_as_a_redemption() -> None:
    posting = Posting(
        "redeemed", Change(holds={HOLD: {NEVER: -100}}), NOW, program_version=7, reward=an_issued_reward()
    )
    told = told_of(posting, "capture", HOLD, holds={HOLD: {NEVER: 100}})
    assert [event.detail_type for event in told] == ["PointsRedeemed", "RewardRedeemed", "VoucherIssued"]
    assert told[0].detail["data"] == change("capture", HOLD, -100, active=250)
    assert told[1].detail["data"]["points"] == 100  # type: ignore[index]


def test_a_hold_of_old_ends_at_no_time() -> None:
    posting = Posting("held", Change({NEVER: -5}, holds={HOLD: {NEVER: 5}}), NOW, program_version=7, reward=PROMISE)
    [event] = of_entry(an_entry(posting, operation=an_operation("redemption", HOLD)))
    assert event.detail["data"]["expires_at"] is None  # type: ignore[index]


ABOUT = {
    "member_id": MEMBER,
    "redemption_id": HOLD,
    "reward_id": "voucher-5",
    "kind": "voucher",
    "value": 500,
    "currency": "USD",
    "valid_from": "2026-11-21",
    "valid_until": "2027-02-19",
    "money": 250,
    "fulfilment": "code",
}
BOUGHT = replace(VOUCHER, money=250)


def told_as(posting: Posting, kind: str) -> list[tuple[str, object]]:
    return [(event.detail_type, event.detail["data"]) for event in told_of(posting, kind, HOLD)]


def test_a_supplier_is_asked_and_nobody_is_sent_a_voucher() -> None:
    bought = replace(BOUGHT, fulfilment="partner", code=None)
    told = told_as(replace(REDEEMED, reward=bought), "redemption")
    about = ABOUT | {"fulfilment": "partner"}
    assert told[1:] == [("RewardRedeemed", about | {"points": 100}), ("FulfilmentRequested", about)]


@pytest.mark.parametrize("fulfilment", ["manual", "none"])
def test_nobody_is_asked_for_what_comes_by_hand_or_by_itself(fulfilment: str) -> None:
    bought = replace(BOUGHT, fulfilment=fulfilment, code=None)
    told = told_as(replace(REDEEMED, reward=bought), "redemption")
    assert told[1:] == [("RewardRedeemed", ABOUT | {"fulfilment": fulfilment, "points": 100})]


def test_what_was_handed_over_is_told_and_what_its_supplier_gave_is_not() -> None:
    given = replace(BOUGHT, fulfilment="partner", code="GIVEN-CODE", reference="order-9")
    told = told_as(Posting("fulfilled", Change(), NOW, program_version=7, reward=given), "fulfilment")
    assert told == [("RewardFulfilled", ABOUT | {"fulfilment": "partner"})]


@pytest.mark.parametrize(("left", "used_up"), [(0, True), (100, False)])
def test_a_voucher_that_is_used_is_told_with_what_it_paid_and_what_is_left(left: int, used_up: bool) -> None:
    use = Use(Voucher(BOUGHT, MEMBER), 400, left, used_up, {"1": 400})
    told = told_as(Posting("used", Change(), NOW, program_version=7, currency="USD", used=use), "use")
    paid = {"entry_id": f"{MEMBER}#3", "paid": 400, "left": left, "used_up": used_up}
    assert told == [("VoucherUsed", ABOUT | paid)]


def test_a_use_without_a_voucher_is_a_fault_of_ours() -> None:
    with pytest.raises(ValueError, match=f"^entry {MEMBER}#3 uses no voucher$"):
        of_entry(an_entry(Posting("used", Change(), NOW, program_version=7)))


def test_a_refund_is_told_as_points_then_reward_then_voucher() -> None:
    posting = Posting(
        "reversed",
        Change({NEVER: 60}),
        NOW,
        program_version=7,
        explanation=(Reason("supplier_failed", applied=True),),
        reward=replace(BOUGHT, value=300),
        reversal=Reversal("redemption#rdm_abcdefghij2345672345", 0, {"all": Returned(1, 60)}),
        currency="USD",
        withdrawn=(Withdrawal(Voucher(BOUGHT, MEMBER), 200),),
    )
    reversed_, refunded, withdrawn = told_as(posting, "refund")
    assert reversed_[0] == "PointsReversed"
    assert reversed_[1] == change(
        "refund",
        HOLD,
        60,
        active=310,
        explanation=[Reason("supplier_failed", applied=True)._asdict()],
        reversed_operation="redemption#rdm_abcdefghij2345672345",
        forgiven=0,
    )
    assert refunded == ("RewardRefunded", ABOUT | {"value": 300, "points": 60})
    assert withdrawn == ("VoucherWithdrawn", ABOUT | {"left": 200})


def everything(kind: EntryKind) -> Posting:
    """An entry of a kind with all that must not be told."""
    reward = replace(BOUGHT, code="SECRET-CODE", reference="SECRET-REFERENCE", fulfilment="partner")
    voucher = Voucher(reward, MEMBER)
    return Posting(
        kind,
        Change(),
        NOW,
        program_version=7,
        reward=reward,
        issued=(reward,),
        withdrawn=(Withdrawal(voucher, 0),),
        used=Use(voucher, 400, 0, used_up=True, lines={"1": 400}),
        note="SECRET-NOTE",
        member=MemberChange("MemberUpdated", ("email",), {"tier": "SECRET-BEFORE"}, {"tier": "SECRET-AFTER"}),
        until=NOW,
    )


@pytest.mark.parametrize("kind", get_args(EntryKind))
def test_no_event_carries_a_code_a_reference_or_anything_personal(kind: EntryKind) -> None:
    told = of_entry(an_entry(everything(kind)))
    assert len(told) >= 3
    assert "SECRET" not in repr(told)


def test_a_reward_without_a_last_day_says_so() -> None:
    posting = Posting(
        "redeemed", Change({NEVER: -100}), NOW, program_version=7, reward=an_issued_reward(valid_until=None)
    )
    assert [event.detail["data"]["valid_until"] for event in of_entry(an_entry(posting))[1:]] == [None, None]  # type: ignore[index]


def test_a_redemption_without_a_reward_is_a_fault_of_ours() -> None:
    with pytest.raises(ValueError, match=f"^entry {MEMBER}#3 is about a reward and names none"):
        of_entry(an_entry(Posting("redeemed", Change({NEVER: -1}), NOW, program_version=7)))


def test_every_event_is_as_its_schema_says() -> None:
    earned = Posting("earned", Change(), NOW, program_version=7)
    redemption = an_operation("redemption", "rdm_abcdefghij2345672345")
    for event in [
        of_opening(an_account()),
        *of_entry(an_entry(earned)),
        *of_entry(an_entry(REDEEMED, operation=redemption)),
    ]:
        schemas.check_event(event.detail_type, event.detail)


BASIC, GOLD = TierStep("basic", NOW - timedelta(days=90)), TierStep("gold", NOW, date(2027, 12, 31))


def test_what_a_purchase_brings_besides_points_is_told_after_them() -> None:
    posting = Posting(
        kind="earned",
        change=Change({NEVER: 12}),
        occurred_at=NOW,
        program_version=7,
        tiers=(BASIC, GOLD),
        tier_before="basic",
        issued=[replace(VOUCHER, redemption="rwd_abcdefghij2345672345")],
    )
    told = told_of(posting, "purchase", "receipt-1")
    assert [event.detail_type for event in told] == ["PointsEarned", "VoucherIssued", "TierChanged"]
    assert told[1].detail == {
        "metadata": metadata(f"{MEMBER}#3.1"),
        "data": {
            "member_id": MEMBER,
            "redemption_id": "rwd_abcdefghij2345672345",
            "reward_id": "voucher-5",
            "kind": "voucher",
            "value": 500,
            "currency": "USD",
            "valid_from": "2026-11-21",
            "valid_until": "2027-02-19",
            "money": 0,
            "fulfilment": "code",
        },
    }
    assert told[2].detail == {
        "metadata": metadata(f"{MEMBER}#3.2"),
        "data": {
            "member_id": MEMBER,
            "entry_id": f"{MEMBER}#3",
            "from": "basic",
            "to": "gold",
            "since": "2026-11-21T10:00:00.000000Z",
            "held_until": "2027-12-31",
        },
    }


@pytest.mark.parametrize(
    ("steps", "before", "told"),
    [
        ((GOLD, replace(BASIC, since=NOW)), "gold", ["TierChanged"]),
        ((replace(GOLD, until=date(2028, 12, 31)),), "gold", []),
    ],
    ids=["another tier", "the same for longer"],
)
def test_a_review_is_told_only_where_it_changes_the_tier(
    steps: tuple[TierStep, ...], before: str, told: list[str]
) -> None:
    posting = Posting("adjusted", Change(), NOW, program_version=7, tiers=steps, tier_before=before)
    found = told_of(posting, "review", "r-1", tiers=(GOLD,))
    assert [event.detail_type for event in found] == told
    assert [event.detail["data"]["held_until"] for event in found] == [None] * len(told)  # type: ignore[index]


def test_the_first_tier_of_a_member_is_no_change() -> None:
    posting = Posting("earned", Change(), NOW, program_version=7, tiers=(BASIC,), tier_before=None)
    assert [event.detail_type for event in told_of(posting, "purchase", "receipt-1")] == ["PointsEarned"]


def test_points_that_became_a_voucher_by_themselves_are_told_as_a_redemption() -> None:
    told = told_of(REDEEMED, "conversion", "c-1")
    assert [event.detail_type for event in told] == ["PointsRedeemed", "RewardRedeemed", "VoucherIssued"]


@pytest.mark.parametrize(("rules", "told"), [(4, 500), (5, 0)])
@pytest.mark.parametrize("where", ["lines", "skipped"])
def test_an_event_of_a_huge_basket_leaves_its_lines_to_the_statement(rules: int, told: int, where: str) -> None:
    by_line: Any = {str(i): 1 if where == "lines" else "category" for i in range(500)}
    reasons = [Reason(f"rule-{i}", True, 500, **{where: by_line}) for i in range(rules)]
    posting = Posting("earned", Change({NEVER: 500 * rules}), NOW, program_version=7, explanation=reasons)

    [event] = of_entry(an_entry(posting))

    data = event.detail["data"]
    assert isinstance(data, dict)
    assert [(len(reason[where]), reason["points"]) for reason in data["explanation"]] == [(told, 500)] * rules
    assert len(json.dumps(event.detail)) < 256 * 1024


# What is undone, and what follows.

GIVEN = replace(VOUCHER, basis=Basis("every-ten", 2, {"1": 2000}, step=1000))
RETURNED = Posting(
    kind="reversed",
    change=Change({NEVER: -12}),
    occurred_at=NOW,
    program_version=7,
    reversal=Reversal("purchase#till#receipt-1", 0, {"1": Returned(1, 12)}),
)


@pytest.mark.parametrize("left", [0, 500])
def test_a_voucher_that_is_taken_back_is_told_with_what_is_left_of_it_and_without_its_code(left: int) -> None:
    worth_1000 = replace(GIVEN, value=1000)
    posting = replace(RETURNED, withdrawn=(Withdrawal(Voucher(worth_1000, "", 3), left),))
    reversed_, withdrawn = told_of(posting, "return", "return-1")
    assert reversed_.detail_type == "PointsReversed"
    assert withdrawn == OutboundEvent(
        "VoucherWithdrawn",
        {
            "metadata": metadata(f"{MEMBER}#3.1"),
            "data": {
                "member_id": MEMBER,
                "redemption_id": "rdm_abcdefghij2345672345",
                "reward_id": "voucher-5",
                "kind": "voucher",
                "value": 1000,
                "currency": "USD",
                "valid_from": "2026-11-21",
                "valid_until": "2027-02-19",
                "money": 0,
                "fulfilment": "code",
                "left": left,
            },
        },
    )


def test_a_completed_referral_is_told_with_whom_it_is_due_to() -> None:
    posting = Posting("earned", Change({NEVER: 12}), NOW, program_version=7, referrer=FRIEND)
    told = told_of(posting, "purchase", "receipt-1")
    assert [event.detail_type for event in told] == ["PointsEarned", "ReferralCompleted"]
    assert told[1].detail["data"] == {
        "member_id": MEMBER,
        "referrer_id": FRIEND,
        "entry_id": f"{MEMBER}#3",
        "completed_by": "purchase#till#receipt-1",
    }


def test_a_referral_that_is_undone_names_what_had_completed_it() -> None:
    """So that who got something for it knows for which."""
    told = told_of(replace(RETURNED, referrer=FRIEND), "return", "return-1")
    assert [event.detail_type for event in told] == ["PointsReversed", "ReferralWithdrawn"]
    assert told[1].detail["data"] == {
        "member_id": MEMBER,
        "referrer_id": FRIEND,
        "entry_id": f"{MEMBER}#3",
        "completed_by": "purchase#till#receipt-1",
    }


def test_a_purchase_that_returns_waited_for_tells_of_each_with_what_was_sent() -> None:
    waiting = [AwaitingReturn(f"return-{i}", "hash", {"id": f"return-{i}", "purchase_id": "receipt-1"}) for i in (1, 2)]
    entry = an_entry(Posting("earned", Change({NEVER: 12}), NOW, program_version=7))
    told = of_entry(replace(entry, awaited_by=waiting))
    assert [event.detail_type for event in told] == ["PointsEarned"] + 2 * ["AwaitedPurchaseArrived"]
    assert [event.detail["data"] for event in told[1:]] == [
        {
            "member_id": MEMBER,
            "purchase_id": "receipt-1",
            "source": "till",
            "return": {"id": f"return-{i}", "purchase_id": "receipt-1"},
        }
        for i in (1, 2)
    ]


def test_all_that_an_entry_brings_is_told_in_one_order_with_ids_of_their_own() -> None:
    posting = replace(
        RETURNED,
        issued=(VOUCHER,),
        withdrawn=(Withdrawal(Voucher(GIVEN, ""), 0),),
        tiers=(GOLD, replace(BASIC, since=NOW)),
        tier_before="gold",
        referrer=FRIEND,
    )
    told = told_of(posting, "return", "return-1", tiers=(GOLD,))
    assert [event.detail_type for event in told] == [
        "PointsReversed",
        "VoucherIssued",
        "VoucherWithdrawn",
        "TierChanged",
        "ReferralWithdrawn",
    ]
    ids = [event.detail["metadata"]["event_id"] for event in told]  # type: ignore[index]
    assert ids == [f"{MEMBER}#3", *(f"{MEMBER}#3.{i}" for i in range(1, 5))]


def test_a_confirmed_activity_is_told_as_points_activated() -> None:
    posting = Posting("activated", Change({NEVER: 8}, {"9999-12-31>never": -10}, debt=-2), NOW, program_version=7)
    entry = replace(an_entry(RETURNED), posting=posting, operation=an_operation("confirmation", "review-1"))
    [told] = of_entry(entry)
    assert (told.detail_type, told.detail["data"]["activated"]) == ("PointsActivated", 10)  # type: ignore[index]


def test_points_given_by_hand_are_told_with_the_reason_and_never_with_the_note() -> None:
    """A note may be personal."""
    why = Reason("adjustment", True, 5, facts={"reason": "goodwill"})
    posting = Posting("adjusted", Change({NEVER: 5}), NOW, 7, explanation=[why], note="Ada was ill")
    [told] = told_of(posting, "adjustment", "sorry-1")
    assert told.detail_type == "PointsAdjusted"
    assert "Ada" not in json.dumps(told.detail)
    assert told.detail["data"]["explanation"][0]["facts"] == {"reason": "goodwill"}  # type: ignore[index]


CHANGED = MemberChange(
    "MemberUpdated",
    ("birth_date", "country"),
    before={"country": "FR"},
    after={"country": "CH"},
    traits=Traits(birthday="12-10", attributes={"diet": "none"}),
)


def test_a_change_of_a_member_is_told_by_the_names_of_its_fields_and_never_by_their_values() -> None:
    posting = Posting("changed", Change(), NOW, 7, member=CHANGED)
    assert of_entry(an_entry(posting, operation=an_operation("change", "key-1"))) == [
        OutboundEvent(
            "MemberUpdated",
            {
                "metadata": metadata(f"{MEMBER}#3"),
                "data": {
                    "member_id": MEMBER,
                    "entry_id": f"{MEMBER}#3",
                    "fields": ["birth_date", "country"],
                    "status": None,
                },
            },
        )
    ]


STATES: dict[What, MemberStatus | None] = {
    "MemberUpdated": None,
    "MemberSuspended": "suspended",
    "MemberReinstated": "active",
    "MemberClosed": "closed",
    "MemberMerged": "merged",
    "MemberExported": None,
}


@pytest.mark.parametrize("what", get_args(What))
def test_every_change_of_a_member_is_an_event_of_its_own(what: What) -> None:
    """Whatever points go with it: who leaves is told to have left, and nothing else."""
    status = STATES[what]
    into = FRIEND if status == "merged" else None
    change = MemberChange(what, ("status",) if status else (), {}, {"reason": "fraud"}, status, merged_into=into)
    [told] = told_of(Posting("changed", Change({NEVER: -12}), NOW, 7, member=change), "change", "key-1")
    assert told.detail_type == what
    data = {"member_id": MEMBER, "entry_id": f"{MEMBER}#3", "fields": list(change.fields), "status": status}
    assert told.detail["data"] == data | ({"merged_into": into} if into else {})


def test_a_change_that_does_not_say_what_it_is_cannot_be_told() -> None:
    with pytest.raises(ValueError, match=f"entry {MEMBER}#3 is about a member and does not say what"):
        of_entry(an_entry(Posting("changed", Change(), NOW, 7)))
