"""A whole programme over HTTPS and the bus: rules, tiers, counters and goals, from the file to the voucher."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.functional.club import CLUB, KEEPING, basket, buy, join, why
from tests.functional.conftest import Json, Service, publish_program
from tests.functional.factories import a_reason
from tests.functional.test_redemptions import CODE

VINYL: Json = {"id": "1", "sku": "lp-1", "quantity": 1, "amount": 1000, "categories": ["vinyl"]}


@pytest.fixture
def club(service: Service) -> Iterator[Service]:
    """The club's programme is version 2, in force since 11 o'clock."""
    service.clock.move(hours=1)
    assert publish_program(service, CLUB) == 2
    yield service
    check_issued(service)


def check_issued(service: Service) -> None:
    """Every reward of an entry is a voucher, and every voucher is of one entry; none of their codes is in the log."""
    entries = [entry for entry in service.items("entries") if "kind" in entry]
    given = [reward for entry in entries for reward in entry.get("issued", [])]
    given += [entry["reward"] for entry in entries if entry["kind"] == "redeemed"]
    found = {item["key"]: item for item in vouchers(service)}
    assert sorted(found) == sorted(f"V#{reward['code']}" for reward in given)
    for reward in given:
        code = reward.pop("code")
        reward.pop("value")  # what is left of it by now: `check_vouchers` knows
        assert {name: found[f"V#{code}"][name] for name in reward} == reward
        assert code not in service.log.getvalue()


def account(service: Service, member: str) -> Json:
    [found] = [item for item in service.items("accounts") if item["member"] == member and item["part"] == "A"]
    return found


def vouchers(service: Service) -> list[Json]:
    return [item for item in service.items("rewards") if item["key"].startswith("V#")]


# What a purchase brings


def test_a_purchase_says_what_every_rule_made_of_it(club: Service) -> None:
    join(club)

    answer = buy(club, "receipt-1", 90)

    assert answer.body["entry"]["program_version"] == 2
    assert answer.body["explanation"] == [
        a_reason("every-dollar", 90, lines={"1": 90}),
        a_reason("status-points", 90, lines={"1": 90}, into="status"),
        a_reason("double", 0, condition="tier", facts={"is": "member"}),
        a_reason("welcome-vinyl", 0, condition="no_line_counts", skipped={"1": "category"}),
        a_reason("hundred-a-month", 0, condition="goal_not_reached", facts={"progress": 9000, "reach": 10000}),
    ]


def test_what_goes_into_a_counter_cannot_be_spent(club: Service) -> None:
    member = join(club)

    answer = buy(club, "receipt-1", 90)

    assert (answer.body["balance"]["active"], answer.body["lines"][0]["points"]) == (90, 90)
    counters = account(club, member)["counters"]
    assert (counters["status"], counters["status/year@2026-01-01"]) == (90, 90)


def test_lines_that_do_not_count_are_named_with_the_reason(club: Service) -> None:
    join(club)
    other = {"id": "2", "sku": "cd-1", "quantity": 1, "amount": 2000, "categories": ["cd"]}

    answer = buy(club, "receipt-1", 0, lines=[VINYL, other])

    assert why(answer)["welcome-vinyl"] == a_reason("welcome-vinyl", 25, lines={"1": 25}, skipped={"2": "category"})
    assert [line["points"] for line in answer.body["lines"]] == [35, 20]


def test_a_rule_that_is_limited_in_times_applies_no_more(club: Service) -> None:
    join(club)
    buy(club, "receipt-1", 0, lines=[VINYL])
    again = buy(club, "receipt-2", 0, lines=[VINYL])
    assert why(again)["welcome-vinyl"] == a_reason(
        "welcome-vinyl", 0, condition="limit_reached", facts={"times": 1, "per": "ever"}
    )


def test_points_stop_at_their_limit_and_start_again_with_the_next_period(club: Service) -> None:
    join(club)
    buy(club, "receipt-1", 200)
    cut = buy(club, "receipt-2", 100)
    none = buy(club, "receipt-3", 10)
    club.clock.move(days=10)
    anew = buy(club, "receipt-4", 10)

    limit = {"limit": 60, "per": "month"}
    assert why(cut)["double"] == a_reason("double", 60, lines={"1": 60}, facts={"before_limit": 100, **limit})
    assert why(none)["double"] == a_reason("double", 0, condition="limit_reached", facts=limit)
    assert (cut.body["points"]["active"], none.body["points"]["active"], anew.body["points"]["active"]) == (160, 10, 20)


# What it gives


def test_a_goal_that_is_reached_gives_a_voucher(club: Service) -> None:
    join(club)
    buy(club, "receipt-1", 90)

    answer = buy(club, "receipt-2", 10)

    [given] = answer.body["rewards_earned"]
    code, own_id = given["code"], given["redemption_id"]
    assert re.fullmatch(CODE, code)
    assert re.fullmatch("rwd_[a-z2-7]{20}", own_id)
    assert given == {
        "redemption_id": own_id,
        "reward_id": "thanks-5",
        "kind": "voucher",
        "value": 500,
        "currency": "USD",
        "code": code,
        "valid_from": "2026-11-21",
        "valid_until": "2026-12-21",
    }
    reached = {"progress": 10000, "reach": 10000, "times": 1, "reward": "thanks-5"}
    assert why(answer)["hundred-a-month"] == a_reason("hundred-a-month", 0, facts=reached)
    shown = club.get(f"/v1/vouchers/{code}")
    assert shown.status == 200
    about = ("code", "value", "currency", "valid_until", "status", "redemption_id", "reward_id")
    assert [shown.body[name] for name in about] == [code, 500, "USD", "2026-12-21", "active", own_id, "thanks-5"]


def test_a_purchase_that_is_sent_again_answers_the_same_code_and_gives_no_second_voucher(club: Service) -> None:
    join(club)
    bought = basket(club, "receipt-1", 120)
    first = club.post("/v1/purchases", bought)
    club.clock.move(days=40)

    with club.unchanged():
        again = club.post("/v1/purchases", bought)

    assert (again.status, again.replayed, again.body) == (201, True, first.body)
    assert len(vouchers(club)) == 1
    assert club.get("/v1/purchases/receipt-1").body["rewards_earned"] == first.body["rewards_earned"]


def test_what_a_goal_gave_once_in_a_period_it_gives_again_only_in_the_next(club: Service) -> None:
    join(club)
    counts = []
    for id, dollars, days in (("receipt-1", 100, 0), ("receipt-2", 300, 10), ("receipt-3", 300, 0)):
        club.clock.move(days=days)
        counts.append(len(buy(club, id, dollars).body["rewards_earned"]))
    assert counts == [1, 1, 0]


def test_a_reward_that_is_only_given_is_not_on_offer(club: Service) -> None:
    join(club)
    buy(club, "receipt-1", 150)
    assert [reward["reward_id"] for reward in club.get("/v1/rewards").body["items"]] == ["voucher-10"]
    body = {"member": {"card": "RC-1815"}, "reward_id": "thanks-5"}
    assert club.post("/v1/redemptions", body, key="redeem-1").body["code"] == "reward_not_found"


def test_a_voucher_of_the_next_period_cannot_be_used_before(club: Service) -> None:
    publish_program(club, CLUB.replace("    reward: thanks-5\n", "    reward: thanks-5\n    usable: next_period\n"))
    join(club)

    [given] = buy(club, "receipt-1", 120).body["rewards_earned"]

    assert (given["valid_from"], given["valid_until"]) == ("2026-12-01", "2026-12-31")
    statuses = []
    for days in (0, 9, 1, 30, 1):
        club.clock.move(days=days)
        statuses.append(club.get(f"/v1/vouchers/{given['code']}").body["status"])
    assert statuses == ["not_yet", "not_yet", "active", "active", "expired"]


def test_a_reward_may_have_no_value_of_its_own(club: Service) -> None:
    publish_program(club, CLUB.replace("thanks-5", "free_coffee").replace("kind: voucher, value: 500", "kind: product"))
    join(club)

    [given] = buy(club, "receipt-1", 120).body["rewards_earned"]

    assert (given["reward_id"], given["kind"], given["value"]) == ("free_coffee", "product", 0)
    club.publish()
    assert "VoucherIssued" in [event["detail-type"] for event in club.on_bus()]


# HTTPS and the bus


def test_a_purchase_over_the_bus_brings_what_it_would_have_brought_over_https(club: Service) -> None:
    ada, grace = join(club, "ada"), join(club, "grace")
    shown: list[tuple[Json, Json]] = []
    for id, dollars in (("receipt-1", 90), ("receipt-2", 150), ("receipt-3", 80)):
        over_https = club.post("/v1/purchases", basket(club, f"{id}-ada", dollars, "ada"))
        assert club.send("PurchaseCompleted", basket(club, f"{id}-grace", dollars, "grace"), source="till-client") == []
        over_bus = club.get(f"/v1/purchases/{id}-grace")
        shown.append((over_https.body, {name: over_bus.body[name] for name in over_https.body}))

    for of_ada, of_grace in shown:
        assert anonymous(of_ada) == anonymous(of_grace)
    same = ("n", "lots", "tiers", "counters", "revision")
    assert [account(club, ada)[name] for name in same] == [account(club, grace)[name] for name in same]
    assert {item["member"] for item in vouchers(club)} == {ada, grace}


def anonymous(body: Json) -> Json:
    """An answer without what is each member's own."""
    entry = {name: value for name, value in body["entry"].items() if name not in {"id", "member_id", "operation"}}
    given = [{**reward, "code": None, "redemption_id": None} for reward in body["rewards_earned"]]
    return {**body, "entry": entry, "rewards_earned": given}


