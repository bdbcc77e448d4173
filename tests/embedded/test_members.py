"""Members on the deployed stack: changed, referred, merged, suspended, forgotten."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli import programs
from tests.embedded.partner import Json, Partner, dead_letters, fresh, purchase, until

CLUB = Path(__file__).parent / "club.yaml"
WELCOME, PROFILE = 25, 10


@pytest.fixture(scope="module", autouse=True)
def club(partner: Partner) -> Iterator[None]:
    """The club, which has a referral, while these tests last."""
    partner.put_in_force(CLUB)
    yield
    partner.put_in_force(programs.READY)


def change(partner: Partner, method: str, path: str, body: Json | None = None, **headers: str) -> Any:
    sent = {"Idempotency-Key": fresh("key")} | headers
    return partner.stack.api.request(method, path, json=body, headers=sent)


def buy(partner: Partner, member: str, amount: int) -> Any:
    body = purchase({"id": member}, amount, occurred_at=datetime.now(UTC).isoformat())
    return partner.post("/v1/purchases", body)


def test_a_change_is_seen_told_and_earns_what_the_programme_says(partner: Partner) -> None:
    member = partner.enrol()
    partner.booked(member, 1)
    before = partner.get(f"/v1/members/{member}")
    path = f"/v1/members/{member}"
    body = {"given_name": "Grace", "birth_date": "1990-02-28", "attributes": {"favourite": "jazz"}}
    with partner.listening() as heard:
        changed = change(partner, "PATCH", path, body, **{"If-Match": before.headers["etag"]})
        assert (changed.status_code, changed.json()["given_name"]) == (200, "Grace")
        stale = change(partner, "PATCH", path, {"given_name": "Ada"}, **{"If-Match": before.headers["etag"]})
        assert (stale.status_code, stale.json()["code"]) == (412, "stale")

        def mine(event: Json) -> bool:
            return bool(event["detail-type"] == "MemberUpdated" and event["detail"]["data"]["member_id"] == member)

        [event] = until(lambda: heard(mine), "the news")

    assert "Grace" not in json.dumps(event)
    partner.booked(member, 3)
    assert partner.balance(member)["active"] == WELCOME + PROFILE
    [audit] = partner.get(f"{path}/audit").json()["items"]
    assert "given_name" in audit["fields"]
    assert "Grace" not in json.dumps(audit)


def test_a_friend_joins_with_a_code_and_both_are_rewarded(partner: Partner) -> None:
    referrer = partner.enrol()
    code = partner.get(f"/v1/members/{referrer}").json()["referral_code"]
    friend = partner.enrol(card=fresh("card"), referral_code=code.lower().replace("-", " "))
    partner.booked(referrer, 1)
    partner.booked(friend, 1)

    assert buy(partner, friend, 5000).json()["points"]["active"] == 350
    assert [entry["points"] for entry in partner.booked(referrer, 2)] == [WELCOME, 500]
    nobody = partner.post("/v1/members", {"card": fresh("card"), "referral_code": "AAAA-AAAA-AAAA"}, key=fresh("enrol"))
    assert (nobody.status_code, nobody.json()["errors"][0]["pointer"]) == (422, "/referral_code")


def test_who_is_suspended_earns_nothing_meanwhile(partner: Partner) -> None:
    member = partner.enrol()
    partner.booked(member, 1)
    assert change(partner, "POST", f"/v1/members/{member}/suspend", {"reason": "fraud"}).json()["status"] == "suspended"
    refused = buy(partner, member, 1000)
    assert (refused.status_code, refused.json()["code"]) == (409, "member_suspended")
    assert change(partner, "POST", f"/v1/members/{member}/reinstate", {"reason": "cleared"}).status_code == 200
    assert buy(partner, member, 1000).status_code == 201


def test_two_members_become_one(partner: Partner) -> None:
    card = fresh("card")
    gone, kept = partner.enrol(card=card), partner.enrol()
    for member in (gone, kept):
        partner.booked(member, 1)
        buy(partner, member, 1000)

    assert change(partner, "POST", f"/v1/members/{gone}/merge", {"into": kept}).json()["merged_into"] == kept
    assert partner.get("/v1/members", card=card).json()["member_id"] == kept
    assert buy(partner, gone, 500).json()["entry"]["member_id"] == kept
    assert (partner.balance(gone)["active"], partner.balance(kept)["active"]) == (0, 2 * (WELCOME + 10) + 5)


def test_who_leaves_is_forgotten_in_every_table_queue_and_log(partner: Partner) -> None:
    name = f"Zephyrine{fresh('x')[2:]}"
    card, email, phone = fresh("card"), f"{name.lower()}@example.com", "+33612340987"
    identities = {"card": card, "email": email, "phone": phone, "given_name": name, "birth_date": "1961-10-09"}
    member = partner.enrol(**identities)
    partner.booked(member, 2)
    buy(partner, member, 3000)
    note = {"id": fresh("adjustment"), "points": 5, "reason": "goodwill", "note": f"for {name}"}
    partner.post(f"/v1/members/{member}/adjustments", note)
    change(partner, "PATCH", f"/v1/members/{member}", {"family_name": f"von {name}"})
    assert partner.get(f"/v1/members/{member}/export").json()["member"]["given_name"] == name
    until(lambda: partner.mails(email) or None, "the mails")

    assert change(partner, "DELETE", f"/v1/members/{member}").json()["status"] == "closed"
    # The last mail goes out as the clock would let it within the minute, and its address with it.
    every_minute = f"{partner.stack.bus_name}-notifications-every-minute"
    partner.stack.aws("lambda").invoke(FunctionName=every_minute, Payload=b"{}")

    def clean() -> bool:
        return not [word for word in (name, name.lower(), card, phone, "10-09") if word in json.dumps(partner.tables())]

    until(clean, "every table to forget")
    sqs = partner.stack.aws("sqs")
    logs: Any = partner.stack.aws("logs")  # type: ignore[call-overload]
    for url in sqs.list_queues().get("QueueUrls", []):
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0).get("Messages", [])
        assert name not in json.dumps([message["Body"] for message in messages])
    for group in logs.describe_log_groups()["logGroups"]:
        found = logs.filter_log_events(logGroupName=group["logGroupName"])["events"]
        assert not [event for event in found if name.lower() in event["message"].lower()]
    assert partner.balance(member)["active"] == 0
    assert buy(partner, member, 1000).json()["code"] == "member_closed"
    assert partner.enrol(email=email) != member


def test_who_may_not_read_members_is_not_told_who_is_one(partner: Partner, form_token: str) -> None:
    known, unknown = (f"{fresh('mail')}@example.com" for _ in range(2))
    partner.enrol(email=known)

    def told(path: str, body: Json) -> tuple[int, Json]:
        sent = {"Authorization": f"Bearer {form_token}", "Idempotency-Key": fresh("key")}
        answer = httpx.post(f"{partner.stack.api_url}{path}", json=body, headers=sent, trust_env=False, timeout=30)
        assert "idempotency-replayed" not in answer.headers
        return answer.status_code, answer.json()

    status, problem = told("/v1/purchases", purchase({"email": known}))
    assert (status, problem["code"]) == (403, "scope_missing")
    assert told("/v1/purchases", purchase({"email": unknown})) == (403, problem)
    assert told("/v1/members", {"email": known}) == told("/v1/members", {"email": unknown}) == (403, problem)


def test_nothing_of_this_is_a_dead_letter(partner: Partner) -> None:
    for function in ("accrual-on-loyalty-event", "enrolment-on-member-enrolment-requested"):
        assert dead_letters(partner.stack, function) == []
