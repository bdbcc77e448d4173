"""Races and lost answers: whatever happens between reading and writing, an operation has one effect."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from functions.program import store as programs
from functions.redemption.spending import decide_redemption
from functions.runtime import tables
from functions.runtime.tables import CancelledError, Item, Reason
from tests.functional.conftest import Service
from tests.functional.factories import (
    MEMBER,
    PURCHASE,
    REDEMPTION,
    a_purchase,
    earn,
    enrol,
    problem,
    redeem,
    with_points,
)

Patch = pytest.MonkeyPatch


def account(service: Service) -> Item:
    [found] = [item for item in service.items("accounts") if item["part"] == "A"]
    return found


def read_once(monkeypatch: Patch, stale: Item) -> None:
    """The next cheap read of an account sees it as it was; a strong one never does."""
    real, left = tables.get, [stale]

    def get(table: Any, key: Mapping[str, Any], *, consistent: bool = False) -> Item | None:
        if table == "accounts" and not consistent and left:
            return left.pop()
        return real(table, key, consistent=consistent)

    monkeypatch.setattr(tables, "get", get)


def meanwhile(monkeypatch: Patch, what: Callable[[], object]) -> None:
    """Something else happens once, after the next decision and before it is written."""
    real, left = tables.transact, [what]

    def transact(writes: Any) -> None:
        if left:
            left.pop()()
        real(writes)

    monkeypatch.setattr(tables, "transact", transact)


def test_a_purchase_decided_on_a_stale_account_is_decided_again(service: Service, monkeypatch: Patch) -> None:
    enrol(service)
    stale = account(service)
    earn(service, dollars=40, id="receipt-1")
    read_once(monkeypatch, stale)

    answer = earn(service, dollars=2, id="receipt-2")

    assert answer.body["entry"]["n"] == 2
    assert answer.body["balance"] == {"active": 42, "pending": 0, "held": 0, "debt": 0}
    assert (account(service)["n"], account(service)["lots"]) == (2, {"never": 42})


def test_a_purchase_that_another_overtakes_is_decided_again(service: Service, monkeypatch: Patch) -> None:
    enrol(service)
    meanwhile(monkeypatch, lambda: service.send("PurchaseCompleted", a_purchase(dollars=40)))

    answer = earn(service, dollars=2, id="receipt-2")

    assert answer.body["entry"]["n"] == 2
    assert answer.body["balance"] == {"active": 42, "pending": 0, "held": 0, "debt": 0}


def test_a_refusal_decided_on_a_stale_account_is_decided_again_on_a_fresh_one(
    service: Service, monkeypatch: Patch
) -> None:
    enrol(service)
    stale = account(service)
    earn(service, dollars=100)
    read_once(monkeypatch, stale)

    answer = redeem(service)

    assert answer.status == 201
    assert answer.body["balance"] == {"active": 0, "pending": 0, "held": 0, "debt": 0}


def test_a_grant_decided_on_a_stale_account_is_a_refusal_on_a_fresh_one(service: Service, monkeypatch: Patch) -> None:
    enrol(service)
    earn(service, dollars=100)
    stale = account(service)
    redeem(service, key="redeem-1")
    read_once(monkeypatch, stale)

    answer = redeem(service, key="redeem-2")

    assert (answer.status, answer.body["code"], answer.body["missing"]) == (409, "insufficient_points", 100)
    assert account(service)["lots"] == {}
    assert len(service.items("rewards")) == 1


def test_of_two_redemptions_of_the_same_points_exactly_one_wins(service: Service, monkeypatch: Patch) -> None:
    enrol(service)
    earn(service, dollars=100)
    winner = {**REDEMPTION, "idempotency_key": "winner"}
    meanwhile(monkeypatch, lambda: service.send("RedemptionRequested", winner))

    loser = redeem(service, key="loser")

    assert (loser.status, loser.body["code"]) == (409, "insufficient_points")
    assert service.parked() == service.on_bus() == []
    assert len(service.items("rewards")) == 1
    assert account(service)["lots"] == {}


def take_back(service: Service, id: str, line: str = "1") -> Any:
    body = {"id": id, "occurred_at": "2026-11-21T10:00:00Z", "lines": [{"id": line, "quantity": 1}]}
    return service.post("/v1/purchases/receipt-1/returns", body)


def test_of_two_returns_of_the_same_piece_exactly_one_wins(service: Service, monkeypatch: Patch) -> None:
    enrol(service)
    service.post("/v1/purchases", PURCHASE)
    meanwhile(monkeypatch, lambda: take_back(service, "winner"))

    loser = take_back(service, "loser")

    assert (loser.status, loser.body["code"]) == (409, "purchase_not_returnable")
    assert account(service)["lots"] == {"never": 28}


def test_two_returns_of_different_lines_are_both_counted(service: Service, monkeypatch: Patch) -> None:
    enrol(service)
    service.post("/v1/purchases", PURCHASE)
    meanwhile(monkeypatch, lambda: take_back(service, "first", line="1"))

    second = take_back(service, "second", line="2")

    assert (second.status, second.body["balance"]["active"]) == (201, 14)
    assert service.get("/v1/purchases/receipt-1").body["returned"] == [
        {"line": "1", "quantity": 1, "points": 12},
        {"line": "2", "quantity": 1, "points": 14},
    ]


def test_of_two_deliveries_of_one_return_the_second_is_a_repeat(service: Service, monkeypatch: Patch) -> None:
    enrol(service)
    service.post("/v1/purchases", PURCHASE)
    meanwhile(monkeypatch, lambda: take_back(service, "return-1"))

    answer = take_back(service, "return-1")

    assert (answer.status, answer.replayed, answer.body["entry"]["n"]) == (201, True, 2)
    assert account(service)["lots"] == {"never": 28}


def test_a_spending_that_overtakes_a_return_leaves_a_debt(service: Service, monkeypatch: Patch) -> None:
    enrol(service)
    earn(service, dollars=100)
    meanwhile(monkeypatch, lambda: redeem(service))

    answer = take_back(service, "return-1")

    assert answer.body["balance"] == {"active": 0, "pending": 0, "held": 0, "debt": 100}


@pytest.mark.parametrize(("first", "second"), [("capture", "cancel"), ("cancel", "capture")])
def test_of_a_capture_and_a_cancel_exactly_one_wins(
    service: Service, monkeypatch: Patch, first: str, second: str
) -> None:
    enrol(service)
    earn(service, dollars=120)
    path = f"/v1/redemptions/{redeem(service, capture=False).body['redemption_id']}"
    meanwhile(monkeypatch, lambda: service.call("POST", f"{path}/{first}"))

    loser = service.call("POST", f"{path}/{second}")

    assert (loser.status, loser.body["code"]) == (409, "hold_not_found")
    won = {"capture": ("captured", 20, 1), "cancel": ("cancelled", 120, 0)}[first]
    shown = service.get(path).body
    assert (shown["status"], shown["balance"]["active"], len(service.items("rewards"))) == won


@pytest.mark.parametrize("resolve", ["capture", "cancel"])
def test_of_two_equal_resolutions_the_second_is_a_repeat(service: Service, monkeypatch: Patch, resolve: str) -> None:
    enrol(service)
    earn(service, dollars=120)
    path = f"/v1/redemptions/{redeem(service, capture=False).body['redemption_id']}/{resolve}"
    meanwhile(monkeypatch, lambda: service.call("POST", path))

    answer = service.call("POST", path)

    assert (answer.status, answer.replayed, answer.body["entry"]["n"]) == (200, True, 3)
    assert len(service.items("rewards")) == (1 if resolve == "capture" else 0)


def test_of_two_equal_holds_the_second_is_a_repeat(service: Service, monkeypatch: Patch) -> None:
    enrol(service)
    earn(service, dollars=120)
    meanwhile(monkeypatch, lambda: redeem(service, capture=False))

    answer = redeem(service, capture=False)

    assert (answer.status, answer.replayed, answer.body["entry"]["n"]) == (201, True, 2)
    assert account(service)["lots"] == {"never": 20}


def test_of_two_deliveries_of_one_purchase_the_second_is_a_repeat(service: Service, monkeypatch: Patch) -> None:
    enrol(service)
    meanwhile(monkeypatch, lambda: service.send("PurchaseCompleted", PURCHASE, source="till-client"))

    answer = service.post("/v1/purchases", PURCHASE)

    assert (answer.status, answer.replayed, answer.body["entry"]["n"]) == (201, True, 1)
    assert account(service)["lots"] == {"never": 40}


def test_of_two_payloads_under_one_receipt_number_the_second_is_refused(service: Service, monkeypatch: Patch) -> None:
    enrol(service)
    other = a_purchase(dollars=7)
    meanwhile(monkeypatch, lambda: service.send("PurchaseCompleted", other, source="till-client"))

    answer = service.post("/v1/purchases", PURCHASE)

    assert (answer.status, answer.body["code"]) == (422, "operation_id_reused")
    assert account(service)["lots"] == {"never": 7}


def test_of_two_refusals_under_one_key_the_second_is_a_repeat(service: Service, monkeypatch: Patch) -> None:
    enrol(service)
    event = {**REDEMPTION, "idempotency_key": "redeem-1"}
    real, left = tables.put_new, ["once"]

    def put_new(*args: Any, **more: Any) -> None:
        if left:
            left.pop()
            service.send("RedemptionRequested", event, source="till-client")
        real(*args, **more)

    monkeypatch.setattr(tables, "put_new", put_new)

    answer = redeem(service)

    assert (answer.status, answer.replayed, answer.body["code"]) == (409, True, "insufficient_points")


def test_points_that_come_while_a_refusal_is_decided_do_not_turn_it(service: Service, monkeypatch: Patch) -> None:
    """It was true when it was decided; kept, it stays the answer of its key."""
    enrol(service)
    earn(service, dollars=99)
    real = decide_redemption
    decisions: list[int] = []

    def decide(seen: Any, *rest: Any) -> Any:
        decisions.append(seen.n)
        return real(seen, *rest)

    monkeypatch.setattr("functions.redemption.store.decide_redemption", decide)

    assert redeem(service).status == 409
    assert decisions == [1, 1], "once on a cheap read, once on a strong one"
    earn(service, dollars=1, id="receipt-2")
    assert redeem(service).replayed


def conflicting(times: int) -> Callable[[Any], None]:
    """A table that is busy so many times, and then as it is."""
    real, left = tables.transact, [times]

    def transact(writes: Any) -> None:
        left[0] -= 1
        if left[0] >= 0:
            raise CancelledError([Reason("None", None), Reason("TransactionConflict", None)])
        real(writes)

    return transact


def test_a_clock_that_lags_behind_another_does_not_turn_time_back(service: Service) -> None:
    """Nor does it bring back what the other one has seen expire."""
    member = enrol(service)
    with_points(service, "expire: {after_months: 1}")
    earn(service, dollars=100, id="expires", occurred_at="2026-10-21T12:00:00Z")
    service.clock.move(days=1)
    earn(service, dollars=1, id="seen-later")
    service.clock.move(days=-1)

    late = earn(service, dollars=1, id="lagging").body

    assert late["entry"]["recorded_at"] == "2026-11-22T10:00:00Z"
    assert late["balance"]["active"] == 2
    assert redeem(service).body["missing"] == 98
    assert [entry["n"] for entry in service.get(f"/v1/members/{member}/ledger").body["items"]] == [3, 2, 1]


def test_a_busy_account_is_waited_for(service: Service, monkeypatch: Patch) -> None:
    enrol(service)
    pauses = no_waiting(monkeypatch)
    monkeypatch.setattr(tables, "transact", conflicting(times=19))

    assert earn(service, dollars=1).status == 201

    assert pauses == [min(1.0, 0.01 * 2**i) for i in range(1, 19)], "none after the first, then longer and longer"


def no_waiting(monkeypatch: Patch) -> list[float]:
    """Nothing waits; how long it would have waited at most."""
    pauses: list[float] = []
    monkeypatch.setattr("functions.runtime.clock.pause", pauses.append)
    return pauses


def strong_reads(monkeypatch: Patch) -> list[Any]:
    """The tables that are read strongly from now on, one by one."""
    real = tables.get
    found: list[Any] = []

    def get(table: Any, key: Mapping[str, Any], *, consistent: bool = False) -> Item | None:
        found.extend([table] if consistent else [])
        return real(table, key, consistent=consistent)

    monkeypatch.setattr(tables, "get", get)
    return found


def test_the_loser_of_a_race_goes_on_at_once_from_what_it_lost_against(service: Service, monkeypatch: Patch) -> None:
    enrol(service)
    pauses, read = no_waiting(monkeypatch), strong_reads(monkeypatch)
    meanwhile(monkeypatch, lambda: service.send("PurchaseCompleted", a_purchase(dollars=40)))

    assert earn(service, dollars=2, id="receipt-2").body["entry"]["n"] == 2

    assert (pauses, read) == ([], [])


def test_who_loses_again_waits_and_looks_again(service: Service, monkeypatch: Patch) -> None:
    enrol(service)
    pauses, read = no_waiting(monkeypatch), strong_reads(monkeypatch)
    real, left = tables.transact, ["second", "first"]

    def transact(writes: Any) -> None:
        if left:
            one = left.pop()
            with monkeypatch.context() as patch:
                patch.setattr(tables, "transact", real)
                service.send("PurchaseCompleted", a_purchase(dollars=40, id=one))
        real(writes)

    monkeypatch.setattr(tables, "transact", transact)

    assert earn(service, dollars=2, id="receipt-3").body["balance"]["active"] == 82

    assert (pauses, read) == ([0.02], ["accounts"])


def test_an_account_that_stays_busy_is_told_with_when_to_try_again(service: Service, monkeypatch: Patch) -> None:
    enrol(service)
    no_waiting(monkeypatch)

    with monkeypatch.context() as patch, service.unchanged():
        patch.setattr(tables, "transact", conflicting(times=1000))
        answer = service.post("/v1/purchases", PURCHASE)

    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert answer.body == problem(
        503,
        "try_again",
        "Too busy, try again with the same operation id",
        "The account is busy. Nothing was written; repeat the call as it was.",
    )
    again = service.post("/v1/purchases", PURCHASE)
    assert (again.status, again.replayed) == (201, False)


def test_an_enrolment_that_meets_another_is_told_to_try_again(service: Service, monkeypatch: Patch) -> None:
    def meeting(writes: Any) -> None:
        raise CancelledError([Reason("TransactionConflict", None)] + [Reason("None", None)] * (len(writes) - 1))

    no_waiting(monkeypatch)
    with monkeypatch.context() as patch, service.unchanged():
        patch.setattr(tables, "transact", meeting)
        answer = service.post("/v1/members", MEMBER, key="enrol-1")

    assert (answer.status, answer.headers["retry-after"], answer.body["code"]) == (503, "1", "try_again")
    assert service.post("/v1/members", MEMBER, key="enrol-1").status == 201


@pytest.mark.parametrize("code", ["ThrottlingError", "ProvisionedThroughputExceeded", "TransactionConflict"])
def test_whatever_makes_a_table_busy_is_waited_for(service: Service, monkeypatch: Patch, code: str) -> None:
    enrol(service)
    no_waiting(monkeypatch)
    real, left = tables.transact, ["twice", "once"]

    def transact(writes: Any) -> None:
        if left:
            left.pop()
            raise CancelledError([Reason(code, None)] + [Reason("None", None)] * (len(writes) - 1))
        real(writes)

    monkeypatch.setattr(tables, "transact", transact)
    assert earn(service, dollars=1).status == 201


@pytest.mark.parametrize("code", ["ValidationError", "ItemCollectionSizeLimitExceeded"])
def test_a_transaction_that_is_wrong_in_itself_is_a_fault_of_ours_and_not_tried_again(
    service: Service, monkeypatch: Patch, code: str
) -> None:
    enrol(service)
    tries: list[object] = []

    def wrong(writes: Any) -> None:
        tries.append(writes)
        raise CancelledError([Reason(code, None)] + [Reason("None", None)] * (len(writes) - 1))

    monkeypatch.setattr(tables, "transact", wrong)
    with service.unchanged(), pytest.raises(CancelledError, match=code):
        service.post("/v1/purchases", PURCHASE)
    assert len(tries) == 1


def test_a_voucher_is_never_written_over_another(service: Service, monkeypatch: Patch) -> None:
    """Should chance give a code twice, the second redemption takes another one."""
    enrol(service)
    earn(service, dollars=200)
    no_waiting(monkeypatch)
    chances = [b"a" * 10, b"b" * 10, b"b" * 10]
    monkeypatch.setattr("secrets.token_bytes", lambda _: chances.pop())

    codes = [redeem(service, key=key).body["voucher"]["code"] for key in ("redeem-1", "redeem-2")]

    assert chances == []
    assert {item["key"] for item in service.items("rewards")} == {f"V#{code}" for code in codes}
    assert codes[0] != codes[1]


def test_two_files_that_are_published_at_once_are_two_versions(service: Service, monkeypatch: Patch) -> None:
    text = service.get("/v1/program").body["text"]
    real, left = tables.put_new, ["once"]

    def put_new(*args: Any, **more: Any) -> None:
        if left:
            left.pop()
            assert programs.publish(text + "# theirs\n")[0].version == 2
        real(*args, **more)

    monkeypatch.setattr(tables, "put_new", put_new)

    assert service.post("/v1/program/versions", {"text": text + "# ours\n"}).body["version"] == 3
    texts = {item["version"]: item["text"] for item in service.items("program") if item["part"] == "VERSION"}
    assert texts == {1: text, 2: text + "# theirs\n", 3: text + "# ours\n"}


def lost_answer(monkeypatch: Patch) -> None:
    """The next transaction is committed, and its answer never comes back."""
    real, left = tables.transact, ["once"]

    def transact(writes: Any) -> None:
        real(writes)
        if left:
            left.pop()
            raise ReadTimeoutError(endpoint_url="https://dynamodb")

    monkeypatch.setattr(tables, "transact", transact)


@pytest.mark.parametrize(
    ("path", "body", "key"),
    [
        ("/v1/members", MEMBER, "enrol-9"),
        ("/v1/purchases", PURCHASE, None),
        ("/v1/redemptions", {**REDEMPTION, "member": {"card": "RC-1"}}, "redeem-9"),
    ],
)
def test_a_call_whose_answer_was_lost_can_be_sent_again(
    service: Service, monkeypatch: Patch, path: str, body: Any, key: str | None
) -> None:
    if path != "/v1/members":
        enrol(service, email="ada@example.com", card="RC-1")
        earn(service, dollars=100, id="earlier", member={"card": "RC-1"})
    lost_answer(monkeypatch)
    with pytest.raises(ReadTimeoutError):
        service.post(path, body, key=key)

    with service.unchanged():
        again = service.post(path, body, key=key)

    assert (again.status, again.replayed) == (201, True)


def test_an_event_whose_commit_was_lost_is_done_once_when_it_comes_again(service: Service, monkeypatch: Patch) -> None:
    enrol(service)
    lost_answer(monkeypatch)
    assert service.send("PurchaseCompleted", PURCHASE) == ["record-0"]
    with service.unchanged():
        assert service.send("PurchaseCompleted", PURCHASE) == []


def test_a_member_who_has_just_joined_is_found_before_every_replica_knows(service: Service, monkeypatch: Patch) -> None:
    """A cheap read may not see yet what was written a moment ago: then a strong one is made."""
    member = enrol(service, email="ada@example.com")
    real = tables.get

    def get(table: Any, key: Mapping[str, Any], *, consistent: bool = False) -> Item | None:
        return real(table, key, consistent=consistent) if consistent or table == "program" else None

    monkeypatch.setattr(tables, "get", get)

    assert service.get(f"/v1/members/{member}/balance").status == 200
    assert earn(service, dollars=1).status == 201
