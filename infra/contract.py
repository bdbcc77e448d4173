"""What the published contract, docs/openapi.json, says of routing: who serves an operation, and who may call."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONTRACT = Path(__file__).parent.parent / "docs" / "openapi.json"
RESOURCE_SERVER = "loyalty"
_METHODS = frozenset({"get", "put", "post", "patch", "delete"})


class ContractError(ValueError):
    """An operation of the contract that cannot be routed as it is written."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method on one path. Any one of `scopes` lets a caller in; none at all means that it is public."""

    method: str
    path: str
    function: str
    scopes: tuple[str, ...]


def operations(document: Any = None) -> tuple[Operation, ...]:
    """Every operation of the contract. Raises ContractError for one without a function or clear access."""
    paths = (document or json.loads(CONTRACT.read_text()))["paths"]
    return tuple(
        _operation(method, path, fields)
        for path, item in paths.items()
        for method, fields in item.items()
        if method in _METHODS
    )


def scopes(of: tuple[Operation, ...]) -> tuple[str, ...]:
    """Every scope that some operation asks for, such as `loyalty/members.read`, in alphabetical order."""
    return tuple(sorted({scope for operation in of for scope in operation.scopes}))


def _operation(method: str, path: str, fields: dict[str, Any]) -> Operation:
    where = f"{method.upper()} {path}"
    if "x-function" not in fields:
        raise ContractError(f"{where} names no x-function")
    # A forgotten `security` must not open a route: public is written out, as an empty list.
    if "security" not in fields:
        raise ContractError(f"{where} has no security; write [] for a public operation")
    return Operation(
        method=method.upper(),
        path=path,
        function=fields["x-function"],
        scopes=tuple(_scope(requirement, where) for requirement in fields["security"]),
    )


def _scope(requirement: dict[str, list[str]], where: str) -> str:
    # OpenAPI wants all scopes of one requirement, the gateway accepts any one of a route's: with exactly one
    # scope per requirement both mean the same.
    match requirement:
        case {"oauth2": [str(scope)]} if scope.startswith(f"{RESOURCE_SERVER}/"):
            return scope
    raise ContractError(f"{where}: expected one oauth2 scope of {RESOURCE_SERVER}/, found {requirement}")
