"""An endpoint: where a partner wants events, which of them, and the secrets they are signed with. Pure.

    active <──> disabled ──> deleted        `gone`: disabled because it answered 410

No secret is stored. Each follows from one master secret, the endpoint and a number that counts the rotations:

    rotations       1           2                3
    signs           |-----1-----|====1,2====|-2--|====2,3====|-3--
                                  24 hours         24 hours
"""

import base64
import hashlib
import hmac
import ipaddress
import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, NamedTuple, TypeAlias
from urllib.parse import urlsplit

Status: TypeAlias = Literal["active", "disabled", "deleted"]
OVERLAP = timedelta(hours=24)
"""How long a secret still signs after it was replaced."""
MOST_SECRETS = 5
"""So many sign at most, however often somebody rotates."""
LONGEST_URL = 500
MOST_ENDPOINTS = 20


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`types`: None for all of them. `retired`: earlier generations of the secret, and until when they sign.

    `payload`: hash of what it was registered with. `revision` counts its changes.
    """

    id: str
    url: str
    types: frozenset[str] | None
    description: str | None
    created_at: datetime
    payload: str
    status: Status = "active"
    gone: bool = False
    generation: int = 1
    retired: tuple[tuple[int, datetime], ...] = ()
    revision: int = 1

    def wants(self, event_type: str) -> bool:
        return self.types is None or event_type in self.types

    def signing(self, now: datetime) -> list[int]:
        """The generations of its secret that sign, newest first."""
        return [self.generation, *(generation for generation, until in self.retired if now < until)]

    def rotated(self, now: datetime) -> "Endpoint":
        """With a new secret; the one before signs for a while longer."""
        retired = [(self.generation, now + OVERLAP), *(one for one in self.retired if now < one[1])]
        return replace(self, generation=self.generation + 1, retired=tuple(retired[: MOST_SECRETS - 1]))


class Health(NamedTuple):
    """How it went lately: when something was last delivered, and since when nothing is."""

    last_delivered_at: datetime | None = None
    failing_since: datetime | None = None


def webhook_id(source: str, key: str) -> str:
    """The id of what a caller registers under a key: the same for a repeat."""
    digest = hashlib.sha256(json.dumps([source, key]).encode()).digest()
    return "whk_" + base64.b32encode(digest).decode().lower()[:20]


def secret_of(master: str, webhook: str, generation: int) -> str:
    """The secret of an endpoint, as Standard Webhooks writes it."""
    digest = hmac.digest(master.encode(), f"{webhook}#{generation}".encode(), "sha256")
    return "whsec_" + base64.b64encode(digest).decode()


def refusal_of(url: str, *, local: bool) -> str | None:
    """Why an address cannot be called; None where it can. `local`: this machine may be.

    What a name leads to is looked at anew for each call (`runtime/outgoing.py`).
    """
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        return "It is no address."
    if not all("!" <= character <= "~" for character in url) or not host:
        return "It is no address."
    if "@" in parts.netloc:
        return "Leave the user and the password out."
    if "#" in url:
        return "Leave out what stands after #."
    here = _is_here(host)
    if here and local and parts.scheme in {"http", "https"}:
        return None
    if parts.scheme != "https":
        return "It must begin with https://."
    return None if not here and _is_public(host) else "It must be reachable from everywhere: no private address."


def _is_here(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_public(host: str) -> bool:
    """A name may be: only an address written out tells."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return True
    return address.is_global and not address.is_multicast
