"""Reading a programme file: YAML for people, checked as a whole, every mistake named with its line.

The shape of a file is `grammar.py`. YAML is read as people mean it: `on`, `off`, `yes` and `no` are words, 14:00 is not
a number to the base of sixty, and 1.2 is exactly 12 for 10.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal, InvalidOperation

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from functions.program import references
from functions.program.grammar import ProgramIn
from functions.program.model import Program
from functions.runtime.errors import FieldError, InvalidError
from functions.runtime.validation import field_errors

LARGEST_FILE = 200_000
"""Bytes; well under the 400 KB of a table item."""

_DEEPEST = 30


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML 1.1 without its surprises."""


def _resolvers() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    plain = {
        "tag:yaml.org,2002:bool": (re.compile(r"^(?:true|false)$"), "tf"),
        "tag:yaml.org,2002:int": (re.compile(r"^[-+]?(?:0|[1-9][0-9]*)$"), "-+0123456789"),
        "tag:yaml.org,2002:float": (re.compile(r"^[-+]?[0-9]+\.[0-9]+$"), "-+0123456789"),
        "tag:yaml.org,2002:timestamp": (re.compile(r"^\d{4}-\d{2}-\d{2}$"), "0123456789"),
        "tag:yaml.org,2002:null": (re.compile(r"^(?:~|null|)$"), "~n\0"),
    }
    found: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
    for tag, (pattern, starts) in plain.items():
        for start in starts:
            found.setdefault("" if start == "\0" else start, []).append((tag, pattern))
    return found


def _decimal(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> Decimal:
    return Decimal(loader.construct_scalar(node))


_Loader.yaml_implicit_resolvers = _resolvers()
_Loader.add_constructor("tag:yaml.org,2002:float", _decimal)


def read(text: str, version: int = 0) -> Program:
    """Check a programme file and build the programme from it.

    Raises InvalidError that names every mistake: the pointer into the document, and in the detail its line.
    """
    try:
        document = ProgramIn.model_validate(read_values(text))
    except ValidationError as error:
        raise with_lines(error, text) from None
    if mistakes := list(references.mistakes(document)):
        details = [{"type": code, "loc": path, "msg": problem, "input": None} for path, code, problem in mistakes]
        raise InvalidError(_with_lines(details, _compose(text), exact=True))  # type: ignore[arg-type]
    return document.build(version)


def read_values(text: str) -> object:
    """What a file says as plain values, with nothing but its YAML checked. Raises InvalidError."""
    root = _compose(text)
    try:
        return _Loader(text).get_data()
    except (yaml.YAMLError, ValueError, OverflowError, InvalidOperation) as error:
        raise _not_yaml(_line_of_the_impossible(root), "such a date or number does not exist") from error


def with_lines(error: ValidationError, text: str) -> InvalidError:
    """What pydantic found in the values of a file, with the lines."""
    return InvalidError(_with_lines(error.errors(include_url=False), _compose(text)))


def line_of(text: str, path: tuple[int | str, ...]) -> int:
    """The line on which what a path names stands in a file that could be read."""
    return _line(_compose(text), path)


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


def _with_lines(details: Iterable[ErrorDetails], root: yaml.Node, *, exact: bool = False) -> list[FieldError]:
    """What is wrong where. A value that may be of several shapes is told off once, and without their names; `exact`:
    the paths are the file's own already."""
    found: dict[str, FieldError] = {}
    for detail in details:
        path = detail["loc"] if exact else _as_written(root, detail["loc"], missing=detail["type"] == "missing")
        [error] = field_errors([{**detail, "loc": ("body", *path)}])
        told = replace(error, detail=f"line {_line(root, path)}: {error.detail}")
        found.setdefault(told.pointer, told)
    return list(found.values())


def _as_written(node: yaml.Node | None, path: tuple[int | str, ...], *, missing: bool) -> tuple[int | str, ...]:
    """A path without the steps that only name one of several shapes; the last step may be what is missing."""
    written: list[int | str] = []
    for i, step in enumerate(path):
        below = _child(node, step) if node is not None else None
        if below is not None or (missing and i == len(path) - 1):
            written.append(step)
            node = below if below is not None else node
    return tuple(written)


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
