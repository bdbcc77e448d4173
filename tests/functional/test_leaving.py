"""A member leaves: nothing personal is left anywhere, the books still add up, and the person may come back as another.
Before that, all that is kept can be had as one document."""

import base64
import hashlib
import json
import re
from typing import Any

import pytest

from functions.runtime import tables
from tests.functional.conftest import Answer, Json, Service
from tests.functional.engaged import types
from tests.functional.factories import a_purchase
from tests.functional.people import (
    balance,
    change,
    drift,
    found,
    join,
    joined,
    leave,
    people,
    refused,
    reinstate,
    shown,
    suspend,
    wrong,
)
from tests.functional.test_races import meanwhile

FIRST: Json = {
    "email": "augusta.ada.byron@example.com",
    "phone": "+33612345678",
    "card": "RC-18151210",
    "external_id": "customer-18151210",
    "given_name": "Augusta",
    "family_name": "Byron",
    "locale": "pt-BR",
    "time_zone": "America/Sao_Paulo",
    "birth_date": "1985-12-13",
    "country": "BR",
    "segments": ["left-handed"],
    "attributes": {"favourite": "Analytical Engines", "records": 424243},
}
LATER: Json = {
    "email": "countess@example.org",
    "phone": "+33698765432",
    "given_name": "Countess",
    "family_name": "Lovelace",
    "locale": "nl-BE",
    "time_zone": "Pacific/Chatham",
    "birth_date": "1986-08-07",
    "country": "NZ",
    "segments": ["wheelchair"],
    "attributes": {"favourite": "Difference Engines", "records": 737371},
}
NOTE = "She called from her mother's in Nottingham."
HOW, WORDING = "at-the-till-in-nottingham", "wording-of-march"
BOTH = (FIRST, LATER)


def buy(service: Service, id: str, who: str, dollars: int = 120, **more: Any) -> Answer:
    body = a_purchase(dollars, id=id, member={"id": who}, occurred_at=service.clock().isoformat())
    return service.post("/v1/purchases", {**body, **more})


def with_a_past(service: Service) -> str:
    """Ada joined, bought, changed everything, agreed, was adjusted with a note, redeemed, was refused, had mail."""
    people(service)
    ada = joined(service, **FIRST)
    service.settle()
    service.clock.move(minutes=1)
    assert buy(service, "r-1", ada, member={"email": FIRST["email"]}).status == 201
    assert change(service, ada, "c-1", **LATER).status == 200
    assert change(service, ada, "c-2", email=FIRST["email"]).status == 200
    assert change(service, ada, "c-3", email=LATER["email"]).status == 200
    service.notify()
    consent = {"channel": "email", "purpose": "marketing", "given": True, "how": HOW, "wording": WORDING}
    headers = {"idempotency-key": "p-1"}
    service.call("PUT", f"/v1/members/{ada}/preferences", {"consents": [consent]}, headers=headers)
    adjustment = {"id": "adj-1", "points": 7, "reason": "goodwill", "note": NOTE}
    assert service.post(f"/v1/members/{ada}/adjustments", adjustment).status == 201
    whose = {"member": {"phone": LATER["phone"]}}
    assert (
        service.post("/v1/redemptions", {**whose, "reward_id": "voucher-1", "capture": True}, key="v-1").status == 201
    )
    taken = {"email": "taken@example.com"}
    joined(service, "grace", **taken)
    assert change(service, ada, "c-4", **taken, phone="+33600000011").status == 409
    assert suspend(service, ada).status == 200
    assert reinstate(service, ada).status == 200
    assert service.get(f"/v1/members/{ada}/export").status == 200
    service.settle()
    return ada


def personal() -> set[str]:
    """Every text, and every number that nobody has by chance, that was said of Ada."""
    said = [value for body in BOTH for value in (*body.values(), *body["attributes"].values(), *body["segments"])]
    texts = {str(value) for value in said if isinstance(value, str | int)} | {NOTE, HOW, WORDING, "12-13", "08-07"}
    texts |= {"+33600000011", *(digits[3:] for digits in (FIRST["phone"], LATER["phone"]))}
    return texts


def traces(text: str) -> set[str]:
    """What of it stands in a text as a word of its own, whatever the letters, also where it is written as base64."""
    decoded = [
        base64.b64decode(part + "=" * (-len(part) % 4)).decode("utf-8", "ignore")
        for part in set(re.findall(r"[A-Za-z0-9+/]{12,}", text))
        if len(part) % 4 != 1
    ]
    whole = "\n".join([text, *decoded]).lower()
    return {value for value in personal() if re.search(rf"(?<![\w-]){re.escape(value.lower())}(?![\w-])", whole)}


