"""What every word of a programme file becomes for the rules."""

from datetime import date, time
from fractions import Fraction
from typing import Any

import pytest

from functions.program import document
from functions.program.model import (
    Acceptance,
    Activity,
    AttributeKind,
    Bracket,
    Conversion,
    CountedSoFar,
    Earn,
    EarningRule,
    Gift,
    Goal,
    Group,
    Lasting,
    Level,
    Limit,
    LineFilter,
    Match,
    Mix,
    Paying,
    Program,
    Range,
    Rate,
    Recurrence,
    Referral,
    Reminders,
    Reward,
    Step,
    Stock,
    Terms,
    Tiers,
    Validity,
    When,
)

TEXT = "text: {en: a, fr: b}"
SAID = {"en": "a", "fr": "b"}
CAKE = f"rewards: [{{id: cake, {TEXT}, kind: product, valid_days: 9}}]\n"
LEVELS = f"[{{id: basic, {TEXT}}}, {{id: gold, {TEXT}, reach: [{{spend: 5}}], lifetime: [{{spend: 50}}]}}]"
TIERS = f"tiers: {{window: year, held: window, levels: {LEVELS}}}\n"


def read(more: str) -> Program:
    return document.read(f"program: p\nname: {{en: a, fr: b}}\ncurrency: USD\n{more}\n")


def one_of(values: str) -> Match:
    return Match(frozenset(values.split()))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("points: 1.2", {"earn": Earn({"": Rate(Fraction(6, 5))})}),
        ("points: 3, per: 7", {"earn": Earn({"": Rate(Fraction(3), 7)})}),
        ("points: 3, per_full: 7, of: quantity", {"earn": Earn({"": Rate(Fraction(3), 7, full=True)}, of="quantity")}),
        (
            "points: {basic: 1, gold: 1.25}, per: 100",
            {"earn": Earn({"basic": Rate(Fraction(1), 100), "gold": Rate(Fraction(5, 4), 100)})},
        ),
        (
            "brackets: {steps: [{from: 0, points: 1, per: 9},{from: 5, points: 2, per: 9}],each_part_at_its_own: true}",
            {"earn": Earn({}, (Bracket(0, Rate(Fraction(1), 9)), Bracket(5, Rate(Fraction(2), 9))), marginal=True)},
        ),
        ("reward: cake, per_full: 500", {"gift": Gift("cake", per_full=500)}),
        ("tier: gold, tier_months: 6", {"gift": Gift(tier="gold", months=6)}),
        (
            "points: 1, minimum: 5, round: ceil, round_each_line: true",
            {"minimum": 5, "rounding": "ceil", "by_line": True},
        ),
        (
            "points: 1, cooldown_days: 3, budget: 9, pending_days: 4",
            {"cooldown_days": 3, "budget": 9, "pending_days": 4},
        ),
        (
            "points: 1, limits: [{points: 9, per: day}, {times: 2, per: month}]",
            {"limits": (Limit("day", points=9), Limit("month", times=2))},
        ),
        ("points: 1, expire: never", {"lasting": {"": Lasting()}}),
        ("points: 1, expire: {after_days: 9}", {"lasting": {"": Lasting(after_days=9)}}),
        (
            "points: 1, lines: {sku: a, category: [b, c], brand: {not: d}, discounted: false, attributes: {e: 1}}",
            {
                "lines": LineFilter(
                    one_of("a"),
                    one_of("b c"),
                    Match(frozenset({"d"}), excluded=True),
                    discounted=False,
                    attributes={"e": Match(frozenset({1}))},
                )
            },
        ),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_rule_is_what_its_words_say(said: str, expected: dict[str, Any]) -> None:
    [rule] = read(f"{TIERS}{CAKE}earning: [{{id: r, {TEXT}, {said}}}]").earning
    assert isinstance(rule, EarningRule)
    assert {name: getattr(rule, name) for name in expected} == expected


def test_a_rule_that_says_little_is_as_the_programme_says() -> None:
    program = read(
        f"points: {{round: half_up, round_each_line: true, pending_days: 5}}\nearning: [{{id: r, {TEXT}, points: 1}}]"
    )
    assert program.earning == (
        EarningRule(
            "r", "", SAID, earn=Earn({"": Rate(Fraction(1))}), rounding="half_up", by_line=True, pending_days=5
        ),
    )
    assert program.groups == (Group("", "all"),)


