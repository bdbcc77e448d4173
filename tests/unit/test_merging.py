"""Merging two accounts: together they own what they owned, to the point, the lot and the counter."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.enrolment.member import Consent, Member
from functions.enrolment.merging import decide_merge, latest_said
from functions.ledger.account import Account, Posting, TierStep, Traits
from functions.ledger.booking import booked
from functions.ledger.movements import hand_over, take_over
from functions.program.model import Tiers
from tests.unit.factories import NOW, a_program, an_account, levels

TODAY = NOW.date()
DAYS = ("2026-12-31", "2027-06-30", "never")


def merged(gone: Account, kept: Account) -> tuple[Account, Account, Posting, Posting]:
    left, arrived = decide_merge(gone, kept, a_program(), NOW)
    return booked(gone, left), booked(kept, arrived), left, arrived


def owned(one: Account) -> int:
    held = sum(points for lots in one.holds.values() for points in lots.values())
    return sum(one.lots.values()) + sum(one.pending.values()) + held - one.debt


lots = st.dictionaries(st.sampled_from(DAYS), st.integers(1, 500), max_size=3)
accounts = st.one_of(
    st.builds(
        lambda active, held: replace(an_account(), lots=active, holds={"rdm_1": held} if held else {}), lots, lots
    ),
    st.builds(lambda debt: replace(an_account(), debt=debt), st.integers(1, 800)),
)


@given(accounts, accounts, st.dictionaries(st.sampled_from(["visits", "spend"]), st.integers(1, 9)))
def test_together_they_own_what_they_owned(gone: Account, kept: Account, counters: dict[str, int]) -> None:
    gone = replace(gone, member="mem_gone", counters=counters)
    kept = replace(kept, member="mem_kept", holds={f"{hold}-kept": lot for hold, lot in kept.holds.items()})

    empty, whole, left, arrived = merged(gone, kept)

    assert (empty.lots, empty.pending, empty.holds, empty.debt, empty.counters) == ({}, {}, {}, 0, {})
    assert owned(whole) == owned(gone) + owned(kept)
    assert left.points == -arrived.points == -owned(gone)
    assert not (whole.debt and whole.balance(TODAY).active)
    assert whole.counters == {**kept.counters, **{key: kept.counters.get(key, 0) + n for key, n in counters.items()}}
    assert whole.holds == {**gone.holds, **kept.holds}


def test_what_is_pending_arrives_as_pending() -> None:
    gone = replace(an_account(), pending={"2026-12-01>never": 30})
    assert take_over(an_account(), gone, date(2026, 11, 21)).pending == {"2026-12-01>never": 30}
    assert hand_over(gone).pending == {"2026-12-01>never": -30}


@pytest.mark.parametrize(
    ("of_gone", "of_kept", "after"),
    [(None, None, None), ("mem_x", None, "mem_x"), ("mem_x", "mem_y", "mem_y"), ("mem_kept", None, None)],
)
def test_nobody_is_referred_by_oneself(of_gone: str | None, of_kept: str | None, after: str | None) -> None:
    gone = replace(an_account(), member="mem_gone", traits=Traits(referred_by=of_gone))
    kept = replace(an_account(), member="mem_kept", traits=Traits(referred_by=of_kept))

    empty, whole, _, _ = merged(gone, kept)

    assert (whole.traits.referred_by, empty.traits, empty.merged_into) == (after, Traits(), "mem_kept")


def test_the_one_who_was_referred_by_the_other_is_so_no_more() -> None:
    gone = replace(an_account(), member="mem_gone")
    kept = replace(an_account(), member="mem_kept", traits=Traits(referred_by="mem_gone"))
    assert merged(gone, kept)[1].traits.referred_by is None


@pytest.mark.parametrize(("of_gone", "of_kept"), [("basic", "gold"), ("gold", "basic"), ("gold", "gold")])
def test_the_better_tier_stays(of_gone: str, of_kept: str) -> None:
    program = a_program(tiers=Tiers(levels(basic={}, gold={"spend": 10000})))
    gone = replace(an_account(), member="mem_gone", tiers=(TierStep(of_gone, NOW),))
    kept = replace(an_account(), member="mem_kept", tiers=(TierStep(of_kept, NOW),))
    _, arrived = decide_merge(gone, kept, program, NOW)
    assert booked(kept, arrived).tier == "gold"
    assert (arrived.tiers is None) == (of_kept == "gold")


def test_who_came_from_elsewhere_did_so_also_when_merged_away() -> None:
    """News that come late are told of the account as it is by then."""
    gone, kept, *_ = merged(an_account(traits=Traits(imported=True)), an_account(member="mem_kept"))
    assert (gone.traits.imported, kept.traits.imported) == (True, False)


def consented(day: int, *, given: bool) -> Consent:
    return Consent(given, datetime(2026, 11, day, tzinfo=UTC), "web-form", "v1")


@pytest.mark.parametrize(("gone_on", "kept_on", "given"), [(20, 10, False), (10, 20, True), (10, 10, True)])
def test_of_what_one_person_agreed_to_under_two_names_the_later_word_counts(
    gone_on: int, kept_on: int, given: bool
) -> None:
    gone, kept = a_member("mem_gone"), a_member("mem_kept")
    gone = replace(
        gone, consents={"email/account": consented(gone_on, given=False), "sms/account": consented(1, given=True)}
    )
    kept = replace(
        kept, consents={"email/account": consented(kept_on, given=True), "push/account": consented(2, given=True)}
    )
    said = latest_said(gone, kept)
    assert sorted(said) == ["email/account", "push/account", "sms/account"]
    assert said["email/account"].given is given


def a_member(id: str) -> Member:
    return Member(id, (), None, None, "en", datetime(2026, 1, 1, tzinfo=UTC), "till")
