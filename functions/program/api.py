"""HTTP: the programme and its versions, and the health of the service."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path

from functions.program import store
from functions.program.contract import HealthOut, ProgramFileIn, ProgramOut, VersionOut, VersionPageOut
from functions.runtime import http
from functions.runtime.errors import ProgramNotActiveError

app = http.resolver()
handler = http.handler_of(app)


@app.get("/v1/health", summary="Whether the service can work", tags=["service"], security=[])
def get_health() -> Response[HealthOut]:
    return http.answer(HTTPStatus.OK, HealthOut(status="ok", program_version=store.active_version()))


@app.get("/v1/program", summary="The terms in force", tags=["program"], security=http.scope("program.read"))
def get_program() -> Response[ProgramOut]:
    active = store.active_version()
    if active is None:
        raise ProgramNotActiveError("Publish and activate a version of the programme first.")
    version = store.get(active)
    return http.answer(
        HTTPStatus.OK,
        ProgramOut(version=version.version, published_at=version.published_at, text=version.text),
    )


@app.get("/v1/program/versions", summary="Published versions", tags=["program"], security=http.scope("program.read"))
def get_versions(limit: http.Limit = 50, cursor: http.Cursor = None) -> Response[VersionPageOut]:
    found = list(store.versions(limit, http.from_cursor(cursor)))
    active = store.active_version()
    following = found[-1].version if found and found[-1].version > 1 else None
    page = VersionPageOut(items=[VersionOut.of(one, active) for one in found], next_cursor=http.to_cursor(following))
    return http.answer(HTTPStatus.OK, page)


@app.post(
    "/v1/program/versions",
    summary="Check and publish a programme file",
    tags=["program"],
    security=http.scope("program.write"),
    status_code=HTTPStatus.CREATED,
)
def post_version(file: Annotated[ProgramFileIn, Body()]) -> Response[VersionOut]:
    """The same file as the latest version is not published twice: the answer is that version."""
    version, _new = store.publish(file.text)
    return http.answer(HTTPStatus.CREATED, VersionOut.of(version, store.active_version()))


@app.post(
    "/v1/program/versions/<version>/activate",
    summary="Let a version judge from now on",
    tags=["program"],
    security=http.scope("program.write"),
)
def post_activate(version: Annotated[int, Path(ge=1, le=1_000_000_000)]) -> Response[VersionOut]:
    return http.answer(HTTPStatus.OK, VersionOut.of(store.activate(version), version))