def left_behind(service: Service) -> dict[str, set[str]]:
    """In which table, on which queue, in which log."""
    places = {name: json.dumps(items, ensure_ascii=False) for name, items in service.tables().items()}
    places |= {"bus": json.dumps(service.on_bus()), "dead": json.dumps(service.parked()), "log": service.log.getvalue()}
    return {name: found for name, text in places.items() if (found := traces(text))}


def test_the_search_finds_what_is_there(service: Service) -> None:
    with_a_past(service)
    found = left_behind(service)
    assert found["members"] >= {LATER["email"], LATER["given_name"], LATER["country"], HOW, WORDING, "737371"}
    assert found["entries"] >= {NOTE}


def test_nothing_personal_is_left_of_who_has_left(service: Service) -> None:
    ada = with_a_past(service)
    assert [item for item in service.items("messages") if item["member"] == ada]

    answer = leave(service, ada)

    assert (answer.status, answer.replayed) == (200, False)
    service.settle()
    service.wake()  # the last mail goes out, and the address with it
    assert left_behind(service) == {}
    assert [item for item in service.items("messages") if item["member"] == ada] == []


def test_no_table_log_or_queue_ever_held_more_than_it_must(service: Service) -> None:
    """Also of who is still there: neither logs nor events say anything personal."""
    people(service)
    ada = joined(service, **FIRST)
    change(service, ada, **LATER)
    told = service.settle()
    assert traces(json.dumps(told)) == set()
    assert traces(service.log.getvalue()) == set()


def test_no_hash_of_what_was_sent_is_left_either(service: Service) -> None:
    """A phone number is found from its hash by trying them all."""
    ada = with_a_past(service)
    before = [item for item in service.items("entries") if item.get("member") == ada and "about" in item]
    leave(service, ada)
    after = {item["operation"]: item for item in service.items("entries") if "about" in item}
    for entry in before:
        assert after[entry["operation"]]["hash"] != entry["hash"], entry["operation"]
    for value in (FIRST["phone"], LATER["phone"]):
        digest = hashlib.sha256(f"phone\n\n{value}".encode()).hexdigest()[:40]
        assert digest not in json.dumps(service.tables())


def test_what_is_left_is_an_empty_profile(service: Service) -> None:
    ada = with_a_past(service)
    enrolled_at = shown(service, ada)["enrolled_at"]
    answer = leave(service, ada)
    assert answer.body == shown(service, ada)
    assert {name: value for name, value in answer.body.items() if value not in (None, [], {})} == {
        "member_id": ada,
        "status": "closed",
        "locale": "en",
        "enrolled_at": enrolled_at,
    }


def test_points_are_forfeited_and_the_books_add_up(service: Service) -> None:
    ada = with_a_past(service)
    had = balance(service, ada)["active"]
    assert had > 0

    leave(service, ada)

    assert balance(service, ada) == {"active": 0, "pending": 0, "held": 0, "debt": 0}
    assert drift(service, ada) is None
    own = [one for one in service.items("entries") if one.get("member") == ada and "kind" in one]
    last = max(own, key=lambda one: int(one["n"]))
    assert sum(last["change"]["lots"].values()) == -had


def test_the_sums_of_all_that_was_earned_and_spent_are_the_same(service: Service) -> None:
    ada = with_a_past(service)

    def sums() -> dict[str, int]:
        found: dict[str, int] = {}
        for one in service.items("entries"):
            if one.get("kind", "changed") != "changed":
                found[one["kind"]] = found.get(one["kind"], 0) + sum(one["change"].get("lots", {}).values())
        return found

    before = sums()
    leave(service, ada)
    assert sums() == before


def test_who_owes_points_owes_nothing_any_more(service: Service) -> None:
    people(service)
    ada = joined(service)
    buy(service, "r-1", ada)
    redemption = {"member": {"id": ada}, "reward_id": "voucher-5", "capture": True}
    assert service.post("/v1/redemptions", redemption, key="v-1").status == 201
    service.post("/v1/purchases/r-1/returns", {"id": "ret-1", "occurred_at": service.clock().isoformat()})
    assert balance(service, ada)["debt"] > 0
    assert leave(service, ada).status == 200
    assert balance(service, ada) == {"active": 0, "pending": 0, "held": 0, "debt": 0}
    assert drift(service, ada) is None


