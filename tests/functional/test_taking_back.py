"""What goes with returned goods: points wherever they are by then, vouchers, goals, tiers, referrals, as the programme
says, and the explanation says so."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.functional.conftest import FOLLOWER, Answer, Json, Service, publish_program
from tests.functional.engaged import (
    CARDS,
    ENGAGED,
    KEEPING,
    account,
    basket,
    buy,
    engaged,
    give_back,
    join,
    parts,
    refer,
    types,
    why,
)
from tests.functional.factories import a_reason
from tests.functional.test_races import meanwhile

VINYL = {"id": "1", "sku": "lp", "quantity": 4, "amount": 8000, "categories": ["vinyl"]}
Patch = pytest.MonkeyPatch


@pytest.fixture
def club(service: Service) -> Service:
    return engaged(service)


@pytest.fixture(params=["take_back", "keep"])
def either(service: Service, request: pytest.FixtureRequest) -> tuple[Service, bool]:
    """The club under each policy; whether rewards are taken back."""
    takes_back = request.param == "take_back"
    return engaged(service, ENGAGED if takes_back else KEEPING), takes_back


def voucher(service: Service, given: Mapping[str, Any]) -> tuple[str, int]:
    found = service.get(f"/v1/vouchers/{given['code']}").body
    return found["status"], found["value"]


def given_by(answer: Answer, reward: str) -> Json:
    found: list[Json] = [one for one in answer.body["rewards_earned"] if one["reward_id"] == reward]
    [given] = found
    return given


def withdrawn(answer: Answer) -> dict[str, int]:
    return {one["reward_id"]: one["left"] for one in answer.body["rewards_withdrawn"]}


# Points


def with_points_words(service: Service, words: str) -> Service:
    return engaged(service, ENGAGED.replace("\npurchases:", f"\npoints: {words}\npurchases:"))


def test_points_that_are_still_pending_vanish(service: Service) -> None:
    with_points_words(service, "{pending_days: 14}")
    join(service)
    buy(service, "receipt-1", 30)
    buy(service, "receipt-2", 20)
    answer = give_back(service, "receipt-1")
    assert answer.body["points"] == parts(pending=-30 - 4), "with the goal that both had reached"
    assert answer.body["balance"] == parts(pending=20)


def test_points_that_are_active_come_from_the_very_lots_they_made(service: Service) -> None:
    with_points_words(service, "{expire: {after_months: 2}}")
    join(service)
    service.clock.move(days=1)
    buy(service, "receipt-1", 30)
    service.clock.move(days=20)
    buy(service, "receipt-2", 20)
    answer = give_back(service, "receipt-2")
    assert [lot["points"] for lot in answer.body["entry"]["lots"]] == [-20]
    assert answer.body["entry"]["lots"][0]["expires_on"] == "2027-02-12"


@pytest.mark.parametrize(
    ("policy", "status", "balance"),
    [("carry", 201, parts(debt=10)), ("forgive", 201, parts()), ("block", 409, parts(active=20))],
)
def test_points_that_are_spent_are_as_the_programme_says(
    service: Service, policy: str, status: int, balance: Json
) -> None:
    with_points_words(service, f"{{spent_then_returned: {policy}}}")
    member = join(service)
    buy(service, "receipt-1", 30)
    service.post(
        "/v1/redemptions", {"member": {"card": CARDS["ada"]}, "reward_id": "voucher-1", "capture": True}, "r-1"
    )
    answer = give_back(service, "receipt-1")
    assert answer.status == status
    sheet = service.get(f"/v1/members/{member}/balance").body
    assert {name: sheet[name] for name in balance} == balance


def test_pieces_cost_their_part_and_the_last_one_the_rest(club: Service) -> None:
    join(club)
    buy(club, "receipt-1", 0, lines=[{"id": "1", "sku": "lp", "quantity": 3, "amount": 1000}])
    taken = [give_back(club, "receipt-1", f"return-{i}", l1=1).body["points"]["active"] for i in range(3)]
    assert taken == [-3, -3, -4]


# Vouchers that a rule gave


def test_a_voucher_of_a_rule_is_worth_less_by_what_came_back_and_goes_in_the_end(club: Service) -> None:
    join(club)
    bought = buy(club, "receipt-1", 0, lines=[VINYL])
    given = given_by(bought, "two-off")
    assert voucher(club, given) == ("active", 800)

    half = give_back(club, "receipt-1", "return-1", l1=2)
    assert withdrawn(half)["two-off"] == 400
    assert voucher(club, given) == ("active", 400)
    facts = {"reward": "two-off", "redemption": given["redemption_id"], "left": 400}
    assert why(half)["gift-card"] == a_reason("gift-card", 0, facts=facts)

    rest = give_back(club, "receipt-1", "return-2")
    assert withdrawn(rest)["two-off"] == 0
    assert voucher(club, given) == ("withdrawn", 0)


def test_a_voucher_of_a_rule_goes_whole_below_the_minimum_of_the_rule(club: Service) -> None:
    join(club)
    line = {"id": "1", "sku": "lp", "quantity": 2, "amount": 3000, "categories": ["vinyl"]}
    given = given_by(buy(club, "receipt-1", 0, lines=[line]), "two-off")
    assert withdrawn(give_back(club, "receipt-1", l1=1)) == {"two-off": 0}
    assert voucher(club, given) == ("withdrawn", 0)


def test_a_voucher_stays_where_what_is_left_deserves_it(club: Service) -> None:
    join(club)
    line = {"id": "1", "sku": "lp", "quantity": 30, "amount": 3000, "categories": ["vinyl"]}
    given = given_by(buy(club, "receipt-1", 0, lines=[line]), "two-off")
    assert withdrawn(give_back(club, "receipt-1", l1=10)) == {}
    assert voucher(club, given) == ("active", 200)


def test_lines_that_did_not_count_cost_no_voucher(club: Service) -> None:
    join(club)
    tape = {"id": "2", "sku": "tape", "quantity": 1, "amount": 1000}
    given = given_by(buy(club, "receipt-1", 0, lines=[{**VINYL, "amount": 4000}, tape]), "two-off")
    answer = give_back(club, "receipt-1", l2=1)
    assert "two-off" not in withdrawn(answer)
    assert voucher(club, given) == ("active", 400)


def test_rewards_are_taken_back_or_kept_as_the_programme_says(either: tuple[Service, bool]) -> None:
    club, takes_back = either
    join(club)
    bought = buy(club, "receipt-1", 0, lines=[{**VINYL, "amount": 12000}])
    two, five = given_by(bought, "two-off"), given_by(bought, "thanks-5")

    answer = give_back(club, "receipt-1")

    assert withdrawn(answer) == ({"two-off": 0, "thanks-5": 0} if takes_back else {})
    assert [voucher(club, one)[0] for one in (two, five)] == (["withdrawn"] * 2 if takes_back else ["active"] * 2)
    assert answer.body["points"] == parts(active=-(120 + 8) if takes_back else -120)
    told = types(club.settle())
    assert told.count("VoucherWithdrawn") == (2 if takes_back else 0)


def test_news_of_a_withdrawn_voucher_say_what_is_left_and_no_code(club: Service) -> None:
    member = join(club)
    given = given_by(buy(club, "receipt-1", 0, lines=[VINYL]), "two-off")
    club.settle()
    give_back(club, "receipt-1", l1=3)
    club.publish()
    [event] = [one for one in club.on_bus() if one["detail-type"] == "VoucherWithdrawn"]
    data = event["detail"]["data"]
    assert (data["member_id"], data["redemption_id"]) == (member, given["redemption_id"])
    assert (data["value"], data["left"]) == (800, 200)
    assert given["code"] not in str(event)


def test_a_withdrawn_voucher_is_no_mail(club: Service) -> None:
    join(club)
    buy(club, "receipt-1", 0, lines=[VINYL])
    club.settle()
    mails = len(club.mails())
    give_back(club, "receipt-1")
    club.settle()
    assert len(club.mails()) == mails


# Goals


def test_a_goal_that_another_purchase_had_reached_goes_when_it_is_reached_no_more(club: Service) -> None:
    join(club)
    buy(club, "receipt-1", 80)
    five = given_by(buy(club, "receipt-2", 40), "thanks-5")

    answer = give_back(club, "receipt-1")

    assert voucher(club, five) == ("withdrawn", 0)
    reasons = [one for one in answer.body["explanation"] if one["rule"] == "hundred-a-month"]
    assert reasons[0]["facts"] == {"progress": 4000, "reach": 10000, "times": -1}
    assert reasons[1]["facts"] == {"reward": "thanks-5", "redemption": five["redemption_id"], "left": 0}
    assert [one["points"] for one in answer.body["explanation"] if one["rule"] == "half-hundreds"] == [-4, -4]
    assert answer.body["points"] == parts(active=-88)


def test_a_goal_stays_as_long_as_the_rest_reaches_it(club: Service) -> None:
    join(club)
    five = given_by(buy(club, "receipt-1", 120), "thanks-5")
    buy(club, "receipt-2", 20)
    answer = give_back(club, "receipt-2")
    assert (withdrawn(answer), voucher(club, five)) == ({}, ("active", 500))
    assert answer.body["points"] == parts(active=-20)


def test_a_goal_that_repeats_is_lost_as_often_as_it_is_reached_no_more(club: Service) -> None:
    join(club)
    for i in range(1, 5):
        buy(club, f"receipt-{i}", 50)
    answer = give_back(club, "receipt-1")
    assert why(answer)["half-hundreds"]["points"] == -4
    assert answer.body["balance"]["active"] == 150 + 3 * 4
    again = buy(club, "receipt-5", 50)
    assert why(again)["half-hundreds"]["points"] == 4


def test_what_was_taken_back_can_be_earned_anew_and_goes_anew(club: Service) -> None:
    join(club)
    buy(club, "receipt-1", 120)
    give_back(club, "receipt-1", "return-1")
    anew = buy(club, "receipt-2", 120)
    five = given_by(anew, "thanks-5")
    answer = give_back(club, "receipt-2", "return-2")
    assert withdrawn(answer) == {"thanks-5": 0}
    assert (voucher(club, five), answer.body["balance"]) == (("withdrawn", 0), parts())


def test_a_streak_is_lost_with_a_month_that_lost_its_visit(club: Service) -> None:
    join(club)
    buy(club, "receipt-1", 10)
    club.clock.move(days=20)
    five = given_by(buy(club, "receipt-2", 10), "thanks-5")
    answer = give_back(club, "receipt-1")
    assert withdrawn(answer) == {"thanks-5": 0}
    assert voucher(club, five) == ("withdrawn", 0)
    assert why(answer)["two-months"]["facts"]["left"] == 0


def test_goal_points_that_are_spent_are_owed_as_others(club: Service) -> None:
    join(club)
    buy(club, "receipt-1", 100)
    club.post("/v1/redemptions", {"member": {"card": CARDS["ada"]}, "reward_id": "voucher-5", "capture": True}, "r-1")
    answer = give_back(club, "receipt-1")
    assert answer.body["balance"] == parts(debt=100)


# Tier


def test_a_tier_that_rested_on_the_purchase_goes_with_it(club: Service) -> None:
    join(club)
    assert buy(club, "receipt-1", 600).body["tier"] == "silver"
    club.settle()
    assert give_back(club, "receipt-1").body["tier"] == "member"
    club.publish()
    assert "TierChanged" in types(club.on_bus())


# Referral


def referred(club: Service) -> tuple[str, str]:
    ada, grace = join(club, "ada"), join(club, "grace")
    refer(club, ada, grace)
    club.settle()
    return ada, grace


def active(club: Service, member: str) -> int:
    points: int = club.get(f"/v1/members/{member}/balance").body["active"]
    return points


def test_a_referral_is_rewarded_on_both_sides_once(club: Service) -> None:
    ada, grace = referred(club)
    first = buy(club, "receipt-1", 10)
    told = club.settle()
    assert why(first)["friend-welcome"]["points"] == 20
    assert (active(club, ada), active(club, grace)) == (10 + 10 + 20, 10 + 30)
    [completed] = [one for one in told if one["detail-type"] == "ReferralCompleted"]
    assert completed["detail"]["data"] == {
        "member_id": ada,
        "referrer_id": grace,
        "entry_id": first.body["entry"]["id"],
        "completed_by": "purchase#till-client#receipt-1",
    }
    buy(club, "receipt-2", 10)
    assert "ReferralCompleted" not in types(club.settle())
    assert (active(club, ada), active(club, grace)) == (50, 40)


def test_a_purchase_too_small_completes_no_referral(club: Service) -> None:
    _, grace = referred(club)
    buy(club, "receipt-1", 4)
    club.settle()
    assert active(club, grace) == 10


def test_a_referral_goes_on_both_sides_with_the_whole_purchase_and_comes_with_the_next(club: Service) -> None:
    ada, grace = referred(club)
    lines = [{"id": "1", "sku": "lp", "quantity": 2, "amount": 2000}]
    buy(club, "receipt-1", 0, lines=lines)
    club.settle()
    give_back(club, "receipt-1", "return-1", l1=1)
    assert "ReferralWithdrawn" not in types(club.settle())
    assert active(club, grace) == 40

    give_back(club, "receipt-1", "return-2")
    told = club.settle()

    [gone] = [one["detail"]["data"] for one in told if one["detail-type"] == "ReferralWithdrawn"]
    assert (gone["completed_by"], gone["referrer_id"]) == ("purchase#till-client#receipt-1", grace)
    assert (active(club, ada), active(club, grace)) == (10, 10)

    buy(club, "receipt-2", 10)
    assert types(club.settle()).count("ReferralCompleted") == 1
    assert (active(club, ada), active(club, grace)) == (40, 40)


def test_a_referral_that_is_withdrawn_before_it_is_booked_comes_again_and_ends_at_nothing(club: Service) -> None:
    _, grace = referred(club)
    buy(club, "receipt-1", 10)
    give_back(club, "receipt-1")
    club.publish()
    told = club.on_bus()
    gone = [one for one in told if one["detail-type"] == "ReferralWithdrawn"]
    made = [one for one in told if one["detail-type"] == "ReferralCompleted"]

    assert club.hand(FOLLOWER, gone) == ["record-0"]
    assert club.hand(FOLLOWER, made) == []
    assert club.hand(FOLLOWER, gone * 2) == []

    assert active(club, grace) == 10


def test_news_of_a_referral_that_come_twice_reward_once(club: Service) -> None:
    _, grace = referred(club)
    buy(club, "receipt-1", 10)
    club.publish()
    made = [one for one in club.on_bus() if one["detail-type"] == "ReferralCompleted"]
    assert club.hand(FOLLOWER, made * 2) == club.hand(FOLLOWER, made) == []
    assert active(club, grace) == 40


def test_what_a_return_takes_back_is_in_the_statement(club: Service) -> None:
    member = join(club)
    buy(club, "receipt-1", 120)
    answer = give_back(club, "receipt-1")
    [latest, *_] = club.get(f"/v1/members/{member}/ledger").body["items"]
    assert latest["explanation"] == answer.body["explanation"]
    assert {one["rule"] for one in latest["explanation"]} == {"return", "hundred-a-month", "half-hundreds"}


def test_rewards_kept_once_are_not_had_again_for_what_was_returned(service: Service) -> None:
    engaged(service, KEEPING)
    member = join(service)
    buy(service, "receipt-1", 120)
    give_back(service, "receipt-1")
    again = buy(service, "receipt-2", 120)
    assert [one["reward_id"] for one in again.body["rewards_earned"]] == []
    assert account(service, member)["counters"]["visits"] == 1


def test_a_purchase_made_under_one_policy_is_returned_under_the_one_in_force_then(service: Service) -> None:
    engaged(service)
    join(service)
    five = given_by(buy(service, "receipt-1", 120), "thanks-5")
    service.clock.move(hours=1)
    publish_program(service, KEEPING)
    service.clock.move(hours=1)
    assert withdrawn(give_back(service, "receipt-1")) == {}
    assert voucher(service, five) == ("active", 500)


def test_two_returns_that_meet_withdraw_a_voucher_once_each_by_its_part(club: Service, monkeypatch: Patch) -> None:
    join(club)
    given = given_by(buy(club, "receipt-1", 0, lines=[VINYL]), "two-off")
    meanwhile(monkeypatch, lambda: give_back(club, "receipt-1", "return-1", l1=1))
    answer = give_back(club, "receipt-1", "return-2", l1=1)
    assert withdrawn(answer)["two-off"] == 400
    assert voucher(club, given) == ("active", 400)


def test_a_purchase_that_meets_a_return_keeps_the_goal_right(club: Service, monkeypatch: Patch) -> None:
    join(club)
    five = given_by(buy(club, "receipt-1", 100), "thanks-5")
    meanwhile(monkeypatch, lambda: buy(club, "receipt-2", 100))
    answer = give_back(club, "receipt-1")
    assert (answer.status, withdrawn(answer)) == (201, {})
    assert voucher(club, five) == ("active", 500)


def test_a_return_of_a_purchase_in_the_same_batch_takes_back_all_it_brought(club: Service) -> None:
    join(club)
    sent = basket(club, "receipt-1", 120)
    gone = {"id": "return-1", "purchase_id": "receipt-1", "occurred_at": club.clock().isoformat()}
    results = club.post("/v1/batches", {"operations": [{"return": gone}, {"purchase": sent}]}).body["results"]
    assert [one["status"] for one in results] == [201, 201]
    assert results[0]["effect"]["balance"] == parts()
