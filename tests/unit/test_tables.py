"""DynamoDB in plain words: items exactly as boto3 would write them, and errors of the wire as errors of ours."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.types import TypeSerializer
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from functions.runtime import aws, tables
from functions.runtime.tables import Add, CancelledError, ConditionFailedError, Put, Reason, Remove, from_wire, to_wire

whole_numbers = st.integers(-(10**38) + 1, 10**38 - 1)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | whole_numbers | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(min_size=1, max_size=8), inner, max_size=4),
    max_leaves=12,
)
plain_items = st.dictionaries(st.text(min_size=1, max_size=8), values, max_size=6)


@given(plain_items)
def test_an_item_is_read_as_it_was_written(item: dict[str, Any]) -> None:
    assert from_wire(to_wire(item)) == item


@given(plain_items)
def test_an_item_is_written_as_boto3_would(item: dict[str, Any]) -> None:
    serialize = TypeSerializer().serialize
    assert to_wire(item) == {name: serialize(value) for name, value in item.items()}


def test_a_tuple_is_a_list() -> None:
    assert to_wire({"latest": ("a", "b")}) == {"latest": {"L": [{"S": "a"}, {"S": "b"}]}}


def test_true_is_no_number_and_1_no_bool() -> None:
    assert to_wire({"yes": True, "one": 1}) == {"yes": {"BOOL": True}, "one": {"N": "1"}}
    assert [type(value) for value in from_wire({"yes": {"BOOL": True}, "one": {"N": "1"}}).values()] == [bool, int]


@pytest.mark.parametrize(
    "value", [1.0, Decimal("4.99"), b"bytes", {1, 2}, object()], ids=lambda one: type(one).__name__
)
def test_what_is_no_plain_value_cannot_be_stored(value: object) -> None:
    with pytest.raises(TypeError, match="cannot be stored"):
        to_wire({"amount": value})


def test_a_fraction_cannot_be_read_as_points() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        from_wire({"points": {"N": "1.5"}})


class Failing:
    """DynamoDB, answering every call with one error."""

    def __init__(self, code: str, **more: Any) -> None:
        answer: Any = {"Error": {"Code": code, "Message": "no"}, **more}
        self.error = ClientError(answer, "Any")

    def __getattr__(self, operation: str) -> Any:
        def call(**_: Any) -> Any:
            raise self.error

        return call


WRITE = Put("entries", {"operation": "purchase#till#receipt-1"}, key="operation")


@pytest.fixture(autouse=True, scope="module")
def _tables_have_names() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("ENTRIES_TABLE", "entries")
        yield


def test_a_cancelled_transaction_tells_why_for_each_write(monkeypatch: pytest.MonkeyPatch) -> None:
    reasons = [{"Code": "None"}, {"Code": "ConditionalCheckFailed", "Item": {"n": {"N": "7"}}}, {}]
    failing = Failing("TransactionCanceledException", CancellationReasons=reasons)
    monkeypatch.setattr(aws, "dynamodb", lambda: failing)
    with pytest.raises(CancelledError) as cancelled:
        tables.transact([WRITE] * 3)
    assert cancelled.value.reasons == (
        Reason("None", None),
        Reason("ConditionalCheckFailed", {"n": 7}),
        Reason("None", None),
    )
    assert cancelled.value.has("ConditionalCheckFailed", "ValidationError")
    assert not cancelled.value.has("TransactionConflict", "ValidationError")


@pytest.mark.parametrize("code", ["TransactionConflictException", "TransactionInProgressException"])
def test_a_transaction_that_meets_another_is_cancelled_as_a_whole(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    monkeypatch.setattr(aws, "dynamodb", lambda: Failing(code))
    with pytest.raises(CancelledError) as cancelled:
        tables.transact([WRITE] * 2)
    assert cancelled.value.reasons == (Reason("TransactionConflict", None),) * 2


def test_a_draw_adds_to_a_number_that_is_not_too_large_yet() -> None:
    assert Add("entries", {"part": "BUDGET#rule"}, "spent", amount=30, most=70).wire() == {
        "Update": {
            "TableName": "entries",
            "Key": {"part": {"S": "BUDGET#rule"}},
            "UpdateExpression": "ADD #counter :amount",
            "ConditionExpression": "attribute_not_exists(#counter) OR #counter <= :most",
            "ExpressionAttributeNames": {"#counter": "spent"},
            "ExpressionAttributeValues": {":amount": {"N": "30"}, ":most": {"N": "70"}},
            "ReturnValuesOnConditionCheckFailure": "NONE",
        }
    }


def test_an_item_is_removed_only_as_it_was_seen() -> None:
    removed = Remove("entries", {"operation": "o"}, {"member": "mem_a", "n": 7})
    assert removed.wire() == {
        "Delete": {
            "TableName": "entries",
            "Key": {"operation": {"S": "o"}},
            "ConditionExpression": "#member = :member AND #n = :n",
            "ExpressionAttributeNames": {"#member": "member", "#n": "n"},
            "ExpressionAttributeValues": {":member": {"S": "mem_a"}, ":n": {"N": "7"}},
            "ReturnValuesOnConditionCheckFailure": "NONE",
        }
    }


class Listening:
    """DynamoDB, noting what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, operation: str) -> Any:
        return lambda **request: self.asked.append((operation, request))


