"""What must hold at every single commit, watched as it happens; and the history that later judgements need.

an account    moves on by one revision, counts its entries, has nothing below zero (P3, P4)
              and is visited again in time: `midnight.py`
an entry      is written once; only what has come back of it grows (P1, P6); it takes over who waited at its place
a place       where returns wait loses none of them, unless it is freed as a whole
a claim, a profile    is written once
a voucher     as well, but for its value, which only shrinks, and its uses; once withdrawn it is not touched again
a stock       counts what the entries took less what was put in, and no shard gives more than it holds (P3)
an event      on the bus is about something that is in the books by then (P8: never a phantom)
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from functions.ledger import awaited_items, items
from functions.ledger.account import Account
from functions.program.stock import SHARDS, portions
from functions.runtime.tables import from_wire
from tests.faults.bus import Taken
from tests.faults.dynamodb import Database, Written
from tests.faults.expressions import Wire
from tests.faults.midnight import Midnight
from tests.faults.programme import PIECES
from tests.faults.schedule import Schedule

_GROWS = frozenset({"reversals", "returned"})
_VOUCHER_SHRINKS = frozenset({"value", "withdrawn", "changes", "uses", "paid", "used_up"})
_HELD = frozenset({"awaited", "report_at"})
"""What a hold says for as long as it is to end by itself."""


@dataclass
class Shelf:
    """The stock of a reward as its commits say. `spent`: counted as taken, by shard. `history`: since when there was
    how much in each shard."""

    pieces: int
    spent: dict[int, int] = field(default_factory=dict)
    drawn: int = 0
    put_in: int = 0
    history: list[tuple[float, tuple[int, ...]]] = field(default_factory=list)

    def left(self, shard: int) -> int:
        return portions(self.pieces)[shard] - self.spent.get(shard, 0)

    def note(self, at: float) -> None:
        there = tuple(self.left(shard) for shard in range(SHARDS))
        if not self.history or self.history[-1][1] != there:
            self.history.append((at, there))

    def had_a_piece(self, begin: float, end: float) -> bool:
        """Whether in one shard there was a piece all the time."""
        opened = (0.0, tuple(self.left_at_first(shard) for shard in range(SHARDS)))
        images = [opened, *self.history]
        seen = [
            there
            for (at, there), (replaced_at, _) in zip(images, [*images[1:], (end, ())], strict=True)
            if at <= end and replaced_at >= begin
        ]
        return any(all(there[shard] > 0 for there in seen) for shard in range(SHARDS))

    def left_at_first(self, shard: int) -> int:
        return portions(self.pieces)[shard]


class Watch:
    """`violations` in words; `accounts`: every image of each account with its time; `refused_at`: by operation key."""

    def __init__(self, schedule: Schedule, database: Database, midnight: Midnight) -> None:
        self._schedule = schedule
        self.midnight = midnight
        self._database = database
        self.violations: list[str] = []
        self.accounts: dict[str, list[tuple[float, Account]]] = {}
        self.refused_at: dict[str, float] = {}
        self.booked: set[str] = set()
        self.stocks = {reward: Shelf(pieces) for reward, pieces in PIECES.items()}

    def day_at(self, seconds: float) -> date:
        """The day at a moment, as the run counts its time, once it is over."""
        return (self._schedule.clock() - timedelta(seconds=self._schedule.now - seconds)).date()

    def seconds(self, instant: datetime) -> float:
        """An instant as the run counts its time, once it is over."""
        return self._schedule.now - (self._schedule.clock() - instant).total_seconds()

    def violated(self, promise: str, what: str) -> None:
        line = f"{promise}: {what} (at {self._schedule.now:.3f} s)"
        self._schedule.note(f"VIOLATION {line}")
        self.violations.append(line)

    def on_written(self, written: Sequence[Written]) -> None:
        for change in written:
            if change.table == "entries":
                self._place(change.old, change.new)
        for change in written:
            if change.table == "accounts" and change.new:
                self._account(change.old, change.new)
            elif change.table == "rewards" and change.new and "spent" in change.new:
                self._taken(change.new)
            elif change.table == "rewards" and change.old and change.new:
                self._reward(change.old, change.new)
            elif change.table == "members" and change.old is not None:
                self.violated("P1", f"{change.old['key']['S']} was written over")
        if any(change.table == "rewards" for change in written):
            self._stock(written)

    def _taken(self, new: Wire) -> None:
        """What is counted as taken of a shard of a stock."""
        name, shard = new["key"]["S"].removeprefix("B#").rsplit("#", 1)
        shelf = self.stocks.get(name.removeprefix("stock."))
        if shelf is None:
            return
        shelf.spent[int(shard)] = int(new["spent"]["N"])
        if shelf.left(int(shard)) < 0:
            self.violated("P3", f"shard {shard} of {name} gave {-shelf.left(int(shard))} more than it holds")

    def _stock(self, written: Sequence[Written]) -> None:
        """What a commit did to the stocks, all of it together."""
        for change in written:
            if change.table == "entries" and change.old is None and change.new:
                for draw in from_wire(change.new).get("draws", ()):
                    if shelf := self.stocks.get(str(draw[0]).removeprefix("stock.")):
                        shelf.drawn += draw[2]
            elif change.table == "rewards" and change.new and change.new["key"]["S"].startswith("R#"):
                more = from_wire(change.new)
                self.stocks[more["shelf"].removeprefix("stock.")].put_in += more["change"]
        for reward, shelf in self.stocks.items():
            if sum(shelf.spent.values()) != shelf.drawn - shelf.put_in:
                self.violated("P3", f"{reward}: {shelf.spent} are taken, drawn {shelf.drawn}, put in {shelf.put_in}")
            if shelf.drawn > shelf.pieces + shelf.put_in:
                self.violated("P3", f"{reward}: {shelf.drawn} are out, there were {shelf.pieces} and {shelf.put_in}")
            shelf.note(self._schedule.now)

    def on_taken(self, taken: Taken) -> None:
        entry_id = taken.event_id.partition(".")[0]
        if entry_id not in self.booked:
            self.violated("P8", f"{taken.event_id} is on the bus and not in the books")

    def _place(self, old: Wire | None, new: Wire | None) -> None:
        """What becomes of an operation key: free, awaited, refused, booked, in this order."""
        if new is None:
            if old and not awaited_items.is_awaited(from_wire(old)):
                self.violated("P7", f"{old['operation']['S']} was settled, and is gone")
            return
        key, before, after = new["operation"]["S"], from_wire(old or {}), from_wire(new)
        if old is not None and not awaited_items.is_awaited(before):
            given_up = {"awaited", "report_at", "returns", "changes"} if "refused" in before else set()
            given_up |= _HELD if before.get("kind") == "held" and not _HELD & after.keys() else set()
            if _unchanging(old, _GROWS | given_up) != _unchanging(new, _GROWS | given_up):
                self.violated("P1", f"{key} was written over")
        elif [one for one in before.get("returns", ()) if one not in after.get("returns", ())]:
            self.violated("P10", f"{key} forgets a return that waits for it")
        if "refused" in after:
            self.refused_at.setdefault(key, self._schedule.now)
        elif items.is_entry(after):
            self.booked.add(f"{after['member']}#{after['n']}")
            self.midnight.booked.add(key)

    def _reward(self, old: Wire, new: Wire) -> None:
        before, after = from_wire(old), from_wire(new)
        if after.get("withdrawn") and after.get("uses") and after["redemption"].startswith("rdm_"):
            self.violated("P6", f"{after['key']} was bought, used, and taken back")
        if after.get("uses", 0) - before.get("uses", 0) not in (0, 1):
            self.violated(
                "P1", f"{after['key']} was used {before.get('uses', 0)} and then {after.get('uses', 0)} times"
            )
        if _unchanging(old, _VOUCHER_SHRINKS) != _unchanging(new, _VOUCHER_SHRINKS):
            self.violated("P1", f"{new['key']['S']} was written over")
        if old.get("withdrawn") == {"BOOL": True} or int(new["value"]["N"]) > int(old["value"]["N"]):
            self.violated("P1", f"{new['key']['S']} was worth {old['value']['N']} and is now worth {new['value']['N']}")

    def _account(self, old: Wire | None, new: Wire) -> None:
        if new["part"]["S"] != items.ACCOUNT:
            return
        account = items.account_from_item(from_wire(new))
        before = items.account_from_item(from_wire(old)) if old else None
        self.booked.add(f"{account.member}#0")
        history = self.accounts.setdefault(account.member, [])
        history.append((self._schedule.now, account))
        for finding in self.midnight.stepped(before, account, self._schedule.clock()):
            self.violated(*finding)
        if before and account.n == before.n:
            return
        made = len(account.latest) if account.n else 0
        # an account may move by several revisions in one commit, one for each entry
        if before and account.revision - before.revision != account.n - before.n:
            self.violated("P4", f"{account.member} went from revision {before.revision} to {account.revision}")
        if account.n - (before.n if before else 0) != made:
            self.violated(
                "P4", f"{account.member} has n {account.n} after {before.n if before else 0} and {made} entries"
            )
        buckets = [account.lots, account.pending, *account.holds.values(), {"debt": account.debt}]
        if any(points < 0 for bucket in buckets for points in bucket.values()):
            self.violated("P3", f"{account.member} has less than nothing: {account}")


def _unchanging(item: Wire, changing: Collection[str]) -> Mapping[str, object]:
    return {name: value for name, value in item.items() if name not in changing}
