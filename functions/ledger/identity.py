"""How the outside names a member: by our id or by an identity the member claimed. Pure."""

import hashlib
from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import Literal

from functions.runtime.errors import ScopeMissingError

Kind = Literal["id", "external_id", "card", "email", "phone"]
ADDRESSES = frozenset({"email", "phone"})
"""What a stranger may know of a person: only who may read members is told whether it is a member's."""
MEMBERS_READ = "loyalty/members.read"


def check_may_name(kinds: Iterable[str], scopes: Container[str]) -> None:
    """Raises ScopeMissingError where a caller of these scopes uses an e-mail address or a phone number and may not read
    members: every answer would tell whether it is a member's."""
    if MEMBERS_READ not in scopes and not ADDRESSES.isdisjoint(kinds):
        raise ScopeMissingError(
            f"Who uses an e-mail address or a phone number needs the scope {MEMBERS_READ}: ask for it, or name the "
            "member by id, card or external_id."
        )


@dataclass(frozen=True, slots=True)
class Identity:
    """One way to name one member; `value` is normalised. An `external_id` is unique per `source`, the rest for all."""

    kind: Kind
    value: str
    source: str = ""

    def claim_key(self) -> str:
        """Key of the claim in the members table. Hashed: keys show up where personal data must not."""
        scope = self.source if self.kind == "external_id" else ""
        digest = hashlib.sha256(f"{self.kind}\n{scope}\n{self.value}".encode()).hexdigest()
        return f"I#{self.kind}#{digest[:40]}"


def profile_key(member: str) -> str:
    """Key of a member's profile in the members table."""
    return f"M#{member}"
