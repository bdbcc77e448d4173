"""Which lines a rule takes, which rules an event meets, and how long a programme is remembered."""

from typing import Any

import pytest

from functions.accrual import rulebook
from functions.accrual.deciding import decide
from functions.accrual.rulebook import Rulebook, rulebook_of
from functions.ledger.account import Posting
from functions.program.model import LineFilter, Match, Program, Range
from functions.program.occasions import PurchaseLine
from tests.unit.factories import (
    NOW,
    a_basket,
    a_flat_rule,
    a_line,
    a_program,
    a_purchase,
    a_rule,
    an_account,
    an_activity,
    reason_of,
)


def one_of(*values: str | int | bool) -> Match:
    return Match(frozenset(values))


def none_of(*values: str | int | bool) -> Match:
    return Match(frozenset(values), excluded=True)


def bought(program: Program, *lines: PurchaseLine) -> Posting:
    return decide(an_account(), a_basket(*lines), program, NOW)


# Which lines count.


@pytest.mark.parametrize(
    ("wanted", "line", "code"),
    [
        (LineFilter(sku=one_of("a")), {"sku": "a"}, None),
        (LineFilter(sku=one_of("a")), {"sku": "b"}, "sku"),
        (LineFilter(sku=none_of("a")), {}, None),
        (LineFilter(category=one_of("cd", "lp")), {"categories": ("new", "lp")}, None),
        (LineFilter(category=one_of("cd", "lp")), {"categories": ("new",)}, "category"),
        (LineFilter(category=one_of("cd")), {}, "category"),
        (LineFilter(category=none_of("cd")), {"categories": ("new", "cd")}, "category"),
        (LineFilter(category=none_of("cd")), {}, None),
        (LineFilter(brand=one_of("x")), {"brand": "x"}, None),
        (LineFilter(brand=one_of("x")), {}, "brand"),
        (LineFilter(discounted=False), {}, None),
        (LineFilter(discounted=False), {"discounted": True}, "discounted"),
        (LineFilter(discounted=True), {"discounted": True}, None),
        (LineFilter(attributes={"vinyl": one_of(True)}), {"attributes": {"vinyl": True}}, None),
        (LineFilter(attributes={"vinyl": one_of(True)}), {}, "attributes"),
        (LineFilter(attributes={"discs": Range(2)}), {"attributes": {"discs": 1}}, "attributes"),
        (LineFilter(cel="line.amount > 500 && line.quantity == 1 && line.sku == ''"), {}, None),
        (LineFilter(cel="line.brand == '' && size(line.categories) == 0 && !line.discounted"), {}, None),
        (LineFilter(cel="line.attributes.vinyl"), {}, "cel"),
        (LineFilter(sku=one_of("a"), brand=one_of("x")), {"sku": "a", "brand": "y"}, "brand"),
    ],
)
def test_a_line_counts_or_is_skipped_for_what_it_is(wanted: LineFilter, line: dict[str, Any], code: str | None) -> None:
    posting = bought(a_program(earning=[a_rule(lines=wanted)]), a_line(**line))
    reason = reason_of(posting, "every-dollar")
    assert reason.skipped == ({} if code is None else {"1": code})
    assert (reason.points, reason.condition) == ((10, None) if code is None else (0, "no_line_counts"))


def test_lines_that_do_not_count_are_named_beside_those_that_do() -> None:
    rule = a_rule(lines=LineFilter(sku=one_of("a"), discounted=False))
    lines = a_line("1", 300, sku="b"), a_line("2", 500, sku="a"), a_line("3", 900, sku="a", discounted=True)
    reason = reason_of(bought(a_program(earning=[rule]), *lines), "every-dollar")
    assert reason.skipped == {"1": "sku", "3": "discounted"}
    assert reason.lines == {"2": 5}


def test_what_a_kind_of_line_is_worth_to_the_rules_is_found_out_once() -> None:
    book = Rulebook(a_program(earning=[a_rule(lines=LineFilter(sku=one_of("a")))]))
    first = book.sorted_out(a_line("1", 300, sku="a"))
    assert book.sorted_out(a_line("2", 900, quantity=3, sku="a")) is first
    assert book.sorted_out(a_line("1", 300, sku="b")) == ("sku",)


def test_kinds_of_lines_are_not_remembered_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rulebook, "_REMEMBERED", 2)
    book = Rulebook(a_program(earning=[a_rule(lines=LineFilter(sku=one_of("1")))]))
    assert [book.sorted_out(a_line(sku=str(i % 4))) for i in range(8)] == [("sku",), (None,), ("sku",), ("sku",)] * 2


def test_lines_that_are_judged_by_their_attributes_are_judged_one_by_one() -> None:
    book = Rulebook(a_program(earning=[a_rule(lines=LineFilter(cel="line.amount > 500"))]))
    assert [book.sorted_out(a_line(amount=amount)) for amount in (500, 501)] == [("cel",), (None,)]


# The book itself.


def test_a_programme_is_made_ready_once() -> None:
    program = a_program()
    assert rulebook_of(program) is rulebook_of(program)
    assert rulebook_of(program) is not rulebook_of(a_program())


def test_the_books_of_a_few_programmes_are_kept() -> None:
    programs = [a_program() for _ in range(9)]
    books = [rulebook_of(program) for program in programs]
    assert rulebook_of(programs[-1]) is books[-1]
    assert rulebook_of(programs[0]) is not books[0]


def test_rules_that_are_not_on_an_event_say_nothing_about_it() -> None:
    program = a_program(earning=[a_rule(), a_flat_rule(on=("review", "quiz"))])
    assert [reason.rule for reason in decide(an_account(), a_purchase(100), program, NOW).explanation] == [
        "every-dollar"
    ]
    for kind in ("review", "quiz"):
        posting = decide(an_account(), an_activity(kind), program, NOW)
        assert [reason.rule for reason in posting.explanation] == ["bonus"]
