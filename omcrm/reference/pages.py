"""Serves the documents: for people at `/api/docs`, for programs as files beside it."""

from functools import cache
from typing import Any

from flask import Blueprint, Response, render_template
from flask.typing import ResponseReturnValue

from omcrm.auth.access import requires
from omcrm.reference import openapi, shown
from omcrm.reference.command import documents
from omcrm.reference.registry import CHANNELS
from omcrm.reference.route import Route
from omcrm.reference.routes import ROUTES
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
def openapi_json() -> ResponseReturnValue:
    """The routes, for programs."""
    return Response(_texts()["openapi.json"], mimetype="application/json")


@cache
def _texts() -> dict[str, str]:
    """Cached: nothing in them changes while the process runs."""
    return documents()


@cache
def _shown() -> dict[str, Any]:
    routes = openapi.document()
    return {
        "channels": shown_channels(CHANNELS),
        "areas": _areas(routes),
        "route_parts": shown.parts(routes["components"]["schemas"], []),
    }


def _areas(document: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The routes by area, in the order of the registry."""
    parts = document["components"]["schemas"]
    areas: dict[str, list[dict[str, Any]]] = {}
    for route in ROUTES:
        operation = document["paths"][route.address][route.method.lower()]
        areas.setdefault(route.area, []).append(_route(route, operation, parts))
    return areas


def _route(route: Route, operation: dict[str, Any], parts: dict[str, Schema]) -> dict[str, Any]:
    def read(content: Any) -> shown.ShownBody:
        return shown.body(content["content"]["application/json"]["schema"], parts)

    answers = operation["responses"]
    return {
        "route": route,
        "who_may": operation["description"],
        "parameters": [
            {**parameter, "words": shown.words(parameter["schema"])}
            for parameter in operation.get("parameters", ())
        ],
        "asked": read(operation["requestBody"]) if route.body is not None else None,
        "answered": read(answers[str(route.status)]),
        "refusals": {
            status: item["description"]
            for status, item in answers.items()
            if status != str(route.status)
        },
    }
