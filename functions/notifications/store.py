"""Whom to write to, and what was written: readers from the members table, messages in their own.

    I#<recorded at>#<event id>     a message in the inbox, kept as long as the programme says

What lies in the table besides, and waits to go out: `program/messages/outbox.py`.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from functions.ledger import store as ledger
from functions.ledger.account import Entry
from functions.ledger.identity import profile_key
from functions.notifications.deciding import WEEK, Reader
from functions.program.messages import outbox
from functions.runtime import clock, tables
from functions.runtime.errors import MessageNotFoundError, TryAgainError

INBOX = "I#"
_IDENTITY = {"email": "email", "phone": "sms"}
_MOST_COUNTED = 100
"""As many as a programme may allow in a week, over two channels."""


def reader(member: str, zone: ZoneInfo) -> Reader | None:
    """Who a member is to write to; None where the member has left. `zone`: where the member's own is not known."""
    profile = tables.get("members", {"key": profile_key(member)}, consistent=True)
    if profile is None or profile["status"] in {"closed", "merged"}:
        return None
    state = tables.get("messages", {"member": member, "message": outbox.STATE}) or {}
    addresses = {_IDENTITY[one["kind"]]: one["value"] for one in profile["identities"] if one["kind"] in _IDENTITY}
    sent: dict[str, list[datetime]] = {}
    for channel, at in state.get("sent", ()):
        sent.setdefault(channel, []).append(clock.from_text(at))
    return Reader(
        locale=profile["locale"],
        given_name=profile["given_name"],
        zone=ZoneInfo(profile["time_zone"]) if profile["time_zone"] else zone,
        addresses=addresses,
        consents={name: consent[0] for name, consent in profile["consents"].items()},
        suspended={
            channel: why
            for channel, address in addresses.items()
            if (why := outbox.suspended_by(state, channel, address))
        },
        sent=sent,
    )


def has_left(member: str) -> bool:
    """Whether a member has left, or is another one by now."""
    profile = tables.get("members", {"key": profile_key(member)}, consistent=True)
    return profile is None or profile["status"] in {"closed", "merged"}


def entry(member: str, n: int) -> Entry:
    """The `n`-th entry of a member. Raises TryAgainError where the index has not seen it yet."""
    found = next(ledger.newest_first(member, n + 1), None)
    if found is None or found.n != n:
        raise TryAgainError("The entry is not to be seen yet.")
    return found


def into_inbox(member: str, message_id: str, content: Mapping[str, Any], days: int) -> None:
    """Lay a message into the inbox, once; what was read stays so."""
    now = clock.now()
    item = {"member": member, "message": f"{INBOX}{message_id}", "created_at": clock.to_text(now), **content}
    try:
        tables.put_new("messages", item | {"expires_at": int((now + timedelta(days=days)).timestamp())}, key="member")
    except tables.ConditionFailedError:
        return


def out_of_inbox(member: str, message_id: str) -> None:
    tables.remove("messages", {"member": member, "message": f"{INBOX}{message_id}"})


def inbox(member: str, limit: int, before: str | None) -> list[tables.Item]:
    """Messages of the inbox, latest first, from before one of them. What is over is left out, also where the table has
    not let go of it yet."""
    condition = "#member = :member AND #message BETWEEN :first AND :last"
    values = {"member": member, "first": INBOX, "last": f"{INBOX}{before}" if before else f"{INBOX}~"}
    found: list[tables.Item] = []
    now = int(clock.now().timestamp())
    for item in tables.query("messages", condition, values, newest_first=True):
        if item["expires_at"] > now and item["message"] != values["last"]:
            found.append(item)
        if len(found) == limit:
            break
    return found


def unread(member: str) -> int:
    """How many messages of the inbox were not read."""
    return sum("read_at" not in item for item in inbox(member, 1000, None))


def mark_read(member: str, message_id: str) -> tables.Item:
    """Raises MessageNotFoundError."""
    key = {"member": member, "message": f"{INBOX}{message_id}"}
    change, now = "SET #read_at = if_not_exists(#read_at, :now)", clock.now()
    values = {"now": clock.to_text(now), "today": int(now.timestamp())}
    if not tables.update("messages", key, change, "#expires_at > :today", values):
        raise MessageNotFoundError("There is no such message.")
    return tables.get("messages", key, consistent=True) or {}


