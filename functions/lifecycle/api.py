"""HTTP: what a tier is, and what becomes of it."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path

from functions.ledger.contract import MemberId
from functions.lifecycle import foretelling
from functions.lifecycle.contract import TierOut
from functions.runtime import http

app = http.resolver()
handler = http.handler_of(app)


@app.get(
    "/v1/members/<member_id>/tier",
    summary="A member's tier, what keeps it and what lifts it",
    tags=["wallet"],
    security=http.scope("members.read"),
)
def get_tier(member_id: Annotated[MemberId, Path()]) -> Response[TierOut]:
    return http.answer(HTTPStatus.OK, foretelling.tier(member_id))
