"""Identities: one claim for each, which says nothing of the person."""

import re

from hypothesis import given
from hypothesis import strategies as st

from functions.ledger.identity import Identity, Kind, profile_key

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
