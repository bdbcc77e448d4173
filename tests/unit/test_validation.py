"""What is wrong where, and when two payloads mean the same."""

from datetime import UTC, datetime
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError, create_model

from functions.accrual.contract import PurchaseIn
from functions.enrolment.contract import EnrolmentEventIn, MemberIn
from functions.redemption.contract import RedemptionIn
from functions.runtime.errors import FieldError, InvalidError
from functions.runtime.validation import Amount, Input, Instant, OperationId, field_errors, parse, payload_hash

PURCHASE = {
    "id": "receipt-1",
    "member": {"email": "ada@example.com"},
    "occurred_at": "2026-11-20T18:00:00+01:00",
    "currency": "USD",
    "lines": [{"id": "1", "sku": "lp-1", "quantity": 1, "amount": 1250}],
}


class Box(Input):
    """An input with one nested and one optional field."""

    inner: dict[str, Annotated[int, Field(ge=0)]]
    note: str = "none"


def read(kind: Any, value: object) -> Any:
    """A value as a field of what comes in."""
    model = create_model("One", __base__=Input, field=(kind, ...))
    return dict(model.model_validate({"field": value}))["field"]


def test_every_bad_field_is_named_at_once_with_a_json_pointer() -> None:
    with pytest.raises(InvalidError) as refused:
        parse(Box, {"inner": {"a/b~c": -1}, "note": 7, "colour": "red"})
    assert refused.value.members["errors"] == [
        {
            "pointer": "/inner/a~1b~0c",
            "code": "greater_than_equal",
            "detail": "Input should be greater than or equal to 0",
        },
        {"pointer": "/note", "code": "string_type", "detail": "Input should be a valid string"},
        {"pointer": "/colour", "code": "extra_forbidden", "detail": "Extra inputs are not permitted"},
    ]


def test_what_is_wrong_as_a_whole_has_the_empty_pointer() -> None:
    with pytest.raises(InvalidError) as refused:
        parse(Box, ["not", "an", "object"])
    assert [error["pointer"] for error in refused.value.members["errors"]] == [""]  # type: ignore[attr-defined]


def test_a_bad_value_does_not_come_back_out() -> None:
    with pytest.raises(InvalidError) as refused:
        parse(MemberIn, {"email": "ada at example", "phone": "0049-secret", "given_name": ["Ada"]})
    told = f"{refused.value} {refused.value.problem()} {refused.value.__cause__}"
    assert not [secret for secret in ("ada at", "secret", "Ada") if secret in told]


@pytest.mark.parametrize(
    ("place", "pointer"),
    [
        (("body", "lines", 0, "amount"), "/lines/0/amount"),
        (("body",), ""),
        ((), ""),
        (("query", "limit"), "query:limit"),
        (("header", "idempotency-key"), "header:idempotency-key"),
        (("path", "member_id"), "path:member_id"),
    ],
)
def test_a_place_in_the_request_is_named(place: tuple[str | int, ...], pointer: str) -> None:
    [error] = field_errors([{"loc": place, "type": "missing", "msg": "Value error, Field required"}])
    assert error == FieldError(pointer, "missing", "Field required")


@pytest.mark.parametrize("amount", [0, 1, 1_000_000_000])
def test_an_amount_is_a_whole_number_of_minor_units(amount: int) -> None:
    assert read(Amount, amount) == amount


@pytest.mark.parametrize("amount", [-1, 1_000_000_001, 10**30, 1.0, 4.99, "100", True, None, float("nan"), [1]])
def test_nothing_else_is_an_amount(amount: object) -> None:
    with pytest.raises(ValidationError):
        read(Amount, amount)


@pytest.mark.parametrize("id", ["r", "receipt-1", "A.b_c:d-9", "9" * 80])
def test_an_operation_id_is_a_word(id: str) -> None:
    assert read(OperationId, id) == id


@pytest.mark.parametrize("id", ["", "-a", " a", "a b", "a#b", "a/b", "é", "a\n", "9" * 81, 7])
def test_nothing_else_is_an_operation_id(id: object) -> None:
    with pytest.raises(ValidationError):
        read(OperationId, id)


@pytest.mark.parametrize(
    "text",
    ["2026-11-20T17:00:00Z", "2026-11-20T18:00:00+01:00", "2026-11-20T12:00:00.000-05:00", "2026-11-20 17:00Z"],
)
def test_an_instant_is_text_with_an_offset_and_becomes_utc(text: str) -> None:
    instant = read(Instant, text)
    assert instant == datetime(2026, 11, 20, 17, tzinfo=UTC)
    assert instant.tzinfo is UTC


def test_an_instant_that_is_one_already_stays_it() -> None:
    assert read(Instant, datetime(2026, 11, 20, 17, tzinfo=UTC)) == datetime(2026, 11, 20, 17, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-20T17:00:00",
        "2026-11-20",
        "yesterday",
        "",
        "2026-02-30T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "1700000000",
        1700000000,
        1.5,
        True,
        None,
    ],
)
def test_nothing_else_is_an_instant(value: object) -> None:
    with pytest.raises(ValidationError):
        read(Instant, value)


@pytest.mark.parametrize(
    ("text", "code", "detail"),
    [
        ("2026-11-20", "datetime_type", "Input should be an ISO 8601 date and time with its offset"),
        ("2026-11-20T17:00:00", "timezone_aware", "Input should have timezone info"),
        ("0001-01-01T00:00:00+14:00", "datetime_range", "Input should lie within the years 1 to 9999 of UTC"),
    ],
)
def test_what_is_wrong_with_an_instant_is_told(text: str, code: str, detail: str) -> None:
    with pytest.raises(InvalidError) as refused:
        hash_of(occurred_at=text)
    assert refused.value.members["errors"] == [{"pointer": "/occurred_at", "code": code, "detail": detail}]