def test_a_multiple_is_what_comes_on_top() -> None:
    program = read(
        f"groups: {{a: all, b: {{policy: first, by_line: true, limits: [{{points: 5, per: week}}]}}}}\n"
        f"earning: [{{id: r, {TEXT}, group: a, points: 1}}, {{id: m, {TEXT}, group: b, multiply: 1.25, of: [r]}}]"
    )
    assert program.earning[1].earn == Earn({"": Rate(Fraction(1, 4), 1)}, of_rules=("r",))
    assert program.groups == (Group("a", "all"), Group("b", "first", by_line=True, limits=(Limit("week", points=5),)))


@pytest.mark.parametrize(
    ("said", "when"),
    [
        ("tier: gold, segment: [a, b], store: c", When(tier=one_of("gold"), segment=one_of("a b"), store=one_of("c"))),
        (
            "channel: web, payment_method: {not: [cash]}",
            When(channel=one_of("web"), payment_method=Match(frozenset({"cash"}), excluded=True)),
        ),
        ("attributes: {a: true, b: {at_least: 3}}", When(attributes={"a": Match(frozenset({True})), "b": Range(3)})),
        ("member: {c: [1, x]}", When(member={"c": Match(frozenset({1, "x"}))})),
        ("first_day: 2026-12-01, last_day: 2026-12-24", When(first_day=date(2026, 12, 1), last_day=date(2026, 12, 24))),
        ("weekday: [monday, sunday]", When(weekday=frozenset({0, 6}))),
        ("time: 22:00-06:30", When(times=(time(22), time(6, 30)))),
        (
            "recurs: {rule: FREQ=MONTHLY;BYDAY=1MO, starts: 2026-01-01, days: 2}",
            When(recurs=Recurrence("FREQ=MONTHLY;BYDAY=1MO", date(2026, 1, 1), 2)),
        ),
        ("birthday: {days_before: 3}", When(birthday=(3, 0))),
        ("birthday: {}", When(birthday=(0, 0))),
        ("paid: {at_most: 9}", When(paid=Range(at_most=9))),
        ("purchase_number: 1, every_nth_purchase: 5, enrolled_within_days: 30", When(number=1, every=5, new_days=30)),
        ("counted: {visits: {at_least: 2, per: month}}", When(counted={"visits": CountedSoFar(Range(2), "month")})),
        ("cel: 'purchase.total > 5'", When(cel="purchase.total > 5")),
    ],
    ids=lambda value: str(value)[:60],
)
def test_conditions_are_what_their_words_say(said: str, when: When) -> None:
    [rule] = read(f"{TIERS}earning: [{{id: r, {TEXT}, points: 1, when: {{{said}}}}}]").earning
    assert rule.when == when


@pytest.mark.parametrize(
    ("said", "lasting"),
    [
        ("never", {"": Lasting()}),
        ("{after_months: 12, to_month_end: true}", {"": Lasting(after_months=12, to_month_end=True)}),
        ("{year_ends: {month: 12, day: 31}, after_months: 2}", {"": Lasting(after_months=2, year_ends=(12, 31))}),
        (
            "{after_months: 6, extended_by: [purchase], extension: one_month_a_month}",
            {"": Lasting(after_months=6, extended_by=frozenset({"purchase"}), each_month=True)},
        ),
        ("{basic: {after_days: 9}, gold: never}", {"": Lasting(), "basic": Lasting(after_days=9), "gold": Lasting()}),
    ],
)
def test_points_last_as_is_said(said: str, lasting: dict[str, Lasting]) -> None:
    assert read(f"{TIERS}points: {{expire: {said}}}").lasting == lasting


@pytest.mark.parametrize(
    ("said", "tiers"),
    [
        ("window: fiscal, held: next_window, grace_months: 1", Tiers((), "fiscal", grace_months=1)),
        ("rolling_months: 12, held_months: 6", Tiers((), "month", 12, "months", 6)),
        ("window: ever, held: ever, returns: keep", Tiers((), "ever", held="ever", returns_lower=False)),
        ("window: year, held: window, falls: one_level", Tiers((), "year", held="window", soft=True)),
    ],
)
def test_tiers_are_what_is_said(said: str, tiers: Tiers) -> None:
    found = read(f"tiers: {{levels: {LEVELS}, {said}}}").tiers
    assert found is not None
    assert found.levels == (Level("basic", SAID), Level("gold", SAID, ({"spend": 5},), ({"spend": 50},)))
    for name in Tiers.__slots__[1:]:
        assert getattr(found, name) == getattr(tiers, name), name


