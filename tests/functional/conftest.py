"""A whole programme on moto: real handlers, real tables, a real bus; only AWS itself is played by moto.

`service.call(...)` sends a gateway event to the handler that the OpenAPI document names for the route, and checks the
answer against that document; `service.send(...)` sends an event through the queue's handler; `service.publish()` lets
the stream tell what was committed, and `service.on_bus()` is what then reached the bus, checked against its schema.

Time stands still at `NOW` until a test moves it. When a test ends, the books must balance and the log must hold
nothing personal, whatever the test was about.
"""

import base64
import importlib
import io
import json
import logging
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import boto3
import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from moto import mock_aws
from moto.dynamodb.models import dynamodb_backends
from moto.sns.models import sns_backends

from functions.ledger import stockproof
from functions.program import store as programs
from functions.runtime import aws, outgoing
from functions.runtime.bus import TRIES
from functions.runtime.observability import logger
from functions.runtime.tables import from_wire
from functions.webhooks import store as webhooks
from infra.functions import FUNCTIONS, BusEvents, Source
from infra.tables import TABLES, create_table_request
from tests.contract import schemas
from tests.functional.grants import Grants
from tests.functional.quick_moto import quick_moto

ROOT = Path(__file__).parent.parent.parent
REGION = "eu-west-1"
ACCOUNT = "123456789012"
CLIENT = "till-client"
SENDER = "club@example.com"
API_URL = "https://api.example.com/"
NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
Json = dict[str, Any]
EVERYTHING = frozenset(
    scope for _, _, one in schemas.operations() for need in one["security"] for scope in need["oauth2"]
)
"""All scopes that there are."""


def module_of(function: str) -> str:
    """Where the code of a function is."""
    room, _, name = function.partition("-")
    return f"functions.{room}.{name.replace('-', '_')}"


_TAKERS = [(module_of(spec.name), spec.trigger) for spec in FUNCTIONS if isinstance(spec.trigger, BusEvents)]
CONSUMERS = {
    name: module for module, trigger in _TAKERS if trigger.source is Source.PARTNERS for name in trigger.detail_types
}
"""Who takes what partners put on the bus."""
OURS = {module: trigger.detail_types for module, trigger in _TAKERS if trigger.source is Source.OURSELVES}
"""What of our own news each of those takes who listen to it."""
TELLERS = {"functions.webhooks.on_loyalty_event", "functions.webhooks.on_deliveries_due"}
"""Who tells partners: that changes nothing in the books, and every news would be written down once more."""
NOTIFIER = "functions.notifications.on_loyalty_event"
SENDERS = ("functions.notifications.on_email_due", "functions.notifications.on_sms_due")
FULFILLER = "functions.redemption.on_fulfilment_requested"
SUPPLIER_SECRET = "whsec_" + base64.b64encode(b"a secret of 32 bytes for signing").decode()
WEBHOOK_SECRET = "44LettersAndDigitsThatTheDeploymentHasMadeUp1"
FOLLOWER = "functions.accrual.on_loyalty_event"
GRANTS = Grants()


class Clock:
    """The time, which stands still until it is moved."""

    def __init__(self) -> None:
        self.time = NOW

    def __call__(self) -> datetime:
        return self.time

    def move(self, **by: float) -> None:
        self.time += timedelta(**by)


class Context(LambdaContext):
    """What Lambda tells a function of its run: it has just begun."""

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 300_000


@dataclass(frozen=True)
class Mail:
    """A mail as SES was asked to send it."""

    request: Json

    @property
    def subject(self) -> str:
        return str(self._content["Subject"]["Data"])

    @property
    def body(self) -> str:
        return str(self._content["Body"]["Text"]["Data"])

    @property
    def html(self) -> str:
        return str(self._content["Body"]["Html"]["Data"])

    @property
    def headers(self) -> dict[str, str]:
        return {one["Name"]: one["Value"] for one in self._content["Headers"]}

    @property
    def to(self) -> list[str]:
        return list(self.request["Destination"]["ToAddresses"])

    @property
    def tags(self) -> dict[str, str]:
        return {one["Name"]: one["Value"] for one in self.request["EmailTags"]}

    @property
    def _content(self) -> Json:
        return dict(self.request["Content"]["Simple"])


@dataclass(frozen=True)
class Answer:
    """What the handler gave the gateway."""

    status: int
    body: Json
    headers: Mapping[str, str]

    @property
    def replayed(self) -> bool:
        return self.headers.get("idempotency-replayed") == "true"


