"""Endpoints over HTTPS: registered once, changed, deleted; and what is wrong is named, all of it."""

from typing import Any

import pytest

from functions.runtime import tables
from functions.webhooks import store
from functions.webhooks.endpoint import MOST_ENDPOINTS
from tests.functional.conftest import Answer, Json, Service
from tests.functional.receivers import CRM, SHOP, Receivers, change, deliver, event, log, receivers, register, tell

Patch = pytest.MonkeyPatch
NOBODYS = "/v1/webhooks/whk_aaaaaaaaaaaaaaaaaaaa"


@pytest.fixture
def partners(monkeypatch: Patch) -> Receivers:
    return receivers(monkeypatch)


def delete(service: Service, webhook: Json) -> Answer:
    answer = service.call("DELETE", f"/v1/webhooks/{webhook['webhook_id']}")
    store.forget()
    return answer


def code(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.body["code"]


def test_an_endpoint_is_registered_and_shows_its_secret_once(service: Service) -> None:
    made = register(service, types=["TierChanged", "PointsEarned", "PointsEarned"], description="The shop")
    assert made["secret"].startswith("whsec_")
    found = service.get(f"/v1/webhooks/{made['webhook_id']}")
    assert found.status == 200
    assert found.body == made | {"secret": None}
    assert made == {
        "webhook_id": made["webhook_id"],
        "url": SHOP,
        "types": ["PointsEarned", "TierChanged"],
        "description": "The shop",
        "status": "active",
        "gone": False,
        "created_at": "2026-11-21T10:00:00Z",
        "last_delivered_at": None,
        "failing_since": None,
        "secret": made["secret"],
    }


def test_a_repeat_registers_nothing_more_and_answers_the_same(service: Service) -> None:
    body = {"url": SHOP, "types": ["PointsEarned"]}
    first = service.post("/v1/webhooks", body, key="hook-1")
    with service.unchanged():
        again = service.post("/v1/webhooks", body, key="hook-1")
    assert (again.status, again.body, again.replayed) == (201, first.body, True)
    assert not first.replayed


def test_a_key_that_was_used_for_another_endpoint_is_refused(service: Service) -> None:
    register(service)
    with service.unchanged():
        assert code(service.post("/v1/webhooks", {"url": CRM}, key="hook-1")) == (422, "operation_id_reused")
    assert service.post("/v1/webhooks", {"url": CRM}, key="hook-1", client="crm-client").status == 201


def test_two_endpoints_have_two_secrets_also_at_one_address(service: Service) -> None:
    assert register(service)["secret"] != register(service, key="hook-2")["secret"]


def test_there_are_no_more_endpoints_than_there_may_be(service: Service) -> None:
    made = [register(service, key=f"hook-{n}") for n in range(MOST_ENDPOINTS)]
    with service.unchanged():
        assert code(service.post("/v1/webhooks", {"url": SHOP}, key="more")) == (409, "too_many_webhooks")
    assert delete(service, made[0]).status == 204
    register(service, key="more")
    assert len(service.get("/v1/webhooks").body["items"]) == MOST_ENDPOINTS


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, {"/url"}),
        ({"url": "http://shop.example/", "types": ["MembersDue"], "secret": "x"}, {"/url", "/types/0", "/secret"}),
        ({"url": SHOP, "types": []}, {"/types"}),
        ({"url": SHOP, "types": "PointsEarned", "description": ""}, {"/types", "/description"}),
        ({"url": "https://user:pass@shop.example/"}, {"/url"}),
        ({"url": "https://shop.example/#part"}, {"/url"}),
        ({"url": "https://10.0.0.1/"}, {"/url"}),
        ({"url": "https://shop.example/" + "a" * 500}, {"/url"}),
        ({"url": 7}, {"/url"}),
    ],
)
def test_what_is_wrong_is_named_all_at_once(service: Service, body: Json, pointers: set[str]) -> None:
    with service.unchanged():
        answer = service.post("/v1/webhooks", body, key="hook-1")
    assert code(answer) == (422, "invalid")
    assert {error["pointer"] for error in answer.body["errors"]} == pointers


def test_this_machine_is_an_endpoint_only_in_the_local_stack(service: Service, monkeypatch: Patch) -> None:
    register(service, "http://127.0.0.1:8080/in")
    monkeypatch.delenv("LOCAL_ENDPOINTS")
    assert service.post("/v1/webhooks", {"url": "http://127.0.0.1:8080/in"}, key="hook-2").status == 422


