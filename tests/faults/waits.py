"""What was promised to be dealt with later was dealt with (P10).

a return that was told to wait    is booked, or refused on the bus, and not both
an awaited place                  is taken by its purchase, or freed
an event of a partner             took effect, or was refused on the bus
an event of ours                  took effect
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from functions.ledger import items
from tests.faults.bus import EventsClient, Refusal
from tests.faults.messages import Queue
from tests.faults.operations import Asked
from tests.faults.verdict import Books, Finding


def judge_waits(
    asked: Sequence[Asked], bus: EventsClient, queues: tuple[Queue, Queue], books: Books
) -> Iterator[Finding]:
    """Everything that came to no end, or to two."""
    for key, record in books.records.items():
        if "awaited" in record or ("returns" in record and not items.is_entry(record)):
            yield "P10", f"{key} is awaited for ever"
    yield from _returns(asked, bus, books)
    partners, ours = queues
    refused = {refusal.event_id for refusal in bus.refusals}
    for event_id, kind in partners.sent.items():
        if event_id not in refused | partners.accepted:
            yield "P10", f"{kind} {event_id} neither took effect nor was refused"
    for event_id, kind in ours.sent.items():
        if event_id in refused or event_id not in ours.accepted:
            yield "P10", f"our own {kind} {event_id} was not followed"


def _returns(asked: Sequence[Asked], bus: EventsClient, books: Books) -> Iterator[Finding]:
    refusals: dict[str, list[Refusal]] = defaultdict(list)
    for refusal in bus.refusals:
        refusals[f"return#{refusal.source}#{refusal.operation_id}"].append(refusal)
    calls: dict[tuple[str, str], list[Asked]] = defaultdict(list)
    for one in asked:
        if one.kind == "return":
            calls[one.key, one.content].append(one)
    for (key, content), mine in calls.items():
        answers = [answer for one in mine for answer in one.answers]
        entry = books.entries.get(key)
        booked = entry is not None and entry.operation.payload_hash == content
        told = [refusal.at for refusal in refusals[key]]
        if any(answer.verdict == "waiting" for answer in answers) and not booked and not told:
            yield "P10", f"{key} was told to wait, and never heard of again"
        alone = sum(other == key for other, _ in calls) == 1
        given_up = [refusal.at for refusal in refusals[key] if refusal.event_id == key]
        if booked and given_up and alone:
            yield "P7", f"{key} was given up on the bus at {min(given_up):.3f}, and is booked"
