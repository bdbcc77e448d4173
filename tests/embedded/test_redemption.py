"""Every way to spend points, and every way back, on the deployed stack, with a reward of each kind."""

from collections.abc import Iterator

import pytest
from standardwebhooks import Webhook

from cli import programs
from functions.runtime.tables import to_wire
from tests.embedded.partner import Json, Partner, dead_letters, fresh, until
from tests.embedded.shop import ask, basket, got, id_of, member_with, problem, programme
from tests.embedded.supplier import HANGS, Reply, Supplier, supplying

FUNCTION = "redemption-on-fulfilment-requested"
SECONDS_UNTIL_AGAIN = 7
"""Longer than a supplier is waited for."""


@pytest.fixture(scope="module")
def supplier(partner: Partner, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Supplier]:
    """The shop's programme in force, with a supplier who is asked again soon; then the record shop again."""
    sqs = partner.stack.aws("sqs")
    queue = sqs.get_queue_url(QueueName=f"{partner.stack.bus_name}-{FUNCTION}")["QueueUrl"]
    usual = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["VisibilityTimeout"])["Attributes"]
    with supplying() as supplier:
        partner.put_in_force(programme(tmp_path_factory.mktemp("shop"), supplier.port))
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": str(SECONDS_UNTIL_AGAIN)})
        yield supplier
        sqs.set_queue_attributes(QueueUrl=queue, Attributes=dict(usual))
        partner.put_in_force(programs.READY)


@pytest.fixture(scope="module", autouse=True)
def forgotten(partner: Partner, supplier: Supplier) -> Json:
    """A hold that nobody resolves, and whose time is over by now: the sweep of every minute finds it."""
    member = member_with(partner, 100)
    held = got(ask(partner, member, "five", capture=False))
    partner.stack.aws("dynamodb").update_item(
        TableName=partner.stack.table_names["entries"],
        Key=to_wire({"operation": f"redemption#{held['redemption_id']}"}),
        UpdateExpression="SET report_at = :past, #until = :past",
        ExpressionAttributeNames={"#until": "until"},
        ExpressionAttributeValues=to_wire({":past": "2026-01-01T00:00:00.000000Z"}),
    )
    return held


@pytest.fixture(scope="module", autouse=True)
def asked(partner: Partner, supplier: Supplier, forgotten: Json) -> dict[str, str]:
    """Redemptions that the supplier answers in every way; they go on while the other tests run."""
    script: dict[str, list[Reply]] = {
        "at once": [(200, {"code": "ABC-1", "reference": "order 7"})],
        "later": [(202, {})],
        "refused": [(400, {})],
        "in the end": [(500, {}), (503, {}), (500, {}), (200, {"code": "ABC-2"})],
        "never": [HANGS],
    }
    member = member_with(partner, 500)
    found: dict[str, str] = {}
    for name, replies in script.items():
        key = fresh("supplied")
        found[name] = id_of(partner, key)
        supplier.script[found[name]] = replies
        assert got(ask(partner, member, "supplied", key))["fulfilment"]["status"] == "pending"
    return found


def redemption(partner: Partner, wanted: str) -> Json:
    return got(partner.get(f"/v1/redemptions/{wanted}"), 200)


def handover(partner: Partner, wanted: str, status: str) -> Json:
    def look() -> Json | None:
        found = redemption(partner, wanted)
        return found if found["fulfilment"]["status"] == status else None

    return until(look, f"{wanted} to be {status}")


def test_the_catalogue_shows_what_there_is_and_one_of_it(partner: Partner) -> None:
    items = {item["reward_id"]: item for item in got(partner.get("/v1/rewards"), 200)["items"]}

    assert {"five", "gift-card", "turntable", "few", "cash", "supplied", "trees", "regulars"} <= set(items)
    assert items["turntable"]["money_for_points"] == {"least_points": 1000, "per_point": 1.5}
    assert (items["five"]["left"], items["few"]["left"] is not None) == (None, True)
    assert got(partner.get("/v1/rewards/five"), 200) == items["five"]
    assert problem(partner.get("/v1/rewards/nothing"), 404) == "reward_not_found"


def test_a_member_sees_what_can_be_had_and_what_comes_next(partner: Partner) -> None:
    member = member_with(partner, 120)
    found = got(partner.get(f"/v1/members/{member}/rewards"), 200)
    items = {item["reward_id"]: item for item in found["items"]}

    assert (items["five"]["can_have"], items["trees"]["can_have"]) == (True, True)
    assert (items["vinyl-only"]["why_not"], items["vinyl-only"]["missing"]) == ("insufficient_points", 30)
    assert items["regulars"]["why_not"] == "store"
    assert found["next"] == {"reward_id": "vinyl-only", "missing": 30}


