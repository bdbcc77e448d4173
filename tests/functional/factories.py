"""Requests of a record shop, and the calls that most tests begin with."""

from typing import Any

from functions.program import store as programs
from tests.functional.conftest import Answer, Json, Service, aws_client, publish_program

PURCHASE: Json = {
    "id": "receipt-1",
    "member": {"email": "Ada@Example.com"},
    "occurred_at": "2026-11-20T18:00:00+01:00",
    "currency": "USD",
    "lines": [
        {"id": "1", "sku": "lp-1", "quantity": 1, "amount": 1250},
        {"id": "2", "sku": "lp-2", "quantity": 2, "amount": 2799},
    ],
}
MEMBER: Json = {
    "external_id": "shop-1815",
    "card": "RC-1815",
    "email": "Ada@Example.com",
    "phone": "+12125550100",
    "given_name": "Ada",
    "family_name": "Lovelace",
    "locale": "en",
}
REDEMPTION: Json = {"member": {"email": "ada@example.com"}, "reward_id": "voucher-5", "capture": True}
NOBODY = "mem_aaaaaaaaaaaaaaaaaaaa"


def a_purchase(dollars: int | None = None, **changes: Any) -> Json:
    """The usual purchase, or one of a single line of so many dollars."""
    line = {"id": "1", "sku": "lp-1", "quantity": 1, "amount": (dollars or 0) * 100}
    return {**PURCHASE, **({} if dollars is None else {"lines": [line]}), **changes}


def enrol(service: Service, key: str = "enrol-1", **profile: str) -> str:
    """A member, by default Ada with nothing but an e-mail address; the member's id."""
    answer = service.post("/v1/members", profile or {"email": "ada@example.com"}, key=key)
    assert answer.status == 201, answer.body
    member: str = answer.body["member_id"]
    return member


def earn(service: Service, dollars: int, id: str = "receipt-1", **changes: Any) -> Answer:
    answer = service.post("/v1/purchases", a_purchase(dollars, id=id, **changes))
    assert answer.status == 201, answer.body
    return answer


def redeem(service: Service, key: str = "redeem-1", **changes: Any) -> Answer:
    return service.post("/v1/redemptions", {**REDEMPTION, **changes}, key=key)


def with_points(service: Service, *words: str) -> None:
    """The programme in force, with these words about its points instead of `expire: never`."""
    text = service.get("/v1/program").body["text"]
    changed = text.replace("expire: never", "\n  ".join(words))
    assert changed != text
    publish_program(service, changed)


def with_rules(text: str, *rules: str) -> str:
    """The record shop's file with more rules in the group `base`, all of which count."""
    grouped = text.replace("\nearning:\n", "\ngroups:\n  base: all\n\nearning:\n")
    grouped = grouped.replace("  - id: every-dollar\n", "  - id: every-dollar\n    group: base\n")
    return grouped.replace("\nrewards:", "".join(f"\n  - {rule}" for rule in rules) + "\n\nrewards:")


def as_every_dollar(count: int) -> list[str]:
    """So many rules that give what the record shop's own one gives."""
    text = "{en: 1 point for every dollar, fr: 1 point par dollar}"
    return [f"{{id: rule-{i}, group: base, points: 1, per: 100, text: {text}}}" for i in range(count)]


def a_reason(rule: str, points: int, **more: object) -> Json:
    """Why a rule gave points, or why it did not where a `condition` is named."""
    applied = "condition" not in more
    nothing: Json = {"lines": {}, "condition": None, "facts": {}, "skipped": {}, "into": None}
    return {"rule": rule, "applied": applied, "points": points, **nothing, **more}


def without_programme(service: Service) -> None:
    """As before the first version was activated."""
    key = {"part": {"S": "ACTIVE"}, "version": {"N": "0"}}
    aws_client("dynamodb").delete_item(TableName="program", Key=key)
    programs.forget()


def problem(status: int, code: str, title: str, detail: str, **more: object) -> Json:
    return {
        "type": f"urn:loyalty:problem:{code}",
        "title": title,
        "code": code,
        "detail": detail,
        "status": status,
        **more,
    }
