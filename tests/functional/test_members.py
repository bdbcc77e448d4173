"""Members over HTTPS: a person joins once, and every identity is nobody else's."""

import pytest

from functions.enrolment.member import member_id
from tests.functional.conftest import CLIENT, Json, Service
from tests.functional.factories import MEMBER, NOBODY, enrol, problem, without_programme

NOT_SAID: Json = {
    "time_zone": None,
    "birth_date": None,
    "country": None,
    "merged_into": None,
    "referral_code": None,
    "segments": [],
    "attributes": {},
}
ADA: Json = {
    **MEMBER,
    **NOT_SAID,
    "email": "ada@example.com",
    "status": "active",
    "enrolled_at": "2026-11-21T10:00:00Z",
}
MINIMAL = {"email": "grace@example.com"}


def test_a_member_joins_and_is_answered_as_a_whole(service: Service) -> None:
    answer = service.post("/v1/members", MEMBER, key="enrol-1")

    assert (answer.status, answer.replayed) == (201, False)
    assert answer.body == {**ADA, "member_id": member_id(CLIENT, "enrol-1")}


def test_what_is_not_known_of_a_member_is_null(service: Service) -> None:
    assert service.post("/v1/members", MINIMAL, key="enrol-1").body == {
        "member_id": member_id(CLIENT, "enrol-1"),
        "status": "active",
        "external_id": None,
        "card": None,
        "email": "grace@example.com",
        "phone": None,
        "given_name": None,
        "family_name": None,
        "locale": "en",
        **NOT_SAID,
        "enrolled_at": "2026-11-21T10:00:00Z",
    }


def test_joining_writes_a_profile_a_claim_for_each_identity_and_an_empty_account(service: Service) -> None:
    before = service.tables()

    member = enrol(service, **MEMBER)

    after = service.tables()
    assert {name for name in after if after[name] != before[name]} == {"members", "accounts"}
    claims = [item for item in service.items("members") if item["key"].startswith("I#")]
    assert sorted(claim["key"].split("#")[1] for claim in claims) == ["card", "email", "external_id", "phone"]
    assert {tuple(sorted(claim)) for claim in claims} == {("key", "member")}
    assert {claim["member"] for claim in claims} == {member}
    [profile] = [item for item in service.items("members") if item["key"].startswith("M#")]
    assert len(profile.pop("hash")) == len(profile.pop("salt")) == 32
    assert profile == {
        "key": f"M#{member}",
        "member": member,
        "identities": [
            {"kind": "external_id", "value": "shop-1815", "source": "till-client"},
            {"kind": "card", "value": "RC-1815", "source": "till-client"},
            {"kind": "email", "value": "ada@example.com", "source": "till-client"},
            {"kind": "phone", "value": "+12125550100", "source": "till-client"},
        ],
        "given_name": "Ada",
        "family_name": "Lovelace",
        "locale": "en",
        **NOT_SAID,
        "consents": {},
        "completed": False,
        "status": "active",
        "revision": 0,
        "enrolled_at": "2026-11-21T10:00:00.000000Z",
        "source": "till-client",
    }
    assert service.items("accounts") == [
        {
            "member": member,
            "part": "A",
            "n": 0,
            "revision": 0,
            "lots": {},
            "pending": {},
            "holds": {},
            "debt": 0,
            "status": "active",
            "tiers": [],
            "counters": {},
            "latest": [],
            "source": "till-client",
            "enrolled_at": "2026-11-21T10:00:00.000000Z",
            "updated_at": "2026-11-21T10:00:00.000000Z",
        }
    ]


def test_an_enrolment_that_is_sent_again_makes_nobody_and_gets_the_same_answer(service: Service) -> None:
    first = service.post("/v1/members", MEMBER, key="enrol-1")
    service.clock.move(days=1)

    with service.unchanged():
        again = service.post("/v1/members", MEMBER, key="enrol-1")

    assert (again.status, again.body, again.replayed) == (201, first.body, True)


@pytest.mark.parametrize(
    "changes", [{"email": "eve@example.com"}, {"given_name": "Eve"}, {"locale": "fr"}], ids=",".join
)
def test_a_key_cannot_be_used_for_another_enrolment(service: Service, changes: Json) -> None:
    enrol(service, key="enrol-1", **MEMBER)

    with service.unchanged():
        answer = service.post("/v1/members", {**MEMBER, **changes}, key="enrol-1")

    assert answer.status == 422
    assert answer.body == problem(
        422,
        "operation_id_reused",
        "This operation id was used with another payload",
        "This Idempotency-Key was used to enrol with another body.",
    )


