"""How the outside names a member: by our id or by an identity the member claimed. Pure."""

import hashlib
from dataclasses import dataclass
from typing import Literal

Kind = Literal["id", "external_id", "card", "email", "phone"]


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
