"""Members: who they are, apart from points, and what is told of a change of it."""

import re
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.enrolment.member import (
    IDENTITIES,
    PERSONAL,
    Consent,
    Member,
    Patch,
    change_of,
    erased,
    is_complete,
    member_id,
    not_declared,
    patched,
)
from functions.ledger.account import MemberChange, MemberStatus, Traits, What
from functions.ledger.identity import Identity, Kind
from functions.program.model import PROFILE, AttributeKind, Program, Word
from functions.runtime.errors import FieldError, InvalidError
from tests.unit.factories import MEMBER, NOW, TODAY, a_program

DECLARED: dict[str, AttributeKind] = {"diet": "text", "children": "number", "vegan": "yes_no"}
PROGRAM = a_program(member_attributes=DECLARED, complete_profile=("email", "given_name", "diet"))
EMAIL, CARD = Identity("email", "ada@example.com", "till"), Identity("card", "RC-1", "till")
YES = Consent(given=True, at=NOW, how="web-form", wording="2026-01")
NO = Consent(given=False, at=NOW + timedelta(days=1), how="till", wording="2026-01")


def a_member(*identities: Identity, **more: Any) -> Member:
    known = {
        "id": MEMBER,
        "identities": list(identities) or [EMAIL],
        "enrolled_at": NOW,
        "source": "till",
        "locale": "en",
    }
    return Member(**{"given_name": None, "family_name": None, **known, **more})


ADA = a_member(
    EMAIL,
    CARD,
    Identity("phone", "+33612345678", "till"),
    Identity("external_id", "shop-42", "till"),
    given_name="Ada",
    family_name="Lovelace",
    locale="fr-FR",
    time_zone="Europe/Paris",
    birth_date=date(1985, 12, 10),
    country="FR",
    segments=("vip", "press"),
    attributes={"diet": "none", "children": 3},
    consents={"email/marketing": YES},
    completed=True,
    referral_code="7ZK2-9XQ4-M8T0",
    revision=4,
)


def after(member: Member, source: str = "till", program: Program | None = PROGRAM, **values: Any) -> Member:
    return patched(member, Patch(values), source, program, TODAY)


def refused(member: Member, source: str = "till", program: Program | None = PROGRAM, **values: Any) -> list[FieldError]:
    with pytest.raises(InvalidError) as error:
        after(member, source, program, **values)
    return list(error.value.errors)


def identities_of(member: Member) -> set[tuple[Kind, str]]:
    return {(one.kind, one.value) for one in member.identities}


# --- ids -----------------------------------------------------------------------------------------------------------


def test_an_enrolment_gives_the_same_id_whenever_it_is_repeated() -> None:
    assert member_id("till", "key-1") == member_id("till", "key-1") == "mem_k5nbdv7gcwync7cbvii2"


def test_another_source_or_key_is_another_member() -> None:
    assert len({member_id(source, key) for source in ("till", "shop") for key in ("key-1", "key-2")}) == 4


def test_a_member_id_is_one_that_the_contract_allows() -> None:
    assert re.fullmatch(r"mem_[a-z2-7]{20}", member_id("record.shop", "checkout-77120"))


def test_identities_are_found_by_kind() -> None:
    assert a_member(CARD, EMAIL).by_kind() == {"card": "RC-1", "email": "ada@example.com"}


# --- traits --------------------------------------------------------------------------------------------------------


def test_rules_know_the_birthday_and_not_the_year_and_nothing_of_who_it_is() -> None:
    traits = ADA.traits(Traits(referred_by="mem_friend"))
    assert traits == Traits(("vip", "press"), "12-10", {"diet": "none", "children": 3}, "mem_friend", complete=True)


@pytest.mark.parametrize(
    ("born", "birthday"), [(date(2004, 2, 29), "02-29"), (date(2001, 1, 2), "01-02"), (None, None)]
)
def test_a_birthday_is_a_month_and_a_day(born: date | None, birthday: str | None) -> None:
    assert a_member(birth_date=born).traits(Traits(birthday="07-07")).birthday == birthday


# --- patches -------------------------------------------------------------------------------------------------------


def test_what_is_not_named_stays() -> None:
    assert after(ADA, given_name="Augusta") == replace(ADA, given_name="Augusta")


