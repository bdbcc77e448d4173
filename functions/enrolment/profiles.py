"""Members in DynamoDB, as all of this room reads and writes them.

M#<member>            profile; also the idempotency record of the enrolment
I#<kind>#<hash>       claim: this identity belongs to that member; `first`: who brought it into a merge
C#<code>              claim: this referral code is that member's
"""

import secrets
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime

from functions.enrolment.joining import referral_key
from functions.enrolment.member import Consent, Member
from functions.ledger.identity import Identity, profile_key
from functions.program import store as programs
from functions.program.model import Program
from functions.runtime import clock, tables
from functions.runtime.errors import MemberExistsError, MemberNotFoundError, ProgramNotActiveError


def get(member: str) -> Member:
    """Raises MemberNotFoundError."""
    return from_item(profile(member))


def profile(member: str) -> tables.Item:
    item = tables.get("members", {"key": profile_key(member)}, consistent=True)
    if item is None:
        raise MemberNotFoundError("No member has this id.")
    return item


def to_item(member: Member, content: str) -> tables.Item:
    """`salt`: what the hashes of the member's changes are made with. It goes with the member, and is never shown."""
    fixed = {
        "key": profile_key(member.id),
        "member": member.id,
        "hash": content,
        "enrolled_at": clock.to_text(member.enrolled_at),
        "source": member.source,
        "salt": secrets.token_hex(16),
    }
    return fixed | fields_of(member)


def emptied(item: tables.Item, left: Member) -> tables.Item:
    """The profile of who has left. What was sent when the member joined, and to change it, cannot be guessed any more
    from any hash."""
    kept = {name: value for name, value in item.items() if name != "salt"}
    return kept | fields_of(left) | {"hash": ""}


def fields_of(member: Member) -> tables.Item:
    """What may change."""
    return {
        "identities": [asdict(identity) for identity in member.identities],
        "given_name": member.given_name,
        "family_name": member.family_name,
        "locale": member.locale,
        "status": member.status,
        "time_zone": member.time_zone,
        "birth_date": member.birth_date.isoformat() if member.birth_date else None,
        "country": member.country,
        "segments": list(member.segments),
        "attributes": dict(member.attributes),
        "consents": {
            name: [one.given, clock.to_text(one.at), one.how, one.wording] for name, one in member.consents.items()
        },
        "completed": member.completed,
        "merged_into": member.merged_into,
        "referral_code": member.referral_code,
        "revision": member.revision,
    }


def from_item(item: tables.Item) -> Member:
    return Member(
        id=item["member"],
        identities=[Identity(**identity) for identity in item["identities"]],
        given_name=item["given_name"],
        family_name=item["family_name"],
        locale=item["locale"],
        enrolled_at=clock.from_text(item["enrolled_at"]),
        source=item["source"],
        status=item["status"],
        time_zone=item["time_zone"],
        birth_date=date.fromisoformat(item["birth_date"]) if item["birth_date"] else None,
        country=item["country"],
        segments=tuple(item["segments"]),
        attributes=item["attributes"],
        consents={
            name: Consent(given, clock.from_text(at), how, wording)
            for name, (given, at, how, wording) in item["consents"].items()
        },
        completed=item["completed"],
        merged_into=item["merged_into"],
        referral_code=item["referral_code"],
        revision=item["revision"],
    )


def claim(identity: Identity, member: str) -> tables.Put:
    return tables.Put("members", {"key": identity.claim_key(), "member": member}, key="key")


def code_of(member: Member) -> list[tables.Put]:
    """Whose referral code it is."""
    if member.referral_code is None:
        return []
    return [tables.Put("members", {"key": referral_key(member.referral_code), "member": member.id}, key="key")]


def taken_by_others(kinds: Sequence[str]) -> MemberExistsError:
    return MemberExistsError(f"Another member has this {' and this '.join(kinds)}.", identities=list(kinds))


def program_of(member: str, at: datetime) -> Program | None:
    try:
        return programs.in_force(member, at)
    except ProgramNotActiveError:
        return None
