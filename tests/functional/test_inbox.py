"""The inbox: latest first, in pages, with what was read, and over after its days."""

from typing import Any

import pytest

from functions.notifications import store
from tests.functional.conftest import Json, Service
from tests.functional.factories import earn, enrol
from tests.functional.mailing import birthday, inbox, saying, titles
from tests.functional.people import change, refused


def filled(service: Service, purchases: int) -> str:
    """Ada's inbox with a welcome, and a purchase of a dollar more in each minute after."""
    member = enrol(service, card="RC-1815")
    for i in range(1, purchases + 1):
        service.clock.move(minutes=1)
        earn(service, dollars=i, id=f"r-{i}", member={"card": "RC-1815"})
    service.notify()
    return member


def read(service: Service, member: str, message: Json) -> Json:
    answer = service.post(f"/v1/members/{member}/messages/{message['message_id']}/read", None)
    assert answer.status == 200, answer.body
    body: Json = answer.body
    return body


def test_a_message_is_told_whole(service: Service) -> None:
    member = enrol(service, email="ada@example.com", given_name="Ada", locale="fr")
    service.notify()
    found = inbox(service, member)
    [message] = found["items"]
    assert message.pop("message_id").startswith("2026112110000000000000000000-")
    assert message == {
        "template": "welcome",
        "title": "Bienvenue chez Le Club du disque",
        "body": "Bonjour Ada,\n\nvous êtes désormais membre du programme Le Club du disque. "
        "Chaque achat compte dès aujourd’hui.\n",
        "created_at": "2026-11-21T10:00:00Z",
        "read_at": None,
        "expires_at": "2027-02-19T10:00:00Z",
    }
    assert (found["unread"], found["next_cursor"]) == (1, None)


def test_the_latest_comes_first_whatever_comes_in_first(service: Service) -> None:
    member = enrol(service, card="RC-1815")
    service.clock.move(minutes=1)
    earn(service, dollars=5, member={"card": "RC-1815"})
    service.publish()
    service.notify(list(reversed(service.on_bus())))
    assert titles(service, member) == ["5 points for you", "Welcome to Record Club"]


def test_pages_follow_one_another_without_a_gap_or_a_repeat(service: Service) -> None:
    member = filled(service, purchases=4)
    seen, cursor, pages = [], None, 0
    while pages == 0 or cursor:
        found = inbox(service, member, limit="2", **({"cursor": cursor} if cursor else {}))
        seen += [message["title"] for message in found["items"]]
        assert found["unread"] == 5
        cursor, pages = found["next_cursor"], pages + 1
    assert seen == [*(f"{i} points for you" for i in (4, 3, 2)), "1 point for you", "Welcome to Record Club"]
    assert pages == 3


def test_a_page_keeps_its_place_while_more_comes_in(service: Service) -> None:
    member = filled(service, purchases=2)
    first = inbox(service, member, limit="1")
    service.clock.move(minutes=1)
    earn(service, dollars=9, id="r-9", member={"card": "RC-1815"})
    service.notify()
    second = inbox(service, member, limit="1", cursor=first["next_cursor"])
    assert [one["items"][0]["title"] for one in (first, second)] == ["2 points for you", "1 point for you"]


@pytest.mark.parametrize("cursor", ["x", "0", "~", "99999999999999999999-000000000000", "\N{SNOWMAN}"])
def test_a_cursor_that_is_none_of_ours_is_refused(service: Service, cursor: str) -> None:
    member = filled(service, purchases=1)
    assert service.get(f"/v1/members/{member}/messages", cursor=cursor).status == 422


def test_what_was_read_is_marked_and_counted_once(service: Service) -> None:
    member = filled(service, purchases=1)
    latest = inbox(service, member)["items"][0]
    assert read(service, member, latest)["read_at"] == "2026-11-21T10:01:00Z"
    service.clock.move(hours=1)
    assert read(service, member, latest)["read_at"] == "2026-11-21T10:01:00Z"
    found = inbox(service, member)
    assert [message["read_at"] for message in found["items"]] == ["2026-11-21T10:01:00Z", None]
    assert found["unread"] == 1


