"""The programmes that come with the project, each tried on its table of stories; and the snippets of the guide."""

import re
from pathlib import Path

import pytest

from cli.trying import Tried, read_table, tried
from functions.program import document
from functions.program.model import EarningRule, Goal, LineFilter, Program, When

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "programme-file.md"
NAMES = sorted(file.stem for file in (ROOT / "programs").glob("*.yaml"))
TABLES = sorted(file.stem for file in (ROOT / "programs" / "stories").glob("*.yaml"))
BLOCKS = re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(), re.DOTALL)
SNIPPETS = [block for block in BLOCKS if block.startswith("program:")]


def read(name: str) -> Program:
    return document.read((ROOT / "programs" / f"{name}.yaml").read_text(), 1)


def played(name: str) -> list[Tried]:
    return list(tried(read(name), read_table(ROOT / "programs" / "stories" / f"{name}.yaml")))


def can_fail(rule: EarningRule | Goal) -> bool:
    """Whether there is anything about a rule that an event can miss, besides being of another kind."""
    if isinstance(rule, Goal):
        return True
    if rule.earn:
        at_once = "" in rule.earn.rates and rule.earn.rates[""].per == 0
    else:
        at_once = rule.gift is not None and not rule.gift.per_full
    return (
        not at_once
        or rule.when != When()
        or (rule.lines or LineFilter()) != LineFilter()
        or bool(rule.minimum or rule.limits or rule.cooldown_days or rule.budget)
    )


def judged(program: Program) -> list[EarningRule | Goal]:
    return [*program.earning, *program.goals]


def verdicts(name: str) -> set[tuple[str, bool]]:
    """Rules and goals, each with whether it was seen applied, or not."""
    return {(reason.rule, reason.applied) for one in played(name) if one.posting for reason in one.posting.explanation}


def test_there_are_programmes_and_each_has_its_stories() -> None:
    assert NAMES
    assert NAMES == TABLES


@pytest.mark.parametrize("name", NAMES)
def test_every_file_reads_and_is_named_as_its_programme(name: str) -> None:
    assert read(name).id == name


@pytest.mark.parametrize("name", NAMES)
def test_every_step_goes_as_its_table_says(name: str) -> None:
    for one in played(name):
        differences = "\n".join(
            f"  {what}: the table says {wanted}, the programme {found}" for what, (wanted, found) in one.wrong.items()
        )
        told = one.step.model_dump(by_alias=True, exclude_defaults=True)
        assert one.wrong == {}, f"{name}, {one.story!r}, step {one.number}:\n{differences}\n  {told}"


@pytest.mark.parametrize("name", NAMES)
def test_every_story_step_expects_something(name: str) -> None:
    idle = {"at", "arrives", "buy", "do", "return", "redeem", "wait", "because"}
    for story in read_table(ROOT / "programs" / "stories" / f"{name}.yaml").stories:
        said = [set(step.model_dump(by_alias=True, exclude_none=True)) - idle for step in story.steps]
        assert any(said), f"{name}, {story.story!r} expects nothing"


@pytest.mark.parametrize("name", NAMES)
def test_every_rule_and_goal_is_seen_to_apply(name: str) -> None:
    seen = verdicts(name)
    assert [one.id for one in judged(read(name)) if (one.id, True) not in seen] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_rule_and_goal_is_seen_not_to_apply(name: str) -> None:
    seen = verdicts(name)
    assert [one.id for one in judged(read(name)) if can_fail(one) and (one.id, False) not in seen] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_conversion_is_seen(name: str) -> None:
    given = {told.split()[0] for one in played(name) if not one.posting for told in one.step.rewards or ()}
    assert [one.id for one in read(name).conversions if one.reward not in given] == []


def test_the_guide_has_snippets() -> None:
    assert len(SNIPPETS) > 10


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda snippet: snippet.splitlines()[0])
def test_every_snippet_of_the_guide_reads(snippet: str) -> None:
    assert document.read(snippet, 1).version == 1
