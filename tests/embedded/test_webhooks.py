"""Many events on the deployed stack (EVENTS=1000: as many), while endpoints misbehave in every way at once.

Every good endpoint gets all of its own, signed, and is kept waiting by none of the others.
"""

import json
import os
import time
from collections.abc import Iterator
from typing import Any

import pytest

from functions.runtime.envelope import SOURCE
from tests.contract.schemas import EVENTS
from tests.embedded.partner import Json, Partner, dead_letters, fresh, until
from tests.embedded.receivers import Receivers, nobodys_url, receiving

MANY = int(os.environ.get("EVENTS", "200"))
GOOD = ("/good", "/good/vouchers", "/good/rotated")
BAD = ("/hangs", "/errors", "/slow", "/redirects", "/huge", "/gone")
# Nobody but partners listens to these two.
TYPES = ("VoucherUsed", "MemberExported")
WITH_PATIENCE = 400.0


@pytest.fixture(scope="module")
def receivers() -> Iterator[Receivers]:
    with receiving() as found:
        yield found


@pytest.fixture(scope="module")
def webhooks(partner: Partner, receivers: Receivers) -> Iterator[dict[str, Json]]:
    """The endpoints by their paths; deleted in the end, for other tests have news as well."""
    urls = {path: receivers.url(path) for path in (*GOOD, *BAD)} | {"/refuses": nobodys_url()}
    made: dict[str, Json] = {}
    for path, url in urls.items():
        wanted = TYPES[:1] if path == "/good/vouchers" else TYPES
        answer = partner.post("/v1/webhooks", {"url": url, "types": list(wanted)}, key=fresh("hook"))
        assert answer.status_code == 201, answer.text
        made[path] = answer.json()
        receivers.secrets[path].append(made[path]["secret"])
    time.sleep(6)  # until every warm function has seen them
    yield made
    for one in made.values():
        assert partner.stack.api.delete(f"/v1/webhooks/{one['webhook_id']}").status_code == 204


@pytest.fixture(scope="module")
def began(partner: Partner) -> str:
    """Where the feed is before anything happens."""
    cursor = None
    while True:
        page = feed(partner, cursor)
        cursor = page["next_cursor"]
        if not page["items"]:
            return str(cursor)


def feed(partner: Partner, after: str | None) -> Json:
    page: Json = partner.get("/v1/events", limit="200", **({"after": after} if after else {})).raise_for_status().json()
    return page


@pytest.fixture(scope="module")
def told(partner: Partner, receivers: Receivers, webhooks: dict[str, Json], began: str) -> dict[str, str]:
    """The type of each event that was put on the bus, by its id. Halfway an endpoint gets a new secret."""
    samples = {name: json.loads((EVENTS / "outbound" / f"{name}.json").read_text())["detail"] for name in TYPES}
    run = fresh("run")
    events = {f"mem_gvhwj3324hq4nn5ahper#{run}-{n}": TYPES[n % 2] for n in range(MANY)}
    entries = [_entry(partner, samples[name], name, event_id) for event_id, name in events.items()]
    for start in range(0, MANY, 10):
        answer = partner.stack.aws("events").put_events(Entries=entries[start : start + 10])
        assert answer["FailedEntryCount"] == 0
        if start == MANY // 2:
            path = f"/v1/webhooks/{webhooks['/good/rotated']['webhook_id']}"
            rotated = partner.stack.api.patch(path, json={"rotate_secret": True}).raise_for_status().json()
            receivers.secrets["/good/rotated"].append(rotated["secret"])
    return events


def _entry(partner: Partner, detail: Json, name: str, event_id: str) -> Any:
    metadata = detail["metadata"] | {"event_id": event_id}
    return {
        "EventBusName": partner.stack.bus_name,
        "Source": SOURCE,
        "DetailType": name,
        "Detail": json.dumps({"metadata": metadata, "data": detail["data"]}),
    }


def deliveries(partner: Partner, webhook: Json, **query: str) -> list[Json]:
    path = f"/v1/webhooks/{webhook['webhook_id']}/deliveries"
    found: list[Json] = partner.get(path, limit="200", **query).raise_for_status().json()["items"]
    return found


def answers(partner: Partner, webhook: Json) -> set[int | str]:
    """What the endpoint said, over all tries of its latest deliveries."""
    tries = [one for delivery in deliveries(partner, webhook) for one in delivery["attempts"]]
    return {one["status"] or one["error"] for one in tries}


