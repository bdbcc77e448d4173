"""Mails: what happens in the programme reaches the member once, in the member's language."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from functions.notifications.mail import Mail

from functions.runtime import aws
from tests.functional.conftest import NOTIFIER, SENDER, Json, Service, aws_client, publish_program
from tests.functional.factories import a_purchase, earn, enrol, redeem, with_rules, without_programme

WIDE = "\N{NO-BREAK SPACE}"
APOSTROPHE = "\N{RIGHT SINGLE QUOTATION MARK}"


def in_english(code: str) -> list[Mail]:
    return [
        Mail(
            "Welcome to Record Club",
            text("Hello Ada,", "", "you are now a member of Record Club. Every purchase counts from today."),
        ),
        Mail(
            "120 points for you",
            text(
                "Hello Ada,",
                "",
                "you earned 120 points. Your balance is 120.",
                "",
                "- 1 point for every dollar: 120",
                "",
                "Record Club",
            ),
        ),
        Mail(
            "Your voucher of $5.00",
            text(
                "Hello Ada,",
                "",
                "here is your voucher of $5.00 for 100 points:",
                "",
                f"    {code}",
                "",
                "Show it at the till until February 19, 2027.",
                "",
                "Record Club",
            ),
        ),
    ]


def in_french(code: str) -> list[Mail]:
    member = "vous êtes désormais membre du programme « Le Club du disque »."
    welcome = f"{member} Chaque achat compte dès aujourd{APOSTROPHE}hui."
    return [
        Mail("Bienvenue chez Le Club du disque", text("Bonjour Ada,", "", welcome)),
        Mail(
            "120 points pour vous",
            text(
                "Bonjour Ada,",
                "",
                "vous avez gagné 120 points. Votre solde est de 120.",
                "",
                "- 1 point par dollar : 120",
                "",
                "Le Club du disque",
            ),
        ),
        Mail(
            "Votre bon de 5,00 $US",
            text(
                "Bonjour Ada,",
                "",
                f"voici votre bon de 5,00{WIDE}$US pour 100 points :",
                "",
                f"    {code}",
                "",
                f"Présentez-le en caisse jusqu{APOSTROPHE}au 19 février 2027.",
                "",
                "Le Club du disque",
            ),
        ),
    ]


def text(*lines: str) -> str:
    return "\n".join(lines) + "\n"


def sent(service: Service) -> list[Mail]:
    return [Mail(mail.subject, mail.body) for mail in service.mails()]


def deliveries(service: Service) -> dict[str, str]:
    """Status of each delivery."""
    return {item["message"]: item["status"] for item in service.items("messages")}


class Dying:
    """SES, at the moment the worker dies."""

    def send_email(self, **_: Any) -> Any:
        raise ClientError({"Error": {"Code": "ServiceUnavailable", "Message": "gone"}}, "SendEmail")


@pytest.mark.parametrize(("locale", "mails"), [("en", in_english), ("fr", in_french)])
def test_a_member_is_told_of_joining_earning_and_redeeming(
    service: Service, locale: str, mails: Callable[[str], list[Mail]]
) -> None:
    enrol(service, email="Ada@Example.com", given_name="Ada", locale=locale)
    earn(service, dollars=120)
    code = redeem(service).body["voucher"]["code"]

    assert service.notify() == []

    assert sent(service) == mails(code)
    assert {mail.source for mail in service.mails()} == {SENDER}
    assert [mail.destinations for mail in service.mails()] == [{"ToAddresses": ["ada@example.com"]}] * 3


def test_a_delivery_is_kept_without_the_mail_and_forgotten_after_ninety_days(service: Service) -> None:
    member = enrol(service)
    service.notify()
    [delivery] = service.items("messages")
    assert delivery.pop("ses_id")
    assert delivery == {
        "member": member,
        "message": f"{member}#0#email",
        "status": "sent",
        "template": "welcome",
        "claimed_at": "2026-11-21T10:00:00.000000Z",
        "expires_at": 1803031200,
    }


def test_an_event_that_comes_twice_is_one_mail(service: Service) -> None:
    enrol(service)
    service.publish()
    events = service.on_bus()

    assert service.notify(events) == []
    with service.unchanged():
        assert service.notify(events) == []

    assert len(service.mails()) == 1


def test_a_member_without_an_email_is_told_nothing(service: Service) -> None:
    enrol(service, card="RC-1815")
    earn(service, dollars=120, member={"card": "RC-1815"})
    redeem(service, member={"card": "RC-1815"})

    assert service.notify() == []

    assert service.mails() == []
    assert service.items("messages") == []
    assert service.parked() == []


def test_a_member_who_is_gone_is_told_nothing(service: Service) -> None:
    member = enrol(service)
    aws_client("dynamodb").delete_item(TableName="members", Key={"key": {"S": f"M#{member}"}})
    assert service.notify() == []
    assert service.mails() == []


def test_a_purchase_for_nothing_is_no_news(service: Service) -> None:
    enrol(service)
    service.notify()
    earn(service, dollars=0)
    assert service.notify() == []
    assert len(service.mails()) == 1


def test_several_rules_are_told_each_with_its_points(service: Service) -> None:
    more = (
        "{id: fifties, group: base, points: 10, per_full: 5000, text: {en: 10 points for every 50 dollars, fr: x}}",
        "{id: thousands, group: base, points: 900, per_full: 100000, text: {en: 900 points for 1000 dollars, fr: x}}",
    )
    publish_program(service, with_rules(service.get("/v1/program").body["text"], *more))
    enrol(service)
    service.notify()
    earn(service, dollars=60)

    service.notify()

    assert sent(service)[-1] == Mail(
        "70 points for you",
        "Hello,\n\n"
        "you earned 70 points. Your balance is 70.\n\n"
        "- 1 point for every dollar: 60\n"
        "- 10 points for every 50 dollars: 10\n\n"
        "Record Club\n",
    )


def test_a_mail_that_could_not_be_sent_goes_back_to_the_queue_and_leaves_a_claim(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    member = enrol(service)
    monkeypatch.setattr(aws, "sesv2", Dying)
    assert service.notify() == ["record-0"]
    assert deliveries(service) == {f"{member}#0#email": "sending"}
    assert service.parked() == []


@pytest.fixture
def claimed(service: Service, monkeypatch: pytest.MonkeyPatch) -> list[Json]:
    """The event of an enrolment whose mail a worker claimed at ten o'clock, and died over."""
    enrol(service)
    service.publish()
    events = service.on_bus()
    with monkeypatch.context() as patch:
        patch.setattr(aws, "sesv2", Dying)
        service.notify(events)
    return events


