"""The programme file: one readable file in, one programme out, every mistake named with its line."""

import subprocess
import sys
from dataclasses import fields
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from functions.program import document
from functions.program.model import Earn, EarningRule, Group, Lasting, Program, Rate, Reward, Validity
from functions.runtime.errors import InvalidError

ROOT = Path(__file__).parent.parent.parent

FILE = """\
program: record-shop
name: {en: Record Club, fr: Le Club du disque}
currency: USD
points:
  expire: {after_months: 12}
groups: {base: all}
earning:
  - id: every-dollar
    group: base
    points: 1
    per: 100
    text: {en: 1 point for every dollar, fr: 1 point par dollar}
  - id: big-basket
    group: base
    points: 50
    per_full: 10000
    text:
      en: 50 points for every 100 dollars
      fr: 50 points par 100 dollars
rewards:
  - id: voucher-5
    kind: voucher
    points: 100
    value: 500
    valid_days: 90
    text: {en: 5 dollars off, fr: 5 dollars de réduction}
"""


def mistakes(text: str) -> list[tuple[object, object, int]]:
    """Pointer, code and line of every mistake in a file."""
    with pytest.raises(InvalidError) as refused:
        document.read(text)
    found: list[dict[str, str]] = refused.value.members["errors"]  # type: ignore[assignment]
    return [(one["pointer"], one["code"], _line(one["detail"])) for one in found]


def _line(detail: str) -> int:
    word, number, _ = detail.split(" ", 2)
    assert word == "line"
    assert number.endswith(":")
    return int(number[:-1])


def changed(*changes: tuple[str, str]) -> str:
    """The file with pieces of its text replaced; each must stand in it exactly once."""
    text = FILE
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def test_a_file_becomes_the_programme_it_describes() -> None:
    program = document.read(FILE, version=7)
    expected = Program(
        version=7,
        id="record-shop",
        name={"en": "Record Club", "fr": "Le Club du disque"},
        currency="USD",
        zone=ZoneInfo("UTC"),
        lasting={"": Lasting(after_months=12)},
        groups=(Group("base", "all"),),
        earning=(
            EarningRule(
                "every-dollar",
                "base",
                {"en": "1 point for every dollar", "fr": "1 point par dollar"},
                earn=Earn({"": Rate(Fraction(1), 100)}),
            ),
            EarningRule(
                "big-basket",
                "base",
                {"en": "50 points for every 100 dollars", "fr": "50 points par 100 dollars"},
                earn=Earn({"": Rate(Fraction(50), 10000, full=True)}),
            ),
        ),
        rewards={
            "voucher-5": Reward(
                "voucher-5",
                "voucher",
                100,
                500,
                Validity(days=90),
                {"en": "5 dollars off", "fr": "5 dollars de réduction"},
            )
        },
    )
    for field in fields(Program):
        assert getattr(program, field.name) == getattr(expected, field.name), field.name


def test_a_file_that_is_only_checked_is_no_version() -> None:
    assert document.read(FILE).version == 0


def test_points_may_never_expire() -> None:
    program = document.read(changed(("expire: {after_months: 12}", "expire: never")))
    assert program.lasting == {"": Lasting()}


@pytest.mark.parametrize("policy", ["carry", "forgive", "block"])
def test_a_programme_says_what_happens_when_points_are_spent_and_then_returned(policy: str) -> None:
    text = changed(("after_months: 12}", f"after_months: 12}}\n  spent_then_returned: {policy}"))
    assert document.read(text).spent_then_returned == policy


def test_a_programme_may_have_neither_rewards_nor_rules_yet() -> None:
    assert document.read(FILE.partition("rewards:")[0] + "rewards: []\n").rewards == {}
    assert document.read(FILE.partition("groups:")[0]).earning == ()


@pytest.mark.parametrize("file", sorted((ROOT / "programs").glob("*.yaml")), ids=lambda file: file.stem)
def test_every_ready_made_programme_is_valid(file: Path) -> None:
    assert document.read(file.read_text()).id == file.stem


