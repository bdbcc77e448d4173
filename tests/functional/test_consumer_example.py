"""The consumer that partners may copy: an event that comes twice is worked on once."""

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

ROOT = Path(__file__).resolve().parent.parent.parent
REGION = "eu-west-1"
CONTEXT: Any = SimpleNamespace(get_remaining_time_in_millis=lambda: 10_000, function_name="consumer")


@pytest.fixture
def consumer(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.setenv("SEEN_TABLE", "seen")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        boto3.client("dynamodb", REGION).create_table(
            TableName="seen",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        )
        spec = importlib.util.spec_from_file_location("consumer", ROOT / "examples/consumer/on_points_earned.py")
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module


def batch(*event_ids: str) -> dict[str, Any]:
    sample = json.loads((ROOT / "events/outbound/PointsEarned.json").read_text())
    detail = sample.get("detail", sample)
    bodies = [{"detail": {**detail, "metadata": {**detail["metadata"], "event_id": one}}} for one in event_ids]
    records = [
        {"messageId": f"m{i}", "body": json.dumps(body), "eventSource": "aws:sqs"} for i, body in enumerate(bodies)
    ]
    return {"Records": records}


def test_an_event_that_comes_twice_is_worked_on_once(consumer: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(consumer.logger, "info", lambda name, **_: done.append(name))
    first = consumer.handler(batch("mem_a#1", "mem_a#1", "mem_a#2"), CONTEXT)
    again = consumer.handler(batch("mem_a#1"), CONTEXT)

    assert first == again == {"batchItemFailures": []}
    assert done == ["points_seen", "points_seen"]


def test_an_event_without_an_id_goes_back_to_the_queue(consumer: ModuleType) -> None:
    nameless = batch("x")
    body = json.loads(nameless["Records"][0]["body"])
    del body["detail"]["metadata"]["event_id"]
    nameless["Records"][0]["body"] = json.dumps(body)

    assert consumer.handler(nameless, CONTEXT) == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
