"""A message that is to go out, as it lies in the messages table until it has. Pure.

    <member> / <event id>#<channel>    a message on its way: waiting, sending, then sent, failed, or not sent (why)
    <member> / #state                  channels that do not work, and how often the member was written to

Who is to be written to waits in the index by channel, so that a channel that is broken stands in nobody's way.
"""

import hashlib
import zlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from functions.runtime.instants import to_text

SHARDS = 4
KEPT = timedelta(days=90)
REMINDER_KEPT = timedelta(days=400)
"""Whether points may expire is asked up to a year after the reminder."""
GOODBYE = "goodbye#email"
STATE = "#state"


def shards(channel: str) -> tuple[str, ...]:
    """The parts of the index of what waits for a channel."""
    return tuple(f"{channel}.{i}" for i in range(SHARDS))


def digest(address: str) -> str:
    """Tells whether an address is still the one that did not work, without naming it."""
    return hashlib.sha256(address.encode()).hexdigest()[:16]


def suspended_by(state: Mapping[str, Any], channel: str, address: str) -> str | None:
    """Why nothing is sent to an address any more; None where it works as far as we know. `state`: the member's."""
    about = state.get(f"suspended_{channel}", {})
    why: str | None = about["why"] if about.get("of") == digest(address) else None
    return why


def waiting(member: str, message: str, kind: str, channel: str, due_at: datetime, now: datetime) -> dict[str, Any]:
    """A message that is to go out at an instant, or as soon after as may be."""
    kept = REMINDER_KEPT if kind == "points_expiring" else KEPT
    return {
        "member": member,
        "message": message,
        "template": kind,
        "channel": channel,
        "status": "waiting",
        "created_at": to_text(now),
        "due_at": to_text(due_at),
        "waiting": shards(channel)[zlib.crc32(member.encode()) % SHARDS],
        "expires_at": int((now + kept).timestamp()),
    }


def goodbye(member: str, to: str, profile: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The last mail to a member: with the address, for it is known nowhere else by then. It goes with the mail, and is
    given up after a day."""
    row = waiting(member, GOODBYE, "goodbye", "email", now, now)
    about = {"to": to, "locale": profile["locale"], "given_name": profile["given_name"]}
    return row | about | {"expires_at": int((now + timedelta(days=1)).timestamp())}