def test_an_update_without_values_sends_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """DynamoDB refuses an empty map of them."""
    listening = Listening()
    monkeypatch.setattr(aws, "dynamodb", lambda: listening)
    assert tables.update("entries", {"operation": "o"}, "REMOVE #note", "attribute_exists(#operation)", {}) is True
    assert tables.update("entries", {"operation": "o"}, "SET #n = :n", "#n < :n", {"n": 1}) is True
    assert listening.asked == [
        (
            "update_item",
            {
                "TableName": "entries",
                "Key": {"operation": {"S": "o"}},
                "UpdateExpression": "REMOVE #note",
                "ConditionExpression": "attribute_exists(#operation)",
                "ExpressionAttributeNames": {"#note": "note", "#operation": "operation"},
            },
        ),
        (
            "update_item",
            {
                "TableName": "entries",
                "Key": {"operation": {"S": "o"}},
                "UpdateExpression": "SET #n = :n",
                "ConditionExpression": "#n < :n",
                "ExpressionAttributeNames": {"#n": "n"},
                "ExpressionAttributeValues": {":n": {"N": "1"}},
            },
        ),
    ]


def test_an_item_is_removed_whether_it_is_there_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    listening = Listening()
    monkeypatch.setattr(aws, "dynamodb", lambda: listening)
    tables.remove("entries", {"operation": "o"})
    assert listening.asked == [("delete_item", {"TableName": "entries", "Key": {"operation": {"S": "o"}}})]


def test_a_put_that_finds_another_item_gives_it(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"n": {"N": "7"}}
    monkeypatch.setattr(aws, "dynamodb", lambda: Failing("ConditionalCheckFailedException", Item=found))
    with pytest.raises(ConditionFailedError) as failed:
        tables.put_new("entries", {"operation": "o"}, key="operation")
    assert failed.value.item == {"n": 7}


def test_an_update_whose_condition_fails_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws, "dynamodb", lambda: Failing("ConditionalCheckFailedException"))
    assert tables.update("entries", {"operation": "o"}, "SET #n = :n", "#n < :n", {"n": 1}) is False


@pytest.mark.parametrize(
    "call",
    [
        lambda: tables.transact([WRITE]),
        lambda: tables.put_new("entries", {"operation": "o"}, key="operation"),
        lambda: tables.update("entries", {"operation": "o"}, "SET #n = :n", "#n < :n", {"n": 1}),
        lambda: tables.get("entries", {"operation": "o"}),
    ],
    ids=["transact", "put_new", "update", "get"],
)
def test_any_other_error_stays_what_it_is(monkeypatch: pytest.MonkeyPatch, call: Callable[[], object]) -> None:
    monkeypatch.setattr(aws, "dynamodb", lambda: Failing("AccessDeniedException"))
    with pytest.raises(ClientError, match="AccessDeniedException"):
        call()


def test_many_items_are_read_a_hundred_at_a_time_and_what_was_left_over_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    class Reluctant:
        """Gives all but the last of what it is asked for; the last only when it stands alone."""

        def batch_get_item(self, RequestItems: Any) -> Any:  # noqa: N803
            keys = RequestItems["entries"]["Keys"]
            assert RequestItems["entries"]["ConsistentRead"] is True
            asked.append([key["operation"]["S"] for key in keys])
            given, left = (keys[:-1], keys[-1:]) if len(keys) > 1 else (keys, [])
            return {"Responses": {"entries": given}, "UnprocessedKeys": {"entries": {"Keys": left}} if left else {}}

    monkeypatch.setattr(aws, "dynamodb", Reluctant)
    found = tables.get_many("entries", [{"operation": str(i)} for i in range(150)])
    assert sorted(int(item["operation"]) for item in found) == list(range(150))
    assert max(len(keys) for keys in asked) == 100


def test_nothing_is_asked_for_no_keys() -> None:
    assert tables.get_many("entries", []) == []
