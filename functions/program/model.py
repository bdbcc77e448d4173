"""A programme as the rules read it: values only. Pure. The file that people write is `grammar.py`.

Amounts are minor units of the programme's currency, points integers, rates exact fractions. Days and times are those of
the programme's time zone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from fractions import Fraction
from functools import lru_cache
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo

from functions.program.periods import Calendar, PeriodKind, add_months, end_of_month

Text: TypeAlias = Mapping[str, str]
"""A text by language code (`en`, `fr`)."""

Rounding: TypeAlias = Literal["floor", "half_up", "ceil"]
Word: TypeAlias = str | int | bool

AttributeKind: TypeAlias = Literal["text", "number", "yes_no"]

PURCHASE, REDEMPTION = "purchase", "redemption"
SPEND, POINTS, VISITS, MONTHS = "spend", "points", "visits", "months"
"""What goals and tiers can count, besides activities and counters. Months: since the member enrolled."""
ENROLLED, REFERRED, REFERRAL_MADE = "enrolled", "referred", "referral_made"
PROFILE_COMPLETED = "profile_completed"
BIRTHDAY, ANNIVERSARY = "birthday", "enrolment_anniversary"
BUILT_IN = (ENROLLED, PROFILE_COMPLETED, BIRTHDAY, ANNIVERSARY, REFERRED, REFERRAL_MADE)
PROFILE = ("email", "phone", "given_name", "family_name", "birth_date", "country", "time_zone")
"""What a profile may hold of everyone, as far as it can be wanted for a complete one."""
"""Activities that happen by themselves: every programme may have rules on them."""


@dataclass(frozen=True, slots=True)
class Match:
    """One of the values, or, if `excluded`, none of them."""

    values: frozenset[Word]
    excluded: bool = False

    def takes(self, value: Word | None) -> bool:
        return (value in self.values) is not self.excluded


@dataclass(frozen=True, slots=True)
class Range:
    """A number within bounds, both included; None where there is no bound."""

    at_least: int | None = None
    at_most: int | None = None

    def takes(self, value: Word | None) -> bool:
        if not isinstance(value, int) or isinstance(value, bool):
            return False
        return (self.at_least is None or value >= self.at_least) and (self.at_most is None or value <= self.at_most)


@dataclass(frozen=True, slots=True)
class Recurrence:
    """Days that come again: an RFC 5545 rule counted from `starts`, each occurrence `days` long."""

    rule: str
    starts: date
    days: int = 1


@dataclass(frozen=True, slots=True)
class When:
    """Conditions on the whole purchase or activity, and on the member. All that are given must hold.

    `first_day` and `last_day` include both. `times`: from (included) to (excluded). `birthday`: days before and after.
    `number`: the how-manieth purchase. `every`: each n-th. `new_days`: enrolled at most so many days ago. `counted`: by
    measure (spend, points, visits, an activity, a counter).
    """

    tier: Match | None = None
    segment: Match | None = None
    store: Match | None = None
    channel: Match | None = None
    payment_method: Match | None = None
    attributes: Mapping[str, Match | Range] = field(default_factory=dict)
    member: Mapping[str, Match | Range] = field(default_factory=dict)
    first_day: date | None = None
    last_day: date | None = None
    weekday: frozenset[int] | None = None
    times: tuple[time, time] | None = None
    recurs: Recurrence | None = None
    birthday: tuple[int, int] | None = None
    paid: Range | None = None
    number: int | None = None
    every: int | None = None
    new_days: int | None = None
    counted: Mapping[str, "CountedSoFar"] = field(default_factory=dict)
    cel: str | None = None


@dataclass(frozen=True, slots=True)
class CountedSoFar:
    """How much was counted in the period so far, before this event."""

    range: Range
    per: PeriodKind


@dataclass(frozen=True, slots=True)
class LineFilter:
    """Which lines count. All that is given must hold; `category` takes a line if one of its categories matches."""

    sku: Match | None = None
    category: Match | None = None
    brand: Match | None = None
    discounted: bool | None = None
    attributes: Mapping[str, Match | Range] = field(default_factory=dict)
    cel: str | None = None


@dataclass(frozen=True, slots=True)
class Rate:
    """`points` for every `per` of what is counted; only for full ones if `full`. `per` 0: `points` at once."""

    points: Fraction
    per: int = 0
    full: bool = False


@dataclass(frozen=True, slots=True)
class Bracket:
    """The rate from an amount on."""

    start: int
    rate: Rate


@dataclass(frozen=True, slots=True)
class Earn:
    """What a rule gives: points at a rate that may depend on the tier, or by brackets.

    `of`: what is counted: `amount`, `quantity`, `attributes.<name>`, `lines.<name>`, or, in `of_rules`, the points that
    other rules gave. `marginal`: each part at its own bracket's rate, and not all at the highest one reached.
    """

    rates: Mapping[str, Rate] = field(default_factory=dict)
    brackets: Sequence[Bracket] = ()
    marginal: bool = False
    of: str = "amount"
    of_rules: tuple[str, ...] = ()

    def rate(self, tier: str) -> Rate | None:
        """The rate for a tier; `""` is for every tier that is not named."""
        return self.rates.get(tier) or self.rates.get("")


@dataclass(frozen=True, slots=True)
class Gift:
    """What a rule gives besides points: a reward, once or for each full `per_full` of what `of` counts (as in `Earn`),
    or a tier for some months (to its usual end if None)."""

    reward: str | None = None
    tier: str | None = None
    months: int | None = None
    per_full: int = 0
    of: str = "amount"


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many points, or so many times, per period; `purchase` is each purchase or activity by itself."""

    per: PeriodKind | Literal["purchase"]
    points: int | None = None
    times: int | None = None


