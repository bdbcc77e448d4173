"""Who may join, and how they are referred. Pure."""

import base64
import hashlib
from collections.abc import Sequence
from datetime import date, datetime

from functions.ledger.identity import Identity
from functions.ledger.vouchers import grouped
from functions.program.model import Joining, Program
from functions.program.periods import day_in
from functions.runtime.errors import JoiningRefusedError

_ALPHABET = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "ABCDEFGHJKMNPQRSTVWXYZ0123456789")
"""Without I, L, O and U, which are misread."""


def check_may_join(
    program: Program,
    identities: Sequence[Identity],
    country: str | None,
    birth_date: date | None,
    invite_code: str | None,
    now: datetime,
) -> None:
    """Raises JoiningRefusedError that says which condition does not hold."""
    joining, today = program.joining, day_in(now, program.zone)
    if joining.first_day and today < joining.first_day:
        raise _refused("not_open_yet", f"Joining opens on {joining.first_day}.")
    if joining.last_day and today > joining.last_day:
        raise _refused("closed", f"Joining closed on {joining.last_day}.")
    if joining.countries and country not in joining.countries:
        raise _refused("country", "The programme is not open in this country, or no country was given.")
    if joining.minimum_age and (birth_date is None or _age(birth_date, today) < joining.minimum_age):
        raise _refused("minimum_age", f"Members are at least {joining.minimum_age} years old; give the birth date.")
    if joining.invite_codes and invite_code not in joining.invite_codes:
        raise _refused("invite_code", "An invitation is needed.")
    if not _is_among(identities, joining):
        raise _refused("percent", "The programme opens step by step: not for everybody yet.")


def _refused(reason: str, detail: str) -> JoiningRefusedError:
    return JoiningRefusedError(detail, reason=reason)


def _age(born: date, today: date) -> int:
    """Full years; who was born on 29 February is a year older on 1 March of other years."""
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def _is_among(identities: Sequence[Identity], joining: Joining) -> bool:
    """By the first identity: the same person gets the same answer, and stays in as the percentage grows."""
    if joining.percent == 100:
        return True
    digest = hashlib.sha256(f"joining\n{identities[0].claim_key()}".encode()).digest()
    return int.from_bytes(digest[:8]) % 100 < joining.percent


def referral_code(member: str) -> str:
    """The code by which a member refers others: short enough to be told, the same for ever, as `7ZK2-9XQ4-M8TC`."""
    digest = hashlib.sha256(f"referral\n{member}".encode()).digest()
    return grouped(base64.b32encode(digest).decode()[:12].translate(_ALPHABET))


def referral_key(code: str) -> str:
    """Where it stands whose code that is, however it was typed."""
    return "C#" + code.upper().translate(str.maketrans("OIL", "011", " -"))


def card_number(member: str, attempt: int) -> str:
    """A card of ours: 16 digits, the last a check digit by Luhn's sum, so that a mistyped one is found at once."""
    digest = hashlib.sha256(f"card\n{member}\n{attempt}".encode()).digest()
    body = f"2{int.from_bytes(digest[:8]) % 10**14:014}"
    return body + str(_luhn(body))


def _luhn(body: str) -> int:
    """ISO/IEC 7812-1, annex B: every other digit from the right doubled."""
    total = 0
    for i, character in enumerate(reversed(body)):
        digit = int(character) * (2 if i % 2 == 0 else 1)
        total += digit // 10 + digit % 10
    return -total % 10
