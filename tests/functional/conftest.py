"""A whole programme on moto: real handlers, real tables, a real bus; only AWS itself is played by moto.

`service.call(...)` sends a gateway event to the handler that the OpenAPI document names for the route;
`service.send(...)` sends an event through the queue's handler; `service.published()` is what the stream then tells.
"""

import importlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import boto3
import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from moto import mock_aws
from moto.dynamodb.models import dynamodb_backends
from moto.ses.models import ses_backends

from functions.program import store as programs
from functions.runtime import aws
from infra.tables import TABLES, create_table_request

ROOT = Path(__file__).parent.parent.parent
REGION = "eu-west-1"
ACCOUNT = "123456789012"
CLIENT = "till-client"
Json = dict[str, Any]

CONSUMERS = {
    "MemberEnrolmentRequested": "functions.enrolment.on_member_enrolment_requested",
    "PurchaseCompleted": "functions.accrual.on_purchase_completed",
    "RedemptionRequested": "functions.redemption.on_redemption_requested",
}


@dataclass(frozen=True)
class Answer:
    """What the handler gave the gateway."""

    status: int
    body: Json
    headers: Mapping[str, str]


@dataclass
class Service:
    """The programme as a partner meets it."""

    routes: list[tuple[str, re.Pattern[str], str]]
    queues: Mapping[str, str]
    records_read: int = 0

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        client: str = CLIENT,
        headers: Mapping[str, str] = {},
        query: Mapping[str, str] = {},
    ) -> Answer:
        """`body`: an object to send as JSON, or text to send as it is."""
        function = next(f for verb, pattern, f in self.routes if verb == method and pattern.fullmatch(path))
        module, _, name = function.partition("-")
        text = body if isinstance(body, str) else json.dumps(body) if body is not None else None
        answer = importlib.import_module(f"functions.{module}.{name}").handler(
            _gateway_event(method, path, text, client, headers, query), LambdaContext()
        )
        answered = {key.lower(): value for key, value in answer.get("headers", {}).items()}
        return Answer(answer["statusCode"], json.loads(answer["body"]), answered)

    def post(self, path: str, body: object, key: str | None = None, **more: Any) -> Answer:
        return self.call("POST", path, body, headers={"idempotency-key": key} if key else {}, **more)

    def get(self, path: str, **query: str) -> Answer:
        return self.call("GET", path, query=query)

    def send(self, detail_type: str, detail: object, *, source: str = "shop", event_id: str = "event-1") -> list[str]:
        """Deliver one event through the queue's handler; ids of the records that go back to the queue."""
        event = {
            "id": event_id,
            "source": source,
            "detail-type": detail_type,
            "time": "2026-11-21T10:00:00Z",
            "detail": detail,
        }
        return self.deliver(CONSUMERS[detail_type], json.dumps(event))

    def deliver(self, module: str, *bodies: str) -> list[str]:
        """Hand raw queue records to a consumer; ids of those that go back to the queue."""
        records = [_queue_record(f"record-{i}", body) for i, body in enumerate(bodies)]
        answer = importlib.import_module(module).handler({"Records": records}, LambdaContext())
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def stream_records(self) -> list[Json]:
        """The changes of the accounts table since the last call."""
        shard = dynamodb_backends[ACCOUNT][REGION].tables["accounts"].stream_shard
        assert shard is not None, "the accounts table has a stream"
        records = [record.to_json() for record in shard.items[self.records_read :]]
        self.records_read += len(records)
        # what the filter of the event source mapping lets through
        return [record for record in records if record["dynamodb"]["Keys"]["part"]["S"] == "A"]

    def publish(self) -> None:
        """Let the stream function work through what was committed."""
        importlib.import_module("functions.ledger.on_account_change").handler(
            {"Records": self.stream_records()}, LambdaContext()
        )

    def on_bus(self) -> list[Json]:
        """The events that reached the bus since the last call."""
        return [json.loads(message["Body"]) for message in _drain(self.queues["bus"])]

    def parked(self) -> list[Json]:
        """What lies in the dead-letter queue, with the reason."""
        return [
            {"body": message["Body"], "reason": message["MessageAttributes"]["reason"]["StringValue"]}
            for message in _drain(self.queues["dead"])
        ]

    def mails(self) -> list[Any]:
        """What went out, oldest first."""
        return list(ses_backends[ACCOUNT][REGION].sent_messages)

    def tables(self) -> dict[str, list[Json]]:
        """Everything in every table, to compare before and after."""
        client = boto3.client("dynamodb", REGION)
        found = {table.name: client.scan(TableName=table.name)["Items"] for table in TABLES}
        return {name: sorted(items, key=json.dumps) for name, items in found.items()}


