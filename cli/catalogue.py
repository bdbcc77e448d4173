"""The catalogue of events, from `events/`: `docs/asyncapi.json` for programs, `docs/events.md` for people.

Schemas and samples are read as they are; what is only written here is how they reach whom.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from functions.webhooks.catalogue import INTERNAL, TOLD

ROOT = Path(__file__).parent.parent
EVENTS = ROOT / "events"
ASYNCAPI = ROOT / "docs" / "asyncapi.json"
PAGE = ROOT / "docs" / "events.md"

Json: TypeAlias = dict[str, Any]

_BUS = "The event bus of the programme (EventBridge), `fidelio-<stage>`. A message is the `detail` of an event."
_WEBHOOKS = "A signed POST (Standard Webhooks) to each endpoint that was registered, and an item of `GET /v1/events`."
_INTRODUCTION = """\
What partner systems may put on the bus, and what they are told. Made from `events/` by `make openapi`; for programs the
same is in [asyncapi.json](asyncapi.json), and the schema of each type in [`events/schemas`](../events/schemas). How to
listen is in [partners.md](partners.md).

Every event we tell has two parts. `data` is what happened, described below for each type. `metadata` is the same for
all:

| field | |
|---|---|
| `event_id` | Stays the same: an event may come twice. Drop what you have seen. |
| `member_sequence` | The order of what happened to one member. null where no account was changed. |
| `program_version` | The version of the programme that decided it; null where none did. |
| `occurred_at` | When it happened, UTC. |
| `recorded_at` | When the programme booked it, UTC. |
| `schema_version` | 1. New optional fields do not raise it. |
| `correlation_id` | The request or the event that led to it. |