@pytest.mark.parametrize("path", GOOD)
def test_a_good_endpoint_gets_all_of_its_own_whatever_the_others_do(
    partner: Partner, receivers: Receivers, webhooks: dict[str, Json], told: dict[str, str], path: str
) -> None:
    wanted = {event_id for event_id, name in told.items() if name in webhooks[path]["types"]}
    until(lambda: receivers.got(path) >= wanted, f"{len(wanted)} events at {path}", WITH_PATIENCE)
    assert receivers.got(path) == wanted
    assert receivers.duplicates(path) <= MANY // 100


def test_nothing_that_came_was_signed_by_anybody_else(receivers: Receivers, told: dict[str, str]) -> None:
    assert receivers.forged == []


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/errors", {500}),
        ("/redirects", {302}),
        ("/huge", {200}),
        ("/slow", {204}),
        (
            "/hangs",
            {"RemoteDisconnected", "ReadTimeoutError", "the answer is too slow", "ProtocolError", "TimeoutError"},
        ),
        ("/refuses", {"NewConnectionError"}),
    ],
)
def test_a_bad_endpoint_is_told_apart_by_what_it_does(
    partner: Partner, webhooks: dict[str, Json], told: dict[str, str], path: str, said: set[int | str]
) -> None:
    def seen() -> set[int | str] | None:
        return answers(partner, webhooks[path]) or None

    found = until(seen, f"an answer of {path}", WITH_PATIENCE)
    assert found <= said


def test_an_endpoint_with_answers_of_a_gigabyte_gets_its_events_all_the_same(
    receivers: Receivers, told: dict[str, str]
) -> None:
    until(lambda: receivers.got("/huge") >= set(told), "all events at /huge", WITH_PATIENCE)


def test_what_a_gone_endpoint_refused_is_delivered_once_it_is_back(
    partner: Partner, receivers: Receivers, webhooks: dict[str, Json], told: dict[str, str]
) -> None:
    gone = webhooks["/gone"]
    path = f"/v1/webhooks/{gone['webhook_id']}"
    until(lambda: partner.get(path).json()["gone"], "the endpoint to be disabled", WITH_PATIENCE)
    parked = until(lambda: deliveries(partner, gone, status="parked"), "what it refused")[0]
    receivers.repaired.add("/gone")
    before = receivers.heard["/gone"][parked["event_id"]]

    assert partner.stack.api.patch(path, json={"status": "active"}).json()["status"] == "active"
    answer = partner.post(f"{path}/deliveries/{parked['delivery_id']}/redeliver", None)

    assert (answer.status_code, answer.json()["status"]) == (202, "waiting")
    until(lambda: receivers.heard["/gone"][parked["event_id"]] > before, "the event once more")
    again = until(lambda: _delivered(partner, gone, parked["delivery_id"]), "its log")
    assert [one["status"] for one in again["attempts"]] == [410, 204]


def test_what_failed_arrives_after_a_pause_once_the_endpoint_is_repaired(
    partner: Partner, receivers: Receivers, webhooks: dict[str, Json], told: dict[str, str]
) -> None:
    failing = webhooks["/errors"]
    until(lambda: receivers.got("/errors") >= set(told), "every event to be tried", WITH_PATIENCE)
    receivers.repaired.add("/errors")
    first = deliveries(partner, failing, status="waiting")[0]
    partner.post(f"/v1/webhooks/{failing['webhook_id']}/deliveries/{first['delivery_id']}/redeliver", None)
    until(lambda: _delivered(partner, failing, first["delivery_id"]), "the one that was asked for")


def _delivered(partner: Partner, webhook: Json, delivery: str) -> Json | None:
    found = deliveries(partner, webhook, status="delivered")
    return next((one for one in found if one["delivery_id"] == delivery), None)


def test_a_reader_of_the_feed_finds_all_of_them(partner: Partner, began: str, told: dict[str, str]) -> None:
    seen: set[str] = set()
    cursor = began

    def all_seen() -> bool:
        nonlocal cursor
        page = feed(partner, cursor)
        cursor = page["next_cursor"]
        seen.update(one["metadata"]["event_id"] for one in page["items"])
        return seen >= set(told)

    until(all_seen, "the feed", WITH_PATIENCE)


def test_no_work_of_webhooks_became_a_dead_letter(partner: Partner, told: dict[str, str]) -> None:
    for function in ("webhooks-on-loyalty-event", "webhooks-on-deliveries-due", "webhooks-every-minute"):
        assert dead_letters(partner.stack, function) == [], function