@dataclass(frozen=True)
class Route:
    """One operation of the contract and the function behind it."""

    method: str
    path: str
    function: str

    def serves(self, method: str, path: str) -> bool:
        return method == self.method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", self.path), path) is not None

    @property
    def module(self) -> str:
        return module_of(self.function)


@dataclass
class Service:
    """The programme as a partner meets it."""

    routes: list[Route]
    queues: Mapping[str, str]
    clock: Clock
    log: io.StringIO
    records_read: int = 0

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        client: str = CLIENT,
        scopes: Collection[str] = EVERYTHING,
        headers: Mapping[str, str] = {},
        query: Mapping[str, str] = {},
        request_id: str = "request-1",
        as_documented: bool = True,
    ) -> Answer:
        """`body`: an object to send as JSON, or text or bytes to send as they are. What is accepted must be as the
        document says; `as_documented` is False for a batch with items that are not."""
        route = next(route for route in self.routes if route.serves(method, path))
        text = body if isinstance(body, str | bytes | None) else json.dumps(body)
        event = gateway_event(
            route, path, text, {"client_id": client, "scope": " ".join(scopes)}, headers, query, request_id
        )
        given = self._run(route.module, event)
        answered = {key.lower(): value for key, value in given.get("headers", {}).items()}
        is_json = "json" in answered.get("content-type", "json")
        told = json.loads(given["body"] or "null") if is_json else given["body"]
        answer = Answer(given["statusCode"], told, answered)
        schemas.check_answer(method, route.path, answer.status, answered.get("content-type", ""), answer.body)
        if text is not None and answer.status < 300 and as_documented:
            schemas.check_request(method, route.path, json.loads(text))
        return answer

    def post(self, path: str, body: object, key: str | None = None, **more: Any) -> Answer:
        return self.call("POST", path, body, headers={"idempotency-key": key} if key else {}, **more)

    def get(self, path: str, **query: str) -> Answer:
        return self.call("GET", path, query=query)

    def send(
        self, detail_type: str, detail: object, *, source: str = "shop", event_id: str = "event-1", tries: int = 1
    ) -> list[str]:
        """Deliver one event through the queue's handler, for the so many-th time; ids of the records that go back to
        the queue."""
        event = {
            "id": event_id,
            "source": source,
            "detail-type": detail_type,
            "time": f"{self.clock():%Y-%m-%dT%H:%M:%SZ}",
            "detail": detail,
        }
        return self.deliver(CONSUMERS[detail_type], json.dumps(event), tries=tries)

    def send_until_taken(self, detail_type: str, detail: object, **more: Any) -> int:
        """Deliver one event as the queue does, again and again until it stays away; how often."""
        for tries in range(1, TRIES + 1):
            if not self.send(detail_type, detail, tries=tries, **more):
                return tries
        raise AssertionError("it became a dead letter")

    def deliver(self, module: str, *bodies: str, tries: int = 1) -> list[str]:
        """Hand raw queue records to a consumer; ids of those that go back to the queue."""
        records = [_queue_record(f"record-{i}", body, tries) for i, body in enumerate(bodies)]
        answer = self._run(module, {"Records": records})
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def stream_records(self) -> list[Json]:
        """The changes of the accounts table since the last call."""
        shard = dynamodb_backends[ACCOUNT][REGION].tables["accounts"].stream_shard
        assert shard is not None, "the accounts table has a stream"
        records = [record.to_json() for record in shard.items[self.records_read :]]
        self.records_read += len(records)
        # what the filter of the event source mapping lets through
        return [record for record in records if record["dynamodb"]["Keys"]["part"]["S"] == "A"]

    def publish(self, records: list[Json] | None = None) -> None:
        """Let the stream function work through what was committed, or through these records of it."""
        records = self.stream_records() if records is None else records
        self._run("functions.ledger.on_account_change", {"Records": records})

    def sweep(self) -> None:
        """Let the clock's function look for what the stream did not publish."""
        self._run("functions.ledger.every_hour", {})

    def on_bus(self) -> list[Json]:
        """The events that reached the bus since the last call."""
        events = [json.loads(message["Body"]) for message in _drain(self.queues["bus"])]
        for event in events:
            schemas.check_event(event["detail-type"], event["detail"])
        return events

    def notify(self, events: list[Json] | None = None) -> list[str]:
        """Publish what was committed and hand what concerns the mails to their function, or hand it these events; and
        let go out what is due by that."""
        if events is None:
            self.publish()
            events = self.on_bus()
        again = self.hand(NOTIFIER, events)
        due = self.on_bus()
        return again + [one for sender in SENDERS for one in self.hand(sender, due)]

    def hand(self, module: str, events: list[Json], tries: int = 1) -> list[str]:
        """Hand these events of ours to one who listens, as far as the bus would."""
        bodies = [json.dumps(event) for event in events if event["detail-type"] in OURS[module]]
        return self.deliver(module, *bodies, tries=tries) if bodies else []

    def settle(self) -> list[Json]:
        """Let everything that was committed take its course: it is told, all who listen act on it, and what that
        commits is told too, until nothing is left to tell. Everything that was told."""
        told: list[Json] = []
        while news := self._news():
            told += news
            for module in OURS:
                if module in TELLERS:
                    continue
                for event in news:
                    if not self._taken(module, event):
                        raise AssertionError(f"{event['detail-type']} became a dead letter of {module}")
        return told

    def _news(self) -> list[Json]:
        self.publish()
        return self.on_bus()

    def _taken(self, module: str, event: Json) -> bool:
        return any(not self.hand(module, [event], tries) for tries in range(1, TRIES + 1))

    def every_hour(self) -> list[Json]:
        """Let the clock's function look for members for whom something is due, and let that take its course."""
        self._run("functions.lifecycle.every_hour", {})
        return self.settle()

    def wake(self) -> list[Json]:
        """Let the clock's function look for messages that have waited, and let them go out; what it woke them with."""
        self._run("functions.notifications.every_minute", {})
        return self.settle()

    def every_night(self) -> None:
        """Let the clock's function look for returns that have waited too long."""
        self._run("functions.accrual.every_night", {})

    def every_minute(self) -> None:
        """Let the clock's function end the holds whose time is over."""
        self._run("functions.redemption.every_minute", {})

    def parked(self) -> list[Json]:
        """What lies in the dead-letter queue, with the reason."""
        return [
            {"body": message["Body"], "reason": message["MessageAttributes"]["reason"]["StringValue"]}
            for message in _drain(self.queues["dead"])
        ]

    def mails(self) -> list[Mail]:
        """What went out, oldest first."""
        return [Mail(request) for request in GRANTS.mailed]

    def texts(self) -> list[tuple[str, str]]:
        """Numbers and text messages that went out, oldest first."""
        return list(sns_backends[ACCOUNT][REGION].sms_messages.values())

    def tables(self) -> dict[str, list[Json]]:
        """Everything in every table, to compare before and after."""
        return {table.name: _scan(table.name) for table in TABLES}

    def items(self, table: str) -> list[Json]:
        """The items of one table as plain values."""
        return [from_wire(item) for item in _scan(table)]

    def _run(self, module: str, event: Json) -> Any:
        """Start a function as Lambda would, with no more than the calls it was granted."""
        _, room, trigger = module.split(".")
        with GRANTS.of(f"{room}-{trigger.replace('_', '-')}"):
            return importlib.import_module(module).handler(event, Context())

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """What happens in here writes nothing at all."""
        before = self.tables()
        yield
        assert self.tables() == before


