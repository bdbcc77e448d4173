"""The stand-in for DynamoDB answers as DynamoDB does, case by case."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.runtime.tables import to_wire
from tests.faults.dynamodb import Database, Instant, Written
from tests.faults.expressions import UnknownExpressionError, changed, holds, unused

NEW = "attribute_not_exists(#key)"


class World:
    """A database, and the time in it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.lag = 0.0
        self.written: list[Written] = []
        self.database = Database(Instant(lambda: self.now, lambda: self.lag))
        self.database.listeners.append(self.written.extend)


@pytest.fixture
def world() -> World:
    return World()


def put(key: str, condition: str = "", *, all_old: bool = True, **attributes: object) -> dict[str, Any]:
    request: dict[str, Any] = {"TableName": "members", "Item": to_wire({"key": key, **attributes})}
    if condition:
        request |= {"ConditionExpression": condition, "ExpressionAttributeNames": {"#key": "key"}}
    return {"Put": request | ({"ReturnValuesOnConditionCheckFailure": "ALL_OLD"} if all_old else {})}


def entry(n: int) -> dict[str, Any]:
    return {"TableName": "entries", "Item": to_wire({"operation": f"purchase#{n}", "member": "m", "n": n})}


def statement(world: World, staleness: float = 0.0) -> list[int]:
    request = {
        "TableName": "entries",
        "IndexName": "by_member",
        "KeyConditionExpression": "#member = :member AND #n > :n",
        "ExpressionAttributeNames": {"#member": "member", "#n": "n"},
        "ExpressionAttributeValues": to_wire({":member": "m", ":n": 0}),
    }
    return [int(item["n"]["N"]) for item in world.database.query(request, staleness)]


def error_of(act: Callable[[], object]) -> Any:
    with pytest.raises(ClientError) as caught:
        act()
    return caught.value.response


@pytest.mark.parametrize(
    ("condition", "item", "true"),
    [
        ("attribute_not_exists(#n)", None, True),
        ("attribute_not_exists(#n)", {"n": 1}, False),
        ("attribute_exists(#n)", {"n": 1}, True),
        ("#n = :seven", {"n": 7}, True),
        ("#n = :seven", None, False),
        ("#n <> :seven", {}, True),
        ("#n < :seven", {"n": 6}, True),
        ("#n < :seven", {"n": 10}, False),  # as numbers, not as text
        ("#n < :seven", {}, False),
        ("#n < :seven", {"n": "6"}, False),  # another type compares with nothing
        ("#n >= :seven AND #n < :ten", {"n": 7}, True),
        ("#n >= :seven AND #n < :ten", {"n": 10}, False),
        ("attribute_not_exists(#n) OR #n < :ten", None, True),
        ("attribute_not_exists(#n) OR #n < :ten", {"n": 10}, False),
    ],
)
def test_a_condition_is_judged_as_dynamodb_judges_it(condition: str, item: dict[str, Any] | None, true: bool) -> None:
    wire = None if item is None else to_wire(item)

    assert holds(condition, wire, {"#n": "n"}, to_wire({":seven": 7, ":ten": 10})) is true


def test_an_expression_that_it_does_not_know_is_refused() -> None:
    with pytest.raises(UnknownExpressionError):
        holds("begins_with(#n, :a)", None, {"#n": "n"}, {})
    with pytest.raises(UnknownExpressionError):
        changed("DELETE #n :a", {}, {"#n": "n"}, {})


def test_every_name_and_value_is_used() -> None:
    assert unused("#a = :a", {"#a": "a", "#b": "b"}, to_wire({":a": 1})) == ["#b"]
    assert unused("#a = :a", {"#a": "a"}, {}) == [":a"]


def test_a_failed_put_answers_with_what_is_there(world: World) -> None:
    world.database.put(put("k", NEW, color="red")["Put"])

    response = error_of(lambda: world.database.put(put("k", NEW, color="blue")["Put"]))

    assert response["Error"]["Code"] == "ConditionalCheckFailedException"
    assert response["Item"] == to_wire({"key": "k", "color": "red"})