def test_a_redemption_is_answered_once_and_again(partner: Partner) -> None:
    member, key = member_with(partner, 100), fresh("ask")
    first, again = ask(partner, member, "five", key), ask(partner, member, "five", key)

    assert got(first) == got(again)
    assert (first.headers.get("idempotency-replayed"), again.headers["idempotency-replayed"]) == (None, "true")
    assert partner.balance(member)["active"] == 0
    assert problem(ask(partner, member, "five")) == "insufficient_points"
    assert problem(ask(partner, member, "regulars")) in {"reward_not_eligible", "insufficient_points"}


def test_points_and_money_are_mixed(partner: Partner) -> None:
    member = member_with(partner, 5000)
    mixed = got(ask(partner, member, "turntable", points=4000))

    assert (mixed["money"], partner.balance(member)["active"]) == (1000 + 1500, 1000)
    assert problem(ask(partner, member, "turntable", points=999), 422) == "invalid"


def test_a_hold_is_captured_or_cancelled(partner: Partner) -> None:
    member = member_with(partner, 200)
    one, other = (got(ask(partner, member, "five", capture=False)) for _ in range(2))
    assert (one["status"], one["voucher"], partner.balance(member)["held"]) == ("held", None, 200)
    early = partner.post(f"/v1/redemptions/{one['redemption_id']}/refund", None)
    assert problem(early) == "hold_not_found"

    captured = got(partner.post(f"/v1/redemptions/{one['redemption_id']}/capture", None), 200)
    cancelled = got(partner.post(f"/v1/redemptions/{other['redemption_id']}/cancel", None), 200)

    assert (captured["status"], cancelled["status"]) == ("captured", "cancelled")
    assert captured["voucher"]["value"] == 500
    assert problem(partner.post(f"/v1/redemptions/{one['redemption_id']}/cancel", None)) == "hold_not_found"
    refunded = got(partner.post(f"/v1/redemptions/{one['redemption_id']}/refund", None), 200)
    assert (refunded["status"], partner.balance(member)["active"]) == ("refunded", 200)
    assert problem(partner.post(f"/v1/vouchers/{captured['voucher']['code']}/use", basket(900), fresh("use"))) == (
        "voucher_not_usable"
    )


def test_points_as_money_are_captured_and_refunded_in_parts(partner: Partner) -> None:
    member = member_with(partner, 1000)
    asked_for = ask(partner, member, "cash", purchase_amount=2000, amount=1000, capture=False)
    held = got(asked_for)["redemption_id"]
    captured = got(partner.post(f"/v1/redemptions/{held}/capture", {"points": 600}), 200)
    assert (captured["value"], partner.balance(member)["active"]) == (600, 400)

    part = got(partner.post(f"/v1/redemptions/{held}/refund", {"id": "a", "points": 250}), 200)
    again = got(partner.post(f"/v1/redemptions/{held}/refund", {"id": "a", "points": 250}), 200)
    assert (part["refunded"], again["refunded"], partner.balance(member)["active"]) == (250, 250, 650)
    assert problem(partner.post(f"/v1/redemptions/{held}/refund", {"id": "b", "points": 351}), 422) == "invalid"
    assert got(partner.post(f"/v1/redemptions/{held}/refund", {}), 200)["status"] == "refunded"
    assert got(partner.post(f"/v1/redemptions/{held}/refund", None), 200)["status"] == "refunded"
    assert partner.balance(member)["active"] == 1000


def test_a_stock_ends_is_filled_and_refunds_put_pieces_back(partner: Partner) -> None:
    left = got(partner.get("/v1/rewards/few"), 200)["left"]
    key = fresh("stock")
    if left != 2:
        got(partner.post("/v1/rewards/few/stock", {"change": 2 - left}, key), 200)
    members = [member_with(partner, 50) for _ in range(3)]
    first, _ = (got(ask(partner, member, "few")) for member in members[:2])
    assert problem(ask(partner, members[0], "few")) == "reward_not_eligible"
    assert problem(ask(partner, members[2], "few")) == "reward_sold_out"
    assert problem(partner.post("/v1/rewards/few/stock", {"change": -1}, fresh("stock"))) == "stock_too_low"

    got(partner.post(f"/v1/redemptions/{first['redemption_id']}/refund", None), 200)
    assert got(partner.get("/v1/rewards/few"), 200)["left"] == 1
    assert got(ask(partner, members[2], "few"))["status"] == "captured"
    more = fresh("stock")
    assert [got(partner.post("/v1/rewards/few/stock", {"change": 3}, more), 200)["left"] for _ in range(2)] == [3, 3]
    assert got(ask(partner, members[0], "few"))["status"] == "captured"
    assert problem(partner.post("/v1/rewards/five/stock", {"change": 3}, fresh("stock")), 422) == "invalid"


