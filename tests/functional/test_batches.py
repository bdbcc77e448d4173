"""Batches of `PurchaseCompleted`: booked together, one transaction for each member, and each purchase for itself."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from functions.accrual import deciding
from functions.runtime import tables
from functions.runtime.bus import TRIES
from functions.runtime.tables import CancelledError, Reason
from tests.functional.conftest import CONSUMERS, Json, Service, deployed
from tests.functional.factories import a_purchase

PURCHASES = CONSUMERS["PurchaseCompleted"]
ADA, GRACE, EVE = {"card": "RC-1815"}, {"card": "RC-1906"}, {"card": "RC-1899"}


def event(id: str, detail: Json) -> str:
    """A purchase as a queue record carries it."""
    envelope = {"id": id, "source": "shop", "detail-type": "PurchaseCompleted", "time": "2026-11-21T10:00:00Z"}
    return json.dumps({**envelope, "detail": detail})


def bought(member: Json, dollars: int, id: str, **changes: Any) -> str:
    return event(f"event-{id}", a_purchase(dollars, id=id, member=member, **changes))


def transactions(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many writes each transaction has from now on."""
    real = tables.transact
    sizes: list[int] = []

    def transact(writes: Sequence[Any]) -> None:
        sizes.append(len(writes))
        real(writes)

    monkeypatch.setattr(tables, "transact", transact)
    return sizes


def booked(service: Service) -> list[tuple[str, str, int, int]]:
    """Member, receipt, `n` and points of every entry."""
    entries = [entry for entry in service.items("entries") if "refused" not in entry]
    names = {item["member"]: item["source"] for item in service.items("members") if item["key"].startswith("M#")}
    found = [
        (names[entry["member"]], entry["operation"].rpartition("#")[2], entry["n"], entry["balance"][0])
        for entry in entries
    ]
    return sorted(found, key=lambda one: (one[0], one[2]))


def told(service: Service) -> list[tuple[str, str]]:
    """Id and code of every refusal."""
    data = [found["detail"]["data"] for found in service.on_bus()]
    return [(one["refused_event_id"], one["problem"]["code"]) for one in data]


@pytest.fixture
def members(service: Service) -> dict[str, str]:
    return join(service)


def join(service: Service) -> dict[str, str]:
    """Ada and Grace; the source of each is her name, so that she can be told by it."""
    found = {}
    for name, card in (("ada", ADA), ("grace", GRACE)):
        answer = service.post("/v1/members", card, key=name, client=name)
        found[name] = answer.body["member_id"]
    return found


