"""Enrolment: a profile, one claim per identity, and the account, all in one transaction.

The account is opened here and not at the first purchase: then it exists for every member, one read tells whether a
member exists, and `MemberEnrolled` is published from the same stream, before anything the member earns.
"""

from dataclasses import dataclass, replace

from functions.enrolment import profiles
from functions.enrolment.contract import MemberIn
from functions.enrolment.joining import card_number, check_may_join, referral_code, referral_key
from functions.enrolment.member import Member, born_tomorrow, is_complete, member_id, not_declared
from functions.ledger import store as ledger
from functions.ledger.account import Account, Traits
from functions.ledger.identity import Identity, profile_key
from functions.program.model import Program
from functions.program.tiers import opened
from functions.runtime import clock, tables
from functions.runtime.errors import (
    FieldError,
    InvalidError,
    LoyaltyError,
    MemberClosedError,
    OperationIdReusedError,
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

    Raises MemberExistsError that names the identities another member has, InvalidError, JoiningRefusedError,
    OperationIdReusedError, TryAgainError.
    """
    member = _new(received, source, idempotency_key)
    program, content = profiles.program_of(member.id, member.enrolled_at), payload_hash(received)
    try:
        _check(received, member, program)
        traits = Traits(referred_by=_referrer(received.referral_code), imported=received.imported)
    except LoyaltyError:
        # What was accepted once is answered as it was then, whatever the programme says today.
        known = tables.get("members", {"key": profile_key(member.id)}, consistent=True)
        if known is None:
            raise
        return _again(known, content)
    code = referral_code(member.id) if program and program.referral else None
    member = replace(member, completed=is_complete(member, program), referral_code=code)
    for attempt in range(_ATTEMPTS):
        try:
            tables.transact(_writes(member, content, program, traits))
        except tables.CancelledError as cancelled:
            outcome = _explained(cancelled, member, content)
            if isinstance(outcome, Enrolled):
                return outcome
            if outcome == ["card"] and received.issue_card:
                member = _with_card(member, attempt + 1)
            elif outcome:
                raise profiles.taken_by_others(outcome) from cancelled
            else:
                clock.pause(0.02 * 2**attempt)
            continue
        return Enrolled(member, replayed=False)
    raise TryAgainError("The enrolment met another one. Nothing was written; repeat it with the same key.")


def _new(received: MemberIn, source: str, idempotency_key: str) -> Member:
    """The member that is to be, if nothing stands in the way."""
    member = Member(
        id=member_id(source, idempotency_key),
        identities=received.identities(source),
        given_name=received.given_name,
        family_name=received.family_name,
        locale=received.locale,
        enrolled_at=clock.now(),
        source=source,
        time_zone=received.time_zone,
        birth_date=received.birth_date,
        country=received.country,
        segments=received.segments,
        attributes=received.attributes,
    )
    return _with_card(member, 0) if received.issue_card else member


def _with_card(member: Member, attempt: int) -> Member:
    """The member with a card number of ours."""
    others = [one for one in member.identities if one.kind != "card"]
    return replace(member, identities=[*others, Identity("card", card_number(member.id, attempt), member.source)])


def _writes(member: Member, content: str, program: Program | None, traits: Traits) -> list[tables.Put]:
    account = Account(
        member.id,
        enrolled_at=member.enrolled_at,
        updated_at=member.enrolled_at,
        source=member.source,
        # Everyone has the lowest tier, from the first day on. Before a programme is published nobody has any.
        tiers=opened(program, member.enrolled_at) if program else (),
        traits=member.traits(traits),
    )
    claims = [profiles.claim(identity, member.id) for identity in member.identities]
    profile = tables.Put("members", profiles.to_item(member, content), key="key")
    return [profile, ledger.opening(account), *claims, *profiles.code_of(member)]


def _check(received: MemberIn, member: Member, program: Program | None) -> None:
    """Raises InvalidError for attributes that the programme does not know, JoiningRefusedError."""
    errors = not_declared(received.attributes, program.member_attributes if program else {})
    errors += born_tomorrow(received.birth_date, member.enrolled_at.date())
    if errors:
        raise InvalidError(errors)
    if program:
        invite, at = received.invite_code, member.enrolled_at
        check_may_join(program, member.identities, member.country, member.birth_date, invite, at)


def _referrer(code: str | None) -> str | None:
    """The member whose code it is. Raises InvalidError for nobody's, and for that of a member who is not active."""
    if code is None:
        return None
    claim = tables.get("members", {"key": referral_key(code)}, consistent=True)
    account = ledger.standing(ledger.load(claim["member"])) if claim else None
    if account is None or account.status != "active":
        raise InvalidError([FieldError("/referral_code", "unknown_code", "This is no member's code.")])
    return account.member


def _again(profile: tables.Item, content: str) -> Enrolled:
    """What a repeat of an enrolment is answered."""
    member = profiles.from_item(profile)
    if member.status in {"closed", "merged"}:
        raise MemberClosedError("This member has left.")
    if profile["hash"] != content:
        raise OperationIdReusedError("This Idempotency-Key was used to enrol with another body.")
    return Enrolled(member, replayed=True)


def _explained(cancelled: tables.CancelledError, member: Member, content: str) -> Enrolled | list[str]:
    """What stood in the way of an enrolment: that it was carried out before, or kinds of identities that other members
    have; none where it was only another enrolment at the same moment."""
    profile, _account, *claims = cancelled.reasons
    if profile.item:
        return _again(profile.item, content)
    known = zip(member.identities, claims[: len(member.identities)], strict=True)
    taken: list[str] = [identity.kind for identity, reason in known if _others(reason, member)]
    if not taken and not cancelled.has("TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"):
        raise cancelled
    return taken


def _others(reason: tables.Reason, member: Member) -> bool:
    """Whether an identity is another member's. Our own claim is there when this enrolment was carried out before."""
    return reason.item is not None and reason.item["member"] != member.id
