"""Time put forward on the deployed stack. It is the last file of its folder, for the clock does not go back."""

from datetime import timedelta

import pytest
from rich.console import Console

from cli import in_time
from tests.embedded.partner import Json, Partner, fresh, purchase, until


@pytest.fixture(scope="module", autouse=True)
def _in_force(partner: Partner) -> None:
    partner.put_in_force(in_time.PROGRAMME)


def test_a_member_enrols_buys_waits_is_reminded_loses_points_and_returns_late(partner: Partner) -> None:
    """The story of `make demo`: it raises where a step has not the effect that it tells."""
    today = in_time.clock(partner.stack).date()
    moments = in_time.tell(partner.stack, Console(width=120))
    days = [0, 15, 15, 16, 41, 62, 75, 95, 105]
    assert [one.on for one in moments] == [today + timedelta(days=n) for n in days]
    assert [one.active for one in moments] == [0, 320, 220, 320, 370, 370, 370, 50, 50]


def test_what_will_become_of_a_purchase_is_told(partner: Partner) -> None:
    member = partner.enrol()
    bought = purchase({"id": member}, 32_000, occurred_at=in_time.clock(partner.stack).isoformat())
    assert partner.post("/v1/purchases", bought).status_code == 201
    [coming] = partner.balance(member)["upcoming"]
    assert (coming["what"], coming["points"]) == ("active", 320)
    tier = partner.get(f"/v1/members/{member}/tier").json()
    assert (tier["tier"], tier["then"]) == ("gold", "basic")


def test_a_voucher_that_nobody_used_ends_and_partners_are_told(partner: Partner) -> None:
    member = partner.enrol()
    bought = purchase({"id": member}, 32_000, occurred_at=in_time.clock(partner.stack).isoformat())
    assert partner.post("/v1/purchases", bought).status_code == 201
    in_time.put_forward(partner.stack, 15)
    redeemed = partner.post("/v1/redemptions", {"member": {"id": member}, "reward_id": "five"}, fresh("redeem"))
    assert redeemed.status_code == 201, redeemed.text
    voucher = redeemed.json()
    with partner.listening() as heard:
        in_time.put_forward(partner.stack, 31)

        def ended(event: Json) -> bool:
            return bool(event["detail-type"] == "VoucherExpired" and event["detail"]["data"]["member_id"] == member)

        [told] = until(lambda: heard(ended) or None, "the voucher to end")
    assert told["detail"]["data"]["redemption_id"] == voucher["redemption_id"]
    assert partner.get(f"/v1/vouchers/{voucher['voucher']['code']}").json()["status"] == "expired"


@pytest.mark.parametrize("advance", ["P0D", "-P1D", "P1M", "45", "soon", 86400, "P4000D", None])
def test_the_clock_goes_forward_by_a_duration_and_no_other_way(partner: Partner, advance: object) -> None:
    before = in_time.clock(partner.stack)
    answer = partner.post("/v1/sandbox/clock", {"advance": advance})
    assert answer.status_code == 422, answer.text
    assert in_time.clock(partner.stack) - before < timedelta(minutes=1)


def test_a_night_costs_what_is_due(partner: Partner) -> None:
    """Nobody is visited on a day on which nothing is due."""
    in_time.put_forward(partner.stack, 60)
    steps = in_time.put_forward(partner.stack, 1)["steps"]
    assert sum(step["members"] for step in steps) <= 5
