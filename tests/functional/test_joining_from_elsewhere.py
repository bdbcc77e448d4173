"""Who was a member elsewhere before joins without a gift and without a word of welcome."""

from typing import Any

import pytest

from tests.functional.conftest import Json, Service
from tests.functional.engaged import types
from tests.functional.people import balance, change, joined, people, shown

WHOLE: Json = {"given_name": "Ada", "birth_date": "1985-12-10", "attributes": {"favourite": "jazz"}}
GREETED, COMPLETED = 10, 25


def come(service: Service, **profile: Any) -> str:
    return joined(service, **{"email": "ada@example.com", "imported": True, **profile})


@pytest.mark.parametrize(
    ("profile", "points"),
    [
        ({"imported": True}, 0),
        ({"imported": True, **WHOLE}, 0),
        ({"imported": False}, GREETED),
        ({"imported": False, **WHOLE}, GREETED + COMPLETED),
    ],
)
def test_joining_earns_who_was_no_member_before(service: Service, profile: Json, points: int) -> None:
    ada = come(people(service), **profile)
    told = service.settle()
    assert told[0]["detail"]["data"]["imported"] is profile["imported"]
    assert balance(service, ada)["active"] == points
    assert len(service.mails()) == (0 if profile["imported"] else 1 + points // COMPLETED + 1)


def test_a_profile_that_is_completed_later_earns(service: Service) -> None:
    ada = come(people(service))
    service.settle()
    assert change(service, ada, **WHOLE).status == 200
    service.settle()
    assert balance(service, ada)["active"] == COMPLETED


def test_a_profile_that_came_complete_earns_nothing_by_a_change(service: Service) -> None:
    ada = come(people(service), **WHOLE)
    service.settle()
    assert change(service, ada, given_name="Augusta").status == 200
    service.settle()
    assert balance(service, ada)["active"] == 0


def test_it_is_kept_through_changes_and_when_the_news_comes_late(service: Service) -> None:
    """The sweep tells what the stream lost, of the account as it is by then."""
    ada = come(people(service), **WHOLE)
    service.stream_records()
    change(service, ada, segments=["vip"])
    service.stream_records()
    service.clock.move(hours=1)
    service.sweep()
    told = service.on_bus()
    assert types(told) == ["MemberEnrolled", "MemberUpdated"]
    assert told[0]["detail"]["data"]["imported"] is True


def test_an_enrolment_over_the_bus_may_say_so_too(service: Service) -> None:
    people(service)
    detail = {"email": "ada@example.com", "imported": True, "idempotency_key": "join-1"}
    assert service.send("MemberEnrolmentRequested", detail) == []
    service.settle()
    [account] = [one for one in service.items("accounts") if one["part"] == "A"]
    assert account["traits"]["imported"] is True
    assert account["n"] == 0
    assert service.mails() == []


def test_a_referral_of_who_was_a_member_elsewhere_counts(service: Service) -> None:
    people(service)
    referrer = joined(service, "referrer", email="grace@example.com")
    come(service, referral_code=shown(service, referrer)["referral_code"])
    [account] = [one for one in service.items("accounts") if one.get("traits", {}).get("imported")]
    assert account["traits"]["referred_by"] == referrer
