"""What a basket would bring: the same as the purchase does then, and nothing is written."""

import pytest

from tests.functional.conftest import Answer, Json, Service
from tests.functional.engaged import CARDS, act, basket, buy, engaged, join, parts, why
from tests.functional.factories import NOBODY, without_programme

PATH = "/v1/purchases/calculate"


@pytest.fixture
def club(service: Service) -> Service:
    return engaged(service)


def calculate(service: Service, dollars: int, **changes: object) -> Answer:
    """Ada's basket, now; `member=None` for somebody who is none."""
    body = basket(service, "x", dollars)
    body = {name: value for name, value in (body | changes).items() if name not in {"id", "occurred_at"} and value}
    if "occurred_at" in changes:
        body["occurred_at"] = changes["occurred_at"]
    with service.unchanged():
        return service.post(PATH, body)


def test_it_says_what_the_purchase_then_does(club: Service) -> None:
    member = join(club)
    buy(club, "receipt-1", 70)

    told = calculate(club, 40)
    done = buy(club, "receipt-2", 40)

    assert (told.status, told.body["member_id"]) == (200, member)
    for part in ("points", "balance", "explanation"):
        assert told.body[part] == done.body[part]
    assert told.body["tier"] == {"now": "member", "after": "member"}
    assert [one["reward_id"] for one in told.body["rewards_earned"]] == ["thanks-5"]
    assert "code" not in told.body["rewards_earned"][0]


def test_it_knows_a_tier_that_would_be_reached(club: Service) -> None:
    join(club)
    assert calculate(club, 500).body["tier"] == {"now": "member", "after": "silver"}


@pytest.mark.parametrize("who", [None, {"card": "RC-9999"}, {"id": NOBODY}, {"email": "eve@example.com"}])
def test_for_somebody_who_is_no_member_it_is_the_first_purchase(club: Service, who: Json | None) -> None:
    join(club)
    answer = calculate(club, 30, member=who)
    assert (answer.status, answer.body["member_id"]) == (200, None)
    assert answer.body["points"] == answer.body["balance"] == parts(active=30)
    assert answer.body["tier"] == {"now": "member", "after": "member"}
    assert answer.body["redeemable"] == []


def test_it_says_what_can_be_redeemed_as_it_is_now(club: Service) -> None:
    join(club)
    assert calculate(club, 100).body["redeemable"] == []
    buy(club, "receipt-1", 12)
    [one] = calculate(club, 100).body["redeemable"]
    assert (one["reward_id"], one["points"], one["text"]["en"]) == ("voucher-1", 10, "1 dollar")


def test_it_says_what_a_little_more_would_bring(club: Service) -> None:
    join(club)
    told = {one["rule"]: one for one in calculate(club, 90).body["nearly"]}
    assert (told["hundred-a-month"]["missing"], told["hundred-a-month"]["rewards"]) == (1000, ["thanks-5"])
    assert (told["half-hundreds"]["missing"], told["half-hundreds"]["rewards"]) == (1000, [])
    assert told["half-hundreds"]["points"] == 10 + 4, "with what the ten dollars themselves bring"
    more = calculate(club, 100)
    assert [one["reward_id"] for one in more.body["rewards_earned"]] == ["thanks-5"]


def test_it_says_nothing_of_what_takes_more_than_the_basket_again(club: Service) -> None:
    join(club)
    assert "hundred-a-month" not in {one["rule"] for one in calculate(club, 49).body["nearly"]}
    assert "hundred-a-month" in {one["rule"] for one in calculate(club, 50).body["nearly"]}


def test_it_says_nothing_of_what_more_would_not_change(club: Service) -> None:
    join(club)
    buy(club, "receipt-1", 100)
    told = {one["rule"] for one in calculate(club, 90).body["nearly"]}
    assert "hundred-a-month" not in told


def test_a_little_more_of_what_counts_is_told_for_a_voucher_of_a_rule(club: Service) -> None:
    join(club)
    lines = [
        {"id": "1", "sku": "tape", "quantity": 1, "amount": 5000},
        {"id": "2", "sku": "lp", "quantity": 1, "amount": 1500, "categories": ["vinyl"]},
    ]
    told = {one["rule"]: one for one in calculate(club, 0, lines=lines).body["nearly"]}
    assert (told["gift-card"]["missing"], told["gift-card"]["rewards"]) == (500, ["two-off"])


def test_payments_and_totals_count_as_they_do_for_a_purchase(club: Service) -> None:
    join(club)
    paid = [{"method": "voucher", "amount": 1000}]
    assert calculate(club, 30, payments=paid).body["points"]["active"] == 20
    assert calculate(club, 30, total=2999).status == 422


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"currency": "EUR"}, "currency"), ({"occurred_at": "2026-12-24T00:00:00Z"}, "future")],
)
def test_what_no_purchase_could_be_is_refused(club: Service, changes: Json, code: str) -> None:
    join(club)
    answer = calculate(club, 30, **changes)
    assert (answer.status, [one["code"] for one in answer.body["errors"]]) == (422, [code])


def test_without_a_programme_nothing_can_be_calculated(club: Service) -> None:
    join(club)
    without_programme(club)
    answer = calculate(club, 30)
    assert (answer.status, answer.body["code"]) == (409, "program_not_active")


def test_an_empty_call_names_what_is_missing(club: Service) -> None:
    with club.unchanged():
        answer = club.post(PATH, {})
    assert sorted(one["pointer"] for one in answer.body["errors"]) == ["/currency", "/lines"]


def test_it_reads_limits_and_goals_as_they_are_and_uses_none_up(club: Service) -> None:
    join(club)
    act(club, "share")
    first = calculate(club, 120)
    assert calculate(club, 120).body == first.body
    assert why(buy(club, "receipt-1", 120)) == {one["rule"]: one for one in first.body["explanation"]}
    assert CARDS["ada"] not in str(first.body)
