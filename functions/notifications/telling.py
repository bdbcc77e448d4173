"""From an event to the messages that it becomes: into the inbox at once, and on their way over the other channels."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict

from functions.ledger.account import Entry
from functions.notifications import store
from functions.notifications.deciding import Reader, plan
from functions.notifications.facts import WITH_ENTRY, facts_of, message_of, told_to
from functions.notifications.wording import worded
from functions.program import store as programs
from functions.program.messages import outbox
from functions.program.messages.catalogue import Channel, Kind
from functions.program.model import Program
from functions.runtime import bus, clock
from functions.runtime.envelope import OutboundEvent, envelope
from functions.runtime.errors import ProgramNotActiveError, TryAgainError
from functions.runtime.observability import logger

DUE: Mapping[Channel, str] = {"email": "EmailDue", "sms": "SmsDue"}
"""The event by which a channel is woken; each has a queue of its own, so that one that is broken delays no other."""


AT_ONCE = 2_000
"""Messages of a channel that are woken in a minute: those that have not gone out by the next one are woken again."""


class Metadata(BaseModel):
    """What we need of an event's envelope."""

    event_id: str
    member_sequence: int | None
    occurred_at: datetime
    recorded_at: datetime


class Told(BaseModel):
    """The detail of one of our events; what `data` holds depends on its type."""

    model_config = ConfigDict(frozen=True)

    metadata: Metadata
    data: dict[str, Any]


class DueMessage(BaseModel):
    """A message that waits."""

    member_id: str
    message: str


class Due(BaseModel):
    """The detail of the events that wake a channel."""

    data: DueMessage


def tell(told: Told, detail_type: str) -> None:
    """Write to the member about an event, if there is something to say and somewhere to send it. Raises TryAgainError:
    as long as no programme says what members are told, what has somewhere to go waits."""
    member, event_id = told_to(detail_type, told.data), told.metadata.event_id
    try:
        program = programs.in_force(member, clock.now())
    except ProgramNotActiveError as error:
        _check_may_be_left(member, error)
        return
    late = told.metadata.recorded_at - told.metadata.occurred_at
    kind = message_of(detail_type, told.data, late, program)
    reader = store.reader(member, program.zone) if kind else None
    entry = _entry(told, detail_type) if reader else None
    # What was bought is told of as such.
    if kind is None or reader is None or (detail_type == "VoucherIssued" and entry and entry.posting.reward):
        logger.info("nothing_to_tell", event_id=event_id)
        return
    facts = facts_of(detail_type, told.data, entry, program, reader)
    channels = program.messages.over(kind.id)
    if "inbox" in channels:
        _into_inbox(member, told, kind, program, reader, facts)
    due = [
        due_event(member, row["message"], channel)
        for channel in DUE
        if channel in channels and (row := _noted(member, told, detail_type, kind, channel, reader, program))
    ]
    if store.has_left(member):
        # Meanwhile: what was written before the member was forgotten is gone, and the rest goes now.
        _take_back(member, told)
        return
    if due:
        bus.publish(due)


def _take_back(member: str, told: Told) -> None:
    store.out_of_inbox(member, inbox_id(told.metadata))
    for channel in DUE:
        store.forget({"member": member, "message": f"{told.metadata.event_id}#{channel}"})


def _check_may_be_left(member: str, error: ProgramNotActiveError) -> None:
    reader = store.reader(member, ZoneInfo("UTC"))
    if reader and reader.addresses:
        raise TryAgainError(error.detail) from error


def _entry(told: Told, detail_type: str) -> Entry | None:
    if detail_type not in WITH_ENTRY or told.metadata.member_sequence is None:
        return None
    return store.entry(told.data["member_id"], told.metadata.member_sequence)


def _into_inbox(
    member: str, told: Told, kind: Kind, program: Program, reader: Reader, facts: Mapping[str, Any]
) -> None:
    message = worded(program, kind.id, reader.locale, facts)
    content = {"template": kind.id, "title": message.subject, "body": message.body}
    store.into_inbox(member, inbox_id(told.metadata), content, program.messages.inbox_days)


def inbox_id(metadata: Metadata) -> str:
    """The same for a repeat of the event, and nothing to be read in it; in the order in which things were recorded, at
    one moment in that of the entries, and of one entry in that of its events."""
    digest = hashlib.sha256(metadata.event_id.encode()).hexdigest()[:10]
    _, dot, told_as = metadata.event_id.rpartition(".")
    place = int(told_as) if dot and told_as.isdigit() else 0
    n = (metadata.member_sequence or 0) % 1_000_000
    return f"{metadata.recorded_at:%Y%m%d%H%M%S%f}{n:06}{place % 100:02}-{digest}"


def _noted(
    member: str, told: Told, detail_type: str, kind: Kind, channel: Channel, reader: Reader, program: Program
) -> Mapping[str, Any] | None:
    """The message on its way over a channel, if it may go out now."""
    now = clock.now()
    decided = plan(kind, channel, reader, program.messages, now)
    row = outbox.waiting(member, f"{told.metadata.event_id}#{channel}", kind.id, channel, decided.at, now)
    if decided.why:
        del row["waiting"], row["due_at"]
        row |= {"status": "not_sent", "why": decided.why}
    else:
        row["event"] = {"type": detail_type, "n": told.metadata.member_sequence, "data": told.data}
    kept = store.note(row)
    logger.info("message_noted", event_id=told.metadata.event_id, channel=channel, status=kept["status"])
    return kept if kept["status"] == "waiting" and decided.at <= now else None


def due_event(member: str, message: str, channel: Channel) -> OutboundEvent:
    """That a message is to be sent now."""
    now = clock.now()
    data = {"member_id": member, "message": message}
    event_id = f"due#{clock.to_text(now)}#{message}"
    return envelope(DUE[channel], data, event_id=event_id, occurred_at=now, recorded_at=now, correlation_id=event_id)


def wake(channel: Channel) -> int:
    """Let go out what has waited long enough for a channel; how much."""
    due = islice(store.due(channel, clock.now()), AT_ONCE)
    found = [due_event(member, message, channel) for member, message in due]
    if found:
        bus.publish(found)
    return len(found)
