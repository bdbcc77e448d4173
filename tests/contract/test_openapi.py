"""docs/openapi.json: the code's own, valid, and what the contract with partners promised so far."""

import json
import re
from typing import Any

import pytest
from jsonschema import ValidationError
from openapi_spec_validator import OpenAPIV31SpecValidator

from cli import openapi
from tests.contract import schemas

PROMISED = {
    "POST /v1/members",
    "GET /v1/members",
    "GET /v1/members/{member_id}",
    "PATCH /v1/members/{member_id}",
    "DELETE /v1/members/{member_id}",
    "POST /v1/members/{member_id}/suspend",
    "POST /v1/members/{member_id}/reinstate",
    "POST /v1/members/{member_id}/merge",
    "GET /v1/members/{member_id}/export",
    "GET /v1/members/{member_id}/audit",  # who changed a member: what support is asked first
    "GET /v1/members/{member_id}/card",  # a card that we issued must be shown at a till somehow
    "GET /v1/members/{member_id}/balance",
    "GET /v1/members/{member_id}/ledger",
    "GET /v1/members/{member_id}/tier",
    "GET /v1/members/{member_id}/rewards",
    "POST /v1/purchases",
    "GET /v1/purchases/{purchase_id}",
    "POST /v1/purchases/{purchase_id}/returns",
    "POST /v1/activities",
    "POST /v1/activities/{activity_id}/confirm",  # a review that a person must read first: what it earns waits
    "POST /v1/activities/{activity_id}/decline",
    "POST /v1/members/{member_id}/adjustments",
    "POST /v1/purchases/calculate",
    "POST /v1/batches",
    "GET /v1/rewards",
    "GET /v1/rewards/{reward_id}",
    "POST /v1/rewards/{reward_id}/stock",  # pieces come in and go out while a version of the programme is in force
    "POST /v1/redemptions",
    "GET /v1/redemptions/{redemption_id}",
    "POST /v1/redemptions/{redemption_id}/capture",
    "POST /v1/redemptions/{redemption_id}/cancel",
    "POST /v1/redemptions/{redemption_id}/refund",
    "POST /v1/redemptions/{redemption_id}/fulfilment",  # who hands a reward over, or cannot, must say so
    "GET /v1/vouchers/{code}",
    "GET /v1/vouchers/{code}/qr",  # a code is shown at a till to be scanned
    "POST /v1/vouchers/{code}/use",
    "GET /v1/program",
    "PUT /v1/program/draft",
    "POST /v1/program/draft/check",
    "POST /v1/program/versions",
    "GET /v1/program/versions",
    "GET /v1/program/versions/{version}",
    "POST /v1/program/versions/{version}/activate",
    "GET /v1/members/{member_id}/messages",
    "POST /v1/members/{member_id}/messages/{message_id}/read",  # an inbox shows what is new
    "GET /v1/members/{member_id}/deliveries",  # what became of a mail: what support is asked first
    "GET /v1/unsubscribe/{token}",  # what the link in a mail opens, and what a mail program calls by itself (RFC 8058)
    "POST /v1/unsubscribe/{token}",
    "GET /v1/members/{member_id}/preferences",
    "PUT /v1/members/{member_id}/preferences",
    "GET /v1/webhooks",
    "POST /v1/webhooks",
    "GET /v1/webhooks/{webhook_id}",
    "PATCH /v1/webhooks/{webhook_id}",
    "DELETE /v1/webhooks/{webhook_id}",
    "GET /v1/webhooks/{webhook_id}/deliveries",
    "POST /v1/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver",
    "GET /v1/events",  # for who was away longer than a webhook is tried, or cannot be called at all
    "GET /v1/reports/{report}",
    "GET /v1/sandbox/clock",
    "POST /v1/sandbox/clock",
    "GET /v1/health",
}
"""The whole contract. A path that is not in it is none of it."""

