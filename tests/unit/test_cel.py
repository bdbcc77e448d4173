"""Conditions in CEL: what they may name, what they may cost, and what happens when they cannot be answered."""

from typing import Any

import pytest

from functions.program.cel import LONGEST, CelError, Condition, compiled


@pytest.mark.parametrize(
    "condition",
    [
        "true",
        "purchase.total >= 5000",
        "purchase.store in ['lyon', 'paris']",
        "purchase.channel == '' || purchase.payment_method != \"card\"",
        "purchase.weekday == 1 && purchase.occurred_at.startsWith('2026-12-2')",
        "activity.type == 'review' && activity.weekday < 6",
        "member.tier == 'gold' && member.purchases > 3 && member.days_enrolled <= 30",
        "'vip' in member.segments",
        "member.segments.exists(s, s.startsWith('vip'))",
        "line.categories.all(c, c != 'cd')",
        "line.sku == 'a' && line.brand == 'b' && line.amount > 1 && line.quantity > 1 && !line.discounted",
        "purchase.attributes.gift",
        "purchase.attributes.length > 3 && member.attributes.city == 'Lyon'",
        "purchase . total > 1",
        "purchase.store == 'member.nonsense'",
        'purchase.store == "say \\"line.nonsense\\""',
        "purchase.store == 'it\\'s map(1, 2)'",
        "purchase.store == 'x.all(y) or z.all(y)'",
    ],
)
def test_what_a_condition_may_say(condition: str) -> None:
    assert isinstance(compiled(condition), Condition)


@pytest.mark.parametrize(
    ("condition", "problem"),
    [
        ("", "This is not CEL: "),
        ("purchase.total >", "This is not CEL: "),
        ("x" * (LONGEST + 1), "A condition has at most 500 characters"),
        ("basket.total > 1", "There is no basket: a condition knows purchase, activity, member, line"),
        ("total > 1", "There is no total: a condition knows purchase, activity, member, line"),
        ("purchase.price > 1", "purchase has no price: it has attributes, channel, occurred_at, payment_method"),
        ("member . email == 'a'", "member has no email: it has attributes, days_enrolled, purchases, segments, tier"),
        ("activity.store == 'a'", "activity has no store: it has attributes, occurred_at, type, weekday"),
        ("line.price > 1", "line has no price: it has amount, attributes, brand, categories"),
        ("line.categories.map(c, c == 'cd')[0]", "A condition may loop once"),
        ("size(line.categories.filter(c, c == 'cd')) > 0", "A condition may loop once"),
        ("line.categories.all(c, line.categories.exists(d, c == d))", "A condition may loop once"),
        ("purchase.total", "A condition should be true or false"),
        ("'yes'", "A condition should be true or false"),
        ("purchase.total + 'a' == 'b'", "This cannot be computed: "),
        ("1 / 0 == 1", "This cannot be computed: "),
        ("line.categories.exists(c, d == 'cd')", "There is no d: "),
    ],
)
def test_what_it_may_not_say_and_what_is_wrong_with_it(condition: str, problem: str) -> None:
    with pytest.raises(CelError) as refused:
        compiled(condition)
    assert str(refused.value).startswith(problem)
    assert "\n" not in str(refused.value)


def test_the_longest_condition() -> None:
    condition = "purchase.store == '" + "x" * (LONGEST - 20) + "'"
    assert len(condition) == LONGEST
    assert compiled(condition).holds({"purchase": {"store": "x" * (LONGEST - 20)}})


def test_a_condition_is_compiled_once() -> None:
    assert compiled("purchase.total > 1") is compiled("purchase.total > 1")


@pytest.mark.parametrize(
    ("attributes", "holds"),
    [({"stars": 4}, True), ({"stars": 3}, False), ({}, False), ({"stars": "four"}, False), ({"stars": None}, False)],
)
def test_what_a_condition_cannot_be_asked_of_does_not_hold(attributes: dict[str, Any], holds: bool) -> None:
    condition = compiled("activity.attributes.stars > 3")
    assert condition.holds({"activity": {"attributes": attributes}}) is holds


@pytest.mark.parametrize(("categories", "holds"), [(["cd", "lp"], True), (["lp"], False), ([], False)])
def test_what_is_asked_of_the_first_of_none_does_not_hold(categories: list[str], holds: bool) -> None:
    assert compiled("line.categories[0] == 'cd'").holds({"line": {"categories": categories}}) is holds


def test_the_second_of_several_may_be_asked_for_as_well() -> None:
    assert compiled("line.categories[1] == 'cd'").holds({"line": {"categories": ["lp", "cd"]}})


@pytest.mark.parametrize(
    "condition",
    [
        "10 / (purchase.total - 3) > 0",
        "10 % (purchase.total - 3) > 0",
        "purchase.total * 9223372036854775807 > 0",
        "purchase.store.matches(purchase.attributes.pattern)",
        "duration(purchase.attributes.pattern) > duration('1s')",
        "int(purchase.attributes.pattern) > 1",
    ],
)
def test_what_cannot_be_computed_does_not_hold(condition: str) -> None:
    purchase = {"total": 3, "store": "lyon", "attributes": {"pattern": "("}}
    assert not compiled(condition).holds({"purchase": purchase})


def test_a_pattern_that_is_slow_elsewhere_is_quick_here() -> None:
    condition = compiled("purchase.store.matches('(a+)+$')")
    assert not condition.holds({"purchase": {"store": "a" * 5000 + "b"}})


def test_a_condition_that_is_nested_too_deeply_is_refused_and_breaks_nothing() -> None:
    with pytest.raises(CelError, match=r"^This is not CEL: "):
        compiled("(" * 200 + "true" + ")" * 200)


@pytest.mark.parametrize(
    "condition",
    [
        "size(line.categories.filter(line, true)) > 0",
        "line.categories.map(member, member == 'cd')[0]",
        "line.categories. all(c, line.categories. exists(d, c == d))",
        "line.categories. all(member, line.categories. exists(activity, activity == member))",
        "line.categories.all(c, c != '') && line.categories\n.\nall(d, d != '')",
    ],
)
def test_no_way_of_writing_it_loops_twice(condition: str) -> None:
    with pytest.raises(CelError, match=r"^A condition may loop once"):
        compiled(condition)


def test_what_is_not_true_does_not_hold() -> None:
    assert not compiled("purchase.attributes.gift").holds({"purchase": {"attributes": {"gift": "yes"}}})


def test_a_line_condition_does_not_see_a_purchase_that_is_not_given() -> None:
    assert not compiled("purchase.total > 1").holds({"line": {}})


def test_asking_changes_nothing() -> None:
    facts = {"line": {"categories": ["cd", "lp"]}}
    assert compiled("line.categories.exists(c, c == 'lp')").holds(facts)
    assert facts == {"line": {"categories": ["cd", "lp"]}}
