"""Which version judges whom, and when: from a day on, for some members, and back at once; and the draft before."""

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from functions.program import store as programs
from functions.program.rollout import place
from functions.runtime import tables
from tests.contract.schemas import EVENTS
from tests.functional.club import CLUB
from tests.functional.conftest import ROOT, Json, Service
from tests.functional.factories import a_purchase, problem, without_programme

FILE = (ROOT / "programs" / "record-shop.yaml").read_text()
DOUBLE = FILE.replace("points: 1\n", "points: 2\n")
Patch = pytest.MonkeyPatch


@pytest.fixture
def two(service: Service) -> Service:
    """Version 1 gives a point for every dollar and is in force since 10 o'clock; version 2 gives two. It is 11 now."""
    service.clock.move(hours=1)
    assert publish(service, DOUBLE).body["version"] == 2
    return service


def publish(service: Service, text: str | None = None) -> Any:
    answer = service.post("/v1/program/versions", {} if text is None else {"text": text})
    assert answer.status == 201, answer.body
    return answer


def activate(service: Service, version: int, **when: object) -> Any:
    return service.call("POST", f"/v1/program/versions/{version}/activate", when or None)


def join(service: Service, count: int = 1) -> list[str]:
    """So many members with a card each; their ids."""
    cards = [{"card": f"RC-{i:04}"} for i in range(count)]
    return [service.post("/v1/members", card, key=card["card"]).body["member_id"] for card in cards]


def judged_by(service: Service, member: str, id: str, at: str | None = None) -> int:
    """The version that judges a purchase of ten dollars, made now or at an instant."""
    purchase = a_purchase(10, id=id, member={"id": member}, occurred_at=at or service.clock().isoformat())
    answer = service.post("/v1/purchases", purchase)
    assert answer.status == 201, answer.body
    version: int = answer.body["entry"]["program_version"]
    assert answer.body["points"]["active"] == 10 * version
    return version


# From an instant on


def test_a_version_judges_from_the_instant_it_starts_at(two: Service) -> None:
    [ada] = join(two)

    answer = activate(two, 2, starts_at="2026-11-21T13:00:00+01:00")

    assert answer.status == 200
    assert answer.body == {
        "version": 2,
        "published_at": "2026-11-21T11:00:00Z",
        "active": False,
        "starts_at": "2026-11-21T12:00:00Z",
        "percent": 100,
    }
    two.clock.move(minutes=59)
    assert judged_by(two, ada, "before") == 1
    assert two.get("/v1/program").body["version"] == two.get("/v1/health").body["program_version"] == 1
    two.clock.move(minutes=1)
    assert judged_by(two, ada, "on-the-dot") == 2
    assert two.get("/v1/program").body["version"] == two.get("/v1/health").body["program_version"] == 2


def test_what_happened_before_a_version_started_is_judged_by_the_one_before(two: Service) -> None:
    [ada] = join(two)
    activate(two, 2)
    two.clock.move(days=5)
    assert judged_by(two, ada, "late", at="2026-11-21T10:59:59.999999Z") == 1
    assert judged_by(two, ada, "on-the-dot", at="2026-11-21T11:00:00Z") == 2


def test_what_is_older_than_every_version_is_judged_by_the_first(two: Service) -> None:
    [ada] = join(two)
    activate(two, 2)
    assert judged_by(two, ada, "long-ago", at="2025-01-01T00:00:00Z") == 1


def test_what_is_past_was_judged_already(two: Service) -> None:
    with two.unchanged():
        answer = activate(two, 2, starts_at="2026-11-21T10:59:59Z")
    assert answer.status == 422
    assert [(error["pointer"], error["code"]) for error in answer.body["errors"]] == [("/starts_at", "past")]


@pytest.mark.parametrize(
    ("when", "pointer"),
    [
        ({"percent": 0}, "/percent"),
        ({"percent": 101}, "/percent"),
        ({"percent": 12.5}, "/percent"),
        ({"starts_at": "2026-12-01"}, "/starts_at"),
        ({"starts_at": "2026-12-01T00:00:00"}, "/starts_at"),
        ({"start_at": "2026-12-01T00:00:00Z"}, "/start_at"),
    ],
    ids=str,
)
def test_a_bad_activation_is_told_and_changes_nothing(two: Service, when: Json, pointer: str) -> None:
    with two.unchanged():
        answer = activate(two, 2, **when)
    assert answer.status == 422
    assert [error["pointer"] for error in answer.body["errors"]] == [pointer]


def test_the_sample_of_an_activation_is_taken(two: Service) -> None:
    sample = json.loads((EVENTS / "requests" / "post_activate.json").read_text())
    answer = activate(two, 2, **sample)
    assert (answer.status, answer.body["starts_at"], answer.body["percent"]) == (200, "2026-11-30T23:00:00Z", 10)


