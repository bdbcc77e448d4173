"""Bus: `PurchaseCompleted`, the same as `POST /v1/purchases`; the purchases of a batch are booked together."""

from functions.accrual import store
from functions.runtime import bus

handler = bus.batch_consumer(store.record_events)
