"""What goes in and out of enrolment."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from functions.enrolment.member import Member
from functions.ledger.contract import Card, Email, ExternalId, Phone
from functions.ledger.identity import Identity
from functions.runtime.validation import Input, OperationId, Output

Name = Annotated[str, Field(min_length=1, max_length=100)]
Locale = Literal["en", "fr"]


class MemberIn(Input):
    """A person who joins, known by at least one identity that no other member has."""

    external_id: ExternalId | None = None
    card: Card | None = None
    email: Email | None = None
    phone: Phone | None = None
    given_name: Name | None = None
    family_name: Name | None = None
    locale: Locale = "en"

    @model_validator(mode="after")
    def _has_an_identity(self) -> Self:
        if not any((self.external_id, self.card, self.email, self.phone)):
            raise PydanticCustomError("identity_missing", "Give at least one of external_id, card, email, phone")
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


class MemberOut(Output):
    """A member."""

    member_id: str
    status: Literal["active"]
    external_id: str | None
    card: str | None
    email: str | None
    phone: str | None
    given_name: str | None
    family_name: str | None
    locale: str
    enrolled_at: datetime

    @classmethod
    def of(cls, member: Member) -> Self:
        known = member.by_kind()
        return cls(
            member_id=member.id,
            status="active",
            external_id=known.get("external_id"),
            card=known.get("card"),
            email=known.get("email"),
            phone=known.get("phone"),
            given_name=member.given_name,
            family_name=member.family_name,
            locale=member.locale,
            enrolled_at=member.enrolled_at,
        )