KEPT = {
    "POST /v1/members",
    "GET /v1/members",
    "GET /v1/members/{member_id}",
    "PATCH /v1/members/{member_id}",
    "DELETE /v1/members/{member_id}",
    "POST /v1/members/{member_id}/suspend",
    "POST /v1/members/{member_id}/reinstate",
    "POST /v1/members/{member_id}/merge",
    "GET /v1/members/{member_id}/export",
    "GET /v1/members/{member_id}/audit",
    "GET /v1/members/{member_id}/card",
    "GET /v1/members/{member_id}/preferences",
    "PUT /v1/members/{member_id}/preferences",
    "GET /v1/members/{member_id}/balance",
    "GET /v1/members/{member_id}/ledger",
    "GET /v1/members/{member_id}/rewards",
    "GET /v1/members/{member_id}/tier",
    "GET /v1/members/{member_id}/messages",
    "POST /v1/members/{member_id}/messages/{message_id}/read",
    "GET /v1/members/{member_id}/deliveries",
    "GET /v1/unsubscribe/{token}",
    "POST /v1/unsubscribe/{token}",
    "POST /v1/purchases",
    "GET /v1/purchases/{purchase_id}",
    "POST /v1/purchases/{purchase_id}/returns",
    "POST /v1/purchases/calculate",
    "POST /v1/activities",
    "POST /v1/activities/{activity_id}/confirm",
    "POST /v1/activities/{activity_id}/decline",
    "POST /v1/members/{member_id}/adjustments",
    "POST /v1/batches",
    "GET /v1/rewards",
    "GET /v1/rewards/{reward_id}",
    "POST /v1/rewards/{reward_id}/stock",
    "POST /v1/redemptions",
    "GET /v1/redemptions/{redemption_id}",
    "POST /v1/redemptions/{redemption_id}/capture",
    "POST /v1/redemptions/{redemption_id}/cancel",
    "POST /v1/redemptions/{redemption_id}/refund",
    "POST /v1/redemptions/{redemption_id}/fulfilment",
    "GET /v1/vouchers/{code}",
    "GET /v1/vouchers/{code}/qr",
    "POST /v1/vouchers/{code}/use",
    "GET /v1/program",
    "PUT /v1/program/draft",
    "POST /v1/program/draft/check",
    "POST /v1/program/versions",
    "GET /v1/program/versions",
    "GET /v1/program/versions/{version}",
    "POST /v1/program/versions/{version}/activate",
    "GET /v1/webhooks",
    "POST /v1/webhooks",
    "GET /v1/webhooks/{webhook_id}",
    "PATCH /v1/webhooks/{webhook_id}",
    "DELETE /v1/webhooks/{webhook_id}",
    "GET /v1/webhooks/{webhook_id}/deliveries",
    "POST /v1/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver",
    "GET /v1/events",
    "GET /v1/sandbox/clock",
    "POST /v1/sandbox/clock",
    "GET /v1/health",
}
"""What a partner may use already: it grows, and nothing goes from it."""

CREATING = {
    "/v1/members",
    "/v1/purchases",
    "/v1/purchases/{purchase_id}/returns",
    "/v1/activities",
    "/v1/members/{member_id}/adjustments",
    "/v1/redemptions",
    "/v1/program/versions",
    "/v1/webhooks",
}
"""Where a POST makes something, out of its body."""

DECIDING = {"/v1/activities/{activity_id}/confirm", "/v1/activities/{activity_id}/decline"}
"""Where a POST makes an entry without a body: the path says it all."""

READING = {"POST /v1/program/draft/check", "POST /v1/purchases/calculate"}
"""Where a POST changes nothing: who may read may ask."""

KEYED = {
    "POST /v1/members",
    "PATCH /v1/members/{member_id}",
    "DELETE /v1/members/{member_id}",
    "POST /v1/members/{member_id}/suspend",
    "POST /v1/members/{member_id}/reinstate",
    "POST /v1/members/{member_id}/merge",
    "PUT /v1/members/{member_id}/preferences",
    "POST /v1/redemptions",
    "POST /v1/rewards/{reward_id}/stock",
    "POST /v1/vouchers/{code}/use",
    "POST /v1/webhooks",
}
"""What has no id of its own, and takes one in a header."""

OF_TWO = {
    ("403", name)
    for name in (
        "post_member",
        "post_purchase",
        "calculate_purchase",
        "post_activity",
        "post_redemption",
        "patch_member",
    )
}
"""What the gateway may answer, and we too."""

PAGED = {
    "/v1/members/{member_id}/ledger",
    "/v1/members/{member_id}/audit",
    "/v1/members/{member_id}/messages",
    "/v1/program/versions",
    "/v1/webhooks/{webhook_id}/deliveries",
}

PUBLIC = {"/v1/health", "/v1/unsubscribe/{token}"}
"""What needs no token: that it runs is no secret, and a link in a mail is one itself."""

PAGES = {"/v1/unsubscribe/{token}"}
"""What people open, and answers in HTML."""

OTHERWISE = {"delete_webhook": "204", "redeliver": "202"}
"""What succeeds, but neither with an answer (200) nor with something new (201)."""

OPERATIONS = [pytest.param(*operation, id=f"{operation[0]} {operation[1]}") for operation in schemas.operations()]
every_operation = pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS)


def test_the_document_is_what_the_code_says() -> None:
    assert openapi.FILE.read_text() == openapi.text(), "write it anew: make openapi"


def test_the_document_is_valid_openapi() -> None:
    OpenAPIV31SpecValidator(schemas.openapi()).validate()


def test_every_path_is_one_of_the_contract_and_none_has_gone() -> None:
    there = {f"{method} {path}" for method, path, _ in schemas.operations()}
    assert there - PROMISED == set()
    assert KEPT - there == set()
    assert KEPT <= PROMISED


def test_every_operation_has_a_name_of_its_own() -> None:
    names = [operation["operationId"] for _, _, operation in schemas.operations()]
    assert sorted(names) == sorted(set(names))


