"""Every way to earn, and every way back, on the deployed stack, under a programme with goals, vouchers, activities."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cli import programs
from functions.runtime.tables import to_wire
from tests.embedded.partner import Json, Partner, dead_letters, fresh, purchase, until

CLUB = Path(__file__).parent / "club.yaml"


@pytest.fixture(scope="module", autouse=True)
def club(partner: Partner) -> Iterator[None]:
    """The club judges what happens from now on; then the record shop again."""
    partner.put_in_force(CLUB)
    yield
    partner.put_in_force(programs.READY)


def now() -> str:
    return datetime.now(UTC).isoformat()


def bought(member: str, *amounts: int, **changes: Any) -> Json:
    lines = [{"id": str(i), "sku": "s", "quantity": 2, "amount": amount} for i, amount in enumerate(amounts, start=1)]
    return purchase({"id": member}, lines=lines, occurred_at=now(), **changes)


def returned(*lines: Json) -> Json:
    return {"id": fresh("return"), "occurred_at": now(), "lines": list(lines)}


def welcomed(partner: Partner, **identities: str) -> str:
    """A member who has the welcome points already."""
    member = partner.enrol(**identities)
    partner.booked(member, 1)
    return member


def booked(answer: Any) -> Json:
    assert answer.status_code == 201, answer.text
    found: Json = answer.json()
    return found


def test_enrolling_earns_by_itself_and_once(partner: Partner) -> None:
    member = welcomed(partner)
    assert [entry["points"] for entry in partner.statement(member)] == [25]
    assert partner.statement(member)[0]["activity"] == "enrolled"


def test_a_return_that_comes_first_waits_for_its_purchase(partner: Partner) -> None:
    member, sale = welcomed(partner), fresh("receipt")
    one = returned({"id": "1", "quantity": 1})
    waiting = partner.post(f"/v1/purchases/{sale}/returns", one)
    assert (waiting.status_code, waiting.json()["status"]) == (202, "waiting")
    assert partner.post(f"/v1/purchases/{sale}/returns", one).status_code == 202
    assert partner.post(f"/v1/purchases/{sale}/returns", returned({"id": "2", "quantity": 2})).status_code == 202

    with partner.listening() as heard:
        booked(partner.post("/v1/purchases", bought(member, 1000, 3000) | {"id": sale}))
        entries = partner.booked(member, 4)
        arrived = until(lambda: heard(lambda event: event["detail-type"] == "AwaitedPurchaseArrived"), "the news")

    assert [entry["points"] for entry in entries] == [25, 40, -5, -30] or [entry["points"] for entry in entries] == [
        25,
        40,
        -30,
        -5,
    ]
    assert len(arrived) >= 1
    back = partner.get(f"/v1/purchases/{sale}").json()["returned"]
    assert [(line["line"], line["quantity"]) for line in back] == [("1", 1), ("2", 2)]
    again = partner.post(f"/v1/purchases/{sale}/returns", one)
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (201, "true")


def test_over_the_bus_the_order_does_not_matter(partner: Partner) -> None:
    card, sale, review = fresh("card"), fresh("receipt"), fresh("review")
    partner.put("PurchaseReturned", returned({"id": "1", "quantity": 2}) | {"purchase_id": sale})
    partner.put("ActivityDecided", {"activity_id": review, "decision": "confirmed"})
    partner.put("PurchaseCompleted", bought("", 1000, 3000) | {"id": sale, "member": {"card": card}})
    activity = {"id": review, "member": {"card": card}, "type": "review", "occurred_at": now()}
    partner.put("ActivityRecorded", activity | {"attributes": {"stars": 4}})
    partner.put("MemberEnrolmentRequested", {"card": card, "idempotency_key": fresh("enrol")})

    member = partner.found(card=card)["member_id"]

    def settled() -> Json | None:
        balance = partner.balance(member)
        return balance if (balance["active"], balance["pending"], balance["n"]) == (25 + 30 + 50, 0, 5) else None

    until(settled, "welcome, purchase, return, review and its confirmation", seconds=180)


def test_a_return_takes_back_the_voucher_and_the_goal_that_rested_on_it(partner: Partner) -> None:
    member = welcomed(partner)
    first = booked(partner.post("/v1/purchases", bought(member, 12000, 8000)))
    second = booked(partner.post("/v1/purchases", bought(member, 15000)))
    [cash] = first["rewards_earned"]
    goal = next(one for one in second["rewards_earned"] if one["reward_id"] == "five")

    path = f"/v1/purchases/{first['entry']['operation']['id']}/returns"
    less = booked(partner.post(path, returned({"id": "1", "quantity": 1})))
    rest = booked(partner.post(path, {"id": fresh("return"), "occurred_at": now()}))

    assert [(one["reward_id"], one["left"]) for one in less["rewards_withdrawn"]] == [("ten", 1000), ("five", 0)]
    assert [(one["reward_id"], one["left"]) for one in rest["rewards_withdrawn"]] == [("ten", 0)]
    assert {one["rule"] for one in less["explanation"]} == {"return", "cash", "three-hundred"}
    statuses = [partner.get(f"/v1/vouchers/{one['code']}").json()["status"] for one in (cash, goal)]
    assert statuses == ["withdrawn", "withdrawn"]
    assert partner.balance(member)["active"] == 25 + 150


def test_an_activity_waits_to_be_confirmed_or_declined(partner: Partner) -> None:
    member = welcomed(partner)

    def review() -> str:
        body: Json = {"id": fresh("review"), "member": {"id": member}, "type": "review", "occurred_at": now()}
        answer = booked(partner.post("/v1/activities", body | {"attributes": {"stars": 5}}))
        assert (answer["points"]["active"], answer["points"]["pending"]) == (0, 50)
        found: str = body["id"]
        return found

    good, bad = review(), review()
    booked(partner.post(f"/v1/activities/{good}/confirm", {}))
    booked(partner.post(f"/v1/activities/{bad}/decline", {}))
    assert partner.post(f"/v1/activities/{bad}/confirm", {}).json()["code"] == "operation_id_reused"
    assert partner.post(f"/v1/activities/{fresh('review')}/confirm", {}).status_code == 404
    balance = partner.balance(member)
    assert (balance["active"], balance["pending"]) == (75, 0)


def test_an_adjustment_has_its_reason_and_no_event_has_its_note(partner: Partner) -> None:
    member = welcomed(partner)
    body = {"id": fresh("adjustment"), "points": 40, "reason": "goodwill", "note": "for the broken cup"}
    with partner.listening() as heard:
        booked(partner.post(f"/v1/members/{member}/adjustments", body))

        def adjusted(event: Json) -> bool:
            return bool(event["detail-type"] == "PointsAdjusted" and event["detail"]["data"]["member_id"] == member)

        [event] = until(lambda: heard(adjusted), "the news")
    assert "broken cup" not in json.dumps(event)
    assert event["detail"]["data"]["explanation"][0]["facts"] == {"reason": "goodwill"}
    assert partner.statement(member)[-1]["note"] == "for the broken cup"
    too_much = partner.post(f"/v1/members/{member}/adjustments", body | {"id": fresh("adjustment"), "points": -66})
    assert (too_much.status_code, too_much.json()["missing"]) == (409, 1)


def test_each_operation_of_a_batch_stands_for_itself(partner: Partner) -> None:
    members = [welcomed(partner) for _ in range(3)]
    sales: list[Json] = [{"purchase": bought(members[i % 3], 100 * (i + 1))} for i in range(90)]
    back = {"return": {"id": fresh("return"), "occurred_at": now(), "purchase_id": sales[0]["purchase"]["id"]}}
    broken = [{"purchase": {"id": "x"}}, {"purchase": sales[1]["purchase"] | {"currency": "EUR"}}]

    answer = partner.post("/v1/batches", {"operations": [*sales, back, *broken, sales[5]]})

    results = answer.json()["results"]
    assert [one["status"] for one in results] == [201] * 91 + [422] * 2 + [201]
    assert [one["replayed"] for one in results] == [False] * 93 + [True]
    assert "/purchase/member" in {error["pointer"] for error in results[91]["problem"]["errors"]}
    total = sum(partner.balance(member)["active"] for member in members)
    assert total == 3 * 25 + sum(range(1, 91)) - 1


def test_a_calculation_writes_nothing(partner: Partner) -> None:
    member = welcomed(partner)
    basket = {"member": {"id": member}, "currency": "USD", "lines": bought(member, 9700)["lines"]}

    def written() -> dict[str, list[str]]:
        """Without the messages, which a moment later tell of what was before."""
        return {name: items for name, items in partner.tables().items() if name != "messages"}

    def still() -> dict[str, list[str]] | None:
        before = written()
        time.sleep(1)
        return before if written() == before else None

    before = until(still, "a quiet moment")
    found = partner.post("/v1/purchases/calculate", basket).json()

    assert written() == before
    assert (found["points"]["active"], found["balance"]["active"]) == (97, 122)
    assert [(one["rule"], one["missing"], one["rewards"]) for one in found["nearly"]] == [("cash", 300, ["ten"])]
    nobody = partner.post("/v1/purchases/calculate", basket | {"member": {"card": fresh("nobody")}}).json()
    assert (nobody["member_id"], nobody["points"]["active"]) == (None, 97)


def test_both_sides_of_a_referral_are_rewarded_and_lose_it_with_the_purchase(partner: Partner) -> None:
    referrer, friend = welcomed(partner), welcomed(partner)
    # How a friend is named at enrolment is another matter: here it is written to the account.
    partner.stack.aws("dynamodb").update_item(
        TableName=partner.stack.table_names["accounts"],
        Key=to_wire({"member": friend, "part": "A"}),
        UpdateExpression="SET traits = :traits",
        ExpressionAttributeValues=to_wire(
            {":traits": {"segments": [], "birthday": None, "attributes": {}, "referred_by": referrer}}
        ),
    )

    sale = booked(partner.post("/v1/purchases", bought(friend, 5000)))
    assert sale["points"]["active"] == 350
    assert [entry["points"] for entry in partner.booked(referrer, 2)] == [25, 500]
    path = f"/v1/purchases/{sale['entry']['operation']['id']}/returns"
    booked(partner.post(path, {"id": fresh("return"), "occurred_at": now()}))
    assert [entry["points"] for entry in partner.booked(referrer, 3)] == [25, 500, -500]
    assert (partner.balance(friend)["active"], partner.balance(referrer)["active"]) == (25, 25)


def test_a_return_that_waited_in_vain_is_refused_on_the_bus(partner: Partner) -> None:
    sale, one = fresh("receipt"), returned({"id": "1", "quantity": 1})
    assert partner.post(f"/v1/purchases/{sale}/returns", one).status_code == 202
    dynamodb, table = partner.stack.aws("dynamodb"), partner.stack.table_names["entries"]
    [place] = [item for item in dynamodb.scan(TableName=table)["Items"] if item["operation"]["S"].endswith(f"#{sale}")]
    dynamodb.update_item(
        TableName=table,
        Key={"operation": place["operation"]},
        UpdateExpression="SET report_at = :then",
        ExpressionAttributeValues={":then": {"S": "2026-01-01T00:00:00.000000Z"}},
    )

    with partner.listening() as heard:
        partner.stack.aws("lambda").invoke(FunctionName=f"{partner.stack.bus_name}-accrual-every-night", Payload=b"{}")

        def about_it(event: Json) -> bool:
            data = event["detail"]["data"]
            return bool(event["detail-type"] == "OperationRefused" and data["operation_id"] == one["id"])

        [refused] = until(lambda: heard(about_it), "the refusal")

    assert refused["detail"]["data"]["problem"]["code"] == "purchase_not_found"
    assert "Item" not in dynamodb.get_item(TableName=table, Key={"operation": place["operation"]})


def test_nothing_of_this_is_a_dead_letter(partner: Partner) -> None:
    for function in ("accrual-on-partner-event", "accrual-on-loyalty-event", "accrual-every-night"):
        assert dead_letters(partner.stack, function) == []
