"""Serves the documents: for people at `/api/docs`, for programs as files beside it."""

from functools import cache
from typing import Any

from flask import Blueprint, Response, current_app, render_template
from flask.typing import ResponseReturnValue

from omcrm.auth.access import requires
from omcrm.auth.json_route import answers
from omcrm.reference import openapi, shown
from omcrm.reference.command import documents
from omcrm.reference.registry import CHANNELS
from omcrm.reference.schema import Schema
from omcrm.reference.shown_channel import shown_channels

blueprint = Blueprint("reference", __name__, url_prefix="/api")


@blueprint.get("/docs")
@requires(page=True)
def docs() -> ResponseReturnValue:
    """Every socket and route on one page."""
    return render_template("reference/docs.html", **_shown())


@blueprint.get("/asyncapi.yaml")
@requires()
def asyncapi_yaml() -> ResponseReturnValue:
    """The sockets, for programs."""
    return Response(_texts()["asyncapi.yaml"], mimetype="application/yaml")


@blueprint.get("/openapi.json")
@requires()
@answers(dict[str, Any])
def openapi_json() -> Response:
    """This document; the sockets' is beside it at /api/asyncapi.yaml."""
    return Response(_texts()["openapi.json"], mimetype="application/json")


@cache
def _texts() -> dict[str, str]:
    """Cached: nothing in them changes while the process runs."""
    return documents(current_app)


@cache
def _shown() -> dict[str, Any]:
    routes = openapi.document(current_app)
    return {
        "channels": shown_channels(CHANNELS),
        "areas": _areas(routes),
        "route_parts": shown.parts(routes["components"]["schemas"], []),
    }


def _areas(document: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The routes by area, in the order of the document."""
    parts = document["components"]["schemas"]
    areas: dict[str, list[dict[str, Any]]] = {}
    for address, operations in document["paths"].items():
        for method, operation in operations.items():
            (area,) = operation["tags"]
            route = _route(address, method.upper(), operation, parts)
            areas.setdefault(area, []).append(route)
    return areas


def _route(
    address: str, method: str, operation: dict[str, Any], parts: dict[str, Schema]
) -> dict[str, Any]:
    def read(content: Any) -> shown.ShownBody:
        return shown.body(content["content"]["application/json"]["schema"], parts)

    # The first one is the success.
    (status, answer), *refusals = operation["responses"].items()
    return {
        "method": method,
        "address": address,
        "about": operation["summary"],
        "who_may": operation["description"],
        "parameters": [
            {**parameter, "words": shown.words(parameter["schema"])}
            for parameter in operation.get("parameters", ())
        ],
        "asked": read(operation["requestBody"]) if "requestBody" in operation else None,
        "status": status,
        "answered": read(answer),
        "refusals": {status: refusal["description"] for status, refusal in refusals},
    }
