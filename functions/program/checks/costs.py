"""The most that a purchase can bring: what a programme costs at worst. Pure.

An upper bound: the best tier, every condition taken to hold, each rule as if the whole purchase counted for it; groups
by their policy, multiples of what they multiply, limits where they cap a single purchase. What is counted but not
in money (pieces, attributes) has no bound, unless a limit sets one: such rules are named as open.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from functions.program import wording
from functions.program.checks.bounds import (
    Bound,
    gift_times,
    least_of,
    limited,
    most_of,
    paid_within,
    rule_most,
    times_of,
    together,
    total_of,
)
from functions.program.model import POINTS, PURCHASE, SPEND, VISITS, EarningRule, Goal, Program

TOTALS = (1_000, 10_000, 100_000)
"""Minor units."""

REFERRED, REFERRAL_MADE = "referred", "referral_made"


@dataclass(frozen=True, slots=True)
class Most:
    """The most that a purchase of `total` brings.

    `points`: to the member, without those of the `open` rules and goals. `referrer`: points to the member who referred
    them. `rewards`: how often each can be given, `value`: what they come to, both of them. `worth` of a point, None
    where not stated.
    """

    total: int
    points: int
    referrer: int = 0
    rewards: Mapping[str, int] = field(default_factory=dict)
    value: int = 0
    open: tuple[str, ...] = ()
    worth: Fraction | None = None

    @property
    def money(self) -> Fraction | None:
        """Minor units; None where points come of it, and it is not stated what a point costs."""
        points = self.points + self.referrer
        if points and self.worth is None:
            return None
        return points * (self.worth or 0) + Fraction(self.value)

    @property
    def percent(self) -> Fraction | None:
        """Of the purchase."""
        return None if self.money is None else 100 * self.money / self.total


@dataclass(frozen=True, slots=True)
class Cost:
    """The most that purchases of several totals bring."""

    currency: str
    purchases: Sequence[Most]

    def sentences(self) -> list[str]:
        """In words, one for each total."""
        return [_sentence(most, self.currency) for most in self.purchases]


def cost(program: Program, totals: Iterable[int] = TOTALS) -> Cost:
    """The highest possible cost of a purchase, for several totals (minor units)."""
    return Cost(program.currency, tuple(_most(program, total) for total in totals))


def _sentence(most: Most, currency: str) -> str:
    text = f"A purchase of {wording.money(most.total, currency)} brings at most {wording.points(most.points)}"
    if most.referrer:
        text += f", {wording.points(most.referrer)} to who referred the member"
    if most.rewards:
        text += f", {wording.in_order(f'{times} x {reward}' for reward, times in most.rewards.items())}"
    if most.money is not None and most.percent is not None:
        text += f": {wording.money(most.money, currency)}, {wording.number(round(most.percent, 2))} % of it"
    if most.open:
        text += f"; to that comes what {wording.in_order(most.open)} may give, which nothing limits"
    return text + "."


def _most(program: Program, total: int) -> Most:
    tiers = [level.id for level in program.tiers.levels] if program.tiers else []
    worlds = [_World(program, total, tier) for tier in (*tiers, "")]
    rewards = _Rewards(program, worlds, total)
    return Most(
        total=total,
        points=max(world.points for world in worlds),
        referrer=max(world.referrer for world in worlds),
        rewards=rewards.times,
        value=rewards.value,
        open=tuple(dict.fromkeys([name for world in worlds for name in world.open] + rewards.open)),
        worth=program.worth,
    )


class _World:
    """What a member of one tier can get at best."""

    def __init__(self, program: Program, total: int, tier: str) -> None:
        self._program, self._total, self._tier = program, total, tier
        self._known: dict[tuple[str, frozenset[str]], Bound] = {}
        self.open: list[str] = []
        self._bought = self._given(bought(program))
        self.points = self._stated(bought(program))
        self.referrer = self._stated(frozenset({REFERRAL_MADE})) if refers(program) else 0
        for goal in program.goals:
            points = times_of(self.times(goal), goal.points)
            self.open += [goal.id] if points is None else []
            self.points += points or 0

    def times(self, goal: Goal) -> Bound:
        """How often a purchase can reach a goal."""
        counted = self._tally(goal.counts)
        if counted == 0 or paid_within(goal.when.paid, self._total) < 0:
            return 0
        if not goal.repeat or goal.in_a_row > 1:
            return 1
        return None if counted is None else -(-counted // goal.reach)

    def _stated(self, occasions: frozenset[str]) -> int:
        """The bound of what happens; without what has none, which is noted."""
        points = self._given(occasions)
        if points is not None:
            return points
        self.open += [rule.id for rule in self._rules(occasions) if self._rule(rule, occasions) is None]
        return self._given(occasions, without_open=True) or 0

    def _given(self, occasions: frozenset[str], *, without_open: bool = False) -> Bound:
        rest: Bound = 0
        for group in reversed(self._program.groups):
            rules = [rule for rule in self._rules(occasions) if rule.group == group.id]
            bounds = [self._rule(rule, occasions) for rule in rules]
            bounds = [bound or 0 for bound in bounds] if without_open else bounds
            here = limited(together(group, rules, bounds), group.limits)
            rest = most_of([here, rest]) if group.policy == "exclusive" else total_of([here, rest])
        return self._capped(rest, occasions)

    def _rules(self, occasions: frozenset[str]) -> list[EarningRule]:
        return [rule for rule in self._program.earning if occasions & {*rule.on} and rule.earn and rule.into is None]

    def _capped(self, points: Bound, occasions: frozenset[str]) -> Bound:
        cap, worth = self._program.benefit_cap, self._program.worth
        points = limited(points, self._program.limits)
        if PURCHASE in occasions and cap is not None and worth is not None and cap <= 1:
            return least_of([points, int(cap * self._total // worth)])
        return points

    def _rule(self, rule: EarningRule, occasions: frozenset[str]) -> Bound:
        key = rule.id, occasions
        if key not in self._known:
            self._known[key] = rule_most(rule, self._tier, self._counted(rule, occasions))
        return self._known[key]

    def _counted(self, rule: EarningRule, occasions: frozenset[str]) -> Bound:
        if rule.earn is None or not rule.earn.of_rules:
            paid = self._total if PURCHASE in occasions else 0
            return paid if rule.earn is None or rule.earn.of == "amount" else None
        by_group: list[Bound] = []
        for group in self._program.groups:
            others = [one for one in self._program.earning if one.group == group.id and one.id in rule.earn.of_rules]
            here = [one for one in others if occasions & {*one.on}]
            by_group.append(together(group, here, [self._rule(one, occasions) for one in here]))
        return total_of(by_group)

    def _tally(self, measure: str) -> Bound:
        if measure in {SPEND, VISITS}:
            return self._total if measure == SPEND else 1
        if measure == POINTS:
            return self._bought
        occasions = bought(self._program)
        filling = [rule for rule in self._program.earning if rule.into == measure and occasions & {*rule.on}]
        return total_of([self._rule(rule, occasions) for rule in filling])


class _Rewards:
    """The rewards that one purchase can give, whatever the tier."""

    def __init__(self, program: Program, worlds: Sequence[_World], total: int) -> None:
        self.times: Counter[str] = Counter()
        self.value = 0
        self.open: list[str] = []
        self._add_gifts(program, bought(program), total)
        if refers(program):
            self._add_gifts(program, frozenset({REFERRAL_MADE}), 0)
        for goal in program.goals:
            if goal.reward:
                self._add_goal(program, goal, most_of([world.times(goal) for world in worlds]))

    def _add_gifts(self, program: Program, occasions: frozenset[str], counted: int) -> None:
        for group in program.groups:
            worths = [0]
            for rule in program.earning:
                reward = rule.gift.reward if rule.gift and rule.group == group.id and occasions & {*rule.on} else None
                times = gift_times(rule, counted)
                self.open += [rule.id] if reward and times is None else []
                if reward and times:
                    self.times[reward] += times
                    worths.append(times * (program.rewards[reward].value or 0))
            self.value += sum(worths) if group.policy == "all" or group.by_line else max(worths)

    def _add_goal(self, program: Program, goal: Goal, times: Bound) -> None:
        assert goal.reward is not None
        self.open += [goal.id] if times is None else []
        if times:
            self.times[goal.reward] += times
            self.value += times * (program.rewards[goal.reward].value or 0)


def bought(program: Program) -> frozenset[str]:
    """What happens at once when a member buys: the purchase may be what their referral counts with."""
    return frozenset({PURCHASE, REFERRED} if refers(program) else {PURCHASE})


def refers(program: Program) -> bool:
    """Whether a purchase may be what a referred member qualifies by."""
    return program.referral is not None and program.referral.on == PURCHASE
