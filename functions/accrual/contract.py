"""What goes in and out of earning."""

from collections.abc import Collection
from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationInfo, WithJsonSchema, field_validator, model_validator
from pydantic_core import PydanticCustomError

from functions.accrual.nearly import Nearly
from functions.accrual.returning import Return, Waiting
from functions.ledger.account import Entry
from functions.ledger.contract import BalanceOut, EffectOut, MemberRef, ReasonOut
from functions.ledger.rewards import IssuedReward
from functions.program.basket import LARGEST_BASKET, Attributes, BasketIn
from functions.program.model import BUILT_IN, Reward
from functions.program.occasions import Activity, Purchase
from functions.runtime.validation import (
    Id,
    Input,
    Instant,
    OperationId,
    Output,
)

LARGEST_BATCH = 100
LARGEST_ADJUSTMENT = 10_000_000
_OPERATION_SCHEMA = {
    "type": "object",
    "description": "Exactly one of `purchase`, `activity` and `return`: the body of the call by itself; a return names "
    "its `purchase_id`.",
    "minProperties": 1,
    "maxProperties": 1,
    "properties": {name: {"type": "object"} for name in ("purchase", "activity", "return")},
    "additionalProperties": False,
}


class PurchaseIn(BasketIn):
    """A purchase as a till, a shop or the bus reports it."""

    id: Annotated[OperationId, Field(description="The receipt number.")]
    member: MemberRef
    occurred_at: Instant

    def purchase(self) -> Purchase:
        return self.bought(self.id, self.occurred_at)


class CalculationIn(BasketIn):
    """A basket before it is paid. `member` may be left out, or be nobody's: then it is judged as the first purchase of
    somebody who enrols with it."""

    member: MemberRef | None = None
    occurred_at: Annotated[Instant | None, Field(description="By default now.")] = None


class ReturnLineIn(Input):
    """Pieces of one line that came back."""

    id: Annotated[str, Field(min_length=1, max_length=20, description="The line of the purchase.")]
    quantity: Annotated[int, Field(ge=1, le=100_000)]


class ReturnIn(Input):
    """What came back of a purchase; all that is left of it where no lines are given."""

    id: Annotated[OperationId, Field(description="The number of the return's own receipt.")]
    occurred_at: Instant
    lines: Annotated[tuple[ReturnLineIn, ...], Field(max_length=LARGEST_BASKET, strict=False)] = ()

    @model_validator(mode="after")
    def _lines_once(self) -> Self:
        if len({line.id for line in self.lines}) < len(self.lines):
            raise PydanticCustomError("duplicate_line", "Two lines have the same id")
        return self

    def of(self, purchase_id: str) -> "ReturnEventIn":
        return ReturnEventIn(purchase_id=purchase_id, id=self.id, occurred_at=self.occurred_at, lines=self.lines)

    def as_returned(self) -> Return:
        return Return(self.occurred_at, {line.id: line.quantity for line in self.lines} or None)


class ReturnEventIn(ReturnIn):
    """A return that says itself of which purchase it is, as an event or in a batch."""

    purchase_id: OperationId

    def body(self) -> ReturnIn:
        return ReturnIn(id=self.id, occurred_at=self.occurred_at, lines=self.lines)


class ActivityIn(Input):
    """Something a member did that the programme knows. Its attributes are those that the programme declares."""

    id: Annotated[OperationId, Field(description="Such as the number of the answer to the survey.")]
    member: MemberRef
    type: Annotated[Id, Field(description="An activity of the programme.")]
    occurred_at: Instant
    attributes: Attributes

    @field_validator("type")
    @classmethod
    def _happens_not_by_itself(cls, value: str) -> str:
        if value in BUILT_IN:
            raise PydanticCustomError("reserved", "This happens by itself; nobody reports it")
        return value

    def activity(self) -> Activity:
        return Activity(self.id, self.type, self.occurred_at, self.attributes)


class DecisionIn(Input):
    """What became of an activity that waited to be confirmed."""

    activity_id: OperationId
    decision: Literal["confirmed", "declined"]


class AdjustmentIn(Input):
    """Points given or taken by hand, or a tier given, as one that another programme gave; and why."""

    id: OperationId
    tier: Annotated[Id | None, Field(description="A tier to hold from now on, whatever was counted.")] = None
    tier_until: Annotated[
        date | None, Field(strict=False, description="Last day of it; for ever if it is left out.")
    ] = None
    points: Annotated[int, Field(ge=-LARGEST_ADJUSTMENT, le=LARGEST_ADJUSTMENT, description="Negative: taken.")] = 0
    reason: Annotated[Id, Field(description="A code of yours, such as `goodwill`.")]
    note: Annotated[str | None, Field(min_length=1, max_length=500, description="For people, in the statement.")] = None
    expires_on: Annotated[
        date | None, Field(strict=False, description="Last day of what is given; by default as what is earned today.")
    ] = None

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if not self.points and self.tier is None:
            raise PydanticCustomError("nothing", "Say how many points to give or to take, or which tier to give")
        if self.tier_until and self.tier is None:
            raise PydanticCustomError("tier_until", "Say which tier")
        return self

    @field_validator("expires_on")
    @classmethod
    def _of_what_is_given(cls, last_day: date | None, info: ValidationInfo) -> date | None:
        if last_day and info.data.get("points", 0) < 0:
            raise PydanticCustomError("expires_on", "Points that are taken have no last day")
        return last_day


