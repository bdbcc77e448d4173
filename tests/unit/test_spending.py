"""Spending: the price comes from the points that expire first, and a voucher comes out, at once or at the capture."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest

from functions.ledger.account import Account, Change, Entry, IssuedReward, Posting, changed
from functions.ledger.lots import NEVER
from functions.redemption.spending import (
    LAST_RESORT_DAYS,
    Redeemed,
    Redemption,
    decide_capture,
    decide_hold,
    decide_redemption,
    decide_release,
    redemption_id,
    reward_of,
)
from functions.runtime.errors import HoldNotFoundError, InsufficientPointsError, RewardNotFoundError
from tests.unit.factories import MEMBER, NOW, a_program, a_reward, an_account, an_entry, an_operation

REDEMPTION = Redemption("rdm_abcdefghij2345672345", "voucher-5", "0123-4567-89AB-CDEF")
VOUCHER = IssuedReward(
    redemption="rdm_abcdefghij2345672345",
    reward="voucher-5",
    kind="voucher",
    value=500,
    currency="USD",
    code="0123-4567-89AB-CDEF",
    valid_until=date(2027, 2, 19),
)
PROMISE = replace(VOUCHER, code=None, valid_until=None)
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
        explanation=(),
        lines=(),
        reward=VOUCHER,
        currency="USD",
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
    with pytest.raises(RewardNotFoundError, match=re.escape("The programme has no reward voucher-5.")):
        decide(an_account({NEVER: 1000}), REDEMPTION, program, NOW)


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
    )


def test_a_capture_makes_the_hold_final_and_gives_the_voucher_from_that_day() -> None:
    account, entry = held()
    later = NOW + timedelta(days=30)

    posting = decide_capture(account, entry, "code-1", a_program(), later)

    assert posting == Posting(
        kind="redeemed",
        change=Change(holds={"rdm_abcdefghij2345672345": {"2027-01-31": -60, NEVER: -40}}),
        occurred_at=later,
        program_version=7,
        reward=replace(VOUCHER, code="code-1", valid_until=date(2027, 3, 21)),
        currency="USD",
    )
    assert posting.points == -100


def test_a_capture_is_at_the_price_and_for_the_value_it_was_held_for() -> None:
    account, entry = held()
    dearer = replace(a_program(rewards=[replace(a_reward(points=200), value=100, valid_days=10)]), version=8)

    posting = decide_capture(account, entry, "code-1", dearer, NOW)

    assert (posting.points, posting.program_version) == (-100, 7)
    assert posting.reward == replace(VOUCHER, code="code-1", valid_until=date(2026, 12, 1))


def test_a_hold_on_a_reward_that_has_left_the_programme_can_still_be_captured() -> None:
    account, entry = held()
    posting = decide_capture(account, entry, "code-1", a_program(rewards=[]), NOW)
    assert posting.reward == replace(VOUCHER, code="code-1", valid_until=NOW.date() + timedelta(days=LAST_RESORT_DAYS))


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
    )
    assert changed(account, posting.change) == an_account(LOTS)


def test_a_hold_that_is_resolved_cannot_be_resolved_again() -> None:
    _, entry = held()
    told = re.escape("The redemption is not held: it was captured, cancelled or timed out before.")
    with pytest.raises(HoldNotFoundError, match=told):
        decide_capture(an_account(LOTS), entry, "code-1", a_program(), NOW)
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
