"""Bad input: told in full, with nothing written. Never a 5xx, and never what was sent back in the answer."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.accrual import api as accrual
from tests.functional.conftest import CLIENT, Json, Route, Service, deployed, gateway_event
from tests.functional.factories import MEMBER, NOBODY, PURCHASE, REDEMPTION, a_purchase, enrol, problem

BODIES: dict[str, Json] = {
    "/v1/members": MEMBER,
    "/v1/purchases": PURCHASE,
    "/v1/redemptions": REDEMPTION,
    "/v1/program/versions": {"text": "program: record-shop"},
}
every_path_with_a_body = pytest.mark.parametrize("path", BODIES)


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """One for all tests here, with one member: nothing of this is ever written."""
    with pytest.MonkeyPatch.context() as monkeypatch, deployed(monkeypatch) as service:
        enrol(service)
        yield service


def mistakes(service: Service, path: str, body: object, key: str | None = "key-1") -> list[tuple[str, str]]:
    """Pointer and code of every mistake, of an answer that must be 422 and of a call that must write nothing."""
    with service.unchanged():
        answer = service.post(path, body, key=key)
    assert answer.status == 422, answer.body
    assert answer.body["code"] == "invalid"
    return sorted((error["pointer"], error["code"]) for error in answer.body["errors"])


@every_path_with_a_body
@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ("{", "The body is not valid JSON."),
        ("{'id': 1}", "The body is not valid JSON."),
        ('{"id": 1,}', "The body is not valid JSON."),
        ('{"amount": NaN}', "The body is not valid JSON."),
        ('{"amount": -Infinity}', "The body is not valid JSON."),
        ('{"amount": ' + "9" * 5000 + "}", "The body is not valid JSON."),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "The body is not valid JSON."),
        ("[" * 100_000, "The body is not valid JSON."),
        (b'{"id": "receipt-1"', "The body is not valid JSON."),
        ("[]", "The body must be a JSON object."),
        ('[{"id": "receipt-1"}]', "The body must be a JSON object."),
        ("null", "The body must be a JSON object."),
        ('"receipt-1"', "The body must be a JSON object."),
        ("7", "The body must be a JSON object."),
    ],
    ids=[
        "cut off",
        "quotes",
        "comma",
        "NaN",
        "infinity",
        "endless number",
        "deep",
        "deep list",
        "bytes",
        "empty list",
        "list",
        "null",
        "text",
        "number",
    ],
)
def test_a_body_that_is_no_json_object_cannot_be_read(
    service: Service, path: str, body: str | bytes, detail: str
) -> None:
    with service.unchanged():
        answer = service.post(path, body, key="key-1")
    assert answer.status == 400
    assert answer.body == problem(400, "unreadable", "The body cannot be read", detail)


def test_bytes_that_are_no_text_cannot_be_read(service: Service) -> None:
    assert service.post("/v1/purchases", b'{"id": "\xff"}').status == 400


@every_path_with_a_body
@pytest.mark.parametrize("body", [None, ""], ids=["none", "empty"])
def test_an_empty_body_is_told_to_be_missing(service: Service, path: str, body: str | None) -> None:
    assert mistakes(service, path, body) == [("", "missing")]


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
    ],
)
def test_only_json_is_taken(service: Service, content_type: str) -> None:
    with service.unchanged():
        answer = service.call("POST", "/v1/purchases", PURCHASE, headers={"content-type": content_type})
    assert answer.status == 415
    assert answer.body == problem(
        415, "unreadable", "The body cannot be read", "Send JSON with content-type application/json."
    )


@every_path_with_a_body
def test_an_unknown_field_is_told_and_not_ignored(service: Service, path: str) -> None:
    assert ("/colour", "extra_forbidden") in mistakes(service, path, {**BODIES[path], "colour": "red"})


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (a_purchase(member={"email": "ada@example.com", "name": "Ada"}), "/member/name"),
        (a_purchase(lines=[{**PURCHASE["lines"][0], "colour": "red"}]), "/lines/0/colour"),
    ],
    ids=["member", "line"],
)
def test_an_unknown_field_further_down_is_told_too(service: Service, body: Json, pointer: str) -> None:
    assert mistakes(service, "/v1/purchases", body) == [(pointer, "extra_forbidden")]


@pytest.mark.parametrize("path", ["/v1/members", "/v1/redemptions"])
def test_a_write_without_an_id_of_its_own_needs_a_key(service: Service, path: str) -> None:
    with service.unchanged():
        answer = service.post(path, BODIES[path])
    assert answer.status == 422
    assert answer.body == problem(
        422,
        "invalid",
        "The request has invalid fields",
        "header:idempotency-key: Field required",
        errors=[{"pointer": "header:idempotency-key", "code": "missing", "detail": "Field required"}],
    )


@pytest.mark.parametrize("path", ["/v1/members", "/v1/redemptions"])
@pytest.mark.parametrize("key", [" ", "a b", "a,b", "-a", "a" * 81, "é"])
def test_a_key_is_a_word(service: Service, path: str, key: str) -> None:
    assert mistakes(service, path, BODIES[path], key) == [("header:idempotency-key", "string_pattern_mismatch")]


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        (-1, "greater_than_equal"),
        (-(10**30), "greater_than_equal"),
        (1_000_000_001, "less_than_equal"),
        (10**30, "less_than_equal"),
        ("100", "int_type"),
        ("", "int_type"),
        (1.0, "int_type"),
        (4.99, "int_type"),
        (True, "int_type"),
        (None, "int_type"),
        ([100], "int_type"),
        ({"minor": 100}, "int_type"),
    ],
    ids=repr,
)
def test_an_amount_is_a_whole_number_of_cents(service: Service, amount: object, code: str) -> None:
    body = a_purchase(lines=[{**PURCHASE["lines"][0], "amount": amount}])
    assert mistakes(service, "/v1/purchases", body) == [("/lines/0/amount", code)]


def test_an_amount_that_is_not_a_number_is_no_json(service: Service) -> None:
    body = json.dumps(a_purchase(lines=[{**PURCHASE["lines"][0], "amount": float("nan")}]))
    with service.unchanged():
        assert service.post("/v1/purchases", body).status == 400


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([{**PURCHASE["lines"][0], "id": str(i), "amount": 600_000_000} for i in (1, 2)], "amount_too_large"),
        ([PURCHASE["lines"][0]] * 2, "duplicate_line"),
    ],
    ids=["sum", "double"],
)
def test_lines_must_fit_together(service: Service, lines: list[Json], code: str) -> None:
    assert mistakes(service, "/v1/purchases", a_purchase(lines=lines)) == [("", code)]


@pytest.mark.parametrize(
    ("member", "expected"),
    [
        ({"id": NOBODY, "email": "ada@example.com"}, [("/member", "member_reference")]),
        ({"card": "RC-1815", "phone": "+12125550100"}, [("/member", "member_reference")]),
        ({"id": None, "email": "ada@example.com"}, [("/member", "member_reference")]),
        ({"email": None}, [("/member", "member_reference")]),
        ({}, [("/member", "member_reference")]),
        ("ada@example.com", [("/member", "model_attributes_type")]),
        (["ada@example.com"], [("/member", "model_attributes_type")]),
        (None, [("/member", "model_attributes_type")]),
        ({"email": "ada"}, [("/member/email", "email")]),
        ({"email": "a@b.c" * 60}, [("/member/email", "string_too_long")]),
        ({"email": 7}, [("/member/email", "string_type")]),
        ({"id": "mem_1"}, [("/member/id", "string_pattern_mismatch")]),
        ({"id": "../" + NOBODY}, [("/member/id", "string_pattern_mismatch")]),
        ({"phone": "0033612345678"}, [("/member/phone", "phone")]),
        ({"card": "RC 1815"}, [("/member/card", "string_pattern_mismatch")]),
        ({"external_id": "x#y"}, [("/member/external_id", "string_pattern_mismatch")]),
    ],
    ids=str,
)
@pytest.mark.parametrize("path", ["/v1/purchases", "/v1/redemptions"])
def test_a_member_is_named_by_exactly_one_identity(
    service: Service, path: str, member: object, expected: list[tuple[str, str]]
) -> None:
    assert mistakes(service, path, {**BODIES[path], "member": member}) == expected


@pytest.mark.parametrize(
    ("path", "changes", "expected"),
    [
        ("/v1/members", {"email": "ada at example.com"}, [("/email", "email")]),
        ("/v1/members", {"phone": "212-555-0100"}, [("/phone", "phone")]),
        ("/v1/members", {"locale": "deutsch"}, [("/locale", "string_pattern_mismatch")]),
        ("/v1/members", {"given_name": ""}, [("/given_name", "string_too_short")]),
        ("/v1/members", {"given_name": "A" * 101}, [("/given_name", "string_too_long")]),
        ("/v1/members", {"family_name": ["Lovelace"]}, [("/family_name", "string_type")]),
        ("/v1/members", {"idempotency_key": "key-1"}, [("/idempotency_key", "extra_forbidden")]),
        (
            "/v1/members",
            dict.fromkeys(("external_id", "card", "email", "phone")),
            [("", "identity_missing")],
        ),
        ("/v1/purchases", {"id": "a/b"}, [("/id", "string_pattern_mismatch")]),
        ("/v1/purchases", {"id": 7}, [("/id", "string_type")]),
        ("/v1/purchases", {"occurred_at": "2026-11-20T18:00:00"}, [("/occurred_at", "timezone_aware")]),
        ("/v1/purchases", {"occurred_at": "2026-11-20"}, [("/occurred_at", "datetime_type")]),
        ("/v1/purchases", {"occurred_at": "yesterday"}, [("/occurred_at", "datetime_type")]),
        ("/v1/purchases", {"occurred_at": "1700000000"}, [("/occurred_at", "datetime_type")]),
        ("/v1/purchases", {"occurred_at": 1700000000}, [("/occurred_at", "datetime_type")]),
        ("/v1/purchases", {"occurred_at": "0001-01-01T00:00:00+14:00"}, [("/occurred_at", "datetime_range")]),
        ("/v1/purchases", {"occurred_at": "9999-12-31T23:59:59-14:00"}, [("/occurred_at", "datetime_range")]),
        ("/v1/purchases", {"occurred_at": "2026-11-21T10:10:01Z"}, [("/occurred_at", "future")]),
        ("/v1/purchases", {"occurred_at": "9999-12-31T00:00:00Z"}, [("/occurred_at", "future")]),
        ("/v1/purchases", {"currency": "EUR"}, [("/currency", "currency")]),
        ("/v1/purchases", {"currency": "usd"}, [("/currency", "string_pattern_mismatch")]),
        ("/v1/purchases", {"currency": 840}, [("/currency", "string_type")]),
        ("/v1/purchases", {"lines": []}, [("/lines", "too_short")]),
        ("/v1/purchases", {"lines": {}}, [("/lines", "list_type")]),
        ("/v1/purchases", {"lines": ["lp-1"]}, [("/lines/0", "model_attributes_type")]),
        ("/v1/purchases", {"store": ""}, [("/store", "string_too_short")]),
        ("/v1/purchases", {"store": "\ud800"}, [("/store", "string_unicode")]),
        ("/v1/purchases", {"attributes": []}, [("/attributes", "dict_type")]),
        (
            "/v1/purchases",
            {"attributes": {str(i): i for i in range(51)}},
            [("/attributes", "too_long")],
        ),
        ("/v1/redemptions", {"reward_id": "Voucher 5"}, [("/reward_id", "string_pattern_mismatch")]),
        ("/v1/redemptions", {"capture": 0}, [("/capture", "bool_type")]),
        ("/v1/redemptions", {"capture": 1}, [("/capture", "bool_type")]),
        ("/v1/redemptions", {"capture": "true"}, [("/capture", "bool_type")]),
        ("/v1/redemptions", {"capture": None}, [("/capture", "bool_type")]),
        ("/v1/redemptions", {"idempotency_key": "key-1"}, [("/idempotency_key", "extra_forbidden")]),
        ("/v1/program/versions", {"text": 7}, [("/text", "string_type")]),
        ("/v1/program/versions", {"text": "#" * 200_001}, [("/text", "string_too_long")]),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_bad_field_is_named(service: Service, path: str, changes: Json, expected: list[tuple[str, str]]) -> None:
    assert mistakes(service, path, {**BODIES[path], **changes}) == expected


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"quantity": 0}, "greater_than_equal"),
        ({"quantity": 100_001}, "less_than_equal"),
        ({"quantity": 1.5}, "int_type"),
        ({"quantity": True}, "int_type"),
        ({"id": ""}, "string_too_short"),
        ({"id": "i" * 21}, "string_too_long"),
        ({"sku": "s" * 65}, "string_too_long"),
        ({"categories": "vinyl"}, "tuple_type"),
        ({"categories": ["c"] * 21}, "too_long"),
        ({"discounted": "no"}, "bool_type"),
    ],
    ids=str,
)
def test_a_bad_field_of_a_line_is_named(service: Service, changes: Json, code: str) -> None:
    [name] = changes
    body = a_purchase(lines=[PURCHASE["lines"][0], {**PURCHASE["lines"][1], **changes}])
    assert mistakes(service, "/v1/purchases", body) == [(f"/lines/1/{name}", code)]


@pytest.mark.parametrize(
    ("path", "missing"),
    [
        ("/v1/purchases", ["/currency", "/id", "/lines", "/member", "/occurred_at"]),
        ("/v1/redemptions", ["/member", "/reward_id"]),
    ],
)
def test_every_missing_field_is_named_at_once(service: Service, path: str, missing: list[str]) -> None:
    assert mistakes(service, path, {}) == [(pointer, "missing") for pointer in missing]


def test_a_file_that_is_missing_is_named(service: Service) -> None:
    with service.unchanged():
        answer = service.call("PUT", "/v1/program/draft", {})
    assert answer.status == 422
    assert [(error["pointer"], error["code"]) for error in answer.body["errors"]] == [("/text", "missing")]


def test_everything_that_is_wrong_is_named_at_once(service: Service) -> None:
    body = {
        "id": "a b",
        "member": {},
        "occurred_at": "2026-11-20",
        "currency": "usd",
        "lines": [{"id": "1", "sku": "lp-1", "quantity": 0, "amount": 4.99}, {"id": "2", "colour": "red"}],
        "tip": 3,
    }
    assert mistakes(service, "/v1/purchases", body) == [
        ("/currency", "string_pattern_mismatch"),
        ("/id", "string_pattern_mismatch"),
        ("/lines/0/amount", "int_type"),
        ("/lines/0/quantity", "greater_than_equal"),
        ("/lines/1/amount", "missing"),
        ("/lines/1/colour", "extra_forbidden"),
        ("/lines/1/quantity", "missing"),
        ("/lines/1/sku", "missing"),
        ("/member", "member_reference"),
        ("/occurred_at", "datetime_type"),
        ("/tip", "extra_forbidden"),
    ]


@pytest.mark.parametrize("value", [1.5, None, "", []], ids=repr)
def test_a_bad_attribute_is_named_in_one_place(service: Service, value: object) -> None:
    body = a_purchase(attributes={"gift": value})
    assert mistakes(service, "/v1/purchases", body) == [("/attributes/gift", "attribute")]


def test_half_a_character_is_no_attribute(service: Service) -> None:
    assert mistakes(service, "/v1/purchases", a_purchase(attributes={"gift": "\ud800"}))


def test_what_was_sent_does_not_come_back_in_the_answer(service: Service) -> None:
    secrets = ("eve@example", "0049-170", "Eve-Maria")
    body: dict[str, Any] = {
        "email": "eve@example",
        "phone": "0049-170",
        "given_name": ["Eve-Maria"],
        "locale": "Eve-Maria",
    }
    answer = service.post("/v1/members", body, key="key-1")
    assert answer.status == 422
    assert not [secret for secret in secrets if secret in json.dumps(answer.body)]


@pytest.mark.parametrize("path", [f"/v1/members/{NOBODY}/ledger", "/v1/program/versions"])
@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"limit": "0"}, "greater_than_equal"),
        ({"limit": "201"}, "less_than_equal"),
        ({"limit": "-1"}, "greater_than_equal"),
        ({"limit": "many"}, "int_parsing"),
        ({"limit": ""}, "int_parsing"),
        ({"cursor": ""}, "cursor"),
        ({"cursor": "%%"}, "cursor"),
        ({"cursor": "bm5u"}, "cursor"),
        ({"cursor": "é"}, "cursor"),
        ({"cursor": "x" * 41}, "string_too_long"),
    ],
    ids=str,
)
def test_a_bad_page_is_told(service: Service, path: str, query: dict[str, str], code: str) -> None:
    answer = service.get(path, **query)
    [name] = query
    assert answer.status == 422
    assert [(error["pointer"], error["code"]) for error in answer.body["errors"]] == [(f"query:{name}", code)]


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("/v1/members/ada", "member_id"),
        ("/v1/members/MEM_AAAAAAAAAAAAAAAAAAAA", "member_id"),
        ("/v1/members/ada/balance", "member_id"),
        ("/v1/members/ada/ledger", "member_id"),
        ("/v1/purchases/-", "purchase_id"),
        ("/v1/redemptions/redeem-1", "redemption_id"),
        (f"/v1/vouchers/{'0' * 41}", "code"),
    ],
)
def test_a_bad_id_in_a_path_is_told(service: Service, path: str, parameter: str) -> None:
    answer = service.get(path)
    assert answer.status == 422
    assert [error["pointer"] for error in answer.body["errors"]] == [f"path:{parameter}"]


def test_a_path_that_does_not_exist_is_not_found(service: Service) -> None:
    """The gateway knows the paths; should it ever know one that the function does not, this is the answer."""
    event = gateway_event(
        Route("GET", "/v1/nothing", "accrual-api"), "/v1/nothing", None, {"client_id": CLIENT}, {}, {}, "request-1"
    )
    answer = accrual.handler(event, LambdaContext())
    assert answer["statusCode"] == 404
    assert json.loads(answer["body"]) == problem(404, "not_found", "Not found", "There is no such path or method.")


@pytest.mark.parametrize("kind", ["email", "phone", "card", "external_id"])
def test_a_bad_identity_in_a_query_is_told(service: Service, kind: str) -> None:
    answer = service.get("/v1/members", **{kind: "#"})
    assert answer.status == 422
    assert [error["pointer"] for error in answer.body["errors"]] == [f"query:{kind}"]


GOOD: dict[str, Json] = {
    "/v1/purchases/calculate": {"currency": "USD", "lines": PURCHASE["lines"]},
    "/v1/purchases/receipt-1/returns": {"id": "return-1", "occurred_at": "2026-11-21T09:00:00Z"},
    "/v1/activities": {
        "id": "act-1",
        "member": {"email": "ada@example.com"},
        "type": "visit",
        "occurred_at": "2026-11-21T09:00:00Z",
    },
    f"/v1/members/{NOBODY}/adjustments": {"id": "adj-1", "points": 5, "reason": "goodwill"},
    "/v1/batches": {"operations": [{"purchase": PURCHASE}]},
}
"""What reports something else than a purchase."""
EARNING = {**GOOD, "/v1/purchases": PURCHASE}
every_report = pytest.mark.parametrize("path", EARNING)
LINE: Json = PURCHASE["lines"][0]
HUGE = '{"note": "' + "x" * 1_000_000 + '"}'


@pytest.mark.parametrize("path", GOOD)
@pytest.mark.parametrize(
    "body",
    ["{", "", "[]", "null", '{"id": NaN}', '{"points": -Infinity}', '{"a":' * 100_000 + "1" + "}" * 100_000, b"\xff"],
    ids=["cut off", "empty", "list", "null", "NaN", "infinity", "deep", "no text"],
)
def test_a_report_that_is_no_json_object_cannot_be_read(service: Service, path: str, body: str | bytes) -> None:
    with service.unchanged():
        answer = service.post(path, body)
    assert answer.status in {400, 422}
    assert answer.body["code"] in {"unreadable", "invalid"}


@every_report
def test_a_report_of_a_megabyte_is_turned_away(service: Service, path: str) -> None:
    with service.unchanged():
        answer = service.post(path, HUGE)
    assert answer.status == 413
    assert "xxx" not in json.dumps(answer.body)


@pytest.mark.parametrize("depth", [10, 500, 5000])
@every_report
def test_deep_values_where_none_belong_are_told(service: Service, path: str, depth: int) -> None:
    deep = '{"a":' * depth + "1" + "}" * depth
    text = json.dumps({**EARNING[path], "attributes": "HERE"}).replace('"HERE"', f'{{"gift": {deep}}}')
    with service.unchanged():
        answer = service.post(path, text)
    assert answer.status in {400, 422}


@pytest.mark.parametrize(
    ("path", "missing"),
    [
        ("/v1/purchases/calculate", ["/currency", "/lines"]),
        ("/v1/purchases/receipt-1/returns", ["/id", "/occurred_at"]),
        ("/v1/activities", ["/id", "/member", "/occurred_at", "/type"]),
        (f"/v1/members/{NOBODY}/adjustments", ["/id", "/reason"]),
        ("/v1/batches", ["/operations"]),
    ],
)
def test_every_missing_field_of_a_report_is_named_at_once(service: Service, path: str, missing: list[str]) -> None:
    assert mistakes(service, path, {}) == [(pointer, "missing") for pointer in missing]


@pytest.mark.parametrize("path", ["/v1/purchases", "/v1/purchases/calculate"])
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"lines": [{**LINE, "id": str(i)} for i in range(10_000)]}, [("/lines", "too_long")]),
        ({"lines": [{**LINE, "id": str(i)} for i in range(501)]}, [("/lines", "too_long")]),
        ({"lines": [{**LINE, "quantity": 0, "amount": -1}]}, ["amount", "quantity"]),
        ({"lines": [{**LINE, "quantity": -1}]}, ["quantity"]),
        ({"lines": [{**LINE, "quantity": "1", "amount": "12"}]}, ["amount", "quantity"]),
        ({"lines": [{**LINE, "amount": 1e2}]}, ["amount"]),
        ({"lines": [{**LINE, "amount": None}]}, ["amount"]),
        ({"lines": [LINE, LINE]}, [("/lines", "duplicate_line")]),
        ({"currency": "ZZZ"}, [("/currency", "currency")]),
        ({"currency": "EUR"}, [("/currency", "currency")]),
        ({"total": -1}, [("/total", "greater_than_equal")]),
        ({"total": "1250"}, [("/total", "int_type")]),
        ({"payments": [{"method": "card"}]}, [("/payments/0/amount", "missing")]),
        ({"payments": [{"method": "card", "amount": -1}]}, [("/payments/0/amount", "greater_than_equal")]),
        ({"payments": [{"method": "card", "amount": 1}] * 21}, [("/payments", "too_long")]),
        ({"occurred_at": "2027-01-01T00:00:00Z"}, [("/occurred_at", "future")]),
        ({"occurred_at": "1899-01-01T00:00:00Z"}, [("/occurred_at", "too_late")]),
        ({"member": {"id": "ada"}}, [("/member/id", "string_pattern_mismatch")]),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_bad_basket_is_named(service: Service, path: str, changes: Json, expected: list[Any]) -> None:
    found = mistakes(service, path, {**EARNING[path], **changes})
    if isinstance(expected[0], str):
        assert [pointer for pointer, _ in found] == [f"/lines/0/{name}" for name in expected]
    else:
        assert [(pointer or "/lines", code) for pointer, code in found] == expected


@pytest.mark.parametrize(
    ("path", "changes", "expected"),
    [
        ("returns", {"lines": [{"id": "1", "quantity": 0}]}, [("/lines/0/quantity", "greater_than_equal")]),
        ("returns", {"lines": [{"id": "1", "quantity": -1}]}, [("/lines/0/quantity", "greater_than_equal")]),
        ("returns", {"lines": [{"id": "1", "quantity": 1}] * 2}, [("", "duplicate_line")]),
        ("returns", {"lines": [{"id": str(i), "quantity": 1} for i in range(501)]}, [("/lines", "too_long")]),
        ("returns", {"purchase_id": "receipt-1"}, [("/purchase_id", "extra_forbidden")]),
        ("activities", {"type": "Visit us"}, [("/type", "string_pattern_mismatch")]),
        ("activities", {"type": "visit"}, [("/type", "unknown_activity")]),
        ("activities", {"attributes": {"a": 1.5}}, [("/attributes/a", "attribute")]),
        ("activities", {"attributes": {str(i): i for i in range(51)}}, [("/attributes", "too_long")]),
        ("activities", {"points": 100}, [("/points", "extra_forbidden")]),
        ("activities", {"occurred_at": 7}, [("/occurred_at", "datetime_type")]),
        ("batches", {"operations": {}}, [("/operations", "list_type")]),
        ("batches", {"operations": [[]]}, [("/operations/0", "dict_type")]),
        ("batches", {"member": {}}, [("/member", "extra_forbidden")]),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_bad_field_of_a_report_is_named(
    service: Service, path: str, changes: Json, expected: list[tuple[str, str]]
) -> None:
    [full] = [one for one in GOOD if one.endswith(path)]
    assert mistakes(service, full, {**GOOD[full], **changes}) == expected


@pytest.mark.parametrize("what", ["confirm", "decline"])
def test_a_decision_on_what_is_no_id_is_told(service: Service, what: str) -> None:
    answer = service.call("POST", f"/v1/activities/-/{what}")
    assert [error["pointer"] for error in answer.body["errors"]] == ["path:activity_id"]