@pytest.mark.parametrize(
    ("old", "new", "pointer", "code", "line"),
    [
        ("program: record-shop", "program: Record Shop", "/program", "string_pattern_mismatch", 1),
        ("program: record-shop", "program: 7", "/program", "string_type", 1),
        ("program: record-shop\n", "", "/program", "missing", 1),
        ("fr: Le Club du disque", 'fr: ""', "/name/fr", "string_too_short", 2),
        (", fr: Le Club du disque", "", "/name/fr", "missing", 2),
        ("fr: Le Club du disque", "fr: Club, de: Klub", "/name/de", "extra_forbidden", 2),
        ("en: Record Club", f"en: {'x' * 301}", "/name/en", "string_too_long", 2),
        ("name: {en: Record Club, fr: Le Club du disque}", "name: Record Club", "/name", "model_type", 2),
        ("currency: USD", "currency: usd", "/currency", "string_pattern_mismatch", 3),
        ("currency: USD", "currency: 2026-12-25", "/currency", "string_type", 3),
        ("currency: USD", "currency:", "/currency", "string_type", 3),
        ("currency: USD", "currency: USD\ncolour: red", "/colour", "extra_forbidden", 4),
        ("months: 12}", "months: 12}\n  spent_then_returned: often", "/points/spent_then_returned", "literal_error", 6),
        ("months: 12}", "months: 12}\n  spent_then_returned: no", "/points/spent_then_returned", "literal_error", 6),
        ("points: 1\n", "points: 0\n", "/earning/0/points", "number", 10),
        ("points: 1\n", "points: yes\n", "/earning/0/points", "number", 10),
        ("points: 1\n", "points: '1'\n", "/earning/0/points", "number", 10),
        ("points: 1\n", "points: .nan\n", "/earning/0/points", "number", 10),
        ("points: 1\n", "points: 1.0000001\n", "/earning/0/points", "number", 10),
        ("points: 50\n", "points: 10000001\n", "/earning/1/points", "number", 15),
        ("per: 100\n", "per: 0\n", "/earning/0/per", "greater_than_equal", 11),
        ("per_full: 10000", "per_full: 1000000001", "/earning/1/per_full", "less_than_equal", 16),
        ("    points: 50\n", "", "/earning/1", "gives", 13),
        ("fr: 50 points par 100 dollars", "fr: [50]", "/earning/1/text/fr", "string_type", 19),
        ("kind: voucher", "kind: gift", "/rewards/0/kind", "literal_error", 22),
        ("value: 500", "value: 5.00", "/rewards/0/value", "int_type", 24),
        ("value: 500", "value: 0", "/rewards/0/value", "greater_than_equal", 24),
        ("valid_days: 90", "valid_days: 0", "/rewards/0/valid_days", "greater_than_equal", 25),
        ("valid_days: 90", "valid_days: 3661", "/rewards/0/valid_days", "less_than_equal", 25),
        ("valid_days: 90", "valid_days: 90\n    stocks: 3", "/rewards/0/stocks", "extra_forbidden", 26),
    ],
    ids=lambda value: str(value).strip()[:40],
)
def test_a_mistake_is_named_with_its_line(old: str, new: str, pointer: str, code: str, line: int) -> None:
    assert mistakes(changed((old, new))) == [(pointer, code, line)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("program: record-shop", "program: r"),
        ("program: record-shop", f"program: {'r' * 40}"),
        ("en: Record Club", "en: R"),
        ("en: Record Club", f"en: {'R' * 300}"),
        ("fr: Le Club du disque", "fr: L"),
        ("fr: Le Club du disque", f"fr: {'L' * 300}"),
        ("after_months: 12", "after_months: 1"),
        ("after_months: 12", "after_months: 120"),
        ("after_months: 12", "after_days: 1"),
        ("after_months: 12", "after_days: 3660"),
        ("points: 1\n", "points: 0.000001\n"),
        ("points: 50\n", "points: 10000000\n"),
        ("per: 100\n", "per: 1\n"),
        ("per_full: 10000", "per_full: 1000000000"),
        ("points: 100\n", "points: 1\n"),
        ("value: 500", "value: 1"),
        ("valid_days: 90", "valid_days: 1"),
        ("valid_days: 90", "valid_days: 3660"),
    ],
)
def test_the_smallest_and_the_largest_of_everything_are_valid(old: str, new: str) -> None:
    document.read(changed((old, new)))


