"""What is found in a programme file: every kind of mistake where it is planted, and nothing where it is not."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TypeAlias

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from functions.accrual.deciding import decide
from functions.program.checks.reach import reachable
from functions.program.checks.report import Finding, checked, findings
from functions.program.document import read
from functions.runtime.errors import InvalidError
from tests.unit.planting import a_file
from tests.unit.shopping import Town

FILES = sorted((Path(__file__).parent.parent.parent / "programs").glob("*.yaml"))
TODAY = date(2026, 11, 22)
LATER = datetime(2028, 1, 1, tzinfo=UTC)

Sections: TypeAlias = Mapping[str, str]
Planted: TypeAlias = tuple[Sequence[str], Sections]

T = "text: {en: a, fr: b}"
BASE = "id: base, points: 1, per: 100"
DO = f"[{{id: quiz, {T}, attributes: {{score: number}}}}]"
STARS = f"[{{id: stars, {T}}}]"
REWARD = f"[{{id: gift, kind: voucher, value: 500, valid_days: 90, {T}}}]"
TILL = f"[{{id: till, kind: credit, pay: {{points: 1, value: 1, least_points: %s}}, {T}}}]"
MONTHS = "{expire: {after_months: 6, to_month_end: true}}"
YEARLY = "{expire: {year_ends: {month: 12, day: 31}}, limits: [{points: 100, per: year}]}"
EXPIRE = "points: {expire: {after_days: 30}, limits: [{points: 10, per: day}]}"


def tiers(*levels: str, window: str = "window: year, held: next_window") -> str:
    several = ", ".join(f"{{id: {level}, {T}}}" for level in levels)
    return f"{{{window}, levels: [{several}]}}"


TWO = tiers("silver", "gold")
REACHED = "silver", "gold, reach: [{spend: 100}]"


def one(rule: str, **sections: str) -> Planted:
    return [rule], sections


def base(**sections: str) -> Planted:
    return [BASE], sections


def two(first: str, second: str, **sections: str) -> Planted:
    return [f"id: first, {first}", f"id: second, {second}"], sections


def found_in(planted: Planted) -> list[Finding]:
    rules, sections = planted
    return findings(read(a_file(rules, **sections)), TODAY)


def when(conditions: str, more: str = "points: 1, per: 100") -> Planted:
    return one(f"id: r, {more}, when: {{{conditions}}}")


def lines(conditions: str) -> Planted:
    return one(f"id: r, points: 1, per: 100, lines: {{{conditions}}}")


def goal(text: str, rule: str = BASE, **sections: str) -> Planted:
    return one(rule, goals=f"[{{id: aim, {text}, {T}}}]", **sections)


def reward(text: str, rule: str = BASE, **sections: str) -> Planted:
    return one(rule, rewards=f"[{{id: gift, kind: voucher, value: 500, valid_days: 90, {text}, {T}}}]", **sections)


def conversion(text: str, **sections: str) -> Planted:
    return base(
        conversions=f"[{{id: c, reward: gift, months: [1], {text}, {T}}}]",
        **{"rewards": REWARD, "points": "{expire: never, limits: [{points: 900, per: ever}]}", **sections},
    )


DAY = "recurs: {rule: FREQ=WEEKLY, starts: 2026-03-02"
ONE = "groups", "{g: first}"
FIRST = {"groups": "{g: first}"}
HIGHEST = {"groups": "{g: highest}"}
EACH = {"groups": "{g: {policy: highest, by_line: true}}"}
EXCLUSIVE = {"groups": "{x: exclusive, y: all}"}
BY_LINE = "round_each_line: true"

SERIOUS: list[tuple[str, Planted, Planted]] = [
    ("conditions_never_hold", when("store: 12"), when('store: "12"')),
    ("conditions_never_hold", when("segment: 12"), when("segment: vip")),
    (
        "conditions_never_hold",
        when("first_day: 2026-03-02, last_day: 2026-03-06, weekday: [sunday]"),
        when("first_day: 2026-03-02, last_day: 2026-03-08, weekday: [sunday]"),
    ),
    ("conditions_never_hold", when(f"{DAY}}}, weekday: [tuesday]"), when(f"{DAY}, days: 2}}, weekday: [tuesday]")),
    ("conditions_never_hold", when(f"{DAY}}}, last_day: 2026-03-01"), when(f"{DAY}}}, last_day: 2026-03-02")),
    (
        "conditions_never_hold",
        when("recurs: {rule: FREQ=DAILY;COUNT=3, starts: 2026-03-02}, first_day: 2026-03-05"),
        when("recurs: {rule: FREQ=DAILY;COUNT=3, starts: 2026-03-02, days: 2}, first_day: 2026-03-05"),
    ),
    (
        "conditions_never_hold",
        when("purchase_number: 3, every_nth_purchase: 2"),
        when("purchase_number: 4, every_nth_purchase: 2"),
    ),
    ("lines_never_count", lines("sku: 17"), lines("sku: [a17, 17]")),
    ("lines_never_count", lines("brand: 17"), lines("brand: {not: [17]}")),
    ("lines_never_count", lines("category: 17"), lines("category: {not: [17]}")),
    (
        "no_tier_taken",
        one("id: r, points: 1, when: {tier: {not: [silver, gold]}}", tiers=tiers(*REACHED)),
        one("id: r, points: 1, when: {tier: {not: [silver]}}", tiers=tiers(*REACHED)),
    ),
    (
        "no_rate_for_tier",
        two(
            "points: 1, per: 100",
            "multiply: {gold: 2}, of: [first], group: h, when: {tier: silver}",
            tiers=tiers(*REACHED),
            groups="{g: all, h: all}",
        ),
        two(
            "points: 1, per: 100",
            "multiply: {gold: 2}, of: [first], group: h",
            tiers=tiers(*REACHED),
            groups="{g: all, h: all}",
        ),
    ),
    ("comes_to_nothing", one("id: r, points: 0.4"), one("id: r, points: 0.4, round: ceil")),
    ("comes_to_nothing", one("id: r, points: 0.4"), one("id: r, points: 0.5, round: half_up")),
    ("comes_to_nothing", when("paid: {at_most: 99}"), when("paid: {at_most: 100}")),
    (
        "comes_to_nothing",
        when("paid: {at_most: 99}", "points: 1, minimum: 100"),
        when("paid: {at_most: 100}", "points: 1, minimum: 100"),
    ),
    (
        "comes_to_nothing",
        one("id: r, reward: gift, per_full: 500, when: {paid: {at_most: 499}}", rewards=REWARD),
        one("id: r, reward: gift, per_full: 500, when: {paid: {at_most: 500}}", rewards=REWARD),
    ),
    ("budget_below_award", one("id: r, points: 10, budget: 9"), one("id: r, points: 10, budget: 10")),
    (
        "budget_below_award",
        one("id: r, points: 10, per_full: 100, budget: 9"),
        one("id: r, points: 10, per_full: 100, budget: 9, limits: [{points: 5, per: day}]"),
    ),
    (
        "of_never_together",
        two(
            "points: 1, per: 100, when: {store: a}",
            "multiply: 2, of: [first], group: h, when: {store: b}",
            groups="{g: all, h: all}",
        ),
        two(
            "points: 1, per: 100, when: {store: a}",
            "multiply: 2, of: [first], group: h, when: {store: [a, b]}",
            groups="{g: all, h: all}",
        ),
    ),
    (
        "of_never_together",
        two(
            "points: 1, per: 100, lines: {sku: a}",
            "multiply: 2, of: [first], group: h, lines: {sku: b}",
            groups="{g: all, h: all}",
        ),
        two(
            "points: 1, per: 100, lines: {sku: a}",
            "multiply: 2, of: [first], group: h, lines: {sku: {not: [b]}}",
            groups="{g: all, h: all}",
        ),
    ),
    (
        "of_never_together",
        two("points: 1, per: 100", "multiply: 2, of: [first], group: h, on: referred", groups="{g: all, h: all}"),
        two(
            "points: 1, per: 100",
            "multiply: 2, of: [first], group: h, on: referred",
            groups="{g: all, h: all}",
            referral="{on: purchase}",
        ),
    ),
    (
        "of_never_together",
        two("points: 1, per: 100", "multiply: 2, of: [first], group: h", groups="{g: exclusive, h: all}"),
        two("points: 1, per: 100", "multiply: 2, of: [first], group: h", groups="{g: first, h: all}"),
    ),
    (
        "of_never_together",
        two("reward: gift", "multiply: 2, of: [first], group: h", groups="{g: all, h: all}", rewards=REWARD),
        two("points: 1", "multiply: 2, of: [first], group: h", groups="{g: all, h: all}", rewards=REWARD),
    ),
    (
        "of_never_together",
        two("points: 0.1", "multiply: 2, of: [first], group: h", groups="{g: all, h: all}"),
        two("points: 0.1, round: ceil", "multiply: 2, of: [first], group: h", groups="{g: all, h: all}"),
    ),
    (
        "never_after_exclusive",
        two("points: 5, group: x", "points: 1, per: 100, group: y", **EXCLUSIVE),
        two("points: 5, per: 100, group: x", "points: 1, per: 10, group: y", **EXCLUSIVE),
    ),
    (
        "never_after_exclusive",
        two(
            "reward: gift, group: x, when: {store: [a, b]}",
            "points: 1, group: y, when: {store: a}",
            rewards=REWARD,
            **EXCLUSIVE,
        ),
        two(
            "reward: gift, group: x, when: {store: b}",
            "points: 1, group: y, when: {store: a}",
            rewards=REWARD,
            **EXCLUSIVE,
        ),
    ),
    (
        "always_loses",
        two("points: 5", "points: 9, when: {store: a}", **FIRST),
        two("points: 5, limits: [{times: 1, per: day}]", "points: 9, when: {store: a}", **FIRST),
    ),
    (
        "always_loses",
        two("points: 5, minimum: 100", "points: 9, minimum: 100", **FIRST),
        two("points: 5, minimum: 101", "points: 9, minimum: 100", **FIRST),
    ),
    (
        "always_loses",
        two("points: 5, minimum: 100", "points: 9, when: {paid: {at_least: 100}}", **FIRST),
        two("points: 5, minimum: 100, lines: {sku: a}", "points: 9, when: {paid: {at_least: 100}}", **FIRST),
    ),
    (
        "always_loses",
        two("points: 5, per: 100", "points: 5, per: 200", **FIRST),
        two("points: 5, per: 100", "points: 5, per: 50", **FIRST),
    ),
    (
        "always_loses",
        two("points: 5, per_full: 100", "points: 10, per_full: 200", **HIGHEST),
        two("points: 5, per_full: 100", "points: 10, per_full: 150", **HIGHEST),
    ),
    (
        "always_loses",
        two("points: 5, per: 100", "points: 5, per_full: 100", **HIGHEST),
        two("points: 5, per_full: 100", "points: 4, per: 100", **HIGHEST),
    ),
    (
        "always_loses",
        two("points: 1, per: 100", "points: 2, per: 100", **HIGHEST),
        two("points: 1, per: 100", "points: 1.5, per: 100", **HIGHEST),
    ),
    (
        "always_loses",
        two("points: 3, per: 100", "points: 2, per: 100, when: {tier: gold}", tiers=tiers(*REACHED), **HIGHEST),
        two("points: 1, per: 100", "points: {silver: 1, gold: 1.5}, per: 100", tiers=tiers(*REACHED), **HIGHEST),
    ),
    (
        "always_loses",
        two(f"points: 3, per: 100, {BY_LINE}", f"points: 2, per: 100, {BY_LINE}, lines: {{sku: a}}", **EACH),
        two("points: 3, per: 100", "points: 2, per: 100, lines: {sku: a}", **EACH),
    ),
    (
        "always_loses",
        two("reward: gift, per_full: 100", "reward: gift, per_full: 200", rewards=REWARD, **FIRST),
        two("reward: gift, per_full: 200", "reward: gift, per_full: 100", rewards=REWARD, **FIRST),
    ),
    (
        "always_loses",
        two("points: 2, of: quantity, per: 1", "points: 1, of: quantity, per: 1", **FIRST),
        two("points: 2, of: quantity, per: 1", "points: 1, of: lines.kilos, per: 1", **FIRST),
    ),
    (
        "always_loses",
        (
            [
                "id: first, points: 1, group: f",
                "id: second, multiply: 3, of: [first], group: g",
                "id: third, multiply: 2, of: [first], group: g",
            ],
            {"groups": "{f: all, g: first}"},
        ),
        (
            [
                "id: first, points: 1, group: f",
                "id: second, multiply: 2, of: [first], group: g",
                "id: third, points: 1, per: 100, group: g",
            ],
            {"groups": "{f: all, g: first}"},
        ),
    ),
    (
        "always_loses",
        two("points: 5, per: 100", "points: 4, per: 100", **HIGHEST),
        two("points: 5, per: 100, round: ceil", "points: 4, per: 100", **HIGHEST),
    ),
    (
        "always_loses",
        two("points: 5, per: 100", "points: 4, per: 100", **FIRST),
        two("brackets: {steps: [{from: 50, points: 5}]}", "points: 4, per: 100", **FIRST),
    ),
    (
        "always_loses",
        two("points: 5, per: 100", "points: 4, per: 100", **FIRST),
        two("reward: gift, per_full: 100", "points: 4, per: 100", rewards=REWARD, **FIRST),
    ),
    (
        "always_loses",
        two("reward: gift", "reward: gift, per_full: 100", rewards=REWARD, **FIRST),
        two("points: 5, per: 100", "reward: gift, per_full: 100", rewards=REWARD, **FIRST),
    ),
    (
        "measure_out_of_reach",
        base(tiers=tiers("silver", "gold, reach: [{stars: 1}]"), counters=STARS),
        two("points: 1", "points: 1, into: stars", tiers=tiers("silver", "gold, reach: [{stars: 1}]"), counters=STARS),
    ),
    (
        "measure_out_of_reach",
        one("id: r, points: 1, on: enrolled", tiers=tiers("silver", "gold, lifetime: [{points: 2}]")),
        one("id: r, points: 2, on: enrolled", tiers=tiers("silver", "gold, lifetime: [{points: 2}]")),
    ),
    (
        "measure_out_of_reach",
        base(
            tiers=tiers("silver", "gold, reach: [{points: 301}]", window="rolling_months: 2, held_months: 1"),
            points="{expire: never, limits: [{points: 100, per: month}]}",
        ),
        base(
            tiers=tiers("silver", "gold, reach: [{points: 300}]", window="rolling_months: 2, held_months: 1"),
            points="{expire: never, limits: [{points: 100, per: month}]}",
        ),
    ),
    (
        "tier_shadowed",
        base(tiers=tiers("silver", "gold, reach: [{spend: 100}]", "top, reach: [{spend: 100}, {visits: 3}]")),
        base(tiers=tiers("silver", "gold, reach: [{spend: 100}]", "top, reach: [{spend: 101}, {visits: 3}]")),
    ),
    (
        "goal_out_of_reach",
        goal("counts: stars, reach: 1, per: year, points: 1", counters=STARS),
        goal("counts: stars, reach: 9, per: year, points: 1", "id: r, points: 1, into: stars", counters=STARS),
    ),
    (
        "goal_out_of_reach",
        goal("counts: points, reach: 6, per: week, points: 1", "id: r, points: 1, limits: [{times: 5, per: week}]"),
        goal("counts: points, reach: 5, per: week, points: 1", "id: r, points: 1, limits: [{times: 5, per: week}]"),
    ),
    (
        "conditions_never_hold",
        goal("counts: visits, reach: 2, per: week, points: 1, when: {store: 7}"),
        goal("counts: visits, reach: 2, per: week, points: 1, when: {store: [a]}"),
    ),
    (
        "lines_never_count",
        goal("counts: spend, reach: 2, per: week, points: 1, lines: {sku: 7}"),
        goal("counts: spend, reach: 2, per: week, points: 1, lines: {sku: a7}"),
    ),
    (
        "streak_longer_than_dates",
        goal(
            "counts: visits, reach: 1, per: month, in_a_row: 5, points: 1, "
            "when: {first_day: 2027-01-01, last_day: 2027-02-28}"
        ),
        goal(
            "counts: visits, reach: 1, per: month, in_a_row: 2, points: 1, "
            "when: {first_day: 2027-01-01, last_day: 2027-02-28}"
        ),
    ),
    ("conditions_never_hold", base(referral="{when: {store: 7}}"), base(referral="{when: {store: a}}")),
    (
        "conversion_out_of_reach",
        conversion("each: {points: 901, value: 1}"),
        conversion("each: {points: 900, value: 1}"),
    ),
    (
        "conversion_out_of_reach",
        conversion("minimum_points: 901, each: {points: 9, value: 1}"),
        conversion("minimum_points: 900, each: {points: 9, value: 1}"),
    ),
    (
        "reward_out_of_reach",
        reward("points: 10", "id: r, points: 1, into: stars", counters=STARS),
        reward("points: 10"),
    ),
    (
        "reward_out_of_reach",
        reward("points: 13", "id: r, points: 1, limits: [{times: 3, per: quarter}]", points=MONTHS),
        reward("points: 12", "id: r, points: 1, limits: [{times: 3, per: quarter}]", points=MONTHS),
    ),
    (
        "measure_out_of_reach",
        base(
            tiers=tiers("silver", "gold, reach: [{points: 1201}]"),
            points="{expire: never, limits: [{points: 100, per: month}]}",
        ),
        base(
            tiers=tiers("silver", "gold, reach: [{points: 1200}]"),
            points="{expire: never, limits: [{points: 100, per: month}]}",
        ),
    ),
    (
        "goal_out_of_reach",
        goal("counts: points, reach: 101, per: month, points: 1", points=YEARLY),
        goal("counts: points, reach: 100, per: month, points: 1", points=YEARLY),
    ),
    (
        "always_loses",
        two("points: 5, per: 100", "points: 4, per: 100, on: [purchase]", **HIGHEST),
        two("points: 5, per: 100", "points: 4", **HIGHEST),
    ),
    (
        "always_loses",
        two("points: 5", "points: 4, minimum: 100", **HIGHEST),
        two("points: 5", "points: 4, per: 100", **HIGHEST),
    ),
    (
        "always_loses",
        two("points: 1, per: 100", "points: 3, per: 100, round: floor", **HIGHEST),
        two("points: 1, per: 100, round: ceil", "points: 3, per: 100, round: ceil", **HIGHEST),
    ),
    ("reward_out_of_reach", reward("points: 321", points=EXPIRE[8:]), reward("points: 320", points=EXPIRE[8:])),
    (
        "reward_out_of_reach",
        reward("points: 900, money_for_points: {least_points: 321, per_point: 1}", points=EXPIRE[8:]),
        reward("points: 900, money_for_points: {least_points: 320, per_point: 1}", points=EXPIRE[8:]),
    ),
    (
        "reward_out_of_reach",
        base(rewards=TILL % 321, points=EXPIRE[8:]),
        base(rewards=TILL % 320, points=EXPIRE[8:]),
    ),
    (
        "no_tier_taken",
        reward("points: 10, tier: {not: [silver, gold]}", tiers=tiers(*REACHED)),
        reward("points: 10, tier: gold", tiers=tiers(*REACHED)),
    ),
]

PERHAPS: list[tuple[str, Planted, Planted]] = [
    (
        "limit_below_award",
        one("id: r, points: 10, limits: [{points: 9, per: day}]"),
        one("id: r, points: 10, limits: [{points: 10, per: day}, {times: 3, per: day}]"),
    ),
    ("is_over", when("last_day: 2026-11-21"), when("last_day: 2026-11-22")),
    (
        "no_referral",
        one("id: r, points: 10, on: referred"),
        one("id: r, points: 10, on: referred", referral="{on: purchase}"),
    ),
    (
        "undeclared_attribute",
        one("id: r, points: 1, on: quiz, when: {attributes: {level: 3}}", activities=DO),
        one("id: r, points: 1, on: quiz, when: {attributes: {score: 3}}", activities=DO),
    ),
    (
        "undeclared_attribute",
        goal("counts: quiz, reach: 2, per: week, points: 1, when: {attributes: {l: 3}}", activities=DO),
        goal("counts: quiz, reach: 2, per: week, points: 1, when: {attributes: {score: 3}}", activities=DO),
    ),
    ("lines_take_all", lines("attributes: {}"), lines("attributes: {a: 1}")),
    (
        "rate_unused",
        one("id: r, points: {silver: 1, gold: 2}, when: {tier: silver}", tiers=tiers(*REACHED)),
        one("id: r, points: {silver: 1}, when: {tier: silver}", tiers=tiers(*REACHED)),
    ),
    (
        "gives_lowest_tier",
        one("id: r, tier: silver", tiers=tiers(*REACHED)),
        one("id: r, tier: gold", tiers=tiers(*REACHED)),
    ),
    (
        "of_partly_never",
        (
            [
                "id: a, points: 1, when: {store: a}",
                "id: b, points: 1",
                "id: more, multiply: 2, of: [a, b], group: h, when: {store: b}",
            ],
            {"groups": "{g: all, h: all}"},
        ),
        (
            [
                "id: a, points: 1, when: {store: a}",
                "id: b, points: 1",
                "id: more, multiply: 2, of: [a, b], group: h, when: {store: a}",
            ],
            {"groups": "{g: all, h: all}"},
        ),
    ),
    (
        "rates_add_up",
        two("points: 1, per: 100", "points: 2, per: 100, lines: {sku: a}"),
        two("points: 1, per: 100, lines: {sku: b}", "points: 2, per: 100, lines: {sku: a}"),
    ),
    (
        "rates_add_up",
        two("points: 1, per: 100", "points: 2, per: 100"),
        two("points: 1, per: 100", "points: 2, per: 100", **FIRST),
    ),
    (
        "rates_add_up",
        two("points: 1, per: 100, lines: {sku: a}", "points: 2, per: 100"),
        two("points: 1, per: 100", "points: 2"),
    ),
    (
        "rates_add_up",
        two("points: 1, per: 100, group: x", "points: 2, per: 50, group: y", groups="{x: all, y: all}"),
        two("points: 1, per: 100, group: x", "points: 2, per: 50, group: y", **EXCLUSIVE),
    ),
    (
        "rates_add_up",
        two("points: 1, per: 100, lines: {sku: [a, b]}", "points: 2, per: 50, lines: {sku: [a]}"),
        two("points: 1, per: 100, lines: {sku: [a, b]}", "points: 2, per: 50, lines: {brand: a}"),
    ),
    ("tier_out_of_reach", base(tiers=TWO), base(tiers=tiers(*REACHED))),
    ("tier_out_of_reach", base(tiers=TWO), one("id: r, tier: gold", tiers=TWO)),
    (
        "tier_shadowed",
        base(
            tiers=tiers(
                "silver",
                "gold, reach: [{spend: 100}]",
                "top, reach: [{spend: 90}]",
                window="window: year, held: window, falls: one_level",
            )
        ),
        base(
            tiers=tiers(
                "silver",
                "gold, reach: [{spend: 90}]",
                "top, reach: [{spend: 100}]",
                window="window: year, held: window, falls: one_level",
            )
        ),
    ),
    (
        "for_nobody",
        one("id: r, points: 1, when: {tier: gold}", tiers=TWO),
        one("id: r, points: 1, when: {tier: gold}", tiers=tiers("silver", "gold, lifetime: [{visits: 9}]")),
    ),
    ("for_nobody", reward("points: 10, tier: gold", tiers=TWO), reward("points: 10, tier: [gold, silver]", tiers=TWO)),
    (
        "step_out_of_reach",
        conversion("table: [{points: 9, value: 1}, {points: 901, value: 2}]"),
        conversion("table: [{points: 9, value: 1}, {points: 900, value: 2}]"),
    ),
    (
        "step_below_minimum",
        conversion("minimum_points: 20, table: [{points: 9, value: 1}, {points: 20, value: 2}]"),
        conversion("minimum_points: 19, table: [{points: 9, value: 1}, {points: 20, value: 2}]"),
    ),
    (
        "step_worth_less",
        conversion("table: [{points: 9, value: 2}, {points: 20, value: 2}]", points="{expire: never}"),
        conversion("table: [{points: 9, value: 2}, {points: 20, value: 3}]", points="{expire: never}"),
    ),
    (
        "reward_never_given",
        base(rewards=REWARD),
        goal("counts: visits, reach: 2, per: week, reward: gift", rewards=REWARD),
    ),
    ("reward_never_given", base(rewards=REWARD), base(rewards=TILL % 5)),
    ("no_stock", reward("points: 10, stock: 0"), reward("points: 10, stock: 1")),
    ("no_stock", reward("points: 10, stock: {pieces: 0, per: day}"), reward("points: 10, stock: {pieces: 1}")),
    (
        "activity_unused",
        base(activities=DO),
        reward("points: 10, when: {counted: {quiz: {at_least: 1, per: ever}}}", activities=DO),
    ),
    ("is_over", reward("points: 10, offered_to: 2026-11-21"), reward("points: 10, offered_to: 2026-11-22")),
    ("counter_never_filled", base(counters=STARS), one("id: r, points: 1, into: stars", counters=STARS)),
    (
        "counter_unused",
        one("id: r, points: 1, into: stars", counters=STARS),
        one("id: r, points: 1, into: stars, when: {counted: {stars: {at_most: 9, per: day}}}", counters=STARS),
    ),
    ("activity_unused", base(activities=DO), base(activities=DO, referral="{on: quiz}")),
    ("activity_unused", base(activities=DO), one("id: r, points: 1, on: quiz", activities=DO)),
    (
        "activity_unused",
        base(activities=DO),
        base(activities=DO, points="{expire: {after_days: 9, extended_by: [quiz]}}"),
    ),
    ("group_empty", base(groups="{g: all, h: all}"), base(groups="{g: all}")),
]
ALL = [(*case, True) for case in SERIOUS] + [(*case, False) for case in PERHAPS]


@pytest.mark.parametrize(
    ("code", "planted", "clean", "serious"), ALL, ids=[f"{i}-{one[0]}" for i, one in enumerate(ALL)]
)
def test_a_planted_mistake(code: str, planted: Planted, clean: Planted, serious: bool) -> None:
    found = [one for one in found_in(planted) if one.code == code]
    assert [one.serious for one in found] == [serious]
    assert found[0].message.endswith(".")
    assert code not in [one.code for one in found_in(clean)]
    assert not any(one.serious for one in found_in(clean))


TOGETHER = [
    ("attributes: {a: {at_least: 3}}", "attributes: {a: {at_most: 2}}", "attributes: {a: {at_most: 3}}"),
    ("attributes: {a: {at_least: 3}}", "attributes: {a: [2, x]}", "attributes: {a: [3, x]}"),
    ("attributes: {a: {at_least: 3, at_most: 4}}", "attributes: {a: {not: [3, 4]}}", "attributes: {a: {not: [3]}}"),
    ("attributes: {a: {at_least: 1}}", "attributes: {a: false}", "attributes: {a: true}"),
    ("attributes: {a: {at_least: 0, at_most: 5000}}", "attributes: {a: x}", "attributes: {a: {not: [1]}}"),
    ("member: {a: x}", "member: {a: {not: [x]}}", "member: {a: {not: [y]}}"),
    (
        "counted: {visits: {at_least: 3, per: day}}",
        "counted: {visits: {at_most: 2, per: day}}",
        "counted: {visits: {at_most: 2, per: week}, spend: {at_most: 2, per: day}}",
    ),
    ("purchase_number: 3", "purchase_number: 4", "purchase_number: 3"),
    ('time: "09:00-12:00"', 'time: "12:00-14:00"', 'time: "22:00-09:01"'),
    ("tier: {not: [silver]}", "tier: {not: [gold]}", "tier: {not: [silver]}"),
    ("paid: {at_least: 300}", "paid: {at_most: 299}", "paid: {at_most: 300}"),
    ("weekday: [monday, sunday]", "weekday: [tuesday]", "weekday: [tuesday, sunday]"),
    ("last_day: 2026-03-01", "first_day: 2026-03-02", "first_day: 2026-03-01"),
    ("segment: vip", "segment: {not: [vip, staff]}", "segment: staff"),
    (
        "recurs: {rule: FREQ=MONTHLY;BYMONTHDAY=1, starts: 2026-03-01}",
        "recurs: {rule: FREQ=MONTHLY;BYMONTHDAY=2, starts: 2026-03-01}",
        "recurs: {rule: FREQ=MONTHLY;BYMONTHDAY=2, starts: 2026-03-01, days: 30}",
    ),
]
LEVELS = tiers("silver", "gold, reach: [{visits: 3}]")


@pytest.mark.parametrize(("first", "second", "clean"), TOGETHER)
def test_conditions_that_never_hold_together(first: str, second: str, clean: str) -> None:
    def planted(other: str) -> list[str]:
        rules = f"points: 1, when: {{{first}}}", f"multiply: 2, of: [first], group: h, when: {{{other}}}"
        return [one.code for one in found_in(two(*rules, groups="{g: all, h: all}", tiers=LEVELS))]

    assert "of_never_together" in planted(second)
    assert "of_never_together" not in planted(clean)


LINES = [
    ("discounted: true", "discounted: false", "discounted: true"),
    ("brand: a", "brand: {not: [a]}", "brand: {not: [b]}"),
    ("category: a", "category: {not: [a]}", "category: b"),
    ("attributes: {a: {at_least: 3}}", "attributes: {a: {at_most: 2}}", "attributes: {b: {at_most: 2}}"),
]


@pytest.mark.parametrize(("first", "second", "clean"), LINES)
def test_lines_that_never_count_together(first: str, second: str, clean: str) -> None:
    def planted(other: str) -> list[str]:
        rules = f"points: 1, per: 1, lines: {{{first}}}", f"multiply: 2, of: [first], group: h, lines: {{{other}}}"
        return [one.code for one in found_in(two(*rules, groups="{g: all, h: all}"))]

    assert "of_never_together" in planted(second)
    assert "of_never_together" not in planted(clean)


NARROWER = [
    ("tier: silver", "tier: [silver, gold]"),
    ("tier: {not: [silver]}", "tier: {not: [silver]}"),
    ("store: a", "store: {not: [b]}"),
    ("store: {not: [a, b]}", "store: {not: [b]}"),
    ("channel: web", "channel: [web, app]"),
    ("payment_method: card", "payment_method: card"),
    ("segment: a", "segment: [a, b]"),
    ("segment: {not: [a, b]}", "segment: {not: [a]}"),
    ("attributes: {a: {at_least: 3, at_most: 4}}", "attributes: {a: {at_least: 3, at_most: 5}}"),
    ("attributes: {a: {at_least: 3}, b: 1}", "attributes: {a: {at_least: 2}}"),
    ("attributes: {a: {at_most: 3}}", "attributes: {a: {at_most: 4}}"),
    ("member: {a: [3, 4]}", "member: {a: {at_least: 3}}"),
    ("counted: {visits: {at_least: 3, per: day}}", "counted: {visits: {at_least: 2, per: day}}"),
    ("first_day: 2026-03-02, last_day: 2026-03-03", "first_day: 2026-03-01, last_day: 2026-03-04"),
    ("weekday: [monday]", "weekday: [monday, sunday]"),
    ('time: "10:00-11:00"', 'time: "22:00-12:00"'),
    ("recurs: {rule: FREQ=DAILY, starts: 2026-03-01}", "recurs: {rule: FREQ=DAILY, starts: 2026-03-01}"),
    ("birthday: {days_before: 2}", "birthday: {days_before: 3, days_after: 1}"),
    ("paid: {at_least: 300}", "paid: {at_least: 200}"),
    ("purchase_number: 4", "every_nth_purchase: 2"),
    ("every_nth_purchase: 4", "every_nth_purchase: 2"),
    ("purchase_number: 4", "purchase_number: 4"),
    ("enrolled_within_days: 3", "enrolled_within_days: 4"),
    ('cel: "purchase.total > 1"', 'cel: "purchase.total > 1"'),
]
NOT_NARROWER = [
    ("attributes: {a: {at_least: 3}}", "attributes: {a: 3}"),
    ("attributes: {a: {at_least: 3}}", "attributes: {a: {at_most: 9}}"),
    ("segment: a", "segment: {not: [b]}"),
    ("store: {not: [a]}", "store: b"),
    ("counted: {visits: {at_least: 3, per: day}}", "counted: {visits: {at_least: 2, per: week}}"),
    ("counted: {visits: {at_least: 3, per: day}}", "counted: {spend: {at_least: 2, per: day}}"),
    ("birthday: {days_before: 2}", "birthday: {days_before: 2, days_after: 0}, store: a"),
]


def loses(first: str, second: str, field: str = "when") -> bool:
    """Whether a rule with the first conditions always loses against an earlier one with the second."""
    rules = f"points: 1, per: 100, {field}: {{{second}}}", f"points: 1, per: 100, {field}: {{{first}}}"
    return "always_loses" in [one.code for one in found_in(two(*rules, tiers=LEVELS, **FIRST))]


@pytest.mark.parametrize(("narrow", "wide"), NARROWER)
def test_conditions_within_others(narrow: str, wide: str) -> None:
    assert loses(narrow, wide)
    assert loses(wide, narrow) is (narrow == wide)
    assert not loses("paid: {at_least: 7}", wide)


@pytest.mark.parametrize(("one", "other"), NOT_NARROWER)
def test_conditions_that_only_look_it(one: str, other: str) -> None:
    assert not loses(one, other)


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        ("sku: a", "sku: [a, b]"),
        ("sku: a, brand: x", "sku: a"),
        ("category: a", "category: [a, b]"),
        ("discounted: true, sku: a", "discounted: true"),
        ("attributes: {a: 1, b: 1}", "attributes: {a: 1}"),
        ('cel: "line.amount > 1", sku: a', 'cel: "line.amount > 1"'),
    ],
)
def test_lines_within_others(narrow: str, wide: str) -> None:
    assert loses(narrow, wide, "lines")
    assert not loses(wide, narrow, "lines")


RULES = st.sampled_from(
    [
        "points: 1, per: 100",
        "points: 2, per: 100",
        "points: 2, per: 100, round_each_line: true",
        "points: 1, per: 100, round_each_line: true",
        "points: 3, per: 200, round: ceil",
        "points: 3, per_full: 150",
        "points: 1, per_full: 50",
        "points: {silver: 1, gold: 2}, per: 70",
        "points: 1, per: 1, of: quantity",
        "points: 4",
        "points: 4, limits: [{points: 6, per: day}]",
        "points: 0.4",
        "reward: gift",
        "reward: gift, per_full: 120",
        "points: 2, on: referred",
        "points: 2, on: [purchase, referred]",
        "points: 2, per: 30, budget: 5",
        "brackets: {steps: [{from: 100, points: 5}]}",
    ]
)
WHEN = st.sampled_from(
    [
        "",
        "when: {store: a}",
        "when: {store: [a, b]}",
        "when: {store: {not: [a]}}",
        "when: {tier: gold}",
        "when: {tier: {not: [gold]}}",
        "when: {paid: {at_least: 150}}",
        "when: {paid: {at_most: 149}}",
        "when: {weekday: [monday, tuesday]}",
        "when: {segment: vip}",
        "when: {attributes: {a: {at_least: 2}}}",
        "when: {purchase_number: 4}",
        "when: {every_nth_purchase: 2}",
    ]
)
MORE = st.sampled_from(["", "minimum: 100", "minimum: 180"])
POLICIES = st.sampled_from(
    ["all", "highest", "first", "exclusive", "{policy: highest, by_line: true}", "{policy: first, by_line: true}"]
)
SURE = {"of_never_together", "never_after_exclusive", "always_loses", "comes_to_nothing", "conditions_never_hold"}


@settings(max_examples=60)
@given(
    rules=st.lists(st.tuples(RULES, WHEN, MORE, st.sampled_from("ab")), min_size=2, max_size=5),
    policies=st.tuples(POLICIES, POLICIES),
    data=st.data(),
)
def test_a_rule_that_is_told_never_to_count_never_does(
    rules: list[tuple[str, str, str, str]], policies: tuple[str, str], data: st.DataObject
) -> None:
    texts = [f"id: r{i}, group: {group}, {rule}, {when}, {more}" for i, (rule, when, more, group) in enumerate(rules)]
    texts = [", ".join(part for part in text.split(", ") if part.strip()) for text in texts]
    texts.append("id: more, group: c, multiply: 2, of: [r0, r1], when: {store: a}")
    groups = f"{{a: {policies[0]}, b: {policies[1]}, c: all}}"
    try:
        program = read(a_file(texts, groups=groups, tiers=tiers(*REACHED), rewards=REWARD, referral="{on: purchase}"))
    except InvalidError:
        reject()  # such as a minimum of an activity
    found = [one for one in findings(program) if one.serious and one.path[0] == "earning"]
    assert {one.code for one in found} <= SURE
    dead = {program.earning[int(one.path[1])].id for one in found}
    town = Town(program)
    account = data.draw(town.accounts())
    for total in (90, 160, 400):
        posting = decide(account, data.draw(town.purchases(total)), program, LATER)
        assert not dead & {reason.rule for reason in posting.explanation if reason.applied}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.stem))
def test_the_programmes_that_come_with_it_have_no_mistakes(path: Path) -> None:
    assert not checked(path.read_text()).serious


def test_a_programme_without_tiers_has_none_to_reach() -> None:
    assert reachable(read(a_file())) == set()


def test_a_report_tells_the_lines() -> None:
    text = a_file(
        ["id: a, points: 1, when: {store: 7}", "id: b, points: 1, when: {last_day: 2026-01-01}"], rewards=REWARD
    )
    report = checked(text, TODAY)
    assert [(one.line, one.finding.code) for one in report.told] == [
        (5, "reward_never_given"),
        (8, "conditions_never_hold"),
        (9, "is_over"),
    ]
    assert report.serious
    assert not checked(a_file()).serious
    assert [most.points for most in report.cost.purchases] == [2, 2, 2]
    assert report.program.id == "planted"
