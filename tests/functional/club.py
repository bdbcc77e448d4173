"""A programme with something of everything: tiers, a counter for them, a multiplier, limits, a goal and a budget."""

from typing import Any

from tests.functional.conftest import Answer, Json, Service
from tests.functional.factories import a_purchase

CARDS = {"ada": "RC-1815", "grace": "RC-1906", "eve": "RC-1899"}

CLUB = """
program: record-shop
name: {en: Record Club, fr: Le Club du disque}
currency: USD

counters:
  - {id: status, text: {en: Status points, fr: Points de statut}}

tiers:
  window: year
  held: next_window
  levels:
    - {id: member, text: {en: Member, fr: Membre}}
    - {id: silver, text: {en: Silver, fr: Argent}, reach: [{status: 200}]}
    - {id: gold, text: {en: Gold, fr: Or}, reach: [{status: 1000}]}

groups:
  base: all
  more: all

earning:
  - id: every-dollar
    group: base
    points: 1
    per: 100
    text: {en: 1 point for every dollar, fr: 1 point par dollar}
  - id: status-points
    group: base
    points: 1
    per: 100
    into: status
    text: {en: 1 status point for every dollar, fr: 1 point de statut par dollar}
  - id: double
    group: more
    when: {tier: [silver, gold]}
    multiply: 2
    of: [every-dollar]
    limits: [{points: 60, per: month}]
    text: {en: Twice the points for silver and gold, fr: Points doublés}
  - id: welcome-vinyl
    group: more
    lines: {category: vinyl}
    points: 25
    limits: [{times: 1, per: ever}]
    budget: 1000
    text: {en: 25 points for the first vinyl, fr: 25 points pour le premier vinyle}

goals:
  - id: hundred-a-month
    counts: spend
    reach: 10000
    per: month
    reward: thanks-5
    text: {en: 5 dollars for 100 dollars in a month, fr: 5 dollars pour 100 dollars par mois}

rewards:
  - {id: thanks-5, kind: voucher, value: 500, valid_days: 30, text: {en: 5 dollars off, fr: 5 dollars offerts}}
  - {id: voucher-10, kind: voucher, points: 100, value: 1000, valid_days: 90, text: {en: 10 dollars, fr: 10 dollars}}
"""

KEEPING = CLUB.replace("\ntiers:", "\npurchases: {rewards_when_returned: keep}\n\ntiers:")
"""The same club; rewards are not taken back."""


def join(service: Service, name: str = "ada") -> str:
    """A member with nothing but a card; the member's id."""
    member: str = service.post("/v1/members", {"card": CARDS[name]}, key=f"join-{name}").body["member_id"]
    return member


def basket(service: Service, id: str, dollars: int, name: str = "ada", **changes: Any) -> Json:
    """A purchase that is made now."""
    now = service.clock().isoformat()
    return a_purchase(dollars, **{"id": id, "member": {"card": CARDS[name]}, "occurred_at": now, **changes})


def buy(service: Service, id: str, dollars: int, name: str = "ada", **changes: Any) -> Answer:
    answer = service.post("/v1/purchases", basket(service, id, dollars, name, **changes))
    assert answer.status == 201, answer.body
    return answer


def why(answer: Answer) -> dict[str, Json]:
    """The reasons by rule or goal."""
    return {reason["rule"]: reason for reason in answer.body["explanation"]}
