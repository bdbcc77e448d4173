"""Whether a member can have a reward now, and how much it takes."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from functions.ledger.account import Account, Count, TierStep
from functions.ledger.lots import NEVER
from functions.program.model import Limit, Match, Program, Reward, Tiers
from functions.program.offering import can_have, check_eligible, counts_of
from functions.runtime.errors import RewardNotEligibleError
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
