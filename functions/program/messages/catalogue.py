"""Every message a member may get: what brings it about, what it is for, and what its words can name. Pure.

service     about something the member asked for: always, at any hour
account     about points and tier: unless the member does not want it, and not at night
marketing   only to who said yes, and not at night
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Purpose: TypeAlias = Literal["service", "account", "marketing"]
Channel: TypeAlias = Literal["email", "sms", "inbox"]
CHANNELS: tuple[Channel, ...] = ("email", "sms", "inbox")
LOCALES = ("en", "fr")
"""In which we write; the first where a member reads none of them."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One message. `facts`: what its words can name, with an example of each. `bare`: the facts that may be missing.
    `capped`: not more often than the programme says; a warning always goes out."""

    id: str
    events: tuple[str, ...]
    purpose: Purpose
    facts: Mapping[str, Any]
    bare: tuple[str, ...] = ()
    capped: bool = False


ALWAYS: Mapping[str, Any] = {"program": "Record Club", "given_name": "Ada"}
"""What every message can name."""
_REWARD = {"reward": "Voucher of 5", "value": (500, "EUR"), "code": "AB3D-K7PQ-2XZM", "valid_until": "2027-02-19"}

KINDS: tuple[Kind, ...] = (
    Kind("welcome", ("MemberEnrolled",), "service", {}),
    Kind(
        "points_earned",
        ("PointsEarned",),
        "account",
        {"points": 1250, "balance": 3075, "reasons": [{"text": "1 point per euro", "points": 1250}]},
        capped=True,
    ),
    Kind("points_expiring", ("PointsExpiring",), "account", {"points": 1250, "expires_on": "2027-01-31"}),
    Kind("tier_reached", ("TierChanged",), "account", {"tier": "Gold", "held_until": "2027-12-31"}, ("held_until",)),
    Kind("tier_at_risk", ("TierAtRisk",), "account", {"tier": "Gold", "then": "Silver", "held_until": "2026-12-31"}),
    Kind(
        "reward_ready",
        ("RewardRedeemed", "RewardFulfilled"),
        "service",
        {**_REWARD, "points": 100, "handed_over": False},
        ("code", "valid_until", "points"),
    ),
    Kind(
        "voucher_issued",
        ("VoucherIssued",),
        "service",
        {**_REWARD, "valid_from": "2026-12-01"},
        ("valid_from", "valid_until"),
    ),
    Kind("birthday", ("BirthdayCame",), "marketing", {}, capped=True),
    Kind("referral_completed", ("ReferralCompleted",), "account", {}, capped=True),
    # It goes out while nobody is a member any more: no event of the bus brings it, the one who lets the member go does.
    Kind("goodbye", (), "service", {}),
)
BY_ID: Mapping[str, Kind] = {kind.id: kind for kind in KINDS}
BY_EVENT: Mapping[str, Kind] = {event: kind for kind in KINDS for event in kind.events}


def examples(kind: Kind) -> tuple[Mapping[str, Any], ...]:
    """Facts to try the words with: all of them, and those that need not be there left out."""
    full = {**ALWAYS, **kind.facts}
    return full, full | dict.fromkeys((*kind.bare, "given_name"))