def test_a_tier_and_a_voucher_are_told_on_the_bus_without_a_code(club: Service) -> None:
    member = join(club)
    buy(club, "receipt-1", 90)
    club.publish()
    club.on_bus()
    [given] = buy(club, "receipt-2", 120).body["rewards_earned"]

    club.publish()

    told = club.on_bus()
    assert [(event["detail-type"], event["detail"]["metadata"]["event_id"]) for event in told] == [
        ("PointsEarned", f"{member}#2"),
        ("VoucherIssued", f"{member}#2.1"),
        ("TierChanged", f"{member}#2.2"),
    ]
    del given["code"]
    assert told[1]["detail"]["data"] == {"member_id": member, **given, "money": 0, "fulfilment": "code"}
    assert told[2]["detail"]["data"] == {
        "member_id": member,
        "entry_id": f"{member}#2",
        "from": "member",
        "to": "silver",
        "since": "2026-11-21T11:00:00.000000Z",
        "held_until": "2027-12-31",
    }
    [code] = [item["key"].removeprefix("V#") for item in vouchers(club)]
    assert code not in str(told)
    assert club.notify(told) == []
    assert code not in club.log.getvalue()


def test_a_first_purchase_that_lifts_the_tier_is_told_too(club: Service) -> None:
    join(club)
    buy(club, "receipt-1", 300)
    club.publish()
    assert [event["detail-type"] for event in club.on_bus()][-1] == "TierChanged"


