"""Budgets of rules: whoever buys at the same moment, all together never get more than there is."""

from collections.abc import Sequence
from typing import Any

import pytest

from functions.runtime import tables
from tests.functional.conftest import CONSUMERS, Json, Service, publish_program
from tests.functional.factories import a_purchase, a_reason, with_rules
from tests.functional.test_batches import event

PURCHASES = CONSUMERS["PurchaseCompleted"]
Patch = pytest.MonkeyPatch


def launch(service: Service, points: int, budget: int) -> None:
    """The record shop with points for every purchase of vinyl, as long as there are any."""
    text = "{en: Points for vinyl, fr: Des points pour le vinyle}"
    lines = "lines: {category: vinyl}"
    rule = f"{{id: launch, group: base, {lines}, points: {points}, budget: {budget}, text: {text}}}"
    publish_program(service, with_rules(service.get("/v1/program").body["text"], rule))


def join(service: Service, count: int) -> list[str]:
    cards = [{"card": f"RC-{i:04}"} for i in range(count)]
    return [service.post("/v1/members", card, key=card["card"]).body["member_id"] for card in cards]


def vinyl(member: str, id: str) -> Json:
    """A dollar's worth of it."""
    lines = [{"id": "1", "sku": "lp-1", "quantity": 1, "amount": 100, "categories": ["vinyl"]}]
    return a_purchase(id=id, member={"id": member}, lines=lines)


def buy(service: Service, member: str, id: str) -> Json:
    """The reason of the rule with the budget."""
    answer = service.post("/v1/purchases", vinyl(member, id))
    assert answer.status == 201, answer.body
    return reason(answer.body["explanation"])


def reason(explanation: Sequence[Json]) -> Json:
    [found] = [one for one in explanation if one["rule"] == "launch"]
    return found


def spent(service: Service) -> dict[str, int]:
    """What the table says was drawn, by shard."""
    return {item["key"]: item["spent"] for item in service.items("rewards") if item["key"].startswith("B#")}


def check_drawn(service: Service, budget: int) -> int:
    """What was drawn: what the entries gave, what they say they drew, and what the table says; within the budget."""
    given = 0
    drawn: dict[str, int] = {}
    for entry in service.items("entries"):
        given += sum(points for rule, _applied, points, *_ in entry["why"] if rule == "launch")
        for rule, shard, points, _room in entry.get("draws", []):
            drawn[f"B#{rule}#{shard}"] = drawn.get(f"B#{rule}#{shard}", 0) + points
    assert drawn == spent(service)
    assert given == sum(drawn.values()) <= budget
    return given


def one_inside_the_other(monkeypatch: Patch, purchases: list[Any]) -> None:
    """Each purchase is decided, and before it is written the next one is made from its beginning to its end."""
    real = tables.transact

    def transact(writes: Any) -> None:
        if purchases:
            purchases.pop(0)()
        real(writes)

    monkeypatch.setattr(tables, "transact", transact)


USED_UP = a_reason("launch", 0, condition="budget_used_up")


def test_a_rule_gives_until_its_budget_is_used_up(service: Service) -> None:
    launch(service, points=30, budget=100)
    members = join(service, 5)

    found = [buy(service, member, f"receipt-{i}") for i, member in enumerate(members)]

    assert [one["points"] for one in found] == [30, 30, 30, 0, 0]
    assert found[3] == found[4] == USED_UP
    assert check_drawn(service, 100) == 90


def test_what_is_left_is_given_as_a_whole_or_not_at_all(service: Service) -> None:
    launch(service, points=30, budget=59)
    members = join(service, 2)
    assert [buy(service, member, member)["points"] for member in members] == [30, 0]
    assert check_drawn(service, 59) == 30


