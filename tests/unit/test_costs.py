"""The most that a purchase can bring is never exceeded."""

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from functions.accrual.deciding import decide
from functions.ledger.booking import post
from functions.program.checks.costs import Cost, Most, cost
from functions.program.document import read
from functions.program.model import Program
from tests.unit.planting import a_file
from tests.unit.shopping import Town, operation

ROOT = Path(__file__).parent.parent.parent
FILES = sorted((ROOT / "programs").glob("*.yaml"))
TOTALS = (1_000, 10_000, 100_000)


def is_never_exceeded(program: Program, data: st.DataObject) -> None:
    town = Town(program)
    total = data.draw(st.sampled_from(TOTALS))
    [bound] = cost(program, [total]).purchases
    account = data.draw(town.accounts())
    for number in range(data.draw(st.integers(1, 3))):
        purchase = data.draw(town.purchases(total))
        if purchase.occurred_at < account.enrolled_at:
            continue
        posting = decide(account, purchase, program, purchase.occurred_at)
        given_rewards = [one.reward for one in posting.issued]
        if not bound.open:
            assert posting.points <= bound.points
            assert sum(one.value for one in posting.issued) <= bound.value
            assert all(given_rewards.count(one) <= bound.rewards.get(one, 0) for one in given_rewards)
        account, _ = post(account, posting, operation(number), purchase.occurred_at)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.stem))
@settings(max_examples=15)
@given(data=st.data())
def test_no_purchase_brings_more(path: Path, data: st.DataObject) -> None:
    is_never_exceeded(read(path.read_text()), data)


RULES = st.sampled_from(
    [
        "points: 1, per: 100",
        "points: 3, per: 200, round: ceil, round_each_line: true",
        "points: 0.7, per_full: 50, round: half_up, round_each_line: true",
        "points: 2, per: 75, round_each_line: true",
        "points: 5, per: 30, limits: [{points: 40, per: purchase}]",
        "points: 40, lines: {category: a}",
        "points: {silver: 2, gold: 3}, per: 100, round: half_up",
        "points: 9, per: 100, when: {paid: {at_most: 900}}",
        "brackets: {steps: [{from: 0, points: 1, per: 10}, {from: 500, points: 1, per: 100}]}",
        "brackets: {each_part_at_its_own: true, steps: [{from: 9, points: 1, per: 9}, {from: 500, points: 2, per: 9}]}",
        "points: 2, per: 1, of: quantity, limits: [{points: 9, per: day}]",
        "points: 10, per: 100, into: stars",
        "reward: gift",
        "reward: gift, per_full: 300, minimum: 500",
        "points: 7, on: referred",
        "points: 1, per: 100, budget: 500",
    ]
)
GROUPS = st.sampled_from(
    ["all", "highest", "first", "exclusive", "{policy: highest, by_line: true}", "{policy: first, by_line: true}"]
)
MULTIPLES = st.sampled_from(["multiply: 2", "multiply: 3.5, round: ceil, round_each_line: true", "points: 1, per: 3"])
MORE = st.sampled_from(["", "limits: [{points: 300, per: month}]"])


@settings(max_examples=60)
@given(
    rules=st.lists(st.tuples(RULES, st.sampled_from(["a", "b"])), min_size=1, max_size=5),
    policies=st.tuples(GROUPS, GROUPS, GROUPS),
    multiple=MULTIPLES,
    more=MORE,
    cap=st.sampled_from(["", "purchases: {most_benefit_percent: 5}"]),
    data=st.data(),
)
def test_no_purchase_brings_more_by_any_rules(
    rules: list[tuple[str, str]],
    policies: tuple[str, str, str],
    multiple: str,
    more: str,
    cap: str,
    data: st.DataObject,
) -> None:
    # A rule that gives no points cannot be in a group that compares them.
    assume(all("gift" not in rule or "highest" not in policies["ab".index(group)] for rule, group in rules))
    lines = [f"id: r{i}, group: {group}, {rule}" for i, (rule, group) in enumerate(rules)]
    of = ", ".join(f"r{i}" for i, (rule, _) in enumerate(rules) if "into" not in rule)
    lines += [f"id: more, group: c, of: [{of}], {multiple}"] if of else []
    text = a_file(
        lines,
        groups="{a: %s, b: %s, c: %s}" % policies,  # noqa: UP031 - braces
        points="{expire: never, worth: 1, %s}" % more,  # noqa: UP031 - braces
        counters="[{id: stars, text: {en: a, fr: b}}]",
        tiers=TIERS,
        rewards=GIFT,
        referral="{on: purchase}",
        goals=GOALS,
        more=cap,
    )
    is_never_exceeded(read(text), data)


