"""Bus: a message is to go out by e-mail."""

from functions.notifications import sending, telling
from functions.runtime import bus


def consume(event: bus.Event) -> None:
    due = bus.read(telling.Due, event).data
    sending.send(due.member_id, due.message, "email")


handler = bus.consumer(consume)
