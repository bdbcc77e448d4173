"""Conditions in CEL (cel.dev): compiled once, bounded, checked against what they may name. Pure.

A condition sees `purchase` (or `activity`), `member` and, in a line filter, `line`:

    purchase  store, channel, payment_method, attributes, total, occurred_at (text, local), weekday (1 is Monday)
    activity  type, attributes, occurred_at, weekday
    member    tier, segments, attributes, purchases (so far), days_enrolled
    line      sku, brand, categories, amount, quantity, discounted, attributes

What is not known of a purchase is an empty text, an attribute that is not there makes the condition fail.
"""

import importlib
import re
import sys
from collections.abc import Mapping
from functools import lru_cache
from types import ModuleType
from typing import Any, TypeAlias

LONGEST = 500

Facts: TypeAlias = Mapping[str, Any]

_FIELDS: Mapping[str, frozenset[str]] = {
    "purchase": frozenset({"store", "channel", "payment_method", "attributes", "total", "occurred_at", "weekday"}),
    "activity": frozenset({"type", "attributes", "occurred_at", "weekday"}),
    "member": frozenset({"tier", "segments", "attributes", "purchases", "days_enrolled"}),
    "line": frozenset({"sku", "brand", "categories", "amount", "quantity", "discounted", "attributes"}),
}
_SAMPLE: Facts = {
    "purchase": {
        "store": "s",
        "channel": "c",
        "payment_method": "p",
        "attributes": {},
        "total": 1,
        "occurred_at": "2026-01-01T10:00:00",
        "weekday": 1,
    },
    "activity": {"type": "t", "attributes": {}, "occurred_at": "2026-01-01T10:00:00", "weekday": 1},
    "member": {"tier": "t", "segments": ["s"], "attributes": {}, "purchases": 1, "days_enrolled": 1},
    "line": {
        "sku": "s",
        "brand": "b",
        "categories": ["c"],
        "amount": 1,
        "quantity": 1,
        "discounted": False,
        "attributes": {},
    },
}
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"' + r"|'(?:[^'\\]|\\.)*'")
_LOOP = re.compile(r"\.\s*(all|exists|exists_one|map|filter)\s*\(\s*([A-Za-z_]?\w*)")
_FIELD = re.compile(r"\b(purchase|activity|member|line)\s*\.\s*([A-Za-z_]\w*)")


def roots(expression: str) -> set[str]:
    """Which of `purchase`, `activity`, `member` and `line` a condition that compiles names."""
    return set(_library().compile(expression).variables()) & set(_FIELDS)


class CelError(ValueError):
    """What is wrong with a condition."""


class Condition:
    """A compiled condition."""

    def __init__(self, expression: str) -> None:
        self._program = _library().compile(expression)

    def holds(self, facts: Facts) -> bool:
        """Whether it is true. What it cannot be asked of (an attribute that is not there) is not true."""
        try:
            return self._program.execute(dict(facts)) is True
        except (LookupError, TypeError, ValueError, RuntimeError, ArithmeticError):
            return False


@lru_cache(maxsize=1000)
def compiled(expression: str) -> Condition:
    """A condition, once it is known to be one. Raises CelError that says what is wrong."""
    if len(expression) > LONGEST:
        raise CelError(f"A condition has at most {LONGEST} characters")
    try:
        condition = Condition(expression)
        program = _library().compile(expression)
        names = set(program.variables())
    except (ValueError, RuntimeError) as error:
        raise CelError(f"This is not CEL: {str(error).splitlines()[0][:200]}") from None
    code = _TEXT.sub("''", expression)
    _check_loops(code)
    _check_names(code, names)
    _check_types(program)
    return condition


def _check_loops(code: str) -> None:
    """Loops within loops could take for ever: one is enough for what conditions are for."""
    loops = [(kind, name) for kind, name in _LOOP.findall(code)]
    if len(loops) > 1 or any(kind in {"map", "filter"} or name in _FIELDS for kind, name in loops):
        raise CelError("A condition may loop once, with all or exists, and not with map or filter")


def _check_names(code: str, names: set[str]) -> None:
    bound = {name for _kind, name in _LOOP.findall(code)}
    for name in sorted(names - bound - set(_FIELDS)):
        raise CelError(f"There is no {name}: a condition knows {', '.join(_FIELDS)}")
    for root, field in _FIELD.findall(code):
        if field not in _FIELDS[root]:
            raise CelError(f"{root} has no {field}: it has {', '.join(sorted(_FIELDS[root]))}")


def _check_types(program: Any) -> None:
    """Run it once on a sample: an unknown attribute may be of any type, everything else has one."""
    try:
        result = program.execute(dict(_SAMPLE))
    except LookupError:
        return  # an attribute that may be there, or a list that may be longer
    except (TypeError, ValueError, RuntimeError, ArithmeticError) as error:
        raise CelError(f"This cannot be computed: {str(error).splitlines()[0][:200]}") from None
    if not isinstance(result, bool):
        raise CelError("A condition should be true or false")


@lru_cache(maxsize=1)
def _library() -> Any:
    """The library without the command line that it imports and that is not in the Lambda package."""
    sys.modules.setdefault("cel.cli", ModuleType("cel.cli"))
    return importlib.import_module("cel")
