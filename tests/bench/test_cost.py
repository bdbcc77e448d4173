"""`make cost`: what a million purchases cost."""

from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

from cli import programs
from tests.bench import cost
from tests.embedded.metered import metering
from tests.embedded.partner import Partner

TEN_RULES = Path(__file__).parent / "ten-rules.yaml"
AT_ONCE = (1, 10)


@pytest.mark.parametrize("programme", [programs.READY, TEN_RULES], ids=lambda file: file.stem)
def test_dollars_per_million_purchases(partner: Partner, programme: Path) -> None:
    partner.put_in_force(programme)
    with metering(partner.stack) as meter, cost.alone(partner.stack):
        meter.call("redemption", "GET", "/v1/rewards")
        shares = cost.measure(partner.stack, meter)
    columns = ["writes", "reads", "events in", "events out", *[f"USD, {n} at once" for n in AT_ONCE]]
    table = Table("function", *columns, title=f"A million purchases by {programme.name}. Budget: 5 USD")
    for one in shares:
        dollars = [f"{one.dollars(n if one.function != 'accrual-api' else 1):.2f}" for n in AT_ONCE]
        units = f"{one.bill.write_units:g}", f"{one.bill.read_units:g}"
        table.add_row(one.function, *units, str(one.started), str(one.events), *dollars)
    together = [sum(one.dollars(n if one.function != "accrual-api" else 1) for one in shares) for n in AT_ONCE]
    writes, reads = sum(one.bill.write_units for one in shares), sum(one.bill.read_units for one in shares)
    table.add_row("together", f"{writes:g}", f"{reads:g}", "", "", *[f"{dollars:.2f}" for dollars in together])
    Console(width=120).print("\n", table)
    partner.put_in_force(programs.READY)
