"""A programme with all that is not buying: activities, a referral, and rewards that come and go by rules and goals."""

from typing import Any

from functions.runtime.tables import to_wire
from tests.functional.conftest import Answer, Json, Service, aws_client, publish_program
from tests.functional.factories import a_purchase

CARDS = {"ada": "RC-1815", "grace": "RC-1906", "eve": "RC-1899"}

ENGAGED = """
program: record-shop
name: {en: Record Club, fr: Le Club du disque}
currency: USD

purchases:
  not_counted_when_paid_with: [points, voucher]

activities:
  - {id: visit, text: {en: You came, fr: Vous êtes venu}}
  - {id: quiz, text: {en: You played, fr: Vous avez joué}, attributes: {right: number}, required: [right]}
  - {id: share, text: {en: You shared us, fr: Vous nous avez partagés}}
  - id: review
    text: {en: You reviewed us, fr: Vous avez donné votre avis}
    attributes: {stars: number, photo: yes_no, shop: text}
    required: [stars]
    needs_confirmation: true

tiers:
  window: year
  held: next_window
  levels:
    - {id: member, text: {en: Member, fr: Membre}}
    - {id: silver, text: {en: Silver, fr: Argent}, reach: [{spend: 50000}]}

groups: {base: all}

earning:
  - {id: every-dollar, group: base, points: 1, per: 100, text: {en: 1 per dollar, fr: 1 par dollar}}
  - id: gift-card
    group: base
    lines: {category: vinyl}
    minimum: 2000
    per_full: 2000
    reward: two-off
    text: {en: 2 dollars for each 20 of vinyl, fr: 2 dollars par 20 de vinyle}
  - {id: welcome, group: base, on: enrolled, points: 10, text: {en: Welcome, fr: Bienvenue}}
  - id: visit-thanks
    group: base
    on: visit
    points: 3
    limits: [{points: 5, per: month}]
    text: {en: 3 for a visit, fr: 3 par visite}
  - id: quiz-won
    group: base
    on: quiz
    points: 5
    when: {attributes: {right: {at_least: 3}}}
    cooldown_days: 7
    text: {en: 5 for a quiz, fr: 5 par quiz}
  - id: share-thanks
    group: base
    on: share
    points: 7
    limits: [{times: 1, per: ever}]
    text: {en: 7 once, fr: 7 une fois}
  - {id: review-thanks, group: base, on: review, points: 15, text: {en: 15 for a review, fr: 15 par avis}}
  - {id: friend-welcome, group: base, on: referred, points: 20, text: {en: A friend sent you, fr: Un ami vous envoie}}
  - {id: friend-brought, group: base, on: referral_made, points: 30, text: {en: You brought a friend, fr: Un ami}}

referral:
  on: purchase
  when: {paid: {at_least: 500}}

goals:
  - id: hundred-a-month
    counts: spend
    reach: 10000
    per: month
    reward: thanks-5
    text: {en: 5 dollars for 100 dollars in a month, fr: 5 dollars pour 100 dollars par mois}
  - id: half-hundreds
    counts: spend
    reach: 5000
    per: month
    repeat: true
    points: 4
    text: {en: 4 points for each 50 dollars, fr: 4 points par 50 dollars}
  - id: two-months
    counts: visits
    reach: 1
    per: month
    in_a_row: 2
    reward: thanks-5
    text: {en: Two months in a row, fr: Deux mois de suite}

rewards:
  - {id: thanks-5, kind: voucher, value: 500, valid_days: 30, text: {en: 5 dollars off, fr: 5 dollars offerts}}
  - {id: two-off, kind: voucher, value: 200, valid_days: 30, text: {en: 2 dollars off, fr: 2 dollars offerts}}
  - {id: voucher-1, kind: voucher, points: 10, value: 100, valid_days: 90, text: {en: 1 dollar, fr: 1 dollar}}
  - {id: voucher-5, kind: voucher, points: 100, value: 500, valid_days: 90, text: {en: 5 dollars, fr: 5 dollars}}
"""
KEEPING = ENGAGED.replace("purchases:\n", "purchases:\n  rewards_when_returned: keep\n")


def engaged(service: Service, text: str = ENGAGED) -> Service:
    """The service with this programme in force, an hour later."""
    service.clock.move(hours=1)
    publish_program(service, text)
    return service


def join(service: Service, name: str = "ada") -> str:
    """A member with nothing but a card; the member's id."""
    member: str = service.post("/v1/members", {"card": CARDS[name]}, key=f"join-{name}").body["member_id"]
    return member


def refer(service: Service, member: str, referrer: str) -> None:
    """As if the member had enrolled with the code of the referrer: no call does this yet."""
    traits: Json = {"segments": [], "birthday": None, "attributes": {}, "referred_by": referrer}
    aws_client("dynamodb").update_item(
        TableName="accounts",
        Key=to_wire({"member": member, "part": "A"}),
        UpdateExpression="SET traits = :traits",
        ExpressionAttributeValues=to_wire({":traits": traits}),
    )


def basket(service: Service, id: str, dollars: int, name: str = "ada", **changes: Any) -> Json:
    """A purchase that is made now."""
    now = service.clock().isoformat()
    return a_purchase(dollars, **{"id": id, "member": {"card": CARDS[name]}, "occurred_at": now, **changes})


def buy(service: Service, id: str, dollars: int, name: str = "ada", **changes: Any) -> Answer:
    answer = service.post("/v1/purchases", basket(service, id, dollars, name, **changes))
    assert answer.status == 201, answer.body
    return answer


def a_return(service: Service, id: str, purchase: str | None = None, **lines: int) -> Json:
    """Pieces by line (`l1` is line 1), or all that is left; `purchase` where the body names it."""
    body: Json = {"id": id, "occurred_at": service.clock().isoformat()}
    body |= {"lines": [{"id": line[1:], "quantity": quantity} for line, quantity in lines.items()]} if lines else {}
    return body | ({"purchase_id": purchase} if purchase else {})


def give_back(service: Service, purchase: str, id: str = "return-1", **lines: int) -> Answer:
    return service.post(f"/v1/purchases/{purchase}/returns", a_return(service, id, None, **lines))


def an_activity(service: Service, kind: str, id: str = "act-1", name: str = "ada", **attributes: object) -> Json:
    return {
        "id": id,
        "member": {"card": CARDS[name]},
        "type": kind,
        "occurred_at": service.clock().isoformat(),
        "attributes": attributes,
    }


def act(service: Service, kind: str, id: str = "act-1", name: str = "ada", **attributes: object) -> Answer:
    return service.post("/v1/activities", an_activity(service, kind, id, name, **attributes))


def decide(service: Service, what: str, id: str = "act-1") -> Answer:
    return service.call("POST", f"/v1/activities/{id}/{what}")


def account(service: Service, member: str) -> Json:
    [found] = [item for item in service.items("accounts") if item["member"] == member and item["part"] == "A"]
    return found


def why(answer: Answer) -> dict[str, Json]:
    """The reasons by rule or goal."""
    return {reason["rule"]: reason for reason in answer.body["explanation"]}


def types(events: list[Json]) -> list[str]:
    return [event["detail-type"] for event in events]


def refusals(events: list[Json]) -> list[Json]:
    return [event["detail"]["data"] for event in events if event["detail-type"] == "OperationRefused"]


def parts(active: int = 0, pending: int = 0, held: int = 0, debt: int = 0) -> Json:
    return {"active": active, "pending": pending, "held": held, "debt": debt}
