"""What goes in and out of redemption."""

from datetime import date, datetime
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from functions.ledger.contract import EffectOut, MemberRef
from functions.ledger.rewards import IssuedReward, Use, Voucher
from functions.program.basket import BasketIn
from functions.program.model import Program, Reward
from functions.program.offering import Place, Wanted, least_points
from functions.redemption.spending import Handover, Redeemed, Status
from functions.redemption.using import Basket
from functions.runtime.validation import Amount, Id, Input, OperationId, Output, Word

LONGEST_HOLD = 30 * 24 * 60
"""Minutes."""
Points = Annotated[int, Field(ge=1, le=10_000_000)]
Code = Annotated[str, Field(min_length=1, max_length=200)]


class RedemptionIn(Input):
    """A member wants a reward. `capture: true` takes the points at once, `false` holds them."""

    member: MemberRef
    reward_id: Id
    capture: bool = True
    hold_minutes: Annotated[
        int, Field(ge=1, le=LONGEST_HOLD, description="How long the points are held, if they are.")
    ] = 15
    points: Annotated[
        Points | None, Field(description="Where there is a choice: so many points, and money for the rest.")
    ] = None
    amount: Annotated[
        Amount | None, Field(ge=1, description="Of points as money: what they are to pay, minor units.")
    ] = None
    purchase_amount: Annotated[
        Amount | None, Field(description="What the purchase costs, where points may pay a part of it; minor units.")
    ] = None
    store: Word | None = None
    channel: Word | None = None

    def wanted(self) -> Wanted:
        return Wanted(self.points, self.amount, self.purchase_amount)

    def place(self) -> Place:
        return Place(self.store, self.channel)


class RedemptionEventIn(RedemptionIn):
    """`RedemptionRequested`: the body of `POST /v1/redemptions`, with the key that is a header there."""

    idempotency_key: OperationId


class CaptureIn(Input):
    """How much of held points as money is taken; the rest goes back. All of it where nothing is said."""

    points: Points | None = None
    amount: Annotated[Amount | None, Field(ge=1, description="What they are to pay, minor units.")] = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if self.points is not None and self.amount is not None:
            raise PydanticCustomError("capture", "Give either points or amount")
        return self


class RefundIn(Input):
    """How many of the points come back, where they were used as money; all where nothing is said."""

    id: Annotated[OperationId | None, Field(description="Of this refund of a part: a repeat has the same.")] = None
    points: Points | None = None

    @model_validator(mode="after")
    def _a_part_has_an_id(self) -> Self:
        if (self.id is None) != (self.points is None):
            raise PydanticCustomError("refund", "A refund of a part has both id and points")
        return self


class FulfilmentIn(Input):
    """What became of handing a reward over. Where it failed, the points come back."""

    status: Literal["fulfilled", "failed"]
    code: Annotated[Code | None, Field(description="What the member gets, if it is a code; as good as money.")] = None
    reference: Annotated[str | None, Field(min_length=1, max_length=100, description="A number of yours.")] = None


class VoucherUseIn(BasketIn):
    """A purchase that a voucher pays a part of, before it is paid."""

    amount: Annotated[Amount | None, Field(ge=1, description="At most so much of it; minor units.")] = None

    def basket(self) -> Basket:
        return Basket(self.currency, [line.line() for line in self.lines], self.store, self.amount)


class StockIn(Input):
    """Pieces that come in, or, negative, go out."""

    change: Annotated[int, Field(ge=-10_000_000, le=10_000_000)]

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.change:
            raise PydanticCustomError("nothing", "Say how many pieces")
        return self


class StockOut(Output):
    """How many pieces of a reward there are."""

    reward_id: str
    left: int


class VoucherOut(Output):
    """A voucher. `code` is as good as money: keep it out of logs. `valid_until` is its last day."""

    code: str
    value: int
    currency: str
    valid_until: date | None

    @classmethod
    def of(cls, reward: IssuedReward) -> Self:
        return cls.model_validate(
            {"code": reward.code, "value": reward.value, "currency": reward.currency, "valid_until": reward.valid_until}
        )


VoucherStatus: TypeAlias = Literal["not_yet", "active", "used", "expired", "withdrawn"]


class VoucherStateOut(VoucherOut):
    """A voucher as it is today: `value` is what is left of it. Its terms: how often it can still be used (None: until
    nothing is left), from what purchase on (minor units), and where, anywhere where no store is named."""

    status: VoucherStatus
    valid_from: date | None
    redemption_id: str
    reward_id: str
    uses: int
    uses_left: int | None
    minimum_spend: int
    stores: list[str]

    @classmethod
    def on(cls, found: Voucher, program: Program, today: date) -> Self:
        reward, terms = found.reward, program.rewards[found.reward.reward].terms
        return cls(
            **dict(VoucherOut.of(reward)),
            status=_status(found, today),
            valid_from=reward.valid_from,
            redemption_id=reward.redemption,
            reward_id=reward.reward,
            uses=found.uses,
            uses_left=None if terms.in_parts else terms.times - found.uses,
            minimum_spend=terms.minimum,
            stores=sorted(terms.stores),
        )


def _status(found: Voucher, today: date) -> VoucherStatus:
    reward = found.reward
    if found.withdrawn:
        return "withdrawn"
    if found.used_up:
        return "used"
    if reward.valid_from and today < reward.valid_from:
        return "not_yet"
    return "expired" if reward.valid_until and today > reward.valid_until else "active"


