"""What is known of a member changes: named fields only, once, in order, told without values, and open to questions."""

import json
from typing import Any

import pytest

from tests.functional.conftest import Answer, Json, Service
from tests.functional.engaged import give_back, types, why
from tests.functional.factories import NOBODY, a_purchase
from tests.functional.people import (
    PEOPLE,
    balance,
    change,
    drift,
    found,
    join,
    joined,
    people,
    refused,
    reinstate,
    shown,
    suspend,
    wrong,
)
from tests.functional.test_races import meanwhile

WHOLE: Json = {
    "email": "ada@example.com",
    "phone": "+33612345678",
    "card": "RC-1815",
    "external_id": "shop-1815",
    "given_name": "Ada",
    "family_name": "Lovelace",
    "locale": "fr-FR",
    "time_zone": "Europe/Paris",
    "birth_date": "1990-12-10",
    "country": "FR",
    "segments": ["vip", "early"],
    "attributes": {"favourite": "Caravan", "records": 7, "vinyl_only": True},
}


def buy(service: Service, id: str = "receipt-1", dollars: int = 40, **more: Any) -> Answer:
    member = {"email": "ada@example.com"}
    body = a_purchase(dollars, **{"id": id, "member": member, "occurred_at": service.clock().isoformat(), **more})
    return service.post("/v1/purchases", body)


def earned(service: Service, id: str = "receipt-1") -> dict[str, bool]:
    """Which rules of a purchase of Ada's applied."""
    answer = buy(service, id)
    assert answer.status == 201, answer.body
    return {rule: reason["applied"] for rule, reason in why(answer).items()}


def audit(service: Service, member: str, **query: str) -> list[Json]:
    items: list[Json] = service.get(f"/v1/members/{member}/audit", **query).body["items"]
    return items


# --- the profile


def test_all_that_can_be_said_when_joining_is_kept(service: Service) -> None:
    people(service)
    answer = join(service, **WHOLE)
    assert {name: answer.body[name] for name in WHOLE} == WHOLE
    assert shown(service, answer.body["member_id"]) == answer.body


def test_what_is_named_changes_what_is_null_goes_and_the_rest_stays(service: Service) -> None:
    people(service)
    ada = joined(service, **WHOLE)

    answer = change(
        service,
        ada,
        given_name="Augusta",
        family_name=None,
        phone=None,
        birth_date=None,
        country=None,
        time_zone=None,
        locale=None,
        segments=None,
        attributes={"records": 8, "favourite": None},
    )

    after = {
        **WHOLE,
        "given_name": "Augusta",
        "family_name": None,
        "phone": None,
        "birth_date": None,
        "country": None,
        "time_zone": None,
        "locale": "en",
        "segments": [],
        "attributes": {"records": 8, "vinyl_only": True},
    }
    assert (answer.status, answer.replayed) == (200, False)
    assert {name: answer.body[name] for name in WHOLE} == after
    assert shown(service, ada) == answer.body
    assert found(service, phone=WHOLE["phone"]) is None
    assert found(service, card=WHOLE["card"]) == ada
    assert drift(service, ada) is None


def test_what_was_released_may_be_taken_by_another(service: Service) -> None:
    ada = joined(service, email="ada@example.com", card="RC-1815")
    change(service, ada, email=None)
    assert joined(service, "join-2", email="ada@example.com") != ada


def test_a_member_keeps_at_least_one_identity(service: Service) -> None:
    ada = joined(service, email="ada@example.com", card="RC-1815")
    with service.unchanged():
        assert wrong(change(service, ada, email=None, card=None)) == [("", "identity_missing")]
    assert change(service, ada, "c-2", email=None).status == 200


def test_a_change_names_something(service: Service) -> None:
    ada = joined(service)
    with service.unchanged():
        assert wrong(change(service, ada)) == [("", "nothing")]