@dataclass(frozen=True, slots=True)
class Lasting:
    """How long points can be spent.

    `after_months`, `after_days`: from the day they are earned for. `year_ends`: to the end of the year that ends on
    that month and day, and `after_months` more. `to_month_end`: then on to the end of that month. Without: for ever.
    `extended_by`: what keeps points alive (`purchase`, `redemption`, activities); `each_month`: not by starting anew,
    but by one month in each month in which it happens.
    """

    after_months: int = 0
    after_days: int = 0
    year_ends: tuple[int, int] | None = None
    to_month_end: bool = False
    extended_by: frozenset[str] = frozenset()
    each_month: bool = False

    @property
    def never_ends(self) -> bool:
        return not (self.after_months or self.after_days or self.year_ends)


@dataclass(frozen=True, slots=True)
class EarningRule:
    """One way to earn. `into`: a counter of the programme that gets the points, None for points that can be spent."""

    id: str
    group: str
    text: Text
    on: tuple[str, ...] = (PURCHASE,)
    when: When = When()
    lines: LineFilter | None = None
    minimum: int = 0
    earn: Earn | None = None
    gift: Gift | None = None
    into: str | None = None
    rounding: Rounding = "floor"
    by_line: bool = False
    limits: tuple[Limit, ...] = ()
    cooldown_days: int = 0
    budget: int | None = None
    pending_days: int = 0
    lasting: Mapping[str, Lasting] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Group:
    """Which rules of a group count when several apply; decided for the purchase, or for each line by itself.

    all: every one. highest: the one that gives most. first: the first in the file. exclusive: as first, and where one
    applies, the groups that follow do not. `limits` hold for all rules of the group together.
    """

    id: str
    policy: Literal["all", "highest", "first", "exclusive"]
    by_line: bool = False
    limits: tuple["Limit", ...] = ()


@dataclass(frozen=True, slots=True)
class Goal:
    """Something to reach within a period, or in `in_a_row` periods running (a streak).

    `counts`: `spend`, `points`, `visits`, an activity or a counter. `repeat`: again for each full `reach`; else once a
    period. `next_period`: what it gives can be used in the period after.
    """

    id: str
    counts: str
    reach: int
    per: PeriodKind
    text: Text
    when: When = When()
    lines: LineFilter | None = None
    in_a_row: int = 1
    repeat: bool = False
    points: int = 0
    reward: str | None = None
    next_period: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """Points become a voucher of a value (minor units)."""

    points: int
    value: int


@dataclass(frozen=True, slots=True)
class Conversion:
    """On the `day` of each of the `months`, points become a voucher, in steps; the rest stays.

    `each`: as many times as there are points for. `table`: once, the largest that there are points for.
    """

    id: str
    reward: str
    months: frozenset[int]
    day: int
    minimum: int
    each: Step | None
    table: Sequence[Step]
    text: Text


@dataclass(frozen=True, slots=True)
class Validity:
    """How long a reward can be used: days, or months, from when it is given; on to the end of that month if so. Or
    within days that are the same for everyone."""

    days: int = 0
    months: int = 0
    to_month_end: bool = False
    first: date | None = None
    last: date | None = None

    def first_day(self, start: date) -> date:
        """The first day of a reward that is given for `start`."""
        return max(start, self.first) if self.first else start

    def last_day(self, start: date) -> date:
        """`days` later is the last day; a month from the 1st is the whole month."""
        if self.last:
            return self.last
        if not self.months:
            return start + timedelta(days=self.days)
        last = add_months(start, self.months) - timedelta(days=1)
        return end_of_month(last) if self.to_month_end else last


@dataclass(frozen=True, slots=True)
class Mix:
    """Money instead of a part of the points: for each that is not paid, with at least so many points."""

    least_points: int
    per_point: Fraction


