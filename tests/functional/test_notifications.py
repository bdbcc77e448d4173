"""Messages: what happens in the programme reaches the member once on every channel, in the member's language."""

import json
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from functions.notifications import store
from functions.notifications.sending import PAUSES
from functions.runtime import aws
from tests.functional.conftest import NOTIFIER, NOW, SENDER, Json, Service, aws_client, publish_program
from tests.functional.factories import a_purchase, earn, enrol, redeem, with_rules, without_programme
from tests.functional.mailing import (
    EMAIL,
    SMS,
    broken,
    deliveries,
    inbox,
    rows,
    saying,
    statuses,
    titles,
)

WIDE = "\N{NO-BREAK SPACE}"
BOTH = "messages: {channels: [email, sms, inbox]}"
UNSUBSCRIBE = "No more mails like this: "


@pytest.fixture
def loud(service: Service) -> Service:
    """Every channel is used."""
    return saying(service, BOTH)


def ada(service: Service) -> str:
    return enrol(service, email="Ada@Example.com", phone="+12125550100", given_name="Ada")


def told_by(service: Service) -> list[Json]:
    """What was committed, as the bus tells it."""
    service.publish()
    return service.on_bus()


def due(service: Service) -> list[Json]:
    return [event for event in service.on_bus() if event["detail-type"] in {"EmailDue", "SmsDue"}]


# --- what a member reads -------------------------------------------------------------------------------------------


def test_a_member_is_told_of_joining_earning_and_redeeming_on_every_channel(loud: Service) -> None:
    member = ada(loud)
    loud.clock.move(seconds=1)
    earn(loud, dollars=120)
    loud.clock.move(seconds=1)
    code = redeem(loud).body["voucher"]["code"]

    assert loud.notify() == []

    assert [mail.subject for mail in loud.mails()] == [
        "Welcome to Record Club",
        "120 points for you",
        "Your voucher of $5.00",
    ]
    assert loud.mails()[2].body == (
        "Hello Ada,\n\nhere is your voucher of $5.00 for 100 points:\n\n"
        f"    {code}\n\nShow it at the till until February 19, 2027.\n\n-- \nRecord Club\n"
    )
    assert [(number, text.partition(",")[0]) for number, text in loud.texts()] == [
        ("+12125550100", "Welcome to Record Club. Every purchase counts from today."),
        ("+12125550100", "Record Club: 120 points for you. Balance: 120."),
        ("+12125550100", "Record Club: 5 dollars off your next record"),
    ]
    assert titles(loud, member) == ["Your voucher of $5.00", "120 points for you", "Welcome to Record Club"]


def test_a_mail_has_the_programme_as_its_sender_and_one_reader(service: Service) -> None:
    ada(service)
    service.notify()
    [mail] = service.mails()
    assert (mail.request["FromEmailAddress"], mail.to) == (SENDER, ["ada@example.com"])
    assert mail.request["ConfigurationSetName"] == "fidelio-mail"


def test_a_mail_can_be_read_as_text_and_as_html_in_french(service: Service) -> None:
    enrol(service, email="ada@example.com", given_name="Zoé <b>", locale="fr-CA")
    earn(service, dollars=1)
    service.notify()
    mail = service.mails()[-1]
    assert mail.subject == "1 point pour vous"
    assert mail.body.startswith("Bonjour Zoé <b>,\n\nvous avez gagné 1 point. Votre solde est de 1.\n")
    assert '<html lang="fr" dir="auto">' in mail.html
    assert "<p>Bonjour Zoé &lt;b&gt;,</p>" in mail.html
    assert "<strong>1 point</strong>" in mail.html


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

    mail = service.mails()[-1]
    assert mail.subject == "70 points for you"
    assert "- 1 point for every dollar: 60\n- 10 points for every 50 dollars: 10\n" in mail.body


