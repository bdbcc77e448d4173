"""HTTP: a member's inbox, and what became of what was sent."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from functions.ledger.contract import MemberId
from functions.notifications import store
from functions.notifications.contract import InboxOut, MessageOut, SentOut, SentPageOut
from functions.runtime import http

app = http.resolver()
handler = http.handler_of(app)
_ID = r"^[0-9]{28}-[0-9a-f]{10}$"
MessageId = Annotated[str, Path(pattern=_ID)]
Before = Annotated[str | None, Query(pattern=_ID, description="`next_cursor` of the page before.")]


@app.get(
    "/v1/members/<member_id>/messages",
    summary="A member's inbox",
    tags=["messages"],
    security=http.scope("members.read"),
)
def get_messages(
    member_id: Annotated[MemberId, Path()], limit: http.Limit = 50, cursor: Before = None
) -> Response[InboxOut]:
    """Latest first, as long as the programme keeps them."""
    found = store.inbox(member_id, limit, cursor)
    page = [MessageOut.of(item) for item in found]
    following = page[-1].message_id if len(page) == limit else None
    return http.answer(HTTPStatus.OK, InboxOut(items=page, unread=store.unread(member_id), next_cursor=following))


@app.post(
    "/v1/members/<member_id>/messages/<message_id>/read",
    summary="Mark a message as read",
    tags=["messages"],
    security=http.scope("members.write"),
)
def read_message(member_id: Annotated[MemberId, Path()], message_id: MessageId) -> Response[MessageOut]:
    """A repeat changes nothing: it was read when it was read first."""
    return http.answer(HTTPStatus.OK, MessageOut.of(store.mark_read(member_id, message_id)))


@app.get(
    "/v1/members/<member_id>/deliveries",
    summary="What was sent to a member, and what was not, and why",
    tags=["messages"],
    security=http.scope("members.read"),
)
def get_sent_messages(member_id: Annotated[MemberId, Path()]) -> Response[SentPageOut]:
    """E-mail and text messages of the last 90 days, latest first. Not what they said."""
    return http.answer(HTTPStatus.OK, SentPageOut(items=[SentOut.of(one) for one in store.deliveries(member_id)]))
