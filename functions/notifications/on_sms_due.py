"""Bus: a message is to go out as a text message."""

from functions.notifications import sending, telling
from functions.runtime import bus


def consume(event: bus.Event) -> None:
    due = bus.read(telling.Due, event).data
    sending.send(due.member_id, due.message, "sms")


handler = bus.consumer(consume)