def gateway_event(
    route: Route,
    path: str,
    body: str | bytes | None,
    claims: Mapping[str, str],
    headers: Mapping[str, str],
    query: Mapping[str, str],
    request_id: str,
) -> Json:
    return {
        "version": "2.0",
        "routeKey": f"{route.method} {route.path}",
        "rawPath": path,
        "rawQueryString": urlencode(query),
        "queryStringParameters": dict(query),
        "headers": {"content-type": "application/json", **headers},
        "requestContext": {
            "requestId": request_id,
            "stage": "$default",
            "http": {"method": route.method, "path": path},
            "authorizer": {"jwt": {"claims": dict(claims), "scopes": None}},
        },
        "body": base64.b64encode(body).decode() if isinstance(body, bytes) else body,
        "isBase64Encoded": isinstance(body, bytes),
    }


def _queue_record(message_id: str, body: str, tries: int) -> Json:
    received = {"ApproximateReceiveCount": str(tries)}
    return {
        "messageId": message_id,
        "body": body,
        "eventSource": "aws:sqs",
        "attributes": received,
        "messageAttributes": {},
    }


@cache
def aws_client(service: Any) -> Any:
    """The tests' own client: slow to make, and moto takes its calls whenever it was made."""
    return boto3.client(service, REGION, aws_access_key_id="test", aws_secret_access_key="test")


def _scan(table: str) -> list[Json]:
    """Straight from moto: most tests compare every table before and after."""
    items = dynamodb_backends[ACCOUNT][REGION].tables[table].all_items()
    return sorted((item.to_json()["Attributes"] for item in items), key=json.dumps)


def _drain(queue: str) -> list[Any]:
    sqs = aws_client("sqs")
    found: list[Any] = []
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"]).get(
        "Messages"
    ):
        for message in messages:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        found += messages
    return found