def test_endpoints_are_listed_oldest_first(service: Service) -> None:
    made = []
    for n in range(3):
        made.append(register(service, key=f"hook-{n}")["webhook_id"])
        service.clock.move(seconds=1)
    assert [one["webhook_id"] for one in service.get("/v1/webhooks").body["items"]] == made


def test_a_change_changes_what_is_named_and_leaves_the_rest(service: Service, partners: Receivers) -> None:
    made = register(service, types=["PointsEarned"], description="The shop")
    changed = change(service, made, url=CRM, types=None)
    assert changed.body == made | {"url": CRM, "types": None, "secret": None}
    assert change(service, made, description=None).body["description"] is None
    assert change(service, made, types=["TierChanged"]).body["types"] == ["TierChanged"]
    deliver(service, event(1), event(2, "TierChanged"))
    assert [url for url, _, _ in partners.heard] == [CRM]


@pytest.mark.parametrize(
    ("changes", "pointers"),
    [
        ({}, {""}),
        ({"url": None}, {""}),
        ({"status": "deleted", "rotate_secret": "yes"}, {"/status", "/rotate_secret"}),
        ({"url": "http://shop.example/", "secret": "mine"}, {"/url", "/secret"}),
    ],
)
def test_a_change_that_is_none_is_refused(service: Service, changes: Json, pointers: set[str]) -> None:
    made = register(service)
    with service.unchanged():
        answer = change(service, made, **changes)
    assert code(answer) == (422, "invalid")
    assert {error["pointer"] for error in answer.body["errors"]} == pointers


def test_two_changes_at_once_do_not_undo_each_other(service: Service, monkeypatch: Patch) -> None:
    made = register(service)
    stale = store.find(made["webhook_id"])
    change(service, made, description="first")
    monkeypatch.setattr(store, "find", lambda _: stale)
    answer = change(service, made, url=CRM)
    assert code(answer) == (503, "try_again")


def test_what_happens_while_an_endpoint_is_disabled_does_not_wait_for_it(service: Service, partners: Receivers) -> None:
    made = register(service)
    change(service, made, status="disabled")
    deliver(service, event(1))
    change(service, made, status="active")
    deliver(service, event(2))
    assert [one["event_id"] for one in log(service, made)] == ["mem_gvhwj3324hq4nn5ahper#2"]


def test_after_a_rotation_a_repeat_of_the_registration_shows_the_secret_that_counts(service: Service) -> None:
    made = register(service)
    new = change(service, made, rotate_secret=True).body["secret"]
    assert service.post("/v1/webhooks", {"url": SHOP}, key="hook-1").body["secret"] == new


def test_a_deleted_endpoint_is_gone_and_gets_nothing_more(service: Service, partners: Receivers) -> None:
    made = register(service)
    due = tell(service, event(1))
    assert (delete(service, made).status, delete(service, made).status) == (204, 404)
    service.hand("functions.webhooks.on_deliveries_due", due)
    deliver(service, event(2))
    assert partners.heard == []
    assert service.get("/v1/webhooks").body == {"items": []}
    assert code(service.get(f"/v1/webhooks/{made['webhook_id']}")) == (404, "webhook_not_found")
    assert code(change(service, made, status="active")) == (404, "webhook_not_found")
    assert code(service.post("/v1/webhooks", {"url": SHOP}, key="hook-1")) == (404, "webhook_not_found")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", NOBODYS, None),
        ("PATCH", NOBODYS, {"status": "active"}),
        ("DELETE", NOBODYS, None),
        ("GET", f"{NOBODYS}/deliveries", None),
        ("POST", f"{NOBODYS}/deliveries/20261121100000000000-0123456789abcdef/redeliver", None),
    ],
)
def test_what_nobody_registered_is_not_found(service: Service, method: str, path: str, body: Any) -> None:
    assert code(service.call(method, path, body)) == (404, "webhook_not_found")


@pytest.mark.parametrize("path", ["/v1/webhooks/17", f"{NOBODYS}/deliveries/17/redeliver"])
def test_an_id_that_is_none_is_named(service: Service, path: str) -> None:
    answer = service.call("POST" if path.endswith("redeliver") else "GET", path)
    assert answer.status == 422
    assert answer.body["errors"][0]["pointer"].startswith("path:")