def _gateway_event(
    method: str, path: str, body: str | None, client: str, headers: Mapping[str, str], query: Mapping[str, str]
) -> Json:
    return {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": urlencode(query),
        "queryStringParameters": dict(query),
        "headers": {"content-type": "application/json", **headers},
        "requestContext": {
            "requestId": "request-1",
            "stage": "$default",
            "http": {"method": method, "path": path},
            "authorizer": {"jwt": {"claims": {"client_id": client}, "scopes": None}},
        },
        "body": body,
        "isBase64Encoded": False,
    }


def _queue_record(message_id: str, body: str) -> Json:
    return {"messageId": message_id, "body": body, "eventSource": "aws:sqs", "attributes": {}, "messageAttributes": {}}


def _drain(queue: str) -> list[Any]:
    sqs = boto3.client("sqs", REGION)
    found: list[Any] = []
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"]).get(
        "Messages"
    ):
        for message in messages:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        found += messages
    return found


def _routes() -> list[tuple[str, re.Pattern[str], str]]:
    paths = json.loads((ROOT / "docs" / "openapi.json").read_text())["paths"]
    found = [
        (method.upper(), re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), operation["x-function"])
        for path, operations in paths.items()
        for method, operation in operations.items()
    ]
    return sorted(found, key=lambda route: "[^/]+" in route[1].pattern)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """A fresh stack with the record shop's programme in force."""
    for name, value in {
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "BUS_NAME": "loyalty",
        "SENDER": "club@example.com",
        **{f"{table.name.upper()}_TABLE": table.name for table in TABLES},
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        _forget_caches()
        queues = _deploy()
        monkeypatch.setenv("DEAD_LETTER_QUEUE_URL", queues["dead"])
        service = Service(_routes(), queues)
        publish_program(service, (ROOT / "programs" / "record-shop.yaml").read_text())
        yield service
    _forget_caches()


def publish_program(service: Service, text: str) -> int:
    """Publish a programme file and let it judge from now on; its version."""
    version: int = service.call("POST", "/v1/program/versions", {"text": text}).body["version"]
    service.call("POST", f"/v1/program/versions/{version}/activate")
    programs.forget()
    return version


def _forget_caches() -> None:
    for client in (aws.dynamodb, aws.events, aws.sqs, aws.sesv2):
        client.cache_clear()
    programs.forget()


def _deploy() -> dict[str, str]:
    dynamodb = boto3.client("dynamodb", REGION)
    for table in TABLES:
        dynamodb.create_table(**create_table_request(table, table.name))
    sqs, events = boto3.client("sqs", REGION), boto3.client("events", REGION)
    queues = {name: sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("bus", "dead")}
    events.create_event_bus(Name="loyalty")
    events.put_rule(Name="all", EventBusName="loyalty", EventPattern=json.dumps({"source": ["loyalty"]}))
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:bus"
    events.put_targets(Rule="all", EventBusName="loyalty", Targets=[{"Id": "queue", "Arn": arn}])
    boto3.client("sesv2", REGION).create_email_identity(EmailIdentity="club@example.com")
    return queues