def test_several_fields_change_at_once_and_null_removes() -> None:
    changed = after(ADA, family_name=None, country="CH", time_zone=None, birth_date=None, segments=())
    assert changed == replace(ADA, family_name=None, country="CH", time_zone=None, birth_date=None, segments=())


def test_of_attributes_only_those_that_are_named_change() -> None:
    assert after(ADA, attributes={"children": 4, "vegan": True}).attributes == {
        "diet": "none",
        "children": 4,
        "vegan": True,
    }
    assert after(ADA, attributes={"diet": None, "vegan": None}).attributes == {"children": 3}
    assert after(ADA, attributes={}).attributes == ADA.attributes


def test_a_patch_leaves_what_it_was_made_of() -> None:
    values = {"attributes": {"children": 4}, "email": "b@example.com"}
    patched(ADA, Patch(values), "till", PROGRAM, TODAY)
    assert values == {"attributes": {"children": 4}, "email": "b@example.com"}
    assert ADA.attributes == {"diet": "none", "children": 3}


def test_an_identity_takes_the_place_of_the_one_of_its_kind() -> None:
    changed = after(ADA, email="augusta@example.com", card=None)
    assert identities_of(changed) == {
        ("email", "augusta@example.com"),
        ("phone", "+33612345678"),
        ("external_id", "shop-42"),
    }


def test_an_external_id_of_another_partner_is_not_touched() -> None:
    member = a_member(Identity("external_id", "1", "till"), Identity("external_id", "2", "shop"))
    assert [one.value for one in after(member, "shop", external_id=None).identities] == ["1"]
    assert {(one.value, one.source) for one in after(member, "shop", external_id="3").identities} == {
        ("1", "till"),
        ("3", "shop"),
    }
    assert after(member, "app", external_id=None).identities == list(member.identities)


@pytest.mark.parametrize("kind", ["card", "email", "phone"])
def test_what_is_unique_for_all_is_the_same_identity_whoever_names_it_again(kind: Kind) -> None:
    """Its claim would be removed and written in one transaction otherwise."""
    member = a_member(Identity(kind, "the-same", "till"))
    changed = patched(member, Patch({kind: "the-same", "given_name": "Ada"}), "app", PROGRAM, TODAY)
    assert list(changed.identities) == list(member.identities)


def test_a_member_keeps_at_least_one_identity() -> None:
    [error] = refused(a_member(EMAIL), email=None)
    assert (error.pointer, error.code) == ("", "identity_missing")
    assert identities_of(after(a_member(EMAIL), email=None, card="RC-2")) == {("card", "RC-2")}


def test_all_that_is_wrong_with_a_patch_is_told_at_once() -> None:
    wrong = {"shoe-size": 42, "children": "three", "diet": None}
    assert [(error.pointer, error.code) for error in refused(a_member(EMAIL), email=None, attributes=wrong)] == [
        ("/attributes/shoe-size", "unknown_attribute"),
        ("/attributes/children", "attribute_type"),
        ("", "identity_missing"),
    ]


def test_nobody_is_born_tomorrow() -> None:
    assert after(ADA, birth_date=TODAY).birth_date == TODAY
    [error] = refused(ADA, birth_date=TODAY + timedelta(days=1))
    assert (error.pointer, error.code) == ("/birth_date", "future")


def test_before_there_is_a_programme_no_attribute_is_kept_and_everything_else_is() -> None:
    [error] = refused(ADA, program=None, attributes={"diet": "none"})
    assert error.detail == "The programme keeps of members: none."
    assert after(ADA, program=None, given_name="Augusta").given_name == "Augusta"


def test_a_profile_that_once_was_complete_stays_so() -> None:
    begun = a_member(EMAIL, given_name="Ada")
    done = after(begun, attributes={"diet": "none"})
    assert (begun.completed, done.completed) == (False, True)
    assert after(done, given_name=None, attributes={"diet": None}).completed
    assert not after(begun, country="FR").completed


# --- attributes ----------------------------------------------------------------------------------------------------


VALUES: list[Word] = ["", "text", 0, 1, -5, True, False]
FITTING = {"diet": str, "children": int, "vegan": bool}


