"""Who may join, and who sent whom."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from functions.ledger.identity import Identity
from tests.functional.conftest import Answer, Json, Service
from tests.functional.engaged import types
from tests.functional.factories import a_purchase
from tests.functional.people import (
    PEOPLE,
    balance,
    change,
    drift,
    join,
    joined,
    leave,
    people,
    refused,
    shown,
    suspend,
    wrong,
)


def only(service: Service, *conditions: str) -> Service:
    """The programme with these conditions for who may join. Now is 21 November 2026, 11:00 UTC."""
    return people(service, PEOPLE.replace("\nmembers:", "\nmembers:\n  joining: {" + ", ".join(conditions) + "}"))


CASES: list[tuple[str, str, Json, Json]] = [
    ("first_day: 2026-11-22", "not_open_yet", {}, {}),
    ("last_day: 2026-11-20", "closed", {}, {}),
    ("countries: [FR, BE]", "country", {"country": "DE"}, {"country": "BE"}),
    ("countries: [FR, BE]", "country", {}, {"country": "FR"}),
    ("minimum_age: 16", "minimum_age", {"birth_date": "2010-11-22"}, {"birth_date": "2010-11-21"}),
    ("minimum_age: 16", "minimum_age", {}, {"birth_date": "1990-01-01"}),
    ("invite_codes: [early-bird, friend]", "invite_code", {"invite_code": "late-bird"}, {"invite_code": "friend"}),
    ("invite_codes: [early-bird, friend]", "invite_code", {}, {"invite_code": "early-bird"}),
]


@pytest.mark.parametrize(("condition", "reason", "without", "with_it"), CASES)
def test_who_does_not_meet_a_condition_cannot_join_and_is_told_which(
    service: Service, condition: str, reason: str, without: Json, with_it: Json
) -> None:
    only(service, condition)
    with service.unchanged():
        answer = join(service, email="ada@example.com", **without)
    assert (*refused(answer), answer.body["reason"]) == (409, "joining_refused", reason)
    if with_it:
        assert join(service, email="ada@example.com", **with_it).status == 201


@pytest.mark.parametrize(
    ("days", "reason"),
    [(0, "not_open_yet"), (1, None), (2, None), (3, "closed")],
    ids=["before", "on", "last", "after"],
)
def test_both_days_are_days_on_which_one_can_join(service: Service, days: int, reason: str | None) -> None:
    only(service, "first_day: 2026-11-22", "last_day: 2026-11-23")
    service.clock.move(days=days)
    answer = join(service)
    assert (answer.status, answer.body.get("reason")) == ((409, reason) if reason else (201, None))


def test_the_days_are_those_of_the_programme_s_time_zone(service: Service) -> None:
    text = PEOPLE.replace("\nmembers:", "\ntime_zone: Pacific/Auckland\nmembers:\n  joining: {first_day: 2026-11-22}")
    people(service, text)
    assert join(service).status == 201, "it is the 22nd there already"


def test_who_was_born_on_29_february_is_older_on_1_march(service: Service) -> None:
    only(service, "minimum_age: 18")
    service.clock.move(days=464)  # 28 February 2028
    body: Json = {"email": "ada@example.com", "birth_date": "2010-03-01"}
    assert f"{service.clock():%m-%d}" == "02-28"
    assert join(service, **body).body["reason"] == "minimum_age"
    service.clock.move(days=1)
    assert join(service, **body).body["reason"] == "minimum_age"
    service.clock.move(days=1)
    assert join(service, **body).status == 201


def test_conditions_must_hold_all_together(service: Service) -> None:
    only(service, "countries: [FR]", "minimum_age: 18", "invite_codes: [friend]")
    body: Json = {"email": "ada@example.com", "country": "FR", "birth_date": "1990-01-01", "invite_code": "friend"}
    for name in ("country", "birth_date", "invite_code"):
        less = {key: value for key, value in body.items() if key != name}
        assert refused(join(service, **less)) == (409, "joining_refused")
    assert join(service, **body).status == 201


def place(email: str) -> int:
    """Of a hundred, by what the person is known by."""
    digest = hashlib.sha256(f"joining\n{Identity('email', email).claim_key()}".encode()).digest()
    return int.from_bytes(digest[:8]) % 100


def test_a_percentage_lets_the_same_people_in_as_it_grows(service: Service) -> None:
    people_there = [f"p{i}@example.com" for i in range(30)]
    inside: dict[int, set[str]] = {}
    for percent in (0, 30, 60, 100):
        only(service, f"percent: {percent}")
        answers = {one: join(service, f"{percent}-{one.split('@')[0]}", email=one) for one in people_there}
        inside[percent] = {one for one, answer in answers.items() if answer.body.get("reason") != "percent"}
        assert {answer.status for answer in answers.values()} <= {201, 409}
        assert inside[percent] == {one for one in people_there if place(one) < percent}
    assert inside[0] == set()
    assert inside[30] < inside[60] < inside[100] == set(people_there)


def test_a_refused_person_is_refused_under_another_key_and_may_join_when_it_opens(service: Service) -> None:
    only(service, "first_day: 2026-11-22")
    assert join(service, "join-1").status == join(service, "join-2").status == 409
    service.clock.move(days=1)
    assert join(service, "join-1").status == 201


@pytest.mark.parametrize(
    "condition", ["last_day: 2026-11-20", "countries: [FR]", "minimum_age: 99", "percent: 0", "invite_codes: [friend]"]
)
def test_who_joined_is_answered_as_then_whatever_holds_by_now(service: Service, condition: str) -> None:
    people(service)
    first = join(service)
    only(service, condition)

    with service.unchanged():
        again = join(service)
        reused = join(service, email="grace@example.com")

    assert (again.status, again.replayed, again.body) == (201, True, first.body)
    assert refused(reused) == (422, "operation_id_reused")
    assert join(service, "join-2", email="grace@example.com").status == 409


def test_a_refusal_of_an_enrolment_over_the_bus_is_told(service: Service) -> None:
    only(service, "invite_codes: [friend]")
    body = {"email": "ada@example.com", "idempotency_key": "k-1"}
    assert service.send("MemberEnrolmentRequested", body) == []
    [event] = service.on_bus()
    problem = event["detail"]["data"]["problem"]
    assert (event["detail-type"], problem["code"], problem["reason"]) == (
        "OperationRefused",
        "joining_refused",
        "invite_code",
    )
    assert service.items("accounts") == []


# --- referral


def buy(service: Service, id: str, dollars: int = 40, email: str = "grace@example.com", **more: Any) -> Answer:
    body = a_purchase(dollars, id=id, member={"email": email}, occurred_at=service.clock().isoformat())
    return service.post("/v1/purchases", {**body, **more})


def friends(service: Service) -> tuple[str, str]:
    """Ada, and Grace who joined with Ada's code."""
    people(service)
    ada = join(service).body
    return ada["member_id"], joined(service, "grace", email="grace@example.com", referral_code=ada["referral_code"])


