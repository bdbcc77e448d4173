"""Webhooks: every event reaches every endpoint that wants it, signed, however badly others behave."""

import json
import re
import textwrap
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.runtime import aws, bus
from functions.runtime.outgoing import Heard
from functions.webhooks import delivering, outbox, store
from functions.webhooks.delivery import LONGEST_WAIT, PAUSES
from tests.functional.conftest import NOW, ROOT, Json, Service
from tests.functional.factories import earn, enrol
from tests.functional.receivers import (
    CRM,
    SHOP,
    TELLER,
    WORKER,
    Receivers,
    change,
    deliver,
    event,
    event_id,
    every_minute,
    is_signed,
    later,
    log,
    receivers,
    register,
    tell,
    work,
)

Patch = pytest.MonkeyPatch


@pytest.fixture
def partners(monkeypatch: Patch) -> Receivers:
    return receivers(monkeypatch)


@pytest.fixture
def shop(service: Service) -> Json:
    return register(service)


def states(service: Service, webhook: Json) -> list[str]:
    return [one["status"] for one in log(service, webhook)]


# --- what is delivered ---------------------------------------------------------------------------------------------


def test_what_happens_in_the_programme_reaches_an_endpoint(service: Service, partners: Receivers, shop: Json) -> None:
    member = enrol(service)
    earn(service, dollars=7)
    service.publish()
    told = service.on_bus()

    deliver(service, *told)

    heard = {content["type"]: (headers, content) for _, headers, content in partners.heard}
    assert sorted(heard) == ["MemberEnrolled", "PointsEarned"]
    (headers, content), detail = heard["PointsEarned"], told[1]["detail"]
    assert headers["webhook-id"] == detail["metadata"]["event_id"] == f"{member}#1"
    assert headers["webhook-timestamp"] == str(int(NOW.timestamp()))
    assert content == {
        "type": "PointsEarned",
        "timestamp": detail["metadata"]["recorded_at"],
        "metadata": detail["metadata"],
        "data": detail["data"],
    }
    assert is_signed(shop["secret"], headers, content)


def test_an_endpoint_gets_what_it_asked_for_and_another_gets_everything(service: Service, partners: Receivers) -> None:
    register(service, types=["TierChanged", "PointsRedeemed"])
    register(service, CRM, "hook-2")
    deliver(service, event(1), event(2, "PointsRedeemed"), event(3, "TierChanged"))
    assert partners.ids(SHOP) == [event_id(2), event_id(3)]
    assert partners.ids(CRM) == [event_id(1), event_id(2), event_id(3)]


def test_an_event_that_comes_twice_is_delivered_once(service: Service, partners: Receivers, shop: Json) -> None:
    deliver(service, event(1))
    deliver(service, event(1), event(1))
    assert partners.ids(SHOP) == [event_id(1)]


def test_many_are_sent_one_after_the_other_and_none_is_left_out(
    service: Service, partners: Receivers, shop: Json
) -> None:
    deliver(service, *(event(number) for number in range(25)))
    assert partners.ids(SHOP) == sorted(event_id(number) for number in range(25))
    assert states(service, shop) == ["delivered"] * 25


def test_before_there_is_an_endpoint_nothing_waits(service: Service, partners: Receivers) -> None:
    assert tell(service, event(1)) == []
    assert service.items("webhooks") == []


def test_what_the_worker_is_told_of_is_one_event_for_each_endpoint(service: Service, partners: Receivers) -> None:
    register(service)
    register(service, CRM, "hook-2", types=["TierChanged"])
    assert len(tell(service, *(event(number) for number in range(10)))) == 1


# --- what fails ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reply", [500, 404, 302, 429, "TimeoutError"])
def test_what_is_no_success_is_tried_again_after_growing_pauses_and_parked_in_the_end(
    service: Service, partners: Receivers, shop: Json, reply: int | str
) -> None:
    partners.says[SHOP] = [reply]
    deliver(service, event(1))
    for tries, pause in enumerate(PAUSES, start=1):
        assert len(partners.heard) == tries
        later(service, seconds=pause.total_seconds() - 1)
        assert len(partners.heard) == tries, "not before its time"
        assert states(service, shop) == ["waiting"]
        later(service, seconds=1)
    assert (states(service, shop), len(partners.heard)) == (["parked"], len(PAUSES) + 1)
    later(service, days=30)
    assert len(partners.heard) == len(PAUSES) + 1
    assert timedelta(hours=24) < sum(PAUSES, timedelta()) < LONGEST_WAIT


