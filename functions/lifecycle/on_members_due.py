"""Bus: members for whom time has something to do."""

from functions.lifecycle import store
from functions.runtime import bus


def consume(event: bus.Event) -> None:
    store.visit_all(event.detail["data"]["members"])


handler = bus.consumer(consume)
