"""botocore on a bad day: the clients that the real code gets, with every call a point where anything may happen.

    call ──> give the baton away ──> crash? ──> lost? throttled? ──> the effect, at one instant ──> answer lost?
               ^                                     |                                               |
               └──────── up to three attempts, the same client token ────────────────────────────────┘

As `functions/runtime/aws.py` configures it: three attempts, a read timeout of three seconds. What is still wrong after
the third attempt surfaces as botocore would raise it, and then the effect may or may not be there.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, ReadTimeoutError

from tests.faults.dynamodb import MOST_GETS, Database, refused
from tests.faults.expressions import Wire
from tests.faults.faults import Fault, Faults
from tests.faults.schedule import CrashError, Schedule

ATTEMPTS = 3
_CONNECT_TIMEOUT, _READ_TIMEOUT = 1.0, 3.0
_STALEST = 2.0
"""Seconds by which an eventually consistent read may be behind."""
_STUBBORN = 0.4
"""How often what hit one attempt hits the next one too."""
_ENDPOINT = "https://simulated.invalid"
_HINDRANCES = ("TransactionConflict", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded")
_THROTTLES = ("ThrottlingException", "ProvisionedThroughputExceededException")

Answer = TypeVar("Answer")


class Sdk:
    """What all clients share: attempts, waiting, and what is lost on the way."""

    def __init__(self, schedule: Schedule, faults: Faults) -> None:
        self.schedule = schedule
        self.faults = faults
        self.rng = faults.rng
        self.tokens = 0

    def call(self, name: str, effect: Callable[[], Answer]) -> Answer:
        """One call of the real code, with the SDK's own repeats. Raises what botocore would."""
        stubborn: Fault | None = None
        errors: list[ClientError | BotoCoreError] = []
        while len(errors) < ATTEMPTS:
            self.schedule.pause(self._travel())
            if not errors and self.faults.strikes("crash"):
                self.schedule.note(f"{name} CRASH before it")
                raise CrashError
            fault = stubborn or self._fault()
            stubborn = fault if self.rng.random() < _STUBBORN else None
            if fault:
                errors.append(self._suffered(name, fault, effect))
            elif self._still_at_it(name, errors):
                errors.append(refused("TransactionInProgressException", "the first one is still at it"))
            else:
                return self._effect(name, effect)
            self.schedule.pause(self._backoff(len(errors)))
        raise errors[-1]

    def _still_at_it(self, name: str, errors: Sequence[Exception]) -> bool:
        """A repeat of a transaction may meet the first attempt, whose answer was lost."""
        lost = any(isinstance(error, ReadTimeoutError) for error in errors)
        return name == "transact_write_items" and lost and self.rng.random() < 0.2

    def _fault(self) -> Fault | None:
        kinds: Sequence[Fault] = ("lost_before", "lost_after", "throttled", "server_error")
        return next((fault for fault in kinds if self.faults.strikes(fault)), None)

    def _suffered(self, name: str, fault: Fault, effect: Callable[[], object]) -> ClientError | BotoCoreError:
        self.schedule.note(f"{name} {fault.upper()}")
        if fault == "throttled":
            return refused(self.rng.choice(_THROTTLES), "slow down")
        if fault == "server_error":
            return refused("InternalServerError", "something broke")
        if fault == "lost_before":
            self.schedule.pause(_CONNECT_TIMEOUT)
            return ConnectTimeoutError(endpoint_url=_ENDPOINT)
        with suppress(ClientError):  # this answer is lost as any other
            self._effect(name, effect)
        self.schedule.pause(_READ_TIMEOUT)
        return ReadTimeoutError(endpoint_url=_ENDPOINT)

    def _effect(self, name: str, effect: Callable[[], Answer]) -> Answer:
        try:
            answer = effect()
        except ClientError as error:
            reasons: list[Mapping[str, str]] = error.response.get("CancellationReasons", [])  # type: ignore[assignment]
            codes = "/".join(reason["Code"] for reason in reasons)
            self.schedule.note(f"{name} {error.response['Error']['Code']} {codes}")
            raise
        self.schedule.note(name)
        return answer

    def _travel(self) -> float:
        """Mostly a few milliseconds, now and then a long way."""
        return 0.001 + 0.02 * self.rng.random() ** 2 + (0.5 * self.rng.random() if self.rng.random() < 0.02 else 0.0)

    def _backoff(self, attempt: int) -> float:
        return self.rng.random() * float(2**attempt) / 4