def test_a_leaving_is_told_once_and_names_nothing(service: Service) -> None:
    ada = with_a_past(service)
    leave(service, ada)
    told = service.settle()
    assert types(told) == ["MemberClosed"]
    data = told[0]["detail"]["data"]
    assert (data["member_id"], data["status"]) == (ada, "closed")
    assert {"email", "phone", "given_name", "status"} <= set(data["fields"])
    assert traces(json.dumps(told)) == set()


def test_a_repeat_is_answered_as_then_and_changes_nothing(service: Service) -> None:
    ada = with_a_past(service)
    first = leave(service, ada)
    with service.unchanged():
        again = leave(service, ada)
    assert (again.status, again.replayed, again.body) == (200, True, first.body)
    assert refused(leave(service, ada, key="leave-2")) == (409, "member_closed")


def test_a_repeat_finishes_what_a_crash_left(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = with_a_past(service)

    def crash(*_arguments: object, **_more: object) -> None:
        raise RuntimeError("out of time")

    with monkeypatch.context() as patch:
        for name in ("update", "remove"):
            patch.setattr(tables, name, crash)
        with pytest.raises(RuntimeError):
            leave(service, ada)
    assert shown(service, ada)["status"] == "closed"

    assert leave(service, ada).replayed

    service.settle()
    service.wake()
    assert left_behind(service) == {}


def test_nobody_leaves_with_points_set_aside(service: Service) -> None:
    people(service)
    ada = joined(service)
    buy(service, "r-1", ada)
    hold = {"member": {"id": ada}, "reward_id": "voucher-5", "capture": False}
    redemption = service.post("/v1/redemptions", hold, key="h-1").body["redemption_id"]
    before = shown(service, ada), balance(service, ada)

    assert refused(leave(service, ada)) == (409, "redemptions_open")

    assert (shown(service, ada), balance(service, ada)) == before
    assert found(service, email="ada@example.com") == ada
    service.call("POST", f"/v1/redemptions/{redemption}/cancel")
    assert leave(service, ada, key="leave-2").status == 200


def test_who_is_suspended_may_leave(service: Service) -> None:
    ada = joined(service)
    suspend(service, ada)
    assert leave(service, ada).body["status"] == "closed"


def test_nothing_can_be_done_with_who_has_left(service: Service) -> None:
    ada = with_a_past(service)
    leave(service, ada)
    service.settle()
    path, whose = f"/v1/members/{ada}", {"member": {"id": ada}}
    now = {"occurred_at": service.clock().isoformat()}
    consent = {"channel": "email", "purpose": "marketing", "given": True, "how": "till", "wording": "1"}
    before = service.items("accounts"), service.items("members")

    for answer in (
        buy(service, "r-9", ada),
        service.post("/v1/activities", {"id": "a-9", **whose, "type": "visit", "attributes": {}, **now}),
        service.post("/v1/redemptions", {**whose, "reward_id": "voucher-1", "capture": True}, key="v-9"),
        service.post(f"{path}/adjustments", {"id": "adj-9", "points": 5, "reason": "goodwill"}),
        service.post("/v1/purchases/r-1/returns", {"id": "ret-9", **now}),
        change(service, ada, "c-9", given_name="Ada"),
        change(service, ada, "c-10", email="back@example.com"),
        suspend(service, ada, "s-9"),
        reinstate(service, ada, "s-10"),
        service.call("PUT", f"{path}/preferences", {"consents": [consent]}, headers={"idempotency-key": "p-9"}),
        service.call("GET", f"{path}/export", request_id="request-9"),
    ):
        assert refused(answer) == (409, "member_closed")
    assert refused(service.get(f"{path}/card")) == (404, "card_not_found")
    assert (service.items("accounts"), service.items("members")) == before
    assert found(service, email="back@example.com") is None


@pytest.mark.parametrize("kind", ["email", "phone", "card", "external_id"])
def test_who_has_left_is_found_by_nothing(service: Service, kind: str) -> None:
    ada = with_a_past(service)
    for body in BOTH:
        leave(service, ada)
        if kind in body:
            assert found(service, **{kind: body[kind]}) is None
            answer = service.post("/v1/purchases", a_purchase(40, member={kind: body[kind]}))
            assert refused(answer) == (404, "member_not_found")


def test_the_audit_of_who_has_left_says_what_happened_and_not_to_whom(service: Service) -> None:
    ada = with_a_past(service)
    leave(service, ada)
    items = service.get(f"/v1/members/{ada}/audit").body["items"]
    assert [one["what"] for one in items][:2] == ["MemberClosed", "MemberExported"]
    assert traces(json.dumps(items)) == set()


def test_the_same_person_may_join_again_and_is_somebody_else(service: Service) -> None:
    ada = with_a_past(service)
    leave(service, ada)
    service.settle()

    assert refused(join(service, **FIRST)) == (409, "member_closed")
    again = join(service, "join-again", **{**FIRST, "email": LATER["email"]})

    assert again.status == 201
    assert again.body["member_id"] != ada
    service.settle()
    assert balance(service, again.body["member_id"])["active"] == 10 + 25
    assert found(service, email=LATER["email"]) == again.body["member_id"]
    assert balance(service, ada)["active"] == 0


def test_mail_that_was_still_to_be_sent_to_who_has_left_is_not_sent(service: Service) -> None:
    people(service)
    ada = joined(service, **FIRST)
    buy(service, "r-1", ada)
    service.publish()
    events = service.on_bus()
    leave(service, ada)
    sent = len(service.mails())

    service.notify(events)
    service.notify()

    assert len(service.mails()) == sent
    assert [one["template"] for one in service.items("messages")] == ["goodbye"]


def test_a_purchase_that_overtakes_a_leaving_is_forfeited_with_the_rest(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    people(service)
    ada = joined(service)
    meanwhile(monkeypatch, lambda: buy(service, "r-1", ada))
    assert leave(service, ada).status == 200
    assert balance(service, ada)["active"] == 0
    assert drift(service, ada) is None


def test_a_hold_that_overtakes_a_leaving_prevents_it(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    people(service)
    ada = joined(service)
    buy(service, "r-1", ada)
    hold = {"member": {"id": ada}, "reward_id": "voucher-5", "capture": False}
    meanwhile(monkeypatch, lambda: service.post("/v1/redemptions", hold, key="h-1"))
    assert refused(leave(service, ada)) == (409, "redemptions_open")
    assert found(service, email="ada@example.com") == ada


def test_a_change_that_overtakes_a_leaving_leaves_no_identity_behind(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    people(service)
    ada = joined(service)
    meanwhile(monkeypatch, lambda: change(service, ada, email="new@example.com"))
    assert leave(service, ada).status == 200
    assert [found(service, email=f"{name}@example.com") for name in ("ada", "new")] == [None, None]


def test_a_leaving_that_overtakes_a_change_leaves_no_identity_behind(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    people(service)
    ada = joined(service)
    meanwhile(monkeypatch, lambda: leave(service, ada))
    assert refused(change(service, ada, email="new@example.com")) == (409, "member_closed")
    assert [item["key"] for item in service.items("members")] == [f"M#{ada}"]


def test_an_export_holds_all_that_is_kept(service: Service) -> None:
    ada = with_a_past(service)
    profile, entries = shown(service, ada), service.get(f"/v1/members/{ada}/ledger", limit="200").body["items"]
    audit = service.get(f"/v1/members/{ada}/audit").body["items"]
    messages = [item for item in service.items("messages") if item["member"] == ada]

    answer = service.call("GET", f"/v1/members/{ada}/export", request_id="request-2")

    assert answer.status == 200
    document = answer.body
    assert document["member"] == profile
    assert document["preferences"] == service.get(f"/v1/members/{ada}/preferences").body
    assert document["preferences"]["consents"][0]["how"] == HOW
    assert document["balance"] == service.get(f"/v1/members/{ada}/balance").body
    assert [step["tier"] for step in document["tiers"]] == ["member"]
    shown_entries = [one for one in entries if one["kind"] != "changed"]
    assert sorted(one["n"] for one in document["entries"]) == sorted(one["n"] for one in shown_entries)
    asked = [one for one in document["audit"] if one["what"] == "MemberExported"]
    assert len(asked) == 2
    assert sorted(one["n"] for one in document["audit"])[: len(audit)] == sorted(one["n"] for one in audit)
    assert len(document["messages"]) == len(messages) > 0
    assert NOTE in json.dumps(document)


def test_an_export_is_noted_and_told(service: Service) -> None:
    people(service)
    ada = joined(service)
    service.settle()
    service.call("GET", f"/v1/members/{ada}/export", client="desk-client", request_id="request-7")
    [entry] = service.get(f"/v1/members/{ada}/audit").body["items"]
    assert (entry["what"], entry["source"], entry["fields"]) == ("MemberExported", "desk-client", [])
    assert types(service.settle()) == ["MemberExported"]
    assert drift(service, ada) is None


def test_a_leaving_needs_a_key(service: Service) -> None:
    ada = joined(service)
    with service.unchanged():
        assert wrong(service.call("DELETE", f"/v1/members/{ada}")) == [("header:idempotency-key", "missing")]
