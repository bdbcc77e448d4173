"""Identities: one claim for each, which says nothing of the person."""

import re

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from functions.ledger.contract import Email, Phone, normal_email
from functions.ledger.identity import MEMBERS_READ, Identity, Kind, check_may_name, profile_key
from functions.runtime.errors import ScopeMissingError

kinds: st.SearchStrategy[Kind] = st.sampled_from(["id", "external_id", "card", "email", "phone"])
identities = st.builds(Identity, kinds, st.text(min_size=1, max_size=30), st.sampled_from(["till", "shop"]))


def test_an_email_belongs_to_one_member_whoever_names_it() -> None:
    till, shop = (Identity("email", "ada@example.com", source) for source in ("till", "shop"))
    assert till.claim_key() == shop.claim_key()


def test_an_external_id_belongs_to_the_partner_who_gave_it() -> None:
    till, shop = (Identity("external_id", "42", source) for source in ("till", "shop"))
    assert till.claim_key() != shop.claim_key()


def test_a_card_is_no_phone_even_with_the_same_number() -> None:
    assert Identity("card", "123456").claim_key() != Identity("phone", "123456").claim_key()


def test_the_key_of_a_claim_names_the_kind_and_hides_the_value() -> None:
    key = Identity("email", "ada@example.com").claim_key()
    assert re.fullmatch(r"I#email#[0-9a-f]{40}", key)


def test_the_key_of_a_claim_is_the_same_for_ever() -> None:
    assert Identity("email", "ada@example.com").claim_key() == "I#email#b664df5110e4723cc303cfd8606be11486d74d12"


def test_a_profile_lies_under_the_id_of_its_member() -> None:
    assert profile_key("mem_a") == "M#mem_a"


@given(identities, identities)
def test_two_identities_share_a_claim_only_if_they_are_one(one: Identity, other: Identity) -> None:
    scoped = one.kind == "external_id" and one.source != other.source
    same = (one.kind, one.value) == (other.kind, other.value) and not scoped
    assert (one.claim_key() == other.claim_key()) is same


EMAILS, PHONES = TypeAdapter(Email), TypeAdapter(Phone)


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        ("ada@example.com", "ada@example.com"),
        ("  Ada.Lovelace@Example.COM ", "ada.lovelace@example.com"),
        ("ada+news@example.com", "ada+news@example.com"),
        ("o'hara@example.co.uk", "o'hara@example.co.uk"),
        ("ADA@BÜCHER.EXAMPLE", "ada@bücher.example"),
        ("ada@xn--bcher-kva.example", "ada@bücher.example"),
        ("e\u0301ve@example.com", "\u00e9ve@example.com"),
    ],
)
def test_an_email_is_one_address_however_it_is_written(typed: str, normal: str) -> None:
    """Even one that has been made normal before."""
    assert EMAILS.validate_python(typed) == EMAILS.validate_python(normal) == normal


@pytest.mark.parametrize(
    "typed",
    ["ada", "ada@", "@example.com", "ada@example", "a da@example.com", "ada@@example.com", "a@b..example", "a@-b.com"],
)
def test_what_can_be_no_address_is_refused(typed: str) -> None:
    with pytest.raises(ValidationError, match="Input should be an e-mail address") as refused:
        EMAILS.validate_python(typed)
    assert [error["type"] for error in refused.value.errors()] == ["email"]


@given(st.from_regex(r"[a-z0-9]{1,20}(\.[a-z0-9]{1,20}){0,2}", fullmatch=True), st.booleans())
def test_whether_letters_are_small_makes_no_other_address(local: str, large: bool) -> None:
    address = f"{local}@example.com"
    assert normal_email(address.upper() if large else address) == address


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        ("+33612345678", "+33612345678"),
        ("+33 6 12 34 56 78", "+33612345678"),
        ("+33 (0)6 12-34-56-78", "+33612345678"),
        ("+1 (201) 555-0123", "+12015550123"),
        ("+41 44 668 18 00", "+41446681800"),
        ("+39 06 698 12345", "+390669812345"),
    ],
)
def test_a_phone_number_is_one_however_it_is_written(typed: str, normal: str) -> None:
    assert PHONES.validate_python(typed) == PHONES.validate_python(normal) == normal


@pytest.mark.parametrize("typed", ["0612345678", "+3361234567", "+336123456789", "+999123456789", "+33-none", "hello"])
def test_what_no_numbering_plan_has_is_refused(typed: str) -> None:
    with pytest.raises(ValidationError, match="Input should be a phone number with its country") as refused:
        PHONES.validate_python(typed)
    assert [error["type"] for error in refused.value.errors()] == ["phone"]


@pytest.mark.parametrize("region", ["FR", "US", "GB", "DE", "IT", "JP", "BR", "IN", "NG", "AU", "CH", "MX"])
def test_a_number_of_any_country_is_known_in_every_way_to_write_it(region: str) -> None:
    number = phonenumbers.example_number(region)
    assert number is not None
    for style in (phonenumbers.PhoneNumberFormat.INTERNATIONAL, phonenumbers.PhoneNumberFormat.E164):
        typed = phonenumbers.format_number(number, style)
        normal = PHONES.validate_python(typed)
        assert re.fullmatch(r"\+[1-9][0-9]{6,14}", normal)
        assert PHONES.validate_python(normal) == normal


@pytest.mark.parametrize("kinds", [{"email"}, {"phone"}, {"card", "email"}])
def test_who_may_not_read_members_cannot_ask_whose_an_address_is(kinds: set[str]) -> None:
    check_may_name(kinds, {MEMBERS_READ})
    with pytest.raises(ScopeMissingError, match=MEMBERS_READ):
        check_may_name(kinds, {"loyalty/activity.write"})


@pytest.mark.parametrize("kinds", [set(), {"id"}, {"card", "external_id"}])
def test_everybody_may_name_a_member_by_what_no_stranger_knows(kinds: set[str]) -> None:
    check_may_name(kinds, set())
