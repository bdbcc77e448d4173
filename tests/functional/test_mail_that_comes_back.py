"""Mails that did not arrive or were not welcome, and the last one to who has left."""

from typing import Any

import pytest

from tests.functional.conftest import Json, Mail, Service
from tests.functional.factories import earn, enrol
from tests.functional.mailing import broken, come_back, deliveries, rows, saying, statuses, tell_of_mail
from tests.functional.people import change, leave

PERMANENT = {"bounce": {"bounceType": "Permanent"}}


@pytest.fixture
def welcomed(service: Service) -> Mail:
    """Ada's first mail."""
    saying(service, "messages: {channels: [email, sms, inbox]}")
    enrol(service, email="ada@example.com", phone="+12125550100")
    service.notify()
    return service.mails()[-1]


def member_of(mail: Mail) -> str:
    return mail.tags["member"]


def again(service: Service, id: str = "r-1") -> tuple[str, str | None]:
    """What becomes of the mail of another purchase."""
    earn(service, dollars=5, id=id, member={"phone": "+12125550100"})
    service.notify()
    return statuses(service)["points_earned"]


# --- what comes back -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "why"), [("Bounce", "bounced"), ("Complaint", "complained")])
def test_an_address_that_does_not_work_gets_nothing_more(service: Service, welcomed: Mail, kind: str, why: str) -> None:
    assert come_back(service, welcomed, kind) == []
    assert statuses(service) == {"welcome": (why, None)}
    assert again(service) == ("not_sent", why)
    assert [one["status"] for one in deliveries(service, member_of(welcomed)) if one["channel"] == "sms"] == [
        "sent"
    ] * 2


@pytest.mark.parametrize("bounced", ["Transient", "Undetermined"])
def test_a_mail_that_could_not_be_delivered_for_now_is_no_news(service: Service, welcomed: Mail, bounced: str) -> None:
    with service.unchanged():
        assert come_back(service, welcomed, bounce={"bounceType": bounced}) == []
    assert again(service) == ("sent", None)


@pytest.mark.parametrize("kind", ["Delivery", "Send", "Open", "Reject"])
def test_whatever_else_becomes_of_a_mail_is_no_news(service: Service, welcomed: Mail, kind: str) -> None:
    with service.unchanged():
        assert come_back(service, welcomed, kind) == []


def test_another_address_of_the_same_member_works_again(service: Service, welcomed: Mail) -> None:
    come_back(service, welcomed)
    change(service, member_of(welcomed), email="countess@example.com")
    assert again(service) == ("sent", None)
    assert service.mails()[-1].to == ["countess@example.com"]


def test_the_address_that_did_not_work_does_not_work_for_having_been_away(service: Service, welcomed: Mail) -> None:
    come_back(service, welcomed)
    for key, email in (("c-1", "countess@example.com"), ("c-2", "ada@example.com")):
        change(service, member_of(welcomed), key, email=email)
    assert again(service) == ("not_sent", "bounced")


def test_a_mail_that_comes_back_twice_is_noted_once(service: Service, welcomed: Mail) -> None:
    come_back(service, welcomed)
    with service.unchanged():
        come_back(service, welcomed)


def test_what_waited_for_an_address_that_does_not_work_any_more_is_not_sent(service: Service, welcomed: Mail) -> None:
    with broken("sesv2"):
        again(service)
    come_back(service, welcomed)
    service.clock.move(minutes=1)
    service.wake()
    assert statuses(service)["points_earned"] == ("not_sent", "bounced")


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"member": ["m"]},
        {"member": ["m"], "message": ["*"]},
        {"member": ["m"], "message": [""]},
        {"member": [], "message": []},
        {"message": ["eA"]},
    ],
)
def test_a_mail_that_is_none_of_ours_is_no_news(service: Service, welcomed: Mail, tags: Json) -> None:
    with service.unchanged():
        mail = {"tags": tags, "destination": ["ada@example.com"]}
        assert tell_of_mail(service, {"eventType": "Bounce", "mail": mail, **PERMANENT}) == []


def test_what_cannot_be_read_is_parked(service: Service) -> None:
    assert tell_of_mail(service, {"eventType": "Bounce"}) == []
    [parked] = service.parked()
    assert "/mail: Field required" in parked["reason"]


