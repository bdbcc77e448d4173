"""What goes in and out of `/v1/program`."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field

from functions.program.document import LARGEST_FILE
from functions.program.rollout import EVERYONE, Rollout
from functions.program.store import Version
from functions.runtime.validation import Input, Instant, Output


class ProgramFileIn(Input):
    """A programme file."""

    text: Annotated[str, Field(max_length=LARGEST_FILE, description="The YAML file, word for word.")]


class PublicationIn(Input):
    """What to publish: the file in `text`, or the draft where there is none."""

    text: Annotated[str, Field(max_length=LARGEST_FILE)] | None = None


class ActivationIn(Input):
    """From when on, and for how many of the members, a version judges."""

    starts_at: Annotated[Instant | None, Field(description="Now where it is left out.")] = None
    percent: Annotated[int, Field(ge=1, le=EVERYONE, description="The same members at every percentage.")] = EVERYONE


class DraftOut(Output):
    """The file that is worked on."""

    text: str
    saved_at: datetime


class MistakeOut(Output):
    """Something in the file that keeps it from being published."""

    pointer: str
    code: str
    detail: str


class FindingOut(Output):
    """Something in a file without mistakes that may not be meant so. `serious`: it cannot be meant so."""

    line: int
    code: str
    detail: str
    serious: bool


class CheckOut(Output):
    """What the check of the draft found. `costs`: the most that purchases can bring, in words. `changes`: what would be
    different for members than in the version in force."""

    publishable: bool
    mistakes: list[MistakeOut]
    findings: list[FindingOut]
    costs: list[str]
    changes: list[str]


class VersionOut(Output):
    """A published version of the programme."""

    version: int
    published_at: datetime
    active: bool

    @classmethod
    def of(cls, version: Version, active: int | None) -> Self:
        return cls(version=version.version, published_at=version.published_at, active=version.version == active)


class VersionFileOut(VersionOut):
    """A published version with its file."""

    text: str

    @classmethod
    def of(cls, version: Version, active: int | None) -> Self:
        return cls(**dict(VersionOut.of(version, active)), text=version.text)


class RolloutOut(Output):
    """A version that judges so many percent of the members from an instant on."""

    version: int
    starts_at: datetime
    percent: int

    @classmethod
    def of(cls, rollout: Rollout) -> Self:
        return cls(version=rollout.version, starts_at=rollout.starts_at, percent=rollout.percent)


class ActivationOut(VersionOut):
    """A version as it was activated: from when on, and for how many percent of the members."""

    starts_at: datetime
    percent: int

    @classmethod
    def of_rollout(cls, version: Version, rollout: Rollout, active: int | None) -> Self:
        return cls(**dict(VersionOut.of(version, active)), starts_at=rollout.starts_at, percent=rollout.percent)


class VersionPageOut(Output):
    """Published versions, latest first, and which of them judges whom and when, latest first."""

    items: list[VersionOut]
    next_cursor: str | None
    rollouts: list[RolloutOut]


class ProgramOut(Output):
    """The terms in force."""

    version: int
    published_at: datetime
    text: str = Field(description="The programme file, word for word.")


class HealthOut(Output):
    """Whether the service can work."""

    status: str
    program_version: int | None