def test_somebody_who_registers_at_the_same_moment_is_asked_to_wait(service: Service, monkeypatch: Patch) -> None:
    def busy(_: object) -> None:
        raise tables.CancelledError([tables.Reason("TransactionConflict", None)] * 2)

    monkeypatch.setattr(tables, "transact", busy)
    assert code(service.post("/v1/webhooks", {"url": SHOP}, key="hook-1")) == (503, "try_again")


# --- the log -------------------------------------------------------------------------------------------------------


def test_the_log_is_read_newest_first_in_pages(service: Service, partners: Receivers) -> None:
    made = register(service)
    deliver(service, *(event(n) for n in range(25)))
    path, cursor = f"/v1/webhooks/{made['webhook_id']}/deliveries", dict[str, str]()
    seen: list[str] = []
    while True:
        page = service.get(path, limit="10", **cursor).body
        seen += [one["event_id"].partition("#")[2] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        assert len(page["items"]) == 10
        cursor = {"cursor": page["next_cursor"]}
    assert seen == [str(n) for n in range(24, -1, -1)]


def test_the_log_tells_each_try(service: Service, partners: Receivers) -> None:
    made = register(service)
    partners.says[SHOP] = ["TimeoutError"]
    deliver(service, event(1))
    [one] = log(service, made)
    assert one["attempts"][0].pop("milliseconds") >= 0
    assert one == {
        "delivery_id": one["delivery_id"],
        "event_id": "mem_gvhwj3324hq4nn5ahper#1",
        "type": "PointsEarned",
        "status": "waiting",
        "attempts": [{"at": "2026-11-21T10:00:00Z", "status": None, "error": "TimeoutError"}],
        "next_attempt_at": "2026-11-21T10:00:30Z",
    }


def test_the_log_shows_what_waits_and_only_that(service: Service, partners: Receivers, monkeypatch: Patch) -> None:
    made = register(service)
    partners.says[SHOP] = [500, 204]
    deliver(service, *(event(n) for n in range(12)))
    [waiting] = log(service, made, status="waiting")
    assert len(log(service, made, status="delivered")) == 11
    assert log(service, made, status="parked") == []

    monkeypatch.setattr("functions.webhooks.outbox._LOOKED_AT", 5)
    path, cursor = f"/v1/webhooks/{made['webhook_id']}/deliveries", dict[str, str]()
    seen, pages = list[Json](), 0
    while pages == 0 or cursor.get("cursor"):
        page = service.get(path, status="waiting", **cursor).body
        seen, pages, cursor = seen + page["items"], pages + 1, {"cursor": page["next_cursor"]}
    assert (seen, pages > 1) == ([waiting], True)


def test_an_endpoint_tells_how_it_goes(service: Service, partners: Receivers) -> None:
    made = register(service)
    partners.says[SHOP] = [500, 500, 500, 204]
    path = f"/v1/webhooks/{made['webhook_id']}"
    deliver(service, event(1))
    service.clock.move(minutes=1)
    deliver(service, event(2))
    assert service.get(path).body["failing_since"] == "2026-11-21T10:00:00Z"
    deliver(service, event(3))
    [found] = service.get("/v1/webhooks").body["items"]
    assert (found["failing_since"], found["last_delivered_at"]) == (None, "2026-11-21T10:01:00Z")


@pytest.mark.parametrize("query", [{"cursor": "xx"}, {"limit": "0"}, {"status": "lost"}])
def test_a_page_that_nobody_gave_is_named(service: Service, query: dict[str, str]) -> None:
    made = register(service)
    answer = service.call("GET", f"/v1/webhooks/{made['webhook_id']}/deliveries", query=query)
    assert answer.status == 422
    assert answer.body["errors"][0]["pointer"] == f"query:{next(iter(query))}"


def test_a_delivery_that_is_not_there_and_one_to_a_disabled_endpoint_are_not_made_again(
    service: Service, partners: Receivers
) -> None:
    made = register(service)
    deliver(service, event(1))
    [one] = log(service, made)
    path = f"/v1/webhooks/{made['webhook_id']}/deliveries"
    nobodys = "20261121100000000000-0123456789abcdef"
    assert code(service.post(f"{path}/{nobodys}/redeliver", None)) == (404, "delivery_not_found")
    change(service, made, status="disabled")
    assert code(service.post(f"{path}/{one['delivery_id']}/redeliver", None)) == (409, "webhook_disabled")