def test_a_friend_and_who_sent_the_friend_are_both_rewarded(service: Service) -> None:
    ada, grace = friends(service)
    service.settle()
    assert (balance(service, ada)["active"], balance(service, grace)["active"]) == (10, 10)

    buy(service, "r-1")
    told = service.settle()

    assert "ReferralCompleted" in types(told)
    assert (balance(service, ada)["active"], balance(service, grace)["active"]) == (10 + 30, 10 + 40 + 20)
    buy(service, "r-2", dollars=5)
    service.settle()
    assert (balance(service, ada)["active"], balance(service, grace)["active"]) == (40, 75)
    assert drift(service, ada) is drift(service, grace) is None


def typed_as(code: str) -> dict[str, str]:
    return {
        "small": code.lower(),
        "without hyphens": code.replace("-", ""),
        "with spaces": code.replace("-", " "),
        "O for 0": code.replace("0", "O"),
        "o for 0": code.replace("0", "o"),
        "I for 1": code.replace("1", "I"),
        "l for 1": code.replace("1", "l"),
    }


@pytest.mark.parametrize("how", ["small", "without hyphens", "with spaces", "O for 0", "o for 0", "I for 1", "l for 1"])
def test_a_code_is_understood_however_it_is_typed(service: Service, how: str) -> None:
    people(service)
    everybody = (join(service, f"ada-{i}", email=f"ada{i}@example.com").body for i in range(30))
    ada = next(one for one in everybody if {"0", "1"} <= set(one["referral_code"]))
    typed = typed_as(ada["referral_code"])[how]
    assert typed != ada["referral_code"]

    grace = joined(service, "grace", email="grace@example.com", referral_code=typed)

    buy(service, "r-1")
    told = service.settle()
    [completed] = [event["detail"]["data"] for event in told if event["detail-type"] == "ReferralCompleted"]
    assert (completed["member_id"], completed["referrer_id"]) == (grace, ada["member_id"])


