"""Purchases over HTTPS: the whole answer, and the tables after it."""

from typing import Any

import pytest

from tests.functional.conftest import Json, Service, publish_program
from tests.functional.factories import (
    MEMBER,
    NOBODY,
    PURCHASE,
    a_purchase,
    a_reason,
    as_every_dollar,
    earn,
    enrol,
    problem,
    with_points,
    with_rules,
    without_programme,
)


def test_a_purchase_earns_and_answers_with_its_whole_effect(service: Service) -> None:
    member = enrol(service)

    answer = service.post("/v1/purchases", PURCHASE)

    assert answer.status == 201
    assert not answer.replayed
    assert answer.body == {
        "entry": {
            "id": f"{member}#1",
            "member_id": member,
            "n": 1,
            "kind": "earned",
            "points": 40,
            "lots": [{"expires_on": None, "points": 40}],
            "balance_after": {"active": 40, "pending": 0, "held": 0, "debt": 0},
            "operation": {"kind": "purchase", "id": "receipt-1", "source": "till-client"},
            "program_version": 1,
            "occurred_at": "2026-11-20T17:00:00Z",
            "recorded_at": "2026-11-21T10:00:00Z",
        },
        "points": {"active": 40, "pending": 0, "held": 0, "debt": 0},
        "balance": {"active": 40, "pending": 0, "held": 0, "debt": 0},
        "tier": None,
        "rewards_earned": [],
        "rewards_withdrawn": [],
        "explanation": [a_reason("every-dollar", 40, lines={"1": 12, "2": 28})],
        "currency": "USD",
        "lines": [
            {"id": "1", "quantity": 1, "amount": 1250, "points": 12},
            {"id": "2", "quantity": 2, "amount": 2799, "points": 28},
        ],
    }


def test_a_purchase_is_one_entry_and_a_changed_account_and_nothing_else(service: Service) -> None:
    member = enrol(service)
    before = service.tables()

    service.post("/v1/purchases", PURCHASE)

    after = service.tables()
    assert {name for name in after if after[name] != before[name]} == {"accounts", "entries"}
    [entry] = service.items("entries")
    assert len(entry.pop("hash")) == 32
    assert entry == {
        "operation": "purchase#till-client#receipt-1",
        "source": "till-client",
        "correlation": "request-1",
        "member": member,
        "n": 1,
        "kind": "earned",
        "change": {"lots": {"never": 40}},
        "balance": [40, 0, 0, 0],
        "tier": None,
        "occurred_at": "2026-11-20T17:00:00.000000Z",
        "recorded_at": "2026-11-21T10:00:00.000000Z",
        "version": 1,
        "why": [["every-dollar", True, 40, [12, 28]]],
        "lines": [["1", 1, 1250, 12], ["2", 2, 2799, 28]],
        "currency": "USD",
        "counts": [["visits", {}, 1, 0], ["spend", "amount"], ["points", "points"]],
    }
    assert service.items("accounts") == [
        {
            "member": member,
            "part": "A",
            "n": 1,
            "revision": 1,
            "lots": {"never": 40},
            "pending": {},
            "holds": {},
            "debt": 0,
            "status": "active",
            "tiers": [],
            "counters": {"visits": 1, "spend": 4049, "points": 40},
            "latest": ["purchase#till-client#receipt-1"],
            "source": "till-client",
            "enrolled_at": "2026-11-21T10:00:00.000000Z",
            "updated_at": "2026-11-21T10:00:00.000000Z",
            "active_on": "2026-11-20",
        }
    ]


def test_a_purchase_that_is_sent_again_earns_nothing_and_gets_the_same_answer(service: Service) -> None:
    enrol(service)
    first = service.post("/v1/purchases", PURCHASE)
    service.clock.move(days=400)

    with service.unchanged():
        again = service.post("/v1/purchases", PURCHASE)

    assert (again.status, again.body) == (first.status, first.body)
    assert again.replayed