def test_a_success_ends_the_tries(service: Service, partners: Receivers, shop: Json) -> None:
    partners.says[SHOP] = [500, "TimeoutError", 200]
    deliver(service, event(1))
    later(service, seconds=30)
    later(service, minutes=5)
    later(service, days=3)
    [delivery] = log(service, shop)
    assert [(one["status"], one["error"]) for one in delivery["attempts"]] == [
        (500, None),
        (None, "TimeoutError"),
        (200, None),
    ]
    assert (delivery["status"], delivery["next_attempt_at"]) == ("delivered", None)


def test_an_endpoint_may_say_when_it_wants_to_be_asked_again(service: Service, partners: Receivers, shop: Json) -> None:
    partners.says[SHOP] = [Heard(429, 120), Heard(503, 1), Heard(503, 10_000_000), 200]
    deliver(service, event(1))
    waits = []
    for _ in range(3):
        due_at = outbox.find(shop["webhook_id"], log(service, shop)[0]["delivery_id"]).due_at
        assert due_at
        waits.append(due_at - service.clock())
        later(service, seconds=waits[-1].total_seconds())
    assert waits == [timedelta(minutes=2), PAUSES[1], timedelta(hours=1)]
    assert states(service, shop) == ["delivered"]


def test_what_is_parked_is_told_to_the_operator(
    service: Service, partners: Receivers, shop: Json, monkeypatch: Patch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "webhooks")
    partners.says[SHOP] = [500]
    deliver(service, event(1))
    for pause in PAUSES:
        later(service, seconds=pause.total_seconds())
    metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert [(one["DeliveriesParked"], one["service"]) for one in metrics] == [([1.0], "webhooks")]
    assert "delivery_parked" in service.log.getvalue()


def test_an_endpoint_that_is_gone_is_disabled_and_what_waits_for_it_is_kept(
    service: Service, partners: Receivers, shop: Json
) -> None:
    due = tell(service, *(event(number) for number in range(10)))
    partners.says[SHOP] = [204, 410, 204]
    work(service, due)
    assert len(partners.heard) == 8, "one round"
    found = service.get(f"/v1/webhooks/{shop['webhook_id']}").body
    assert (found["status"], found["gone"]) == ("disabled", True)
    assert sorted(states(service, shop)) == ["delivered"] * 7 + ["parked"] + ["waiting"] * 2
    store.forget()
    assert tell(service, event(11)) == [], "nothing more waits for it"
    later(service, days=1)
    assert len(partners.heard) == 8

    assert change(service, shop, status="active").body["gone"] is False
    work(service, service.on_bus())
    assert states(service, shop).count("delivered") == 9


def test_an_endpoint_that_answers_nothing_is_left_alone_for_a_while(
    service: Service, partners: Receivers, shop: Json
) -> None:
    partners.says[SHOP] = ["TimeoutError"]
    deliver(service, *(event(number) for number in range(40)))
    assert len(partners.heard) == 8
    assert every_minute(service) == []
    later(service, seconds=delivering.REST.total_seconds() - 1)
    assert len(partners.heard) == 8

    partners.says[SHOP] = [204]
    later(service, seconds=2)
    assert len(partners.heard) == 8 + 32
    later(service, seconds=30)
    assert states(service, shop) == ["delivered"] * 40


def test_one_call_without_an_answer_keeps_the_next_event_not_waiting(
    service: Service, partners: Receivers, shop: Json
) -> None:
    partners.says[SHOP] = ["TimeoutError", 204]
    deliver(service, event(1))
    deliver(service, event(2))
    assert states(service, shop) == ["delivered", "waiting"]


def test_what_is_asked_for_anew_while_it_was_just_sent_is_sent_again(
    service: Service, partners: Receivers, shop: Json, monkeypatch: Patch
) -> None:
    real, asked = outbox.release, list[bool]()

    def release(webhook: str, worker: str) -> bool:
        if not asked:
            asked.append(True)
            [one] = log(service, shop)
            service.post(f"/v1/webhooks/{webhook}/deliveries/{one['delivery_id']}/redeliver", None)
            service.hand(WORKER, service.on_bus())
        return real(webhook, worker)

    monkeypatch.setattr(outbox, "release", release)
    deliver(service, event(1))
    assert partners.ids(SHOP) == [event_id(1)] * 2


