"""HTTP: what a link in a mail leads to. Public: who has the link may do what it says."""

from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path

from functions.enrolment import unsubscribing
from functions.runtime import http

app = http.resolver()
handler = http.handler_without_bodies_of(app)
Token = Annotated[str, Path(max_length=200)]
_PAGE: Any = {200: {"description": "A page for people.", "content": {"text/html": {"schema": {"type": "string"}}}}}


@app.get(
    "/v1/unsubscribe/<token>",
    summary="Ask whether no more mails are wanted",
    tags=["messages"],
    security=[],
    responses=_PAGE,
)
def get_unsubscribe(token: Token) -> Response[str]:
    """A page with a button; nothing changes yet."""
    return http.html(HTTPStatus.OK, unsubscribing.ask(token))


@app.post("/v1/unsubscribe/<token>", summary="No more mails like this", tags=["messages"], security=[], responses=_PAGE)
def post_unsubscribe(token: Token) -> Response[str]:
    """Also what a mail program calls by itself (RFC 8058)."""
    return http.html(HTTPStatus.OK, unsubscribing.leave(token, http.correlation_id(app)))
