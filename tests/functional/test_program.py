"""The programme over HTTPS: versions are published, one of them judges."""

import json

import pytest

from tests.functional.conftest import ROOT, Json, Service
from tests.functional.factories import problem, without_programme

FILE = (ROOT / "programs" / "record-shop.yaml").read_text()


def publish(service: Service, text: str) -> Json:
    answer = service.post("/v1/program/versions", {"text": text})
    assert answer.status == 201, answer.body
    return answer.body


def test_a_file_becomes_the_next_version_and_does_not_judge_yet(service: Service) -> None:
    service.clock.move(hours=1)

    answer = service.post("/v1/program/versions", {"text": FILE + "# new\n"})

    assert answer.status == 201
    assert answer.body == {"version": 2, "published_at": "2026-11-21T11:00:00Z", "active": False}
    assert service.get("/v1/program").body["version"] == 1
    [new] = [item for item in service.items("program") if item["version"] == 2]
    assert {name: value for name, value in new.items() if name not in ("format", "program")} == {
        "part": "VERSION",
        "version": 2,
        "text": FILE + "# new\n",
        "published_at": "2026-11-21T11:00:00.000000Z",
    }


def test_the_same_file_is_not_published_twice(service: Service) -> None:
    service.clock.move(hours=1)
    with service.unchanged():
        answer = service.post("/v1/program/versions", {"text": FILE})
    assert answer.status == 201
    assert answer.body == {"version": 1, "published_at": "2026-11-21T10:00:00Z", "active": True}


def test_an_earlier_file_is_a_new_version_again(service: Service) -> None:
    publish(service, FILE + "# new\n")
    assert publish(service, FILE)["version"] == 3


def test_a_file_with_mistakes_is_not_published_and_every_mistake_is_named(service: Service) -> None:
    broken = FILE.replace("currency: USD", "currency: usd").replace("value: 500", "value: 5.00")

    with service.unchanged():
        answer = service.post("/v1/program/versions", {"text": broken})

    assert answer.status == 422
    pattern = "line 8: String should match pattern '^[A-Z]{3}$'"
    integer = "line 25: Input should be a valid integer"
    assert answer.body == problem(
        422,
        "invalid",
        "The request has invalid fields",
        f"/currency: {pattern}; /rewards/0/value: {integer}",
        errors=[
            {"pointer": "/currency", "code": "string_pattern_mismatch", "detail": pattern},
            {"pointer": "/rewards/0/value", "code": "int_type", "detail": integer},
        ],
    )


def test_a_file_that_is_too_large_for_the_table_is_a_mistake(service: Service) -> None:
    text = FILE + "# " + "\N{OPTICAL DISC}" * 140_000
    answer = service.post("/v1/program/versions", json.dumps({"text": text}, ensure_ascii=False))
    assert answer.status == 422


def test_a_version_judges_from_when_it_is_activated(service: Service) -> None:
    publish(service, FILE + "# new\n")

    answer = service.call("POST", "/v1/program/versions/2/activate")

    assert answer.status == 200
    assert answer.body == {
        "version": 2,
        "published_at": "2026-11-21T10:00:00Z",
        "active": True,
        "starts_at": "2026-11-21T10:00:00Z",
        "percent": 100,
    }
    assert service.get("/v1/program").body == {
        "version": 2,
        "published_at": "2026-11-21T10:00:00Z",
        "text": FILE + "# new\n",
    }
    [active] = [item for item in service.items("program") if item["part"] == "ACTIVE"]
    assert active == {
        "part": "ACTIVE",
        "version": 0,
        "rollouts": [[2, "2026-11-21T10:00:00.000000Z", 100]],
        "revision": 2,
    }


def test_an_earlier_version_can_judge_again(service: Service) -> None:
    publish(service, FILE + "# new\n")
    service.call("POST", "/v1/program/versions/2/activate")
    assert service.call("POST", "/v1/program/versions/1/activate").status == 200
    assert service.get("/v1/program").body["version"] == 1


def test_activating_twice_changes_nothing(service: Service) -> None:
    with service.unchanged():
        assert service.call("POST", "/v1/program/versions/1/activate").status == 200


