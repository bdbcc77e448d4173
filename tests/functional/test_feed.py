"""The feed: every event stands in it, and no reader misses one, wherever it stops and goes on."""

import json
from typing import Any

import pytest

from functions.runtime import clock, tables
from functions.webhooks import delivery, store
from tests.functional.conftest import Json, Service
from tests.functional.receivers import TELLER, event, event_id, tell

Patch = pytest.MonkeyPatch


def ids(events: list[Json]) -> list[str]:
    return [one["metadata"]["event_id"] for one in events]


def read(service: Service, after: str | None = None, limit: int = 50) -> tuple[list[Json], str]:
    query = {"limit": str(limit)} | ({"after": after} if after else {})
    answer = service.get("/v1/events", **query)
    assert answer.status == 200, answer.body
    return answer.body["items"], answer.body["next_cursor"]


def read_all(service: Service, after: str | None = None, limit: int = 50) -> tuple[list[Json], str]:
    found: list[Json] = []
    while True:
        items, after = read(service, after, limit)
        if not items:
            return found, after
        found += items


def test_what_happened_stands_in_the_feed_as_a_webhook_would_tell_it(service: Service) -> None:
    tell(service, event(1))
    service.clock.move(seconds=11)
    [found], _ = read(service)
    detail = event(1)["detail"]
    assert found == {
        "type": "PointsEarned",
        "timestamp": "2026-11-21T09:00:01Z",
        "metadata": detail["metadata"],
        "data": detail["data"],
    }


def test_events_that_come_together_are_one_item_that_goes_after_five_weeks(service: Service) -> None:
    tell(service, *(event(n) for n in range(10)))
    [item] = service.items("feed")
    assert item["expires_at"] - int(service.clock().timestamp()) == 35 * 24 * 3600
    assert len(item["events"]) < len(json.dumps([event(n)["detail"] for n in range(10)])) / 3


@pytest.mark.parametrize("limit", [1, 3, 10, 11, 200])
def test_a_reader_gets_all_in_order_however_much_at_once(service: Service, limit: int) -> None:
    for start in range(0, 35, 7):
        tell(service, *(event(n) for n in range(start, start + 7)))
        service.clock.move(hours=9)
    found, end = read_all(service, limit=limit)
    assert ids(found) == [event_id(n) for n in range(35)]
    tell(service, event(35))
    service.clock.move(seconds=11)
    assert ids(read_all(service, end, limit)[0]) == [event_id(35)]


def test_a_reader_who_stops_in_the_middle_goes_on_there(service: Service) -> None:
    tell(service, *(event(n) for n in range(10)))
    service.clock.move(seconds=11)
    first, after = read(service, limit=4)
    tell(service, *(event(n) for n in range(10, 13)))
    service.clock.move(seconds=11)
    rest, _ = read_all(service, after)
    assert ids(first + rest) == [event_id(n) for n in range(13)]


def test_what_is_younger_than_ten_seconds_is_not_shown_yet_and_not_passed(service: Service) -> None:
    tell(service, event(1))
    service.clock.move(seconds=9.9)
    items, after = read(service)
    assert items == []
    service.clock.move(seconds=0.2)
    assert ids(read(service, after)[0]) == [event_id(1)]


def test_what_took_long_to_write_is_written_again_where_no_reader_has_been(
    service: Service, monkeypatch: Patch
) -> None:
    """The slow write comes after a reader has passed its place."""
    put, slow, seen = tables.put, [12.0, 5.1], []

    def put_late(table: Any, item: Json) -> None:
        if slow:
            service.clock.move(seconds=slow.pop(0))
            seen.append(read(service)[1])
        put(table, item)

    monkeypatch.setattr(tables, "put", put_late)
    tell(service, event(1))
    monkeypatch.setattr(tables, "put", put)
    service.clock.move(seconds=11)
    assert len(service.items("feed")) == 3
    for after in seen:
        assert set(ids(read_all(service, after)[0])) == {event_id(1)}


def test_a_quiet_programme_moves_its_readers_on(service: Service) -> None:
    items, after = read(service)
    service.clock.move(days=20)
    items, after = read(service, after)
    service.clock.move(days=20)
    assert (items, read(service, after)[0]) == ([], [])


def test_a_reader_who_was_away_too_long_is_told(service: Service) -> None:
    _, after = read(service)
    service.clock.move(days=35)
    answer = service.call("GET", "/v1/events", query={"after": after})
    assert answer.status == 422
    [error] = answer.body["errors"]
    assert (error["pointer"], error["code"]) == ("query:after", "cursor_too_old")


@pytest.mark.parametrize(
    "after",
    ["xx", "17", "a" * 90, "MjAyNi0xMS0yMVQxMDowMDowMC4wMDAwMDBa", "OTk5OS05OS05OVQxMDowMDowMC4wMDAwMDBaLzA", "é"],
)
def test_a_cursor_that_nobody_gave_is_named(service: Service, after: str) -> None:
    answer = service.call("GET", "/v1/events", query={"after": after})
    assert answer.status == 422
    [error] = answer.body["errors"]
    assert (error["pointer"], error["code"]) == ("query:after", "cursor")


def test_a_reader_at_the_end_reads_nothing(service: Service) -> None:
    _, after = read(service)
    service.clock.move(seconds=-60)  # another function's clock
    assert read(service, after) == ([], after)


def test_what_is_too_large_for_one_item_is_several(service: Service, monkeypatch: Patch) -> None:
    monkeypatch.setattr(delivery, "LARGEST_FEED_ITEM", 500)
    tell(service, *(event(n) for n in range(5)))
    service.clock.move(seconds=11)
    assert len(service.items("feed")) == 5
    assert sorted(ids(read_all(service, limit=2)[0])) == [event_id(n) for n in range(5)]


def test_an_answer_is_no_larger_than_a_function_may_give(service: Service, monkeypatch: Patch) -> None:
    tell(service, event(1))
    service.clock.move(seconds=1)
    tell(service, event(2))
    service.clock.move(seconds=11)
    monkeypatch.setattr(store, "_LARGEST_PAGE", 100)
    first, after = read(service)
    assert ids(first) == [event_id(1)]
    assert ids(read(service, after)[0]) == [event_id(2)]


def test_an_event_that_comes_twice_may_stand_there_twice(service: Service) -> None:
    tell(service, event(1))
    service.clock.move(seconds=1)
    tell(service, event(1))
    service.clock.move(seconds=11)
    assert ids(read(service)[0]) == [event_id(1)] * 2


def test_the_feed_uses_the_clock_of_everybody(service: Service, monkeypatch: Patch) -> None:
    """A sandbox that was put forward does not hide what came before from its readers."""
    tell(service, event(1))
    monkeypatch.setattr(clock, "now", lambda: service.clock().replace(year=2027))
    service.clock.move(seconds=11)
    assert ids(read(service)[0]) == [event_id(1)]


def test_an_event_that_is_no_event_of_ours_spoils_no_other(service: Service) -> None:
    broken = event(2) | {"detail": {"data": {}}}
    assert service.hand(TELLER, [event(1), broken, event(3)]) == ["record-1"]
    service.clock.move(seconds=11)
    assert sorted(ids(read(service)[0])) == [event_id(1), event_id(3)]
