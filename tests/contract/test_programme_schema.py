"""docs/programme.schema.json: what editors complete and check a programme file with."""

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from cli import programs
from functions.program import document

FILES = sorted((programs.ROOT / "programs").glob("*.yaml"))


def plain(value: Any) -> Any:
    """As an editor sees a file: numbers and texts, no exact decimals and dates."""
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return (
        value
        if isinstance(value, str | int | bool | None)
        else float(value)
        if hasattr(value, "is_finite")
        else str(value)
    )


def test_the_published_schema_is_the_code_s_own() -> None:
    assert programs.SCHEMA.read_text() == programs.schema_text(), "make openapi writes it anew"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_ready_programme_is_as_the_schema_says(file: Path) -> None:
    validator = Draft202012Validator(programs.schema())
    assert [error.message for error in validator.iter_errors(plain(document.read_values(file.read_text())))] == []


def test_a_word_that_is_not_in_the_grammar_is_found_by_an_editor_too() -> None:
    text = programs.READY.read_text().replace("earning:", "earnings:")
    assert list(Draft202012Validator(programs.schema()).iter_errors(plain(document.read_values(text))))
