"""Hashes tell a repeat from another payload, and no address can be guessed from one when its member has left."""

import json
from typing import Any

import pytest
from pydantic import BaseModel

from functions.accrual.contract import ActivityIn, PurchaseIn
from functions.enrolment.contract import MemberIn, MemberPatchIn
from functions.redemption.contract import RedemptionIn
from functions.runtime.validation import payload_hash_of
from tests.functional.conftest import Answer, Json, Service
from tests.functional.factories import a_purchase
from tests.functional.people import change, found, joined, leave, people, refused

ADA: Json = {"email": "ada@example.com", "phone": "+33612345678"}
GRACE: Json = {"email": "grace@example.com"}
BY_EMAIL, BY_PHONE = {"email": ADA["email"]}, {"phone": ADA["phone"]}
LATER: Json = {"email": "countess@example.org"}


def buy(service: Service, id: str, member: Json, dollars: int = 120) -> Answer:
    return service.post("/v1/purchases", purchase(service, id, member, dollars))


def purchase(service: Service, id: str, member: Json, dollars: int = 120) -> Json:
    return a_purchase(dollars, id=id, member=member, occurred_at=service.clock().isoformat())


def review(service: Service, id: str, member: Json) -> Json:
    now = service.clock().isoformat()
    return {"id": id, "member": member, "type": "visit", "occurred_at": now, "attributes": {}}


def redeem(service: Service, key: str, member: Json, reward: str = "voucher-1") -> Answer:
    return service.post("/v1/redemptions", {"member": member, "reward_id": reward}, key=key)


def merge(service: Service, gone: str, into: str, key: str = "merge-1") -> None:
    assert service.post(f"/v1/members/{gone}/merge", {"into": into}, key=key).status == 200


def guess(model: type[BaseModel], body: Json, of: str = "") -> str:
    """The hash of a whole body, as whoever tries an address would make it."""
    whole = model.model_validate(body).model_dump(mode="json", exclude_defaults=True)
    return payload_hash_of(of + json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=False))


def all_hashes(service: Service) -> set[str]:
    def within(value: object) -> set[str]:
        if isinstance(value, dict):
            return {text for one in value.values() for text in within(one)}
        if isinstance(value, list):
            return {text for one in value for text in within(one)}
        return {value} if isinstance(value, str) and len(value) == 32 else set()

    return within([service.items(table) for table in service.tables()])


def test_no_hash_that_is_left_of_who_has_left_can_be_guessed(service: Service) -> None:
    people(service)
    ada, taken = joined(service, **ADA), joined(service, "grace", **GRACE)
    service.clock.move(minutes=1)
    assert redeem(service, "w-1", BY_EMAIL).status == 409
    bodies: list[tuple[type[BaseModel], Json, str]] = [(MemberIn, ADA, "")]
    for i, member in enumerate((BY_EMAIL, BY_PHONE)):
        bought, done = purchase(service, f"r-{i}", member), review(service, f"a-{i}", member)
        batched, told = purchase(service, f"batch-{i}", member), purchase(service, f"bus-{i}", member)
        assert service.post("/v1/purchases", bought).status == 201
        assert service.post("/v1/activities", done).status == 201
        assert service.post("/v1/batches", {"operations": [{"purchase": batched}]}).body["results"][0]["status"] == 201
        assert service.send("PurchaseCompleted", told, event_id=f"event-{i}") == []
        bodies += [(PurchaseIn, one, "") for one in (bought, batched, told)] + [(ActivityIn, done, "")]
        assert redeem(service, f"v-{i}", member).status == 201
        bodies.append((RedemptionIn, {"member": member, "reward_id": "voucher-1"}, ""))
    changes = {"c-1": GRACE, "c-2": LATER, "c-3": {"email": ADA["email"], "given_name": "Ada"}, "c-4": {"phone": None}}
    for key, to in changes.items():
        assert change(service, ada, key, **to).status == (409 if to is GRACE else 200)
        bodies.append((MemberPatchIn, to, ada))
    bodies.append((MemberPatchIn, LATER, ada))
    guesses = {guess(*one) for one in bodies}
    # The member's id stands beside every hash: who guesses has it too.
    guesses |= {payload_hash_of(f"{who} {one}") for one in guesses for who in (ada, "")}
    salts = {one["salt"] for one in service.items("members") if "salt" in one}
    assert all_hashes(service) & guesses, "the enrolment's, while the member is there"

    leave(service, ada)
    assert change(service, ada, "c-5", **LATER).status == 409

    left = all_hashes(service)
    assert left & guesses == set()
    assert len(left & salts) == 1, "that of who has not left"
    assert found(service, **GRACE) == taken


def test_the_salt_of_who_was_merged_is_gone_and_nobody_is_shown_one(service: Service) -> None:
    ada, grace = joined(service, **ADA), joined(service, "grace", **GRACE)
    [of_ada, of_grace] = [
        one["salt"] for id in (ada, grace) for one in service.items("members") if one["key"] == f"M#{id}"
    ]
    for path in (f"/v1/members/{ada}", f"/v1/members/{ada}/export", f"/v1/members/{ada}/audit"):
        assert of_ada not in json.dumps(service.get(path).body)
    merge(service, ada, grace)
    everything = json.dumps(service.tables())
    assert (of_ada in everything, of_grace in everything) == (False, True)


