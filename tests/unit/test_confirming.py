"""Activities that wait to be confirmed: their points wait; confirmed, they can be spent; declined, all of it goes."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.accrual.deciding import check_declared, matters, needs_confirmation
from functions.ledger.account import Change, Count, Posting, Reason, Reversal, Traits
from functions.ledger.booking import changed
from functions.ledger.lots import NEVER, total
from functions.ledger.movements import confirm, spend
from functions.ledger.proof import prove
from functions.program.model import Activity as Kind
from functions.program.model import (
    CountedSoFar,
    Gift,
    Group,
    Lasting,
    Limit,
    Program,
    Range,
    Referral,
    Tiers,
    When,
)
from functions.program.occasions import Activity
from functions.runtime.errors import InvalidError
from tests.unit.factories import (
    NOW,
    TODAY,
    Journey,
    a_flat_rule,
    a_gift_rule,
    a_goal,
    a_program,
    a_purchase,
    a_rule,
    an_account,
    an_activity,
    levels,
    reason_of,
)

ENROLLED = datetime(2025, 1, 15, tzinfo=UTC)
REVIEW = Kind("review", {}, confirmed=True)
BONUS = a_flat_rule(on=("review",))
WAITING = f"9999-12-31>{NEVER}"


def a_journey(*rules: Any, account: Any = None, **more: Any) -> Journey:
    kinds = {"review": REVIEW, "visit": Kind("visit", {})}
    program = a_program(earning=rules or (BONUS,), activities=kinds, **more)
    return Journey(program, account or an_account(enrolled_at=ENROLLED))


def days(number: int) -> timedelta:
    return timedelta(days=number)


# What waits.


@pytest.mark.parametrize(
    ("event", "waits"), [(an_activity("review"), True), (an_activity("visit"), False), (a_purchase(100), False)]
)
def test_only_what_the_programme_says_waits_to_be_confirmed(event: Any, waits: bool) -> None:
    journey = a_journey(a_rule(), a_flat_rule(on=("visit", "review")))
    assert needs_confirmation(event, journey.program) is waits
    posting = journey.does(event).posting
    assert (posting.unconfirmed, bool(posting.change.pending), bool(posting.change.lots)) == (waits, waits, not waits)


def test_an_activity_that_no_programme_knows_does_not_wait() -> None:
    assert not needs_confirmation(an_activity("referral_made"), a_journey().program)


def test_all_that_it_earns_by_rules_waits_whatever_they_say_of_when() -> None:
    journey = a_journey(BONUS, a_flat_rule(5, "later", on=("review",), pending_days=14))
    assert journey.does(an_activity("review")).posting.change == Change(pending={WAITING: 15})


@pytest.mark.parametrize(
    ("pending_days", "change"),
    [(0, Change({NEVER: 50}, {WAITING: 10})), (7, Change({}, {WAITING: 10, f"2026-11-28>{NEVER}": 50}))],
)
def test_points_of_a_goal_do_not_wait_to_be_confirmed(pending_days: int, change: Change) -> None:
    """Others may have brought it as far: whoever is declined takes it back."""
    journey = a_journey(goals=[a_goal("review", 1, points=50)], pending_days=pending_days)
    assert journey.does(an_activity("review")).posting.change == change


def test_what_waits_does_not_become_active_by_itself() -> None:
    journey = a_journey()
    journey.does(an_activity("review"))
    balance = journey.account.balance(TODAY + days(3000))
    assert (balance.active, balance.pending) == (0, 10)


# Confirmed.


def test_a_confirmation_says_what_it_does() -> None:
    journey = a_journey()
    entry = journey.does(an_activity("review"))
    assert journey.confirms(entry, NOW + days(3)).posting == Posting(
        kind="activated",
        change=Change({NEVER: 10}, {WAITING: -10}),
        occurred_at=NOW + days(3),
        program_version=7,
        explanation=[Reason("confirmation", applied=True)],
        activity="review",
    )
    assert (journey.account.lots, journey.account.pending) == ({NEVER: 10}, {})


def test_only_its_own_points_are_confirmed() -> None:
    journey = a_journey(account=an_account(pending={"2026-12-01>never": 3}, enrolled_at=ENROLLED))
    first, _ = (journey.does(an_activity("review")) for _ in range(2))
    journey.confirms(first)
    assert (journey.account.lots, journey.account.pending) == ({NEVER: 10}, {"2026-12-01>never": 3, WAITING: 10})


def test_what_earned_nothing_can_be_confirmed_too() -> None:
    journey = a_journey(a_rule())
    posting = journey.confirms(journey.does(an_activity("review"))).posting
    assert (posting.kind, posting.change) == ("activated", Change())


@pytest.mark.parametrize(
    ("after", "lots"),
    [
        pytest.param(80, {"2027-02-21": 10}, id="while its lot lasts"),
        pytest.param(92, {"2027-02-21": 10}, id="on its last day"),
        pytest.param(93, {"2027-05-22": 10}, id="after it, as if earned then"),
    ],
)
def test_points_whose_lot_is_over_meanwhile_last_from_the_confirmation_on(after: int, lots: dict[str, int]) -> None:
    journey = a_journey(lasting=Lasting(after_months=3))
    entry = journey.does(an_activity("review"))
    journey.confirms(entry, NOW + days(after))
    assert journey.account.lots == lots


def test_points_that_last_as_long_as_the_tier_says_last_as_those_of_the_present_one() -> None:
    program: dict[str, Any] = {"tiers": Tiers(levels(gold={"spend": 1000}), window="year")}
    journey = a_journey(**program)
    lasting = {"": Lasting(after_months=3), "gold": Lasting(after_months=3)}
    journey.program = replace(journey.program, lasting=lasting)
    entry = journey.does(an_activity("review"))
    journey.program = replace(journey.program, lasting=lasting | {"gold": Lasting(after_months=12)})
    journey.account = replace(journey.account, tiers=[replace(journey.account.tiers[0], tier="gold")])
    journey.confirms(entry, NOW + days(100))
    assert journey.account.lots == {"2028-03-01": 10}


def test_points_whose_lots_moved_meanwhile_are_found_where_they_wait_now() -> None:
    lasting = Lasting(after_months=3, extended_by=frozenset({"purchase"}))
    journey = a_journey(BONUS, a_rule(), lasting=lasting)
    entry = journey.does(an_activity("review"))
    journey.does(a_purchase(100, occurred_at=NOW + days(30)))
    assert journey.account.pending == {"9999-12-31>2027-03-21": 10}
    journey.confirms(entry, NOW + days(31))
    assert (journey.account.lots, journey.account.pending) == ({"2027-03-21": 11}, {})


def test_confirmed_points_pay_the_debt_first() -> None:
    journey = a_journey(account=an_account(debt=4, enrolled_at=ENROLLED))
    journey.confirms(journey.does(an_activity("review")))
    assert (journey.account.lots, journey.account.pending, journey.account.debt) == ({NEVER: 6}, {}, 0)


def test_what_was_taken_back_of_it_meanwhile_is_not_confirmed_out_of_what_waits_of_others() -> None:
    """A goal that it reached is lost by the return of a purchase; the other activity waits on."""
    journey = a_journey(BONUS, a_rule(), goals=[a_goal("points", 25, "ever", points=50)])
    purchase = journey.does(a_purchase(2000))
    first, _other = (journey.does(an_activity("review")) for _ in range(2))
    assert (journey.account.lots, journey.account.pending) == ({NEVER: 20 + 50}, {WAITING: 10 + 10})
    journey.returns(purchase)
    assert (journey.account.lots, journey.account.pending) == ({}, {WAITING: 20})
    journey.confirms(first)
    assert (journey.account.lots, journey.account.pending) == ({NEVER: 10}, {WAITING: 10})


# The movement by itself.


@pytest.mark.parametrize(
    ("pending", "given", "change"),
    [
        ({"9999-12-31>a": 10}, {"9999-12-31>a": 10}, Change({"a": 10}, {"9999-12-31>a": -10})),
        ({"9999-12-31>a": 30}, {"9999-12-31>a": 10}, Change({"a": 10}, {"9999-12-31>a": -10})),
        (
            {"9999-12-31>a": 1, "9999-12-31>b": 2},
            {"9999-12-31>a": 1, "9999-12-31>b": 2},
            Change({"a": 1, "b": 2}, {"9999-12-31>b": -2, "9999-12-31>a": -1}),
        ),
        # They lie in another lot now, all of them or some.
        ({"9999-12-31>b": 10}, {"9999-12-31>a": 10}, Change({"b": 10}, {"9999-12-31>b": -10})),
        (
            {"9999-12-31>a": 4, "9999-12-31>b": 6},
            {"9999-12-31>a": 10},
            Change({"a": 4, "b": 6}, {"9999-12-31>a": -4, "9999-12-31>b": -6}),
        ),
        # What waits for a day is not touched.
        ({"2026-12-01>a": 10}, {"9999-12-31>a": 10}, Change()),
        ({}, {}, Change()),
    ],
)
def test_confirming_moves_what_waits(pending: dict[str, int], given: dict[str, int], change: Change) -> None:
    assert confirm(an_account(pending=pending), Change(pending=given), "z", TODAY) == change


def test_confirming_moves_what_is_over_to_the_last_day_and_the_rest_to_its_own() -> None:
    waiting = {"9999-12-31>2026-11-20": 1, "9999-12-31>2026-11-21": 2, WAITING: 4}
    change = confirm(an_account(pending=waiting), Change(pending=waiting), "2027-11-21", TODAY)
    assert change.lots == {"2027-11-21": 1, "2026-11-21": 2, NEVER: 4}


def test_confirming_adds_what_is_over_to_what_lies_on_the_last_day_anyway() -> None:
    waiting = {"9999-12-31>2026-11-20": 1, "9999-12-31>2027-11-21": 2}
    change = confirm(an_account(pending=waiting), Change(pending=waiting), "2027-11-21", TODAY)
    assert change.lots == {"2027-11-21": 3}


# Declined.


def test_a_decline_says_what_it_takes_back() -> None:
    journey = a_journey()
    entry = journey.does(an_activity("review"))
    assert journey.declines(entry, NOW + days(3)).posting == Posting(
        kind="reversed",
        change=Change(pending={WAITING: -10}),
        occurred_at=NOW + days(3),
        program_version=7,
        explanation=[Reason("declined", True, -10)],
        reversal=Reversal(entry.operation.key, 0, {}),
        counts=[Count("review", kept=-1), Count("points", kept=-10)],
        withdrawn=[],
        activity="review",
    )
    assert (journey.account.pending, journey.account.counters) == ({}, {})


LIMITS: list[dict[str, Any]] = [
    {"limits": (Limit("day", times=1),)},
    {"limits": (Limit("ever", points=10),)},
    {"cooldown_days": 30},
]


@pytest.mark.parametrize("more", LIMITS)
def test_a_declined_activity_leaves_the_limits_as_they_were(more: dict[str, Any]) -> None:
    journey = a_journey(replace(BONUS, **more))
    first = journey.does(an_activity("review"))
    assert journey.does(an_activity("review")).posting.points == 0
    journey.declines(first)
    assert journey.does(an_activity("review")).posting.points == 10


@pytest.mark.parametrize("more", LIMITS)
def test_a_confirmed_activity_stays_within_the_limits(more: dict[str, Any]) -> None:
    journey = a_journey(replace(BONUS, **more))
    journey.confirms(journey.does(an_activity("review")))
    assert journey.does(an_activity("review")).posting.points == 0


def test_limits_of_groups_and_of_the_programme_are_free_again_too() -> None:
    group = Group("", "all", limits=(Limit("day", points=15),))
    journey = a_journey(groups=[group], limits=(Limit("day", points=20),))
    first = journey.does(an_activity("review"))
    assert journey.does(an_activity("review")).posting.points == 5
    journey.declines(first)
    assert journey.does(an_activity("review")).posting.points == 10


def test_a_rule_waits_again_since_the_time_before() -> None:
    """A declined activity does not reset what an earlier one began."""
    journey = a_journey(replace(BONUS, cooldown_days=5))
    first = journey.does(an_activity("review", occurred_at=NOW - days(20)))
    second = journey.does(an_activity("review"))
    last = "rule.bonus.last"
    assert journey.account.counters[last] == NOW.date().toordinal()
    journey.declines(second)
    assert journey.account.counters[last] == NOW.date().toordinal() - 20
    journey.declines(first)
    assert last not in journey.account.counters


def test_a_rule_goes_on_waiting_where_another_activity_came_since() -> None:
    journey = a_journey(replace(BONUS, cooldown_days=5))
    first = journey.does(an_activity("review", occurred_at=NOW - days(20)))
    journey.does(an_activity("review"))
    journey.declines(first)
    assert journey.account.counters["rule.bonus.last"] == NOW.date().toordinal()


def test_a_day_is_the_day_where_the_programme_is() -> None:
    journey = a_journey(replace(BONUS, cooldown_days=5))
    journey.program = replace(journey.program, zone=ZoneInfo("Pacific/Auckland"))
    journey.declines(journey.does(an_activity("review", occurred_at=NOW.replace(hour=20)), NOW.replace(hour=20)))
    assert journey.account.counters == {}


@pytest.mark.parametrize("rewards_return", [True, False])
def test_a_declined_activity_loses_all_it_brought_whatever_the_programme_says_of_purchases(
    rewards_return: bool,
) -> None:
    rules = [BONUS, a_gift_rule(Gift("voucher-5"), on=("review",), limits=(Limit("ever", times=1),))]
    goal = a_goal("review", 1, "ever", points=50, reward="voucher-5")
    journey = a_journey(*rules, goals=[goal], rewards_return=rewards_return)
    entry = journey.does(an_activity("review"))
    assert (entry.posting.points, journey.standing()) == (60, [500, 500])
    declined = journey.declines(entry).posting
    assert (journey.account.pending, journey.account.lots, journey.standing()) == ({}, {}, [])
    assert journey.account.counters == {}
    assert sum(reason.points for reason in declined.explanation) == declined.points == -60
    assert journey.does(an_activity("review")).posting.points == 60


def test_a_goal_that_others_reach_by_now_stays_and_its_points_can_be_spent() -> None:
    """Nobody will confirm the declined activity that reached it."""
    journey = a_journey(BONUS, a_rule(), goals=[a_goal("points", 10, "ever", points=50)])
    entry = journey.does(an_activity("review"))
    journey.does(a_purchase(1000))
    journey.declines(entry)
    assert (journey.account.lots, journey.account.pending) == ({NEVER: 10 + 50}, {})
    assert journey.account.counters["goal.goal.done"] == 1


def test_points_of_its_goal_that_paid_a_debt_are_owed_again_and_nothing_more() -> None:
    journey = a_journey(goals=[a_goal("review", 1, points=50)], account=an_account(debt=40, enrolled_at=ENROLLED))
    entry = journey.does(an_activity("review"))
    assert entry.posting.change == Change({NEVER: 10}, {WAITING: 10}, debt=-40)
    posting = journey.declines(entry).posting
    assert (posting.points, journey.account.debt) == (-60, 40)
    assert (journey.account.lots, journey.account.pending) == ({}, {})
    assert [reason.points for reason in posting.explanation] == [-10, -50]


def test_a_goal_that_a_purchase_reached_with_its_help_goes() -> None:
    journey = a_journey(BONUS, a_rule(), goals=[a_goal("points", 15, "ever", points=50)])
    entry = journey.does(an_activity("review"))
    journey.does(a_purchase(1000))
    assert journey.account.lots == {NEVER: 60}
    journey.declines(entry)
    assert (journey.account.lots, journey.account.pending) == ({NEVER: 10}, {})


@pytest.mark.parametrize(
    ("reach", "gift", "tier"),
    [(1, False, "silver"), (99, True, "gold"), (1, True, "gold")],
    ids=["reached", "given", "both"],
)
def test_a_tier_that_it_gave_or_reached_goes(reach: int, gift: bool, tier: str) -> None:
    rules = [BONUS, a_gift_rule(Gift(tier="gold", months=3), on=("review",) if gift else ("visit",))]
    journey = a_journey(*rules, tiers=Tiers(levels(silver={"review": reach}, gold={"review": 100}), window="year"))
    entry = journey.does(an_activity("review"))
    assert journey.account.tier == tier
    declined = journey.declines(entry).posting
    assert (journey.account.tier, declined.tier_before) == ("base", tier)


@pytest.mark.parametrize("rewards_return", [True, False])
def test_a_referral_that_it_completed_is_undone(rewards_return: bool) -> None:
    traits = Traits(referred_by="mem_friend")
    account = an_account(enrolled_at=ENROLLED, traits=traits)
    journey = a_journey(BONUS, account=account, referral=Referral(on="review"), rewards_return=rewards_return)
    entry = journey.does(an_activity("review"))
    assert entry.posting.referrer == "mem_friend"
    assert journey.declines(entry).posting.referrer == "mem_friend"
    assert journey.account.counters == {}
    assert journey.does(an_activity("review")).posting.referrer == "mem_friend"


def test_a_referral_that_was_to_stay_done_is_not_undone() -> None:
    """As it was counted before a referral could be undone at all."""
    account = an_account(enrolled_at=ENROLLED, traits=Traits(referred_by="mem_friend"))
    journey = a_journey(BONUS, account=account, referral=Referral(on="review"))
    entry = journey.does(an_activity("review"))
    kept = [for_good(count) if count.key == "referral.done" else count for count in entry.posting.counts]
    entry = replace(entry, posting=replace(entry.posting, counts=kept))
    assert journey.declines(entry).posting.referrer is None
    assert journey.account.counters == {"referral.done": 1}


def for_good(count: Count) -> Count:
    return Count(count.key, kept=count.whole)


def test_what_was_confirmed_and_spent_is_owed_when_it_is_undone_after_all() -> None:
    """As what a friend got for a referral, where the purchase that completed it comes back."""
    journey = a_journey(a_flat_rule(on=("referral_made",)))
    entry = journey.does(an_activity("referral_made"))
    assert (entry.posting.unconfirmed, journey.account.lots) == (False, {NEVER: 10})
    journey.account = changed(journey.account, spend(journey.account, 4, TODAY))
    posting = journey.declines(entry).posting
    assert (posting.change, journey.account.debt) == (Change({NEVER: -6}, debt=4), 4)


def test_what_is_forgiven_is_said() -> None:
    journey = a_journey(a_flat_rule(on=("referral_made",)), spent_then_returned="forgive")
    entry = journey.does(an_activity("referral_made"))
    journey.account = changed(journey.account, spend(journey.account, 4, TODAY))
    posting = journey.declines(entry).posting
    assert posting.reversal == Reversal(entry.operation.key, 0, {}, forgiven=4)
    assert reason_of(posting, "declined").points == posting.points == -6


# In any order.

STEPS = st.lists(st.sampled_from(["review", "visit", "purchase", "decide", "return"]), max_size=14)


@given(STEPS, st.randoms(use_true_random=False), st.booleans())
def test_once_all_is_decided_nothing_waits_and_of_what_was_declined_or_returned_nothing_is_left(
    steps: list[str], order: random.Random, moving: bool
) -> None:
    lasting = Lasting(after_months=12, extended_by=frozenset({"purchase"})) if moving else Lasting()
    rules = [a_flat_rule(10, "reviews", on=("review",)), a_flat_rule(3, "visits", on=("visit",)), a_rule()]
    gift = a_gift_rule(Gift("voucher-5"), on=("review",))
    goals = [
        a_goal("points", 25, "ever", points=50, repeat=True, reward="voucher-5"),
        a_goal("review", 2, "month", id="reviews-goal", points=5),
    ]
    journey = a_journey(*rules, gift, goals=goals, lasting=lasting)
    open_ones: list[Any] = []
    bought: list[Any] = []
    kept = 0
    for i, step in enumerate(steps):
        at = NOW + timedelta(hours=i)
        if step in ("review", "visit"):
            entry = journey.does(an_activity(step, at))
            kept += 3 * (step == "visit")
            open_ones += [entry] if step == "review" else []
        elif step == "purchase":
            bought.append(journey.does(a_purchase(1200, occurred_at=at)))
            kept += 12
        elif step == "decide" and open_ones:
            kept += 10 * decide_one(journey, open_ones.pop(order.randrange(len(open_ones))), at, order)
        elif step == "return" and bought:
            journey.returns(bought.pop(order.randrange(len(bought))), at=at)
            kept -= 12
        assert prove(journey.account, journey.entries).drift is None
    end = NOW + days(2)
    while open_ones:
        kept += 10 * decide_one(journey, open_ones.pop(), end, order)

    counters = journey.account.counters
    assert journey.account.pending == {}
    of_goals = 50 * counters.get("goal.goal.done", 0) + 5 * sum(
        value for key, value in counters.items() if key.startswith("goal.reviews-goal.done")
    )
    assert counters.get("points", 0) == kept
    assert total(journey.account.lots) - journey.account.debt == kept + of_goals
    assert counters.get("goal.goal.done", 0) == kept // 25
    assert len(journey.standing()) == counters.get("goal.goal.done", 0) + counters.get("review", 0)


def decide_one(journey: Journey, entry: Any, at: datetime, order: random.Random) -> int:
    """1 if it was confirmed."""
    if order.random() < 0.5:
        journey.declines(entry, at)
        return 0
    journey.confirms(entry, at)
    return 1


# What partners report must be declared.

DECLARED = Kind("survey", {}, {"score": "number", "city": "text", "again": "yes_no"}, frozenset({"score"}))


def survey(**attributes: Any) -> Activity:
    return an_activity("survey", **attributes)


@pytest.mark.parametrize(
    "attributes", [{"score": 5}, {"score": 0, "city": "Lyon", "again": False}, {"score": -1, "city": ""}]
)
def test_an_activity_with_what_it_needs_is_taken(attributes: dict[str, Any]) -> None:
    check_declared(survey(**attributes), a_program(activities={"survey": DECLARED}))


@pytest.mark.parametrize(
    ("attributes", "errors"),
    [
        ({}, [("/attributes/score", "missing", "survey needs it.")]),
        ({"score": "5"}, [("/attributes/score", "attribute_type", "It should be a whole number.")]),
        ({"score": True}, [("/attributes/score", "attribute_type", "It should be a whole number.")]),
        ({"score": 1, "city": 75}, [("/attributes/city", "attribute_type", "It should be text.")]),
        ({"score": 1, "again": 1}, [("/attributes/again", "attribute_type", "It should be true or false.")]),
        ({"score": 1, "size": 4}, [("/attributes/size", "unknown_attribute", "survey has these: score, city, again.")]),
        (
            {"size": 4, "city": 1},
            [
                ("/attributes/size", "unknown_attribute", "survey has these: score, city, again."),
                ("/attributes/city", "attribute_type", "It should be text."),
                ("/attributes/score", "missing", "survey needs it."),
            ],
        ),
    ],
)
def test_what_is_wrong_with_an_activity_is_said_all_at_once(
    attributes: dict[str, Any], errors: list[tuple[str, str, str]]
) -> None:
    with pytest.raises(InvalidError) as refused:
        check_declared(survey(**attributes), a_program(activities={"survey": DECLARED}))
    assert [(one.pointer, one.code, one.detail) for one in refused.value.errors] == errors


def test_an_activity_without_attributes_takes_none() -> None:
    with pytest.raises(InvalidError) as refused:
        check_declared(survey(size=4), a_program(activities={"survey": Kind("survey", {})}))
    assert [one.detail for one in refused.value.errors] == ["survey has these: none."]


def test_an_activity_that_the_programme_does_not_know_is_refused() -> None:
    with pytest.raises(InvalidError) as refused:
        check_declared(an_activity("quiz"), a_program(activities={"survey": DECLARED}))
    assert [(one.pointer, one.code) for one in refused.value.errors] == [("/type", "unknown_activity")]


# Whether anything follows from what happens by itself.


def asking(**more: Any) -> When:
    return When(counted={"enrolled": CountedSoFar(Range(1), "ever")}, **more)


@pytest.mark.parametrize(
    "program",
    [
        a_program([a_rule(), a_flat_rule(on=("enrolled",))]),
        a_program([a_rule(when=asking())]),
        a_program(goals=[a_goal("enrolled", 1)]),
        a_program(goals=[a_goal("spend", 1, when=asking())]),
        a_program(lasting=Lasting(after_months=3, extended_by=frozenset({"enrolled"}))),
        a_program(referral=Referral(on="enrolled")),
        a_program(referral=Referral(when=asking())),
        a_program(tiers=Tiers(levels(gold={"enrolled": 1}))),
    ],
    ids=["rule", "condition", "goal", "condition of a goal", "extension", "referral", "its condition", "tier"],
)
def test_an_activity_matters_where_a_programme_does_anything_with_it(program: Program) -> None:
    assert matters("enrolled", program)
    assert not matters("birthday", program)


@pytest.mark.parametrize("tiers", [None, Tiers(levels(gold={"spend": 1000}))])
def test_elsewhere_it_does_not(tiers: Tiers | None) -> None:
    program = a_program([a_rule(), a_flat_rule(on=("review",))], goals=[a_goal()], referral=Referral(), tiers=tiers)
    assert not matters("enrolled", program)
    assert matters("review", program)