# Late purchases


def test_a_late_purchase_is_judged_by_the_version_of_its_day(club: Service) -> None:
    join(club)
    club.clock.move(days=3)

    late = buy(club, "receipt-1", 300, occurred_at="2026-11-21T10:59:59Z")

    assert late.body["entry"]["program_version"] == 1
    assert late.body["explanation"] == [a_reason("every-dollar", 300, lines={"1": 300})]
    assert late.body["rewards_earned"] == []


def test_a_late_purchase_is_judged_by_the_tier_of_its_day(club: Service) -> None:
    join(club)
    club.clock.move(days=2)
    assert buy(club, "receipt-1", 300).body["tier"] == "silver"

    before = buy(club, "receipt-2", 10, occurred_at="2026-11-22T12:00:00Z")
    after = buy(club, "receipt-3", 10)

    assert why(before)["double"] == a_reason("double", 0, condition="tier", facts={"is": "member"})
    assert why(after)["double"] == a_reason("double", 10, lines={"1": 10})
    assert (before.body["tier"], after.body["tier"]) == ("silver", "silver")


def test_a_late_purchase_counts_for_the_period_of_its_day(club: Service) -> None:
    member = join(club)
    buy(club, "receipt-1", 60)
    club.clock.move(days=15)

    late = buy(club, "receipt-2", 50, occurred_at="2026-11-29T12:00:00Z")

    assert len(late.body["rewards_earned"]) == 1, "110 dollars in November"
    counters = account(club, member)["counters"]
    assert counters["goal.hundred-a-month/month@2026-11-01"] == 11000
    assert not any("month@2026-12" in key for key in counters)


