"""Time comes from one place: a test that moves the clock moves all of it, and no test ever waits."""

import re
from pathlib import Path

import pytest

FUNCTIONS = Path(__file__).parent.parent.parent / "functions"
CLOCK = FUNCTIONS / "runtime" / "clock.py"
FILES = sorted(FUNCTIONS.rglob("*.py"))
WALL_CLOCK = re.compile(
    r"\bdatetime\.now\b|\butcnow\b|\bdate(?:time)?\.today\b|\btime\.(?:time|localtime|gmtime)(?:_ns)?\b|\btime\.sleep\b"
    r"|\bfrom time import\b|\w\.sleep\(|\butcfromtimestamp\b"
    r"|\bimport time as (?!stopwatch\b)|\bstopwatch\.(?!monotonic\b)"
)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(FUNCTIONS)))
def test_only_the_clock_reads_the_time_and_waits(file: Path) -> None:
    found = WALL_CLOCK.findall(file.read_text())
    assert bool(found) is (file == CLOCK), found


@pytest.mark.parametrize(
    "line",
    [
        "datetime.now(UTC)",
        "datetime.datetime.utcnow()",
        "date.today()",
        "time.time()",
        "time.sleep(1)",
        "from time import sleep",
        "datetime.today()",
        "time.time_ns()",
        "import time as anything",
        "stopwatch.sleep(1)",
        "stopwatch.time()",
    ],
)
def test_a_look_at_the_clock_is_noticed(line: str) -> None:
    assert WALL_CLOCK.search(line)


@pytest.mark.parametrize("line", ["clock.now()", "time.monotonic()", "clock.pause(1)", "event.time", "timeout"])
def test_what_is_no_look_at_the_clock_is_left_alone(line: str) -> None:
    assert not WALL_CLOCK.search(line)
