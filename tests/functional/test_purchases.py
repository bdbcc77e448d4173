"""Purchases over HTTPS: the whole answer, and the tables after it."""

from tests.functional.conftest import Service

PURCHASE = {
    "id": "receipt-1",
    "member": {"email": "Ada@Example.com"},
    "occurred_at": "2026-11-20T18:00:00+01:00",
    "currency": "USD",
    "lines": [
        {"id": "1", "sku": "lp-1", "quantity": 1, "amount": 1250},
        {"id": "2", "sku": "lp-2", "quantity": 2, "amount": 2799},
    ],
}


def enrol(service: Service, **identities: str) -> str:
    answer = service.post("/v1/members", identities or {"email": "ada@example.com"}, key="enrol-1")
    assert answer.status == 201, answer.body
    member: str = answer.body["member_id"]
    return member


def test_a_purchase_earns_and_answers_with_its_whole_effect(service: Service) -> None:
    member = enrol(service)

    answer = service.post("/v1/purchases", PURCHASE)

    recorded_at = answer.body["entry"].pop("recorded_at")
    assert recorded_at.endswith("Z")
    assert answer.status == 201
    assert "idempotency-replayed" not in answer.headers
    assert answer.body == {
        "entry": {
            "id": f"{member}#1",
            "member_id": member,
            "n": 1,
            "kind": "earned",
            "points": 40,
            "lots": [{"expires_on": None, "points": 40}],
            "balance_after": {"active": 40, "pending": 0},
            "operation": {"kind": "purchase", "id": "receipt-1", "source": "till-client"},
            "program_version": 1,
            "occurred_at": "2026-11-20T17:00:00Z",
        },
        "points": {"active": 40, "pending": 0},
        "balance": {"active": 40, "pending": 0},
        "tier": None,
        "rewards_earned": [],
        "explanation": [
            {
                "rule": "every-dollar",
                "applied": True,
                "points": 40,
                "lines": {"1": 12, "2": 28},
                "condition": None,
                "facts": {},
            }
        ],
        "currency": "USD",
        "lines": [
            {"id": "1", "quantity": 1, "amount": 1250, "points": 12},
            {"id": "2", "quantity": 2, "amount": 2799, "points": 28},
        ],
    }
