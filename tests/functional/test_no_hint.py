"""Who may not read members gets no hint whether an e-mail address or a phone number is a member's."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.functional.conftest import EVERYTHING, Answer, Json, Service
from tests.functional.factories import a_purchase
from tests.functional.people import change, joined, leave, people

MINE = EVERYTHING - {"loyalty/members.read"}
ADA: Json = {"email": "ada@example.com", "phone": "+33612345678", "card": "RC-1815"}
KNOWN = [{"email": "Ada@Example.com"}, {"phone": "+33 6 12 34 56 78"}]
UNKNOWN = [{"email": "nobody@example.com"}, {"phone": "+33612345679"}]
BOTH = [*KNOWN, *UNKNOWN]


def purchase(service: Service, member: Json) -> Answer:
    return service.post("/v1/purchases", a_purchase(10, member=member), scopes=MINE)


def activity(service: Service, member: Json) -> Answer:
    body = {"id": "a-1", "member": member, "type": "visit", "occurred_at": service.clock().isoformat()}
    return service.post("/v1/activities", {**body, "attributes": {}}, scopes=MINE)


def calculation(service: Service, member: Json) -> Answer:
    body = a_purchase(10, member=member)
    del body["id"]
    return service.post("/v1/purchases/calculate", body, scopes=MINE)


def redemption(service: Service, member: Json) -> Answer:
    return service.post("/v1/redemptions", {"member": member, "reward_id": "voucher-5"}, key="r-1", scopes=MINE)


def patch(service: Service, member: Json) -> Answer:
    [card] = [item for item in service.items("members") if item["key"].startswith("I#card")]
    path, headers = f"/v1/members/{card['member']}", {"idempotency-key": "c-1"}
    return service.call("PATCH", path, member, headers=headers, scopes=MINE)


USES = pytest.mark.parametrize("use", [purchase, activity, calculation, redemption, patch])


@USES
def test_an_address_is_answered_the_same_whether_it_is_known_or_not(
    service: Service, use: Callable[[Service, Json], Answer]
) -> None:
    joined(people(service), **ADA)
    with service.unchanged():
        answers = [use(service, address) for address in BOTH]

    assert answers[0].status == 403
    assert answers[0].body["code"] == "scope_missing"
    assert answers == [answers[0]] * len(answers)


@USES
def test_a_card_may_be_named_or_given_by_all(service: Service, use: Callable[[Service, Json], Answer]) -> None:
    joined(people(service), **ADA)
    assert use(service, {"card": "RC-1815"}).status in {200, 201, 409, 422}


def test_the_scope_lets_name_a_member_by_an_address(service: Service) -> None:
    joined(service, **ADA)
    for i, address in enumerate(KNOWN):
        body = a_purchase(10, id=f"r-{i}", member=address)
        assert service.post("/v1/purchases", body, scopes={"loyalty/members.read"}).status == 201


def test_what_was_booked_once_is_no_hint_either(service: Service) -> None:
    joined(service, **ADA)
    service.post("/v1/purchases", a_purchase(10, member={"email": ADA["email"]}))
    assert purchase(service, {"email": ADA["email"]}) == purchase(service, {"email": "nobody@example.com"})


def test_an_operation_of_a_batch_is_answered_the_same_and_keeps_no_other_from_being_booked(service: Service) -> None:
    joined(service, **ADA)

    def send(address: Json) -> Json:
        body = [{"purchase": a_purchase(10, id="r-1", member=address)}, {"purchase": a_purchase(5, id="r-2")}]
        body[1]["purchase"]["member"] = {"card": "RC-1815"}
        answer = service.post("/v1/batches", {"operations": body}, scopes=MINE)
        addressed, by_card = answer.body["results"]
        assert (answer.status, by_card["status"]) == (200, 201)
        return {"headers": answer.headers, "result": addressed}

    first = send(BOTH[0])
    assert (first["result"]["status"], first["result"]["problem"]["code"]) == (403, "scope_missing")
    assert all(send(address) == first for address in BOTH)


def join(service: Service, key: str, **profile: Any) -> Answer:
    return service.post("/v1/members", profile, key=key, scopes=MINE, as_documented=False)


RECEIVED = Answer(202, {"status": "received"}, {"content-type": "application/json"})


def test_an_enrolment_is_answered_the_same_whatever_became_of_it(service: Service) -> None:
    ada = joined(service, **ADA)
    left = joined(service, "left", email="left@example.com")
    leave(service, left)

    for address in BOTH:
        kind = next(iter(address))
        assert (
            join(service, f"{kind}-{address[kind]}".replace("+", "").replace(" ", "").replace("@", "-"), **address)
            == RECEIVED
        )
    assert join(service, "join-1", email="ada@example.com") == RECEIVED, "a key of another body"
    assert join(service, "left", email="left@example.com") == RECEIVED, "a key of who has left"

    found = {address["email"]: service.get("/v1/members", **address) for address in (KNOWN[0], UNKNOWN[0])}
    assert [one.status for one in found.values()] == [200, 200]
    assert found["Ada@Example.com"].body["member_id"] == ada


def test_a_repeat_of_an_enrolment_is_answered_the_same_and_enrols_nobody_else(service: Service) -> None:
    joined(service, **ADA)
    for key, email in (("new", "grace@example.com"), ("known", "ada@example.com")):
        assert join(service, key, email=email) == RECEIVED
        before = service.tables()
        assert join(service, key, email=email) == RECEIVED
        assert service.tables() == before


@pytest.mark.parametrize(
    ("more", "status"), [({"attributes": {"nonsense": 1}}, 422), ({"referral_code": "AAAA-AAAA-AAAA"}, 422)]
)
def test_what_is_wrong_is_told_whoever_is_known(service: Service, more: Json, status: int) -> None:
    """Also under the key of an enrolment: it would tell that it was carried out."""
    joined(people(service), **ADA)
    answers = []
    for key, email in (("known", "ada@example.com"), ("new", "grace@example.com")):
        assert join(service, key, email=email) == RECEIVED
        answers += [join(service, key, email=email, **more), join(service, f"{key}-2", email=email, **more)]

    assert answers[0].status == status
    assert answers == [answers[0]] * len(answers)


def test_whoever_may_not_join_is_told_so_whoever_is_known(service: Service) -> None:
    closed = "\nmembers: {joining: {last_day: 2026-11-20}}\n"
    joined(service, **ADA)
    for key, email in (("known", "ada@example.com"), ("new", "grace@example.com")):
        assert join(service, key, email=email) == RECEIVED
    text = service.get("/v1/program").body["text"]
    people(service, text.replace("\nearning:\n", f"{closed}\nearning:\n"))

    answers = [
        join(service, key, email=email) for key, email in (("known", "ada@example.com"), ("new", "grace@example.com"))
    ]

    assert answers[0].body["code"] == "joining_refused"
    assert answers == [answers[0]] * 2


def test_a_profile_is_changed_and_an_address_removed_without_the_scope(service: Service) -> None:
    ada = joined(service, **ADA)
    path, body = f"/v1/members/{ada}", {"given_name": "Ada", "email": None}
    answer = service.call("PATCH", path, body, headers={"idempotency-key": "c-1"}, scopes=MINE)
    assert (answer.status, answer.body["email"]) == (200, None)
    assert change(service, ada, "c-2", email="ada@example.com").status == 200
