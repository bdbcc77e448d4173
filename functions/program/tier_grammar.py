"""The shape of tiers in a programme file: how each is reached, in which time, and how long it is held."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from functions.program import model
from functions.program.vocabulary import Months, TextIn
from functions.runtime.validation import LARGEST_AMOUNT, Id, Input

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
