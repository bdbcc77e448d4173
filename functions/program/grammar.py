"""The shape of a programme file: every word that can stand in one, its type, and what it means.

Editors get it as JSON Schema (`docs/programme.schema.json`). `document.py` reads a file; `references.py` checks that
names fit together. Money is in minor units, because a price like 4.99 has no exact binary form; rates are exact, 1.2 is
12 for 10.
"""

import re
from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Literal, Self, TypeAlias
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    PlainSerializer,
    PlainValidator,
    Tag,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from functions.program import model
from functions.program.cel import LONGEST, CelError, compiled
from functions.runtime.validation import LARGEST_AMOUNT, LONGEST_WORD, Amount, Currency, Id, Input

MOST_RULES = 100
MOST_LIMITS = 40
"""Of all rules together: each is counted in every account, and by line in every entry."""
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


_TIMES = re.compile(r"^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$")
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
    time: Annotated[str, Field(pattern=_TIMES.pattern, description="14:00-17:00; may run over midnight.")] | None = None
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
            times=_times(self.time),
            recurs=self.recurs.build() if self.recurs else None,
            birthday=(self.birthday.days_before, self.birthday.days_after) if self.birthday else None,
            paid=self.paid.build() if self.paid else None,
            number=self.purchase_number,
            every=self.every_nth_purchase,
            new_days=self.enrolled_within_days,
            counted={name: model.CountedSoFar(one.build(), one.per) for name, one in self.counted.items()},
            cel=self.cel,
        )


def _times(text: str | None) -> tuple[time, time] | None:
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


def _word_or_list(value: object) -> str:
    return "list" if isinstance(value, list) else "word"


Counted = Annotated[
    Annotated[str, Tag("word")] | Annotated[list[Id], Field(min_length=1, max_length=50), Tag("list")],
    Discriminator(_word_or_list),
    Field(
        description="amount, quantity, attributes.<name>, lines.<name>, or a list of rules: the points they gave.",
    ),
]


def _one_or_by_tier(value: object) -> str:
    return "by_tier" if isinstance(value, Mapping) else "one"


PointsByTier = Annotated[
    Annotated[Number, Tag("one")] | Annotated[dict[Id, Number], Field(min_length=1, max_length=20), Tag("by_tier")],
    Discriminator(_one_or_by_tier),
]


class BracketIn(Input):
    """From how much on, which points."""

    start: Annotated[int, Field(ge=0, le=LARGEST_AMOUNT, alias="from")]
    points: Number
    per: Annotated[Amount, Field(ge=1)] | None = None

    def build(self) -> model.Bracket:
        return model.Bracket(self.start, model.Rate(self.points, self.per or 0))


class BracketsIn(Input):
    """Points by how much was reached."""

    steps: Annotated[list[BracketIn], Field(min_length=1, max_length=20)]
    each_part_at_its_own: bool = False

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        starts = [step.start for step in self.steps]
        if starts != sorted(set(starts)):
            raise PydanticCustomError("brackets", "Each step should start above the one before")
        if self.each_part_at_its_own and any(step.per is None for step in self.steps):
            raise PydanticCustomError("brackets", "Where each part has its own rate, each step needs per")
        return self


class LimitIn(Input):
    """At most so many points, or so many times."""

    points: Whole | None = None
    times: Whole | None = None
    per: Period | Literal["purchase"]

    @model_validator(mode="after")
    def _limits_something(self) -> Self:
        if (self.points is None) == (self.times is None):
            raise PydanticCustomError("limit", "Give either points or times")
        if self.times is not None and self.per == "purchase":
            raise PydanticCustomError("limit", "A rule applies once in a purchase; limit its points")
        return self

    def build(self) -> model.Limit:
        return model.Limit(self.per, self.points, self.times)


def _each_once(limits: list[LimitIn]) -> list[LimitIn]:
    kinds = [(limit.per, limit.times is None) for limit in limits]
    if len(set(kinds)) < len(kinds):
        raise PydanticCustomError("limit", "Give one limit per period")
    return limits


Limits = Annotated[list[LimitIn], Field(max_length=5, default_factory=list), AfterValidator(_each_once)]


class YearEndIn(Input):
    """The last day of a year that need not be the calendar's."""

    month: Annotated[int, Field(ge=1, le=12)]
    day: Annotated[int, Field(ge=1, le=31)]


