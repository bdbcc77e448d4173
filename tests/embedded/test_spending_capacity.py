"""What spending costs, whatever lies behind the member: redeem, hold, capture, refund, use a voucher."""

import sys
from collections.abc import Iterator

import pytest

from cli import programs
from tests.bench.spending import BUDGET, LARGEST_READ, operations
from tests.embedded.metered import Meter, metering
from tests.embedded.partner import Partner, fresh, purchase
from tests.embedded.shop import PROGRAMME

HISTORIES = (0, 10, 1000)


@pytest.fixture(scope="module")
def meter(partner: Partner) -> Iterator[Meter]:
    partner.put_in_force(PROGRAMME)
    with metering(partner.stack) as meter:
        meter.call("redemption", "GET", "/v1/rewards")
        yield meter
    partner.put_in_force(programs.READY)


@pytest.fixture(scope="module", params=HISTORIES, ids=lambda n: f"{n} entries")
def member(request: pytest.FixtureRequest, meter: Meter) -> str:
    """A member with points, and with a history."""
    enrolled = meter.call("enrolment", "POST", "/v1/members", {"card": fresh("card")}, fresh("enrol"))
    found: str = enrolled["member_id"]
    meter.call("accrual", "POST", "/v1/purchases", purchase({"id": found}, amount=200_000))
    for start in range(1, request.param, 50):
        many = [{"purchase": purchase({"id": found})} for _ in range(start, min(start + 50, request.param))]
        meter.call("accrual", "POST", "/v1/batches", {"operations": many})
    return found


def test_spending_costs_what_it_may(meter: Meter, member: str, capsys: pytest.CaptureFixture[str]) -> None:
    bills = {}
    for name, operation in operations(meter, member).items():
        with meter.bill(without=meter.now_and_then) as bill:
            operation()
        bills[name] = bill
    with capsys.disabled():
        for name, bill in bills.items():
            sys.stdout.write(f"\n  {name:32} {bill.calls} calls {bill.write_units:g} writes {bill.read_units:g} reads")

    assert {name: bill.write_units for name, bill in bills.items()} == BUDGET
    assert {name for name, bill in bills.items() if bill.read_units > LARGEST_READ.get(name, 1)} == set()
