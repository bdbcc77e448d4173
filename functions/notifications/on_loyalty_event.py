"""Bus: what happened in the programme becomes messages to the member."""

from functions.notifications import telling
from functions.runtime import bus


def consume(event: bus.Event) -> None:
    telling.tell(bus.read(telling.Told, event), event.detail_type)


handler = bus.consumer(consume)
