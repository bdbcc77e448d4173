"""The shape of a programme file: every word that can stand in one, its type, and what it means.

Editors get it as JSON Schema (`docs/programme.schema.json`). `document.py` reads a file; `references.py` checks that
names fit together. Money is in minor units, because a price like 4.99 has no exact binary form; rates are exact, 1.2 is
12 for 10.
"""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal, Self, TypeAlias
from zoneinfo import ZoneInfo

from pydantic import (
    Discriminator,
    Field,
    Tag,
    model_validator,
)
from pydantic_core import PydanticCustomError

from functions.program import model
from functions.program.goal_grammar import ConversionIn, GoalIn
from functions.program.messages.grammar import BrandIn, MessagesIn, built
from functions.program.reward_grammar import RewardIn
from functions.program.rule_grammar import (
    ExpiryByTier,
    Limits,
    RuleIn,
    lasting,
)
from functions.program.tier_grammar import TiersIn
from functions.program.vocabulary import (
    Days,
    Number,
    TextIn,
    WhenIn,
    Zone,
)
from functions.runtime.validation import Currency, Id, Input

MOST_RULES = 100
MOST_LIMITS = 40
"""Of all rules together: each is counted in every account, and by line in every entry."""
Policy: TypeAlias = Literal["all", "highest", "first", "exclusive"]


class GroupIn(Input):
    """What counts when several rules of a group apply."""

    policy: Policy
    by_line: bool = False
    limits: Annotated[Limits, Field(description="For all rules of the group together.")]


PolicyOrGroup = Annotated[
    Annotated[Policy, Tag("policy")] | Annotated[GroupIn, Tag("group")],
    Discriminator(lambda value: "group" if isinstance(value, Mapping | GroupIn) else "policy"),
]


class ReferralIn(Input):
    """When a referred member counts: then rules on referred and on referral_made apply."""

    on: Id = model.PURCHASE
    when: WhenIn | None = None
    within_days: Days | None = None

    def build(self) -> model.Referral:
        return model.Referral(self.on, self.when.build() if self.when else model.When(), self.within_days)


class ActivityIn(Input):
    """What members do besides buying."""

    id: Id
    text: TextIn
    attributes: Annotated[dict[Id, model.AttributeKind], Field(max_length=20, default_factory=dict)]
    required: Annotated[list[Id], Field(max_length=20, default_factory=list, description="What must be sent.")]
    needs_confirmation: Annotated[
        bool, Field(description="What it earns is pending until it is confirmed, and goes if it is declined.")
    ] = False

    def build(self) -> model.Activity:
        required = frozenset(self.required)
        return model.Activity(self.id, self.text.model_dump(), self.attributes, required, self.needs_confirmation)


class CounterIn(Input):
    """A second kind of points that cannot be spent, such as those that count for a tier."""

    id: Id
    text: TextIn


Region = Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="ISO 3166.")]


class JoiningIn(Input):
    """Who may join; everybody where nothing is said."""

    first_day: date | None = None
    last_day: date | None = None
    countries: Annotated[list[Region], Field(max_length=250, default_factory=list)]
    minimum_age: Annotated[int, Field(ge=0, le=120)] = 0
    percent: Annotated[int, Field(ge=0, le=100, description="Of all people, always the same ones.")] = 100
    invite_codes: Annotated[list[Id], Field(max_length=1000, default_factory=list)]

    def build(self) -> model.Joining:
        return model.Joining(
            self.first_day,
            self.last_day,
            frozenset(self.countries),
            self.minimum_age,
            self.percent,
            frozenset(self.invite_codes),
        )


class MembersIn(Input):
    """What is kept of members, and when a profile is complete."""

    attributes: Annotated[
        dict[Id, model.AttributeKind],
        Field(max_length=30, default_factory=dict, description="Beside name, birthday and the like."),
    ]
    complete: Annotated[
        list[Id],
        Field(max_length=30, default_factory=list, description="What must be known for `profile_completed`."),
    ]
    joining: JoiningIn | None = None


class PointsIn(Input):
    """What points are, and what happens to them in time."""

    text: TextIn | None = None
    expire: ExpiryByTier = "never"
    pending_days: Annotated[int, Field(ge=0, le=365)] = 0
    spent_then_returned: Literal["carry", "forgive", "block"] = "carry"
    round: model.Rounding = "floor"
    round_each_line: bool = False
    worth: Annotated[Number | None, Field(description="What a point costs you, minor units.")] = None
    refund_grace_days: Annotated[
        int,
        Field(ge=0, le=365, description="How long expired points last when they are refunded; 0: not at all."),
    ] = 30
    limits: Limits


class PurchasesIn(Input):
    """Which purchases count, and what of them."""

    accepted_late_days: Annotated[int, Field(ge=1, le=3660)] | None = None
    before_enrolment_days: Annotated[int, Field(ge=0, le=3660)] | None = None
    rewards_when_returned: Annotated[
        Literal["take_back", "keep"],
        Field(description="Rewards that a purchase brought, by a rule or a goal, when it is returned."),
    ] = "take_back"
    not_counted_when_paid_with: Annotated[list[str], Field(max_length=20, default_factory=list)]
    most_benefit_percent: Annotated[
        Number | None, Field(description="Of a line's full price, by its discount and its points together.")
    ] = None


