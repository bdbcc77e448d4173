"""Two versions of one thing, told apart field by field: in its own words where there are some, else by name. Pure."""

import dataclasses
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Protocol, TypeVar

from functions.program import wording
from functions.program.model import Text

T = TypeVar("T")
_LANGUAGES = {"en": "English", "fr": "French"}


class Named(Protocol):
    """What has an id."""

    @property
    def id(self) -> str: ...


N = TypeVar("N", bound=Named)


def one_by_one(
    old: Sequence[N],
    new: Sequence[N],
    kind: str,
    describe: Callable[[N], str],
    compare: Callable[[N, N], Iterator[str]],
    *,
    ordered: bool = True,
) -> Iterator[str]:
    """What is new, what is gone, what changed, and, where it matters, whether the order did."""
    before = {one.id: one for one in old}
    after = {one.id: one for one in new}
    for one in new:
        if one.id not in before:
            yield f"New {kind} {one.id}: {describe(one)}."
        else:
            yield from compare(before[one.id], one)
    yield from (f"The {kind} {id} is gone." for id in before if id not in after)
    kept, was = [id for id in after if id in before], [id for id in before if id in after]
    if ordered and kept != was:
        yield f"The order of {kind}s is now {', '.join(kept)} instead of {', '.join(was)}."


def instead(start: str, old: T, new: T, say: Callable[[T], str] = wording.said) -> Iterator[str]:
    """`start` new instead of old, if it changed."""
    if old != new:
        yield f"{start} {say(new)} instead of {say(old)}."


def texts(label: str, old: Text, new: Text) -> Iterator[str]:
    """A text, language by language."""
    for language in dict.fromkeys((*new, *old)):
        named = f"{label}: the {_LANGUAGES.get(language, language)} text is"
        yield from instead(named, old.get(language), new.get(language), _quoted)


def _quoted(text: str | None) -> str:
    return f"“{text}”" if text else "missing"


def others(label: str, old: object, new: object, told: Collection[str]) -> Iterator[str]:
    """The fields that nobody has words for."""
    assert dataclasses.is_dataclass(old)
    assert not isinstance(old, type)
    for field in dataclasses.fields(old):
        before: object = getattr(old, field.name)
        after: object = getattr(new, field.name)
        if field.name not in told:
            yield from instead(f"{label}: {field.name.replace('_', ' ')} is", before, after)


def or_none(say: Callable[[T], str], none: str) -> Callable[[T | None], str]:
    """Words for a value, and for nothing."""
    return lambda value: none if value is None else say(value)


def days(count: int) -> str:
    """How long something waits."""
    return f"after {wording.counted(count, 'day')}" if count else "at once"


def by_name(
    old: Mapping[str, T], new: Mapping[str, T], start: Callable[[str], str], say: Callable[[T | None], str]
) -> Iterator[str]:
    """A mapping, name by name."""
    for name in dict.fromkeys((*new, *old)):
        yield from instead(start(name), old.get(name), new.get(name), say)