class DynamoDbClient:
    """The calls of `functions/runtime/tables.py`, no others."""

    def __init__(self, sdk: Sdk, database: Database) -> None:
        self._sdk = sdk
        self._database = database
        self._rng = sdk.rng

    def get_item(self, *, TableName: str, Key: Wire, ConsistentRead: bool = False) -> dict[str, Any]:  # noqa: N803
        def effect() -> dict[str, Any]:
            found = self._database.get(TableName, Key, 0.0 if ConsistentRead else self._staleness())
            return {"Item": found} if found else {}

        return self._sdk.call(f"get_item {TableName}{' consistently' if ConsistentRead else ''}", effect)

    def put_item(self, **request: Any) -> dict[str, Any]:
        def effect() -> dict[str, Any]:
            self._meet_transaction()
            self._database.put(request)
            return {}

        return self._sdk.call(f"put_item {request['TableName']}", effect)

    def update_item(self, **request: Any) -> dict[str, Any]:
        def effect() -> dict[str, Any]:
            self._meet_transaction()
            self._database.update(request)
            return {}

        return self._sdk.call(f"update_item {request['TableName']}", effect)

    def delete_item(self, **request: Any) -> dict[str, Any]:
        def effect() -> dict[str, Any]:
            self._meet_transaction()
            self._database.delete(request)
            return {}

        return self._sdk.call(f"delete_item {request['TableName']}", effect)

    def batch_get_item(self, *, RequestItems: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N803
        [(table, wanted)] = RequestItems.items()

        def effect() -> dict[str, Any]:
            keys = sorted(wanted["Keys"], key=repr)  # a caller may ask in any order: the run must not depend on it
            if not 1 <= len(keys) <= MOST_GETS or not wanted["ConsistentRead"]:
                raise refused("ValidationException", f"{len(keys)} keys")
            given = len(keys)
            if self._sdk.faults.strikes("unprocessed_keys"):
                given = self._rng.randrange(len(keys))
            found = [item for key in keys[:given] if (item := self._database.get(table, key))]
            self._rng.shuffle(found)
            left = {table: {**wanted, "Keys": keys[given:]}} if given < len(keys) else {}
            return {"Responses": {table: found}, "UnprocessedKeys": left}

        return self._sdk.call(f"batch_get_item {table}", effect)

    def get_paginator(self, operation: str) -> "_Query":
        assert operation == "query", "the only one our stores page through"
        return _Query(self._sdk, self._database, self._staleness)

    def scan(self, *, TableName: str, ExclusiveStartKey: Wire | None = None) -> dict[str, Any]:  # noqa: N803
        def effect() -> dict[str, Any]:
            size = self._rng.randint(1, 8)
            items, following = self._database.scan(TableName, ExclusiveStartKey, size, self._staleness())
            return {"Items": items} | ({"LastEvaluatedKey": following} if following else {})

        return self._sdk.call(f"scan {TableName}", effect)

    def transact_write_items(
        self,
        *,
        TransactItems: Sequence[Mapping[str, Any]],  # noqa: N803
        ClientRequestToken: str = "",  # noqa: N803
    ) -> dict[str, Any]:
        self._sdk.tokens += 1
        token = ClientRequestToken or f"token-{self._sdk.tokens}"

        def effect() -> dict[str, Any]:
            self._transact(TransactItems, token)
            return {}

        return self._sdk.call("transact_write_items", effect)

    def _transact(self, writes: Sequence[Mapping[str, Any]], token: str) -> None:
        """Where it meets another transaction, some writes are hindered; the others tell their own reason, or nothing
        at all because nobody looked at them any more."""
        if self._database.carried_out(token) or not self._sdk.faults.strikes("conflict"):
            self._database.transact(writes, token)
            return
        places = self._rng.sample(range(len(writes)), self._rng.randint(1, len(writes)))
        hindered = {place: self._rng.choice(_HINDRANCES) for place in places}
        if self._rng.random() < 0.5:
            reasons = [{"Code": hindered.get(place, "None")} for place in range(len(writes))]
            raise refused("TransactionCanceledException", "hindered", CancellationReasons=reasons)
        self._database.transact(writes, token, hindered)

    def _meet_transaction(self) -> None:
        if self._sdk.faults.strikes("conflict") and self._rng.random() < 0.3:
            raise refused("TransactionConflictException", "a transaction is at this item")

    def _staleness(self) -> float:
        return self._rng.random() * _STALEST if self._sdk.faults.strikes("stale_read") else 0.0


class _Query:
    """The paginator of `query`: every page is a call of its own, and sees the table as it is by then."""

    def __init__(self, sdk: Sdk, database: Database, staleness: Callable[[], float]) -> None:
        self._sdk = sdk
        self._database = database
        self._staleness = staleness

    def paginate(self, PaginationConfig: Mapping[str, int], **request: Any) -> Iterator[dict[str, Any]]:  # noqa: N803
        most = PaginationConfig.get("MaxItems", 1_000_000)
        given: list[Wire] = []
        while True:
            size = min(PaginationConfig.get("PageSize", 1000), self._sdk.rng.randint(1, 20), most - len(given))
            last = given[-1] if given else None
            page, more = self._sdk.call(f"query {request['TableName']}", lambda: self._page(request, last, size))  # noqa: B023
            given += page
            yield {"Items": page}
            if not more or len(given) >= most:
                return

    def _page(self, request: Mapping[str, Any], last: Wire | None, size: int) -> tuple[list[Wire], bool]:
        found = self._database.query(request, self._staleness())
        if last is not None:
            place, forward = self._database.place(request, last), request.get("ScanIndexForward", True)
            places = [self._database.place(request, item) for item in found]
            found = [
                item for item, mine in zip(found, places, strict=True) if (mine > place if forward else mine < place)
            ]
        return found[:size], len(found) > size