def test_what_could_not_be_tried_for_too_long_is_parked_all_the_same(
    service: Service, partners: Receivers, shop: Json
) -> None:
    partners.says[SHOP] = ["TimeoutError"]
    deliver(service, *(event(number) for number in range(20)))
    later(service, seconds=LONGEST_WAIT.total_seconds() + 1)
    assert sorted(set(states(service, shop))) == ["parked", "waiting"]
    assert states(service, shop).count("waiting") == 8, "those that were just tried"


def test_a_bad_endpoint_keeps_nobody_waiting(service: Service, partners: Receivers, shop: Json) -> None:
    register(service, CRM, "hook-2")
    partners.says[SHOP] = ["TimeoutError"]
    deliver(service, *(event(number) for number in range(30)))
    assert len(partners.ids(CRM)) == 30


def test_a_try_that_is_not_over_in_time_has_failed(service: Service, shop: Json, monkeypatch: Patch) -> None:
    from threading import Event

    over = Event()
    monkeypatch.setattr(delivering, "_LONGEST_CALL", 0.05)
    monkeypatch.setattr("functions.runtime.outgoing.deliver", lambda *_: over.wait() and Heard(204))
    try:
        deliver(service, event(1))
    finally:
        over.set()
    [delivery] = log(service, shop)
    assert (delivery["status"], delivery["attempts"][0]["error"]) == ("waiting", "the name is not known in time")


# --- who sends -----------------------------------------------------------------------------------------------------


def test_a_worker_does_not_begin_where_another_is_at_work_and_the_other_looks_once_more(
    service: Service, partners: Receivers, shop: Json
) -> None:
    due = tell(service, event(1))
    assert outbox.lease(shop["webhook_id"], "another", NOW)
    work(service, due)
    assert partners.heard == []
    assert every_minute(service) == []
    assert outbox.release(shop["webhook_id"], "another") is False, "it was asked to look once more"
    assert outbox.release(shop["webhook_id"], "another") is True
    work(service, every_minute(service))
    assert len(partners.heard) == 1


def test_what_comes_while_a_worker_ends_is_not_left_behind(
    service: Service, partners: Receivers, shop: Json, monkeypatch: Patch
) -> None:
    real, news = outbox.release, [event(2)]

    def release(webhook: str, worker: str) -> bool:
        if news:
            service.hand(WORKER, tell(service, news.pop()))
        return real(webhook, worker)

    monkeypatch.setattr(outbox, "release", release)
    service.hand(WORKER, tell(service, event(1)))
    assert partners.ids(SHOP) == [event_id(1), event_id(2)]


def test_what_a_dead_worker_left_is_sent_by_another(service: Service, partners: Receivers, shop: Json) -> None:
    tell(service, event(1))
    assert outbox.lease(shop["webhook_id"], "dead", NOW)
    later(service, seconds=outbox.LEASE.total_seconds())
    assert partners.heard == []
    later(service, seconds=1)
    assert len(partners.heard) == 1
    assert outbox.release(shop["webhook_id"], "dead") is True, "it is another's turn"


def test_a_worker_whose_time_is_over_lets_another_go_on(
    service: Service, partners: Receivers, shop: Json, monkeypatch: Patch
) -> None:
    due = tell(service, *(event(number) for number in range(20)))
    monkeypatch.setattr(delivering, "SECONDS", -1.0)
    service.hand(WORKER, due[:1])
    [again] = service.on_bus()
    assert again["detail"]["data"] == {"webhook_id": shop["webhook_id"]}
    monkeypatch.setattr(delivering, "SECONDS", 15.0)
    work(service, [again])
    assert len(partners.heard) == 20


def test_an_outcome_that_somebody_else_has_settled_changes_nothing(
    service: Service, partners: Receivers, shop: Json
) -> None:
    tell(service, event(1))
    [before] = outbox.due(shop["webhook_id"], NOW, 8, ())
    deliver(service)
    work(service, every_minute(service))
    assert outbox.save(before, before.parked(), NOW) is False
    assert states(service, shop) == ["delivered"]


def test_what_the_index_still_has_is_not_sent_again(service: Service, partners: Receivers, shop: Json) -> None:
    tell(service, event(1), event(2))
    first, second = outbox.due(shop["webhook_id"], NOW, 8, ())
    assert outbox.due(shop["webhook_id"], NOW, 1, {first.id}) == [second]


