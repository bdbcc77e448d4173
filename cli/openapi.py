"""The OpenAPI document, from the code of the API: `docs/openapi.json`, which the gateway is built from in turn."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.openapi.models import (
    OAuth2,
    OAuthFlowClientCredentials,
    OAuthFlows,
    SecurityScheme,
)

from cli import catalogue, programs
from functions.accrual.api import app as accrual
from functions.enrolment.api import app as enrolment
from functions.enrolment.links_api import app as links
from functions.ledger.api import app as ledger
from functions.lifecycle.api import app as lifecycle
from functions.lifecycle.sandbox_api import app as sandbox
from functions.notifications.api import app as notifications
from functions.program.api import app as program
from functions.redemption.api import app as redemption
from functions.runtime.http import LARGEST_BODY
from functions.webhooks.api import app as webhooks

FILE = Path(__file__).parent.parent / "docs" / "openapi.json"

APPS: Mapping[str, APIGatewayHttpResolver] = {
    "enrolment-api": enrolment,
    "enrolment-links-api": links,
    "ledger-api": ledger,
    "accrual-api": accrual,
    "redemption-api": redemption,
    "lifecycle-api": lifecycle,
    "lifecycle-sandbox-api": sandbox,
    "notifications-api": notifications,
    "program-api": program,
    "webhooks-api": webhooks,
}

PROBLEMS = {
    "400": "The body is not a JSON object.",
    "404": "What the request names does not exist.",
    "409": "The state of the programme or of the account forbids it.",
    "413": f"The body is larger than {LARGEST_BODY} bytes.",
    "415": "The body is not JSON by its content type.",
    "422": "The input is invalid (`errors` names every bad field), or the operation id was used with another payload.",
    "503": "Too busy; nothing was written. Repeat with the same operation id after `Retry-After` seconds.",
}
GATEWAY_ERRORS = {
    "401": "No valid token. Answered by the gateway, before any function is called.",
    "403": "The token lacks the scope. Answered by the gateway, before any function is called.",
}
COMPONENTS: Mapping[str, Any] = {
    "Problem": {
        "type": "object",
        "description": "A problem document (RFC 9457). `code` is stable; `detail` is for people.",
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "code": {"type": "string"},
            "detail": {"type": "string"},
            "errors": {"type": "array", "items": {"$ref": "#/components/schemas/FieldError"}},
        },
        "required": ["type", "title", "status", "code", "detail"],
    },
    "FieldError": {
        "type": "object",
        "description": "One bad field: a JSON pointer into the body, or `query:`, `header:`, `path:` and a name.",
        "properties": {name: {"type": "string"} for name in ("pointer", "code", "detail")},
        "required": ["pointer", "code", "detail"],
    },
    "GatewayError": {
        "type": "object",
        "properties": {"message": {"type": "string"}},
        "required": ["message"],
    },
}
SCOPE_MISSING = (
    "The token lacks the scope: answered by the gateway, before any function is called; or the scope that is needed to "
    "use an e-mail address or a phone number: `scope_missing`, answered before anything is looked up."
)
_USING_ADDRESSES = {
    "post_member",
    "post_purchase",
    "calculate_purchase",
    "post_activity",
    "post_redemption",
    "patch_member",
}
_GENERATED = ("HTTPValidationError", "ValidationError", "ResponseValidationError")


def document() -> dict[str, Any]:
    """The whole contract as one OpenAPI 3.1 document; `x-function` names the function behind each operation."""
    parts = {function: _part(app) for function, app in APPS.items()}
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = dict(COMPONENTS)
    for function, part in parts.items():
        schemas |= {name: schema for name, schema in part["components"]["schemas"].items() if name not in _GENERATED}
        for path, operations in part["paths"].items():
            finished = {method: _finished(operation, function) for method, operation in operations.items()}
            paths.setdefault(path, {}).update(finished)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Fidelio",
            "version": "1.0.0",
            "description": "A loyalty programme you own. Money is an integer in minor units; times are UTC.",
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": {"oauth2": _security(_scopes(paths))}},
    }


def _part(app: APIGatewayHttpResolver) -> dict[str, Any]:
    flows = OAuthFlows(clientCredentials=OAuthFlowClientCredentials(tokenUrl="/oauth2/token", scopes={}))
    schemes: dict[str, SecurityScheme] = {"oauth2": OAuth2(flows=flows)}
    text = app.get_openapi_json_schema(
        title="Fidelio", version="1.0.0", openapi_version="3.1.0", security_schemes=schemes
    )
    part: dict[str, Any] = json.loads(text)
    return part


def _finished(operation: Mapping[str, Any], function: str) -> dict[str, Any]:
    """An operation with our problems instead of the library's, and the name of its function."""
    secured = bool(operation.get("security"))
    answers = {status: answer for status, answer in operation["responses"].items() if status.startswith("2")}
    if "204" in answers:
        answers["204"] = {"description": "Done; there is nothing to say."}
    answers |= {status: _answer(text, "application/problem+json", "Problem") for status, text in PROBLEMS.items()}
    if any(one["name"].lower() == "if-match" for one in operation.get("parameters", ())):
        answers["412"] = _answer("It is not in the state that If-Match names.", "application/problem+json", "Problem")
    if any(one["name"] == "code" and one["in"] == "path" for one in operation.get("parameters", ())):
        guessed = "Too many codes were nobody's. Wait `Retry-After` seconds."
        answers["429"] = _answer(guessed, "application/problem+json", "Problem")
    if secured:
        answers |= {
            status: _answer(text, "application/json", "GatewayError") for status, text in GATEWAY_ERRORS.items()
        }
    name = operation["operationId"].split("_v1_")[0]
    if name in _USING_ADDRESSES:
        ours = _answer(SCOPE_MISSING, "application/problem+json", "Problem")
        answers["403"] = ours | {"content": answers["403"]["content"] | ours["content"]}
    return {
        **operation,
        "operationId": name,
        "responses": answers,
        "security": operation.get("security") or [],
        "x-function": function,
    }


def _answer(description: str, content_type: str, schema: str) -> dict[str, Any]:
    content = {content_type: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": description, "content": content}


def _scopes(paths: Mapping[str, Any]) -> list[str]:
    needs = [need for operations in paths.values() for one in operations.values() for need in one["security"]]
    return sorted({scope for need in needs for scope in need["oauth2"]})


def _security(scopes: list[str]) -> dict[str, Any]:
    flow = {"tokenUrl": "/oauth2/token", "scopes": {scope: scope.partition("/")[2] for scope in scopes}}
    return {"type": "oauth2", "flows": {"clientCredentials": flow}}


def text() -> str:
    return json.dumps(document(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def write() -> Path:
    FILE.write_text(text())
    return FILE


if __name__ == "__main__":
    write()
    programs.SCHEMA.write_text(programs.schema_text())
    catalogue.write()
