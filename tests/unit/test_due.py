"""The next day on which time has something to do or to tell: none that matters is skipped."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from functions.ledger.account import Account, TierStep, Traits
from functions.ledger.lots import NEVER
from functions.lifecycle.announcing import Days, announced
from functions.lifecycle.passing import passing
from functions.program.due import next_anniversary, next_birthday, next_conversion, next_due
from functions.program.model import ANNIVERSARY, BIRTHDAY, Level, Program, Reminders, Tiers
from tests.unit.careers import LEVELS
from tests.unit.factories import NOW, a_program, a_rule, an_account
from tests.unit.test_passing import PROGRAM, a_conversion

TODAY = date(2026, 11, 21)
TOMORROW = date(2026, 11, 22)
CELEBRATING = a_program([a_rule(on=frozenset({BIRTHDAY}), id="b"), a_rule(on=frozenset({ANNIVERSARY}), id="a")])
TIERED = a_program(tiers=Tiers(LEVELS))
MONTHLY = a_program(conversions=[a_conversion(months=frozenset(range(1, 13)), day=28)])


def due(account: Account, program: Program, after: date = TODAY) -> str | None:
    found = next_due(account, program, after)
    return found.isoformat() if found else None


@pytest.mark.parametrize(
    ("account", "program", "on"),
    [
        (an_account(), a_program(), None),
        (an_account({NEVER: 5}), a_program(), None),
        (an_account({"2026-12-01": 5, NEVER: 5}), a_program(), "2026-12-02"),
        (an_account({"2026-01-01": 5}), a_program(), "2026-11-22"),  # overdue
        (an_account(pending={"2026-12-01>never": 5}), a_program(), "2026-12-01"),
        (an_account(pending={f"{date.max}>never": 5}), a_program(), None),  # waits to be confirmed
        (an_account(tiers=(TierStep("gold", NOW, date(2026, 12, 31)),)), TIERED, "2027-01-01"),
        (an_account(tiers=(TierStep("gold", NOW, date(2026, 10, 31)),)), a_program(), None),  # no tiers any more
        (an_account(tiers=(TierStep("gold", NOW),)), TIERED, None),
        (an_account({NEVER: 5}), MONTHLY, "2026-11-28"),
        (an_account(pending={"2027-12-01>never": 5}), MONTHLY, "2026-11-28"),
        (an_account(), MONTHLY, None),
        (an_account(), CELEBRATING, "2027-11-21"),
        (an_account(traits=Traits(birthday="12-24")), CELEBRATING, "2026-12-24"),
        (an_account(traits=Traits(birthday="12-24")), a_program(), None),
        (an_account(status="closed", lots={"2026-12-01": 5}), CELEBRATING, None),
        (an_account(status="merged"), CELEBRATING, None),
        (an_account(status="suspended", lots={"2026-12-01": 5}), a_program(), "2026-12-02"),
        (an_account(), a_program(reminders=Reminders(lapsing=90)), "2027-02-19"),
        (an_account(active_on=date(2026, 11, 30)), a_program(reminders=Reminders(lapsing=90)), "2027-02-28"),
        (an_account(active_on=date(2026, 1, 1)), a_program(reminders=Reminders(lapsing=90)), None),
        (an_account({"2027-01-31": 5, NEVER: 1}), a_program(reminders=Reminders(expiring=30)), "2027-01-01"),
        (an_account({"2026-12-01": 5}), a_program(reminders=Reminders(expiring=30)), "2026-12-02"),  # too late
        (
            an_account(tiers=(TierStep("gold", NOW, date(2026, 12, 31)),)),
            a_program(tiers=Tiers(LEVELS), reminders=Reminders(tier_at_risk=30)),
            "2026-12-01",
        ),
        (
            an_account(tiers=(TierStep("gold", NOW),)),
            a_program(tiers=Tiers(LEVELS), reminders=Reminders(tier_at_risk=30)),
            None,
        ),
        (
            an_account(enrolled_at=datetime(2026, 10, 31, 12, tzinfo=UTC)),
            a_program(tiers=Tiers([Level("basic", {}), Level("silver", {}, [{"months": 4}])], held="ever")),
            "2027-02-28",
        ),
    ],
)
def test_the_next_day_is_the_first_of_all_that_is_to_come(account: Account, program: Program, on: str | None) -> None:
    assert due(account, program) == on


@pytest.mark.parametrize(
    ("birthday", "after", "on"),
    [
        ("02-29", date(2026, 11, 21), date(2027, 2, 28)),
        ("02-29", date(2027, 2, 28), date(2028, 2, 29)),
        ("02-29", date(2028, 2, 28), date(2028, 2, 29)),
        ("02-29", date(2028, 2, 29), date(2029, 2, 28)),
        ("01-31", date(2026, 12, 31), date(2027, 1, 31)),
        ("01-31", date(2027, 1, 31), date(2028, 1, 31)),
        ("12-31", date(2026, 12, 31), date(2027, 12, 31)),
    ],
)
def test_a_birthday_comes_every_year(birthday: str, after: date, on: date) -> None:
    assert next_birthday(birthday, after) == on


@pytest.mark.parametrize(
    ("enrolled_on", "after", "on"),
    [
        (date(2024, 2, 29), date(2024, 2, 28), date(2025, 2, 28)),  # not the day of enrolment itself
        (date(2024, 2, 29), date(2027, 2, 28), date(2028, 2, 29)),
        (date(2024, 2, 29), date(2028, 2, 28), date(2028, 2, 29)),
        (date(2026, 11, 21), date(2026, 11, 20), date(2027, 11, 21)),
    ],
)
def test_an_anniversary_is_a_full_year_or_more(enrolled_on: date, after: date, on: date) -> None:
    assert next_anniversary(enrolled_on, after) == on


@pytest.mark.parametrize(
    ("months", "day", "start", "on"),
    [
        ({2, 5, 8, 11}, 1, date(2026, 11, 1), date(2026, 11, 1)),
        ({2, 5, 8, 11}, 1, date(2026, 11, 2), date(2027, 2, 1)),
        ({12}, 28, date(2026, 12, 29), date(2027, 12, 28)),
        ({1}, 15, date(2026, 12, 31), date(2027, 1, 15)),
    ],
)
def test_a_conversion_comes_on_a_day_of_its_months(months: set[int], day: int, start: date, on: date) -> None:
    assert next_conversion(frozenset(months), day, start) == on


@pytest.mark.parametrize(
    ("zone", "enrolled_at", "anniversary"),
    [
        # A quarter to midnight in UTC is the next day already in Paris, summer and winter, and not in New York.
        ("Europe/Paris", datetime(2026, 3, 28, 23, 45, tzinfo=UTC), "2027-03-29"),
        ("Europe/Paris", datetime(2026, 3, 29, 21, 45, tzinfo=UTC), "2027-03-29"),
        ("Europe/Paris", datetime(2026, 3, 29, 22, 15, tzinfo=UTC), "2027-03-30"),
        ("Europe/Paris", datetime(2026, 10, 25, 22, 45, tzinfo=UTC), "2027-10-25"),
        ("Europe/Paris", datetime(2026, 10, 25, 23, 15, tzinfo=UTC), "2027-10-26"),
        ("America/New_York", datetime(2026, 3, 9, 3, 45, tzinfo=UTC), "2027-03-08"),
        ("America/New_York", datetime(2026, 11, 2, 4, 45, tzinfo=UTC), "2027-11-01"),
        ("America/New_York", datetime(2026, 11, 2, 5, 15, tzinfo=UTC), "2027-11-02"),
    ],
)
def test_days_are_those_of_the_programme_also_when_clocks_change(
    zone: str, enrolled_at: datetime, anniversary: str
) -> None:
    program = replace(CELEBRATING, zone=ZoneInfo(zone))
    assert due(an_account(enrolled_at=enrolled_at), program, date(2026, 12, 1)) == anniversary


@pytest.mark.parametrize("zone", ["Europe/Paris", "America/New_York"])
@pytest.mark.parametrize("day", [date(2027, 3, 14), date(2027, 3, 28), date(2027, 10, 31), date(2027, 11, 7)])
def test_what_happens_on_a_day_of_23_or_25_hours_happens_at_its_beginning(zone: str, day: date) -> None:
    program = a_program(zone=ZoneInfo(zone))
    account = an_account({(day - timedelta(days=1)).isoformat(): 5})
    [found] = passing(account, program, day - timedelta(days=5), day + timedelta(days=5))
    local = found.posting.occurred_at.astimezone(UTC).astimezone(ZoneInfo(zone))
    assert (found.on, local.date(), local.hour) == (day, day, 0)


def test_a_fiscal_year_from_the_first_of_march_ends_with_february_also_in_a_leap_year() -> None:
    tiers = Tiers(LEVELS, "fiscal", held="window")
    program = a_program(tiers=tiers, fiscal_year=(3, 1))
    for year, last in ((2027, date(2027, 2, 28)), (2028, date(2028, 2, 29))):
        account = an_account(tiers=(TierStep("gold", NOW, last),), counters={f"spend/fiscal@{year - 1}-03-01": 1200})
        assert due(account, program) == f"{year}-03-01"
        [review] = passing(account, program, TODAY, date(year, 3, 1))
        assert review.account.tier == "basic"


# --- nothing is skipped --------------------------------------------------------------------------------------------

EVERYTHING = replace(
    PROGRAM,
    reminders=Reminders(expiring=30, tier_at_risk=14, lapsing=60),
    earning=CELEBRATING.earning,
)
Dates = st.dates(date(2026, 10, 1), date(2027, 6, 1))
Lots = st.dictionaries(Dates.map(str) | st.just(NEVER), st.integers(1, 400), max_size=3)


@st.composite
def accounts(draw: st.DrawFn) -> Account:
    more: dict[str, Any] = {
        "pending": {f"{draw(Dates)}>{lot}": points for lot, points in draw(Lots).items()},
        "tiers": draw(
            st.just(())
            | st.tuples(
                st.builds(TierStep, st.sampled_from(["basic", "gold", "platinum"]), st.just(NOW), st.none() | Dates)
            )
        ),
        "counters": {"spend/quarter@2026-10-01": draw(st.integers(0, 9000))},
        "traits": Traits(birthday=draw(st.sampled_from([None, "02-29", "01-31", "12-31"]))),
        "status": draw(st.sampled_from(["active", "suspended", "closed"])),
        "active_on": draw(st.none() | Dates),
        "enrolled_at": draw(st.sampled_from([NOW, datetime(2024, 2, 29, 12, tzinfo=UTC)])),
    }
    return an_account(draw(Lots), **more)


@settings(max_examples=40, deadline=None)
@given(accounts())
def test_no_day_on_which_anything_happens_or_is_told_is_skipped(account: Account) -> None:
    day = TODAY
    while day < date(2027, 8, 1):
        named, day = next_due(account, EVERYTHING, day), day + timedelta(days=1)
        yesterday = day - timedelta(days=1)
        happened = list(passing(account, replace(EVERYTHING), yesterday, day))
        account = happened[-1].account if happened else account
        told = (
            list(announced(account, EVERYTHING, Days(yesterday, day, day, EVERYTHING.reminders)))
            if account.status != "closed"
            else []
        )
        if happened or told:
            assert named is not None
            assert named <= day
