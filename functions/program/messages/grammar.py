"""What a programme file says of messages: over which channels, when, how often, how they look, and in which words."""

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from functions.program import model
from functions.program.messages.catalogue import CHANNELS, LOCALES
from functions.program.vocabulary import TIMES, times
from functions.runtime.validation import Input

MessageId: TypeAlias = Literal[
    "welcome",
    "points_earned",
    "points_expiring",
    "tier_reached",
    "tier_at_risk",
    "reward_ready",
    "voucher_issued",
    "birthday",
    "referral_completed",
    "goodbye",
]
ChannelIn: TypeAlias = Literal["email", "sms", "inbox"]
Channels = Annotated[list[ChannelIn], Field(max_length=len(CHANNELS), description="None: it is not sent at all.")]
Address = Annotated[str, Field(max_length=500, pattern=r"^https://[^\s\"'<>]+$")]
Words = Annotated[
    dict[Literal["en", "fr"], Annotated[str, Field(min_length=1, max_length=10_000)]],
    Field(description="In every language: a subject, an empty line, and the body in Markdown, with facts in {{ }}."),
]
Sms = Annotated[
    dict[Literal["en", "fr"], Annotated[str, Field(min_length=1, max_length=1_000)]],
    Field(description="In every language: one line, with facts in {{ }}."),
]


class AtMostIn(Input):
    """How many messages a member gets on a channel, warnings and what was asked for not counted."""

    per_day: Annotated[int, Field(ge=1, le=20)] | None = None
    per_week: Annotated[int, Field(ge=1, le=50)] | None = None


class OwnMessageIn(Input):
    """What is different about one message."""

    channels: Channels | None = None
    words: Words | None = None
    sms: Sms | None = None

    @model_validator(mode="after")
    def _speaks_every_language(self) -> Self:
        for name, words in (("words", self.words), ("sms", self.sms)):
            missing = [locale for locale in LOCALES if words and locale not in words]
            if missing:
                raise PydanticCustomError(
                    "language_missing", "{name} are missing in {missing}", {"name": name, "missing": ", ".join(missing)}
                )
        return self


class MessagesIn(Input):
    """What members are told."""

    channels: Annotated[Channels, Field(default_factory=lambda: ["email", "inbox"])]
    quiet_hours: Annotated[
        str | None,
        Field(pattern=TIMES.pattern, description="21:00-08:00: then nothing goes out that can wait, on their clock."),
    ] = None
    at_most: AtMostIn | None = None
    inbox_days: Annotated[int, Field(ge=1, le=730, description="How long a message stays in the inbox.")] = 90
    each: Annotated[dict[MessageId, OwnMessageIn], Field(default_factory=dict)]

    @field_validator("quiet_hours")
    @classmethod
    def _end(cls, hours: str | None) -> str | None:
        if hours and hours[:5] == hours[-5:]:
            raise PydanticCustomError("quiet_hours", "Quiet hours that never end: nothing would ever go out")
        return hours


class BrandIn(Input):
    """How mails look."""

    color: Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")] = model.Brand().color
    logo: Address | None = None
    website: Address | None = None
    address: Annotated[str, Field(min_length=1, max_length=300, description="Who sends it, and from where.")] | None = (
        None
    )


def built(messages: MessagesIn | None, brand: BrandIn | None) -> model.Messages:
    said, look = messages or MessagesIn.model_validate({}), brand or BrandIn()
    at_most = said.at_most or AtMostIn()
    return model.Messages(
        channels=tuple(said.channels),
        quiet=times(said.quiet_hours),
        per_day=at_most.per_day or 0,
        per_week=at_most.per_week or 0,
        inbox_days=said.inbox_days,
        own={
            name: model.OwnMessage(
                channels=None if one.channels is None else tuple(one.channels),
                words={str(locale): text for locale, text in (one.words or {}).items()},
                sms={str(locale): text for locale, text in (one.sms or {}).items()},
            )
            for name, one in said.each.items()
        },
        brand=model.Brand(look.color, look.logo, look.website, look.address),
    )
