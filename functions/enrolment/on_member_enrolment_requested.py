"""Bus: `MemberEnrolmentRequested`, the same as `POST /v1/members`."""

from functions.enrolment import store
from functions.enrolment.contract import EnrolmentEventIn
from functions.runtime import bus


def consume(event: bus.Event) -> None:
    """Without a key of its own, an event is its own operation: EventBridge may deliver it twice, under one id."""
    received = bus.read(EnrolmentEventIn, event)
    store.enrol(received, event.source, received.idempotency_key or event.id)


handler = bus.consumer(consume)
