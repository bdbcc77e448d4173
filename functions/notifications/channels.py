"""How a message leaves the house: by e-mail (SES) or as a text message (SNS)."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from functions.notifications.deciding import Reader
from functions.notifications.wording import worded, worded_sms
from functions.program.messages.catalogue import Kind
from functions.program.messages.writing import footer, page
from functions.program.model import Program
from functions.runtime import aws, links, settings


@dataclass(frozen=True, slots=True)
class Letter:
    """A message for somebody. `message` is its id."""

    member: str
    message: str
    kind: Kind
    reader: Reader
    program: Program
    facts: Mapping[str, Any]


def email(letter: Letter) -> None:
    """Raises ClientError, BotoCoreError."""
    program, locale = letter.program, letter.reader.locale
    message = worded(program, letter.kind.id, locale, letter.facts)
    leave = _unsubscribe(letter)
    html = page(program, locale, message.subject, message.html, leave)
    # One click, as RFC 8058 has it: the reader's mail program asks for it, no page in between.
    headers = {"List-Unsubscribe": f"<{leave}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"} if leave else {}
    text = message.body + footer(program, locale, leave)
    aws.sesv2().send_email(
        FromEmailAddress=settings.sender(),
        Destination={"ToAddresses": [letter.reader.addresses["email"]]},
        Content={
            "Simple": {
                "Subject": {"Data": message.subject, "Charset": "UTF-8"},
                "Body": {
                    "Text": {"Data": text, "Charset": "UTF-8"},
                    "Html": {"Data": html, "Charset": "UTF-8"},
                },
                "Headers": [{"Name": name, "Value": value} for name, value in headers.items()],
            }
        },
        # Come back with a bounce or a complaint.
        EmailTags=[{"Name": "member", "Value": letter.member}, {"Name": "message", "Value": tag_of(letter.message)}],
        ConfigurationSetName=settings.configuration_set(),
    )


def _unsubscribe(letter: Letter) -> str | None:
    if letter.kind.purpose == "service":
        return None
    return links.unsubscribe(letter.member, "email", letter.kind.purpose)


def sms(letter: Letter) -> None:
    """Raises ClientError, BotoCoreError."""
    text = worded_sms(letter.program, letter.kind.id, letter.reader.locale, letter.facts)
    kind = "Promotional" if letter.kind.purpose == "marketing" else "Transactional"
    aws.sns().publish(
        PhoneNumber=letter.reader.addresses["sms"],
        Message=text,
        MessageAttributes={"AWS.SNS.SMS.SMSType": {"DataType": "String", "StringValue": kind}},
    )


SENDERS: Mapping[str, Callable[[Letter], None]] = {"email": email, "sms": sms}


def tag_of(message: str) -> str:
    """A message's id as SES takes it in a tag."""
    return base64.urlsafe_b64encode(message.encode()).decode().rstrip("=")


def message_of_tag(tag: str) -> str:
    """Raises ValueError for what no tag says."""
    message = base64.b64decode(tag + "=" * (-len(tag) % 4), altchars=b"-_", validate=True).decode()
    if not message:
        raise ValueError("An empty tag names no message.")
    return message
