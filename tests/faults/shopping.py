"""What partners may ask for about rewards: spend, hold, resolve, refund, use a voucher, fill the shelf, hand over.

As in `intents.py`, each with the key and the content that the books should know it by.
"""

import random

from functions.ledger.reward_items import stock_change_key
from functions.redemption import fulfilling, stocking, vouchers
from functions.redemption import store as redemption
from functions.redemption.contract import CaptureIn, FulfilmentIn, RedemptionIn, RefundIn, VoucherUseIn
from functions.redemption.spending import redemption_id
from functions.runtime.validation import payload_hash
from tests.faults.intents import SOURCES, World, key_of
from tests.faults.operations import Asked, Done
from tests.faults.programme import BY_HAND, CARD, CASH, FEW, PRICES, VOUCHER

_REWARDS = {VOUCHER: 5, CARD: 4, FEW: 6, CASH: 4, BY_HAND: 3}
"""How often each is asked for."""
_OFFICE = "office"


class Shopping:
    """Draws what to ask for about rewards."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self._world = world
        self._rng = rng

    def redemption(self, card: str, *, capture: bool, reward: str = "") -> Asked:
        key, source = self._world.fresh("key"), self._rng.choice(SOURCES)
        [drawn] = self._rng.choices(list(_REWARDS), list(_REWARDS.values()))
        reward = reward or drawn
        price = self._rng.randint(5, 80) if reward == CASH else PRICES[reward]
        received = RedemptionIn.model_validate(
            {"member": {"card": card}, "reward_id": reward, "capture": capture}
            | ({"points": price} if reward == CASH else {})
            | ({} if capture else {"hold_minutes": self._rng.choice((2, 5, 15, 40))})
        )
        wanted = redemption_id(source, key)
        (self._world.redemptions if capture else self._world.holds).append(wanted)
        return Asked(
            "redeem" if capture else "hold",
            key=key_of("redemption", "", wanted),
            content=payload_hash(received),
            call=lambda: redemption.redeem(received, source, key, self._world.fresh("call")),
            who=received.member.identity(source),
            of=wanted,
            points=None if reward == CASH else -price if capture else 0,
            price=price,
            reward=reward,
        )

    def capture(self, wanted: str) -> Asked:
        """All of it, or a part: what is not paid by the point refuses that."""
        self._world.redemptions.append(wanted)
        part = CaptureIn(points=self._rng.randint(2, 40)) if self._in_part(wanted) else None
        return Asked(
            "capture",
            key=key_of("capture", "", wanted),
            content=payload_hash(part) if part else "",
            call=lambda: redemption.capture(wanted, part, "till", self._world.fresh("call")),
            of=wanted,
        )

    def cancellation(self, wanted: str) -> Asked:
        return Asked(
            "cancel",
            key=key_of("release", "", wanted),
            content="",
            call=lambda: redemption.cancel(wanted, "till", self._world.fresh("call")),
            of=wanted,
            points=0,
        )

    def refund(self, wanted: str) -> Asked:
        """All that is left, or a part: what has one price refuses that."""
        part = None
        if self._in_part(wanted):
            part = RefundIn(id=self._world.fresh("refund"), points=self._rng.randint(1, 40))
        return Asked(
            "refund",
            key=key_of("refund", "", f"{wanted}:{part.id}" if part else wanted),
            content=payload_hash(part) if part else "",
            call=lambda: redemption.refund(wanted, part, "till", self._world.fresh("call")),
            of=wanted,
            points=part.points if part else None,
        )

    def _in_part(self, wanted: str) -> bool:
        by_the_point = any(asked.of == wanted and asked.reward == CASH for asked in self._world.asked)
        return self._rng.random() < (0.7 if by_the_point else 0.1)

    def use(self, code: str) -> Asked:
        """A voucher at a till: for a purchase that is smaller or greater than it is worth."""
        key, source = self._world.fresh("use"), self._rng.choice(SOURCES)
        lines = [
            {"id": str(i), "sku": "record", "quantity": 1, "amount": self._rng.randint(50, 700)}
            for i in range(self._rng.randint(1, 2))
        ]
        most = {"amount": self._rng.randint(1, 300)} if self._rng.random() < 0.3 else {}
        received = VoucherUseIn.model_validate({"currency": "USD", "lines": lines} | most)
        return Asked(
            "use",
            key=key_of("use", source, key),
            content=payload_hash(received, of=code),
            call=lambda: vouchers.use(code, received, source, key, self._world.fresh("call")),
            of=code,
            points=0,
        )

    def stock(self, reward: str = "") -> Asked:
        """Pieces come in, or go out."""
        key, reward = self._world.fresh("stock"), reward or self._rng.choice((FEW, FEW, BY_HAND))
        more = self._rng.choice((1, 2, 3, 20, -1, -1, -2, -3))
        return Asked(
            "stock",
            key=stock_change_key(_OFFICE, key)["key"],
            content=f"{reward} {more}",
            call=lambda: stocking.change(reward, more, _OFFICE, key),
            of=reward,
            points=more,
        )

    def fulfilment(self, wanted: str) -> Asked:
        received = FulfilmentIn(status="fulfilled", reference=self._world.fresh("parcel"))
        key = key_of("fulfilment", "", wanted)

        def note() -> Done:
            return Done(key, fulfilling.note(wanted, received, _OFFICE, self._world.fresh("call")).replayed)

        return Asked("fulfil", key, payload_hash(received), note, of=wanted, points=0)

    def failure(self, wanted: str) -> Asked:
        """It cannot be handed over: answered with the redemption as it is then, so nobody knows who was first."""
        received = FulfilmentIn(status="failed")
        key = key_of("refund", "", f"{wanted}/supplier_failed")

        def note() -> Done:
            fulfilling.note(wanted, received, _OFFICE, self._world.fresh("call"))
            return Done(key, replayed=True)

        return Asked("give up", key, "", note, of=wanted)

    def code(self, prefix: str = "") -> str | None:
        """A voucher that somebody got, by preference lately; of the reward `prefix`, if given."""
        codes = [
            reward.code
            for asked in self._world.asked[-40:]
            for answer in asked.answers
            if answer.entry
            for reward in (answer.entry.posting.reward, *answer.entry.posting.issued)
            if reward and reward.code and reward.reward.startswith(prefix)
        ]
        return self._rng.choice(codes) if codes else None
