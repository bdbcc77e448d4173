"""The words that programme files are written in: numbers, texts, conditions, and which lines count."""

import re
from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Literal, Self, TypeAlias
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from functions.program import model
from functions.program.cel import LONGEST, CelError, compiled
from functions.runtime.validation import LONGEST_WORD, Id, Input

Whole = Annotated[int, Field(ge=1, le=10_000_000)]
Days = Annotated[int, Field(ge=1, le=3660)]
Months = Annotated[int, Field(ge=1, le=120)]
Period: TypeAlias = Literal["day", "week", "month", "quarter", "year", "fiscal", "anniversary", "ever"]
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _number(value: object) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, int | Decimal | Fraction):
        raise PydanticCustomError("number", "Input should be a number such as 2 or 1.25")
    if isinstance(value, Decimal) and not value.is_finite():
        raise PydanticCustomError("number", "Input should be a number such as 2 or 1.25")
    if not 0 < value <= 10_000_000 or (isinstance(value, Decimal) and -int(value.as_tuple().exponent) > 6):
        raise PydanticCustomError("number", "Input should be above 0, at most 10000000, with at most 6 decimals")
    return Fraction(value)


Number = Annotated[
    Fraction,
    PlainValidator(_number),
    PlainSerializer(float),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "maximum": 10_000_000}),
]


def _cel(expression: object) -> str:
    if not isinstance(expression, str):
        raise PydanticCustomError("cel", "Input should be a condition in CEL, as text")
    try:
        compiled(expression)
    except CelError as error:
        raise PydanticCustomError("cel", "{problem}", {"problem": str(error)}) from None
    return expression


Cel = Annotated[
    str,
    PlainValidator(_cel),
    WithJsonSchema({"type": "string", "maxLength": LONGEST, "description": "A condition in CEL (cel.dev)."}),
]


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise PydanticCustomError("time_zone", "Input should be a time zone such as Europe/Paris")
    return name


Zone = Annotated[str, AfterValidator(_zone)]


class TextIn(Input):
    """A text in every language a member can be told it."""

    en: str = Field(min_length=1, max_length=300)
    fr: str = Field(min_length=1, max_length=300)


def _one_or_more(value: object) -> model.Match:
    """`gold`, `[gold, silver]` or `{not: [gold]}`."""
    excluded = isinstance(value, Mapping) and set(value) == {"not"}
    inner = value["not"] if isinstance(value, Mapping) and excluded else value
    words: list[Any] = inner if isinstance(inner, list) else [inner]
    if not 1 <= len(words) <= 500 or not all(_is_word(word) for word in words):
        raise PydanticCustomError("match", "Input should be a value, a list of values, or {not: [values]}")
    return model.Match(frozenset(words), excluded)


def _is_word(word: object) -> bool:
    return isinstance(word, bool | int) or (isinstance(word, str) and 0 < len(word) <= LONGEST_WORD)


def _match_or_range(value: object) -> model.Match | model.Range:
    """As `_one_or_more`, or `{at_least: 3, at_most: 9}`."""
    if isinstance(value, Mapping) and value and set(value) <= {"at_least", "at_most"}:
        if all(isinstance(bound, int) and not isinstance(bound, bool) for bound in value.values()):
            found = model.Range(value.get("at_least"), value.get("at_most"))
            if found.at_least is not None and found.at_most is not None and found.at_least > found.at_most:
                raise PydanticCustomError("range", "at_least is more than at_most")
            return found
        raise PydanticCustomError("range", "at_least and at_most should be whole numbers")
    return _one_or_more(value)


_WORD_SCHEMA: dict[str, Any] = {"type": ["string", "integer", "boolean"]}
_MATCH_SCHEMA: dict[str, Any] = {
    "anyOf": [
        _WORD_SCHEMA,
        {"type": "array", "items": _WORD_SCHEMA, "minItems": 1, "maxItems": 500},
        {
            "type": "object",
            "properties": {"not": {"anyOf": [_WORD_SCHEMA, {"type": "array", "items": _WORD_SCHEMA}]}},
            "required": ["not"],
            "additionalProperties": False,
        },
    ]
}
_RANGE_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"at_least": {"type": "integer"}, "at_most": {"type": "integer"}},
    "additionalProperties": False,
    "minProperties": 1,
}
Match = Annotated[model.Match, PlainValidator(_one_or_more), WithJsonSchema(_MATCH_SCHEMA)]
MatchOrRange = Annotated[
    model.Match | model.Range,
    PlainValidator(_match_or_range),
    WithJsonSchema({"anyOf": [*_MATCH_SCHEMA["anyOf"], _RANGE_SCHEMA]}),
]
Attributes = Annotated[dict[str, MatchOrRange], Field(max_length=20, default_factory=dict)]


