"""The part of DynamoDB's expression language that our stores speak; anything else is refused loudly.

condition   <test> AND <test> OR <test> …      test: `#a = :b` (and <> < <= > >=), `attribute_[not_]exists(#a)`
update      SET #a = :b, #c = :d, or ADD #a :b, or REMOVE #a, #b, also after a SET
"""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypeAlias

Wire: TypeAlias = dict[str, Any]
"""An item as the API carries it: `{"n": {"N": "1"}}`. Never changed in place."""

_COMPARISON = re.compile(r"(#\w+) (=|<>|<|<=|>|>=) (:\w+)")
_ADDITION = re.compile(r"ADD (#\w+) (:\w+)")
_REMOVAL = re.compile(r"REMOVE #\w+(, #\w+)*")
_EXISTENCE = re.compile(r"attribute_(not_)?exists\((#\w+)\)")
_ASSIGNMENT = re.compile(r"(#\w+) = (:\w+)")
_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

Test: TypeAlias = tuple[str, str, str]
"""Operator, name, value."""


class UnknownExpressionError(NotImplementedError):
    """The stand-in does not know this expression: teach it, with a case in `test_dynamodb.py`."""


@cache
def _parsed(condition: str) -> Sequence[Sequence[Test]]:
    return [[_test(text) for text in alternative.split(" AND ")] for alternative in condition.split(" OR ")]


def _test(text: str) -> Test:
    if found := _COMPARISON.fullmatch(text):
        return found[2], found[1], found[3]
    if found := _EXISTENCE.fullmatch(text):
        return ("absent" if found[1] else "present"), found[2], ""
    raise UnknownExpressionError(text)


def holds(condition: str, item: Wire | None, names: Mapping[str, str], values: Wire) -> bool:
    """Whether a condition is true of an item (None: there is none)."""
    return any(all(_true(test, item or {}, names, values) for test in tests) for tests in _parsed(condition))


def _true(test: Test, item: Wire, names: Mapping[str, str], values: Wire) -> bool:
    kind, name, value = test
    found = item.get(names[name])
    if kind in {"absent", "present"}:
        return (found is None) == (kind == "absent")
    wanted = values[value]
    if kind == "=":
        return bool(found == wanted)
    if kind == "<>":
        return bool(found != wanted)
    # what is not there, or of another type, compares with nothing
    return found is not None and found.keys() == wanted.keys() and _OPERATORS[kind](plain(found), plain(wanted))


def changed(update: str, item: Wire, names: Mapping[str, str], values: Wire) -> dict[str, Any]:
    """What an update makes of the attributes that it names; None of those that it removes."""
    if found := _ADDITION.fullmatch(update):
        name = names[found[1]]
        return {name: {"N": str(plain(item.get(name, {"N": "0"})) + plain(values[found[2]]))}}
    if _REMOVAL.fullmatch(update):
        return dict.fromkeys((names[name] for name in re.findall(r"#\w+", update)), None)
    if not update.startswith("SET "):
        raise UnknownExpressionError(update)
    update, _, removal = update.partition(" REMOVE ")
    result: dict[str, Any] = dict.fromkeys((names[name] for name in re.findall(r"#\w+", removal)), None)
    for text in update.removeprefix("SET ").split(", "):
        found = _ASSIGNMENT.fullmatch(text)
        if not found:
            raise UnknownExpressionError(text)
        result[names[found[1]]] = values[found[2]]
    return result


def plain(value: Mapping[str, Any]) -> Any:
    """A number or a text as Python orders it."""
    return int(value["N"]) if "N" in value else value["S"]


def unused(expressions: str, names: Mapping[str, str], values: Wire) -> list[str]:
    """Names and values that no expression uses, or that an expression uses and nobody gave: DynamoDB refuses both."""
    return sorted(set(re.findall(r"[#:]\w+", expressions)) ^ {*names, *values})
