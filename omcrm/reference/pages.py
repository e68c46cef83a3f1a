"""Serves the documents: for people at `/api/docs`, for programs as files beside it."""

from functools import cache
from typing import Any

from flask import Blueprint, Response, render_template
from flask.typing import ResponseReturnValue

from omcrm.auth.access import requires
from omcrm.reference import asyncapi, openapi, shown
from omcrm.reference.asyncapi import received_name, sent_name, who_may
from omcrm.reference.command import documents
from omcrm.reference.registry import CHANNELS
from omcrm.reference.route import Route
from omcrm.reference.routes import ROUTES
from omcrm.reference.schema import Schema
from omcrm.wire.channel import SocketChannel, SocketMessage

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
    sockets, routes = asyncapi.document(), openapi.document()
    return {
        "channels": [_channel(channel, sockets) for channel in CHANNELS],
        "areas": _areas(routes),
        "socket_parts": _parts(
            sockets["components"]["schemas"],
            [socket["payload"] for socket in sockets["components"]["messages"].values()],
        ),
        "route_parts": _parts(routes["components"]["schemas"], []),
    }


def _channel(channel: SocketChannel, document: dict[str, Any]) -> dict[str, Any]:
    messages, parts = document["components"]["messages"], document["components"]["schemas"]

    def described(message: SocketMessage, name: str) -> dict[str, Any]:
        return {"message": message, "body": shown.body(messages[name]["payload"], parts)}

    return {
        "channel": channel,
        "who_may": who_may(channel),
        "received": [
            described(message, received_name(channel, message)) for message in channel.received
        ],
        "sent": [described(message, sent_name(channel, message)) for message in channel.sent],
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


def _parts(schemas: dict[str, Schema], bodies: list[Schema]) -> dict[str, shown.ShownBody]:
    """The parts that fields refer to, in other parts and in the bodies of messages."""
    whole = [*schemas.values(), *(body for body in bodies if "$ref" not in body)]
    used = {name for schema in whole for name in shown.part_names(schema)}
    return {name: shown.body(schemas[name], schemas) for name in sorted(used)}
