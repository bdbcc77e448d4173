"""What changes between two versions is told: in good words for what matters, and for every field of the model."""

import dataclasses
from collections.abc import Iterator, Mapping
from datetime import date, time, timedelta
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from functions.program.differences.changes import others
from functions.program.differences.programs import differences
from functions.program.document import read
from functions.program.model import (
    Earn,
    Gift,
    LineFilter,
    Match,
    Mix,
    Paying,
    Program,
    Range,
    Rate,
    Recurrence,
    Step,
    Stock,
    Terms,
    When,
)
from tests.unit.planting import a_file

FILES = sorted((Path(__file__).parent.parent.parent / "programs").glob("*.yaml"))
T = "text: {en: a, fr: b}"
FULL = """
program: full
name: {en: Full, fr: Plein}
currency: EUR
time_zone: Europe/Paris
fiscal_year_starts: {month: 3}
points:
  expire:
    silver: {after_months: 12, extended_by: [purchase], extension: one_month_a_month}
    gold: {year_ends: {month: 12, day: 31}, after_months: 2}
  worth: 1
  pending_days: 3
  limits: [{points: 100, per: day}]
purchases: {accepted_late_days: 9, before_enrolment_days: 3, most_benefit_percent: 20}
groups:
  g: {policy: first, limits: [{times: 2, per: year}]}
  h: all
counters: [{id: stars, text: {en: a, fr: b}}]
activities: [{id: quiz, text: {en: a, fr: b}, attributes: {score: number}}]
tiers:
  window: year
  held: next_window
  levels:
    - {id: silver, text: {en: a, fr: b}}
    - id: gold
      text: {en: a, fr: b}
      reach: [{spend: 50000}, {visits: 3, stars: 9}]
      lifetime: [{points: 9000}]
referral: {on: purchase, within_days: 30, when: {store: a}}
earning:
  - id: base
    group: g
    text: {en: a, fr: b}
    points: {silver: 1, gold: 1.2}
    per: 100
    when:
      tier: [silver, gold]
      segment: vip
      store: a
      channel: web
      payment_method: card
      attributes: {size: {at_least: 3}}
      member: {age: {at_most: 9}}
      first_day: 2026-01-01
      last_day: 2027-01-01
      weekday: [monday]
      time: 09:00-12:00
      recurs: {rule: FREQ=DAILY, starts: 2026-01-01}
      birthday: {days_before: 1, days_after: 2}
      paid: {at_least: 1, at_most: 900}
      purchase_number: 2
      every_nth_purchase: 2
      enrolled_within_days: 9
      counted: {visits: {at_least: 1, per: day}}
      cel: purchase.total > 1
    lines:
      sku: a
      category: b
      brand: c
      discounted: true
      attributes: {kilos: {at_least: 1}}
      cel: line.amount > 1
    minimum: 10
    limits: [{points: 9, per: day}, {times: 2, per: ever}]
    cooldown_days: 3
    budget: 1000
    pending_days: 2
    expire: {after_days: 9, to_month_end: true}
    into: stars
  - id: steps
    group: g
    text: {en: a, fr: b}
    brackets:
      each_part_at_its_own: true
      steps: [{from: 0, points: 1, per: 100}, {from: 500, points: 2, per: 100}]
  - {id: twice, group: h, multiply: 2, of: [steps], text: {en: a, fr: b}}
  - {id: pieces, group: g, points: 2, per_full: 3, of: quantity, text: {en: a, fr: b}}
  - {id: bonus, group: g, points: 5, on: quiz, text: {en: a, fr: b}}
  - {id: present, group: g, reward: gift, per_full: 1000, of: quantity, text: {en: a, fr: b}}
  - {id: raise, group: g, tier: gold, tier_months: 3, text: {en: a, fr: b}}
goals:
  - {id: aim, text: {en: a, fr: b}, counts: spend, reach: 50, per: month, points: 5, when: {store: a}, lines: {sku: a}}
  - {id: row, text: {en: a, fr: b}, counts: visits, reach: 2, per: week, in_a_row: 3, reward: gift, usable: next_period}
conversions:
  - id: each
    text: {en: a, fr: b}
    reward: gift
    months: [1, 7]
    minimum_points: 9
    each: {points: 100, value: 500}
  - {id: table, text: {en: a, fr: b}, reward: gift, months: [1], table: [{points: 9, value: 90}]}
rewards:
  - id: gift
    text: {en: a, fr: b}
    kind: voucher
    points: 100
    value: 500
    valid_months: 3
    to_month_end: true
    tier: gold
    limits: [{times: 1, per: year}]
    offered_from: 2026-01-01
    offered_to: 2027-01-01
  - {id: dated, text: {en: a, fr: b}, kind: product, usable_from: 2026-01-01, usable_to: 2026-02-01}
  - id: flight
    text: {en: a, fr: b}
    description: {en: c, fr: d}
    picture: {en: "https://a.example/e", fr: "https://a.example/f"}
    kind: product
    points: 100
    money: 500
    money_for_points: {least_points: 50, per_point: 0.5}
    stock: {pieces: 5, per: month}
    when: {store: a, segment: vip}
    fulfilment: partner
    supplier: "https://air.example"
  - id: card
    text: {en: a, fr: b}
    kind: gift_card
    points: 9
    value: 500
    valid_days: 9
    use: {in_parts: true, minimum_spend: 100, lines: {sku: a}, stores: [paris]}
  - {id: twice, text: {en: a, fr: b}, kind: voucher, points: 9, valid_days: 9, use: {times: 2}}
  - id: till
    text: {en: a, fr: b}
    kind: credit
    pay: {points: 2, value: 1, least_points: 3, most_points: 9, most_percent: 50}
"""


