"""Time put forward on the deployed stack. It is the last file of its folder, for the clock does not go back."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table

from tests.embedded.partner import Json, Partner, fresh, until

PROGRAMME = Path(__file__).parent / "timely.yaml"


@pytest.fixture(scope="module", autouse=True)
def _in_force(partner: Partner) -> None:
    partner.put_in_force(PROGRAMME)


def now(partner: Partner) -> datetime:
    return datetime.fromisoformat(partner.get("/v1/sandbox/clock").raise_for_status().json()["now"])


def forward(partner: Partner, days: int) -> Json:
    """Put the clock forward, as often as it takes."""
    target = now(partner) + timedelta(days=days)
    while True:
        seconds = max(1, int((target - now(partner)).total_seconds()))
        answer = partner.stack.api.post("/v1/sandbox/clock", json={"advance": f"PT{seconds}S"}, timeout=40)
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        if found["finished"]:
            return found


def bought(partner: Partner, card: str, dollars: int, receipt: str) -> Json:
    body = {
        "id": receipt,
        "member": {"card": card},
        "occurred_at": now(partner).isoformat(),
        "currency": "USD",
        "lines": [{"id": "1", "sku": "sku", "quantity": 2, "amount": dollars * 100}],
    }
    answer = partner.post("/v1/purchases", body)
    assert answer.status_code == 201, answer.text
    effect: Json = answer.json()
    return effect


def test_a_member_enrols_buys_waits_is_reminded_loses_points_and_returns_late(partner: Partner) -> None:
    card, address, receipt = fresh("card"), f"{fresh('mail')}@example.com", fresh("receipt")
    born = (now(partner) + timedelta(days=40)).date().replace(year=1990)
    member = partner.enrol(card=card, email=address, birth_date=born.isoformat())
    told = Table("day", "what", "active", "pending", "tier", title="A member in time", title_justify="left")

    def look(what: str) -> Json:
        balance = partner.balance(member)
        told.add_row(f"{now(partner):%Y-%m-%d}", what, str(balance["active"]), str(balance["pending"]), balance["tier"])
        return balance

    assert bought(partner, card, 320, receipt)["points"]["pending"] == 320
    [coming] = look("buys for 320")["upcoming"]
    assert (coming["what"], coming["points"]) == ("active", 320)

    forward(partner, 15)
    assert look("after the return window")["active"] == 320
    tier = partner.get(f"/v1/members/{member}/tier").json()
    assert (tier["tier"], tier["then"]) == ("gold", "basic")
    held = partner.post(
        "/v1/redemptions", {"member": {"card": card}, "reward_id": "five", "capture": False}, key=fresh("hold")
    ).json()
    assert held["status"] == "held"

    forward(partner, 1)
    assert partner.get(f"/v1/redemptions/{held['redemption_id']}").json()["status"] == "expired"
    assert look("the hold has ended by itself")["active"] == 320

    forward(partner, 26)
    birthday = until(lambda: _entry(partner, member, "birthday"), "the birthday's points")
    assert birthday["points"] == 50
    look("a birthday later")

    forward(partner, 20)  # the reminder goes out 30 days before the last day
    until(lambda: _subject(partner, address, "to use by"), "the reminder")
    look("reminded")
    forward(partner, 12)
    until(lambda: _subject(partner, address, "You hold Gold until"), "the warning that the tier is at risk")

    forward(partner, 20)
    assert look("the last day is over")["active"] == 50, "only the birthday's points are left"
    over = _entry(partner, member, "expiry")
    assert over
    assert over["points"] == -320
    forward(partner, 10)
    assert partner.get(f"/v1/members/{member}/tier").json()["tier"] == "basic"

    late = partner.post(
        f"/v1/purchases/{receipt}/returns",
        {"id": fresh("return"), "occurred_at": now(partner).isoformat(), "lines": [{"id": "1", "quantity": 2}]},
    )
    assert late.status_code == 201, late.text
    assert look("returns it all, late")["debt"] == 0, "what had expired is not owed"
    Console().print(told)


def _entry(partner: Partner, member: str, what: str) -> Json | None:
    found: list[Any] = [
        entry
        for entry in partner.statement(member)
        if what in (entry["operation"]["kind"], entry["operation"]["id"].partition(":")[0])
    ]
    return found[0] if found else None


def _subject(partner: Partner, address: str, words: str) -> bool:
    return any(words in mail["Subject"] for mail in partner.mails(address))


@pytest.mark.parametrize("advance", ["P0D", "-P1D", "P1M", "45", "soon", 86400, "P4000D", None])
def test_the_clock_goes_forward_by_a_duration_and_no_other_way(partner: Partner, advance: object) -> None:
    before = now(partner)
    answer = partner.post("/v1/sandbox/clock", {"advance": advance})
    assert answer.status_code == 422, answer.text
    assert now(partner) - before < timedelta(minutes=1)


def test_a_night_costs_what_is_due(partner: Partner) -> None:
    """Nobody is visited on a day on which nothing is due."""
    forward(partner, 400)
    steps = forward(partner, 1)["steps"]
    assert sum(step["members"] for step in steps) <= 5