def test_a_purchase_that_is_written_differently_is_the_same_if_it_means_the_same(service: Service) -> None:
    enrol(service)
    first = service.post("/v1/purchases", PURCHASE)

    again = service.post("/v1/purchases", a_purchase(occurred_at="2026-11-20T17:00:00.000Z", store=None, attributes={}))

    assert (again.status, again.body, again.replayed) == (201, first.body, True)


@pytest.mark.parametrize(
    "changes",
    [
        {"lines": [{"id": "1", "sku": "lp-1", "quantity": 1, "amount": 1251}]},
        {"occurred_at": "2026-11-20T18:00:01+01:00"},
        {"store": "harbour-street"},
        {"currency": "EUR"},
        {"member": {"email": "grace@example.com"}},
        {"member": {"card": "RC-0000"}},
    ],
    ids=["amount", "time", "store", "currency", "another member", "unknown member"],
)
def test_a_receipt_number_cannot_be_used_for_another_purchase(service: Service, changes: Json) -> None:
    enrol(service)
    enrol(service, key="enrol-2", email="grace@example.com")
    service.post("/v1/purchases", PURCHASE)

    with service.unchanged():
        answer = service.post("/v1/purchases", {**PURCHASE, **changes})

    assert answer.status == 422
    assert not answer.replayed
    assert answer.body == problem(
        422,
        "operation_id_reused",
        "This operation id was used with another payload",
        "The purchase receipt-1 was sent before with another payload.",
    )


def test_a_receipt_by_an_address_of_nobody_is_the_one_that_was_sent(service: Service) -> None:
    """It may have been its member's: no address is kept to tell. Nothing is booked twice."""
    enrol(service)
    first = service.post("/v1/purchases", PURCHASE)
    with service.unchanged():
        again = service.post("/v1/purchases", {**PURCHASE, "member": {"email": "nobody@example.com"}})
    assert (again.status, again.body, again.replayed) == (201, first.body, True)


def test_two_partners_may_use_the_same_receipt_number(service: Service) -> None:
    enrol(service)
    service.post("/v1/purchases", PURCHASE, client="till-client")

    answer = service.post("/v1/purchases", PURCHASE, client="shop-client")

    assert (answer.status, answer.replayed) == (201, False)
    assert answer.body["balance"] == {"active": 80, "pending": 0, "held": 0, "debt": 0}
    assert [entry["operation"] for entry in service.items("entries")] == [
        "purchase#shop-client#receipt-1",
        "purchase#till-client#receipt-1",
    ]


@pytest.mark.parametrize(
    "member",
    [
        {"external_id": "shop-1815"},
        {"card": "RC-1815"},
        {"email": "ADA@example.COM"},
        {"phone": "+12125550100"},
    ],
    ids=",".join,
)
def test_a_member_is_found_by_any_identity(service: Service, member: Json) -> None:
    ada = enrol(service, **MEMBER)
    assert service.post("/v1/purchases", a_purchase(member=member)).body["entry"]["member_id"] == ada


def test_a_member_is_found_by_id(service: Service) -> None:
    ada = enrol(service)
    assert service.post("/v1/purchases", a_purchase(member={"id": ada})).body["entry"]["member_id"] == ada


@pytest.mark.parametrize(
    "member",
    [
        {"id": NOBODY},
        {"external_id": "shop-1"},
        {"card": "RC-1"},
        {"email": "nobody@example.com"},
        {"phone": "+12125550199"},
    ],
    ids=",".join,
)
def test_a_purchase_of_nobody_is_not_found(service: Service, member: Json) -> None:
    enrol(service, **MEMBER)

    with service.unchanged():
        answer = service.post("/v1/purchases", a_purchase(member=member))

    [kind] = member
    assert answer.status == 404
    assert answer.body == problem(404, "member_not_found", "No such member", f"No member has this {kind}.")


