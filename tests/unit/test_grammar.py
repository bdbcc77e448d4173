"""Every mistake in the shape of a programme file: where it is, on which line, and what would be right."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from functions.program import document
from functions.program.grammar import ProgramIn
from functions.program.model import Joining
from functions.program.periods import KEPT_DAYS
from functions.runtime.errors import FieldError, InvalidError

ROOT = Path(__file__).parent.parent.parent

HEAD = "program: p\nname: {en: a, fr: b}\ncurrency: USD\n"
TEXT = "text: {en: a, fr: b}"


def errors(text: str) -> list[FieldError]:
    with pytest.raises(InvalidError) as refused:
        document.read(text)
    return list(refused.value.errors)


def found(text: str) -> list[tuple[str, str, str]]:
    return [(error.pointer, error.code, error.detail) for error in errors(text)]


def rule(more: str) -> str:
    """A file with one rule; what is said of it more is on line 7."""
    return f"{HEAD}earning:\n- id: r\n  {TEXT}\n  {more}\n"


RULES = [
    # what it gives
    ("minimum: 5", "", "gives", 5, "Give exactly one of points, multiply, brackets, reward, tier"),
    ("points: 1\n  reward: x", "", "gives", 5, "Give exactly one of points, multiply, brackets, reward, tier"),
    (
        "points: 1\n  per: 1\n  per_full: 1",
        "",
        "per",
        5,
        "Give per (in proportion) or per_full (full ones only), not both",
    ),
    ("tier: x\n  per: 1", "", "per", 5, "Only points have per; points and rewards have per_full"),
    ("brackets: {steps: [{from: 1, points: 1}]}\n  per_full: 1", "", "per", 5, "Only points have per;"),
    ("reward: x\n  per: 1", "", "per", 5, "A reward is given per_full: there is no part of one"),
    ("points: 1\n  of: quantity", "", "of", 5, "of needs per or per_full: points for how many of them"),
    ("multiply: 2", "", "multiply", 5, "multiply needs of: a list of the rules whose points it multiplies"),
    ("multiply: 2\n  of: amount", "", "multiply", 5, "multiply needs of"),
    ("multiply: 1\n  of: [x]", "", "multiply", 5, "multiply should be above 1: 2 doubles"),
    ("multiply: {gold: 2, silver: 0.5}\n  of: [x]", "", "multiply", 5, "multiply should be above 1"),
    ("points: 1\n  tier_months: 2", "", "tier_months", 5, "tier_months needs tier"),
    ("reward: x\n  into: y", "", "into", 5, "Only points go into a counter"),
    ("reward: x\n  limits: [{points: 1, per: day}]", "", "limit", 5, "What gives no points is limited in times"),
    # numbers
    ("points: {}", "/points", "too_short", 7, ""),
    (
        "points: {gold: 0}",
        "/points/gold",
        "number",
        7,
        "Input should be above 0, at most 10000000, with at most 6 decimals",
    ),
    ("points: 1.5e3", "/points", "number", 7, "Input should be a number such as 2 or 1.25"),
    ("points: [1]", "/points", "number", 7, "Input should be a number such as 2 or 1.25"),
    ("points: 1\n  per: 1.5", "/per", "int_type", 8, "Input should be a valid integer"),
    ("points: 1\n  round: up", "/round", "literal_error", 8, "Input should be 'floor', 'half_up' or 'ceil'"),
    ("points: 1\n  pending_days: 366", "/pending_days", "less_than_equal", 8, ""),
    ("points: 1\n  budget: 0", "/budget", "greater_than_equal", 8, ""),
    ("points: 1\n  on: []", "/on", "too_short", 8, ""),
    ("points: 1\n  on: Visit", "/on", "string_pattern_mismatch", 8, ""),
    # brackets
    ("brackets: {steps: []}", "/brackets/steps", "too_short", 7, ""),
    (
        "brackets: {steps: [{from: 5, points: 1}, {from: 5, points: 2}]}",
        "/brackets",
        "brackets",
        7,
        "Each step should start above the one before",
    ),
    (
        "brackets: {steps: [{from: 0, points: 1}], each_part_at_its_own: true}",
        "/brackets",
        "brackets",
        7,
        "Where each part has its own rate, each step needs per",
    ),
    ("brackets: {steps: [{from: -1, points: 1}]}", "/brackets/steps/0/from", "greater_than_equal", 7, ""),
    # limits
    ("points: 1\n  limits: [{per: day}]", "/limits/0", "limit", 8, "Give either points or times"),
    ("points: 1\n  limits: [{per: day, points: 1, times: 1}]", "/limits/0", "limit", 8, "Give either points or times"),
    ("points: 1\n  limits: [{per: purchase, times: 1}]", "/limits/0", "limit", 8, "A rule applies once in a purchase;"),
    ("points: 1\n  limits: [{per: often, times: 1}]", "/limits/0/per", "literal_error", 8, "Input should be"),
    ("points: 1\n  limits: [{times: 1, per: day}, {times: 2, per: day}]", "/limits", "limit", 8, "Give one limit per"),
    # expiry
    (
        "points: 1\n  expire: {to_month_end: true}",
        "/expire",
        "expiry",
        8,
        "Give after_months, after_days, or year_ends",
    ),
    ("points: 1\n  expire: {after_months: 1, after_days: 1}", "/expire", "expiry", 8, "Give after_months, after_days"),
    (
        "points: 1\n  expire: {after_days: 1, extension: one_month_a_month}",
        "/expire",
        "expiry",
        8,
        "An extension needs",
    ),
    ("points: 1\n  expire: {after_days: 0}", "/expire/after_days", "greater_than_equal", 8, ""),
    ("points: 1\n  expire: {year_ends: {month: 13, day: 1}}", "/expire/year_ends/month", "less_than_equal", 8, ""),
    (
        "points: 1\n  expire: {after_days: 1, extended_by: [purchase]}",
        "",
        "expire",
        5,
        "What keeps points alive is said for",
    ),
    # lines
    ("points: 1\n  lines: {}", "/lines", "lines", 8, "Say which lines, or leave lines out"),
    ("points: 1\n  lines: {colour: red}", "/lines/colour", "extra_forbidden", 8, ""),
    # conditions
    (
        "points: 1\n  when: {tier: []}",
        "/when/tier",
        "match",
        8,
        "Input should be a value, a list of values, or {not: [values]}",
    ),
    ("points: 1\n  when: {store: {not: []}}", "/when/store", "match", 8, "Input should be a value"),
    ("points: 1\n  when: {store: 1.5}", "/when/store", "match", 8, "Input should be a value"),
    ("points: 1\n  when: {store: ''}", "/when/store", "match", 8, "Input should be a value"),
    ("points: 1\n  when: {store: {at_least: 1}}", "/when/store", "match", 8, "Input should be a value"),
    ("points: 1\n  when: {attributes: {a: {}}}", "/when/attributes/a", "match", 8, "Input should be a value"),
    (
        "points: 1\n  when: {attributes: {a: {at_least: x}}}",
        "/when/attributes/a",
        "range",
        8,
        "at_least and at_most should be",
    ),
    (
        "points: 1\n  when: {attributes: {a: {at_least: yes}}}",
        "/when/attributes/a",
        "range",
        8,
        "at_least and at_most should",
    ),
    (
        "points: 1\n  when: {attributes: {a: {at_least: true}}}",
        "/when/attributes/a",
        "range",
        8,
        "at_least and at_most",
    ),
    (
        "points: 1\n  when: {member: {a: {at_least: 2, at_most: 1}}}",
        "/when/member/a",
        "range",
        8,
        "at_least is more than",
    ),
    ("points: 1\n  when: {paid: {}}", "/when/paid", "range", 8, "Give at_least, at_most or both"),
    ("points: 1\n  when: {paid: {at_least: 2, at_most: 1}}", "/when/paid", "range", 8, "at_least is more than at_most"),
    ("points: 1\n  when: {paid: {at_least: -1}}", "/when/paid/at_least", "greater_than_equal", 8, ""),
    ("points: 1\n  when: {counted: {visits: {at_least: 1}}}", "/when/counted/visits/per", "missing", 8, ""),
    (
        "points: 1\n  when: {first_day: 2026-12-02, last_day: 2026-12-01}",
        "/when",
        "dates",
        8,
        "first_day is after last_day",
    ),
    ("points: 1\n  when: {first_day: tomorrow}", "/when/first_day", "date_type", 8, ""),
    ("points: 1\n  when: {weekday: [mon]}", "/when/weekday/0", "literal_error", 8, ""),
    ("points: 1\n  when: {weekday: []}", "/when/weekday", "too_short", 8, ""),
    ("points: 1\n  when: {time: 14:00-24:00}", "/when/time", "string_pattern_mismatch", 8, ""),
    ("points: 1\n  when: {time: 1400}", "/when/time", "string_type", 8, ""),
    ("points: 1\n  when: {birthday: {days_before: 61}}", "/when/birthday/days_before", "less_than_equal", 8, ""),
    ("points: 1\n  when: {every_nth_purchase: 1}", "/when/every_nth_purchase", "greater_than_equal", 8, ""),
    ("points: 1\n  when: {cel: 7}", "/when/cel", "cel", 8, "Input should be a condition in CEL, as text"),
    ("points: 1\n  when: {cel: 'purchase.total >'}", "/when/cel", "cel", 8, "This is not CEL"),
    ("points: 1\n  lines: {cel: 'line.colour == 1'}", "/lines/cel", "cel", 8, "line has no colour"),
]


@pytest.mark.parametrize(("more", "pointer", "code", "line", "told"), RULES, ids=[row[0][:60] for row in RULES])
def test_a_mistake_in_a_rule_is_one_mistake(more: str, pointer: str, code: str, line: int, told: str) -> None:
    [(where, what, detail)] = found(rule(more))
    assert (where, what) == (f"/earning/0{pointer}", code)
    assert detail.startswith(f"line {line}: {told}")


RECURRENCES = [
    ("FREQ=SOMETIMES", "This is not a rule of RFC 5545"),
    ("nonsense", "This is not a rule of RFC 5545"),
    ("", "This is not a rule of RFC 5545"),
    ("FREQ=DAILY;UNTIL=20270101T000000Z", "This is not a rule of RFC 5545"),
    ("FREQ=HOURLY", "A rule repeats days: FREQ is DAILY, WEEKLY, MONTHLY or YEARLY"),
    ("freq=secondly", "A rule repeats days"),
    ("FREQ=DAILY;BYHOUR=12", "A rule repeats days"),
    ("FREQ=DAILY;COUNT=0", "The rule never comes true"),
    ("FREQ=DAILY;UNTIL=20200101", "The rule never comes true"),
    ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "The rule never comes true"),
]


@pytest.mark.parametrize(("recurrence", "told"), RECURRENCES)
def test_days_come_again_by_a_rule_of_days(recurrence: str, told: str) -> None:
    text = rule(f"points: 1\n  when: {{recurs: {{rule: '{recurrence}', starts: 2026-01-01}}}}")
    [(where, what, detail)] = found(text)
    assert (where, what) == ("/earning/0/when/recurs", "recurrence")
    assert detail.startswith(f"line 8: {told}")


@pytest.mark.parametrize("number", [Decimal("NaN"), Decimal("Infinity"), 1.5, True])
def test_only_an_exact_number_is_a_number(number: object) -> None:
    values: Any = document.read_values(rule("per: 100"))
    values["earning"][0]["points"] = number
    with pytest.raises(ValidationError, match=r"Input should be a number such as 2 or 1\.25"):
        ProgramIn.model_validate(values)


@pytest.mark.parametrize("recurrence", ["FREQ=DAILY;INTERVAL=0", "FREQ=MONTHLY;BYDAY=1MO;INTERVAL=00"])
def test_a_rule_that_stands_still_is_refused(recurrence: str) -> None:
    """It would be computed for ever."""
    text = rule(f"points: 1\n  when: {{recurs: {{rule: {recurrence}, starts: 2026-01-01}}}}")
    assert [error.code for error in errors(text)] == ["recurrence"]


REST = [
    ("time_zone: Europe/Nowhere", "/time_zone", "time_zone", "Input should be a time zone such as Europe/Paris"),
    ("fiscal_year_starts: {month: 2, day: 29}", "/fiscal_year_starts/day", "less_than_equal", ""),
    ("points: {worth: 0}", "/points/worth", "number", ""),
    ("points: {round: up}", "/points/round", "literal_error", ""),
    ("purchases: {accepted_late_days: 0}", "/purchases/accepted_late_days", "greater_than_equal", ""),
    ("groups: {base: some}", "/groups/base", "literal_error", ""),
    ("groups: {base: {policy: some}}", "/groups/base/policy", "literal_error", ""),
    ("groups: {base: {by_line: true}}", "/groups/base/policy", "missing", ""),
    (
        "activities: [{id: a, text: {en: a, fr: a}, attributes: {n: float}}]",
        "/activities/0/attributes/n",
        "literal_error",
        "",
    ),
    ("members: {attributes: {diet: date}}", "/members/attributes/diet", "literal_error", ""),
    ("members: {attributes: {Diet: text}}", "/members/attributes/Diet", "string_pattern_mismatch", ""),
    ("members: {complete: email}", "/members/complete", "list_type", ""),
    ("members: {merge: true}", "/members/merge", "extra_forbidden", ""),
    *(
        (f"members: {{joining: {{{more}}}}}", f"/members/joining/{pointer}", code, "")
        for more, pointer, code in [
            ("percent: 101", "percent", "less_than_equal"),
            ("percent: -1", "percent", "greater_than_equal"),
            ("percent: 0.5", "percent", "int_type"),
            ("minimum_age: -1", "minimum_age", "greater_than_equal"),
            ("minimum_age: 121", "minimum_age", "less_than_equal"),
            ("countries: [fr]", "countries/0", "string_pattern_mismatch"),
            ("countries: [FRA]", "countries/0", "string_pattern_mismatch"),
            ("invite_codes: ['']", "invite_codes/0", "string_pattern_mismatch"),
            ("first_day: 21.11.2026", "first_day", "date_type"),
        ]
    ),
    ("referral: {within_days: 0}", "/referral/within_days", "greater_than_equal", ""),
    *(
        (f"goals: [{{id: g, {TEXT}, counts: spend, reach: 1, {more}}}]", f"/goals/0{pointer}", code, told)
        for more, pointer, code, told in [
            ("per: day", "", "gives", "Give either points or reward"),
            ("per: day, points: 1, reward: x", "", "gives", "Give either points or reward"),
            ("per: day, points: 1, repeat: true, in_a_row: 2", "", "repeat", "A streak starts anew by itself"),
            ("per: ever, points: 1, in_a_row: 2", "", "per", "ever has no next period"),
            ("per: ever, reward: x, usable: next_period", "", "per", "ever has no next period"),
            ("per: day, points: 1, usable: next_period", "", "usable", "Only a reward is usable later"),
            ("per: purchase, points: 1", "/per", "literal_error", ""),
            ("per: day, points: 1, in_a_row: 53", "/in_a_row", "less_than_equal", ""),
        ]
    ),
    (
        f"goals: [{{id: g, {TEXT}, counts: visits, reach: 1, per: day, points: 1, lines: {{sku: a}}}}]",
        "/goals/0",
        "lines",
        "Only spend is counted by line",
    ),
    *(
        (f"conversions: [{{id: c, {TEXT}, reward: x, {more}}}]", f"/conversions/0{pointer}", code, told)
        for more, pointer, code, told in [
            ("months: [1]", "", "conversion", "Give either each or table"),
            (
                "months: [1], each: {points: 1, value: 1}, table: [{points: 1, value: 1}]",
                "",
                "conversion",
                "Give either",
            ),
            (
                "months: [1], table: [{points: 2, value: 1}, {points: 1, value: 2}]",
                "",
                "conversion",
                "Each step of the",
            ),
            (
                "months: [1], table: [{points: 2, value: 1}, {points: 2, value: 2}]",
                "",
                "conversion",
                "Each step of the",
            ),
            ("months: [], each: {points: 1, value: 1}", "/months", "too_short", ""),
            ("months: [13], each: {points: 1, value: 1}", "/months/0", "less_than_equal", ""),
            ("months: [1], day: 29, each: {points: 1, value: 1}", "/day", "less_than_equal", ""),
        ]
    ),
    *(
        (f"rewards: [{{id: v, {TEXT}, kind: voucher, {more}}}]", f"/rewards/0{pointer}", code, told)
        for more, pointer, code, told in [
            ("points: 1", "", "valid", "Give one of valid_days, valid_months, usable_to (and usable_from)"),
            ("valid_days: 1, valid_months: 1", "", "valid", "Give one of"),
            ("valid_days: 1, usable_to: 2026-12-31", "", "valid", "Give one of"),
            (
                "valid_days: 1, usable_from: 2026-12-01",
                "",
                "dates",
                "usable_from needs a usable_to that is not before it",
            ),
            ("usable_from: 2026-12-02, usable_to: 2026-12-01", "", "dates", "usable_from needs"),
            ("valid_days: 1, limits: [{points: 1, per: day}]", "", "limit", "A reward is limited in times"),
            ("valid_days: 1, offered_from: 2026-12-02, offered_to: 2026-12-01", "", "dates", "offered_from is after"),
            ("valid_days: 1, to_month_end: true", "", "valid", "to_month_end goes with valid_months"),
        ]
    ),
    *(
        (f"rewards: [{{id: v, {TEXT}, kind: voucher, valid_days: 1, {more}}}]", f"/rewards/0{pointer}", code, told)
        for more, pointer, code, told in [
            # the price
            ("money: 5", "", "money", "Money comes besides a price in points: give points"),
            ("money_for_points: {least_points: 1, per_point: 1}", "", "money", "Money comes besides a price"),
            (
                "points: 9, money_for_points: {least_points: 9, per_point: 1}",
                "",
                "money_for_points",
                "least_points should be less than points",
            ),
            ("points: 9, money: 0", "/money", "greater_than_equal", ""),
            ("points: 9, money_for_points: {least_points: 1}", "/money_for_points/per_point", "missing", ""),
            (
                "points: 9, money_for_points: {least_points: 0, per_point: 1}",
                "/money_for_points/least_points",
                "greater_than_equal",
                "",
            ),
            (
                "points: 9, money_for_points: {least_points: 1, per_point: 0}",
                "/money_for_points/per_point",
                "number",
                "",
            ),
            *(
                (f"pay: {{points: 1, value: 1}}, {more}", "", "pay", "pay says the price and the value: leave points,")
                for more in (
                    "points: 1",
                    "value: 1",
                    "money: 1",
                    "points: 2, money_for_points: {least_points: 1, per_point: 1}",
                )
            ),
            ("pay: {points: 0, value: 1}", "/pay/points", "greater_than_equal", ""),
            ("pay: {points: 1, value: 0}", "/pay/value", "greater_than_equal", ""),
            ("pay: {points: 1}", "/pay/value", "missing", ""),
            (
                "pay: {points: 1, value: 1, least_points: 5, most_points: 4}",
                "/pay",
                "pay",
                "most_points is less than least_points",
            ),
            ("pay: {points: 1, value: 1, most_percent: 100.1}", "/pay", "pay", "most_percent is at most 100"),
            ("pay: {points: 1, value: 1, most_percent: 0}", "/pay/most_percent", "number", ""),
            # stock
            ("points: 1, stock: -1", "/stock", "greater_than_equal", ""),
            ("points: 1, stock: 100000001", "/stock", "less_than_equal", ""),
            ("points: 1, stock: many", "/stock", "int_type", ""),
            ("points: 1, stock: {per: day}", "/stock/pieces", "missing", ""),
            ("points: 1, stock: {pieces: 5, per: hour}", "/stock/per", "literal_error", ""),
            (
                "points: 1, stock: {pieces: 5, per: anniversary}",
                "",
                "stock",
                "The pieces are for all members: they have no anniversary in common",
            ),
            # handing over
            ("points: 1, fulfilment: post", "/fulfilment", "literal_error", ""),
            ("points: 1, fulfilment: partner", "", "supplier", "fulfilment: partner and a supplier go together"),
            *(
                (f"points: 1, {more}supplier: https://a.example", "", "supplier", "fulfilment: partner and a supplier")
                for more in ("", "fulfilment: manual, ")
            ),
            *(
                (f"points: 1, fulfilment: partner, supplier: '{address}'", "/supplier", "string_pattern_mismatch", "")
                for address in (
                    "http://a.example",
                    "https://",
                    "https://me@a.example/",
                    "https://a.example/a b",
                    "http://localhost.a.example",
                    "http://127.0.0.2/",
                    "ftp://a.example",
                    "a.example",
                )
            ),
            # using
            *(
                (f"points: 1, fulfilment: {how}, use: {{times: 2}}", "", "use", "Only what comes with a code of ours")
                for how in ("none", "manual")
            ),
            ("points: 1, use: {in_parts: true}", "", "use", "Only what has a value is used in parts"),
            (
                "points: 1, value: 5, use: {in_parts: true, times: 2}",
                "/use",
                "use",
                "Give times or in_parts: a voucher in parts is used until nothing is left",
            ),
            ("points: 1, use: {times: 0}", "/use/times", "greater_than_equal", ""),
            ("points: 1, use: {times: 1001}", "/use/times", "less_than_equal", ""),
            ("points: 1, use: {minimum_spend: 0}", "/use/minimum_spend", "greater_than_equal", ""),
            ("points: 1, use: {stores: paris}", "/use/stores", "list_type", ""),
            ("points: 1, use: {lines: {colour: red}}", "/use/lines/colour", "extra_forbidden", ""),
            ("points: 1, use: {once: true}", "/use/once", "extra_forbidden", ""),
            # who, where, when
            *(
                (f"points: 1, when: {{{name}: {value}}}", "", "when", f"{name}: a reward is not asked for with a pur")
                for name, value in {
                    "payment_method": "card",
                    "attributes": "{size: 1}",
                    "paid": "{at_least: 1}",
                    "purchase_number": "1",
                    "every_nth_purchase": "2",
                }.items()
            ),
            (
                "points: 1, when: {every_nth_purchase: 2, payment_method: card}",
                "",
                "when",
                "payment_method, every_nth_purchase: a reward",
            ),
            ("points: 1, when: {colour: red}", "/when/colour", "extra_forbidden", ""),
            # texts and pictures
            ("points: 1, description: {en: a}", "/description/fr", "missing", ""),
            ("points: 1, picture: {en: https://a.example/a.png}", "/picture/fr", "missing", ""),
            (
                "points: 1, picture: {en: http://a.example/a.png, fr: https://a.example}",
                "/picture/en",
                "string_pattern_mismatch",
                "",
            ),
        ]
    ),
    *(
        (f"points: {{refund_grace_days: {days}}}", "/points/refund_grace_days", code, "")
        for days, code in [(-1, "greater_than_equal"), (366, "less_than_equal"), (1.5, "int_type")]
    ),
    (
        f"rewards: [{{id: v, {TEXT}, kind: donation, points: 1, use: {{times: 2}}}}]",
        "/rewards/0",
        "use",
        "Only what comes with a code of ours is used: fulfilment: code",
    ),
    *(
        (f"rewards: [{{id: v, {TEXT}, kind: credit, pay: {{points: 1, value: 1}}, {more}}}]", "/rewards/0", code, told)
        for more, code, told in [
            ("fulfilment: code", "valid", "Give one of valid_days"),
            ("use: {times: 2}", "use", "Only what comes with a code of ours is used"),
        ]
    ),
    *(
        (f"tiers: {{levels: {levels}, {more}}}", f"/tiers{pointer}", code, told)
        for levels, more, pointer, code, told in [
            ("[A, B]", "held: window", "", "window", "Give either window or rolling_months"),
            ("[A, B]", "held: window, window: year, rolling_months: 2", "", "window", "Give either window or rolling"),
            ("[A, B]", "window: year", "", "held", "Give either held or held_months"),
            ("[A, B]", "window: year, held: window, held_months: 2", "", "held", "Give either held or held_months"),
            ("[A, B]", "rolling_months: 2, held: window", "", "held", "A rolling window has no end: give held_months"),
            ("[A, B]", "rolling_months: 2, held: next_window", "", "held", "A rolling window has no end"),
            ("[A, B]", "window: ever, held: window", "", "held", "What counts for ever is held for ever: held: ever"),
            ("[A, B]", "window: ever, held_months: 2", "", "held", "What counts for ever is held for ever"),
            ("[B, A]", "window: year, held: window", "", "levels", "Everyone has the lowest tier: it has no reach"),
            ("[A]", "window: year, held: window", "/levels", "too_short", ""),
            ("[A, B]", "window: day, held: window", "/window", "literal_error", ""),
            ("[A, C]", "window: year, held: window", "/levels/1/reach/0", "too_short", ""),
        ]
    ),
    ("reminders: {expiry_waits_days: 7}", "/reminders", "reminders", "expiry_waits_days needs points_expire_days"),
    ("reminders: {points_expire_days: 0}", "/reminders/points_expire_days", "greater_than_equal", ""),
]
LEVELS = {
    "A": f"{{id: a, {TEXT}}}",
    "B": f"{{id: b, {TEXT}, reach: [{{spend: 1}}]}}",
    "C": f"{{id: c, {TEXT}, reach: [{{}}]}}",
}


@pytest.mark.parametrize(("more", "pointer", "code", "told"), REST, ids=[row[0][:80] for row in REST])
def test_a_mistake_anywhere_else_is_one_mistake_as_well(more: str, pointer: str, code: str, told: str) -> None:
    for name, level in LEVELS.items():
        more = (
            more.replace(f"[{name},", f"[{level},")
            .replace(f" {name}]", f" {level}]")
            .replace(f"[{name}]", f"[{level}]")
        )
    [(where, what, detail)] = found(HEAD + more + "\n")
    assert (where, what) == (pointer, code)
    assert detail.startswith(f"line 4: {told}")


@pytest.mark.parametrize(
    ("expire", "pointer", "code", "told"),
    [
        ("{after_months: 2, after_days: 3}", "/points/expire", "expiry", "Give after_months, after_days, or year_ends"),
        ("{after_months: 0}", "/points/expire/after_months", "greater_than_equal", ""),
        ("{after_months: 1, until: x}", "/points/expire/until", "extra_forbidden", ""),
        ("{gold: {after_days: 0}}", "/points/expire/gold/after_days", "greater_than_equal", ""),
        ("{gold: {to_month_end: true}}", "/points/expire/gold", "expiry", "Give after_months, after_days"),
        ("{gold: soon}", "/points/expire/gold", "expiry", "Input should be never, or say"),
    ],
)
def test_a_mistake_in_an_expiry_is_told_once_and_where_it_is(expire: str, pointer: str, code: str, told: str) -> None:
    [(where, what, detail)] = found(f"{HEAD}points: {{expire: {expire}}}\n")
    assert (where, what) == (pointer, code)
    assert detail.startswith(f"line 4: {told}")


SHORTEST = {"day": 1, "week": 7, "month": 28, "quarter": 90, "year": 365, "fiscal": 365, "anniversary": 365}


@pytest.mark.parametrize("per", KEPT_DAYS)
def test_a_streak_is_no_longer_than_what_was_counted_is_kept(per: str) -> None:
    def accepted(periods: int) -> bool:
        goal = f"{{id: g, {TEXT}, counts: visits, reach: 1, per: {per}, points: 1, in_a_row: {periods}}}"
        try:
            document.read(f"{HEAD}goals: [{goal}]\n")
        except InvalidError:
            return False
        return True

    longest = max(periods for periods in range(2, 53) if accepted(periods))
    assert (longest - 1) * SHORTEST[per] <= KEPT_DAYS[per]


# --- as JSON Schema ------------------------------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """As JSON has it."""
    match value:
        case dict():
            return {str(name): plain(one) for name, one in value.items()}
        case list():
            return [plain(one) for one in value]
        case Decimal():
            return float(value)
        case str() | bool() | int() | None:
            return value
    return value.isoformat()


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return json.loads(json.dumps(ProgramIn.model_json_schema()))  # type: ignore[no-any-return]


@pytest.mark.parametrize("file", sorted((ROOT / "programs").glob("*.yaml")), ids=lambda file: file.stem)
def test_the_schema_takes_every_ready_made_programme(file: Path, schema: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(plain(document.read_values(file.read_text())), schema)


@pytest.mark.parametrize(
    "more",
    [
        "points: 0",
        "when: {tier: []}",
        "when: {colour: red}",
        "limits: [{per: often, times: 1}]",
        "per: 1.5",
        "round: up",
    ],
)
def test_the_schema_refuses_what_editors_should_mark(more: str, schema: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(plain(document.read_values(rule(more))), schema)


def test_all_rules_together_have_so_many_limits_and_no_more() -> None:
    def with_limits(rules: int) -> str:
        limits = "limits: [{times: 1, per: day}, {times: 2, per: week}, {times: 3, per: month}, {times: 4, per: year}]"
        text = "text: {en: a, fr: b}"
        earning = "".join(f"- {{id: r{i}, group: g, points: 1, {limits}, {text}}}\n" for i in range(rules))
        return f"program: p\nname: {{en: a, fr: b}}\ncurrency: EUR\ngroups: {{g: all}}\nearning:\n{earning}"

    assert len(document.read(with_limits(10)).earning) == 10
    with pytest.raises(InvalidError, match="The rules have 44 limits; at most 40 can be counted"):
        document.read(with_limits(11))


def test_who_may_join_and_what_is_kept_of_members_is_read_from_the_file() -> None:
    program = document.read(
        f"{HEAD}members:\n"
        "  attributes: {diet: text, children: number, vegan: yes_no}\n"
        "  complete: [email, vegan]\n"
        "  joining: {first_day: 2026-11-21, last_day: 2026-12-31, countries: [FR, CH], minimum_age: 16, percent: 10,\n"
        "            invite_codes: [friends-1]}\n"
    )
    assert program.member_attributes == {"diet": "text", "children": "number", "vegan": "yes_no"}
    assert program.complete_profile == ("email", "vegan")
    days = date(2026, 11, 21), date(2026, 12, 31)
    assert program.joining == Joining(*days, frozenset({"FR", "CH"}), 16, 10, frozenset({"friends-1"}))


@pytest.mark.parametrize("members", ["", "members: {}", "members: {joining: {}}", "members: {complete: []}"])
def test_where_nothing_is_said_everybody_may_join_and_nothing_more_is_kept(members: str) -> None:
    program = document.read(f"{HEAD}{members}\n")
    assert (program.member_attributes, program.complete_profile, program.joining) == ({}, (), Joining())
