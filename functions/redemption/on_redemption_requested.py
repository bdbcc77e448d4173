"""Bus: `RedemptionRequested`, the same as `POST /v1/redemptions`."""

from functions.redemption import store
from functions.redemption.contract import RedemptionEventIn
from functions.runtime import bus


def consume(event: bus.Event) -> None:
    received = bus.read(RedemptionEventIn, event)
    store.redeem(received, event.source, received.idempotency_key, event.id)


handler = bus.consumer(consume)