def naming(body: Input) -> Collection[str]:
    """What a body names its member by; nothing where it names none."""
    named = isinstance(body, PurchaseIn | CalculationIn | ActivityIn) and body.member
    return named.model_fields_set if named else ()


class OperationIn(Input):
    """One operation of a batch: exactly one of the three."""

    purchase: PurchaseIn | None = None
    activity: ActivityIn | None = None
    returned: Annotated[ReturnEventIn | None, Field(alias="return")] = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if len(self.model_fields_set) != 1 or None in (getattr(self, name) for name in self.model_fields_set):
            raise PydanticCustomError("operation", "Give exactly one of purchase, activity and return")
        return self

    def body(self) -> "PurchaseIn | ActivityIn | ReturnEventIn":
        body = self.purchase or self.activity or self.returned
        assert body
        return body


class BatchIn(Input):
    """Up to 100 operations, each carried out by itself. Each is checked by itself too: one that is wrong keeps no other
    from being carried out."""

    operations: Annotated[
        list[Annotated[dict[str, Any], WithJsonSchema(_OPERATION_SCHEMA)]],
        Field(min_length=1, max_length=LARGEST_BATCH),
    ]


class TierStepOut(Output):
    """The tier as it is, and as the purchase would leave it."""

    now: str | None
    after: str | None


class RewardGivenOut(Output):
    """A reward that the purchase would bring."""

    reward_id: str
    kind: str
    value: int
    valid_from: date | None
    valid_until: date | None

    @classmethod
    def of(cls, reward: IssuedReward) -> Self:
        return cls(
            reward_id=reward.reward,
            kind=reward.kind,
            value=reward.value,
            valid_from=reward.valid_from,
            valid_until=reward.valid_until,
        )


class RewardInReachOut(Output):
    """A reward that the member can redeem as it is now."""

    reward_id: str
    points: int | None
    text: dict[str, str]

    @classmethod
    def of(cls, reward: Reward) -> Self:
        return cls(reward_id=reward.id, points=reward.points, text=dict(reward.text))


class NearlyOut(Output):
    """What so much more (minor units) would bring besides: points, and rewards."""

    rule: str
    text: dict[str, str]
    missing: int
    points: int
    rewards: list[str]

    @classmethod
    def of(cls, nearly: Nearly) -> Self:
        fields = asdict(nearly)
        return cls(**(fields | {"text": dict(nearly.text), "rewards": list(nearly.rewards)}))


class CalculationOut(Output):
    """What a basket would bring. `member_id`: None for somebody who is not a member yet. `balance`: after it."""

    member_id: str | None
    points: BalanceOut
    balance: BalanceOut
    tier: TierStepOut
    rewards_earned: list[RewardGivenOut]
    redeemable: list[RewardInReachOut]
    nearly: list[NearlyOut]
    explanation: list[ReasonOut]
    program_version: int


class WaitingOut(Output):
    """A return whose purchase has not come: it is carried out as soon as it does."""

    status: Literal["waiting"] = "waiting"
    purchase_id: str
    until: Annotated[datetime, Field(description="Then it is given up, with OperationRefused on the bus.")]

    @classmethod
    def of(cls, waiting: Waiting) -> Self:
        return cls(purchase_id=waiting.purchase_id, until=waiting.until)


class ResultOut(Output):
    """What became of one operation of a batch: `status` as the call by itself would have answered."""

    kind: str | None
    id: str | None
    status: int
    replayed: bool = False
    effect: EffectOut | None = None
    waiting: WaitingOut | None = None
    problem: dict[str, Any] | None = None


class BatchOut(Output):
    """The results, in the order of the operations."""

    results: list[ResultOut]


class PurchaseLineOut(Output):
    """A purchase line as it was booked."""

    id: str
    quantity: int
    amount: int
    points: int


class PurchaseOut(EffectOut):
    """A purchase as it was booked, with what it did."""

    currency: str | None
    lines: list[PurchaseLineOut]

    @classmethod
    def of(cls, entry: Entry) -> Self:
        lines = [PurchaseLineOut(**line._asdict()) for line in entry.posting.lines]
        return cls(**dict(EffectOut.of(entry)), currency=entry.posting.currency, lines=lines)


class ReturnedOut(Output):
    """How much of a line has come back so far."""

    line: str
    quantity: int
    points: int


class PurchaseStateOut(PurchaseOut):
    """A purchase as it is now."""

    returned: list[ReturnedOut]

    @classmethod
    def of(cls, entry: Entry) -> Self:
        returned = [ReturnedOut(line=line, **asdict(back)) for line, back in sorted(entry.returned.items())]
        return cls(**dict(PurchaseOut.of(entry)), returned=returned)
