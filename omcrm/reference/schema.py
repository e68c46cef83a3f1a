"""JSON schemas of what is received and sent, made from the types that read and write it."""

import copy
from collections.abc import Iterable
from typing import Annotated, Any

import msgspec
from msgspec import Meta

Schema = dict[str, Any]

Number = float
"""A price, a size or money in what is sent, written from an exact decimal."""

Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
"""A moment in UTC in what is sent: `2026-01-05T14:30:00.123Z`."""

PARTS = "#/components/schemas/"


def read_schemas(types: Iterable[Any], prefix: str) -> tuple[list[Schema], dict[str, Schema]]:
    """The schemas of what is received, and the parts they refer to, by names with the prefix."""
    return _schemas(types, prefix, {"type": ["number", "string"]})


def written_schemas(types: Iterable[Any], prefix: str) -> tuple[list[Schema], dict[str, Schema]]:
    """The same of what is sent: decimals are numbers there."""
    return _schemas(types, prefix, {"type": "number"})


def _schemas(
    types: Iterable[Any], prefix: str, decimal: Schema
) -> tuple[list[Schema], dict[str, Schema]]:
    found, parts = msgspec.json.schema_components(
        list(types), ref_template=f"{PARTS}{prefix}.{{name}}"
    )
    named = {f"{prefix}.{name}": _finished(part, decimal) for name, part in parts.items()}
    return [_finished(schema, decimal) for schema in found], named


def _finished(part: Any, decimal: Schema) -> Any:
    """With decimals as they are on the wire, and descriptions of one paragraph in one line."""
    if isinstance(part, list | tuple):
        return [_finished(item, decimal) for item in part]
    if not isinstance(part, dict):
        return part
    if part.get("format") == "decimal":
        rest = {key: value for key, value in part.items() if key not in ("type", "format")}
        return {**rest, **copy.deepcopy(decimal)}
    finished = {key: _finished(value, decimal) for key, value in part.items()}
    if isinstance(finished.get("description"), str):
        # Readers of the documents know JSON, but perhaps no Python.
        finished["description"] = summary(finished["description"]).replace("None", "null")
    return finished


def summary(docstring: str | None) -> str:
    """The first paragraph, in one line."""
    return " ".join((docstring or "").strip().split("\n\n")[0].split())
