"""Bus: a message is to go out as a text message."""

from functions.notifications import sending
from functions.runtime import bus


def consume(event: bus.Event) -> None:
    sending.send(event.detail["data"]["member_id"], event.detail["data"]["message"], "sms")


handler = bus.consumer(consume)