def test_a_code_is_the_member_s_own_and_stays(service: Service) -> None:
    people(service)
    codes = {join(service, f"j-{i}", email=f"a{i}@example.com").body["referral_code"] for i in range(20)}
    assert len(codes) == 20
    assert all(len(code) == 14 and not set(code) & set("ILOU") for code in codes)
    ada = join(service, "j-0", email="a0@example.com").body
    change(service, ada["member_id"], email="other@example.com")
    assert shown(service, ada["member_id"])["referral_code"] == ada["referral_code"]


@pytest.mark.parametrize("state", [suspend, leave], ids=["suspended", "closed"])
def test_the_code_of_who_is_not_active_is_nobody_s(service: Service, state: Callable[..., Answer]) -> None:
    people(service)
    ada = join(service).body
    assert state(service, ada["member_id"]).status == 200
    with service.unchanged():
        answer = join(service, "grace", email="grace@example.com", referral_code=ada["referral_code"])
        assert wrong(answer) == [("/referral_code", "unknown_code")]


@pytest.mark.parametrize("code", ["AAAA-BBBB-CCCC", "0000", "----", "A B C D"])
def test_a_code_of_nobody_is_refused(service: Service, code: str) -> None:
    people(service)
    joined(service)
    with service.unchanged():
        answer = join(service, "grace", email="grace@example.com", referral_code=code)
        assert wrong(answer) == [("/referral_code", "unknown_code")]


@pytest.mark.parametrize("code", ["", "ABC", "A" * 21, 1234])
def test_what_is_no_code_is_refused(service: Service, code: object) -> None:
    people(service)
    with service.unchanged():
        [(pointer, _)] = wrong(join(service, email="ada@example.com", referral_code=code))
        assert pointer == "/referral_code"


def test_nobody_sends_themselves(service: Service) -> None:
    """The code comes from the id, which a partner could foretell; nobody has it before the member is there."""
    people(service)
    code = join(service, "foretold", email="other@example.com").body["referral_code"]
    again = join(service, "foretold", email="other@example.com", referral_code=code)
    assert refused(again) == (422, "operation_id_reused")


def test_a_code_is_taken_over_the_bus_as_well(service: Service) -> None:
    people(service)
    ada = join(service).body
    body = {"email": "grace@example.com", "referral_code": ada["referral_code"], "idempotency_key": "k-1"}
    assert service.send("MemberEnrolmentRequested", body) == []
    service.settle()
    buy(service, "r-1")
    service.settle()
    assert balance(service, ada["member_id"])["active"] == 10 + 30


def test_who_joined_before_there_were_referrals_can_refer_after_the_next_change(service: Service) -> None:
    ada = joined(service)
    assert shown(service, ada)["referral_code"] is None
    people(service)

    code = change(service, ada, given_name="Ada").body["referral_code"]

    joined(service, "grace", email="grace@example.com", referral_code=code)
    buy(service, "r-1")
    service.settle()
    assert balance(service, ada)["active"] == 30


@pytest.mark.parametrize("state", [suspend, leave], ids=["suspended", "closed"])
def test_a_referral_of_who_is_not_active_by_then_rewards_the_friend_and_is_refused_to_the_other(
    service: Service, state: Callable[..., Answer]
) -> None:
    ada, grace = friends(service)
    service.settle()
    state(service, ada)
    before = balance(service, ada)

    assert buy(service, "r-1").status == 201
    told = service.settle()

    assert balance(service, ada) == before
    assert balance(service, grace)["active"] == 10 + 40 + 20
    assert types(told).count("OperationRefused") == 1
    assert drift(service, ada) is None


@pytest.mark.parametrize("state", [suspend, leave], ids=["suspended", "closed"])
def test_a_referral_is_taken_back_also_where_who_sent_the_friend_is_not_active(
    service: Service, state: Callable[..., Answer]
) -> None:
    ada, _ = friends(service)
    buy(service, "r-1")
    service.settle()
    state(service, ada)
    left = balance(service, ada)["active"]

    answer = service.post("/v1/purchases/r-1/returns", {"id": "ret-1", "occurred_at": service.clock().isoformat()})
    service.settle()

    assert answer.status == 201
    assert balance(service, ada)["active"] == (left - 30 if state is suspend else 0)
    assert drift(service, ada) is None
