"""What became of purchases that were sent."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple, Self


class Refusal(NamedTuple):
    """A purchase that the programme refused, or a row that could not be read.

    `line`: of the file, where it has lines. `errors`: bad fields, as the problem document of the API names them.
    """

    line: int | None
    receipt: str | None
    member: str | None
    code: str
    detail: str
    errors: Sequence[Mapping[str, Any]] = ()


class Mistake(NamedTuple):
    """What is wrong with a member of the file: its line, the column, and why. `key`: the row's own, if any."""

    line: int
    key: str | None
    field: str
    code: str
    detail: str


@dataclass(slots=True)
class Outcome:
    """What became of some purchases.

    `repeats` of the booked ones had been booked before; `points` is what all booked ones earned. Whatever is neither
    booked nor refused is open: not sent, or not surely answered.
    """

    booked: int = 0
    repeats: int = 0
    points: int = 0
    enrolled: int = 0
    refused: list[Refusal] = field(default_factory=list)

    @property
    def answered(self) -> int:
        return self.booked + len(self.refused)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "refused": [refusal._asdict() for refusal in self.refused]}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        return cls(**{**found, "refused": [Refusal(**refusal) for refusal in found["refused"]]})


def together(outcomes: Iterable[Outcome]) -> Outcome:
    """Several outcomes as one."""
    whole = Outcome()
    for one in outcomes:
        whole.booked += one.booked
        whole.repeats += one.repeats
        whole.points += one.points
        whole.enrolled += one.enrolled
        whole.refused += one.refused
    return whole