def deliveries(member: str) -> list[tables.Item]:
    """What was sent, or was not, in the last 90 days, latest first."""
    since = clock.to_text(clock.now() - outbox.KEPT)
    own = tables.query("messages", "#member = :member", {"member": member})
    found = [item for item in own if "channel" in item and item["created_at"] > since]
    return sorted(found, key=lambda item: str(item["created_at"]), reverse=True)


def note(row: tables.Item) -> tables.Item:
    """Keep a message that is to go out, once; as it is kept."""
    try:
        tables.put_new("messages", row, key="member")
    except tables.ConditionFailedError as failed:
        return failed.item or row
    return row


def find(member: str, message: str) -> tables.Item | None:
    return tables.get("messages", {"member": member, "message": message}, consistent=True)


def claim(row: tables.Item, taken_over: timedelta) -> bool:
    """Take a message to send it; False where another does. One that was taken long ago is taken over: rather twice
    than never."""
    now = clock.now()
    condition = "#status = :waiting OR (#status = :sending AND #claimed_at < :long_ago)"
    values = {
        "waiting": "waiting",
        "sending": "sending",
        "now": clock.to_text(now),
        "long_ago": clock.to_text(now - taken_over),
    }
    return tables.update("messages", _key(row), "SET #status = :sending, #claimed_at = :now", condition, values)


def settle(row: tables.Item, status: str, **more: Any) -> None:
    """What has become of a message; it waits no longer."""
    names = "".join(f", #{name} = :{name}" for name in more)
    change = f"SET #status = :status{names} REMOVE #waiting, #due_at, #event"
    tables.update("messages", _key(row), change, "attribute_exists(#member)", {"status": status, **more})


def put_off(row: tables.Item, until: datetime, attempts: int, why: str) -> None:
    """Let a message wait until an instant."""
    values = {"status": "waiting", "due_at": clock.to_text(until), "attempts": attempts, "why": why}
    change = "SET #status = :status, #due_at = :due_at, #attempts = :attempts, #why = :why"
    tables.update("messages", _key(row), change, "attribute_exists(#member)", values)


def give_up(row: tables.Item, now: datetime, attempts: int, why: str) -> None:
    """Leave a message to the queue, which makes a dead letter of it: the clock wakes it no more, and whoever hands it
    in again has it sent."""
    values = {"status": "waiting", "due_at": clock.to_text(now), "attempts": attempts, "why": why}
    change = "SET #status = :status, #due_at = :due_at, #attempts = :attempts, #why = :why REMOVE #waiting"
    tables.update("messages", _key(row), change, "attribute_exists(#member)", values)


def forget(row: tables.Item) -> None:
    tables.remove("messages", _key(row))


def count(member: str, channel: str) -> None:
    """Note that a message went out that counts. Two at once may count as one."""
    key, now = {"member": member, "message": outbox.STATE}, clock.now()
    sent = (tables.get("messages", key) or {}).get("sent", [])
    recent = [one for one in sent if now - clock.from_text(one[1]) < WEEK][-_MOST_COUNTED:]
    change = "SET #sent = :sent"
    tables.update("messages", key, change, None, {"sent": [*recent, [channel, clock.to_text(now)]]})


def suspend(member: str, channel: str, address: str, why: str) -> None:
    """An address does not work: nothing more is sent to it. Another one of the same member works again."""
    values = {"state": {"why": why, "of": outbox.digest(address), "at": clock.to_text(clock.now())}}
    key = {"member": member, "message": outbox.STATE}
    tables.update("messages", key, f"SET #suspended_{channel} = :state", None, values)


def due(channel: str, now: datetime) -> Iterator[tuple[str, str]]:
    """Member and message of all that waits for a channel and may go out, the longest waiting first."""
    condition = "#waiting = :waiting AND #due_at <= :now"
    for shard in outbox.shards(channel):
        values = {"waiting": shard, "now": clock.to_text(now)}
        for item in tables.query("messages", condition, values, index="waiting"):
            yield item["member"], item["message"]


def _key(row: tables.Item) -> dict[str, str]:
    return {"member": row["member"], "message": row["message"]}