def hash_of(**changes: object) -> str:
    return payload_hash(parse(PurchaseIn, {**PURCHASE, **changes}))


@pytest.mark.parametrize(
    "same",
    [
        {"occurred_at": "2026-11-20T17:00:00Z"},
        {"occurred_at": "2026-11-20T12:00:00.000000-05:00"},
        {"store": None, "channel": None, "payment_method": None},
        {"attributes": {}},
        {"member": {"email": "Ada@Example.COM"}},
        {"member": {"email": "eve@example.com"}},
        {"member": {"phone": "+33612345678"}},
        {"lines": [{"amount": 1250, "quantity": 1, "sku": "lp-1", "id": "1", "discounted": False, "categories": []}]},
    ],
    ids=[
        "other offset",
        "other precision",
        "written nulls",
        "no attributes",
        "other letters",
        "other address",
        "phone",
        "other order",
    ],
)
def test_payloads_that_mean_the_same_have_the_same_hash(same: dict[str, object]) -> None:
    assert hash_of(**same) == hash_of()


@pytest.mark.parametrize(
    "other",
    [
        {"occurred_at": "2026-11-20T17:00:00.000001Z"},
        {"currency": "EUR"},
        {"member": {"card": "RC-1815"}},
        {"member": {"card": "RC-1816"}},
        {"store": "harbour-street"},
        {"attributes": {"gift": True}},
        {"lines": [{"id": "1", "sku": "lp-1", "quantity": 1, "amount": 1251}]},
        {"lines": [{"id": "1", "sku": "lp-1", "quantity": 1, "amount": 1250, "discounted": True}]},
    ],
    ids=",".join,
)
def test_payloads_that_mean_something_else_have_another_hash(other: dict[str, object]) -> None:
    assert hash_of(**other) != hash_of()


def test_true_and_1_are_not_the_same_attribute() -> None:
    assert hash_of(attributes={"a": True}) != hash_of(attributes={"a": 1})


def test_lines_in_another_order_are_another_purchase() -> None:
    one, other = ({"id": id, "sku": "lp-1", "quantity": 1, "amount": 1} for id in "12")
    assert hash_of(lines=[one, other]) != hash_of(lines=[other, one])


def test_half_a_character_is_no_attribute() -> None:
    with pytest.raises(InvalidError):
        hash_of(attributes={"gift": "\ud800"})


@pytest.mark.parametrize("value", ["", "w" * 65, 1.5, None, [], {}])
def test_an_attribute_is_a_word_a_whole_number_or_a_bool(value: object) -> None:
    with pytest.raises(InvalidError) as refused:
        hash_of(attributes={"gift": value})
    assert refused.value.members["errors"] == [
        {
            "pointer": "/attributes/gift",
            "code": "attribute",
            "detail": "Input should be true, false, a whole number, or text of 1 to 64 characters",
        }
    ]


def test_the_hash_of_a_payload_is_the_same_for_ever() -> None:
    """A repeat may come after the next deployment."""
    assert hash_of() == "7d933d619da7b7a7d6a575c2fe6179dd"
    assert hash_of(store="Åhléns") == "2354ad6c0f833789c7831ebf55dd7f5b"
    redemption = parse(RedemptionIn, {"member": {"card": "RC-1"}, "reward_id": "voucher-5"})
    assert payload_hash(redemption) == "e5602e48244740c1a25c679397dbd628"


def test_an_enrolment_over_the_bus_means_the_same_as_over_https() -> None:
    over_https = parse(MemberIn, {"email": "ada@example.com"})
    over_the_bus = parse(EnrolmentEventIn, {"email": "ada@example.com", "idempotency_key": "key-1"})
    assert payload_hash(over_the_bus) == payload_hash(over_https)


words = st.text("abc-é", min_size=1, max_size=8)
baskets: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "id": st.from_regex(r"[a-z]{1,8}", fullmatch=True),
        "member": st.just({"card": "RC-1847"}),
        "occurred_at": st.just("2026-11-20T17:00:00Z"),
        "currency": st.sampled_from(["USD", "EUR"]),
        "lines": st.lists(
            st.fixed_dictionaries(
                {
                    "id": st.text("123456789", min_size=1, max_size=3),
                    "sku": words,
                    "quantity": st.integers(1, 9),
                    "amount": st.integers(0, 99999),
                },
                optional={"brand": words, "discounted": st.booleans()},
            ),
            min_size=1,
            max_size=4,
            unique_by=lambda line: line["id"],
        ),
    },
    optional={"store": words, "attributes": st.dictionaries(words, st.integers() | st.booleans() | words, max_size=3)},
)


def shuffled(value: Any) -> Any:
    """The same JSON with the fields of every object the other way round."""
    if isinstance(value, dict):
        return {name: shuffled(value[name]) for name in reversed(value)}
    return [shuffled(item) for item in value] if isinstance(value, list) else value


@given(baskets)
def test_the_order_of_fields_means_nothing(basket: dict[str, Any]) -> None:
    assert payload_hash(parse(PurchaseIn, shuffled(basket))) == payload_hash(parse(PurchaseIn, basket))


@given(baskets, baskets)
def test_two_purchases_share_a_hash_only_if_they_are_equal(one: dict[str, Any], other: dict[str, Any]) -> None:
    left, right = parse(PurchaseIn, one), parse(PurchaseIn, other)
    assert (payload_hash(left) == payload_hash(right)) is (left.model_dump_json() == right.model_dump_json())
