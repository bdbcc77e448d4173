"""Members: who they are, apart from points."""

import re

from functions.enrolment.member import Member, member_id
from functions.ledger.identity import Identity
from tests.unit.factories import NOW


def test_an_enrolment_gives_the_same_id_whenever_it_is_repeated() -> None:
    assert member_id("till", "key-1") == member_id("till", "key-1") == "mem_k5nbdv7gcwync7cbvii2"


def test_another_source_or_key_is_another_member() -> None:
    assert len({member_id(source, key) for source in ("till", "shop") for key in ("key-1", "key-2")}) == 4


def test_a_member_id_is_one_that_the_contract_allows() -> None:
    assert re.fullmatch(r"mem_[a-z2-7]{20}", member_id("record.shop", "checkout-77120"))


def test_identities_are_found_by_kind() -> None:
    member = Member(
        id="mem_a",
        identities=[Identity("card", "RC-1", "till"), Identity("email", "ada@example.com", "till")],
        given_name=None,
        family_name=None,
        locale="en",
        enrolled_at=NOW,
        source="till",
    )
    assert member.by_kind() == {"card": "RC-1", "email": "ada@example.com"}
