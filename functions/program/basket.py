"""What is bought, as partners say it: of a purchase, of a basket before it is paid, and where a voucher pays."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from functions.program.occasions import Purchase, PurchaseLine
from functions.runtime.validation import LARGEST_AMOUNT, Amount, AttributeValue, Currency, Input, Word

LARGEST_BASKET = 500
Attributes = Annotated[dict[Word, AttributeValue], Field(max_length=50, default_factory=dict)]


class PurchaseLineIn(Input):
    """One line of a receipt."""

    id: Annotated[str, Field(min_length=1, max_length=20, description="Unique in the purchase.")]
    sku: Word
    quantity: Annotated[int, Field(ge=1, le=100_000)]
    amount: Annotated[Amount, Field(description="What the member paid for the whole line, minor units.")]
    categories: Annotated[tuple[Word, ...], Field(max_length=20, strict=False)] = ()
    brand: Word | None = None
    discounted: bool = False
    discount: Annotated[Amount, Field(description="How much less than the full price that was, minor units.")] = 0
    attributes: Attributes

    def line(self) -> PurchaseLine:
        return PurchaseLine(
            self.id,
            self.quantity,
            self.amount,
            self.sku,
            self.categories,
            self.brand,
            self.discounted or self.discount > 0,
            self.discount,
            self.attributes,
        )


class PaymentIn(Input):
    """A part of what was paid."""

    method: Word
    amount: Amount


class BasketIn(Input):
    """What is or would be bought."""

    currency: Currency
    lines: Annotated[list[PurchaseLineIn], Field(min_length=1, max_length=LARGEST_BASKET)]
    total: Annotated[
        Amount | None, Field(description="What the lines must add up to, where you want that checked; minor units.")
    ] = None
    store: Word | None = None
    channel: Word | None = None
    payment_method: Word | None = None
    payments: Annotated[
        tuple[PaymentIn, ...],
        Field(max_length=20, strict=False, description="Where points, vouchers or gift cards paid a part."),
    ] = ()
    attributes: Attributes

    @field_validator("total")
    @classmethod
    def _is_the_sum(cls, total: int | None, info: ValidationInfo) -> int | None:
        lines: list[PurchaseLineIn] | None = info.data.get("lines")
        if total is not None and lines is not None and total != (right := sum(line.amount for line in lines)):
            raise PydanticCustomError("total", "The lines add up to {sum}", {"sum": right})
        return total

    @model_validator(mode="after")
    def _lines_fit_together(self) -> Self:
        if len({line.id for line in self.lines}) < len(self.lines):
            raise PydanticCustomError("duplicate_line", "Two lines have the same id")
        total = sum(line.amount for line in self.lines)
        if sum(payment.amount for payment in self.payments) > total:
            raise PydanticCustomError("payments", "The payments add up to more than the lines")
        if total > LARGEST_AMOUNT:
            raise PydanticCustomError(
                "amount_too_large", "The lines add up to more than {largest}", {"largest": LARGEST_AMOUNT}
            )
        return self

    def bought(self, purchase_id: str, occurred_at: datetime) -> Purchase:
        payments: dict[str, int] = {}
        for payment in self.payments:
            payments[payment.method] = payments.get(payment.method, 0) + payment.amount
        return Purchase(
            id=purchase_id,
            occurred_at=occurred_at,
            currency=self.currency,
            lines=[line.line() for line in self.lines],
            store=self.store,
            channel=self.channel,
            payment_method=self.payment_method,
            attributes=self.attributes,
            payments=payments,
        )
