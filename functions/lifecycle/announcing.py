"""What members are told before it comes, and the days that come again. Pure; nothing of it changes an account.

Each has an id that is the same whenever it is found out, so that nobody is told twice.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Literal, TypeAlias

from functions.ledger.account import Account
from functions.ledger.lots import NEVER
from functions.program import tiers
from functions.program.due import DAY, next_anniversary, next_birthday
from functions.program.model import ANNIVERSARY, BIRTHDAY, Program
from functions.program.periods import day_in

What: TypeAlias = Literal["PointsExpiring", "TierAtRisk", "MemberLapsing", "BirthdayCame", "AnniversaryCame"]


@dataclass(frozen=True, slots=True)
class Announcement:
    """Something to tell about a member. `on`: since when it is true."""

    what: What
    id: str
    on: date
    data: dict[str, object]


def announced(account: Account, program: Program, after: date, to: date) -> Iterator[Announcement]:
    """What is to be told on the days after `after` up to `to`, as far as it is still true on the last of them."""
    yield from _expiring(account, program, after, to)
    yield from _at_risk(account, program, after, to)
    yield from _lapsing(account, program, after, to)
    yield from _celebrated(account, program, after, to)


def expiring_id(lot: str) -> str:
    return f"expiring:{lot}"


def _expiring(account: Account, program: Program, after: date, to: date) -> Iterator[Announcement]:
    if not program.reminders.expiring:
        return
    for lot, points in sorted(account.lots.items()):
        if lot == NEVER:
            continue
        on = date.fromisoformat(lot) - timedelta(days=program.reminders.expiring)
        if after < on <= to <= date.fromisoformat(lot):
            data: dict[str, object] = {"points": points, "expires_on": lot, "balance": asdict(account.balance(to))}
            yield Announcement("PointsExpiring", expiring_id(lot), on, data)


def _at_risk(account: Account, program: Program, after: date, to: date) -> Iterator[Announcement]:
    until = account.tiers[-1].until if account.tiers else None
    if until is None or program.tiers is None or not program.reminders.tier_at_risk:
        return
    on = until - timedelta(days=program.reminders.tier_at_risk)
    if not after < on <= to <= until:
        return
    enrolled_on = day_in(account.enrolled_at, program.zone)
    following = tiers.reviewed(account.tiers, account.counters, program, enrolled_on, until + DAY)[-1].tier
    if program.tiers.rank(following) < program.tiers.rank(account.tier):
        data: dict[str, object] = {"tier": account.tier, "held_until": until.isoformat(), "then": following}
        yield Announcement("TierAtRisk", f"at-risk:{until}", on, data)


def _lapsing(account: Account, program: Program, after: date, to: date) -> Iterator[Announcement]:
    if not program.reminders.lapsing:
        return
    since = account.active_on or day_in(account.enrolled_at, program.zone)
    on = since + timedelta(days=program.reminders.lapsing)
    if after < on <= to:
        yield Announcement("MemberLapsing", f"lapsing:{since}", on, {"active_on": since.isoformat()})


def _celebrated(account: Account, program: Program, after: date, to: date) -> Iterator[Announcement]:
    enrolled_on, birthday = day_in(account.enrolled_at, program.zone), account.traits.birthday
    day = after
    while birthday and program.celebrates(BIRTHDAY) and (day := next_birthday(birthday, day)) <= to:
        if day > enrolled_on:
            yield Announcement("BirthdayCame", f"birthday:{day.year}", day, {"year": day.year})
    day = after
    while program.celebrates(ANNIVERSARY) and (day := next_anniversary(enrolled_on, day)) <= to:
        yield Announcement("AnniversaryCame", f"anniversary:{day.year}", day, {"years": day.year - enrolled_on.year})
