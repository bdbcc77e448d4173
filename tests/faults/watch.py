"""What must hold at every single commit, watched as it happens; and the history that later judgements need.

an account    moves on by one revision, counts its entries, has nothing below zero (P3, P4)
an entry      is written once; only what has come back of it grows (P1, P6)
a claim, a profile, a voucher    is written once
an event      on the bus is about something that is in the books by then (P8: never a phantom)
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from functions.ledger import items
from functions.ledger.account import Account
from functions.runtime.tables import from_wire
from tests.faults.bus import Taken
from tests.faults.dynamodb import Database, Written
from tests.faults.expressions import Wire
from tests.faults.schedule import Schedule

_GROWS = frozenset({"reversals", "returned"})


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
                self._entry(change.old, change.new)
        for change in written:
            if change.table == "accounts":
                self._account(change.old, change.new)
            elif change.table in {"members", "rewards"} and change.old is not None and "spent" not in change.new:
                self.violated("P1", f"{change.new['key']['S']} was written over")

    def on_taken(self, taken: Taken) -> None:
        entry_id = taken.event_id.partition(".")[0]
        if entry_id not in self.booked:
            self.violated("P8", f"{taken.event_id} is on the bus and not in the books")

    def _entry(self, old: Wire | None, new: Wire) -> None:
        key = new["operation"]["S"]
        if old is not None and _unchanging(old) != _unchanging(new):
            self.violated("P1", f"{key} was written over")
        if "refused" in new:
            self.refused_at.setdefault(key, self._schedule.now)
        elif "member" in new:
            self.booked.add(f"{new['member']['S']}#{new['n']['N']}")

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


def _unchanging(item: Wire) -> Mapping[str, object]:
    return {name: value for name, value in item.items() if name not in _GROWS}