T = "text: {en: a, fr: b}"
TIERS = (
    f"{{window: year, held: next_window, levels: [{{id: silver, {T}}}, {{id: gold, {T}, reach: [{{spend: 100}}]}}]}}"
)
GIFT = f"[{{id: gift, kind: voucher, value: 250, valid_days: 9, {T}}}]"
GOALS = (
    f"[{{id: g1, counts: spend, reach: 700, per: month, repeat: true, points: 3, {T}}},"
    f" {{id: g2, counts: points, reach: 5, per: month, repeat: true, reward: gift, {T}}},"
    f" {{id: g3, counts: stars, reach: 50, per: week, repeat: true, points: 2, {T}}},"
    f" {{id: g4, counts: visits, reach: 1, per: week, in_a_row: 2, points: 4, {T}}}]"
)


STEPS = "steps: [{from: 0, points: 1, per: 10}, {from: 100, points: 2, per: 100}]"
GIFTS = "{g: all, h: {policy: first, by_line: true}}"


@pytest.mark.parametrize(
    ("rules", "sections", "points"),
    [
        (["id: a, points: 1.5, per: 100"], {}, 150),
        (["id: a, points: 2, per: 100", "id: b, points: 50"], {}, 250),
        (["id: a, points: 2, per: 100", "id: b, points: 50"], {"groups": "{g: highest}"}, 200),
        (
            ["id: a, points: 2, per: 100", "id: b, points: 1, per: 100"],
            {"groups": "{g: {policy: first, by_line: true}}"},
            300,
        ),
        (
            ["id: a, points: 2, per: 100, round_each_line: true", "id: b, points: 1, per: 100, round_each_line: true"],
            {"groups": "{g: {policy: highest, by_line: true}}"},
            200,
        ),
        (["id: a, group: x, points: 10", "id: b, group: y, points: 30"], {"groups": "{x: exclusive, y: all}"}, 30),
        (["id: a, group: x, points: 10", "id: b, group: y, multiply: 3, of: [a]"], {"groups": "{x: all, y: all}"}, 30),
        (["id: a, points: {silver: 1, gold: 2}, per: 100"], {"tiers": TIERS}, 200),
        (["id: a, points: 9, when: {paid: {at_least: 10001}}"], {}, 0),
        (["id: a, points: 9, per: 100, when: {paid: {at_most: 200}}"], {}, 18),
        (["id: a, points: 9, per: 100, minimum: 10001"], {}, 0),
        (["id: a, points: 9, per: 100"], {"points": "{expire: never, limits: [{points: 70, per: month}]}"}, 70),
        (["id: a, points: 9, per: 100"], {"groups": "{g: {policy: all, limits: [{points: 7, per: day}]}}"}, 7),
        (
            ["id: a, points: 9, per: 100"],
            {"points": "{expire: never, worth: 2}", "more": "purchases: {most_benefit_percent: 4}"},
            200,
        ),
        (
            ["id: a, points: 3, per: 1000"],
            {"points": "{expire: never, worth: 2}", "more": "purchases: {most_benefit_percent: 400}"},
            30,
        ),
        (["id: a, points: 9, on: birthday"], {}, 0),
        (
            [
                "id: a, points: 2, per: 100, round_each_line: true, limits: [{points: 150, per: day}]",
                "id: b, points: 1, per: 100, round_each_line: true",
            ],
            {"groups": "{g: {policy: highest, by_line: true}}"},
            250,
        ),
        (
            ["id: a, points: 2, per: 1, of: quantity, limits: [{points: 15, per: day}]", "id: b, points: 1, per: 100"],
            {"groups": "{g: {policy: highest, by_line: true}}"},
            115,
        ),
        ([f"id: a, brackets: {{each_part_at_its_own: true, {STEPS}}}"], {}, 10 + 2 * 99),
        ([f"id: a, brackets: {{{STEPS}}}"], {}, 200),
        (["id: a, points: 0.3, per: 100, round: ceil, round_each_line: true"], {}, 10_000),
        (["id: a, points: 0.3, per: 100, round: half_up, round_each_line: true"], {}, 60),
        (["id: a, points: 1, group: g", "id: b, reward: gift, group: h"], {"groups": GIFTS, "rewards": GIFT}, 1),
    ],
)
def test_how_much_it_is(rules: list[str], sections: dict[str, str], points: int) -> None:
    [found] = cost(read(a_file(rules, **sections)), [10_000]).purchases
    assert (found.points, found.open) == (points, ())


