"""What members are told before it comes, and the days that come again. Pure; nothing of it changes an account.

Each has an id that is the same whenever it is found out, so that nobody is told twice.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Literal, NamedTuple, TypeAlias

from functions.ledger.account import Account
from functions.ledger.lots import NEVER
from functions.program import tiers
from functions.program.due import DAY, next_anniversary, next_birthday
from functions.program.model import ANNIVERSARY, BIRTHDAY, Program, Reminders
from functions.program.periods import day_in

What: TypeAlias = Literal["PointsExpiring", "TierAtRisk", "MemberLapsing", "BirthdayCame", "AnniversaryCame"]


@dataclass(frozen=True, slots=True)
class Announcement:
    """Something to tell about a member. `on`: since when it is true."""

    what: What
    id: str
    on: date
    data: dict[str, object]


class Days(NamedTuple):
    """What a visit is about: the days after `after` up to `to`. What is not true any more on `today` is not told.
    `before`: the reminders by which everything up to `after` was told."""

    after: date
    to: date
    today: date
    before: Reminders


def announced(account: Account, program: Program, days: Days) -> Iterator[Announcement]:
    """What is to be told on these days."""
    yield from _expiring(account, program, days)
    yield from _at_risk(account, program, days)
    yield from _lapsing(account, program, days)
    yield from _celebrations(account, program, days.after, days.to)


def celebrated(account: Account, program: Program, after: date, to: date) -> Iterator[date]:
    """The days after `after` up to `to` which the programme celebrates with the member, in order."""
    yield from sorted(one.on for one in _celebrations(account, program, after, to))


def expiring_id(lot: str) -> str:
    return f"expiring:{lot}"


def _reminded_on(last: date, now: int, before: int, days: Days) -> date | None:
    """The day on which it is told that something ends with the day `last`, `now` days ahead; None where that is not
    among these days, or was told before, `before` days ahead. 0: not told at all."""
    if not now or last < days.today or (before and last - timedelta(days=before) <= days.after):
        return None
    on = last - timedelta(days=now)
    return on if on <= days.to else None


def _expiring(account: Account, program: Program, days: Days) -> Iterator[Announcement]:
    for lot, points in sorted(account.lots.items()):
        if lot == NEVER:
            continue
        on = _reminded_on(date.fromisoformat(lot), program.reminders.expiring, days.before.expiring, days)
        if on:
            balance = asdict(account.balance(days.today))
            data: dict[str, object] = {"points": points, "expires_on": lot, "balance": balance}
            yield Announcement("PointsExpiring", expiring_id(lot), on, data)


def _at_risk(account: Account, program: Program, days: Days) -> Iterator[Announcement]:
    until = account.tiers[-1].until if account.tiers else None
    if until is None or program.tiers is None:
        return
    on = _reminded_on(until, program.reminders.tier_at_risk, days.before.tier_at_risk, days)
    if on is None:
        return
    enrolled_on = day_in(account.enrolled_at, program.zone)
    following = tiers.reviewed(account.tiers, account.counters, program, enrolled_on, until + DAY)[-1].tier
    if program.tiers.rank(following) < program.tiers.rank(account.tier):
        data: dict[str, object] = {"tier": account.tier, "held_until": until.isoformat(), "then": following}
        yield Announcement("TierAtRisk", f"at-risk:{until}", on, data)


def _lapsing(account: Account, program: Program, days: Days) -> Iterator[Announcement]:
    if not program.reminders.lapsing:
        return
    since = account.active_on or day_in(account.enrolled_at, program.zone)
    on = since + timedelta(days=program.reminders.lapsing)
    if days.after < on <= days.to:
        yield Announcement("MemberLapsing", f"lapsing:{since}", on, {"active_on": since.isoformat()})


def _celebrations(account: Account, program: Program, after: date, to: date) -> Iterator[Announcement]:
    enrolled_on, birthday = day_in(account.enrolled_at, program.zone), account.traits.birthday
    day = after
    while birthday and program.celebrates(BIRTHDAY) and (day := next_birthday(birthday, day)) <= to:
        if day > enrolled_on:
            yield Announcement("BirthdayCame", f"birthday:{day.year}", day, {"year": day.year})
    day = after
    while program.celebrates(ANNIVERSARY) and (day := next_anniversary(enrolled_on, day)) <= to:
        yield Announcement("AnniversaryCame", f"anniversary:{day.year}", day, {"years": day.year - enrolled_on.year})
