"""What will happen to a member, told from the books."""

from functions.ledger import store as ledger
from functions.lifecycle.contract import NeedOut, NextTierOut, TierOut
from functions.lifecycle.forecast import Need, forecast
from functions.program import store as programs
from functions.runtime import clock


def tier(member: str) -> TierOut:
    """Raises MemberNotFoundError, ProgramNotActiveError."""
    account, now = ledger.standing(ledger.load(member)), clock.now()
    found = forecast(account, programs.in_force(account.member, now), now)
    if found is None:
        return TierOut(
            member_id=account.member, tier=None, text={}, since=None, held_until=None, then=None, keep=[], next=None
        )
    above = found.next
    return TierOut(
        member_id=account.member,
        tier=found.tier.id,
        text=dict(found.tier.text),
        since=found.since,
        held_until=found.held_until,
        then=found.then,
        keep=[[_need(one) for one in way] for way in found.keep],
        next=NextTierOut(tier=above.id, ways=[[_need(one) for one in way] for way in found.ways]) if above else None,
    )


def _need(one: Need) -> NeedOut:
    return NeedOut(**one._asdict())