def test_gifts_of_what_nothing_limits() -> None:
    rule = "id: a, reward: gift, per_full: 2, of: quantity"
    [found] = cost(read(a_file([rule], rewards=GIFT)), [10_000]).purchases
    assert (found.rewards, found.open) == ({}, ("a",))
    [found] = cost(read(a_file([f"{rule}, budget: 7"], rewards=GIFT)), [10_000]).purchases
    assert (found.rewards, found.value, found.open) == ({"gift": 7}, 1750, ())
    rule = "id: a, reward: gift, minimum: 10001"
    assert not cost(read(a_file([rule], rewards=GIFT)), [10_000]).purchases[0].rewards


def test_what_nothing_limits_is_named() -> None:
    [found] = cost(
        read(a_file(["id: a, points: 1, per: 100", "id: b, points: 2, per: 1, of: quantity"])), [10_000]
    ).purchases
    assert (found.points, found.open) == (100, ("b",))
    goals = f"[{{id: g, counts: points, reach: 5, per: month, repeat: true, points: 3, {T}}}]"
    text = a_file(["id: b, points: 2, per: 1, of: quantity"], goals=goals)
    assert cost(read(text), [10_000]).purchases[0].open == ("b", "g")
    goals = f"[{{id: g, counts: points, reach: 5, per: month, repeat: true, reward: gift, {T}}}]"
    text = a_file(["id: b, points: 2, per: 1, of: quantity"], goals=goals, rewards=GIFT)
    assert cost(read(text), [10_000]).purchases[0].open == ("b", "g")
    steps = "brackets: {each_part_at_its_own: true, steps: [{from: 1, points: 1, per: 1}]}"
    assert cost(read(a_file([f"id: b, of: quantity, {steps}"])), [10_000]).purchases[0].open == ("b",)


def test_in_words() -> None:
    rules = ["id: a, points: 3, per: 100", "id: b, on: referral_made, points: 50", "id: c, reward: gift"]
    text = a_file(rules, points="{expire: never, worth: 0.5}", referral="{on: purchase}", rewards=GIFT)
    [said] = cost(read(text), [10_000]).sentences()
    start = "A purchase of 100.00 EUR brings at most 300 points, 50 points to who referred the member, 1 x gift"
    assert said == f"{start}: 4.25 EUR, 4.25 % of it."
    [said] = cost(read(a_file(["id: b, points: 2, per: 1, of: quantity"])), [1_000]).sentences()
    start = "A purchase of 10.00 EUR brings at most 0 points: 0.00 EUR, 0 % of it"
    assert said == f"{start}; to that comes what b may give, which nothing limits."
    assert Cost("EUR", [Most(100, 7)]).sentences() == ["A purchase of 1.00 EUR brings at most 7 points."]


def test_money() -> None:
    assert Most(1000, 10, worth=Fraction(1, 2)).money == 5
    assert Most(1000, 10, worth=Fraction(1, 2)).percent == Fraction(1, 2)
    assert Most(1000, 10).percent is None
    assert Most(1000, 0, value=250).percent == 25


def test_three_totals_unless_others_are_asked_for() -> None:
    assert [one.total for one in cost(read(a_file())).purchases] == [1_000, 10_000, 100_000]
