"""The shape of an earning rule in a programme file, with its brackets, its limits, and how long its points last."""

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    Tag,
    model_validator,
)
from pydantic_core import PydanticCustomError

from functions.program import model
from functions.program.vocabulary import (
    Days,
    LinesIn,
    Months,
    Number,
    Period,
    TextIn,
    WhenIn,
    Whole,
)
from functions.runtime.validation import LARGEST_AMOUNT, Amount, Id, Input

if TYPE_CHECKING:
    from functions.program.grammar import ProgramIn


def word_or_list(value: object) -> str:
    return "list" if isinstance(value, list) else "word"


Counted = Annotated[
    Annotated[str, Tag("word")] | Annotated[list[Id], Field(min_length=1, max_length=50), Tag("list")],
    Discriminator(word_or_list),
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
    Discriminator(word_or_list),
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
