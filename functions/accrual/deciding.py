"""`decide(account, event, program, now)`: what an event makes of an account. Pure, and the same live, dry, in tests and
over a year of purchases: the same account, event, programme and time give the same posting.

    review due tiers ─> judge rules ─> count ─> goals ─> lift tier ─> points into their lots, lots to their days

Everything counts at `occurred_at`: the rules, the tier, the period. `now` decides only what has become active or
expired, and what lies in the future. The event that lifts a tier is still judged by the tier before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TypeAlias

from functions.accrual import counting, earning
from functions.accrual.earning import Budgets
from functions.accrual.given import Given, quick, shares_of
from functions.accrual.limits import counts_of
from functions.accrual.rulebook import Rulebook, rulebook_of
from functions.ledger.account import Account, Change, Count, Line, Posting, Reason, TierStep
from functions.ledger.booking import changed, summed
from functions.ledger.by_line import Later
from functions.ledger.movements import UNCONFIRMED, Earned, earn, relocate, together
from functions.ledger.rewards import Basis, IssuedReward
from functions.program import expiry, tiers
from functions.program.conditions import Moment, first_failed
from functions.program.declared import wrong_attributes
from functions.program.model import Program, Reward
from functions.program.occasions import Activity, Purchase, PurchaseLine
from functions.program.periods import day_in
from functions.program.sharing import spread
from functions.runtime.errors import FieldError, InvalidError

CLOCK_SKEW = timedelta(minutes=10)
"""How far ahead of ours a till's clock may run."""

OLDEST = timedelta(days=50 * 365)
"""What is longer ago is taken for a mistake."""

NO_BUDGETS: Budgets = {}
REFERRED = "referred"
REFERRAL_DONE = "referral.done"

Event: TypeAlias = Purchase | Activity


def decide(account: Account, event: Event, program: Program, now: datetime, budgets: Budgets = NO_BUDGETS) -> Posting:
    """The points, tier, goals and rewards that an event brings, with the reason for or against of every rule and line.

    `budgets`: points left of the budgets of rules, where something was spent of them. Raises InvalidError for another
    currency, a time in the future, and one longer ago than the programme takes.
    """
    _check(event, program, now)
    book = rulebook_of(program)
    steps = account.tiers or tiers.opened(program, account.enrolled_at)
    moment = _moment(account, event, program)
    steps = tiers.reviewed(steps, account.counters, program, moment.calendar.enrolled_on, moment.day)
    moment.tier = tiers.tier_at(steps, program, event.occurred_at)
    if _too_early(moment):
        return _nothing(moment)
    return _Deciding(moment, book, steps, now, budgets).posting()


