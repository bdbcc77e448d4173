"""The last day of points, and what moves it: activity, and another tier. Pure."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache

from functions.ledger.account import Account, Change, TierStep
from functions.ledger.booking import changed
from functions.ledger.lots import NEVER, expiry_key, lot_of
from functions.ledger.movements import relocate, together
from functions.program.model import Lasting, Program
from functions.program.periods import add_months, days_in, end_of_month


def last_day(lasting: Lasting, day: date) -> date | None:
    """The last day of points that are earned for `day`; None where they never expire."""
    if lasting.never_ends:
        return None
    if lasting.year_ends:
        # Counted from the first day after the year, so that a year to 31 December and two months ends with February.
        after = _end_of_year(lasting.year_ends, day) + timedelta(days=1)
        last = add_months(after, lasting.after_months) - timedelta(days=1)
    else:
        last = add_months(day, lasting.after_months) + timedelta(days=lasting.after_days)
    return end_of_month(last) if lasting.to_month_end else last


@lru_cache(maxsize=10_000)
def lot_for(lasting: Lasting, day: date) -> str:
    """The lot that points earned for a day lie in."""
    return expiry_key(last_day(lasting, day))


def month_key(day: date) -> str:
    """The counter of whether something kept points alive in a month."""
    return f"points.alive/month@{day.replace(day=1).isoformat()}"


def extended(account: Account, lasting: Lasting, what: str, day: date, *, first_this_month: bool) -> Mapping[str, str]:
    """Where lots move to because something happened on a day that keeps points alive: from lot to lot."""
    if what not in lasting.extended_by:
        return {}
    alive = [lot for lot in _lots_of(account) if lot != NEVER and lot >= day.isoformat()]
    if lasting.each_month:
        return {lot: _a_month_later(lot, lasting) for lot in alive} if first_this_month else {}
    anew = lot_for(lasting, day)
    return {lot: anew for lot in alive if lot < anew}


def converted(account: Account, lasting: Lasting, day: date) -> Mapping[str, str]:
    """Where lots move to when another tier's rule counts from a day on: points that never expire may begin to, and the
    other way round; a day that is set stays."""
    lots = _lots_of(account)
    if lasting.never_ends:
        return {lot: NEVER for lot in lots if lot != NEVER and lot >= day.isoformat()}
    return {NEVER: lot_for(lasting, day)} if NEVER in lots else {}


def following_tier(account: Account, change: Change, steps: Sequence[TierStep], program: Program) -> Change:
    """A change, and after it the lots on the days that each new step gives them: also where a tier is lost and reached
    again at once, the points lie as if somebody had looked in between."""
    if len(program.lasting) == 1:
        return change
    lasting = program.lasting_of(account.tier or program.base_tier())
    for step in steps:
        if step in account.tiers or program.lasting_of(step.tier) == lasting:
            continue
        lasting, so_far = program.lasting_of(step.tier), changed(account, change)
        moved = converted(so_far, lasting, step.since.astimezone(program.zone).date())
        change = together(change, relocate(so_far, moved))
    return change


def _lots_of(account: Account) -> list[str]:
    """The lots that hold points, or will when what is pending becomes active."""
    return list(dict.fromkeys([*account.lots, *map(lot_of, account.pending)]))


def _a_month_later(lot: str, lasting: Lasting) -> str:
    later = add_months(date.fromisoformat(lot), 1)
    return (end_of_month(later) if lasting.to_month_end else later).isoformat()


def _end_of_year(year_ends: tuple[int, int], day: date) -> date:
    month, last = year_ends
    end = date(day.year, month, min(last, days_in(day.year, month)))
    return end if end >= day else date(day.year + 1, month, min(last, days_in(day.year + 1, month)))
