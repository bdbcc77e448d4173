"""HTTP: members."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query

from functions.enrolment import store
from functions.enrolment.contract import MemberIn, MemberOut
from functions.ledger.contract import Card, Email, ExternalId, MemberId, MemberRef, Phone
from functions.ledger.store import resolve
from functions.runtime import http
from functions.runtime.validation import parse

app = http.resolver()
handler = http.handler_of(app)


@app.post(
    "/v1/members",
    summary="Enrol a member",
    tags=["members"],
    security=http.scope("members.write"),
    status_code=HTTPStatus.CREATED,
)
def post_member(member: Annotated[MemberIn, Body()], idempotency_key: http.IdempotencyKey) -> Response[MemberOut]:
    """Every identity given must be nobody else's."""
    enrolled = store.enrol(member, http.caller(app), idempotency_key)
    return http.answer(HTTPStatus.CREATED, MemberOut.of(enrolled.member), replayed=enrolled.replayed)


@app.get("/v1/members", summary="Find a member by an identity", tags=["members"], security=http.scope("members.read"))
def find_member(
    external_id: Annotated[ExternalId | None, Query()] = None,
    card: Annotated[Card | None, Query()] = None,
    email: Annotated[Email | None, Query()] = None,
    phone: Annotated[Phone | None, Query()] = None,
) -> Response[MemberOut]:
    """Exactly one identity; the answer is the member, or 404."""
    given = {"external_id": external_id, "card": card, "email": email, "phone": phone}
    reference = parse(MemberRef, {kind: value for kind, value in given.items() if value is not None})
    member = store.get(resolve(reference.identity(http.caller(app))))
    return http.answer(HTTPStatus.OK, MemberOut.of(member))


@app.get("/v1/members/<member_id>", summary="A member", tags=["members"], security=http.scope("members.read"))
def get_member(member_id: Annotated[MemberId, Path()]) -> Response[MemberOut]:
    return http.answer(HTTPStatus.OK, MemberOut.of(store.get(member_id)))
