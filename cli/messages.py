"""`loyalty messages`: what members of the local stack were told; the emulator keeps what it should send."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import httpx
from rich.console import Console
from rich.table import Table

from cli.connection import Connection
from cli.errors import ExplainedError

MAILBOX = "/_ministack/ses/messages"
TELEPHONE = "/_ministack/sns/sms-messages"
_EVERY = 1.0


class Sent(NamedTuple):
    """A message that went out; of a text message the emulator does not note when."""

    at: str
    channel: str
    to: str
    text: str
    id: str


def mails(connection: Connection) -> list[dict[str, Any]]:
    """Every mail as the emulator keeps it."""
    return _kept(connection, MAILBOX, "messages")


def sent(connection: Connection) -> list[Sent]:
    """Every mail and text message, oldest first."""
    found = [
        Sent(_instant(mail["Timestamp"]), "email", ", ".join(mail["To"]), mail["Subject"], mail["MessageId"])
        for mail in mails(connection)
    ]
    found += [
        Sent("", "sms", one["PhoneNumber"], one["Message"], one["MessageId"])
        for one in _kept(connection, TELEPHONE, "sms_messages")
    ]
    return sorted(found)


def show(connection: Connection, console: Console) -> None:
    """A table of what went out."""
    found = sent(connection)
    if not found:
        console.print("No message has gone out yet. `loyalty messages --follow` shows them as they do.")
        return
    table = Table("when", "by", "to", "what", box=None, header_style="bold", pad_edge=False)
    for one in found:
        table.add_row(one.at, one.channel, one.to, one.text)
    console.print(table)


def follow(connection: Connection, console: Console) -> None:
    """Each message as it goes out, until somebody interrupts."""
    for one in _new(connection):
        console.print(f"{one.channel:5}  {one.to}  ", style="bold", end="")
        console.print(one.text, markup=False)


def _new(connection: Connection) -> Iterator[Sent]:
    seen = {one.id for one in sent(connection)}
    while True:
        for one in sent(connection):
            if one.id not in seen:
                seen.add(one.id)
                yield one
        time.sleep(_EVERY)


def _kept(connection: Connection, path: str, name: str) -> list[dict[str, Any]]:
    if not connection.endpoint_url:
        raise ExplainedError("Only the local stack keeps messages: on AWS they go to the members.")
    answer = httpx.get(f"{connection.endpoint_url}{path}", trust_env=False).raise_for_status().json()[name]
    accounts = answer.values() if isinstance(answer, dict) else [answer]
    return [one for account in accounts for one in account]


def _instant(value: float) -> str:
    return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M:%S}"