BAD: dict[str, tuple[Json, list[str]]] = {
    "zone of nowhere": ({"time_zone": "Mars/Olympus"}, ["/time_zone"]),
    "zone that is a folder": ({"time_zone": "Europe"}, ["/time_zone"]),
    "zone that is a path": ({"time_zone": "../../etc/passwd"}, ["/time_zone"]),
    "absolute zone": ({"time_zone": "/etc/localtime"}, ["/time_zone"]),
    "zone of this machine": ({"time_zone": "localtime"}, ["/time_zone"]),
    "zone with a zero byte": ({"time_zone": "Europe/\u0000"}, ["/time_zone"]),
    "empty zone": ({"time_zone": ""}, ["/time_zone"]),
    "long zone": ({"time_zone": "E" * 65}, ["/time_zone"]),
    "country of nowhere": ({"country": "XX"}, ["/country"]),
    "country in small letters": ({"country": "fr"}, ["/country"]),
    "country of three letters": ({"country": "FRA"}, ["/country"]),
    "30 February": ({"birth_date": "2000-02-30"}, ["/birth_date"]),
    "29 February 1999": ({"birth_date": "1999-02-29"}, ["/birth_date"]),
    "tomorrow": ({"birth_date": "2026-11-22"}, ["/birth_date"]),
    "long ago": ({"birth_date": "1800-01-01"}, ["/birth_date"]),
    "the day before the first": ({"birth_date": "1899-12-31"}, ["/birth_date"]),
    "another order": ({"birth_date": "10/12/1990"}, ["/birth_date"]),
    "a moment": ({"birth_date": "1990-12-10T10:00:00Z"}, ["/birth_date"]),
    "a number": ({"birth_date": 946684800}, ["/birth_date"]),
    "locale in capitals": ({"locale": "FR"}, ["/locale"]),
    "locale with an underscore": ({"locale": "fr_FR"}, ["/locale"]),
    "locale in full": ({"locale": "french"}, ["/locale"]),
    "no name": ({"given_name": ""}, ["/given_name"]),
    "name of two lines": ({"family_name": "Love\nlace"}, ["/family_name"]),
    "long name": ({"given_name": "a" * 101}, ["/given_name"]),
    "segments in one": ({"segments": "vip"}, ["/segments"]),
    "segment with a space": ({"segments": ["v i p"]}, ["/segments/0"]),
    "many segments": ({"segments": [f"s{i}" for i in range(21)]}, ["/segments"]),
    "unknown attribute": ({"attributes": {"shoe_size": 38}}, ["/attributes/shoe_size"]),
    "text for a number": ({"attributes": {"records": "7"}}, ["/attributes/records"]),
    "yes for a number": ({"attributes": {"records": True}}, ["/attributes/records"]),
    "number for yes": ({"attributes": {"vinyl_only": 1}}, ["/attributes/vinyl_only"]),
    "number for text": ({"attributes": {"favourite": 1}}, ["/attributes/favourite"]),
    "several at once": (
        {"attributes": {"records": "7", "shoe_size": 38}},
        ["/attributes/records", "/attributes/shoe_size"],
    ),
    "state": ({"status": "closed"}, ["/status"]),
    "id": ({"member_id": NOBODY}, ["/member_id"]),
    "consents": ({"consents": {}}, ["/consents"]),
}


@pytest.mark.parametrize(("body", "pointers"), BAD.values(), ids=BAD)
def test_what_cannot_be_is_refused_when_joining_and_later_alike(
    service: Service, body: Json, pointers: list[str]
) -> None:
    people(service)
    ada = joined(service)
    with service.unchanged():
        for answer in (change(service, ada, **body), join(service, "join-2", card="RC-1", **body)):
            assert sorted({pointer for pointer, _ in wrong(answer)}) == pointers


def test_the_edges_of_what_can_be(service: Service) -> None:
    people(service)
    ada = joined(service)
    bodies: list[Json] = [
        {"birth_date": "1900-01-01"},
        {"birth_date": "2026-11-21"},
        {"birth_date": "2000-02-29"},
        {"time_zone": "America/Argentina/Buenos_Aires"},
        {"locale": "fr"},
        {"given_name": "Zoë-李 O'Neil"},
        {"attributes": {"records": 0, "vinyl_only": False}},
    ]
    for i, body in enumerate(bodies):
        assert change(service, ada, f"c-{i}", **body).status == 200, body


def test_before_there_is_a_programme_no_attribute_is_known(service: Service) -> None:
    with service.unchanged():
        assert wrong(join(service, email="ada@example.com", attributes={"records": 7})) == [
            ("/attributes/records", "unknown_attribute")
        ]


# --- once, and not over what somebody else wrote


def test_a_repeat_changes_nothing_more(service: Service) -> None:
    ada = joined(service)
    first = change(service, ada, given_name="Ada")
    with service.unchanged():
        again = change(service, ada, given_name="Ada")
    assert (again.status, again.replayed, again.body) == (200, True, first.body)


