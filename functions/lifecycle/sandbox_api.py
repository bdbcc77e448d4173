"""HTTP: the clock of a sandbox. There is none in production."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body

from functions.lifecycle import sandbox
from functions.lifecycle.contract import AdvancedOut, AdvanceIn, ClockOut
from functions.runtime import http

app = http.resolver()
handler = http.handler_of(app)


@app.get("/v1/sandbox/clock", summary="The time of the sandbox", tags=["sandbox"], security=http.scope("program.read"))
def get_clock() -> Response[ClockOut]:
    return http.answer(HTTPStatus.OK, sandbox.read())


@app.post(
    "/v1/sandbox/clock",
    summary="Put the time of the sandbox forward",
    tags=["sandbox"],
    security=http.scope("program.write"),
)
def post_clock(body: Annotated[AdvanceIn, Body()]) -> Response[AdvancedOut]:
    """Everything that would have happened meanwhile happens, in order; then the call answers."""
    return http.answer(HTTPStatus.OK, sandbox.advance(body.advance))
