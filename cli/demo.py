"""`loyalty demo`: a record shop's real year and a half through the deployed stack, half over HTTPS, half over the bus.

Every customer is enrolled and every purchase sent under an id of its own, so that a second run changes nothing. At the
end every account is proved from its entries, and the points are compared with what the input file alone says.
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from cli import cdnow, programs, proving
from cli.cdnow import Sale
from cli.connection import Connection
from cli.replaying import Call, Event, Work, entries_of, replay
from functions.enrolment.member import member_id
from functions.ledger.account import Entry

_SOURCE = "cdnow.shop"
_CENTS_PER_POINT = 100


@dataclass(frozen=True, slots=True)
class Customer:
    """One customer of the file, whose number is also on the card. Every other one enrols over the bus."""

    number: str

    @property
    def card(self) -> str:
        return f"CDNOW-{self.number}"

    @property
    def over_bus(self) -> bool:
        return int(self.number) % 2 == 1

    def member(self, client_id: str) -> str:
        return member_id(_SOURCE if self.over_bus else client_id, self.card)


def run(connection: Connection, console: Console, file: Path) -> bool:
    """Run the demo on one file of purchases; True if everything agrees. Raises ReplayError."""
    sales = list(cdnow.sales(file))
    customers = [Customer(number) for number in dict.fromkeys(sale.customer for sale in sales)]
    members = {customer.number: customer.member(connection.client_id) for customer in customers}
    console.print(f"{file.name}: {len(customers):,} customers and their {len(sales):,} purchases")
    programs.put_in_force(connection, programs.READY)
    before = sum(entries_of(connection, list(members.values())).values())
    replay(connection, console, _enrolments(customers, members), _SOURCE)
    started = time.monotonic()
    replay(connection, console, _purchases(sales, members), _SOURCE)
    seconds = time.monotonic() - started
    new = sum(entries_of(connection, list(members.values())).values()) - before
    console.print(f"{new:,} new entries, {len(sales) - new:,} were booked before; {len(sales) / seconds:,.0f} a second")

    totals = proving.prove_all(connection, console)
    proving.show(totals, console)
    wrong = _wrong(sales, {number: totals.earned.get(member, 0) for number, member in members.items()})
    _show_comparison(console, sales, wrong)
    best = max(members.values(), key=lambda member: totals.earned.get(member, 0))
    _show_statement(console, best, proving.statement(connection, best))
    return not wrong and not totals.drifts


def _enrolments(customers: Sequence[Customer], members: Mapping[str, str]) -> Work:
    return Work(
        title="Members  ",
        calls=[Call("/v1/members", {"card": c.card}, key=c.card) for c in customers if not c.over_bus],
        events=[
            Event("MemberEnrolmentRequested", {"card": c.card, "idempotency_key": c.card})
            for c in customers
            if c.over_bus
        ],
        goal=dict.fromkeys(members.values(), 0),
    )


def _purchases(sales: Sequence[Sale], members: Mapping[str, str]) -> Work:
    """Every other purchase of a customer goes over the bus, so that both ways meet in the same accounts."""
    over_bus = [(int(sale.customer) + sale.number) % 2 == 1 for sale in sales]
    return Work(
        title="Purchases",
        calls=[Call("/v1/purchases", _purchase(sale)) for sale, bus in zip(sales, over_bus, strict=True) if not bus],
        events=[Event("PurchaseCompleted", _purchase(sale)) for sale, bus in zip(sales, over_bus, strict=True) if bus],
        goal=Counter(members[sale.customer] for sale in sales),
    )


def _purchase(sale: Sale) -> dict[str, Any]:
    return {
        "id": sale.receipt,
        "member": {"card": Customer(sale.customer).card},
        "occurred_at": sale.sold_at.isoformat(),
        "currency": "USD",
        "lines": [{"id": "1", "sku": "records", "quantity": sale.records, "amount": sale.amount}],
        "channel": "web",
    }


def _wrong(sales: Sequence[Sale], earned: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """Customers whose points are not what the file says: expected and found. One point for every full dollar."""
    expected: Counter[str] = Counter()
    for sale in sales:
        expected[sale.customer] += sale.amount // _CENTS_PER_POINT
    return {number: (expected[number], found) for number, found in earned.items() if expected[number] != found}


def _show_comparison(console: Console, sales: Sequence[Sale], wrong: Mapping[str, tuple[int, int]]) -> None:
    for number, (expected, found) in wrong.items():
        console.print(f"[red]✗[/red] customer {number}: the file makes {expected:,} points, the ledger {found:,}")
    if not wrong:
        dollars = sum(sale.amount for sale in sales) / 100
        console.print(f"[green]✓[/green] Every customer has the points that the file's {dollars:,.2f} dollars make.")


def _show_statement(console: Console, member: str, entries: Sequence[Entry]) -> None:
    table = Table(
        "n", "bought on", "what", "points", "balance", title=f"The statement of {member}", title_justify="left"
    )
    for i, entry in enumerate([*entries[:5], *entries[-5:]] if len(entries) > 10 else entries):
        posting = entry.posting
        if i == 5 and len(entries) > 10:
            table.add_row("…")
        table.add_row(
            str(entry.n),
            posting.occurred_at.date().isoformat(),
            f"{posting.kind} {entry.operation.id} over {'the bus' if entry.operation.source == _SOURCE else 'HTTPS'}",
            f"{posting.points:+,}",
            f"{entry.balance_after.active:,}",
        )
    console.print(table)
