"""EventBridge in memory: it takes events, sometimes only some of a call, and remembers all that it took, in order."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.faults.sdk import Sdk

MOST_ENTRIES = 10


@dataclass(frozen=True, slots=True)
class Taken:
    """An event on the bus."""

    event_id: str
    member: str
    sequence: int
    detail_type: str
    detail: Mapping[str, Any]


class EventsClient:
    """`taken`: what is on the bus, in order. `turned_away`: ids of events that one call or another did not get in."""

    def __init__(self, sdk: Sdk) -> None:
        self._sdk = sdk
        self.taken: list[Taken] = []
        self.turned_away: set[str] = set()
        self.listeners: list[Callable[[Taken], None]] = []

    def put_events(self, *, Entries: Sequence[Mapping[str, str]]) -> dict[str, Any]:  # noqa: N803
        assert 1 <= len(Entries) <= MOST_ENTRIES, f"{len(Entries)} events in one call"

        def effect() -> dict[str, Any]:
            answers = [self._take(entry) for entry in Entries]
            return {"FailedEntryCount": sum("ErrorCode" in answer for answer in answers), "Entries": answers}

        return self._sdk.call("put_events", effect)

    def _take(self, entry: Mapping[str, str]) -> dict[str, str]:
        detail = json.loads(entry["Detail"])
        metadata = detail["metadata"]
        event_id, sequence = metadata["event_id"], metadata["member_sequence"]
        if self._sdk.faults.strikes("refused_event"):
            self.turned_away.add(event_id)
            return {"ErrorCode": "InternalFailure", "ErrorMessage": "not this one"}
        taken = Taken(event_id, event_id.partition("#")[0], sequence, entry["DetailType"], detail)
        self.taken.append(taken)
        self._sdk.schedule.note(f"  on the bus: {event_id} {taken.detail_type}")
        for tell in self.listeners:
            tell(taken)
        return {"EventId": f"event-{len(self.taken)}"}
