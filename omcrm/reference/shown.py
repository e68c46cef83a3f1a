"""A schema as the page of documents shows it: its fields, and their types in words."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape
from msgspec import Struct, structs

from omcrm.reference.schema import PARTS, Schema

_WORDS = {"integer": "whole number", "string": "text", "boolean": "true or false"}
_BOUNDS = (
    ("minimum", "at least {}"),
    ("maximum", "at most {}"),
    ("minLength", "at least {} long"),
    ("maxLength", "at most {} long"),
    ("minItems", "at least {}"),
    ("maxItems", "at most {}"),
)
_CODE_SPAN = re.compile(r"`([^`]+)`")


class ShownField(Struct, frozen=True, kw_only=True):
    """One field: its type in words, and the names of the parts that it refers to."""

    name: str
    words: str
    parts: tuple[str, ...]
    is_required: bool
    about: str


class ShownBody(Struct, frozen=True, kw_only=True):
    """The content of a message or an answer; `words` where it has no fields."""

    about: str
    words: str
    parts: tuple[str, ...]
    fields: tuple[ShownField, ...]


def body(schema: Schema, parts: Mapping[str, Schema]) -> ShownBody:
    """The content of a schema, looked up among the parts where the schema only refers to one."""
    if "$ref" in schema:
        return body(parts[part_name(schema)], parts)
    required = schema.get("required", ())
    return ShownBody(
        about=schema.get("description", ""),
        words=words(schema),
        parts=tuple(part_names(schema)),
        fields=tuple(
            _field(name, item, name in required)
            for name, item in schema.get("properties", {}).items()
        ),
    )


def _field(name: str, schema: Schema, is_required: bool) -> ShownField:
    return ShownField(
        name=name,
        words=words(schema),
        parts=tuple(part_names(schema)),
        is_required=is_required,
        about=schema.get("description", ""),
    )


def expanded_body(schema: Schema, parts: Mapping[str, Schema]) -> ShownBody:
    """The same, with the fields of a field's own part after it: `data`, `data.symbol`."""
    content = body(schema, parts)
    whole = parts[part_name(schema)] if "$ref" in schema else schema
    fields: list[ShownField] = []
    for field in content.fields:
        fields.append(field)
        inner = whole["properties"][field.name]
        if "$ref" in inner:
            fields += [
                structs.replace(nested, name=f"{field.name}.{nested.name}")
                for nested in body(inner, parts).fields
            ]
    return structs.replace(content, fields=tuple(fields))


def parts(schemas: Mapping[str, Schema], bodies: Sequence[Schema]) -> dict[str, ShownBody]:
    """The parts that fields refer to, in these schemas and in bodies that are no such schema."""
    whole = [*schemas.values(), *(schema for schema in bodies if "$ref" not in schema)]
    used = {name for schema in whole for name in part_names(schema)}
    return {name: body(schemas[name], schemas) for name in sorted(used)}


def part_name(schema: Schema) -> str:
    """The name of the part that a schema refers to."""
    return str(schema["$ref"]).removeprefix(PARTS)


def part_names(schema: Any) -> list[str]:
    """The names of all parts that a schema refers to, each once."""
    if isinstance(schema, list):
        names = [name for item in schema for name in part_names(item)]
    elif isinstance(schema, dict):
        own = [part_name(schema)] if "$ref" in schema else []
        names = own + [name for value in schema.values() for name in part_names(value)]
    else:
        names = []
    return list(dict.fromkeys(names))


def words(schema: Schema) -> str:
    """The type of a value, in words."""
    if "$ref" in schema:
        return part_name(schema).rpartition(".")[2]
    if "enum" in schema:
        return " or ".join(json.dumps(value) for value in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(words(variant) for variant in schema["anyOf"]))
    kind = schema.get("type")
    if isinstance(kind, list):
        return " or ".join(words({"type": name}) for name in kind)
    if kind == "array":
        return _bounded(f"list of {words(schema.get('items', {}))}", schema)
    if kind == "object":
        values = schema.get("additionalProperties")
        return f"object of {words(values)} by name" if isinstance(values, dict) else "object"
    if schema.get("format") == "date-time":
        return "time"
    return _bounded(_WORDS.get(str(kind), str(kind)) if kind else "anything", schema)


def _bounded(text: str, schema: Schema) -> str:
    bounds = [about.format(schema[key]) for key, about in _BOUNDS if key in schema]
    return f"{text} ({', '.join(bounds)})" if bounds else text


def code_spans(text: str) -> Markup:
    """The text as HTML, with what is between backticks as code."""
    return Markup(_CODE_SPAN.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704