def test_lists_may_hold_so_much_and_no_more() -> None:
    rule = "  - {id: rule-%d, group: base, points: 1, per: 1, text: {en: x, fr: x}}\n"
    reward = "  - {id: reward-%d, kind: voucher, points: 1, value: 1, valid_days: 1, text: {en: x, fr: x}}\n"
    head = FILE.partition("earning:\n")[0]

    def file(rules: int, rewards: int) -> str:
        lists = ["earning:\n", *(rule % i for i in range(rules)), "rewards:\n", *(reward % i for i in range(rewards))]
        return head + "".join(lists)

    program = document.read(file(100, 500))
    assert (len(program.earning), len(program.rewards)) == (100, 500)
    assert [mistake[:2] for mistake in mistakes(file(101, 1))] == [("/earning", "too_long")]
    assert [mistake[:2] for mistake in mistakes(file(1, 501))] == [("/rewards", "too_long")]


@pytest.mark.parametrize(("depth", "code"), [(30, "model_type"), (31, "yaml")])
def test_a_file_may_be_so_deep_and_no_deeper(depth: int, code: str) -> None:
    assert mistakes("[" * depth + "]" * depth) == [("", code, 1)]


def test_several_mistakes_are_named_at_once() -> None:
    text = changed(
        ("name:", "nom:"),
        ("currency: USD", "currency: usd"),
        ("per: 100\n", "per: -1\n"),
        ("value: 500", "value: 5.00"),
    )
    assert sorted(mistakes(text)) == [
        ("/currency", "string_pattern_mismatch", 3),
        ("/earning/0/per", "greater_than_equal", 11),
        ("/name", "missing", 1),
        ("/nom", "extra_forbidden", 2),
        ("/rewards/0/value", "int_type", 24),
    ]


@pytest.mark.parametrize(
    ("text", "pointer", "line", "detail"),
    [
        (
            changed(("id: big-basket", "id: every-dollar")),
            "/earning/1/id",
            13,
            "earning has two entries with id every-dollar",
        ),
        (
            FILE + FILE.partition("rewards:\n")[2],
            "/rewards/1/id",
            27,
            "rewards has two entries with id voucher-5",
        ),
    ],
    ids=["earning", "rewards"],
)
def test_two_entries_of_a_list_cannot_share_an_id(text: str, pointer: str, line: int, detail: str) -> None:
    assert mistakes(text) == [(pointer, "duplicate_id", line)]
    with pytest.raises(InvalidError) as refused:
        document.read(text)
    assert str(refused.value) == f"{pointer}: line {line}: {detail}"


def test_money_with_a_point_is_told_what_would_be_right() -> None:
    with pytest.raises(InvalidError, match="/rewards/0/value: line 24: Input should be a valid integer"):
        document.read(changed(("value: 500", "value: 4.99")))


@pytest.mark.parametrize("value", ["0", "12", "1.5", "often", "yes", "'12'", "[]", "{}"])
def test_a_bad_expiry_is_one_mistake_that_says_what_would_be_right(value: str) -> None:
    text = changed(("expire: {after_months: 12}", f"expire: {value}"))
    assert mistakes(text) == [("/points/expire", "expiry", 5)]
    told = "line 5: Input should be never, or say after_months, after_days or year_ends"
    with pytest.raises(InvalidError, match=told):
        document.read(text)


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        (changed(("currency: USD", "currency: USD\ncurrency: EUR")), 4, "currency is given twice"),
        (changed(("value: 500", "value: 500\n    value: 600")), 25, "value is given twice"),
        (changed(("fr: Le Club du disque", "fr: A, fr: B")), 2, "fr is given twice"),
        (changed(("currency: USD", "currency: [USD")), 4, "did not find expected ',' or ']'"),
        (changed(("currency: USD", "currency:\tUSD\n\tx: 1")), 4, "found a tab character that violates indentation"),
        (changed(("currency: USD", "currency: *nowhere")), 3, "anchors and aliases are not allowed"),
        (changed(("currency: USD", "currency: &dollars USD")), 3, "anchors and aliases are not allowed"),
        (changed(("name: {", "name: &name {")), 2, "anchors and aliases are not allowed"),
        (changed(("currency: USD", "currency: !money USD")), 3, "tags are not allowed"),
        (changed(("currency: USD", "currency: !!python/object/apply:os.getcwd []")), 3, "tags are not allowed"),
        (changed(("value: 500", "value: !!int five")), 24, "tags are not allowed"),
        (changed(("value: 500", "value: !!bool maybe")), 24, "tags are not allowed"),
        (FILE + "? [a, b]\n: c\n", 27, "a key must be a word"),
        (FILE + "? {a: b}\n: c\n", 27, "a key must be a word"),
        (FILE + "deep:\n  " + "[" * 40 + "]" * 40, 28, "this is nested too deeply"),
        (changed(("currency: USD", "currency: 'USD")), 27, "found unexpected end of stream"),
        (FILE + "---\nprogram: another\n", 27, "but found another document"),
    ],
    ids=[
        "double",
        "double in a list",
        "double in braces",
        "bracket",
        "tab",
        "alias",
        "anchor of a word",
        "anchor of a mapping",
        "unknown tag",
        "python tag",
        "tagged number",
        "tagged bool",
        "list as a key",
        "mapping as a key",
        "deep",
        "quote",
        "two documents",
    ],
)
def test_broken_yaml_is_told_with_its_line(text: str, line: int, problem: str) -> None:
    assert mistakes(text) == [("", "yaml", line)]
    with pytest.raises(InvalidError) as refused:
        document.read(text)
    assert str(refused.value) == f"/: line {line}: {problem}"


