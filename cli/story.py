"""The short story that `loyalty up` ends with: two members, the steps of `events/story.json`, and what came of them.

Every step has an operation id, so that telling it again changes nothing.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import httpx
from rich.console import Console
from rich.table import Table

from cli import messages, programs
from cli.connection import Connection
from cli.errors import ExplainedError

FILE = Path(__file__).resolve().parent.parent / "events" / "story.json"
CARDS = ("RC-1815", "RC-1762")
ADDRESSES = ("ada@example.com", "gaspard@example.com")
_EXPECTED_MAILS = 5
_SOURCE = "record.shop"
_PATIENCE = 60.0

Found = TypeVar("Found")


class StoryError(ExplainedError):
    """A step of the story did not have its effect."""


def tell(connection: Connection, console: Console) -> None:
    """Publish the ready programme, play the steps, show what happened and how to go on. Raises StoryError."""
    programs.put_in_force(connection, programs.READY)
    told_before = False
    for step in json.loads(FILE.read_text()):
        told_before |= _play(connection, step)
    members = [_settled(connection, card) for card in CARDS]
    _show_members(connection, console, members)
    if told_before:
        console.print("All of this was booked before, and its mails went out then: a repeat changes nothing.")
    else:
        _show_mails(connection, console)
    _show_calls(connection, console, members[0]["member_id"])


def _play(connection: Connection, step: Mapping[str, Any]) -> bool:
    """Carry out one step; True if the answer says that it was carried out before."""
    if step["way"] == "https":
        headers = {"Idempotency-Key": step["idempotency_key"]} if "idempotency_key" in step else {}
        answer = connection.api.post(step["path"], json=step["body"], headers=headers)
        if not answer.is_success:
            raise StoryError(f"POST {step['path']} answered {answer.status_code}: {answer.text}")
        return "Idempotency-Replayed" in answer.headers
    detail_type, detail = step["detail_type"], step["detail"]
    if detail_type == "PurchaseCompleted":
        until(lambda: _find(connection, detail["member"]["card"]), "the member who enrols over the bus")
    entry = {
        "EventBusName": connection.bus_name,
        "Source": _SOURCE,
        "DetailType": detail_type,
        "Detail": json.dumps(detail),
    }
    if connection.aws("events").put_events(Entries=[entry])["FailedEntryCount"]:  # type: ignore[list-item]
        raise StoryError(f"The bus did not take {detail_type}.")
    return False


def _settled(connection: Connection, card: str) -> dict[str, Any]:
    """A member of the story, once everything has been booked."""
    member = until(lambda: _find(connection, card), f"the member with card {card}")
    path = f"/v1/members/{member['member_id']}/ledger"

    def booked() -> list[Any]:
        found: list[Any] = connection.api.get(path).raise_for_status().json()["items"]
        return found

    return member | {"statement": until(booked, f"the entries of card {card}")[::-1]}


def _find(connection: Connection, card: str) -> dict[str, Any] | None:
    answer = connection.api.get("/v1/members", params={"card": card})
    if answer.status_code == httpx.codes.NOT_FOUND:
        return None
    member: dict[str, Any] = answer.raise_for_status().json()
    return member


def until(look: Callable[[], Found | None], what: str) -> Found:
    """What `look` finds, as soon as it finds something. Raises StoryError after a minute."""
    for _ in range(int(_PATIENCE / 0.25)):
        if found := look():
            return found
        time.sleep(0.25)
    raise StoryError(f"Waited in vain for {what}: look at the log and the dead-letter queues.")


def _show_members(connection: Connection, console: Console, members: Sequence[Mapping[str, Any]]) -> None:
    table = Table("who", "what happened", "points", "balance", title="What just happened", title_justify="left")
    for member in members:
        table.add_section()
        table.add_row(f"[bold]{member['given_name']}[/bold]", f"enrolled with card {member['card']}", "", "0")
        for entry in member["statement"]:
            tell = _redeemed if entry["kind"] == "redeemed" else _earned
            balance = entry["balance_after"]["active"]
            table.add_row("", tell(connection, entry), f"{entry['points']:+,}", f"{balance:,}")
    console.print(table)


def _earned(_connection: Connection, entry: Mapping[str, Any]) -> str:
    way = "the bus" if entry["operation"]["source"] == _SOURCE else "HTTPS"
    reasons = [
        f"  {reason['rule']}: "
        + " + ".join(f"{points} for line {line}" for line, points in sorted(reason["lines"].items()))
        for reason in entry["explanation"]
        if reason["applied"]
    ]
    return "\n".join([f"bought something: {entry['operation']['id']} over {way}", *reasons])


def _redeemed(connection: Connection, entry: Mapping[str, Any]) -> str:
    redemption = connection.api.get(f"/v1/redemptions/{entry['operation']['id']}").raise_for_status().json()
    voucher = redemption["voucher"]
    return f"redeemed {redemption['reward_id']}: {voucher['code']}\n  good until {voucher['valid_until']}"


def _show_mails(connection: Connection, console: Console) -> None:
    """What the members were told. The emulator keeps every mail instead of sending it."""
    table = Table("mail to", "subject", title="Mails that went out", title_justify="left")
    for mail in until(lambda: _mails(connection), "the mails"):
        table.add_row(mail["To"][0], mail["Subject"])
    console.print(table)
    console.print("`loyalty messages` shows them all, `loyalty messages --follow` as they go out.")


def _mails(connection: Connection) -> list[dict[str, Any]] | None:
    """The mails to the members of the story; None before all of them have come."""
    found = [mail for mail in messages.mails(connection) if mail["To"][0] in ADDRESSES]
    return found if len(found) >= _EXPECTED_MAILS else None


def _show_calls(connection: Connection, console: Console, member: str) -> None:
    purchase = {
        "id": "curl-1",
        "member": {"card": CARDS[0]},
        "occurred_at": "2026-11-21T12:00:00Z",
        "currency": "USD",
        "lines": [{"id": "1", "sku": "lp-giant-steps", "quantity": 1, "amount": 2750}],
    }
    console.print("\n[bold]Call it yourself[/bold] (the token lasts an hour; the address is in .local/stack.json)\n")
    curl = f'curl -sH "$H" {connection.api_url}/v1'
    for line in (
        f'H="Authorization: Bearer {connection.token()}"',
        f"{curl}/members/{member}/balance",
        f"{curl}/purchases -H 'Content-Type: application/json' -d '{json.dumps(purchase)}'",
        f"{curl}/members/{member}/ledger",
    ):
        console.print(line, soft_wrap=True, markup=False)
    console.print(f"\nMails: {connection.endpoint_url}{messages.MAILBOX}")
