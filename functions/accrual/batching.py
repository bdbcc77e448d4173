"""Batches: many operations in one call, each checked, carried out and answered by itself."""

import time
from collections.abc import Container, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from functions.accrual import store
from functions.accrual.contract import BatchOut, OperationIn, ResultOut, WaitingOut, naming
from functions.accrual.returning import Waiting
from functions.ledger.contract import EffectOut
from functions.ledger.identity import check_may_name
from functions.runtime import http
from functions.runtime.errors import InvalidError, LoyaltyError, ScopeMissingError, TryAgainError
from functions.runtime.validation import parse

_AT_ONCE = 20
_SECONDS = 6.0
"""What is not begun by then is to be sent again: the gateway waits ten."""
_KINDS = ("purchase", "activity", "return")


def carry_out(
    operations: Sequence[Mapping[str, Any]], source: str, scopes: Container[str], correlation_id: str
) -> BatchOut:
    """The results in the order of the operations."""
    outcomes: dict[int, store.Outcome] = {}
    reports: dict[int, store.Report] = {}
    for i, operation in enumerate(operations):
        try:
            body = parse(OperationIn, operation).body()
            check_may_name(naming(body), scopes)
            reports[i] = store.Report(body, source, correlation_id)
        except (InvalidError, ScopeMissingError) as error:
            outcomes[i] = error
    started = time.monotonic()
    for places in _slices(list(reports)):
        if time.monotonic() - started > _SECONDS:
            late = TryAgainError("There was no time for this one. Nothing was written; send it again as it was.")
            outcomes |= dict.fromkeys(places, late)
        else:
            outcomes |= dict(zip(places, store.record_all([reports[i] for i in places]), strict=True))
    return BatchOut(results=[_result(operation, outcomes[i]) for i, operation in enumerate(operations)])


def _slices(places: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(places), _AT_ONCE):
        yield places[start : start + _AT_ONCE]


def _result(operation: Mapping[str, Any], outcome: store.Outcome) -> ResultOut:
    kind = next((kind for kind in _KINDS if kind in operation), None)
    named = {"kind": kind, "id": _id_of(operation.get(kind or ""))}
    if isinstance(outcome, LoyaltyError):
        status = http.status_of(outcome)
        return ResultOut(**named, status=status, problem={**outcome.problem(), "status": status.value})
    if isinstance(outcome, Waiting):
        return ResultOut(**named, status=HTTPStatus.ACCEPTED, waiting=WaitingOut.of(outcome))
    effect = EffectOut.of(outcome.entry)
    return ResultOut(**named, status=HTTPStatus.CREATED, replayed=outcome.replayed, effect=effect)


def _id_of(body: object) -> str | None:
    found = body.get("id") if isinstance(body, dict) else None
    return found if isinstance(found, str) else None
