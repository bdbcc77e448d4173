"""Field types and the shape of "what is wrong where", shared by HTTP bodies, bus events and the programme file."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from functions.runtime.errors import FieldError, InvalidError

LONGEST_WORD = 64
LARGEST_AMOUNT = 1_000_000_000
"""Ten million in a currency of two decimals: above it an amount is taken for a mistake."""


class Input(BaseModel):
    """What comes in from outside: exact types, no unknown fields, so that a typing error is told and not ignored."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Output(BaseModel):
    """What goes out."""

    model_config = ConfigDict(frozen=True)


_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}[T ]")


def _iso_text(value: object) -> object:
    """pydantic would also take a number, even one in quotes, for seconds since 1970."""
    if isinstance(value, datetime) or (isinstance(value, str) and _ISO_DAY.match(value)):
        return value
    raise PydanticCustomError("datetime_type", "Input should be an ISO 8601 date and time with its offset")


def _in_utc(instant: datetime) -> datetime:
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError("datetime_range", "Input should lie within the years 1 to 9999 of UTC") from None


def _is_text(value: str) -> bool:
    """JSON can spell half of a character that takes two; no table can store it."""
    return not any("\ud800" <= character <= "\udfff" for character in value)


def _simple(value: object) -> object:
    """One message for a bad value, where a union would give one for each of its types."""
    if isinstance(value, bool | int) or (isinstance(value, str) and 0 < len(value) <= LONGEST_WORD and _is_text(value)):
        return value
    raise PydanticCustomError(
        "attribute",
        "Input should be true, false, a whole number, or text of 1 to {longest} characters",
        {"longest": LONGEST_WORD},
    )


Amount = Annotated[int, Field(ge=0, le=LARGEST_AMOUNT, description="Minor units of the currency (cents).")]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", description="ISO 4217 code.", examples=["EUR"])]
Instant = Annotated[
    AwareDatetime,
    Field(strict=False, description="ISO 8601 with offset."),
    BeforeValidator(_iso_text),
    AfterValidator(_in_utc),
]
Word = Annotated[str, Field(min_length=1, max_length=LONGEST_WORD)]
AttributeValue = Annotated[
    str | int | bool,
    PlainValidator(_simple),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "minLength": 1, "maxLength": LONGEST_WORD},
                {"type": "integer"},
                {"type": "boolean"},
            ]
        }
    ),
]
Id = Annotated[
    str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$", description="Small letters, digits, hyphens and underscores.")
]
OperationId = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,79}$",
        description="Chosen by the caller, unique for ever among the caller's operations of this kind.",
    ),
]


def field_errors(details: Iterable[Mapping[str, Any]]) -> list[FieldError]:
    """pydantic's errors without the offending input, which may be personal.

    `body` fields get a JSON pointer, a header or query parameter is named as such.
    """
    return [
        FieldError(_pointer(detail["loc"]), detail["type"], detail["msg"].removeprefix("Value error, "))
        for detail in details
    ]


def _pointer(location: tuple[str | int, ...]) -> str:
    place, *path = location or ("body",)
    if place in {"query", "header", "path"}:
        return f"{place}:{'.'.join(map(str, path))}"
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in path)


Model = TypeVar("Model", bound=BaseModel)


def parse(model: type[Model], value: object) -> Model:
    """Validate a decoded JSON value. Raises InvalidError that names every bad field."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        raise InvalidError(field_errors([{**detail, "loc": ("body", *detail["loc"])} for detail in details])) from None


_NO_CONTENT: Mapping[str, bool | set[str]] = {"idempotency_key": True, "member": {"email", "phone"}}


def payload_hash(received: BaseModel, of: str = "") -> str:
    """Tells a repeat from another payload under the same id: equal whenever the meaning of the input is equal.

    `of` is what the operation is about where the body does not say it.

    Fields that hold their default do not count, so that a field added later changes no hash of today. Nor does the
    key of the operation, which is a header over HTTPS. Of an e-mail address or a phone number that names the member it
    only counts that it does: from a hash it could be guessed. The ledger puts in its place whose it is.
    """
    content = received.model_dump(mode="json", exclude_defaults=True, exclude=_NO_CONTENT)
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return payload_hash_of(of + canonical)


def payload_hash_of(content: str) -> str:
    """The same where there is no body."""
    return hashlib.sha256(content.encode()).hexdigest()[:32]