def test_a_voucher_pays_lines_and_a_gift_card_in_parts(partner: Partner) -> None:
    member = member_with(partner, 550)
    vinyl = got(ask(partner, member, "vinyl-only"))["voucher"]["code"]
    lines = basket(2500, 1500, store="brooklyn")
    lines["lines"][1]["categories"] = ["vinyl"]
    assert problem(partner.post(f"/v1/vouchers/{vinyl}/use", lines | {"store": "queens"}, fresh("use"))) == (
        "voucher_not_usable"
    )
    used = got(partner.post(f"/v1/vouchers/{vinyl}/use", lines, fresh("use")), 200)
    assert (used["paid"], used["lines"], used["used_up"]) == (1000, {"2": 1000}, True)

    card, key = got(ask(partner, member, "gift-card"))["voucher"]["code"], fresh("use")
    typed = card.replace("-", " ").lower()
    parts = [partner.post(f"/v1/vouchers/{typed}/use", basket(1200), key) for _ in range(2)]
    assert [(got(part, 200)["paid"], got(part, 200)["left"]) for part in parts] == [(1200, 800)] * 2
    assert got(partner.post(f"/v1/vouchers/{card}/use", basket(1200), fresh("use")), 200)["paid"] == 800
    state = got(partner.get(f"/v1/vouchers/{card}"), 200)
    assert (state["status"], state["value"], state["uses"]) == ("used", 0, 2)
    assert problem(partner.post(f"/v1/redemptions/{state['redemption_id']}/refund", None)) == "voucher_not_usable"
    assert got(partner.get(f"/v1/vouchers/{card}/qr"), 200)["qr_svg"].startswith("<svg")


def test_a_person_hands_over_or_cannot(partner: Partner) -> None:
    member = member_with(partner, 10000)
    one, other = (got(ask(partner, member, "turntable"))["redemption_id"] for _ in range(2))
    done = {"status": "fulfilled", "reference": "parcel 9"}
    assert got(partner.post(f"/v1/redemptions/{one}/fulfilment", done), 200)["fulfilment"]["reference"] == "parcel 9"
    assert got(partner.post(f"/v1/redemptions/{one}/fulfilment", done), 200)["fulfilment"]["status"] == "fulfilled"
    failed = {"status": "failed"}
    assert problem(partner.post(f"/v1/redemptions/{one}/fulfilment", failed)) == "fulfilment_not_awaited"
    assert got(partner.post(f"/v1/redemptions/{other}/fulfilment", failed), 200)["fulfilment"]["status"] == "failed"
    assert partner.balance(member)["active"] == 5000
    assert problem(partner.post(f"/v1/redemptions/{other}/fulfilment", done)) == "fulfilment_not_awaited"
    assert got(partner.post(f"/v1/redemptions/{one}/refund", None), 200)["status"] == "refunded"


def test_what_happens_is_told_in_order_and_asked_for_over_the_bus(partner: Partner) -> None:
    member = member_with(partner, 200)
    with partner.listening() as heard:
        key = fresh("ask")
        wanted = {"member": {"id": member}, "reward_id": "five", "capture": False, "idempotency_key": key}
        partner.put("RedemptionRequested", wanted)
        wanted_id = partner.booked(member, 2)[-1]["operation"]["id"]
        voucher = got(partner.post(f"/v1/redemptions/{wanted_id}/capture", None), 200)["voucher"]["code"]
        got(partner.post(f"/v1/redemptions/{got(ask(partner, member, 'five'))['redemption_id']}/refund", None), 200)
        got(partner.post(f"/v1/vouchers/{voucher}/use", basket(500), fresh("use")), 200)

        def mine(event: Json) -> bool:
            """What came after the points that all this is paid with, the first entry."""
            detail = event["detail"]
            return detail["data"].get("member_id") == member and (detail["metadata"]["member_sequence"] or 0) > 1

        told = until(lambda: (len(found := heard(mine)) >= 11 and found) or None, "eleven events")

    names = [event["detail-type"] for event in told]
    assert names == [
        "RewardHeld",
        *("PointsRedeemed", "RewardRedeemed", "VoucherIssued"),
        *("PointsRedeemed", "RewardRedeemed", "VoucherIssued"),
        *("PointsReversed", "RewardRefunded", "VoucherWithdrawn"),
        "VoucherUsed",
    ]
    assert voucher not in str(told)


