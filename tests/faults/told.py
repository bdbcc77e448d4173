"""What is on the bus against the books: nothing less, nothing more, nothing else, and in order (P8)."""

from collections.abc import Iterator

from functions.ledger import events
from functions.runtime.envelope import OutboundEvent
from tests.faults.bus import EventsClient, Taken
from tests.faults.stream import Stream
from tests.faults.verdict import Books, Finding


def judge_bus(bus: EventsClient, stream: Stream, books: Books) -> Iterator[Finding]:
    """Everything that is wrong about the published events."""
    due = {event_id: event for member in books.accounts for event_id, event in _due(member, books)}
    told: dict[str, Taken] = {}
    for taken in bus.taken:
        told.setdefault(taken.event_id, taken)
        event = due.get(taken.event_id)
        if event and (event.detail_type, event.detail) != (taken.detail_type, taken.detail):
            yield "P8", f"{taken.event_id} says {taken.detail}, the books say {event.detail}"
    for event_id in due.keys() - told.keys():
        yield "P8", f"{event_id} was never published"
    for event_id in told.keys() - due.keys():
        yield "P8", f"{event_id} was published and is in no book"
    for member in books.accounts:
        yield from _disorder([event for event in told.values() if event.member == member], bus, stream)


def _due(member: str, books: Books) -> Iterator[tuple[str, OutboundEvent]]:
    told = [events.of_opening(books.accounts[member])]
    for entry in books.of(member):
        told += events.of_entry(entry)
    for event in told:
        metadata = event.detail["metadata"]
        assert isinstance(metadata, dict)
        yield metadata["event_id"], event


def _disorder(told: list[Taken], bus: EventsClient, stream: Stream) -> Iterator[Finding]:
    """An event that came after a later one, and neither the bus had turned it away nor had the stream lost it."""
    latest = -1
    for event in told:
        excused = event.event_id in bus.turned_away or (event.member, event.sequence) in stream.lost
        if event.sequence < latest and not excused:
            yield "P8", f"{event.event_id} came after the events of {latest}"
        latest = max(latest, event.sequence)
