"""Conditions: which hold for whom and when, and what the explanation says of one that does not."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from functions.accrual.deciding import decide
from functions.ledger.account import Account, Posting, Traits
from functions.program.model import CountedSoFar, Match, Program, Range, Recurrence, When
from functions.program.occasions import PurchaseLine
from tests.unit.factories import (
    NOW,
    a_basket,
    a_flat_rule,
    a_line,
    a_program,
    an_account,
    an_activity,
    reason_of,
)

NEW_YORK = ZoneInfo("America/New_York")
PARIS = ZoneInfo("Europe/Paris")


def one_of(*values: str | int | bool) -> Match:
    return Match(frozenset(values))


def none_of(*values: str | int | bool) -> Match:
    return Match(frozenset(values), excluded=True)


def judged(when: When, account: Account | None = None, at: datetime = NOW, **purchase: Any) -> tuple[str | None, Any]:
    """The condition that a purchase of 10.00 fails, and its facts."""
    program = a_program(earning=[a_flat_rule(id="rule", when=when)])
    account = account or an_account(enrolled_at=datetime(2026, 11, 1, tzinfo=UTC))
    posting = decide(account, a_basket(a_line(), occurred_at=at, **purchase), program, at)
    found = reason_of(posting, "rule")
    assert found.applied is (found.condition is None)
    return found.condition, found.facts


HOLDS: tuple[str | None, object] = (None, {})


# What is known of the purchase.


@pytest.mark.parametrize("name", ["store", "channel", "payment_method"])
@pytest.mark.parametrize(
    ("wanted", "given", "found"),
    [
        (one_of("a", "b"), "b", None),
        (one_of("a", "b"), "c", {"is": "c"}),
        (one_of("a", "b"), None, {}),
        (none_of("a", "b"), "c", None),
        (none_of("a", "b"), "a", {"is": "a"}),
        (none_of("a", "b"), None, None),
    ],
)
def test_one_of_several_values_or_none_of_them(
    name: str, wanted: Match, given: str | None, found: Mapping[str, str] | None
) -> None:
    when = When(**{name: wanted})  # type: ignore[arg-type]
    purchase: dict[str, Any] = {name: given}
    assert judged(when, **purchase) == (HOLDS if found is None else (name, found))


@pytest.mark.parametrize(
    ("wanted", "given", "found"),
    [
        (one_of(True), True, None),
        (one_of(True), False, {"is": False}),
        (one_of("web"), None, {}),
        (Range(3, 5), 3, None),
        (Range(3, 5), 5, None),
        (Range(3, 5), 2, {"is": 2}),
        (Range(3, 5), 6, {"is": 6}),
        (Range(at_least=3), 999, None),
        (Range(at_most=5), -1, None),
        (Range(1), True, {"is": True}),
        (Range(1), "3", {"is": "3"}),
        (Range(1), None, {}),
    ],
)
def test_attributes_of_the_purchase(
    wanted: Match | Range, given: str | int | None, found: Mapping[str, object] | None
) -> None:
    attributes = {} if given is None else {"x": given}
    expected = HOLDS if found is None else ("attributes.x", found)
    assert judged(When(attributes={"x": wanted}), attributes=attributes) == expected


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Range(1000, 1000), None),
        (Range(at_most=1000), None),
        (Range(at_least=1001), {"paid": 1000, "needed": 1001}),
        (Range(at_most=999), {"paid": 1000, "at_most": 999}),
        (Range(500, 999), {"paid": 1000, "at_most": 999}),
        (Range(at_most=0), {"paid": 1000, "at_most": 0}),
    ],
)
def test_what_was_paid_for_the_whole_purchase(wanted: Range, found: Mapping[str, int] | None) -> None:
    assert judged(When(paid=wanted)) == (HOLDS if found is None else ("paid", found))


# What is known of the member.


def a_member(**traits: Any) -> Account:
    return an_account(traits=Traits(**traits))


@pytest.mark.parametrize(
    ("wanted", "segments", "holds"),
    [
        (one_of("vip", "staff"), ["new", "staff"], True),
        (one_of("vip"), ["new"], False),
        (one_of("vip"), [], False),
        (none_of("vip"), ["new", "vip"], False),
        (none_of("vip"), [], True),
    ],
)
def test_segments_of_the_member_which_explanations_do_not_name(wanted: Match, segments: list[str], holds: bool) -> None:
    found = judged(When(segment=wanted), a_member(segments=segments))
    assert found == (HOLDS if holds else ("segment", {}))


@pytest.mark.parametrize(("given", "holds"), [({"city": "Lyon"}, True), ({"city": "Paris"}, False), ({}, False)])
def test_attributes_of_the_member_which_explanations_do_not_name(given: dict[str, str], holds: bool) -> None:
    found = judged(When(member={"city": one_of("Lyon")}), a_member(attributes=given))
    assert found == (HOLDS if holds else ("member.city", {}))


@pytest.mark.parametrize(
    ("birthday", "day", "holds"),
    [
        ("11-21", "2026-11-21", True),
        ("11-21", "2026-11-18", True),
        ("11-21", "2026-11-17", False),
        ("11-21", "2026-11-22", True),
        ("11-21", "2026-11-23", False),
        ("01-01", "2026-12-29", True),
        ("12-31", "2027-01-01", True),
        ("02-29", "2026-02-28", True),
        ("02-29", "2026-03-01", True),
        ("02-29", "2026-03-02", False),
        ("02-29", "2028-03-01", True),
        ("02-29", "2028-02-25", False),
    ],
)
def test_from_three_days_before_the_birthday_to_one_day_after(birthday: str, day: str, holds: bool) -> None:
    at = datetime.fromisoformat(f"{day}T12:00:00+00:00")
    assert judged(When(birthday=(3, 1)), a_member(birthday=birthday), at) == (HOLDS if holds else ("birthday", {}))


@pytest.mark.parametrize(
    ("day", "holds"), [("2026-02-28", True), ("2026-03-01", False), ("2028-02-28", False), ("2028-02-29", True)]
)
def test_who_was_born_on_29_february_celebrates_on_the_28th_in_other_years(day: str, holds: bool) -> None:
    at = datetime.fromisoformat(f"{day}T12:00:00+00:00")
    assert judged(When(birthday=(0, 0)), a_member(birthday="02-29"), at) == (HOLDS if holds else ("birthday", {}))


def test_a_birthday_that_is_not_known_never_comes() -> None:
    assert judged(When(birthday=(60, 60))) == ("birthday", {"birthday": "unknown"})


@pytest.mark.parametrize(
    ("day", "found"),
    [
        ("2026-11-01", None),
        ("2026-11-08", None),
        ("2026-11-09", ("enrolled_within_days", {"days": 8, "at_most": 7})),
        ("2026-10-25", None),
    ],
)
def test_members_are_new_for_seven_days_after_the_day_they_enrolled(day: str, found: object) -> None:
    assert judged(When(new_days=7), at=datetime.fromisoformat(f"{day}T23:00:00+00:00")) == (found or HOLDS)


@pytest.mark.parametrize(
    ("before", "found"),
    [(0, ("purchase_number", {"is": 1, "needed": 3})), (2, HOLDS), (3, ("purchase_number", {"is": 4, "needed": 3}))],
)
def test_the_third_purchase_and_no_other(before: int, found: object) -> None:
    assert judged(When(number=3), an_account(counters={"visits": before})) == found


@pytest.mark.parametrize(
    ("before", "found"),
    [
        (0, ("every_nth_purchase", {"is": 1, "needed": 5})),
        (4, HOLDS),
        (5, ("every_nth_purchase", {"is": 6, "needed": 10})),
        (9, HOLDS),
    ],
)
def test_every_fifth_purchase(before: int, found: object) -> None:
    assert judged(When(every=5), an_account(counters={"visits": before})) == found


@pytest.mark.parametrize(
    ("per", "counters", "found"),
    [
        ("month", {"spend/month@2026-11-01": 5000}, HOLDS),
        ("month", {"spend/month@2026-11-01": 4999}, ("counted.spend", {"counted": 4999})),
        ("month", {"spend/month@2026-10-01": 5000, "spend": 9999}, ("counted.spend", {"counted": 0})),
        ("ever", {"spend": 5000}, HOLDS),
    ],
)
def test_what_was_counted_in_the_period_before_this_purchase(
    per: Any, counters: dict[str, int], found: tuple[str | None, object]
) -> None:
    when = When(counted={"spend": CountedSoFar(Range(5000), per)})
    assert judged(when, an_account(counters=counters)) == found


def test_the_tier_is_named_in_the_explanation() -> None:
    assert judged(When(tier=one_of("gold"))) == ("tier", {"is": ""})


# Days and times, in the programme's time zone.


@pytest.mark.parametrize(
    ("day", "found"),
    [
        ("2026-11-19", ("dates", {"first_day": "2026-11-20"})),
        ("2026-11-20", HOLDS),
        ("2026-11-22", HOLDS),
        ("2026-11-23", ("dates", {"last_day": "2026-11-22"})),
    ],
)
def test_first_and_last_day_count(day: str, found: object) -> None:
    when = When(first_day=date(2026, 11, 20), last_day=date(2026, 11, 22))
    assert judged(when, at=datetime.fromisoformat(f"{day}T12:00:00+00:00")) == found


def test_either_day_can_be_left_open() -> None:
    assert judged(When(first_day=date(2026, 1, 1))) == HOLDS
    assert judged(When(last_day=date(2026, 12, 31))) == HOLDS


def test_weekdays_are_told_as_numbers_from_monday_1() -> None:
    saturday = datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert judged(When(weekday=frozenset({5, 6})), at=saturday) == HOLDS
    assert judged(When(weekday=frozenset({0, 4})), at=saturday) == ("weekday", {"is": 6})


@pytest.mark.parametrize(
    ("start", "end", "at", "holds"),
    [
        ("14:00", "17:00", "13:59:59", False),
        ("14:00", "17:00", "14:00:00", True),
        ("14:00", "17:00", "16:59:59", True),
        ("14:00", "17:00", "17:00:00", False),
        ("22:00", "02:00", "21:59:59", False),
        ("22:00", "02:00", "23:00:00", True),
        ("22:00", "02:00", "01:59:59", True),
        ("22:00", "02:00", "02:00:00", False),
    ],
)
def test_the_first_minute_counts_the_last_does_not_and_times_run_over_midnight(
    start: str, end: str, at: str, holds: bool
) -> None:
    when = When(times=(time.fromisoformat(start), time.fromisoformat(end)))
    found = judged(when, at=datetime.fromisoformat(f"2026-11-21T{at}+00:00"))
    assert found == (HOLDS if holds else ("time", {"is": at[:5]}))


@pytest.mark.parametrize(
    ("day", "holds"),
    [
        ("2026-11-02", True),  # the first Monday of November
        ("2026-11-03", True),
        ("2026-11-04", False),
        ("2026-11-09", False),
        ("2026-12-07", True),
        ("2025-12-01", False),  # before it starts
    ],
)
def test_two_days_from_every_first_monday_of_the_month_on(day: str, holds: bool) -> None:
    when = When(recurs=Recurrence("FREQ=MONTHLY;BYDAY=1MO", date(2026, 1, 1), days=2))
    found = judged(when, at=datetime.fromisoformat(f"{day}T12:00:00+00:00"))
    assert found == (HOLDS if holds else ("recurs", {}))


def test_a_day_that_was_asked_for_before_is_answered_as_then() -> None:
    when = When(recurs=Recurrence("FREQ=WEEKLY;BYDAY=SA", date(2026, 1, 1)))
    program = a_program(earning=[a_flat_rule(id="rule", when=when)])
    days = [21, 21, 22, 23, 28, 21]
    points = [bought(program, a_line(), at=datetime(2026, 11, day, tzinfo=UTC)).points for day in days]
    assert points == [10, 10, 0, 0, 10, 10]


def bought(program: Program, *lines: PurchaseLine, at: datetime = NOW) -> Posting:
    return decide(an_account(), a_basket(*lines, occurred_at=at), program, at)


@pytest.mark.parametrize(
    ("zone", "at", "holds"),
    [
        (UTC, "2026-11-22T02:00:00+00:00", False),
        (NEW_YORK, "2026-11-22T02:00:00+00:00", True),
        (NEW_YORK, "2026-11-22T04:59:59+00:00", True),
        (NEW_YORK, "2026-11-22T05:00:00+00:00", False),
        (PARIS, "2026-11-20T23:00:00+00:00", True),
        (PARIS, "2026-11-20T22:59:59+00:00", False),
        (NEW_YORK, "2026-11-22T06:30:00+14:00", True),
    ],
)
def test_a_day_begins_and_ends_at_the_programmes_midnight(zone: Any, at: str, holds: bool) -> None:
    when = When(first_day=date(2026, 11, 21), last_day=date(2026, 11, 21), weekday=frozenset({5}))
    program = a_program(earning=[a_flat_rule(id="rule", when=when)], zone=zone)
    assert (bought(program, a_line(), at=datetime.fromisoformat(at)).points > 0) is holds


@pytest.mark.parametrize(
    ("at", "told"),
    [
        ("2026-03-29T00:30:00+00:00", "01:30"),
        ("2026-03-29T01:30:00+00:00", "03:30"),  # the clock skipped 02:30
        ("2026-10-25T00:30:00+00:00", "02:30"),
        ("2026-10-25T01:30:00+00:00", "02:30"),  # and came to it twice
        ("2026-10-25T02:30:00+00:00", "03:30"),
    ],
)
def test_the_time_is_what_the_clock_on_the_wall_says_also_when_it_is_changed(at: str, told: str) -> None:
    when = When(times=(time(5), time(5, 1)))
    program = a_program(earning=[a_flat_rule(id="rule", when=when)], zone=PARIS)
    posting = bought(program, a_line(), at=datetime.fromisoformat(at))
    assert reason_of(posting, "rule").facts == {"is": told}


# Conditions of one's own, and all together.


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("purchase.store == 'lyon' && purchase.channel == ''", True),
        ("purchase.total == 1000", True),
        ("purchase.payment_method == 'card'", False),
        ("purchase.weekday == 6", True),
        ("purchase.occurred_at == '2026-11-21T11:00:00'", True),
        ("purchase.attributes.gift", True),
        ("purchase.attributes.missing", False),
        ("member.purchases == 4 && member.days_enrolled == 20", True),
        ("member.tier == '' && 'vip' in member.segments", True),
        ("member.attributes.city == 'Lyon'", True),
    ],
)
def test_a_condition_in_cel_sees_the_purchase_and_the_member(condition: str, holds: bool) -> None:
    program = a_program(earning=[a_flat_rule(id="rule", when=When(cel=condition))], zone=PARIS)
    account = an_account(
        enrolled_at=datetime(2026, 11, 1, 12, tzinfo=UTC),
        counters={"visits": 4},
        traits=Traits(segments=["vip"], attributes={"city": "Lyon"}),
    )
    purchase = a_basket(a_line(), store="lyon", attributes={"gift": True})
    reason = reason_of(decide(account, purchase, program, NOW), "rule")
    assert (reason.condition, reason.facts) == (None if holds else "cel", {})


def test_a_condition_in_cel_sees_an_activity() -> None:
    when = When(cel="activity.type == 'review' && activity.attributes.stars > 3 && activity.weekday == 6")
    program = a_program(earning=[a_flat_rule(on=("review",), when=when)])
    assert decide(an_account(), an_activity(stars=4), program, NOW).points == 10
    assert decide(an_account(), an_activity(stars=3), program, NOW).points == 0


def test_two_conditions_in_cel_are_asked_of_the_same_facts() -> None:
    rules = [a_flat_rule(1, id, when=When(cel="purchase.total == 1000")) for id in ("one", "other")]
    assert bought(a_program(earning=rules), a_line()).points == 2


def test_the_first_condition_that_fails_is_told() -> None:
    when = When(store=one_of("lyon"), weekday=frozenset({0}), cel="false")
    assert judged(when, store="paris") == ("store", {"is": "paris"})
    assert judged(when, store="lyon") == ("weekday", {"is": 6})
    assert judged(replace(when, weekday=None), store="lyon") == ("cel", {})


def test_activities_have_no_store() -> None:
    program = a_program(earning=[a_flat_rule(on=("review",), when=When(store=one_of("lyon")))])
    reason = reason_of(decide(an_account(), an_activity(), program, NOW), "bonus")
    assert (reason.condition, reason.facts) == ("store", {})