class _Deciding:
    """One decision on its way: what is known so far."""

    def __init__(
        self, moment: Moment, book: Rulebook, steps: Sequence[TierStep], now: datetime, budgets: Budgets
    ) -> None:
        self._moment = moment
        self._book = book
        self._steps = steps
        self._now = now
        self._budgets = budgets
        self._waits = needs_confirmation(moment.event, moment.program)
        self._tier_before = moment.account.tier or moment.program.base_tier() or None
        self._referrer = _referrer(moment, book)
        occasions = (moment.event.type, REFERRED) if self._referrer else (moment.event.type,)
        self._judged = earning.judge(moment, book, budgets, occasions)
        self._given = self._judged.given

    def posting(self) -> Posting:
        moment, account = self._moment, self._moment.account
        tallies = counting.tallies(moment, self._judged)
        goals = counting.goals(moment, self._book, tallies)
        gifts = self._gifts()
        measured = counting.counts(moment, tallies)
        counts = [*counts_of(self._judged, moment), *measured, *goals.counts]
        if self._referrer:
            counts.append(Count(REFERRAL_DONE, whole=1))
        if gifts and not moment.program.rewards_return and isinstance(moment.event, Purchase):
            # The reward stays when the purchase comes back; so the purchase stays a visit, or it could be had again.
            counts = [count._replace(whole=0, kept=count.kept + count.whole) for count in counts]
        made, change = self._moved(goals.points, counts)
        steps = self._lifted(measured)
        whole = expiry.following_tier(account, change, steps, moment.program)
        return Posting(
            kind="earned",
            change=whole,
            made=None if made is whole else made,
            occurred_at=moment.event.occurred_at,
            program_version=moment.program.version,
            explanation=[*self._judged.reasons, *goals.reasons],
            lines=_lines(moment, self._judged.spendable),
            currency=moment.event.currency if isinstance(moment.event, Purchase) else None,
            counts=counts,
            tiers=None if steps == account.tiers else steps,
            tier_before=self._tier_before,
            issued=[*gifts, *goals.issued],
            draws=earning.draws_of(self._given, moment, self._budgets),
            referrer=self._referrer,
            activity=moment.event.type if isinstance(moment.event, Activity) else None,
            unconfirmed=self._waits,
        )

    def _moved(self, goal_points: Mapping[str, int], counts: list[Count]) -> tuple[Change, Change]:
        """What is earned, and that together with what the event keeps alive."""
        account, parts, today = self._moment.account, self._parts(goal_points), self._today()
        kept_alive = self._kept_alive(counts)
        if not kept_alive:
            earned = earn(account, parts, today)
            return earned, earned
        moved = relocate(account, kept_alive)
        earned = earn(changed(account, moved), parts, today)
        return earned, together(moved, earned)

    def _today(self) -> date:
        moment = self._moment
        if self._now == moment.event.occurred_at:
            return moment.day
        return self._now.astimezone(moment.program.zone).date()

    def _parts(self, goal_points: Mapping[str, int]) -> list[Earned]:
        """The points by the day on which they become active and the lot they lie in."""
        moment = self._moment
        usual = moment.program.lasting_of(moment.tier)
        usual_lot = expiry.lot_for(usual, moment.day)
        sums: dict[tuple[str, int], int] = {}
        for one in self._given:
            if one.rule.into is None and (points := one.points):
                lot = expiry.lot_for(one.rule.lasting.get("", usual), moment.day) if one.rule.lasting else usual_lot
                key = lot, one.rule.pending_days
                sums[key] = sums.get(key, 0) + points
        waiting = [Earned(points, lot, UNCONFIRMED) for (lot, _), points in sums.items()] if self._waits else []
        if self._waits:
            sums = {}
        for points in goal_points.values():
            key = usual_lot, moment.program.pending_days
            sums[key] = sums.get(key, 0) + points
        day = moment.day
        return waiting + [
            Earned(points, lot, day + timedelta(days=days) if days else None) for (lot, days), points in sums.items()
        ]

    def _kept_alive(self, counts: list[Count]) -> Mapping[str, str]:
        """Where lots move to because this event keeps points alive."""
        moment = self._moment
        lasting = moment.program.lasting_of(moment.tier)
        what = moment.event.type
        if what not in lasting.extended_by:
            return {}
        first = True
        if lasting.each_month:
            key = expiry.month_key(moment.day)
            first = key not in moment.account.counters
            if first:
                counts.append(Count(key, kept=1))
        return expiry.extended(moment.account, lasting, what, moment.day, first_this_month=first)

    def _lifted(self, measured: Sequence[Count]) -> Sequence[TierStep]:
        moment, program = self._moment, self._moment.program
        if program.tiers is None:
            return self._steps
        enrolled_on, at = moment.calendar.enrolled_on, moment.event.occurred_at
        after = summed(moment.account.counters, measured)
        steps = tiers.lifted(self._steps, after, program, enrolled_on, at)
        for one in self._given:
            if one.rule.gift and one.rule.gift.tier:
                steps = tiers.granted(steps, program, one.rule.gift.tier, one.rule.gift.months, enrolled_on, at)
        return steps

    def _gifts(self) -> list[IssuedReward]:
        program = self._moment.program
        return [
            reward
            for one in self._given
            if one.rule.gift and one.rule.gift.reward
            for reward in self._given_by(one, program.rewards[one.rule.gift.reward])
        ]

    def _given_by(self, one: Given, reward: Reward) -> list[IssuedReward]:
        """What a rule gives of a reward, with what it rests on."""
        assert one.rule.gift
        rule, least_paid = one.rule, one.rule.when.paid.at_least if one.rule.when.paid else None
        basis = Basis(rule.id, one.gifts, one.gifts_for, rule.minimum, one.rule.gift.per_full, least_paid or 0)
        issued = counting.issued(reward, one.gifts, self._moment.program, self._moment.day)
        return [replace(one_issued, basis=basis) for one_issued in issued]


def _referrer(moment: Moment, book: Rulebook) -> str | None:
    """The member to whom the referral of this one is due, where the event completes it: once, and soon enough."""
    referral, referrer = moment.program.referral, moment.account.traits.referred_by
    if referral is None or referrer is None or moment.event.type != referral.on:
        return None
    since = (moment.day - moment.calendar.enrolled_on).days
    if moment.account.counters.get(REFERRAL_DONE) or (
        referral.within_days is not None and since > referral.within_days
    ):
        return None
    return None if first_failed(book.referral_tests, moment) else referrer