def test_a_repeat_does_not_bring_back_what_was_changed_since(service: Service) -> None:
    ada = joined(service)
    change(service, ada, "c-1", given_name="Ada", email="first@example.com")
    change(service, ada, "c-2", given_name="Augusta", email="second@example.com")
    with service.unchanged():
        assert change(service, ada, "c-1", given_name="Ada", email="first@example.com").replayed
    assert found(service, email="second@example.com") == ada


def test_a_key_is_used_for_one_change_only(service: Service) -> None:
    ada, grace = joined(service), joined(service, "join-2", email="grace@example.com")
    change(service, ada, given_name="Ada")
    with service.unchanged():
        for answer in (
            change(service, ada, given_name="Augusta"),
            change(service, grace, given_name="Ada"),
            suspend(service, ada, key="change-1"),
        ):
            assert refused(answer) == (422, "operation_id_reused")
    assert change(service, ada, client="shop-client", given_name="Augusta").status == 200


def test_a_change_of_the_state_that_was_seen_is_made_and_gives_another(service: Service) -> None:
    ada = joined(service)
    seen = service.get(f"/v1/members/{ada}").headers["etag"]
    answer = change(service, ada, if_match=seen, given_name="Ada")
    assert answer.status == 200
    assert answer.headers["etag"] == service.get(f"/v1/members/{ada}").headers["etag"] != seen


def test_a_change_of_a_state_that_is_past_is_refused_and_names_it_stale(service: Service) -> None:
    ada = joined(service)
    seen = service.get(f"/v1/members/{ada}").headers["etag"]
    change(service, ada, "c-1", given_name="Ada")

    before = shown(service, ada)
    assert refused(change(service, ada, "c-2", if_match=seen, given_name="Augusta")) == (412, "stale")
    assert refused(change(service, ada, "c-3", if_match="nonsense", given_name="Augusta")) == (412, "stale")
    assert shown(service, ada) == before


