"""A programme as plain values and back: what is kept beside the file of a version, so that a function that judges need
not read YAML and check a grammar at every cold start. Pure.

Only values of `model.py` come back. A version that other code had stored does not (`FORMAT`); its file is read instead.
"""

import dataclasses
import hashlib
from collections.abc import Mapping
from datetime import date, time
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from functions.program import model

_KINDS: Mapping[str, Any] = {
    name: kind for name, kind in vars(model).items() if isinstance(kind, type) and dataclasses.is_dataclass(kind)
}
FORMAT = hashlib.sha256(
    repr([(name, [field.name for field in dataclasses.fields(kind)]) for name, kind in sorted(_KINDS.items())]).encode()
).hexdigest()[:16]
"""Names the shape of the model: another one after any change of it."""


def to_plain(value: object) -> Any:
    """Numbers, texts, lists and maps that say the same. Raises TypeError for what no programme holds."""
    match value:
        case None | bool() | int() | str():
            return value
        case Fraction():
            return {"fraction": [value.numerator, value.denominator]}
        case date():
            return {"date": value.isoformat()}
        case time():
            return {"time": value.isoformat()}
        case ZoneInfo():
            return {"zone": value.key}
        case frozenset():
            return {"set": sorted(value, key=repr)}
        case list() | tuple():
            return [to_plain(one) for one in value]
        case Mapping():
            return {"map": {name: to_plain(one) for name, one in value.items()}}
    name = type(value).__name__
    if _KINDS.get(name) is not type(value):
        raise TypeError(f"{name} is not part of a programme")
    given = {field.name: getattr(value, field.name) for field in dataclasses.fields(_KINDS[name])}
    return {name: {field: to_plain(one) for field, one in given.items() if not _is_default(_KINDS[name], field, one)}}


def from_plain(plain: Any) -> Any:
    """What `to_plain` was given; lists come back as tuples."""
    if isinstance(plain, list):
        return tuple([from_plain(one) for one in plain])
    if not isinstance(plain, dict):
        return plain
    [(name, content)] = plain.items()
    match name:
        case "map":
            return {key: from_plain(one) for key, one in content.items()}
        case "fraction":
            return Fraction(*content)
        case "set":
            return frozenset(content)
        case "date":
            return date.fromisoformat(content)
        case "time":
            return time.fromisoformat(content)
        case "zone":
            return ZoneInfo(content)
    return _KINDS[name](**{field: from_plain(one) for field, one in content.items()})


def _is_default(kind: Any, name: str, value: object) -> bool:
    field = kind.__dataclass_fields__[name]
    default = field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default
    return default is not dataclasses.MISSING and type(default) is type(value) and bool(default == value)
