"""Items as DynamoDB's API wants them: exactly as boto3 would write them, whole numbers only."""

from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.types import TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from functions.runtime.tables import from_wire, to_wire

whole_numbers = st.integers(-(10**38) + 1, 10**38 - 1)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | whole_numbers | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(min_size=1, max_size=8), inner, max_size=4),
    max_leaves=12,
)
plain_items = st.dictionaries(st.text(min_size=1, max_size=8), values, max_size=6)


@given(plain_items)
def test_an_item_is_read_as_it_was_written(item: dict[str, Any]) -> None:
    assert from_wire(to_wire(item)) == item


@given(plain_items)
def test_an_item_is_written_as_boto3_would(item: dict[str, Any]) -> None:
    serialize = TypeSerializer().serialize
    assert to_wire(item) == {name: serialize(value) for name, value in item.items()}


def test_a_tuple_is_a_list() -> None:
    assert to_wire({"latest": ("a", "b")}) == {"latest": {"L": [{"S": "a"}, {"S": "b"}]}}


def test_true_is_no_number_and_1_no_bool() -> None:
    assert to_wire({"yes": True, "one": 1}) == {"yes": {"BOOL": True}, "one": {"N": "1"}}
    assert [type(value) for value in from_wire({"yes": {"BOOL": True}, "one": {"N": "1"}}).values()] == [bool, int]


@pytest.mark.parametrize("value", [1.0, Decimal("4.99"), b"bytes", {1, 2}, object()], ids=repr)
def test_what_is_no_plain_value_cannot_be_stored(value: object) -> None:
    with pytest.raises(TypeError, match="cannot be stored"):
        to_wire({"amount": value})


def test_a_fraction_cannot_be_read_as_points() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        from_wire({"points": {"N": "1.5"}})
