"""A night, metered: who is due is handed out and visited by the real code in this process, on the stack's DynamoDB.

In tables of its own: thousands of accounts that nobody has enrolled would be news to the functions of the stack.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from cli.connection import Connection
from functions.ledger import items
from functions.ledger import store as ledger
from functions.ledger.account import Account
from functions.lifecycle import store as lifecycle
from functions.program import store as programs
from functions.program.due import DAY
from functions.program.periods import day_in
from functions.runtime import bus, clock
from functions.runtime.envelope import OutboundEvent
from functions.runtime.tables import to_wire
from infra.tables import TABLES, create_table_request
from tests.embedded.metered import Bill, Meter, metering
from tests.embedded.partner import fresh, until

PROGRAMME = Path(__file__).parent / "night.yaml"
KINDS = ("points become active", "points expire", "a reminder", "nothing any more")
"""What time may have to do for a member. The last one: its day was not put off when its reason went."""
_BATCH, _WRITERS = 25, 4


@dataclass(frozen=True, slots=True)
class Night:
    """What a night consumed: to find out who is due, and to visit them. `events`: what was put on the bus for that.
    `told`: what the members are to hear."""

    exist: int
    due: int
    found: int
    events: int
    finding: Bill
    visiting: Bill
    told: int


class Club:
    """Members for whom nothing is due, and those for whom something is, tonight."""

    def __init__(self, stack: Connection, meter: Meter, tables: Mapping[str, str]) -> None:
        self.stack = stack
        self._meter = meter
        self._tables = tables
        self._now = clock.now()
        self.today = day_in(self._now, programs.active().zone)
        self.exist = 0

    @property
    def settings(self) -> dict[str, str]:
        """What tells the functions its tables."""
        return _settings(self._tables)

    def grows(self, members: int) -> None:
        """By so many for whom something is due on another day."""
        some_day = self.today + timedelta(days=80)
        lots = {some_day.isoformat(): 120}
        accounts = [self._account(i, lots=lots, due_on=some_day - timedelta(days=30)) for i in range(members)]
        self._write(accounts)

    def night(self, kinds: Mapping[str, int]) -> Night:
        """So many more members of each kind are due, and it becomes night."""
        due = self.come_due(kinds)
        handed_out: list[OutboundEvent] = []
        told: list[OutboundEvent] = []
        looked_up = (self._tables["program"],)
        with patch.object(bus, "publish", handed_out.extend), self._meter.bill(without=looked_up) as finding:
            found = lifecycle.hand_out(lambda: True)
        with patch.object(bus, "publish", told.extend), self._meter.bill(without=looked_up) as visiting:
            for event in handed_out:
                lifecycle.visit_all(_members(event))
        return Night(self.exist, due, found, len(handed_out), finding, visiting, len(told))

    def come_due(self, kinds: Mapping[str, int]) -> int:
        """So many more members of each kind are due today; how many together."""
        accounts = [self._due(kind, i) for kind, count in kinds.items() for i in range(count)]
        self._write(accounts)
        return len(accounts)

    def _due(self, kind: str, i: int) -> Account:
        today, later = self.today, self.today + timedelta(days=76)
        match kind:
            case "points become active":
                account = self._account(i, pending={f"{today}>{later}": 120})
            case "points expire":
                account = self._account(i, lots={(today - DAY).isoformat(): 120, later.isoformat(): 80})
            case "a reminder":
                account = self._account(i, lots={(today + timedelta(days=30)).isoformat(): 120})
            case _:
                account = self._account(i)
        return replace(account, member=f"{account.member}-{kind.replace(' ', '-')}", due_on=today)

    def _account(self, i: int, **more: object) -> Account:
        """One with a history of some purchases, of the size of a real one."""
        counters = {f"spend/month@2026-{month:02}-01": 12345 for month in range(1, 7)} | {"visits": 40}
        account = Account(f"mem_{self.exist + i:020}", self._now, self._now, "till", n=40, revision=60)
        return replace(account, counters=counters, latest=("purchase#till#receipt-40",), **more)  # type: ignore[arg-type]

    def _write(self, accounts: Sequence[Account]) -> None:
        dynamodb, table = self.stack.aws("dynamodb"), self._tables["accounts"]

        def write(start: int) -> None:
            wire = [to_wire(items.account_to_item(one)) for one in accounts[start : start + _BATCH]]
            left = dynamodb.batch_write_item(RequestItems={table: [{"PutRequest": {"Item": one}} for one in wire]})
            assert not left["UnprocessedItems"]

        with ThreadPoolExecutor(_WRITERS) as pool:
            list(pool.map(write, range(0, len(accounts), _BATCH)))
        self.exist += len(accounts)


def _settings(tables: Mapping[str, str]) -> dict[str, str]:
    return {f"{name.upper()}_TABLE": physical for name, physical in tables.items()}


def _members(event: OutboundEvent) -> list[str]:
    data: Any = event.detail["data"]
    members: list[str] = data["members"]
    return members


@contextmanager
def club(stack: Connection) -> Iterator[Club]:
    """An empty one, in tables that are gone afterwards."""
    dynamodb, prefix = stack.aws("dynamodb"), fresh("night")
    tables = {table.name: f"{prefix}-{table.name}" for table in TABLES}
    for table in TABLES:
        dynamodb.create_table(**create_table_request(replace(table, stream=False), tables[table.name]))
    try:
        with metering(stack) as meter, patch.dict(os.environ, _settings(tables)), patch.object(lifecycle, "logger"):
            programs.forget()
            version, _ = programs.publish(PROGRAMME.read_text())
            with patch.object(clock, "now", return_value=clock.now() - timedelta(hours=1)):
                programs.activate(version.version)
            # For another programme everybody is visited once. Nobody is there yet.
            lifecycle.hand_out(lambda: True)
            yield Club(stack, meter, tables)
    finally:
        programs.forget()
        for name in tables.values():
            dynamodb.delete_table(TableName=name)


@contextmanager
def at_work(members: Club) -> Iterator[Callable[[], float]]:
    """The functions of the stack at work for these members: a call starts `lifecycle-every-hour`, waits until nobody is
    due any more and the queue is empty, and tells how many seconds that took."""
    stack, functions = members.stack, ("lifecycle-every-hour", "lifecycle-on-members-due")
    client, sqs = stack.aws("lambda"), stack.aws("sqs")
    names = [f"{stack.bus_name}-{function}" for function in functions]
    queue = sqs.get_queue_url(QueueName=names[1])["QueueUrl"]
    usual = {name: client.get_function_configuration(FunctionName=name)["Environment"]["Variables"] for name in names}

    def empty() -> bool:
        waiting: Any = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        left = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=waiting)["Attributes"]
        return not any(map(int, left.values()))

    def done() -> bool:
        # Last, and seldom: the emulator looks through the whole index for it.
        return empty() and ((day := ledger.first_due()) is None or day > members.today)

    def night() -> float:
        started = time.monotonic()
        client.invoke(FunctionName=names[0], Payload=b"{}")
        while not empty():
            time.sleep(1)
        until(done, "the end of the night")
        return time.monotonic() - started

    try:
        for name in names:
            client.update_function_configuration(
                FunctionName=name, Environment={"Variables": usual[name] | members.settings}
            )
        yield night
    finally:
        for name in names:
            client.update_function_configuration(FunctionName=name, Environment={"Variables": usual[name]})
