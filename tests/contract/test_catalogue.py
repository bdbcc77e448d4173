"""docs/asyncapi.json and docs/events.md: what events/ says, whole, and true to itself."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from cli import catalogue
from functions.webhooks.catalogue import INTERNAL, TOLD
from tests.contract.schemas import INBOUND, OUTBOUND

DOCUMENT: Any = json.loads(catalogue.ASYNCAPI.read_text())
MESSAGES = sorted(DOCUMENT["components"]["messages"])


def refs(part: Any) -> Iterator[str]:
    if isinstance(part, list):
        for one in part:
            yield from refs(one)
    elif isinstance(part, dict):
        yield from (value for key, value in part.items() if key == "$ref")
        for one in part.values():
            yield from refs(one)


def found(ref: str) -> Any:
    part = DOCUMENT
    for step in ref.removeprefix("#/").split("/"):
        part = part[step]
    return part


def test_both_are_what_the_events_say() -> None:
    assert catalogue.ASYNCAPI.read_text() == catalogue.asyncapi_text(), "write it anew: make openapi"
    assert catalogue.PAGE.read_text() == catalogue.page(), "write it anew: make openapi"


def test_the_document_has_the_parts_that_asyncapi_3_wants_and_no_others() -> None:
    """As https://github.com/asyncapi/spec-json-schemas has it for 3.0.0."""
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert set(DOCUMENT) == {"asyncapi", "info", "defaultContentType", "channels", "operations", "components"}
    assert {"title", "version"} <= set(DOCUMENT["info"])
    for channel in DOCUMENT["channels"].values():
        assert set(channel) == {"address", "title", "description", "messages"}
    for operation in DOCUMENT["operations"].values():
        assert set(operation) == {"action", "channel", "summary"}
        assert operation["action"] in {"send", "receive"}
        assert found(operation["channel"]["$ref"]) in DOCUMENT["channels"].values()
    for name in (*DOCUMENT["channels"], *DOCUMENT["operations"], *MESSAGES, *DOCUMENT["components"]["schemas"]):
        assert re.fullmatch(r"[\w.-]+", name), name


def test_everything_it_points_to_is_there() -> None:
    pointed_to = set(refs(DOCUMENT))
    assert pointed_to
    for ref in pointed_to:
        assert found(ref), ref


def test_every_channel_carries_its_types_and_partners_are_told_of_no_other() -> None:
    def carried(channel: str) -> set[str]:
        return set(DOCUMENT["channels"][channel]["messages"])

    assert carried("inbound") == set(INBOUND)
    assert carried("outbound") | carried("internal") == set(OUTBOUND)
    assert carried("outbound") == set(TOLD)
    assert carried("internal") == INTERNAL
    assert carried("webhooks") == {f"{name}Webhook" for name in TOLD}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_says_what_it_is_and_its_example_is_one(name: str) -> None:
    message = DOCUMENT["components"]["messages"][name]
    assert set(message) == {"name", "title", "summary", "payload", "examples"}
    assert message["summary"].endswith(".")
    [example] = message["examples"]
    schema = {**message["payload"], "components": DOCUMENT["components"]}
    for validator in (Draft7Validator, Draft202012Validator):
        validator.check_schema(schema)
        validator(schema, format_checker=validator.FORMAT_CHECKER).validate(example["payload"])
        assert not validator(schema).is_valid({"type": name})


@pytest.mark.parametrize("name", [*INBOUND, *OUTBOUND])
def test_the_page_has_a_section_for_each_type(name: str) -> None:
    page = catalogue.PAGE.read_text()
    [section] = re.findall(rf"^### {name}\n(.*?)(?=^##|\Z)", page, re.MULTILINE | re.DOTALL)
    assert DOCUMENT["components"]["messages"][name]["summary"] in section
    [sample] = re.findall(r"```json\n(.*?)\n```", section, re.DOTALL)
    assert json.loads(sample) == DOCUMENT["components"]["messages"][name]["examples"][0]["payload"]
    assert "| field | is |" in section