On the bus an event is `{metadata, data}` under `detail`, with source `loyalty` and the type as `detail-type`. A webhook
and the feed give `{type, timestamp, metadata, data}`; `timestamp` is `recorded_at`."""


class _Type(NamedTuple):
    """A type of event: its schema and a sample of its detail."""

    name: str
    schema: Json
    sample: Json


class _Field(NamedTuple):
    name: str
    kind: str
    required: bool
    description: str


def _types(folder: str, names: list[str]) -> list[_Type]:
    return [
        _Type(
            name,
            json.loads((EVENTS / "schemas" / f"{name}.json").read_text()),
            json.loads((EVENTS / folder / f"{name}.json").read_text())["detail"],
        )
        for name in names
    ]


def _inbound() -> list[_Type]:
    return _types("inbound", sorted(file.stem for file in (EVENTS / "inbound").glob("*.json")))


def _told() -> list[_Type]:
    return _types("outbound", list(TOLD))


def _internal() -> list[_Type]:
    return _types("outbound", sorted(INTERNAL))


# --- for programs --------------------------------------------------------------------------------------------------


def document() -> Json:
    """The catalogue as an AsyncAPI 3 document."""
    inbound, told, internal = _inbound(), _told(), _internal()
    schemas: Json = {}
    for one in (*inbound, *told, *internal):
        schemas |= _schemas(one)
    messages = {one.name: _message(one) for one in (*inbound, *told, *internal)}
    messages |= {f"{one.name}Webhook": _webhook(one) for one in told}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Fidelio events",
            "version": "1.0.0",
            "description": "What partner systems may put on the bus, and what they are told. For people: events.md.",
        },
        "defaultContentType": "application/json",
        "channels": {
            "inbound": _channel("From partners", f"{_BUS} Any source but `loyalty`.", [one.name for one in inbound]),
            "outbound": _channel("What happened", f"{_BUS} Source `loyalty`.", [one.name for one in told]),
            "internal": _channel(
                "What the programme tells itself",
                f"{_BUS} Source `loyalty`. Partners need none of these.",
                [one.name for one in internal],
            ),
            "webhooks": _channel("What happened, over HTTPS", _WEBHOOKS, [f"{one.name}Webhook" for one in told]),
        },
        "operations": {
            "takeFromPartners": _operation("receive", "inbound", "Takes what partners put on the bus."),
            "tell": _operation("send", "outbound", "Tells what happened, at least once."),
            "goOn": _operation("send", "internal", "Goes on with what is still to do."),
            "deliver": _operation("send", "webhooks", "Delivers what happened, at least once, for 31 hours and more."),
        },
        "components": {"messages": messages, "schemas": schemas},
    }


def _channel(title: str, description: str, messages: list[str]) -> Json:
    refs = {name: {"$ref": f"#/components/messages/{name}"} for name in messages}
    return {"address": None, "title": title, "description": description, "messages": refs}


def _operation(action: str, channel: str, summary: str) -> Json:
    return {"action": action, "channel": {"$ref": f"#/channels/{channel}"}, "summary": summary}


def _message(one: _Type) -> Json:
    return {
        "name": one.name,
        "title": one.name,
        "summary": one.schema["description"],
        "payload": {"$ref": f"#/components/schemas/{one.name}"},
        "examples": [{"name": one.name, "payload": one.sample}],
    }


def _webhook(one: _Type) -> Json:
    recorded_at = one.sample["metadata"]["recorded_at"]
    parts = {name: {"$ref": f"#/components/schemas/{one.name}/properties/{name}"} for name in ("metadata", "data")}
    properties = {"type": {"const": one.name}, "timestamp": {"type": "string", "format": "date-time"}, **parts}
    payload = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    sample = {"type": one.name, "timestamp": recorded_at, **one.sample}
    return _message(one) | {
        "name": f"{one.name}Webhook",
        "payload": payload,
        "examples": [{"name": one.name, "payload": sample}],
    }


def _schemas(one: _Type) -> Json:
    """The schema of a type and those it is made of, each under a name of its own."""
    parts: Mapping[str, Json] = {one.name: one.schema, **one.schema.get("$defs", {})}
    bare = {
        name: {key: value for key, value in schema.items() if key not in {"$schema", "$id", "$defs"}}
        for name, schema in parts.items()
    }
    return {
        (name if name == one.name else f"{one.name}.{name}"): _repointed(schema, one.name)
        for name, schema in bare.items()
    }


def _repointed(part: Any, owner: str) -> Any:
    """A schema that points to where its parts are now."""
    if isinstance(part, list):
        return [_repointed(one, owner) for one in part]
    if not isinstance(part, dict):
        return part
    return {
        key: value.replace("#/$defs/", f"#/components/schemas/{owner}.")
        if key == "$ref" and isinstance(value, str)
        else _repointed(value, owner)
        for key, value in part.items()
    }


# --- for people ----------------------------------------------------------------------------------------------------


def page() -> str:
    """The catalogue as a page."""
    parts = [
        "# Events",
        _INTRODUCTION,
        "## What we tell",
        "On the bus, to webhooks and in the feed.",
        *(_section(one, "data") for one in _told()),
        "## What partners put on the bus",
        "From any source but `loyalty`; each is the same as a call over HTTPS.",
        *(_section(one, None) for one in _inbound()),
        "## What the programme tells itself",
        "On the bus only. Partners need none of these.",
        *(_section(one, "data") for one in _internal()),
    ]
    return "\n\n".join(parts) + "\n"


def _section(one: _Type, part: str | None) -> str:
    schema = one.schema["properties"][part] if part else one.schema
    rows = [
        f"| `{found.name}` | {found.kind} | {'yes' if found.required else ''} | {found.description} |"
        for found in _fields(schema, one.schema.get("$defs", {}))
    ]
    sample = json.dumps(one.sample, indent=2, ensure_ascii=False)
    table = "\n".join(["| field | is | always there | |", "|---|---|---|---|", *rows])
    return f"### {one.name}\n\n{one.schema['description']}\n\n{table}\n\n```json\n{sample}\n```"


def _fields(schema: Json, defs: Json, path: str = "") -> Iterator[_Field]:
    """Every field of an object, and of what is in it."""
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        found = _resolved(field, defs)
        description = field.get("description") or found.get("description", "")
        yield _Field(f"{path}{name}", _kind(found, defs), name in required, _in_a_cell(description))
        inner = _resolved(found.get("items", {}), defs)
        if "properties" in found:
            yield from _fields(found, defs, f"{path}{name}.")
        elif "properties" in inner:
            yield from _fields(inner, defs, f"{path}{name}[].")


def _resolved(field: Json, defs: Json) -> Json:
    """What a field points to, or may be if it is not null."""
    if "$ref" in field:
        found: Json = defs[field["$ref"].rpartition("/")[2]]
        return found
    choices = [one for one in field.get("anyOf", ()) if one.get("type") != "null"]
    if len(choices) == 1:
        return field | _resolved(choices[0], defs) | {"anyOf": field["anyOf"]}
    return field


def _kind(field: Json, defs: Json) -> str:
    if "const" in field:
        return f"`{json.dumps(field['const'])}`"
    if "enum" in field:
        return " or ".join(f"`{json.dumps(value)}`" for value in field["enum"])
    if "anyOf" in field:
        kinds = [_kind(_resolved(one, defs), defs) for one in field["anyOf"]]
        return " or ".join(dict.fromkeys(kinds))
    if field.get("type") == "array":
        return f"list of {_kind(_resolved(field.get('items', {}), defs), defs)}"
    kinds = field.get("type", "anything")
    return " or ".join(kinds) if isinstance(kinds, list) else kinds


def _in_a_cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def asyncapi_text() -> str:
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def write() -> None:
    ASYNCAPI.write_text(asyncapi_text())
    PAGE.write_text(page())