# For some of the members


def test_a_percentage_takes_the_same_members_every_time_and_more_as_it_grows(two: Service) -> None:
    members = join(two, 12)
    taken: list[set[str]] = []
    for percent in (30, 30, 70):
        assert activate(two, 2, percent=percent).body["percent"] == percent
        versions = {member: judged_by(two, member, f"{member}-{len(taken)}") for member in members}
        taken.append({member for member, version in versions.items() if version == 2})
        assert taken[-1] == {member for member in members if place(member) < percent}
    assert 0 < len(taken[0]) < len(taken[2]) < len(members)
    assert taken[0] == taken[1] < taken[2]


def test_a_version_for_some_is_not_the_one_in_force(two: Service) -> None:
    activate(two, 2, percent=50)
    assert two.get("/v1/program").body["version"] == 1
    listed = two.get("/v1/program/versions").body
    assert [(one["version"], one["active"]) for one in listed["items"]] == [(2, False), (1, True)]
    assert listed["rollouts"] == [
        {"version": 2, "starts_at": "2026-11-21T11:00:00Z", "percent": 50},
        {"version": 1, "starts_at": "2026-11-21T10:00:00Z", "percent": 100},
    ]


def test_the_first_version_ever_must_be_for_everyone(two: Service) -> None:
    without_programme(two)
    with two.unchanged():
        answer = activate(two, 2, percent=99)
    assert (answer.status, answer.body["code"]) == (409, "program_not_active")
    assert activate(two, 2).status == 200


def test_a_version_for_some_cannot_start_before_the_first_for_everyone(two: Service) -> None:
    without_programme(two)
    assert activate(two, 1, starts_at="2026-12-01T00:00:00Z").status == 200
    with two.unchanged():
        assert activate(two, 2, percent=10).status == 409
    assert activate(two, 2, percent=10, starts_at="2026-12-02T00:00:00Z").status == 200


# Back


def test_an_earlier_version_is_back_at_once_and_nothing_starts_later(two: Service) -> None:
    [ada] = join(two)
    activate(two, 2)
    two.clock.move(hours=1)
    activate(two, 2, starts_at="2026-11-25T00:00:00Z", percent=100)
    assert judged_by(two, ada, "second") == 2

    assert activate(two, 1).body["active"]

    assert judged_by(two, ada, "back") == 1
    two.clock.move(days=10)
    assert judged_by(two, ada, "much-later") == 1
    assert judged_by(two, ada, "late", at="2026-11-21T11:30:00Z") == 2, "what was judged by version 2 then, still is"


def test_a_version_for_some_is_taken_back_from_all_of_them(two: Service) -> None:
    members = join(two, 8)
    activate(two, 2, percent=50)
    two.clock.move(minutes=1)
    activate(two, 1)
    assert {judged_by(two, member, member) for member in members} == {1}


def test_activating_what_judges_already_changes_nothing(two: Service) -> None:
    activate(two, 2, percent=30)
    two.clock.move(minutes=1)
    with two.unchanged():
        again = activate(two, 2, percent=30)
    assert again.body["starts_at"] == "2026-11-21T11:00:00Z"


def test_two_who_activate_at_once_are_both_heard(two: Service, monkeypatch: Patch) -> None:
    publish(two, FILE + "# third\n")
    monkeypatch.setattr("functions.runtime.clock.pause", lambda longest: None)
    real, left = tables.update, ["once"]

    def update(*args: Any, **more: Any) -> bool:
        if left:
            left.pop()
            activate(two, 2, starts_at="2026-11-22T00:00:00Z")
        return real(*args, **more)

    monkeypatch.setattr(tables, "update", update)

    assert activate(two, 3, starts_at="2026-11-23T00:00:00Z").status == 200

    assert [one["version"] for one in two.get("/v1/program/versions").body["rollouts"]] == [3, 2, 1]


# What a warm function knows


@pytest.fixture
def elsewhere(monkeypatch: Patch) -> Iterator[SimpleNamespace]:
    """Versions are activated by another function than the one that judges; its seconds, which tests move."""
    seconds = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(programs, "time", SimpleNamespace(monotonic=lambda: seconds.now))
    with monkeypatch.context() as patch:
        patch.setattr(programs, "forget", lambda: None)
        yield seconds


def test_a_new_version_is_seen_within_five_seconds(two: Service, elsewhere: SimpleNamespace) -> None:
    [ada] = join(two)
    programs._cache.checked_at = float("-inf")
    assert judged_by(two, ada, "first") == 1
    activate(two, 2)

    elsewhere.now += 4.9
    assert judged_by(two, ada, "soon-after") == 1
    elsewhere.now += 0.1
    assert judged_by(two, ada, "five-seconds-after") == 2