def test_the_words_of_the_programme_go_out_on_every_channel(service: Service) -> None:
    words = '{en: "Hi {{ given_name }}\\n\\nHere is **yours**.\\n", fr: "x\\n\\ny"}'
    saying(
        service,
        f"messages:\n  channels: [email, sms, inbox]\n  each: {{welcome: {{words: {words}, sms: {{en: Yo, fr: x}}}}}}",
    )
    member = ada(service)
    service.notify()
    [mail] = service.mails()
    assert (mail.subject, "<strong>yours</strong>" in mail.html) == ("Hi Ada", True)
    assert [text for _, text in service.texts()] == ["Yo"]
    [message] = inbox(service, member)["items"]
    assert (message["title"], message["body"]) == ("Hi Ada", "Here is yours.\n")


def test_words_that_fail_after_all_are_replaced_by_those_that_come_with_it_and_say_nothing_in_the_log(
    service: Service,
) -> None:
    """Tried with an example of 1,250 points, and read by somebody who has more."""
    late = '{en: "S\\n\\n{% if points > 5000 %}{{ given_name | day }}{% endif %}x", fr: "x\\n\\ny"}'
    sms = "{en: 'x {% if points > 5000 %}{{ given_name | day }}{% endif %}', fr: x}"
    saying(
        service,
        f"messages:\n  channels: [email, sms, inbox]\n  each: {{points_earned: {{words: {late}, sms: {sms}}}}}",
    )
    member = ada(service)
    service.clock.move(seconds=1)
    earn(service, dollars=6000)
    assert service.notify() == []
    assert service.mails()[-1].subject == "6,000 points for you"
    assert service.texts()[-1][1] == "Record Club: 6,000 points for you. Balance: 6,000."
    assert titles(service, member)[0] == "6,000 points for you"
    assert "words_failed" in service.log.getvalue()
    assert "Ada" not in service.log.getvalue()


# --- once ----------------------------------------------------------------------------------------------------------


def test_an_event_that_comes_again_and_again_is_one_message_on_every_channel(loud: Service) -> None:
    member = ada(loud)
    events = told_by(loud)
    loud.notify(events)
    loud.clock.move(hours=1)
    with loud.unchanged():
        for _ in range(3):
            assert loud.hand(NOTIFIER, events) == []
    assert due(loud) == []
    assert (len(loud.mails()), len(loud.texts()), len(titles(loud, member))) == (1, 1, 1)


def test_a_message_that_is_called_due_twice_is_sent_once(service: Service) -> None:
    enrol(service)
    service.hand(NOTIFIER, told_by(service))
    [event] = due(service)
    for _ in range(3):
        assert service.hand(EMAIL, [event]) == []
    assert len(service.mails()) == 1


def test_a_purchase_that_was_repeated_is_told_once(service: Service) -> None:
    enrol(service)
    for _ in range(2):
        assert service.post("/v1/purchases", a_purchase(dollars=5)).status == 201
    service.notify()
    assert [mail.subject for mail in service.mails()] == ["Welcome to Record Club", "5 points for you"]


def test_a_message_of_which_the_wake_up_was_lost_goes_out_in_the_next_minute(loud: Service) -> None:
    ada(loud)
    loud.hand(NOTIFIER, told_by(loud))
    assert len(due(loud)) == 2
    assert [event["detail-type"] for event in loud.wake()] == ["EmailDue", "SmsDue"]
    assert (len(loud.mails()), len(loud.texts())) == (1, 1)
    assert loud.wake() == []


def test_a_bought_voucher_is_told_once_and_not_also_as_a_gift(service: Service) -> None:
    enrol(service)
    earn(service, dollars=120)
    redeem(service)
    service.notify()
    assert [row["template"] for row in rows(service)].count("reward_ready") == 1
    assert "voucher_issued" not in statuses(service)


# --- nothing to tell -----------------------------------------------------------------------------------------------


def test_a_member_without_an_address_finds_it_in_the_inbox_and_the_rest_is_noted_as_not_sent(loud: Service) -> None:
    member = enrol(loud, card="RC-1815")
    assert loud.notify() == []
    assert (loud.mails(), loud.texts(), titles(loud, member)) == ([], [], ["Welcome to Record Club"])
    assert [statuses(loud, channel) for channel in ("email", "sms")] == [{"welcome": ("not_sent", "no_address")}] * 2
    assert loud.wake() == []
    assert loud.parked() == []


