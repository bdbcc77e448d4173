"""A member's year, lived in several ways: visited every night, when something is due, or hardly ever. It ends the same.

What the member does is the same in all of them, each thing on its day; only the visits of time differ. To be visited
when the index says so is as good as every night, whatever happens. Later is as good for what time does alone; but some
of what members do finds what a visit left, and is compared only where both were visited just before:

    redemptions   take what is active by then
    conversions   take what there is on the day of the visit: nobody buys between their day and the next visit
    returns       where purchases keep points alive, they look for points wherever these may lie by then
    birthdays     what they earn is kept alive only by what comes after they were told

How many entries it takes (`n`) may differ: what comes back while it is still pending need not expire.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import TypeAlias

import pytest

from functions.ledger.account import Account, Entry, Traits
from functions.lifecycle.announcing import Days, announced, celebrated
from functions.lifecycle.passing import passing
from functions.program.due import DAY, next_due
from functions.program.model import BIRTHDAY, Conversion, Lasting, Program, Reminders, Step, Tiers
from functions.program.occasions import Activity
from functions.redemption.spending import Redemption, decide_redemption
from tests.unit.careers import LEVELS
from tests.unit.factories import NOW, Journey, a_basket, a_flat_rule, a_line, a_program, a_rule, an_account

FIRST, LAST = date(2026, 1, 1), date(2026, 12, 31)
LONG_AFTER = LAST + timedelta(days=180)
"""By then all that was earned has become active, and has expired."""
PURCHASES = 400

LASTING: Mapping[str, Mapping[str, Lasting]] = {
    "a while": {"": Lasting(after_days=60)},
    "longer in gold": {"": Lasting(after_months=2), "gold": Lasting(after_months=4, to_month_end=True)},
    "for ever in gold": {"": Lasting(after_days=45), "gold": Lasting()},
    "kept alive by purchases": {"": Lasting(after_days=60, extended_by=frozenset({"purchase"}), each_month=True)},
}

CONVERSION = Conversion("quarterly", "voucher-5", frozenset({3, 6, 9, 12}), 20, 0, Step(100, 500), (), {})


def a_programme(lasting: str = "a while", **more: object) -> Program:
    """Points that wait, expire and come on a birthday; tiers that change with what is spent in a month."""
    program = a_program(
        [
            a_rule(pending_days=14),
            a_rule(1, 700, id="at-once"),
            a_flat_rule(50, id="birthday", on=frozenset({BIRTHDAY})),
        ],
        tiers=Tiers(LEVELS, "month", held="window"),
        reminders=Reminders(expiring=30, tier_at_risk=10, lapsing=40),
    )
    return replace(program, lasting=LASTING[lasting], **more)  # type: ignore[arg-type]


class Life:
    """A member to whom deeds happen on their days, and who is visited when `visited` says so."""

    def __init__(self, program: Program, visited: "Visited", deeds: "Deeds", until: date, birthday: str | None) -> None:
        self.journey = Journey(program, an_account(enrolled_at=_noon(FIRST), traits=Traits(birthday=birthday)))
        self.after_visits: dict[date, Account] = {}
        self._program = program
        self._passed_on = FIRST - DAY
        self._bought: dict[str, Entry] = {}
        for day in _days(FIRST, until):
            if visited(self, day) or day == until:
                self._visit(day)
            for deed in deeds.get(day, ()):
                deed(self, day)

    def is_due(self, day: date) -> bool:
        """Whether the index of what is due would name the member."""
        due = next_due(self.journey.account, self._program, self._passed_on)
        return due is not None and due <= day

    def buys(self, day: date, receipt: str, amounts: Sequence[int]) -> None:
        lines = [a_line(str(i), amount, 3) for i, amount in enumerate(amounts)]
        self._bought[receipt] = self.journey.does(replace(a_basket(*lines, occurred_at=_noon(day)), id=receipt))

    def brings_back(self, day: date, receipt: str, quantities: Mapping[str, int] | None) -> None:
        self._bought[receipt] = self.journey.returns(self._bought[receipt], quantities, _noon(day))

    def redeems(self, day: date) -> None:
        wanted = Redemption(f"redemption-{day}", "voucher-5")
        posting = decide_redemption(self.journey.account, wanted, self._program, _noon(day))
        self.journey.books("redemption", posting, _noon(day))

    def vouchers(self) -> list[tuple[int, date | None, date | None]]:
        """What was given: value, first and last day."""
        rewards = [entry.posting.reward for entry in self.journey.entries]
        return [(one.value, one.valid_from, one.valid_until) for one in rewards if one]

    def _visit(self, day: date) -> None:
        """As the store does it: up to the next day that is celebrated, what is earned for that, and on from there."""
        while self._passed_on < day:
            to = next(celebrated(self.journey.account, self._program, self._passed_on, day), day)
            for one in list(passing(self.journey.account, self._program, self._passed_on, to)):
                self.journey.books(one.kind, one.posting, _midnight(day))
            days = Days(self._passed_on, to, day, self._program.reminders)
            for news in announced(self.journey.account, self._program, days):
                if news.what == "BirthdayCame":
                    self.journey.does(Activity(news.id, BIRTHDAY, _midnight(news.on)), _midnight(day))
            self._passed_on = to
        self.after_visits[day] = replace(self.journey.account, n=0, revision=0, latest=(), updated_at=NOW)


Visited: TypeAlias = Callable[[Life, date], bool]
Deed: TypeAlias = Callable[[Life, date], None]
Deeds: TypeAlias = Mapping[date, Sequence[Deed]]

VISITED: Mapping[str, Visited] = {
    "every night": lambda _life, _day: True,
    "when something is due": Life.is_due,
    "every week": lambda _life, day: day.weekday() == 0,
    "every month": lambda _life, day: day.day == 1,
    "once": lambda _life, _day: False,
}


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def a_year(
    *, returns: bool = False, redemptions: bool = False, quiet: Callable[[date], bool] = lambda _day: False
) -> Deeds:
    """400 purchases, none on a `quiet` day; of one in six something comes back, now and then long after its points have
    expired; a redemption on the first of each month."""
    chance = random.Random(11)
    days = [day for day in _days(FIRST, LAST) if not quiet(day)]
    deeds: dict[date, list[Deed]] = {}
    for number in range(PURCHASES):
        day, receipt = chance.choice(days), f"receipt-{number}"
        amounts = [100 * chance.randint(1, 40) for _ in range(3)] if number % 3 == 0 else [chance.randint(1, 99)]
        deeds.setdefault(day, []).append(partial(Life.buys, receipt=receipt, amounts=amounts))
        back = day + timedelta(days=chance.choice([1, 10, 20, 50, 90, 130]))
        if returns and number % 6 == 0 and back <= LAST:
            quantities = chance.choice([None, {"0": 1}])
            deeds.setdefault(back, []).append(partial(Life.brings_back, receipt=receipt, quantities=quantities))
    for month in range(3, 13) if redemptions else ():
        first = date(2026, month, 1)
        deeds[first] = [Life.redeems, *deeds.get(first, [])]
    return deeds


def assert_same(program: Program, rarely: str, deeds: Deeds, until: date, birthday: str | None = None) -> Life:
    """After each rare visit there is what there is where every night is one; the life with those."""
    nightly = Life(program, VISITED["every night"], deeds, until, birthday)
    other = Life(program, VISITED[rarely], deeds, until, birthday)
    assert len(other.after_visits) < len(nightly.after_visits)
    assert other.after_visits == {day: nightly.after_visits[day] for day in other.after_visits}
    assert other.vouchers() == nightly.vouchers()
    return nightly


RARELY = pytest.mark.parametrize(
    ("rarely", "until"),
    [("every week", LONG_AFTER), ("every month", LONG_AFTER), ("once", LAST), ("once", LONG_AFTER)],
    ids=["every week", "every month", "at its end", "when all is over"],
)


@pytest.mark.parametrize("lasting", LASTING)
def test_to_be_visited_when_something_is_due_is_as_good_as_every_night(lasting: str) -> None:
    program = a_programme(lasting, conversions=[CONVERSION])
    deeds = a_year(returns=True, redemptions=True)
    nightly = assert_same(program, "when something is due", deeds, LONG_AFTER, birthday="07-14")
    kinds = {entry.operation.kind for entry in nightly.journey.entries}
    assert kinds >= {"purchase", "return", "redemption", "activity", "activation", "expiry", "review", "conversion"}


@RARELY
@pytest.mark.parametrize("lasting", LASTING)
def test_a_year_that_nobody_looked_at_is_made_up_for(lasting: str, rarely: str, until: date) -> None:
    birthday = "07-14" if rarely != "once" else None
    nightly = assert_same(a_programme(lasting), rarely, a_year(), until, birthday)
    assert bool(nightly.journey.account.lots) is (until == LAST)


@RARELY
@pytest.mark.parametrize("lasting", ["a while", "longer in gold", "for ever in gold"])
def test_so_it_is_where_much_comes_back_even_what_has_expired(lasting: str, rarely: str, until: date) -> None:
    nightly = assert_same(a_programme(lasting), rarely, a_year(returns=True), until)
    reversals = [entry.posting.reversal for entry in nightly.journey.entries if entry.posting.reversal]
    assert any(reversal.forgiven for reversal in reversals) is (lasting == "a while")
    assert len(reversals) > 40


@pytest.mark.parametrize("lasting", LASTING)
def test_so_it_is_where_points_are_spent_right_after_a_visit(lasting: str) -> None:
    nightly = assert_same(a_programme(lasting), "every month", a_year(redemptions=True), LONG_AFTER, birthday="07-14")
    assert len(nightly.vouchers()) == 10


@pytest.mark.parametrize("rarely", ["every week", "every month"])
def test_so_it_is_for_points_that_become_vouchers_where_nobody_buys_before_the_next_visit(rarely: str) -> None:
    deeds = a_year(quiet=lambda day: day.month in CONVERSION.months and day.day >= CONVERSION.day)
    nightly = assert_same(a_programme(conversions=[CONVERSION]), rarely, deeds, LONG_AFTER)
    assert [first for _, first, _ in nightly.vouchers()] == [date(2026, month, 20) for month in (3, 6, 9, 12)]
