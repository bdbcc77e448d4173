"""Adjustments: points given and taken by hand, with a reason, and a note that stays in the statement."""

import json

import pytest

from tests.contract import schemas
from tests.functional.conftest import Answer, Json, Service
from tests.functional.engaged import buy, engaged, give_back, join, parts, why
from tests.functional.factories import NOBODY, a_reason

NOTE = "Parcel lost twice; called Mrs Lovelace"


@pytest.fixture
def ada(service: Service) -> str:
    engaged(service)
    return join(service)


def adjust(service: Service, member: str, points: int, id: str = "adj-1", **changes: object) -> Answer:
    body = {"id": id, "points": points, "reason": "goodwill", **changes}
    return service.post(f"/v1/members/{member}/adjustments", body)


def test_points_are_given_with_a_reason(service: Service, ada: str) -> None:
    answer = adjust(service, ada, 50)
    assert (answer.status, answer.replayed, answer.body["entry"]["kind"]) == (201, False, "adjusted")
    assert answer.body["points"] == answer.body["balance"] == parts(active=50)
    assert why(answer) == {"adjustment": a_reason("adjustment", 50, facts={"reason": "goodwill"})}


def test_points_are_taken_from_those_that_expire_first(service: Service, ada: str) -> None:
    adjust(service, ada, 30, "adj-1", expires_on="2027-01-31")
    adjust(service, ada, 30, "adj-2")
    answer = adjust(service, ada, -40, "adj-3")
    assert answer.body["entry"]["lots"] == [
        {"expires_on": "2027-01-31", "points": -30},
        {"expires_on": None, "points": -10},
    ]
    assert (answer.body["points"], answer.body["balance"]) == (parts(active=-40), parts(active=20))


def test_more_than_there_is_cannot_be_taken_and_stays_refused(service: Service, ada: str) -> None:
    adjust(service, ada, 30)
    answer = adjust(service, ada, -31, "adj-2")
    assert (answer.status, answer.body["code"], answer.body["missing"]) == (409, "insufficient_points", 1)
    adjust(service, ada, 30, "adj-3")
    with service.unchanged():
        again = adjust(service, ada, -31, "adj-2")
    assert (again.status, again.replayed) == (409, True)


def test_what_is_given_pays_a_debt_first(service: Service, ada: str) -> None:
    buy(service, "receipt-1", 10)
    adjust(service, ada, -10, "taken")
    assert give_back(service, "receipt-1").body["balance"] == parts(debt=10)
    answer = adjust(service, ada, 15)
    assert (answer.body["points"], answer.body["balance"]) == (parts(active=5, debt=-10), parts(active=5))


def test_an_adjustment_counts_for_no_tier_and_no_goal(service: Service, ada: str) -> None:
    answer = adjust(service, ada, 1_000_000)
    assert (answer.body["tier"], answer.body["rewards_earned"]) == ("member", [])


def test_an_adjustment_that_is_sent_twice_is_made_once(service: Service, ada: str) -> None:
    first = adjust(service, ada, 50)
    with service.unchanged():
        again = adjust(service, ada, 50)
        other = adjust(service, ada, 51)
        renoted = adjust(service, ada, 50, note="another")
    assert (again.status, again.replayed, again.body) == (201, True, first.body)
    assert [one.body["code"] for one in (other, renoted)] == ["operation_id_reused"] * 2


def test_the_number_of_an_adjustment_belongs_to_one_member(service: Service, ada: str) -> None:
    grace = join(service, "grace")
    adjust(service, ada, 50)
    with service.unchanged():
        answer = adjust(service, grace, 50)
    assert (answer.status, answer.body["code"]) == (422, "operation_id_reused")


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"points": 0}, [("", "nothing")]),
        ({"points": 1.5}, [("/points", "int_type")]),
        ({"points": "50"}, [("/points", "int_type")]),
        ({"points": True}, [("/points", "int_type")]),
        ({"points": 10_000_001}, [("/points", "less_than_equal")]),
        ({"points": -10_000_001}, [("/points", "greater_than_equal")]),
        ({"reason": None}, [("/reason", "string_type")]),
        ({"reason": "Because I can"}, [("/reason", "string_pattern_mismatch")]),
        ({"note": ""}, [("/note", "string_too_short")]),
        ({"note": "x" * 501}, [("/note", "string_too_long")]),
        ({"points": -5, "expires_on": "2027-01-31"}, [("/expires_on", "expires_on")]),
        ({"expires_on": "2026-11-20"}, [("/expires_on", "past")]),
        ({"expires_on": "31 January"}, [("/expires_on", "date_from_datetime_parsing")]),
        ({"id": "no spaces", "who": "me"}, [("/id", "string_pattern_mismatch"), ("/who", "extra_forbidden")]),
    ],
)
def test_a_wrong_adjustment_is_told_field_by_field(
    service: Service, ada: str, changes: Json, wrong: list[tuple[str, str]]
) -> None:
    body = {"id": "adj-1", "points": 50, "reason": "goodwill", **changes}
    with service.unchanged():
        answer = service.post(f"/v1/members/{ada}/adjustments", body)
    assert (answer.status, answer.body["code"]) == (422, "invalid")
    assert [(one["pointer"], one["code"]) for one in answer.body["errors"]] == wrong


def test_a_reason_must_be_given(service: Service, ada: str) -> None:
    with service.unchanged():
        answer = service.post(f"/v1/members/{ada}/adjustments", {"id": "adj-1", "points": 50})
    assert [(one["pointer"], one["code"]) for one in answer.body["errors"]] == [("/reason", "missing")]


@pytest.mark.parametrize(("member", "status"), [(NOBODY, 404), ("mem_short", 422)])
def test_nobody_is_given_points(service: Service, ada: str, member: str, status: int) -> None:
    with service.unchanged():
        assert adjust(service, member, 50).status == status


def test_a_note_is_in_the_statement_and_nowhere_else(service: Service, ada: str) -> None:
    answer = adjust(service, ada, 50, note=NOTE)
    [entry] = service.get(f"/v1/members/{ada}/ledger").body["items"]
    assert (entry["note"], entry["activity"]) == (NOTE, None)
    told = service.settle()
    assert [one["detail-type"] for one in told] == ["MemberEnrolled", "PointsAdjusted", "PointsEarned"]
    for said in (json.dumps(told), service.log.getvalue(), json.dumps(answer.body)):
        assert "Lovelace" not in said


def test_the_event_says_by_how_much_and_why(service: Service, ada: str) -> None:
    service.settle()
    adjust(service, ada, 50, note=NOTE)
    [event] = service.settle()
    data = event["detail"]["data"]
    assert data["operation"] == {"kind": "adjustment", "id": "adj-1", "source": "till-client"}
    assert (data["points"], data["explanation"][0]["facts"]) == (50, {"reason": "goodwill"})


def test_who_may_adjust_has_a_scope_of_its_own() -> None:
    operation = schemas.openapi()["paths"]["/v1/members/{member_id}/adjustments"]["post"]
    assert operation["security"] == [{"oauth2": ["loyalty/adjustments.write"]}]
    others = [one for _, path, one in schemas.operations() if "adjustments" not in path]
    assert not any("loyalty/adjustments.write" in str(one["security"]) for one in others)
