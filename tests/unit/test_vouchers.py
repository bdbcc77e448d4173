"""Voucher codes: what a person reads out or types comes back as the code, and a slip is noticed."""

import re
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.ledger.account import Change, Posting
from functions.ledger.vouchers import ALPHABET, RANDOM_BYTES, code_from, completed, grouped, normal_code
from tests.unit.factories import NOW, an_issued_reward, an_operation

random_bytes = st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES)
codes = random_bytes.map(code_from)
LOOKALIKES = {"0": ("0", "o", "O"), "1": ("1", "i", "I", "l", "L")}


@pytest.mark.parametrize(
    ("random", "code"),
    [
        (bytes(10), "0000-0000-0000-0000"),
        (bytes(range(10)), "902E-03M0-4R04-G00B"),
        (b"\xff" * 10, "ZZZZ-ZZZZ-ZZZZ-ZZZF"),
    ],
)
def test_a_code_is_made_of_its_randomness_alone(random: bytes, code: str) -> None:
    assert code_from(random) == code


@given(codes)
def test_a_code_is_four_groups_without_letters_that_look_like_others(code: str) -> None:
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){3}", code)


@given(random_bytes, random_bytes)
def test_codes_differ_wherever_the_first_75_bits_do(one: bytes, other: bytes) -> None:
    used = (1 << 75) - 1
    same = int.from_bytes(one) & used == int.from_bytes(other) & used
    assert (code_from(one) == code_from(other)) is same


@given(codes, st.data())
def test_a_code_survives_small_letters_lookalikes_spaces_and_hyphens(code: str, data: st.DataObject) -> None:
    typed = ""
    for character in code.replace("-", ""):
        typed += data.draw(st.sampled_from(LOOKALIKES.get(character, (character, character.lower()))))
        typed += data.draw(st.sampled_from(["", "", "-", " ", " - "]))
    assert normal_code(typed) == code


@given(codes, st.integers(0, 15), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_noticed(code: str, place: int, wrong: str) -> None:
    characters = list(code.replace("-", ""))
    right = characters[place] == wrong
    characters[place] = wrong
    assert normal_code("".join(characters)) == (code if right else None)


@given(codes, st.integers(0, 14))
def test_two_swapped_neighbours_are_noticed_unless_they_are_0_and_z(code: str, place: int) -> None:
    characters = list(code.replace("-", ""))
    neighbours = {characters[place], characters[place + 1]}
    characters[place], characters[place + 1] = characters[place + 1], characters[place]
    swapped = "".join(characters)
    assert normal_code(swapped) == (grouped(swapped) if len(neighbours) == 1 or neighbours == {"0", "Z"} else None)


def test_0_and_z_are_the_only_neighbours_whose_swap_goes_unnoticed() -> None:
    """Luhn's sum misses the first and the last digit of its alphabet swapped, as 09 and 90 on a credit card."""
    missed = {
        one + other
        for one, other in combinations(ALPHABET, 2)
        for before in ("", "0")
        if normal_code(f"{before}{other}{one}".ljust(15, "0") + check_of(f"{before}{one}{other}".ljust(15, "0")))
    }
    assert missed == {"0Z"}


def check_of(body: str) -> str:
    return next(character for character in ALPHABET if normal_code(body + character))


@pytest.mark.parametrize(
    "typed",
    ["", "0", "0000-0000-0000-000", "0000-0000-0000-0000-0", "0000-0000-0000-000U", "0000_0000_0000_0000", "é" * 16],
)
def test_what_cannot_be_a_code_is_none(typed: str) -> None:
    assert normal_code(typed) is None


@given(st.text(max_size=60))
def test_whatever_is_typed_is_a_code_or_none(typed: str) -> None:
    code = normal_code(typed)
    assert code is None or normal_code(code) == code


# --- rewards that come with a posting ------------------------------------------------------------------------------


GIVEN = replace(an_issued_reward(), redemption="", code=None)
PROMISED = replace(an_issued_reward(), code=None)


def test_every_reward_that_is_given_gets_an_id_and_a_code() -> None:
    codes = iter(["code-1", "code-2"])
    posting = Posting("earned", Change(), NOW, 7, issued=[GIVEN, GIVEN])

    done = completed(posting, an_operation(), lambda: next(codes))

    assert [reward.code for reward in done.issued] == ["code-1", "code-2"]
    ids = [reward.redemption for reward in done.issued]
    assert len(set(ids)) == 2
    assert all(re.fullmatch(r"rwd_[a-z2-7]{20}", one) for one in ids)
    assert done == replace(
        posting,
        issued=[replace(GIVEN, redemption=id, code=code) for id, code in zip(ids, ["code-1", "code-2"], strict=True)],
    )


def test_the_id_of_a_given_reward_follows_from_its_operation_and_the_code_does_not() -> None:
    posting = Posting("earned", Change(), NOW, 7, issued=[GIVEN])
    [first], [again], [other] = (
        completed(posting, an_operation(id=id), lambda code=code: code).issued  # type: ignore[misc]
        for id, code in (("receipt-1", "code-1"), ("receipt-1", "code-2"), ("receipt-2", "code-1"))
    )
    assert first.redemption == again.redemption != other.redemption
    assert (first.code, again.code) == ("code-1", "code-2")


def test_a_redeemed_reward_keeps_its_id_and_gets_a_code() -> None:
    posting = Posting("redeemed", Change(), NOW, 7, reward=PROMISED, issued=[GIVEN])
    codes = iter(["code-1", "code-2"])
    done = completed(posting, an_operation("redemption", PROMISED.redemption), lambda: next(codes))
    assert done.reward is not None
    assert done.reward.redemption == PROMISED.redemption
    assert {done.reward.code, done.issued[0].code} == {"code-1", "code-2"}


def test_points_that_were_converted_get_their_voucher_an_id() -> None:
    posting = Posting("redeemed", Change(), NOW, 7, reward=GIVEN)
    done = completed(posting, an_operation("conversion", "mem_a:2026-11-21"), lambda: "code-1")
    assert done.reward is not None
    assert (done.reward.redemption[:4], done.reward.code) == ("rwd_", "code-1")


@pytest.mark.parametrize(
    "posting",
    [
        Posting("held", Change(), NOW, 7, reward=PROMISED),
        Posting("released", Change(), NOW, 7, reward=PROMISED),
        Posting("earned", Change(), NOW, 7),
    ],
    ids=["held", "released", "nothing"],
)
def test_what_is_only_promised_gets_no_code(posting: Posting) -> None:
    assert completed(posting, an_operation(), lambda: pytest.fail("a code was made")) == posting


def test_what_comes_with_a_hold_gets_a_code_and_what_is_held_none() -> None:
    done = completed(
        Posting("held", Change(), NOW, 7, reward=PROMISED, issued=[GIVEN]), an_operation(), lambda: "code-1"
    )
    assert (done.reward, done.issued[0].code) == (PROMISED, "code-1")
