"""What goes in and out of redemption."""

from datetime import date
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field

from functions.ledger.account import IssuedReward, Voucher
from functions.ledger.contract import EffectOut, MemberRef
from functions.program.model import Program, Reward
from functions.redemption.spending import Redeemed
from functions.runtime.validation import Id, Input, OperationId, Output


class RedemptionIn(Input):
    """A member wants a reward. `capture: true` takes the points at once, `false` holds them."""

    member: MemberRef
    reward_id: Id
    capture: bool = True


class RedemptionEventIn(RedemptionIn):
    """`RedemptionRequested`: the body of `POST /v1/redemptions`, with the key that is a header there."""

    idempotency_key: OperationId


class VoucherOut(Output):
    """A voucher. `code` is as good as money: keep it out of logs. `valid_until` is its last day."""

    code: str
    value: int
    currency: str
    valid_until: date

    @classmethod
    def of(cls, reward: IssuedReward) -> Self:
        return cls.model_validate(
            {"code": reward.code, "value": reward.value, "currency": reward.currency, "valid_until": reward.valid_until}
        )


VoucherStatus: TypeAlias = Literal["not_yet", "active", "expired", "withdrawn"]


class VoucherStateOut(VoucherOut):
    """A voucher as it is today."""

    status: VoucherStatus
    valid_from: date | None
    redemption_id: str
    reward_id: str

    @classmethod
    def on(cls, found: Voucher, today: date) -> Self:
        reward = found.reward
        voucher = VoucherOut.of(reward)
        return cls(
            **dict(voucher),
            status=_status(found, voucher.valid_until, today),
            valid_from=reward.valid_from,
            redemption_id=reward.redemption,
            reward_id=reward.reward,
        )


def _status(found: Voucher, valid_until: date, today: date) -> VoucherStatus:
    if found.withdrawn:
        return "withdrawn"
    if found.reward.valid_from and today < found.reward.valid_from:
        return "not_yet"
    return "active" if today <= valid_until else "expired"


class RedemptionOut(EffectOut):
    """A redemption with its whole effect. A voucher comes with the capture."""

    redemption_id: str
    reward_id: str
    status: Literal["held", "captured", "cancelled"]
    voucher: VoucherOut | None

    @classmethod
    def of_redeemed(cls, redeemed: Redeemed) -> Self:
        reward = redeemed.reward
        return cls(
            **dict(EffectOut.of(redeemed.entry)),
            redemption_id=reward.redemption,
            reward_id=reward.reward,
            status=redeemed.status,
            voucher=VoucherOut.of(reward) if reward.code else None,
        )


class RewardOut(Output):
    """A reward of the catalogue. `value` in minor units of `currency`, None where it has none of its own."""

    reward_id: str
    kind: str
    points: int
    value: int | None
    currency: str
    valid_days: int | None
    valid_months: int | None
    text: dict[str, str]

    @classmethod
    def of(cls, reward: Reward, points: int, program: Program) -> Self:
        return cls(
            reward_id=reward.id,
            kind=reward.kind,
            points=points,
            value=reward.value,
            currency=program.currency,
            valid_days=reward.valid.days or None,
            valid_months=reward.valid.months or None,
            text=dict(reward.text),
        )


class CatalogueOut(Output):
    """What points can buy, cheapest first."""

    items: list[RewardOut]
    next_cursor: Annotated[str | None, Field(description="The catalogue is one page.")] = None
