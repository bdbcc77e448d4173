"""What the embedded tests do as a partner: call, send, wait. Every wait ends as soon as what it waits for is there."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx

from cli import programs
from cli.connection import Connection
from functions.ledger.items import ACCOUNT, PUBLISHED
from functions.program.store import SECONDS_CACHED

Json = dict[str, Any]
Found = TypeVar("Found")

_PATIENCE = 60.0


def fresh(prefix: str) -> str:
    """An id that no other test uses."""
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


_BY_THE_CLOCK = ("passed_on", "due_on", "due", "revision")


def _without_time(account: Json) -> Json:
    return {name: value for name, value in account.items() if name not in _BY_THE_CLOCK}


def until(look: Callable[[], Found | None], what: str, seconds: float = _PATIENCE) -> Found:
    """What `look` finds, as soon as it finds something."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.1)
    raise AssertionError(f"waited {seconds:.0f} s in vain for {what}")


@dataclass(frozen=True)
class Partner:
    """A partner system at the deployed stack. `source` is the name under which it puts events on the bus."""

    stack: Connection
    source: str

    def put_in_force(self, file: Path) -> None:
        """Let a programme judge what happens from now on, and wait until every warm function knows."""
        programs.put_in_force(self.stack, file)
        time.sleep(SECONDS_CACHED + 1)

    def post(self, path: str, body: object, key: str | None = None) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        return self.stack.api.post(path, json=body, headers=headers)

    def get(self, path: str, **query: str) -> httpx.Response:
        return self.stack.api.get(path, params=query)

    def put(self, detail_type: str, detail: object, source: str | None = None) -> None:
        entry: Any = {
            "EventBusName": self.stack.bus_name,
            "Source": source or self.source,
            "DetailType": detail_type,
            "Detail": json.dumps(detail),
        }
        assert self.stack.aws("events").put_events(Entries=[entry])["FailedEntryCount"] == 0

    def enrol(self, **identities: str) -> str:
        answer = self.post("/v1/members", identities or {"card": fresh("card")}, key=fresh("enrol"))
        assert answer.status_code == 201, answer.text
        member: str = answer.json()["member_id"]
        return member

    def balance(self, member: str) -> Json:
        found: Json = self.get(f"/v1/members/{member}/balance").raise_for_status().json()
        return found

    def statement(self, member: str) -> list[Json]:
        """All entries of a member, first to last."""
        entries: list[Json] = []
        query: dict[str, str] = {}
        while True:
            page = self.get(f"/v1/members/{member}/ledger", **query).raise_for_status().json()
            entries += page["items"]
            if page["next_cursor"] is None:
                return entries[::-1]
            query = {"cursor": page["next_cursor"]}

    def booked(self, member: str, n: int) -> list[Json]:
        """The statement, as soon as it has `n` entries."""
        return until(lambda: ((found := self.statement(member)) and len(found) >= n and found) or None, f"{n} entries")

    def found(self, **identity: str) -> Json:
        """A member by an identity, as soon as there is one."""

        def look() -> Json | None:
            answer = self.get("/v1/members", **identity)
            return answer.json() if answer.status_code == 200 else None

        return until(look, f"a member with {identity}")

    def tables(self) -> dict[str, list[str]]:
        """Everything in every table, to compare before and after; but not the feed, which a moment later tells of what
        was before, nor what the clock notes on accounts, at a moment of its own."""
        dynamodb = self.stack.aws("dynamodb")
        found: dict[str, list[str]] = {}
        for name, table in self.stack.table_names.items():
            if name == "feed":
                continue
            pages = dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
            items = [item for page in pages for item in page["Items"]]
            if name == "accounts":
                items = [_without_time(item) for item in items if item["part"]["S"] in {ACCOUNT, PUBLISHED}]
            found[name] = sorted(json.dumps(item, sort_keys=True) for item in items)
        return found

    def mails(self, address: str) -> list[Json]:
        answer = httpx.get(f"{self.stack.endpoint_url}/_ministack/ses/messages", trust_env=False).json()
        return [mail for mails in answer["messages"].values() for mail in mails if address in mail["To"]]

    @contextmanager
    def listening(self) -> Iterator[Callable[[Callable[[Json], bool]], list[Json]]]:
        """Hear every event that the programme puts on the bus: `heard(wanted)` gives those so far, oldest first."""
        sqs, events = self.stack.aws("sqs"), self.stack.aws("events")
        name = fresh("listener")
        queue = sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        bus = self.stack.bus_name
        events.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps({"source": ["loyalty"]}))
        events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
        received: list[Json] = []

        def heard(wanted: Callable[[Json], bool]) -> list[Json]:
            while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
                for message in messages:
                    received.append(json.loads(message["Body"]))
                    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            return [event for event in received if wanted(event)]

        try:
            yield heard
        finally:
            events.remove_targets(Rule=name, EventBusName=bus, Ids=["queue"])
            events.delete_rule(Name=name, EventBusName=bus)
            sqs.delete_queue(QueueUrl=queue)


def purchase(member: Json, amount: int = 5000, **changes: Any) -> Json:
    """A purchase of one record in the ready programme's currency."""
    return {
        "id": fresh("receipt"),
        "member": member,
        "occurred_at": "2026-11-20T18:00:00+01:00",
        "currency": "USD",
        "lines": [{"id": "1", "sku": "lp-1", "quantity": 1, "amount": amount}],
        **changes,
    }


def dead_letters(stack: Connection, function: str) -> list[Json]:
    """What lies in the dead-letter queue of a function; taken out, so that every test sees its own."""
    sqs = stack.aws("sqs")
    url = sqs.get_queue_url(QueueName=f"{stack.bus_name}-{function}-dead-letters")["QueueUrl"]
    found: list[Json] = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]).get(
        "Messages"
    ):
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            found.append(dict(message))
    return found