@pytest.mark.parametrize("version", ["2", "1000000000"])
def test_a_version_that_was_not_published_cannot_judge(service: Service, version: str) -> None:
    with service.unchanged():
        answer = service.call("POST", f"/v1/program/versions/{version}/activate")
    assert answer.status == 404
    assert answer.body == problem(
        404,
        "program_version_not_found",
        "No such version of the programme",
        f"Version {version} was not published.",
    )


@pytest.mark.parametrize("version", ["1000000001", "9" * 20, "9" * 39, "9" * 140])
def test_a_version_that_does_not_fit_in_a_key_is_invalid(service: Service, version: str) -> None:
    with service.unchanged():
        answer = service.call("POST", f"/v1/program/versions/{version}/activate")
    assert answer.status == 422
    assert [error["pointer"] for error in answer.body["errors"]] == ["path:version"]


@pytest.mark.parametrize("version", ["0", "-1", "one", "1.5"])
def test_what_is_no_number_of_a_version_is_told(service: Service, version: str) -> None:
    with service.unchanged():
        answer = service.call("POST", f"/v1/program/versions/{version}/activate")
    assert answer.status == 422
    assert [error["pointer"] for error in answer.body["errors"]] == ["path:version"]


def test_versions_are_listed_latest_first(service: Service) -> None:
    publish(service, FILE + "# new\n")
    assert service.get("/v1/program/versions").body == {
        "items": [
            {"version": 2, "published_at": "2026-11-21T10:00:00Z", "active": False},
            {"version": 1, "published_at": "2026-11-21T10:00:00Z", "active": True},
        ],
        "next_cursor": None,
        "rollouts": [{"version": 1, "starts_at": "2026-11-21T10:00:00Z", "percent": 100}],
    }


@pytest.mark.parametrize("limit", [1, 2, 3, 4])
def test_pages_of_versions_hold_every_version_once(service: Service, limit: int) -> None:
    for i in (2, 3):
        publish(service, FILE + f"# {i}\n")
    pages = [service.get("/v1/program/versions", limit=str(limit)).body]
    while cursor := pages[-1]["next_cursor"]:
        pages.append(service.get("/v1/program/versions", limit=str(limit), cursor=cursor).body)
    assert [version["version"] for page in pages for version in page["items"]] == [3, 2, 1]


def test_the_service_is_healthy_and_says_which_version_judges(service: Service) -> None:
    answer = service.get("/v1/health")
    assert (answer.status, answer.body) == (200, {"status": "ok", "program_version": 1})


def test_the_service_is_healthy_without_a_programme(service: Service) -> None:
    without_programme(service)
    assert service.get("/v1/health").body == {"status": "ok", "program_version": None}


@pytest.mark.parametrize("path", ["/v1/program", "/v1/rewards"])
def test_without_a_programme_there_are_no_terms_and_no_rewards(service: Service, path: str) -> None:
    without_programme(service)
    answer = service.get(path)
    assert answer.status == 409
    assert answer.body == problem(
        409, "program_not_active", "No programme is active", "Publish and activate a version of the programme first."
    )


def test_rewards_are_listed_cheapest_first(service: Service) -> None:
    reward = FILE.partition("rewards:\n")[2]
    publish(service, FILE + reward.replace("voucher-5", "voucher-1").replace("points: 100", "points: 20"))
    service.call("POST", "/v1/program/versions/2/activate")

    answer = service.get("/v1/rewards")

    assert answer.status == 200
    five = {
        "reward_id": "voucher-5",
        "kind": "voucher",
        "points": 100,
        "money": 0,
        "money_for_points": None,
        "pay": None,
        "value": 500,
        "currency": "USD",
        "valid_days": 90,
        "valid_months": None,
        "fulfilment": "code",
        "left": None,
        "offered_from": None,
        "offered_to": None,
        "description": {},
        "picture": {},
        "text": {
            "en": "5 dollars off your next record",
            "fr": "5 dollars de réduction sur votre prochain disque",
        },
    }
    assert answer.body == {"items": [{**five, "reward_id": "voucher-1", "points": 20}, five], "next_cursor": None}
