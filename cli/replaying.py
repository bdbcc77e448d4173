"""Sending many operations through a deployed programme, over HTTPS and over the bus at once, and seeing them booked.

Everything carries an operation id, so that whatever is not surely booked is simply sent again.
"""

import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx
from rich.console import Console
from rich.progress import Progress, TaskID

from cli.connection import Connection
from cli.errors import ExplainedError
from cli.showing import progress
from functions.ledger import items
from functions.runtime.tables import from_wire, to_wire

_CALLERS = 8
_TRIES = 6
_EVENTS_PER_CALL = 10
_KEYS_PER_CALL = 100
_PAUSE = 2.0
_PATIENCE = 240.0
"""Seconds without a single new booking after which something must be wrong."""


class ReplayError(ExplainedError):
    """An operation was refused, or the bookings stopped coming."""


@dataclass(frozen=True, slots=True)
class Call:
    """A POST; `key` is its Idempotency-Key where the body carries no id."""

    path: str
    body: Mapping[str, Any]
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """An event for the bus."""

    detail_type: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Work:
    """What to send, and how many entries each member must have once all of it is booked."""

    title: str
    calls: Sequence[Call]
    events: Sequence[Event]
    goal: Mapping[str, int]


def replay(connection: Connection, console: Console, work: Work, source: str) -> int:
    """Send everything and wait until it is booked; how many of the calls were repeats. Raises ReplayError."""
    with progress(console) as bar, ThreadPoolExecutor(_CALLERS) as pool:
        sent = bar.add_task(f"{work.title}: sent  ", total=len(work.calls) + len(work.events))
        booked = bar.add_task(f"{work.title}: booked", total=sum(_weight(n) for n in work.goal.values()))
        futures = [pool.submit(_call, connection, call, bar, sent) for call in work.calls]
        futures += [
            pool.submit(_put, connection, batch, source, bar, sent) for batch in _batches(work.events, _EVENTS_PER_CALL)
        ]
        try:
            _watch(connection, work, futures, bar, booked)
        except ReplayError:
            pool.shutdown(cancel_futures=True)
            raise
    return sum(future.result() for future in futures)


def entries_of(connection: Connection, members: Sequence[str]) -> dict[str, int]:
    """How many entries each member has; members without an account are left out."""
    table, dynamodb = connection.table_names["accounts"], connection.aws("dynamodb")
    found: dict[str, int] = {}
    for batch in _batches(members, _KEYS_PER_CALL):
        waiting: Any = {table: {"Keys": [to_wire(items.account_key(member)) for member in batch]}}
        while waiting:
            answer = dynamodb.batch_get_item(RequestItems=waiting)
            found |= {item["member"]: item["n"] for item in map(from_wire, answer["Responses"].get(table, []))}
            waiting = answer["UnprocessedKeys"]
    return found


def _weight(n: int) -> int:
    """A member who is only to be enrolled counts as one piece of work."""
    return max(n, 1)


def _watch(connection: Connection, work: Work, futures: Sequence[Future[int]], bar: Progress, task: TaskID) -> None:
    """Look again and again until all is sent and booked."""
    open_goals, done, moved_at = dict(work.goal), 0, time.monotonic()
    while open_goals or not all(future.done() for future in futures):
        _raise_first_failure(futures)
        counts = entries_of(connection, list(open_goals))
        finished = {member for member, n in counts.items() if n >= open_goals[member]}
        done += sum(_weight(open_goals.pop(member)) for member in finished)
        now = done + sum(n for member, n in counts.items() if member not in finished)
        if now > bar.tasks[task].completed:
            moved_at = time.monotonic()
        if time.monotonic() - moved_at > _PATIENCE and all(future.done() for future in futures):
            raise ReplayError(f"{len(open_goals)} members still lack entries: look at the dead-letter queues.")
        bar.update(task, completed=now)
        if open_goals or not all(future.done() for future in futures):
            time.sleep(_PAUSE)
    _raise_first_failure(futures)


def _raise_first_failure(futures: Sequence[Future[int]]) -> None:
    for future in futures:
        if future.done() and not future.cancelled() and (error := future.exception()):
            raise ReplayError(str(error)) from error


def _call(connection: Connection, call: Call, bar: Progress, task: TaskID) -> int:
    """1 if the call was a repeat. A lost answer or a busy server is no failure: the same call is made again."""
    headers = {"Idempotency-Key": call.key} if call.key else {}
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(0.2 * 2**attempt)
        try:
            answer = connection.api.post(call.path, json=call.body, headers=headers)
        except httpx.TransportError:
            continue
        if answer.is_success:
            bar.advance(task)
            return int(answer.headers.get("Idempotency-Replayed") == "true")
        if answer.status_code < 500 and answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
            break
    else:
        raise ReplayError(f"POST {call.path} failed {_TRIES} times.")
    raise ReplayError(f"POST {call.path} was refused: {answer.status_code} {answer.text}")


def _put(connection: Connection, batch: Sequence[Event], source: str, bar: Progress, task: TaskID) -> int:
    waiting = [
        {
            "EventBusName": connection.bus_name,
            "Source": source,
            "DetailType": event.detail_type,
            "Detail": json.dumps(event.detail),
        }
        for event in batch
    ]
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(0.2 * 2**attempt)
        answer = connection.aws("events").put_events(Entries=waiting)  # type: ignore[arg-type]
        results = zip(waiting, answer["Entries"], strict=True)
        waiting = [entry for entry, result in results if "ErrorCode" in result]
        if not waiting:
            bar.advance(task, len(batch))
            return 0
    raise ReplayError(f"The bus did not take {len(waiting)} events.")


def _batches(things: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [things[start : start + size] for start in range(0, len(things), size)]
