"""What a reward costs: points, points and money in any mix, and points as money at the till."""

from typing import Any

import pytest

from tests.functional.conftest import Json, Service
from tests.functional.shop import ADA, ID, active, ask, balance, error, had, held, member, pointers, shop, shown, then


@pytest.fixture
def ada(service: Service) -> str:
    shop(service)
    return member(service)


def pay(service: Service, key: str = "redeem-1", **more: Any) -> Json:
    return had(service, "cash", key, **{"purchase_amount": 5000, **more})


@pytest.mark.parametrize(("points", "money"), [(5000, 1000), (4999, 1002), (1001, 6999), (1000, 7000)])
def test_points_and_money_mix_within_bounds(service: Service, points: int, money: int) -> None:
    """1.50 for each point that is missing; half a cent is rounded up."""
    shop(service)
    member(service, points=5000)
    made = had(service, "turntable", points=points)
    assert (made["points"]["active"], made["money"], made["value"]) == (-points, money, 0)


@pytest.mark.parametrize(
    ("reward", "body", "pointer"),
    [
        ("turntable", {"points": 999}, "/points"),
        ("turntable", {"points": 5001}, "/points"),
        ("turntable", {"amount": 100}, "/amount"),
        ("five", {"points": 99}, "/points"),
        ("cash", {}, "/points"),
        ("cash", {"points": 60, "amount": 60, "purchase_amount": 500}, "/points"),
        ("cash", {"points": 60}, "/purchase_amount"),
        ("cash", {"points": 49, "purchase_amount": 5000}, "/points"),
        ("cash", {"amount": 251, "purchase_amount": 501}, "/amount"),
        ("cash", {"points": 251, "purchase_amount": 501}, "/points"),
    ],
)
def test_a_price_that_a_reward_does_not_have_is_named(
    service: Service, ada: str, reward: str, body: Json, pointer: str
) -> None:
    with service.unchanged():
        assert pointers(ask(service, reward, **body)) == [pointer]
    right: dict[str, Json] = {"turntable": {"points": 1000}, "cash": {"amount": 60, "purchase_amount": 500}, "five": {}}
    assert ask(service, reward, **right[reward]).status == 201, "no refusal was kept"


def test_points_pay_an_amount_of_a_purchase(service: Service, ada: str) -> None:
    made = pay(service, amount=250)
    assert (made["points"]["active"], made["value"], made["voucher"], made["fulfilment"]) == (-250, 250, None, None)


@pytest.mark.parametrize(
    ("rate", "amount", "points"), [("points: 3, value: 100", 101, 4), ("points: 7, value: 3", 10, 24)]
)
def test_never_is_a_point_worth_more_than_it_is(service: Service, rate: str, amount: int, points: int) -> None:
    shop(service, ("points: 100, value: 100, least_points: 50", f"{rate}, least_points: 1"))
    member(service)
    made = pay(service, amount=amount)
    assert (made["points"]["active"], made["value"]) == (-points, amount)


def test_points_that_are_worth_nothing_pay_nothing(service: Service) -> None:
    shop(service, ("points: 100, value: 100, least_points: 50", "points: 7, value: 3, least_points: 1"))
    member(service)
    assert pointers(ask(service, "cash", points=2, purchase_amount=500)) == ["/points"]
    made = pay(service, points=4)
    assert (made["points"]["active"], made["value"]) == (-3, 1), "no more points go than the value takes"


def test_what_is_held_is_captured_in_part_and_the_rest_comes_back(service: Service, ada: str) -> None:
    held(service, "cash", points=500, purchase_amount=5000)
    assert balance(service, ada)["held"] == 500

    answer = then(service, "capture", {"points": 120})

    assert (answer.status, answer.body["value"], answer.body["status"]) == (200, 120, "captured")
    assert answer.body["points"] == {"active": 380, "pending": 0, "held": -500, "debt": 0}
    assert (answer.body["entry"]["points"], active(service, ada)) == (-120, 880)
    with service.unchanged():
        again = then(service, "capture", {"points": 120})
        assert (again.body, again.replayed) == (answer.body, True)
        for other in ({"points": 121}, {"amount": 120}, None):
            assert error(then(service, "capture", other)) == (422, "operation_id_reused")


def test_what_is_held_is_captured_for_an_amount(service: Service, ada: str) -> None:
    held(service, "cash", amount=500, purchase_amount=5000)
    assert then(service, "capture", {"amount": 7}).body["value"] == 7, (
        "at least so many points was asked when it was held"
    )
    assert active(service, ada) == 993


