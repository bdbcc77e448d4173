"""Spending: the price comes from the points that expire first, and a voucher comes out, at once or at the capture."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from functions.ledger.account import Account, Change, Count, Draw, Entry, Posting, Returned, TierStep
from functions.ledger.booking import changed
from functions.ledger.lots import NEVER
from functions.ledger.rewards import IssuedReward
from functions.program.model import (
    Fulfilment,
    Lasting,
    Limit,
    Match,
    Mix,
    Paying,
    Program,
    Reward,
    Tiers,
    Validity,
    When,
)
from functions.program.offering import THE_PRICE, Place, Wanted
from functions.redemption.spending import (
    Redemption,
    decide_capture,
    decide_fulfilment,
    decide_hold,
    decide_redemption,
    decide_release,
    points_held,
    redemption_id,
    reward_of,
)
from functions.runtime.errors import (
    FulfilmentNotAwaitedError,
    HoldExpiredError,
    HoldNotFoundError,
    InsufficientPointsError,
    InvalidError,
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
LASTING = timedelta(days=30)


def held_by(account: Account, redemption: Redemption, program: Program, now: datetime) -> Posting:
    return decide_hold(account, redemption, program, now, LASTING)


def held() -> tuple[Account, Entry]:
    """An account that holds a hundred points of two lots, and the entry of the hold."""
    posting = held_by(an_account(LOTS), REDEMPTION, a_program(), NOW)
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


@pytest.mark.parametrize("decide", [decide_redemption, held_by])
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


@pytest.mark.parametrize("decide", [decide_redemption, held_by])
def test_a_reward_that_is_not_in_the_programme_cannot_be_had(decide: Callable[..., Posting]) -> None:
    program = a_program(rewards=[a_reward(id="voucher-50")])
    with pytest.raises(RewardNotFoundError, match=re.escape("The programme offers no reward voucher-5.")):
        decide(an_account({NEVER: 1000}), REDEMPTION, program, NOW)


@pytest.mark.parametrize("decide", [decide_redemption, held_by])
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


@pytest.mark.parametrize("decide", [decide_redemption, held_by])
@pytest.mark.parametrize(
    ("reward", "account", "now", "reason", "told"),
    [
        (GOLD_ONLY, {}, NOW, "tier", "This reward is not for the tier basic."),
        (GOLD_ONLY, {"tiers": (BASIC, GOLD)}, NOW - timedelta(hours=1), "tier", "not for the tier basic"),
        (IN_DECEMBER, {}, NOW, "dates", "This reward is not offered today."),
        (IN_DECEMBER, {}, NOW + timedelta(days=34), "dates", "not offered"),
        (TWICE_A_MONTH, {"counters": {HAD: 2}}, NOW, "limit", "A member can have this reward 2 times per month."),
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
    hold = held_by(account, REDEMPTION, program, NOW)
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
    assert held_by(an_account(LOTS), REDEMPTION, a_program(), NOW) == Posting(
        kind="held",
        change=Change(
            {"2027-01-31": -60, NEVER: -40}, holds={"rdm_abcdefghij2345672345": {"2027-01-31": 60, NEVER: 40}}
        ),
        occurred_at=NOW,
        program_version=7,
        reward=PROMISE,
        currency="USD",
        counts=[],
        until=NOW + LASTING,
    )


def test_a_capture_makes_the_hold_final_and_gives_the_voucher_from_that_day() -> None:
    account, entry = held()
    later = NOW + LASTING - timedelta(microseconds=1)

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
        draws=[],
    )
    assert changed(account, posting.change) == an_account(LOTS)


def test_a_hold_that_is_resolved_cannot_be_resolved_again() -> None:
    _, entry = held()
    told = re.escape("The redemption is not held: it was captured, cancelled or timed out before.")
    with pytest.raises(HoldNotFoundError, match=told):
        decide_capture(an_account(LOTS), entry, a_program(), NOW)
    with pytest.raises(HoldNotFoundError, match=told):
        decide_release(an_account(LOTS), entry, NOW)


# --- how it is paid ------------------------------------------------------------------------------------------------


FLIGHT = replace(a_reward(1000), value=None, money=2500, mix=Mix(400, Fraction(3, 2)))
AT_THE_TILL = Reward(
    "till", "credit", None, None, Validity(), {}, paying=Paying(3, 2, least=10, most=600), fulfilment="none"
)
MANY = {"2026-12-01": 70, NEVER: 2000}


def paid(program: Program, points: int, reward: str = "voucher-5") -> tuple[Account, Entry]:
    """An account of MANY points that holds some of them, and the entry of the hold."""
    wanted = Redemption("rdm_1", reward, Wanted(points))
    posting = held_by(an_account(MANY), wanted, program, NOW)
    entry = an_entry(posting, MANY, an_operation("redemption", "rdm_1"))
    return changed(an_account(MANY), posting.change), entry


@pytest.mark.parametrize("decide", [decide_redemption, held_by])
@pytest.mark.parametrize(("points", "money"), [(None, 2500), (1000, 2500), (400, 3400), (999, 2502)])
def test_money_stands_for_the_points_that_are_not_paid(
    decide: Callable[..., Posting], points: int | None, money: int
) -> None:
    """A point and a half, so that half a cent is one: half up."""
    wanted = Redemption("rdm_1", "voucher-5", Wanted(points))
    posting = decide(an_account(MANY), wanted, a_program(rewards=[FLIGHT]), NOW)
    assert posting.change.lots == {"2026-12-01": -70, NEVER: 70 - (points or 1000)}
    assert posting.reward
    assert (posting.reward.money, posting.reward.value) == (money, 0)


def test_where_it_is_asked_for_is_asked() -> None:
    program = a_program(rewards=[replace(a_reward(), when=When(store=Match(frozenset({"paris"}))))])
    for decide in (decide_redemption, held_by):
        there = replace(REDEMPTION, place=Place("paris"))
        assert decide(an_account(LOTS), there, program, NOW).kind in {"redeemed", "held"}
        with pytest.raises(RewardNotEligibleError) as refused:
            decide(an_account(LOTS), REDEMPTION, program, NOW)
        assert refused.value.members == {"reason": "store", "facts": {}}


def test_points_as_money_are_worth_what_the_rate_says_and_leave_no_voucher() -> None:
    program = a_program(rewards=[AT_THE_TILL])
    wanted = Redemption("rdm_1", "till", Wanted(amount=101, purchase_amount=5000))
    posting = decide_redemption(an_account(MANY), wanted, program, NOW)
    assert posting.points == -152
    assert posting.reward == IssuedReward("rdm_1", "till", "credit", 101, "USD", None, None, fulfilment="none")


# --- captures ------------------------------------------------------------------------------------------------------


def test_a_capture_is_of_all_points_where_nothing_is_said_with_the_money_that_goes_with_them() -> None:
    program = a_program(rewards=[FLIGHT])
    account, entry = paid(program, 400)
    assert points_held(entry) == 400
    for wanted in (THE_PRICE, Wanted(400)):
        posting = decide_capture(account, entry, program, NOW, wanted)
        assert posting.points == -400
        assert posting.change.lots == {}
        assert posting.reward
        assert (posting.reward.money, posting.reward.value) == (3400, 0)


@pytest.mark.parametrize("wanted", [Wanted(400), Wanted(499), Wanted(501), Wanted(1000), Wanted(amount=500)])
def test_of_what_has_a_price_there_is_no_part(wanted: Wanted) -> None:
    """Nor is it paid in another way than it was held."""
    program = a_program(rewards=[FLIGHT])
    account, entry = paid(program, 500)
    with pytest.raises(InvalidError):
        decide_capture(account, entry, program, NOW, wanted)


@pytest.mark.parametrize(
    ("wanted", "points", "value", "back"),
    [
        (THE_PRICE, 300, 200, {}),
        (Wanted(300), 300, 200, {}),
        (Wanted(amount=200), 300, 200, {}),
        (Wanted(299), 299, 199, {NEVER: 1}),
        (Wanted(amount=100), 150, 100, {NEVER: 150}),
        (Wanted(71), 71, 47, {NEVER: 229}),
        (Wanted(70), 69, 46, {"2026-12-01": 1, NEVER: 230}),
        (Wanted(2), 2, 1, {"2026-12-01": 68, NEVER: 230}),
    ],
)
def test_a_part_of_points_as_money_is_captured_out_of_those_that_expire_first_and_the_rest_goes_back(
    wanted: Wanted, points: int, value: int, back: dict[str, int]
) -> None:
    """Also less than a redemption must be: that many were asked for when it was held."""
    program = a_program(rewards=[AT_THE_TILL])
    account, entry = paid(program, 300, "till")
    posting = decide_capture(account, entry, program, NOW, wanted)
    assert (posting.points, posting.reward and posting.reward.value) == (-points, value)
    assert posting.change == Change(back, holds={"rdm_1": {"2026-12-01": -70, NEVER: -230}})
    assert changed(account, posting.change).holds == {}


@pytest.mark.parametrize("wanted", [Wanted(302), Wanted(amount=201), Wanted(1)])
def test_no_more_is_captured_than_is_held_and_never_nothing(wanted: Wanted) -> None:
    program = a_program(rewards=[AT_THE_TILL])
    account, entry = paid(program, 300, "till")
    with pytest.raises(InvalidError):
        decide_capture(account, entry, program, NOW, wanted)


def test_a_part_of_a_purchase_is_asked_for_when_it_is_held_and_not_again() -> None:
    limited = replace(AT_THE_TILL, paying=Paying(3, 2, most_percent=Fraction(50)))
    program = a_program(rewards=[limited])
    wanted = Redemption("rdm_1", "till", Wanted(amount=200, purchase_amount=400))
    posting = held_by(an_account(MANY), wanted, program, NOW)
    entry = an_entry(posting, MANY, an_operation("redemption", "rdm_1"))
    account = changed(an_account(MANY), posting.change)
    assert decide_capture(account, entry, program, NOW, Wanted(amount=200)).points == -300


def test_a_hold_whose_time_is_over_cannot_be_captured_but_given_up() -> None:
    account, entry = held()
    over = NOW + LASTING
    with pytest.raises(HoldExpiredError):
        decide_capture(account, entry, a_program(), over)
    assert decide_release(account, entry, over).points == 0


def test_a_hold_that_was_given_up_is_not_one_whose_time_is_over() -> None:
    _, entry = held()
    with pytest.raises(HoldNotFoundError):
        decide_capture(an_account(LOTS), entry, a_program(), NOW + LASTING)


def test_a_hold_of_old_that_says_no_time_has_none() -> None:
    account, entry = held()
    entry = replace(entry, posting=replace(entry.posting, until=None))
    assert decide_capture(account, entry, a_program(), NOW + timedelta(days=900)).points == -100


def test_the_piece_of_a_hold_goes_back_on_the_shelf_with_it() -> None:
    account, entry = held()
    entry = replace(entry, posting=replace(entry.posting, draws=(Draw("stock.voucher-5", 3, 1, 9),)))
    assert decide_capture(account, entry, a_program(), NOW).draws == ()
    [draw] = decide_release(account, entry, NOW).draws
    assert (draw.rule, draw.shard, draw.points) == ("stock.voucher-5", 3, -1)


# --- handing over --------------------------------------------------------------------------------------------------


def handed_over(fulfilment: Fulfilment) -> Entry:
    reward = replace(a_reward(), fulfilment=fulfilment)
    posting = decide_redemption(an_account(LOTS), REDEMPTION, a_program(rewards=[reward]), NOW)
    return an_entry(posting, LOTS, an_operation("redemption", REDEMPTION.id))


@pytest.mark.parametrize("fulfilment", ["manual", "partner"])
def test_what_was_handed_over_is_noted_with_what_its_supplier_gave(fulfilment: Fulfilment) -> None:
    entry, later = handed_over(fulfilment), NOW + timedelta(hours=1)
    reward = replace(VOUCHER, fulfilment=fulfilment, code="ABC-1", reference="order-9")
    assert decide_fulfilment(entry, "ABC-1", "order-9", later) == Posting(
        "fulfilled", Change(), later, program_version=7, reward=reward, currency="USD"
    )


@pytest.mark.parametrize("fulfilment", ["code", "none"])
def test_what_comes_by_itself_is_handed_over_by_nobody(fulfilment: Fulfilment) -> None:
    with pytest.raises(FulfilmentNotAwaitedError, match=re.escape("This reward comes by itself.")):
        decide_fulfilment(handed_over(fulfilment), None, None, NOW)


def test_what_was_refunded_is_not_handed_over_any_more() -> None:
    refunded = replace(handed_over("manual"), reversals=1, returned={"all": Returned(1, 100)})
    with pytest.raises(FulfilmentNotAwaitedError, match=re.escape("This redemption was refunded.")):
        decide_fulfilment(refunded, None, None, NOW)


def test_what_was_refunded_in_part_still_is() -> None:
    refunded = replace(handed_over("manual"), reversals=1, returned={"all": Returned(1, 99)})
    assert decide_fulfilment(refunded, None, None, NOW).kind == "fulfilled"


# --- what goes wrong -----------------------------------------------------------------------------------------------


def test_a_redemption_without_a_reward_is_a_fault_of_ours() -> None:
    with pytest.raises(ValueError, match=f"^entry {MEMBER}#3 of a redemption has no reward$"):
        reward_of(an_entry(Posting("held", Change(), NOW, program_version=7)))


def test_a_redemption_has_the_same_id_whenever_it_is_asked_for_again() -> None:
    assert redemption_id("till", "key-1") == redemption_id("till", "key-1") == "rdm_wawfoh7ihw4asrzdug24"


def test_another_source_or_key_is_another_redemption() -> None:
    assert len({redemption_id(source, key) for source in ("till", "shop") for key in ("key-1", "key-2")}) == 4
