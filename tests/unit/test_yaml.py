"""YAML as people mean it: no word becomes a number or a truth by surprise, and a rate is exactly what is written."""

from datetime import date
from decimal import Decimal

import pytest

from functions.program import document
from functions.runtime.errors import InvalidError


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("on", "on"),
        ("off", "off"),
        ("yes", "yes"),
        ("no", "no"),
        ("NO", "NO"),
        ("True", "True"),
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("Null", "Null"),
        ("14:00", "14:00"),
        ("14:00-17:00", "14:00-17:00"),
        ("12", 12),
        ("-12", -12),
        ("+12", 12),
        ("0", 0),
        ("007", "007"),
        ("0x1F", "0x1F"),
        ("0o17", "0o17"),
        ("1_000", "1_000"),
        ("9" * 100, int("9" * 100)),
        ("1.2", Decimal("1.2")),
        ("-0.125", Decimal("-0.125")),
        ("1.10", Decimal("1.10")),
        ("0.1234567890123456789", Decimal("0.1234567890123456789")),
        ("1e3", "1e3"),
        ("1.5e3", "1.5e3"),
        (".5", ".5"),
        ("1.", "1."),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("2026-12-25", date(2026, 12, 25)),
        ("2026-12-25 10:00:00", "2026-12-25 10:00:00"),
        ("2026-12-25T10:00:00Z", "2026-12-25T10:00:00Z"),
        ("12-25", "12-25"),
        ("=", "="),
        ("'12'", "12"),
        ('"on"', "on"),
    ],
)
def test_a_value_is_what_a_person_reads(written: str, value: object) -> None:
    read = document.read_values(f"value: {written}\n")
    assert read == {"value": value}
    assert type(read["value"]) is type(value)


@pytest.mark.parametrize("key", ["on", "off", "yes", "no", "y", "n"])
def test_such_words_are_keys_as_well(key: str) -> None:
    assert document.read_values(f"{key}: 1\n") == {key: 1}


def test_a_block_of_text_keeps_its_lines() -> None:
    assert document.read_values("a: |\n  one\n  two\nb: >\n  one\n  two\n") == {"a": "one\ntwo\n", "b": "one two\n"}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nb: 2026-02-30\n", 2),
        ("a: [1, {b: 2026-13-01}]\n", 1),
        ("a:\n  - 1\n  - c: 3\n    2026-02-30: x\n", 4),
        (f"a: 1\nb:\n  c: {'9' * 5000}\n", 3),
        ("a: 0000-01-01\n", 1),
    ],
)
def test_a_date_or_number_that_does_not_exist_is_told_with_its_line(text: str, line: int) -> None:
    with pytest.raises(InvalidError) as refused:
        document.read_values(text)
    assert refused.value.members["errors"] == [
        {"pointer": "", "code": "yaml", "detail": f"line {line}: such a date or number does not exist"}
    ]


@pytest.mark.parametrize("key", ["1", "true", "~", "2026-12-25", "1.5"])
def test_a_key_that_is_no_word_is_refused_where_it_stands(key: str) -> None:
    with pytest.raises(InvalidError) as refused:
        document.read(f"program: p\nname: {{en: a, fr: b}}\ncurrency: USD\n{key}: x\n")
    [error] = refused.value.errors
    assert error.code == "invalid_key"
    assert error.detail.endswith("Keys should be strings")


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), 1),
        (("a",), 2),
        (("a", "b"), 3),
        (("a", "b", 1), 4),
        (("a", "b", 1, "c"), 4),
        # The nearest thing around what is not there.
        (("a", "b", 7), 3),
        (("a", "z"), 2),
        (("a", "b", 0, "c"), 3),
        (("z",), 1),
    ],
)
def test_a_path_has_the_line_of_what_it_names_or_of_what_is_around_it(path: tuple[int | str, ...], line: int) -> None:
    text = "a:\n  b:\n  - 1\n  - c: 2\n"
    assert document.line_of(text, path) == line
