"""From an event to the member's mailbox."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict

from functions.notifications import store
from functions.notifications.mail import MESSAGES, write
from functions.program.model import Program
from functions.runtime.observability import logger

OLD_NEWS = timedelta(days=7)
"""What happened longer before it was recorded is history: nobody gets mail for the purchases of past years."""
_AHEAD = frozenset({"PointsExpiring", "TierAtRisk"})
"""What is told before it comes is never old, however late: it is told only while there is time left."""


class Metadata(BaseModel):
    """What we need of an event's envelope."""

    event_id: str
    occurred_at: datetime
    recorded_at: datetime


class Told(BaseModel):
    """The detail of one of our events; what `data` holds depends on its type."""

    model_config = ConfigDict(frozen=True)

    metadata: Metadata
    data: dict[str, Any]


def tell(told: Told, detail_type: str) -> None:
    """Write to the member about an event, if there is something to say and somewhere to send it."""
    member: str = told.data["member_id"]
    message = MESSAGES[detail_type]
    late = told.metadata.recorded_at - told.metadata.occurred_at
    if late > OLD_NEWS and detail_type not in _AHEAD:
        logger.info("old_news", event_id=told.metadata.event_id)
        return
    contact = store.contact(member)
    if contact.email is None or told.data.get("points") == 0 or told.data.get("imported"):
        logger.info("nothing_to_tell", event_id=told.metadata.event_id)
        return
    facts = _facts(detail_type, told.data, store.program(), contact.locale) | {"given_name": contact.given_name}
    mail = write(message, contact.locale, facts)
    new = store.deliver(member, told.metadata.event_id, message, mail, contact.email)
    logger.info("mail_sent" if new else "mail_was_sent_before", event_id=told.metadata.event_id, template=message)


def _facts(detail_type: str, data: Mapping[str, Any], program: Program, locale: str) -> dict[str, object]:
    facts: dict[str, object] = {"program": program.name[locale]}
    if detail_type == "PointsEarned":
        texts = {rule.id: rule.text[locale] for rule in program.earning}
        applied = [reason for reason in data["explanation"] if reason["applied"]]
        reasons = [{"text": texts.get(one["rule"], one["rule"]), "points": one["points"]} for one in applied]
        facts |= {"points": data["points"], "balance": data["balance"]["active"], "reasons": reasons}
    if detail_type == "PointsExpiring":
        facts |= {"points": data["points"], "expires_on": data["expires_on"]}
    if detail_type == "TierAtRisk":
        levels = {level.id: level.text[locale] for level in program.tiers.levels} if program.tiers else {}
        tier, then = (levels.get(data[name], data[name]) for name in ("tier", "then"))
        facts |= {"tier": tier, "then": then, "held_until": data["held_until"]}
    if detail_type == "RewardRedeemed":
        reward = program.rewards.get(data["reward_id"])
        facts |= {
            "reward": reward.text[locale] if reward else data["reward_id"],
            "handed_over": data["fulfilment"] in {"manual", "partner"},
            "points": data["points"],
            "value": (data["value"], data["currency"]),
            "valid_until": data["valid_until"],
            "code": store.voucher_code(data["redemption_id"]),
        }
    return facts