def test_a_version_that_is_to_start_is_known_before(two: Service, elsewhere: SimpleNamespace) -> None:
    [ada] = join(two)
    activate(two, 2, starts_at="2026-11-21T12:00:00Z")
    programs._cache.checked_at = float("-inf")
    assert judged_by(two, ada, "first") == 1
    two.clock.move(hours=1)
    assert judged_by(two, ada, "on-the-dot") == 2


def test_a_warm_function_reads_no_programme_for_a_purchase(two: Service, monkeypatch: Patch) -> None:
    [ada] = join(two)
    judged_by(two, ada, "first")
    real = tables.get
    read: list[str] = []

    def get(table: Any, *args: Any, **more: Any) -> Any:
        read.append(table)
        return real(table, *args, **more)

    monkeypatch.setattr(tables, "get", get)
    judged_by(two, ada, "second")
    assert "program" not in read


# Drafts


def test_a_draft_is_kept_as_it_is_and_changes_nothing_for_members(service: Service) -> None:
    [ada] = join(service)
    broken = "points: [never\n"

    answer = service.call("PUT", "/v1/program/draft", {"text": broken})

    assert (answer.status, answer.body) == (200, {"text": broken, "saved_at": "2026-11-21T10:00:00Z"})
    assert judged_by(service, ada, "receipt-1") == 1
    assert [one["version"] for one in service.get("/v1/program/versions").body["items"]] == [1]


def test_a_draft_takes_the_place_of_the_one_before(service: Service) -> None:
    service.call("PUT", "/v1/program/draft", {"text": "one"})
    service.call("PUT", "/v1/program/draft", {"text": FILE + "# two\n"})
    assert publish(service).body["version"] == 2
    assert service.get("/v1/program/versions/2").body["text"] == FILE + "# two\n"


@pytest.mark.parametrize("path", ["/v1/program/draft/check", "/v1/program/versions"])
def test_without_a_draft_there_is_nothing_to_check_and_nothing_to_publish(service: Service, path: str) -> None:
    with service.unchanged():
        answer = service.call("POST", path, None if path.endswith("check") else {})
    assert answer.status == 404
    assert answer.body == problem(
        404,
        "program_draft_not_found",
        "There is no draft of the programme",
        "There is no draft: save one first, or send the file with the call.",
    )


def test_a_draft_is_published_by_a_call_that_sends_no_file(service: Service) -> None:
    service.call("PUT", "/v1/program/draft", {"text": DOUBLE})
    answer = publish(service)
    assert answer.body == {"version": 2, "published_at": "2026-11-21T10:00:00Z", "active": False}
    with service.unchanged():
        assert publish(service).body["version"] == 2


def test_a_draft_with_mistakes_is_not_published(service: Service) -> None:
    service.call("PUT", "/v1/program/draft", {"text": FILE.replace("currency: USD", "currency: usd")})
    with service.unchanged():
        answer = service.post("/v1/program/versions", {})
    assert answer.status == 422
    assert [error["pointer"] for error in answer.body["errors"]] == ["/currency"]


def test_the_check_of_a_draft_names_its_mistakes_and_writes_nothing(service: Service) -> None:
    service.call("PUT", "/v1/program/draft", {"text": CLUB.replace("group: base", "group: bases", 1)})

    with service.unchanged():
        answer = service.call("POST", "/v1/program/draft/check")

    assert (answer.status, answer.body["publishable"]) == (200, False)
    [mistake] = answer.body["mistakes"]
    assert (mistake["pointer"], mistake["code"]) == ("/earning/0/group", "unknown_group")


def test_the_check_of_a_draft_says_what_it_would_change(service: Service) -> None:
    service.call("PUT", "/v1/program/draft", {"text": CLUB})

    with service.unchanged():
        answer = service.call("POST", "/v1/program/draft/check")

    assert (answer.status, answer.body["publishable"], answer.body["mistakes"]) == (200, True, [])
    assert answer.body["costs"]
    assert answer.body["changes"]


def test_a_version_is_shown_with_its_file(two: Service) -> None:
    assert two.get("/v1/program/versions/2").body == {
        "version": 2,
        "published_at": "2026-11-21T11:00:00Z",
        "active": False,
        "text": DOUBLE,
    }
    assert two.get("/v1/program/versions/1").body["active"]


def test_a_version_that_was_not_published_is_not_found(two: Service) -> None:
    answer = two.get("/v1/program/versions/3")
    assert (answer.status, answer.body["code"]) == (404, "program_version_not_found")
