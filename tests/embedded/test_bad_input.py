"""Bad input at the deployed stack: each gets its problem document and leaves every table as it was."""

import httpx
import pytest

from tests.embedded.partner import Json, Partner, fresh, purchase

CASES: dict[str, tuple[Json | str, int, str, list[str]]] = {
    "unreadable JSON": ("{not json", 400, "unreadable", []),
    "not an object": ("[]", 400, "unreadable", []),
    "an unknown member": (purchase({"card": "nobody-has-it"}), 404, "member_not_found", []),
    "a wrong currency": ({"currency": "EUR"}, 422, "invalid", ["/currency"]),
    "a negative amount": (
        {"lines": [{"id": "1", "sku": "a", "quantity": 1, "amount": -1}]},
        422,
        "invalid",
        ["/lines/0/amount"],
    ),
    "a huge amount": (
        {"lines": [{"id": "1", "sku": "a", "quantity": 1, "amount": 10**30}]},
        422,
        "invalid",
        ["/lines/0/amount"],
    ),
    "two bad fields": ({"currency": "usd", "occurred_at": "yesterday"}, 422, "invalid", ["/currency", "/occurred_at"]),
    "the future": ({"occurred_at": "2100-01-01T00:00:00Z"}, 422, "invalid", ["/occurred_at"]),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_named_and_changes_nothing(partner: Partner, quiet_member: str, case: str) -> None:
    body, status, code, pointers = CASES[case]
    if isinstance(body, dict) and "id" not in body:
        body = purchase({"id": quiet_member}) | body
    before = partner.tables()

    content = body if isinstance(body, str) else None
    json = None if isinstance(body, str) else body
    answer = partner.stack.api.post(
        "/v1/purchases", content=content, json=json, headers={"content-type": "application/json"}
    )

    problem = answer.json()
    assert answer.status_code == status, problem
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["code"] == code
    assert [error["pointer"] for error in problem.get("errors", [])] == pointers
    assert partner.tables() == before


def test_the_same_receipt_twice_earns_once_and_with_another_amount_is_refused(partner: Partner) -> None:
    member = partner.enrol()
    bought = purchase({"id": member})
    first = partner.post("/v1/purchases", bought)
    before = partner.tables()["entries"]

    again = partner.post("/v1/purchases", bought)
    other = partner.post("/v1/purchases", purchase({"id": member}, amount=9900, id=bought["id"]))

    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "operation_id_reused")
    assert partner.tables()["entries"] == before
    assert partner.balance(member)["active"] == 50


def test_a_refusal_stays_one_for_its_key(partner: Partner) -> None:
    member = partner.enrol()
    redemption, key = {"member": {"id": member}, "reward_id": "voucher-5"}, fresh("redeem")
    refused = partner.post("/v1/redemptions", redemption, key)
    partner.post("/v1/purchases", purchase({"id": member}, amount=20000))

    again = partner.post("/v1/redemptions", redemption, key)
    with_new_key = partner.post("/v1/redemptions", redemption, fresh("redeem"))

    assert (refused.status_code, refused.json()["code"]) == (409, "insufficient_points")
    assert (again.status_code, again.json()) == (409, refused.json())
    assert again.headers["idempotency-replayed"] == "true"
    assert with_new_key.status_code == 201


@pytest.mark.parametrize("token", [None, "Bearer rubbish"])
def test_without_a_valid_token_nothing_is_answered(partner: Partner, token: str | None) -> None:
    headers = {"Authorization": token} if token else {}
    for method, path in (("POST", "/v1/purchases"), ("GET", "/v1/members/mem_aaaaaaaaaaaaaaaaaaaa/balance")):
        answer = httpx.request(method, partner.stack.api_url + path, headers=headers, json={}, trust_env=False)
        assert answer.status_code == 401


def test_a_token_without_the_scope_is_forbidden(partner: Partner, reader_token: str) -> None:
    headers = {"Authorization": f"Bearer {reader_token}"}
    url, member = partner.stack.api_url, partner.enrol()

    allowed = httpx.get(f"{url}/v1/members/{member}/balance", headers=headers, trust_env=False)
    forbidden = httpx.post(f"{url}/v1/purchases", headers=headers, json=purchase({"id": member}), trust_env=False)

    assert allowed.status_code == 200
    assert forbidden.status_code == 403
    assert partner.balance(member)["n"] == 0
