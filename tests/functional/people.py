"""A programme that knows its members, and the calls that change them."""

from typing import Any

from functions.ledger import items
from functions.ledger.proof import prove
from tests.functional.conftest import CLIENT, Answer, Json, Service, publish_program
from tests.functional.engaged import ENGAGED

MEMBERS = """
members:
  attributes: {favourite: text, records: number, vinyl_only: yes_no}
  complete: [given_name, birth_date, favourite]

activities:
"""
RULES = """
groups: {base: all}

earning:
  - {id: vips, group: base, points: 100, when: {segment: vip}, text: {en: For VIPs, fr: VIP}}
  - {id: birthdays, group: base, points: 10, when: {birthday: {days_before: 0}}, text: {en: Hurray, fr: Fête}}
  - {id: fans, group: base, points: 1000, when: {cel: FAN}, text: {en: For fans, fr: Fans}}
  - {id: whole, group: base, on: profile_completed, points: 25, text: {en: We know you, fr: Complet}}
"""
FAN = "'records' in member.attributes && member.attributes.records > 100"
PEOPLE = ENGAGED.replace("\nactivities:\n", MEMBERS).replace(
    "\ngroups: {base: all}\n\nearning:\n", RULES.replace("FAN", f'"{FAN}"')
)


def people(service: Service, text: str = PEOPLE) -> Service:
    """The service with this programme in force, an hour later."""
    service.clock.move(hours=1)
    publish_program(service, text)
    return service


def join(service: Service, key: str = "join-1", **profile: object) -> Answer:
    """By default Ada, with nothing but an e-mail address."""
    return service.post("/v1/members", profile or {"email": "ada@example.com"}, key=key, as_documented=False)


def joined(service: Service, key: str = "join-1", **profile: object) -> str:
    answer = join(service, key, **profile)
    assert answer.status == 201, answer.body
    member: str = answer.body["member_id"]
    return member


def change(
    service: Service,
    member: str,
    key: str = "change-1",
    if_match: str | None = None,
    client: str = CLIENT,
    **to: object,
) -> Answer:
    headers = {"idempotency-key": key} | ({"if-match": if_match} if if_match else {})
    path = f"/v1/members/{member}"
    return service.call("PATCH", path, to, client=client, headers=headers, as_documented=False)


def leave(service: Service, member: str, key: str = "leave-1") -> Answer:
    return service.call("DELETE", f"/v1/members/{member}", headers={"idempotency-key": key})


def suspend(service: Service, member: str, key: str = "suspend-1") -> Answer:
    return service.post(f"/v1/members/{member}/suspend", {"reason": "fraud"}, key=key)


def reinstate(service: Service, member: str, key: str = "reinstate-1") -> Answer:
    return service.post(f"/v1/members/{member}/reinstate", {"reason": "cleared"}, key=key)


def shown(service: Service, member: str) -> Json:
    return service.get(f"/v1/members/{member}").body


def found(service: Service, **identity: str) -> str | None:
    """Whose identity it is."""
    answer = service.get("/v1/members", **identity)
    assert answer.status in {200, 404}, answer.body
    return answer.body.get("member_id")


def balance(service: Service, member: str) -> Json:
    whole = service.get(f"/v1/members/{member}/balance").body
    return {part: whole[part] for part in ("active", "pending", "held", "debt")}


def refused(answer: Answer) -> tuple[int, Any]:
    return answer.status, answer.body.get("code")


def wrong(answer: Answer) -> list[tuple[str, str]]:
    """What is wrong with a body: where, and the code of what."""
    assert answer.status == 422, answer.body
    return [(error["pointer"], error["code"]) for error in answer.body["errors"]]


def drift(service: Service, member: str) -> str | None:
    """What the proof of the account finds."""
    [account] = [one for one in service.items("accounts") if one["member"] == member and one["part"] == "A"]
    own = [one for one in service.items("entries") if "kind" in one and one["member"] == member]
    entries = [items.entry_from_item(one) for one in sorted(own, key=lambda one: int(one["n"]))]
    return prove(items.account_from_item(account), entries).drift