@dataclass(frozen=True, slots=True)
class Paying:
    """Points as money: `points` are worth `value` (minor units). `least`, `most`: so many points at once;
    `most_percent`: of what a purchase costs."""

    points: int
    value: int
    least: int = 1
    most: int | None = None
    most_percent: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Stock:
    """Pieces for all members together, per period."""

    pieces: int
    per: PeriodKind = "ever"


@dataclass(frozen=True, slots=True)
class Terms:
    """How a voucher can be used: so many `times`, or `in_parts` until its value is gone; for purchases of a `minimum`
    (minor units), for some `lines` of them, in some `stores`, any where none are named."""

    times: int = 1
    in_parts: bool = False
    minimum: int = 0
    lines: LineFilter | None = None
    stores: frozenset[str] = frozenset()


Fulfilment: TypeAlias = Literal["code", "none", "manual", "partner"]


@dataclass(frozen=True, slots=True)
class Reward:
    """What members can get. `points`: the price, None where it has no fixed one or is only given by rules, goals and
    conversions. `money`: what is paid besides, minor units.

    `mix`: how money may stand for points. `paying`: any number of points, at a rate. `value` in minor units, None where
    it has none of its own. `tier`, `when`: who can have it. `limits` count times for each member, `stock` pieces for
    all. `fulfilment`: a `code` of ours, `none`, somebody at the brand (`manual`), or the `supplier` at that address.
    """

    id: str
    kind: str
    points: int | None
    value: int | None
    valid: Validity
    text: Text
    tier: Match | None = None
    limits: tuple[Limit, ...] = ()
    first_day: date | None = None
    last_day: date | None = None
    description: Text = field(default_factory=dict)
    picture: Text = field(default_factory=dict)
    money: int = 0
    mix: Mix | None = None
    paying: Paying | None = None
    when: When | None = None
    stock: Stock | None = None
    terms: Terms = Terms()
    fulfilment: Fulfilment = "code"
    supplier: str | None = None

    @property
    def has_days(self) -> bool:
        """Whether it can be used for some time, and not for ever or at once."""
        return bool(self.valid.days or self.valid.months or self.valid.last)

    @property
    def is_sold(self) -> bool:
        """Whether members can ask for it, and are not only given it."""
        return self.points is not None or self.paying is not None


@dataclass(frozen=True, slots=True)
class Level:
    """A tier. `reach`: ways to reach it, each a minimum of all it names. `lifetime`: ways to keep it for ever."""

    id: str
    text: Text
    reach: Sequence[Mapping[str, int]] = ()
    lifetime: Sequence[Mapping[str, int]] = ()


@dataclass(frozen=True, slots=True)
class Tiers:
    """The tiers, lowest first: everyone has that one.

    `window`: over which period members qualify; `rolling_months` instead of a period where that is not 0. `held`: a
    tier is held to the end of the window, or of the next one, or for ever, or for `held_months` from the day it is
    reached. `grace_months` come on top. `soft`: at most one tier down at a time. `returns_lower`: a tier that rested on
    a purchase goes when the purchase comes back.
    """

    levels: Sequence[Level]
    window: PeriodKind = "year"
    rolling_months: int = 0
    held: Literal["window", "next_window", "ever", "months"] = "next_window"
    held_months: int = 0
    grace_months: int = 0
    soft: bool = False
    returns_lower: bool = True

    def rank(self, tier: str | None) -> int:
        """The place of a tier from the lowest, 0 for one that is not there any more."""
        for rank, level in enumerate(self.levels):
            if level.id == tier:
                return rank
        return 0

    @property
    def counted_by(self) -> PeriodKind:
        """The period by which what qualifies is counted."""
        return "month" if self.rolling_months else self.window


@dataclass(frozen=True, slots=True)
class Referral:
    """When a referred member has qualified: a purchase or activity that meets the conditions, soon enough."""

    on: str = PURCHASE
    when: When = When()
    within_days: int | None = None


@dataclass(frozen=True, slots=True)
class Joining:
    """Who may join: all conditions that are given must hold. Days include both. `percent` of all people, by what they
    are known by: the same ones at every percentage. `invite_codes`: one of them is needed, if there are any."""

    first_day: date | None = None
    last_day: date | None = None
    countries: frozenset[str] = frozenset()
    minimum_age: int = 0
    percent: int = 100
    invite_codes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Activity:
    """What members do besides buying. `attributes`: their types, `text`, `number` or `yes_no`; those `required` must be
    there. `confirmed`: what it earns is pending until a partner confirms it."""

    id: str
    text: Text
    attributes: Mapping[str, AttributeKind] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Reminders:
    """What members are told in time, in days before it comes; 0: they are not told. `lapsing`: days without activity
    after which a member is about to be lost. `expiry_waits`: how long points that nobody could be warned of are kept
    beyond their last day, once."""

    expiring: int = 0
    tier_at_risk: int = 0
    lapsing: int = 0
    expiry_waits: int = 0


