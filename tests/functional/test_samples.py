"""The samples in events/ are real: what is sent is taken, and what is told is what the service tells."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from functions.enrolment.member import member_id
from functions.ledger.account import Account, Change, Operation, Posting, Reason, TierStep
from functions.ledger.booking import post
from functions.ledger.events import of_entry
from functions.ledger.lots import NEVER
from functions.ledger.movements import activate, adjust, expire
from functions.notifications.telling import DUE, due_event
from functions.program.messages.catalogue import Channel
from functions.redemption.spending import redemption_id
from tests.contract.schemas import EVENTS, OUTBOUND
from tests.functional.conftest import FOLLOWER, NOW, Json, Service
from tests.functional.engaged import ENGAGED, engaged, refer
from tests.functional.factories import earn
from tests.functional.shop import shop

SHOP = "record.shop"
ROBERT = member_id(SHOP, "checkout-77120")
BY_ITSELF = ("PointsExpired", "PointsAdjusted", "TierChanged")
"""What only time, or a hand, does to an account."""
BY_THE_DAY = (
    *("PointsExpiring", "VoucherExpired", "TierAtRisk", "MemberLapsing"),
    *("BirthdayCame", "AnniversaryCame", "MembersDue"),
)
"""What is told by the day: no change of an account leads to it (test_lifecycle.py, test_vouchers_that_end.py)."""
TO_OURSELVES = ("EmailDue", "SmsDue", "DeliveriesDue")
"""By what the programme tells itself that something is to be sent."""


def sample(path: str) -> Any:
    return json.loads((EVENTS / path).read_text())


def send(service: Service, detail_type: str, event_id: str, **changes: object) -> None:
    event = sample(f"inbound/{detail_type}.json")
    assert event["detail-type"] == detail_type
    detail = {**event["detail"], **changes}
    assert service.send(detail_type, detail, source=event["source"], event_id=event_id) == []


def call(service: Service, path: str, request_id: str, body: object = None) -> None:
    assert service.call("POST", path, body, client=SHOP, request_id=request_id).status < 300


def play(service: Service) -> list[Json]:
    """Robert joins, buys two records and a box, takes a voucher, and asks for another one too many.

    Then he brings one record back, buys another, and has a voucher set aside that he does not want in the end.
    """
    send(service, "MemberEnrolmentRequested", "c2d8d3a4-5b0e-4a54-9f7c-0f6a1f0c7a01")
    service.clock.move(minutes=3, seconds=7.25)
    send(service, "PurchaseCompleted", "7e1f8f0e-2f41-4f0d-8a53-1d2a4f8c9b02")
    service.clock.move(minutes=11, seconds=41.5)
    send(service, "RedemptionRequested", "a94c6f1d-63f7-4d5b-b0d8-52a7e1c3de03")
    service.publish()
    service.clock.move(seconds=2)
    send(service, "RedemptionRequested", "f0b7c2e9-08aa-4c4e-9d1f-6e3b5a7d8c04", idempotency_key="basket-90418")
    service.clock.move(days=2)
    one_back = {
        "id": "return-118245-1",
        "occurred_at": "2026-11-23T11:10:00+01:00",
        "lines": [{"id": "1", "quantity": 1}],
    }
    call(service, "/v1/purchases/web-2026-118245/returns", "UDpW7jOMDoEEMPQ=", one_back)
    another = {
        "id": "web-2026-118302",
        "lines": [{"id": "1", "sku": "BOX-602435915234", "quantity": 1, "amount": 10000}],
    }
    send(service, "PurchaseCompleted", "3c5a0a0e-77d2-4b52-8d17-91e6f3b2a405", **another)
    held = {"idempotency_key": "basket-90533", "capture": False}
    send(service, "RedemptionRequested", "b1e4d7f2-19c3-4e0a-9a86-2f7c5d8e1b06", **held)
    service.clock.move(minutes=20)
    call(service, f"/v1/redemptions/{redemption_id(SHOP, 'basket-90533')}/cancel", "UDpbTgv9joEEMvA=")
    service.publish()
    return service.on_bus()


def by_itself() -> list[Json]:
    """Robert's pending points become active; others expire; the shop makes up for a late parcel; his tier ends."""
    account = Account(ROBERT, NOW, NOW, SHOP, n=6, lots={"2027-01-31": 30, NEVER: 90}, pending={"2026-12-01>never": 60})
    gold = TierStep("gold", NOW, date(2027, 12, 31))
    account = replace(account, tiers=(gold,))
    first, second = datetime(2026, 12, 1, 2, 0, tzinfo=UTC), datetime(2027, 2, 1, 2, 0, tzinfo=UTC)
    third, last = datetime(2027, 2, 3, 15, 20, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
    told: list[Json] = []

    def book(posting: Posting, operation: Operation) -> None:
        nonlocal account
        account, entry = post(account, posting, operation, posting.occurred_at)
        told.extend(
            {"source": "loyalty", "detail-type": event.detail_type, "detail": dict(event.detail)}
            for event in of_entry(entry)
        )

    def of_time(kind: Any, at: datetime) -> Operation:
        day = at.date().isoformat()
        return Operation(kind, "loyalty", f"{ROBERT}#{day}", "", f"{kind}-{day}")

    book(Posting("activated", activate(account, first.date()), first, 1), of_time("activation", first))
    book(Posting("expired", expire(account, second.date()), second, 1), of_time("expiry", second))
    late = Reason("goodwill", applied=True, points=50, facts={"parcel": "118302"})
    given = Posting("adjusted", adjust(account, 50, NEVER, third.date()), third, 1, explanation=(late,))
    book(given, Operation("adjustment", SHOP, "goodwill-2027-0017", "hash", "UDplVhDKDoEEJBw="))
    silver = TierStep("silver", last, date(2028, 12, 31))
    review = Posting("adjusted", Change(), last, 1, tiers=(gold, silver), tier_before=gold.tier)
    book(review, of_time("review", last))
    return told


def in_a_club(service: Service) -> list[Json]:
    """The shop has another programme by now, and Clara has sent Robert. He returns a record before the shop tells of
    the purchase; then it does, which completes the referral; his review is confirmed; and he returns the rest."""
    service.clock.move(days=1)
    engaged(service, ENGAGED)
    clara = service.post("/v1/members", sample("requests/post_member.json"), key="enrol-clara", client=SHOP).body
    refer(service, ROBERT, clara["member_id"])
    service.clock.move(days=5)
    send(service, "PurchaseReturned", "5d0f6a51-3f43-4f0c-b3d1-6a7c2d9e4f11")
    send(
        service,
        "PurchaseCompleted",
        "9a7b1c3d-52e8-4f6b-8d0e-1f2a3b4c5d12",
        id="web-2026-118590",
        occurred_at="2026-11-26T12:30:00+01:00",
    )
    service.publish()
    told = service.on_bus()
    for event in told:  # the bus gives each an id of its own
        event["id"] = f"6f8a2c4e-0000-4000-8000-{event['detail']['metadata']['event_id'][-6:].encode().hex()}"
        assert service.hand(FOLLOWER, [event]) == []
    told += service.settle()
    send(service, "ActivityRecorded", "1b2c3d4e-6f70-4a81-92b3-c4d5e6f70813")
    send(service, "ActivityDecided", "2c3d4e5f-7081-4b92-a3c4-d5e6f7081914")
    rest = {"id": "return-118590-2", "occurred_at": "2026-11-27T17:00:00+01:00"}
    call(service, "/v1/purchases/web-2026-118590/returns", "UDqAbhE1joEEPQw=", rest)
    return told + service.settle()


def in_the_end(service: Service) -> list[Json]:
    """Robert moves, loses his card for a while and joins a second time, asks what is kept of him, and leaves."""
    path = f"/v1/members/{ROBERT}"

    def change(method: str, path: str, request_id: str, body: object = None) -> None:
        service.clock.move(days=1)
        headers = {"idempotency-key": f"desk-{request_id[:8]}"}
        answer = service.call(method, path, body, client=SHOP, headers=headers, request_id=request_id)
        assert answer.status == 200, answer.body

    change("PATCH", path, "UDr1c2hJjoEEM9w=", sample("requests/patch_member.json"))
    change("PUT", f"{path}/preferences", "UDr2dhV0joEEPFA=", sample("requests/put_preferences.json"))
    change("POST", f"{path}/suspend", "UDu9mgzXjoEEJlg=", sample("requests/suspend_member.json"))
    change("POST", f"{path}/reinstate", "UDx4bjKqjoEEPkQ=", sample("requests/reinstate_member.json"))
    twin = service.post("/v1/members", {"card": "RC-1810-0608"}, key="enrol-twin", client=SHOP).body["member_id"]
    change("POST", f"/v1/members/{twin}/merge", "UDyRk3h5joEEMzA=", sample("requests/merge_member.json"))
    change("GET", f"{path}/export", "UD0c1h7gjoEEM4Q=")
    change("DELETE", path, "UD3f9g2RjoEEPOg=")
    return service.settle()


def at_the_counter(service: Service) -> list[Json]:
    """The shop has rewards of every kind. Clara gets a card of a partner, who sends its code; pays with points and has
    some of them given back; and uses a voucher."""
    service.clock.move(days=1)
    shop(service)
    member = sample("requests/post_redemption.json")["member"]
    lines = [{"id": "1", "sku": "BOX-602435915234", "quantity": 2, "amount": 50000}]
    now = service.clock().isoformat()
    box = {**sample("requests/post_purchase.json"), "id": "till-3-20261206-0044", "lines": lines, "occurred_at": now}
    service.call("POST", "/v1/purchases", {**box, "member": member}, client=SHOP, request_id="UD6Lrg3mjoEEMkw=")

    def redeem(reward: str, request_id: str, **more: object) -> Json:
        service.clock.move(minutes=1)
        body = {"member": member, "reward_id": reward, **more}
        made = service.post("/v1/redemptions", body, key=f"counter-{reward}", client=SHOP, request_id=request_id)
        assert made.status == 201, made.body
        return made.body

    supplied = redeem("supplied", "UD6P1iFJDoEEMHw=")["redemption_id"]
    call(service, f"/v1/redemptions/{supplied}/fulfilment", "UD6Sdg8djoEEJ4Q=", sample("requests/post_fulfilment.json"))
    paid = redeem("cash", "UD6VmjB3DoEEPVA=", points=80, purchase_amount=5000)["redemption_id"]
    call(service, f"/v1/redemptions/{paid}/refund", "UD6Yxh2ADoEEMvQ=", sample("requests/post_refund.json"))
    code = redeem("five", "UD6cAi0sDoEEJtQ=")["voucher"]["code"]
    headers = {"idempotency-key": "till-3-20261206-0045"}
    use = sample("requests/post_voucher_use.json")
    used = service.call(
        "POST", f"/v1/vouchers/{code}/use", use, client=SHOP, headers=headers, request_id="UD6fVgUKDoEEJgA="
    )
    assert used.status == 200, used.body
    service.publish()
    return service.on_bus()


def test_outbound_samples_are_what_the_inbound_samples_lead_to(service: Service) -> None:
    told: dict[str, Json] = {}
    for event in [*play(service), *by_itself(), *in_a_club(service), *in_the_end(service), *at_the_counter(service)]:
        bare = {name: event[name] for name in ("source", "detail-type", "detail")}
        told.setdefault(event["detail-type"], bare)
    expected = [detail_type for detail_type in OUTBOUND if detail_type not in (*BY_THE_DAY, *TO_OURSELVES)]
    assert [detail_type for detail_type in told if detail_type not in TO_OURSELVES] == expected
    assert [told[name] for name in expected] == [sample(f"outbound/{detail_type}.json") for detail_type in expected]


@pytest.mark.parametrize("channel", DUE)
def test_the_sample_of_a_message_that_is_due_is_what_is_told_of_one(channel: Channel, service: Service) -> None:
    expected = sample(f"outbound/{DUE[channel]}.json")
    service.clock.time = datetime(2026, 11, 21, 10, 14, 50, tzinfo=UTC)
    due = due_event(expected["detail"]["data"]["member_id"], expected["detail"]["data"]["message"], channel)
    assert {"source": "loyalty", "detail-type": due.detail_type, "detail": due.detail} == expected


def test_what_no_call_and_no_event_leads_to_is_what_time_or_a_hand_does(service: Service) -> None:
    events = [*play(service), *in_a_club(service), *in_the_end(service), *at_the_counter(service)]
    led_to = {event["detail-type"] for event in events}
    assert set(OUTBOUND) - led_to - {*TO_OURSELVES} == {*BY_ITSELF, *BY_THE_DAY}


@pytest.mark.parametrize(
    ("operation", "path", "key"),
    [
        ("post_member", "/v1/members", "enrol-1"),
        ("post_purchase", "/v1/purchases", None),
        ("post_return", "/v1/purchases/till-3-20261120-0187/returns", None),
        ("post_redemption", "/v1/redemptions", "redeem-1"),
    ],
)
def test_a_sample_of_a_request_is_taken(service: Service, operation: str, path: str, key: str | None) -> None:
    if operation != "post_member":
        member = sample("requests/post_member.json")
        assert service.post("/v1/members", member, key="enrol-0").status == 201
        earn(service, dollars=120, member=sample("requests/post_redemption.json")["member"])
    if operation == "post_return":
        assert service.post("/v1/purchases", sample("requests/post_purchase.json")).status == 201
    assert service.post(path, sample(f"requests/{operation}.json"), key=key).status == 201


@pytest.mark.parametrize(
    ("method", "operation", "path"),
    [
        ("PATCH", "patch_member", ""),
        ("PUT", "put_preferences", "/preferences"),
        ("POST", "suspend_member", "/suspend"),
        ("POST", "reinstate_member", "/reinstate"),
    ],
)
def test_a_sample_of_a_change_of_a_member_is_taken(service: Service, method: str, operation: str, path: str) -> None:
    member = service.post("/v1/members", sample("requests/post_member.json"), key="enrol-0").body["member_id"]
    headers = {"idempotency-key": "change-1"}
    answer = service.call(method, f"/v1/members/{member}{path}", sample(f"requests/{operation}.json"), headers=headers)
    assert answer.status == 200


def test_the_samples_of_what_is_no_purchase_are_taken(service: Service) -> None:
    engaged(service, ENGAGED)
    member = service.post("/v1/members", sample("requests/post_member.json"), key="enrol-1").body["member_id"]
    service.clock.move(days=1)
    now = {"occurred_at": service.clock().isoformat()}  # when there is such an activity

    activity = service.post("/v1/activities", {**sample("requests/post_activity.json"), **now})
    adjustment = service.post(f"/v1/members/{member}/adjustments", sample("requests/post_adjustment.json"))
    basket = service.post("/v1/purchases/calculate", sample("requests/calculate_purchase.json"))
    batch = sample("requests/post_batch.json")["operations"]
    batch[1]["activity"] |= now
    results = service.post("/v1/batches", {"operations": batch}).body["results"]

    assert (activity.status, activity.body["points"]["pending"]) == (201, 15)
    assert (adjustment.status, adjustment.body["points"]["active"]) == (201, 25)
    assert (basket.status, basket.body["member_id"], basket.body["points"]["active"]) == (200, member, 54 + 4)
    assert [one["status"] for one in results] == [201, 201, 201]


def test_the_sample_of_a_purchase_earns_a_point_for_every_dollar(service: Service) -> None:
    service.post("/v1/members", sample("requests/post_member.json"), key="enrol-1")
    answer = service.post("/v1/purchases", sample("requests/post_purchase.json"))
    assert [(line["amount"], line["points"]) for line in answer.body["lines"]] == [(3498, 34), (2990, 30), (5999, 60)]
    assert answer.body["balance"]["active"] == 124


def test_the_sample_of_a_return_takes_half_of_its_line_back(service: Service) -> None:
    service.post("/v1/members", sample("requests/post_member.json"), key="enrol-1")
    service.post("/v1/purchases", sample("requests/post_purchase.json"))
    answer = service.post("/v1/purchases/till-3-20261120-0187/returns", sample("requests/post_return.json"))
    assert answer.body["points"]["active"] == -15
    assert answer.body["balance"]["active"] == 109
