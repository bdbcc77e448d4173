"""The shape of goals and conversions in a programme file: what members get for reaching something, and what points
become by themselves."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from functions.program import model
from functions.program.vocabulary import LinesIn, Period, TextIn, WhenIn, Whole
from functions.runtime.validation import LARGEST_AMOUNT, Amount, Id, Input

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
