"""What members are told, on the deployed stack: every channel, the link to leave, mails that come back, and goodbye."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli import messages, programs
from tests.embedded.partner import Json, Partner, dead_letters, fresh, purchase, until

PROGRAMME = Path(__file__).parent / "chatty.yaml"


@pytest.fixture(scope="module", autouse=True)
def _in_force(partner: Partner) -> Iterator[None]:
    partner.put_in_force(PROGRAMME)
    yield
    partner.put_in_force(programs.READY)


def address() -> str:
    return f"{fresh('mail')}@example.com"


def number() -> str:
    return f"+3361{int(fresh('x').rpartition('-')[2], 16) % 10**7:07}"


def bought(partner: Partner, member: str, euros: int = 100) -> None:
    now = datetime.now(UTC).isoformat()
    answer = partner.post("/v1/purchases", purchase({"id": member}, euros * 100, currency="EUR", occurred_at=now))
    assert answer.status_code == 201, answer.text


def told(partner: Partner, to: str, n: int) -> list[str]:
    """Subjects of mails, or text messages, to an address, once there are so many."""

    def look() -> list[str] | None:
        found = [one.text for one in messages.sent(partner.stack) if one.to == to]
        return found if len(found) >= n else None

    return until(look, f"{n} messages to {to}")


def deliveries(partner: Partner, member: str, n: int) -> list[Json]:
    """What became of messages, latest first, once there are so many and none is on its way."""

    def look() -> list[Json] | None:
        found: list[Json] = partner.get(f"/v1/members/{member}/deliveries").raise_for_status().json()["items"]
        settled = all(one["status"] not in {"waiting", "sending"} for one in found)
        return found if len(found) >= n and settled else None

    return until(look, f"{n} deliveries")


def test_a_member_is_told_by_mail_by_text_message_and_in_the_inbox(partner: Partner) -> None:
    mail, phone = address(), number()
    member = partner.enrol(email=mail, phone=phone, given_name="Zoé [x](http://evil.example) 🎉", locale="fr-CA")
    told(partner, mail, 1)
    bought(partner, member, 500)  # reaches the goal as well

    assert "Bonjour Zoé [x](http://evil.example) 🎉" in told(partner, mail, 3)
    assert any("un cadeau pour vous, 5 euros offerts, code " in text for text in told(partner, phone, 3))
    [welcome] = [one for one in partner.mails(mail) if one["Subject"].startswith("Bonjour")]
    assert welcome["BodyText"].startswith("Venez voir: https://shop.example.com Le Club bavard.")
    assert '<a href="https://shop.example.com">Venez voir</a>' in welcome["BodyHtml"]
    assert "Zoé [x](http://evil.example) 🎉</h1>" in welcome["BodyHtml"], "no link of the member's own"

    inbox = partner.get(f"/v1/members/{member}/messages").raise_for_status().json()
    assert ({one["template"] for one in inbox["items"]}, inbox["unread"]) == (
        {"welcome", "points_earned", "voucher_issued"},
        3,
    )
    first = inbox["items"][0]["message_id"]
    assert partner.post(f"/v1/members/{member}/messages/{first}/read", None).status_code == 200
    assert partner.get(f"/v1/members/{member}/messages").json()["unread"] == 2


def test_more_than_the_programme_allows_is_not_sent_and_lies_in_the_inbox(partner: Partner) -> None:
    mail = address()
    member = partner.enrol(email=mail)
    found = deliveries(partner, member, 2)
    for n in range(1, 4):
        bought(partner, member, 10)
        found = deliveries(partner, member, 2 + 2 * n)  # by mail and by text message
    by_mail = [(one["template"], one["status"], one["why"]) for one in found if one["channel"] == "email"]
    assert sorted(by_mail, key=str) == [
        ("points_earned", "not_sent", "capped"),
        ("points_earned", "sent", None),
        ("points_earned", "sent", None),
        ("welcome", "sent", None),
    ]
    assert {one["why"] for one in found if one["channel"] == "sms"} == {"no_address"}
    assert len(partner.get(f"/v1/members/{member}/messages").json()["items"]) == 4


def test_one_click_in_a_mail_ends_mails_of_this_kind_and_no_others(partner: Partner) -> None:
    mail = address()
    member = partner.enrol(email=mail)
    bought(partner, member)
    told(partner, mail, 2)
    [text] = [one["BodyText"] for one in partner.mails(mail) if "100 points" in one["Subject"]]
    [link] = [word for word in text.split() if "/v1/unsubscribe/" in word]
    url = f"{partner.stack.api.base_url}v1/unsubscribe/{link.rpartition('/')[2]}"

    asked = httpx.get(url, trust_env=False)
    assert (asked.status_code, "<form" in asked.text) == (200, True)
    assert partner.get(f"/v1/members/{member}/preferences").json()["consents"] == []
    done = httpx.post(url, data={"List-Unsubscribe": "One-Click"}, trust_env=False)
    assert (done.status_code, "<form" in done.text) == (200, False)
    assert httpx.post(url[:-1] + "-", trust_env=False).status_code == 404

    bought(partner, member)
    redeemed = {"member": {"id": member}, "reward_id": "five", "capture": True}
    assert partner.post("/v1/redemptions", redeemed, key=fresh("key")).status_code == 201
    found = deliveries(partner, member, 8)
    by_mail = [(one["template"], one["why"]) for one in found if one["channel"] == "email"]
    assert sorted(by_mail[:2], key=str) == [("points_earned", "unsubscribed"), ("reward_ready", None)]


def test_an_address_that_bounced_gets_nothing_more_and_another_one_does(partner: Partner) -> None:
    mail, other = address(), address()
    member = partner.enrol(email=mail)
    told(partner, mail, 1)
    send_back(partner, member, f"{member}#0#email", mail)
    until(lambda: deliveries(partner, member, 2)[0]["status"] == "bounced" or _is(partner, member, "bounced"), "it")
    bought(partner, member)
    assert ("points_earned", "bounced") in _why(deliveries(partner, member, 4))

    changed = partner.stack.api.patch(
        f"/v1/members/{member}", json={"email": other}, headers={"Idempotency-Key": fresh("key")}
    )
    assert changed.status_code == 200
    bought(partner, member)
    assert told(partner, other, 1) == ["100 points for you"]


def send_back(partner: Partner, member: str, message: str, mail: str) -> None:
    """What SES would say of a mail, put where it would arrive: the emulator takes no event in AWS's own name."""
    tags = {"member": [member], "message": [base64.urlsafe_b64encode(message.encode()).decode().rstrip("=")]}
    detail = {
        "eventType": "Bounce",
        "mail": {"tags": tags, "destination": [mail]},
        "bounce": {"bounceType": "Permanent"},
    }
    event: dict[str, Any] = {
        "id": fresh("event"),
        "source": "aws.ses",
        "detail-type": "Email Bounced",
        "time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "detail": detail,
    }
    sqs = partner.stack.aws("sqs")
    queue = sqs.get_queue_url(QueueName=f"{partner.stack.bus_name}-notifications-on-mail-returned")["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(event))
    sqs.send_message(QueueUrl=queue, MessageBody="what nobody can read")
    until(lambda: dead_letters(partner.stack, "notifications-on-mail-returned"), "the dead letter")


def _is(partner: Partner, member: str, status: str) -> bool:
    return any(one["status"] == status for one in deliveries(partner, member, 1))


def _why(found: list[Json]) -> list[tuple[str, str]]:
    return [(one["template"], one["why"]) for one in found]


def test_who_leaves_gets_a_last_mail_and_nothing_is_kept_of_it(partner: Partner) -> None:
    mail = address()
    member = partner.enrol(email=mail, given_name="Ada")
    told(partner, mail, 1)
    headers = {"Idempotency-Key": fresh("key")}
    assert partner.stack.api.delete(f"/v1/members/{member}", headers=headers).status_code == 200
    # As the clock does every minute.
    every_minute = f"{partner.stack.bus_name}-notifications-every-minute"
    partner.stack.aws("lambda").invoke(FunctionName=every_minute, Payload=b"{}")
    assert until(lambda: [one for one in told(partner, mail, 1) if "Goodbye" in one], "goodbye")
    until(lambda: not partner_rows(partner, member), "the row to go")


def partner_rows(partner: Partner, member: str) -> list[Any]:
    found: list[Any] = partner.stack.aws("dynamodb").query(
        TableName=partner.stack.table_names["messages"],
        KeyConditionExpression="#m = :m",
        ExpressionAttributeNames={"#m": "member"},
        ExpressionAttributeValues={":m": {"S": member}},
        ConsistentRead=True,
    )["Items"]
    return found


def test_what_comes_in_the_quiet_hours_waits_and_what_was_asked_for_does_not(partner: Partner, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    quiet = f"{now - timedelta(hours=2):%H:%M}-{now + timedelta(hours=2):%H:%M}"
    file = tmp_path / "quiet.yaml"
    file.write_text(PROGRAMME.read_text().replace("messages:\n", f'messages:\n  quiet_hours: "{quiet}"\n'))
    partner.put_in_force(file)
    mail = address()
    member = partner.enrol(email=mail)
    bought(partner, member)
    told(partner, mail, 1)

    def waiting() -> Json | None:
        found = partner.get(f"/v1/members/{member}/deliveries").json()["items"]
        return next((one for one in found if (one["template"], one["channel"]) == ("points_earned", "email")), None)

    row = until(waiting, "the message")
    assert (row["status"], row["due_at"][:16]) == ("waiting", f"{now + timedelta(hours=2):%Y-%m-%dT%H:%M}")
    assert [one["Subject"] for one in partner.mails(mail)] == ["Hi there"]


def test_words_that_name_what_is_not_there_are_not_published(partner: Partner) -> None:
    text = PROGRAMME.read_text().replace("{{ program }}", "{{ nobody }}")
    answer = partner.post("/v1/program/versions", {"text": text})
    assert answer.status_code == 422
    english, *_ = answer.json()["errors"]
    assert english["pointer"] == "/messages/each/welcome/words/en"
    assert "'nobody' is undefined" in english["detail"]
