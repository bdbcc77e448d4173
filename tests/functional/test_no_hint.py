"""Who may not read members gets no hint whether an e-mail address or a phone number is a member's."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.functional.conftest import EVERYTHING, Answer, Json, Service
from tests.functional.factories import a_purchase
from tests.functional.people import change, joined, people

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
    return service.post("/v1/members", profile, key=key, scopes=MINE)


def test_nobody_is_enrolled_by_an_address_without_the_scope(service: Service) -> None:
    """What came of it could be found out later, by whatever else was sent along."""
    joined(service, **ADA)
    before = service.tables()
    answers = [join(service, f"key-{i}", card="RC-1", **address) for i, address in enumerate(BOTH)]

    assert (answers[0].status, answers[0].body["code"]) == (403, "scope_missing")
    assert answers == [answers[0]] * len(BOTH)
    assert service.tables() == before


def test_by_a_card_somebody_is_enrolled_without_the_scope(service: Service) -> None:
    assert join(service, "new", card="RC-1").status == 201
    assert join(service, "another", card="RC-1").body["code"] == "member_exists"


def test_a_profile_is_changed_and_an_address_removed_without_the_scope(service: Service) -> None:
    ada = joined(service, **ADA)
    path, body = f"/v1/members/{ada}", {"given_name": "Ada", "email": None}
    answer = service.call("PATCH", path, body, headers={"idempotency-key": "c-1"}, scopes=MINE)
    assert (answer.status, answer.body["email"]) == (200, None)
    assert change(service, ada, "c-2", email="ada@example.com").status == 200
