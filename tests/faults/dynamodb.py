"""DynamoDB in memory: what it promises, and the ways in which it keeps that to the letter only.

    a consistent read   the latest image
    any other read      an image that was the latest a moment ago
    the index           follows the table, each item at its own pace
    a transaction       all or nothing, at one instant; its reasons stand in the order of its writes
    a client token      a transaction that was carried out is not carried out again
    the stream          old and new image of every change, in order for each item

One call is one instant: what may come between two calls is the business of `schedule.py`, what may go wrong on the way
that of `sdk.py`. Every item keeps its history, so a stale read is exactly what was true then.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from botocore.exceptions import ClientError

from infra.tables import TABLES, Key, Table
from tests.faults.expressions import Wire, changed, holds, plain, unused

ItemKey: TypeAlias = tuple[Any, ...]
MOST_WRITES = 100
MOST_GETS = 100


@dataclass(frozen=True, slots=True)
class Image:
    """What an item was from `at` on, and from `indexed_at` on in the index. None: it was not there."""

    at: float
    indexed_at: float
    item: Wire | None


@dataclass(frozen=True, slots=True)
class Written:
    """One item that changed; `new` is None where it is gone."""

    table: str
    old: Wire | None
    new: Wire | None


@dataclass(frozen=True, slots=True)
class Instant:
    """What time it is, and how long the index needs for a change made now."""

    now: Callable[[], float]
    index_lag: Callable[[], float]


def refused(code: str, message: str, **more: object) -> ClientError:
    """An error answer as botocore raises it."""
    return ClientError({"Error": {"Code": code, "Message": message}, **more}, "DynamoDB")  # type: ignore[typeddict-item]


class _Rows:
    """One table."""

    def __init__(self, shape: Table) -> None:
        self.shape = shape
        self.images: dict[ItemKey, list[Image]] = {}
        self.keys: list[Key] = [shape.partition, *([shape.sort] if shape.sort else [])]
        self._by_value: dict[tuple[str, Any], dict[ItemKey, None]] = {}
        self._partitions = {shape.partition.name, *(index.partition.name for index in shape.indexes)}

    def key(self, item: Wire) -> ItemKey:
        return tuple(plain(item[key.name]) for key in self.keys)

    def latest(self, key: ItemKey) -> Wire | None:
        images = self.images.get(key)
        return images[-1].item if images else None

    def as_of(self, key: ItemKey, at: float) -> Wire | None:
        return next((image.item for image in reversed(self.images.get(key, [])) if image.at <= at), None)

    def indexed(self, key: ItemKey, at: float) -> Wire | None:
        return next((image.item for image in reversed(self.images.get(key, [])) if image.indexed_at <= at), None)

    def write(self, key: ItemKey, item: Wire | None, at: float, indexed_at: float) -> Written:
        images = self.images.setdefault(key, [])
        old = images[-1].item if images else None
        images.append(Image(at, max(indexed_at, images[-1].indexed_at if images else 0.0), item))
        if item:
            for name in self._partitions & item.keys():
                self._by_value.setdefault((name, plain(item[name])), {})[key] = None
        return Written(self.shape.name, old, item)

    def in_partition(self, name: str, value: Any) -> Iterable[ItemKey]:
        return self._by_value.get((name, value), ())

    def in_scan_order(self) -> list[ItemKey]:
        """By a hash of the partition, then by the sort key."""
        return sorted(self.images, key=lambda key: (hashlib.sha256(repr(key[0]).encode()).digest(), key[1:]))


class Database:
    """The tables of `infra/tables.py`, named as there."""

    def __init__(self, instant: Instant) -> None:
        self._instant = instant
        self._tables = {table.name: _Rows(table) for table in TABLES}
        self._done: dict[str, Sequence[Mapping[str, Any]]] = {}
        self.listeners: list[Callable[[Sequence[Written]], None]] = []

    def items(self, table: str) -> list[Wire]:
        """All there is, for whoever judges the run."""
        rows = self._tables[table]
        return [item for key in rows.images if (item := rows.latest(key))]

    def get(self, table: str, key: Wire, staleness: float = 0.0) -> Wire | None:
        """An item as it was `staleness` seconds ago."""
        rows = self._tables[table]
        return rows.as_of(rows.key(key), self._instant.now() - staleness) if staleness else rows.latest(rows.key(key))

    def put(self, request: Mapping[str, Any]) -> None:
        self._alone("Put", request)

    def update(self, request: Mapping[str, Any]) -> None:
        self._alone("Update", request)

    def delete(self, request: Mapping[str, Any]) -> None:
        self._alone("Delete", request)

    def query(self, request: Mapping[str, Any], staleness: float = 0.0) -> list[Wire]:
        """Every item of one partition of a table or of its index, in the order of the sort key."""
        rows = self._tables[request["TableName"]]
        names, values = request["ExpressionAttributeNames"], request["ExpressionAttributeValues"]
        condition = request["KeyConditionExpression"]
        _check(condition, names, values)
        index = next((index for index in rows.shape.indexes if index.name == request.get("IndexName")), None)
        partition, sort = (index.partition, index.sort) if index else (rows.shape.partition, rows.shape.sort)
        at = self._instant.now() - staleness
        found: list[Wire] = []
        for key in rows.in_partition(partition.name, plain(values[f":{partition.name}"])):
            item = rows.indexed(key, at) if index else rows.as_of(key, at)
            if item and (sort is None or sort.name in item) and holds(condition, item, names, values):
                found.append(item)
        found.sort(key=partial(self.place, request))
        return found if request.get("ScanIndexForward", True) else found[::-1]

    def place(self, request: Mapping[str, Any], item: Wire) -> ItemKey:
        """Where an item stands in the order of a query: by the sort key, and what has the same by its own key."""
        rows = self._tables[request["TableName"]]
        index = next((index for index in rows.shape.indexes if index.name == request.get("IndexName")), None)
        sort = index.sort if index else rows.shape.sort
        return ((plain(item[sort.name]),) if sort else ()) + rows.key(item)

    def scan(self, table: str, start: Wire | None, size: int, staleness: float) -> tuple[list[Wire], Wire | None]:
        """A page of `size` items after a key, each of them as it was up to `staleness` ago; the key to go on from."""
        rows = self._tables[table]
        keys = rows.in_scan_order()
        first = keys.index(rows.key(start)) + 1 if start else 0
        page = keys[first : first + size]
        at = self._instant.now() - staleness
        items = [item for key in page if (item := rows.as_of(key, at))]
        if first + size >= len(keys):
            return items, None
        last = rows.latest(page[-1]) or {}
        return items, {key.name: last[key.name] for key in rows.keys}

    def carried_out(self, token: str) -> bool:
        return token in self._done

    def transact(self, writes: Sequence[Mapping[str, Any]], token: str, hindered: Mapping[int, str] = {}) -> None:
        """Carry out all writes or none. `hindered`: cancellation codes of writes that met something else, by place."""
        self._check_transaction(writes)
        if self._done.get(token, writes) != writes:
            raise refused("IdempotentParameterMismatchException", "the token was used for another transaction")
        if token in self._done:
            return
        reasons = [self._reason(*_kind(write), hindered.get(i)) for i, write in enumerate(writes)]
        if any(reason["Code"] != "None" for reason in reasons):
            codes = ", ".join(reason["Code"] for reason in reasons)
            message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
            raise refused("TransactionCanceledException", message, CancellationReasons=reasons)
        self._done[token] = writes
        self._commit([self._write(*_kind(write)) for write in writes])

    def _check_transaction(self, writes: Sequence[Mapping[str, Any]]) -> None:
        if not 1 <= len(writes) <= MOST_WRITES:
            raise refused("ValidationException", f"{len(writes)} writes in a transaction")
        keys = [(write["TableName"], self._key(kind, write)) for kind, write in map(_kind, writes)]
        if len(set(keys)) < len(keys):
            raise refused("ValidationException", "Transaction request cannot include multiple operations on one item")

    def _alone(self, kind: str, request: Mapping[str, Any]) -> None:
        reason = self._reason(kind, request, None)
        if reason["Code"] != "None":
            image = {"Item": reason["Item"]} if "Item" in reason else {}
            raise refused("ConditionalCheckFailedException", "The conditional request failed", **image)
        self._commit([self._write(kind, request)])

    def _key(self, kind: str, write: Mapping[str, Any]) -> ItemKey:
        return self._tables[write["TableName"]].key(write["Item"] if kind == "Put" else write["Key"])

    def _reason(self, kind: str, write: Mapping[str, Any], hindrance: str | None) -> dict[str, Any]:
        """Why one write cannot be, as CancellationReasons tell it."""
        names, values = write.get("ExpressionAttributeNames", {}), write.get("ExpressionAttributeValues", {})
        condition = write.get("ConditionExpression")
        _check(f"{condition} {write.get('UpdateExpression', '')}", names, values)
        if hindrance:
            return {"Code": hindrance, "Message": "hindered"}
        found = self._tables[write["TableName"]].latest(self._key(kind, write))
        if condition is None or holds(condition, found, names, values):
            return {"Code": "None"}
        wanted = found is not None and write.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
        return {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"} | (
            {"Item": found} if wanted else {}
        )

    def _write(self, kind: str, write: Mapping[str, Any]) -> Written:
        rows, key = self._tables[write["TableName"]], self._key(kind, write)
        item: Wire | None = None
        if kind == "Put":
            item = dict(write["Item"])
        elif kind == "Update":
            before = {**write["Key"], **(rows.latest(key) or {})}
            names, values = write["ExpressionAttributeNames"], write.get("ExpressionAttributeValues", {})
            after = before | changed(write["UpdateExpression"], before, names, values)
            item = {name: value for name, value in after.items() if value is not None}
        now = self._instant.now()
        return rows.write(key, item, now, now + self._instant.index_lag())

    def _commit(self, written: Sequence[Written]) -> None:
        for tell in self.listeners:
            tell(written)


def _kind(write: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    [(kind, request)] = write.items()
    if kind not in {"Put", "Update"}:
        raise NotImplementedError(kind)
    return kind, request


def _check(expressions: str, names: Mapping[str, str], values: Wire) -> None:
    if odd := unused(expressions, names, values):
        raise refused("ValidationException", f"unused or undefined in the expressions: {', '.join(odd)}")
