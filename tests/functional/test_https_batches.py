"""Batches over HTTPS: up to a hundred operations in one call, each with a result of its own, and nothing lost."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from functions.accrual import batching, deciding
from functions.runtime import tables
from functions.runtime.tables import CancelledError, Reason
from tests.functional.conftest import Answer, Json, Service
from tests.functional.engaged import a_return, account, an_activity, basket, buy, engaged, join, parts

PATH = "/v1/batches"
Patch = pytest.MonkeyPatch


@pytest.fixture
def club(service: Service, monkeypatch: Patch) -> Service:
    """However slow the machine is, there is time for every operation, unless a test says otherwise."""
    monkeypatch.setattr(batching, "time", SimpleNamespace(monotonic=lambda: 0.0))
    engaged(service)
    join(service, "ada")
    join(service, "grace")
    return service


def send(service: Service, *operations: object, **more: Any) -> Answer:
    return service.post(PATH, {"operations": list(operations)}, **more)


def bought(service: Service, id: str, dollars: int = 1, name: str = "ada", **changes: Any) -> Json:
    return {"purchase": basket(service, id, dollars, name, **changes)}


def results(answer: Answer) -> list[tuple[str | None, str | None, int, bool]]:
    return [(one["kind"], one["id"], one["status"], one["replayed"]) for one in answer.body["results"]]


def codes(answer: Answer) -> list[str | None]:
    return [one["problem"] and one["problem"]["code"] for one in answer.body["results"]]


def test_each_kind_of_operation_has_its_result_in_order(club: Service) -> None:
    answer = send(
        club,
        {"return": a_return(club, "return-1", "receipt-1")},
        bought(club, "receipt-1", 30),
        {"activity": an_activity(club, "visit", name="grace")},
        {"return": a_return(club, "return-2", "never")},
    )
    assert answer.status == 200
    assert results(answer) == [
        ("return", "return-1", 201, False),
        ("purchase", "receipt-1", 201, False),
        ("activity", "act-1", 201, False),
        ("return", "return-2", 202, False),
    ]
    one, two, three, four = answer.body["results"]
    assert one["effect"]["balance"] == parts()
    assert two["effect"]["points"] == parts(active=30)
    assert three["effect"]["balance"] == parts(active=3)
    assert (four["effect"], four["problem"]) == (None, None)
    assert four["waiting"] == {"status": "waiting", "purchase_id": "never", "until": "2026-12-21T11:00:00Z"}


def test_a_result_is_what_the_call_by_itself_answers(club: Service) -> None:
    sent = basket(club, "receipt-1", 30)
    [result] = send(club, {"purchase": sent}).body["results"]
    with club.unchanged():
        alone = club.post("/v1/purchases", sent)
    assert alone.replayed
    assert {name: alone.body[name] for name in result["effect"]} == result["effect"]


def test_a_batch_that_is_sent_again_is_a_repeat_in_every_result(club: Service) -> None:
    batch = [
        bought(club, "receipt-1", 30),
        {"activity": an_activity(club, "visit")},
        {"return": a_return(club, "return-1", "receipt-1")},
    ]
    first = send(club, *batch)
    with club.unchanged():
        again = send(club, *batch)
    assert [one["replayed"] for one in again.body["results"]] == [True] * 3
    assert [one["effect"] for one in again.body["results"]] == [one["effect"] for one in first.body["results"]]


def test_a_hundred_are_carried_out(club: Service) -> None:
    answer = send(club, *(bought(club, f"r-{i}", 1, ("ada", "grace")[i % 2]) for i in range(100)))
    assert [one["status"] for one in answer.body["results"]] == [201] * 100
    assert [one["id"] for one in answer.body["results"]] == [f"r-{i}" for i in range(100)]
    assert sorted(one["n"] for one in club.items("accounts") if one["part"] == "A") == [50, 50]


def test_one_more_than_a_hundred_is_none(club: Service) -> None:
    with club.unchanged():
        answer = send(club, *(bought(club, f"r-{i}") for i in range(101)))
    assert [(one["pointer"], one["code"]) for one in answer.body["errors"]] == [("/operations", "too_long")]


def test_none_at_all_is_refused(club: Service) -> None:
    with club.unchanged():
        answer = send(club)
    assert [(one["pointer"], one["code"]) for one in answer.body["errors"]] == [("/operations", "too_short")]


def test_the_good_ones_are_carried_out_whatever_the_others_are(club: Service) -> None:
    answer = send(
        club,
        bought(club, "r-0", currency="EUR"),
        bought(club, "r-1", 10),
        bought(club, "r-2", name="eve"),
        {"activity": an_activity(club, "dance", "a-3")},
        {"purchase": {"id": "r-4", "lines": []}},
        {"purchase": basket(club, "r-5", 1), "activity": an_activity(club, "visit", "a-5")},
        {},
        {"gift": {}},
        {"purchase": None},
        {"purchase": "receipt"},
        {"return": a_return(club, "r-1", "r-1", l9=1)},
        {"return": {**a_return(club, "b-1", "r-1"), "reason": "broken"}},
        {"activity": an_activity(club, "enrolled", "a-12")},
        bought(club, "r-13", 20, "grace"),
        as_documented=False,
    )
    assert answer.status == 200
    assert [one["status"] for one in answer.body["results"]] == [
        *(422, 201, 404, 422, 422, 422, 422, 422, 422, 422, 409, 422, 422, 201),
    ]
    named = [(one["kind"], one["id"]) for one in answer.body["results"]]
    assert named[4:10] == [
        ("purchase", "r-4"),
        ("purchase", "r-5"),
        (None, None),
        (None, None),
        ("purchase", None),
        ("purchase", None),
    ]
    pointers = [one["pointer"] for one in answer.body["results"][4]["problem"]["errors"]]
    assert sorted(pointers) == ["/purchase/currency", "/purchase/lines", "/purchase/member", "/purchase/occurred_at"]
    assert [one["pointer"] for one in answer.body["results"][11]["problem"]["errors"]] == ["/return/reason"]
    assert [one["balance"][0] for one in club.items("entries") if "kind" in one] == [10, 20]


@pytest.mark.parametrize("operation", [7, "purchase", None, [1]])
def test_what_is_no_operation_at_all_makes_the_call_bad(club: Service, operation: object) -> None:
    with club.unchanged():
        answer = send(club, bought(club, "r-1"), operation)
    assert (answer.status, answer.body["errors"][0]["pointer"]) == (422, "/operations/1")


def test_what_stands_twice_in_a_batch_is_done_once(club: Service) -> None:
    answer = send(
        club,
        bought(club, "r-1", 10),
        bought(club, "r-1", 10),
        bought(club, "r-1", 11),
        bought(club, "r-1", 10, "grace"),
    )
    assert [(one["status"], one["replayed"]) for one in answer.body["results"]] == [
        (201, False),
        (201, True),
        (422, False),
        (422, False),
    ]
    assert codes(answer)[2:] == ["operation_id_reused"] * 2


def test_a_return_twice_in_a_batch_takes_back_once(club: Service) -> None:
    buy(club, "r-1", 10)
    gone = {"return": a_return(club, "b-1", "r-1")}
    answer = send(club, gone, gone, {"return": a_return(club, "b-2", "r-1")})
    assert [(one["status"], one["replayed"]) for one in answer.body["results"]] == [
        (201, False),
        (201, True),
        (409, False),
    ]


def test_a_return_far_before_its_purchase_is_carried_out_all_the_same(club: Service) -> None:
    others = [bought(club, f"r-{i}", 1, "grace") for i in range(40)]
    send(club, {"return": a_return(club, "b-1", "late")}, *others, bought(club, "late", 30))
    club.settle()
    [entry] = [one for one in club.items("entries") if one["operation"] == "return#till-client#b-1"]
    assert entry["balance"][0] in {0, 10}


def test_a_busy_member_keeps_no_other_waiting(club: Service, monkeypatch: Patch) -> None:
    monkeypatch.setattr("functions.runtime.clock.pause", lambda longest: None)
    real = tables.transact
    busy = next(one["member"] for one in club.items("accounts") if one["part"] == "A")

    def transact(writes: Sequence[Any]) -> None:
        if getattr(writes[0], "item", {}).get("member") == busy:
            raise CancelledError([Reason("TransactionConflict", None)] + [Reason("None", None)] * (len(writes) - 1))
        real(writes)

    batch = [bought(club, f"r-{i}", 1, ("ada", "grace")[i % 2]) for i in range(6)]
    with monkeypatch.context() as patch:
        patch.setattr(tables, "transact", transact)
        answer = send(club, *batch)
    assert sorted(one["status"] for one in answer.body["results"]) == [201] * 3 + [503] * 3
    again = send(club, *batch)
    assert [one["status"] for one in again.body["results"]] == [201] * 6
    assert sorted(one["n"] for one in club.items("accounts") if one["part"] == "A") == [3, 3]


def test_what_there_is_no_time_for_is_told_and_not_begun(club: Service, monkeypatch: Patch) -> None:
    seconds = iter([0.0, 1.0, 7.0, 7.0])
    monkeypatch.setattr(batching, "time", SimpleNamespace(monotonic=lambda: next(seconds)))
    batch = [bought(club, f"r-{i}") for i in range(60)]
    answer = send(club, *batch)
    assert [one["status"] for one in answer.body["results"]] == [201] * 20 + [503] * 40
    assert set(codes(answer)[20:]) == {"try_again"}


def test_a_fault_of_ours_loses_nothing_of_a_batch(club: Service, monkeypatch: Patch) -> None:
    batch = [bought(club, "r-1", 10), bought(club, "r-2", 20, "grace"), bought(club, "r-3", 30)]

    def decide(account: Any, event: Any, *rest: Any) -> Any:
        if event.id == "r-2":
            raise RuntimeError("out of order")
        return deciding.decide(account, event, *rest)

    with monkeypatch.context() as patch:
        patch.setattr("functions.accrual.store.decide", decide)
        with pytest.raises(RuntimeError):
            send(club, *batch)
    again = send(club, *batch)
    assert [one["status"] for one in again.body["results"]] == [201] * 3
    assert sorted(one["n"] for one in club.items("accounts") if one["part"] == "A") == [1, 2]


def test_a_batch_books_under_the_name_of_its_caller(club: Service) -> None:
    send(club, bought(club, "r-1"), client="shop-client")
    assert club.get("/v1/purchases/r-1").status == 404
    assert account(club, club.items("entries")[0]["member"])["n"] == 1
