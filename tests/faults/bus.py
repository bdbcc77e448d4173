"""EventBridge in memory: it takes events, sometimes only some of a call, and remembers all that it took, in order."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.faults.sdk import Sdk

MOST_ENTRIES = 10
MEMBERS_DUE = "MembersDue"


@dataclass(frozen=True, slots=True)
class Taken:
    """An event about a member on the bus."""

    event_id: str
    member: str
    sequence: int
    detail_type: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Refusal:
    """`OperationRefused` on the bus: when, of which event and operation, and why."""

    at: float
    event_id: str
    source: str
    operation_id: str | None
    code: str


class EventsClient:
    """`taken`: what is on the bus, in order; `refusals`: what it says was refused; `announced`: what members are told
    before it comes. `turned_away`: ids of events that one call or another did not get in. `handed_out`: who hears of
    the members that are to be visited."""

    def __init__(self, sdk: Sdk) -> None:
        self._sdk = sdk
        self.taken: list[Taken] = []
        self.refusals: list[Refusal] = []
        self.announced: list[Taken] = []
        self.handed_out: list[Callable[[Mapping[str, Any]], None]] = []
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
        event_id = detail["metadata"]["event_id"]
        if self._sdk.faults.strikes("refused_event"):
            self.turned_away.add(event_id)
            return {"ErrorCode": "InternalFailure", "ErrorMessage": "not this one"}
        self._sdk.schedule.note(f"  on the bus: {event_id} {entry['DetailType']}")
        if entry["DetailType"] == "OperationRefused":
            self.refusals.append(self._refusal(detail["data"]))
        elif entry["DetailType"] == MEMBERS_DUE:
            for hear in self.handed_out:
                hear(detail)
        else:
            n = detail["metadata"]["member_sequence"]
            taken = Taken(event_id, event_id.partition("#")[0], -1 if n is None else n, entry["DetailType"], detail)
            if n is None:
                self.announced.append(taken)
            else:
                self._tell(taken)
        return {"EventId": f"event-{len(self.taken) + len(self.refusals) + len(self.announced)}"}

    def _refusal(self, data: Mapping[str, Any]) -> Refusal:
        code = str(data["problem"]["code"])
        now = self._sdk.schedule.now
        return Refusal(now, data["refused_event_id"], data["refused_source"], data["operation_id"], code)

    def _tell(self, taken: Taken) -> None:
        self.taken.append(taken)
        for tell in self.listeners:
            tell(taken)