def test_the_external_id_of_one_partner_means_nothing_to_another(service: Service) -> None:
    enrol(service, **MEMBER)
    by_external_id = a_purchase(member={"external_id": "shop-1815"})
    assert service.post("/v1/purchases", by_external_id, client="shop-client").status == 404


def test_a_purchase_can_be_looked_up_by_who_sent_it(service: Service) -> None:
    enrol(service)
    sent = service.post("/v1/purchases", PURCHASE)

    answer = service.get("/v1/purchases/receipt-1")

    assert (answer.status, answer.body, answer.replayed) == (200, {**sent.body, "returned": []}, False)


@pytest.mark.parametrize(("id", "client"), [("receipt-2", "till-client"), ("receipt-1", "shop-client")])
def test_a_purchase_of_another_id_or_partner_is_not_found(service: Service, id: str, client: str) -> None:
    enrol(service)
    service.post("/v1/purchases", PURCHASE)

    answer = service.call("GET", f"/v1/purchases/{id}", client=client)

    assert answer.status == 404
    assert answer.body == problem(404, "purchase_not_found", "No such purchase", f"You have not sent a purchase {id}.")


def test_a_purchase_for_nothing_is_booked_with_the_reason(service: Service) -> None:
    enrol(service)

    answer = earn(service, dollars=0)

    assert answer.body["entry"]["n"] == 1
    assert answer.body["entry"]["lots"] == []
    assert answer.body["points"] == answer.body["balance"] == {"active": 0, "pending": 0, "held": 0, "debt": 0}
    assert answer.body["explanation"] == [
        a_reason("every-dollar", 0, condition="amount_below_one_step", facts={"paid": 0, "needed": 100})
    ]


def test_a_purchase_of_another_currency_and_of_the_future_is_told_both(service: Service) -> None:
    enrol(service)

    with service.unchanged():
        answer = service.post("/v1/purchases", a_purchase(currency="EUR", occurred_at="2026-11-21T10:10:00.000001Z"))

    assert answer.status == 422
    assert answer.body == problem(
        422,
        "invalid",
        "The request has invalid fields",
        "/currency: The programme counts in USD.; /occurred_at: The purchase lies in the future.",
        errors=[
            {"pointer": "/currency", "code": "currency", "detail": "The programme counts in USD."},
            {"pointer": "/occurred_at", "code": "future", "detail": "The purchase lies in the future."},
        ],
    )


def test_a_till_may_run_ten_minutes_ahead(service: Service) -> None:
    enrol(service)
    assert service.post("/v1/purchases", a_purchase(occurred_at="2026-11-21T10:10:00Z")).status == 201


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        "",
        "Application/JSON",
    ],
)
def test_json_is_taken_however_it_is_announced(service: Service, content_type: str) -> None:
    enrol(service)
    answer = service.call("POST", "/v1/purchases", PURCHASE, headers={"content-type": content_type})
    assert answer.status == 201


@pytest.mark.parametrize("amount", [0, 1_000_000_000])
def test_the_smallest_and_the_largest_amount_are_taken(service: Service, amount: int) -> None:
    enrol(service)
    body = a_purchase(lines=[{**PURCHASE["lines"][0], "amount": amount}])
    assert service.post("/v1/purchases", body).status == 201


def test_without_a_programme_nothing_is_earned(service: Service) -> None:
    enrol(service)
    without_programme(service)

    with service.unchanged():
        answer = service.post("/v1/purchases", PURCHASE)

    assert answer.status == 409
    assert answer.body == problem(
        409, "program_not_active", "No programme is active", "Publish and activate a version of the programme first."
    )


def test_what_was_accepted_once_is_answered_as_it_was_whatever_the_programme_says_today(service: Service) -> None:
    enrol(service)
    first = service.post("/v1/purchases", PURCHASE)
    publish_program(service, _programme(service).replace("currency: USD", "currency: EUR"))
    in_another_currency = service.post("/v1/purchases", PURCHASE)
    without_programme(service)
    without_any = service.post("/v1/purchases", PURCHASE)

    for again in (in_another_currency, without_any):
        assert (again.status, again.body, again.replayed) == (201, first.body, True)


