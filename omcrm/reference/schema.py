"""JSON schemas of received and sent messages, made from the types that read and write them.

A class is named after what it belongs to, so that its name means one thing in the whole project
(`MarketFeedQuote`). In a document the prefix of a component says that, or there is only one such
thing, so the component is `market_feed.Quote`.
"""

import copy
import re
from collections.abc import Iterable
from typing import Any

import msgspec

from omcrm.wire.channel import summary

Schema = dict[str, Any]

PARTS = "#/components/schemas/"

# What classes are named after.
_OWNER = re.compile(r"^(Desk|FinanceQuery|Json|MarketFeed|Realtime)(?=[A-Z])")


def read_schemas(types: Iterable[Any], prefix: str) -> tuple[list[Schema], dict[str, Schema]]:
    """The schemas of received messages, and the parts they refer to, by names with the prefix."""
    return _schemas(types, prefix, {"type": ["number", "string"]})


def written_schemas(types: Iterable[Any], prefix: str) -> tuple[list[Schema], dict[str, Schema]]:
    """The same of sent messages: decimals are numbers, and fields with a default are sent, too."""
    bodies, parts = _schemas(types, prefix, {"type": "number"})
    return bodies, {name: _always_whole(part) for name, part in parts.items()}


def _always_whole(part: Schema) -> Schema:
    if "properties" not in part:
        return part
    fields, required = part["properties"], part.get("required", ())
    always = [name for name in fields if name in required or "default" in fields[name]]
    for schema in fields.values():
        schema.pop("default", None)
    return {**part, "required": always} if always else part


def _schemas(
    types: Iterable[Any], prefix: str, decimal: Schema
) -> tuple[list[Schema], dict[str, Schema]]:
    bodies, parts = msgspec.json.schema_components(list(types), ref_template=f"{PARTS}{{name}}")
    named = {
        f"{prefix}.{_without_owner(name)}": _finished(part, prefix, decimal)
        for name, part in parts.items()
    }
    if len(named) < len(parts):
        raise ValueError(f"two of these classes become one component: {', '.join(sorted(parts))}")
    return [_finished(schema, prefix, decimal) for schema in bodies], named


def _without_owner(class_name: str) -> str:
    return _OWNER.sub("", class_name)


def _finished(part: Any, prefix: str, decimal: Schema) -> Any:
    """With the names of components, decimals as they are on the wire, and descriptions of one
    paragraph in one line."""
    if isinstance(part, list | tuple):
        return [_finished(item, prefix, decimal) for item in part]
    if not isinstance(part, dict):
        return part
    if part.get("format") == "decimal":
        rest = {key: value for key, value in part.items() if key not in ("type", "format")}
        return {**rest, **copy.deepcopy(decimal)}
    finished = {key: _finished(value, prefix, decimal) for key, value in part.items()}
    if isinstance(finished.get("$ref"), str):
        name = _without_owner(finished["$ref"].removeprefix(PARTS))
        finished["$ref"] = f"{PARTS}{prefix}.{name}"
    if isinstance(finished.get("title"), str):
        finished["title"] = _without_owner(finished["title"])
    if isinstance(finished.get("description"), str):
        # Readers of the documents know JSON, but perhaps no Python.
        finished["description"] = summary(finished["description"]).replace("None", "null")
    return finished
