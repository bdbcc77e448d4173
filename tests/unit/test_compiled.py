"""Compiled rules are used as long as they were made of the sources as they are, and not a moment longer."""

import sys
from pathlib import Path

import pytest

from cli import compiled


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only source of a project, of which something was compiled."""
    source = tmp_path / "functions" / "rules.py"
    source.parent.mkdir()
    source.write_text("POINTS = 1\n")
    monkeypatch.setattr(compiled, "ROOT", tmp_path)
    monkeypatch.setattr(compiled, "FOLDER", tmp_path / "compiled")
    monkeypatch.setattr(sys, "path", list(sys.path))
    built = tmp_path / "built"
    built.mkdir()
    compiled.keep(built, compiled.made_of())
    return source


def test_what_was_made_of_these_sources_is_used(source: Path) -> None:
    assert not compiled.in_use()
    assert compiled.use()
    assert compiled.in_use()


def test_a_source_that_changed_is_run_as_it_is(source: Path) -> None:
    source.write_text("POINTS = 2\n")
    assert not compiled.use()
    assert not compiled.in_use()


def test_a_source_that_came_or_went_changes_what_it_is_made_of(source: Path) -> None:
    before = compiled.made_of()
    (source.parent / "more.py").touch()
    assert compiled.made_of() != before
    (source.parent / "more.py").unlink()
    assert compiled.made_of() == before


def test_another_interpreter_has_another(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version", "3.99")
    assert not compiled.use()


def test_nothing_was_compiled(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "FOLDER", source.parent / "nowhere")
    assert not compiled.use()
