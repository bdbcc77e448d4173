"""What the outside is told of an account and its entries. Pure: every committed change becomes exactly these events.

    account opened   MemberEnrolled                                 <member>#0
    earned           PointsEarned                                   <member>#<n>
    activated        PointsActivated
    redeemed         PointsRedeemed, RewardRedeemed, VoucherIssued  <member>#<n>, <member>#<n>.1, <member>#<n>.2
                     (without a code no VoucherIssued; FulfilmentRequested where a supplier hands it over)
    expired          PointsExpired
    adjusted         PointsAdjusted
    reversed         PointsReversed, and RewardRefunded for a redemption
    used             VoucherUsed
    fulfilled        RewardFulfilled
    held             RewardHeld
    changed          MemberUpdated, MemberSuspended, MemberReinstated, MemberClosed,
                     MemberMerged, MemberExported
    released         RewardReleased

Whatever else an entry brings follows: VoucherIssued for every reward that comes with it and VoucherWithdrawn for every
one that it takes back, TierChanged for another tier, ReferralCompleted for a referral that it completes and
ReferralWithdrawn for one that it undoes, AwaitedPurchaseArrived for every return that waited for it.

No event carries personal data or a voucher code.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Literal, TypeAlias

from functions.ledger.account import Account, Entry
from functions.ledger.lots import total
from functions.ledger.rewards import IssuedReward
from functions.runtime.envelope import OutboundEvent, envelope
from functions.runtime.instants import to_text

_LINES_TOLD = 2000

Told: TypeAlias = tuple[str, Mapping[str, object]]


def of_opening(account: Account) -> OutboundEvent:
    """The event of an account that was opened: its member has enrolled."""
    return envelope(
        "MemberEnrolled",
        {
            "member_id": account.member,
            "source": account.source,
            "enrolled_at": to_text(account.enrolled_at),
            "profile_complete": account.traits.complete,
            "imported": account.traits.imported,
        },
        event_id=f"{account.member}#0",
        occurred_at=account.enrolled_at,
        recorded_at=account.enrolled_at,
        correlation_id=None,
        member_sequence=0,
    )


def of_entry(entry: Entry) -> list[OutboundEvent]:
    """The events of one entry, in order."""
    return [
        envelope(
            detail_type,
            data,
            event_id=f"{entry.id}.{i}" if i else entry.id,
            occurred_at=entry.posting.occurred_at,
            recorded_at=entry.recorded_at,
            correlation_id=entry.operation.correlation_id,
            member_sequence=entry.n,
            program_version=entry.posting.program_version,
        )
        for i, (detail_type, data) in enumerate([*_told(entry), *_brought(entry)])
    ]


def _brought(entry: Entry) -> Iterator[Told]:
    """The rewards and the tier that come with an entry."""
    posting = entry.posting
    for reward in posting.issued:
        yield "VoucherIssued", about(reward, entry.member)
    for one in posting.withdrawn:
        yield "VoucherWithdrawn", about(one.voucher.reward, entry.member) | {"left": one.left}
    if posting.tiers and posting.tier_before not in (None, posting.tiers[-1].tier):
        step = posting.tiers[-1]
        yield (
            "TierChanged",
            {
                "member_id": entry.member,
                "entry_id": entry.id,
                "from": posting.tier_before,
                "to": step.tier,
                "since": to_text(step.since),
                "held_until": step.until.isoformat() if step.until else None,
            },
        )

    if posting.referrer:
        yield _referral(entry, posting.referrer)
    for awaiting in entry.awaited_by:
        yield (
            "AwaitedPurchaseArrived",
            {
                "member_id": entry.member,
                "purchase_id": entry.operation.id,
                "source": entry.operation.source,
                "return": awaiting.content,
            },
        )


def _referral(entry: Entry, referrer: str) -> Told:
    """`completed_by` names the operation that completed the referral, also where another one undoes it."""
    reversal = entry.posting.reversal
    data = {
        "member_id": entry.member,
        "referrer_id": referrer,
        "entry_id": entry.id,
        "completed_by": reversal.operation if reversal else entry.operation.key,
    }
    return ("ReferralWithdrawn" if reversal else "ReferralCompleted"), data


def _told(entry: Entry) -> Sequence[Told]:
    change = _change(entry)
    match entry.posting.kind:
        case "earned":
            return [("PointsEarned", change | {"explanation": _explanation(entry)})]
        case "activated":
            return [("PointsActivated", change | {"activated": -total(entry.posting.change.pending)})]
        case "expired":
            return [("PointsExpired", change)]
        case "adjusted":
            if entry.operation.kind in {"review", "grace"}:
                return []
            return [("PointsAdjusted", change | {"explanation": _explanation(entry)})]
        case "reversed":
            told = ("PointsReversed", change | {"explanation": _explanation(entry)} | _reversal(entry))
            return [told, *_of_refund(entry)]
        case "changed":
            return [_changed(entry)]
        case "redeemed":
            return [("PointsRedeemed", change), *_of_redemption(entry)]
        case _ as others:
            return [_of_reward(entry, others)]


def _of_redemption(entry: Entry) -> Iterator[Told]:
    reward = _reward(entry)
    yield "RewardRedeemed", reward | {"points": -entry.posting.points}
    if entry.posting.reward and entry.posting.reward.code:
        yield "VoucherIssued", reward
    if reward["fulfilment"] == "partner":
        yield "FulfilmentRequested", reward


def _of_refund(entry: Entry) -> Iterator[Told]:
    if entry.posting.reward:
        yield "RewardRefunded", _reward(entry) | {"points": entry.posting.points}


def _of_reward(entry: Entry, kind: Literal["held", "released", "used", "fulfilled"]) -> Told:
    match kind:
        case "held":
            until = to_text(entry.posting.until) if entry.posting.until else None
            return "RewardHeld", _reward(entry) | {"points": _moved(entry), "expires_at": until}
        case "released":
            return "RewardReleased", _reward(entry) | {"points": _moved(entry)}
        case "used":
            return "VoucherUsed", _used(entry)
        case _:
            return "RewardFulfilled", _reward(entry)


def _changed(entry: Entry) -> Told:
    """What became of the member: which fields changed, and never to what."""
    change = entry.posting.member
    if change is None:
        raise ValueError(f"entry {entry.id} is about a member and does not say what")
    data = {"member_id": entry.member, "entry_id": entry.id, "fields": list(change.fields), "status": change.status}
    return change.what, data | ({"merged_into": change.merged_into} if change.what == "MemberMerged" else {})


def _change(entry: Entry) -> dict[str, object]:
    operation = entry.operation
    return {
        "member_id": entry.member,
        "entry_id": entry.id,
        "operation": {"kind": operation.kind, "id": operation.id, "source": operation.source},
        "points": entry.posting.points,
        "balance": asdict(entry.balance_after),
        "tier": entry.tier_after,
    }


def _explanation(entry: Entry) -> list[dict[str, object]]:
    """The reasons; without their lines where those would make an event that no bus takes. The statement has them."""
    reasons = entry.posting.explanation
    if sum(len(reason.lines) + len(reason.skipped) for reason in reasons) > _LINES_TOLD:
        reasons = [reason._replace(lines={}, skipped={}) for reason in reasons]
    return [reason._asdict() for reason in reasons]


def _reversal(entry: Entry) -> dict[str, object]:
    reversal = entry.posting.reversal
    return {"reversed_operation": reversal.operation, "forgiven": reversal.forgiven} if reversal else {}


def _moved(entry: Entry) -> int:
    """Points that went into a hold, or came out of it."""
    return abs(sum(total(lots) for lots in entry.posting.change.holds.values()))


def _reward(entry: Entry) -> dict[str, object]:
    reward = entry.posting.reward
    if reward is None:
        raise ValueError(f"entry {entry.id} is about a reward and names none")
    return about(reward, entry.member)


def about(reward: IssuedReward, member: str) -> dict[str, object]:
    """A reward that a member has or had, as every event tells of it: without its code."""
    return {
        "member_id": member,
        "redemption_id": reward.redemption,
        "reward_id": reward.reward,
        "kind": reward.kind,
        "value": reward.value,
        "currency": reward.currency,
        "valid_from": reward.valid_from.isoformat() if reward.valid_from else None,
        "valid_until": reward.valid_until.isoformat() if reward.valid_until else None,
        "money": reward.money,
        "fulfilment": reward.fulfilment,
    }


def _used(entry: Entry) -> dict[str, object]:
    used = entry.posting.used
    if used is None:
        raise ValueError(f"entry {entry.id} uses no voucher")
    paid = {"paid": used.paid, "left": used.left, "used_up": used.used_up}
    return about(used.voucher.reward, entry.member) | {"entry_id": entry.id} | paid
