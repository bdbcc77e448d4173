"""Who may join, by which numbers and codes members are known, and how they are mistyped."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.enrolment.joining import card_number, check_may_join, referral_code, referral_key
from functions.ledger.identity import Identity
from functions.program.model import Joining
from functions.runtime.errors import JoiningRefusedError
from tests.unit.factories import NOW, TODAY, a_program

EMAIL = Identity("email", "ada@example.com", "till")
DAY = timedelta(days=1)


def refusal(
    joining: Joining,
    identities: Sequence[Identity] = (EMAIL,),
    country: str | None = None,
    born: date | None = None,
    invite: str | None = None,
    now: datetime = NOW,
    zone: str = "UTC",
) -> str | None:
    """The reason why somebody may not join; None for who may."""
    try:
        check_may_join(a_program(joining=joining, zone=ZoneInfo(zone)), identities, country, born, invite, now)
    except JoiningRefusedError as error:
        return str(error.members["reason"])
    return None


def test_everybody_may_join_where_nothing_is_said() -> None:
    assert refusal(Joining()) is None


@pytest.mark.parametrize(
    ("joining", "reason"),
    [
        (Joining(first_day=TODAY), None),
        (Joining(first_day=TODAY + DAY), "not_open_yet"),
        (Joining(last_day=TODAY), None),
        (Joining(last_day=TODAY - DAY), "closed"),
        (Joining(first_day=TODAY, last_day=TODAY), None),
    ],
)
def test_the_first_and_the_last_day_are_both_among_the_days(joining: Joining, reason: str | None) -> None:
    assert refusal(joining) == reason


@pytest.mark.parametrize(
    ("at", "zone", "reason"),
    [
        ("2026-11-21T09:59:59", "Pacific/Kiritimati", "not_open_yet"),
        ("2026-11-21T10:00:00", "Pacific/Kiritimati", None),
        ("2026-11-22T09:59:59", "Pacific/Kiritimati", None),
        ("2026-11-22T10:00:00", "Pacific/Kiritimati", "closed"),
        ("2026-11-22T04:59:59", "America/New_York", "not_open_yet"),
        ("2026-11-23T04:59:59", "America/New_York", None),
        ("2026-11-23T05:00:00", "America/New_York", "closed"),
    ],
)
def test_a_day_is_one_where_the_programme_is_at_home(at: str, zone: str, reason: str | None) -> None:
    joining = Joining(first_day=date(2026, 11, 22), last_day=date(2026, 11, 22))
    assert refusal(joining, now=datetime.fromisoformat(at).replace(tzinfo=UTC), zone=zone) == reason


@pytest.mark.parametrize(("country", "reason"), [("FR", None), ("CH", None), ("DE", "country"), (None, "country")])
def test_only_some_countries(country: str | None, reason: str | None) -> None:
    assert refusal(Joining(countries=frozenset({"FR", "CH"})), country=country) == reason


@pytest.mark.parametrize(
    ("born", "today", "reason"),
    [
        ("2008-11-21", "2026-11-21", None),
        ("2008-11-22", "2026-11-21", "minimum_age"),
        ("2008-12-01", "2026-11-30", "minimum_age"),
        ("2008-10-31", "2026-11-01", None),
        ("2004-02-29", "2022-02-28", "minimum_age"),
        ("2004-02-29", "2022-03-01", None),
        ("2010-02-28", "2028-02-29", None),
        ("2010-03-01", "2028-02-29", "minimum_age"),
        (None, "2026-11-21", "minimum_age"),
    ],
)
def test_an_age_is_counted_in_full_years(born: str | None, today: str, reason: str | None) -> None:
    """Who was born on 29 February is a year older on 1 March of other years."""
    day = date.fromisoformat(born) if born else None
    now = datetime.fromisoformat(today).replace(tzinfo=UTC)
    assert refusal(Joining(minimum_age=18), born=day, now=now) == reason


def test_who_was_born_on_29_february_has_a_birthday_in_leap_years_as_well() -> None:
    at = datetime(2024, 2, 29, tzinfo=UTC)
    assert refusal(Joining(minimum_age=20), born=date(2004, 2, 29), now=at) is None
    assert refusal(Joining(minimum_age=20), born=date(2004, 2, 29), now=at - DAY) == "minimum_age"


Days = st.dates(date(1900, 1, 1), date(2026, 12, 31))


@given(Days, st.dates(date(2027, 1, 1), date(2060, 12, 31)), st.integers(1, 120))
def test_who_is_old_enough_stays_so(born: date, today: date, age: int) -> None:
    def may(day: date) -> bool:
        return refusal(Joining(minimum_age=age), born=born, now=datetime(*day.timetuple()[:3], tzinfo=UTC)) is None

    assert may(today) <= may(today + DAY)
    assert may(today) is (today >= date(born.year + age, born.month, 1) + (born.day - 1) * DAY)


@pytest.mark.parametrize(
    ("invite", "reason"), [("friends-1", None), ("friends-3", "invite_code"), (None, "invite_code")]
)
def test_an_invitation_is_one_of_those_that_were_given_out(invite: str | None, reason: str | None) -> None:
    assert refusal(Joining(invite_codes=frozenset({"friends-1", "friends-2"})), invite=invite) == reason


def test_every_condition_must_hold_and_the_first_that_does_not_is_named() -> None:
    joining = Joining(TODAY, TODAY, frozenset({"FR"}), 18, 0, frozenset({"friends-1"}))
    more: dict[str, Any] = {}
    for reason, name, value in [
        ("country", "country", "FR"),
        ("minimum_age", "born", date(1990, 1, 1)),
        ("invite_code", "invite", "friends-1"),
        ("percent", "", None),
    ]:
        assert refusal(joining, **more) == reason
        more |= {name: value}


# --- step by step --------------------------------------------------------------------------------------------------

People = st.builds(
    Identity, st.sampled_from(["email", "card", "phone", "external_id"]), st.text(min_size=1, max_size=20)
)


@given(People)
def test_who_is_in_stays_in_as_the_percentage_grows(who: Identity) -> None:
    answers = [refusal(Joining(percent=percent), [who]) for percent in range(101)]
    assert (answers[0], answers[100]) == ("percent", None)
    assert all(after is None or before is not None for before, after in pairwise(answers))


@given(People, People, st.integers(0, 100))
def test_the_same_person_gets_the_same_answer(who: Identity, also: Identity, percent: int) -> None:
    assert refusal(Joining(percent=percent), [who]) == refusal(Joining(percent=percent), [who, also])


@pytest.mark.parametrize("percent", [1, 10, 50, 99])
def test_about_as_many_are_in_as_it_says(percent: int) -> None:
    people = [[Identity("email", f"{i}@example.com")] for i in range(5000)]
    joined = sum(refusal(Joining(percent=percent), who) is None for who in people)
    assert abs(joined - 50 * percent) < 150


# --- referral codes ------------------------------------------------------------------------------------------------

Ids = st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=20, max_size=20).map("mem_{}".format)


def test_a_referral_code_is_the_same_for_ever() -> None:
    assert referral_code("mem_abcdefghij2345672345") == "F60Y-BGKW-6WR7"


@given(Ids)
def test_a_referral_code_has_no_letter_that_is_misread(member: str) -> None:
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){2}", referral_code(member))


@given(Ids, st.booleans(), st.sampled_from(["-", "", " "]), st.sampled_from("OoO0"), st.sampled_from("IiLl1"))
def test_a_referral_code_is_known_however_it_was_typed(member: str, small: bool, between: str, o: str, i: str) -> None:
    code = referral_code(member)
    typed = code.lower() if small else code
    typed = typed.replace("-", between)
    assert referral_key(typed.replace("0", o).replace("1", i)) == referral_key(code) == f"C#{code.replace('-', '')}"


@given(Ids, Ids)
def test_two_members_have_two_codes(one: str, other: str) -> None:
    assert (referral_code(one) == referral_code(other)) is (one == other)


# --- cards ---------------------------------------------------------------------------------------------------------


def valid(number: str) -> bool:
    """Luhn's sum by its table: the doubled digits, their own digits added."""
    doubled = [0, 2, 4, 6, 8, 1, 3, 5, 7, 9]
    digits = [int(digit) for digit in reversed(number)]
    return sum(doubled[digit] if i % 2 else digit for i, digit in enumerate(digits)) % 10 == 0


