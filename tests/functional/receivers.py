"""Partners who want events: they register endpoints, and answer as a test tells them to."""

import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks import Webhook

from functions.runtime import outgoing
from functions.runtime.outgoing import Heard, UnreachableError
from functions.webhooks import store
from tests.contract.schemas import EVENTS
from tests.functional.conftest import Answer, Json, Service

TELLER = "functions.webhooks.on_loyalty_event"
WORKER = "functions.webhooks.on_deliveries_due"
SHOP = "https://shop.example/events"
CRM = "https://crm.example/in?from=loyalty"
Reply = int | Heard | str
"""A status, or in a word why there is none."""


@dataclass
class Receivers:
    """`says`: what each address answers, call by call, the last one again and again; 204 where nothing is said."""

    says: dict[str, list[Reply]] = field(default_factory=dict)
    heard: list[tuple[str, dict[str, str], Json]] = field(default_factory=list)
    _asked: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def deliver(self, url: str, body: str, headers: dict[str, str]) -> Heard:
        with self._lock:
            self.heard.append((url, headers, json.loads(body)))
            asked = self._asked[url] = self._asked.get(url, 0) + 1
        replies = self.says.get(url, [204])
        reply = replies[min(asked, len(replies)) - 1]
        if isinstance(reply, str):
            raise UnreachableError(reply)
        return reply if isinstance(reply, Heard) else Heard(reply)

    def ids(self, url: str) -> list[str]:
        """The events that came to an address, in the order of their ids."""
        return sorted(headers["webhook-id"] for to, headers, _ in self.heard if to == url)


def receivers(monkeypatch: pytest.MonkeyPatch) -> Receivers:
    found = Receivers()
    monkeypatch.setattr(outgoing, "deliver", found.deliver)
    monkeypatch.setattr("functions.runtime.clock.pause", lambda _: None)
    return found


def is_signed(secret: str, headers: dict[str, str], content: Json) -> bool:
    """Whether one of the signatures is by this secret. The library's own check wants the time that it is."""
    body = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
    at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    return Webhook(secret).sign(headers["webhook-id"], at, body) in headers["webhook-signature"].split(" ")


def register(service: Service, url: str = SHOP, key: str = "hook-1", **more: Any) -> Json:
    """A new endpoint, with its secret, known to everybody at once."""
    answer = service.post("/v1/webhooks", {"url": url, **more}, key=key)
    assert answer.status == 201, answer.body
    store.forget()
    return answer.body


def change(service: Service, webhook: Json, **changes: Any) -> Answer:
    answer = service.call("PATCH", f"/v1/webhooks/{webhook['webhook_id']}", changes)
    store.forget()
    return answer


def log(service: Service, webhook: Json, **query: str) -> list[Json]:
    found: list[Json] = service.get(f"/v1/webhooks/{webhook['webhook_id']}/deliveries", **query).body["items"]
    return found


def event(number: int, detail_type: str = "PointsEarned") -> Json:
    """The sample of an event, as one of many."""
    sample: Json = json.loads((EVENTS / "outbound" / f"{detail_type}.json").read_text())
    detail = sample["detail"]
    recorded_at = f"2026-11-21T09:{number // 60:02}:{number % 60:02}.000000Z"
    metadata = detail["metadata"] | {"event_id": f"mem_gvhwj3324hq4nn5ahper#{number}", "recorded_at": recorded_at}
    return {
        **sample,
        "id": f"bus-{number}",
        "time": "2026-11-21T10:00:00Z",
        "detail": detail | {"metadata": metadata},
    }


def event_id(number: int) -> str:
    return f"mem_gvhwj3324hq4nn5ahper#{number}"


def tell(service: Service, *events: Json) -> list[Json]:
    """Let what happened be noted, ten at a time; what is then due."""
    for start in range(0, len(events), 10):
        assert service.hand(TELLER, list(events[start : start + 10])) == []
    return service.on_bus()


def work(service: Service, due: list[Json]) -> None:
    """Let the workers send, and go on as long as they ask for it."""
    while due:
        assert service.hand(WORKER, due) == []
        due = service.on_bus()


def deliver(service: Service, *events: Json) -> None:
    work(service, tell(service, *events))


def every_minute(service: Service) -> list[Json]:
    service._run("functions.webhooks.every_minute", {})
    return service.on_bus()


def later(service: Service, **by: float) -> None:
    """Some time later the clock starts what it starts."""
    service.clock.move(**by)
    work(service, every_minute(service))
