"""What something comes to by the lines of a purchase: the whole is known at once, the parts when somebody looks. Pure.

Rules, limits and counters go by the whole. The parts are for what is stored and shown, and for what comes back later;
a replay of past purchases looks at hardly any of them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

Value = TypeVar("Value", bound=int | str)
Item = TypeVar("Item")


class ByLine(Mapping[str, Value]):
    """Values by the ids of lines, without those that are nothing. `values` gives one for every id, in their order; of
    numbers, none of which is below zero, the `total` is known beforehand."""

    __slots__ = ("_found", "_ids", "_values", "total")

    def __init__(
        self, ids: Callable[[], Sequence[str]], values: Callable[[], Sequence[Value | None]], total: int = 0
    ) -> None:
        self._ids = ids
        self._values = values
        self._found: dict[str, Value] | None = None
        self.total = total

    def parts(self) -> dict[str, Value]:
        """As a dict, which is quicker to look into; nobody changes it."""
        if self._found is None:
            self._found = {id: value for id, value in zip(self._ids(), self._values(), strict=True) if value}
        return self._found

    def __getitem__(self, line: str) -> Value:
        return self.parts()[line]

    def __iter__(self) -> Iterator[str]:
        return iter(self.parts())

    def __len__(self) -> int:
        return len(self.parts())

    def __bool__(self) -> bool:
        return self.total > 0 or bool(self.parts())

    def __repr__(self) -> str:
        return repr(self.parts())


class Later(Sequence[Item]):
    """A list that is made when somebody looks."""

    __slots__ = ("_found", "_make")

    def __init__(self, make: Callable[[], list[Item]]) -> None:
        self._make = make
        self._found: list[Item] | None = None

    def _list(self) -> list[Item]:
        if self._found is None:
            self._found = self._make()
        return self._found

    def __getitem__(self, place: Any) -> Any:
        return self._list()[place]

    def __iter__(self) -> Iterator[Item]:
        return iter(self._list())

    def __len__(self) -> int:
        return len(self._list())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._list() == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self._list())


def plain(parts: Mapping[str, Value]) -> dict[str, Value]:
    """Values by line as a dict, which nobody changes."""
    return parts.parts() if type(parts) is ByLine else dict(parts)
