"""A member's profile: who it is, apart from points. Pure."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from functions.ledger.identity import Identity


@dataclass(frozen=True, slots=True)
class Member:
    """A profile. `identities`: what the member is known by, each of it nobody else's."""

    id: str
    identities: Sequence[Identity]
    given_name: str | None
    family_name: str | None
    locale: str
    enrolled_at: datetime
    source: str

    def by_kind(self) -> Mapping[str, str]:
        return {identity.kind: identity.value for identity in self.identities}


def member_id(source: str, idempotency_key: str) -> str:
    """The id an enrolment gives: the same for every repeat, so that the profile is its own idempotency record.

    100 bits of a hash: two of a billion members meet with a chance below one in a trillion, and then the second
    enrolment is refused, not mixed up.
    """
    digest = hashlib.sha256(f"enrolment\n{source}\n{idempotency_key}".encode()).digest()
    return "mem_" + base64.b32encode(digest).decode().lower()[:20]