def test_a_member_who_is_gone_is_told_nothing(service: Service) -> None:
    member = enrol(service)
    aws_client("dynamodb").delete_item(TableName="members", Key={"key": {"S": f"M#{member}"}})
    assert service.notify() == []
    assert (service.mails(), service.items("messages")) == ([], [])


def test_a_purchase_for_nothing_is_no_news(service: Service) -> None:
    enrol(service)
    service.notify()
    earn(service, dollars=0)
    assert service.notify() == []
    assert len(service.mails()) == 1


def test_a_purchase_of_long_ago_is_no_news(service: Service) -> None:
    enrol(service)
    service.notify()
    earn(service, dollars=5, occurred_at="2026-11-14T09:59:59Z")
    service.notify()
    assert len(service.mails()) == 1


@pytest.mark.parametrize(
    ("channels", "counts"),
    [("[email]", (1, 0, 0)), ("[sms]", (0, 1, 0)), ("[inbox]", (0, 0, 1)), ("[]", (0, 0, 0))],
)
def test_a_programme_chooses_the_channels(service: Service, channels: str, counts: tuple[int, int, int]) -> None:
    saying(service, f"messages: {{channels: {channels}}}")
    member = ada(service)
    service.notify()
    assert (len(service.mails()), len(service.texts()), len(titles(service, member))) == counts


def test_a_message_may_have_channels_of_its_own(service: Service) -> None:
    saying(service, "messages: {each: {welcome: {channels: []}, points_earned: {channels: [sms]}}}")
    member = ada(service)
    earn(service, dollars=5)
    service.notify()
    assert (service.mails(), len(service.texts()), titles(service, member)) == ([], 1, [])


def test_a_welcome_waits_for_the_programme(service: Service) -> None:
    enrol(service)
    without_programme(service)
    assert service.notify() == ["record-0"]
    assert service.on_bus() == []


# --- what is malformed ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "detail_type"), [(NOTIFIER, "MemberEnrolled"), (EMAIL, "EmailDue"), (SMS, "SmsDue")]
)
def test_an_event_that_is_none_of_ours_is_parked(service: Service, module: str, detail_type: str) -> None:
    """It cannot come this way, but if it does it is not dropped."""
    event = {"id": "e", "source": "loyalty", "time": "2026-11-21T10:00:00Z", "detail-type": detail_type}
    with service.unchanged():
        assert service.deliver(module, json.dumps({**event, "detail": {}})) == []
    [parked] = service.parked()
    assert "/data: Field required" in parked["reason"]


# --- claims --------------------------------------------------------------------------------------------------------


@pytest.fixture
def claimed(service: Service) -> Json:
    """That a welcome is due, which a worker claimed at ten o'clock, and died over."""
    enrol(service)
    service.hand(NOTIFIER, told_by(service))
    [event] = due(service)

    class Dying:
        def send_email(self, **_: Any) -> Any:
            raise RuntimeError("the worker dies")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aws, "sesv2", Dying)
        assert service.hand(EMAIL, [event]) == ["record-0"]
    assert statuses(service) == {"welcome": ("sending", None)}
    return event


def test_a_mail_that_another_worker_claimed_waits_in_the_queue(service: Service, claimed: Json) -> None:
    service.clock.move(minutes=5)
    with service.unchanged():
        assert service.hand(EMAIL, [claimed]) == ["record-0"]
    assert service.mails() == []


def test_a_mail_that_a_dead_worker_claimed_is_taken_over_after_five_minutes(service: Service, claimed: Json) -> None:
    service.clock.move(minutes=5, seconds=1)
    assert service.hand(EMAIL, [claimed]) == []
    assert (len(service.mails()), statuses(service)) == (1, {"welcome": ("sent", None)})


