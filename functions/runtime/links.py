"""Links that a mail carries, which only we can make: whoever has one may do what it says, and nothing else."""

import base64
import hashlib
import hmac
from typing import NamedTuple

from functions.runtime import outgoing, settings
from functions.runtime.errors import LinkNotFoundError

_BYTES = 16


class Unsubscribe(NamedTuple):
    """A member who wants no more of this over a channel."""

    member: str
    channel: str
    purpose: str


def unsubscribe(member: str, channel: str, purpose: str) -> str:
    """The address that a mail program calls, or its reader opens, to get no more of this."""
    said = f"{member}.{channel}.{purpose}"
    return f"{settings.api_url()}v1/unsubscribe/{said}.{_signature(said)}"


def read(token: str) -> Unsubscribe:
    """What a link says. Raises LinkNotFoundError for one that we have not made."""
    said, _, signature = token.rpartition(".")
    parts = said.split(".")
    if len(parts) != len(Unsubscribe._fields) or not hmac.compare_digest(signature.encode(), _signature(said).encode()):
        raise LinkNotFoundError("This link is not one of ours, or not whole.")
    return Unsubscribe(*parts)


def _signature(said: str) -> str:
    key = outgoing.secret(settings.links_secret()).encode()
    digest = hmac.new(key, f"unsubscribe {said}".encode(), hashlib.sha256).digest()[:_BYTES]
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