def test_a_supplier_hands_over_at_once_later_or_after_some_tries(
    partner: Partner, supplier: Supplier, asked: dict[str, str]
) -> None:
    done = handover(partner, asked["at once"], "fulfilled")["fulfilment"]
    assert (done["code"], done["reference"]) == ("ABC-1", "order 7")
    until(lambda: supplier.asked[asked["later"]], "the supplier to be asked")
    assert redemption(partner, asked["later"])["fulfilment"]["status"] == "pending"
    called_back = {"status": "fulfilled", "code": "ABC-3"}
    answer = got(partner.post(f"/v1/redemptions/{asked['later']}/fulfilment", called_back), 200)
    assert answer["fulfilment"] == {"status": "fulfilled", "code": "ABC-3", "reference": None}
    assert handover(partner, asked["in the end"], "fulfilled")["fulfilment"]["code"] == "ABC-2"
    assert supplier.asked[asked["in the end"]] == 4


def test_what_a_supplier_refuses_is_refunded_by_itself(partner: Partner, asked: dict[str, str]) -> None:
    refused = handover(partner, asked["refused"], "failed")

    assert (refused["status"], refused["refunded"]) == ("refunded", 100)


def test_a_supplier_that_never_answers_leaves_a_dead_letter_and_no_refund(
    partner: Partner, supplier: Supplier, asked: dict[str, str]
) -> None:
    wanted = asked["never"]

    def dead() -> Json | None:
        return next((letter for letter in dead_letters(partner.stack, FUNCTION) if wanted in letter["Body"]), None)

    until(dead, "the dead letter", seconds=120)
    found = redemption(partner, wanted)
    assert (found["status"], found["fulfilment"]["status"], supplier.asked[wanted]) == ("captured", "pending", 5)


def test_nothing_was_handed_over_or_refunded_twice(partner: Partner, supplier: Supplier, asked: dict[str, str]) -> None:
    member = redemption(partner, asked["never"])["entry"]["member_id"]
    kinds = [entry["kind"] for entry in partner.statement(member)]

    assert sorted(kinds) == ["earned", *["fulfilled"] * 3, *["redeemed"] * 5, "reversed"]
    assert partner.balance(member)["active"] == 100


def test_calls_to_a_supplier_are_signed_under_the_same_id(
    partner: Partner, supplier: Supplier, asked: dict[str, str]
) -> None:
    name = f"{partner.stack.bus_name}-suppliers"
    secrets = partner.stack.aws("secretsmanager")  # type: ignore[call-overload]
    known = [one["Name"] for one in secrets.list_secrets()["SecretList"]]
    [secret] = [one for one in known if "supplier" in one] or [name]
    key = secrets.get_secret_value(SecretId=secret)["SecretString"]
    assert (len(key), key.isalnum()) == (44, True), "a secret with anything else in it may be no base64"
    for headers, body in supplier.heard:
        Webhook(key).verify(body, headers)
    assert {headers["webhook-id"] for headers, _ in supplier.heard} == set(asked.values())


def test_who_guesses_codes_is_stopped(partner: Partner) -> None:
    from functions.ledger.vouchers import code_from

    assert problem(partner.get("/v1/vouchers/AAAA-BBBB-CCCC-DDDD"), 404) == "voucher_not_found"
    answers = [partner.get(f"/v1/vouchers/{code_from(fresh('guess').encode()[-10:])}") for _ in range(22)]
    assert {answer.status_code for answer in answers[:-2]} <= {404, 429}
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) > 0
    partner.stack.aws("dynamodb").delete_item(
        TableName=partner.stack.table_names["rewards"], Key=to_wire({"key": f"G#{partner.stack.client_id}"})
    )


def test_the_sweep_of_every_minute_ends_what_is_forgotten(partner: Partner, forgotten: Json) -> None:
    member = forgotten["entry"]["member_id"]
    until(lambda: partner.balance(member)["active"] == 100, "the hold to end", seconds=90)
    wanted = forgotten["redemption_id"]

    assert redemption(partner, wanted)["status"] == "expired"
    assert problem(partner.post(f"/v1/redemptions/{wanted}/capture", None)) == "hold_not_found"
    assert problem(partner.post(f"/v1/redemptions/{wanted}/refund", None)) == "hold_not_found"
