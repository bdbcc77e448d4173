"""What an event makes of an account: which events are taken, which tier judges them, and which lots points lie in."""

import copy
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.accrual.deciding import CLOCK_SKEW, decide
from functions.ledger.account import Account, Change, Count, Line, Posting, Reason, TierStep, Traits
from functions.ledger.lots import NEVER
from functions.program.document import read
from functions.program.model import Acceptance, Earn, Lasting, Program, Rate
from functions.program.occasions import Activity, Purchase
from functions.runtime.errors import InvalidError
from tests.unit.factories import (
    NOW,
    TODAY,
    Journey,
    a_basket,
    a_flat_rule,
    a_goal,
    a_line,
    a_program,
    a_purchase,
    a_rule,
    a_rule_of,
    an_account,
    an_activity,
    shares_of,
)

A_YEAR = Lasting(after_months=12)
ENROLLED = datetime(2025, 1, 15, tzinfo=UTC)


def decided(event: Purchase | Activity, program: Program | None = None, now: datetime = NOW) -> Posting:
    return decide(an_account(), event, program or a_program(), now)


def days(number: float) -> timedelta:
    return timedelta(days=number)


# Which events are taken.


def test_another_currency_than_the_programme_counts_in_is_refused() -> None:
    with pytest.raises(InvalidError) as refused:
        decided(a_purchase(100, currency="EUR"))
    assert refused.value.members == {
        "errors": [{"pointer": "/currency", "code": "currency", "detail": "The programme counts in USD."}]
    }


def test_a_till_whose_clock_runs_ahead_a_little_is_believed() -> None:
    assert decided(a_purchase(100, occurred_at=NOW + CLOCK_SKEW)).points == 1


def test_a_purchase_of_the_future_is_refused_together_with_its_currency() -> None:
    with pytest.raises(InvalidError) as refused:
        decided(a_purchase(100, occurred_at=NOW + CLOCK_SKEW + timedelta(microseconds=1), currency="EUR"))
    assert refused.value.members["errors"] == [
        {"pointer": "/currency", "code": "currency", "detail": "The programme counts in USD."},
        {"pointer": "/occurred_at", "code": "future", "detail": "The purchase lies in the future."},
    ]


def test_an_activity_of_the_future_is_refused_as_such() -> None:
    with pytest.raises(InvalidError) as refused:
        decided(an_activity(occurred_at=NOW + days(1)))
    assert [error.detail for error in refused.value.errors] == ["The activity lies in the future."]


def test_what_is_so_old_that_it_must_be_a_mistake_is_refused_by_every_programme() -> None:
    oldest = NOW - days(50 * 365)
    assert decided(a_purchase(100, occurred_at=oldest)).points == 1
    day = oldest - days(1)
    too_old: list[Purchase | Activity] = [a_purchase(100, occurred_at=day), an_activity(occurred_at=day)]
    for event, what in zip(too_old, ("purchase", "activity"), strict=True):
        with pytest.raises(InvalidError) as refused:
            decided(event)
        assert [(error.pointer, error.code, error.detail) for error in refused.value.errors] == [
            ("/occurred_at", "too_late", f"The {what} is older than fifty years.")
        ]


def test_what_arrives_later_than_the_programme_takes_is_refused() -> None:
    program = a_program(acceptance=Acceptance(late_days=30))
    assert decided(a_purchase(100, occurred_at=NOW - days(30)), program).points == 1
    with pytest.raises(InvalidError) as refused:
        decided(a_purchase(100, occurred_at=NOW - days(30) - timedelta(seconds=1)), program)
    assert [(error.pointer, error.code, error.detail) for error in refused.value.errors] == [
        ("/occurred_at", "too_late", "The purchase is older than 30 days.")
    ]


@pytest.mark.parametrize(
    ("allowed", "before", "points"), [(7, 7, 1), (7, 8, 0), (0, 0, 1), (0, 1, 0), (None, 3000, 1), (7, -9, 1)]
)
def test_a_purchase_of_before_the_enrolment_counts_for_some_days(allowed: int | None, before: int, points: int) -> None:
    program = a_program(acceptance=Acceptance(before_enrolment_days=allowed))
    account = an_account(enrolled_at=NOW - days(10))
    assert decide(account, a_purchase(100, occurred_at=NOW - days(10 + before)), program, NOW).points == points


