"""Returns that come before their purchase: they wait for it, are carried out when it comes, or end with a trace."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from functions.runtime import bus, tables
from tests.functional.conftest import FOLLOWER, Json, Service, publish_program
from tests.functional.engaged import (
    CARDS,
    a_return,
    account,
    basket,
    buy,
    give_back,
    join,
    parts,
    refusals,
    types,
)
from tests.functional.factories import problem
from tests.functional.test_races import meanwhile

Patch = pytest.MonkeyPatch
UNTIL = "2026-12-21T10:00:00Z"


@pytest.fixture
def ada(service: Service) -> str:
    return join(service)


def places(service: Service) -> list[Json]:
    """Where returns wait."""
    return [item for item in service.items("entries") if "awaited" in item]


def buy_over_the_bus(service: Service, id: str, dollars: int, **changes: Any) -> None:
    assert service.send("PurchaseCompleted", basket(service, id, dollars, **changes), source="till-client") == []


def return_over_the_bus(service: Service, purchase: str, id: str = "return-1", **lines: int) -> None:
    detail = a_return(service, id, purchase, **lines)
    assert service.send("PurchaseReturned", detail, source="till-client", event_id=f"event-{id}") == []


def balance(service: Service, member: str) -> int:
    sheet = service.get(f"/v1/members/{member}/balance").body
    active: int = sheet["active"] - sheet["debt"]
    return active


# It waits


def test_a_return_of_an_unknown_purchase_waits_and_says_until_when(service: Service, ada: str) -> None:
    answer = give_back(service, "late")
    assert (answer.status, answer.replayed) == (202, False)
    assert answer.body == {"status": "waiting", "purchase_id": "late", "until": UNTIL}
    assert balance(service, ada) == 0
    assert types(service.settle()) == ["MemberEnrolled"]


def test_it_waits_as_long_as_the_programme_takes_late_purchases(service: Service, ada: str) -> None:
    text = (
        service.get("/v1/program")
        .body["text"]
        .replace("\nearning:", "\npurchases: {accepted_late_days: 4}\n\nearning:")
    )
    publish_program(service, text)
    assert give_back(service, "late").body["until"] == "2026-11-25T10:00:00Z"


def test_a_return_that_waits_may_be_sent_again_and_waits_once(service: Service, ada: str) -> None:
    first = give_back(service, "late")
    body = a_return(service, "return-1")
    service.clock.move(days=1)
    with service.unchanged():
        again = service.post("/v1/purchases/late/returns", body)
        return_over_the_bus_of(service, {**body, "purchase_id": "late"})
    assert (again.status, again.body) == (202, first.body)
    assert service.on_bus() == []


def return_over_the_bus_of(service: Service, detail: Json) -> None:
    assert service.send("PurchaseReturned", detail, source="till-client") == []


def test_another_return_under_the_number_of_one_that_waits_is_refused(service: Service, ada: str) -> None:
    give_back(service, "late")
    with service.unchanged():
        answer = give_back(service, "late", l1=1)
    assert (answer.status, answer.body["code"]) == (422, "operation_id_reused")


def test_the_number_of_a_booked_return_cannot_be_used_for_a_purchase_that_has_not_come(
    service: Service, ada: str
) -> None:
    buy(service, "receipt-1", 10)
    assert give_back(service, "receipt-1").status == 201
    with service.unchanged():
        answer = give_back(service, "late")
    assert (answer.status, answer.body["code"]) == (422, "operation_id_reused")


def test_a_return_of_the_future_does_not_wait(service: Service, ada: str) -> None:
    body = {"id": "return-1", "occurred_at": "2027-11-21T10:00:00Z"}
    with service.unchanged():
        answer = service.post("/v1/purchases/late/returns", body)
    assert (answer.status, answer.body["code"]) == (422, "invalid")


def test_at_most_ten_returns_wait_for_one_purchase(service: Service, ada: str) -> None:
    for i in range(10):
        assert give_back(service, "late", f"return-{i}", l1=1).status == 202
    with service.unchanged():
        answer = give_back(service, "late", "return-10", l1=1)
    assert (answer.status, answer.body["code"]) == (404, "purchase_not_found")
    assert give_back(service, "late", "return-9", l1=1).status == 202, "one that waits goes on waiting"


def test_a_purchase_that_returns_wait_for_is_not_there_yet(service: Service, ada: str) -> None:
    give_back(service, "late")
    answer = service.get("/v1/purchases/late")
    assert (answer.status, answer.body["code"]) == (404, "purchase_not_found")


def test_a_return_of_a_return_is_refused(service: Service, ada: str) -> None:
    buy(service, "receipt-1", 10)
    give_back(service, "receipt-1", "return-1")
    with service.unchanged():
        answer = give_back(service, "return-1", "return-2")
    told = problem(409, "purchase_not_returnable", "More is returned than was bought", "return-1 is a return itself.")
    assert (answer.status, answer.body) == (409, {**told, "lines": []})


# The purchase comes


BUYING: list[Callable[..., object]] = [buy, buy_over_the_bus]
RETURNING: list[Callable[..., object]] = [give_back, return_over_the_bus]


@pytest.mark.parametrize("returning", RETURNING, ids=["return over HTTPS", "return over the bus"])
@pytest.mark.parametrize("buying", BUYING, ids=["purchase over HTTPS", "purchase over the bus"])
def test_a_return_that_waited_is_carried_out_when_its_purchase_comes(
    service: Service, ada: str, buying: Callable[..., object], returning: Callable[..., object]
) -> None:
    returning(service, "late", l1=1)

    buying(service, "late", 40)
    told = service.settle()

    assert balance(service, ada) == 0
    assert types(told) == ["MemberEnrolled", "PointsEarned", "AwaitedPurchaseArrived", "PointsReversed"]
    assert told[2]["detail"]["data"] == {
        "member_id": ada,
        "purchase_id": "late",
        "source": "till-client",
        "return": {
            "id": "return-1",
            "purchase_id": "late",
            "occurred_at": "2026-11-21T10:00:00Z",
            "lines": [{"id": "1", "quantity": 1}],
        },
    }
    assert places(service) == []
    assert service.get("/v1/purchases/late").body["returned"] == [{"line": "1", "quantity": 1, "points": 40}]
    again = give_back(service, "late", l1=1)
    assert (again.status, again.replayed, again.body["points"]) == (201, True, parts(active=-40))


def test_the_answer_to_the_purchase_is_the_usual_one_and_so_is_that_to_its_repeat(service: Service, ada: str) -> None:
    give_back(service, "late")
    sent = basket(service, "late", 40)
    answer = service.post("/v1/purchases", sent)
    assert (answer.status, answer.replayed, answer.body["points"]) == (201, False, parts(active=40))
    service.settle()
    with service.unchanged():
        again = service.post("/v1/purchases", sent)
        service.send("PurchaseCompleted", sent, source="till-client")
    assert (again.status, again.replayed, again.body) == (201, True, answer.body)


def test_several_that_waited_are_carried_out_each_by_itself(service: Service, ada: str) -> None:
    lines = [{"id": line, "sku": "lp", "quantity": 2, "amount": 2000} for line in ("1", "2")]
    give_back(service, "late", "return-1", l1=1)
    give_back(service, "late", "return-2", l2=2)
    give_back(service, "late", "return-3", l1=2)
    give_back(service, "late", "return-4", l9=1)

    buy(service, "late", 0, lines=lines)
    told = service.settle()

    assert balance(service, ada) == 10
    assert types(told).count("AwaitedPurchaseArrived") == 4
    assert [(one["operation_id"], one["problem"]["code"]) for one in refusals(told)] == [
        ("return-3", "purchase_not_returnable"),
        ("return-4", "purchase_not_returnable"),
    ]
    assert {one["refused_detail_type"] for one in refusals(told)} == {"PurchaseReturned"}
    late = give_back(service, "late", "return-3", l1=2)
    assert (late.status, late.replayed) == (409, True)


def test_ten_of_the_largest_returns_and_the_largest_purchase_fit(service: Service, ada: str) -> None:
    lines = [{"id": f"line-{i:014}", "sku": "lp", "quantity": 10, "amount": 1000} for i in range(500)]
    for i in range(10):
        body = a_return(service, f"return-{i}") | {"lines": [{"id": one["id"], "quantity": 1} for one in lines]}
        assert service.post("/v1/purchases/late/returns", body).status == 202
    buy(service, "late", 0, lines=lines)
    assert balance(service, ada) == 5000
    service.settle()
    assert balance(service, ada) == 0


def test_what_waits_for_one_partner_is_not_carried_out_for_another(service: Service, ada: str) -> None:
    give_back(service, "late")
    service.post("/v1/purchases", basket(service, "late", 40), client="shop-client")
    assert "AwaitedPurchaseArrived" not in types(service.settle())
    assert balance(service, ada) == 40
    assert len(places(service)) == 1


def test_news_of_an_awaited_purchase_that_come_twice_take_back_once(service: Service, ada: str) -> None:
    give_back(service, "late")
    buy(service, "late", 40)
    service.publish()
    arrived = [event for event in service.on_bus() if event["detail-type"] == "AwaitedPurchaseArrived"]
    assert service.hand(FOLLOWER, arrived * 2) == []
    assert service.hand(FOLLOWER, arrived) == []
    assert account(service, ada)["n"] == 2


def test_the_sweep_tells_of_what_the_stream_forgot(service: Service, ada: str) -> None:
    give_back(service, "late")
    buy(service, "late", 40)
    service.stream_records()
    service.clock.move(hours=1)
    service.sweep()
    assert "AwaitedPurchaseArrived" in types(service.on_bus())


def test_a_return_over_the_bus_beside_its_purchase_is_carried_out_in_any_order(service: Service, ada: str) -> None:
    module = "functions.accrual.on_partner_event"

    def event(detail_type: str, detail: Json) -> str:
        envelope = {"id": detail["id"], "source": "till-client", "time": service.clock().isoformat()}
        return json.dumps({**envelope, "detail-type": detail_type, "detail": detail})

    returned = event("PurchaseReturned", a_return(service, "return-1", "late"))
    assert service.deliver(module, returned, event("PurchaseCompleted", basket(service, "late", 40))) == []
    service.settle()
    assert (balance(service, ada), account(service, ada)["n"], places(service)) == (0, 2, [])


# The purchase is refused, or never comes


def test_a_return_of_a_refused_purchase_goes_on_waiting_until_it_is_reported(service: Service, ada: str) -> None:
    give_back(service, "late")
    with service.unchanged():
        assert service.post("/v1/purchases", basket(service, "late", 40, currency="EUR")).status == 422
    assert len(places(service)) == 1, "what is invalid may be put right"
    assert service.post("/v1/purchases", basket(service, "late", 40)).status == 201
    service.settle()
    assert balance(service, ada) == 0


def test_what_waited_too_long_is_refused_on_the_bus_and_its_place_is_free(service: Service, ada: str) -> None:
    service.settle()
    give_back(service, "late", "return-1", l1=1)
    service.clock.move(days=29)
    give_back(service, "late", "return-2", l1=1)
    with service.unchanged():
        service.every_night()
    assert service.on_bus() == []

    service.clock.move(days=1)
    service.every_night()

    told = service.on_bus()
    assert types(told) == ["OperationRefused"] * 2
    assert refusals(told)[0] == {
        "refused_event_id": "return#till-client#return-1",
        "refused_detail_type": "PurchaseReturned",
        "refused_source": "till-client",
        "operation_id": "return-1",
        "problem": {
            "type": "urn:loyalty:problem:purchase_not_found",
            "title": "No such purchase",
            "code": "purchase_not_found",
            "detail": "The purchase of this return never came.",
        },
    }
    assert [item["operation"] for item in service.items("entries")] == [
        "return#till-client#return-1",
        "return#till-client#return-2",
    ], "the refusals, which stay; the place of the purchase is free"
    service.every_night()
    assert service.on_bus() == []
    assert '"reported": 2' in service.log.getvalue() or '"reported":2' in service.log.getvalue()


def test_a_purchase_that_comes_after_that_is_booked_alone(service: Service, ada: str) -> None:
    sent = a_return(service, "return-1")
    service.post("/v1/purchases/late/returns", sent)
    service.clock.move(days=31)
    service.every_night()
    buy(service, "late", 40)
    assert "AwaitedPurchaseArrived" not in types(service.settle())
    assert balance(service, ada) == 40
    with service.unchanged():
        again = service.post("/v1/purchases/late/returns", sent)
    assert (again.replayed, again.body["code"]) == (True, "purchase_not_found"), "a refusal stays one"
    assert give_back(service, "late", "return-2").status == 201, "and it may be returned as any other"


def test_what_a_night_could_not_tell_the_next_one_tells(service: Service, ada: str, monkeypatch: Patch) -> None:
    give_back(service, "late")
    service.clock.move(days=31)

    def broken(_events: object) -> None:
        raise bus.PublishError("out of order")

    with monkeypatch.context() as patch:
        patch.setattr(bus, "publish", broken)
        with pytest.raises(bus.PublishError):
            service.every_night()
    assert len(places(service)) == 1
    service.every_night()
    assert refusals(service.on_bus())[0]["operation_id"] == "return-1"
    assert places(service) == []


def test_a_purchase_that_comes_after_a_broken_night_leaves_no_return_unanswered(
    service: Service, ada: str, monkeypatch: Patch
) -> None:
    give_back(service, "late")
    service.clock.move(days=31)

    def broken(_events: object) -> None:
        raise bus.PublishError("out of order")

    with monkeypatch.context() as patch:
        patch.setattr(bus, "publish", broken)
        with pytest.raises(bus.PublishError):
            service.every_night()
    buy(service, "late", 40)
    told = service.settle()
    assert [one["problem"]["code"] for one in refusals(told)] == ["purchase_not_found"]
    assert balance(service, ada) == 40


# Races


def test_a_purchase_that_comes_while_a_return_looks_for_it_is_returned_at_once(
    service: Service, ada: str, monkeypatch: Patch
) -> None:
    before_the_first(monkeypatch, "put_new", lambda: buy(service, "late", 40))
    answer = give_back(service, "late")
    assert (answer.status, answer.body["points"], places(service)) == (201, parts(active=-40), [])


def before_the_first(monkeypatch: Patch, call: str, what: Callable[[], object]) -> None:
    """Something else happens once, before the first such call of the table's."""
    real: Any = getattr(tables, call)
    left = [what]

    def called(*args: Any, **more: Any) -> Any:
        if left:
            left.pop()()
        return real(*args, **more)

    monkeypatch.setattr(tables, call, called)


