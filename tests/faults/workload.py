"""Partners that meet on a few members: tills, a shop, a queue. They repeat what they got no answer to, or give up.

Everything they do is drawn from the run's seed: what, for whom, how long they think, whether they stop waiting for an
answer while the handler still runs (then two handlers carry out one operation side by side).
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

from botocore.exceptions import BotoCoreError, ClientError

from functions.accrual import batching
from functions.ledger.account import Entry
from tests.faults.faults import Faults
from tests.faults.intents import SOURCES, Intents, World, in_batch, on_bus
from tests.faults.messages import Witness
from tests.faults.operations import Answer, Asked, answer_in_batch, attempt
from tests.faults.programme import BY_HAND, CARD, CASH, FEW, VOUCHER
from tests.faults.schedule import CrashError, Schedule, skewed
from tests.faults.shopping import Shopping

_TRIES = 4
_IN_BETWEEN = 0.15
"""Seconds: about what a commit takes. What is asked so soon after something else meets it."""
OPENS = 8.0
MIDNIGHT = 20.0
_AT_MIDNIGHT = 2
"""What each does in the first moments of the new day, when members are visited."""

Ask: TypeAlias = Callable[[], Asked | None]


class Partner:
    """One of them."""

    def __init__(self, name: str, world: World, schedule: Schedule, faults: Faults, bus: Witness) -> None:
        self.name = name
        self._world = world
        self._schedule = schedule
        self._faults = faults
        self._bus = bus
        self._rng: random.Random = schedule.rng
        self._intents = Intents(world, schedule.rng)
        self._shopping = Shopping(world, schedule.rng)
        self._habits: dict[Ask, int] = {
            self._enrol: 4,
            self._purchase: 18,
            self._over_the_bus: 16,
            self._again: 14,
            self._changed: 6,
            self._return: 14,
            self._return_first: 12,
            self._batch: 6,
            self._activity: 6,
            self._decide: 10,
            self._adjust: 4,
            self._redeem: 10,
            self._earn_and_redeem: 8,
            self._hold: 10,
            self._resolve: 10,
            self._hold_and_resolve: 8,
            self._rush: 7,
            self._stock: 2,
            self._refund: 10,
            self._use: 12,
            self._handed_over: 7,
        }

    def live(self, actions: int) -> None:
        """Join somebody, buy something when the shop opens, as all others, then do that many things, one after the
        other, some of them just after midnight."""
        self._do(self._enrol)
        self._schedule.pause(max(0.0, OPENS - self._schedule.now + self._rng.random() * 0.03))
        self._do(self._purchase)
        for i in range(actions):
            if i == _AT_MIDNIGHT and self._schedule.now < MIDNIGHT:
                self._schedule.pause(MIDNIGHT - self._schedule.now + self._rng.random())
            elif not _AT_MIDNIGHT < i < 2 * _AT_MIDNIGHT:
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

    def _meanwhile(self, asked: Asked, after: float) -> None:
        """Somebody else asks that, over HTTPS or over the bus."""
        if self._rng.random() < 0.4 and on_bus(asked, ""):
            self._schedule.spawn(f"{self.name}-bus", lambda: self._send(asked), after)
            return
        rival = Partner(f"{self.name}-rival", self._world, self._schedule, self._faults, self._bus)
        self._schedule.spawn(rival.name, lambda: rival._do(lambda: asked), after)

    def _send(self, asked: Asked) -> None:
        event = on_bus(asked, self._world.fresh("event"))
        assert event
        self._world.asked.append(asked)
        self._bus.send(asked, event)

    def _soon(self) -> float:
        return self._rng.random() * _IN_BETWEEN

    def _enrol(self) -> Asked:
        return self._intents.enrolment()

    def _purchase(self) -> Asked:
        return self._intents.purchase(self._intents.receipt())

    def _earn_and_redeem(self) -> Asked:
        """At the till: a purchase, and what it earned is spent before any replica has heard of it."""
        receipt = self._intents.receipt()
        self._do(lambda: self._intents.purchase(receipt))
        return self._shopping.redemption(receipt.card, capture=True, reward=VOUCHER)

    def _over_the_bus(self) -> None:
        """Something new, or something that is known already, in a burst as from a till that was offline."""
        for _ in range(self._rng.choice((1, 1, 2, 5))):
            self._send(self._report())

    def _report(self) -> Asked:
        """Something that a batch and the bus can carry."""
        known = [asked for asked in self._world.asked[-15:] if in_batch(asked)]
        if known and self._rng.random() < 0.25:
            return self._rng.choice(known).afresh()
        kind = self._rng.random()
        if kind < 0.2 and self._world.receipts:
            return self._intents.return_of(self._rng.choice(self._world.receipts[-8:]))
        return self._intents.activity() if kind < 0.3 else self._purchase()

    def _batch(self) -> None:
        """Many operations in one call; where the answer is lost or some were not carried out, all of them again."""
        source = self._rng.choice(SOURCES)
        reports = [self._report() for _ in range(self._rng.randint(2, 20))]
        batch = [asked for asked in reports if asked.source == source]
        self._world.asked += batch
        for _ in range(_TRIES if batch else 0):
            answers = handle_batch(batch, source, self._world, self._schedule)
            lost = self._faults.strikes("lost_answer") or any(answer.verdict == "unknown" for answer in answers)
            if not lost and all(answer.code != "try_again" for answer in answers):
                return
            self._schedule.pause(self._rng.random() * 2)

    def _again(self) -> Asked | None:
        """Something that somebody asked lately, once more."""
        lately = self._world.asked[-15:]
        return self._rng.choice(lately).afresh() if lately else None

    def _changed(self) -> Asked | None:
        """A known receipt number with another basket, or a known return of other pieces."""
        if not self._world.receipts:
            return None
        receipt = self._rng.choice(self._world.receipts)
        if self._world.returns and self._rng.random() < 0.3:
            known = self._rng.choice(self._world.returns[-8:]).key.rpartition("#")[2]
            return self._intents.return_of(receipt, known)
        return self._intents.purchase(replace(receipt, purchase=self._intents.basket(receipt.purchase.id)))

    def _return(self) -> Asked | None:
        if not self._world.receipts:
            return None
        if self._rng.random() < 0.05:
            return self._intents.return_of_return()
        return self._intents.return_of(self._rng.choice(self._world.receipts[-8:]))

    def _return_first(self) -> Asked:
        """One or several returns whose purchase comes at the same moment, later, just when they are given up, or
        never."""
        receipt = self._intents.receipt()
        purchase = self._intents.purchase(receipt)
        for _ in range(self._rng.choice((0, 0, 0, 1, 1, 1, 2, 12))):
            self._meanwhile(self._intents.return_of(receipt), self._soon())
        if self._rng.random() < 0.2:
            other = replace(receipt, purchase=self._intents.basket(receipt.purchase.id))
            self._meanwhile(self._intents.purchase(other), self._rng.choice((self._soon(), self._world.patience)))
        comes = self._rng.random()
        if comes < 0.4:
            self._meanwhile(purchase, self._soon())
        elif comes < 0.55:
            self._meanwhile(purchase, self._rng.random() * self._world.patience)
        elif comes < 0.9:
            night = self._world.patience + self._rng.random()
            self._schedule.spawn("night", self._world.night, night)
            self._meanwhile(purchase, max(0.0, night + self._rng.gauss(0.05, 0.1)))
        return self._intents.return_of(receipt)

    def _activity(self) -> Asked:
        return self._intents.activity()

    def _decide(self) -> Asked:
        """Confirm or decline an activity, sometimes both at the same moment, sometimes before it has come and with
        another one beside it."""
        known = self._world.activities[-4:]
        if not known or self._rng.random() < 0.4:
            card = self._intents.card()
            activity = self._intents.activity("review", card)
            for review in (activity, self._intents.activity("review", card)):
                self._meanwhile(review, self._soon())
        else:
            activity = self._rng.choice(known)
        one, other = self._rng.sample(("confirmed", "declined"), 2)
        if self._rng.random() < 0.4:
            self._meanwhile(self._intents.decision(activity, other), self._soon())
        return self._intents.decision(activity, one)

    def _adjust(self) -> Asked | None:
        members = [answer.member for asked in self._world.asked for answer in asked.answers if answer.member]
        return self._intents.adjustment(self._rng.choice(members)) if members else None

    def _redeem(self) -> Asked:
        return self._shopping.redemption(self._intents.card(), capture=True)

    def _rush(self) -> Asked:
        """Several want the same few pieces at the same moment, while somebody fills the shelf or empties it."""
        reward = self._rng.choice((FEW, FEW, BY_HAND))
        for _ in range(self._rng.randint(1, 4)):
            self._meanwhile(
                self._shopping.redemption(self._intents.card(), capture=self._rng.random() < 0.5, reward=reward),
                self._soon(),
            )
        for _ in range(self._rng.choice((0, 1, 2))):
            self._meanwhile(self._shopping.stock(reward), self._soon())
        return self._shopping.redemption(self._intents.card(), capture=True, reward=reward)

    def _stock(self) -> Asked:
        return self._shopping.stock()

    def _hold(self) -> Asked:
        return self._shopping.redemption(self._intents.card(), capture=False)

    def _hold_and_resolve(self) -> Asked | None:
        """At a till: points are held, and soon after it is captured, mostly, and now and then refunded then."""
        receipt = self._intents.receipt()
        self._do(lambda: self._intents.purchase(receipt))
        hold = self._shopping.redemption(receipt.card, capture=False, reward=self._rng.choice((CASH, "")))
        self._do(lambda: hold)
        if self._rng.random() < 0.2:
            self._meanwhile(self._shopping.cancellation(hold.of), self._soon())
        if self._rng.random() < 0.3:
            self._schedule.spawn("ending", self._world.sweep, self._soon())
        self._do(lambda: self._shopping.capture(hold.of))
        if self._rng.random() < 0.3:
            self._meanwhile(self._shopping.refund(hold.of), self._soon())
        return self._shopping.refund(hold.of) if self._rng.random() < 0.5 else None

    def _resolve(self) -> Asked | None:
        """Capture or cancel a hold, sometimes both at the same moment, sometimes just when its time ends."""
        if not self._world.holds:
            return None
        wanted = self._rng.choice(self._world.holds[-4:])
        one, other = self._rng.sample((self._shopping.capture(wanted), self._shopping.cancellation(wanted)), 2)
        if self._rng.random() < 0.4:
            self._meanwhile(other, self._soon())
        if self._rng.random() < 0.3:
            self._schedule.spawn("ending", self._world.sweep, self._soon())
        if self._rng.random() < 0.2:
            self._meanwhile(self._shopping.refund(wanted), self._soon())
        return one

    def _refund(self) -> Asked | None:
        """Refund, wholly or in parts, sometimes twice at the same moment, or while it is handed over."""
        if not self._world.redemptions:
            return None
        wanted = self._rng.choice(self._world.redemptions[-6:])
        for other in self._rng.sample(
            (
                self._shopping.refund(wanted),
                self._shopping.fulfilment(wanted),
                self._shopping.failure(wanted),
            ),
            self._rng.choice((0, 0, 1, 1, 2)),
        ):
            self._meanwhile(other, self._soon())
        return self._shopping.refund(wanted)

    def _use(self) -> Asked | None:
        """Use a voucher: twice at the same moment, while it is refunded, while the purchase comes back that it came
        with."""
        code = self._shopping.code(self._rng.choice(("", CARD, "bonus")))
        if code is None:
            return None
        if self._rng.random() < 0.4:
            self._meanwhile(self._shopping.use(code), self._soon())
        asked, entry = self._where_it_came_from(code)
        if asked.of and self._rng.random() < 0.35:
            self._meanwhile(self._shopping.refund(asked.of), self._soon())
        receipt = next((one for one in self._world.receipts if one.purchase.id == entry.operation.id), None)
        if receipt and self._rng.random() < 0.35:
            self._meanwhile(self._intents.return_of(receipt), self._soon())
        return self._shopping.use(code)

    def _where_it_came_from(self, code: str) -> tuple[Asked, Entry]:
        return next(
            (asked, answer.entry)
            for asked in reversed(self._world.asked)
            for answer in asked.answers
            if answer.entry
            for reward in (answer.entry.posting.reward, *answer.entry.posting.issued)
            if reward and reward.code == code
        )

    def _handed_over(self) -> Asked:
        """Say that it was, or that it cannot be, sometimes both."""
        known = [
            asked.of for asked in self._world.asked[-60:] if asked.reward == BY_HAND and "committed" in asked.verdicts()
        ]
        if not known:
            return self._shopping.redemption(self._intents.card(), capture=True, reward=BY_HAND)
        wanted = self._rng.choice(known)
        one, other = self._rng.sample((self._shopping.fulfilment(wanted), self._shopping.failure(wanted)), 2)
        if self._rng.random() < 0.5:
            self._meanwhile(other, self._soon())
        return one


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
    _given(asked, answer, schedule)
    return answer


def handle_batch(batch: Sequence[Asked], source: str, world: World, schedule: Schedule) -> list[Answer]:
    """One handler carries out a batch, each of it by itself."""
    skewed(schedule)
    for asked in batch:
        asked.began = schedule.now if asked.began is None else asked.began
    operations = [operation for asked in batch if (operation := in_batch(asked))]
    try:
        results = batching.carry_out(operations, source, frozenset(), world.fresh("call")).results
        answers = [answer_in_batch(result, schedule.now) for result in results]
    except (CrashError, ClientError, BotoCoreError):
        answers = [Answer("unknown", schedule.now)] * len(batch)
    except Exception as error:  # noqa: BLE001  the edge, as above
        schedule.breaks(error)
        answers = [Answer("unknown", schedule.now)] * len(batch)
    for asked, answer in zip(batch, answers, strict=True):
        _given(asked, answer, schedule)
    return answers


def _given(asked: Asked, answer: Answer, schedule: Schedule) -> None:
    asked.answers.append(answer)
    schedule.note(f"{asked.kind} {asked.key}: {answer.verdict} {answer.code}{' (replayed)' if answer.replayed else ''}")
