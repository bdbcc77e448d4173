"""What a purchase costs on AWS, all in, in dollars per million.

Units of DynamoDB and events are measured: the real handlers, one after the other, on the deployed tables, as the events
of one purchase lead from each to the next. Prices are those of a dated table. For how long Lambda runs there is an
assumption, since nothing here can tell.
"""

import importlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from cli.connection import Connection
from functions.runtime import aws
from functions.runtime.tables import to_wire
from tests.embedded.metered import Bill, Meter
from tests.embedded.partner import fresh, purchase

PRICES = {
    "write unit": 0.625,
    "read unit": 0.125,
    "HTTP request": 1.00,
    "event": 1.00,
    "queue request": 0.40,
    "function call": 0.20,
    "GB-second": 13.3334,
}
"""USD for a million, us-east-1, on demand, read in 2026; a GB-second is that of arm64."""
GIGABYTES = 0.5
ASSUMED_MS = {"accrual-api": 45, "ledger-on-account-change": 15}
_ASSUMED_MS_OF_OTHERS = 15
BOUGHT_BEFORE = 20
"""What a programme counts makes an account larger."""
FOLLOWERS = ("notifications-on-loyalty-event", "webhooks-on-loyalty-event")
"""What our own events start, each through a queue of its own."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one function adds to a purchase: how many events it was started with, how many it put on the bus."""

    function: str
    bill: Bill
    started: int
    events: int

    def dollars(self, at_once: int) -> float:
        """Per million purchases, where so many come to the function at once."""
        calls = self.started / at_once
        milliseconds = ASSUMED_MS.get(self.function, _ASSUMED_MS_OF_OTHERS)
        queued = self.function in FOLLOWERS
        return (
            self.bill.write_units * PRICES["write unit"]
            + self.bill.read_units * PRICES["read unit"]
            + self.events * PRICES["event"]
            + (PRICES["HTTP request"] if self.function == "accrual-api" else 0)
            + (self.started + 2 * calls) * PRICES["queue request"] * queued
            + calls * (PRICES["function call"] + milliseconds / 1000 * GIGABYTES * PRICES["GB-second"])
        )


def measure(stack: Connection, meter: Meter) -> list[Share]:
    """The way of one purchase of ten lines through the functions, for a member who has bought before."""
    member: str = meter.call("enrolment", "POST", "/v1/members", {"card": fresh("card")}, fresh("enrol"))["member_id"]
    _publish({"NewImage": _account(stack, member)})
    for _ in range(BOUGHT_BEFORE):
        before = _account(stack, member)
        meter.call("accrual", "POST", "/v1/purchases", purchase({"id": member}, occurred_at=_now()))
        _publish({"OldImage": before, "NewImage": _account(stack, member)})
    lines = [{"id": str(i), "sku": f"3760123456{i:03}", "quantity": 2, "amount": 500 + i} for i in range(1, 11)]
    before = _account(stack, member)
    with meter.bill(without=meter.now_and_then) as earned:
        meter.call("accrual", "POST", "/v1/purchases", purchase({"id": member}, lines=lines, occurred_at=_now()))
    with _told() as told, meter.bill(without=meter.now_and_then) as published:
        _publish({"OldImage": before, "NewImage": _account(stack, member)})
    shares = [
        Share("accrual-api", earned, 1, 0),
        Share("ledger-on-account-change", published, 1, len(told)),
    ]
    for function in FOLLOWERS:
        with _told() as more, meter.bill(without=meter.now_and_then) as bill:
            _handle(function, {"Records": [_queued(event) for event in told]})
        shares.append(Share(function, bill, len(told), len(more)))
    return shares


def _account(stack: Connection, member: str) -> dict[str, Any]:
    key = to_wire({"member": member, "part": "A"})
    item: dict[str, Any] = stack.aws("dynamodb").get_item(
        TableName=stack.table_names["accounts"], Key=key, ConsistentRead=True
    )["Item"]
    return item


def _publish(change: dict[str, Any]) -> None:
    _handle("ledger-on-account-change", {"Records": [{"dynamodb": change}]})


def _handle(function: str, event: dict[str, Any]) -> None:
    room, _, name = function.partition("-")
    answer = importlib.import_module(f"functions.{room}.{name.replace('-', '_')}").handler(event, LambdaContext())
    assert not (answer or {}).get("batchItemFailures"), f"{function} could not handle {event}"


@contextmanager
def _told() -> Iterator[list[dict[str, Any]]]:
    """What is put on the bus meanwhile."""
    told: list[dict[str, Any]] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        told.extend(params["Entries"])

    hooks = aws.events().meta.events
    hooks.register("before-parameter-build.events.PutEvents", note)
    yield told
    hooks.unregister("before-parameter-build.events.PutEvents", note)


def _now() -> str:
    """By the programme that is in force now, whatever was before."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _queued(entry: dict[str, Any]) -> dict[str, Any]:
    """An event as a function finds it in its queue."""
    body = {
        "id": fresh("event"),
        "source": entry["Source"],
        "time": _now(),
        "detail-type": entry["DetailType"],
        "detail": json.loads(entry["Detail"]),
    }
    return {"messageId": fresh("message"), "body": json.dumps(body), "attributes": {"ApproximateReceiveCount": "1"}}


@contextmanager
def alone(stack: Connection) -> Iterator[None]:
    """While it lasts, nothing that happens starts a deployed function, which would do the same work as well."""
    functions = stack.aws("lambda")
    started_by = [one["UUID"] for one in functions.list_event_source_mappings()["EventSourceMappings"]]
    for uuid in started_by:
        functions.update_event_source_mapping(UUID=uuid, Enabled=False)
    yield
    for uuid in started_by:
        functions.update_event_source_mapping(UUID=uuid, Enabled=True)
