"""Stock: so many pieces for all members together, never one too many; refilled, emptied and proved."""

import pytest

from functions.ledger import stockproof
from functions.runtime import tables
from functions.runtime.tables import CancelledError, Reason
from tests.functional.conftest import Service
from tests.functional.shop import another, ask, error, had, held, meanwhile, member, pieces, pointers, put, shop, then

Patch = pytest.MonkeyPatch


@pytest.fixture(autouse=True)
def ada(service: Service) -> str:
    shop(service)
    return member(service)


def test_pieces_go_with_holds_and_come_back_with_what_came_to_nothing(service: Service) -> None:
    held(service, "few")
    assert pieces(service) == 1
    assert then(service, "cancel").status == 200
    assert pieces(service) == 2
    held(service, "few", key="again")
    assert then(service, "capture", key="again").status == 200
    assert pieces(service) == 1


def test_the_last_piece_goes_to_one_of_those_who_want_it(service: Service, monkeypatch: Patch) -> None:
    grace, eve = another(service, "grace"), another(service, "eve")
    had(service, "few", key="eve", member=eve)
    meanwhile(monkeypatch, lambda: had(service, "few", key="winner", member=grace))

    loser = ask(service, "few")

    assert (error(loser), pieces(service)) == ((409, "reward_sold_out"), 0)
    assert ask(service, "few").replayed
    put(service, 1)
    assert ask(service, "few").replayed, "a refusal stays one for its key"
    assert ask(service, "few", key="redeem-2").status == 201


def test_a_piece_that_comes_back_at_the_last_moment_is_had(service: Service, monkeypatch: Patch) -> None:
    grace, eve = another(service, "grace"), another(service, "eve")
    held(service, "few", key="grace", member=grace)
    had(service, "few", key="eve", member=eve)
    meanwhile(monkeypatch, lambda: then(service, "cancel", key="grace"))
    assert ask(service, "few").status == 201


def test_every_piece_is_had_by_one_and_then_it_is_sold_out(service: Service) -> None:
    shop(service, ("stock: 2\n    limits: [{times: 1, per: ever}]", "stock: 20"))
    made = [ask(service, "few", key=f"key-{i}").status for i in range(22)]
    assert (made, pieces(service)) == ([201] * 20 + [409] * 2, 0)


def test_stock_is_counted_by_the_period_of_the_programme(service: Service) -> None:
    shop(service, ("stock: 2\n    limits: [{times: 1, per: ever}]", "stock: {pieces: 1, per: day}"))
    held(service, "few", key="today")
    assert error(ask(service, "few", key="second")) == (409, "reward_sold_out")
    service.clock.move(hours=19)  # midnight in New York was two minutes earlier
    had(service, "few", key="tomorrow")
    then(service, "cancel", key="today")
    assert error(ask(service, "few", key="third")) == (409, "reward_sold_out"), "yesterday's piece is yesterday's"


def test_pieces_come_in_and_go_out_and_a_repeat_is_answered_as_it_was(service: Service) -> None:
    first = put(service, 30)
    assert (first.status, first.body) == (200, {"reward_id": "few", "left": 32})
    had(service, "few")
    with service.unchanged():
        again = put(service, 30)
        assert (again.body, again.replayed) == (first.body, True)
        assert error(put(service, 31)) == (422, "operation_id_reused")
        assert error(put(service, 30, reward="flash")) == (422, "operation_id_reused")
    assert pieces(service) == 31
    out = put(service, -31, key="stock-2")
    assert (out.body["left"], error(ask(service, "few", key="redeem-2"))) == (0, (409, "reward_not_eligible"))
    with service.unchanged():
        assert (put(service, -31, key="stock-2").body, put(service, -31, key="stock-2").replayed) == (out.body, True)


def test_two_partners_may_use_the_same_key_for_stock(service: Service) -> None:
    assert put(service, 1).body["left"] == 3
    assert put(service, 1, client="warehouse").body["left"] == 4


