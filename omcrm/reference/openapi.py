"""The OpenAPI document of all routes that answer in JSON."""

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from omcrm.auth.permission import Permission, least_role
from omcrm.reference import INTERFACE
from omcrm.reference.route import Needs, Route
from omcrm.reference.routes import ROUTES
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
# By the least role whose login is enough.
_LOGINS = {"client": "a login", "staff": "a login of staff", "admin": "an administrator's login"}


def document() -> dict[str, Any]:
    """The whole document, in OpenAPI 3.1."""
    schemas: dict[str, Schema] = {}
    paths: dict[str, Any] = {}
    answered = _bodies(_answers(), written_schemas, _SENT, schemas)
    asked = _bodies(_questions(), read_schemas, _RECEIVED, schemas)
    for route in ROUTES:
        paths.setdefault(route.address, {})[route.method.lower()] = _operation(
            route, answered, asked
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


def _answers() -> Iterable[Any]:
    for route in ROUTES:
        yield from (route.answer, route.refused_as)


def _questions() -> Iterable[Any]:
    return (route.body for route in ROUTES if route.body is not None)


def _bodies(
    types: Iterable[Any], schemas_of: Any, prefix: str, schemas: dict[str, Schema]
) -> dict[Any, Schema]:
    """The schema of each type; the parts of all are added to `schemas`."""
    unique = list(dict.fromkeys(types))
    bodies, parts = schemas_of(unique, prefix)
    schemas.update(parts)
    return dict(zip(unique, bodies, strict=True))


def _operation(
    route: Route, answered: dict[Any, Schema], asked: dict[Any, Schema]
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": _NO_WORD.sub("_", f"{route.method.lower()}{route.address}").strip("_"),
        "summary": route.about,
        "description": who_may(route),
        "tags": [route.area],
        "security": _security(route),
    }
    if parameters := [*_in_path(route), *_in_query(route)]:
        operation["parameters"] = parameters
    if route.body is not None:
        content = {_JSON: {"schema": asked[route.body]}}
        operation["requestBody"] = {"required": True, "content": content}
    refused = {_JSON: {"schema": answered[route.refused_as]}}
    operation["responses"] = {
        str(route.status): {
            "description": "Done.",
            "content": {_JSON: {"schema": answered[route.answer]}},
        },
        **{
            str(status): {"description": about, "content": refused}
            for status, about in sorted(refusals(route).items())
        },
    }
    return operation


def who_may(route: Route) -> str:
    """Who may call it, in a sentence."""
    if isinstance(route.needs, Permission):
        login = _LOGINS[least_role(route.needs)]
        return f"Needs {login}, or an API token with the scope `{route.needs}`."
    return {
        Needs.NOTHING: "Open to everybody.",
        Needs.LOGIN: "Needs a login; API tokens are not taken.",
        Needs.ANY: "Needs a login, or an API token with any scope.",
    }[route.needs]


def refusals(route: Route) -> dict[int, str]:
    """By status, why a call is refused: the route's own reasons, and those that follow from
    `needs`."""
    if route.needs is Needs.NOTHING:
        return dict(route.refusals)
    usual = {
        401: "There is no credential, or an invalid one.",
        503: "The database cannot be used at the moment.",
    }
    if route.query is not None or route.variables():
        usual[400] = "The address has characters that cannot be read."
    if isinstance(route.needs, Permission):
        usual[403] = "The caller may not do this."
    if isinstance(route.needs, Permission) or route.needs is Needs.ANY:
        usual[429] = "Too many wrong tokens came from this address."
    if route.method != "GET":
        usual[400] = "The CSRF token of a session is missing."
    for status, about in route.refusals.items():
        usual[status] = f"{about} {usual[status]}" if status in usual else about
    return usual


def _security(route: Route) -> list[dict[str, list[str]]]:
    if route.needs is Needs.NOTHING:
        return []
    takes_tokens = isinstance(route.needs, Permission) or route.needs is Needs.ANY
    return [{name: []} for name in (_SECURITY if takes_tokens else ["session"])]


def _in_path(route: Route) -> Iterable[Schema]:
    for name, kind in route.variables():
        yield {"name": name, "in": "path", "required": True, "schema": {"type": kind}}


def _in_query(route: Route) -> Iterable[Schema]:
    if route.query is None:
        return
    _, parts = msgspec.json.schema_components([route.query])
    (fields,) = parts.values()
    for name, schema in fields["properties"].items():
        is_required = name in fields.get("required", ())
        yield {"name": name, "in": "query", "required": is_required, "schema": schema}