@pytest.fixture(scope="module")
def full() -> Program:
    """A programme in which every field of the model says something."""
    return read(FULL)


def other(value: object, name: str) -> Iterator[object]:
    """Values of the same kind that are different, everywhere one level deeper as well."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            if (type(value), field.name) == (Terms, "times") and getattr(value, "in_parts", False):
                continue  # until nothing is left, however often
            if (type(value), field.name) != (Program, "version"):
                for changed in other(getattr(value, field.name), field.name):
                    yield dataclasses.replace(value, **{field.name: changed})
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield {name: it for name, it in value.items() if name != key}
            yield from ({**value, key: changed} for changed in other(one, str(key)))
    elif isinstance(value, tuple):
        yield from ((*value[:i], changed, *value[i + 1 :]) for i, one in enumerate(value) for changed in other(one, ""))
        yield from [value[1:]] if value and not isinstance(value[0], int | time) else []
        yield from [value[::-1]] if len(value) > 1 and not isinstance(value[0], int | time) else []
    elif value is None:
        yield SOME.get(name, "changed")
    else:
        yield OTHERS[name] if isinstance(value, str | Fraction) and name in OTHERS else simple(value)


OTHERS = {
    "rounding": "ceil",
    "policy": "exclusive",
    "held": "ever",
    "window": "quarter",
    "per": "quarter",
    "spent_then_returned": "block",
    "of": "attributes.other",
    "currency": "JPY",
    "fulfilment": "manual",
    "per_point": Fraction(5),
    "worth": None,
    "benefit_cap": None,
}
WORD = Match(frozenset({"a"}))
SOME: Mapping[str, object] = {
    **dict.fromkeys(["tier", "segment", "store", "channel", "payment_method", "sku", "category", "brand"], WORD),
    **dict.fromkeys(["number", "every", "new_days", "at_least", "at_most", "points", "budget", "value"], 5),
    **dict.fromkeys(["first_day", "last_day", "first", "last"], date(2026, 3, 4)),
    "weekday": frozenset({1}),
    "recurs": Recurrence("FREQ=DAILY", date(2026, 1, 1)),
    "birthday": (1, 2),
    "times": (time(1), time(2)),
    "year_ends": (3, 31),
    "paid": Range(1),
    "discounted": True,
    "lines": LineFilter(),
    "earn": Earn({"": Rate(Fraction(5))}),
    "gift": Gift("gift"),
    "each": Step(5, 6),
    "months": 4,
    "reward": "gift",
    "into": "stars",
    "mix": Mix(5, Fraction(1, 2)),
    "paying": Paying(5, 6),
    "when": When(tier=WORD),
    "stock": Stock(5),
    "least_points": 5,
    "most_percent": Fraction(5),
    "most": 5,
    "supplier": "https://supplier.example",
}


def simple(value: object) -> object:
    """Another value of the same type; something where there is nothing."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | Fraction):
        return value - 1 if value == 12 else value + 1  # which may be a month
    if isinstance(value, date):
        return value + timedelta(days=1)
    if isinstance(value, time):
        return value.replace(minute=7)
    if isinstance(value, frozenset):
        return frozenset({1, 2} if 1 in value or 0 in value else {"changed"})
    return ZoneInfo("UTC") if isinstance(value, ZoneInfo) else "changed" if isinstance(value, str) else 5