def test_a_return_that_comes_while_its_purchase_is_booked_is_carried_out(
    service: Service, ada: str, monkeypatch: Patch
) -> None:
    meanwhile(monkeypatch, lambda: give_back(service, "late"))
    answer = service.post("/v1/purchases", basket(service, "late", 40))
    assert (answer.status, answer.replayed) == (201, False)
    service.settle()
    assert (balance(service, ada), places(service)) == (0, [])


def again_and_again(monkeypatch: Patch, steps: Iterator[Callable[[], object]]) -> None:
    """Before each transaction the next step happens, as long as there are any."""
    real = tables.transact

    def transact(writes: Any) -> None:
        step = next(steps, None)
        if step:
            with monkeypatch.context() as patch:
                patch.setattr(tables, "transact", real)
                step()
        real(writes)

    monkeypatch.setattr(tables, "transact", transact)


def test_returns_that_come_at_every_step_of_a_booking_are_all_carried_out(
    service: Service, ada: str, monkeypatch: Patch
) -> None:
    monkeypatch.setattr("functions.runtime.clock.pause", lambda longest: None)
    lines = [{"id": "1", "sku": "lp", "quantity": 4, "amount": 4000}]
    sent = basket(service, "late", 0, lines=lines)
    steps = (lambda i=i: give_back(service, "late", f"return-{i}", l1=1) for i in range(3))
    again_and_again(monkeypatch, steps)

    answer = service.post("/v1/purchases", sent)
    told = service.settle()

    assert answer.status == 201
    assert types(told).count("AwaitedPurchaseArrived") == 3
    assert balance(service, ada) == 10