class RemindersIn(Input):
    """What members are told before it comes, in days."""

    points_expire_days: Annotated[int, Field(ge=1, le=365)] | None = None
    tier_at_risk_days: Annotated[int, Field(ge=1, le=365)] | None = None
    lapsing_after_days: Annotated[
        int | None, Field(ge=1, le=1000, description="Without any activity: then `MemberLapsing`, once.")
    ] = None
    expiry_waits_days: Annotated[
        int | None, Field(ge=1, le=365, description="Longer, once, for points whose reminder did not arrive.")
    ] = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.expiry_waits_days and not self.points_expire_days:
            raise PydanticCustomError("reminders", "expiry_waits_days needs points_expire_days: a reminder to wait for")
        return self

    def build(self) -> model.Reminders:
        return model.Reminders(
            self.points_expire_days or 0,
            self.tier_at_risk_days or 0,
            self.lapsing_after_days or 0,
            self.expiry_waits_days or 0,
        )


class FiscalIn(Input):
    """When the fiscal year starts."""

    month: Annotated[int, Field(ge=1, le=12)]
    day: Annotated[int, Field(ge=1, le=28)] = 1


class ProgramIn(Input):
    """One programme."""

    program: Id
    name: TextIn
    currency: Currency
    time_zone: Zone = "UTC"
    fiscal_year_starts: FiscalIn | None = None
    points: Annotated[PointsIn, Field(default_factory=lambda: PointsIn.model_validate({}))]
    purchases: PurchasesIn | None = None
    members: MembersIn | None = None
    reminders: RemindersIn | None = None
    messages: MessagesIn | None = None
    brand: BrandIn | None = None
    counters: Annotated[list[CounterIn], Field(max_length=10, default_factory=list)]
    activities: Annotated[list[ActivityIn], Field(max_length=50, default_factory=list)]
    tiers: TiersIn | None = None
    groups: Annotated[dict[Id, PolicyOrGroup], Field(max_length=20, default_factory=dict)]
    earning: Annotated[list[RuleIn], Field(max_length=MOST_RULES, default_factory=list)]
    referral: ReferralIn | None = None
    goals: Annotated[list[GoalIn], Field(max_length=20, default_factory=list)]
    conversions: Annotated[list[ConversionIn], Field(max_length=5, default_factory=list)]
    rewards: Annotated[list[RewardIn], Field(max_length=500, default_factory=list)]

    @model_validator(mode="after")
    def _is_not_too_much_to_count(self) -> Self:
        limits = sum(len(rule.limits) for rule in self.earning)
        if limits > MOST_LIMITS:
            raise PydanticCustomError(
                "limits",
                "The rules have {limits} limits; at most {most} can be counted",
                {"limits": limits, "most": MOST_LIMITS},
            )
        return self

    def build(self, version: int) -> model.Program:
        fiscal = self.fiscal_year_starts
        purchases = self.purchases or PurchasesIn.model_validate({})
        percent = purchases.most_benefit_percent
        return model.Program(
            version=version,
            id=self.program,
            name=self.name.model_dump(),
            currency=self.currency,
            zone=ZoneInfo(self.time_zone),
            lasting={"": model.Lasting()} | lasting(self.points.expire),
            groups=self._groups(),
            earning=tuple(rule.build(self) for rule in self.earning),
            rewards={reward.id: reward.build() for reward in self.rewards},
            pending_days=self.points.pending_days,
            worth=self.points.worth,
            spent_then_returned=self.points.spent_then_returned,
            refund_grace_days=self.points.refund_grace_days,
            reminders=self.reminders.build() if self.reminders else model.Reminders(),
            messages=built(self.messages, self.brand),
            rewards_return=purchases.rewards_when_returned == "take_back",
            limits=tuple(limit.build() for limit in self.points.limits),
            unearning=frozenset(purchases.not_counted_when_paid_with),
            benefit_cap=percent / 100 if percent is not None else None,
            counters={counter.id: counter.text.model_dump() for counter in self.counters},
            member_attributes=self.members.attributes if self.members else {},
            complete_profile=tuple(self.members.complete) if self.members else (),
            joining=self.members.joining.build() if self.members and self.members.joining else model.Joining(),
            activities={activity.id: activity.build() for activity in self.activities},
            goals=tuple(goal.build() for goal in self.goals),
            conversions=tuple(conversion.build() for conversion in self.conversions),
            tiers=self.tiers.build() if self.tiers else None,
            referral=self.referral.build() if self.referral else None,
            acceptance=model.Acceptance(purchases.accepted_late_days, purchases.before_enrolment_days),
            fiscal_year=(fiscal.month, fiscal.day) if fiscal else (1, 1),
        )

    def _groups(self) -> tuple[model.Group, ...]:
        """A programme of one rule needs no groups."""
        if not self.groups:
            return (model.Group("", "all"),)
        return tuple(
            model.Group(name, group.policy, group.by_line, tuple(limit.build() for limit in group.limits))
            if isinstance(group, GroupIn)
            else model.Group(name, group)
            for name, group in self.groups.items()
        )
