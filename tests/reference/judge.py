"""Judges what is really said by the documents of sockets and routes."""

import copy
import json
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator, Draft202012Validator

from omcrm.reference import asyncapi, openapi
from omcrm.reference.asyncapi import sent_name
from omcrm.reference.registry import CHANNELS
from omcrm.reference.route import Route

_SPECIFICATIONS = Path(__file__).parent / "specifications"


def problems_of_asyncapi(document: dict[str, Any]) -> list[str]:
    """What is against the rules of AsyncAPI 3.0."""
    schema = json.loads((_SPECIFICATIONS / "asyncapi-3.0.0.json").read_text())
    return _problems(Draft7Validator(schema), document)


def problems_of_openapi(document: dict[str, Any]) -> list[str]:
    """What is against the rules of OpenAPI 3.1."""
    schema = json.loads((_SPECIFICATIONS / "openapi-3.1.json").read_text())
    return _problems(Draft202012Validator(schema), document)


def references(part: Any) -> list[str]:
    """Everything that a document refers to."""
    if isinstance(part, list):
        return [reference for inner in part for reference in references(inner)]
    if not isinstance(part, dict):
        return []
    own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
    return own + [reference for inner in part.values() for reference in references(inner)]


def resolved(document: dict[str, Any], reference: str) -> Any:
    """What is referred to; KeyError where there is nothing."""
    found: Any = document
    for name in reference.removeprefix("#/").split("/"):
        found = found[name.replace("~1", "/")]
    return found


class Judge:
    """Judges strictly: what is not described is a problem, too."""

    def __init__(self) -> None:
        self._sockets = _strict(asyncapi.document())
        self._routes = _strict(openapi.document())

    def message(self, dialect: str, said: Any) -> list[str]:
        """Problems of what a server said on a socket, by the description that fits best."""
        (channel,) = [channel for channel in CHANNELS if channel.dialect == dialect]
        kind = said.get("type") if isinstance(said, dict) else None
        names = {message.name for message in channel.sent}
        found = [
            self.body(dialect, message.name, said)
            for message in channel.sent
            if kind not in names or message.name == kind
        ]
        return min(found, key=len)

    def body(self, dialect: str, name: str, said: Any) -> list[str]:
        """Problems of the body of one kind of message."""
        (channel,) = [channel for channel in CHANNELS if channel.dialect == dialect]
        (message,) = [candidate for candidate in channel.sent if candidate.name == name]
        components = self._sockets["components"]
        payload = components["messages"][sent_name(channel, message)]["payload"]
        return _problems(Draft202012Validator({**payload, "components": components}), said)

    def answer(self, route: Route, status: int, said: Any) -> list[str]:
        """Problems of what a route answered."""
        operation = self._routes["paths"][route.address][route.method.lower()]
        if str(status) not in operation["responses"]:
            return [f"{status} is not described"]
        schema = operation["responses"][str(status)]["content"]["application/json"]["schema"]
        components = self._routes["components"]
        return _problems(Draft202012Validator({**schema, "components": components}), said)


def _problems(validator: Any, said: Any) -> list[str]:
    return [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}"
        for error in validator.iter_errors(said)
    ]


def _strict(document: dict[str, Any]) -> dict[str, Any]:
    """The document, which forbids what it does not describe."""
    document = copy.deepcopy(document)
    for schema in document["components"]["schemas"].values():
        if schema.get("type") == "object" and "properties" in schema:
            schema["additionalProperties"] = False
    return document