def test_a_claim_is_taken_over_also_where_the_queue_has_lost_it(service: Service, claimed: Json) -> None:
    service.clock.move(minutes=6)
    service.wake()
    assert (len(service.mails()), statuses(service)) == (1, {"welcome": ("sent", None)})


def test_a_mail_that_was_taken_over_is_not_sent_again(service: Service, claimed: Json) -> None:
    service.clock.move(minutes=6)
    service.hand(EMAIL, [claimed])
    service.clock.move(days=1)
    with service.unchanged():
        assert service.hand(EMAIL, [claimed]) == []
    assert len(service.mails()) == 1


def test_a_repeat_that_meets_a_message_on_its_way_says_nothing_of_it(service: Service) -> None:
    """The other counts it while the repeat looks: it is not capped by its own."""
    saying(service, "messages: {at_most: {per_day: 1}}")
    enrol(service)
    service.notify()
    earn(service, dollars=5)
    service.hand(NOTIFIER, told_by(service))
    [event] = due(service)
    ses = aws.sesv2()
    again: list[str] = []

    class Slow:
        def send_email(self, **mail: Any) -> Any:
            store.count(mail["EmailTags"][0]["Value"], "email")
            if not again:
                again.append("now")
                again.extend(service.hand(EMAIL, [event]))
            return ses.send_email(**mail)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aws, "sesv2", Slow)
        service.hand(EMAIL, [event])
    assert again == ["now", "record-0"]
    assert statuses(service)["points_earned"] == ("sent", None)


# --- a channel that does not work ----------------------------------------------------------------------------------


def test_a_broken_channel_stands_in_no_others_way(loud: Service) -> None:
    member = ada(loud)
    with broken("sesv2"):
        assert loud.notify() == []
    assert (loud.mails(), len(loud.texts()), len(titles(loud, member))) == ([], 1, 1)
    assert statuses(loud) == {"welcome": ("waiting", "TooManyRequestsException")}
    loud.clock.move(minutes=1)
    with broken("sns"):
        loud.wake()
    assert len(loud.mails()) == 1


def test_a_wake_up_that_comes_again_does_not_shorten_the_pause(service: Service) -> None:
    enrol(service)
    service.hand(NOTIFIER, told_by(service))
    [event] = due(service)
    with broken("sesv2"):
        service.hand(EMAIL, [event])
    service.clock.move(seconds=59)
    with service.unchanged():
        assert service.hand(EMAIL, [event]) == []
    assert service.mails() == []


