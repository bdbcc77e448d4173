"""What changes for members between two versions of a rule, and of conditions, which goals have as well. Pure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from functions.program import wording
from functions.program.differences.changes import by_name, days, instead, or_none, others, texts
from functions.program.model import CountedSoFar, Earn, EarningRule, Gift, Limit, LineFilter, Match, Range, Rate, When

_FIELDS: Mapping[str, tuple[str, str]] = {
    "tier": ("the tier must be", "any"),
    "segment": ("the segment must be", "any"),
    "store": ("the store must be", "any"),
    "channel": ("the channel must be", "any"),
    "payment_method": ("the way to pay must be", "any"),
    "first_day": ("the first day is", "none"),
    "last_day": ("the last day is", "none"),
    "weekday": ("the weekday must be", "any"),
    "times": ("the time of day must be", "any"),
    "recurs": ("the recurring days must be", "any"),
    "birthday": ("the day must be", "any"),
    "paid": ("the amount paid must be", "any"),
    "number": ("the number of the purchase must be", "any"),
    "every": ("of the purchases only", "every one"),
    "new_days": ("members must be enrolled", "any time"),
    "cel": ("the condition in CEL is", "none"),
}


def conditions(label: str, old: When, new: When, currency: str) -> Iterator[str]:
    """The conditions, each in a sentence."""
    words: Mapping[str, Callable[[When], str]] = {
        "weekday": lambda when: wording.weekdays(when.weekday or ()),
        "times": lambda when: wording.times(when.times) if when.times else "",
        "birthday": lambda when: _around(when.birthday) if when.birthday else "",
        "paid": lambda when: _amounts(when.paid, currency) if when.paid else "",
        "every": lambda when: f"one in {when.every}",
        "new_days": lambda when: f"for at most {wording.counted(when.new_days or 0, 'day')}",
    }
    for name, (start, none) in _FIELDS.items():
        before: object = getattr(old, name)
        after: object = getattr(new, name)
        if before != after:
            say = words.get(name, lambda when, name=name: wording.said(getattr(when, name)))
            told = none if after is None else say(new)
            yield f"{label}: {start} {told} instead of {none if before is None else say(old)}."
    wanted = or_none(wording.wanted, "anything")
    yield from by_name(old.attributes, new.attributes, lambda name: f"{label}: the attribute {name} must be", wanted)
    yield from by_name(old.member, new.member, lambda name: f"{label}: the member's {name} must be", wanted)
    so_far = or_none(_so_far, "anything")
    yield from by_name(old.counted, new.counted, lambda name: f"{label}: {name} before must be", so_far)
    yield from others(label, old, new, {*_FIELDS, "attributes", "member", "counted"})


def _around(birthday: tuple[int, int]) -> str:
    before, after = birthday
    return f"from {wording.counted(before, 'day')} before to {wording.counted(after, 'day')} after the birthday"


def _amounts(paid: Range, currency: str) -> str:
    low = "" if paid.at_least is None else f"at least {wording.money(paid.at_least, currency)}"
    high = "" if paid.at_most is None else f"at most {wording.money(paid.at_most, currency)}"
    return " and ".join(bound for bound in (low, high) if bound) or "anything"


def _so_far(counted: CountedSoFar) -> str:
    return f"{wording.wanted(counted.range)} {wording.per(counted.per)}"


def lines(label: str, old: LineFilter | None, new: LineFilter | None) -> Iterator[str]:
    """Which lines count."""
    yield from instead(f"{label} counts", old, new, _lines)


def _lines(wanted: LineFilter | None) -> str:
    if wanted is None:
        return "all lines"
    matches: Mapping[str, Match | None] = {"sku": wanted.sku, "category": wanted.category, "brand": wanted.brand}
    parts = [f"{name} {wording.wanted(match)}" for name, match in matches.items() if match]
    if wanted.discounted is not None:
        parts.append("a discount" if wanted.discounted else "no discount")
    parts += [f"{name} {wording.wanted(match)}" for name, match in wanted.attributes.items()]
    parts += [f"the condition {wanted.cel}"] if wanted.cel else []
    return f"lines with {wording.in_order(parts)}" if parts else "lines of any kind"


def limits(label: str, old: tuple[Limit, ...], new: tuple[Limit, ...]) -> Iterator[str]:
    """At most how much."""
    yield from instead(
        f"{label} allows", old, new, lambda several: wording.limits(several) if several else "any number"
    )


def gives(rule: EarningRule, currency: str) -> str:
    """What a rule gives."""
    if rule.earn is not None:
        words = _Rates(rule.earn, currency)
        if rule.earn.brackets:
            return words.brackets()
        return wording.in_order(
            [f"{words.rate(one)}{f' for {tier}' if tier else ''}" for tier, one in rule.earn.rates.items()]
        )
    return _gift(rule.gift, currency)


def _gift(gift: Gift | None, currency: str) -> str:
    if gift is None:
        return "nothing"
    if gift.tier:
        return f"the tier {gift.tier}" + (f" for {wording.counted(gift.months, 'month')}" if gift.months else "")
    each = f" for each full {_Rates(Earn(of=gift.of), currency).amount(gift.per_full)}" if gift.per_full else ""
    return f"the reward {gift.reward}{each}"


def _gifts(label: str, old: Gift | None, new: Gift | None, currency: str) -> Iterator[str]:
    yield from instead(f"{label} gives", old, new, lambda gift: _gift(gift, currency))
    if old and new:
        yield from instead(f"{label} counts", old.of, new.of)
        yield from others(label, old, new, {"reward", "tier", "months", "per_full", "of"})


def compare(old: EarningRule, new: EarningRule, currency: str) -> Iterator[str]:
    """What changes of a rule."""
    label = f"Rule {new.id}"
    yield from texts(label, old.text, new.text)
    yield from instead(f"{label} is in the group", old.group, new.group)
    yield from instead(f"{label} is on", old.on, new.on)
    yield from conditions(label, old.when, new.when, currency)
    yield from lines(label, old.lines, new.lines)
    least = _Rates(new.earn or Earn(of=new.gift.of if new.gift else "amount"), currency)
    yield from instead(
        f"{label} needs", old.minimum, new.minimum, lambda some: least.amount(some) if some else "no minimum"
    )
    if old.earn and new.earn:
        yield from _earn(label, old.earn, new.earn, currency)
    elif old.earn != new.earn:
        yield f"{label} gives {gives(new, currency)} instead of {gives(old, currency)}."
    if old.gift != new.gift and (old.earn is None) is (new.earn is None):
        yield from _gifts(label, old.gift, new.gift, currency)
    into = or_none(lambda counter: f"the counter {counter}", "the points to spend")
    yield from instead(f"{label}: its points go into", old.into, new.into, into)
    yield from instead(f"{label} rounds", old.rounding, new.rounding, _ROUNDINGS.__getitem__)
    yield from instead(f"{label} rounds", old.by_line, new.by_line, lambda each: "each line" if each else "the whole")
    yield from limits(label, old.limits, new.limits)
    yield from instead(f"{label} applies again", old.cooldown_days, new.cooldown_days, days)
    yield from instead(f"{label} has a budget of", old.budget, new.budget, or_none(str, "any number"))
    yield from instead(f"{label}: its points can be spent", old.pending_days, new.pending_days, days)
    expire = or_none(wording.lasting, "as all points do")
    yield from by_name(old.lasting, new.lasting, lambda tier: f"{label}: its points{_of(tier)} expire", expire)
    yield from others(label, old, new, _TOLD)


_ROUNDINGS = {"floor": "down", "half_up": "to the nearest", "ceil": "up"}
_TOLD = {"id", "text", "group", "on", "when", "lines", "minimum", "earn", "gift", "into", "rounding", "by_line"}
_TOLD |= {"limits", "cooldown_days", "budget", "pending_days", "lasting"}


def _of(tier: str) -> str:
    return f" of {tier}" if tier else ""


def _earn(label: str, old: Earn, new: Earn, currency: str) -> Iterator[str]:
    before, after = _Rates(old, currency), _Rates(new, currency)
    for tier in dict.fromkeys((*new.rates, *old.rates)):
        was, now = old.rate(tier), new.rate(tier)
        if was != now or before.unit != after.unit:
            told = before.number(was) if _alike(was, now) and before.unit == after.unit else before.rate(was)
            yield f"{label}: {tier or 'everyone'} gets {after.rate(now)} instead of {told}."
    if old.brackets != new.brackets:
        yield f"{label} gives {after.brackets()} instead of {before.brackets()}."
    yield from instead(f"{label} gives each part the rate of", old.marginal, new.marginal, _parts)
    if before.unit != after.unit or old.of != new.of:
        yield f"{label} counts {after.unit} instead of {before.unit}."
    if set(old.rates) != set(new.rates) and dict(old.rates) != dict(new.rates):
        yield f"{label} names {_named(new)} instead of {_named(old)}."
    yield from others(label, old, new, {"rates", "brackets", "marginal", "of", "of_rules"})


def _parts(marginal: bool) -> str:
    return "its own step" if marginal else "the highest step"


def _named(earn: Earn) -> str:
    return wording.in_order([tier or "everyone" for tier in earn.rates]) if earn.rates else "nobody"


def _alike(old: Rate | None, new: Rate | None) -> bool:
    return old is not None and new is not None and (old.per, old.full) == (new.per, new.full)


@dataclass(frozen=True, slots=True)
class _Rates:
    """The rates of a rule in words."""

    earn: Earn
    currency: str

    @property
    def unit(self) -> str:
        """What is counted."""
        if self.earn.of_rules:
            return f"points of {wording.in_order(self.earn.of_rules)}"
        return self.earn.of.removeprefix("attributes.").removeprefix("lines.")

    def amount(self, some: int) -> str:
        """So much of what is counted."""
        if self.unit == "quantity":
            return wording.counted(some, "piece")
        return wording.money(some, self.currency) if self.unit == "amount" else f"{some} {self.unit}"

    def number(self, rate: Rate | None) -> str:
        """How many points alone, or how many times as many."""
        assert rate is not None
        return wording.number(rate.points + 1 if self._multiplies(rate) else rate.points)

    def _multiplies(self, rate: Rate) -> bool:
        return bool(self.earn.of_rules) and rate.per == 1 and not rate.full

    def rate(self, rate: Rate | None) -> str:
        """A rate as one says it."""
        if rate is None:
            return "nothing"
        if self._multiplies(rate):
            return f"{self.number(rate)} times the {self.unit}"
        if not rate.per:
            return wording.points(rate.points)
        return f"{wording.points(rate.points)} per {'full ' if rate.full else ''}{self.amount(rate.per)}"

    def brackets(self) -> str:
        """All steps."""
        steps = [f"{self.rate(step.rate)} from {self.amount(step.start)} on" for step in self.earn.brackets]
        return wording.in_order(steps) if steps else "one rate"