def test_a_mail_that_another_worker_claimed_waits_in_the_queue(service: Service, claimed: list[Json]) -> None:
    service.clock.move(minutes=4, seconds=59)
    with service.unchanged():
        assert service.notify(claimed) == ["record-0"]
    assert service.mails() == []
    assert service.on_bus() == []


def test_a_mail_that_a_dead_worker_claimed_is_taken_over_after_five_minutes(
    service: Service, claimed: list[Json]
) -> None:
    service.clock.move(minutes=5)
    assert service.notify(claimed) == []
    assert len(service.mails()) == 1
    assert list(deliveries(service).values()) == ["sent"]
    [delivery] = service.items("messages")
    assert delivery["claimed_at"] == "2026-11-21T10:05:00.000000Z"


def test_a_mail_that_was_taken_over_is_not_sent_again(service: Service, claimed: list[Json]) -> None:
    service.clock.move(minutes=5)
    service.notify(claimed)
    service.clock.move(days=1)
    with service.unchanged():
        assert service.notify(claimed) == []
    assert len(service.mails()) == 1


def test_one_bad_address_does_not_stop_the_others(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    enrol(service, key="enrol-1", email="ada@example.com")
    enrol(service, key="enrol-2", email="grace@example.com")
    ses = aws.sesv2()

    class Choosy:
        def send_email(self, **mail: Any) -> Any:
            if mail["Destination"] == {"ToAddresses": ["ada@example.com"]}:
                return Dying().send_email()
            return ses.send_email(**mail)

    monkeypatch.setattr(aws, "sesv2", Choosy)
    assert service.notify() == ["record-0"]
    assert [mail.destinations["ToAddresses"] for mail in service.mails()] == [["grace@example.com"]]


def test_an_event_that_is_none_of_ours_is_parked(service: Service) -> None:
    """It cannot come this way, but if it does it is not dropped."""
    event = {"id": "e", "source": "loyalty", "time": "2026-11-21T10:00:00Z", "detail-type": "MemberEnrolled"}
    with service.unchanged():
        assert service.deliver(NOTIFIER, json.dumps({**event, "detail": {}})) == []
    [parked] = service.parked()
    assert parked["reason"] == "/metadata: Field required; /data: Field required"


def test_nothing_personal_is_logged_when_mails_are_sent(service: Service) -> None:
    enrol(service, email="ada@example.com", given_name="Ada", family_name="Lovelace")
    earn(service, dollars=120)
    redeem(service)
    service.notify()
    assert len(service.mails()) == 3
    for personal in ("@", "Ada", "Lovelace", "$5.00"):
        assert personal not in service.log.getvalue()


def test_a_welcome_waits_for_the_programme(service: Service) -> None:
    enrol(service)
    without_programme(service)
    assert service.notify() == ["record-0"]
    assert service.on_bus() == []


def test_a_purchase_that_was_repeated_is_told_once(service: Service) -> None:
    enrol(service)
    for _ in range(2):
        assert service.post("/v1/purchases", a_purchase(dollars=5)).status == 201
    service.notify()
    assert [mail.subject for mail in sent(service)] == ["Welcome to Record Club", "5 points for you"]
