"""The programme file: YAML for people, checked as a whole, every mistake named with its line.

The shape below is the whole grammar. Money is in minor units, because a price like 4.99 has no exact binary form.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Annotated, Literal, Self

import yaml
from pydantic import Field, PlainSerializer, PlainValidator, ValidationError, WithJsonSchema, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from functions.program.model import EarningRule, Program, Reward
from functions.runtime.errors import FieldError, InvalidError
from functions.runtime.validation import Amount, Currency, Input, field_errors

LARGEST_FILE = 200_000
"""Bytes; well under the 400 KB of a table item."""

LONGEST_EXPIRY = 120
_DEEPEST = 30

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


def _months(value: object) -> int | None:
    if value == "never":
        return None
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LONGEST_EXPIRY:
        return value
    raise PydanticCustomError(
        "expiry", "Input should be a number of months from 1 to {longest}, or never", {"longest": LONGEST_EXPIRY}
    )


Months = Annotated[
    int | None,
    PlainValidator(_months),
    PlainSerializer(lambda months: months or "never"),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1, "maximum": LONGEST_EXPIRY}, {"const": "never"}]}),
]


class PointsIn(Input):
    """What happens to points in time."""

    expire_after_months: Months
    spent_then_returned: Literal["carry", "forgive", "block"] = "carry"


class ProgramIn(Input):
    """One programme."""

    program: Id
    name: TextIn
    currency: Currency
    points: PointsIn
    earning: Annotated[list[EarningRuleIn], Field(min_length=1, max_length=50)]
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
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise _not_yaml(_line_of_the_impossible(root), "such a date or number does not exist") from error
    return _program(document, version)


def _compose(text: str) -> yaml.Node:
    """The file as nodes that know their lines, once nothing in it can surprise."""
    if len(text.encode(errors="replace")) > LARGEST_FILE:
        raise InvalidError([FieldError("", "too_large", f"A programme file has at most {LARGEST_FILE} bytes.")])
    try:
        _refuse_tricks(text)
        root = yaml.compose(text, Loader=_Loader)
        _refuse_odd_keys(root)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise _not_yaml(line, error.problem or "this is not YAML") from error
    except (yaml.YAMLError, ValueError) as error:
        raise _not_yaml(1, "this is not YAML") from error
    if root is None:
        raise InvalidError([FieldError("", "empty", "line 1: the file is empty")])
    return root


def _not_yaml(line: int, problem: str) -> InvalidError:
    return InvalidError([FieldError("", "yaml", f"line {line}: {problem}")])


def _line_of(found: yaml.Node | yaml.Event) -> int:
    mark = found.start_mark
    return mark.line + 1 if mark else 1


def _refuse_tricks(text: str) -> None:
    """Event by event, which takes no stack: no aliases (they make a small file huge), no tags, no endless depth."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _not_yaml(_line_of(event), "anchors and aliases are not allowed")
        if getattr(event, "tag", None):
            raise _not_yaml(_line_of(event), "tags are not allowed")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        if isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _DEEPEST:
            raise _not_yaml(_line_of(event), "this is nested too deeply")


def _line_of_the_impossible(node: yaml.Node) -> int:
    """The line of the first value that YAML cannot build, such as the 30th of February."""
    if isinstance(node, yaml.ScalarNode):
        try:
            _Loader("").construct_object(node)
        except (yaml.YAMLError, ValueError, OverflowError):
            return _line_of(node)
        return 0
    below = [value for pair in node.value for value in pair] if isinstance(node, yaml.MappingNode) else node.value
    return next((line for line in map(_line_of_the_impossible, below) if line), 0)


def _refuse_odd_keys(node: yaml.Node | None) -> None:
    """YAML lets the last of two equal keys win in silence, and takes a list for a key."""
    if isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_odd_keys(value)
    if not isinstance(node, yaml.MappingNode):
        return
    seen: set[str] = set()
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
            raise _not_yaml(_line_of(key), "a key must be a word")
        if key.value in seen:
            raise _not_yaml(_line_of(key), f"{key.value} is given twice")
        seen.add(key.value)
        _refuse_odd_keys(value)


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
    return _line_of(node)


def _child(node: yaml.Node, step: int | str) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == step), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step]  # type: ignore[no-any-return]
    return None


def _program(document: ProgramIn, version: int) -> Program:
    return Program(
        version=version,
        id=document.program,
        name=document.name.model_dump(),
        currency=document.currency,
        expire_after_months=document.points.expire_after_months,
        spent_then_returned=document.points.spent_then_returned,
        earning=tuple(EarningRule(r.id, r.points, r.per, r.text.model_dump()) for r in document.earning),
        rewards={r.id: Reward(r.id, r.points, r.value, r.valid_days, r.text.model_dump()) for r in document.rewards},
    )
