"""A member's profile: who it is, apart from points. Pure."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from typing import Any

from functions.ledger.account import MemberChange, MemberStatus, Traits, What
from functions.ledger.identity import Identity, Kind
from functions.program.declared import wrong_attributes
from functions.program.model import PROFILE, AttributeKind, Program, Word
from functions.runtime.errors import FieldError, InvalidError

PERSONAL = frozenset(
    {"external_id", "card", "email", "phone", "given_name", "family_name", "birth_date", "country", "time_zone"}
    | {"attributes", "referral_code"}
)
"""What is masked wherever a change is told."""
IDENTITIES: tuple[Kind, ...] = ("external_id", "card", "email", "phone")


@dataclass(frozen=True, slots=True)
class Consent:
    """Whether a member agreed to be written to: when, how, and to which wording."""

    given: bool
    at: datetime
    how: str
    wording: str


@dataclass(frozen=True, slots=True)
class Member:
    """A profile. `identities`: what the member is known by, each of it nobody else's. `consents` by channel and
    purpose, as `email/marketing`. `completed`: it once was complete. `merged_into`: the member who has it all now.
    `referral_code`: by which others join, None where the programme had no use for it yet. `revision`: changes so far.
    """

    id: str
    identities: Sequence[Identity]
    given_name: str | None
    family_name: str | None
    locale: str
    enrolled_at: datetime
    source: str
    status: MemberStatus = "active"
    time_zone: str | None = None
    birth_date: date | None = None
    country: str | None = None
    segments: Sequence[str] = ()
    attributes: Mapping[str, Word] = field(default_factory=dict)
    consents: Mapping[str, Consent] = field(default_factory=dict)
    completed: bool = False
    merged_into: str | None = None
    referral_code: str | None = None
    revision: int = 0

    def by_kind(self) -> Mapping[str, str]:
        return {identity.kind: identity.value for identity in self.identities}

    def traits(self, before: Traits) -> Traits:
        """What rules know of the member."""
        birthday = f"{self.birth_date:%m-%d}" if self.birth_date else None
        return replace(
            before,
            segments=tuple(self.segments),
            birthday=birthday,
            attributes=dict(self.attributes),
            complete=self.completed,
        )


@dataclass(frozen=True, slots=True)
class Patch:
    """What is to be changed: by name of the field, None to remove it; of attributes only those that are named."""

    values: Mapping[str, Any]


def member_id(source: str, idempotency_key: str) -> str:
    """The id an enrolment gives: the same for every repeat, so that the profile is its own idempotency record.

    100 bits of a hash: two of a billion members meet with a chance below one in a trillion, and then the second
    enrolment is refused, not mixed up.
    """
    digest = hashlib.sha256(f"enrolment\n{source}\n{idempotency_key}".encode()).digest()
    return "mem_" + base64.b32encode(digest).decode().lower()[:20]


def patched(member: Member, patch: Patch, source: str, program: Program | None, today: date) -> Member:
    """The profile after a patch. `source`: whose the external id is. Raises InvalidError that names every field that
    cannot be so: attributes that the programme does not know or of another type, and the last identity."""
    values = dict(patch.values)
    errors = born_tomorrow(values.get("birth_date"), today)
    if "attributes" in values:
        wanted = values.pop("attributes")
        declared = program.member_attributes if program else {}
        errors += not_declared(wanted, declared)
        after = {**member.attributes, **wanted}
        values["attributes"] = {name: value for name, value in after.items() if value is not None}
    named = {kind: values.pop(kind) for kind in IDENTITIES if kind in values}
    identities = _identified(member, named, source)
    if not identities:
        errors.append(FieldError("", "identity_missing", "A member keeps at least one identity."))
    if errors:
        raise InvalidError(errors)
    after_all = replace(member, **values, identities=identities)
    completed = member.completed or is_complete(after_all, program)
    return replace(after_all, completed=completed)


def _identified(member: Member, named: Mapping[Kind, str | None], source: str) -> list[Identity]:
    """The identities with those that are named put in, or taken out; of external ids only the caller's own."""
    known = {one.claim_key(): one for one in member.identities}
    kept = [one for one in member.identities if one.kind not in named or not _is_of(one, source)]
    wanted = [Identity(kind, value, source) for kind, value in named.items() if value is not None]
    return kept + [known.get(one.claim_key(), one) for one in wanted]


def _is_of(identity: Identity, source: str) -> bool:
    return identity.kind != "external_id" or identity.source == source


def erased(member: Member) -> Member:
    """What is left of the profile of a member who has left: nothing personal."""
    return Member(
        id=member.id,
        identities=(),
        given_name=None,
        family_name=None,
        locale="en",
        enrolled_at=member.enrolled_at,
        source=member.source,
        status="closed",
    )


def born_tomorrow(day: date | None, today: date) -> list[FieldError]:
    """What is wrong with a day of birth."""
    return [FieldError("/birth_date", "future", "Nobody is born tomorrow.")] if day and day > today else []


def not_declared(attributes: Mapping[str, Word | None], declared: Mapping[str, AttributeKind]) -> list[FieldError]:
    """What is wrong with a member's attributes."""
    return wrong_attributes(attributes, declared, "The programme keeps of members")


def is_complete(member: Member, program: Program | None) -> bool:
    """Whether all is known that the programme wants for a complete profile."""
    if program is None or not program.complete_profile:
        return False
    known: dict[str, object] = {**member.attributes, **member.by_kind()}
    known |= {name: getattr(member, name) for name in PROFILE if name not in IDENTITIES}
    return all(known.get(name) is not None for name in program.complete_profile)


def change_of(before: Member, after: Member, traits: Traits, reason: str = "") -> MemberChange:
    """What is told, and kept, of a change of a member: names of fields, and values of what is nothing personal."""
    names = [name for name in (one.name for one in fields(Member)) if _differs(before, after, name)]
    changed = [*names, *_kinds_that_differ(before, after)]
    hidden = PERSONAL | {"consents"}
    # Of who is gone nothing is shown any more.
    shown = [name for name in names if name not in hidden] if after.status in {"active", "suspended"} else []
    new = after.traits(traits)
    return MemberChange(
        what=_WHAT[after.status] if after.status != before.status else "MemberUpdated",
        fields=sorted(changed),
        before={name: _text(getattr(before, name)) for name in shown} | _agreed(before, after, before),
        after={name: _text(getattr(after, name)) for name in shown} | _agreed(before, after, after) | _why(reason),
        status=after.status if after.status != before.status else None,
        traits=None if new == traits else new,
    )


_WHAT: Mapping[MemberStatus, What] = {
    "active": "MemberReinstated",
    "suspended": "MemberSuspended",
    "closed": "MemberClosed",
    "merged": "MemberMerged",
}


def _why(reason: str) -> dict[str, str]:
    return {"reason": reason} if reason else {}


def _agreed(before: Member, after: Member, which: Member) -> dict[str, str]:
    """The consents that differ, as one of the two profiles has them."""
    names = [name for name, one in after.consents.items() if before.consents.get(name) != one]
    return {name: "given" if one.given else "not given" for name in names if (one := which.consents.get(name))}


def _differs(before: Member, after: Member, name: str) -> bool:
    return name not in {"identities", "revision"} and getattr(before, name) != getattr(after, name)


def _kinds_that_differ(before: Member, after: Member) -> list[str]:
    return [kind for kind in IDENTITIES if _keys(before, kind) != _keys(after, kind)]


def _keys(member: Member, kind: Kind) -> set[str]:
    return {one.claim_key() for one in member.identities if one.kind == kind}


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else "" if value is None else str(value)
