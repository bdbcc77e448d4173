"""What time does to an account, day by day, the same however often and in whatever portions anyone looks."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import hypothesis.strategies as st
import pytest
from hypothesis import given

from functions.ledger.account import Account, Change, Posting, TierStep
from functions.ledger.lots import NEVER
from functions.ledger.rewards import IssuedReward
from functions.lifecycle.passing import Passed, passing
from functions.program.model import Conversion, Lasting, Level, Program, Step, Tiers, Validity
from tests.unit.careers import LEVELS
from tests.unit.factories import MEMBER, NOW, a_program, a_reward, an_account

TODAY = date(2026, 11, 21)
TOMORROW, LAST = date(2026, 11, 22), date(2027, 12, 31)


def passed(account: Account, program: Program, after: date = TODAY, to: date = LAST) -> list[Passed]:
    return list(passing(account, program, after, to))


def told(found: Iterable[Passed]) -> list[tuple[str, str, int]]:
    """What, when, and the points that it changed."""
    return [(one.kind, one.on.isoformat(), one.posting.points) for one in found]


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


# --- points --------------------------------------------------------------------------------------------------------


def test_where_nothing_is_due_nothing_happens() -> None:
    assert passed(an_account({NEVER: 5, "2028-01-01": 1}), a_program()) == []
    assert passed(an_account({"2026-12-01": 5}), a_program(), to=date(2026, 12, 1)) == []


def test_pending_points_become_active_on_their_day_and_points_expire_on_the_day_after_their_last() -> None:
    account = an_account({"2026-12-01": 5}, pending={"2026-11-30>2026-12-01": 3, "2026-12-03>never": 2})
    assert passed(account, a_program()) == [
        Passed(
            kind="activation",
            id=f"{MEMBER}:2026-11-30",
            on=date(2026, 11, 30),
            posting=Posting(
                "activated",
                Change({"2026-12-01": 3}, {"2026-11-30>2026-12-01": -3}),
                midnight(date(2026, 11, 30)),
                program_version=7,
            ),
            account=an_account({"2026-12-01": 8}, pending={"2026-12-03>never": 2}, n=1),
        ),
        Passed(
            kind="expiry",
            id=f"{MEMBER}:2026-12-02",
            on=date(2026, 12, 2),
            posting=Posting("expired", Change({"2026-12-01": -8}), midnight(date(2026, 12, 2)), program_version=7),
            account=an_account(pending={"2026-12-03>never": 2}, n=2),
        ),
        Passed(
            kind="activation",
            id=f"{MEMBER}:2026-12-03",
            on=date(2026, 12, 3),
            posting=Posting(
                "activated",
                Change({NEVER: 2}, {"2026-12-03>never": -2}),
                midnight(date(2026, 12, 3)),
                program_version=7,
            ),
            account=an_account({NEVER: 2}, n=3),
        ),
    ]


def test_what_is_overdue_is_done_on_the_first_day() -> None:
    account = an_account({"2026-01-01": 5, "2026-02-01": 6}, pending={"2026-03-01>2026-12-31": 3})
    assert told(passed(account, a_program(), to=TOMORROW)) == [
        ("activation", "2026-11-22", 0),
        ("expiry", "2026-11-22", -11),
    ]


def test_points_that_become_active_too_late_expire_on_the_same_day() -> None:
    found = passed(an_account(pending={"2026-12-01>2026-11-25": 3}), a_program())
    assert told(found) == [("activation", "2026-12-01", 0), ("expiry", "2026-12-01", -3)]


def test_days_are_those_of_the_programme() -> None:
    [found] = passed(an_account({"2026-12-01": 5}), a_program(zone=ZoneInfo("America/New_York")))
    assert found.posting.occurred_at.astimezone(UTC) == datetime(2026, 12, 2, 5, tzinfo=UTC)


# --- tiers ---------------------------------------------------------------------------------------------------------


GOLD = TierStep("gold", NOW, date(2026, 12, 31))
BASIC = TierStep("basic", midnight(date(2027, 1, 1)))


def test_a_tier_is_reviewed_on_the_day_after_its_last_and_told_with_the_one_before() -> None:
    [found] = passed(an_account({NEVER: 5}, tiers=(GOLD,)), a_program(tiers=Tiers(LEVELS)))
    assert (found.kind, found.id, found.on) == ("review", f"{MEMBER}:2027-01-01", date(2027, 1, 1))
    assert found.posting == Posting(
        "adjusted", Change(), midnight(date(2027, 1, 1)), 7, tiers=(GOLD, BASIC), tier_before="gold"
    )
    assert found.account.tier == "basic"


def test_points_begin_to_expire_where_the_next_tier_says_so() -> None:
    program = replace(a_program(tiers=Tiers(LEVELS)), lasting={"gold": Lasting(), "": Lasting(after_months=6)})
    account = an_account({NEVER: 5, "2028-01-01": 1}, pending={"2027-06-01>never": 2}, tiers=(GOLD,))
    [found] = passed(account, program, to=date(2027, 1, 1))
    assert found.posting.change == Change(
        {NEVER: -5, "2027-07-01": 5}, {"2027-06-01>never": -2, "2027-06-01>2027-07-01": 2}
    )


def test_a_member_who_was_never_given_a_tier_is_lifted_by_time_alone() -> None:
    levels = [Level("basic", {}), Level("silver", {}, [{"months": 3}])]
    account = an_account(enrolled_at=NOW)
    [found] = passed(account, a_program(tiers=Tiers(levels, held="ever")))
    assert (found.kind, found.on) == ("review", date(2027, 2, 21))
    assert found.posting.tiers == (TierStep("basic", NOW), TierStep("silver", midnight(date(2027, 2, 21))))
    assert found.posting.tier_before == "basic"


def test_the_steps_of_a_programme_that_has_no_tiers_any_more_stay_as_they_are() -> None:
    assert passed(an_account(tiers=(GOLD,)), a_program()) == []


# --- conversions ---------------------------------------------------------------------------------------------------


def a_conversion(**more: Any) -> Conversion:
    """On 1 February, May, August and November."""
    standard: dict[str, Any] = {
        "id": "quarterly",
        "reward": "voucher-5",
        "months": frozenset({2, 5, 8, 11}),
        "day": 1,
        "minimum": 0,
        "each": Step(100, 500),
        "table": (),
        "text": {},
    }
    return Conversion(**(standard | more))


TABLE = (Step(100, 500), Step(250, 1500), Step(500, 4000))


@pytest.mark.parametrize(
    ("conversion", "points", "taken", "value"),
    [
        (a_conversion(), 99, 0, 0),
        (a_conversion(), 100, 100, 500),
        (a_conversion(), 399, 300, 1500),
        (a_conversion(minimum=150), 149, 0, 0),
        (a_conversion(minimum=150), 150, 100, 500),
        (a_conversion(each=None, table=TABLE), 99, 0, 0),
        (a_conversion(each=None, table=TABLE), 249, 100, 500),
        (a_conversion(each=None, table=TABLE), 250, 250, 1500),
        (a_conversion(each=None, table=TABLE), 1200, 500, 4000),
        (a_conversion(each=None, table=TABLE, minimum=500), 499, 0, 0),
    ],
)
def test_points_become_a_voucher_in_steps_and_the_rest_stays(
    conversion: Conversion, points: int, taken: int, value: int
) -> None:
    found = passed(an_account({NEVER: points}), a_program(conversions=[conversion]), to=date(2027, 2, 1))
    assert told(found) == ([("conversion", "2027-02-01", -taken)] if taken else [])
    assert [one.posting.reward.value for one in found if one.posting.reward] == ([value] if taken else [])


def test_a_conversion_is_a_redemption_of_its_own_whose_voucher_gets_its_id_and_code_later() -> None:
    reward = replace(a_reward(), valid=Validity(months=3, to_month_end=True))
    account = an_account({NEVER: 50, "2027-03-31": 60})
    [found] = passed(account, a_program(rewards=[reward], conversions=[a_conversion()]), to=date(2027, 2, 1))
    assert (found.kind, found.id) == ("conversion", f"{MEMBER}:quarterly:2027-02-01")
    assert found.posting == Posting(
        kind="redeemed",
        change=Change({"2027-03-31": -60, NEVER: -40}),
        occurred_at=midnight(date(2027, 2, 1)),
        program_version=7,
        reward=IssuedReward(
            redemption="",
            reward="voucher-5",
            kind="voucher",
            value=500,
            currency="USD",
            code=None,
            valid_from=date(2027, 2, 1),
            valid_until=date(2027, 4, 30),
        ),
        currency="USD",
    )


def test_a_conversion_comes_again_on_each_of_its_days() -> None:
    program = a_program(conversions=[a_conversion(each=None, table=TABLE, day=15)])
    found = passed(an_account({NEVER: 1000}), program, to=date(2028, 2, 15))
    assert told(found) == [
        ("conversion", "2027-02-15", -500),
        ("conversion", "2027-05-15", -500),
    ]


def test_a_conversion_that_was_missed_is_not_made_up_for() -> None:
    program = a_program(conversions=[a_conversion(months=frozenset({11}))])
    assert told(passed(an_account({NEVER: 100}), program)) == [("conversion", "2027-11-01", -100)]


def test_two_conversions_of_a_day_share_what_there_is() -> None:
    program = a_program(conversions=[a_conversion(), a_conversion(id="rest", each=Step(10, 40), months=frozenset({2}))])
    found = passed(an_account({NEVER: 134}), program, to=date(2027, 2, 1))
    assert [(one.id, one.posting.points) for one in found] == [
        (f"{MEMBER}:quarterly:2027-02-01", -100),
        (f"{MEMBER}:rest:2027-02-01", -30),
    ]


# --- all together --------------------------------------------------------------------------------------------------


def test_on_one_day_points_become_active_then_expire_then_tiers_are_reviewed_then_points_converted() -> None:
    program = replace(
        a_program(tiers=Tiers(LEVELS), conversions=[a_conversion(months=frozenset({1}), minimum=100, each=Step(1, 5))]),
        lasting={"gold": Lasting(), "": Lasting(after_days=10)},
    )
    account = an_account({"2026-12-31": 500, NEVER: 60}, pending={"2027-01-01>never": 40}, tiers=(GOLD,))
    found = passed(account, program, to=date(2027, 1, 1))
    assert told(found) == [
        ("activation", "2027-01-01", 0),
        ("expiry", "2027-01-01", -500),
        ("review", "2027-01-01", 0),
        ("conversion", "2027-01-01", -100),
    ]
    assert found[-1].posting.change.lots == {"2027-01-11": -100}


PROGRAM = replace(
    a_program(
        tiers=Tiers(
            [*LEVELS, Level("platinum", {}, [{"spend": 5000}, {"months": 7}])], "quarter", held="window", soft=True
        ),
        conversions=[a_conversion(), a_conversion(id="all", each=None, table=TABLE, months=frozenset(range(1, 13)))],
    ),
    lasting={"gold": Lasting(), "platinum": Lasting(after_months=2), "": Lasting(after_days=40)},
)
Days = st.dates(date(2026, 10, 1), date(2027, 10, 1))
Lots = st.dictionaries(Days.map(str) | st.just(NEVER), st.integers(1, 400), max_size=4)


@st.composite
def accounts(draw: st.DrawFn) -> Account:
    lots = draw(Lots)
    pending = {f"{draw(Days)}>{lot}": points for lot, points in draw(Lots).items()}
    tiers = (TierStep(draw(st.sampled_from(["basic", "gold", "platinum"])), NOW, draw(Days | st.none())),)
    quarters = ["2026-07-01", "2026-10-01", "2027-01-01"]
    spend = draw(st.dictionaries(st.sampled_from(quarters), st.integers(0, 2000), max_size=3))
    counters = {f"spend/quarter@{quarter}": value for quarter, value in spend.items()}
    return an_account(lots, pending=pending, tiers=draw(st.just(()) | st.just(tiers)), counters=counters)


@given(accounts(), st.lists(st.dates(TODAY, LAST), max_size=4).map(sorted))
def test_in_portions_it_is_the_same_as_in_one(account: Account, stops: list[date]) -> None:
    whole = passed(account, PROGRAM)
    portions: list[Passed] = []
    after = TODAY
    for stop in [*stops, LAST]:
        portions += passed(portions[-1].account if portions else account, PROGRAM, after, stop)
        after = stop
    assert portions == whole


@given(accounts())
def test_what_has_happened_does_not_happen_again(account: Account) -> None:
    found = passed(account, PROGRAM)
    assert [one.on for one in found] == sorted(one.on for one in found)
    assert len({(one.kind, one.id) for one in found}) == len(found)
    assert all(TODAY < one.on <= LAST for one in found)
    after = found[-1].account if found else account
    assert passed(after, replace(PROGRAM, conversions=()), LAST - timedelta(days=1), LAST) == []
