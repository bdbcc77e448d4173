"""What goes in and out of enrolment."""

import re
from datetime import date, datetime
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from functions.enrolment.member import Consent, Member, Patch
from functions.ledger.account import Entry, MemberStatus
from functions.ledger.contract import BalanceSheetOut, Card, Email, ExternalId, MemberId, Phone, StatementEntryOut
from functions.ledger.identity import Identity
from functions.runtime.validation import AttributeValue, Id, Input, OperationId, Output, Word

_OLDEST = date(1900, 1, 1)


def _zone(name: str) -> str:
    try:
        known = name == "UTC" or ("/" in name and ZoneInfo(name))
    except (KeyError, ValueError, OSError):
        known = False
    if not known:
        raise PydanticCustomError("time_zone", "Input should be a time zone such as Europe/Paris")
    return name


def _country(code: str) -> str:
    from phonenumbers import SUPPORTED_REGIONS  # not at the top: few callers say a country

    if code not in SUPPORTED_REGIONS:
        raise PydanticCustomError("country", "Input should be a country of ISO 3166, such as FR")
    return code


def _day_text(value: object) -> object:
    """pydantic would also take a number for seconds since 1970."""
    if isinstance(value, date) or (isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value)):
        return value
    raise PydanticCustomError("date_type", "Input should be a day such as 1990-02-28")


def _born(day: date) -> date:
    if day < _OLDEST:
        raise PydanticCustomError("birth_date", "Input should be a day since 1900")
    return day


Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]
Locale = Annotated[str, Field(pattern=r"^[a-z]{2}(-[A-Z]{2})?$", description="Language, and country if need be.")]
TimeZone = Annotated[str, Field(max_length=64), AfterValidator(_zone)]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="ISO 3166."), AfterValidator(_country)]
BirthDate = Annotated[date, Field(strict=False), BeforeValidator(_day_text), AfterValidator(_born)]
Segments = Annotated[tuple[Id, ...], Field(max_length=20, strict=False)]


class ProfileIn(Input):
    """What may be known of a member."""

    external_id: ExternalId | None = None
    card: Card | None = None
    email: Email | None = None
    phone: Phone | None = None
    given_name: Name | None = None
    family_name: Name | None = None
    time_zone: TimeZone | None = None
    birth_date: BirthDate | None = None
    country: Country | None = None
    segments: Segments = ()

    def given(self) -> set[str]:
        """The fields that get a value."""
        return {name for name in self.model_fields_set if getattr(self, name) is not None}


class MemberIn(ProfileIn):
    """A person who joins, known by at least one identity that no other member has."""

    locale: Locale = "en"
    attributes: Annotated[dict[Word, AttributeValue], Field(max_length=30, default_factory=dict)]
    referral_code: Annotated[str | None, Field(min_length=4, max_length=20, description="Who sent this person.")] = None
    invite_code: Annotated[str | None, Field(min_length=1, max_length=40)] = None
    issue_card: Annotated[bool, Field(description="Give the member a card number of ours.")] = False
    imported: Annotated[
        bool,
        Field(description="Was a member elsewhere before: gets no gift for joining and no word of welcome."),
    ] = False

    @model_validator(mode="after")
    def _has_an_identity(self) -> Self:
        if not any((self.external_id, self.card, self.email, self.phone, self.issue_card)):
            raise PydanticCustomError("identity_missing", "Give at least one of external_id, card, email, phone")
        if self.card and self.issue_card:
            raise PydanticCustomError("card", "Give a card or have one issued, not both")
        return self

    def identities(self, source: str) -> list[Identity]:
        values = {
            "external_id": self.external_id,
            "card": self.card,
            "email": self.email,
            "phone": self.phone,
        }
        return [Identity(kind, value, source) for kind, value in values.items() if value]  # type: ignore[arg-type]


class EnrolmentEventIn(MemberIn):
    """`MemberEnrolmentRequested`: the body of `POST /v1/members`, with the key that is a header there."""

    idempotency_key: OperationId | None = None


class MemberPatchIn(ProfileIn):
    """What is to be changed; null removes. Of `attributes` only those that are named."""

    locale: Locale | None = None
    segments: Segments | None = None  # type: ignore[assignment]
    attributes: Annotated[dict[Word, AttributeValue | None], Field(max_length=30, default_factory=dict)]

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set:
            raise PydanticCustomError("nothing", "Name at least one field to change")
        return self

    def patch(self) -> Patch:
        values: dict[str, Any] = {name: getattr(self, name) for name in self.model_fields_set}
        defaults = {"locale": "en", "segments": ()}
        return Patch({name: defaults.get(name) if value is None else value for name, value in values.items()})


