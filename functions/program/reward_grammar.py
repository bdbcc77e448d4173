"""The shape of a reward in a programme file: its price, who can have it, how it is handed over, how it is used."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from functions.program import model
from functions.program.rule_grammar import Limits
from functions.program.vocabulary import Days, LinesIn, Match, Months, Number, Period, TextIn, WhenIn, Whole
from functions.runtime.validation import LARGEST_AMOUNT, Amount, Id, Input, Word

MOST_PIECES = 100_000_000
_ADDRESS = r"^(https://[^\s/@]+|http://(localhost|127\.0\.0\.1)(:\d+)?)(/\S*)?$"
_ABOUT_PURCHASES = ("payment_method", "attributes", "paid", "purchase_number", "every_nth_purchase")


class MixIn(Input):
    """Money for points that are not paid."""

    least_points: Annotated[int, Field(ge=1, le=10_000_000, description="So many are paid in points at least.")]
    per_point: Annotated[Number, Field(description="For each point that is not paid, minor units.")]

    def build(self) -> model.Mix:
        return model.Mix(self.least_points, self.per_point)


class PayingIn(Input):
    """Points as money, as many as the member likes."""

    points: Whole
    value: Annotated[Amount, Field(ge=1, description="What so many points are worth, minor units.")]
    least_points: Whole = 1
    most_points: Whole | None = None
    most_percent: Annotated[Number | None, Field(description="Of what the purchase costs.")] = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.most_points is not None and self.most_points < self.least_points:
            raise PydanticCustomError("pay", "most_points is less than least_points")
        if self.most_percent is not None and self.most_percent > 100:
            raise PydanticCustomError("pay", "most_percent is at most 100")
        return self

    def build(self) -> model.Paying:
        return model.Paying(self.points, self.value, self.least_points, self.most_points, self.most_percent)


class StockIn(Input):
    """Pieces for all members together."""

    pieces: Annotated[int, Field(ge=0, le=MOST_PIECES)]
    per: Period = "ever"

    def build(self) -> model.Stock:
        return model.Stock(self.pieces, self.per)


PiecesOrStock = Annotated[
    Annotated[int, Field(ge=0, le=MOST_PIECES), Tag("pieces")] | Annotated[StockIn, Tag("stock")],
    Discriminator(lambda value: "stock" if isinstance(value, Mapping | StockIn) else "pieces"),
]


class TermsIn(Input):
    """How a voucher can be used."""

    times: Annotated[int, Field(ge=1, le=1000)] = 1
    in_parts: Annotated[bool, Field(description="What is left of its value can be used later.")] = False
    minimum_spend: Annotated[int, Field(ge=1, le=LARGEST_AMOUNT, description="Minor units.")] | None = None
    lines: Annotated[LinesIn | None, Field(description="Which lines of a purchase it pays.")] = None
    stores: Annotated[list[Word], Field(max_length=500, default_factory=list)]

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.in_parts and self.times > 1:
            raise PydanticCustomError("use", "Give times or in_parts: a voucher in parts is used until nothing is left")
        return self

    def build(self) -> model.Terms:
        return model.Terms(
            self.times,
            self.in_parts,
            self.minimum_spend or 0,
            self.lines.build() if self.lines else None,
            frozenset(self.stores),
        )


class PictureIn(Input):
    """Addresses of a picture for each language."""

    en: Annotated[str, Field(pattern=r"^https://\S+$", max_length=500)]
    fr: Annotated[str, Field(pattern=r"^https://\S+$", max_length=500)]


class RewardIn(Input):
    """What members get for points, or are given."""

    id: Id
    text: TextIn
    description: TextIn | None = None
    picture: PictureIn | None = None
    kind: Literal["voucher", "gift_card", "product", "experience", "upgrade", "donation", "credit"]
    points: Annotated[Whole | None, Field(description="The price; leave it out for what is only given.")] = None
    money: Annotated[Amount, Field(ge=1, description="What is paid besides the points.")] | None = None
    money_for_points: MixIn | None = None
    pay: Annotated[PayingIn | None, Field(description="Instead of a price: any number of points, as at a till.")] = None
    value: Annotated[Amount, Field(ge=1)] | None = None
    valid_days: Days | None = None
    valid_months: Months | None = None
    to_month_end: bool = False
    usable_from: date | None = None
    usable_to: date | None = None
    tier: Match | None = None
    when: Annotated[WhenIn | None, Field(description="Who can have it, where and when.")] = None
    limits: Limits
    stock: Annotated[PiecesOrStock | None, Field(description="Pieces for all members together.")] = None
    offered_from: date | None = None
    offered_to: date | None = None
    fulfilment: Annotated[
        Literal["code", "none", "manual", "partner"] | None,
        Field(description="How it is handed over; a code by default, nothing for a donation and for points as money."),
    ] = None
    supplier: Annotated[
        str | None, Field(pattern=_ADDRESS, max_length=500, description="Who is asked to hand it over.")
    ] = None
    use: Annotated[TermsIn | None, Field(description="How its voucher can be used.")] = None

    @model_validator(mode="after")
    def _has_one_price(self) -> Self:
        if self.pay and (self.points or self.money or self.money_for_points or self.value):
            raise PydanticCustomError("pay", "pay says the price and the value: leave points, money and value out")
        if (self.money or self.money_for_points) and self.points is None:
            raise PydanticCustomError("money", "Money comes besides a price in points: give points")
        mix = self.money_for_points
        if mix and self.points is not None and mix.least_points >= self.points:
            raise PydanticCustomError("money_for_points", "least_points should be less than points")
        return self

    @model_validator(mode="after")
    def _is_handed_over(self) -> Self:
        if (self.fulfilment == "partner") != (self.supplier is not None):
            raise PydanticCustomError("supplier", "fulfilment: partner and a supplier go together")
        has_code = self.handed_over() == "code"
        if self.use and not has_code:
            raise PydanticCustomError("use", "Only what comes with a code of ours is used: fulfilment: code")
        if self.use and self.use.in_parts and self.value is None and self.points is not None:
            raise PydanticCustomError("use", "Only what has a value is used in parts")
        given = sum(one is not None for one in (self.valid_days, self.valid_months, self.usable_to))
        if given > 1 or (has_code and not given):
            raise PydanticCustomError("valid", "Give one of valid_days, valid_months, usable_to (and usable_from)")
        return self

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.to_month_end and not self.valid_months:
            raise PydanticCustomError("valid", "to_month_end goes with valid_months")
        if self.usable_from and (not self.usable_to or self.usable_from > self.usable_to):
            raise PydanticCustomError("dates", "usable_from needs a usable_to that is not before it")
        if any(limit.times is None for limit in self.limits):
            raise PydanticCustomError("limit", "A reward is limited in times")
        if self.offered_from and self.offered_to and self.offered_from > self.offered_to:
            raise PydanticCustomError("dates", "offered_from is after offered_to")
        if isinstance(self.stock, StockIn) and self.stock.per == "anniversary":
            raise PydanticCustomError("stock", "The pieces are for all members: they have no anniversary in common")
        wrong = [name for name in _ABOUT_PURCHASES if self.when and getattr(self.when, name)]
        if wrong:
            raise PydanticCustomError(
                "when", "{names}: a reward is not asked for with a purchase", {"names": ", ".join(wrong)}
            )
        return self

    def handed_over(self) -> model.Fulfilment:
        """How it is, where the file does not say it."""
        if self.fulfilment is not None:
            return self.fulfilment
        return "none" if self.kind == "donation" or self.pay else "code"

    def _stock(self) -> model.Stock | None:
        return model.Stock(self.stock) if isinstance(self.stock, int) else self.stock.build() if self.stock else None

    def build(self) -> model.Reward:
        parts: dict[str, Any] = {
            "description": self.description.model_dump() if self.description else {},
            "picture": self.picture.model_dump() if self.picture else {},
            "mix": self.money_for_points.build() if self.money_for_points else None,
            "paying": self.pay.build() if self.pay else None,
            "when": self.when.build() if self.when else None,
            "terms": self.use.build() if self.use else model.Terms(),
        }
        return model.Reward(
            id=self.id,
            kind=self.kind,
            points=self.points,
            value=self.value,
            valid=model.Validity(
                self.valid_days or 0, self.valid_months or 0, self.to_month_end, self.usable_from, self.usable_to
            ),
            text=self.text.model_dump(),
            tier=self.tier,
            limits=tuple(limit.build() for limit in self.limits),
            first_day=self.offered_from,
            last_day=self.offered_to,
            money=self.money or 0,
            stock=self._stock(),
            fulfilment=self.handed_over(),
            supplier=self.supplier,
            **parts,
        )
