"""Points given or taken by hand. Pure."""

from dataclasses import dataclass
from datetime import date, datetime

from functions.ledger.account import Account, Posting, Reason
from functions.ledger.lots import expiry_key
from functions.ledger.movements import adjust
from functions.program import expiry, tiers
from functions.program.model import Program
from functions.runtime.errors import FieldError, InvalidError


@dataclass(frozen=True, slots=True)
class Adjustment:
    """`points` to give, or, negative, to take; `reason` a code, `note` for people. `expires_on`: the last day of what
    is given, None for that of points earned today."""

    points: int
    reason: str
    note: str | None = None
    expires_on: date | None = None


def decide_adjustment(account: Account, adjustment: Adjustment, program: Program, now: datetime) -> Posting:
    """What is given comes into one lot; what is taken comes out of those that expire first. It counts for no tier, goal
    or limit. Raises InsufficientPointsError, and InvalidError for a last day that is past."""
    today = now.astimezone(program.zone).date()
    if adjustment.expires_on and adjustment.expires_on < today:
        raise InvalidError([FieldError("/expires_on", "past", "These points could never be spent.")])
    lasting = program.lasting_of(tiers.tier_at(account.tiers, program, now))
    lot = expiry_key(adjustment.expires_on) if adjustment.expires_on else expiry.lot_for(lasting, today)
    change = adjust(account, adjustment.points, lot, today)
    return Posting(
        kind="adjusted",
        change=change,
        occurred_at=now,
        program_version=program.version,
        explanation=[Reason("adjustment", True, adjustment.points, facts={"reason": adjustment.reason})],
        note=adjustment.note,
    )
