"""What was to come in, and what came: counted the same way, so that the one can be taken from the other."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Annotated, NamedTuple, Self

from pydantic import Field, ValidationError

from cli.errors import ExplainedError
from cli.importing.members.checking import NEVER, Arrival
from functions.runtime.validation import Input


class ControlError(ExplainedError):
    """The control file makes no sense; the message says why."""


class ControlIn(Input):
    """The totals as the other system has them; what is left out is that of the file."""

    members: int | None = None
    points: int | None = None
    lots: dict[Annotated[str, Field(pattern=r"^(\d{4}-\d{2}-\d{2}|never)$")], int] | None = None
    tiers: dict[str, int] | None = None


class Line(NamedTuple):
    """A line of the reconciliation."""

    what: str
    imported: int
    expected: int

    @property
    def difference(self) -> int:
        return self.imported - self.expected


@dataclass(slots=True)
class Totals:
    """Members, and their points by lot and number by tier. `points`: the sum of all lots."""

    members: int = 0
    points: int = 0
    lots: Counter[str] = field(default_factory=Counter)
    tiers: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, arrivals: Iterable[Arrival]) -> Self:
        totals = cls()
        for one in arrivals:
            totals.add(one.lots, one.tier)
        return totals

    def add(self, lots: Mapping[str, int], tier: str | None) -> None:
        """A member more."""
        self.members += 1
        self.points += sum(lots.values())
        self.lots.update(lots)
        if tier:
            self.tiers[tier] += 1

    def controlled(self, path: Path | None) -> "Totals":
        """With what a control file says in the place of our own. Raises ControlError."""
        if path is None:
            return self
        control = _read(path)
        return Totals(
            members=self.members if control.members is None else control.members,
            points=self.points if control.points is None else control.points,
            lots=self.lots if control.lots is None else Counter(control.lots),
            tiers=self.tiers if control.tiers is None else Counter(control.tiers),
        )

    def without(self, days: Iterable[str]) -> "Totals":
        """Without lots that have ended since."""
        gone = {day: self.lots[day] for day in days if day in self.lots}
        kept = Counter({day: points for day, points in self.lots.items() if day not in gone})
        return Totals(self.members, self.points - sum(gone.values()), kept, self.tiers)

    def over(self, today: date) -> set[str]:
        """The lots that have ended."""
        return {day for day in self.lots if day != NEVER and date.fromisoformat(day) < today}


def compared(imported: Totals, expected: Totals) -> Iterator[Line]:
    """Every line that there is in either."""
    yield Line("members", imported.members, expected.members)
    yield Line("points", imported.points, expected.points)
    for day in sorted({*imported.lots, *expected.lots}):
        yield Line(f"  lot {day}", imported.lots[day], expected.lots[day])
    for tier in sorted({*imported.tiers, *expected.tiers}):
        yield Line(f"tier {tier}", imported.tiers[tier], expected.tiers[tier])


def _read(path: Path) -> ControlIn:
    try:
        return ControlIn.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ControlError(f"{path} could not be read: {error.strerror or error}.") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        example = '{"members": 2, "points": 600, "lots": {"never": 600}, "tiers": {"gold": 1}}'
        detail = f"{where}: {first['msg']}".removeprefix(": ")
        raise ControlError(f"{path} is no control file: {detail}. It should be like {example}.") from None