def test_a_purchase_too_long_before_the_enrolment_is_booked_for_nothing_with_the_reason() -> None:
    rules = [a_rule(id="dollars"), a_flat_rule(on=("review",)), a_rule(id="more")]
    program = a_program(earning=rules, acceptance=Acceptance(before_enrolment_days=7), goals=[a_goal()])
    posting = decided(a_purchase(300, 400, occurred_at=NOW - days(8)), program)
    assert posting == Posting(
        kind="earned",
        change=Change(),
        occurred_at=NOW - days(8),
        program_version=7,
        explanation=[
            Reason("dollars", applied=False, condition="before_enrolment", facts={"days": 8}),
            Reason("more", applied=False, condition="before_enrolment", facts={"days": 8}),
        ],
        lines=[Line("1", 1, 300, 0), Line("2", 1, 400, 0)],
        currency="USD",
    )


def test_an_activity_too_long_before_the_enrolment_as_well() -> None:
    program = a_program(earning=[a_flat_rule(on=("review",))], acceptance=Acceptance(before_enrolment_days=7))
    posting = decided(an_activity(occurred_at=NOW - days(8)), program)
    assert (posting.change, posting.counts, posting.lines, posting.currency) == (Change(), (), [], None)


def test_an_activity_earns_what_the_rules_on_it_give() -> None:
    posting = decided(an_activity(stars=5), a_program(earning=[a_rule(), a_flat_rule(on=("review",))]))
    assert posting == Posting(
        kind="earned",
        change=Change({NEVER: 10}),
        occurred_at=NOW,
        program_version=7,
        explanation=[Reason("bonus", applied=True, points=10)],
        lines=[],
        counts=[Count("review", whole=1), Count("points", whole=10)],
        issued=[],
        draws=[],
        activity="review",
    )


# Paying with what earns nothing.


@pytest.mark.parametrize(
    ("paid", "shares"),
    [
        ({}, [30, 10]),
        ({"payment_method": "card"}, [30, 10]),
        ({"payment_method": "points"}, [0, 0]),
        ({"payments": {"points": 1000, "card": 3000}}, [22, 8]),  # 30.00 left, of which 22.50 on the first line
        ({"payments": {"points": 1000, "voucher": 1000, "card": 2000}}, [15, 5]),
        ({"payments": {"points": 4000}}, [0, 0]),
        ({"payments": {"points": 9999}}, [0, 0]),
        ({"payments": {"card": 4000}, "payment_method": "points"}, [30, 10]),
    ],
)
def test_what_is_paid_with_points_earns_none(paid: Mapping[str, Any], shares: list[int]) -> None:
    program = a_program(unearning=frozenset({"points", "voucher"}))
    posting = decided(a_basket(a_line("1", 3000), a_line("2", 1000), **paid), program)
    assert list(shares_of(posting).values()) == shares


def test_what_earns_nothing_is_not_spent_either_but_the_lines_are_booked_as_they_were() -> None:
    program = a_program(unearning=frozenset({"points"}))
    posting = decided(a_basket(a_line("1", 3000), payments={"points": 1000}), program)
    assert Count("spend", {"1": 2000}) in posting.counts
    assert [line.amount for line in posting.lines] == [3000]


def test_a_programme_in_which_everything_earns_does_not_look_at_payments() -> None:
    assert decided(a_basket(a_line("1", 3000), payments={"points": 3000})).points == 30


# Which lots points lie in, and when they become active.


@pytest.mark.parametrize(
    ("lasting", "lot"),
    [
        (Lasting(), NEVER),
        (Lasting(after_months=6), "2027-02-28"),
        (Lasting(after_days=30), "2026-09-30"),
        (Lasting(after_months=6, to_month_end=True), "2027-02-28"),
        (Lasting(after_months=1, to_month_end=True), "2026-09-30"),
        (Lasting(year_ends=(12, 31)), "2026-12-31"),
        (Lasting(year_ends=(12, 31), after_months=2), "2027-02-28"),
        (Lasting(year_ends=(6, 30)), "2027-06-30"),
    ],
)
def test_points_expire_from_the_day_of_the_purchase_and_not_of_its_arrival(lasting: Lasting, lot: str) -> None:
    bought = datetime(2026, 8, 31, 23, 59, tzinfo=UTC)
    posting = decided(a_purchase(100, occurred_at=bought), a_program(lasting=lasting))
    assert posting.change == Change({lot: 1})
    assert posting.occurred_at == bought


def test_a_rule_may_have_an_expiry_of_its_own() -> None:
    rules = [
        a_rule(),
        a_flat_rule(5, lasting={"": Lasting(after_days=30)}),
        a_flat_rule(7, "never", lasting={"": Lasting()}),
    ]
    posting = decided(a_purchase(100), a_program(earning=rules, lasting=A_YEAR))
    assert posting.change.lots == {"2027-11-21": 1, "2026-12-21": 5, NEVER: 7}