def test_rewards_goals_and_conversions_are_what_is_said() -> None:
    program = read(
        f"{TIERS}goals:\n"
        f"- {{id: g, {TEXT}, counts: spend, reach: 9, per: week, in_a_row: 3, points: 5,\n"
        "   lines: {sku: a}, when: {store: b}}\n"
        f"- {{id: h, {TEXT}, counts: visits, reach: 9, per: month, repeat: true, reward: v,\n"
        "   usable: next_period}\n"
        "conversions:\n"
        f"- {{id: c, {TEXT}, reward: v, months: [2, 8], day: 15, minimum_points: 50,\n"
        "   each: {points: 10, value: 100}}\n"
        f"- {{id: d, {TEXT}, reward: v, months: [1],\n"
        "   table: [{points: 10, value: 100}, {points: 20, value: 300}]}\n"
        "rewards:\n"
        f"- {{id: v, {TEXT}, kind: voucher, value: 500, valid_months: 2, to_month_end: true, tier: gold}}\n"
        f"- {{id: w, {TEXT}, kind: gift_card, points: 5, usable_from: 2026-12-01, usable_to: 2026-12-24,\n"
        "   offered_from: 2026-11-01, offered_to: 2026-11-30, limits: [{times: 1, per: year}]}\n"
    )
    assert program.goals == (
        Goal("g", "spend", 9, "week", SAID, When(store=one_of("b")), LineFilter(one_of("a")), in_a_row=3, points=5),
        Goal("h", "visits", 9, "month", SAID, repeat=True, reward="v", next_period=True),
    )
    assert program.conversions == (
        Conversion("c", "v", frozenset({2, 8}), 15, 50, Step(10, 100), (), SAID),
        Conversion("d", "v", frozenset({1}), 1, 0, None, (Step(10, 100), Step(20, 300)), SAID),
    )
    assert program.rewards == {
        "v": Reward("v", "voucher", None, 500, Validity(months=2, to_month_end=True), SAID, tier=one_of("gold")),
        "w": Reward(
            "w",
            "gift_card",
            5,
            None,
            Validity(first=date(2026, 12, 1), last=date(2026, 12, 24)),
            SAID,
            limits=(Limit("year", times=1),),
            first_day=date(2026, 11, 1),
            last_day=date(2026, 11, 30),
        ),
    }


def test_every_way_to_pay_for_a_reward_to_have_it_and_to_use_it_is_what_is_said() -> None:
    program = read(
        "rewards:\n"
        f"- {{id: flight, {TEXT}, kind: product, points: 1000, money: 2500, fulfilment: partner,\n"
        "   supplier: 'https://air.example/orders', money_for_points: {least_points: 400, per_point: 1.5},\n"
        "   description: {en: c, fr: d}, picture: {en: 'https://a.example/en', fr: 'https://a.example/fr'},\n"
        "   when: {store: paris, segment: [vip], cel: member.purchases > 3}, stock: 20}\n"
        f"- {{id: till, {TEXT}, kind: credit, pay: {{points: 100, value: 50, least_points: 10, most_points: 900,\n"
        "   most_percent: 33.3}}\n"
        f"- {{id: plain, {TEXT}, kind: credit, pay: {{points: 3, value: 2}}, fulfilment: code, valid_days: 9}}\n"
        f"- {{id: card, {TEXT}, kind: gift_card, points: 9, value: 500, valid_days: 9,\n"
        "   stock: {pieces: 5, per: day}, \n"
        "   use: {in_parts: true, minimum_spend: 1000, lines: {sku: a}, stores: [paris, lyon]}}\n"
        f"- {{id: gift, {TEXT}, kind: donation, points: 9, stock: {{pieces: 7}}}}\n"
        f"- {{id: desk, {TEXT}, kind: product, points: 9, fulfilment: manual, usable_to: 2026-12-24}}\n"
        f"- {{id: five, {TEXT}, kind: voucher, points: 9, valid_days: 9, use: {{times: 5}}, stock: 0}}\n"
    )
    pictures = {"en": "https://a.example/en", "fr": "https://a.example/fr"}
    assert program.rewards == {
        "flight": Reward(
            "flight",
            "product",
            1000,
            None,
            Validity(),
            SAID,
            description={"en": "c", "fr": "d"},
            picture=pictures,
            money=2500,
            mix=Mix(400, Fraction(3, 2)),
            when=When(store=one_of("paris"), segment=one_of("vip"), cel="member.purchases > 3"),
            stock=Stock(20),
            fulfilment="partner",
            supplier="https://air.example/orders",
        ),
        "till": Reward(
            "till",
            "credit",
            None,
            None,
            Validity(),
            SAID,
            paying=Paying(100, 50, 10, 900, Fraction("33.3")),
            fulfilment="none",
        ),
        "plain": Reward("plain", "credit", None, None, Validity(9), SAID, paying=Paying(3, 2)),
        "card": Reward(
            "card",
            "gift_card",
            9,
            500,
            Validity(9),
            SAID,
            stock=Stock(5, "day"),
            terms=Terms(1, True, 1000, LineFilter(one_of("a")), frozenset({"paris", "lyon"})),
        ),
        "gift": Reward("gift", "donation", 9, None, Validity(), SAID, stock=Stock(7), fulfilment="none"),
        "desk": Reward("desk", "product", 9, None, Validity(last=date(2026, 12, 24)), SAID, fulfilment="manual"),
        "five": Reward("five", "voucher", 9, None, Validity(9), SAID, stock=Stock(0), terms=Terms(5)),
    }
    assert [reward.id for reward in program.rewards.values() if reward.has_days] == ["plain", "card", "desk", "five"]