def test_any_field_that_changes_is_told(full: Program) -> None:
    tried = 0
    for changed in other(full, ""):
        assert isinstance(changed, Program)
        told = differences(full, changed), differences(changed, full)
        assert all(told), changed
        assert all(one.endswith(".") for several in told for one in several)
        tried += 1
    assert tried > 250


def test_nothing_is_told_where_nothing_is_different(full: Program) -> None:
    assert differences(full, read(FULL, version=7)) == []
    shuffled = dataclasses.replace(full, rewards=dict(reversed(list(full.rewards.items()))))
    assert differences(full, shuffled) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.stem))
def test_every_programme_can_be_compared(path: Path, full: Program) -> None:
    program = read(path.read_text())
    assert differences(program, program) == []
    assert differences(full, program)
    assert differences(program, full)


def changed(old: str, new: str, **sections: str) -> list[str]:
    return differences(read(a_file([old], **sections)), read(a_file([new], **sections)))


TIERS = f"{{window: year, held: ever, levels: [{{id: silver, {T}}}, {{id: gold, {T}, reach: [{{visits: 3}}]}}]}}"


def test_rates() -> None:
    by_tier = "id: base, points: {silver: 1, gold: %s}, per: %s"
    assert changed(by_tier % (1.2, 100), by_tier % (1.5, 100), tiers=TIERS) == [
        "Rule base: gold gets 1.5 points per 1.00 EUR instead of 1.2."
    ]
    assert changed("id: base, points: 1, per: 100", "id: base, points: 1, per_full: 50") == [
        "Rule base: everyone gets 1 point per full 0.50 EUR instead of 1 point per 1.00 EUR."
    ]
    assert changed("id: base, points: 5", "id: base, points: 6") == ["Rule base: everyone gets 6 points instead of 5."]
    assert changed("id: base, points: 5", by_tier % (2, 100), tiers=TIERS) == [
        "Rule base: silver gets 1 point per 1.00 EUR instead of 5 points.",
        "Rule base: gold gets 2 points per 1.00 EUR instead of 5 points.",
        "Rule base: everyone gets nothing instead of 5 points.",
        "Rule base names silver and gold instead of everyone.",
    ]
    twice = "id: twice, group: h, multiply: %s, of: [base]"
    rules = [["id: base, points: 1, per: 100", twice % times] for times in (2, 3)]
    old, new = (read(a_file(several, groups="{g: all, h: all}")) for several in rules)
    assert differences(old, new) == ["Rule twice: everyone gets 3 times the points of base instead of 2."]


def test_what_a_rule_gives() -> None:
    gift = f"[{{id: gift, kind: voucher, value: 500, valid_days: 90, {T}}}]"
    assert changed("id: r, points: 5", "id: r, reward: gift", rewards=gift) == [
        "Rule r gives the reward gift instead of 5 points."
    ]
    assert changed("id: r, tier: gold", "id: r, tier: gold, tier_months: 3", tiers=TIERS) == [
        "Rule r gives the tier gold for 3 months instead of the tier gold."
    ]
    steps = "id: r, brackets: {steps: [{from: 0, points: %s}]}"
    assert changed(steps % 1, steps % 2) == [
        "Rule r gives 2 points from 0.00 EUR on instead of 1 point from 0.00 EUR on."
    ]
    pieces = "id: r, of: quantity, points: 1, per: %s"
    assert changed(pieces % 1, pieces % 2) == [
        "Rule r: everyone gets 1 point per 2 pieces instead of 1 point per 1 piece."
    ]


