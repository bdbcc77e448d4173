"""What becomes of a delivery, try by try; and the form that events have for partners."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.webhooks import delivery
from functions.webhooks.delivery import (
    ATTEMPTS_KEPT,
    LONGEST_WAIT,
    PAUSES,
    Attempt,
    Delivery,
    Told,
    delivery_id,
    feed_items,
    packed,
    told,
    unpacked,
)
from tests.unit.factories import NOW

WAITING = Delivery("whk_a", "1", "mem_a#1", "PointsEarned", "", NOW, NOW)
DETAIL: dict[str, Any] = {
    "metadata": {"event_id": "mem_a#1", "recorded_at": "2026-11-21T10:03:07.250000Z"},
    "data": {"points": 149, "said": "été"},
}


def attempt(status: int | None) -> Attempt:
    return Attempt(NOW, status, None if status else "TimeoutError", 12)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_a_success_delivers(status: int) -> None:
    after = WAITING.tried(attempt(status))
    assert (after.status, after.due_at, after.tries) == ("delivered", None, 1)


@pytest.mark.parametrize("status", [None, 100, 199, 300, 301, 308, 400, 401, 404, 409, 411, 429, 500, 503])
def test_anything_else_is_tried_again(status: int | None) -> None:
    after = WAITING.tried(attempt(status))
    assert (after.status, after.due_at, after.tries) == ("waiting", NOW + timedelta(seconds=30), 1)


def test_who_says_that_it_is_gone_is_not_tried_again() -> None:
    assert WAITING.tried(attempt(410)).status == "parked"


def test_the_pauses_grow_and_last_longer_than_a_day() -> None:
    assert list(PAUSES) == sorted(set(PAUSES))
    assert timedelta(hours=24) < sum(PAUSES, timedelta()) < LONGEST_WAIT


def test_after_the_last_pause_it_is_parked() -> None:
    one = WAITING
    for pause in PAUSES:
        one = one.tried(attempt(500))
        assert (one.status, one.due_at) == ("waiting", NOW + pause)
    one = one.tried(attempt(500))
    assert (one.status, one.due_at, len(one.attempts)) == ("parked", None, len(PAUSES) + 1)


@pytest.mark.parametrize(("asked_for", "waits"), [(None, 30), (0, 30), (29, 30), (31, 31), (3600, 3600), (3601, 3600)])
def test_an_endpoint_may_ask_for_a_longer_pause_and_not_for_any(asked_for: int | None, waits: int) -> None:
    assert WAITING.tried(attempt(503), asked_for).due_at == NOW + timedelta(seconds=waits)


def test_only_the_last_tries_are_kept() -> None:
    one = replace(WAITING, attempts=tuple(Attempt(NOW, None, str(n), n) for n in range(ATTEMPTS_KEPT)))
    kept = one.tried(attempt(204)).attempts
    assert (len(kept), kept[0].milliseconds, kept[-1]) == (ATTEMPTS_KEPT, 1, attempt(204))


def test_made_again_it_has_all_tries_before_it() -> None:
    later = NOW + timedelta(days=3)
    again = replace(WAITING, tries=8, status="parked", attempts=(attempt(500),)).again(later)
    assert again == replace(WAITING, since=later, due_at=later, attempts=(attempt(500),))


def test_what_has_waited_too_long_is_overdue() -> None:
    assert not WAITING.is_overdue(NOW + LONGEST_WAIT)
    assert WAITING.is_overdue(NOW + LONGEST_WAIT + timedelta(seconds=1))
    assert (WAITING.parked().status, WAITING.parked().due_at) == ("parked", None)


# --- the form of an event ------------------------------------------------------------------------------------------


def test_an_event_says_what_it_is_when_it_was_and_all_of_its_detail() -> None:
    event = told("PointsEarned", DETAIL)
    assert event[:3] == ("mem_a#1", "PointsEarned", "2026-11-21T10:03:07.250000Z")
    assert json.loads(event.body) == {"type": "PointsEarned", "timestamp": "2026-11-21T10:03:07.250000Z", **DETAIL}
    assert "été" in event.body


def test_ids_of_deliveries_sort_by_time_and_are_the_same_for_a_repeat() -> None:
    event = told("PointsEarned", DETAIL)
    assert delivery_id(event) == delivery_id(event)
    assert delivery_id(event).startswith("20261121100307250000-")
    assert delivery_id(event) < delivery_id(event._replace(recorded_at="2026-11-21T10:03:07.250001Z"))
    assert delivery_id(event) != delivery_id(event._replace(event_id="mem_a#2"))


@given(st.text())
def test_what_is_packed_is_unpacked_as_it_was(text: str) -> None:
    assert unpacked(packed(text)) == text


@pytest.mark.parametrize("most", [1, 120, 10_000])
def test_events_together_are_as_few_items_as_fit(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "LARGEST_FEED_ITEM", most)
    events = [Told(f"mem_a#{n}", "PointsEarned", "", json.dumps({"n": n, "said": "é" * n})) for n in range(20)]
    items = list(feed_items(events))
    assert [one["n"] for _, content in items for one in json.loads(unpacked(content))] == list(range(20))
    assert len({name for name, _ in items}) == len(items)
    assert all(len(content) <= most or len(json.loads(unpacked(content))) == 1 for _, content in items)
    assert list(feed_items(events)) == items
