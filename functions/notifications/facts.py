"""What the words of a message can name, from the event that brings it about. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from functions.ledger.account import Entry
from functions.notifications.deciding import Reader
from functions.program.messages.catalogue import BY_EVENT, Kind
from functions.program.messages.writing import language
from functions.program.model import Program

OLD_NEWS = timedelta(days=7)
"""What happened longer before it was recorded is history: nobody gets mail for the purchases of past years."""
_AHEAD = frozenset({"PointsExpiring", "TierAtRisk"})
"""What is told before it comes is never old, however late: it is told only while there is time left."""
WITH_ENTRY = frozenset({"RewardRedeemed", "RewardFulfilled", "VoucherIssued"})
"""No event carries a code: it is read where it is kept."""


def told_to(detail_type: str, data: Mapping[str, Any]) -> str:
    """The member whom an event is told to."""
    member: str = data["referrer_id"] if detail_type == "ReferralCompleted" else data["member_id"]
    return member


def message_of(detail_type: str, data: Mapping[str, Any], late: timedelta, program: Program) -> Kind | None:
    """The message that an event becomes; None where there is nothing to say."""
    if (late > OLD_NEWS and detail_type not in _AHEAD) or data.get("points") == 0 or data.get("imported"):
        return None
    if detail_type == "TierChanged" and not _is_higher(data["to"], data["from"], program):
        return None
    return BY_EVENT[detail_type]


def _is_higher(tier: str, before: str, program: Program) -> bool:
    ranks = {level.id: rank for rank, level in enumerate(program.tiers.levels)} if program.tiers else {}
    return ranks.get(tier, 0) > ranks.get(before, 0)


def facts_of(
    detail_type: str, data: Mapping[str, Any], entry: Entry | None, program: Program, reader: Reader
) -> dict[str, Any]:
    """What the words can name, in the reader's language."""
    text = language(reader.locale)
    facts: dict[str, Any] = {"program": program.name[text], "given_name": reader.given_name}
    match detail_type:
        case "PointsEarned":
            return facts | _earned(data, program, text)
        case "PointsExpiring":
            return facts | {"points": data["points"], "expires_on": data["expires_on"]}
        case "TierChanged":
            return facts | {"tier": _tier(data["to"], program, text), "held_until": data["held_until"]}
        case "TierAtRisk":
            named = {name: _tier(data[name], program, text) for name in ("tier", "then")}
            return facts | named | {"held_until": data["held_until"]}
        case "RewardRedeemed" | "RewardFulfilled" | "VoucherIssued":
            to_come = detail_type == "RewardRedeemed" and data["fulfilment"] in {"manual", "partner"}
            return facts | _reward(data, entry, program, text) | {"handed_over": to_come}
    return facts


def _earned(data: Mapping[str, Any], program: Program, text: str) -> dict[str, Any]:
    texts = {rule.id: rule.text[text] for rule in program.earning}
    applied = [reason for reason in data["explanation"] if reason["applied"]]
    reasons = [{"text": texts.get(one["rule"], one["rule"]), "points": one["points"]} for one in applied]
    return {"points": data["points"], "balance": data["balance"]["active"], "reasons": reasons}


def _tier(tier: str, program: Program, text: str) -> str:
    levels = {level.id: level.text[text] for level in program.tiers.levels} if program.tiers else {}
    return levels.get(tier, tier)


def _reward(data: Mapping[str, Any], entry: Entry | None, program: Program, text: str) -> dict[str, Any]:
    reward = program.rewards.get(data["reward_id"])
    return {
        "reward": reward.text[text] if reward else data["reward_id"],
        "points": data.get("points"),
        "value": (data["value"], data["currency"]),
        "valid_from": data["valid_from"],
        "valid_until": data["valid_until"],
        "code": _code(entry, data["redemption_id"]) if entry else None,
    }


def _code(entry: Entry, redemption: str) -> str | None:
    rewards = [*entry.posting.issued, *([entry.posting.reward] if entry.posting.reward else [])]
    return next((reward.code for reward in rewards if reward.redemption == redemption and reward.code), None)


def recorded_late(metadata: Mapping[str, Any]) -> timedelta:
    """How long after it happened something was recorded."""
    return datetime.fromisoformat(metadata["recorded_at"]) - datetime.fromisoformat(metadata["occurred_at"])
