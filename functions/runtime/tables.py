"""DynamoDB in the words our stores use: plain items in, plain items out, whole numbers only.

    get, get_many, put, put_new, update, delete     one call each
    query, scan                             all pages, as a stream
    transact                                all writes or none; raises CancelledError with a reason per write

Expressions name every attribute as `#attribute`, so that no reserved word can surprise.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from botocore.exceptions import ClientError

from functions.runtime import aws, settings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

Item: TypeAlias = dict[str, Any]


def to_wire(item: Mapping[str, Any]) -> dict[str, Any]:
    """A plain item as DynamoDB's API wants it."""
    return {name: _encoded(value) for name, value in item.items()}


def from_wire(wire: Mapping[str, Any]) -> Item:
    """An item of DynamoDB's API as a plain one."""
    return {name: _decoded(value) for name, value in wire.items()}


def _encoded(value: object) -> dict[str, Any]:
    """Floats have no place here: points and money are whole numbers. Raises TypeError."""
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case int():
            return {"N": str(value)}
        case str():
            return {"S": value}
        case Mapping():
            return {"M": to_wire(value)}
        case list() | tuple():
            return {"L": [_encoded(one) for one in value]}
    raise TypeError(f"{type(value).__name__} cannot be stored")


def _decoded(wire: Mapping[str, Any]) -> Any:
    [(kind, value)] = wire.items()
    match kind:
        case "NULL":
            return None
        case "N":
            return int(value)
        case "M":
            return from_wire(value)
        case "L":
            return [_decoded(one) for one in value]
    return value


class ConditionFailedError(Exception):
    """The condition of a single write did not hold; `item` is what was there (None: nothing was)."""

    def __init__(self, item: Item | None) -> None:
        super().__init__("condition failed")
        self.item = item


@dataclass(frozen=True, slots=True)
class Reason:
    """Why one write of a cancelled transaction did not happen. `code` is "None" for a write that was fine."""

    code: str
    item: Item | None


class CancelledError(Exception):
    """A transaction that wrote nothing; `reasons` stand in the order of its writes."""

    def __init__(self, reasons: Sequence[Reason]) -> None:
        super().__init__(", ".join(reason.code for reason in reasons))
        self.reasons = tuple(reasons)

    def has(self, *codes: str) -> bool:
        return any(reason.code in codes for reason in self.reasons)


