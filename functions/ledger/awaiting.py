"""Returns that came before their purchase: they wait at its place for it.

    return of an unknown purchase ──> waits under the purchase's own key
                                        │ the purchase comes: it is booked over the place, and carries the returns;
                                        │   the publisher tells of each with AwaitedPurchaseArrived
                                        └ it does not come in time: OperationRefused for each, and the place is free

A purchase that nothing waits for costs nothing more: that its key is free is the condition of its booking anyway.
"""

from datetime import datetime, timedelta

from functions.ledger import answering, awaited_items, items
from functions.ledger.account import AwaitingReturn, Operation
from functions.ledger.awaited_items import (
    AWAITED,
    CHANGES,
    awaited_to_item,
    awaiting_from_item,
    awaiting_to_list,
    is_awaited,
)
from functions.runtime import bus, tables
from functions.runtime.envelope import OutboundEvent
from functions.runtime.errors import LoyaltyError, OperationIdReusedError, PurchaseNotFoundError, TryAgainError
from functions.runtime.instants import from_text, to_text
from functions.runtime.observability import logger

MOST_WAITING = 10
"""Returns of one purchase: their lines must fit in one item."""
_ATTEMPTS = 5


def wait(purchase: Operation, awaiting: AwaitingReturn, now: datetime, longest: timedelta) -> datetime | None:
    """Let a return wait, and say until when; None where the purchase has come meanwhile.

    Raises OperationIdReusedError for another return under the same id, PurchaseNotFoundError where the purchase was
    refused or too many wait, TryAgainError.
    """
    key = {"operation": purchase.key}
    for _ in range(_ATTEMPTS):
        place = tables.get("entries", key, consistent=True)
        if place and items.is_entry(place):
            return None
        if place and not is_awaited(place):
            raise PurchaseNotFoundError(f"The purchase {purchase.id} was refused.")
        try:
            if place is None:
                report_at = now + longest
                item = awaited_to_item(purchase, awaiting, to_text(report_at))
                tables.put_new("entries", item, key="operation")
                return report_at
            _join(place, key, awaiting, purchase)
            return from_text(place["report_at"])
        except (tables.ConditionFailedError, tables.CancelledError):
            continue  # the purchase came, or another return: look again
    raise TryAgainError("Something else came for this purchase. Nothing was written; repeat the call as it was.")


def _join(place: tables.Item, key: tables.Item, awaiting: AwaitingReturn, purchase: Operation) -> None:
    """Wait beside the returns that wait already, once. Raises CancelledError where something came meanwhile."""
    waiting = awaiting_from_item(place)
    for other in waiting:
        if other.id == awaiting.id:
            if other.payload_hash != awaiting.payload_hash:
                raise OperationIdReusedError(f"The return {awaiting.id} was sent before with another payload.")
            return
    if len(waiting) == MOST_WAITING:
        raise PurchaseNotFoundError(f"You have not sent the purchase {purchase.id}, and enough returns wait for it.")
    joined = {"returns": awaiting_to_list([*waiting, awaiting])}
    tables.transact([tables.Amend("entries", key, CHANGES, place[CHANGES], joined)])


def report_overdue(now: datetime) -> int:
    """Refuse on the bus what has waited too long, and free its place; how many returns there were."""
    reported = 0
    condition, values = "#awaited = :awaited AND #report_at <= :now", {"awaited": AWAITED, "now": to_text(now)}
    for place in list(tables.query("entries", condition, values, index="awaited")):
        # Refused first: a purchase that comes while this goes on finds that its returns have been answered.
        refused = [(one, error) for one in _returns(place) if (error := answering.refuse(one, _NEVER_CAME))]
        bus.publish([_refusal(one, error, now) for one, error in refused])
        _free(place)
        reported += len(refused)
    logger.info("overdue_returns", reported=reported)
    return reported


_NEVER_CAME = PurchaseNotFoundError("The purchase of this return never came.")


def _returns(place: tables.Item) -> list[Operation]:
    """The operations that wait at a place."""
    waiting = awaiting_from_item(place)
    return [Operation("return", place["source"], one.id, one.payload_hash, "") for one in waiting]


def _refusal(operation: Operation, error: LoyaltyError, now: datetime) -> OutboundEvent:
    return bus.refusal_of(
        event_id=operation.key,
        detail_type="PurchaseReturned",
        source=operation.source,
        operation_id=operation.id,
        problem=error.problem(),
        occurred_at=now,
    )


def _free(place: tables.Item) -> None:
    """Free the place, unless something came to it. Where the purchase was refused, that stays."""
    key = {"operation": place["operation"]}
    seen = place[CHANGES]
    if "refused" in place:
        gone = "REMOVE #awaited, #report_at, #returns, #changes"
        tables.update("entries", key, gone, "#changes = :seen", {"seen": seen})
    else:
        tables.delete("entries", key, awaited_items.as_awaited(place))