class LastingIn(Input):
    """How long points can be spent."""

    after_months: Annotated[int, Field(ge=1, le=120)] | None = None
    after_days: Days | None = None
    year_ends: Annotated[YearEndIn | None, Field(description="To the end of that year, and after_months more.")] = None
    to_month_end: bool = False
    extended_by: Annotated[list[Id], Field(min_length=1, max_length=20)] | None = None
    extension: Literal["anew", "one_month_a_month"] = "anew"

    @model_validator(mode="after")
    def _ends(self) -> Self:
        ends = self.after_months or self.after_days or self.year_ends
        if not ends or (self.after_days and (self.after_months or self.year_ends)):
            raise PydanticCustomError("expiry", "Give after_months, after_days, or year_ends (and after_months)")
        if self.extension != "anew" and not self.extended_by:
            raise PydanticCustomError("expiry", "An extension needs extended_by")
        return self

    def build(self) -> model.Lasting:
        return model.Lasting(
            after_months=self.after_months or 0,
            after_days=self.after_days or 0,
            year_ends=(self.year_ends.month, self.year_ends.day) if self.year_ends else None,
            to_month_end=self.to_month_end,
            extended_by=frozenset(self.extended_by or ()),
            each_month=self.extension == "one_month_a_month",
        )


def _expiry_shape(value: object) -> str | None:
    if isinstance(value, Mapping):
        return "lasting" if set(value) & set(LastingIn.model_fields) else None
    return "lasting" if isinstance(value, LastingIn) else "never" if value == "never" else None


def _expiry_or_by_tier(value: object) -> str | None:
    by_tier = isinstance(value, Mapping) and value and not set(value) & set(LastingIn.model_fields)
    return "by_tier" if by_tier else _expiry_shape(value)


_NO_EXPIRY: dict[str, Any] = {
    "custom_error_type": "expiry",
    "custom_error_message": "Input should be never, or say after_months, after_days or year_ends",
}
Expiry = Annotated[
    Annotated[Literal["never"], Tag("never")] | Annotated[LastingIn, Tag("lasting")],
    Discriminator(_expiry_shape, **_NO_EXPIRY),
]
ExpiryByTier = Annotated[
    Annotated[Literal["never"], Tag("never")]
    | Annotated[LastingIn, Tag("lasting")]
    | Annotated[dict[Id, Expiry], Field(max_length=20), Tag("by_tier")],
    Discriminator(_expiry_or_by_tier, **_NO_EXPIRY),
]


def lasting(expiry: "Literal['never'] | LastingIn | dict[str, Any]") -> dict[str, model.Lasting]:
    """How long points last, by tier; `""` for every other tier."""
    if isinstance(expiry, dict):
        return {tier: lasting(one)[""] for tier, one in expiry.items()}
    return {"": model.Lasting() if isinstance(expiry, str) else expiry.build()}


OneOrMore = Annotated[
    Annotated[Id, Tag("word")] | Annotated[list[Id], Field(min_length=1, max_length=20), Tag("list")],
    Discriminator(_word_or_list),
]
Counting = Annotated[int, Field(ge=1, le=LARGEST_AMOUNT)]
Budget = Annotated[int, Field(ge=1, le=10_000_000_000)]
_GIVING = ("points", "multiply", "brackets", "reward", "tier")


