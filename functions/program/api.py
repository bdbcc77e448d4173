"""HTTP: the programme and its versions, and the health of the service."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path

from functions.program import checking, store
from functions.program.contract import (
    ActivationIn,
    ActivationOut,
    CheckOut,
    DraftOut,
    HealthOut,
    ProgramFileIn,
    ProgramOut,
    PublicationIn,
    RolloutOut,
    VersionFileOut,
    VersionOut,
    VersionPageOut,
)
from functions.runtime import http
from functions.runtime.errors import ProgramNotActiveError

app = http.resolver()
handler = http.handler_of(app)

_AT_ONCE = ActivationIn()
VersionNumber = Annotated[int, Path(ge=1, le=1_000_000_000)]


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


@app.put("/v1/program/draft", summary="Keep a file to work on", tags=["program"], security=http.scope("program.write"))
def put_draft(file: Annotated[ProgramFileIn, Body()]) -> Response[DraftOut]:
    """It may have mistakes: nothing is checked, and nothing changes for members."""
    draft = store.save_draft(file.text)
    return http.answer(HTTPStatus.OK, DraftOut(text=draft.text, saved_at=draft.saved_at))


@app.post(
    "/v1/program/draft/check",
    summary="What is wrong with the draft, and what it would change",
    tags=["program"],
    security=http.scope("program.read"),
)
def post_check() -> Response[CheckOut]:
    return http.answer(HTTPStatus.OK, checking.check(store.draft().text))


@app.get("/v1/program/versions", summary="Published versions", tags=["program"], security=http.scope("program.read"))
def get_versions(limit: http.Limit = 50, cursor: http.Cursor = None) -> Response[VersionPageOut]:
    found = list(store.versions(limit, http.from_cursor(cursor)))
    active = store.active_version()
    following = found[-1].version if found and found[-1].version > 1 else None
    page = VersionPageOut(
        items=[VersionOut.of(one, active) for one in found],
        next_cursor=http.to_cursor(following),
        rollouts=[RolloutOut.of(rollout) for rollout in reversed(store.rollouts())],
    )
    return http.answer(HTTPStatus.OK, page)


@app.get("/v1/program/versions/<version>", summary="A version", tags=["program"], security=http.scope("program.read"))
def get_version(version: VersionNumber) -> Response[VersionFileOut]:
    return http.answer(HTTPStatus.OK, VersionFileOut.of(store.get(version), store.active_version()))


@app.post(
    "/v1/program/versions",
    summary="Check and publish a programme file",
    tags=["program"],
    security=http.scope("program.write"),
    status_code=HTTPStatus.CREATED,
)
def post_version(publication: Annotated[PublicationIn, Body()]) -> Response[VersionOut]:
    """The file in the body, or the draft. The same file as the latest version is not published twice."""
    text = store.draft().text if publication.text is None else publication.text
    version, _new = store.publish(text)
    return http.answer(HTTPStatus.CREATED, VersionOut.of(version, store.active_version()))


@app.post(
    "/v1/program/versions/<version>/activate",
    summary="Let a version judge from now on, or from a day on, for all members or some",
    tags=["program"],
    security=http.scope("program.write"),
)
def post_activate(
    version: VersionNumber, activation: Annotated[ActivationIn, Body()] = _AT_ONCE
) -> Response[ActivationOut]:
    """To go back, activate the earlier version: what was to start later is dropped. Purchases are judged by the version
    of their day, also when they arrive late."""
    found, rollout = store.activate(version, activation.starts_at, activation.percent)
    return http.answer(HTTPStatus.OK, ActivationOut.of_rollout(found, rollout, store.active_version()))
