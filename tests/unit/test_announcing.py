"""What members are told before it comes: in time, once, and only while it is true."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from functions.ledger.account import Account, TierStep, Traits
from functions.ledger.lots import NEVER
from functions.lifecycle.announcing import Announcement, Days, announced, celebrated
from functions.program.model import ANNIVERSARY, BIRTHDAY, Goal, Program, Reminders, Tiers
from tests.unit.careers import LEVELS
from tests.unit.factories import NOW, a_program, a_rule, an_account

TODAY = date(2026, 11, 21)
CELEBRATING = a_program([a_rule(on=frozenset({BIRTHDAY}), id="b"), a_rule(on=frozenset({ANNIVERSARY}), id="a")])
EXPIRING = a_program(reminders=Reminders(expiring=30))
RISKY = a_program(tiers=Tiers(LEVELS, held="window"), reminders=Reminders(tier_at_risk=30))
LAPSING = a_program(reminders=Reminders(lapsing=90))
GOLD = an_account(tiers=(TierStep("gold", NOW, date(2026, 12, 31)),))


def days(program: Program, after: date, to: date, before: Reminders | None = None) -> Days:
    return Days(after, to, to, before or program.reminders)


def told(account: Account, program: Program, after: date, to: date) -> list[tuple[str, str, str]]:
    return [(one.what, one.id, one.on.isoformat()) for one in announced(account, program, days(program, after, to))]


def test_points_that_will_expire_are_told_with_what_there_is() -> None:
    account = an_account({"2027-01-31": 5, "2027-02-28": 7, NEVER: 1})
    assert list(announced(account, EXPIRING, days(EXPIRING, TODAY, date(2027, 1, 3)))) == [
        Announcement(
            what="PointsExpiring",
            id="expiring:2027-01-31",
            on=date(2027, 1, 1),
            data={
                "points": 5,
                "expires_on": "2027-01-31",
                "balance": {"active": 13, "pending": 0, "held": 0, "debt": 0},
            },
        )
    ]


@pytest.mark.parametrize(
    ("after", "to", "is_told"),
    [
        ("2026-12-30", "2026-12-31", False),
        ("2026-12-31", "2027-01-01", True),
        ("2026-12-31", "2027-01-31", True),  # late, and still true
        ("2026-12-31", "2027-02-01", False),  # too late
        ("2027-01-01", "2027-01-02", False),  # told before
    ],
)
def test_a_reminder_comes_on_its_day_or_later_as_long_as_there_is_time(after: str, to: str, is_told: bool) -> None:
    account = an_account({"2027-01-31": 5})
    assert bool(told(account, EXPIRING, date.fromisoformat(after), date.fromisoformat(to))) is is_told


def test_a_programme_that_reminds_of_nothing_tells_nothing() -> None:
    account = replace(GOLD, lots={"2027-01-31": 5}, traits=Traits(birthday="12-24"))
    assert told(account, a_program(tiers=Tiers(LEVELS)), TODAY, date(2028, 1, 1)) == []


@pytest.mark.parametrize(
    ("account", "after", "to", "expected"),
    [
        (GOLD, "2026-11-30", "2026-12-01", [("TierAtRisk", "at-risk:2026-12-31", "2026-12-01")]),
        (GOLD, "2026-11-30", "2026-12-31", [("TierAtRisk", "at-risk:2026-12-31", "2026-12-01")]),
        (GOLD, "2026-11-30", "2027-01-01", []),
        (GOLD, "2026-12-01", "2026-12-02", []),
        (an_account(), "2026-11-30", "2026-12-01", []),
        (an_account(tiers=(TierStep("gold", NOW),)), "2026-11-30", "2026-12-01", []),
        (an_account(tiers=(TierStep("basic", NOW, date(2026, 12, 31)),)), "2026-11-30", "2026-12-01", []),
    ],
)
def test_a_tier_that_will_be_lost_is_told(
    account: Account, after: str, to: str, expected: list[tuple[str, str, str]]
) -> None:
    assert told(account, RISKY, date.fromisoformat(after), date.fromisoformat(to)) == expected


def test_what_follows_a_tier_at_risk_is_named() -> None:
    [found] = announced(GOLD, RISKY, days(RISKY, date(2026, 11, 30), date(2026, 12, 1)))
    assert found.data == {"tier": "gold", "held_until": "2026-12-31", "then": "basic"}


def test_of_the_tiers_of_a_programme_that_has_none_any_more_nothing_is_told() -> None:
    assert told(GOLD, replace(RISKY, tiers=None), date(2026, 11, 30), date(2026, 12, 1)) == []


@pytest.mark.parametrize(
    ("active_on", "after", "to", "since"),
    [
        (None, "2027-02-18", "2027-02-19", "2026-11-21"),
        (None, "2027-02-17", "2027-02-18", None),
        (date(2026, 12, 1), "2027-02-18", "2027-02-19", None),
        (date(2026, 12, 1), "2027-02-18", "2027-06-01", "2026-12-01"),
        (date(2026, 12, 1), "2027-03-01", "2027-06-01", None),
    ],
)
def test_a_lapse_is_told_once(active_on: date | None, after: str, to: str, since: str | None) -> None:
    account = an_account(active_on=active_on)
    found = list(announced(account, LAPSING, days(LAPSING, date.fromisoformat(after), date.fromisoformat(to))))
    assert [(one.id, one.data) for one in found] == ([(f"lapsing:{since}", {"active_on": since})] if since else [])


def test_birthdays_and_anniversaries_are_told_year_by_year_and_never_for_the_day_of_enrolment() -> None:
    account = an_account(enrolled_at=datetime(2024, 2, 29, 12, tzinfo=UTC), traits=Traits(birthday="02-29"))
    assert told(account, CELEBRATING, date(2024, 2, 28), date(2028, 2, 29)) == [
        ("BirthdayCame", "birthday:2025", "2025-02-28"),
        ("BirthdayCame", "birthday:2026", "2026-02-28"),
        ("BirthdayCame", "birthday:2027", "2027-02-28"),
        ("BirthdayCame", "birthday:2028", "2028-02-29"),
        ("AnniversaryCame", "anniversary:2025", "2025-02-28"),
        ("AnniversaryCame", "anniversary:2026", "2026-02-28"),
        ("AnniversaryCame", "anniversary:2027", "2027-02-28"),
        ("AnniversaryCame", "anniversary:2028", "2028-02-29"),
    ]
    [*_, last] = announced(account, CELEBRATING, days(CELEBRATING, date(2028, 2, 28), date(2028, 2, 29)))
    assert last.data == {"years": 4}


def test_a_goal_on_birthdays_celebrates_them_too() -> None:
    goal = Goal("b", BIRTHDAY, 1, "ever", {})
    account = an_account(traits=Traits(birthday="12-24"))
    program = a_program(goals=[goal])
    assert told(account, program, TODAY, date(2027, 12, 1)) == [("BirthdayCame", "birthday:2026", "2026-12-24")]


def test_in_portions_it_is_the_same_as_in_one() -> None:
    program = replace(CELEBRATING, reminders=Reminders(lapsing=90))
    account = an_account(traits=Traits(birthday="01-31"))
    to = date(2028, 3, 1)
    nights = [TODAY + timedelta(days=i) for i in range((to - TODAY).days + 1)]
    nightly = [one for i, day in enumerate(nights[1:]) for one in told(account, program, nights[i], day)]
    assert sorted(nightly) == sorted(told(account, program, TODAY, to))


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (Reminders(expiring=30), []),  # told on 1 January
        (Reminders(expiring=60), []),  # told in December, when more was foreseen
        (Reminders(expiring=10), ["expiring:2027-01-31"]),  # would have been told later: it is time now
        (Reminders(), ["expiring:2027-01-31"]),
    ],
)
def test_reminders_that_a_new_programme_brings_are_told_where_their_day_is_over(
    before: Reminders, expected: list[str]
) -> None:
    account = an_account({"2027-01-31": 5})
    found = announced(account, EXPIRING, days(EXPIRING, date(2027, 1, 10), date(2027, 1, 11), before))
    assert [one.id for one in found] == expected


def test_what_is_over_today_is_not_told_of_the_days_before() -> None:
    account = an_account({"2027-01-31": 5})
    late = Days(date(2026, 12, 31), date(2027, 1, 2), date(2027, 2, 1), EXPIRING.reminders)
    assert list(announced(account, EXPIRING, late)) == []


def test_days_that_are_celebrated_come_in_their_order() -> None:
    account = an_account(enrolled_at=datetime(2024, 5, 2, 12, tzinfo=UTC), traits=Traits(birthday="03-01"))
    assert list(celebrated(account, CELEBRATING, date(2025, 3, 1), date(2026, 6, 1))) == [
        date(2025, 5, 2),
        date(2026, 3, 1),
        date(2026, 5, 2),
    ]
    assert list(celebrated(account, EXPIRING, date(2025, 3, 1), date(2026, 6, 1))) == []