def _routes() -> list[Route]:
    """A fixed path comes before one with a variable in the same place."""
    found = [Route(method, path, operation["x-function"]) for method, path, operation in schemas.operations()]
    return sorted(found, key=lambda route: "{" in route.path)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """A fresh stack with the record shop's programme in force."""
    with deployed(monkeypatch) as service:
        yield service


@contextmanager
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """A stack of its own, for the tests that compare two."""
    for name, value in {
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "BUS_NAME": "loyalty",
        "SENDER": SENDER,
        "SUPPLIER_SECRET": "suppliers",
        "LINKS_SECRET": "links",
        "API_URL": API_URL,
        "CONFIGURATION_SET": "fidelio-mail",
        "WEBHOOK_SECRET": "webhooks",
        "LOCAL_ENDPOINTS": "yes",
        "POWERTOOLS_METRICS_NAMESPACE": "Fidelio",
        **{f"{table.name.upper()}_TABLE": table.name for table in TABLES},
    }.items():
        monkeypatch.setenv(name, value)
    clock = Clock()
    monkeypatch.setattr("functions.runtime.clock.now", clock)
    monkeypatch.setattr("functions.runtime.clock.wall", clock)
    with mock_aws(), _logged() as log:
        programs.forget()
        webhooks.forget()
        outgoing.secret.cache_clear()
        GRANTS.watch()
        queues = _deploy()
        monkeypatch.setenv("DEAD_LETTER_QUEUE_URL", queues["dead"])
        service = Service(_routes(), queues, clock, log)
        publish_program(service, (ROOT / "programs" / "record-shop.yaml").read_text())
        yield service
        check_books(service)
        assert "@" not in log.getvalue(), "an e-mail address in the log"
    programs.forget()


def publish_program(service: Service, text: str) -> int:
    """Publish a programme file and let it judge from now on; its version."""
    version: int = service.call("POST", "/v1/program/versions", {"text": text}).body["version"]
    service.call("POST", f"/v1/program/versions/{version}/activate")
    programs.forget()
    return version


def check_books(service: Service) -> None:
    """Every account is the sum of its entries: as many as `n` says, numbered without a gap, part by part.

    Each entry tells the balance after it, and no purchase gave back more than it had.
    """
    entries = [entry for entry in service.items("entries") if "kind" in entry]
    for account in (item for item in service.items("accounts") if item["part"] == "A"):
        own = sorted((entry for entry in entries if entry["member"] == account["member"]), key=lambda one: one["n"])
        assert [entry["n"] for entry in own] == list(range(1, account["n"] + 1))
        books = Books()
        for entry in own:
            books.book(entry["change"])
            assert entry["balance"] == books.balance(entry.get("booked_on", entry["recorded_at"][:10]))
        kept = [{name: dict(lots) for name, lots in account["holds"].items()}, account["debt"]]
        assert [books.lots, books.pending] == [account["lots"], account["pending"]]
        assert [{name: dict(lots) for name, lots in books.holds.items() if lots}, books.debt] == kept
        assert all(points > 0 for points in account["lots"].values())
    for purchase in (entry for entry in entries if "returned" in entry):
        check_returned(purchase, [one for one in entries if "reversal" in one])
    check_vouchers(service, entries)
    check_stocks(service, entries)


def check_vouchers(service: Service, entries: list[Json]) -> None:
    """A voucher is worth what it was issued for, or what the last left that used it or took of it."""
    for voucher in (item for item in service.items("rewards") if item["key"].startswith("V#")):
        code = voucher["key"][2:]
        withdrawn = [one for entry in entries for one in entry.get("withdrawn", ()) if one["reward"]["code"] == code]
        uses = [entry["used"] for entry in entries if "used" in entry and entry["used"]["reward"]["code"] == code]
        taken = {one["seen"]: one["left"] for one in (*withdrawn, *uses)}
        [issued] = [
            reward
            for entry in entries
            for reward in (*entry.get("issued", ()), *([entry["reward"]] if entry["kind"] == "redeemed" else []))
            if reward["code"] == code
        ]
        assert sorted(taken) == list(range(len(withdrawn) + len(uses)))
        assert voucher.get("changes", 0) == len(taken)
        assert voucher["value"] == (taken[len(taken) - 1] if taken else issued["value"])
        assert voucher.get("withdrawn", False) == any(not one["left"] for one in withdrawn)
        assert voucher.get("uses", 0) == len(uses)
        assert voucher.get("used_up", False) == any(one["used_up"] for one in uses)