def operations(service: Service) -> dict[str, Any]:
    return {
        "purchase": lambda member: buy(service, "r-1", member),
        "activity": lambda member: service.post("/v1/activities", review(service, "a-1", member)),
        "redemption": lambda member: redeem(service, "v-1", member),
        "refused": lambda member: redeem(service, "v-1", member, "voucher-5"),
    }


EVERY = pytest.mark.parametrize("kind", ["purchase", "activity", "redemption", "refused"])


def two(service: Service, kind: str) -> tuple[Any, str, str]:
    """What is to be sent again and again, and two members who can afford it, or cannot."""
    people(service)
    ada, grace = joined(service, **ADA), joined(service, "grace", **GRACE)
    service.clock.move(minutes=1)
    if kind == "redemption":
        for name, id in (("ada", ada), ("grace", grace)):
            assert buy(service, f"before-{name}", {"id": id}).status == 201
    return operations(service)[kind], ada, grace


@EVERY
def test_another_address_of_the_same_member_is_a_repeat_and_that_of_another_is_not(service: Service, kind: str) -> None:
    send, _, _ = two(service, kind)
    first = send(BY_EMAIL)
    assert (first.status, first.replayed) == (409 if kind == "refused" else 201, False)
    with service.unchanged():
        again, by_phone, by_another = send(BY_EMAIL), send(BY_PHONE), send(GRACE)
    assert (again.status, again.body, again.replayed) == (first.status, first.body, True)
    assert by_phone == again
    assert refused(by_another) == (422, "operation_id_reused")


@EVERY
def test_a_repeat_after_a_merge_is_answered_as_the_first_time(service: Service, kind: str) -> None:
    send, ada, grace = two(service, kind)
    third = joined(service, "third", email="third@example.com")
    first = send(BY_EMAIL)
    for gone, into in ((ada, grace), (grace, third)):
        merge(service, gone, into, key=f"merge-{gone}")
        with service.unchanged():
            again, by_another = send(BY_EMAIL), send(GRACE)
        assert (again.status, again.body, again.replayed) == (first.status, first.body, True)
        assert refused(by_another) == (422, "operation_id_reused")


@EVERY
def test_a_repeat_after_the_member_has_left_is_answered_as_the_first_time(service: Service, kind: str) -> None:
    """Of a refusal nothing tells any more whose it was: the member is not found."""
    send, ada, _ = two(service, kind)
    first = send(BY_EMAIL)
    leave(service, ada)
    with service.unchanged():
        again, by_another = send(BY_EMAIL), send(GRACE)
    if kind == "refused":
        assert refused(again) == (404, "member_not_found")
    else:
        assert (again.status, again.body, again.replayed) == (first.status, first.body, True)
    assert refused(by_another) == (422, "operation_id_reused")


def test_another_content_stays_another_also_when_the_address_is_nobodys(service: Service) -> None:
    ada = joined(service, **ADA)
    buy(service, "r-1", BY_EMAIL)
    change(service, ada, email=None)
    assert buy(service, "r-1", BY_EMAIL).replayed
    assert refused(buy(service, "r-1", BY_EMAIL, dollars=7)) == (422, "operation_id_reused")
    assert refused(buy(service, "r-1", {"id": ada})) == (422, "operation_id_reused")


def test_an_address_that_moved_on_names_its_new_member(service: Service) -> None:
    ada, grace = joined(service, **ADA), joined(service, "grace", **GRACE)
    buy(service, "r-1", BY_EMAIL)
    change(service, ada, "c-1", email=None)
    change(service, grace, "c-2", email=ADA["email"])
    assert refused(buy(service, "r-1", BY_EMAIL)) == (422, "operation_id_reused")
    assert buy(service, "r-2", BY_EMAIL).body["entry"]["member_id"] == grace


def test_a_refused_change_is_refused_again_and_another_under_its_key_is_not_it(service: Service) -> None:
    ada, grace = joined(service, **ADA), joined(service, "grace", **GRACE)
    first = change(service, ada, "c-1", **GRACE)
    leave(service, grace)
    with service.unchanged():
        again = change(service, ada, "c-1", **GRACE)
        assert refused(change(service, ada, "c-1", **LATER)) == (422, "operation_id_reused")
    assert refused(first) == (409, "member_exists")
    assert (again.status, again.body, again.replayed) == (409, first.body, True)
    assert change(service, ada, "c-2", **GRACE).status == 200


def test_what_is_sent_to_change_who_has_left_is_refused_the_same_whatever_it_is(service: Service) -> None:
    ada = joined(service, **ADA)
    leave(service, ada)
    first, again = change(service, ada, "c-1", **LATER), change(service, ada, "c-1", given_name="Eve")
    assert refused(first) == refused(again) == (409, "member_closed")
    assert again.replayed