@pytest.mark.parametrize(("name", "value"), list(product(DECLARED, VALUES)), ids=str)
def test_an_attribute_is_of_the_type_it_was_declared_with(name: str, value: Word) -> None:
    """True is no number, and 1 is not true."""
    codes = [error.code for error in not_declared({name: value}, DECLARED)]
    assert codes == ([] if type(value) is FITTING[name] else ["attribute_type"])


def test_what_is_wrong_with_an_attribute_says_what_would_be_right() -> None:
    wrong: dict[str, Word | None] = {"a": 1, "diet": 1, "children": "", "vegan": 0}
    assert [(error.pointer, error.detail) for error in not_declared(wrong, DECLARED)] == [
        ("/attributes/a", "The programme keeps of members: diet, children, vegan."),
        ("/attributes/diet", "It should be text."),
        ("/attributes/children", "It should be a whole number."),
        ("/attributes/vegan", "It should be true or false."),
    ]


def test_any_declared_attribute_may_be_removed_and_no_other() -> None:
    assert not_declared(dict.fromkeys(DECLARED), DECLARED) == []
    assert [error.code for error in not_declared({"other": None}, DECLARED)] == ["unknown_attribute"]


# --- complete profiles ---------------------------------------------------------------------------------------------


FULL = {"given_name": "Ada", "family_name": "Lovelace", "birth_date": NOW.date(), "country": "FR", "time_zone": "UTC"}


@given(st.sets(st.sampled_from([*PROFILE, *DECLARED])), st.sets(st.sampled_from([*PROFILE, *DECLARED])))
def test_a_profile_is_complete_once_everything_wanted_is_known(wanted: set[str], known: set[str]) -> None:
    identities = [Identity(kind, "x") for kind in IDENTITIES if kind in known]
    values = {name: value for name, value in FULL.items() if name in known}
    attributes: dict[str, Word] = {name: False for name in DECLARED if name in known}
    member = a_member(CARD, *identities, attributes=attributes, **values)
    program = a_program(complete_profile=tuple(wanted), member_attributes=DECLARED)
    assert is_complete(member, program) is (bool(wanted) and wanted <= known)


def test_without_a_programme_no_profile_is_complete() -> None:
    assert not is_complete(ADA, None)


# --- what is told of a change --------------------------------------------------------------------------------------


def told(before: Member, after: Member, reason: str = "") -> MemberChange:
    return change_of(before, after, before.traits(Traits()), reason)


def test_a_change_of_what_is_nothing_personal_is_told_with_its_values() -> None:
    changed = replace(ADA, locale="en", segments=(), revision=5)
    assert told(ADA, changed) == MemberChange(
        "MemberUpdated",
        fields=["locale", "segments"],
        before={"locale": "fr-FR", "segments": "vip, press"},
        after={"locale": "en", "segments": ""},
        traits=replace(ADA.traits(Traits()), segments=()),
    )


def test_nothing_is_told_of_what_did_not_change() -> None:
    assert told(ADA, replace(ADA, revision=5)) == MemberChange("MemberUpdated", fields=[])


def test_what_is_personal_is_named_and_never_shown() -> None:
    changed = after(
        ADA,
        external_id="shop-43",
        card=None,
        email="augusta@example.com",
        phone="+33612345679",
        given_name="Augusta",
        family_name=None,
        birth_date=date(1986, 12, 11),
        country="CH",
        time_zone=None,
        attributes={"diet": "vegan"},
    )
    changed = replace(changed, referral_code="7ZK2-9XQ4-M8T1")
    change = told(ADA, changed)
    assert set(change.fields) == PERSONAL
    assert (change.before, change.after) == ({}, {})
    assert change.traits == changed.traits(Traits())


Texts = st.text("abcdefgh", min_size=3, max_size=12).map(lambda text: f"SECRET-{text}")
Members = st.builds(
    a_member,
    *(st.builds(Identity, st.just(kind), Texts, st.just("till")) for kind in IDENTITIES),
    given_name=Texts | st.none(),
    family_name=Texts | st.none(),
    birth_date=st.dates(date(1900, 1, 1), date(2026, 1, 1)) | st.none(),
    country=st.sampled_from(["FR", "CH", None]),
    segments=st.lists(st.sampled_from(["vip", "press"]), unique=True).map(tuple),
    attributes=st.dictionaries(st.just("diet"), Texts),
    status=st.sampled_from(["active", "suspended", "closed"]),
    completed=st.booleans(),
)


