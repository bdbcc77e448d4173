"""The fault simulator by hand: `python -m tests.faults --seeds 1000`, and one seed again with `--seed 17 --trace`."""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from tests.faults.defects import DEFECTS
from tests.faults.simulation import INDEX_LAG, Report, command, simulate


@dataclass
class Total:
    """What many runs came to."""

    runs: int = 0
    entries: int = 0
    events: int = 0
    operations: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    failed: list[Report] = field(default_factory=list)

    def add(self, report: Report) -> None:
        self.runs += 1
        self.entries += report.entries
        self.events += report.events
        self.operations += report.operations
        self.outcomes += report.outcomes
        self.faults += report.faults
        if report.violations:
            self.failed.append(report)


def _reports(seeds: range, workers: int, index_lag: float) -> Iterator[Report]:
    run = partial(simulate, index_lag=index_lag)
    if workers == 1:
        yield from map(run, seeds)
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(run, seeds, chunksize=8)


def _total(reports: Iterable[Report], runs: int, console: Console) -> Total:
    total = Total()
    for report in track(reports, "simulating", total=runs, console=console, transient=True):
        total.add(report)
    return total


def _summary(total: Total, seconds: float) -> Table:
    table = Table(title=f"{total.runs} runs in {seconds:.1f} s", show_header=False)
    count = total.operations.total()
    for name, value in [
        ("operations", f"{count:,} ({count / seconds:,.0f} a second)"),
        ("by kind", _listed(total.operations)),
        ("answers", _listed(total.outcomes)),
        ("faults", _listed(total.faults)),
        ("booked", f"{total.entries:,} entries and refusals, {total.events:,} events on the bus"),
        ("seeds that broke a promise", f"{len(total.failed)}"),
    ]:
        table.add_row(name, value)
    return table


def _listed(counts: Counter[str]) -> str:
    return "  ".join(f"{name} {count:,}" for name, count in counts.most_common())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="how many runs")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first seed of them")
    parser.add_argument("--seed", type=int, help="this one run only")
    parser.add_argument("--trace", action="store_true", help="every step of that run")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--index-lag", type=float, default=INDEX_LAG, help="longest delay of the index in seconds")
    parser.add_argument("--defect", choices=sorted(DEFECTS), help="with this mistake in the code (one process)")
    return parser.parse_args()


def main() -> int:
    arguments = _arguments()
    console = Console()
    one = arguments.seed is not None
    seeds = (
        range(arguments.seed, arguments.seed + 1) if one else range(arguments.first, arguments.first + arguments.seeds)
    )
    workers = 1 if arguments.defect or one else arguments.workers
    mistake: AbstractContextManager[Any] = DEFECTS[arguments.defect]() if arguments.defect else nullcontext()
    started = time.perf_counter()
    with mistake:
        total = _total(_reports(seeds, workers, arguments.index_lag), len(seeds), console)
        if arguments.trace:
            sys.stdout.writelines(f"{step}\n" for step in simulate(seeds[0], index_lag=arguments.index_lag).trace)
    console.print(_summary(total, time.perf_counter() - started))
    for report in total.failed[:10]:
        console.print(f"\nseed {report.seed}: {command(report.seed, arguments.index_lag)}", style="bold red")
        for violation in report.violations[:5]:
            console.print(violation[:1000], markup=False, highlight=False)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