def test_a_second_return_that_waits_meets_the_purchase(service: Service, ada: str, monkeypatch: Patch) -> None:
    """Both are carried out: the first waited, the second finds the purchase."""
    lines = [{"id": "1", "sku": "lp", "quantity": 2, "amount": 4000}]
    give_back(service, "late", "return-1", l1=1)
    meanwhile(monkeypatch, lambda: buy(service, "late", 0, lines=lines))
    answer = give_back(service, "late", "return-2", l1=1)
    assert answer.status == 201
    service.settle()
    assert (balance(service, ada), account(service, ada)["n"]) == (0, 3)


def test_two_returns_that_come_at_once_both_wait(service: Service, ada: str, monkeypatch: Patch) -> None:
    before_the_first(monkeypatch, "put_new", lambda: give_back(service, "late", "return-2", l1=1))
    assert give_back(service, "late", "return-1", l1=1).status == 202
    meanwhile(monkeypatch, lambda: give_back(service, "late", "return-3", l1=1))
    assert give_back(service, "late", "return-4", l1=1).status == 202
    [place] = places(service)
    assert [one["id"] for one in place["returns"]] == ["return-2", "return-1", "return-3", "return-4"]


def test_two_deliveries_of_one_return_wait_once(service: Service, ada: str, monkeypatch: Patch) -> None:
    before_the_first(monkeypatch, "put_new", lambda: give_back(service, "late"))
    assert give_back(service, "late").status == 202
    [place] = places(service)
    assert len(place["returns"]) == 1


