"""The catalogue: what can be had, by whom, when and where, and how far the next reward is."""

from typing import Any

import pytest

from tests.functional.conftest import Json, Service
from tests.functional.factories import NOBODY, without_programme
from tests.functional.shop import ADA, another, ask, error, had, held, member, pieces, pointers, shop, then

TEXTS = "text: {en: A poster, fr: Une affiche}"


@pytest.fixture(autouse=True)
def _open(service: Service) -> None:
    shop(service)


def item(service: Service, member: str, reward: str) -> Json:
    found = service.get(f"/v1/members/{member}/rewards").body["items"]
    one: Json = next(one for one in found if one["reward_id"] == reward)
    return one


def verdict(service: Service, member: str, reward: str) -> tuple[bool, str | None, int]:
    one = item(service, member, reward)
    return one["can_have"], one["why_not"], one["missing"]


def test_the_catalogue_is_what_is_sold_cheapest_first_with_price_pieces_and_pictures(service: Service) -> None:
    items = service.get("/v1/rewards").body["items"]

    assert [one["reward_id"] for one in items] == [
        "few",
        "regulars",
        "signed",
        "trees",
        "cash",
        "flash",
        "five",
        "supplied",
        "vinyl-only",
        "gift-card",
        "turntable",
    ]
    assert items[-1] == {
        "reward_id": "turntable",
        "kind": "product",
        "points": 5000,
        "money": 1000,
        "money_for_points": {"least_points": 1000, "per_point": 1.5},
        "pay": None,
        "value": None,
        "currency": "USD",
        "valid_days": None,
        "valid_months": None,
        "fulfilment": "manual",
        "left": None,
        "offered_from": None,
        "offered_to": None,
        "text": {"en": "A turntable", "fr": "Une platine"},
        "description": {"en": "With a cartridge", "fr": "Avec sa cellule"},
        "picture": {"en": "https://shop.example/turntable.jpg", "fr": "https://shop.example/platine.jpg"},
    }
    cash = items[4]
    assert (cash["points"], cash["value"], cash["fulfilment"]) == (None, None, "none")
    paying = {"points": 100, "value": 100, "least_points": 50, "most_points": None, "most_percent": 50.0}
    assert cash["pay"] == paying
    assert [one["left"] for one in items if one["left"] is not None] == [2, 100_000_000, 100]


def test_a_reward_alone_is_what_the_catalogue_shows(service: Service) -> None:
    for one in service.get("/v1/rewards").body["items"]:
        assert service.get(f"/v1/rewards/{one['reward_id']}").body == one


def test_a_reward_that_is_only_given_or_not_there_is_not_found(service: Service) -> None:
    shop(service, ("points: 100, value: 500", "value: 500"))
    for reward in ("five", "six"):
        assert error(service.get(f"/v1/rewards/{reward}")) == (404, "reward_not_found")
        assert error(ask(service, reward, member={"id": NOBODY})) == (404, "member_not_found")


def test_without_a_programme_there_is_no_catalogue(service: Service) -> None:
    ada = member(service)
    without_programme(service)
    for path in ("/v1/rewards", "/v1/rewards/few", f"/v1/members/{ada}/rewards"):
        assert error(service.get(path)) == (409, "program_not_active")


def test_a_member_sees_what_can_be_had_first_and_how_far_the_next_is(service: Service) -> None:
    ada = member(service, points=120)

    answer = service.get(f"/v1/members/{ada}/rewards")

    assert answer.body["active"] == 120
    assert [(one["reward_id"], one["can_have"], one["why_not"], one["missing"]) for one in answer.body["items"]] == [
        ("few", True, None, 0),
        ("signed", True, None, 0),
        ("trees", True, None, 0),
        ("cash", True, None, 0),
        ("flash", True, None, 0),
        ("five", True, None, 0),
        ("supplied", True, None, 0),
        ("regulars", False, "store", 0),
        ("vinyl-only", False, "insufficient_points", 30),
        ("gift-card", False, "insufficient_points", 280),
        ("turntable", False, "insufficient_points", 880),
    ]
    assert answer.body["next"] == {"reward_id": "vinyl-only", "missing": 30}


def test_who_can_have_everything_has_no_next(service: Service) -> None:
    ada = member(service, points=5000)
    assert service.get(f"/v1/members/{ada}/rewards").body["next"] is None


def test_points_that_are_held_cannot_be_had_for(service: Service) -> None:
    ada = member(service, points=120)
    held(service, "five")
    assert verdict(service, ada, "five") == (False, "insufficient_points", 80)


def test_nobody_is_shown_anything(service: Service) -> None:
    assert error(service.get(f"/v1/members/{NOBODY}/rewards")) == (404, "member_not_found")


def test_a_reward_of_which_nothing_is_left_is_sold_out(service: Service) -> None:
    ada = member(service)
    for name in ("grace", "eve"):
        had(service, "few", key=name, member=another(service, name))
    assert verdict(service, ada, "few") == (False, "sold_out", 0)
    assert pieces(service) == 0
    assert error(ask(service, "few")) == (409, "reward_sold_out")


