"""Warm requests: CPU of a whole purchase through its handler, over a bare botocore script that makes the same calls.

User and system time of this process; the two take turns, block by block, so that a busy machine is unfair to neither.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

from botocore.session import get_session

from cli.connection import Connection
from functions.runtime.tables import to_wire
from tests.embedded.metered import Meter
from tests.embedded.partner import fresh, purchase

REQUESTS, BLOCKS = 300, 10


def measure(stack: Connection, meter: Meter) -> tuple[float, float]:
    """Median CPU seconds of one purchase: ours, and the floor's."""
    member: str = meter.call("enrolment", "POST", "/v1/members", {"card": fresh("card")}, fresh("enrol"))["member_id"]
    ours, floor = _ours(meter, member), _floor(stack, member)
    for _ in range(20):
        ours()
        floor()
    spent = [(_cpu(ours), _cpu(floor)) for _ in range(BLOCKS)]
    return statistics.median(a for a, _ in spent), statistics.median(b for _, b in spent)


def _cpu(request: Callable[[], object]) -> float:
    per_block = REQUESTS // BLOCKS
    started = time.process_time()
    for _ in range(per_block):
        request()
    return (time.process_time() - started) / per_block


def _ours(meter: Meter, member: str) -> Callable[[], object]:
    return lambda: meter.call("accrual", "POST", "/v1/purchases", purchase({"id": member}))


def _floor(stack: Connection, member: str) -> Callable[[], object]:
    """One GetItem, and one TransactWriteItems of two items of the size of ours, one of them indexed."""
    client: Any = get_session().create_client(
        "dynamodb",
        region_name=stack.region,
        endpoint_url=stack.endpoint_url,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    accounts, entries = stack.table_names["accounts"], stack.table_names["entries"]
    key = to_wire({"member": fresh("floor"), "part": "A"})
    account = client.get_item(TableName=accounts, Key=to_wire({"member": member, "part": "A"}))["Item"] | key
    client.put_item(TableName=accounts, Item=account)
    entry = to_wire({"member": key["member"]["S"], "n": 1, "why": "x" * 300, "hash": "y" * 32, "active": 50})

    def request() -> None:
        client.get_item(TableName=accounts, Key=key)
        new = entry | {"operation": {"S": fresh("floor")}}
        client.transact_write_items(
            TransactItems=[
                {
                    "Put": {
                        "TableName": entries,
                        "Item": new,
                        "ConditionExpression": "attribute_not_exists(operation)",
                    }
                },
                {
                    "Put": {
                        "TableName": accounts,
                        "Item": account,
                        "ConditionExpression": "revision = :revision",
                        "ExpressionAttributeValues": {":revision": account["revision"]},
                    }
                },
            ]
        )

    return request
