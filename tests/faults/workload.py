"""Partners that meet on a few members: tills, a shop, a queue. They repeat what they got no answer to, or give up.

Everything they do is drawn from the run's seed: what, for whom, how long they think, whether they stop waiting for an
answer while the handler still runs (then two handlers carry out one operation side by side).
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from functions.accrual import store as accrual
from functions.accrual.contract import PurchaseIn, ReturnIn
from functions.enrolment import store as enrolment
from functions.enrolment.contract import MemberIn
from functions.enrolment.member import member_id
from functions.ledger.account import Operation
from functions.ledger.identity import profile_key
from functions.redemption import store as redemption
from functions.redemption.contract import RedemptionIn
from functions.redemption.spending import redemption_id
from functions.runtime import bus
from functions.runtime.validation import payload_hash
from tests.faults.faults import Faults
from tests.faults.messages import Queue
from tests.faults.operations import Answer, Asked, attempt
from tests.faults.schedule import Schedule, skewed

SOURCES = ("till", "shop")
PRICE = 100
_TRIES = 4
_CARDS = ("4006381333931", "4006381333932", "4006381333933", "4006381333934")
_DAYS = ("2025-12-24T18:00:00Z", "2026-02-10T09:00:00Z", "2026-02-28T12:00:00Z", "2025-02-28T12:00:00Z")
"""Days of purchases: where points live for twelve months, those of the last one expire while the run goes on."""

Ask: TypeAlias = Callable[[], Asked | None]


@dataclass(frozen=True, slots=True)
class Receipt:
    """A purchase that a partner sent: to be changed or returned."""

    purchase: PurchaseIn
    source: str

    @property
    def card(self) -> str:
        return self.purchase.member.card or ""


@dataclass
class World:
    """What the partners know of each other, and all they ever asked."""

    asked: list[Asked] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    holds: list[str] = field(default_factory=list)
    count: int = 0

    def fresh(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}-{self.count}"


class Partner:
    """One of them."""

    def __init__(self, name: str, world: World, schedule: Schedule, faults: Faults, queue: Queue) -> None:
        self.name = name
        self._world = world
        self._schedule = schedule
        self._faults = faults
        self._queue = queue
        self._rng: random.Random = schedule.rng
        self._habits: dict[Ask, int] = {
            self._enrol: 4,
            self._purchase: 24,
            self._purchase_over_the_bus: 18,
            self._again: 16,
            self._changed: 6,
            self._return: 14,
            self._redeem: 12,
            self._earn_and_redeem: 8,
            self._hold: 12,
            self._resolve: 16,
        }

    def live(self, actions: int) -> None:
        """Join somebody, then do that many things, one after the other."""
        self._do(self._enrol)
        for _ in range(actions):
            self._schedule.pause(self._rng.random() ** 5 * 20)
            [ask] = self._rng.choices(list(self._habits), list(self._habits.values()))
            self._do(ask)

    def _do(self, ask: Ask) -> None:
        asked = ask()
        if asked:
            self._world.asked.append(asked)
            self._insist(asked)

    def _insist(self, asked: Asked) -> None:
        """Call until there is an answer, or give up."""
        for _ in range(_TRIES):
            answer = self._call(asked)
            busy = answer.code == "try_again"
            if (answer.verdict != "unknown" and not busy) or self._rng.random() < 0.1:
                return
            self._schedule.pause(self._rng.random() * 2)

    def _call(self, asked: Asked) -> Answer:
        """What the partner sees of one call. What the handler answered is evidence either way."""
        if self._faults.strikes("impatient_client"):
            self._schedule.spawn(f"{self.name}-late", lambda: handle(asked, self._schedule))
            self._schedule.pause(self._rng.random() * 0.1)
            return Answer("unknown", self._schedule.now)
        answer = handle(asked, self._schedule)
        return Answer("unknown", answer.at) if self._faults.strikes("lost_answer") else answer

    def _enrol(self) -> Asked:
        card, source, person = self._rng.choice(_CARDS), self._rng.choice(SOURCES), self._rng.randint(1, 2)
        key = f"join-{card}-{person}"
        name = "Ada" if self._rng.random() < 0.9 else "Eve"
        member = MemberIn(card=card, email=f"{card}@example.com" if person == 1 else None, given_name=name)
        return Asked(
            "enrol",
            key=profile_key(member_id(source, key)),
            content=payload_hash(member),
            call=lambda: enrolment.enrol(member, source, key),
        )

    def _purchase(self) -> Asked:
        receipt = Receipt(self._basket(self._world.fresh("receipt")), self._rng.choice(SOURCES))
        self._world.receipts.append(receipt)
        return self._purchase_of(receipt)

    def _earn_and_redeem(self) -> Asked:
        """At the till: a purchase, and what it earned is spent before any replica has heard of it."""
        self._do(self._purchase)
        return self._redemption(self._world.fresh("key"), self._world.receipts[-1].card, capture=True)

    def _basket(self, receipt_number: str) -> PurchaseIn:
        lines = [
            {
                "id": str(i),
                "sku": "record",
                "quantity": self._rng.randint(1, 3),
                "amount": self._rng.randint(900, 9_000),
            }
            for i in range(self._rng.randint(1, 3))
        ]
        return PurchaseIn.model_validate(
            {
                "id": receipt_number,
                "member": {"card": self._card()},
                "occurred_at": self._rng.choice(_DAYS),
                "currency": "USD",
                "lines": lines,
            }
        )

    def _card(self) -> str:
        """Whoever joined, mostly the first two, so that they collide."""
        return self._rng.choices(_CARDS, [6, 3, 1, 1])[0]

    def _purchase_of(self, receipt: Receipt) -> Asked:
        purchase, source = receipt.purchase, receipt.source
        return Asked(
            "purchase",
            key=Operation("purchase", source, purchase.id, "", "").key,
            content=payload_hash(purchase),
            call=lambda: accrual.record_purchase(purchase, source, self._world.fresh("call")),
            who=purchase.member.identity(source),
            points=sum(line.amount for line in purchase.lines) // 100,
        )

    def _purchase_over_the_bus(self) -> None:
        """A new purchase, or one that is known already, in a burst as from a till that was offline."""
        for _ in range(self._rng.choice((1, 1, 2, 5))):
            known = self._rng.random() < 0.2 and self._world.receipts
            receipt = (
                self._rng.choice(self._world.receipts)
                if known
                else Receipt(self._basket(self._world.fresh("receipt")), self._rng.choice(SOURCES))
            )
            self._world.receipts.append(receipt)
            asked = self._purchase_of(receipt)
            self._world.asked.append(asked)
            detail = receipt.purchase.model_dump(mode="json", exclude_unset=True)
            event = {"id": self._world.fresh("event"), "source": receipt.source, "time": _DAYS[0], "detail": detail}
            self._queue.send(bus.Event.model_validate(event | {"detail-type": "PurchaseCompleted"}), asked)

    def _again(self) -> Asked | None:
        """Something that somebody asked lately, once more."""
        lately = self._world.asked[-15:]
        return replace(self._rng.choice(lately), began=None, answers=[]) if lately else None

    def _changed(self) -> Asked | None:
        """A known receipt number with another basket."""
        if not self._world.receipts:
            return None
        receipt = self._rng.choice(self._world.receipts)
        return self._purchase_of(replace(receipt, purchase=self._basket(receipt.purchase.id)))

    def _return(self) -> Asked | None:
        if not self._world.receipts:
            return None
        receipt = self._rng.choice(self._world.receipts[-8:])
        purchase, source = receipt.purchase, receipt.source
        pieces = {line.id: self._rng.randint(1, line.quantity) for line in purchase.lines if self._rng.random() < 0.6}
        lines = [{"id": line, "quantity": quantity} for line, quantity in pieces.items()]
        received = ReturnIn.model_validate(
            {"id": self._world.fresh("return"), "occurred_at": "2026-02-28T20:00:00Z", "lines": lines}
        )
        return Asked(
            "return",
            key=Operation("return", source, received.id, "", "").key,
            content=payload_hash(received, of=purchase.id),
            call=lambda: accrual.record_return(purchase.id, received, source, self._world.fresh("call")),
            who=purchase.member.identity(source),
            of=Operation("purchase", source, purchase.id, "", "").key,
            pieces=pieces,
        )

    def _redeem(self) -> Asked:
        return self._redemption(self._world.fresh("key"), self._card(), capture=True)

    def _hold(self) -> Asked:
        asked = self._redemption(self._world.fresh("key"), self._card(), capture=False)
        self._world.holds.append(asked.of)
        return asked

    def _redemption(self, key: str, card: str, *, capture: bool) -> Asked:
        source = self._rng.choice(SOURCES)
        received = RedemptionIn.model_validate({"member": {"card": card}, "reward_id": "voucher-5", "capture": capture})
        wanted = redemption_id(source, key)
        return Asked(
            "redeem" if capture else "hold",
            key=Operation("redemption", "", wanted, "", "").key,
            content=payload_hash(received),
            call=lambda: redemption.redeem(received, source, key, self._world.fresh("call")),
            who=received.member.identity(source),
            of=wanted,
            points=-PRICE if capture else 0,
        )

    def _resolve(self) -> Asked | None:
        """Capture or cancel a hold, sometimes both at the same moment."""
        if not self._world.holds:
            return None
        wanted = self._rng.choice(self._world.holds[-4:])
        one, other = self._rng.sample((self._capture(wanted), self._cancel(wanted)), 2)
        if self._rng.random() < 0.4:
            rival = Partner(f"{self.name}-rival", self._world, self._schedule, self._faults, self._queue)
            self._schedule.spawn(rival.name, lambda: rival._do(lambda: other), self._rng.random() * 0.05)
        return one

    def _capture(self, wanted: str) -> Asked:
        return Asked(
            "capture",
            key=Operation("capture", "", wanted, "", "").key,
            content="",
            call=lambda: redemption.capture(wanted, "till", self._world.fresh("call")),
            of=wanted,
            points=-PRICE,
        )

    def _cancel(self, wanted: str) -> Asked:
        return Asked(
            "cancel",
            key=Operation("release", "", wanted, "", "").key,
            content="",
            call=lambda: redemption.cancel(wanted, "till", self._world.fresh("call")),
            of=wanted,
            points=0,
        )


def handle(asked: Asked, schedule: Schedule) -> Answer:
    """One handler carries out one call."""
    skewed(schedule)
    if asked.began is None:
        asked.began = schedule.now
    try:
        answer = attempt(asked.call, lambda: schedule.now)
    except Exception as error:  # noqa: BLE001  the edge: what the real code must not raise
        schedule.breaks(error)
        answer = Answer("unknown", schedule.now)
    asked.answers.append(answer)
    schedule.note(f"{asked.kind} {asked.key}: {answer.verdict} {answer.code}{' (replayed)' if answer.replayed else ''}")
    return answer