def test_a_purchase_is_judged_by_the_version_in_force_and_remembers_it(service: Service) -> None:
    enrol(service)
    earn(service, dollars=10, id="receipt-1")
    publish_program(service, _programme(service).replace("points: 1\n", "points: 3\n"))

    answer = earn(service, dollars=10, id="receipt-2")

    assert answer.body["entry"]["program_version"] == 2
    assert answer.body["points"]["active"] == 30
    assert service.get("/v1/purchases/receipt-1").body["entry"]["program_version"] == 1


def test_points_expire_counted_from_the_day_of_a_late_purchase(service: Service) -> None:
    member = enrol(service)
    with_points(service, "expire: {after_months: 3}")

    in_time = earn(service, dollars=7, id="in-time", occurred_at="2026-08-31T12:00:00Z").body
    too_late = earn(service, dollars=9, id="too-late", occurred_at="2026-08-20T12:00:00Z").body

    assert in_time["entry"]["lots"] == [{"expires_on": "2026-11-30", "points": 7}]
    assert too_late["entry"]["lots"] == [{"expires_on": "2026-11-20", "points": 9}]
    assert too_late["balance"] == {"active": 7, "pending": 0, "held": 0, "debt": 0}
    assert service.get(f"/v1/members/{member}/balance").body["active"] == 7


def test_a_ten_line_purchase_stays_within_one_write_unit(service: Service) -> None:
    """The longest ids that the contract allows are not the point: these are a till's."""
    enrol(service)
    lines = [
        {"id": str(i), "sku": f"LP-602448321{i:03}", "quantity": 2, "amount": 3498, "categories": ["vinyl", "jazz"]}
        for i in range(1, 11)
    ]
    service.post(
        "/v1/purchases", a_purchase(id="till-3-20261120-0187", lines=lines), client="5f0s3l2k4q1v8n7m6b9c0x2z1a"
    )

    [entry] = service.tables()["entries"]

    assert size_of(entry) < 1024


def size_of(item: Json) -> int:
    """Bytes of an item: the names of its attributes in UTF-8, and the values.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    return sum(len(name.encode()) + _size_of_value(value) for name, value in item.items())


def _size_of_value(wire: Json) -> int:
    [(kind, value)] = wire.items()
    sizes: dict[str, Any] = {
        "S": lambda: len(value.encode()),
        "N": lambda: (len(value.strip("-0.").replace(".", "")) + 1) // 2 + 1 + value.startswith("-"),
        "BOOL": lambda: 1,
        "NULL": lambda: 1,
        "L": lambda: 3 + sum(1 + _size_of_value(element) for element in value),
        "M": lambda: 3 + len(value) + size_of(value),
    }
    size: int = sizes[kind]()
    return size


def test_the_largest_basket_is_booked(service: Service) -> None:
    enrol(service)
    lines = [{"id": f"line-{i:015}", "sku": "s" * 64, "quantity": 1, "amount": 100} for i in range(500)]

    answer = service.post("/v1/purchases", a_purchase(lines=lines))

    assert answer.status == 201
    assert answer.body["points"]["active"] == 500
    service.publish()
    assert [event["detail-type"] for event in service.on_bus()] == ["MemberEnrolled", "PointsEarned"]


def test_the_largest_basket_is_booked_under_many_rules(service: Service) -> None:
    enrol(service)
    text = _programme(service)
    publish_program(service, with_rules(text, *as_every_dollar(40)))
    lines = [{"id": f"line-{i:015}", "sku": "lp-1", "quantity": 1, "amount": 100} for i in range(500)]
    assert service.post("/v1/purchases", a_purchase(lines=lines)).status in {201, 422}


def _programme(service: Service) -> str:
    text: str = service.get("/v1/program").body["text"]
    return text
