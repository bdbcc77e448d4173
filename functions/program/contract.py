"""What goes in and out of `/v1/program`."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field

from functions.program.document import LARGEST_FILE
from functions.program.store import Version
from functions.runtime.validation import Input, Output


class ProgramFileIn(Input):
    """A programme file to publish."""

    text: Annotated[str, Field(max_length=LARGEST_FILE, description="The YAML file, word for word.")]


class VersionOut(Output):
    """A published version of the programme."""

    version: int
    published_at: datetime
    active: bool

    @classmethod
    def of(cls, version: Version, active: int | None) -> Self:
        return cls(version=version.version, published_at=version.published_at, active=version.version == active)


class VersionPageOut(Output):
    """Published versions, latest first."""

    items: list[VersionOut]
    next_cursor: str | None


class ProgramOut(Output):
    """The terms in force."""

    version: int
    published_at: datetime
    text: str = Field(description="The programme file, word for word.")


class HealthOut(Output):
    """Whether the service can work."""

    status: str
    program_version: int | None
