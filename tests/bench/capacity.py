"""Capacity: what each operation consumes, as DynamoDB says, with a short and with a long history behind the member."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

from cli.connection import Connection
from functions.runtime.tables import to_wire
from tests.embedded.metered import Bill, Meter
from tests.embedded.partner import fresh, purchase

HISTORIES = (10, 1_000, 100_000)
_BATCH, _WRITERS = 25, 4

Operations: TypeAlias = Callable[[Meter, str], dict[str, Callable[[], Any]]]


def measure(
    stack: Connection, meter: Meter, operations: Operations | None = None, cents: int = 5000
) -> dict[str, list[Bill]]:
    """The bills of each operation, those of earning unless others are given, in the order of HISTORIES. `cents`: what
    the member has bought for in the first entry."""
    bills: dict[str, list[Bill]] = {}
    meter.call("redemption", "GET", "/v1/rewards")
    for entries in HISTORIES:
        member = _with_history(stack, meter, entries, cents)
        for name, operation in (operations or _operations)(meter, member).items():
            with meter.bill() as bill:
                operation()
            bills.setdefault(name, []).append(bill)
    return bills


def _operations(meter: Meter, member: str) -> dict[str, Callable[[], Any]]:
    """The operations of the budget, in an order in which each finds what it needs."""
    lines = [{"id": str(i), "sku": f"3760123456{i:03}", "quantity": 2, "amount": 5000 + i} for i in range(1, 11)]
    bought = purchase({"id": member}, lines=lines)
    returned = {"id": fresh("return"), "occurred_at": "2026-11-21T09:00:00Z", "lines": [{"id": "1", "quantity": 1}]}
    by_hand = {"id": fresh("adjustment"), "points": 10, "reason": "goodwill"}
    basket = {name: value for name, value in bought.items() if name != "id"}
    return {
        "earn, ten lines": lambda: meter.call("accrual", "POST", "/v1/purchases", bought),
        "earn, repeated": lambda: meter.call("accrual", "POST", "/v1/purchases", bought),
        "return of a line": lambda: meter.call("accrual", "POST", f"/v1/purchases/{bought['id']}/returns", returned),
        "adjustment": lambda: meter.call("accrual", "POST", f"/v1/members/{member}/adjustments", by_hand),
        "calculate": lambda: meter.call("accrual", "POST", "/v1/purchases/calculate", basket),
        "balance": lambda: meter.call("ledger", "GET", f"/v1/members/{member}/balance"),
    }


def _with_history(stack: Connection, meter: Meter, entries: int, cents: int) -> str:
    """A member with so many entries: one real purchase, and copies of it written straight into the table."""
    enrolled = meter.call("enrolment", "POST", "/v1/members", {"card": fresh("card")}, fresh("enrol"))
    member: str = enrolled["member_id"]
    meter.call("accrual", "POST", "/v1/purchases", purchase({"id": member}, amount=cents))
    dynamodb = stack.aws("dynamodb")
    accounts, table = stack.table_names["accounts"], stack.table_names["entries"]
    key = to_wire({"member": member, "part": "A"})
    account = dynamodb.get_item(TableName=accounts, Key=key)["Item"]
    [operation] = account["latest"]["L"]
    entry = dynamodb.get_item(TableName=table, Key={"operation": operation})["Item"]

    def write(start: int) -> None:
        numbers = range(start, min(start + _BATCH, entries + 1))
        copies = [entry | to_wire({"operation": f"{operation['S']}-{n}", "n": n}) for n in numbers]
        dynamodb.batch_write_item(RequestItems={table: [{"PutRequest": {"Item": copy}} for copy in copies]})

    with ThreadPoolExecutor(_WRITERS) as pool:
        list(pool.map(write, range(2, entries + 1, _BATCH)))
    dynamodb.put_item(TableName=accounts, Item=account | to_wire({"n": entries}))
    return member
