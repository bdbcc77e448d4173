"""What must hold at every single commit, watched as it happens; and the history that later judgements need.

an account    moves on by one revision, counts its entries, has nothing below zero (P3, P4)
an entry      is written once; only what has come back of it grows (P1, P6); it takes over who waited at its place
a place       where returns wait loses none of them, unless it is freed as a whole
a claim, a profile    is written once
a voucher     as well, but for its value, which only shrinks
an event      on the bus is about something that is in the books by then (P8: never a phantom)
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

from functions.ledger import items
from functions.ledger.account import Account
from functions.runtime.tables import from_wire
from tests.faults.bus import Taken
from tests.faults.dynamodb import Database, Written
from tests.faults.expressions import Wire
from tests.faults.schedule import Schedule

_GROWS = frozenset({"reversals", "returned"})
_VOUCHER_SHRINKS = frozenset({"value", "withdrawn", "changes"})


class Watch:
    """`violations` in words; `accounts`: every image of each account with its time; `refused_at`: by operation key."""

    def __init__(self, schedule: Schedule, database: Database) -> None:
        self._schedule = schedule
        self._database = database
        self.violations: list[str] = []
        self.accounts: dict[str, list[tuple[float, Account]]] = {}
        self.refused_at: dict[str, float] = {}
        self.booked: set[str] = set()
        self.days = [schedule.clock().date() + timedelta(days=days) for days in (0, 1)]
        """Every day that a clock may show while the run goes on."""

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
            elif change.table == "rewards" and change.old and change.new:
                self._reward(change.old, change.new)
            elif change.table == "members" and change.old is not None:
                self.violated("P1", f"{change.old['key']['S']} was written over")

    def on_taken(self, taken: Taken) -> None:
        entry_id = taken.event_id.partition(".")[0]
        if entry_id not in self.booked:
            self.violated("P8", f"{taken.event_id} is on the bus and not in the books")

    def _place(self, old: Wire | None, new: Wire | None) -> None:
        """What becomes of an operation key: free, awaited, refused, booked, in this order."""
        if new is None:
            if old and not items.is_awaited(from_wire(old)):
                self.violated("P7", f"{old['operation']['S']} was settled, and is gone")
            return
        key, before, after = new["operation"]["S"], from_wire(old or {}), from_wire(new)
        if old is not None and not items.is_awaited(before):
            given_up = {"awaited", "report_at", "returns", "changes"} if "refused" in before else set()
            if _unchanging(old, _GROWS | given_up) != _unchanging(new, _GROWS | given_up):
                self.violated("P1", f"{key} was written over")
        elif [one for one in before.get("returns", ()) if one not in after.get("returns", ())]:
            self.violated("P10", f"{key} forgets a return that waits for it")
        if "refused" in after:
            self.refused_at.setdefault(key, self._schedule.now)
        elif items.is_entry(after):
            self.booked.add(f"{after['member']}#{after['n']}")

    def _reward(self, old: Wire, new: Wire) -> None:
        if "spent" in new:
            return
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