def test_members_who_buy_at_the_same_moment_do_not_overdraw_a_budget(service: Service, monkeypatch: Patch) -> None:
    launch(service, points=30, budget=100)
    first, *others = join(service, 7)
    found: list[Json] = []
    nested = [lambda m=member: found.append(buy(service, m, m)) for member in others]
    one_inside_the_other(monkeypatch, nested)

    found.append(buy(service, first, first))

    assert sorted(one["points"] for one in found) == [0, 0, 0, 0, 30, 30, 30]
    assert [one for one in found if not one["applied"]] == [USED_UP] * 4
    assert check_drawn(service, 100) == 90


def test_members_who_buy_at_the_same_moment_do_not_overdraw_a_large_budget(
    service: Service, monkeypatch: Patch
) -> None:
    """It lies in several parts, so that they do not wait for each other; who finds one empty draws from another."""
    launch(service, points=40_000, budget=300_000)
    first, *others = join(service, 9)
    found: list[Json] = []
    nested = [lambda m=member: found.append(buy(service, m, m)) for member in others]
    one_inside_the_other(monkeypatch, nested)

    found.append(buy(service, first, first))

    assert sum(one["applied"] for one in found) == 6, "two of each part of 100000"
    assert [one for one in found if not one["applied"]] == [USED_UP] * 3
    assert check_drawn(service, 300_000) == 240_000
    assert sorted(spent(service).values()) == [80_000] * 3


def test_a_budget_that_is_cut_gives_no_more_than_it_now_is(service: Service, monkeypatch: Patch) -> None:
    launch(service, points=40_000, budget=300_000)
    members = join(service, 9)
    for member in members[:4]:
        buy(service, member, member)
    text = service.get("/v1/program").body["text"]
    publish_program(service, text.replace("budget: 300000", "budget: 250000"))
    found: list[Json] = []
    nested = [lambda m=member: found.append(buy(service, m, f"{m}-2")) for member in members[5:]]
    one_inside_the_other(monkeypatch, nested)

    found.append(buy(service, members[4], "last"))

    assert check_drawn(service, 250_000) >= 160_000
    assert USED_UP in found


def test_purchases_of_one_member_in_one_batch_draw_one_after_the_other(service: Service) -> None:
    launch(service, points=30, budget=70)
    [ada] = join(service, 1)
    batch = [event(f"event-{i}", vinyl(ada, f"receipt-{i}")) for i in range(3)]

    assert service.deliver(PURCHASES, *batch) == []

    assert check_drawn(service, 70) == 60
    entries = sorted(service.items("entries"), key=lambda entry: entry["n"])
    assert [(entry["operation"].rpartition("#")[2], entry["balance"][0]) for entry in entries] == [
        ("receipt-0", 31),
        ("receipt-1", 62),
        ("receipt-2", 63),
    ]
    assert service.parked() == []


def test_two_batches_that_draw_at_the_same_moment_do_not_overdraw(service: Service, monkeypatch: Patch) -> None:
    launch(service, points=30, budget=100)
    ada, grace = join(service, 2)
    batches = {name: [event(f"{name}-{i}", vinyl(name, f"{name}-{i}")) for i in range(3)] for name in (ada, grace)}
    one_inside_the_other(monkeypatch, [lambda: service.deliver(PURCHASES, *batches[grace])])

    assert service.deliver(PURCHASES, *batches[ada]) == []

    assert len(service.items("entries")) == 6
    assert check_drawn(service, 100) == 90


def test_a_purchase_that_is_sent_again_draws_nothing(service: Service) -> None:
    launch(service, points=30, budget=100)
    [ada] = join(service, 1)
    buy(service, ada, "receipt-1")
    with service.unchanged():
        assert buy(service, ada, "receipt-1")["points"] == 30
        service.send("PurchaseCompleted", vinyl(ada, "receipt-1"), source="till-client")


def test_a_purchase_that_earns_by_no_budget_draws_none(service: Service) -> None:
    launch(service, points=30, budget=100)
    [ada] = join(service, 1)
    answer = service.post("/v1/purchases", a_purchase(10, member={"id": ada}))
    assert reason(answer.body["explanation"])["condition"] == "no_line_counts"
    assert spent(service) == {}
