"""Spending: the price comes from the points that expire first, and a voucher comes out, at once or at the capture."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from functions.ledger.account import Account, Change, Count, Entry, IssuedReward, Posting, TierStep, changed
from functions.ledger.lots import NEVER
from functions.program.model import Lasting, Limit, Match, Reward, Tiers, Validity
from functions.redemption.spending import (
    LAST_RESORT,
    Redeemed,
    Redemption,
    decide_capture,
    decide_hold,
    decide_redemption,
    decide_release,
    redemption_id,
    reward_of,
)
from functions.runtime.errors import (
    HoldNotFoundError,
    InsufficientPointsError,
    RewardNotEligibleError,
    RewardNotFoundError,
)
from tests.unit.careers import LEVELS
from tests.unit.factories import MEMBER, NOW, a_program, a_reward, an_account, an_entry, an_operation

REDEMPTION = Redemption("rdm_abcdefghij2345672345", "voucher-5")
VOUCHER = IssuedReward(
    redemption="rdm_abcdefghij2345672345",
    reward="voucher-5",
    kind="voucher",
    value=500,
    currency="USD",
    code=None,
    valid_until=date(2027, 2, 19),
    valid_from=date(2026, 11, 21),
)
PROMISE = replace(VOUCHER, valid_from=None, valid_until=None)
LOTS = {NEVER: 500, "2027-01-31": 60}


def held() -> tuple[Account, Entry]:
    """An account that holds a hundred points of two lots, and the entry of the hold."""
    posting = decide_hold(an_account(LOTS), REDEMPTION, a_program(), NOW)
    entry = an_entry(posting, LOTS, an_operation("redemption", REDEMPTION.id))
    return changed(an_account(LOTS), posting.change), entry


def test_a_redemption_takes_the_price_earliest_first_and_gives_a_voucher() -> None:
    assert decide_redemption(an_account(LOTS), REDEMPTION, a_program(), NOW) == Posting(
        kind="redeemed",
        change=Change({"2027-01-31": -60, NEVER: -40}),
        occurred_at=NOW,
        program_version=7,
        reward=VOUCHER,
        currency="USD",
        counts=[],
    )


def test_the_last_point_can_be_spent() -> None:
    posting = decide_redemption(an_account({NEVER: 100}), REDEMPTION, a_program(), NOW)
    assert posting.change == Change({NEVER: -100})


@pytest.mark.parametrize("decide", [decide_redemption, decide_hold])
def test_cannot_redeem_more_than_active_points(decide: Callable[..., Posting]) -> None:
    account = an_account({NEVER: 99, "2026-11-20": 500}, pending={"2026-12-01>never": 500}, holds={"rdm_b": {NEVER: 5}})
    with pytest.raises(InsufficientPointsError) as refused:
        decide(account, REDEMPTION, a_program(), NOW)
    assert refused.value.problem() == {
        "type": "urn:loyalty:problem:insufficient_points",
        "title": "Not enough points",
        "code": "insufficient_points",
        "detail": "100 points are needed; 1 are missing.",
        "required": 100,
        "missing": 1,
    }


@pytest.mark.parametrize("decide", [decide_redemption, decide_hold])
def test_a_reward_that_is_not_in_the_programme_cannot_be_had(decide: Callable[..., Posting]) -> None:
    program = a_program(rewards=[a_reward(id="voucher-50")])
    with pytest.raises(RewardNotFoundError, match=re.escape("The programme offers no reward voucher-5.")):
        decide(an_account({NEVER: 1000}), REDEMPTION, program, NOW)


@pytest.mark.parametrize("decide", [decide_redemption, decide_hold])
def test_a_reward_without_a_price_is_only_given(decide: Callable[..., Posting]) -> None:
    program = a_program(rewards=[replace(a_reward(), points=None)])
    with pytest.raises(RewardNotFoundError):
        decide(an_account({NEVER: 1000}), REDEMPTION, program, NOW)


def test_a_reward_without_a_value_is_worth_what_it_is() -> None:
    posting = decide_redemption(an_account(LOTS), REDEMPTION, a_program([], [replace(a_reward(), value=None)]), NOW)
    assert posting.reward == replace(VOUCHER, value=0)


# --- who can have it -----------------------------------------------------------------------------------------------


GOLD_ONLY = replace(a_reward(), tier=Match(frozenset({"gold"})))
IN_DECEMBER = replace(a_reward(), first_day=date(2026, 12, 1), last_day=date(2026, 12, 24))
TWICE_A_MONTH = replace(a_reward(), limits=(Limit("month", times=2),))
BASIC, GOLD = TierStep("basic", NOW - timedelta(days=90)), TierStep("gold", NOW)
HAD = "voucher-5.had/month@2026-11-01"


@pytest.mark.parametrize("decide", [decide_redemption, decide_hold])
@pytest.mark.parametrize(
    ("reward", "account", "now", "reason", "told"),
    [
        (GOLD_ONLY, {}, NOW, "tier", "This reward is not for the tier basic."),
        (GOLD_ONLY, {"tiers": (BASIC, GOLD)}, NOW - timedelta(hours=1), "tier", "not for the tier basic"),
        (IN_DECEMBER, {}, NOW, "dates", "This reward is not offered today."),
        (IN_DECEMBER, {}, NOW + timedelta(days=34), "dates", "not offered"),
        (TWICE_A_MONTH, {"counters": {HAD: 2}}, NOW, "limit", "This reward can be had 2 times per month."),
    ],
)
def test_a_reward_that_is_not_for_this_member_now_is_refused_with_the_reason(
    decide: Callable[..., Posting], reward: Reward, account: dict[str, Any], now: datetime, reason: str, told: str
) -> None:
    program = a_program(rewards=[reward], tiers=Tiers(LEVELS))
    with pytest.raises(RewardNotEligibleError, match=re.escape(told)) as refused:
        decide(an_account({NEVER: 1000}, **account), REDEMPTION, program, now)
    assert refused.value.problem()["code"] == "reward_not_eligible"
    assert refused.value.members == {"reason": reason}


@pytest.mark.parametrize(
    ("reward", "account", "now"),
    [
        (GOLD_ONLY, {"tiers": (BASIC, GOLD)}, NOW),
        (IN_DECEMBER, {}, NOW + timedelta(days=10)),
        (IN_DECEMBER, {}, NOW + timedelta(days=33)),
        (TWICE_A_MONTH, {"counters": {HAD: 1}}, NOW),
        (TWICE_A_MONTH, {"counters": {HAD: 2}}, NOW + timedelta(days=10)),
    ],
)
def test_a_member_who_may_have_it_gets_it(reward: Reward, account: dict[str, Any], now: datetime) -> None:
    program = a_program(rewards=[reward], tiers=Tiers(LEVELS))
    assert decide_redemption(an_account({NEVER: 1000}, **account), REDEMPTION, program, now).points == -100


def test_what_was_had_is_counted_and_given_up_again_with_the_hold() -> None:
    program = a_program(rewards=[TWICE_A_MONTH])
    account = an_account({NEVER: 1000})
    assert decide_redemption(account, REDEMPTION, program, NOW).counts == [Count(HAD, whole=1)]
    hold = decide_hold(account, REDEMPTION, program, NOW)
    assert hold.counts == [Count(HAD, whole=1)]
    entry = an_entry(hold, {NEVER: 1000}, an_operation("redemption", REDEMPTION.id))
    release = decide_release(changed(account, hold.change), entry, NOW + timedelta(days=20))
    assert release.counts == [Count(HAD, whole=-1)]


# --- points that redeeming keeps alive -----------------------------------------------------------------------------


YEAR = Lasting(after_months=12, extended_by=frozenset({"redemption"}))
KEPT = "points.alive/month@2026-11-01"


def test_redeeming_keeps_the_points_alive_that_are_left_where_the_programme_says_so() -> None:
    posting = decide_redemption(an_account(LOTS), REDEMPTION, a_program(lasting=YEAR), NOW)
    assert posting.change == Change({"2027-01-31": -60, NEVER: -40})
    posting = decide_redemption(an_account({"2027-01-31": 160}), REDEMPTION, a_program(lasting=YEAR), NOW)
    assert posting.change == Change({"2027-01-31": -160, "2027-11-21": 60})
    assert posting.counts == []


@pytest.mark.parametrize(
    ("counters", "lots", "counts"),
    [
        ({}, {"2027-01-31": -160, "2027-02-28": 60}, [Count(KEPT, kept=1)]),
        ({KEPT: 1}, {"2027-01-31": -100}, []),
    ],
)
def test_or_by_a_month_for_the_first_redemption_of_a_month(
    counters: dict[str, int], lots: dict[str, int], counts: list[Count]
) -> None:
    program = a_program(lasting=replace(YEAR, each_month=True))
    account = an_account({"2027-01-31": 160}, counters=counters)
    posting = decide_redemption(account, REDEMPTION, program, NOW)
    assert posting.change == Change(lots)
    assert posting.counts == counts


# --- holds ---------------------------------------------------------------------------------------------------------


def test_a_hold_sets_the_price_aside_earliest_first_and_promises_a_voucher() -> None:
    assert decide_hold(an_account(LOTS), REDEMPTION, a_program(), NOW) == Posting(
        kind="held",
        change=Change(
            {"2027-01-31": -60, NEVER: -40}, holds={"rdm_abcdefghij2345672345": {"2027-01-31": 60, NEVER: 40}}
        ),
        occurred_at=NOW,
        program_version=7,
        reward=PROMISE,
        currency="USD",
        counts=[],
    )


def test_a_capture_makes_the_hold_final_and_gives_the_voucher_from_that_day() -> None:
    account, entry = held()
    later = NOW + timedelta(days=30)

    posting = decide_capture(account, entry, a_program(), later)

    assert posting == Posting(
        kind="redeemed",
        change=Change(holds={"rdm_abcdefghij2345672345": {"2027-01-31": -60, NEVER: -40}}),
        occurred_at=later,
        program_version=7,
        reward=replace(VOUCHER, valid_from=date(2026, 12, 21), valid_until=date(2027, 3, 21)),
        currency="USD",
    )
    assert posting.points == -100


def test_a_capture_is_at_the_price_and_for_the_value_it_was_held_for() -> None:
    account, entry = held()
    dearer = replace(a_program(rewards=[replace(a_reward(points=200), value=100, valid=Validity(days=10))]), version=8)

    posting = decide_capture(account, entry, dearer, NOW)

    assert (posting.points, posting.program_version) == (-100, 7)
    assert posting.reward == replace(VOUCHER, valid_until=date(2026, 12, 1))


def test_a_hold_on_a_reward_that_has_left_the_programme_can_still_be_captured() -> None:
    account, entry = held()
    posting = decide_capture(account, entry, a_program(rewards=[]), NOW)
    assert posting.reward == replace(VOUCHER, valid_until=LAST_RESORT.last_day(NOW.date()))


def test_a_hold_that_is_given_up_goes_back_to_the_very_lots_it_came_from() -> None:
    account, entry = held()
    later = NOW + timedelta(days=30)

    posting = decide_release(account, entry, later)

    assert posting == Posting(
        kind="released",
        change=Change(
            {"2027-01-31": 60, NEVER: 40}, holds={"rdm_abcdefghij2345672345": {"2027-01-31": -60, NEVER: -40}}
        ),
        occurred_at=later,
        program_version=7,
        reward=PROMISE,
        currency="USD",
        counts=[],
    )
    assert changed(account, posting.change) == an_account(LOTS)


def test_a_hold_that_is_resolved_cannot_be_resolved_again() -> None:
    _, entry = held()
    told = re.escape("The redemption is not held: it was captured, cancelled or timed out before.")
    with pytest.raises(HoldNotFoundError, match=told):
        decide_capture(an_account(LOTS), entry, a_program(), NOW)
    with pytest.raises(HoldNotFoundError, match=told):
        decide_release(an_account(LOTS), entry, NOW)


def test_a_redemption_is_what_its_latest_entry_made_of_it() -> None:
    account, hold = held()
    capture = an_entry(decide_redemption(an_account(LOTS), REDEMPTION, a_program(), NOW), LOTS)
    release = replace(hold, posting=decide_release(account, hold, NOW))
    statuses = [Redeemed(entry, reward_of(entry), replayed=False).status for entry in (hold, capture, release)]
    assert statuses == ["held", "captured", "cancelled"]


def test_a_redemption_without_a_reward_is_a_fault_of_ours() -> None:
    with pytest.raises(ValueError, match=f"^entry {MEMBER}#3 of a redemption has no reward$"):
        reward_of(an_entry(Posting("held", Change(), NOW, program_version=7)))


def test_a_redemption_has_the_same_id_whenever_it_is_asked_for_again() -> None:
    assert redemption_id("till", "key-1") == redemption_id("till", "key-1") == "rdm_wawfoh7ihw4asrzdug24"


def test_another_source_or_key_is_another_redemption() -> None:
    assert len({redemption_id(source, key) for source in ("till", "shop") for key in ("key-1", "key-2")}) == 4
