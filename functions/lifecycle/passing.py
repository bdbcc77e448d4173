"""What time does to an account: points become active and expire, tiers are reviewed, points are converted. Pure.

Days are the programme's. On one day things happen in this order: activation, expiry, review, conversion.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time

from functions.ledger.account import Account, Change, OperationKind, Posting
from functions.ledger.booking import booked
from functions.ledger.movements import activate, expire, spend
from functions.ledger.rewards import IssuedReward
from functions.program import expiry, tiers
from functions.program.due import DAY, next_due
from functions.program.model import Conversion, Program, Step


@dataclass(frozen=True, slots=True)
class Passed:
    """Something that time did on a day, and the account after it. `id` is the same whenever and however often it is
    found out."""

    kind: OperationKind
    id: str
    on: date
    posting: Posting
    account: Account


def passing(account: Account, program: Program, after: date, to: date) -> Iterator[Passed]:
    """Everything that happens on the days after `after` up to `to`, in order; each works on what the one before left.

    What is due earlier and was not done yet is done first; conversions, which depend on the day, only on their days.
    """
    day = after
    while (day := _next_day(account, program, day, to)) <= to:
        for passed in _on(account, program, day):
            account = passed.account
            yield passed


def _next_day(account: Account, program: Program, after: date, to: date) -> date:
    """The next day on which something happens; a day after `to` if there is none."""
    return min(next_due(account, program, after) or date.max, to + DAY)


def _on(account: Account, program: Program, day: date) -> Iterator[Passed]:
    at = datetime.combine(day, time(), program.zone)
    if any(key[:10] <= day.isoformat() for key in account.pending):
        posting = Posting("activated", activate(account, day), at, program.version)
        account = booked(account, posting)
        yield Passed("activation", f"{account.member}:{day}", day, posting, account)
    if any(lot < day.isoformat() for lot in account.lots):
        posting = Posting("expired", expire(account, day), at, program.version)
        account = booked(account, posting)
        yield Passed("expiry", f"{account.member}:{day}", day, posting, account)
    review = _review(account, program, day, at)
    if review:
        account = booked(account, review)
        yield Passed("review", f"{account.member}:{day}", day, review, account)
    # Who is suspended gets no vouchers; on what is left the rest of the day, and the next ones, must build.
    for conversion in program.conversions if account.status == "active" else ():
        if day.month in conversion.months and day.day == conversion.day:
            posting_or_none = _convert(account, program, conversion, day, at)
            if posting_or_none:
                account = booked(account, posting_or_none)
                yield Passed("conversion", f"{account.member}:{conversion.id}:{day}", day, posting_or_none, account)


def _review(account: Account, program: Program, day: date, at: datetime) -> Posting | None:
    """A tier whose time is over: what was reached meanwhile counts from now on, and so does its expiry of points."""
    enrolled_on = account.enrolled_at.astimezone(program.zone).date()
    before = account.tiers or tiers.opened(program, account.enrolled_at)
    steps = tiers.reviewed(before, account.counters, program, enrolled_on, day)
    if steps == before:
        return None
    return Posting(
        kind="adjusted",
        change=expiry.following_tier(account, Change(), steps, program),
        occurred_at=at,
        program_version=program.version,
        tiers=steps,
        tier_before=account.tier or program.base_tier() or None,
    )


def _convert(account: Account, program: Program, conversion: Conversion, day: date, at: datetime) -> Posting | None:
    """Points into a voucher; None where there are too few."""
    active = account.balance(day).active
    step = _step(conversion, active)
    if step is None:
        return None
    reward = program.rewards[conversion.reward]
    return Posting(
        kind="redeemed",
        change=spend(account, step.points, day),
        occurred_at=at,
        program_version=program.version,
        reward=IssuedReward(
            redemption="",
            reward=reward.id,
            kind=reward.kind,
            value=step.value,
            currency=program.currency,
            code=None,
            valid_from=reward.valid.first_day(day),
            valid_until=reward.valid.last_day(day),
        ),
        currency=program.currency,
    )


def _step(conversion: Conversion, active: int) -> Step | None:
    """How many points go, and what they are worth together."""
    if active < conversion.minimum:
        return None
    if conversion.each:
        times = active // conversion.each.points
        return Step(conversion.each.points * times, conversion.each.value * times) if times else None
    return next((step for step in reversed(conversion.table) if step.points <= active), None)