class RangeIn(Input):
    """A number within bounds, both included."""

    at_least: Annotated[int, Field(ge=0)] | None = None
    at_most: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _can_be_met(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise PydanticCustomError("range", "Give at_least, at_most or both")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise PydanticCustomError("range", "at_least is more than at_most")
        return self

    def build(self) -> model.Range:
        return model.Range(self.at_least, self.at_most)


class CountedIn(RangeIn):
    """How much was counted in a period so far, before this event."""

    per: Period


_NOT_DAYS = re.compile(
    r"FREQ=(HOURLY|MINUTELY|SECONDLY)|DTSTART|RDATE|EXDATE|BYHOUR|BYMINUTE|BYSECOND|INTERVAL=0|\n", re.IGNORECASE
)


class RecursIn(Input):
    """Days that come again, as in a calendar: an RFC 5545 rule, such as FREQ=MONTHLY;BYDAY=1MO."""

    rule: Annotated[str, Field(max_length=200)]
    starts: date
    days: Annotated[int, Field(ge=1, le=31)] = 1

    @model_validator(mode="after")
    def _is_a_rule(self) -> Self:
        from dateutil.rrule import rrulestr

        if _NOT_DAYS.search(self.rule):
            raise PydanticCustomError("recurrence", "A rule repeats days: FREQ is DAILY, WEEKLY, MONTHLY or YEARLY")
        try:
            found = rrulestr(self.rule, dtstart=_midnight(self.starts))
        except (ValueError, TypeError, KeyError, IndexError):
            raise PydanticCustomError("recurrence", "This is not a rule of RFC 5545") from None
        if next(iter(found), None) is None:
            raise PydanticCustomError("recurrence", "The rule never comes true")
        return self

    def build(self) -> model.Recurrence:
        return model.Recurrence(self.rule, self.starts, self.days)


def _midnight(day: date) -> Any:
    from datetime import datetime

    return datetime.combine(day, time())


class AroundIn(Input):
    """Days around the birthday."""

    days_before: Annotated[int, Field(ge=0, le=60)] = 0
    days_after: Annotated[int, Field(ge=0, le=60)] = 0


TIMES = re.compile(r"^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$")
Weekday: TypeAlias = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class WhenIn(Input):
    """Conditions; all that are given must hold."""

    tier: Match | None = None
    segment: Match | None = None
    store: Match | None = None
    channel: Match | None = None
    payment_method: Match | None = None
    attributes: Annotated[Attributes, Field(description="Of the purchase or activity.")]
    member: Annotated[Attributes, Field(description="Attributes of the member.")]
    first_day: date | None = None
    last_day: date | None = None
    weekday: Annotated[list[Weekday], Field(min_length=1, max_length=7)] | None = None
    time: Annotated[str, Field(pattern=TIMES.pattern, description="14:00-17:00; may run over midnight.")] | None = None
    recurs: RecursIn | None = None
    birthday: AroundIn | None = None
    paid: Annotated[RangeIn | None, Field(description="The whole purchase, what earns of it.")] = None
    purchase_number: Annotated[Whole | None, Field(description="The member's first purchase is 1.")] = None
    every_nth_purchase: Annotated[int, Field(ge=2, le=1000)] | None = None
    enrolled_within_days: Days | None = None
    counted: Annotated[dict[Id, CountedIn], Field(max_length=5, default_factory=dict)]
    cel: Cel | None = None

    @model_validator(mode="after")
    def _can_be_met(self) -> Self:
        if self.first_day and self.last_day and self.first_day > self.last_day:
            raise PydanticCustomError("dates", "first_day is after last_day")
        return self

    def build(self) -> model.When:
        return model.When(
            tier=self.tier,
            segment=self.segment,
            store=self.store,
            channel=self.channel,
            payment_method=self.payment_method,
            attributes=self.attributes,
            member=self.member,
            first_day=self.first_day,
            last_day=self.last_day,
            weekday=frozenset(map(WEEKDAYS.index, self.weekday)) if self.weekday else None,
            times=times(self.time),
            recurs=self.recurs.build() if self.recurs else None,
            birthday=(self.birthday.days_before, self.birthday.days_after) if self.birthday else None,
            paid=self.paid.build() if self.paid else None,
            number=self.purchase_number,
            every=self.every_nth_purchase,
            new_days=self.enrolled_within_days,
            counted={name: model.CountedSoFar(one.build(), one.per) for name, one in self.counted.items()},
            cel=self.cel,
        )


def times(text: str | None) -> tuple[time, time] | None:
    if text is None:
        return None
    start, _, end = text.partition("-")
    return time.fromisoformat(start), time.fromisoformat(end)


class LinesIn(Input):
    """Which lines of a purchase count."""

    sku: Match | None = None
    category: Match | None = None
    brand: Match | None = None
    discounted: bool | None = None
    attributes: Attributes
    cel: Cel | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise PydanticCustomError("lines", "Say which lines, or leave lines out")
        return self

    def build(self) -> model.LineFilter:
        return model.LineFilter(self.sku, self.category, self.brand, self.discounted, self.attributes, self.cel)