def test_who_is_suspended_is_shown_the_rewards_and_can_have_none(service: Service) -> None:
    ada = member(service)
    assert service.post(f"/v1/members/{ada}/suspend", {"reason": "fraud"}, key="suspend-1").status == 200
    items = service.get(f"/v1/members/{ada}/rewards").body["items"]
    assert {one["why_not"] for one in items} == {"member_suspended"}
    assert error(ask(service, "five")) == (409, "member_suspended")


ELIGIBLE: list[tuple[str, str, Json]] = [
    ("offered_to: 2026-11-20", "dates", {}),
    ("offered_from: 2026-11-22", "dates", {}),
    ("when: {segment: regular}", "segment", {}),
    ("when: {store: brooklyn}", "store", {"store": "queens"}),
    ("when: {channel: web}", "channel", {"channel": "store"}),
    ("when: {last_day: 2026-11-20}", "dates", {}),
    ("when: {cel: 'member.days_enrolled >= 1'}", "cel", {}),
]


@pytest.mark.parametrize(("words", "reason", "place"), ELIGIBLE, ids=[words for words, _, _ in ELIGIBLE])
def test_who_cannot_have_a_reward_is_told_why(service: Service, words: str, reason: str, place: Json) -> None:
    shop(service, (TEXTS, f"{TEXTS}\n    {words}"))
    ada = member(service)

    answer = ask(service, "few", **place)

    assert error(answer) == (409, "reward_not_eligible")
    assert answer.body["reason"] == reason
    assert verdict(service, ada, "few")[:2] == (False, reason)
    assert pieces(service) == 2


@pytest.mark.parametrize(
    ("words", "place"),
    [
        ("offered_from: 2026-11-21\n    offered_to: 2026-11-21", {}),
        ("when: {store: brooklyn}", {"store": "brooklyn"}),
        ("when: {cel: 'member.days_enrolled >= 0'}", {}),
    ],
)
def test_who_can_have_a_reward_has_it(service: Service, words: str, place: Json) -> None:
    shop(service, (TEXTS, f"{TEXTS}\n    {words}"))
    member(service)
    assert ask(service, "few", **place).status == 201


def test_a_tier_opens_a_reward(service: Service) -> None:
    tiers = (
        "tiers:\n  window: year\n  held: next_window\n  levels:\n"
        "    - {id: member, text: {en: Member, fr: Membre}}\n"
        "    - {id: gold, text: {en: Gold, fr: Or}, reach: [{spend: 50000}]}\nearning:"
    )
    shop(service, ("earning:", tiers), (TEXTS, f"{TEXTS}\n    tier: gold"))
    ada = member(service, points=100)
    assert verdict(service, ada, "few")[:2] == (False, "tier")
    assert ask(service, "few").body["reason"] == "tier"

    service.post("/v1/purchases", spent(service, 400))
    assert verdict(service, ada, "few")[:2] == (True, None)
    assert ask(service, "few", key="redeem-2").status == 201


def spent(service: Service, dollars: int) -> Json:
    line = {"id": "1", "sku": "lp", "quantity": 1, "amount": dollars * 100}
    now = service.clock().isoformat()
    return {"id": "receipt-9", "member": ADA, "occurred_at": now, "currency": "USD", "lines": [line]}


def test_a_limit_counts_for_its_member_and_its_period_and_not_what_came_to_nothing(service: Service) -> None:
    shop(service, ("limits: [{times: 1, per: ever}]", "limits: [{times: 1, per: day}]"), ("stock: 2", "stock: 9"))
    member(service)
    held(service, "few", key="held")
    assert error(ask(service, "few", key="second")) == (409, "reward_not_eligible")
    then(service, "cancel", key="held")
    had(service, "few", key="third")
    assert ask(service, "few", key="fourth").body["detail"] == "A member can have this reward once per day."
    assert ask(service, "few", key="other", member=another(service, "grace")).status == 201
    then(service, "refund", key="third")
    had(service, "few", key="fifth")
    service.clock.move(days=1)
    assert ask(service, "few", key="tomorrow").status == 201


def test_a_limit_is_counted_by_the_day_of_the_shop_and_not_of_the_world(service: Service) -> None:
    """Midnight in New York is five in the morning in UTC."""
    shop(service, ("limits: [{times: 1, per: ever}]", "limits: [{times: 1, per: day}]"))
    member(service)
    service.clock.move(hours=18, minutes=59)  # 2026-11-22T04:59Z, 23:59 in the shop
    had(service, "few", key="before")
    assert error(ask(service, "few", key="same-day")) == (409, "reward_not_eligible")
    service.clock.move(minutes=1)
    assert ask(service, "few", key="after").status == 201


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"colour": "red"}, "/colour"),
        ({"points": -1}, "/points"),
        ({"amount": 0}, "/amount"),
        ({"purchase_amount": -5}, "/purchase_amount"),
        ({"hold_minutes": 0}, "/hold_minutes"),
        ({"hold_minutes": 30 * 24 * 60 + 1}, "/hold_minutes"),
        ({"reward_id": "FEW"}, "/reward_id"),
        ({"points": 1.5}, "/points"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_written(service: Service, body: dict[str, Any], pointer: str) -> None:
    member(service)
    with service.unchanged():
        answer = service.post("/v1/redemptions", {"member": ADA, "reward_id": "few", **body}, key="redeem-1")
    assert pointers(answer) == [pointer]
