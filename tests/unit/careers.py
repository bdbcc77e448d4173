"""A member's way through the tiers, day by day, as decisions drive it: review, count, lift."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from functions.ledger.account import TierStep
from functions.program.model import Level, Program, Tiers
from functions.program.periods import name
from functions.program.tiers import counter_key, granted, lifted, lowered, opened, reviewed
from tests.unit.factories import a_program

ENROLLED = date(2024, 5, 17)
LEVELS = (Level("basic", {}), Level("silver", {}, [{"spend": 500}]), Level("gold", {}, [{"spend": 1000}]))
"""Silver from 500, gold from 1,000, in what unit ever."""


class Career:
    """What a member has spent, and the steps that follow from it."""

    def __init__(
        self, tiers: Tiers, enrolled_on: date = ENROLLED, zone: str = "UTC", fiscal_year: tuple[int, int] = (1, 1)
    ) -> None:
        self.program: Program = a_program(tiers=tiers, fiscal_year=fiscal_year, zone=ZoneInfo(zone))
        self.enrolled_on = enrolled_on
        self.counters: dict[str, int] = {}
        self.steps: Sequence[TierStep] = opened(self.program, self._at(enrolled_on))

    def buys(self, day: date, amount: int, hour: int = 12) -> str:
        """The tier after a purchase."""
        self.on(day)
        self._count(day, amount)
        self.steps = lifted(self.steps, self.counters, self.program, self.enrolled_on, self._at(day, hour))
        return self.steps[-1].tier

    def returns(self, bought_on: date, amount: int, day: date) -> str:
        """The tier after so much of a purchase came back."""
        before = dict(self.counters)
        self._count(bought_on, -amount)
        self.steps = lowered(self.steps, before, self.counters, self.program, self.enrolled_on, self._at(day, 12))
        return self.steps[-1].tier

    def matched(self, day: date, tier: str, months: int | None) -> TierStep:
        """The step after a tier was given."""
        self.on(day)
        self.steps = granted(self.steps, self.program, tier, months, self.enrolled_on, self._at(day, 12))
        return self.steps[-1]

    def on(self, day: date) -> TierStep:
        """The step of a day, after every review that is due."""
        self.steps = reviewed(self.steps, self.counters, self.program, self.enrolled_on, day)
        return self.steps[-1]

    def _at(self, day: date, hour: int = 0) -> datetime:
        return datetime.combine(day, time(hour), self.program.zone).astimezone(UTC)

    def _count(self, day: date, amount: int) -> None:
        assert self.program.tiers
        kind = self.program.tiers.counted_by
        period = name(kind, day, self.program.calendar(self.enrolled_on))
        for key in {"spend", counter_key("spend", kind, period)}:
            self.counters[key] = self.counters.get(key, 0) + amount
