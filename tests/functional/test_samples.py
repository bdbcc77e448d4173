"""The samples in events/ are real: what is sent is taken, and what is told is what the service tells."""

import json
from typing import Any

import pytest

from tests.contract.schemas import EVENTS, OUTBOUND
from tests.functional.conftest import Json, Service
from tests.functional.factories import earn


def sample(path: str) -> Any:
    return json.loads((EVENTS / path).read_text())


def send(service: Service, detail_type: str, event_id: str, **changes: object) -> None:
    event = sample(f"inbound/{detail_type}.json")
    assert event["detail-type"] == detail_type
    detail = {**event["detail"], **changes}
    assert service.send(detail_type, detail, source=event["source"], event_id=event_id) == []


def play(service: Service) -> list[Json]:
    """Robert joins, buys two records and a box, takes a voucher, and asks for another one too many."""
    send(service, "MemberEnrolmentRequested", "c2d8d3a4-5b0e-4a54-9f7c-0f6a1f0c7a01")
    service.clock.move(minutes=3, seconds=7.25)
    send(service, "PurchaseCompleted", "7e1f8f0e-2f41-4f0d-8a53-1d2a4f8c9b02")
    service.clock.move(minutes=11, seconds=41.5)
    send(service, "RedemptionRequested", "a94c6f1d-63f7-4d5b-b0d8-52a7e1c3de03")
    service.publish()
    service.clock.move(seconds=2)
    again = {"idempotency_key": "basket-90418"}
    send(service, "RedemptionRequested", "f0b7c2e9-08aa-4c4e-9d1f-6e3b5a7d8c04", **again)
    return [{name: event[name] for name in ("source", "detail-type", "detail")} for event in service.on_bus()]


def test_outbound_samples_are_what_the_inbound_samples_lead_to(service: Service) -> None:
    assert play(service) == [sample(f"outbound/{detail_type}.json") for detail_type in OUTBOUND]


@pytest.mark.parametrize(
    ("operation", "path", "key"),
    [
        ("post_member", "/v1/members", "enrol-1"),
        ("post_purchase", "/v1/purchases", None),
        ("post_redemption", "/v1/redemptions", "redeem-1"),
    ],
)
def test_a_sample_of_a_request_is_taken(service: Service, operation: str, path: str, key: str | None) -> None:
    if operation != "post_member":
        member = sample("requests/post_member.json")
        assert service.post("/v1/members", member, key="enrol-0").status == 201
        earn(service, dollars=120, member=sample("requests/post_redemption.json")["member"])
    assert service.post(path, sample(f"requests/{operation}.json"), key=key).status == 201


def test_the_sample_of_a_purchase_earns_a_point_for_every_dollar(service: Service) -> None:
    service.post("/v1/members", sample("requests/post_member.json"), key="enrol-1")
    answer = service.post("/v1/purchases", sample("requests/post_purchase.json"))
    assert [(line["amount"], line["points"]) for line in answer.body["lines"]] == [(3498, 34), (2990, 30), (5999, 60)]
    assert answer.body["balance"]["active"] == 124
