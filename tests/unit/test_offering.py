"""Whether a member can have a reward now, and how much it takes."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import hypothesis.strategies as st
import pytest
from hypothesis import given

from functions.ledger.account import Account, Count, TierStep, Traits
from functions.ledger.lots import NEVER
from functions.program.model import CountedSoFar, Limit, Match, Mix, Paying, Program, Range, Reward, Tiers, When
from functions.program.offering import (
    THE_PRICE,
    Place,
    Price,
    Wanted,
    can_have,
    check_eligible,
    counts_of,
    least_points,
    price_of,
)
from functions.runtime.errors import FieldError, InvalidError, RewardNotEligibleError
from tests.unit.factories import NOW, TODAY, a_program, a_reward, an_account, levels

GOLD = Match(frozenset({"gold"}))
ENROLLED = datetime(2025, 1, 15, tzinfo=UTC)


def reward(**more: Any) -> Reward:
    return replace(a_reward(), **more)


def a_member(tier: str = "", **more: Any) -> Account:
    steps = (TierStep(tier, ENROLLED),) if tier else ()
    return an_account(**{"lots": {NEVER: 100}, "tiers": steps, "enrolled_at": ENROLLED, **more})


TIERED = a_program(tiers=Tiers(levels(gold={"spend": 1000})))
HAD = "voucher-5.had/month@2026-11-01"


@pytest.mark.parametrize(
    ("account", "offered", "why"),
    [
        (a_member(), reward(), None),
        (a_member("gold"), reward(tier=GOLD), None),
        (a_member("base"), reward(tier=GOLD), "tier"),
        (a_member("base"), reward(tier=Match(frozenset({"gold"}), excluded=True)), None),
        (a_member(), reward(first_day=TODAY, last_day=TODAY), None),
        (a_member(), reward(first_day=TODAY + timedelta(days=1)), "dates"),
        (a_member(), reward(last_day=TODAY - timedelta(days=1)), "dates"),
        (a_member(), reward(limits=(Limit("month", times=1),)), None),
        (a_member(counters={HAD: 1}), reward(limits=(Limit("month", times=1),)), "limit"),
        (a_member(counters={HAD: 1}), reward(limits=(Limit("month", times=2),)), None),
        (a_member(counters={HAD: 1}), reward(limits=(Limit("week", times=1),)), None),
        (a_member(counters={HAD: 1}), reward(limits=(Limit("week", times=1), Limit("month", times=1))), "limit"),
        (a_member(counters={"voucher-5.had": 3}), reward(limits=(Limit("ever", times=3),)), "limit"),
        (a_member(counters={"voucher-5.had": 3}), reward(limits=(Limit("ever", points=3),)), None),
    ],
)
def test_who_can_have_a_reward_and_why_not(account: Account, offered: Reward, why: str | None) -> None:
    """With the same words whether it is asked before or is refused."""
    assert can_have(account, offered, TIERED, NOW) is (why is None)
    if why is None:
        check_eligible(account, offered, TIERED, NOW)
        return
    with pytest.raises(RewardNotEligibleError) as refused:
        check_eligible(account, offered, TIERED, NOW)
    assert refused.value.members == {"reason": why}


@pytest.mark.parametrize(("lots", "can"), [({NEVER: 100}, True), ({NEVER: 99}, False), ({"2026-11-20": 100}, False)])
def test_it_takes_the_points_it_costs(lots: dict[str, int], can: bool) -> None:
    """A lot that is over pays nothing, though the night that books it has not come."""
    assert can_have(a_member(lots=lots), reward(), TIERED, NOW) is can


def test_points_do_not_matter_to_who_is_eligible() -> None:
    check_eligible(a_member(lots={}), reward(), TIERED, NOW)


def test_what_has_no_price_is_only_given() -> None:
    assert not can_have(a_member(), reward(points=None), TIERED, NOW)


def test_a_day_is_the_day_where_the_programme_is() -> None:
    """At 23.30 in Paris it is not yet tomorrow, half an hour later it is, although in UTC it is not."""
    program: Program = a_program(zone=ZoneInfo("Europe/Paris"))
    offered = reward(first_day=date(2026, 11, 22), limits=(Limit("day", times=1),))
    late, later = datetime(2026, 11, 21, 22, 30, tzinfo=UTC), datetime(2026, 11, 21, 23, 30, tzinfo=UTC)
    assert not can_have(a_member(), offered, program, late)
    assert can_have(a_member(), offered, program, later)
    assert counts_of(a_member(), offered, program, later) == [Count("voucher-5.had/day@2026-11-22", whole=1)]
    assert not can_have(a_member(lots={"2026-11-21": 100}), offered, program, later)


def test_every_limit_of_a_reward_is_counted() -> None:
    offered = reward(limits=(Limit("month", times=1), Limit("ever", times=3), Limit("anniversary", times=2)))
    assert counts_of(a_member(), offered, TIERED, NOW) == [
        Count(HAD, whole=1),
        Count("voucher-5.had", whole=1),
        Count("voucher-5.had/anniversary@2026-01-15", whole=1),
    ]


def test_a_reward_without_limits_is_not_counted() -> None:
    assert counts_of(a_member(), reward(), TIERED, NOW) == []


# --- conditions ----------------------------------------------------------------------------------------------------


def only(**when: Any) -> Program:
    """A programme with a reward under these conditions."""
    return a_program(rewards=[reward(when=When(**when))], tiers=Tiers(levels(gold={"spend": 1000})))


def why_not(account: Account, program: Program, place: Place, now: datetime = NOW) -> tuple[object, object] | None:
    try:
        check_eligible(account, program.rewards["voucher-5"], program, now, place)
    except RewardNotEligibleError as refused:
        return refused.members["reason"], refused.members.get("facts")
    return None


PARIS = Place("paris", "app")


@pytest.mark.parametrize(
    ("when", "account", "place", "why"),
    [
        ({"store": Match(frozenset({"paris"}))}, {}, PARIS, None),
        ({"store": Match(frozenset({"paris"}))}, {}, Place(channel="app"), "store"),
        ({"store": Match(frozenset({"paris"}), excluded=True)}, {}, PARIS, "store"),
        ({"channel": Match(frozenset({"app"}))}, {}, PARIS, None),
        ({"channel": Match(frozenset({"app"}))}, {}, Place("paris", "web"), "channel"),
        ({"segment": Match(frozenset({"vip"}))}, {"traits": Traits(("vip",))}, PARIS, None),
        ({"segment": Match(frozenset({"vip"}))}, {}, PARIS, "segment"),
        ({"tier": Match(frozenset({"gold"}))}, {"tier": "gold"}, PARIS, None),
        ({"tier": Match(frozenset({"gold"}))}, {"tier": "base"}, PARIS, "tier"),
        ({"first_day": TODAY, "last_day": TODAY}, {}, PARIS, None),
        ({"first_day": TODAY + timedelta(days=1)}, {}, PARIS, "dates"),
        ({"weekday": frozenset({5})}, {}, PARIS, None),
        ({"weekday": frozenset({0})}, {}, PARIS, "weekday"),
        ({"birthday": (0, 0)}, {"traits": Traits(birthday="11-21")}, PARIS, None),
        ({"birthday": (0, 0)}, {"traits": Traits(birthday="11-22")}, PARIS, "birthday"),
        ({"new_days": 675}, {}, PARIS, None),
        ({"new_days": 674}, {}, PARIS, "enrolled_within_days"),
        ({"counted": {"visits": CountedSoFar(Range(3), "month")}}, {}, PARIS, "counted.visits"),
        ({"cel": "member.purchases >= 3 && member.days_enrolled > 1"}, {"counters": {"visits": 3}}, PARIS, None),
        ({"cel": "member.purchases >= 3"}, {"counters": {"visits": 2}}, PARIS, "cel"),
        ({"cel": "member.tier == 'gold'"}, {"tier": "base"}, PARIS, "cel"),
    ],
)
def test_conditions_are_asked_of_the_member_here_and_now(
    when: dict[str, Any], account: dict[str, Any], place: Place, why: str | None
) -> None:
    found = why_not(a_member(**account), only(**when), place)
    assert (found and found[0]) == why


def test_a_condition_that_fails_is_told_with_its_facts() -> None:
    found = why_not(a_member(), only(birthday=(0, 0)), PARIS)
    assert found
    with pytest.raises(RewardNotEligibleError, match=r"^This reward is not for this member, here and now: segment\.$"):
        check_eligible(a_member(), reward(when=When(segment=GOLD)), only(segment=GOLD), NOW)


def test_a_reward_is_not_bought_with_anything() -> None:
    """Where a rule would look at a purchase, there is one of nothing."""
    program = only(cel="purchase.total == 0 && purchase.store == 'paris' && purchase.channel == 'app'")
    assert why_not(a_member(), program, PARIS) is None


# --- prices --------------------------------------------------------------------------------------------------------


FLIGHT = reward(points=1000, money=2500, mix=Mix(400, Fraction(3, 2)), value=9000)
RATE = Paying(3, 2, least=10, most=600)


def price(offered: Reward, *wanted: int | None) -> Price | tuple[str, str]:
    """What it costs, or the field and the words of what is wrong."""
    try:
        return price_of(offered, Wanted(*wanted))
    except InvalidError as refused:
        [error] = refused.errors
        assert error.code == "price"
        return error.pointer, error.detail


@pytest.mark.parametrize(
    ("offered", "wanted", "expected"),
    [
        (reward(), (), Price(100, 0, 500)),
        (reward(), (100,), Price(100, 0, 500)),
        (reward(money=5, value=None), (None, None, 900), Price(100, 5, 0)),
        (reward(), (99,), ("/points", "This reward costs 100 points.")),
        (reward(), (101,), ("/points", "This reward costs 100 points.")),
        (reward(), (None, 5), ("/amount", "This reward has a price: say at most how many points.")),
        (FLIGHT, (), Price(1000, 2500, 9000)),
        (FLIGHT, (1000,), Price(1000, 2500, 9000)),
        (FLIGHT, (400,), Price(400, 3400, 9000)),
        (FLIGHT, (999,), Price(999, 2502, 9000)),
        (FLIGHT, (399,), ("/points", "Between 400 and 1000 points can be paid.")),
        (FLIGHT, (1001,), ("/points", "Between 400 and 1000 points can be paid.")),
    ],
)
def test_a_price_is_paid_in_points_and_in_money_where_that_is_allowed(
    offered: Reward, wanted: tuple[int | None, ...], expected: Price | tuple[str, str]
) -> None:
    assert price(offered, *wanted) == expected


@pytest.mark.parametrize(
    ("paying", "wanted", "expected"),
    [
        (RATE, (300,), Price(300, 0, 200)),
        (RATE, (301,), Price(300, 0, 200)),
        (RATE, (None, 200), Price(300, 0, 200)),
        (RATE, (None, 199), Price(299, 0, 199)),
        (RATE, (), ("/points", "Say either how many points, or which amount they pay.")),
        (RATE, (300, 200), ("/points", "Say either how many points, or which amount they pay.")),
        (RATE, (9,), ("/points", "At least 10 points are paid at once.")),
        (RATE, (10,), Price(9, 0, 6)),
        (RATE, (None, 6), ("/amount", "At least 10 points are paid at once.")),
        (RATE, (None, 7), Price(11, 0, 7)),
        (RATE, (600,), Price(600, 0, 400)),
        (RATE, (601,), Price(600, 0, 400)),
        (RATE, (602,), ("/points", "At most 600 points are paid at once.")),
        (RATE, (None, 401), ("/amount", "At most 600 points are paid at once.")),
        (Paying(3, 2), (1,), ("/points", "3 points are worth 2: that is too few to be worth anything.")),
        (Paying(3, 2), (2,), Price(2, 0, 1)),
        (Paying(100, 1), (99,), ("/points", "100 points are worth 1: that is too few to be worth anything.")),
        (Paying(1, 5), (None, 7), Price(2, 0, 7)),
        (Paying(3, 2), (10**7,), Price(10**7 - 1, 0, 6666666)),
    ],
)
def test_points_as_money_are_paid_at_their_rate(
    paying: Paying, wanted: tuple[int | None, ...], expected: Price | tuple[str, str]
) -> None:
    assert price(reward(points=None, value=None, paying=paying), *wanted) == expected


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ((None, 33, 100), Price(33, 0, 33)),
        ((None, 34, 100), ("/amount", "At most 33 of this purchase can be paid with points.")),
        ((34, None, 100), ("/points", "At most 33 of this purchase can be paid with points.")),
        ((33, None, 99), ("/points", "At most 32 of this purchase can be paid with points.")),
        ((5,), ("/purchase_amount", "Points pay a part of a purchase at most: say what it costs.")),
        ((1, None, 0), ("/points", "At most 0 of this purchase can be paid with points.")),
    ],
)
def test_points_pay_a_part_of_a_purchase_at_most(
    wanted: tuple[int | None, ...], expected: Price | tuple[str, str]
) -> None:
    paying = Paying(1, 1, most_percent=Fraction("33.3"))
    assert price(reward(points=None, paying=paying), *wanted) == expected


Rates = st.builds(Paying, st.integers(1, 1000), st.integers(1, 1000))


@given(Rates, st.integers(1, 100_000))
def test_the_fewest_points_pay_for_an_amount(paying: Paying, amount: int) -> None:
    paid = price_of(reward(points=None, paying=paying), Wanted(amount=amount))
    worth = [points * paying.value // paying.points for points in (paid.points, paid.points - 1)]
    assert (paid.value, paid.money) == (amount, 0)
    assert worth[0] >= amount > worth[1]


@given(Rates, st.integers(1, 100_000))
def test_no_point_is_taken_that_is_worth_nothing(paying: Paying, points: int) -> None:
    """What is charged is worth as much as all that was offered, and a point less would not be."""
    worth = points * paying.value // paying.points
    found = price(reward(points=None, paying=paying), points)
    if not worth:
        assert isinstance(found, tuple)
        return
    assert found == price(reward(points=None, paying=paying), None, worth)
    assert isinstance(found, Price)
    assert found.points <= points
    assert found.points * paying.value // paying.points == worth == found.value
    assert (found.points - 1) * paying.value // paying.points < worth


@given(Rates, st.integers(2, 1000))
def test_who_has_the_fewest_points_that_are_needed_can_pay_with_them(paying: Paying, least: int) -> None:
    offered = reward(points=None, paying=replace(paying, least=least))
    found = price(offered, least)
    assert isinstance(found, Price) or least * paying.value < paying.points
    assert isinstance(price(offered, least - 1), tuple)


@given(st.integers(2, 1000), st.data())
def test_a_mix_takes_all_the_points_that_are_said_and_money_for_the_rest(points: int, data: st.DataObject) -> None:
    least, paid = data.draw(st.integers(1, points - 1)), data.draw(st.integers(1, points))
    per_point = Fraction(data.draw(st.integers(1, 900)), 100)
    found = price(reward(points=points, mix=Mix(least, per_point), money=7), paid)
    if paid < least:
        assert isinstance(found, tuple)
        return
    assert isinstance(found, Price)
    assert found.points == paid
    assert abs(found.money - 7 - (points - paid) * per_point) <= Fraction(1, 2)


@pytest.mark.parametrize(
    ("offered", "least"),
    [
        (reward(), 100),
        (reward(points=None), 0),
        (FLIGHT, 400),
        (reward(points=None, paying=RATE), 10),
        (reward(points=None, paying=Paying(3, 2)), 1),
    ],
)
def test_a_reward_can_be_had_with_so_many_points(offered: Reward, least: int) -> None:
    assert least_points(offered) == least
    assert can_have(a_member(lots={NEVER: least}), offered, TIERED, NOW) is offered.is_sold
    assert not can_have(a_member(lots={NEVER: least - 1} if least > 1 else {}), offered, TIERED, NOW)


def test_what_is_wrong_is_a_field_that_was_sent() -> None:
    with pytest.raises(InvalidError) as refused:
        price_of(reward(), Wanted(points=1))
    assert list(refused.value.errors) == [FieldError("/points", "price", "This reward costs 100 points.")]
    assert price_of(reward(), THE_PRICE).points == 100