def test_the_sum_is_the_one_of_the_standard() -> None:
    """The example of ISO/IEC 7812-1, and another that everybody knows."""
    assert valid("79927398713")
    assert valid("4111111111111111")
    assert not valid("79927398710")


@given(Ids, st.integers(0, 6))
def test_a_card_of_ours_has_sixteen_digits_the_last_of_which_checks_the_others(member: str, attempt: int) -> None:
    number = card_number(member, attempt)
    assert re.fullmatch(r"2[0-9]{15}", number)
    assert valid(number)


def test_a_card_is_the_same_for_ever_and_another_at_every_attempt() -> None:
    assert card_number("mem_a", 0) == card_number("mem_a", 0) == "2307590650084383"
    assert len({card_number("mem_a", attempt) for attempt in range(7)}) == 7


@given(Ids)
def test_every_wrong_digit_is_found(member: str) -> None:
    number = card_number(member, 0)
    for i, right in enumerate(number):
        for wrong in "0123456789":
            assert valid(number[:i] + wrong + number[i + 1 :]) is (wrong == right)


@given(Ids)
def test_every_swap_of_neighbours_is_found_but_that_of_0_and_9(member: str) -> None:
    number = card_number(member, 0)
    for i, (one, other) in enumerate(pairwise(number)):
        swapped = number[:i] + other + one + number[i + 2 :]
        assert valid(swapped) is (one == other or {one, other} == {"0", "9"})
