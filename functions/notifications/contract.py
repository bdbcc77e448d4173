"""What goes in and out of notifications."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field

from functions.notifications.store import INBOX
from functions.runtime.validation import Output


class MessageOut(Output):
    """A message in a member's inbox. `body` is plain text."""

    message_id: str
    template: str
    title: str
    body: str
    created_at: datetime
    read_at: datetime | None
    expires_at: datetime

    @classmethod
    def of(cls, item: dict[str, Any]) -> Self:
        return cls(
            message_id=item["message"].removeprefix(INBOX),
            template=item["template"],
            title=item["title"],
            body=item["body"],
            created_at=item["created_at"],
            read_at=item.get("read_at"),
            expires_at=item["expires_at"],
        )


class InboxOut(Output):
    """A page of the inbox, latest first."""

    items: list[MessageOut]
    unread: Annotated[int, Field(description="Of the whole inbox.")]
    next_cursor: str | None


Status = Literal["waiting", "sending", "sent", "failed", "not_sent", "bounced", "complained"]


class SentOut(Output):
    """What became of a message over e-mail or as a text message. `why`: what stood in its way, or last did."""

    template: str
    channel: str
    status: Status
    why: str | None
    attempts: int
    created_at: datetime
    due_at: datetime | None
    sent_at: datetime | None

    @classmethod
    def of(cls, item: dict[str, Any]) -> Self:
        return cls(
            template=item["template"],
            channel=item["channel"],
            status=item["status"],
            why=item.get("why"),
            attempts=item.get("attempts", 0),
            created_at=item["created_at"],
            due_at=item.get("due_at"),
            sent_at=item.get("sent_at"),
        )


class SentPageOut(Output):
    """What was sent to a member in the last 90 days, or was not, latest first."""

    items: list[SentOut]