def test_a_repeat_of_the_event_leaves_what_was_read_as_it_is(service: Service) -> None:
    member = enrol(service, card="RC-1815")
    service.publish()
    events = service.on_bus()
    service.notify(events)
    read(service, member, inbox(service, member)["items"][0])
    service.notify(events)
    assert inbox(service, member)["unread"] == 0


def test_a_message_of_somebody_else_cannot_be_read(service: Service) -> None:
    ada = filled(service, purchases=0)
    grace = enrol(service, key="enrol-2", card="RC-1906")
    [message] = inbox(service, ada)["items"]
    answer = service.post(f"/v1/members/{grace}/messages/{message['message_id']}/read", None)
    assert refused(answer) == (404, "message_not_found")
    assert inbox(service, ada)["unread"] == 1


@pytest.mark.parametrize(
    "message", ["2026112110000000000000000000-aaaaaaaaaa", "0000000000000000000000000000-0000000000"]
)
def test_a_message_that_there_is_not_cannot_be_read_and_leaves_nothing(service: Service, message: str) -> None:
    member = filled(service, purchases=0)
    with service.unchanged():
        answer = service.post(f"/v1/members/{member}/messages/{message}/read", None)
    assert refused(answer) == (404, "message_not_found")


@pytest.mark.parametrize("message", ["x", "%23state", "goodbye%23email"])
def test_what_is_no_message_of_the_inbox_cannot_be_read(service: Service, message: str) -> None:
    member = filled(service, purchases=0)
    with service.unchanged():
        assert service.post(f"/v1/members/{member}/messages/{message}/read", None).status == 422


def test_a_message_is_over_after_the_days_of_the_programme_however_late_the_table_lets_go_of_it(
    service: Service,
) -> None:
    saying(service, "messages: {inbox_days: 30}")
    member = filled(service, purchases=1)
    welcome = inbox(service, member)["items"][1]
    service.clock.move(days=30, minutes=-1)
    assert len(titles(service, member)) == 2
    service.clock.move(minutes=1)
    found = inbox(service, member, limit="1")
    assert found["items"] == []
    assert (found["unread"], found["next_cursor"]) == (0, None)
    answer = service.post(f"/v1/members/{member}/messages/{welcome['message_id']}/read", None)
    assert refused(answer) == (404, "message_not_found")


def test_the_inbox_fills_at_any_hour_and_for_who_gets_no_mails(service: Service) -> None:
    saying(service, "messages: {channels: [inbox], quiet_hours: '00:00-23:59', at_most: {per_day: 1}}")
    member = filled(service, purchases=3)
    assert len(titles(service, member)) == 4


def test_a_message_stays_in_the_words_in_which_it_came(service: Service) -> None:
    member = filled(service, purchases=0)
    change(service, member, locale="fr")
    assert titles(service, member) == ["Welcome to Record Club"]


def test_what_is_on_its_way_and_what_is_counted_is_no_message_of_the_inbox(service: Service) -> None:
    saying(service, "messages: {channels: [email, sms]}")
    member = enrol(service, email="ada@example.com")
    earn(service, dollars=5)
    service.notify()
    birthday(service, member)
    assert inbox(service, member) == {"items": [], "unread": 0, "next_cursor": None}


def test_of_who_leaves_while_a_message_is_written_nothing_is_kept(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    member = enrol(service, email="ada@example.com", given_name="Zephyrine")
    real = store.into_inbox

    def and_then_leaves(*args: Any) -> None:
        real(*args)
        service.call("DELETE", f"/v1/members/{member}", headers={"idempotency-key": "bye"})
        real(*args)  # as if it had come a moment later

    monkeypatch.setattr(store, "into_inbox", and_then_leaves)
    service.notify()

    assert [item["message"] for item in service.items("messages")] == ["goodbye#email"]
