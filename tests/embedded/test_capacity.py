"""Every operation costs what it is allowed to cost, whatever lies behind the member.

Write units are exact on the deployed stack; its read units ignore the size of an item, which is no matter below 4 KB.
"""

from collections.abc import Iterator

import pytest

from tests.embedded.metered import Meter, metering
from tests.embedded.partner import Json, Partner, fresh, purchase

HISTORIES = (0, 10, 300)


@pytest.fixture(scope="module")
def meter(partner: Partner) -> Iterator[Meter]:
    with metering(partner.stack) as meter:
        # the programme is read once by a warm function, not by an operation
        meter.call("redemption", "GET", "/v1/rewards")
        yield meter


@pytest.fixture(scope="module", params=HISTORIES, ids=lambda n: f"{n} entries")
def member(request: pytest.FixtureRequest, meter: Meter) -> str:
    """A member with a history."""
    enrolled: Json = meter.call("enrolment", "POST", "/v1/members", {"card": fresh("card")}, fresh("enrol"))
    found: str = enrolled["member_id"]
    for _ in range(request.param):
        meter.call("accrual", "POST", "/v1/purchases", purchase({"id": found}))
    return found


def ten_lines(member: str) -> Json:
    lines = [{"id": str(i), "sku": f"3760123456{i:03}", "quantity": 2, "amount": 1234 + i} for i in range(1, 11)]
    return purchase({"id": member}, lines=lines)


def test_enrolment_costs_two_write_units_per_item(meter: Meter) -> None:
    with meter.bill(without=meter.now_and_then) as one:
        meter.call("enrolment", "POST", "/v1/members", {"card": fresh("card")}, fresh("enrol"))
    with meter.bill(without=meter.now_and_then) as two:
        identities = {"card": fresh("card"), "email": f"{fresh('mail')}@example.com"}
        meter.call("enrolment", "POST", "/v1/members", identities, fresh("enrol"))

    assert (one.calls, one.write_units) == (1, 6)
    assert (two.calls, two.write_units) == (1, 8)


def test_a_ten_line_purchase_costs_five_write_units_and_one_read(meter: Meter, member: str) -> None:
    with meter.bill(without=meter.now_and_then) as bill:
        meter.call("accrual", "POST", "/v1/purchases", ten_lines(member))

    assert bill.write_units == 5
    assert bill.read_units <= 1
    assert bill.calls == 2  # the account; the entry and the account


def test_a_return_costs_eight_write_units(meter: Meter, member: str) -> None:
    bought = ten_lines(member)
    meter.call("accrual", "POST", "/v1/purchases", bought)
    returned = {"id": fresh("return"), "occurred_at": "2026-11-21T09:00:00Z", "lines": [{"id": "1", "quantity": 1}]}
    with meter.bill(without=meter.now_and_then) as bill:
        meter.call("accrual", "POST", f"/v1/purchases/{bought['id']}/returns", returned)

    assert bill.write_units == 8
    assert bill.read_units <= 1


def test_an_adjustment_costs_five_write_units_and_a_read(meter: Meter, member: str) -> None:
    by_hand = {"id": fresh("adjustment"), "points": 10, "reason": "goodwill"}
    with meter.bill(without=meter.now_and_then) as bill:
        meter.call("accrual", "POST", f"/v1/members/{member}/adjustments", by_hand)

    assert bill.write_units == 5
    assert bill.read_units <= 1


def test_a_return_that_waits_costs_no_more_than_an_entry(meter: Meter) -> None:
    returned = {"id": fresh("return"), "occurred_at": "2026-11-21T09:00:00Z", "lines": [{"id": "1", "quantity": 1}]}
    with meter.bill(without=meter.now_and_then) as bill:
        meter.call("accrual", "POST", f"/v1/purchases/{fresh('receipt')}/returns", returned)

    assert bill.write_units == 2


def test_a_calculation_costs_a_read(meter: Meter, member: str) -> None:
    basket = ten_lines(member)
    del basket["id"]
    with meter.bill(without=meter.now_and_then) as bill:
        meter.call("accrual", "POST", "/v1/purchases/calculate", basket)

    assert bill.write_units == 0
    assert bill.read_units <= 1


def test_a_balance_costs_half_a_read_unit(meter: Meter, member: str) -> None:
    with meter.bill(without=meter.now_and_then) as bill:
        meter.call("ledger", "GET", f"/v1/members/{member}/balance")

    assert (bill.calls, bill.write_units, bill.read_units) == (1, 0, 0.5)
