"""moto, without the detour that takes most of its time.

It looks for each value of an item under all ten types a value can have, and under four names for each of them. Here it
takes the one that is there. What it answers stays the same: `test_quick_moto.py` compares.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from moto.core.serialize import BaseJSONSerializer

_slowly: Any = BaseJSONSerializer._serialize_type_structure


def _serialized(self: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
    if shape.name != "AttributeValue" or type(value) is not dict or not value.keys() <= shape.members.keys():
        _slowly(self, serialized, value, shape, key)
        return
    found: dict[str, Any] = {}
    for name, one in value.items():
        self._serialize_structure_member(found, {name: one}, shape.members[name], name)
    self._default_serialize(serialized, found, shape, key)


@contextmanager
def quick_moto() -> Iterator[None]:
    with patch.object(BaseJSONSerializer, "_serialize_type_structure", _serialized):
        yield