@dataclass(frozen=True, slots=True)
class Put:
    """Write an item that must not exist yet."""

    table: settings.Table
    item: Mapping[str, Any]
    key: str

    def wire(self) -> "TransactWriteItemTypeDef":
        return {
            "Put": {
                "TableName": settings.table(self.table),
                "Item": to_wire(self.item),
                "ConditionExpression": "attribute_not_exists(#key)",
                "ExpressionAttributeNames": {"#key": self.key},
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }


@dataclass(frozen=True, slots=True)
class Replace:
    """Write a whole item over the one whose `expected` attributes still have these values."""

    table: settings.Table
    item: Mapping[str, Any]
    expected: Mapping[str, Any]

    def wire(self) -> "TransactWriteItemTypeDef":
        return {
            "Put": {
                "TableName": settings.table(self.table),
                "Item": to_wire(self.item),
                "ConditionExpression": " AND ".join(f"#{name} = :{name}" for name in self.expected),
                "ExpressionAttributeNames": {f"#{name}": name for name in self.expected},
                "ExpressionAttributeValues": _values(self.expected),
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }


@dataclass(frozen=True, slots=True)
class Amend:
    """Set attributes of an item whose `counter` is still `seen` (0: it has none yet), and count on."""

    table: settings.Table
    key: Mapping[str, Any]
    counter: str
    seen: int
    values: Mapping[str, Any]

    def wire(self) -> "TransactWriteItemTypeDef":
        values = {**self.values, self.counter: self.seen + 1}
        condition = f"#{self.counter} = :seen" if self.seen else f"attribute_not_exists(#{self.counter})"
        return {
            "Update": {
                "TableName": settings.table(self.table),
                "Key": to_wire(self.key),
                "UpdateExpression": "SET " + ", ".join(f"#{name} = :{name}" for name in values),
                "ConditionExpression": condition,
                "ExpressionAttributeNames": {f"#{name}": name for name in values},
                "ExpressionAttributeValues": _values(values | ({"seen": self.seen} if self.seen else {})),
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }


@dataclass(frozen=True, slots=True)
class Add:
    """Add to a number of an item that is at most `most` yet; an item that is not there counts as 0."""

    table: settings.Table
    key: Mapping[str, Any]
    counter: str
    amount: int
    most: int

    def wire(self) -> "TransactWriteItemTypeDef":
        return {
            "Update": {
                "TableName": settings.table(self.table),
                "Key": to_wire(self.key),
                "UpdateExpression": "ADD #counter :amount",
                "ConditionExpression": "attribute_not_exists(#counter) OR #counter <= :most",
                "ExpressionAttributeNames": {"#counter": self.counter},
                "ExpressionAttributeValues": _values({"amount": self.amount, "most": self.most}),
                "ReturnValuesOnConditionCheckFailure": "NONE",
            }
        }


@dataclass(frozen=True, slots=True)
class Remove:
    """Delete an item whose `expected` attributes still have these values."""

    table: settings.Table
    key: Mapping[str, Any]
    expected: Mapping[str, Any]

    def wire(self) -> "TransactWriteItemTypeDef":
        return {
            "Delete": {
                "TableName": settings.table(self.table),
                "Key": to_wire(self.key),
                "ConditionExpression": " AND ".join(f"#{name} = :{name}" for name in self.expected),
                "ExpressionAttributeNames": {f"#{name}": name for name in self.expected},
                "ExpressionAttributeValues": _values(self.expected),
                "ReturnValuesOnConditionCheckFailure": "NONE",
            }
        }


Write: TypeAlias = Put | Replace | Amend | Add | Remove


def transact(writes: Sequence[Write]) -> None:
    """Write all or nothing. botocore adds the client token, so that its own repeats are one transaction.

    Raises CancelledError (also for a conflict with, or a repeat during, another transaction) and ClientError.
    """
    try:
        aws.dynamodb().transact_write_items(TransactItems=[write.wire() for write in writes])
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "TransactionCanceledException":
            raise CancelledError(_reasons(error)) from error
        if code in {"TransactionInProgressException", "TransactionConflictException"}:
            raise CancelledError([Reason("TransactionConflict", None)] * len(writes)) from error
        raise


def _reasons(error: ClientError) -> list[Reason]:
    reasons: list[dict[str, Any]] = error.response.get("CancellationReasons", [])  # type: ignore[assignment]
    return [
        Reason(reason.get("Code", "None"), from_wire(reason["Item"]) if reason.get("Item") else None)
        for reason in reasons
    ]


def get(table: settings.Table, key: Mapping[str, Any], *, consistent: bool = False) -> Item | None:
    answer = aws.dynamodb().get_item(TableName=settings.table(table), Key=to_wire(key), ConsistentRead=consistent)
    return from_wire(answer["Item"]) if "Item" in answer else None


def put(table: settings.Table, item: Mapping[str, Any]) -> None:
    """Write an item over whatever was there."""
    aws.dynamodb().put_item(TableName=settings.table(table), Item=to_wire(item))


def put_new(table: settings.Table, item: Mapping[str, Any], key: str) -> None:
    """Write an item that must not exist yet. Raises ConditionFailedError with the one that does."""
    write = Put(table, item, key).wire()["Put"]
    try:
        aws.dynamodb().put_item(**write)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        found: dict[str, Any] | None = error.response.get("Item")  # type: ignore[assignment]
        raise ConditionFailedError(from_wire(found) if found else None) from error


def update(
    table: settings.Table, key: Mapping[str, Any], change: str, condition: str | None, values: Mapping[str, Any]
) -> bool:
    """Change one item in place, creating it where it does not exist; False if the condition did not hold."""
    request: dict[str, Any] = {"ExpressionAttributeValues": _values(values)} if values else {}
    request |= {"ConditionExpression": condition} if condition else {}
    try:
        aws.dynamodb().update_item(
            TableName=settings.table(table),
            Key=to_wire(key),
            UpdateExpression=change,
            ExpressionAttributeNames=_names(f"{change} {condition or ''}"),
            **request,
        )
    except ClientError as error:
        if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
            return False
        raise
    return True


def delete(table: settings.Table, key: Mapping[str, Any], expected: Mapping[str, Any]) -> bool:
    """Delete an item whose `expected` attributes still have these values; False if they have not."""
    try:
        aws.dynamodb().delete_item(
            TableName=settings.table(table),
            Key=to_wire(key),
            ConditionExpression=" AND ".join(f"#{name} = :{name}" for name in expected),
            ExpressionAttributeNames={f"#{name}": name for name in expected},
            ExpressionAttributeValues=_values(expected),
        )
    except ClientError as error:
        if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
            return False
        raise
    return True


def remove(table: settings.Table, key: Mapping[str, Any]) -> None:
    """Delete an item, if it is there."""
    aws.dynamodb().delete_item(TableName=settings.table(table), Key=to_wire(key))


def get_many(table: settings.Table, keys: Sequence[Mapping[str, Any]]) -> list[Item]:
    """Items by key, strongly consistent, in no order, up to 100 keys a call; what is not there is left out."""
    name = settings.table(table)
    found: list[Item] = []
    waiting: list[Any] = [to_wire(key) for key in keys]
    while waiting:
        asked, waiting = waiting[:100], waiting[100:]
        answer = aws.dynamodb().batch_get_item(RequestItems={name: {"Keys": asked, "ConsistentRead": True}})
        found += [from_wire(item) for item in answer["Responses"].get(name, [])]
        if name in answer["UnprocessedKeys"]:
            waiting += answer["UnprocessedKeys"][name]["Keys"]
    return found


def query(
    table: settings.Table,
    condition: str,
    values: Mapping[str, Any],
    *,
    index: str | None = None,
    limit: int | None = None,
    newest_first: bool = False,
    consistent: bool = False,
) -> Iterator[Item]:
    """The items of one partition in the order of the sort key, at most `limit`, page after page."""
    request: dict[str, Any] = {
        "TableName": settings.table(table),
        "KeyConditionExpression": condition,
        "ExpressionAttributeNames": _names(condition),
        "ExpressionAttributeValues": _values(values),
        "ScanIndexForward": not newest_first,
    }
    request |= {"IndexName": index} if index else {}
    request |= {"ConsistentRead": True} if consistent else {}
    pages = (
        aws.dynamodb()
        .get_paginator("query")
        .paginate(**request, PaginationConfig={"MaxItems": limit, "PageSize": limit} if limit else {})
    )
    for page in pages:
        yield from map(from_wire, page["Items"])


def scan_page(table: settings.Table, after: Item | None) -> tuple[list[Item], Item | None]:
    """A page of a table, and the key to go on from; None at the end."""
    start: dict[str, Any] = {"ExclusiveStartKey": to_wire(after)} if after else {}
    answer = aws.dynamodb().scan(TableName=settings.table(table), **start)
    following = answer.get("LastEvaluatedKey")
    return [from_wire(item) for item in answer["Items"]], from_wire(following) if following else None


def scan(table: settings.Table) -> Iterator[Item]:
    """Every item of a table, partition by partition, page after page."""
    after: Item | None = None
    while True:
        page, after = scan_page(table, after)
        yield from page
        if after is None:
            return


def _names(expression: str) -> dict[str, str]:
    return {f"#{name}": name for name in re.findall(r"#(\w+)", expression)}


def _values(values: Mapping[str, Any]) -> dict[str, Any]:
    return to_wire({f":{name}": value for name, value in values.items()})
