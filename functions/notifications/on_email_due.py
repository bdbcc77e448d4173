"""Bus: a message is to go out by e-mail."""

from functions.notifications import sending
from functions.runtime import bus


def consume(event: bus.Event) -> None:
    sending.send(event.detail["data"]["member_id"], event.detail["data"]["message"], "email")


handler = bus.consumer(consume)
