"""Bus: something waits for an endpoint."""

from functions.runtime import bus
from functions.webhooks import delivering


def consume(event: bus.Event) -> None:
    delivering.drain(event.detail["data"]["webhook_id"])


handler = bus.consumer(consume)