class MergeIn(Input):
    """The member who stays."""

    into: MemberId


class ReasonIn(Input):
    """Why somebody changes the state of a member: a code of yours, such as `fraud`."""

    reason: Id


class MemberOut(Output):
    """A member."""

    member_id: str
    status: MemberStatus
    merged_into: Annotated[str | None, Field(description="The member who has it all, where this one was merged.")]
    external_id: str | None
    card: str | None
    email: str | None
    phone: str | None
    given_name: str | None
    family_name: str | None
    locale: str
    time_zone: str | None
    birth_date: date | None
    country: str | None
    segments: list[str]
    attributes: dict[str, str | int | bool]
    referral_code: Annotated[str | None, Field(description="By which others join; where the programme has a referral.")]
    enrolled_at: datetime

    @classmethod
    def of(cls, member: Member) -> Self:
        known = member.by_kind()
        return cls(
            member_id=member.id,
            status=member.status,
            merged_into=member.merged_into,
            external_id=known.get("external_id"),
            card=known.get("card"),
            email=known.get("email"),
            phone=known.get("phone"),
            given_name=member.given_name,
            family_name=member.family_name,
            locale=member.locale,
            time_zone=member.time_zone,
            birth_date=member.birth_date,
            country=member.country,
            segments=list(member.segments),
            attributes=dict(member.attributes),
            referral_code=member.referral_code,
            enrolled_at=member.enrolled_at,
        )


Channel = Literal["email", "sms", "push", "post", "phone"]
Purpose = Literal["account", "marketing", "profiling", "partners"]
"""`account`: news of points and tier, which everybody gets who does not say no."""


class ConsentIn(Input):
    """What a member said to being written to, how, and to which wording."""

    channel: Channel
    purpose: Purpose
    given: bool
    how: Annotated[str, Field(min_length=1, max_length=64, description="Such as `web-form` or `till`.")]
    wording: Annotated[str, Field(min_length=1, max_length=64, description="The version of the text that was shown.")]


class PreferencesIn(Input):
    """Consents that were given or withdrawn; those that are not named stay."""

    consents: Annotated[list[ConsentIn], Field(min_length=1, max_length=20)]


class ConsentOut(Output):
    """A consent as it is now."""

    channel: str
    purpose: str
    given: bool
    at: datetime
    how: str
    wording: str

    @classmethod
    def of(cls, name: str, consent: Consent) -> Self:
        channel, _, purpose = name.partition("/")
        return cls(
            channel=channel,
            purpose=purpose,
            given=consent.given,
            at=consent.at,
            how=consent.how,
            wording=consent.wording,
        )


class PreferencesOut(Output):
    """All that a member was ever asked; what was not asked is not given."""

    consents: list[ConsentOut]

    @classmethod
    def of(cls, member: Member) -> Self:
        return cls(consents=[ConsentOut.of(name, one) for name, one in sorted(member.consents.items())])


class AuditOut(Output):
    """One change of a member: who, what, when. Values only of what is nothing personal."""

    n: int
    what: str
    fields: list[str]
    before: dict[str, str]
    after: dict[str, str]
    source: str
    recorded_at: datetime

    @classmethod
    def of(cls, entry: Entry) -> Self:
        change = entry.posting.member
        assert change
        return cls(
            n=entry.n,
            what=change.what,
            fields=list(change.fields),
            before=dict(change.before),
            after=dict(change.after),
            source=entry.operation.source,
            recorded_at=entry.recorded_at,
        )


class AuditPageOut(Output):
    """A page of changes, latest first."""

    items: list[AuditOut]
    next_cursor: str | None


class ExportOut(Output):
    """All that is kept of a member."""

    member: MemberOut
    preferences: PreferencesOut
    balance: BalanceSheetOut
    tiers: list[dict[str, Any]]
    entries: list[StatementEntryOut]
    audit: list[AuditOut]
    messages: list[dict[str, Any]]
    exported_at: datetime


class CardOut(Output):
    """A member's card: its number, and that as a QR code to show at the till."""

    card: str
    qr_svg: Annotated[str, Field(description="An SVG image, black on white, with its quiet zone.")]