def check_stocks(service: Service, entries: list[Json]) -> None:
    """What is counted as taken of a stock or a budget is what the entries took, and what came in is noted."""
    drawn: Counter[str] = Counter()
    for entry in entries:
        for name, _shard, pieces, _room in entry.get("draws", ()):
            drawn[name] += pieces
    counted = stockproof.counted()
    assert list(stockproof.differences(drawn, counted, counted)) == []


@dataclass
class Books:
    """The parts of an account, from nothing but what its entries say."""

    lots: Counter[str] = field(default_factory=Counter)
    pending: Counter[str] = field(default_factory=Counter)
    holds: dict[str, Counter[str]] = field(default_factory=dict)
    debt: int = 0

    def book(self, change: Json) -> None:
        _add(self.lots, change.get("lots", {}))
        _add(self.pending, change.get("pending", {}))
        for hold, lots in change.get("holds", {}).items():
            _add(self.holds.setdefault(hold, Counter()), lots)
        self.debt += change.get("debt", 0)
        assert self.debt >= 0

    @staticmethod
    def points(change: Json) -> int:
        """By how much a change changes what the member owns."""
        lots: list[dict[str, int]] = [
            change.get("lots", {}),
            change.get("pending", {}),
            *change.get("holds", {}).values(),
        ]
        return sum(points for one in lots for points in one.values()) - int(change.get("debt", 0))

    def balance(self, today: str) -> list[int]:
        active = sum(points for day, points in self.lots.items() if day >= today)
        held = sum(lots.total() for lots in self.holds.values())
        return [active, self.pending.total(), held, self.debt]


def _add(lots: Counter[str], change: Mapping[str, int]) -> None:
    """Add a signed change; what is empty goes, and nothing is ever below zero."""
    for day, points in change.items():
        lots[day] += points
        assert lots[day] >= 0
        if not lots[day]:
            del lots[day]


def check_returned(purchase: Json, reversals: list[Json]) -> None:
    """What a purchase says has come back is what its returns say, and never more than it was."""
    own = [one for one in reversals if one["reversal"]["operation"] == purchase["operation"]]
    assert len(own) == purchase["reversals"]
    assert sorted(one["reversal"]["seen"] for one in own) == list(range(len(own)))
    for line, quantity, _amount, points in purchase.get("lines", ()):
        back = purchase["returned"].get(line, [0, 0])
        assert back[0] <= quantity
        assert back[1] <= points
        assert back[1] == -sum(one["why"][0][3].get(line, 0) for one in own)
    if purchase["kind"] == "redeemed":
        [[pieces, back]] = purchase["returned"].values()
        changes = [Books.points(one["change"]) for one in (purchase, *own)]
        assert (pieces, back) == (1, sum(changes[1:]))
        assert sum(changes) <= 0


@contextmanager
def _logged() -> Iterator[io.StringIO]:
    """What the functions log, as it is written."""
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    handler.setFormatter(logger.registered_formatter)
    underneath = logging.getLogger(logger.name)
    underneath.addHandler(handler)
    try:
        yield log
    finally:
        underneath.removeHandler(handler)


@pytest.fixture(scope="package", autouse=True)
def _clients_of_their_own() -> Iterator[None]:
    """The functions' clients are slow to make, so all tests here share theirs; nobody else does."""
    getters = (aws.dynamodb, aws.events, aws.sqs, aws.sesv2, aws.sns, aws.secretsmanager)
    for getter in getters:
        getter.cache_clear()
    with quick_moto():
        yield
    for getter in getters:
        getter.cache_clear()


def _deploy() -> dict[str, str]:
    for table in TABLES:
        aws_client("dynamodb").create_table(**create_table_request(table, table.name))
    sqs, events = aws_client("sqs"), aws_client("events")
    queues = {name: sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("bus", "dead")}
    events.create_event_bus(Name="loyalty")
    events.put_rule(Name="all", EventBusName="loyalty", EventPattern=json.dumps({"source": ["loyalty"]}))
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:bus"
    events.put_targets(Rule="all", EventBusName="loyalty", Targets=[{"Id": "queue", "Arn": arn}])
    aws_client("sesv2").create_email_identity(EmailIdentity=SENDER)
    aws_client("sesv2").create_configuration_set(ConfigurationSetName="fidelio-mail")
    aws_client("secretsmanager").create_secret(Name="links", SecretString="a secret of the tests")
    aws_client("secretsmanager").create_secret(Name="suppliers", SecretString=SUPPLIER_SECRET)
    aws_client("secretsmanager").create_secret(Name="webhooks", SecretString=WEBHOOK_SECRET)
    return queues
