"""A backtest and the live programme judge alike: the same purchases, sent one by one, leave the same accounts."""

import json
import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cli.backtest.replaying import Replay
from cli.purchases.reading import read_purchases
from functions.ledger.contract import ReasonOut
from functions.program.document import read
from tests.functional.conftest import NOW, Service, publish_program

PROGRAM = """
program: corner-shop
name: {en: Corner, fr: Coin}
currency: USD
time_zone: America/New_York
points:
  expire: {after_months: 18, to_month_end: true}
tiers:
  window: year
  held: next_window
  levels:
    - {id: basic, text: {en: Basic, fr: Base}}
    - {id: gold, text: {en: Gold, fr: Or}, reach: [{spend: 20000}]}
groups: {base: all, more: highest}
earning:
  - {id: every-dollar, group: base, points: {basic: 1, gold: 1.5}, per: 100, text: {en: One, fr: Un}}
  - id: tea
    group: more
    points: 10
    lines: {category: tea}
    limits: [{points: 20, per: month}]
    text: {en: Tea, fr: Thé}
  - {id: big, group: more, points: 15, minimum: 6000, text: {en: Big, fr: Gros}}
  - {id: third, group: more, points: 7, when: {every_nth_purchase: 3}, text: {en: Third, fr: Troisième}}
goals:
  - {id: visits, counts: visits, reach: 4, per: quarter, points: 40, text: {en: Four, fr: Quatre}}
"""
MEMBERS, PURCHASES = 8, 60


def _bodies() -> list[dict[str, Any]]:
    """Purchases of half a year to come, in the order of time."""
    chance = random.Random(7)
    days = sorted(chance.sample(range(24, 180 * 24), PURCHASES))
    return [_body(i, NOW + timedelta(hours=hours), chance) for i, hours in enumerate(days)]


def _body(i: int, at: datetime, chance: random.Random) -> dict[str, Any]:
    lines = [
        {
            "id": str(n),
            "sku": f"s{n}",
            "quantity": n,
            "amount": chance.randint(0, 4500),
            "categories": chance.choice([["tea", "drinks"], ["bread"], []]),
            "discounted": chance.random() < 0.3,
        }
        for n in range(1, chance.randint(2, 5))
    ]
    card = f"CARD-{chance.randrange(MEMBERS)}"
    return {
        "id": f"receipt-{i}",
        "member": {"card": card},
        "occurred_at": at.isoformat(),
        "currency": "USD",
        "lines": lines,
        "store": chance.choice(["north", "south"]),
    }


Reasons = dict[str, list[dict[str, Any]]]


def _sent(service: Service, bodies: list[dict[str, Any]]) -> tuple[dict[str, tuple[str, int]], Reasons]:
    """Each card's member and points, after every purchase was sent when it occurred; the reasons by receipt."""
    found: dict[str, tuple[str, int]] = {}
    reasons: Reasons = {}
    for body in bodies:
        service.clock.time = datetime.fromisoformat(body["occurred_at"])
        card = body["member"]["card"]
        if card not in found:
            enrolled = service.post("/v1/members", {"card": card}, key=f"enrol-{card}")
            found[card] = enrolled.body["member_id"], 0
        answer = service.post("/v1/purchases", body)
        assert answer.status == 201, answer.body
        reasons[body["id"]] = answer.body["explanation"]
        member, points = found[card]
        found[card] = member, points + sum(answer.body["points"][part] for part in ("active", "pending", "held"))
    return found, reasons


def test_a_backtest_leaves_the_accounts_that_the_api_leaves(service: Service, tmp_path: Path) -> None:
    publish_program(service, PROGRAM)
    bodies = _bodies()
    live, told = _sent(service, bodies)
    accounts = {item["member"]: item for item in service.items("accounts") if item["part"] == "A"}

    (tmp_path / "sales.ndjson").write_text("".join(json.dumps(body) + "\n" for body in bodies))
    program = read(PROGRAM)
    purchases = read_purchases(str(tmp_path / "sales.ndjson"), program)
    replay = Replay(program)
    found: Reasons = {}
    for card, purchase in purchases.built(purchases.by_member()):
        posting = replay.take(card, purchase)
        found[purchase.id] = [ReasonOut.of(reason).model_dump(mode="json") for reason in posting.explanation]
    replayed = {card: replay.account(card) for card in live}
    points = {record.member: record.points for record in replay.finish(purchases.last_instant().date())}

    assert set(points) == set(live)
    assert found == told
    for card, (member, given) in live.items():
        item, account = accounts[member], replayed[card]
        assert points[card] == given
        assert dict(account.lots) == item["lots"]
        assert dict(account.pending) == item["pending"]
        assert dict(account.counters) == item["counters"]
        assert account.tier == item["tiers"][-1][0]
        assert account.n == item["n"]
    assert {account.tier for account in replayed.values()} == {"basic", "gold"}