def test_ranges_and_other_units() -> None:
    assert changed(
        "id: r, points: 5", "id: r, points: 5, when: {attributes: {a: {at_least: 2, at_most: 3}, b: {at_most: 3}}}"
    ) == [
        "Rule r: the attribute a must be from 2 to 3 instead of anything.",
        "Rule r: the attribute b must be at most 3 instead of anything.",
    ]
    kilos = "id: r, of: lines.kilos, points: 1, per: %s"
    assert changed(kilos % 1, kilos % 2) == [
        "Rule r: everyone gets 1 point per 2 kilos instead of 1 point per 1 kilos."
    ]


def test_conditions() -> None:
    assert changed(
        "id: r, points: 5, when: {weekday: [monday]}", "id: r, points: 5, when: {weekday: [sunday, friday]}"
    ) == ["Rule r: the weekday must be Friday or Sunday instead of Monday."]
    assert changed("id: r, points: 5", "id: r, points: 5, when: {tier: {not: [gold]}}", tiers=TIERS) == [
        "Rule r: the tier must be not gold instead of any."
    ]
    assert changed("id: r, points: 5", 'id: r, points: 5, when: {time: "14:00-17:00", paid: {at_least: 500}}') == [
        "Rule r: the time of day must be 14:00-17:00 instead of any.",
        "Rule r: the amount paid must be at least 5.00 EUR instead of any.",
    ]
    assert changed("id: r, points: 5", "id: r, points: 5, lines: {attributes: {}}") == [
        "Rule r counts lines of any kind instead of all lines."
    ]
    assert changed("id: r, points: 5", "id: r, points: 5, lines: {discounted: false}") == [
        "Rule r counts lines with no discount instead of all lines."
    ]


def test_the_rest() -> None:
    def sections(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
        return differences(read(a_file(**old)), read(a_file(**new)))

    coffee = f"[{{id: coffee, kind: product, points: %s, valid_days: 90, {T}}}]"
    assert sections({}, {"rewards": coffee % 150}) == ["New reward coffee: 150 points."]
    assert sections({"rewards": coffee % 150}, {}) == ["The reward coffee is gone."]
    assert sections({"rewards": coffee % 100}, {"rewards": coffee % 120}) == [
        "Reward coffee costs 120 points instead of 100 points."
    ]
    assert sections({}, {"points": "{expire: {after_months: 12}}"}) == [
        "Points expire after 12 months instead of never."
    ]
    spend = f"{{window: year, held: ever, levels: [{{id: silver, {T}}}, {{id: gold, {T}, reach: [{{spend: %s}}]}}]}}"
    assert sections({"tiers": spend % 50000}, {"tiers": spend % 60000}) == [
        "Tier gold needs 600.00 EUR spend instead of 500.00 EUR spend."
    ]
    assert sections({}, {"tiers": TIERS}) == ["The tiers are silver and gold instead of none."]
    assert sections({}, {"referral": "{on: purchase}"}) == ["A referral counts with a purchase instead of never."]
    levels = f"levels: [{{id: silver, {T}}}, {{id: gold, {T}, reach: [{{spend: 1}}]}}]"
    rolling = f"{{rolling_months: 12, held_months: 6, {levels}}}"
    assert sections({"tiers": spend % 1}, {"tiers": rolling}) == [
        "Tiers count what happens in the last 12 months instead of a year.",
        "A tier is held for 6 months instead of for ever.",
    ]
    lasting = f"{{window: ever, held: ever, {levels}}}"
    assert "Tiers count what happens in all time instead of a year." in sections(
        {"tiers": spend % 1}, {"tiers": lasting}
    )


SOLD = f"[{{id: tea, kind: product, {T}, valid_days: 9, %s}}]"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("points: 9", "points: 9, money: 250", "besides the points is paid 2.50 EUR instead of 0.00 EUR"),
        ("points: 9", "points: 9, stock: 3", "has 3 pieces instead of no stock to run out"),
        (
            "points: 9, stock: {pieces: 1, per: month}",
            "points: 9, stock: {pieces: 2, per: fiscal}",
            "has 2 pieces a fiscal year instead of 1 piece a month",
        ),
        (
            "points: 9",
            "points: 9, money_for_points: {least_points: 1, per_point: 2.5}",
            "money can be paid for all but 1 point, 0.025 EUR each instead of for none of its points",
        ),
        ("points: 9", "points: 9, fulfilment: manual", "is handed over by hand instead of as a code"),
        (
            "points: 9, fulfilment: none",
            "points: 9, fulfilment: manual",
            "is handed over by hand instead of by nothing",
        ),
        ("points: 9", "points: 9, use: {times: 3}", "its voucher can be used 3 times instead of 1 time"),
        (
            "points: 9, value: 500, use: {times: 3}",
            "points: 9, value: 500, use: {in_parts: true}",
            "its voucher can be used in parts instead of 3 times",
        ),
        (
            "points: 9",
            "points: 9, use: {minimum_spend: 900}",
            "its voucher needs a purchase of 9.00 EUR instead of 0.00 EUR",
        ),
        (
            "points: 9",
            "points: 9, use: {stores: [paris, lyon]}",
            "its voucher is for lyon and paris instead of every store",
        ),
        (
            "points: 9",
            "points: 9, description: {en: Hot, fr: Chaud}",
            "in detail: the English text is “Hot” instead of missing",
        ),
    ],
)
def test_what_changes_of_a_reward_is_told_in_words(old: str, new: str, told: str) -> None:
    found = differences(read(a_file(rewards=SOLD % old)), read(a_file(rewards=SOLD % new)))
    label = "Reward tea" if told.startswith(("has", "is ")) else "Reward tea:"
    label = "Reward tea," if told.startswith("in detail") else label
    assert found[0] == f"{label} {told}."
    assert len(found) == (2 if told.startswith("in detail") else 1)


