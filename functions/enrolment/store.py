"""Members in DynamoDB: a profile, one claim per identity, and the account, all in one transaction.

    M#<member>            profile; also the idempotency record of the enrolment
    I#<kind>#<hash>       claim: this identity belongs to that member

The account is opened here and not at the first purchase: then it exists for every member, one read tells whether a
member exists, and `MemberEnrolled` is published from the same stream, before anything the member earns.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from functions.enrolment.contract import MemberIn
from functions.enrolment.member import Member, member_id
from functions.ledger import store as ledger
from functions.ledger.account import Account, TierStep
from functions.ledger.identity import Identity, profile_key
from functions.program import store as programs
from functions.program.tiers import opened
from functions.runtime import clock, tables
from functions.runtime.errors import (
    MemberExistsError,
    MemberNotFoundError,
    OperationIdReusedError,
    ProgramNotActiveError,
    TryAgainError,
)
from functions.runtime.validation import payload_hash

_ATTEMPTS = 7


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A member, and whether the enrolment was a repeat."""

    member: Member
    replayed: bool


def enrol(received: MemberIn, source: str, idempotency_key: str) -> Enrolled:
    """Make a member once.

    Raises MemberExistsError that names the identities another member has, OperationIdReusedError, TryAgainError.
    """
    member = Member(
        id=member_id(source, idempotency_key),
        identities=received.identities(source),
        given_name=received.given_name,
        family_name=received.family_name,
        locale=received.locale,
        enrolled_at=clock.now(),
        source=source,
    )
    content = payload_hash(received)
    for attempt in range(_ATTEMPTS):
        try:
            tables.transact(_writes(member, content))
        except tables.CancelledError as cancelled:
            if known := _explained(cancelled, member, content):
                return known
            clock.pause(0.02 * 2**attempt)
            continue
        return Enrolled(member, replayed=False)
    raise TryAgainError("The enrolment met another one. Nothing was written; repeat it with the same key.")


def _writes(member: Member, content: str) -> list[tables.Put | tables.Replace]:
    claims = [
        tables.Put("members", {"key": identity.claim_key(), "member": member.id}, key="key")
        for identity in member.identities
    ]
    account = Account(
        member.id,
        enrolled_at=member.enrolled_at,
        updated_at=member.enrolled_at,
        source=member.source,
        tiers=_lowest_tier(member),
    )
    return [tables.Put("members", _to_item(member, content), key="key"), ledger.opening(account), *claims]


def _lowest_tier(member: Member) -> Sequence[TierStep]:
    """Everyone has it, from the first day on. Before a programme is published nobody has any."""
    try:
        return opened(programs.in_force(member.id, member.enrolled_at), member.enrolled_at)
    except ProgramNotActiveError:
        return ()


def _explained(cancelled: tables.CancelledError, member: Member, content: str) -> Enrolled | None:
    """What stood in the way of an enrolment; None where it was only another one at the same moment."""
    profile, _account, *claims = cancelled.reasons
    if profile.item:
        if profile.item["hash"] != content:
            raise OperationIdReusedError("This Idempotency-Key was used to enrol with another body.")
        return Enrolled(_from_item(profile.item), replayed=True)
    taken = [
        identity.kind for identity, reason in zip(member.identities, claims, strict=True) if _others(reason, member)
    ]
    if taken:
        raise MemberExistsError(f"Another member has this {' and this '.join(taken)}.", identities=taken)
    if not cancelled.has("TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"):
        raise cancelled
    return None


def _others(reason: tables.Reason, member: Member) -> bool:
    """Whether an identity is another member's. Our own claim is there when this enrolment was carried out before."""
    return reason.item is not None and reason.item["member"] != member.id


def get(member: str) -> Member:
    """Raises MemberNotFoundError."""
    item = tables.get("members", {"key": profile_key(member)}, consistent=True)
    if item is None:
        raise MemberNotFoundError("No member has this id.")
    return _from_item(item)


def _to_item(member: Member, content: str) -> tables.Item:
    return {
        "key": profile_key(member.id),
        "member": member.id,
        "hash": content,
        "identities": [asdict(identity) for identity in member.identities],
        "given_name": member.given_name,
        "family_name": member.family_name,
        "locale": member.locale,
        "enrolled_at": clock.to_text(member.enrolled_at),
        "source": member.source,
    }


def _from_item(item: tables.Item) -> Member:
    return Member(
        id=item["member"],
        identities=[Identity(**identity) for identity in item["identities"]],
        given_name=item["given_name"],
        family_name=item["family_name"],
        locale=item["locale"],
        enrolled_at=clock.from_text(item["enrolled_at"]),
        source=item["source"],
    )
