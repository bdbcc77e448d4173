"""The programme file: YAML for people, checked as a whole, every mistake named with its line.

The shape below is the whole grammar. Money is in minor units, because a price like 4.99 has no exact binary form.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Annotated, Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from functions.program.model import EarningRule, Program, Reward
from functions.runtime.errors import FieldError, InvalidError
from functions.runtime.validation import Amount, Currency, Input, field_errors

LARGEST_FILE = 200_000
"""Characters; well under the 400 KB of a table item."""

_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$", description="Small letters, digits and hyphens.")]
Points = Annotated[int, Field(ge=1, le=10_000_000)]


class TextIn(Input):
    """A text in every language a member can be told it."""

    en: str = Field(min_length=1, max_length=200)
    fr: str = Field(min_length=1, max_length=200)


class EarningRuleIn(Input):
    """Points for every full amount spent."""

    id: Id
    points: Points
    per: Annotated[Amount, Field(ge=1)]
    text: TextIn


class RewardIn(Input):
    """A voucher that members buy with points."""

    id: Id
    kind: Literal["voucher"]
    points: Points
    value: Annotated[Amount, Field(ge=1)]
    valid_days: Annotated[int, Field(ge=1, le=3650)]
    text: TextIn


class PointsIn(Input):
    """What happens to points in time."""

    expire_after_months: Annotated[int, Field(ge=1, le=120)] | Literal["never"]


class ProgramIn(Input):
    """One programme."""

    program: Id
    name: TextIn
    currency: Currency
    points: PointsIn
    earning: Annotated[list[EarningRuleIn], Field(min_length=1, max_length=200)]
    rewards: Annotated[list[RewardIn], Field(max_length=500)]

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Self:
        for name, ids in (("earning", [r.id for r in self.earning]), ("rewards", [r.id for r in self.rewards])):
            if double := _first_double(ids):
                raise PydanticCustomError(
                    "duplicate_id", "{name} has two entries with id {id}", {"name": name, "id": double}
                )
        return self


def _first_double(ids: Iterable[str]) -> str | None:
    seen: set[str] = set()
    return next((one for one in ids if one in seen or seen.add(one)), None)  # type: ignore[func-returns-value]


def read(text: str, version: int = 0) -> Program:
    """Check a programme file and build the programme from it.

    Raises InvalidError that names every mistake: the pointer into the document, and in the detail its line.
    """
    root = _compose(text)
    try:
        document = ProgramIn.model_validate(_Loader(text).get_data())
    except ValidationError as error:
        raise InvalidError([_with_line(detail, root) for detail in error.errors(include_url=False)]) from None
    return _program(document, version)


def _compose(text: str) -> yaml.Node:
    if len(text) > LARGEST_FILE:
        raise InvalidError([FieldError("", "too_large", f"A programme file has at most {LARGEST_FILE} characters.")])
    try:
        root = yaml.compose(text, Loader=_Loader)
        _refuse_doubles(root)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InvalidError([FieldError("", "yaml", f"line {line}: {error.problem}")]) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise InvalidError([FieldError("", "yaml", "line 1: this is not YAML")]) from error
    if root is None:
        raise InvalidError([FieldError("", "empty", "line 1: the file is empty")])
    return root


def _refuse_doubles(node: yaml.Node | None) -> None:
    """YAML lets the last of two equal keys win in silence; aliases could make a small file huge."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"{key.value} is given twice", problem_mark=key.start_mark)
            seen.add(key.value)
            _refuse_doubles(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_doubles(value)


def _with_line(detail: ErrorDetails, root: yaml.Node) -> FieldError:
    [error] = field_errors([{**detail, "loc": ("body", *detail["loc"])}])
    return replace(error, detail=f"line {_line(root, detail['loc'])}: {error.detail}")


def _line(node: yaml.Node, path: tuple[int | str, ...]) -> int:
    """The line of what a path names, or of the nearest thing around it that is there."""
    for step in path:
        below = _child(node, step)
        if below is None:
            break
        node = below
    return int(node.start_mark.line) + 1


def _child(node: yaml.Node, step: int | str) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == step), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step]  # type: ignore[no-any-return]
    return None


def _program(document: ProgramIn, version: int) -> Program:
    months = document.points.expire_after_months
    return Program(
        version=version,
        id=document.program,
        name=document.name.model_dump(),
        currency=document.currency,
        expire_after_months=None if months == "never" else months,
        earning=tuple(EarningRule(r.id, r.points, r.per, r.text.model_dump()) for r in document.earning),
        rewards={r.id: Reward(r.id, r.points, r.value, r.valid_days, r.text.model_dump()) for r in document.rewards},
    )
