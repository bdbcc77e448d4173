"""What partners may ask for: each intent with the key and the content that the books should know it by.

Everything is drawn from the run's seed. A return, an activity and a decision can go over HTTPS, over the bus or in a
batch; all three carry the same body.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from functions.accrual import store as accrual
from functions.accrual.contract import (
    ActivityIn,
    AdjustmentIn,
    DecisionIn,
    PurchaseIn,
    ReturnEventIn,
)
from functions.enrolment import store as enrolment
from functions.enrolment.contract import MemberIn
from functions.enrolment.member import member_id
from functions.ledger.account import Operation, OperationKind
from functions.ledger.identity import profile_key
from functions.runtime.validation import payload_hash
from tests.faults.operations import Asked
from tests.faults.programme import FLOOD

SOURCES = ("till", "shop")
REFERRER = "4006381333930"
CARDS = ("4006381333931", "4006381333932", "4006381333933", "4006381333934")
DAYS = ("2025-12-24T18:00:00Z", "2026-02-10T09:00:00Z", "2026-02-28T12:00:00Z", "2025-02-28T12:00:00Z")
"""Days of purchases: where points live for twelve months, those of the last one expire while the run goes on."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A purchase that a partner sent, or will send: to be changed or returned."""

    purchase: PurchaseIn
    source: str

    @property
    def card(self) -> str:
        return self.purchase.member.card or ""


@dataclass
class World:
    """What the partners know of each other, and all they ever asked. `patience`: seconds that a return waits for its
    purchase; `night`: report those that waited too long; `sweep`: end the holds whose time is over."""

    patience: float = 30.0
    night: Callable[[], None] = lambda: None
    asked: list[Asked] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    returns: list[Asked] = field(default_factory=list)
    activities: list[Asked] = field(default_factory=list)
    holds: list[str] = field(default_factory=list)
    redemptions: list[str] = field(default_factory=list)
    sweep: Callable[[], None] = lambda: None
    count: int = 0

    def fresh(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}-{self.count}"


