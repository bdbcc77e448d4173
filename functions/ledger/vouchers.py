"""Voucher codes: easy to read out, hard to guess, mistyping is noticed. Pure.

Sixteen characters of Crockford's base 32 in groups of four; the last is a check character (Luhn, modulo 32), so that
one wrong character or two swapped neighbours (but for 0 and Z) are found before anything is looked up. 75 random bits.
"""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import replace

from functions.ledger.account import Operation, Posting
from functions.ledger.rewards import IssuedReward

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
RANDOM_BYTES = 10
_BODY = 15
_LOOKALIKES = str.maketrans("OIL", "011", " -")


def completed(posting: Posting, operation: Operation, new_code: Callable[[], str]) -> Posting:
    """A posting whose final rewards all have an id, which follows from the operation, and, where they come with one, a
    code, which is chance."""
    if not posting.issued and not (posting.kind == "redeemed" and posting.reward):
        return posting
    issued = [_completed(reward, operation, i, new_code) for i, reward in enumerate(posting.issued, start=1)]
    final = posting.kind == "redeemed" and posting.reward
    reward = _completed(posting.reward, operation, 0, new_code) if final and posting.reward else posting.reward
    return replace(posting, issued=issued, reward=reward)


def _completed(reward: IssuedReward, operation: Operation, i: int, new_code: Callable[[], str]) -> IssuedReward:
    digest = hashlib.sha256(f"reward\n{operation.key}\n{i}".encode()).digest()
    own_id = "rwd_" + base64.b32encode(digest).decode().lower()[:20]
    code = new_code() if reward.fulfilment == "code" else None
    return replace(reward, redemption=reward.redemption or own_id, code=code)


def code_from(random: bytes) -> str:
    """A code from `RANDOM_BYTES` of randomness, as it is shown: `7ZK2-…`."""
    number = int.from_bytes(random)
    body = "".join(ALPHABET[number >> (5 * i) & 31] for i in range(_BODY))
    return grouped(body + ALPHABET[_check(body)])


def grouped(code: str) -> str:
    return "-".join(code[i : i + 4] for i in range(0, len(code), 4))


def normal_code(typed: str) -> str | None:
    """What was typed or scanned, as the code it stands for (O is 0, I and L are 1); None if it cannot be one."""
    code = typed.upper().translate(_LOOKALIKES)
    if len(code) != _BODY + 1 or any(character not in ALPHABET for character in code):
        return None
    return grouped(code) if ALPHABET[_check(code[:-1])] == code[-1] else None


def _check(body: str) -> int:
    """Luhn's sum in base 32, from the right, every other digit doubled: https://en.wikipedia.org/wiki/Luhn_mod_N"""
    total = 0
    for i, character in enumerate(reversed(body)):
        digit = ALPHABET.index(character) * (2 if i % 2 == 0 else 1)
        total += digit // 32 + digit % 32
    return -total % 32
