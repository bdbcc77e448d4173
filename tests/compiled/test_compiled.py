"""Compiled rules decide what their sources decide, to the letter: postings, explanations, what time does, reports.

Compiling takes most of a minute. Where it cannot be done, backtests run the sources, and there is nothing to test.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.compiled.lives import FILES, ROOT

_HEADER = Path(sysconfig.get_path("include")) / "Python.h"
pytestmark = pytest.mark.skipif(
    not shutil.which(os.environ.get("CC", "cc")) or not _HEADER.is_file(),
    reason="needs a C compiler and the headers of Python",
)

YEAR = "receipt,member,occurred_at,amount,category\n" + "".join(
    f"r{n},m{n % 40},2025-{1 + n // 300:02}-{1 + n % 28:02}T10:30:00,{n % 17 * 130},{('coffee', 'cake')[n % 2]}\n"
    for n in range(3_600)
)
"""Enough purchases for a second process."""


def _run(folder: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"FIDELIO_COMPILED": str(folder), "COLUMNS": "200"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=check)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the rules lie compiled."""
    folder = tmp_path_factory.mktemp("compiled") / "rules"
    done = _run(folder, "tools/compile.py", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_every_programme_decides_alike_for_purchases_and_activities_and_as_time_passes(folder: Path) -> None:
    told = [_run(folder, "-m", "tests.compiled.lives", rules) for rules in ("plain", "compiled")]
    plain, compiled = ([json.loads(line) for line in one.stdout.splitlines()] for one in told)
    assert [one["program"] for one in plain] == [file.stem for file in FILES]
    assert {one["by"] for one in plain} == {".py"}
    assert {one["by"] for one in compiled} == {".so"}
    for one, other in zip(plain, compiled, strict=True):
        assert one["lives"] == other["lives"], one["program"]
        assert any("applied=True" in life for life in one["lives"]), one["program"]


def test_a_backtest_writes_the_same_report_and_says_by_which_rules(folder: Path, tmp_path: Path) -> None:
    purchases, written = tmp_path / "year.csv", {}
    purchases.write_text(YEAR)
    for where, said in ((tmp_path / "nowhere", False), (folder, True)):
        html, ndjson = tmp_path / "report.html", tmp_path / "report.ndjson"
        arguments = ["--purchases", str(purchases), "--html", str(html), "--ndjson", str(ndjson), "--jobs", "2"]
        done = _run(where, "-m", "cli", "backtest", "programs/cafe.yaml", *arguments)
        assert ("with compiled rules" in done.stdout) is said
        written[said] = html.read_bytes(), ndjson.read_bytes()
    assert len(written[True][1].splitlines()) == 40
    assert written[True] == written[False]