def test_points_may_have_to_wait() -> None:
    rules = [a_rule(), a_flat_rule(5, pending_days=14), a_flat_rule(7, "long", pending_days=30)]
    posting = decided(a_purchase(100), a_program(earning=rules, lasting=A_YEAR))
    assert posting.change == Change({"2027-11-21": 1}, {"2026-12-05>2027-11-21": 5, "2026-12-21>2027-11-21": 7})


def test_waiting_begins_on_the_day_of_the_purchase_so_that_a_late_one_may_have_waited_already() -> None:
    program = a_program(earning=[a_flat_rule(5, pending_days=14)])
    assert decided(a_purchase(100, occurred_at=NOW - days(13)), program).change.pending == {"2026-11-22>never": 5}
    assert decided(a_purchase(100, occurred_at=NOW - days(14)), program).change == Change({NEVER: 5})


def test_the_points_of_goals_wait_as_long_as_the_programme_says() -> None:
    program = a_program(earning=[a_rule()], goals=[a_goal(reach=1)], pending_days=14, lasting=A_YEAR)
    assert decided(a_purchase(100), program).change == Change({"2027-11-21": 1}, {"2026-12-05>2027-11-21": 50})


@pytest.mark.parametrize(
    ("zone", "lot", "activates"),
    [("UTC", "2026-12-22", "2026-11-23"), ("America/New_York", "2026-12-21", "2026-11-22")],
)
def test_days_are_those_of_the_programmes_time_zone(zone: str, lot: str, activates: str) -> None:
    at = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)  # 22:00 of the day before in New York
    rules = [a_rule(), a_flat_rule(5, pending_days=1)]
    program = a_program(earning=rules, lasting=Lasting(after_days=30), zone=ZoneInfo(zone))
    posting = decided(a_purchase(100, occurred_at=at), program, now=at)
    assert posting.change == Change({lot: 1}, {f"{activates}>{lot}": 5})


def test_debt_is_paid_first() -> None:
    posting = decide(an_account(debt=3), a_purchase(500), a_program(), NOW)
    assert posting.change == Change({NEVER: 2}, debt=-3)


# Activity keeps points alive.

ANEW = Lasting(after_months=12, extended_by=frozenset({"purchase", "review"}))
MONTHLY = Lasting(after_months=12, extended_by=frozenset({"purchase"}), each_month=True)


def after(lasting: Lasting, event: Purchase | Activity, lots: dict[str, int], **account: Any) -> Account:
    journey = Journey(a_program(lasting=lasting), an_account(lots, enrolled_at=ENROLLED, **account))
    journey.does(event)
    return journey.account


def test_a_purchase_starts_the_twelve_months_of_all_points_anew() -> None:
    lots = {"2026-11-20": 1, "2026-11-21": 2, "2027-05-01": 4, "2028-01-01": 8, NEVER: 16}
    # What is over stays over, what ends later or never stays as it is.
    assert after(ANEW, a_purchase(300), lots).lots == {"2026-11-20": 1, "2027-11-21": 9, "2028-01-01": 8, NEVER: 16}


def test_points_that_wait_are_kept_alive_with_the_others() -> None:
    account = after(ANEW, a_purchase(0), {}, pending={"2026-12-01>2027-05-01": 5, "2026-12-01>2028-01-01": 7})
    assert account.pending == {"2026-12-01>2027-11-21": 5, "2026-12-01>2028-01-01": 7}


@pytest.mark.parametrize(("kind", "lots"), [("review", {"2027-11-21": 4}), ("quiz", {"2027-05-01": 4})])
def test_only_what_the_programme_names_keeps_points_alive(kind: str, lots: dict[str, int]) -> None:
    assert after(ANEW, an_activity(kind), {"2027-05-01": 4}).lots == lots


def test_a_purchase_that_arrives_late_keeps_alive_as_of_its_own_day() -> None:
    bought = a_purchase(0, occurred_at=NOW - days(100))  # 13 August
    assert after(ANEW, bought, {"2026-11-30": 1, "2027-08-01": 2, "2027-09-01": 4}).lots == {
        "2027-08-13": 3,
        "2027-09-01": 4,
    }


def test_or_a_purchase_lengthens_all_points_by_a_month_once_in_a_month() -> None:
    journey = Journey(a_program(earning=[], lasting=MONTHLY), an_account({"2027-01-31": 4, "2027-02-28": 8, NEVER: 1}))
    seen = []
    for day in (NOW, NOW + days(1), NOW + days(10)):
        journey.does(a_purchase(0, occurred_at=day))
        seen.append(dict(journey.account.lots))
    first = {"2027-02-28": 4, "2027-03-28": 8, NEVER: 1}
    assert seen == [first, first, {"2027-03-28": 4, "2027-04-28": 8, NEVER: 1}]