def test_points_as_money_are_told_with_their_rate_and_bounds() -> None:
    till = f"[{{id: till, kind: credit, {T}, pay: {{points: 100, value: 50%s}}}}]"
    old, new = (read(a_file(rewards=till % more)) for more in ("", ", least_points: 5, most_points: 9"))
    before = "instead of at 0.50 EUR for 100 points, from 1 point on."
    assert differences(old, new) == [
        f"Reward till is given at 0.50 EUR for 100 points, from 5 points on, at most 9 points {before}"
    ]
    part = read(a_file(rewards=till % ", most_percent: 33.3"))
    assert differences(old, part) == [
        f"Reward till is given at 0.50 EUR for 100 points, from 1 point on, at most 33.3 % of a purchase {before}"
    ]


def test_how_long_expired_points_last_that_are_refunded_is_told() -> None:
    old, new = (read(a_file(points=f"{{expire: never, refund_grace_days: {days}}}")) for days in (30, 1))
    assert differences(old, new) == ["Expired points that are refunded last 1 more day instead of 30 more days."]


def test_what_cannot_be_so_is_told_all_the_same(full: Program) -> None:
    assert full.tiers
    levels = full.tiers.levels[0], dataclasses.replace(full.tiers.levels[1], reach=({},))
    emptied = dataclasses.replace(full, tiers=dataclasses.replace(full.tiers, levels=levels))
    [told] = differences(full, emptied)
    assert told.startswith("Tier gold needs nothing instead of")


def test_a_field_without_words_is_told_by_its_name() -> None:
    @dataclasses.dataclass
    class Thing:
        id: str
        some_words: object

    many: list[object] = [None, True, Fraction(6, 5), date(2026, 1, 2), {"a": 1}, {}, (), ("b", "a"), "text"]
    words = ["nothing", "yes", "1.2", "2 January 2026", "a 1", "nothing", "nothing", "a and b", "text"]
    for value, word in zip(many, words, strict=True):
        told = list(others("Thing x", Thing("x", 7), Thing("y", value), {"id"}))
        assert told == [f"Thing x: some words is {word} instead of 7."]
