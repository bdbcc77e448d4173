"""Logs: events by name with fields, one line at least for every request and every batch."""

import json
from typing import Any

import pytest

from tests.functional.conftest import Service
from tests.functional.factories import PURCHASE, REDEMPTION, a_purchase, enrol, redeem

Fields = dict[str, Any]


def lines(service: Service) -> list[Fields]:
    """What was logged since the last look: the fields of each line that are its own."""
    logged = [json.loads(line) for line in service.log.getvalue().splitlines()]
    service.log.truncate(0)
    service.log.seek(0)
    common = {"level", "location", "timestamp", "service"}
    return [{name: value for name, value in line.items() if name not in common} for line in logged]


@pytest.fixture(autouse=True)
def ada(service: Service) -> str:
    member = enrol(service)
    lines(service)
    return member


def request(route: str, status: int) -> Fields:
    return {
        "message": "request",
        "route": route,
        "status": status,
        "correlation_id": "request-1",
        "caller": "till-client",
    }


def test_a_request_is_one_line(service: Service) -> None:
    service.post("/v1/purchases", PURCHASE)
    service.get("/v1/purchases/receipt-2")
    assert lines(service) == [request("POST /v1/purchases", 201), request("GET /v1/purchases/{purchase_id}", 404)]


def test_a_repeat_says_so(service: Service) -> None:
    service.post("/v1/purchases", PURCHASE)
    lines(service)
    service.post("/v1/purchases", PURCHASE)
    assert lines(service) == [
        {"message": "operation_replayed", "operation": "purchase#till-client#receipt-1"},
        request("POST /v1/purchases", 201),
    ]


def test_an_event_is_logged_by_how_it_ended(service: Service) -> None:
    service.send("PurchaseCompleted", PURCHASE)
    assert lines(service) == [{"message": "batch", "records": 1, "failed": 0}]

    service.send("RedemptionRequested", {**REDEMPTION, "idempotency_key": "redeem-1"}, event_id="event-2")
    assert lines(service) == [
        {"message": "event_refused", "event_id": "event-2", "code": "insufficient_points"},
        {"message": "batch", "records": 1, "failed": 0},
    ]

    service.send("PurchaseCompleted", {})
    assert lines(service) == [
        {"message": "event_parked", "message_id": "record-0"},
        {"message": "batch", "records": 1, "failed": 0},
    ]


def test_what_is_published_and_mailed_is_counted(service: Service, ada: str) -> None:
    service.post("/v1/purchases", a_purchase(dollars=100))
    redeem(service)
    lines(service)

    service.notify()
    mailed = [line for line in lines(service) if line["message"] != "batch"]

    noted = {"message": "message_noted", "channel": "email", "status": "waiting"}
    sent = {"message": "message_sent", "member": ada, "channel": "email"}
    assert mailed == [
        {"message": "changes_published", "accounts": 3, "events": 5},
        noted | {"event_id": f"{ada}#0"},
        noted | {"event_id": f"{ada}#1"},
        noted | {"event_id": f"{ada}#2.1"},
        {"message": "nothing_to_tell", "event_id": f"{ada}#2.2"},
        sent | {"template": "welcome"},
        sent | {"template": "points_earned"},
        sent | {"template": "reward_ready"},
    ]


def test_a_sweep_says_what_it_found(service: Service, ada: str) -> None:
    service.clock.move(minutes=1)
    service.sweep()
    assert lines(service) == [
        {"message": "changes_republished", "member": ada, "entries": 0},
        {"message": "sweep", "lagging": 1, "failed": 0},
    ]


def test_who_asks_for_a_code_that_is_nobodys_is_named_and_the_code_is_not(service: Service) -> None:
    service.get("/v1/vouchers/0000-0000-0000-0000")
    assert lines(service) == [
        {"message": "voucher_code_guessed", "caller": "till-client"},
        request("GET /v1/vouchers/{code}", 404),
    ]