def test_one_bad_address_does_not_stop_the_others(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    enrol(service, key="enrol-1", email="ada@example.com")
    enrol(service, key="enrol-2", email="grace@example.com")
    ses = aws.sesv2()

    class Choosy:
        def send_email(self, **mail: Any) -> Any:
            if mail["Destination"] == {"ToAddresses": ["ada@example.com"]}:
                raise EndpointConnectionError(endpoint_url="https://email")
            return ses.send_email(**mail)

    monkeypatch.setattr(aws, "sesv2", Choosy)
    assert service.notify() == []
    assert [mail.to for mail in service.mails()] == [["grace@example.com"]]
    assert sorted(row.get("why", "") for row in rows(service)) == ["", "EndpointConnectionError"]


@pytest.mark.parametrize(("channel", "client"), [("email", "sesv2"), ("sms", "sns")])
def test_what_fails_in_passing_is_tried_again_after_growing_pauses_and_is_a_dead_letter_in_the_end(
    loud: Service, channel: str, client: str
) -> None:
    module = {"email": EMAIL, "sms": SMS}[channel]
    ada(loud)
    with broken(client):
        loud.notify()
        for tried, pause in enumerate(PAUSES, start=1):
            [row] = rows(loud, channel)
            assert (row["status"], row["attempts"]) == ("waiting", tried)
            loud.clock.move(seconds=pause.total_seconds() - 1)
            assert loud.wake() == []
            loud.clock.move(seconds=1)
            if tried < len(PAUSES):
                assert len(loud.wake()) == 1
        loud._run("functions.notifications.every_minute", {})
        [event] = due(loud)
        for tries in range(1, 6):
            assert loud.hand(module, [event], tries) == ["record-0"], "the queue makes it a dead letter"
        loud.clock.move(days=1)
        assert loud.wake() == [], "the clock leaves it to whoever looks after dead letters"
    assert loud.hand(module, [event]) == [], "and once the channel works it goes out"
    assert statuses(loud, channel)["welcome"][0] == "sent"


@pytest.mark.parametrize(
    ("channel", "client", "code"),
    [
        ("email", "sesv2", "MessageRejected"),
        ("email", "sesv2", "BadRequestException"),
        ("sms", "sns", "InvalidParameter"),
        ("sms", "sns", "OptedOut"),
    ],
)
def test_what_can_never_be_sent_is_noted_as_such_and_not_tried_again(
    loud: Service, channel: str, client: str, code: str
) -> None:
    ada(loud)
    with broken(client, code):
        assert loud.notify() == []
    assert statuses(loud, channel) == {"welcome": ("failed", code)}
    loud.clock.move(days=1)
    assert loud.wake() == []


def test_nothing_of_an_answer_of_a_channel_but_its_code_is_logged(loud: Service) -> None:
    ada(loud)
    with broken("sesv2"), broken("sns", "InvalidParameter"):
        loud.notify()
    assert "TooManyRequestsException" in loud.log.getvalue()
    for personal in ("@", "2125550100", "Ada"):
        assert personal not in loud.log.getvalue()


# --- what is kept, and said ----------------------------------------------------------------------------------------


def test_a_delivery_is_kept_without_the_mail_and_forgotten_after_ninety_days(service: Service) -> None:
    saying(service, "messages: {channels: [email]}")
    member = enrol(service)
    service.notify()
    assert service.items("messages") == [
        {
            "member": member,
            "message": f"{member}#0#email",
            "channel": "email",
            "status": "sent",
            "template": "welcome",
            "created_at": "2026-11-21T10:00:00.000000Z",
            "claimed_at": "2026-11-21T10:00:00.000000Z",
            "sent_at": "2026-11-21T10:00:00.000000Z",
            "expires_at": int(NOW.timestamp()) + 90 * 86400,
        }
    ]


def test_what_was_sent_and_what_was_not_is_told_to_who_asks(loud: Service) -> None:
    member = enrol(loud, email="ada@example.com")
    with broken("sesv2"):
        loud.notify()
    at = "2026-11-21T10:00:00Z"
    common = {"template": "welcome", "created_at": at, "sent_at": None}
    assert sorted(deliveries(loud, member), key=lambda one: str(one["channel"])) == [
        common
        | {
            "channel": "email",
            "status": "waiting",
            "why": "TooManyRequestsException",
            "attempts": 1,
            "due_at": "2026-11-21T10:01:00Z",
        },
        common | {"channel": "sms", "status": "not_sent", "why": "no_address", "attempts": 0, "due_at": None},
    ]


def test_deliveries_are_listed_latest_first(service: Service) -> None:
    member = enrol(service)
    service.notify()
    service.clock.move(minutes=1)
    earn(service, dollars=5)
    service.notify()
    found = deliveries(service, member)
    assert [(one["template"], one["status"]) for one in found] == [("points_earned", "sent"), ("welcome", "sent")]
    assert found[0]["sent_at"] == "2026-11-21T10:01:00Z"


def test_nothing_personal_is_logged_or_told_when_messages_go_out(loud: Service) -> None:
    enrol(loud, email="ada@example.com", phone="+12125550100", given_name="Ada", family_name="Lovelace")
    earn(loud, dollars=120)
    code = redeem(loud).body["voucher"]["code"]
    told = loud.settle()
    assert (len(loud.mails()), len(loud.texts())) == (3, 3)
    for personal in ("@", "Ada", "Lovelace", "2125550100", "$5.00", code):
        assert personal not in loud.log.getvalue()
        assert personal not in json.dumps(told)
