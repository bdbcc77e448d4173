"""Attributes that a programme file declares with their types: what is wrong with those that come. Pure."""

from collections.abc import Mapping

from functions.program.model import AttributeKind, Word
from functions.runtime.errors import FieldError

_TYPES: Mapping[str, type] = {"text": str, "number": int, "yes_no": bool}
_TYPE_NAMES = {"text": "text", "number": "a whole number", "yes_no": "true or false"}


def wrong_attributes(
    attributes: Mapping[str, Word | None], declared: Mapping[str, AttributeKind], there_is: str
) -> list[FieldError]:
    """One error for each that is not declared or of another type; None is of every type. `there_is` introduces the
    names that are declared."""
    errors = []
    for name, value in attributes.items():
        pointer = f"/attributes/{name}"
        if name not in declared:
            known = ", ".join(declared) or "none"
            errors.append(FieldError(pointer, "unknown_attribute", f"{there_is}: {known}."))
        elif value is not None and type(value) is not _TYPES[declared[name]]:
            errors.append(FieldError(pointer, "attribute_type", f"It should be {_TYPE_NAMES[declared[name]]}."))
    return errors