def test_no_more_pieces_go_out_than_there_are(service: Service) -> None:
    had(service, "few")
    with service.unchanged():
        answer = put(service, -2)
    assert (error(answer), answer.body["left"]) == ((409, "stock_too_low"), 1)


def test_a_repeat_on_another_day_is_a_repeat_also_where_pieces_are_counted_by_day(service: Service) -> None:
    shop(service, ("stock: 2\n    limits: [{times: 1, per: ever}]", "stock: {pieces: 1, per: day}"))
    first = put(service, 5)
    service.clock.move(days=1)
    with service.unchanged():
        assert (put(service, 5).body, put(service, 5).replayed) == (first.body, True)
    assert pieces(service) == 1


@pytest.mark.parametrize("change", [0, 1.5, "3", None, 10_000_001])
def test_a_change_that_is_none_is_named(service: Service, change: object) -> None:
    with service.unchanged():
        answer = service.post("/v1/rewards/few/stock", {"change": change}, key="stock-1")
        assert answer.status == 422
        assert pointers(service.post("/v1/rewards/few/stock", {"change": 1, "why": "x"}, key="stock-1")) == ["/why"]
        assert service.post("/v1/rewards/few/stock", {"change": 1}).status == 422, "no key"


def test_what_is_not_counted_or_not_there_has_no_stock(service: Service) -> None:
    with service.unchanged():
        assert pointers(put(service, 1, reward="five")) == ["/change"]
        assert error(put(service, 1, reward="nothing")) == (404, "reward_not_found")


def test_a_programme_with_more_pieces_and_what_was_taken_before_fit_together(service: Service) -> None:
    had(service, "few")
    shop(service, ("stock: 2", "stock: 50"))
    assert pieces(service) == 49
    shop(service, ("stock: 2", "stock: 0"))
    assert pieces(service) == 0
    put(service, 7)
    grace = another(service, "grace")
    assert ask(service, "few", key="grace", member=grace).status == 201, "pieces that came in are there"


def test_pieces_that_are_taken_while_others_go_out_are_not_counted_twice(service: Service, monkeypatch: Patch) -> None:
    monkeypatch.setattr("functions.runtime.clock.pause", lambda _: None)
    meanwhile(monkeypatch, lambda: had(service, "few"))
    answer = put(service, -2)
    assert (error(answer), answer.body["left"], pieces(service)) == ((409, "stock_too_low"), 1, 1)


def test_of_two_changes_with_one_key_at_once_the_second_is_a_repeat(service: Service, monkeypatch: Patch) -> None:
    monkeypatch.setattr("functions.runtime.clock.pause", lambda _: None)
    meanwhile(monkeypatch, lambda: put(service, 5))
    assert (put(service, 5).replayed, pieces(service)) == (True, 7)


def test_stock_in_demand_is_told_to_be_tried_again(service: Service, monkeypatch: Patch) -> None:
    monkeypatch.setattr("functions.runtime.clock.pause", lambda _: None)

    def busy(writes: list[object]) -> None:
        raise CancelledError([Reason("TransactionConflict", None)] * len(writes))

    with monkeypatch.context() as patch, service.unchanged():
        patch.setattr(tables, "transact", busy)
        answer = put(service, 5)
    assert (error(answer), answer.headers["retry-after"]) == ((503, "try_again"), "1")
    assert put(service, 5).body["left"] == 7


def test_stock_that_disagrees_with_the_entries_is_found(service: Service) -> None:
    had(service, "few")
    put(service, 5)
    counted = stockproof.counted()
    assert counted == {"stock.few": 1}
    assert list(stockproof.differences({"stock.few": 1}, counted, counted)) == []
    assert list(stockproof.differences({"stock.few": 2}, counted, counted)) == [
        "stock.few: 1 are counted as taken, the entries took 2."
    ]
    assert list(stockproof.differences({"stock.few": 2}, {"stock.few": 2}, counted)) == [], "it moved meanwhile"