def test_two_partners_may_use_the_same_key(service: Service) -> None:
    ada = service.post("/v1/members", MEMBER, key="enrol-1", client="till-client")
    grace = service.post("/v1/members", MINIMAL, key="enrol-1", client="shop-client")
    assert (ada.status, grace.status) == (201, 201)
    assert ada.body["member_id"] != grace.body["member_id"]


OTHERS = {
    "external_id": "shop-1906",
    "card": "RC-1906",
    "email": "grace@example.com",
    "phone": "+12125550106",
}


@pytest.mark.parametrize(
    "taken",
    [["external_id"], ["card"], ["email"], ["phone"], ["card", "phone"], ["external_id", "card", "email", "phone"]],
    ids=",".join,
)
def test_an_identity_of_another_member_is_refused_and_only_that_is_named(service: Service, taken: list[str]) -> None:
    enrol(service, key="enrol-1", **MEMBER)
    grace = {**OTHERS, **{kind: MEMBER[kind] for kind in taken}}

    with service.unchanged():
        answer = service.post("/v1/members", grace, key="enrol-2")

    assert (answer.status, answer.replayed) == (409, False)
    assert answer.body == problem(
        409,
        "member_exists",
        "This identity already belongs to a member",
        f"Another member has this {' and this '.join(taken)}.",
        identities=taken,
    )


def test_identities_may_belong_to_several_other_members(service: Service) -> None:
    enrol(service, key="enrol-1", card="RC-1815")
    enrol(service, key="enrol-2", phone="+12125550100")
    answer = service.post("/v1/members", MEMBER, key="enrol-3")
    assert answer.body["identities"] == ["card", "phone"]


def test_an_email_in_other_letters_is_the_same_email(service: Service) -> None:
    enrol(service, key="enrol-1", email="ada@example.com")
    assert service.post("/v1/members", {"email": "ADA@Example.COM"}, key="enrol-2").body["identities"] == ["email"]


def test_two_partners_may_call_their_members_by_the_same_id(service: Service) -> None:
    till = service.post("/v1/members", {"external_id": "42"}, key="enrol-1", client="till-client").body
    shop = service.post("/v1/members", {"external_id": "42"}, key="enrol-2", client="shop-client").body

    for client, member in (("till-client", till), ("shop-client", shop)):
        found = service.call("GET", "/v1/members", client=client, query={"external_id": "42"})
        assert found.body == member


def test_a_refused_enrolment_may_be_repeated_with_the_same_key_once_the_clash_is_solved(service: Service) -> None:
    """Nothing of value was at stake: unlike a refused redemption, it is not kept."""
    enrol(service, key="enrol-1", card="RC-1815")
    assert service.post("/v1/members", MEMBER, key="enrol-2").status == 409
    assert service.post("/v1/members", {**MEMBER, "card": "RC-1816"}, key="enrol-2").status == 201


def test_a_member_can_join_before_there_is_a_programme(service: Service) -> None:
    without_programme(service)
    assert service.post("/v1/members", MEMBER, key="enrol-1").status == 201


@pytest.mark.parametrize("kind", ["external_id", "card", "email", "phone"])
def test_a_member_is_found_by_any_identity(service: Service, kind: str) -> None:
    member = enrol(service, **MEMBER)
    answer = service.get("/v1/members", **{kind: MEMBER[kind]})
    assert (answer.status, answer.body) == (200, {**ADA, "member_id": member})


def test_a_member_is_found_by_id(service: Service) -> None:
    member = enrol(service, **MEMBER)
    answer = service.get(f"/v1/members/{member}")
    assert (answer.status, answer.body) == (200, {**ADA, "member_id": member})


@pytest.mark.parametrize(
    ("path", "query", "kind"),
    [
        (f"/v1/members/{NOBODY}", {}, "id"),
        ("/v1/members", {"email": "nobody@example.com"}, "email"),
        ("/v1/members", {"card": "RC-0000"}, "card"),
        ("/v1/members", {"external_id": "0"}, "external_id"),
        ("/v1/members", {"phone": "+12125550199"}, "phone"),
    ],
)
def test_nobody_is_not_found(service: Service, path: str, query: dict[str, str], kind: str) -> None:
    answer = service.get(path, **query)
    assert answer.status == 404
    assert answer.body == problem(404, "member_not_found", "No such member", f"No member has this {kind}.")


@pytest.mark.parametrize("query", [{}, {"card": "RC-1815", "email": "ada@example.com"}], ids=["none", "two"])
def test_a_member_is_looked_for_by_exactly_one_identity(service: Service, query: dict[str, str]) -> None:
    enrol(service, **MEMBER)
    answer = service.get("/v1/members", **query)
    assert answer.status == 422
    assert answer.body["errors"] == [
        {
            "pointer": "",
            "code": "member_reference",
            "detail": "Give exactly one of id, external_id, card, email, phone",
        }
    ]