@dataclass(frozen=True, slots=True)
class Brand:
    """How mails look. `color`: `#rrggbb`. `logo`, `website`: https addresses. `address`: what stands below a mail."""

    color: str = "#1f4e5f"
    logo: str | None = None
    website: str | None = None
    address: str | None = None

    @property
    def on_color(self) -> str:
        """What can be read on the colour: black or white, which is further from it (WCAG 2.2, relative luminance)."""
        parts = [int(self.color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
        return "#000000" if luminance > 0.179 else "#ffffff"


@dataclass(frozen=True, slots=True)
class OwnMessage:
    """What a programme says of one message: over which channels (None: those of all), and its own words by language."""

    channels: tuple[str, ...] | None = None
    words: Text = field(default_factory=dict)
    sms: Text = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Messages:
    """What members are told, how and how often. `quiet`: from when to when nothing goes out that can wait, in the
    member's time zone. `per_day`, `per_week`: of what is no warning; 0: as often as it happens. `own`: by message."""

    channels: tuple[str, ...] = ("email", "inbox")
    quiet: tuple[time, time] | None = None
    per_day: int = 0
    per_week: int = 0
    inbox_days: int = 90
    own: Mapping[str, OwnMessage] = field(default_factory=dict)
    brand: Brand = Brand()

    def over(self, message: str) -> tuple[str, ...]:
        """The channels that a message goes out on."""
        own = self.own.get(message)
        return self.channels if own is None or own.channels is None else own.channels


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Which purchases count: at most so many days after they happened, so many before their member enrolled."""

    late_days: int | None = None
    before_enrolment_days: int | None = None


@dataclass(frozen=True, eq=False)
class Program:
    """One published version.

    `worth`: what a point costs the brand, in minor units. `lasting`: by tier, `""` for every other one. `unearning`:
    ways to pay that earn nothing. `benefit_cap`: how much of a line's price discount and points may give together.
    `limits` hold for all points together. `spent_then_returned`: what happens when a purchase is returned whose points
    are spent: the member owes them (carry), keeps them (forgive), or it is refused (block). `rewards_return`: whether
    the rewards that a purchase brought are taken back with it. `refund_grace_days`: how long points can be spent again
    that had expired when they were refunded; 0: not at all. `member_attributes`: what is kept of members besides the
    usual, with their types. `complete_profile`: what must be known of a member for the activity `profile_completed`.
    """

    version: int
    id: str
    name: Text
    currency: str
    zone: ZoneInfo
    lasting: Mapping[str, Lasting]
    groups: Sequence[Group]
    earning: Sequence[EarningRule]
    rewards: Mapping[str, Reward]
    pending_days: int = 0
    worth: Fraction | None = None
    spent_then_returned: Literal["carry", "forgive", "block"] = "carry"
    rewards_return: bool = True
    refund_grace_days: int = 30
    reminders: Reminders = Reminders()
    messages: Messages = Messages()
    limits: tuple[Limit, ...] = ()
    unearning: frozenset[str] = frozenset()
    benefit_cap: Fraction | None = None
    counters: Mapping[str, Text] = field(default_factory=dict)
    activities: Mapping[str, Activity] = field(default_factory=dict)
    member_attributes: Mapping[str, AttributeKind] = field(default_factory=dict)
    complete_profile: tuple[str, ...] = ()
    joining: Joining = Joining()
    goals: Sequence[Goal] = ()
    conversions: Sequence[Conversion] = ()
    tiers: Tiers | None = None
    referral: Referral | None = None
    acceptance: Acceptance = Acceptance()
    fiscal_year: tuple[int, int] = (1, 1)

    def calendar(self, enrolled_on: date) -> Calendar:
        """The periods of a member who enrolled on a day."""
        return Calendar(enrolled_on, *self.fiscal_year)

    def celebrates(self, what: str) -> bool:
        """Whether the programme does anything when an activity happens that comes by itself."""
        return what in _occasions(self)

    def base_tier(self) -> str:
        """The tier of everyone; nothing where there are no tiers."""
        return self.tiers.levels[0].id if self.tiers else ""

    @property
    def lots_move(self) -> bool:
        """Whether points may lie in another lot than the one they were earned into."""
        return len(self.lasting) > 1 or any(lasting.extended_by for lasting in self.lasting.values())

    def lasting_of(self, tier: str) -> Lasting:
        """How long the points of a tier last."""
        return self.lasting.get(tier) or self.lasting[""]


@lru_cache(maxsize=64)
def _occasions(program: Program) -> frozenset[str]:
    """What its rules and goals wait for."""
    return frozenset(one for rule in program.earning for one in rule.on).union(goal.counts for goal in program.goals)