def test_events_that_cannot_be_noted_come_again(
    service: Service, partners: Receivers, shop: Json, monkeypatch: Patch
) -> None:
    def fails(*_: object) -> None:
        raise bus.PublishError("no")

    with monkeypatch.context() as broken:
        broken.setattr(bus, "publish", fails)
        assert service.hand(TELLER, [event(1)]) == ["record-0"]
    deliver(service, event(1))
    assert len(partners.heard) == 1


def test_a_worker_needs_no_secret_of_the_suppliers(service: Service, partners: Receivers, shop: Json) -> None:
    aws.secretsmanager().delete_secret(SecretId="suppliers", ForceDeleteWithoutRecovery=True)
    deliver(service, event(1))
    assert len(partners.heard) == 1


# --- delivering again ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [204, 410, 500])
def test_a_delivery_is_made_again_whatever_has_become_of_it(
    service: Service, partners: Receivers, shop: Json, first: int
) -> None:
    partners.says[SHOP] = [first, 204]
    deliver(service, event(1))
    change(service, shop, status="active")
    [delivery] = log(service, shop)
    path = f"/v1/webhooks/{shop['webhook_id']}/deliveries/{delivery['delivery_id']}/redeliver"

    answer = service.post(path, None)

    assert (answer.status, answer.body["status"]) == (202, "waiting")
    work(service, service.on_bus())
    assert partners.ids(SHOP) == [event_id(1), event_id(1)]
    assert states(service, shop) == ["delivered"]


def test_a_delivery_that_is_made_again_has_all_its_tries_before_it(
    service: Service, partners: Receivers, shop: Json
) -> None:
    partners.says[SHOP] = [500]
    deliver(service, event(1))
    for pause in PAUSES:
        later(service, seconds=pause.total_seconds())
    [delivery] = log(service, shop)
    service.post(f"/v1/webhooks/{shop['webhook_id']}/deliveries/{delivery['delivery_id']}/redeliver", None)
    work(service, service.on_bus())
    for pause in PAUSES:
        assert states(service, shop) == ["waiting"]
        later(service, seconds=pause.total_seconds())
    [delivery] = log(service, shop)
    assert (delivery["status"], len(delivery["attempts"]), len(partners.heard)) == ("parked", 10, 16)


# --- secrets -------------------------------------------------------------------------------------------------------


def test_a_new_secret_signs_at_once_and_the_one_before_for_a_day_more(
    service: Service, partners: Receivers, shop: Json
) -> None:
    new = change(service, shop, rotate_secret=True).body["secret"]
    assert new != shop["secret"]
    deliver(service, event(1))
    service.clock.move(hours=24)
    deliver(service, event(2))
    (_, both, first), (_, one, second) = partners.heard
    assert len(both["webhook-signature"].split(" ")) == 2
    assert is_signed(new, both, first)
    assert is_signed(shop["secret"], both, first)
    assert is_signed(new, one, second)
    assert not is_signed(shop["secret"], one, second)


def test_what_the_guide_tells_partners_to_do_takes_what_is_ours_and_nothing_else(
    service: Service, partners: Receivers, shop: Json
) -> None:
    guide = (ROOT / "docs" / "partners.md").read_text()
    [code] = re.findall(r"^    from standardwebhooks.*?(?=^\S)", guide, re.MULTILINE | re.DOTALL)
    noted: list[tuple[str, Json]] = []
    names: dict[str, Any] = {"SECRET": shop["secret"], "note_once": lambda *one: noted.append(one)}
    exec(textwrap.dedent(code), names)  # noqa: S102  our own guide
    service.clock.time = datetime.now(UTC)  # the library looks at the time that it is
    deliver(service, event(1))
    [(_, headers, content)] = partners.heard
    body = json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()

    assert names["receive"](body.replace(b"149", b"150"), headers) == 401
    assert names["receive"](body, headers) == 204
    assert noted == [(event_id(1), content)]


def test_no_secret_is_stored_or_logged(service: Service, partners: Receivers, shop: Json) -> None:
    new = change(service, shop, rotate_secret=True).body["secret"]
    deliver(service, event(1))
    everything = str(service.items("webhooks")) + service.log.getvalue()
    for secret in (shop["secret"], new):
        assert secret.removeprefix("whsec_") not in everything
