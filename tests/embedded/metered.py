"""What an operation costs: the real handlers in this process, on the deployed tables, with a meter on every call."""

import importlib
import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from cli.connection import Connection
from cli.inside import inside
from functions.runtime import aws

CALLER = "meter"


@dataclass
class Bill:
    """Calls to DynamoDB and the capacity they consumed, as DynamoDB says; `without` those of some tables.

    `found`: items that queries and scans went through. On the deployed stack their size costs nothing; on AWS it does.
    """

    calls: int = 0
    write_units: float = 0
    read_units: float = 0
    found: int = 0
    without: Collection[str] = field(default=(), repr=False, compare=False)

    def add(self, consumed: Any, *, writing: bool) -> None:
        found = consumed if isinstance(consumed, list) else [consumed]
        counted = [table for table in found if table["TableName"] not in self.without]
        self.calls += bool(counted)
        for table in counted:
            units = float(table.get("CapacityUnits", 0))
            if writing:
                self.write_units += units
            else:
                self.read_units += units


class Meter:
    """Handlers that call the deployed tables and are billed for it.

    `now_and_then`: tables that a warm function looks at every few seconds, whatever it does.
    """

    def __init__(self, stack: Connection) -> None:
        self.now_and_then = (stack.table_names["program"],)
        self._bill = Bill()
        events = aws.dynamodb().meta.events
        events.register("before-parameter-build.dynamodb.*", self._ask)
        events.register("after-call.dynamodb.*", self._note)
        events.register("before-parameter-build.dynamodb.BatchGetItem", self._count)

    def _ask(self, params: dict[str, Any], **_: Any) -> None:
        params["ReturnConsumedCapacity"] = "TOTAL"

    def _count(self, params: dict[str, Any], **_: Any) -> None:
        """The emulator does not bill it. A unit a key, there or not: strongly consistent, and none is over 4 KB."""
        asked = [len(keys["Keys"]) for table, keys in params["RequestItems"].items() if table not in self._bill.without]
        self._bill.calls += bool(asked)
        self._bill.read_units += sum(asked)

    def _note(self, parsed: dict[str, Any], model: Any, **_: Any) -> None:
        if "ConsumedCapacity" in parsed:
            self._bill.add(
                parsed["ConsumedCapacity"], writing=model.name in {"TransactWriteItems", "PutItem", "UpdateItem"}
            )
            self._bill.found += parsed.get("ScannedCount", 0)

    @contextmanager
    def bill(self, without: Collection[str] = ()) -> Iterator[Bill]:
        """What is consumed meanwhile, `without` that of some tables."""
        self._bill = Bill(without=without)
        yield self._bill
        self._bill = Bill()

    def call(self, room: str, method: str, path: str, body: object = None, key: str | None = None) -> Any:
        """The body of a handler's answer."""
        event = {
            "version": "2.0",
            "routeKey": f"{method} {path}",
            "rawPath": path,
            "rawQueryString": "",
            "headers": {"content-type": "application/json"} | ({"idempotency-key": key} if key else {}),
            "requestContext": {
                "requestId": "meter",
                "stage": "$default",
                "http": {"method": method, "path": path},
                "authorizer": {"jwt": {"claims": {"client_id": CALLER, "scope": "loyalty/members.read"}}},
            },
            "body": json.dumps(body) if body is not None else None,
            "isBase64Encoded": False,
        }
        answer = importlib.import_module(f"functions.{room}.api").handler(event, LambdaContext())
        assert answer["statusCode"] < 300, answer["body"]
        return json.loads(answer["body"])


@contextmanager
def metering(stack: Connection) -> Iterator[Meter]:
    """A meter on the deployed stack."""
    with inside(stack):
        yield Meter(stack)