# Returns


def give_back(service: Service, purchase: str, **body: Any) -> Any:
    sent = {"id": f"return-{purchase}", "occurred_at": service.clock().isoformat(), **body}
    answer = service.post(f"/v1/purchases/{purchase}/returns", sent)
    assert answer.status == 201, answer.body
    return answer


def test_a_return_takes_what_was_counted_and_the_tier_that_rested_on_it(club: Service) -> None:
    member = join(club)
    buy(club, "receipt-1", 150)
    before = account(club, member)
    assert buy(club, "receipt-2", 80).body["tier"] == "silver"
    club.publish()
    club.on_bus()
    club.clock.move(days=1)

    answer = give_back(club, "receipt-2")

    assert (answer.body["tier"], answer.body["balance"]["active"]) == ("member", 150)
    after = account(club, member)
    assert (after["counters"], after["lots"]) == (before["counters"], before["lots"])
    club.publish()
    [reversed_, changed] = club.on_bus()
    assert (reversed_["detail-type"], changed["detail-type"]) == ("PointsReversed", "TierChanged")
    told = changed["detail"]["data"]
    assert (told["from"], told["to"], told["held_until"]) == ("silver", "member", None)
    assert why(buy(club, "receipt-3", 10))["double"]["condition"] == "tier"


def test_a_return_of_a_part_takes_its_part_of_what_was_counted(club: Service) -> None:
    member = join(club)
    lines = [{"id": "1", "sku": "lp-1", "quantity": 3, "amount": 24000}]
    assert buy(club, "receipt-1", 0, lines=lines).body["tier"] == "silver"

    answer = give_back(club, "receipt-1", lines=[{"id": "1", "quantity": 1}])

    counters = account(club, member)["counters"]
    assert (counters["status"], counters["spend"], counters["visits"]) == (160, 16000, 1)
    assert answer.body["tier"] == "member"


def test_a_return_makes_room_in_the_limits_that_the_purchase_had_used(club: Service) -> None:
    join(club)
    buy(club, "receipt-1", 200)
    assert why(buy(club, "receipt-2", 100))["double"]["points"] == 60
    buy(club, "receipt-3", 0, lines=[VINYL])

    give_back(club, "receipt-2")
    give_back(club, "receipt-3")

    assert why(buy(club, "receipt-4", 30))["double"]["points"] == 30
    assert why(buy(club, "receipt-5", 0, lines=[VINYL]))["welcome-vinyl"]["points"] == 25


