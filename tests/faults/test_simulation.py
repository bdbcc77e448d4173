"""The promises P1 to P10 hold while calls are lost, handlers die and partners repeat themselves.

A seed that fails is printed with the command that replays it, step by step.
"""

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.faults.faults import CALM
from tests.faults.simulation import command, simulate

ROOT = Path(__file__).parent.parent.parent
SEEDS, PARTS = 144, 4
FEWEST_OPERATIONS = 10_000


@pytest.fixture(scope="module")
def operations() -> Counter[int]:
    """How many operations each part of the seeds came to."""
    return Counter()


@pytest.mark.parametrize("part", range(PARTS))
def test_every_promise_holds_whatever_goes_wrong(
    part: int, operations: Counter[int], capsys: pytest.CaptureFixture[str]
) -> None:
    started = time.perf_counter()
    faults: Counter[str] = Counter()
    for seed in range(part, SEEDS, PARTS):
        report = simulate(seed)
        assert not report.violations, f"{command(seed)}\n" + "\n".join(line[:500] for line in report.violations[:5])
        operations[part] += report.operations.total()
        faults += report.faults
    rate = operations[part] / (time.perf_counter() - started)
    with capsys.disabled():
        sys.stdout.write(f"\n  {operations[part]:,} operations, {faults.total():,} faults, {rate:,.0f} operations/s ")

    assert min(faults.values()) > 0
    assert len(faults) == 15, "every kind of fault was met"


def test_that_were_ten_thousand_operations(operations: Counter[int]) -> None:
    if len(operations) < PARTS:
        pytest.skip("only some of the parts ran")
    assert operations.total() >= FEWEST_OPERATIONS


def test_the_same_seed_is_the_same_run() -> None:
    assert simulate(7).trace == simulate(7).trace


def test_a_run_does_not_depend_on_how_python_orders_its_sets() -> None:
    program = "from tests.faults.simulation import simulate; print(simulate(7).digest)"
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    }

    assert len(digests) == 1


def test_other_seeds_are_other_runs() -> None:
    assert len({simulate(seed).digest for seed in range(5)}) == 5


def test_where_nothing_goes_wrong_every_call_is_answered() -> None:
    report = simulate(3, CALM)

    assert report.violations == []
    assert report.outcomes["unknown"] == 0
    assert not report.faults
