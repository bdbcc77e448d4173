"""`loyalty program …` on files: what a programme manager sees before anything is published."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.program import app
from cli.programs import ROOT

CAFE, SHOP = ROOT / "programs" / "cafe.yaml", ROOT / "programs" / "record-shop.yaml"


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "200"})


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    file = tmp_path / "shop.yaml"
    file.write_text(SHOP.read_text())
    return file


def test_a_file_without_mistakes_is_told_its_highest_cost() -> None:
    found = run("check", SHOP)
    assert found.exit_code == 0
    assert "A purchase of 10.00 USD brings at most 10 points" in found.stdout
    assert "record-shop.yaml can be published" in found.stdout


def test_every_mistake_is_told_with_its_line(copy: Path) -> None:
    copy.write_text(SHOP.read_text().replace("currency: USD", "currency: usd").replace("value: 500", "value: 5.00"))
    found = run("check", copy)
    assert found.exit_code == 1
    assert "line 8: String should match pattern" in found.stdout
    assert "line 25: Input should be a valid integer" in found.stdout


def test_what_can_be_published_and_cannot_be_meant_fails_the_check(copy: Path) -> None:
    never = "    when: {weekday: [sunday], recurs: {rule: FREQ=WEEKLY;BYDAY=MO, starts: 2026-06-01}}\n"
    copy.write_text(SHOP.read_text().replace("    points: 1\n", never + "    points: 1\n", 1))
    found = run("check", copy)
    assert found.exit_code == 1
    assert "does not do what it says" in found.stdout


def test_stories_are_played_and_a_wrong_expectation_is_shown(tmp_path: Path) -> None:
    table = tmp_path / "table.yaml"
    step = "{at: 2026-03-02 10:00, buy: 1250, points: 13, because: rounded up}"
    table.write_text(f"stories:\n  - story: One record\n    steps:\n      - {step}\n")
    found = run("try", SHOP, table)
    assert found.exit_code == 1
    assert "One record" in found.stdout
    assert "points: 12 instead of 13" in found.stdout
    assert "1 of 1 steps went otherwise than expected" in found.stdout


def test_stories_of_the_same_name_are_found() -> None:
    found = run("try", CAFE)
    assert found.exit_code == 0
    assert "all as expected" in found.stdout


def test_a_table_that_is_none_is_told_with_its_line(tmp_path: Path) -> None:
    table = tmp_path / "table.yaml"
    table.write_text("stories:\n  - story: One record\n    steps:\n      - {at: 2026-03-02 10:00, bye: 1250}\n")
    found = run("try", SHOP, table)
    assert found.exit_code == 1
    assert "line 4: Extra inputs are not permitted" in found.stdout


def test_a_file_without_stories_says_what_to_do(copy: Path) -> None:
    found = run("try", copy)
    assert found.exit_code == 1
    assert "name one, or write it" in found.stdout


def test_a_difference_is_told_in_words(copy: Path) -> None:
    copy.write_text(SHOP.read_text().replace("    points: 100\n", "    points: 120\n"))
    found = run("diff", SHOP, copy)
    assert found.exit_code == 0
    assert "voucher-5" in found.stdout
    assert "120 points instead of 100" in found.stdout


def test_a_file_compared_with_itself_changes_nothing() -> None:
    assert "Nothing changes for members." in run("diff", SHOP, SHOP).stdout


def test_what_is_neither_a_file_nor_a_version_is_told() -> None:
    found = run("diff", SHOP, "nowhere.yaml")
    assert found.exit_code == 1
    assert "neither a file nor the number of a version" in found.stdout


def test_a_start_without_its_offset_is_refused() -> None:
    found = run("activate", "2", "--from", "2026-12-01T06:00:00")
    assert found.exit_code == 1
    assert "needs its offset" in found.stdout


def test_the_schema_is_json() -> None:
    assert json.loads(run("schema").stdout)["title"] == "Programme file"
