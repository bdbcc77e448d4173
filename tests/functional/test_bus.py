"""Inbound events: accepted as over HTTPS, refused with a trace on the bus, or parked with the reason. Never dropped."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from functions.redemption.spending import redemption_id
from functions.runtime.bus import TRIES
from functions.runtime.tables import CancelledError, Reason
from tests.functional.conftest import CLIENT, CONSUMERS, Json, Service, deployed
from tests.functional.factories import (
    MEMBER,
    NOBODY,
    PURCHASE,
    REDEMPTION,
    a_purchase,
    earn,
    enrol,
    without_programme,
)

PURCHASES = CONSUMERS["PurchaseCompleted"]
ENROLMENT = {**MEMBER, "idempotency_key": "enrol-1"}
REDEMPTION_EVENT = {**REDEMPTION, "idempotency_key": "redeem-1"}


def told(service: Service) -> list[Json]:
    """The details of what reached the bus."""
    return [event["detail"] for event in service.on_bus()]


# Accepted


def over_https(service: Service) -> None:
    service.post("/v1/members", MEMBER, key="enrol-1")
    service.post("/v1/purchases", a_purchase(dollars=120))
    service.post("/v1/redemptions", REDEMPTION, key="redeem-1")


def over_the_bus(service: Service) -> None:
    """From the source, and under the correlation id, that a call over HTTPS has in these tests."""
    for detail_type, detail in (
        ("MemberEnrolmentRequested", ENROLMENT),
        ("PurchaseCompleted", a_purchase(dollars=120)),
        ("RedemptionRequested", REDEMPTION_EVENT),
    ):
        assert service.send(detail_type, detail, source=CLIENT, event_id="request-1") == []


def test_an_event_has_exactly_the_effect_of_the_call_with_the_same_body(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.token_bytes", bytes)

    def outcome(play: Callable[[Service], None]) -> tuple[Any, Any]:
        with deployed(monkeypatch) as service:
            play(service)
            service.publish()
            return service.tables(), told(service)

    tables, events = outcome(over_https)
    assert [len(tables[name]) for name in ("members", "entries", "rewards")] == [5, 2, 1]
    assert len(events) == 5
    assert outcome(over_the_bus) == (tables, events)


def test_an_accepted_event_says_nothing_by_itself(service: Service) -> None:
    """The stream tells what was committed; a consumer that told it too would tell what never was."""
    over_the_bus(service)
    assert told(service) == []
    assert service.parked() == []


def test_the_source_of_an_event_is_its_namespace_and_its_id_the_correlation(service: Service) -> None:
    enrol(service)
    service.send("PurchaseCompleted", PURCHASE, source="record.shop", event_id="event-7")
    [entry] = service.items("entries")
    assert (entry["operation"], entry["source"]) == ("purchase#record.shop#receipt-1", "record.shop")
    assert entry["correlation"] == "event-7"


@pytest.mark.parametrize("event_id", ["event-1", "event-2"], ids=["delivered twice", "sent twice"])
@pytest.mark.parametrize(
    ("detail_type", "detail"),
    [
        ("MemberEnrolmentRequested", ENROLMENT),
        ("PurchaseCompleted", a_purchase(dollars=120)),
        ("RedemptionRequested", REDEMPTION_EVENT),
    ],
)
def test_an_event_that_comes_twice_has_one_effect(
    service: Service, detail_type: str, detail: Json, event_id: str
) -> None:
    if detail_type != "MemberEnrolmentRequested":
        enrol(service)
        earn(service, dollars=300, id="earlier")
    service.send(detail_type, detail, event_id="event-1")

    with service.unchanged():
        assert service.send(detail_type, detail, event_id=event_id) == []

    assert told(service) == []
    assert service.parked() == []


def test_an_enrolment_without_a_key_is_one_for_each_event(service: Service) -> None:
    service.send("MemberEnrolmentRequested", {"card": "RC-1"}, event_id="event-1")
    with service.unchanged():
        service.send("MemberEnrolmentRequested", {"card": "RC-1"}, event_id="event-1")
    service.send("MemberEnrolmentRequested", {"card": "RC-2"}, event_id="event-2")
    assert len(service.items("accounts")) == 2


@pytest.mark.parametrize(
    ("path", "detail_type", "body", "key"),
    [
        ("/v1/members", "MemberEnrolmentRequested", MEMBER, "enrol-9"),
        ("/v1/purchases", "PurchaseCompleted", a_purchase(dollars=120), None),
        ("/v1/redemptions", "RedemptionRequested", REDEMPTION, "redeem-1"),
    ],
)
def test_a_call_that_repeats_an_event_of_the_same_source_is_a_repeat(
    service: Service, path: str, detail_type: str, body: Json, key: str | None
) -> None:
    if path != "/v1/members":
        enrol(service)
        earn(service, dollars=300, id="earlier")
    service.send(detail_type, {**body, **({"idempotency_key": key} if key else {})}, source=CLIENT)

    with service.unchanged():
        answer = service.post(path, body, key=key)

    assert (answer.status, answer.replayed) == (201, True)


# Refused


def test_a_refused_event_leaves_its_problem_on_the_bus(service: Service) -> None:
    enrol(service)

    assert service.send("RedemptionRequested", REDEMPTION_EVENT, source="record.shop", event_id="event-7") == []

    [event] = service.on_bus()
    assert (event["source"], event["detail-type"]) == ("loyalty", "OperationRefused")
    assert event["detail"] == {
        "metadata": {
            "event_id": "refused#event-7",
            "member_sequence": None,
            "program_version": None,
            "occurred_at": "2026-11-21T10:00:00.000000Z",
            "recorded_at": "2026-11-21T10:00:00.000000Z",
            "schema_version": 1,
            "correlation_id": "event-7",
        },
        "data": {
            "refused_event_id": "event-7",
            "refused_detail_type": "RedemptionRequested",
            "refused_source": "record.shop",
            "operation_id": "redeem-1",
            "problem": {
                "type": "urn:loyalty:problem:insufficient_points",
                "title": "Not enough points",
                "code": "insufficient_points",
                "detail": "100 points are needed; 100 are missing.",
                "required": 100,
                "missing": 100,
            },
        },
    }
    assert service.parked() == []


REFUSED: list[tuple[str, str, Json, str]] = [
    ("nobody", "PurchaseCompleted", a_purchase(member={"id": NOBODY}), "member_not_found"),
    ("no such email", "PurchaseCompleted", a_purchase(member={"email": "eve@example.com"}), "member_not_found"),
    ("currency", "PurchaseCompleted", a_purchase(currency="EUR"), "invalid"),
    ("future", "PurchaseCompleted", a_purchase(occurred_at="2027-01-01T00:00:00Z"), "invalid"),
    ("id reused", "PurchaseCompleted", a_purchase(dollars=9, id="receipt-0"), "operation_id_reused"),
    ("no such reward", "RedemptionRequested", {**REDEMPTION_EVENT, "reward_id": "car"}, "reward_not_found"),
    ("identity taken", "MemberEnrolmentRequested", {**MEMBER, "idempotency_key": "other"}, "member_exists"),
    ("key reused", "MemberEnrolmentRequested", {**MEMBER, "idempotency_key": "enrol-0"}, "operation_id_reused"),
]


@pytest.fixture
def ada(service: Service) -> str:
    """Ada came over the bus, and bought something for seven dollars."""
    enrolment = {"email": "ada@example.com", "given_name": "Ada", "idempotency_key": "enrol-0"}
    service.send("MemberEnrolmentRequested", enrolment)
    service.send("PurchaseCompleted", a_purchase(dollars=7, id="receipt-0"))
    return "ada@example.com"


@pytest.mark.parametrize(("detail_type", "detail", "code"), [case[1:] for case in REFUSED], ids=[c[0] for c in REFUSED])
def test_a_refusal_writes_nothing_and_names_its_reason(
    service: Service, ada: str, detail_type: str, detail: Json, code: str
) -> None:
    with service.unchanged():
        tries = service.send_until_taken(detail_type, detail)
    assert tries == (TRIES - 1 if code == "member_not_found" else 1), "the enrolment may be on its way"
    [refusal] = told(service)
    assert refusal["data"]["problem"]["code"] == code
    assert refusal["data"]["operation_id"] == (detail.get("id") or detail["idempotency_key"])
    assert service.parked() == []


def test_without_a_programme_an_event_is_refused(service: Service, ada: str) -> None:
    without_programme(service)
    with service.unchanged():
        assert service.send("PurchaseCompleted", PURCHASE) == []
    assert [refusal["data"]["problem"]["code"] for refusal in told(service)] == ["program_not_active"]


def test_a_refusal_stays_a_refusal_and_is_told_again(service: Service) -> None:
    enrol(service)
    service.send("RedemptionRequested", REDEMPTION_EVENT)
    earn(service, dollars=500)
    with service.unchanged():
        service.send("RedemptionRequested", REDEMPTION_EVENT)
    first, again = told(service)
    assert first["data"] == again["data"]
    assert first["metadata"]["event_id"] == again["metadata"]["event_id"]


def test_an_enrolment_event_without_a_key_is_refused_without_an_operation_id(service: Service, ada: str) -> None:
    service.send("MemberEnrolmentRequested", {"email": ada}, event_id="event-9")
    [refusal] = told(service)
    assert refusal["data"]["operation_id"] is None
    assert refusal["data"]["problem"]["identities"] == ["email"]


# Malformed


def test_a_malformed_event_is_parked_with_the_reason(service: Service) -> None:
    enrol(service)
    detail = a_purchase(currency="usd", tip=3)

    with service.unchanged():
        assert service.send("PurchaseCompleted", detail, event_id="event-7") == []

    [parked] = service.parked()
    assert (
        parked["reason"] == "/currency: String should match pattern '^[A-Z]{3}$'; /tip: Extra inputs are not permitted"
    )
    assert json.loads(parked["body"])["id"] == "event-7"
    assert json.loads(parked["body"])["detail"] == detail
    assert told(service) == []


MALFORMED: dict[str, tuple[str, str]] = {
    "not JSON": ("{", "Expecting property name enclosed in double quotes"),
    "empty": ("", "Expecting value"),
    "a list": ("[]", "Input should be"),
    "text": ('"event"', "Input should be"),
    "no envelope": ("{}", "/id: Field required; /source: Field required; /time: Field required"),
    "no detail": (
        '{"id": "e", "source": "s", "time": "2026-11-21T10:00:00Z", "detail-type": "PurchaseCompleted"}',
        "/detail: Field required",
    ),
    "a list as detail": (
        '{"id": "e", "source": "s", "time": "2026-11-21T10:00:00Z", "detail-type": "PurchaseCompleted", "detail": []}',
        "/detail: Input should be a valid dictionary",
    ),
    "no time": (
        '{"id": "e", "source": "s", "time": "noon", "detail-type": "PurchaseCompleted", "detail": {}}',
        "/time: Input should be an ISO 8601 date and time with its offset",
    ),
    "deep": ('{"a":' * 100_000 + "1" + "}" * 100_000, "recursion"),
    "endless number": ('{"id": ' + "9" * 5000 + "}", "Exceeds the limit"),
}


@pytest.mark.parametrize(("body", "reason"), MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_event_is_parked_word_for_word(service: Service, body: str, reason: str) -> None:
    with service.unchanged():
        assert service.deliver(PURCHASES, body) == []
    [parked] = service.parked()
    assert parked["body"] == body
    assert reason in parked["reason"]
    assert told(service) == []


@pytest.mark.parametrize(
    ("detail_type", "detail"),
    [
        ("PurchaseCompleted", {}),
        ("PurchaseCompleted", a_purchase(lines=[{**PURCHASE["lines"][0], "amount": float("nan")}])),
        ("PurchaseCompleted", a_purchase(lines=[{**PURCHASE["lines"][0], "amount": True}])),
        ("PurchaseCompleted", a_purchase(member={"card": "RC-1815", "email": "ada@example.com"})),
        ("PurchaseCompleted", {**PURCHASE, "idempotency_key": "key-1"}),
        ("MemberEnrolmentRequested", {"given_name": "Ada"}),
        ("RedemptionRequested", REDEMPTION),
    ],
    ids=["empty", "NaN", "bool", "two identities", "key where none belongs", "no identity", "no key"],
)
def test_a_detail_that_is_not_what_its_type_says_is_parked(service: Service, detail_type: str, detail: Json) -> None:
    enrol(service)
    with service.unchanged():
        assert service.send(detail_type, detail) == []
    assert len(service.parked()) == 1
    assert told(service) == []


def test_half_a_character_is_parked_with_the_reason(service: Service) -> None:
    enrol(service)
    assert service.send("PurchaseCompleted", a_purchase(attributes={"gift": "\ud800"})) == []
    assert len(service.parked()) == 1


# Batches


def test_each_record_of_a_batch_stands_for_itself(service: Service) -> None:
    enrol(service)

    def event(id: str, detail: Json) -> str:
        envelope = {"id": id, "source": "shop", "detail-type": "PurchaseCompleted", "time": "2026-11-21T10:00:00Z"}
        return json.dumps({**envelope, "detail": detail})

    failed = service.deliver(
        PURCHASES,
        event("event-1", a_purchase(dollars=1, id="receipt-1")),
        "{",
        event("event-3", a_purchase(dollars=1, id="receipt-3", currency="EUR")),
        event("event-4", a_purchase(dollars=1, id="receipt-4")),
    )

    assert failed == []
    assert [entry["operation"] for entry in service.items("entries")] == [
        "purchase#shop#receipt-1",
        "purchase#shop#receipt-4",
    ]
    assert [refusal["data"]["refused_event_id"] for refusal in told(service)] == ["event-3"]
    assert [parked["body"] for parked in service.parked()] == ["{"]


def test_what_cannot_be_finished_now_goes_back_to_the_queue_alone(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrol(service)
    monkeypatch.setattr("functions.runtime.clock.pause", lambda longest: None)

    def busy(writes: object) -> None:
        raise CancelledError([Reason("TransactionConflict", None), Reason("None", None)])

    with monkeypatch.context() as patch, service.unchanged():
        patch.setattr("functions.runtime.tables.transact", busy)
        assert service.send("PurchaseCompleted", PURCHASE) == ["record-0"]

    assert "event_postponed" in service.log.getvalue()
    assert told(service) == []
    assert service.parked() == []
    assert service.send("PurchaseCompleted", PURCHASE) == []
    assert len(service.items("entries")) == 1


def test_a_fault_of_ours_goes_back_to_the_queue(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    enrol(service)

    def broken(*_: object) -> None:
        raise RuntimeError("out of order")

    monkeypatch.setattr("functions.accrual.store.decide", broken)
    with service.unchanged():
        assert service.send("PurchaseCompleted", PURCHASE) == ["record-0"]
    assert told(service) == []
    assert service.parked() == []
    assert "event_failed" in service.log.getvalue()


# Nothing personal


@pytest.mark.parametrize(
    ("detail_type", "detail"),
    [(case[1], case[2]) for case in REFUSED]
    + [
        ("PurchaseCompleted", a_purchase(member={"email": "eve@example.com", "phone": "+12125550100"})),
        ("PurchaseCompleted", a_purchase(member={"email": "eve@example"})),
        ("PurchaseCompleted", a_purchase(store=["eve@example.com"])),
        ("PurchaseCompleted", a_purchase(occurred_at="eve@example.com")),
        ("MemberEnrolmentRequested", {**ENROLMENT, "phone": "eve@example.com"}),
        ("MemberEnrolmentRequested", {**ENROLMENT, "locale": "Lovelace"}),
        ("MemberEnrolmentRequested", {**ENROLMENT, "given_name": ["Lovelace"]}),
    ],
)
def test_nothing_personal_of_an_event_comes_back_out(
    service: Service, ada: str, detail_type: str, detail: Json
) -> None:
    service.send_until_taken(detail_type, detail)

    said = json.dumps(told(service)) + json.dumps([parked["reason"] for parked in service.parked()])
    assert len(said) > len("[][]"), "it was refused or parked"
    for personal in ("@example", "Lovelace", "+1212555", "RC-1815", "shop-1815"):
        assert personal not in said
        assert personal not in service.log.getvalue()


@pytest.mark.parametrize(
    "name",
    [
        "eve@example.com",
        "to eve@example.com",
        "eve@example.com/1",
        "to/eve@example.com",
        pytest.param(
            "to: eve@example.com",
        ),
    ],
)
def test_an_email_as_the_name_of_a_field_does_not_come_back_out(service: Service, name: str) -> None:
    service.send("PurchaseCompleted", {**PURCHASE, name: 1})
    [parked] = service.parked()
    assert "@example" not in parked["reason"]


def test_a_redemption_event_is_the_same_redemption_as_over_https(service: Service) -> None:
    enrol(service)
    earn(service, dollars=120)
    service.send("RedemptionRequested", REDEMPTION_EVENT, source="record.shop")
    answer = service.get(f"/v1/redemptions/{redemption_id('record.shop', 'redeem-1')}")
    assert answer.status == 200
    assert answer.body["entry"]["operation"]["source"] == "record.shop"
