"""Programme files: read and checked on this machine, published and activated through the API, as a manager would."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import httpx

from cli.connection import Connection
from cli.errors import ExplainedError
from functions.program import document
from functions.program.checks import report
from functions.program.checks.report import Report
from functions.program.grammar import ProgramIn
from functions.program.model import Program
from functions.runtime.errors import InvalidError

ROOT = Path(__file__).resolve().parent.parent
READY = ROOT / "programs" / "record-shop.yaml"
SCHEMA = ROOT / "docs" / "programme.schema.json"

Json: TypeAlias = dict[str, Any]


class ProgramRefusedError(ExplainedError):
    """The programme file has mistakes; the message lists them with their lines."""


def read(file: Path) -> Program:
    """Raises ProgramRefusedError."""
    return read_text(file.read_text(), file.name)


def read_text(text: str, name: str) -> Program:
    """A programme from its file. Raises ProgramRefusedError that calls it `name`."""
    try:
        return document.read(text)
    except InvalidError as error:
        raise _refused(name, [one.detail for one in error.errors]) from None


def checked(file: Path) -> Report:
    """What the check finds in a file without mistakes. Raises ProgramRefusedError."""
    try:
        return report.checked(file.read_text(), datetime.now(UTC).date())
    except InvalidError as error:
        raise _refused(file.name, [one.detail for one in error.errors]) from None


def publish(connection: Connection, file: Path) -> int:
    """Publish a programme file; its version. Raises ProgramRefusedError."""
    answer = connection.api.post("/v1/program/versions", json={"text": file.read_text()})
    if answer.status_code == 422:
        raise _refused(file.name, [error["detail"] for error in answer.json()["errors"]])
    version: int = answer.raise_for_status().json()["version"]
    return version


def put_in_force(connection: Connection, file: Path) -> None:
    """Publish a programme file and let it judge everyone from now on. Raises ProgramRefusedError."""
    activate(connection, publish(connection, file))


def activate(connection: Connection, version: int, starts_at: datetime | None = None, percent: int = 100) -> Json:
    """Let a version judge. Raises ExplainedError."""
    body = {"percent": percent} | ({"starts_at": starts_at.isoformat()} if starts_at else {})
    return _answer(connection.api.post(f"/v1/program/versions/{version}/activate", json=body))


def versions(connection: Connection) -> Json:
    """What was published, latest first, and the rollouts."""
    return _answer(connection.api.get("/v1/program/versions"))


def text_of(connection: Connection, version: int) -> str:
    """The file of a version, word for word. Raises ExplainedError."""
    return str(_answer(connection.api.get(f"/v1/program/versions/{version}"))["text"])


def schema() -> Json:
    """The JSON Schema of programme files."""
    return {
        **ProgramIn.model_json_schema(by_alias=True),
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Programme file",
    }


def schema_text() -> str:
    """The JSON Schema as it stands in the repository."""
    return json.dumps(schema(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _answer(answer: httpx.Response) -> Json:
    if answer.is_client_error:
        raise ExplainedError(answer.json()["detail"])
    found: Json = answer.raise_for_status().json()
    return found


def _refused(name: str, mistakes: list[str]) -> ProgramRefusedError:
    listed = "\n".join(f"  {mistake}" for mistake in mistakes)
    return ProgramRefusedError(f"{name} has mistakes:\n{listed}")