def test_a_night_that_meets_the_purchase_leaves_it_in_the_books(service: Service, ada: str, monkeypatch: Patch) -> None:
    give_back(service, "late")
    service.clock.move(days=31)
    before_the_first(monkeypatch, "delete", lambda: buy(service, "late", 40))
    service.every_night()
    assert service.get("/v1/purchases/late").status == 200


def test_a_night_that_meets_another_return_frees_neither(service: Service, ada: str, monkeypatch: Patch) -> None:
    give_back(service, "late", "return-1", l1=1)
    service.clock.move(days=31)
    before_the_first(monkeypatch, "delete", lambda: give_back(service, "late", "return-2", l1=1))
    service.every_night()
    [place] = places(service)
    assert [one["id"] for one in place["returns"]] == ["return-1", "return-2"]


def test_a_purchase_that_meets_the_night_is_booked(service: Service, ada: str, monkeypatch: Patch) -> None:
    """Its place is gone when it is to be taken over."""
    give_back(service, "late")
    service.clock.move(days=31)
    steps = iter([lambda: None, service.every_night])
    again_and_again(monkeypatch, steps)
    answer = service.post("/v1/purchases", basket(service, "late", 40))
    assert (answer.status, answer.replayed) == (201, False)
    assert "AwaitedPurchaseArrived" not in types(service.settle())
    assert balance(service, ada) == 40


def test_a_purchase_never_gets_both_answers_on_its_return(service: Service, ada: str, monkeypatch: Patch) -> None:
    """Refused on the bus as if it had never come, and carried out all the same."""
    give_back(service, "late")
    service.clock.move(days=31)
    before_the_first(monkeypatch, "delete", lambda: buy(service, "late", 40))
    service.every_night()
    told = service.settle()
    refused = {
        json.dumps(one["detail"]["metadata"]["event_id"]) for one in told if one["detail-type"] == "OperationRefused"
    }
    assert (len(refused) == 1) != ("PointsReversed" in types(told)), refused
    assert balance(service, ada) == 40


def test_a_return_is_told_who_it_is_about_by_nothing_personal(service: Service, ada: str) -> None:
    give_back(service, "late")
    buy(service, "late", 40)
    said = json.dumps(service.settle())
    assert CARDS["ada"] not in said
