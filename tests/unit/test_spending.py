"""Spending: the price comes from the points that expire first, and a voucher comes out."""

import re
from datetime import date

import pytest

from functions.ledger.account import IssuedReward, Posting
from functions.ledger.lots import NEVER
from functions.redemption.spending import Redemption, decide_redemption, redemption_id
from functions.runtime.errors import InsufficientPointsError, RewardNotFoundError
from tests.unit.factories import NOW, a_program, a_reward, an_account

REDEMPTION = Redemption("rdm_abcdefghij2345672345", "voucher-5", "0123-4567-89AB-CDEF")


def test_a_redemption_takes_the_price_earliest_first_and_gives_a_voucher() -> None:
    account = an_account({NEVER: 500, "2027-01-31": 60})

    posting = decide_redemption(account, REDEMPTION, a_program(), NOW)

    assert posting == Posting(
        kind="redeemed",
        lots={"2027-01-31": -60, NEVER: -40},
        occurred_at=NOW,
        program_version=7,
        explanation=(),
        lines=(),
        reward=IssuedReward(
            redemption="rdm_abcdefghij2345672345",
            reward="voucher-5",
            kind="voucher",
            value=500,
            currency="USD",
            code="0123-4567-89AB-CDEF",
            valid_until=date(2027, 2, 19),
        ),
        currency="USD",
    )


def test_the_last_point_can_be_spent() -> None:
    assert decide_redemption(an_account({NEVER: 100}), REDEMPTION, a_program(), NOW).lots == {NEVER: -100}


def test_cannot_redeem_more_than_active_points() -> None:
    account = an_account({NEVER: 99, "2026-11-20": 500}, pending=500)
    with pytest.raises(InsufficientPointsError) as refused:
        decide_redemption(account, REDEMPTION, a_program(), NOW)
    assert refused.value.problem() == {
        "type": "urn:loyalty:problem:insufficient_points",
        "title": "Not enough points",
        "code": "insufficient_points",
        "detail": "The reward costs 100 points; 1 are missing.",
        "required": 100,
        "missing": 1,
    }


def test_a_reward_that_is_not_in_the_programme_cannot_be_had() -> None:
    program = a_program(rewards=[a_reward(id="voucher-50")])
    with pytest.raises(RewardNotFoundError, match=re.escape("The programme has no reward voucher-5.")):
        decide_redemption(an_account({NEVER: 1000}), REDEMPTION, program, NOW)


def test_a_redemption_has_the_same_id_whenever_it_is_asked_for_again() -> None:
    assert redemption_id("till", "key-1") == redemption_id("till", "key-1") == "rdm_wawfoh7ihw4asrzdug24"


def test_another_source_or_key_is_another_redemption() -> None:
    assert len({redemption_id(source, key) for source in ("till", "shop") for key in ("key-1", "key-2")}) == 4
