"""Enrol, earn, redeem, be told: over HTTPS and over the bus, with the same result, on the deployed stack."""

from typing import Any

from tests.embedded.partner import Json, Partner, dead_letters, fresh, purchase, until


def stripped(entry: Json) -> Json:
    """An entry without what may differ between two members and two ways."""
    gone = {"id", "member_id", "recorded_at"}
    return {name: value for name, value in entry.items() if name not in gone} | {
        "operation": entry["operation"]["kind"]
    }


def test_both_ways_have_the_same_result(partner: Partner) -> None:
    one, other = fresh("card"), fresh("card")
    by_call = partner.enrol(card=one, email=f"{one}@example.com", given_name="Ada")
    partner.put("MemberEnrolmentRequested", {"card": other, "email": f"{other}@example.com", "given_name": "Ada"})
    over_bus = partner.found(card=other)["member_id"]

    bought = purchase({"card": one}, amount=15000)
    assert partner.post("/v1/purchases", bought).status_code == 201
    partner.put("PurchaseCompleted", bought | {"member": {"card": other}})
    partner.booked(over_bus, 1)
    redemption = {"member": {"card": one}, "reward_id": "voucher-5", "capture": True}
    assert partner.post("/v1/redemptions", redemption, key=fresh("redeem")).status_code == 201
    partner.put("RedemptionRequested", redemption | {"member": {"card": other}, "idempotency_key": fresh("redeem")})

    statements = [partner.booked(by_call, 2), partner.booked(over_bus, 2)]
    for entry in statements[0] + statements[1]:
        if entry["kind"] == "redeemed":
            entry["occurred_at"], entry["redemption_id"] = "now", "one of its own"
    assert [stripped(entry) for entry in statements[0]] == [stripped(entry) for entry in statements[1]]
    assert [entry["points"] for entry in statements[0]] == [150, -100]
    balances = [partner.balance(member) for member in (by_call, over_bus)]
    assert [(balance["active"], balance["n"]) for balance in balances] == [(50, 2), (50, 2)]
    subjects = ["150 points for you", "Welcome to Record Club", "Your voucher of $5.00"]
    for card in (one, other):
        mails = until(lambda card=card: three(partner.mails(f"{card}@example.com")), "three mails")  # type: ignore[misc]
        assert sorted(mail["Subject"] for mail in mails) == subjects


def three(found: list[Json]) -> list[Json] | None:
    return found if len(found) >= 3 else None


def test_every_change_is_an_event_in_the_order_of_n(partner: Partner) -> None:
    with partner.listening() as heard:
        member = partner.enrol()
        for _ in range(5):
            assert partner.post("/v1/purchases", purchase({"id": member})).status_code == 201
        partner.post("/v1/redemptions", {"member": {"id": member}, "reward_id": "voucher-5"}, key=fresh("redeem"))

        def mine(event: Json) -> bool:
            return bool(event["detail"]["data"].get("member_id") == member)

        told = until(lambda: (len(heard(mine)) >= 9 and heard(mine)) or None, "nine events")

    assert [(event["detail-type"], event["detail"]["metadata"]["event_id"]) for event in told] == [
        ("MemberEnrolled", f"{member}#0"),
        *[("PointsEarned", f"{member}#{n}") for n in range(1, 6)],
        ("PointsRedeemed", f"{member}#6"),
        ("RewardRedeemed", f"{member}#6.1"),
        ("VoucherIssued", f"{member}#6.2"),
    ]


def test_a_voucher_can_be_looked_up_as_it_was_typed(partner: Partner) -> None:
    member = partner.enrol()
    partner.post("/v1/purchases", purchase({"id": member}, amount=10000))
    redeemed = partner.post(
        "/v1/redemptions", {"member": {"id": member}, "reward_id": "voucher-5"}, key=fresh("redeem")
    ).json()

    typed = redeemed["voucher"]["code"].replace("-", "").replace("0", "o").lower()
    voucher: Any = partner.get(f"/v1/vouchers/{typed}").raise_for_status().json()

    assert voucher["code"] == redeemed["voucher"]["code"]
    assert voucher["status"] == "active"
    assert partner.get(f"/v1/redemptions/{redeemed['redemption_id']}").json() == redeemed


def test_a_refused_event_comes_back_as_operation_refused(partner: Partner) -> None:
    member = partner.enrol()
    refused = purchase({"id": member}, currency="EUR")
    with partner.listening() as heard:
        partner.put("PurchaseCompleted", refused)

        def about_it(event: Json) -> bool:
            return bool(event["detail"]["data"].get("operation_id") == refused["id"])

        [event] = until(lambda: heard(about_it) or None, "the refusal")

    assert event["detail-type"] == "OperationRefused"
    assert event["detail"]["data"]["problem"]["code"] == "invalid"
    assert [error["pointer"] for error in event["detail"]["data"]["problem"]["errors"]] == ["/currency"]
    assert partner.balance(member)["n"] == 0


def test_a_malformed_event_is_parked_with_the_reason(partner: Partner) -> None:
    marker = fresh("receipt")
    partner.put("PurchaseCompleted", {"id": marker, "lines": "none"})

    def parked() -> Json | None:
        letters = dead_letters(partner.stack, "accrual-on-partner-event")
        return next((letter for letter in letters if marker in letter["Body"]), None)

    letter = until(parked, "the dead letter")

    assert "/member: Field required" in letter["MessageAttributes"]["reason"]["StringValue"]
