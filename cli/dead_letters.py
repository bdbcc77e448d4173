"""What failed for good, function by function; and sending it through again once the cause is repaired."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from cli.connection import Connection
from cli.errors import ExplainedError

_SUFFIX = "-dead-letters"
_AT_ONCE = 10


class UnknownQueueError(ExplainedError):
    """No function has a dead-letter queue under this name."""


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """The dead letters of one function. `queue`: where they came from; None for a stream or a schedule."""

    function: str
    url: str
    queue: str | None
    waiting: int


def all_queues(connection: Connection) -> Iterator[DeadLetters]:
    """Every dead-letter queue of the programme."""
    sqs = connection.aws("sqs")
    pages = sqs.get_paginator("list_queues").paginate(QueueNamePrefix=connection.bus_name)
    urls = {url.rsplit("/", 1)[1]: url for page in pages for url in page.get("QueueUrls", [])}
    for name, url in sorted(urls.items()):
        if name.endswith(_SUFFIX):
            source = name.removesuffix(_SUFFIX)
            attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
            waiting = int(attributes["Attributes"]["ApproximateNumberOfMessages"])
            yield DeadLetters(source.removeprefix(f"{connection.bus_name}-"), url, urls.get(source), waiting)


def show(connection: Connection, console: Console) -> None:
    """A table of what waits where."""
    table = Table("function", "waiting", "to send it through again")
    for letters in all_queues(connection):
        how = f"loyalty redrive {letters.function}" if letters.queue else "the hourly sweep makes up for it"
        table.add_row(letters.function, str(letters.waiting), how if letters.waiting else "")
    console.print(table)


def redrive(connection: Connection, function: str, console: Console) -> int:
    """Send the dead letters of a function through its queue again; how many. Raises UnknownQueueError.

    A letter is deleted after it was sent: interrupted in between, it comes twice, which no operation minds.
    """
    found = {letters.function: letters for letters in all_queues(connection) if letters.queue}
    if function not in found:
        raise UnknownQueueError(f"No queue feeds {function!r}. There are: {', '.join(found)}.")
    letters, sqs, moved = found[function], connection.aws("sqs"), 0
    for _ in range(letters.waiting):
        received = sqs.receive_message(
            QueueUrl=letters.url, MaxNumberOfMessages=_AT_ONCE, MessageAttributeNames=["All"]
        )
        if not received.get("Messages"):
            break
        for message in received["Messages"]:
            attributes = message.get("MessageAttributes") or {}
            reason = attributes["reason"]["StringValue"] if "reason" in attributes else "failed five times"
            console.print(f"{_name(message['Body'])}: {reason}", markup=False)
            sqs.send_message(QueueUrl=str(letters.queue), MessageBody=message["Body"])
            sqs.delete_message(QueueUrl=letters.url, ReceiptHandle=message["ReceiptHandle"])
            moved += 1
    return moved


def _name(body: str) -> str:
    """The event's id: its content may be personal."""
    try:
        return str(json.loads(body)["id"])
    except (ValueError, KeyError, TypeError):
        return "an unreadable message"
