"""The OpenAPI document of all routes that answer in JSON."""

import re
from collections.abc import Iterable
from typing import Any

import msgspec
from flask import Flask

from omcrm.reference import INTERFACE
from omcrm.reference.operation import Operation, operations
from omcrm.reference.schema import Schema, read_schemas, written_schemas

_JSON = "application/json"
_NO_WORD = re.compile(r"\W+")
# All routes are in one document, so only the direction is the prefix of a component.
_SENT, _RECEIVED = "sent", "received"

_ABOUT = (
    "Every route of an OMCRM installation that answers in JSON. Numbers are exact decimals, times "
    "are UTC. Fields may be added to answers; none is removed or renamed. With a session, unsafe "
    "methods need the page's CSRF token as `X-CSRFToken`; with an API token they do not."
)
_SECURITY = {
    "session": {"type": "apiKey", "in": "cookie", "name": "omcrm_session"},
    "token": {"type": "http", "scheme": "bearer", "description": "An API token."},
    "key": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "The same."},
}


def document(app: Flask) -> dict[str, Any]:
    """The whole document, in OpenAPI 3.1, of the routes of this app."""
    served = operations(app)
    schemas: dict[str, Schema] = {}
    paths: dict[str, Any] = {}
    answered = _bodies(_answers(served), written_schemas, _SENT, schemas)
    asked = _bodies(_questions(served), read_schemas, _RECEIVED, schemas)
    for operation in served:
        paths.setdefault(operation.address, {})[operation.method.lower()] = _described(
            operation, answered, asked
        )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "OMCRM, routes",
            "version": INTERFACE,
            "description": _ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "http://localhost:5000"}],
        "paths": paths,
        "components": {"schemas": dict(sorted(schemas.items())), "securitySchemes": _SECURITY},
    }


def _answers(served: Iterable[Operation]) -> Iterable[Any]:
    for operation in served:
        yield from (operation.route.answer, operation.route.refused_as)


def _questions(served: Iterable[Operation]) -> Iterable[Any]:
    return (operation.route.body for operation in served if operation.route.body is not None)


def _bodies(
    types: Iterable[Any], schemas_of: Any, prefix: str, schemas: dict[str, Schema]
) -> dict[Any, Schema]:
    """The schema of each type; the parts of all are added to `schemas`."""
    unique = list(dict.fromkeys(types))
    bodies, parts = schemas_of(unique, prefix)
    schemas.update(parts)
    return dict(zip(unique, bodies, strict=True))


def _described(
    operation: Operation, answered: dict[Any, Schema], asked: dict[Any, Schema]
) -> dict[str, Any]:
    route, name = operation.route, f"{operation.method.lower()}{operation.address}"
    described: dict[str, Any] = {
        "operationId": _NO_WORD.sub("_", name).strip("_"),
        "summary": operation.about,
        "description": operation.who_may(),
        "tags": [operation.area],
        "security": _security(operation),
    }
    if parameters := [*_in_path(operation), *_in_query(operation)]:
        described["parameters"] = parameters
    if route.body is not None:
        content = {_JSON: {"schema": asked[route.body]}}
        described["requestBody"] = {"required": True, "content": content}
    refused = {_JSON: {"schema": answered[route.refused_as]}}
    described["responses"] = {
        str(route.status): {
            "description": "Done.",
            "content": {_JSON: {"schema": answered[route.answer]}},
        },
        **{
            str(status): {"description": about, "content": refused}
            for status, about in sorted(operation.refusals().items())
        },
    }
    return described


def _security(operation: Operation) -> list[dict[str, list[str]]]:
    if operation.access.is_public:
        return []
    return [{name: []} for name in (["session"] if operation.access.session_only else _SECURITY)]


def _in_path(operation: Operation) -> Iterable[Schema]:
    for name, kind in operation.variables():
        yield {"name": name, "in": "path", "required": True, "schema": {"type": kind}}


def _in_query(operation: Operation) -> Iterable[Schema]:
    if operation.route.query is None:
        return
    _, parts = msgspec.json.schema_components([operation.route.query])
    (fields,) = parts.values()
    for name, schema in fields["properties"].items():
        is_required = name in fields.get("required", ())
        yield {"name": name, "in": "query", "required": is_required, "schema": schema}
