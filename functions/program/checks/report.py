"""What a programme file says that is surely or perhaps not what was meant, and what it costs at most.

`findings` is pure. The file was read before: its shape is right, and every name in it is known.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from functions.program import document
from functions.program.checks.costs import Cost, cost
from functions.program.checks.finding import Finding
from functions.program.checks.pairs import of_pairs
from functions.program.checks.reach import of_reach
from functions.program.checks.rules import of_rules
from functions.program.model import Program

__all__ = ["Finding", "Report", "Told", "checked", "findings"]


@dataclass(frozen=True, slots=True)
class Told:
    """A finding and its line in the file."""

    line: int
    finding: Finding


@dataclass(frozen=True, slots=True)
class Report:
    """What is found in a file, in the order of its lines, and the most that purchases cost."""

    program: Program
    told: Sequence[Told]
    cost: Cost

    @property
    def serious(self) -> bool:
        """Whether something in it is certainly a mistake."""
        return any(one.finding.serious for one in self.told)


def findings(program: Program, today: date | None = None) -> list[Finding]:
    """What is found, rules first. `today`: to tell what is over; nothing of that kind where it is None."""
    return [*of_rules(program, today), *of_pairs(program), *of_reach(program, today)]


def checked(text: str, today: date | None = None) -> Report:
    """Read a programme file and look at it. Raises InvalidError where it cannot be read."""
    program = document.read(text)
    told = [Told(document.line_of(text, found.path), found) for found in findings(program, today)]
    return Report(program, sorted(told, key=lambda one: one.line), cost(program))