def test_lengthened_points_last_to_the_end_of_the_month_where_all_do() -> None:
    lasting = Lasting(after_months=12, to_month_end=True, extended_by=frozenset({"purchase"}), each_month=True)
    assert after(lasting, a_purchase(0), {"2027-02-28": 4}).lots == {"2027-03-31": 4}


@pytest.mark.parametrize("name", ["active", "visits"])
def test_an_activity_of_any_name_can_lengthen_points(name: str) -> None:
    lasting = Lasting(after_months=12, extended_by=frozenset({name}), each_month=True)
    assert after(lasting, an_activity(name), {"2027-02-28": 4}).lots == {"2027-03-28": 4}


def test_a_purchase_that_moves_points_tells_what_it_earned_apart_from_what_it_moved() -> None:
    posting = decide(an_account({"2027-05-01": 4}), a_purchase(300), a_program(lasting=ANEW), NOW)
    assert posting.change == Change({"2027-05-01": -4, "2027-11-21": 7})
    assert posting.made == Change({"2027-11-21": 3})
    assert posting.points == 3


# The same every time.

PROGRAMS = sorted(Path(__file__).parents[2].joinpath("programs").glob("*.yaml"))
TEXTS = {path.stem: path.read_text(encoding="utf-8") for path in PROGRAMS}
PARSED = {name: read(text, 3) for name, text in TEXTS.items()}
Lines = st.lists(
    st.builds(
        lambda amount, quantity, category, discounted: a_line(
            "", amount, quantity, categories=category, discounted=discounted, discount=amount // 5 * discounted
        ),
        st.integers(0, 30_000),
        st.integers(1, 3),
        st.sampled_from([(), ("coffee-beans",), ("gift-card",), ("breakfast", "new")]),
        st.booleans(),
    ),
    min_size=1,
    max_size=6,
).map(lambda lines: [line._replace(id=str(i)) for i, line in enumerate(lines)])
Accounts = st.builds(
    lambda lots, visits, debt, birthday, referrer: an_account(
        {} if debt else lots,
        enrolled_at=NOW - days(30),
        debt=debt,
        counters={"visits": visits, "spend": visits * 900} if visits else {},
        traits=Traits(segments=["vip"], birthday=birthday, referred_by=referrer),
    ),
    st.dictionaries(st.sampled_from(["2026-12-01", "2027-06-30", NEVER]), st.integers(1, 500)),
    st.integers(0, 12),
    st.integers(0, 20),
    st.sampled_from([None, "11-22"]),
    st.sampled_from([None, "mem_other"]),
)


@given(st.sampled_from(sorted(TEXTS)), Accounts, Lines, st.integers(0, 20), st.sampled_from([None, "lyon"]))
def test_the_same_inputs_give_the_same_posting_and_are_not_changed(
    name: str, account: Account, lines: list[Any], days_ago: int, store: str | None
) -> None:
    program = PARSED[name]
    purchase = Purchase(
        "receipt", NOW - days(days_ago), program.currency, lines, store=store, attributes={"own_cup": True}
    )
    before = copy.deepcopy((account, purchase))

    first = decide(account, purchase, program, NOW)
    again = decide(account, purchase, program, NOW)
    anew = decide(copy.deepcopy(account), copy.deepcopy(purchase), read(TEXTS[name], program.version), NOW)

    assert first == again == anew
    assert (account, purchase) == before
    assert sum(shares_of(first).values()) == sum(
        reason.points for reason in first.explanation if reason.applied and reason.into is None and reason.lines
    )


def test_the_members_present_tier_is_told_with_the_posting() -> None:
    step = TierStep("gold", ENROLLED)
    program = a_program(earning=[a_rule()])
    posting = decide(an_account(tiers=(step,)), a_purchase(100), program, NOW)
    assert (posting.tier_before, posting.tiers) == ("gold", None)


def test_a_rate_may_depend_on_a_tier_that_a_programme_without_tiers_does_not_have() -> None:
    program = a_program(earning=[a_rule_of(Earn({"gold": Rate(Fraction(1), 100)}))])
    [reason] = decided(a_purchase(100), program).explanation
    assert (reason.condition, reason.facts) == ("tier", {})


def test_today_is_the_programmes_day() -> None:
    assert date(2026, 11, 21) == TODAY
    late_evening = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
    program = a_program(earning=[a_flat_rule(5, pending_days=1)], zone=ZoneInfo("America/New_York"))
    bought = a_purchase(100, occurred_at=late_evening - days(1))  # the 20th in New York, active on the 21st
    assert decided(bought, program, now=late_evening).change == Change({NEVER: 5})
