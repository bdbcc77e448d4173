"""One message, over one channel: claimed, written in the member's words of today, sent, and noted.

It is claimed before it goes out, so that two who are woken do not both send it. If we die between the two, the claim is
taken over once it is five minutes old: rather twice than never. What fails in passing is tried again after growing
pauses, and in the end is a dead letter; what can never be sent is noted as such.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from functions.ledger.account import Entry
from functions.notifications import channels, store
from functions.notifications.deciding import Reader, plan
from functions.notifications.facts import WITH_ENTRY, facts_of
from functions.program import store as programs
from functions.program.messages import outbox
from functions.program.messages.catalogue import BY_ID, Channel, Kind
from functions.program.model import Program
from functions.runtime import clock
from functions.runtime.errors import TryAgainError
from functions.runtime.observability import logger

PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 360))
_TAKEN_OVER = timedelta(minutes=5)
_HOPELESS = frozenset(
    {
        "MessageRejected",
        "BadRequestException",
        "InvalidParameter",
        "InvalidParameterValue",
        "ValidationError",
        "OptedOut",
    }
)
"""Errors of a channel that no repeat makes good."""


def send(member: str, message: str, channel: Channel) -> None:
    """Send what is due. Raises TryAgainError where another is at it, or where it has failed too often."""
    row = store.find(member, message)
    if row is None or row["status"] not in {"waiting", "sending"}:
        return
    now = clock.now()
    if row["status"] == "waiting" and clock.from_text(row["due_at"]) > now:
        return
    program = programs.in_force(member, now)
    kind, reader = BY_ID[row["template"]], _reader(row, program)
    if reader is None:
        store.forget(row)
        return
    if not store.claim(row, _TAKEN_OVER):
        raise TryAgainError("Another worker is sending this message.")
    # Only who has claimed it says what becomes of it: another may just have sent it, and counted it.
    if message == outbox.GOODBYE or _is_wanted(row, kind, channel, reader, program, now):
        _deliver(row, kind, channel, reader, program)


def _reader(row: Mapping[str, Any], program: Program) -> Reader | None:
    if row["message"] == outbox.GOODBYE:
        return Reader(row["locale"], row["given_name"], program.zone, {"email": row["to"]})
    return store.reader(row["member"], program.zone)


def _is_wanted(
    row: dict[str, Any], kind: Kind, channel: Channel, reader: Reader, program: Program, now: datetime
) -> bool:
    """Whether it still is, after it has waited; what is not is noted."""
    decided = plan(kind, channel, reader, program.messages, now)
    if decided.why:
        store.settle(row, "not_sent", why=decided.why)
    elif decided.at > now:
        store.put_off(row, decided.at, row.get("attempts", 0), "quiet_hours")
    return decided.why is None and decided.at <= now


def _deliver(row: dict[str, Any], kind: Kind, channel: Channel, reader: Reader, program: Program) -> None:
    facts = _facts(row, program, reader)
    letter = channels.Letter(row["member"], row["message"], kind, reader, program, facts)
    if (failure := _failure(lambda: channels.SENDERS[channel](letter))) is None:
        _sent(row, kind, channel)
    elif failure in _HOPELESS:
        logger.warning("message_failed", member=row["member"], channel=channel, code=failure)
        _failed(row, failure)
    else:
        _try_later(row, channel, failure)


def _failure(act: Callable[[], None]) -> str | None:
    """Why a channel did not take a message."""
    try:
        act()
    except ClientError as error:
        return error.response["Error"]["Code"]
    except BotoCoreError as error:
        return type(error).__name__
    return None


def _sent(row: dict[str, Any], kind: Kind, channel: Channel) -> None:
    logger.info("message_sent", member=row["member"], channel=channel, template=kind.id)
    if row["message"] == outbox.GOODBYE:
        store.forget(row)
        return
    if kind.capped:
        store.count(row["member"], channel)  # before it is seen as sent: who looks then finds it counted
    store.settle(row, "sent", sent_at=clock.to_text(clock.now()))


def _failed(row: dict[str, Any], failure: str) -> None:
    if row["message"] == outbox.GOODBYE:
        store.forget(row)  # the address goes with it
    else:
        store.settle(row, "failed", why=failure)


def _try_later(row: dict[str, Any], channel: Channel, failure: str) -> None:
    attempts = row.get("attempts", 0)
    logger.warning("message_put_off", member=row["member"], channel=channel, code=failure, attempts=attempts + 1)
    if attempts >= len(PAUSES):
        store.give_up(row, clock.now(), attempts + 1, failure)
        raise TryAgainError(f"The channel does not take this message: {failure}.")
    store.put_off(row, clock.now() + PAUSES[attempts], attempts + 1, failure)


def _facts(row: Mapping[str, Any], program: Program, reader: Reader) -> dict[str, Any]:
    event = row.get("event", {"type": "MemberClosed", "data": {}, "n": None})
    with_entry = event["type"] in WITH_ENTRY and event["n"] is not None
    entry: Entry | None = store.entry(row["member"], event["n"]) if with_entry else None
    return facts_of(event["type"], event["data"], entry, program, reader)
