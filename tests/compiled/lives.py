"""Lives of members under every programme of this repository, as text: what the rules decided, and what time did.

Run as a program, it prints them on one line per programme; with `compiled` as its argument, by the compiled rules.
"""

import json
import random
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cli import compiled

ROOT = Path(__file__).resolve().parents[2]
FILES = [*sorted((ROOT / "programs").glob("*.yaml")), ROOT / "tests" / "bench" / "ten-rules.yaml"]
MEMBERS, PURCHASES = 6, 60


def main() -> None:
    if sys.argv[1:] == ["compiled"] and not compiled.use():
        sys.exit("The compiled rules are not there, or older than the sources.")
    from functions.accrual import earning
    from functions.program.document import read

    for file in FILES:
        program = read(file.read_text("utf-8"))
        lives = [life for seed in range(MEMBERS) for life in _life(program, seed)]
        sys.stdout.write(json.dumps({"program": file.stem, "by": Path(earning.__file__).suffix, "lives": lives}) + "\n")


def _life(program: Any, seed: int) -> Iterator[str]:
    """A member's purchases and activities in the order of time, and the record of a replay of the purchases."""
    from cli.backtest.replaying import Replay
    from functions.accrual.deciding import decide, matters
    from functions.ledger.booking import booked
    from functions.program.occasions import Activity

    chance, replay = random.Random(seed), Replay(program)
    at = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
    activities = [kind for kind in (*program.activities, "profile_completed", "referred") if matters(kind, program)]
    for n in range(PURCHASES):
        at += timedelta(hours=chance.randrange(1, 300))
        purchase = _purchase(program, f"receipt-{n}", at, chance)
        posting = replay.take("member", purchase)
        yield _text(posting)
        if activities and n % 3 == 0:
            activity = Activity(f"activity-{n}", chance.choice(activities), at, {"minutes": chance.randrange(90)})
            decided = decide(replay.account("member"), activity, program, at)
            yield _text([decided, booked(replay.account("member"), decided)])
    yield _text(replay.finish((at + timedelta(days=400)).date()))


def _purchase(program: Any, id: str, at: datetime, chance: random.Random) -> Any:
    from functions.program.occasions import Purchase, PurchaseLine

    def word(of: str) -> str | None:
        return chance.choice([*_said(program, of), None, "another"])

    lines = [
        PurchaseLine(
            str(place),
            chance.randint(1, 3),
            chance.choice([0, 50, chance.randint(100, 3_000), chance.randint(3_000, 30_000)]),
            word("sku") or "",
            tuple(one for one in (word("category"), word("category")) if one),
            word("brand"),
            chance.random() < 0.3,
            chance.choice([0, 0, 150]),
        )
        for place in range(chance.randint(1, 8))
    ]
    attributes = {name: value for name in _said(program, "attributes") if (value := word(name)) is not None}
    place, channel, payment = word("store"), word("channel"), word("payment_method")
    return Purchase(id, at, program.currency, lines, place, channel, payment, attributes)


@cache
def _said(program: Any, name: str) -> list[str]:
    return sorted(map(str, _words(program, name)))


def _words(value: Any, name: str) -> set[Any]:
    """What conditions of a programme ask for under a name; the names of attributes under `attributes`."""
    if isinstance(value, dict):
        inside = set[Any]().union(*[_words(one, name) for one in value.values()])
        return inside.union(getattr(value[name], "values", ())) if name in value else inside
    if isinstance(value, list | tuple | frozenset):
        return set[Any]().union(*[_words(one, name) for one in value])
    if not is_dataclass(value):
        return set()
    found = set[Any]()
    for field in fields(value):
        inside = getattr(value, field.name)
        if field.name == name:
            found |= set(inside) if name == "attributes" else set(getattr(inside, "values", ()))
        found |= _words(inside, name)
    return found


def _text(value: Any) -> str:
    """Everything in it, also what is worked out only when somebody looks."""
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return f"[{', '.join(map(_text, value))}]"
    if hasattr(value, "__dataclass_fields__"):
        inside = ", ".join(f"{one.name}={_text(getattr(value, one.name))}" for one in fields(value))
        return f"{type(value).__name__}({inside})"
    return repr(value)


if __name__ == "__main__":
    main()