class RuleIn(Input):
    """One way to earn: points, a multiple of other rules' points, points by brackets, a reward, or a tier."""

    id: Id
    text: TextIn
    group: Id | None = None
    on: Annotated[OneOrMore, Field(description="purchase, or one or several activities.")] = model.PURCHASE
    when: WhenIn | None = None
    lines: LinesIn | None = None
    minimum: Annotated[int, Field(ge=1, le=LARGEST_AMOUNT, description="Of what is counted on those lines.")] | None = (
        None
    )
    points: PointsByTier | None = None
    multiply: PointsByTier | None = None
    brackets: BracketsIn | None = None
    reward: Id | None = None
    tier: Id | None = None
    tier_months: Months | None = None
    per: Counting | None = None
    per_full: Annotated[Counting | None, Field(description="Only full ones count.")] = None
    of: Counted | None = None
    into: Annotated[Id | None, Field(description="A counter that gets the points.")] = None
    round: model.Rounding | None = None
    round_each_line: bool | None = None
    limits: Limits
    cooldown_days: Days | None = None
    budget: Annotated[Budget | None, Field(description="Points, or gifts, for all members together.")] = None
    pending_days: Annotated[int, Field(ge=0, le=365)] | None = None
    expire: Expiry | None = None

    @model_validator(mode="after")
    def _gives_one_thing(self) -> Self:
        gives = [name for name in _GIVING if getattr(self, name) is not None]
        if len(gives) != 1:
            raise PydanticCustomError("gives", "Give exactly one of points, multiply, brackets, reward, tier")
        return self

    @model_validator(mode="after")
    def _counts_in_one_way(self) -> Self:
        if self.per and self.per_full:
            raise PydanticCustomError("per", "Give per (in proportion) or per_full (full ones only), not both")
        if self.points is None and self.reward is None and (self.per or self.per_full):
            raise PydanticCustomError("per", "Only points have per; points and rewards have per_full")
        if self.reward and self.per:
            raise PydanticCustomError("per", "A reward is given per_full: there is no part of one")
        if (self.points is not None) and not (self.per or self.per_full) and self.of is not None:
            raise PydanticCustomError("of", "of needs per or per_full: points for how many of them")
        return self

    @model_validator(mode="after")
    def _fits_what_it_gives(self) -> Self:
        if self.multiply is not None and not isinstance(self.of, list):
            raise PydanticCustomError("multiply", "multiply needs of: a list of the rules whose points it multiplies")
        if self.multiply is not None and any(times <= 1 for times in _values(self.multiply)):
            raise PydanticCustomError("multiply", "multiply should be above 1: 2 doubles")
        if self.tier_months and not self.tier:
            raise PydanticCustomError("tier_months", "tier_months needs tier")
        if self.into and not (self.points or self.multiply or self.brackets):
            raise PydanticCustomError("into", "Only points go into a counter")
        if isinstance(self.expire, LastingIn) and self.expire.extended_by:
            raise PydanticCustomError("expire", "What keeps points alive is said for all points, under points: expire")
        if (self.reward or self.tier) and any(limit.points for limit in self.limits):
            raise PydanticCustomError("limit", "What gives no points is limited in times")
        return self

    @property
    def occasions(self) -> list[str]:
        """What the rule is on."""
        return self.on if isinstance(self.on, list) else [self.on]

    def build(self, program: "ProgramIn") -> model.EarningRule:
        return model.EarningRule(
            id=self.id,
            group=self.group or "",
            text=self.text.model_dump(),
            on=tuple(self.occasions),
            when=self.when.build() if self.when else model.When(),
            lines=self.lines.build() if self.lines else None,
            minimum=self.minimum or 0,
            earn=self._earn(),
            gift=self._gift(),
            into=self.into,
            rounding=self.round or program.points.round,
            by_line=program.points.round_each_line if self.round_each_line is None else self.round_each_line,
            limits=tuple(limit.build() for limit in self.limits),
            cooldown_days=self.cooldown_days or 0,
            budget=self.budget,
            pending_days=program.points.pending_days if self.pending_days is None else self.pending_days,
            lasting=lasting(self.expire) if self.expire else {},
        )

    def _gift(self) -> model.Gift | None:
        if not (self.reward or self.tier):
            return None
        of = self.of if isinstance(self.of, str) else "amount"
        return model.Gift(self.reward, self.tier, self.tier_months, self.per_full or 0, of)

    def _earn(self) -> model.Earn | None:
        of = self.of if isinstance(self.of, str) else "amount"
        of_rules = tuple(self.of) if isinstance(self.of, list) else ()
        if self.brackets:
            steps = tuple(step.build() for step in self.brackets.steps)
            return model.Earn({}, steps, self.brackets.each_part_at_its_own, of, of_rules)
        if self.multiply is not None:
            return model.Earn({t: model.Rate(n - 1, 1) for t, n in _by_tier(self.multiply).items()}, of_rules=of_rules)
        if self.points is not None:
            per, full = self.per or self.per_full or 0, self.per_full is not None
            rates = {tier: model.Rate(points, per, full) for tier, points in _by_tier(self.points).items()}
            return model.Earn(rates, of=of, of_rules=of_rules)
        return None


def _by_tier(points: Fraction | dict[str, Fraction]) -> dict[str, Fraction]:
    return points if isinstance(points, dict) else {"": points}


def _values(points: Fraction | dict[str, Fraction]) -> list[Fraction]:
    return list(_by_tier(points).values())


Policy: TypeAlias = Literal["all", "highest", "first", "exclusive"]