def test_of_two_who_saw_the_same_state_exactly_one_changes_it(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = joined(service)
    seen = service.get(f"/v1/members/{ada}").headers["etag"]
    meanwhile(monkeypatch, lambda: change(service, ada, "first", if_match=seen, given_name="Ada"))
    assert refused(change(service, ada, "second", if_match=seen, given_name="Augusta")) == (412, "stale")
    assert shown(service, ada)["given_name"] == "Ada"


def test_a_repeat_of_a_change_of_a_state_is_answered_as_then(service: Service) -> None:
    ada = joined(service)
    seen = service.get(f"/v1/members/{ada}").headers["etag"]
    change(service, ada, if_match=seen, given_name="Ada")
    with service.unchanged():
        again = change(service, ada, if_match=seen, given_name="Ada")
    assert (again.status, again.replayed) == (200, True)


def test_a_change_and_a_purchase_at_once_are_both_booked(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = joined(service)
    meanwhile(monkeypatch, lambda: buy(service))
    assert change(service, ada, given_name="Ada").status == 200
    assert balance(service, ada)["active"] == 40
    assert drift(service, ada) is None


def test_nobody_is_not_changed(service: Service) -> None:
    with service.unchanged():
        for answer in (
            change(service, NOBODY, given_name="Ada"),
            suspend(service, NOBODY),
            service.get(f"/v1/members/{NOBODY}/audit"),
            service.get(f"/v1/members/{NOBODY}/export"),
            service.get(f"/v1/members/{NOBODY}/card"),
            service.get(f"/v1/members/{NOBODY}/preferences"),
        ):
            assert refused(answer) == (404, "member_not_found")


# --- what rules know


def test_rules_know_what_was_said_when_joining(service: Service) -> None:
    people(service)
    joined(service, email="ada@example.com", segments=["vip"], birth_date="1990-11-21", attributes={"records": 101})
    assert {rule: applied for rule, applied in earned(service).items() if rule in {"vips", "birthdays", "fans"}} == {
        "vips": True,
        "birthdays": True,
        "fans": True,
    }


@pytest.mark.parametrize(
    ("rule", "to", "back"),
    [
        ("vips", {"segments": ["early", "vip"]}, {"segments": ["early"]}),
        ("birthdays", {"birth_date": "1990-11-21"}, {"birth_date": "1990-11-22"}),
        ("birthdays", {"birth_date": "1990-11-21"}, {"birth_date": None}),
        ("fans", {"attributes": {"records": 101}}, {"attributes": {"records": 100}}),
        ("fans", {"attributes": {"records": 101}}, {"attributes": {"records": None}}),
    ],
)
def test_a_change_reaches_the_rules_of_the_next_purchase(service: Service, rule: str, to: Json, back: Json) -> None:
    people(service)
    ada = joined(service)
    assert earned(service, "r-1")[rule] is False
    change(service, ada, "c-1", **to)
    assert earned(service, "r-2")[rule] is True
    change(service, ada, "c-2", **back)
    assert earned(service, "r-3")[rule] is False
    assert drift(service, ada) is None


# --- a complete profile


def test_a_profile_that_becomes_complete_earns_once(service: Service) -> None:
    people(service)
    ada = joined(service)
    service.settle()
    before = balance(service, ada)["active"]

    change(service, ada, "c-0", attributes={"records": 7})
    change(service, ada, "c-1", given_name="Ada", birth_date="1990-12-10")
    assert "PointsEarned" not in types(service.settle())
    change(service, ada, "c-2", attributes={"favourite": "Caravan"})
    told = service.settle()
    assert types(told) == ["MemberUpdated", "PointsEarned", "EmailDue"]
    assert told[0]["detail"]["data"]["fields"] == ["attributes", "completed"]
    assert balance(service, ada)["active"] == before + 25

    change(service, ada, "c-3", given_name=None, attributes={"favourite": None})
    change(service, ada, "c-4", given_name="Augusta", attributes={"favourite": "Gong"})
    for event in told * 2:
        service.hand("functions.accrual.on_loyalty_event", [event])
    assert types(service.settle()) == ["MemberUpdated", "MemberUpdated"]
    assert balance(service, ada)["active"] == before + 25


def test_a_profile_that_is_complete_from_the_first_day_earns_once(service: Service) -> None:
    people(service)
    ada = joined(service, **WHOLE)
    told = service.settle()
    assert told[0]["detail"]["data"]["profile_complete"] is True
    assert balance(service, ada)["active"] == 10 + 25

    change(service, ada, "c-1", given_name=None)
    change(service, ada, "c-2", given_name="Ada")
    service.settle()
    assert balance(service, ada)["active"] == 10 + 25


def test_nobody_can_say_that_a_profile_is_complete(service: Service) -> None:
    people(service)
    joined(service)
    body = {"id": "a-1", "member": {"email": "ada@example.com"}, "type": "profile_completed", "attributes": {}}
    with service.unchanged():
        answer = service.post("/v1/activities", {**body, "occurred_at": service.clock().isoformat()})
        assert answer.status == 422


def test_a_programme_does_not_declare_what_happens_by_itself(service: Service) -> None:
    text = PEOPLE.replace("\n  - {id: visit,", "\n  - {id: profile_completed, text: {en: A, fr: A}}\n  - {id: visit,")
    answer = service.call("POST", "/v1/program/versions", {"text": text})
    assert refused(answer) == (422, "invalid")


# --- consents

YES: Json = {"channel": "email", "purpose": "marketing", "given": True, "how": "web-form", "wording": "2026-03"}


def prefer(service: Service, member: str, key: str, *consents: Json) -> Answer:
    headers = {"idempotency-key": key}
    path = f"/v1/members/{member}/preferences"
    return service.call("PUT", path, {"consents": list(consents)}, headers=headers, as_documented=False)


def test_a_consent_is_kept_with_when_how_and_to_which_wording(service: Service) -> None:
    ada = joined(service)
    assert service.get(f"/v1/members/{ada}/preferences").body == {"consents": []}

    answer = prefer(service, ada, "p-1", YES)

    assert answer.body == {"consents": [{**YES, "at": "2026-11-21T10:00:00Z"}]}
    assert service.get(f"/v1/members/{ada}/preferences").body == answer.body


def test_a_consent_is_withdrawn_and_the_others_stay(service: Service) -> None:
    ada = joined(service)
    sms = {**YES, "channel": "sms"}
    prefer(service, ada, "p-1", YES, sms)
    service.clock.move(days=1)

    answer = prefer(service, ada, "p-2", {**YES, "given": False, "how": "till", "wording": "2026-04"})

    assert answer.body["consents"] == [
        {**YES, "given": False, "how": "till", "wording": "2026-04", "at": "2026-11-22T10:00:00Z"},
        {**sms, "at": "2026-11-21T10:00:00Z"},
    ]
    [withdrawn, given] = audit(service, ada)
    assert (withdrawn["before"], withdrawn["after"]) == ({"email/marketing": "given"}, {"email/marketing": "not given"})
    assert (given["before"], given["after"]) == ({}, {"email/marketing": "given", "sms/marketing": "given"})
    assert withdrawn["fields"] == given["fields"] == ["consents"]


def test_a_repeated_consent_keeps_its_day_and_its_key(service: Service) -> None:
    ada = joined(service)
    first = prefer(service, ada, "p-1", YES)
    service.clock.move(days=1)
    with service.unchanged():
        again = prefer(service, ada, "p-1", YES)
        reused = prefer(service, ada, "p-1", {**YES, "given": False})
    assert (again.replayed, again.body) == (True, first.body)
    assert refused(reused) == (422, "operation_id_reused")


@pytest.mark.parametrize(
    "consents",
    [
        [],
        [{**YES, "channel": "pigeon"}],
        [{**YES, "purpose": "anything"}],
        [{**YES, "how": ""}],
        [{**YES, "wording": ""}],
        [{**YES, "given": "yes"}],
        [{**YES, "at": "2020-01-01T00:00:00Z"}],
        [{name: value for name, value in YES.items() if name != "wording"}],
        [YES] * 21,
    ],
)
def test_a_consent_that_says_too_little_is_none(service: Service, consents: list[Json]) -> None:
    ada = joined(service)
    with service.unchanged():
        assert refused(prefer(service, ada, "p-1", *consents)) == (422, "invalid")


# --- suspended


@pytest.fixture
def held(service: Service) -> tuple[str, str]:
    """Ada, who has bought for 150 dollars and has 100 points set aside: her id, and the redemption's."""
    people(service)
    ada = joined(service)
    buy(service, "receipt-0", 150)
    body = {"member": {"id": ada}, "reward_id": "voucher-5", "capture": False}
    return ada, service.post("/v1/redemptions", body, key="hold").body["redemption_id"]


def test_who_is_suspended_earns_and_spends_nothing(service: Service, held: tuple[str, str]) -> None:
    ada, redemption = held
    now = service.clock().isoformat()

    answer = suspend(service, ada)

    assert (answer.status, answer.body["status"]) == (200, "suspended")
    before = balance(service, ada)
    whose = {"member": {"id": ada}}
    for refusal in (
        buy(service),
        service.post("/v1/activities", {"id": "a-1", **whose, "type": "visit", "occurred_at": now, "attributes": {}}),
        service.post("/v1/redemptions", {**whose, "reward_id": "voucher-1", "capture": True}, key="r-1"),
        service.post("/v1/redemptions", {**whose, "reward_id": "voucher-1", "capture": False}, key="r-2"),
        service.call("POST", f"/v1/redemptions/{redemption}/capture"),
    ):
        assert refused(refusal) == (409, "member_suspended")
    assert balance(service, ada) == before


def test_what_was_before_goes_on_for_who_is_suspended(service: Service, held: tuple[str, str]) -> None:
    ada, redemption = held
    before = balance(service, ada)
    suspend(service, ada)

    assert service.call("POST", f"/v1/redemptions/{redemption}/cancel").status == 200
    assert balance(service, ada)["active"] == before["active"] + 100
    adjustment = {"id": "adj-1", "points": 5, "reason": "goodwill"}
    assert service.post(f"/v1/members/{ada}/adjustments", adjustment).status == 201
    assert give_back(service, "receipt-0").status == 201
    assert change(service, ada, given_name="Ada").status == 200
    assert service.get(f"/v1/members/{ada}/balance").status == 200
    assert shown(service, ada)["status"] == "suspended"
    assert drift(service, ada) is None


def test_an_event_about_who_is_suspended_is_refused_on_the_bus(service: Service) -> None:
    suspend(service, joined(service))
    assert service.send("PurchaseCompleted", a_purchase(dollars=40)) == []
    [refusal] = [event for event in service.on_bus() if event["detail-type"] == "OperationRefused"]
    assert refusal["detail"]["data"]["problem"]["code"] == "member_suspended"


def test_who_is_reinstated_earns_and_spends_again(service: Service, held: tuple[str, str]) -> None:
    ada, redemption = held
    suspend(service, ada)
    assert buy(service, "receipt-1").status == 409

    assert reinstate(service, ada).body["status"] == "active"

    assert buy(service, "receipt-2").status == 201
    assert service.call("POST", f"/v1/redemptions/{redemption}/capture").status == 200
    assert drift(service, ada) is None


def test_why_somebody_was_suspended_is_in_the_audit_and_not_on_the_bus(service: Service) -> None:
    ada = joined(service)
    suspend(service, ada)
    reinstate(service, ada)

    told = [event for event in service.settle() if event["detail-type"].startswith("Member")][1:]

    assert [(event["detail-type"], event["detail"]["data"]["status"]) for event in told] == [
        ("MemberSuspended", "suspended"),
        ("MemberReinstated", "active"),
    ]
    assert "fraud" not in json.dumps(told)
    assert [(one["what"], one["before"], one["after"]) for one in audit(service, ada)] == [
        ("MemberReinstated", {"status": "suspended"}, {"status": "active", "reason": "cleared"}),
        ("MemberSuspended", {"status": "active"}, {"status": "suspended", "reason": "fraud"}),
    ]


@pytest.mark.parametrize("reason", [None, "", "he shouted at us", 1])
def test_a_suspension_has_a_reason_that_is_a_code(service: Service, reason: object) -> None:
    ada = joined(service)
    with service.unchanged():
        body = {} if reason is None else {"reason": reason}
        answer = service.post(f"/v1/members/{ada}/suspend", body, key="s-1", as_documented=False)
        assert refused(answer) == (422, "invalid")


def test_a_purchase_and_a_suspension_at_once_end_in_one_order(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = joined(service)
    meanwhile(monkeypatch, lambda: suspend(service, ada))
    assert refused(buy(service)) == (409, "member_suspended")
    assert balance(service, ada)["active"] == 0


# --- told, and asked


def values_of(body: object) -> list[str]:
    """Every text that stands in a profile."""
    if isinstance(body, dict):
        return [value for part in body.values() for value in values_of(part)]
    if isinstance(body, list):
        return [value for part in body for value in values_of(part)]
    return [body] if isinstance(body, str) else []


def test_an_event_names_fields_and_carries_no_value(service: Service) -> None:
    people(service)
    ada = joined(service, card="RC-0000")
    service.settle()

    change(service, ada, **WHOLE)
    prefer(service, ada, "p-1", YES)
    told = service.settle()

    changes = [event["detail"]["data"] for event in told if event["detail-type"] == "MemberUpdated"]
    assert [one["fields"] for one in changes] == [sorted([*WHOLE, "completed"]), ["consents"]]
    text = json.dumps(told)
    assert [value for value in values_of(WHOLE) if f'"{value}"' in text] == []


def test_the_audit_tells_who_changed_what_and_when_and_masks_what_is_personal(service: Service) -> None:
    people(service)
    ada = joined(service, card="RC-0000")
    service.clock.move(hours=1)

    change(service, ada, client="desk-client", **WHOLE)

    [entry] = audit(service, ada)
    assert entry.pop("recorded_at") == "2026-11-21T12:00:00Z"
    after = entry.pop("after")
    assert {**entry, "before": None} == {
        "n": 1,
        "what": "MemberUpdated",
        "fields": sorted([*WHOLE, "completed"]),
        "before": None,
        "source": "desk-client",
    }
    masked = {"email", "phone", "card", "external_id", "given_name", "family_name", "birth_date", "attributes"}
    masked |= {"country", "time_zone"}
    assert not masked & (set(after) | set(entry["before"]))
    text = json.dumps([after, entry])
    hidden = [value for name in masked for value in values_of(WHOLE[name])]
    assert len(hidden) == 10
    assert [value for value in hidden if f'"{value}"' in text] == []


def test_the_audit_is_read_in_pages_and_holds_nothing_else(service: Service) -> None:
    people(service)
    ada = joined(service)
    for i in range(5):
        change(service, ada, f"c-{i}", given_name=f"Ada {i}")
        assert buy(service, f"r-{i}").status == 201

    pages: list[list[int]] = []
    cursor = None
    while len(pages) < 10:
        page = service.get(f"/v1/members/{ada}/audit", limit="2", **({"cursor": cursor} if cursor else {})).body
        pages.append([one["n"] for one in page["items"]])
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert pages == [[9, 7], [5, 3], [1]]
    assert audit(service, ada)[0]["n"] == 9
    assert refused(service.get(f"/v1/members/{ada}/audit", cursor="nonsense"))[0] == 422


def test_a_change_is_in_the_statement_and_changes_no_points(service: Service) -> None:
    ada = joined(service)
    buy(service)
    change(service, ada, given_name="Ada")

    [latest, _bought] = service.get(f"/v1/members/{ada}/ledger").body["items"]

    assert (latest["kind"], latest["operation"]["kind"], latest["operation"]["id"]) == ("changed", "change", "change-1")
    assert latest["points"] == 0
    assert balance(service, ada)["active"] == 40
    assert "Ada" not in json.dumps(latest)