@pytest.mark.parametrize(
    "address", ["https://a.example", "https://a.example:8443/x?y=1", "http://localhost:9000/a", "http://127.0.0.1"]
)
def test_a_supplier_is_asked_over_https_or_on_this_machine(address: str) -> None:
    reward = f"rewards: [{{id: v, {TEXT}, kind: product, points: 1, fulfilment: partner, supplier: '{address}'}}]"
    assert read(reward).rewards["v"].supplier == address


@pytest.mark.parametrize(
    ("said", "grace"), [("{}", 30), ("{refund_grace_days: 0}", 0), ("{refund_grace_days: 365}", 365)]
)
def test_expired_points_that_are_refunded_last_as_is_said(said: str, grace: int) -> None:
    assert read(f"points: {said}").refund_grace_days == grace


def test_the_rest_of_a_programme_is_what_is_said() -> None:
    program = read(
        "time_zone: Europe/Paris\n"
        "fiscal_year_starts: {month: 3}\n"
        "points: {worth: 0.5, spent_then_returned: block, limits: [{points: 100, per: day}]}\n"
        "purchases: {accepted_late_days: 30, before_enrolment_days: 7, not_counted_when_paid_with: [points],\n"
        "  most_benefit_percent: 12.5, rewards_when_returned: keep}\n"
        f"counters: [{{id: status, {TEXT}}}]\n"
        f"activities: [{{id: check-in, {TEXT}, attributes: {{minutes: number}}, required: [minutes],\n"
        "  needs_confirmation: true}]\n"
        "referral: {on: check-in, within_days: 30}\n"
    )
    assert program.zone.key == "Europe/Paris"
    assert program.fiscal_year == (3, 1)
    assert (program.worth, program.spent_then_returned) == (Fraction(1, 2), "block")
    assert program.limits == (Limit("day", points=100),)
    assert program.acceptance == Acceptance(30, 7)
    assert (program.unearning, program.benefit_cap) == (frozenset({"points"}), Fraction(1, 8))
    assert program.counters == {"status": SAID}
    minutes: dict[str, AttributeKind] = {"minutes": "number"}
    assert program.activities == {"check-in": Activity("check-in", SAID, minutes, frozenset(minutes), confirmed=True)}
    assert not program.rewards_return
    assert program.referral == Referral("check-in", When(), 30)


def test_a_programme_that_says_nothing_of_them_has_none() -> None:
    program = read("referral: {when: {paid: {at_least: 1}}}")
    assert (program.fiscal_year, program.tiers, program.acceptance) == ((1, 1), None, Acceptance())
    assert (program.worth, program.benefit_cap, program.unearning) == (None, None, frozenset())
    assert program.referral == Referral(when=When(paid=Range(1)))
    assert not program.lots_move
    assert program.rewards_return


@pytest.mark.parametrize(("said", "returns"), [("take_back", True), ("keep", False)])
def test_rewards_of_a_returned_purchase_go_unless_the_programme_says_otherwise(said: str, returns: bool) -> None:
    assert read(f"purchases: {{rewards_when_returned: {said}}}").rewards_return is returns


def test_an_activity_needs_nothing_unless_the_programme_says_so() -> None:
    assert read(f"activities: [{{id: check-in, {TEXT}}}]").activities == {"check-in": Activity("check-in", SAID)}


def test_what_members_are_told_in_time_is_read_in_days() -> None:
    program = read(
        "reminders: {points_expire_days: 14, tier_at_risk_days: 30, lapsing_after_days: 90, expiry_waits_days: 7}"
    )
    assert program.reminders == Reminders(expiring=14, tier_at_risk=30, lapsing=90, expiry_waits=7)
    assert read("").reminders == Reminders()