class GroupIn(Input):
    """What counts when several rules of a group apply."""

    policy: Policy
    by_line: bool = False
    limits: Annotated[Limits, Field(description="For all rules of the group together.")]


PolicyOrGroup = Annotated[
    Annotated[Policy, Tag("policy")] | Annotated[GroupIn, Tag("group")],
    Discriminator(lambda value: "group" if isinstance(value, Mapping | GroupIn) else "policy"),
]

_LONGEST_STREAKS = {"day": 35, "week": 52, "month": 24, "quarter": 12, "year": 4, "fiscal": 4, "anniversary": 4}
"""Shorter than what was counted in a period is kept."""


class GoalIn(Input):
    """Something to reach within a period, or in several periods in a row."""

    id: Id
    text: TextIn
    counts: Annotated[Id, Field(description="spend, points, visits, an activity, or a counter.")]
    reach: Annotated[int, Field(ge=1, le=LARGEST_AMOUNT)]
    per: Period
    when: WhenIn | None = None
    lines: LinesIn | None = None
    in_a_row: Annotated[int, Field(ge=1, le=52)] = 1
    repeat: bool = False
    points: Whole | None = None
    reward: Id | None = None
    usable: Literal["now", "next_period"] = "now"

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.points is None) == (self.reward is None):
            raise PydanticCustomError("gives", "Give either points or reward")
        if self.repeat and self.in_a_row > 1:
            raise PydanticCustomError("repeat", "A streak starts anew by itself; leave repeat out")
        if self.per == "ever" and (self.in_a_row > 1 or self.usable == "next_period"):
            raise PydanticCustomError("per", "ever has no next period")
        if self.usable == "next_period" and self.reward is None:
            raise PydanticCustomError("usable", "Only a reward is usable later")
        if self.in_a_row > (most := _LONGEST_STREAKS.get(self.per, 1)):
            raise PydanticCustomError("streak", "A streak has at most {most} periods of this kind", {"most": most})
        if self.lines is not None and self.counts != "spend":
            raise PydanticCustomError("lines", "Only spend is counted by line")
        return self

    def build(self) -> model.Goal:
        return model.Goal(
            id=self.id,
            counts=self.counts,
            reach=self.reach,
            per=self.per,
            text=self.text.model_dump(),
            when=self.when.build() if self.when else model.When(),
            lines=self.lines.build() if self.lines else None,
            in_a_row=self.in_a_row,
            repeat=self.repeat,
            points=self.points or 0,
            reward=self.reward,
            next_period=self.usable == "next_period",
        )


class StepIn(Input):
    """So many points are worth so much."""

    points: Whole
    value: Annotated[Amount, Field(ge=1)]

    def build(self) -> model.Step:
        return model.Step(self.points, self.value)


class ConversionIn(Input):
    """On a day of some months, points become a voucher by themselves; the rest stays."""

    id: Id
    text: TextIn
    reward: Id
    months: Annotated[list[Annotated[int, Field(ge=1, le=12)]], Field(min_length=1, max_length=12)]
    day: Annotated[int, Field(ge=1, le=28)] = 1
    minimum_points: Whole | None = None
    each: StepIn | None = None
    table: Annotated[list[StepIn], Field(min_length=1, max_length=20)] | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.each is None) == (self.table is None):
            raise PydanticCustomError("conversion", "Give either each or table")
        if self.table and [s.points for s in self.table] != sorted({s.points for s in self.table}):
            raise PydanticCustomError(
                "conversion", "Each step of the table should need more points than the one before"
            )
        return self

    def build(self) -> model.Conversion:
        table = tuple(step.build() for step in self.table or ())
        return model.Conversion(
            self.id,
            self.reward,
            frozenset(self.months),
            self.day,
            self.minimum_points or 0,
            self.each.build() if self.each else None,
            table,
            self.text.model_dump(),
        )