def test_a_failed_put_that_did_not_ask_gets_no_image(world: World) -> None:
    world.database.put(put("k")["Put"])

    assert "Item" not in error_of(lambda: world.database.put(put("k", NEW, all_old=False)["Put"]))


def test_an_update_creates_what_is_not_there(world: World) -> None:
    world.database.update(
        {
            "TableName": "accounts",
            "Key": to_wire({"member": "m", "part": "P"}),
            "UpdateExpression": "SET #n = :n",
            "ConditionExpression": "attribute_not_exists(#n)",
            "ExpressionAttributeNames": {"#n": "n"},
            "ExpressionAttributeValues": to_wire({":n": 3}),
        }
    )

    assert world.database.items("accounts") == [to_wire({"member": "m", "part": "P", "n": 3})]


def test_reasons_stand_in_the_order_of_the_writes(world: World) -> None:
    world.database.put(put("b", color="red")["Put"])

    response = error_of(
        lambda: world.database.transact([put("a", NEW), put("b", NEW), put("c", NEW)], "t", {2: "TransactionConflict"})
    )

    assert response["Error"]["Code"] == "TransactionCanceledException"
    assert [reason["Code"] for reason in response["CancellationReasons"]] == [
        "None",
        "ConditionalCheckFailed",
        "TransactionConflict",
    ]
    assert [reason.get("Item") for reason in response["CancellationReasons"]] == [
        None,
        to_wire({"key": "b", "color": "red"}),
        None,
    ]


def test_a_cancelled_transaction_writes_nothing(world: World) -> None:
    world.database.put(put("b")["Put"])
    error_of(lambda: world.database.transact([put("a", NEW), put("b", NEW)], "t"))

    assert world.database.items("members") == [to_wire({"key": "b"})]
    assert len(world.written) == 1


def test_a_token_that_was_carried_out_is_not_carried_out_again(world: World) -> None:
    world.database.transact([put("a", NEW)], "t")
    world.database.transact([put("a", NEW)], "t")

    assert len(world.written) == 1


def test_a_token_that_was_cancelled_is_tried_again(world: World) -> None:
    error_of(lambda: world.database.transact([put("a", NEW)], "t", {0: "TransactionConflict"}))
    world.database.transact([put("a", NEW)], "t")

    assert len(world.written) == 1


def test_a_token_belongs_to_one_transaction(world: World) -> None:
    world.database.transact([put("a", NEW)], "t")

    response = error_of(lambda: world.database.transact([put("b", NEW)], "t"))

    assert response["Error"]["Code"] == "IdempotentParameterMismatchException"


@pytest.mark.parametrize(
    "writes",
    [
        pytest.param([put("a", NEW), put("a", NEW)], id="one item twice"),
        pytest.param([put(f"k{i}", NEW) for i in range(101)], id="more than a hundred"),
        pytest.param([], id="none"),
    ],
)
def test_an_impossible_transaction_is_refused_as_a_whole(world: World, writes: list[dict[str, Any]]) -> None:
    response = error_of(lambda: world.database.transact(writes, "t"))

    assert response["Error"]["Code"] == "ValidationException"
    assert world.written == []


def test_a_stale_read_sees_what_was_true_then(world: World) -> None:
    world.now = 1.0
    world.database.put(put("k", color="red")["Put"])
    world.now = 2.0
    world.database.put(put("k", color="blue")["Put"])
    key = to_wire({"key": "k"})

    assert world.database.get("members", key) == to_wire({"key": "k", "color": "blue"})
    assert world.database.get("members", key, staleness=0.5) == to_wire({"key": "k", "color": "red"})
    assert world.database.get("members", key, staleness=1.5) is None


def test_the_index_follows_each_item_at_its_own_pace(world: World) -> None:
    world.lag = 5.0
    world.database.put(entry(1))
    world.lag = 1.0
    world.database.put(entry(2))

    world.now = 2.0
    assert statement(world) == [2]
    world.now = 6.0
    assert statement(world) == [1, 2]