@given(Members, Members, st.sampled_from(["", "fraud"]))
def test_no_change_tells_who_it_is(before: Member, after: Member, reason: str) -> None:
    change = told(before, after, reason)
    shown = str([change.before, change.after])
    assert "SECRET" not in shown
    for member in (before, after):
        assert member.birth_date is None or str(member.birth_date) not in shown
    assert not PERSONAL & {*change.before, *change.after}
    differing = {one.name for one in fields(Member) if getattr(before, one.name) != getattr(after, one.name)}
    kinds = {kind for kind in IDENTITIES if before.by_kind()[kind] != after.by_kind()[kind]}
    assert change.fields == sorted(differing - {"identities", "revision"} | kinds)
    assert (change.traits or before.traits(Traits())) == after.traits(Traits())
    assert (change.status or before.status) == after.status


@pytest.mark.parametrize(
    ("before", "after", "what", "status"),
    [
        ("active", "suspended", "MemberSuspended", "suspended"),
        ("suspended", "active", "MemberReinstated", "active"),
        ("active", "closed", "MemberClosed", "closed"),
        ("suspended", "closed", "MemberClosed", "closed"),
        ("active", "active", "MemberUpdated", None),
        ("suspended", "suspended", "MemberUpdated", None),
    ],
)
def test_a_change_of_state_is_an_event_of_its_own(
    before: MemberStatus, after: MemberStatus, what: What, status: MemberStatus | None
) -> None:
    change = told(replace(ADA, status=before), replace(ADA, status=after), "fraud")
    assert (change.what, change.status, change.traits) == (what, status, None)
    assert change.after["reason"] == "fraud"
    assert change.fields == (["status"] if status else [])


def test_traits_that_stay_are_not_kept_again_whoever_referred_the_member() -> None:
    traits = ADA.traits(Traits(referred_by="mem_friend"))
    assert change_of(ADA, replace(ADA, given_name="Augusta"), traits).traits is None
    other = change_of(ADA, replace(ADA, segments=()), traits).traits
    assert other is not None
    assert other.referred_by == "mem_friend"


def test_a_consent_is_told_as_given_or_not() -> None:
    before = replace(ADA, consents={"email/marketing": YES, "sms/marketing": YES, "post/partners": NO})
    after = replace(before, consents={**before.consents, "email/marketing": NO, "push/profiling": YES})
    change = told(before, after)
    assert change.fields == ["consents"]
    assert change.before == {"email/marketing": "given"}
    assert change.after == {"email/marketing": "not given", "push/profiling": "given"}


def test_a_consent_given_again_to_another_wording_is_a_change() -> None:
    change = told(ADA, replace(ADA, consents={"email/marketing": replace(YES, wording="2027-01")}))
    assert (change.before, change.after) == ({"email/marketing": "given"}, {"email/marketing": "given"})


def test_a_completed_profile_is_told_among_the_fields() -> None:
    change = told(replace(ADA, completed=False), ADA)
    assert change.fields == ["completed"]
    assert change.traits is not None
    assert change.traits.complete


@pytest.mark.parametrize("value", [None, "3"])
def test_a_change_is_told_where_another_partner_knows_the_member_as_well(value: str | None) -> None:
    one, other = Identity("external_id", "1", "till"), Identity("external_id", "2", "shop")
    for identities, source in product([(one, other), (other, one)], ["till", "shop"]):
        member = a_member(*identities)
        assert "external_id" in told(member, after(member, source, external_id=value)).fields


# --- members who leave ---------------------------------------------------------------------------------------------


def test_nothing_personal_is_left_of_who_has_gone() -> None:
    enrolled = datetime(2020, 2, 29, tzinfo=UTC)
    gone = erased(replace(ADA, enrolled_at=enrolled))
    assert gone == Member(MEMBER, (), None, None, "en", enrolled, "till", status="closed")


def test_a_farewell_names_what_was_removed_and_empties_what_rules_know() -> None:
    change = told(ADA, erased(ADA))
    assert (change.what, change.status, change.traits) == ("MemberClosed", "closed", Traits())
    assert {"status", "country", "segments", "consents"} | PERSONAL <= set(change.fields)
    assert (change.before, change.after) == ({}, {})
