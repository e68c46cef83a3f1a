"""Validates real messages and answers by the documents of sockets and routes."""

import copy
import json
from pathlib import Path
from typing import Any

from flask import Flask
from jsonschema import Draft7Validator, Draft202012Validator

from omcrm.reference import asyncapi, openapi
from omcrm.reference.asyncapi import sent_name
from omcrm.reference.registry import CHANNELS

_SPECIFICATIONS = Path(__file__).parent / "specifications"


def problems_of_asyncapi(document: dict[str, Any]) -> list[str]:
    """The violations of AsyncAPI 3.0."""
    schema = json.loads((_SPECIFICATIONS / "asyncapi-3.0.0.json").read_text())
    return _problems(Draft7Validator(schema), document)


def problems_of_openapi(document: dict[str, Any]) -> list[str]:
    """The violations of OpenAPI 3.1."""
    schema = json.loads((_SPECIFICATIONS / "openapi-3.1.json").read_text())
    return _problems(Draft202012Validator(schema), document)


def references(value: Any) -> list[str]:
    """Every reference in a document."""
    if isinstance(value, list):
        return [reference for inner in value for reference in references(inner)]
    if not isinstance(value, dict):
        return []
    own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
    return own + [reference for inner in value.values() for reference in references(inner)]


def resolved(document: dict[str, Any], reference: str) -> Any:
    """The target of a reference; raises KeyError where it is missing."""
    target: Any = document
    for name in reference.removeprefix("#/").split("/"):
        target = target[name.replace("~1", "/")]
    return target


class DocumentValidator:
    """Validates messages strictly: a field that is not described is a problem, too."""

    def __init__(self) -> None:
        self._sockets = _strict(asyncapi.document())

    def message(self, dialect: str, message: Any) -> list[str]:
        """The problems of a message that a server sent, by the schema that fits best."""
        (channel,) = [channel for channel in CHANNELS if channel.name == dialect]
        kind = message.get("type") if isinstance(message, dict) else None
        names = {described.name for described in channel.sent}
        problems = [
            self.body(dialect, name, message)
            for name in sorted(names)
            if kind not in names or name == kind
        ]
        return min(problems, key=len)

    def body(self, dialect: str, name: str, body: Any) -> list[str]:
        """The problems of the body of one kind of message."""
        (channel,) = [channel for channel in CHANNELS if channel.name == dialect]
        (message,) = [candidate for candidate in channel.sent if candidate.name == name]
        components = self._sockets["components"]
        payload = components["messages"][sent_name(channel, message)]["payload"]
        return _problems(Draft202012Validator({**payload, "components": components}), body)


class RouteValidator:
    """Validates the answers of routes, as strictly."""

    def __init__(self, app: Flask) -> None:
        self._routes = _strict(openapi.document(app))

    def reads(self, area: str) -> list[str]:
        """The addresses of an area that can be read."""
        return [
            address
            for address, operations in self._routes["paths"].items()
            if area in operations.get("get", {}).get("tags", ())
        ]

    def answer(self, method: str, address: str, status: int, body: Any) -> list[str]:
        """The problems of an answer of a route, whose address is written as in the document."""
        operation = self._routes["paths"][address][method.lower()]
        if str(status) not in operation["responses"]:
            return [f"{status} is not described"]
        schema = operation["responses"][str(status)]["content"]["application/json"]["schema"]
        components = self._routes["components"]
        return _problems(Draft202012Validator({**schema, "components": components}), body)


def _problems(validator: Any, value: Any) -> list[str]:
    return [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}"
        for error in validator.iter_errors(value)
    ]


def _strict(document: dict[str, Any]) -> dict[str, Any]:
    """The document with schemas that forbid other fields."""
    document = copy.deepcopy(document)
    for schema in document["components"]["schemas"].values():
        if schema.get("type") == "object" and "properties" in schema:
            schema["additionalProperties"] = False
    return document