class RewardIn(Input):
    """What members get for points, or are given."""

    id: Id
    text: TextIn
    kind: Literal["voucher", "gift_card", "product", "experience", "upgrade", "donation", "credit"]
    points: Whole | None = None
    value: Annotated[Amount, Field(ge=1)] | None = None
    valid_days: Days | None = None
    valid_months: Months | None = None
    to_month_end: bool = False
    usable_from: date | None = None
    usable_to: date | None = None
    tier: Match | None = None
    limits: Limits
    offered_from: date | None = None
    offered_to: date | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if sum(one is not None for one in (self.valid_days, self.valid_months, self.usable_to)) != 1:
            raise PydanticCustomError("valid", "Give one of valid_days, valid_months, usable_to (and usable_from)")
        if self.to_month_end and not self.valid_months:
            raise PydanticCustomError("valid", "to_month_end goes with valid_months")
        if self.usable_from and (not self.usable_to or self.usable_from > self.usable_to):
            raise PydanticCustomError("dates", "usable_from needs a usable_to that is not before it")
        if any(limit.times is None for limit in self.limits):
            raise PydanticCustomError("limit", "A reward is limited in times")
        if self.offered_from and self.offered_to and self.offered_from > self.offered_to:
            raise PydanticCustomError("dates", "offered_from is after offered_to")
        return self

    def build(self) -> model.Reward:
        return model.Reward(
            id=self.id,
            kind=self.kind,
            points=self.points,
            value=self.value,
            valid=model.Validity(
                self.valid_days or 0, self.valid_months or 0, self.to_month_end, self.usable_from, self.usable_to
            ),
            text=self.text.model_dump(),
            tier=self.tier,
            limits=tuple(limit.build() for limit in self.limits),
            first_day=self.offered_from,
            last_day=self.offered_to,
        )


Reach = Annotated[
    dict[Id, Annotated[int, Field(ge=1, le=LARGEST_AMOUNT)]],
    Field(min_length=1, max_length=5, description="spend, points, visits, months, an activity, or a counter."),
]


class LevelIn(Input):
    """A tier: ways to reach it, and ways to keep it for ever."""

    id: Id
    text: TextIn
    reach: Annotated[list[Reach], Field(max_length=5, default_factory=list)]
    lifetime: Annotated[list[Reach], Field(max_length=5, default_factory=list)]

    def build(self) -> model.Level:
        return model.Level(self.id, self.text.model_dump(), tuple(self.reach), tuple(self.lifetime))


class TiersIn(Input):
    """Tiers, lowest first. Everyone has the first one."""

    levels: Annotated[list[LevelIn], Field(min_length=2, max_length=10)]
    window: Literal["month", "quarter", "year", "fiscal", "anniversary", "ever"] | None = None
    rolling_months: Annotated[int, Field(ge=1, le=24)] | None = None
    held: Literal["window", "next_window", "ever"] | None = None
    held_months: Months | None = None
    grace_months: Annotated[int, Field(ge=0, le=24)] = 0
    falls: Literal["to_what_is_reached", "one_level"] = "to_what_is_reached"
    returns: Literal["lower", "keep"] = "lower"

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.window is None) == (self.rolling_months is None):
            raise PydanticCustomError("window", "Give either window or rolling_months")
        if (self.held is None) == (self.held_months is None):
            raise PydanticCustomError("held", "Give either held or held_months")
        if self.rolling_months and self.held in {"window", "next_window"}:
            raise PydanticCustomError("held", "A rolling window has no end: give held_months")
        if self.window == "ever" and self.held != "ever":
            raise PydanticCustomError("held", "What counts for ever is held for ever: held: ever")
        if self.levels[0].reach:
            raise PydanticCustomError("levels", "Everyone has the lowest tier: it has no reach")
        return self

    def build(self) -> model.Tiers:
        return model.Tiers(
            levels=tuple(level.build() for level in self.levels),
            window=self.window or "month",
            rolling_months=self.rolling_months or 0,
            held=self.held or "months",
            held_months=self.held_months or 0,
            grace_months=self.grace_months,
            soft=self.falls == "one_level",
            returns_lower=self.returns == "lower",
        )


class ReferralIn(Input):
    """When a referred member counts: then rules on referred and on referral_made apply."""

    on: Id = model.PURCHASE
    when: WhenIn | None = None
    within_days: Days | None = None

    def build(self) -> model.Referral:
        return model.Referral(self.on, self.when.build() if self.when else model.When(), self.within_days)


class ActivityIn(Input):
    """What members do besides buying."""

    id: Id
    text: TextIn
    attributes: Annotated[dict[Id, Literal["text", "number", "yes_no"]], Field(max_length=20, default_factory=dict)]

    def build(self) -> model.Activity:
        return model.Activity(self.id, self.text.model_dump(), self.attributes)


class CounterIn(Input):
    """A second kind of points that cannot be spent, such as those that count for a tier."""

    id: Id
    text: TextIn


