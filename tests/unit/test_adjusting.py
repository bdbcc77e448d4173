"""Points given or taken by hand: into one lot, or out of those that expire first; nothing else is touched."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from functions.accrual.adjusting import Adjustment, decide_adjustment
from functions.ledger.account import Change, Posting, Reason, TierStep
from functions.ledger.lots import NEVER
from functions.program.model import Lasting, Limit, Tiers
from functions.runtime.errors import InsufficientPointsError, InvalidError
from tests.unit.factories import NOW, TODAY, a_goal, a_program, a_rule, an_account, levels

YEAR = Lasting(after_months=12)


def adjusted(points: int, account: Any = None, now: datetime = NOW, lasting: Lasting = YEAR, **more: Any) -> Posting:
    return decide_adjustment(
        account or an_account(), Adjustment(points, "goodwill", **more), a_program(lasting=lasting), now
    )


def test_points_given_by_hand_say_why_and_keep_the_note() -> None:
    assert adjusted(50, note="Sorry for the wait.") == Posting(
        kind="adjusted",
        change=Change({"2027-11-21": 50}),
        occurred_at=NOW,
        program_version=7,
        explanation=[Reason("adjustment", True, 50, facts={"reason": "goodwill"})],
        note="Sorry for the wait.",
    )


def test_a_note_is_not_needed() -> None:
    assert adjusted(50).note is None


@pytest.mark.parametrize(
    ("expires_on", "lot"),
    [(None, "2027-11-21"), (TODAY, "2026-11-21"), (date(2030, 1, 31), "2030-01-31")],
)
def test_they_last_as_those_earned_today_unless_a_last_day_is_named(expires_on: date | None, lot: str) -> None:
    assert adjusted(50, expires_on=expires_on).change == Change({lot: 50})


def test_they_last_as_those_of_the_members_tier() -> None:
    program = a_program(lasting=YEAR, tiers=Tiers(levels(gold={"spend": 1000})))
    program = replace(program, lasting={**program.lasting, "gold": Lasting()})
    account = an_account(tiers=(TierStep("gold", NOW - timedelta(days=9)),))
    assert decide_adjustment(account, Adjustment(50, "goodwill"), program, NOW).change == Change({NEVER: 50})


@pytest.mark.parametrize(("hour", "taken"), [(12, True), (22, True), (23, False)])
def test_a_last_day_that_is_past_where_the_programme_is_is_refused(hour: int, taken: bool) -> None:
    program = a_program(zone=ZoneInfo("Europe/Paris"))
    now = datetime(2026, 11, 21, hour, 30, tzinfo=UTC)
    adjustment = Adjustment(50, "goodwill", expires_on=TODAY)
    if taken:
        assert decide_adjustment(an_account(), adjustment, program, now).points == 50
        return
    with pytest.raises(InvalidError) as refused:
        decide_adjustment(an_account(), adjustment, program, now)
    assert [(error.pointer, error.code) for error in refused.value.errors] == [("/expires_on", "past")]


def test_points_taken_by_hand_come_out_of_those_that_expire_first() -> None:
    account = an_account({"2027-01-31": 30, NEVER: 100})
    posting = adjusted(-50, account)
    assert posting.change == Change({"2027-01-31": -30, NEVER: -20})
    assert posting.explanation == [Reason("adjustment", True, -50, facts={"reason": "goodwill"})]


def test_no_more_can_be_taken_than_there_is() -> None:
    with pytest.raises(InsufficientPointsError) as refused:
        adjusted(-50, an_account({"2026-11-20": 30, NEVER: 40}))  # the first lot is over
    assert refused.value.members == {"required": 50, "missing": 10}


def test_points_given_by_hand_pay_the_debt_first() -> None:
    assert adjusted(50, an_account(debt=20)).change == Change({"2027-11-21": 30}, debt=-20)


def test_they_count_for_no_tier_goal_or_limit() -> None:
    program = a_program(
        [a_rule(limits=(Limit("day", points=5),))],
        goals=[a_goal("points", 10)],
        limits=(Limit("day", points=5),),
        pending_days=14,
    )
    posting = decide_adjustment(an_account(), Adjustment(50, "goodwill"), program, NOW)
    assert (posting.counts, posting.tiers, posting.issued, posting.change) == ((), None, (), Change({NEVER: 50}))


# --- tiers given by hand -------------------------------------------------------------------------------------------

TIERS = Tiers(levels(gold={"spend": 1000}))


@pytest.mark.parametrize("until", [TODAY, date(2027, 12, 31), None])
def test_a_tier_may_be_given_by_hand(until: date | None) -> None:
    base = TierStep("base", NOW - timedelta(days=9))
    adjustment = Adjustment(0, "goodwill", tier="gold", tier_until=until)
    posting = decide_adjustment(an_account(tiers=(base,)), adjustment, a_program(tiers=TIERS), NOW)
    assert posting.tiers == (base, TierStep("gold", NOW, until, given=True))
    assert (posting.tier_before, posting.change) == ("base", Change())
    assert posting.explanation == [Reason("adjustment", True, 0, facts={"reason": "goodwill", "tier": "gold"})]


def test_who_had_no_tier_had_the_lowest() -> None:
    posting = decide_adjustment(an_account(), Adjustment(0, "goodwill", tier="gold"), a_program(tiers=TIERS), NOW)
    assert posting.tier_before == "base"


def test_all_that_is_wrong_with_a_tier_is_told_at_once() -> None:
    yesterday = TODAY - timedelta(days=1)
    wrong = Adjustment(5, "goodwill", expires_on=yesterday, tier="platin", tier_until=yesterday)
    with pytest.raises(InvalidError) as refused:
        decide_adjustment(an_account(), wrong, a_program(tiers=TIERS), NOW)
    assert [(error.pointer, error.code, error.detail) for error in refused.value.errors] == [
        ("/expires_on", "past", "These points could never be spent."),
        ("/tier", "unknown_tier", "The programme has these tiers: base, gold."),
        ("/tier_until", "past", "This tier would be over already."),
    ]


def test_where_there_are_no_tiers_none_is_given() -> None:
    with pytest.raises(InvalidError, match="The programme has these tiers: none"):
        adjusted(5, tier="gold")
