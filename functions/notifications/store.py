"""Whom to write to, and what was written: contacts from the members table, deliveries in the messages table, SES.

    <member> / <event id>#email    delivery: sending, then sent; forgotten after `_KEPT`

The delivery is claimed before the mail goes out, so that an event that comes twice does not write twice. If we die
between the two, the claim is taken over once it is five minutes old: rather twice than never.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from functions.ledger import store as ledger
from functions.ledger.account import Operation
from functions.ledger.identity import profile_key
from functions.notifications.mail import Mail
from functions.program import store as programs
from functions.program.model import Program
from functions.runtime import aws, clock, settings, tables
from functions.runtime.errors import ProgramNotActiveError, TryAgainError

_KEPT = timedelta(days=90)
_REMINDER_KEPT = timedelta(days=400)
"""Whether points may expire is asked up to a year after the reminder."""
_LANGUAGES = ("en", "fr")
"""In which we write; the first where a member reads none of them."""
_TAKEN_OVER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Contact:
    """What is needed to write to a member; `email` is None where there is nobody to write to."""

    email: str | None
    locale: str
    given_name: str | None


def contact(member: str) -> Contact:
    """How to reach a member. A member who is gone cannot be reached."""
    profile = tables.get("members", {"key": profile_key(member)})
    if profile is None:
        return Contact(None, "en", None)
    emails = [identity["value"] for identity in profile["identities"] if identity["kind"] == "email"]
    language = profile["locale"][:2]
    known = language if language in _LANGUAGES else _LANGUAGES[0]
    return Contact(emails[-1] if emails else None, known, profile["given_name"])


def voucher_code(redemption: str) -> str | None:
    """The code that a redemption gave. It is read here because no event carries it."""
    for kind in ("capture", "redemption"):
        entry = ledger.find(Operation(kind, "", redemption, "", "").key)
        if entry and entry.posting.reward and entry.posting.reward.code:
            return entry.posting.reward.code
    return None


def program() -> Program:
    """The programme in force. Raises TryAgainError: news of a programme that is not there yet can wait."""
    try:
        return programs.active()
    except ProgramNotActiveError as error:
        raise TryAgainError(error.detail) from error


def deliver(member: str, event_id: str, message: str, mail: Mail, address: str) -> bool:
    """Send a mail once per event; False if it was sent before. Raises TryAgainError, ClientError."""
    now, kept = clock.now(), _REMINDER_KEPT if message == "points_expiring" else _KEPT
    key = {"member": member, "message": f"{event_id}#email"}
    claim = key | {
        "status": "sending",
        "template": message,
        "claimed_at": clock.to_text(now),
        "expires_at": int((now + kept).timestamp()),
    }
    if not _claim(claim, now):
        return False
    sent = aws.sesv2().send_email(
        FromEmailAddress=settings.sender(),
        Destination={"ToAddresses": [address]},
        Content={
            "Simple": {
                "Subject": {"Data": mail.subject, "Charset": "UTF-8"},
                "Body": {"Text": {"Data": mail.body, "Charset": "UTF-8"}},
            }
        },
    )
    tables.put("messages", claim | {"status": "sent", "ses_id": sent["MessageId"]})
    return True


def _claim(claim: tables.Item, now: datetime) -> bool:
    try:
        tables.put_new("messages", claim, key="member")
    except tables.ConditionFailedError as failed:
        found = failed.item or {}
        if found.get("status") == "sent":
            return False
        if now - clock.from_text(found["claimed_at"]) < _TAKEN_OVER:
            raise TryAgainError("Another worker is sending this mail.") from failed
        tables.put("messages", claim)
    return True