class VoucherPictureOut(Output):
    """A voucher to scan: its code, and that as a QR code in SVG. As good as money."""

    code: str
    qr_svg: str


class VoucherUsedOut(EffectOut):
    """What a voucher paid: altogether, and by line; minor units. `left`: of its value."""

    redemption_id: str
    reward_id: str
    currency: str
    paid: int
    lines: dict[str, int]
    left: int
    used_up: bool

    @classmethod
    def of_use(cls, effect: EffectOut, use: Use) -> Self:
        reward = use.voucher.reward
        return cls(
            **dict(effect),
            redemption_id=reward.redemption,
            reward_id=reward.reward,
            currency=reward.currency,
            paid=use.paid,
            lines=dict(use.lines),
            left=use.left,
            used_up=use.used_up,
        )


class HandoverOut(Output):
    """How far handing a reward over is, where that takes somebody. `code`, `reference`: what they gave."""

    status: Handover
    code: str | None
    reference: str | None


class RedemptionOut(EffectOut):
    """A redemption with its whole effect. A voucher comes with the capture. `value`: what it is worth, `money`: what is
    to be paid besides the points; minor units. `refunded`: points that came back so far."""

    redemption_id: str
    reward_id: str
    status: Status
    value: int
    money: int
    currency: str
    expires_at: Annotated[datetime | None, Field(description="When a hold ends by itself.")]
    refunded: int
    voucher: VoucherOut | None
    fulfilment: HandoverOut | None

    @classmethod
    def of_redeemed(cls, redeemed: Redeemed) -> Self:
        reward = redeemed.reward
        of_ours = reward.code if reward.fulfilment == "code" else None
        handover = redeemed.handover
        return cls(
            **dict(EffectOut.of(redeemed.entry)),
            redemption_id=reward.redemption,
            reward_id=reward.reward,
            status=redeemed.status,
            value=reward.value,
            money=reward.money,
            currency=reward.currency,
            expires_at=redeemed.entry.posting.until,
            refunded=redeemed.refunded,
            voucher=VoucherOut.of(reward) if of_ours else None,
            fulfilment=HandoverOut(status=handover, code=reward.code, reference=reward.reference) if handover else None,
        )


class MixOut(Output):
    """Money for points that are not paid: with at least so many points, so much for each of the others."""

    least_points: int
    per_point: float


class PayingOut(Output):
    """Points as money: `points` are worth `value`, minor units."""

    points: int
    value: int
    least_points: int
    most_points: int | None
    most_percent: float | None


class RewardOut(Output):
    """A reward of the catalogue. `points`: the price, None where any number of them can be paid (`pay`). `money`: what
    is paid besides. `value` in minor units of `currency`, None where it has none of its own."""

    reward_id: str
    kind: str
    points: int | None
    money: int
    money_for_points: MixOut | None
    pay: PayingOut | None
    value: int | None
    currency: str
    valid_days: int | None
    valid_months: int | None
    fulfilment: str
    left: Annotated[int | None, Field(description="Pieces for all members, None where they are not counted.")]
    offered_from: date | None
    offered_to: date | None
    text: dict[str, str]
    description: dict[str, str]
    picture: dict[str, str]

    @classmethod
    def of(cls, reward: Reward, program: Program, left: int | None) -> Self:
        mix, pay = reward.mix, reward.paying
        return cls(
            reward_id=reward.id,
            kind=reward.kind,
            points=reward.points,
            money=reward.money,
            money_for_points=MixOut(least_points=mix.least_points, per_point=float(mix.per_point)) if mix else None,
            pay=PayingOut(
                points=pay.points,
                value=pay.value,
                least_points=pay.least,
                most_points=pay.most,
                most_percent=None if pay.most_percent is None else float(pay.most_percent),
            )
            if pay
            else None,
            value=reward.value,
            currency=program.currency,
            valid_days=reward.valid.days or None,
            valid_months=reward.valid.months or None,
            fulfilment=reward.fulfilment,
            left=left,
            offered_from=reward.first_day,
            offered_to=reward.last_day,
            text=dict(reward.text),
            description=dict(reward.description),
            picture=dict(reward.picture),
        )


class CatalogueOut(Output):
    """What points can buy, cheapest first."""

    items: list[RewardOut]
    next_cursor: Annotated[str | None, Field(description="The catalogue is one page.")] = None


class RewardForMemberOut(RewardOut):
    """A reward as it is for one member. `can_have`: now; else `why_not` says why, and `missing` how many points."""

    can_have: bool
    why_not: str | None
    missing: int

    @classmethod
    def for_member(cls, reward: RewardOut, why_not: str | None, missing: int) -> Self:
        return cls(**dict(reward), can_have=why_not is None, why_not=why_not, missing=missing)


class NextRewardOut(Output):
    """The reward that is nearest in reach, and how many points are missing."""

    reward_id: str
    missing: int


class MemberRewardsOut(Output):
    """All rewards for a member, those that can be had first, then the nearest first."""

    member_id: str
    active: int
    items: list[RewardForMemberOut]
    next: NextRewardOut | None


def cheapest_first(reward: Reward) -> tuple[int, str]:
    return least_points(reward), reward.id