def _check(event: Event, program: Program, now: datetime) -> None:
    errors = []
    what = "purchase" if isinstance(event, Purchase) else "activity"
    if isinstance(event, Purchase) and event.currency != program.currency:
        errors.append(FieldError("/currency", "currency", f"The programme counts in {program.currency}."))
    if event.occurred_at > now + CLOCK_SKEW:
        errors.append(FieldError("/occurred_at", "future", f"The {what} lies in the future."))
    late = program.acceptance.late_days
    if event.occurred_at < now - (timedelta(days=late) if late is not None else OLDEST):
        age = f"{late} days" if late is not None else "fifty years"
        errors.append(FieldError("/occurred_at", "too_late", f"The {what} is older than {age}."))
    if errors:
        raise InvalidError(errors)


def check_declared(activity: Activity, program: Program) -> None:
    """Raises InvalidError that names all that is wrong with the type and the attributes of a partner's activity."""
    declared = program.activities.get(activity.type)
    if declared is None:
        known = ", ".join(program.activities) or "none"
        detail = f"The programme knows these activities: {known}."
        raise InvalidError([FieldError("/type", "unknown_activity", detail)])
    errors = wrong_attributes(activity.attributes, declared.attributes, f"{declared.id} has these")
    missing = sorted(declared.required - activity.attributes.keys())
    errors += [FieldError(f"/attributes/{name}", "missing", f"{declared.id} needs it.") for name in missing]
    if errors:
        raise InvalidError(errors)


def needs_confirmation(event: Event, program: Program) -> bool:
    """Whether what an event earns is pending until a partner confirms it."""
    declared = program.activities.get(event.type) if isinstance(event, Activity) else None
    return declared is not None and declared.confirmed


def matters(what: str, program: Program) -> bool:
    """Whether a programme does anything when an activity happens."""
    return (
        what in counting.measured(program)
        or program.celebrates(what)
        or any(what in lasting.extended_by for lasting in program.lasting.values())
        or (program.referral is not None and program.referral.on == what)
    )


def _moment(account: Account, event: Event, program: Program) -> Moment:
    local = event.occurred_at.astimezone(program.zone)
    enrolled_on = day_in(account.enrolled_at, program.zone)
    if isinstance(event, Purchase):
        lines: Sequence[PurchaseLine] = event.lines
        amounts = _earning_amounts(event, program)
    else:
        lines, amounts = (_WHOLE,), (0,)
    return Moment(
        event=event,
        account=account,
        program=program,
        calendar=program.calendar(enrolled_on),
        local=local,
        day=local.date(),
        tier="",
        lines=lines,
        amounts=amounts,
        paid=sum(amounts),
        number=account.counters.get("visits", 0) + 1,
    )


_WHOLE = PurchaseLine("", 1, 0)
"""What an activity has instead of lines."""


def _earning_amounts(purchase: Purchase, program: Program) -> Sequence[int]:
    """What earns of each line: less, in proportion, by what was paid in a way that earns nothing."""
    amounts = [line.amount for line in purchase.lines]
    if not program.unearning:
        return amounts
    total = sum(amounts)
    if purchase.payments:
        excluded = sum(paid for way, paid in purchase.payments.items() if way in program.unearning)
    else:
        excluded = total if purchase.payment_method in program.unearning else 0
    return spread(max(0, total - excluded), amounts) if excluded else amounts


def _too_early(moment: Moment) -> bool:
    """Whether the event lies further before the enrolment than the programme allows."""
    allowed = moment.program.acceptance.before_enrolment_days
    return allowed is not None and (moment.calendar.enrolled_on - moment.day).days > allowed


def _nothing(moment: Moment) -> Posting:
    facts = {"days": (moment.calendar.enrolled_on - moment.day).days}
    rules = [rule for rule in moment.program.earning if moment.event.type in rule.on]
    return Posting(
        kind="earned",
        change=Change(),
        occurred_at=moment.event.occurred_at,
        program_version=moment.program.version,
        explanation=[Reason(rule.id, False, condition="before_enrolment", facts=facts) for rule in rules],
        lines=_lines(moment, ()),
        currency=moment.event.currency if isinstance(moment.event, Purchase) else None,
    )


def _lines(moment: Moment, given: Sequence[Given]) -> Sequence[Line]:
    """The lines of a purchase with the points that rules gave for each."""
    if not isinstance(moment.event, Purchase):
        return []
    return Later(
        lambda: [
            quick(Line, (line[0], line[1], line[2], share))
            for line, share in zip(moment.lines, shares_of(given, moment), strict=True)
        ]
    )
