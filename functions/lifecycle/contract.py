"""What goes in and out of lifecycle."""

import re
from datetime import date, datetime, timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from functions.runtime.validation import Input, Output

_WITHOUT_MONTHS = re.compile(r"P(?:\d{1,5}W)?(?:\d{1,5}D)?(?:T(?=\d)(?:\d{1,6}H)?(?:\d{1,6}M)?(?:\d{1,8}S)?)?")


def _duration(value: object) -> object:
    """pydantic would also take a number for seconds, and a month for 30 days, whatever the month."""
    if isinstance(value, timedelta) or (isinstance(value, str) and _WITHOUT_MONTHS.fullmatch(value)):
        return value
    raise PydanticCustomError("duration", "Input should be a duration such as P45D or PT12H")


Duration: Any = Annotated[
    timedelta,
    Field(strict=False, gt=timedelta(), le=timedelta(days=3660), description="ISO 8601, such as P45D."),
    BeforeValidator(_duration),
]


class AdvanceIn(Input):
    """By how much the sandbox is put forward."""

    advance: Duration


class ClockOut(Output):
    """The time of the programme, and by how many seconds it is ahead of everybody else's."""

    now: datetime
    ahead_seconds: int


class StepOut(Output):
    """A moment at which something happened by itself: entries that were booked, and announcements."""

    at: datetime
    members: int
    booked: int
    told: int


class AdvancedOut(ClockOut):
    """What happened meanwhile, in order. `finished`: false where there was more than fits in one call; then put forward
    again, by as little as you like."""

    steps: list[StepOut]
    finished: bool


class NeedOut(Output):
    """What is counted for a tier: how much there is in the window that counts, and how much is needed."""

    measure: str
    have: int
    need: int


class NextTierOut(Output):
    """A tier above, and what each way to it still takes."""

    tier: str
    ways: list[list[NeedOut]]


class TierOut(Output):
    """A member's tier. `then`: the tier after `held_until` if nothing more is counted; `keep`: what each way to keep it
    takes until then; `next`: the tier above."""

    member_id: str
    tier: str | None
    text: dict[str, str]
    since: datetime | None
    held_until: date | None
    then: str | None
    keep: list[list[NeedOut]]
    next: NextTierOut | None
