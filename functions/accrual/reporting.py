"""Reports that come as events of partners."""

from collections.abc import Mapping, Sequence

from functions.accrual import store
from functions.accrual.contract import ActivityIn, DecisionIn, PurchaseIn, ReturnEventIn
from functions.runtime import bus
from functions.runtime.errors import LoyaltyError

_BODIES: Mapping[str, type[store.Body]] = {
    "PurchaseCompleted": PurchaseIn,
    "PurchaseReturned": ReturnEventIn,
    "ActivityRecorded": ActivityIn,
    "ActivityDecided": DecisionIn,
}


def record_events(events: Sequence[bus.Event]) -> list[bus.Outcome]:
    """Carry out what the events report, each once; those of one member together."""
    outcomes: list[bus.Outcome] = [None] * len(events)
    reports: dict[int, store.Report] = {}
    for i, event in enumerate(events):
        try:
            reports[i] = store.Report(bus.read(_BODIES[event.detail_type], event), event.source, event.id)
        except bus.MalformedError as error:
            outcomes[i] = error
    for i, outcome in zip(reports, store.record_all(list(reports.values())), strict=True):
        outcomes[i] = outcome if isinstance(outcome, LoyaltyError) else None
    return outcomes
