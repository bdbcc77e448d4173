"""What changes for members between two versions of the parts of a programme: tiers, goals, rewards and so on. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from functions.program import wording
from functions.program.differences import rules
from functions.program.differences.changes import instead, one_by_one, or_none, others, texts
from functions.program.model import (
    SPEND,
    Activity,
    Conversion,
    EarningRule,
    Goal,
    Group,
    Level,
    Mix,
    Paying,
    Referral,
    Reward,
    Step,
    Stock,
    Terms,
    Text,
    Tiers,
    Validity,
    When,
)

_POLICIES = {
    "all": "every rule counts",
    "highest": "the rule that gives most counts",
    "first": "the first rule counts",
    "exclusive": "the first rule counts and ends all",
}


@dataclass(frozen=True, slots=True)
class Counter:
    """A counter with its id."""

    id: str
    text: Text


class Parts:
    """Words for every kind of part, and for what changes of it."""

    def __init__(self, currency: str) -> None:
        self._currency = currency

    def rule(self, rule: EarningRule) -> str:
        """What it gives."""
        return rules.gives(rule, self._currency)

    def compare_rules(self, old: EarningRule, new: EarningRule) -> Iterator[str]:
        """What changes of a rule."""
        return rules.compare(old, new, self._currency)

    def group(self, group: Group) -> str:
        """How it decides."""
        return _POLICIES[group.policy]

    def compare_groups(self, old: Group, new: Group) -> Iterator[str]:
        """What changes of a group."""
        label = f"Group {new.id}" if new.id else "The group of all rules"
        yield from instead(f"{label}: where several apply,", old.policy, new.policy, _POLICIES.__getitem__)
        by_line = f"{label} is decided for"
        yield from instead(by_line, old.by_line, new.by_line, lambda each: "each line" if each else "the whole")
        yield from rules.limits(label, old.limits, new.limits)
        yield from others(label, old, new, {"id", "policy", "by_line", "limits"})

    def texted(self, one: Counter | Activity) -> str:
        """What it is called."""
        return one.text["en"]

    def compare_counters(self, old: Counter, new: Counter) -> Iterator[str]:
        """What changes of a counter."""
        return texts(f"Counter {new.id}", old.text, new.text)

    def compare_activities(self, old: Activity, new: Activity) -> Iterator[str]:
        """What changes of an activity."""
        label = f"Activity {new.id}"
        yield from texts(label, old.text, new.text)
        yield from instead(f"{label} has the attributes", old.attributes, new.attributes)
        yield from others(label, old, new, {"id", "text", "attributes"})

    def reward(self, reward: Reward) -> str:
        """What it costs."""
        return "given, not bought" if reward.points is None else wording.points(reward.points)

    def tiers(self, old: Tiers | None, new: Tiers | None) -> Iterator[str]:
        """What changes of the tiers."""
        if old is None or new is None:
            there = or_none(_levels, "none")
            yield from instead("The tiers are", old, new, there)
            return
        yield from one_by_one(old.levels, new.levels, "tier", self.level, self.compare_levels)
        windows = (old.window, old.rolling_months), (new.window, new.rolling_months)
        yield from instead("Tiers count what happens in", *windows, _window)
        yield from instead("A tier is held", (old.held, old.held_months), (new.held, new.held_months), _held)
        yield from instead("A tier is held on for", old.grace_months, new.grace_months, _months)
        falls = "A tier that is over falls"
        yield from instead(falls, old.soft, new.soft, lambda soft: "one tier" if soft else "to what is reached")
        lowers = "A return of the purchase that a tier rests on"
        yield from instead(lowers, old.returns_lower, new.returns_lower, lambda low: "lowers it" if low else "keeps it")
        told = {"levels", "window", "rolling_months", "held", "held_months", "grace_months", "soft", "returns_lower"}
        yield from others("Tiers", old, new, told)

    def level(self, level: Level) -> str:
        """What it needs."""
        return f"needs {self._ways(level.reach)}"

    def compare_levels(self, old: Level, new: Level) -> Iterator[str]:
        """What changes of a tier."""
        label = f"Tier {new.id}"
        yield from texts(label, old.text, new.text)
        yield from instead(f"{label} needs", old.reach, new.reach, self._ways)
        yield from instead(f"{label} is kept for ever with", old.lifetime, new.lifetime, self._ways)
        yield from others(label, old, new, {"id", "text", "reach", "lifetime"})

    def _ways(self, ways: Sequence[Mapping[str, int]]) -> str:
        said = [wording.in_order([self._of(measure, least) for measure, least in way.items()]) for way in ways]
        return wording.in_order(said, "or")

    def _of(self, measure: str, least: int) -> str:
        return f"{wording.money(least, self._currency) if measure == SPEND else least} {measure}"

    def goal(self, goal: Goal) -> str:
        """What it gives for what."""
        return f"{self._given(goal)} for {self._of(goal.counts, goal.reach)} {wording.per(goal.per)}"

    def _given(self, goal: Goal) -> str:
        return f"the reward {goal.reward}" if goal.reward else wording.points(goal.points)

    def compare_goals(self, old: Goal, new: Goal) -> Iterator[str]:
        """What changes of a goal."""
        label = f"Goal {new.id}"
        yield from texts(label, old.text, new.text)
        reach = (old.counts, old.reach), (new.counts, new.reach)
        yield from instead(f"{label} needs", *reach, lambda one: self._of(*one))
        yield from instead(f"{label} is counted", old.per, new.per, wording.per)
        yield from rules.conditions(label, old.when, new.when, self._currency)
        yield from rules.lines(label, old.lines, new.lines)
        yield from instead(f"{label} must be reached", old.in_a_row, new.in_a_row, _in_a_row)
        yield from instead(
            f"{label} can be reached", old.repeat, new.repeat, lambda again: "again" if again else "once"
        )
        if (old.points, old.reward) != (new.points, new.reward):
            yield f"{label} gives {self._given(new)} instead of {self._given(old)}."
        usable = f"{label}: what it gives can be used"
        yield from instead(
            usable, old.next_period, new.next_period, lambda late: "in the next period" if late else "now"
        )
        told = {"id", "text", "counts", "reach", "per", "when", "lines", "in_a_row", "repeat", "points", "reward"}
        yield from others(label, old, new, {*told, "next_period"})

    def conversion(self, conversion: Conversion) -> str:
        """What it gives when."""
        return f"{self._steps(conversion)} on {_days(conversion)}"

    def _steps(self, conversion: Conversion) -> str:
        steps = [conversion.each] if conversion.each else conversion.table
        said = wording.in_order([self._step(step) for step in steps])
        return f"for each {said}" if conversion.each else said

    def _step(self, step: Step) -> str:
        return f"{wording.points(step.points)} {wording.money(step.value, self._currency)}"

    def compare_conversions(self, old: Conversion, new: Conversion) -> Iterator[str]:
        """What changes of a conversion."""
        label = f"Conversion {new.id}"
        yield from texts(label, old.text, new.text)
        yield from instead(f"{label} gives the reward", old.reward, new.reward)
        if (old.months, old.day) != (new.months, new.day):
            yield f"{label} is on {_days(new)} instead of {_days(old)}."
        if (old.each, tuple(old.table)) != (new.each, tuple(new.table)):
            yield f"{label} gives {self._steps(new)} instead of {self._steps(old)}."
        yield from instead(f"{label} needs", old.minimum, new.minimum, wording.points)
        yield from others(label, old, new, {"id", "text", "reward", "months", "day", "each", "table", "minimum"})

    def _money(self, value: int) -> str:
        return wording.money(value, self._currency)

    def compare_rewards(self, old: Reward, new: Reward) -> Iterator[str]:
        """What changes of a reward."""
        label = f"Reward {new.id}"
        yield from texts(label, old.text, new.text)
        yield from instead(f"{label} is a", old.kind, new.kind)
        price = or_none(wording.points, "no price, as it is given")
        yield from instead(f"{label} costs", old.points, new.points, price)
        worth = or_none(self._money, "nothing that is said")
        yield from instead(f"{label} is worth", old.value, new.value, worth)
        yield from instead(f"{label} can be used", old.valid, new.valid, _validity)
        yield from instead(f"{label} is for", old.tier, new.tier, or_none(wording.wanted, "everyone"))
        yield from rules.limits(label, old.limits, new.limits)
        yield from instead(f"{label}: the first day is", old.first_day, new.first_day)
        yield from instead(f"{label}: the last day is", old.last_day, new.last_day)
        yield from texts(f"{label}, in detail", old.description, new.description)
        yield from instead(f"{label}: besides the points is paid", old.money, new.money, self._money)
        stock = or_none(_stock, "no stock to run out")
        yield from instead(f"{label} has", old.stock, new.stock, stock)
        mix = or_none(self._mix, "for none of its points")
        yield from instead(f"{label}: money can be paid", old.mix, new.mix, mix)
        paying = or_none(self._paying, "at no rate of points")
        yield from instead(f"{label} is given", old.paying, new.paying, paying)
        yield from rules.conditions(label, old.when or When(), new.when or When(), self._currency)
        yield from self._compare_terms(label, old.terms, new.terms)
        handed_over = _HANDED_OVER.__getitem__
        yield from instead(f"{label} is handed over", old.fulfilment, new.fulfilment, handed_over)
        told = {"id", "text", "kind", "points", "value", "valid", "tier", "limits", "first_day", "last_day"}
        told |= {"description", "money", "stock", "mix", "paying", "when", "terms", "fulfilment"}
        yield from others(label, old, new, told)

    def _mix(self, mix: Mix) -> str:
        each = wording.money(mix.per_point, self._currency)
        return f"for all but {wording.points(mix.least_points)}, {each} each"

    def _paying(self, paying: Paying) -> str:
        most = f", at most {wording.points(paying.most)}" if paying.most is not None else ""
        if paying.most_percent is not None:
            most += f", at most {wording.number(paying.most_percent)} % of a purchase"
        rate = f"{self._money(paying.value)} for {wording.points(paying.points)}"
        return f"at {rate}, from {wording.points(paying.least)} on{most}"

    def _compare_terms(self, label: str, old: Terms, new: Terms) -> Iterator[str]:
        if _uses(old) != _uses(new):
            yield f"{label}: its voucher can be used {_uses(new)} instead of {_uses(old)}."
        yield from instead(f"{label}: its voucher needs a purchase of", old.minimum, new.minimum, self._money)
        yield from rules.lines(f"{label}: its voucher", old.lines, new.lines)
        stores = or_none(wording.listed, "every store")
        yield from instead(f"{label}: its voucher is for", old.stores or None, new.stores or None, stores)

    def referral(self, old: Referral | None, new: Referral | None) -> Iterator[str]:
        """What changes of how a referral counts."""
        if old is None or new is None:
            there = or_none(_on, "never")
            yield from instead("A referral counts", old, new, there)
            return
        yield from instead("A referral counts with a", old.on, new.on)
        yield from rules.conditions("A referral", old.when, new.when, self._currency)
        within = or_none(_within, "at any time")
        yield from instead("A referral counts", old.within_days, new.within_days, within)
        yield from others("A referral", old, new, {"on", "when", "within_days"})


def _levels(tiers: Tiers) -> str:
    return wording.in_order(level.id for level in tiers.levels)


def _on(referral: Referral) -> str:
    return f"with a {referral.on}"


def _within(limit: int) -> str:
    return f"within {wording.counted(limit, 'day')}"


def _window(window: tuple[str, int]) -> str:
    kind, rolling = window
    if rolling:
        return f"the last {wording.counted(rolling, 'month')}"
    return "all time" if kind == "ever" else wording.per(kind)


def _held(held: tuple[str, int]) -> str:
    how, months = held
    words = {"window": "to the end of that time", "next_window": "to the end of the next one", "ever": "for ever"}
    return words.get(how) or f"for {wording.counted(months, 'month')}"


def _months(count: int) -> str:
    return wording.counted(count, "month")


def _in_a_row(times: int) -> str:
    return "in one period" if times == 1 else f"in {times} periods in a row"


def _days(conversion: Conversion) -> str:
    months = wording.in_order([wording.MONTHS[month - 1] for month in sorted(conversion.months)])
    return f"day {conversion.day} of {months}"


_HANDED_OVER = {
    "code": "as a code",
    "none": "by nothing",
    "manual": "by hand",
    "partner": "by its supplier",
}


def _stock(stock: Stock) -> str:
    pieces = wording.counted(stock.pieces, "piece")
    return pieces if stock.per == "ever" else f"{pieces} {wording.per(stock.per)}"


def _uses(terms: Terms) -> str:
    return "in parts" if terms.in_parts else wording.counted(terms.times, "time")


def _validity(valid: Validity) -> str:
    if valid.last or valid.first:
        return f"from {wording.said(valid.first)} to {wording.said(valid.last)}{_length(valid)}"
    return _length(valid).strip()


def _length(valid: Validity) -> str:
    end = " to the end of that month" if valid.to_month_end else ""
    return f" for {wording.counted(valid.days, 'day')} and {wording.counted(valid.months, 'month')}{end}"