def test_a_batch_is_one_transaction_for_each_member(
    service: Service, members: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = transactions(monkeypatch)

    failed = service.deliver(
        PURCHASES,
        bought(ADA, 10, "a-1"),
        bought(GRACE, 1, "g-1"),
        bought(ADA, 20, "a-2"),
        bought(GRACE, 2, "g-2"),
        bought(ADA, 30, "a-3"),
    )

    assert failed == []
    assert sizes == [4, 3], "the account, and each entry"
    assert booked(service) == [
        ("ada", "a-1", 1, 10),
        ("ada", "a-2", 2, 30),
        ("ada", "a-3", 3, 60),
        ("grace", "g-1", 1, 1),
        ("grace", "g-2", 2, 3),
    ]
    accounts = {item["member"]: item for item in service.items("accounts")}
    assert accounts[members["ada"]]["latest"] == [f"purchase#shop#a-{i}" for i in (1, 2, 3)]
    assert service.parked() == []
    assert told(service) == []


def test_a_batch_books_what_its_purchases_would_have_booked_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = [bought(who, i, f"receipt-{i}") for i, who in enumerate([ADA, GRACE, ADA, ADA, GRACE], start=1)]

    def outcome(batches: list[list[str]]) -> tuple[list[Json], list[Json]]:
        with deployed(monkeypatch) as service:
            join(service)
            for batch in batches:
                assert service.deliver(PURCHASES, *batch) == []
            service.publish()
            accounts = [{**item, "latest": None} for item in service.items("accounts")]
            events = sorted(service.on_bus(), key=lambda one: str(one["detail"]["metadata"]["event_id"]))
            return service.items("entries") + accounts, [one["detail"] for one in events]

    assert outcome([bodies]) == outcome([[body] for body in bodies])


def test_what_a_batch_booked_is_told_in_order(service: Service, members: dict[str, str]) -> None:
    service.deliver(PURCHASES, *(bought(ADA, i, f"a-{i}") for i in range(1, 6)))
    service.publish()
    ids = [found["detail"]["metadata"]["event_id"] for found in service.on_bus()]
    ada = members["ada"]
    assert [id for id in ids if id.startswith(ada)] == [f"{ada}#{n}" for n in range(6)]


def test_a_batch_that_fits_in_no_transaction_is_booked_in_two(
    service: Service, members: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = transactions(monkeypatch)
    assert service.deliver(PURCHASES, *(bought(ADA, 1, f"a-{i}") for i in range(120))) == []
    assert sizes == [100, 22]
    assert [found[2] for found in booked(service)] == list(range(1, 121))
    service.publish()
    assert len(service.on_bus()) == 122


@pytest.mark.parametrize("event_id", ["event-a-1", "event-other"], ids=["delivered twice", "sent twice"])
def test_a_purchase_that_comes_twice_in_a_batch_has_one_effect(
    service: Service, members: dict[str, str], event_id: str
) -> None:
    again = event(event_id, a_purchase(10, id="a-1", member=ADA))

    failed = service.deliver(PURCHASES, bought(ADA, 10, "a-1"), again, bought(ADA, 20, "a-2"), again)

    assert failed == []
    assert booked(service) == [("ada", "a-1", 1, 10), ("ada", "a-2", 2, 30)]
    assert service.parked() == []
    assert told(service) == []


def test_a_receipt_number_that_comes_twice_in_a_batch_with_two_payloads_is_refused_once(
    service: Service, members: dict[str, str]
) -> None:
    other = event("event-other", a_purchase(99, id="a-1", member=ADA))
    stolen = event("event-stolen", a_purchase(10, id="a-1", member=GRACE))

    assert service.deliver(PURCHASES, bought(ADA, 10, "a-1"), other, stolen, bought(ADA, 20, "a-2")) == []

    assert booked(service) == [("ada", "a-1", 1, 10), ("ada", "a-2", 2, 30)]
    assert told(service) == [("event-other", "operation_id_reused"), ("event-stolen", "operation_id_reused")]


def test_what_was_booked_before_is_a_repeat_in_a_batch_too(service: Service, members: dict[str, str]) -> None:
    service.deliver(PURCHASES, bought(ADA, 10, "a-1"), bought(ADA, 20, "a-2"))
    assert service.deliver(PURCHASES, bought(ADA, 30, "a-3"), bought(ADA, 20, "a-2"), bought(ADA, 10, "a-1")) == []
    assert booked(service) == [("ada", "a-1", 1, 10), ("ada", "a-2", 2, 30), ("ada", "a-3", 3, 60)]
    assert told(service) == []


def test_the_good_ones_of_a_batch_are_booked_whatever_the_others_are(service: Service, members: dict[str, str]) -> None:
    malformed = bought(ADA, 5, "a-5", tip=3)

    failed = service.deliver(
        PURCHASES,
        bought(ADA, 1, "a-1"),
        bought(ADA, 2, "a-2", currency="EUR"),
        "{",
        bought(EVE, 3, "e-1"),
        bought(ADA, 4, "a-4"),
        malformed,
        bought(GRACE, 6, "g-1"),
        bought(ADA, 7, "a-7", occurred_at="2027-01-01T00:00:00Z"),
        bought(ADA, 8, "a-8"),
        tries=TRIES - 1,
    )

    assert failed == []
    assert booked(service) == [
        ("ada", "a-1", 1, 1),
        ("ada", "a-4", 2, 5),
        ("ada", "a-8", 3, 13),
        ("grace", "g-1", 1, 6),
    ]
    assert told(service) == [
        ("event-a-2", "invalid"),
        ("event-e-1", "member_not_found"),
        ("event-a-7", "invalid"),
    ]
    assert sorted((parked["body"], parked["reason"]) for parked in service.parked()) == sorted(
        [
            ("{", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
            (malformed, "/tip: Extra inputs are not permitted"),
        ]
    )


def test_a_batch_of_nothing_that_can_be_read_is_parked(service: Service) -> None:
    with service.unchanged():
        assert service.deliver(PURCHASES, "{", "[]", "") == []
    assert len(service.parked()) == 3


def test_only_the_purchases_of_a_busy_member_go_back_to_the_queue(
    service: Service, members: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("functions.runtime.clock.pause", lambda longest: None)
    real = tables.transact

    def transact(writes: Sequence[Any]) -> None:
        if writes[0].item["member"] == members["ada"]:
            raise CancelledError([Reason("TransactionConflict", None)] + [Reason("None", None)] * (len(writes) - 1))
        real(writes)

    batch = [bought(ADA, 1, "a-1"), bought(GRACE, 2, "g-1"), bought(ADA, 3, "a-2"), bought(EVE, 4, "e-1")]
    with monkeypatch.context() as patch:
        patch.setattr(tables, "transact", transact)
        assert service.deliver(PURCHASES, *batch, tries=TRIES - 1) == ["record-0", "record-2"]

    assert booked(service) == [("grace", "g-1", 1, 2)]
    assert told(service) == [("event-e-1", "member_not_found")]
    assert service.parked() == []
    assert service.deliver(PURCHASES, batch[0], batch[2]) == []
    assert booked(service) == [("ada", "a-1", 1, 1), ("ada", "a-2", 2, 4), ("grace", "g-1", 1, 2)]


def test_a_batch_that_another_overtakes_is_decided_again(
    service: Service, members: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what the other one booked meanwhile is a repeat."""
    real, left = tables.transact, ["once"]

    def transact(writes: Sequence[Any]) -> None:
        if left:
            left.pop()
            service.deliver(PURCHASES, bought(ADA, 20, "a-2"), bought(ADA, 40, "a-9"))
        real(writes)

    monkeypatch.setattr(tables, "transact", transact)

    assert service.deliver(PURCHASES, bought(ADA, 10, "a-1"), bought(ADA, 20, "a-2"), bought(ADA, 30, "a-3")) == []

    assert booked(service) == [
        ("ada", "a-2", 1, 20),
        ("ada", "a-9", 2, 60),
        ("ada", "a-1", 3, 70),
        ("ada", "a-3", 4, 100),
    ]
    assert told(service) == []


def test_a_fault_of_ours_loses_nothing_of_a_batch(
    service: Service, members: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = [bought(ADA, 1, "a-1"), bought(GRACE, 2, "g-1"), bought(ADA, 3, "a-2")]
    with monkeypatch.context() as patch:
        patch.setattr("functions.accrual.store.decide", breaking_on("g-1"))
        failed = service.deliver(PURCHASES, *batch)

    assert "record-1" in failed
    again = [batch[int(record.removeprefix("record-"))] for record in failed]
    assert service.deliver(PURCHASES, *again) == []
    assert booked(service) == [("ada", "a-1", 1, 1), ("ada", "a-2", 2, 4), ("grace", "g-1", 1, 2)]
    assert told(service) == []
    assert service.parked() == []


def breaking_on(receipt: str) -> Any:
    """The decision on a purchase, out of order for one."""

    def decide(account: Any, purchase: Any, *rest: Any) -> Any:
        if purchase.id == receipt:
            raise RuntimeError("out of order")
        return deciding.decide(account, purchase, *rest)

    return decide


def test_a_fault_of_ours_goes_back_to_the_queue_alone(
    service: Service, members: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = [bought(GRACE, 2, "g-1"), bought(ADA, 1, "a-1"), bought(ADA, 3, "a-2")]
    monkeypatch.setattr("functions.accrual.store.decide", breaking_on("g-1"))
    assert service.deliver(PURCHASES, *batch) == ["record-0"]
    assert booked(service) == [("ada", "a-1", 1, 1), ("ada", "a-2", 2, 4)]
