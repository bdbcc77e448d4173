"""The events of a committed change: exactly these, in this order."""

from datetime import timedelta

import pytest

from functions.ledger.account import Line, Posting, Reason
from functions.ledger.events import of_entry, of_opening
from functions.ledger.lots import NEVER
from functions.runtime.envelope import OutboundEvent
from tests.contract import schemas
from tests.unit.factories import MEMBER, NOW, an_account, an_entry, an_issued_reward, an_operation

REDEEMED = Posting("redeemed", {NEVER: -100}, NOW, program_version=7, reward=an_issued_reward(), currency="USD")


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
            "data": {"member_id": MEMBER, "source": "till", "enrolled_at": "2026-11-21T10:00:00.000000Z"},
        },
    )


def test_a_purchase_is_told_as_points_earned_with_the_explanation() -> None:
    applied = Reason("every-dollar", applied=True, points=12, lines={"1": 12})
    failed = Reason("big-basket", applied=False, condition="amount_below_one_step", facts={"paid": 1, "needed": 2})
    posting = Posting(
        kind="earned",
        lots={NEVER: 12},
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
                "balance": {"active": 262, "pending": 0},
                "tier": None,
                "explanation": [
                    {
                        "rule": "every-dollar",
                        "applied": True,
                        "points": 12,
                        "lines": {"1": 12},
                        "condition": None,
                        "facts": {},
                    },
                    {
                        "rule": "big-basket",
                        "applied": False,
                        "points": 0,
                        "lines": {},
                        "condition": "amount_below_one_step",
                        "facts": {"paid": 1, "needed": 2},
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
        "valid_until": "2027-02-19",
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
                    "balance": {"active": 150, "pending": 0},
                    "tier": None,
                },
            },
        ),
        OutboundEvent("RewardRedeemed", {"metadata": metadata(f"{MEMBER}#3.1"), "data": {**voucher, "points": 100}}),
        OutboundEvent("VoucherIssued", {"metadata": metadata(f"{MEMBER}#3.2"), "data": voucher}),
    ]


def test_no_event_carries_the_voucher_code() -> None:
    assert "0123-4567-89AB-CDEF" not in repr(of_entry(an_entry(REDEEMED)))


def test_a_reward_without_a_last_day_says_so() -> None:
    posting = Posting("redeemed", {NEVER: -100}, NOW, program_version=7, reward=an_issued_reward(valid_until=None))
    assert [event.detail["data"]["valid_until"] for event in of_entry(an_entry(posting))[1:]] == [None, None]  # type: ignore[index]


def test_a_redemption_without_a_reward_is_a_fault_of_ours() -> None:
    with pytest.raises(ValueError, match=f"^entry {MEMBER}#3 is a redemption without a reward"):
        of_entry(an_entry(Posting("redeemed", {NEVER: -1}, NOW, program_version=7)))


def test_every_event_is_as_its_schema_says() -> None:
    earned = Posting("earned", {}, NOW, program_version=7)
    redemption = an_operation("redemption", "rdm_abcdefghij2345672345")
    for event in [
        of_opening(an_account()),
        *of_entry(an_entry(earned)),
        *of_entry(an_entry(REDEEMED, operation=redemption)),
    ]:
        schemas.check_event(event.detail_type, event.detail)