@every_operation
def test_an_operation_says_what_it_is_and_who_may_call_it(method: str, path: str, operation: Any) -> None:
    assert operation["summary"]
    assert operation["tags"]
    assert operation["x-function"]
    scopes = [scope for need in operation["security"] for scope in need["oauth2"]]
    if path in PUBLIC:
        assert scopes == []
        return
    [scope] = scopes
    reads = method == "GET" or f"{method} {path}" in READING
    assert re.fullmatch(rf"loyalty/[a-z]+\.{'read' if reads else 'write'}", scope)
    assert scope in schemas.openapi()["components"]["securitySchemes"]["oauth2"]["flows"]["clientCredentials"]["scopes"]


@every_operation
def test_an_operation_names_every_answer_with_its_schema(method: str, path: str, operation: Any) -> None:
    answers = operation["responses"]
    success = "201" if method == "POST" and path in CREATING | DECIDING else "200"
    assert OTHERWISE.get(operation["operationId"], success) in answers
    assert {"400", "404", "409", "422", "503"} <= set(answers)
    for status, answer in answers.items():
        if status == "204":
            assert "content" not in answer
            continue
        content_type, *others = answer["content"]
        assert others == (["application/problem+json"] if (status, operation["operationId"]) in OF_TWO else [])
        success_as = "text/html" if path in PAGES else "application/json"
        expected = "application/problem+json" if status >= "400" else success_as
        assert content_type == ("application/json" if status in {"401", "403"} else expected)
        assert answer["content"][content_type]["schema"]


@every_operation
def test_only_who_asks_for_a_code_may_be_told_to_wait(method: str, path: str, operation: Any) -> None:
    assert ("429" in operation["responses"]) is ("{code}" in path)


@pytest.mark.parametrize("path", sorted(CREATING))
def test_an_operation_with_a_body_names_the_answer_to_what_is_no_json(path: str) -> None:
    assert "415" in schemas.openapi()["paths"][path]["post"]["responses"]


@every_operation
def test_a_write_of_value_is_idempotent_by_a_key_or_by_its_own_id(method: str, path: str, operation: Any) -> None:
    headers = {one["name"].lower(): one for one in operation.get("parameters", []) if one["in"] == "header"}
    needs_key = f"{method} {path}" in KEYED
    assert ("idempotency-key" in headers) is needs_key
    if needs_key:
        assert headers["idempotency-key"]["required"]


@every_operation
def test_only_a_change_of_a_profile_may_ask_for_a_state_of_it(method: str, path: str, operation: Any) -> None:
    headers = {one["name"].lower() for one in operation.get("parameters", []) if one["in"] == "header"}
    conditional = f"{method} {path}" == "PATCH /v1/members/{member_id}"
    assert ("if-match" in headers) is conditional
    assert ("412" in operation["responses"]) is conditional


@every_operation
def test_every_variable_of_a_path_is_described(method: str, path: str, operation: Any) -> None:
    described = {one["name"] for one in operation.get("parameters", []) if one["in"] == "path"}
    assert described == set(re.findall(r"\{(\w+)\}", path))


@every_operation
def test_a_list_is_read_in_pages(method: str, path: str, operation: Any) -> None:
    names = {one["name"] for one in operation.get("parameters", []) if one["in"] == "query"}
    pages = path in PAGED and method == "GET"
    assert ({"limit", "cursor"} <= names) is pages


@pytest.mark.parametrize("name", sorted(schemas.openapi()["components"]["schemas"]))
def test_a_body_that_comes_in_allows_no_unknown_fields(name: str) -> None:
    schema = schemas.openapi()["components"]["schemas"][name]
    if name.endswith(("In", "Ref")):
        assert schema["additionalProperties"] is False
        assert schema["description"]


@every_operation
def test_a_sample_of_each_body_is_valid(method: str, path: str, operation: Any) -> None:
    if "requestBody" in operation:
        schemas.check_request(method, path, _sample(operation["operationId"]))


def test_every_sample_belongs_to_an_operation() -> None:
    names = {operation["operationId"] for _, _, operation in schemas.operations()}
    assert {file.stem for file in (schemas.EVENTS / "requests").glob("*.json")} <= names


def test_the_check_of_a_body_and_of_an_answer_can_fail() -> None:
    purchase = _sample("post_purchase")
    with pytest.raises(ValidationError, match="'currency' is a required property"):
        schemas.check_request("POST", "/v1/purchases", {k: v for k, v in purchase.items() if k != "currency"})
    with pytest.raises(ValidationError, match="'version' is a required property"):
        schemas.check_answer("GET", "/v1/program", 200, "application/json", {})
    with pytest.raises(AssertionError, match="answers 418"):
        schemas.check_answer("GET", "/v1/program", 418, "application/json", {})
    with pytest.raises(AssertionError, match="answers 200 as text/html"):
        schemas.check_answer("GET", "/v1/program", 200, "text/html", {})


def _sample(operation: str) -> Any:
    if operation in {"post_version", "put_draft"}:
        return {"text": (schemas.ROOT / "programs" / "record-shop.yaml").read_text()}
    return json.loads((schemas.EVENTS / "requests" / f"{operation}.json").read_text())