@pytest.mark.parametrize("text", ["\x00", "a: \x07", "# \ud800"], ids=["zero", "bell", "half a character"])
def test_what_no_reader_takes_is_not_yaml(text: str) -> None:
    with pytest.raises(InvalidError) as refused:
        document.read(text)
    assert refused.value.members["errors"] == [{"pointer": "", "code": "yaml", "detail": "line 1: this is not YAML"}]


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing yet\n"])
def test_an_empty_file_is_told_to_be_empty(text: str) -> None:
    assert mistakes(text) == [("", "empty", 1)]


@pytest.mark.parametrize("text", ["hello", "- a\n- b\n", "42", "~", '"a: b"'])
def test_a_file_that_is_no_mapping_is_no_programme(text: str) -> None:
    assert mistakes(text) == [("", "model_type", 1)]


def test_a_file_that_is_too_large_is_not_even_read() -> None:
    with pytest.raises(InvalidError) as refused:
        document.read("[" * 200_001)
    assert refused.value.members["errors"] == [
        {"pointer": "", "code": "too_large", "detail": "A programme file has at most 200000 bytes."}
    ]


def test_the_size_of_a_file_is_counted_in_bytes() -> None:
    """As the table counts it, whatever the language of the comments."""
    room = document.LARGEST_FILE - len(FILE.encode())
    assert document.read(FILE + "#" * room).id == "record-shop"
    assert document.read(FILE + "#" * (room - 3) + "\N{EURO SIGN}").id == "record-shop"
    assert mistakes_of_size(FILE + "#" * (room - 2) + "\N{EURO SIGN}") == ["too_large"]
    assert mistakes_of_size(FILE + "#" * (room + 1)) == ["too_large"]


def mistakes_of_size(text: str) -> list[object]:
    with pytest.raises(InvalidError) as refused:
        document.read(text)
    found: list[dict[str, str]] = refused.value.members["errors"]  # type: ignore[assignment]
    return [one["code"] for one in found]


NO_SUCH_VALUE = [
    changed(("currency: USD", "currency: 2026-13-45")),
    changed(("value: 500", f"value: {'9' * 5000}")),
]


@pytest.mark.parametrize(("text", "line"), list(zip(NO_SUCH_VALUE, [3, 24], strict=True)), ids=["day", "number"])
def test_a_value_that_cannot_be_built_is_told_with_its_line(text: str, line: int) -> None:
    assert mistakes(text) == [("", "yaml", line)]


def test_nothing_is_merged_into_a_mapping() -> None:
    assert mistakes(changed(("value: 500", "value: 500\n    <<: 7"))) == [("/rewards/0/<<", "extra_forbidden", 25)]


def test_aliases_of_aliases_cost_no_time() -> None:
    """Walked one by one, they would be a hundred million."""
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 27))
    assert mistakes(bomb) == [("", "yaml", 1)]


def test_a_deep_file_does_not_kill_the_process() -> None:
    """The C parser of YAML has no limit of its own; what overruns its stack would take pytest with it."""
    script = """
from functions.program import document
from functions.runtime.errors import InvalidError
try:
    document.read("[" * 90_000)
except InvalidError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "/: line 1: this is nested too deeply\n")