def test_a_mail_that_comes_back_when_its_member_has_left_leaves_nothing_of_the_address(
    service: Service, welcomed: Mail
) -> None:
    member = member_of(welcomed)
    leave(service, member)
    service.settle()
    service.wake()
    goodbye = service.mails()[-1]
    with service.unchanged():
        come_back(service, welcomed)
        come_back(service, goodbye)
    assert [item for item in service.items("messages") if item["member"] == member] == []


def test_the_address_is_in_no_table_but_the_members(service: Service, welcomed: Mail) -> None:
    come_back(service, welcomed)
    assert "ada@example.com" not in str(service.items("messages"))


# --- the last mail -------------------------------------------------------------------------------------------------


def last_of(service: Service) -> Json:
    [row] = [row for row in rows(service) if row["template"] == "goodbye"]
    return row


def left(service: Service, **profile: Any) -> str:
    member = enrol(service, **({"email": "ada@example.com", "given_name": "Ada", "locale": "fr"} | profile))
    service.notify()
    assert leave(service, member).status == 200
    return member


def test_who_leaves_gets_one_last_mail_and_the_address_goes_with_it(service: Service) -> None:
    member = left(service)
    row = last_of(service)
    assert (row["to"], row["given_name"], row["status"]) == ("ada@example.com", "Ada", "waiting")
    assert [item for item in service.items("messages") if item["member"] == member] == [row]

    service.wake()

    mail = service.mails()[-1]
    assert (mail.to, mail.subject) == (["ada@example.com"], "Le Club du disque vous dit au revoir")
    assert mail.body.startswith("Bonjour Ada,\n")
    assert mail.headers == {}
    assert [item for item in service.items("messages") if item["member"] == member] == []
    assert service.wake() == []


def test_the_last_mail_goes_out_at_night_and_to_who_wanted_no_mails(service: Service) -> None:
    saying(service, "messages: {quiet_hours: '00:00-23:59', at_most: {per_day: 1}}")
    left(service)
    service.wake()
    assert len(service.mails()) == 2


def test_who_leaves_twice_gets_one_last_mail(service: Service) -> None:
    member = left(service)
    service.wake()
    with service.unchanged():
        assert leave(service, member).replayed
    assert service.wake() == []
    assert len(service.mails()) == 2


@pytest.mark.parametrize("more", ["each: {goodbye: {channels: []}}", "channels: [sms, inbox]"])
def test_a_programme_may_send_no_last_mail(service: Service, more: str) -> None:
    saying(service, f"messages: {{{more}}}")
    member = left(service)
    assert [item for item in service.items("messages") if item["member"] == member] == []


def test_an_address_that_does_not_work_gets_no_last_mail_but_another_one_does(service: Service, welcomed: Mail) -> None:
    come_back(service, welcomed)
    leave(service, member_of(welcomed))
    assert service.items("messages") == []

    member = enrol(service, "other", email="byron@example.com")
    service.notify()
    come_back(service, service.mails()[-1])
    change(service, member, email="lord@example.com")
    assert leave(service, member, "l-2").status == 200
    assert last_of(service)["to"] == "lord@example.com"


def test_who_has_no_address_gets_no_last_mail(service: Service) -> None:
    member = enrol(service, card="RC-1815")
    leave(service, member)
    assert service.items("messages") == []


def test_a_last_mail_that_cannot_be_sent_for_now_is_tried_again(service: Service) -> None:
    left(service)
    with broken("sesv2"):
        service.wake()
    assert last_of(service)["attempts"] == 1
    service.clock.move(minutes=1)
    service.wake()
    assert (len(service.mails()), rows(service)) == (2, [])


def test_a_last_mail_that_can_never_be_sent_takes_the_address_with_it_too(service: Service) -> None:
    left(service)
    with broken("sesv2", "MessageRejected"):
        service.wake()
    assert rows(service) == []


def test_the_last_mail_names_nothing_personal_in_what_is_told_and_logged(service: Service) -> None:
    left(service)
    told = service.wake()
    for personal in ("ada@example.com", "Ada"):
        assert personal not in str(told)
        assert personal not in service.log.getvalue()