class PointsIn(Input):
    """What points are, and what happens to them in time."""

    text: TextIn | None = None
    expire: ExpiryByTier = "never"
    pending_days: Annotated[int, Field(ge=0, le=365)] = 0
    spent_then_returned: Literal["carry", "forgive", "block"] = "carry"
    round: model.Rounding = "floor"
    round_each_line: bool = False
    worth: Annotated[Number | None, Field(description="What a point costs you, minor units.")] = None
    limits: Limits


class PurchasesIn(Input):
    """Which purchases count, and what of them."""

    accepted_late_days: Annotated[int, Field(ge=1, le=3660)] | None = None
    before_enrolment_days: Annotated[int, Field(ge=0, le=3660)] | None = None
    not_counted_when_paid_with: Annotated[list[str], Field(max_length=20, default_factory=list)]
    most_benefit_percent: Annotated[
        Number | None, Field(description="Of a line's full price, by its discount and its points together.")
    ] = None


class FiscalIn(Input):
    """When the fiscal year starts."""

    month: Annotated[int, Field(ge=1, le=12)]
    day: Annotated[int, Field(ge=1, le=28)] = 1


class ProgramIn(Input):
    """One programme."""

    program: Id
    name: TextIn
    currency: Currency
    time_zone: Zone = "UTC"
    fiscal_year_starts: FiscalIn | None = None
    points: Annotated[PointsIn, Field(default_factory=lambda: PointsIn.model_validate({}))]
    purchases: PurchasesIn | None = None
    counters: Annotated[list[CounterIn], Field(max_length=10, default_factory=list)]
    activities: Annotated[list[ActivityIn], Field(max_length=50, default_factory=list)]
    tiers: TiersIn | None = None
    groups: Annotated[dict[Id, PolicyOrGroup], Field(max_length=20, default_factory=dict)]
    earning: Annotated[list[RuleIn], Field(max_length=MOST_RULES, default_factory=list)]
    referral: ReferralIn | None = None
    goals: Annotated[list[GoalIn], Field(max_length=20, default_factory=list)]
    conversions: Annotated[list[ConversionIn], Field(max_length=5, default_factory=list)]
    rewards: Annotated[list[RewardIn], Field(max_length=500, default_factory=list)]

    @model_validator(mode="after")
    def _is_not_too_much_to_count(self) -> Self:
        limits = sum(len(rule.limits) for rule in self.earning)
        if limits > MOST_LIMITS:
            raise PydanticCustomError(
                "limits",
                "The rules have {limits} limits; at most {most} can be counted",
                {"limits": limits, "most": MOST_LIMITS},
            )
        return self

    def build(self, version: int) -> model.Program:
        fiscal = self.fiscal_year_starts
        purchases = self.purchases or PurchasesIn.model_validate({})
        percent = purchases.most_benefit_percent
        return model.Program(
            version=version,
            id=self.program,
            name=self.name.model_dump(),
            currency=self.currency,
            zone=ZoneInfo(self.time_zone),
            lasting={"": model.Lasting()} | lasting(self.points.expire),
            groups=self._groups(),
            earning=tuple(rule.build(self) for rule in self.earning),
            rewards={reward.id: reward.build() for reward in self.rewards},
            pending_days=self.points.pending_days,
            worth=self.points.worth,
            spent_then_returned=self.points.spent_then_returned,
            limits=tuple(limit.build() for limit in self.points.limits),
            unearning=frozenset(purchases.not_counted_when_paid_with),
            benefit_cap=percent / 100 if percent is not None else None,
            counters={counter.id: counter.text.model_dump() for counter in self.counters},
            activities={activity.id: activity.build() for activity in self.activities},
            goals=tuple(goal.build() for goal in self.goals),
            conversions=tuple(conversion.build() for conversion in self.conversions),
            tiers=self.tiers.build() if self.tiers else None,
            referral=self.referral.build() if self.referral else None,
            acceptance=model.Acceptance(purchases.accepted_late_days, purchases.before_enrolment_days),
            fiscal_year=(fiscal.month, fiscal.day) if fiscal else (1, 1),
        )

    def _groups(self) -> tuple[model.Group, ...]:
        """A programme of one rule needs no groups."""
        if not self.groups:
            return (model.Group("", "all"),)
        return tuple(
            model.Group(name, group.policy, group.by_line, tuple(limit.build() for limit in group.limits))
            if isinstance(group, GroupIn)
            else model.Group(name, group)
            for name, group in self.groups.items()
        )
