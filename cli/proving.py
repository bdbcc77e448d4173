"""`loyalty prove` and `loyalty repair`: recompute every balance from its entries, and mend what disagrees."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

from rich.console import Console
from rich.table import Column, Table

from cli.connection import Connection
from cli.inside import inside
from cli.showing import progress
from functions.ledger import proving, stockproof, store
from functions.ledger.account import Account, Entry
from functions.ledger.proof import Proof

_WORKERS = 4
_AT_ONCE = 200


@dataclass
class Totals:
    """What a proof of all accounts found. `earned` maps each member to the points it ever earned. `stocks`: budgets and
    stocks that disagree with the entries."""

    accounts: int = 0
    entries: int = 0
    redeemed: int = 0
    owned: int = 0
    earned: dict[str, int] = field(default_factory=dict)
    drifts: list[Proof] = field(default_factory=list)
    drawn: Counter[str] = field(default_factory=Counter)
    stocks: list[str] = field(default_factory=list)

    def add(self, proof: Proof) -> None:
        self.accounts += 1
        self.entries += proof.entries
        self.redeemed += proof.redeemed
        self.owned += proof.owned
        self.earned[proof.member] = proof.earned
        self.drawn.update(proof.drawn)
        if proof.drift:
            self.drifts.append(proof)


def prove_all(connection: Connection, console: Console) -> Totals:
    """Prove every account, a few at a time."""
    totals = Totals()
    with inside(connection), progress(console) as bar, ThreadPoolExecutor(_WORKERS) as pool:
        before = stockproof.counted()
        task = bar.add_task("Proving balances", total=_count(connection))
        accounts = proving.accounts()
        while chunk := list(islice(accounts, _AT_ONCE)):
            for proof in pool.map(proving.prove_account, chunk):
                totals.add(proof)
                bar.advance(task)
        bar.update(task, total=totals.accounts)
        totals.stocks = list(stockproof.differences(totals.drawn, before, stockproof.counted()))
    return totals


def show(totals: Totals, console: Console) -> None:
    """A table of the totals, and every account that disagrees with its entries."""
    table = Table("", "", show_header=False, box=None)
    for name, value in {
        "accounts": totals.accounts,
        "entries": totals.entries,
        "points earned": sum(totals.earned.values()),
        "points redeemed": totals.redeemed,
        "points that members own": totals.owned,
    }.items():
        table.add_row(name, f"{value:,}")
    console.print(table)
    for proof in totals.drifts:
        console.print(f"[red]✗[/red] {proof.member}: ", end="")
        console.print(proof.drift, markup=False)
    for problem in totals.stocks:
        console.print(f"[red]✗[/red] {problem}")
    if not totals.stocks:
        console.print("[green]✓[/green] Every stock and every budget agrees with the entries.")
    if not totals.drifts:
        console.print("[green]✓[/green] Every account agrees with its entries.")


def repair(connection: Connection, console: Console, totals: Totals, *, dry_run: bool) -> int:
    """Show what each drifting account would become, and unless it is a dry run put it so; how many were repaired."""
    repaired = 0
    table = Table(Column("member", no_wrap=True), "", "points in lots", "pending", "held", "debt", "entries")
    with inside(connection):
        for proof in totals.drifts:
            account = store.load(proof.member, consistent=True)
            table.add_section()
            table.add_row(proof.member, "is", *_columns(account))
            if proof.rebuilt is None:
                table.add_row("", "cannot be rebuilt: its entries disagree among themselves")
                continue
            table.add_row("", "would be" if dry_run else "becomes", *_columns(proof.rebuilt))
            if not dry_run and proving.repair(proof, account):
                repaired += 1
    console.print(table)
    return repaired


def _columns(account: Account) -> Iterator[str]:
    held = sum(sum(lots.values()) for lots in account.holds.values())
    for value in (sum(account.lots.values()), sum(account.pending.values()), held, account.debt, account.n):
        yield f"{value:,}"


def statement(connection: Connection, member: str) -> list[Entry]:
    """All entries of a member, first to last."""
    with inside(connection):
        return list(store.since(member, 0))


def _count(connection: Connection) -> int:
    # DynamoDB counts its items every few hours: good enough for a bar, which is set right at its end.
    described = connection.aws("dynamodb").describe_table(TableName=connection.table_names["members"])
    return max(1, described["Table"].get("ItemCount", 0) // 2)
