"""Points given or taken by hand. Pure."""

from dataclasses import dataclass
from datetime import date, datetime

from functions.ledger.account import Account, Posting, Reason, TierStep
from functions.ledger.lots import expiry_key
from functions.ledger.movements import adjust
from functions.program import expiry, tiers
from functions.program.model import Program
from functions.runtime.errors import FieldError, InvalidError


@dataclass(frozen=True, slots=True)
class Adjustment:
    """`points` to give, or, negative, to take; `reason` a code, `note` for people. `expires_on`: the last day of what
    is given, None for that of points earned today. `tier`: to be held to the end of `tier_until`, for ever if None."""

    points: int
    reason: str
    note: str | None = None
    expires_on: date | None = None
    tier: str | None = None
    tier_until: date | None = None


def decide_adjustment(account: Account, adjustment: Adjustment, program: Program, now: datetime) -> Posting:
    """What is given comes into one lot; what is taken comes out of those that expire first. It counts for no tier, goal
    or limit. Raises InsufficientPointsError, and InvalidError for a last day that is past and a tier there is not."""
    today = now.astimezone(program.zone).date()
    _check(adjustment, program, today)
    lasting = program.lasting_of(tiers.tier_at(account.tiers, program, now))
    lot = expiry_key(adjustment.expires_on) if adjustment.expires_on else expiry.lot_for(lasting, today)
    change = adjust(account, adjustment.points, lot, today)
    steps = account.tiers
    if adjustment.tier:
        steps = tiers.stepped(steps, TierStep(adjustment.tier, now, adjustment.tier_until, given=True))
    given = {"tier": adjustment.tier} if adjustment.tier else {}
    return Posting(
        kind="adjusted",
        change=expiry.following_tier(account, change, steps, program),
        occurred_at=now,
        program_version=program.version,
        explanation=[Reason("adjustment", True, adjustment.points, facts={"reason": adjustment.reason} | given)],
        note=adjustment.note,
        tiers=None if steps == account.tiers else steps,
        tier_before=account.tier or program.base_tier() or None,
    )


def _check(adjustment: Adjustment, program: Program, today: date) -> None:
    errors = []
    if adjustment.expires_on and adjustment.expires_on < today:
        errors.append(FieldError("/expires_on", "past", "These points could never be spent."))
    known = [level.id for level in program.tiers.levels] if program.tiers else []
    if adjustment.tier and adjustment.tier not in known:
        errors.append(
            FieldError("/tier", "unknown_tier", f"The programme has these tiers: {', '.join(known) or 'none'}.")
        )
    if adjustment.tier_until and adjustment.tier_until < today:
        errors.append(FieldError("/tier_until", "past", "This tier would be over already."))
    if errors:
        raise InvalidError(errors)