def test_what_a_goal_gave_goes_with_what_it_was_given_for_and_can_be_had_again(club: Service) -> None:
    join(club)
    [given] = buy(club, "receipt-1", 120).body["rewards_earned"]

    answer = give_back(club, "receipt-1")

    gone = {"redemption_id": given["redemption_id"], "reward_id": "thanks-5", "left": 0}
    assert answer.body["rewards_withdrawn"] == [gone]
    assert club.get(f"/v1/vouchers/{given['code']}").body["status"] == "withdrawn"
    [again] = buy(club, "receipt-2", 120).body["rewards_earned"]
    assert club.get(f"/v1/vouchers/{again['code']}").body["status"] == "active"


def test_what_a_goal_gave_stays_and_is_not_given_again_where_the_programme_lets_it(club: Service) -> None:
    publish_program(club, KEEPING)
    join(club)
    [given] = buy(club, "receipt-1", 120).body["rewards_earned"]

    answer = give_back(club, "receipt-1")

    assert answer.body["rewards_withdrawn"] == []
    assert buy(club, "receipt-2", 120).body["rewards_earned"] == []
    assert club.get(f"/v1/vouchers/{given['code']}").body["status"] == "active"


# Files


SILVER = "when: {tier: [silver, gold]}"
BAD = [
    ("group: base", "group: bases", "/earning/0/group", "There is no group bases: did you mean base?"),
    ("[silver, gold]", "[silver, platinum]", "/earning/2/when/tier", "There is no tier platinum"),
    ("of: [every-dollar]", "of: [every-euro]", "/earning/2/of/0", "There is no rule every-euro"),
    ("into: status", "into: stars", "/earning/1/into", "There is no counter stars"),
    ("reward: thanks-5", "reward: thanks-50", "/goals/0/reward", "did you mean thanks-5?"),
    ("counts: spend", "counts: spent", "/goals/0/counts", "did you mean spend?"),
    ("[{status: 200}]", "[{statuses: 200}]", "/tiers/levels/1/reach/0/statuses", "did you mean status?"),
    ("    budget: 1000", "    bugdet: 1000", "/earning/3/bugdet", "not permitted"),
    (SILVER, "when: {cel: 'purchase.total >'}", "/earning/2/when/cel", ""),
    (SILVER, "when: {cel: 'basket.total > 1'}", "/earning/2/when/cel", "basket"),
    (SILVER, "when: {recurs: {rule: FREQ=SOMETIMES, starts: 2026-01-01}}", "/earning/2/when/recurs", "RFC 5545"),
    (SILVER, "when: {recurs: {rule: FREQ=HOURLY, starts: 2026-01-01}}", "/earning/2/when/recurs", "FREQ is DAILY"),
]


@pytest.mark.parametrize(("right", "wrong", "pointer", "why_not"), BAD, ids=[wrong for _, wrong, *_ in BAD])
def test_a_file_with_a_mistake_is_refused_with_its_line_and_reason(
    club: Service, right: str, wrong: str, pointer: str, why_not: str
) -> None:
    assert right in CLUB
    broken = CLUB.replace(right, wrong, 1)
    line = broken[: broken.index(wrong)].count("\n") + 1

    with club.unchanged():
        answer = club.post("/v1/program/versions", {"text": broken})

    assert (answer.status, answer.body["code"]) == (422, "invalid")
    [mistake] = answer.body["errors"]
    assert mistake["pointer"] == pointer
    assert mistake["detail"].startswith(f"line {line}: ")
    assert why_not in mistake["detail"]


def test_every_mistake_of_a_file_is_named_at_once(club: Service) -> None:
    broken = CLUB
    for right, wrong, *_ in BAD[:4]:
        broken = broken.replace(right, wrong, 1)
    with club.unchanged():
        answer = club.post("/v1/program/versions", {"text": broken})
    assert sorted(one["pointer"] for one in answer.body["errors"]) == sorted(pointer for _, _, pointer, _ in BAD[:4])


def test_the_version_in_force_still_judges_after_a_file_was_refused(club: Service) -> None:
    join(club)
    club.post("/v1/program/versions", {"text": CLUB.replace("group: base", "group: bases")})
    assert buy(club, "receipt-1", 10).body["entry"]["program_version"] == 2