@pytest.mark.parametrize(
    ("reward", "body", "pointers_"),
    [
        ("cash", {"points": 501}, ["/points"]),
        ("cash", {"amount": 501}, ["/amount"]),
        ("cash", {"points": 1, "amount": 1}, [""]),
        ("cash", {"points": 0}, ["/points"]),
        ("cash", {"points": -1}, ["/points"]),
        ("cash", {"pieces": 1}, ["/pieces"]),
        ("five", {"points": 50}, ["/points"]),
        ("five", {"amount": 50}, ["/amount"]),
    ],
)
def test_a_part_that_cannot_be_captured_is_named_and_the_whole_still_can(
    service: Service, ada: str, reward: str, body: Json, pointers_: list[str]
) -> None:
    more: Json = {"points": 500, "purchase_amount": 5000} if reward == "cash" else {}
    held(service, reward, **more)
    with service.unchanged():
        assert pointers(then(service, "capture", body)) == pointers_
    assert then(service, "capture", {}).body["status"] == "captured"


def test_all_of_a_mix_is_captured_or_nothing(service: Service) -> None:
    shop(service)
    ada = member(service, points=5000)
    held(service, "turntable", points=2000)
    assert pointers(then(service, "capture", {"points": 1500})) == ["/points"]
    captured = then(service, "capture").body
    assert (captured["money"], captured["status"], active(service, ada)) == (5500, "captured", 3000)


def test_what_points_paid_earns_nothing_where_the_programme_says_so(service: Service) -> None:
    """The same purchase, with and without: 50.00, of which 8.00 are paid with points."""
    rule = "\npurchases: {not_counted_when_paid_with: [points]}\nearning:"
    shop(service, ("\nearning:", rule))
    ada = member(service)
    held(service, "cash", amount=900, purchase_amount=5000)
    then(service, "capture", {"amount": 800})
    bought: Json = {
        "member": ADA,
        "occurred_at": service.clock().isoformat(),
        "currency": "USD",
        "lines": [{"id": "1", "sku": "lp", "quantity": 1, "amount": 5000}],
    }
    earned = service.post(
        "/v1/purchases", {**bought, "id": "paid-in-part", "payments": [{"method": "points", "amount": 800}]}
    )
    assert earned.body["points"]["active"] == 42
    assert service.post("/v1/purchases", {**bought, "id": "paid-in-money"}).body["points"]["active"] == 50
    assert active(service, ada) == 1000 - 800 + 42 + 50


def test_a_redemption_over_the_bus_is_the_redemption_over_https(service: Service, ada: str) -> None:
    event = {"member": ADA, "reward_id": "cash", "amount": 700, "purchase_amount": 5000, "idempotency_key": "redeem-1"}
    assert service.send("RedemptionRequested", event, source="till-client") == []
    with service.unchanged():
        assert service.send("RedemptionRequested", event, source="till-client") == []
        answer = ask(service, "cash", amount=700, purchase_amount=5000)
    assert (answer.replayed, answer.body["value"], answer.body["redemption_id"]) == (True, 700, ID)
    assert service.send("RedemptionRequested", {**event, "amount": 800}, source="till-client") == []
    [refused] = service.on_bus()
    assert refused["detail"]["data"]["problem"]["code"] == "operation_id_reused"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"reward_id": "regulars"}, "reward_not_eligible"),
        ({"reward_id": "turntable"}, "insufficient_points"),
        ({"reward_id": "nothing"}, "reward_not_found"),
        ({"reward_id": "five", "points": 3}, "invalid"),
        ({"reward_id": "five", "colour": "red"}, None),
    ],
)
def test_what_is_refused_over_the_bus_leaves_a_trace(
    service: Service, ada: str, change: Json, code: str | None
) -> None:
    event = {"member": ADA, "reward_id": "cash", "idempotency_key": "redeem-1", **change}
    assert service.send("RedemptionRequested", event) == []
    assert [one["detail"]["data"]["problem"]["code"] for one in service.on_bus()] == ([code] if code else [])
    assert len(service.parked()) == (0 if code else 1)
    assert active(service, ada) == 1000


def test_what_points_paid_can_be_looked_up(service: Service, ada: str) -> None:
    held(service, "cash", points=500, purchase_amount=5000)
    then(service, "capture", {"points": 120})
    assert (shown(service)["value"], shown(service)["status"]) == (120, "captured")
    [entry] = [one for one in service.get(f"/v1/members/{ada}/ledger").body["items"] if one["n"] == 3]
    assert (entry["reward_id"], entry["redemption_id"], entry["points"]) == ("cash", ID, -120)
