"""`loyalty prove`: recompute every balance from the entries and say where an account disagrees."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from cli.connection import Connection
from cli.showing import progress
from functions.ledger import items
from functions.ledger.account import Account, Entry
from functions.ledger.proof import Proof, prove
from functions.runtime.tables import from_wire, to_wire

_WORKERS = 4
_AT_ONCE = 200


@dataclass
class Totals:
    """What a proof of all accounts found. `earned` maps each member to the points it ever earned."""

    accounts: int = 0
    entries: int = 0
    redeemed: int = 0
    earned: dict[str, int] = field(default_factory=dict)
    drifts: list[Proof] = field(default_factory=list)

    def add(self, proof: Proof) -> None:
        self.accounts += 1
        self.entries += proof.entries
        self.redeemed += proof.redeemed
        self.earned[proof.member] = proof.earned
        if proof.drift:
            self.drifts.append(proof)


def prove_all(connection: Connection, console: Console) -> Totals:
    """Prove every account, a few at a time."""
    totals = Totals()
    with progress(console) as bar, ThreadPoolExecutor(_WORKERS) as pool:
        task = bar.add_task("Proving balances", total=_count(connection))
        for accounts in _chunks(_accounts(connection)):
            for proof in pool.map(lambda account: prove(account, _entries(connection, account.member)), accounts):
                totals.add(proof)
                bar.advance(task)
        bar.update(task, total=totals.accounts)
    return totals


def show(totals: Totals, console: Console) -> None:
    """A table of the totals, and every account that disagrees with its entries."""
    earned = sum(totals.earned.values())
    table = Table("", "", show_header=False, box=None)
    for name, value in {
        "accounts": totals.accounts,
        "entries": totals.entries,
        "points earned": earned,
        "points redeemed": totals.redeemed,
        "points in accounts": earned - totals.redeemed,
    }.items():
        table.add_row(name, f"{value:,}")
    console.print(table)
    for proof in totals.drifts:
        console.print(f"[red]✗[/red] {proof.member}: {proof.drift}")
    if not totals.drifts:
        console.print("[green]✓[/green] Every account agrees with its entries.")


def statement(connection: Connection, member: str) -> list[Entry]:
    """All entries of a member, first to last."""
    return list(_entries(connection, member))


def _count(connection: Connection) -> int:
    # DynamoDB counts its items every few hours: good enough for a bar, which is set right at its end.
    described = connection.aws("dynamodb").describe_table(TableName=connection.table_names["members"])
    return max(1, described["Table"].get("ItemCount", 0) // 2)


def _accounts(connection: Connection) -> Iterator[Account]:
    pages = (
        connection.aws("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName=connection.table_names["accounts"],
            FilterExpression="#part = :account",
            ExpressionAttributeNames={"#part": "part"},
            ExpressionAttributeValues=to_wire({":account": items.ACCOUNT}),
        )
    )
    for page in pages:
        yield from (items.account_from_item(from_wire(item)) for item in page["Items"])


def _entries(connection: Connection, member: str) -> Iterator[Entry]:
    pages = (
        connection.aws("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=connection.table_names["entries"],
            IndexName="by_member",
            KeyConditionExpression="#member = :member",
            ExpressionAttributeNames={"#member": "member"},
            ExpressionAttributeValues=to_wire({":member": member}),
        )
    )
    for page in pages:
        yield from (items.entry_from_item(from_wire(item)) for item in page["Items"])


def _chunks(accounts: Iterator[Account]) -> Iterator[list[Account]]:
    chunk: list[Account] = []
    for account in accounts:
        chunk.append(account)
        if len(chunk) == _AT_ONCE:
            yield chunk
            chunk = []
    yield chunk
