"""Publishing a programme file through the API, as a programme manager would."""

from pathlib import Path

from cli.connection import Connection
from cli.errors import ExplainedError

READY = Path(__file__).resolve().parent.parent / "programs" / "record-shop.yaml"


class ProgramRefusedError(ExplainedError):
    """The programme file has mistakes; the message lists them with their lines."""


def publish(connection: Connection, file: Path) -> int:
    """Publish a programme file and let it judge from now on; its version. Raises ProgramRefusedError."""
    answer = connection.api.post("/v1/program/versions", json={"text": file.read_text()})
    if answer.status_code == 422:
        mistakes = "\n".join(f"  {error['detail']}" for error in answer.json()["errors"])
        raise ProgramRefusedError(f"{file.name} was not published:\n{mistakes}")
    version: int = answer.raise_for_status().json()["version"]
    connection.api.post(f"/v1/program/versions/{version}/activate").raise_for_status()
    return version
