"""events/: every sample is as its schema says, every schema says all of it, and inbound ones follow the code."""

import json
from collections.abc import Iterator
from dataclasses import fields
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator, ValidationError

from functions.ledger import events
from functions.ledger.account import Balance, OperationKind, What
from functions.lifecycle.announcing import What as Announced
from functions.notifications.telling import DUE
from functions.program.messages.catalogue import BY_EVENT
from infra.functions import FUNCTIONS, BusEvents, Source
from tests.contract import schemas
from tests.contract.schemas import INBOUND, OUTBOUND

every_outbound = pytest.mark.parametrize("detail_type", OUTBOUND)
every_inbound = pytest.mark.parametrize("detail_type", INBOUND)


def read(path: str) -> Any:
    return json.loads((schemas.EVENTS / path).read_text())


def schema(detail_type: str) -> Any:
    return read(f"schemas/{detail_type}.json")


def objects(part: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every object with named fields in a schema, with where it stands."""
    if part.get("type") == "object" and "properties" in part:
        yield path, part
    for name, below in part.get("properties", {}).items():
        yield from objects(below, f"{path}/{name}")
    if "items" in part:
        yield from objects(part["items"], f"{path}/*")


def test_there_is_a_schema_and_a_sample_for_each_event_and_nothing_else() -> None:
    def stems(folder: str) -> list[str]:
        return sorted(file.stem for file in (schemas.EVENTS / folder).glob("*"))

    assert stems("schemas") == sorted([*INBOUND, *OUTBOUND])
    assert stems("inbound") == sorted(INBOUND)
    assert stems("outbound") == sorted(OUTBOUND)


@pytest.mark.parametrize("detail_type", [*INBOUND, *OUTBOUND])
def test_a_schema_is_one(detail_type: str) -> None:
    Draft202012Validator.check_schema(schema(detail_type))
    assert schema(detail_type)["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema(detail_type)["$id"] == f"urn:loyalty:event:{detail_type}:1"
    assert schema(detail_type)["title"] == detail_type


@every_inbound
def test_an_inbound_schema_is_what_the_code_reads(detail_type: str) -> None:
    written = (schemas.SCHEMAS / f"{detail_type}.json").read_text()
    assert written == schemas.text_of_inbound(detail_type), "write it anew: python -m tests.contract.schemas"


@every_inbound
def test_an_inbound_sample_is_valid(detail_type: str) -> None:
    event = read(f"inbound/{detail_type}.json")
    assert set(event) == {"source", "detail-type", "detail"}
    assert event["detail-type"] == detail_type
    assert event["source"] != "loyalty", "that is ours: what we tell can never start us again"
    schemas.check_event(detail_type, event["detail"])


@every_outbound
def test_an_outbound_sample_is_valid(detail_type: str) -> None:
    event = read(f"outbound/{detail_type}.json")
    assert set(event) == {"source", "detail-type", "detail"}
    assert (event["source"], event["detail-type"]) == ("loyalty", detail_type)
    schemas.check_event(detail_type, event["detail"])


@every_outbound
def test_an_outbound_schema_lets_nothing_through_that_it_does_not_name(detail_type: str) -> None:
    for path, part in objects(schema(detail_type)):
        assert part["additionalProperties"] is False, path
        if not path.endswith(("/problem", "/return")):
            assert sorted(part["required"]) == sorted(part["properties"]), path


@every_outbound
def test_an_outbound_schema_describes_every_field(detail_type: str) -> None:
    for path, part in objects(schema(detail_type)):
        assert part["description"], path
        for name, field in part["properties"].items():
            assert field.get("description") or "const" in field, f"{path}/{name}"


@every_outbound
def test_every_event_has_the_same_envelope(detail_type: str) -> None:
    assert list(schema(detail_type)["properties"]["metadata"]["properties"]) == [
        "event_id",
        "member_sequence",
        "program_version",
        "occurred_at",
        "recorded_at",
        "schema_version",
        "correlation_id",
    ]


@every_outbound
def test_a_sample_without_any_one_of_its_fields_is_invalid(detail_type: str) -> None:
    detail = read(f"outbound/{detail_type}.json")["detail"]
    for part in ("metadata", "data"):
        for name in detail[part]:
            less = {**detail, part: {key: value for key, value in detail[part].items() if key != name}}
            with pytest.raises(ValidationError, match=f"'{name}' is a required property"):
                schemas.check_event(detail_type, less)


def with_balance() -> list[str]:
    return [name for name in OUTBOUND if "balance" in schema(name)["properties"]["data"]["properties"]]


def test_every_change_of_points_tells_the_balance_in_its_four_parts() -> None:
    assert with_balance() == [name for name in OUTBOUND if name.startswith("Points")]
    for name in with_balance():
        balance = schema(name)["properties"]["data"]["properties"]["balance"]
        assert list(balance["properties"]) == ["active", "pending", "held", "debt"], name
        assert list(balance["properties"]) == [field.name for field in fields(Balance)]


@pytest.mark.parametrize("part", ["active", "pending", "held", "debt"])
@pytest.mark.parametrize("detail_type", with_balance())
def test_a_balance_lacks_no_part_and_none_is_below_zero(detail_type: str, part: str) -> None:
    detail = read(f"outbound/{detail_type}.json")["detail"]
    balance = detail["data"]["balance"]
    less = {key: value for key, value in balance.items() if key != part}
    for wrong, told in ((less, f"'{part}' is a required property"), ({**balance, part: -1}, "-1 is less than")):
        with pytest.raises(ValidationError, match=told):
            schemas.check_event(detail_type, {**detail, "data": {**detail["data"], "balance": wrong}})


@pytest.mark.parametrize(
    ("detail_type", "points"),
    [
        ("PointsEarned", -1),
        ("PointsRedeemed", 0),
        ("PointsReversed", 1),
        ("PointsActivated", 1),
        ("PointsActivated", -1),
        ("PointsExpired", 0),
        ("RewardRedeemed", 0),
        ("RewardHeld", 0),
        ("RewardReleased", 0),
        ("RewardRefunded", 0),
    ],
)
def test_points_go_only_the_way_the_event_says(detail_type: str, points: int) -> None:
    detail = read(f"outbound/{detail_type}.json")["detail"]
    with pytest.raises(ValidationError):
        schemas.check_event(detail_type, {**detail, "data": {**detail["data"], "points": points}})


def test_the_operations_that_events_name_are_those_of_the_ledger() -> None:
    named: set[str] = set()
    for name in with_balance():
        if name == "PointsExpiring":
            continue  # told before it comes: no operation has changed anything
        kind = schema(name)["properties"]["data"]["properties"]["operation"]["properties"]["kind"]
        named |= set(kind.get("enum", [kind.get("const")]))
    assert named <= set(get_args(OperationKind))
    assert set(get_args(OperationKind)) - named == {
        "grace",
        "release",
        "review",
        "use",
        "fulfilment",
        "change",
        "merge",
    }, "none of these changes points"


@every_outbound
@pytest.mark.parametrize("part", ["metadata", "data"])
def test_a_sample_with_a_field_more_is_invalid(detail_type: str, part: str) -> None:
    detail = read(f"outbound/{detail_type}.json")["detail"]
    with pytest.raises(ValidationError, match="'email' was unexpected"):
        schemas.check_event(detail_type, {**detail, part: {**detail[part], "email": "ada@example.com"}})


CHANGES = [name for name in OUTBOUND if name in get_args(What)]


def test_there_is_an_event_for_each_change_of_a_member() -> None:
    assert sorted(CHANGES) == sorted(get_args(What))


@pytest.mark.parametrize("detail_type", CHANGES)
def test_a_change_of_a_member_names_fields_and_never_says_what_is_in_them(detail_type: str) -> None:
    data = schema(detail_type)["properties"]["data"]["properties"]
    assert [name for name in data if name != "merged_into"] == ["member_id", "entry_id", "fields", "status"]
    detail = read(f"outbound/{detail_type}.json")["detail"]
    for wrong in (["ada@example.com"], {"email": "ada@example.com"}, ["Ada"]):
        with pytest.raises(ValidationError):
            schemas.check_event(detail_type, {**detail, "data": {**detail["data"], "fields": wrong}})


@pytest.mark.parametrize("detail_type", CHANGES)
def test_a_change_of_a_member_leads_to_the_state_that_it_says_and_to_no_other(detail_type: str) -> None:
    leads_to = {
        "MemberSuspended": "suspended",
        "MemberReinstated": "active",
        "MemberClosed": "closed",
        "MemberMerged": "merged",
    }
    detail = read(f"outbound/{detail_type}.json")["detail"]
    assert detail["data"]["status"] == leads_to.get(detail_type)
    stays = {None} if detail_type == "MemberMerged" else set()  # who stayed is told as well
    for other in {None, "active", "suspended", "closed", "merged"} - {leads_to.get(detail_type)} - stays:
        with pytest.raises(ValidationError):
            schemas.check_event(detail_type, {**detail, "data": {**detail["data"], "status": other}})


@every_outbound
def test_no_outbound_schema_has_room_for_a_person_or_a_voucher_code(detail_type: str) -> None:
    names = {name for _, part in objects(schema(detail_type)["properties"]["data"]) for name in part["properties"]}
    assert not names & {"email", "phone", "card", "external_id", "given_name", "family_name", "voucher"}
    if detail_type != "OperationRefused":
        assert "code" not in names


def test_the_events_that_the_code_tells_are_those_that_have_a_schema() -> None:
    """Those in the table at the head of ledger/events.py, the refusal, what is told by the day, and what waits."""
    named = {name for name in OUTBOUND if name in (events.__doc__ or "")}
    ourselves = {"MembersDue", "DeliveriesDue", *DUE.values()}
    by_the_day = {"VoucherExpired", *get_args(Announced)}
    assert named | {"OperationRefused", *ourselves, *by_the_day} == set(OUTBOUND)


def test_every_event_that_starts_a_function_has_a_schema() -> None:
    started = [spec.trigger for spec in FUNCTIONS if isinstance(spec.trigger, BusEvents)]
    partners = {name for one in started if one.source is Source.PARTNERS for name in one.detail_types}
    ours = {name for one in started if one.source is Source.OURSELVES for name in one.detail_types}
    assert partners == set(INBOUND)
    assert set(BY_EVENT) <= ours <= set(OUTBOUND)
