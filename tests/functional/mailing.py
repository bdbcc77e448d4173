"""Programmes that say how their messages go out, channels that break, and mails that come back."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.runtime import aws
from tests.functional.conftest import Answer, Json, Mail, Service, publish_program

EMAIL, SMS = "functions.notifications.on_email_due", "functions.notifications.on_sms_due"
RETURNED = "functions.notifications.on_mail_returned"


def saying(service: Service, more: str) -> Service:
    """The record shop's programme, with this about its messages."""
    publish_program(service, f"{service.get('/v1/program').body['text']}\n{more}\n")
    return service


class Broken:
    """A channel that takes nothing, and says why."""

    def __init__(self, code: str) -> None:
        self.code = code

    def send_email(self, **_: Any) -> Any:
        raise ClientError({"Error": {"Code": self.code, "Message": "to ada@example.com"}}, "SendEmail")

    def publish(self, **_: Any) -> Any:
        raise ClientError({"Error": {"Code": self.code, "Message": "to +12125550100"}}, "Publish")


@contextmanager
def broken(channel: str, code: str = "TooManyRequestsException") -> Iterator[None]:
    """While a channel does not work."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aws, channel, lambda: Broken(code))
        yield


def rows(service: Service, channel: str = "email") -> list[Json]:
    """The messages over a channel, as they lie in the table."""
    return [item for item in service.items("messages") if item.get("channel") == channel]


def statuses(service: Service, channel: str = "email") -> dict[str, tuple[str, str | None]]:
    """What became of each message over a channel, and why."""
    return {row["template"]: (row["status"], row.get("why")) for row in rows(service, channel)}


def inbox(service: Service, member: str, **query: str) -> Json:
    return service.get(f"/v1/members/{member}/messages", **query).body


def titles(service: Service, member: str) -> list[str]:
    return [message["title"] for message in inbox(service, member)["items"]]


def deliveries(service: Service, member: str) -> list[Json]:
    found: list[Json] = service.get(f"/v1/members/{member}/deliveries").body["items"]
    return found


def prefer(service: Service, member: str, channel: str, purpose: str, *, key: str, given: bool) -> Answer:
    """Note what a member says to being written to."""
    consent = {"channel": channel, "purpose": purpose, "given": given, "how": "web-form", "wording": "v1"}
    path, headers = f"/v1/members/{member}/preferences", {"idempotency-key": key}
    answer = service.call("PUT", path, {"consents": [consent]}, headers=headers)
    assert answer.status == 200, answer.body
    return answer


def come_back(service: Service, mail: Mail, kind: str = "Bounce", **more: Any) -> list[str]:
    """What SES tells of a mail that came back."""
    tags = {name: [value] for name, value in mail.tags.items()} | {"ses:configuration-set": ["fidelio-mail"]}
    detail: Json = {"eventType": kind, "mail": {"tags": tags, "destination": mail.to}}
    detail |= {"bounce": {"bounceType": "Permanent"}} if kind == "Bounce" else {}
    return tell_of_mail(service, detail | more)


def tell_of_mail(service: Service, detail: Json) -> list[str]:
    """An event of SES on the bus of the account."""
    event = {
        "id": "ses-1",
        "source": "aws.ses",
        "time": f"{service.clock():%Y-%m-%dT%H:%M:%SZ}",
        "detail-type": "Email Bounced" if detail["eventType"] == "Bounce" else "Email Complaint Received",
        "detail": detail,
    }
    return service.deliver(RETURNED, json.dumps(event))


def link_of(mail: Mail) -> str:
    """The path of the link that a mail program calls to get no more."""
    return mail.headers["List-Unsubscribe"].strip("<>").removeprefix("https://api.example.com")


def birthday(service: Service, member: str) -> None:
    """Tell that it is somebody's birthday."""
    at = f"{service.clock():%Y-%m-%dT%H:%M:%S.%fZ}"
    metadata = {"event_id": f"{member}#birthday:{at}", "member_sequence": None, "occurred_at": at, "recorded_at": at}
    event = {
        "id": "b",
        "source": "loyalty",
        "time": f"{service.clock():%Y-%m-%dT%H:%M:%SZ}",
        "detail-type": "BirthdayCame",
        "detail": {"metadata": metadata, "data": {"member_id": member}},
    }
    assert service.notify([event]) == []
