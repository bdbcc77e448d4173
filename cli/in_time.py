"""A member in time: enrols, buys, waits, is reminded, loses points and returns late, while the clock is put forward.

Only a sandbox can be put forward, and it never goes back: the stack is months ahead afterwards (`DAYS`). The member is
a new one each day of the sandbox's clock, so that the story can be told again.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

import httpx
from rich.console import Console
from rich.progress import Progress, TaskID
from rich.table import Table

from cli import messages, programs
from cli.connection import Connection
from cli.showing import progress
from cli.story import StoryError, until
from functions.program.store import SECONDS_CACHED

PROGRAMME = Path(__file__).parent / "in_time.yaml"
DAYS = 105
"""How long the story is."""
_DOLLARS = 320
# A call works for 20 s at most; the answer may take as long as the gateway waits.
_TIMEOUT_SECONDS = 40.0

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Moment:
    """What happened by a day, and what the member has then."""

    on: date
    what: str
    active: int
    pending: int
    tier: str


def tell(connection: Connection, console: Console) -> list[Moment]:
    """Put the story's programme in force, play the story and show it. Raises StoryError where a step has no effect, and
    where the stack is no sandbox."""
    programs.put_in_force(connection, PROGRAMME)
    time.sleep(SECONDS_CACHED + 1)  # until every warm function knows
    with progress(console) as bar:
        member = _Member(connection, bar, bar.add_task("Days in the life of a member", total=DAYS))
        moments = list(_life(member))
    _show(console, moments)
    console.print(
        f"The clock of this stack is {_days_ahead(connection)} days ahead now, and never goes back. To start afresh:"
        f" make down, and remove .local/data-{httpx.URL(connection.endpoint_url).port}",
        soft_wrap=True,
    )
    return moments


def _life(member: "_Member") -> Iterator[Moment]:
    member.buys(_DOLLARS)
    yield member.now("enrols, and buys for 320 dollars", pending=320, tier="gold")
    member.waits(15)
    yield member.now("can spend the points, 14 days later", active=320, tier="gold")
    member.holds()
    yield member.now("holds 100 for a voucher, forgets it", active=220, tier="gold")
    member.waits(1)
    yield member.now("has them back: the hold has ended", active=320, tier="gold")
    member.waits(25)
    until(lambda: member.balance()["active"] == 370 or None, "the birthday's points")
    yield member.now("has a birthday", active=370, tier="gold")
    member.waits(21)
    member.is_told("320 points to use by")
    yield member.now("is reminded of the last day by mail", active=370, tier="gold")
    member.waits(13)
    member.is_told("You hold Gold until")
    yield member.now("is told that Gold ends soon", active=370, tier="gold")
    member.waits(20)
    yield member.now("stayed away: points and Gold gone", active=50, tier="basic")
    member.waits(10)
    member.brings_everything_back()
    yield member.now("brings it all back, and owes nothing", active=50, tier="basic")


@dataclass
class _Member:
    """Whose story it is."""

    connection: Connection
    bar: Progress
    task: TaskID
    card: str = field(init=False)
    id: str = field(init=False)

    def __post_init__(self) -> None:
        today = clock(self.connection)
        self.card = f"TIME-{today:%Y%m%d}"
        born = (today + timedelta(days=40)).date().replace(year=1992)
        body = {"card": self.card, "email": self.address, "given_name": "Grace", "birth_date": born.isoformat()}
        self.id = self._post("/v1/members", body, key=f"in-time-{self.card}")["member_id"]

    @property
    def address(self) -> str:
        return f"{self.card.lower()}@example.com"

    def balance(self) -> Json:
        return _get(self.connection, f"/v1/members/{self.id}/balance")

    def now(self, what: str, *, active: int = 0, pending: int = 0, tier: str) -> Moment:
        """This moment, at which it must be so. Raises StoryError."""
        found = self.balance()
        has = (found["active"], found["pending"], found["tier"], found["debt"])
        if has != (active, pending, tier, 0):
            wanted = f"{active} active and {pending} pending points in {tier}"
            raise StoryError(f"A member who {what} should have {wanted}, and nothing owed. The balance is {found}.")
        return Moment(clock(self.connection).date(), what, active, pending, tier)

    def buys(self, dollars: int) -> None:
        body = {
            "id": f"receipt-{self.card}",
            "member": {"card": self.card},
            "occurred_at": clock(self.connection).isoformat(),
            "currency": "USD",
            "lines": [{"id": "1", "sku": "lp-giant-steps", "quantity": 2, "amount": dollars * 100}],
        }
        self._post("/v1/purchases", body)

    def holds(self) -> None:
        body = {"member": {"card": self.card}, "reward_id": "five", "capture": False}
        self._post("/v1/redemptions", body, key=f"hold-{self.card}")

    def brings_everything_back(self) -> None:
        body = {"id": f"return-{self.card}", "occurred_at": clock(self.connection).isoformat()}
        self._post(f"/v1/purchases/receipt-{self.card}/returns", body | {"lines": [{"id": "1", "quantity": 2}]})

    def waits(self, days: int) -> None:
        before = self.bar.tasks[self.task].completed
        put_forward(self.connection, days, lambda passed: self.bar.update(self.task, completed=before + passed))

    def is_told(self, words: str) -> None:
        """Wait for a mail whose subject has these words. Raises StoryError."""

        def found() -> bool | None:
            mails = [mail for mail in messages.mails(self.connection) if self.address in mail["To"]]
            return any(words in mail["Subject"] for mail in mails) or None

        until(found, f"a mail about “{words} …”")

    def _post(self, path: str, body: Mapping[str, object], key: str = "") -> Json:
        return _post(self.connection, path, body, {"Idempotency-Key": key} if key else {})


def clock(connection: Connection) -> datetime:
    """The time of a sandbox. Raises StoryError where there is none."""
    return datetime.fromisoformat(_get(connection, "/v1/sandbox/clock")["now"])


def put_forward(connection: Connection, days: int, moved: Callable[[int], None] = lambda _days: None) -> Json:
    """Put the clock of a sandbox forward, call after call until all has happened that falls due meanwhile; the last
    answer. `moved` hears how many days it was so far. Raises StoryError."""
    start = clock(connection)
    target = start + timedelta(days=days)
    while True:
        seconds = max(1, int((target - clock(connection)).total_seconds()))
        found = _post(connection, "/v1/sandbox/clock", {"advance": f"PT{seconds}S"}, {})
        moved((clock(connection) - start).days)
        if found["finished"]:
            return found


def _get(connection: Connection, path: str) -> Json:
    return _answer(connection.api.get(path), f"GET {path}")


def _post(connection: Connection, path: str, body: Mapping[str, object], headers: Mapping[str, str]) -> Json:
    answer = connection.api.post(path, json=body, headers=headers, timeout=_TIMEOUT_SECONDS)
    return _answer(answer, f"POST {path}")


def _answer(answer: httpx.Response, call: str) -> Json:
    if not answer.is_success:
        raise StoryError(f"{call} answered {answer.status_code}: {answer.text}")
    found: Json = answer.json()
    return found


def _days_ahead(connection: Connection) -> int:
    days: int = round(_get(connection, "/v1/sandbox/clock")["ahead_seconds"] / 86400)
    return days


def _show(console: Console, moments: list[Moment]) -> None:
    table = Table("day", "a member …", "active", "pending", "tier", title="A member in time", title_justify="left")
    for one in moments:
        table.add_row(one.on.isoformat(), one.what, f"{one.active:,}", f"{one.pending:,}", one.tier)
    console.print(table)
