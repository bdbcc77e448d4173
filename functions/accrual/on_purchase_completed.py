"""Bus: `PurchaseCompleted`, the same as `POST /v1/purchases`."""

from functions.accrual import store
from functions.accrual.contract import PurchaseIn
from functions.runtime import bus


def consume(event: bus.Event) -> None:
    store.record_purchase(bus.read(PurchaseIn, event), event.source, event.id)


handler = bus.consumer(consume)
