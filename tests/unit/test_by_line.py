"""What is split over lines when somebody looks, and what is known before."""

import pytest

from functions.ledger.account import total_of
from functions.ledger.by_line import ByLine, Later


def never() -> list[int]:
    raise AssertionError("nobody asked for the parts")


def test_the_whole_is_known_without_the_parts() -> None:
    parts = ByLine(lambda: ["a"], never, 7)
    assert total_of(parts) == 7
    assert parts


def test_the_parts_are_made_once_and_say_nothing_of_what_is_nothing() -> None:
    made = []

    def values() -> list[int]:
        made.append(1)
        return [3, 0, 4]

    parts = ByLine(lambda: ["a", "b", "c"], values, 7)
    assert parts == {"a": 3, "c": 4}
    assert (parts["c"], parts.get("b"), list(parts), len(parts), repr(parts)) == (
        4,
        None,
        ["a", "c"],
        2,
        "{'a': 3, 'c': 4}",
    )
    assert made == [1]


def test_words_by_line_are_there_if_any_line_has_one() -> None:
    assert ByLine(lambda: ["a", "b"], lambda: [None, "brand"])
    assert not ByLine(lambda: ["a", "b"], lambda: [None, None])


def test_what_does_not_fit_its_lines_is_not_cut_short() -> None:
    with pytest.raises(ValueError, match="zip"):
        dict(ByLine(lambda: ["a"], lambda: [1, 2], 3))


@pytest.mark.parametrize(("parts", "total"), [({}, 0), ({"a": 1, "b": 2}, 3)])
def test_the_whole_of_a_plain_mapping_is_its_sum(parts: dict[str, int], total: int) -> None:
    assert total_of(parts) == total


def test_a_list_for_later_is_made_once_when_somebody_looks() -> None:
    made = []

    def make() -> list[int]:
        made.append(1)
        return [1, 2]

    later = Later(make)
    assert made == []
    assert (later == [1, 2], later == (1, 2), later == [1], later == 3) == (True, True, False, False)
    assert (later[1], len(later), list(later), repr(later)) == (2, 2, [1, 2], "[1, 2]")
    assert made == [1]
