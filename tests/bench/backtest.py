"""The backtest of a whole year: the Complete Journey, 155,848 baskets, through ten rules, in a process of its own.

Time, memory of all its processes together (each shared page counted once), and how much of both cores was used.
"""

import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

Rules: TypeAlias = Literal["plain", "compiled"]
PROGRAMME = Path(__file__).parent / "ten-rules.yaml"
_RUN = """
import hashlib, sys, time, resource
from pathlib import Path
from cli import compiled
assert sys.argv[3] == "plain" or compiled.use()
from cli.purchases.reading import read_purchases
from cli.backtest.replaying import replayed
from cli.programs import read
started = time.perf_counter()
program = read(Path(sys.argv[1]))
purchases = read_purchases("completejourney", program)
has_read = time.perf_counter()
[records] = replayed(purchases, [program], int(sys.argv[2]), lambda _: None)
ended = time.perf_counter()
spent = [sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
digest = hashlib.sha256(repr(records).encode()).hexdigest()
print(len(purchases), len(purchases.kind), has_read - started, ended - has_read, sum(spent), digest)
"""


@dataclass(frozen=True, slots=True)
class Run:
    """Seconds of the clock and of the processors, and megabytes. `digest`: of what became of everyone."""

    jobs: int
    rules: Rules
    purchases: int
    lines: int
    reading: float
    replaying: float
    processor: float
    memory: float
    digest: str

    @property
    def whole(self) -> float:
        return self.reading + self.replaying

    @property
    def cores(self) -> float:
        """How many cores were busy on average."""
        return self.processor / self.whole


def compile_rules() -> None:
    """As `make fast`. Raises CalledProcessError where there is no C compiler."""
    subprocess.run([sys.executable, "tools/compile.py"], check=True)


def measure(jobs: int, rules: Rules) -> Run:
    """One run. Raises CalledProcessError where the data is not installed."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", _RUN, str(PROGRAMME), str(jobs), rules]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        most = [0.0]
        watch = threading.Thread(target=_watch, args=(process, most))
        watch.start()
        told, _ = process.communicate()
        watch.join()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    purchases, lines, reading, replaying, processor, digest = told.split()
    times = float(reading), float(replaying), float(processor)
    return Run(jobs, rules, int(purchases), int(lines), *times, most[0], digest)


def _watch(process: "subprocess.Popen[str]", most: list[float]) -> None:
    while process.poll() is None:
        most[0] = max(most[0], sum(_megabytes(pid) for pid in [process.pid, *_children(process.pid)]))
        time.sleep(0.2)


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _megabytes(pid: int) -> float:
    """What a process holds; its part only of what it shares. Nothing where the system does not tell."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