class Intents:
    """Draws what to ask for."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self._world = world
        self._rng = rng

    def enrolment(self) -> Asked:
        card, source, person = self._rng.choice(CARDS), self._rng.choice(SOURCES), self._rng.randint(1, 2)
        key = f"join-{card}-{person}"
        name = "Ada" if self._rng.random() < 0.9 else "Eve"
        return enrolment_of(
            MemberIn(card=card, email=f"{card}@example.com" if person == 1 else None, given_name=name, attributes={}),
            source,
            key,
        )

    def card(self) -> str:
        """Whoever joined, mostly the first two, so that they collide."""
        return self._rng.choices((*CARDS, REFERRER), [6, 3, 1, 1, 1])[0]

    def receipt(self) -> Receipt:
        """A new purchase."""
        receipt = Receipt(self.basket(self._world.fresh("receipt")), self._rng.choice(SOURCES))
        self._world.receipts.append(receipt)
        return receipt

    def basket(self, receipt_number: str) -> PurchaseIn:
        sku = FLOOD if self._rng.random() < 0.02 else "record"
        lines = [
            {"id": str(i), "sku": sku, "quantity": self._rng.randint(1, 3), "amount": self._rng.randint(900, 9_000)}
            for i in range(self._rng.randint(1, 3))
        ]
        return PurchaseIn.model_validate(
            {
                "id": receipt_number,
                "member": {"card": self.card()},
                "occurred_at": self._rng.choice(DAYS),
                "currency": "USD",
                "lines": lines,
            }
        )

    def purchase(self, receipt: Receipt) -> Asked:
        purchase, source = receipt.purchase, receipt.source
        return Asked(
            "purchase",
            key=key_of("purchase", source, purchase.id),
            content=payload_hash(purchase),
            call=lambda: accrual.record(self._report(purchase, source)),
            who=purchase.member.identity(source),
            points=sum(line.amount for line in purchase.lines) // 100,
            body=purchase,
            source=source,
        )

    def return_of(self, receipt: Receipt, return_id: str | None = None) -> Asked:
        """Some lines, all that is left, or more than there ever was."""
        kind = self._rng.choices(("lines", "whole", "above", "unknown line"), [12, 4, 1, 0.5])[0]
        pieces: dict[str, int] = {}
        if kind != "whole":
            lines = [line for line in receipt.purchase.lines if self._rng.random() < 0.6] or receipt.purchase.lines[:1]
            more = 1 if kind == "above" else 0
            pieces = {line.id: self._rng.randint(1, line.quantity) + more * line.quantity for line in lines}
        if kind == "unknown line":
            pieces["99"] = 1
        asked = self._return(receipt.purchase.id, receipt.source, return_id or self._world.fresh("return"), pieces)
        self._world.returns.append(asked)
        return asked

    def return_of_return(self) -> Asked | None:
        """A clerk scans the wrong receipt."""
        if not self._world.returns:
            return None
        other = self._rng.choice(self._world.returns)
        assert isinstance(other.body, ReturnEventIn)
        return self._return(other.body.id, other.source, self._world.fresh("return"), {})

    def _return(self, purchase_id: str, source: str, return_id: str, pieces: dict[str, int]) -> Asked:
        body = ReturnEventIn.model_validate(
            {
                "id": return_id,
                "purchase_id": purchase_id,
                "occurred_at": "2026-02-28T20:00:00Z",
                "lines": [{"id": line, "quantity": quantity} for line, quantity in pieces.items()],
            }
        )
        return Asked(
            "return",
            key=key_of("return", source, body.id),
            content=payload_hash(body.body(), of=purchase_id),
            call=lambda: accrual.record_return(self._report(body, source)),
            of=key_of("purchase", source, purchase_id),
            pieces=pieces,
            body=body,
            source=source,
        )

    def activity(self, kind: str = "", card: str = "") -> Asked:
        kind, source = kind or self._rng.choice(("survey", "review", "review")), self._rng.choice(SOURCES)
        body = ActivityIn.model_validate(
            {
                "id": self._world.fresh(kind),
                "member": {"card": card or self.card()},
                "type": kind,
                "occurred_at": self._rng.choice(DAYS),
                "attributes": {},
            }
        )
        asked = Asked(
            "activity",
            key=key_of("activity", source, body.id),
            content=payload_hash(body),
            call=lambda: accrual.record(self._report(body, source)),
            who=body.member.identity(source),
            body=body,
            source=source,
        )
        self._world.activities.append(asked)
        return asked

    def decision(self, activity: Asked, decision: str) -> Asked:
        assert isinstance(activity.body, ActivityIn)
        body = DecisionIn.model_validate({"activity_id": activity.body.id, "decision": decision})
        return Asked(
            "decision",
            key=key_of("confirmation", activity.source, body.activity_id),
            content=payload_hash(body),
            call=lambda: accrual.record(self._report(body, activity.source)),
            of=activity.key,
            body=body,
            source=activity.source,
        )

    def adjustment(self, member: str) -> Asked:
        points = self._rng.choice((50, 20, -30, -80))
        body = AdjustmentIn(id=self._world.fresh("adjustment"), points=points, reason="goodwill")
        source = self._rng.choice(SOURCES)
        return Asked(
            "adjust",
            key=key_of("adjustment", source, body.id),
            content=payload_hash(body, of=member),
            call=lambda: accrual.adjust(member, body, source, self._world.fresh("call")),
            of=member,
            points=points,
        )

    def _report(self, body: accrual.Body, source: str) -> accrual.Report:
        return accrual.Report(body, source, self._world.fresh("call"))


def enrolment_of(member: MemberIn, source: str, key: str) -> Asked:
    """Somebody joins."""
    return Asked(
        "enrol",
        key=profile_key(member_id(source, key)),
        content=payload_hash(member),
        call=lambda: enrolment.enrol(member, source, key),
    )


def key_of(kind: OperationKind, source: str, operation_id: str) -> str:
    """By which the books know an operation."""
    return Operation(kind, source, operation_id, "", "").key


_IN_BATCH = {"purchase", "activity", "return"}
_ON_BUS = {
    "purchase": "PurchaseCompleted",
    "return": "PurchaseReturned",
    "activity": "ActivityRecorded",
    "decision": "ActivityDecided",
}


def in_batch(asked: Asked) -> dict[str, object] | None:
    """An intent as one operation of a batch, where it can be one."""
    if asked.kind not in _IN_BATCH or asked.body is None:
        return None
    return {asked.kind: asked.body.model_dump(mode="json", exclude_defaults=True)}


def on_bus(asked: Asked, event_id: str) -> dict[str, object] | None:
    """An intent as an event, where it can be one."""
    if asked.kind not in _ON_BUS or asked.body is None:
        return None
    return {
        "id": event_id,
        "source": asked.source,
        "time": DAYS[0],
        "detail-type": _ON_BUS[asked.kind],
        "detail": asked.body.model_dump(mode="json", exclude_defaults=True),
    }
