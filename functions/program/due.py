"""The next day on which time has something to do for a member, or to tell. Pure; days are the programme's."""

from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache

from functions.ledger.account import Account
from functions.ledger.lots import NEVER
from functions.ledger.movements import UNCONFIRMED
from functions.program import tiers
from functions.program.model import ANNIVERSARY, BIRTHDAY, Program
from functions.program.periods import day_in, same_day

DAY = timedelta(days=1)


def next_due(account: Account, program: Program, after: date) -> date | None:
    """The first day after `after` on which something happens by itself, or is to be told; what should have happened by
    then counts as due on the day after it. None where there is nothing to wait for."""
    if account.status in {"closed", "merged"}:
        return None
    days = [max(day, after + DAY) for day in _waiting(account, program)]
    days += [day for day in _coming(account, program, after) if day > after]
    return min(days, default=None)


def _waiting(account: Account, program: Program) -> Iterator[date]:
    """Days on which something becomes due that stays so until it is done."""
    if account.pending and (first := min(account.pending)[:10]) != UNCONFIRMED.isoformat():
        yield date.fromisoformat(first)
    if account.lots and (first := min(account.lots)) != NEVER:
        yield date.fromisoformat(first) + DAY
    # Where the programme has no tiers any more, nobody ends one.
    if program.tiers and account.tiers and (until := account.tiers[-1].until) is not None:
        yield until + DAY


def _coming(account: Account, program: Program, after: date) -> Iterator[date]:
    """Days that matter only themselves, some of which may be over."""
    enrolled_on, tomorrow = day_in(account.enrolled_at, program.zone), after + DAY
    for one in program.conversions if account.lots or account.pending else ():
        yield next_conversion(one.months, one.day, tomorrow)
    yield from tiers.days_of_months(program, enrolled_on)
    reminders = program.reminders
    if reminders.expiring:
        yield from (
            date.fromisoformat(lot) - timedelta(days=reminders.expiring) for lot in account.lots if lot != NEVER
        )
    if reminders.tier_at_risk and account.tiers and (until := account.tiers[-1].until):
        yield until - timedelta(days=reminders.tier_at_risk)
    if reminders.lapsing:
        yield (account.active_on or enrolled_on) + timedelta(days=reminders.lapsing)
    if program.celebrates(ANNIVERSARY):
        yield next_anniversary(enrolled_on, after)
    if program.celebrates(BIRTHDAY) and account.traits.birthday:
        yield next_birthday(account.traits.birthday, after)


@lru_cache(maxsize=10_000)
def next_conversion(months: frozenset[int], day: int, start: date) -> date:
    """The first day from `start` on that is the `day` of one of the months."""
    year, month = start.year, start.month
    while month not in months or date(year, month, day) < start:
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return date(year, month, day)


def next_birthday(birthday: str, after: date) -> date:
    """The next birthday (`MM-DD`) after a day; who was born on 29 February celebrates on the 28th in other years."""
    month, day = map(int, birthday.split("-"))
    this_year = same_day(after.year, month, day)
    return this_year if this_year > after else same_day(after.year + 1, month, day)


def next_anniversary(enrolled_on: date, after: date) -> date:
    """The next day after a day on which full years of membership end."""
    return next_birthday(f"{enrolled_on:%m-%d}", max(after, enrolled_on))
