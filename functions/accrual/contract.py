"""What goes in and out of earning."""

from dataclasses import asdict
from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from functions.accrual.events import Purchase, PurchaseLine
from functions.accrual.returning import Return
from functions.ledger.account import Entry
from functions.ledger.contract import EffectOut, MemberRef
from functions.runtime.validation import (
    LARGEST_AMOUNT,
    Amount,
    AttributeValue,
    Currency,
    Input,
    Instant,
    OperationId,
    Output,
    Word,
)

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


class PurchaseIn(Input):
    """A purchase as a till, a shop or the bus reports it."""

    id: Annotated[OperationId, Field(description="The receipt number.")]
    member: MemberRef
    occurred_at: Instant
    currency: Currency
    lines: Annotated[list[PurchaseLineIn], Field(min_length=1, max_length=LARGEST_BASKET)]
    store: Word | None = None
    channel: Word | None = None
    payment_method: Word | None = None
    payments: Annotated[
        tuple[PaymentIn, ...],
        Field(max_length=20, strict=False, description="Where points, vouchers or gift cards paid a part."),
    ] = ()
    attributes: Attributes

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

    def purchase(self) -> Purchase:
        payments: dict[str, int] = {}
        for payment in self.payments:
            payments[payment.method] = payments.get(payment.method, 0) + payment.amount
        return Purchase(
            id=self.id,
            occurred_at=self.occurred_at,
            currency=self.currency,
            lines=[line.line() for line in self.lines],
            store=self.store,
            channel=self.channel,
            payment_method=self.payment_method,
            attributes=self.attributes,
            payments=payments,
        )


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

    def as_returned(self) -> Return:
        return Return(self.occurred_at, {line.id: line.quantity for line in self.lines} or None)


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