def test_a_scan_comes_page_by_page_with_the_parts_of_a_member_together(world: World) -> None:
    for part in ("P", "A"):
        for member in ("m1", "m2", "m3"):
            world.database.put({"TableName": "accounts", "Item": to_wire({"member": member, "part": part})})
    found: list[tuple[str, str]] = []
    start = None
    while True:
        page, start = world.database.scan("accounts", start, size=2, staleness=0.0)
        found += [(item["member"]["S"], item["part"]["S"]) for item in page]
        if start is None:
            break

    assert sorted(found) == [(member, part) for member in ("m1", "m2", "m3") for part in ("A", "P")]
    assert [part for _, part in found] == ["A", "P"] * 3
    assert [found[i][0] for i in (0, 2, 4)] == [found[i][0] for i in (1, 3, 5)]


def test_the_stream_tells_the_old_and_the_new_image_in_order(world: World) -> None:
    world.database.put(put("k", color="red")["Put"])
    world.database.put(put("k", color="blue")["Put"])

    red, blue = to_wire({"key": "k", "color": "red"}), to_wire({"key": "k", "color": "blue"})
    assert [(change.old, change.new) for change in world.written] == [(None, red), (red, blue)]


def removal(color: str) -> dict[str, Any]:
    return {
        "TableName": "members",
        "Key": to_wire({"key": "k"}),
        "ConditionExpression": "#color = :color",
        "ExpressionAttributeNames": {"#color": "color"},
        "ExpressionAttributeValues": to_wire({":color": color}),
    }


def test_what_is_deleted_is_gone_and_was_there(world: World) -> None:
    world.database.put(put("k", color="red")["Put"])
    world.now = 1.0
    error_of(lambda: world.database.delete(removal("blue")))
    world.database.delete(removal("red"))
    key = to_wire({"key": "k"})

    assert world.database.items("members") == []
    assert world.database.get("members", key) is None
    assert world.database.get("members", key, staleness=0.5) == to_wire({"key": "k", "color": "red"})
    assert world.written[-1] == Written("members", to_wire({"key": "k", "color": "red"}), None)


def test_an_update_removes_attributes(world: World) -> None:
    world.database.put(put("k", color="red", size=1)["Put"])
    request = removal("red") | {"UpdateExpression": "REMOVE #color, #size"}
    world.database.update(request | {"ExpressionAttributeNames": {"#color": "color", "#size": "size"}})

    assert world.database.items("members") == [to_wire({"key": "k"})]


def test_an_update_sets_and_removes_at_once(world: World) -> None:
    world.database.put(put("k", color="red", size=1)["Put"])
    request = removal("red") | {"UpdateExpression": "SET #size = :two REMOVE #color"}
    names, values = {"#color": "color", "#size": "size"}, to_wire({":two": 2, ":color": "red"})
    world.database.update(request | {"ExpressionAttributeNames": names, "ExpressionAttributeValues": values})

    assert world.database.items("members") == [to_wire({"key": "k", "size": 2})]


def test_an_item_without_its_attributes_leaves_the_index(world: World) -> None:
    def awaited() -> list[str]:
        request = {
            "TableName": "entries",
            "IndexName": "awaited",
            "KeyConditionExpression": "#awaited = :awaited AND #report_at <= :now",
            "ExpressionAttributeNames": {"#awaited": "awaited", "#report_at": "report_at"},
            "ExpressionAttributeValues": to_wire({":awaited": "purchase", ":now": "2"}),
        }
        return [item["operation"]["S"] for item in world.database.query(request)]

    for operation, report_at in (("b", "1"), ("a", "1"), ("c", "0"), ("d", "3")):
        item = {"operation": operation, "awaited": "purchase", "report_at": report_at}
        world.database.put({"TableName": "entries", "Item": to_wire(item)})
    assert awaited() == ["c", "a", "b"]

    world.database.put({"TableName": "entries", "Item": to_wire({"operation": "c", "member": "m", "n": 1})})
    assert awaited() == ["a", "b"]
