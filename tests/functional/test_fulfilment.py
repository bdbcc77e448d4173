"""Handing rewards over: by a supplier who is asked, by hand, or by nobody; once, and what fails comes back."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from functions.redemption import fulfilling
from functions.runtime import outgoing
from functions.runtime.bus import TRIES
from tests.functional.conftest import FULFILLER, Json, Service
from tests.functional.shop import ID, active, ask, error, had, held, meanwhile, member, pointers, shop, shown, then
from tests.functional.supplier import GIVEN, Supplier, serving

Patch = pytest.MonkeyPatch
DONE: Json = {"status": "fulfilled", "code": GIVEN, "reference": "order-1"}
FAILED: Json = {"status": "failed"}
THEIRS = 'supplier: "http://127.0.0.1:4699/cards"'


@pytest.fixture
def supplier(monkeypatch: Patch) -> Iterator[Supplier]:
    """Signatures are of the time that it is, and are checked."""
    with serving() as found:
        real = outgoing.post

        def post(url: str, message_id: str, content: Any, key: str, _at: Any) -> outgoing.Answer:
            from datetime import UTC, datetime

            return real(url, message_id, content, key, datetime.now(UTC))

        monkeypatch.setattr(outgoing, "post", post)
        yield found


@pytest.fixture
def ada(service: Service, supplier: Supplier) -> str:
    shop(service, (THEIRS, f'supplier: "{supplier.url}"'))
    found = member(service)
    service.settle()
    return found


def requested(service: Service) -> list[Json]:
    """The events that a supplier is to be asked for."""
    service.publish()
    return [event for event in service.on_bus() if event["detail-type"] == "FulfilmentRequested"]


def handover(service: Service, key: str = "redeem-1") -> Json:
    found: Json = shown(service, key)["fulfilment"]
    return found


def test_a_supplier_that_answers_has_handed_over(service: Service, ada: str, supplier: Supplier) -> None:
    made = had(service, "supplied")
    assert (made["voucher"], made["fulfilment"]) == (None, {"status": "pending", "code": None, "reference": None})

    told = service.settle()

    assert [one["detail-type"] for one in told] == [
        "PointsRedeemed",
        "RewardRedeemed",
        "FulfilmentRequested",
        "EmailDue",
        "RewardFulfilled",
        "EmailDue",
    ]
    assert handover(service) == {"status": "fulfilled", "code": GIVEN, "reference": "order-1"}
    assert supplier.seen == [
        {
            "path": "/cards",
            "id": ID,
            "host": supplier.url.split("/")[2],
            "type": "reward.redeemed",
            "redemption_id": ID,
            "reward_id": "supplied",
            "member_id": ada,
            "value": 1000,
            "currency": "USD",
            "redeemed_at": "2026-11-21T10:00:00.000000Z",
        }
    ]
    assert GIVEN not in str(told)
    assert GIVEN not in service.log.getvalue()
    assert ask(service, "supplied").body["fulfilment"]["status"] == "pending", "a repeat is answered as it was"
    assert active(service, ada) == 900
    assert [GIVEN in mail.body for mail in service.mails()] == [False, False, False, True]


def test_a_held_reward_is_asked_for_when_it_is_captured(service: Service, ada: str, supplier: Supplier) -> None:
    held(service, "supplied")
    service.settle()
    assert (supplier.seen, shown(service)["fulfilment"]) == ([], None)
    assert then(service, "capture").body["fulfilment"]["status"] == "pending"
    service.settle()
    assert (len(supplier.seen), handover(service)["status"]) == (1, "fulfilled")


@pytest.mark.parametrize("status", [202, 204])
def test_a_supplier_may_say_that_it_will_and_call_back(
    service: Service, ada: str, supplier: Supplier, status: int
) -> None:
    supplier.answers(status)
    had(service, "supplied")
    service.settle()
    assert handover(service)["status"] == "pending"

    answer = then(service, "fulfilment", DONE)

    assert (answer.status, answer.body["fulfilment"]) == (
        200,
        {"status": "fulfilled", "code": GIVEN, "reference": "order-1"},
    )
    with service.unchanged():
        again = then(service, "fulfilment", DONE)
        assert (again.body, again.replayed) == (answer.body, True)
        assert error(then(service, "fulfilment", {**DONE, "code": "other"})) == (422, "operation_id_reused")
    assert handover(service)["code"] == GIVEN


@pytest.mark.parametrize("status", [400, 404, 410, 422])
def test_what_a_supplier_cannot_hand_over_is_refunded_by_itself(
    service: Service, ada: str, supplier: Supplier, status: int
) -> None:
    supplier.answers(status, {"error": "no such card"})
    had(service, "supplied")

    told = service.settle()

    assert [one["detail-type"] for one in told][-2:] == ["PointsReversed", "RewardRefunded"]
    assert told[-2]["detail"]["data"]["explanation"][0]["rule"] == "supplier_failed"
    assert (shown(service)["status"], handover(service)["status"]) == ("refunded", "failed")
    assert active(service, ada) == 1000
    assert error(then(service, "fulfilment", DONE)) == (409, "fulfilment_not_awaited")
    assert error(then(service, "refund")) == (409, "not_refundable")


@pytest.mark.parametrize("status", [301, 307, 408, 409, 425, 429, 500, 503])
def test_no_clear_answer_is_asked_again_and_never_a_refund(
    service: Service, ada: str, supplier: Supplier, status: int
) -> None:
    supplier.answers(status, {"code": "never"})
    supplier.headers = {"location": supplier.url + "/elsewhere"}
    had(service, "supplied")
    events = requested(service)
    for tries in range(1, TRIES + 1):
        assert service.hand(FULFILLER, events, tries) == ["record-0"]
    assert (handover(service)["status"], active(service, ada)) == ("pending", 900)
    assert [one["id"] for one in supplier.seen] == [ID] * TRIES, "always the same id, and no redirect is followed"
    assert {one["path"] for one in supplier.seen} == {"/cards"}

    supplier.answers(200, {"code": GIVEN})
    assert service.hand(FULFILLER, events) == []
    assert handover(service)["code"] == GIVEN


def test_a_supplier_that_hangs_is_asked_again(
    service: Service, ada: str, supplier: Supplier, monkeypatch: Patch
) -> None:
    import threading

    monkeypatch.setattr(outgoing, "SECONDS", 0.2)
    done = threading.Event()
    supplier.before = lambda: done.wait(5)
    had(service, "supplied")
    events = requested(service)
    assert service.hand(FULFILLER, events) == ["record-0"]
    assert handover(service)["status"] == "pending"
    done.set()
    supplier.before = lambda: None
    assert service.hand(FULFILLER, events) == []
    assert handover(service)["status"] == "fulfilled"
    assert [one["id"] for one in supplier.seen] == [ID, ID]


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:1/nobody", "https://name.invalid/cards", "https://10.0.0.1/cards", "https://169.254.169.254/"],
)
def test_a_supplier_that_is_not_there_or_may_not_be_called_is_asked_again(
    service: Service, supplier: Supplier, url: str
) -> None:
    shop(service, (THEIRS, f'supplier: "{url}"'))
    member(service)
    had(service, "supplied")
    assert service.hand(FULFILLER, requested(service)) == ["record-0"]
    assert (handover(service)["status"], supplier.seen) == ("pending", [])


def test_in_the_cloud_no_address_of_this_machine_is_called(
    service: Service, ada: str, supplier: Supplier, monkeypatch: Patch
) -> None:
    monkeypatch.delenv("LOCAL_ENDPOINTS")
    had(service, "supplied")
    assert service.hand(FULFILLER, requested(service)) == ["record-0"]
    assert supplier.seen == []


@pytest.mark.parametrize("body", [b"", b"thanks", b"[1, 2]", b"null", b'{"code": null}', b"\xff\xfe"])
def test_an_answer_without_a_code_is_an_answer(service: Service, ada: str, supplier: Supplier, body: bytes) -> None:
    supplier.answers(200, body)
    had(service, "supplied")
    service.settle()
    assert handover(service) == {"status": "fulfilled", "code": None, "reference": None}


@pytest.mark.parametrize("answer", [{"code": 5}, {"code": ""}, {"code": "x" * 201}, {"reference": ["a"]}])
def test_an_answer_that_is_garbage_is_left_to_a_person_and_does_no_harm(
    service: Service, ada: str, supplier: Supplier, answer: Json
) -> None:
    """It comes again, and in the end it is a dead letter: it may have been handed over."""
    supplier.answers(200, answer)
    had(service, "supplied")
    assert service.hand(FULFILLER, requested(service)) == ["record-0"]
    assert (handover(service)["status"], active(service, ada)) == ("pending", 900)
    assert then(service, "fulfilment", DONE).status == 200


def test_an_answer_that_never_ends_is_asked_for_again(service: Service, ada: str, supplier: Supplier) -> None:
    supplier.answers(200, b" " * (outgoing.LARGEST_ANSWER + 1))
    had(service, "supplied")
    assert service.hand(FULFILLER, requested(service)) == ["record-0"]
    assert handover(service)["status"] == "pending"


def test_a_request_that_comes_twice_is_asked_once(service: Service, ada: str, supplier: Supplier) -> None:
    had(service, "supplied")
    events = requested(service)
    assert service.hand(FULFILLER, events * 2) == []
    with service.unchanged():
        assert service.hand(FULFILLER, events) == []
    assert len(supplier.seen) == 1


@pytest.mark.parametrize("callback", [DONE, {**DONE, "code": "GC-OTHER"}, {"status": "fulfilled"}])
def test_a_supplier_may_both_answer_and_call_back_and_the_first_counts(
    service: Service, ada: str, supplier: Supplier, callback: Json, monkeypatch: Patch
) -> None:
    had(service, "supplied")
    events = requested(service)
    before_it_is_noted(monkeypatch, lambda: then(service, "fulfilment", callback))
    assert service.hand(FULFILLER, events) == []
    assert [one["detail-type"] for one in news(service)] == ["RewardFulfilled"], "nothing was refused"
    assert handover(service)["code"] == callback.get("code")


def before_it_is_noted(monkeypatch: Patch, what: Callable[[], object]) -> None:
    real, left = fulfilling._settle, [what]

    def settle(*args: Any) -> None:
        if left:
            left.pop()()
        real(*args)

    monkeypatch.setattr(fulfilling, "_settle", settle)


def news(service: Service) -> list[Json]:
    service.publish()
    return service.on_bus()


@pytest.mark.parametrize("first", ["failed", "fulfilled"])
def test_a_supplier_that_contradicts_itself_is_taken_at_its_first_word(
    service: Service, ada: str, supplier: Supplier, first: str, monkeypatch: Patch
) -> None:
    supplier.answers(200 if first == "failed" else 400, {"code": GIVEN})
    had(service, "supplied")
    events = requested(service)
    before_it_is_noted(monkeypatch, lambda: then(service, "fulfilment", FAILED if first == "failed" else DONE))
    assert service.hand(FULFILLER, events) == []
    assert (handover(service)["status"], active(service, ada)) == (first, 1000 if first == "failed" else 900)
    assert "OperationRefused" not in [one["detail-type"] for one in news(service)]


@pytest.mark.parametrize("first", ["refund", "fulfilment"])
def test_of_a_refund_and_a_handing_over_at_the_same_moment_both_are_known(
    service: Service, ada: str, supplier: Supplier, first: str, monkeypatch: Patch
) -> None:
    """A refund may follow a handing over, never the other way round."""
    had(service, "supplied")
    if first == "refund":
        meanwhile(monkeypatch, lambda: then(service, "refund"))
        assert error(then(service, "fulfilment", DONE)) == (409, "fulfilment_not_awaited")
        assert (handover(service)["status"], active(service, ada)) == ("failed", 1000)
    else:
        meanwhile(monkeypatch, lambda: then(service, "fulfilment", DONE))
        assert then(service, "refund").status == 200
        assert (handover(service)["status"], shown(service)["status"]) == ("fulfilled", "refunded")


@pytest.mark.parametrize("first", [DONE, FAILED])
def test_of_done_and_failed_at_the_same_moment_one_counts(
    service: Service, ada: str, supplier: Supplier, first: Json, monkeypatch: Patch
) -> None:
    had(service, "supplied")
    second = FAILED if first == DONE else DONE
    meanwhile(monkeypatch, lambda: then(service, "fulfilment", first))
    assert error(then(service, "fulfilment", second)) == (409, "fulfilment_not_awaited")
    assert (handover(service)["status"], active(service, ada)) == (first["status"], 900 if first == DONE else 1000)


def test_what_was_handed_over_and_then_said_to_have_failed_can_still_be_refunded(
    service: Service, ada: str, supplier: Supplier
) -> None:
    """By the shop, on purpose: that a supplier may not is no refusal of it."""
    had(service, "supplied")
    service.settle()
    assert error(then(service, "fulfilment", FAILED)) == (409, "fulfilment_not_awaited")
    refunded = then(service, "refund")
    assert (refunded.status, refunded.replayed, active(service, ada)) == (200, False, 1000)


def test_a_person_hands_over_or_cannot(service: Service) -> None:
    shop(service)
    ada = member(service, points=9000)
    for key, body in (("done", {"status": "fulfilled"}), ("failed", FAILED)):
        made = had(service, "turntable", key=key, points=1000)
        assert made["fulfilment"]["status"] == "pending"
        service.settle()
        assert then(service, "fulfilment", body, key=key).body["fulfilment"]["status"] == body["status"]
        assert then(service, "fulfilment", body, key=key).status == 200
        assert handover(service, key)["status"] == body["status"]
    assert active(service, ada) == 8000


@pytest.mark.parametrize("reward", ["five", "trees"])
@pytest.mark.parametrize("body", [DONE, FAILED])
def test_what_comes_by_itself_is_handed_over_by_nobody(service: Service, reward: str, body: Json) -> None:
    shop(service)
    ada = member(service)
    had(service, reward)
    before = active(service, ada)
    assert error(then(service, "fulfilment", body)) == (409, "fulfilment_not_awaited")
    assert active(service, ada) == before
    assert then(service, "refund").status == 200, "and can be refunded as ever"


def test_what_is_held_or_was_never_asked_for_is_handed_over_by_nobody(service: Service, ada: str) -> None:
    with service.unchanged():
        assert error(then(service, "fulfilment", DONE)) == (404, "redemption_not_found")
    held(service, "supplied")
    with service.unchanged():
        assert error(then(service, "fulfilment", DONE)) == (409, "hold_not_found")
        assert error(then(service, "fulfilment", FAILED)) == (409, "hold_not_found")
    then(service, "capture")
    assert then(service, "fulfilment", DONE).status == 200


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/status"),
        ({"status": "lost"}, "/status"),
        ({"status": "fulfilled", "code": ""}, "/code"),
        ({"status": "fulfilled", "code": "x" * 201}, "/code"),
        ({"status": "fulfilled", "who": "me"}, "/who"),
    ],
)
def test_what_is_wrong_is_named(service: Service, ada: str, body: Json, pointer: str) -> None:
    had(service, "supplied")
    with service.unchanged():
        assert pointers(then(service, "fulfilment", body)) == [pointer]


def test_a_failed_handing_over_puts_the_piece_and_the_limit_back(service: Service, supplier: Supplier) -> None:
    shop(service, (THEIRS, f'supplier: "{supplier.url}"\n    stock: 1\n    limits: [{{times: 1, per: ever}}]'))
    member(service)
    supplier.answers(400)
    had(service, "supplied")
    service.settle()
    assert service.get("/v1/rewards/supplied").body["left"] == 1
    supplier.answers(200, {"code": GIVEN})
    had(service, "supplied", key="again")
    service.settle()
    assert handover(service, "again")["status"] == "fulfilled"


def test_who_is_suspended_still_gets_what_was_redeemed(service: Service, ada: str, supplier: Supplier) -> None:
    had(service, "supplied")
    service.post(f"/v1/members/{ada}/suspend", {"reason": "fraud"}, key="suspend-1")
    service.settle()
    assert handover(service)["status"] == "fulfilled"


def test_a_reward_that_is_gone_from_the_programme_is_handed_over_as_it_was_redeemed(
    service: Service, ada: str, supplier: Supplier
) -> None:
    had(service, "supplied")
    shop(service, ("id: supplied", "id: other"))
    service.settle()
    assert handover(service)["status"] == "fulfilled"
