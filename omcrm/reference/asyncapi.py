"""The AsyncAPI document of all sockets."""

from collections.abc import Sequence
from typing import Any

from omcrm.reference import INTERFACE
from omcrm.reference.registry import CHANNELS, SCOPES
from omcrm.reference.schema import Schema, read_schemas, written_schemas
from omcrm.wire.channel import AS_TEXT, SocketChannel, SocketMessage

_SECURITY = {
    "session": {
        "type": "httpApiKey",
        "in": "cookie",
        "name": "omcrm_session",
        "description": "The login of a browser, which must come from one of our own pages.",
    },
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API token with the socket's scope. Not for Socket.IO.",
    },
    "key": {
        "type": "httpApiKey",
        "in": "header",
        "name": "x-api-key",
        "description": "The same, for programs that send it as an API key.",
    },
    "token": {
        "type": "httpApiKey",
        "in": "query",
        "name": "token",
        "description": "The same, for clients that cannot send headers.",
    },
    "ticket": {
        "type": "httpApiKey",
        "in": "query",
        "name": "ticket",
        "description": "Opens one socket, once, within 30 s: from POST /api/v1/ws-ticket.",
    },
}
_ABOUT = (
    "Every socket of an OMCRM installation. Numbers are exact decimals, times are UTC. "
    "Fields may be added to what is sent; none is removed or renamed."
)


def document(channels: Sequence[SocketChannel] = CHANNELS) -> dict[str, Any]:
    """The document of these sockets, in AsyncAPI 3.0."""
    messages: dict[str, Any] = {}
    schemas: dict[str, Schema] = {}
    for channel in channels:
        _describe(channel, channel.received, read_schemas, messages, schemas)
        _describe(channel, channel.sent, written_schemas, messages, schemas)
        schemas.update(written_schemas(channel.parts, channel.name)[1])
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "OMCRM, sockets",
            "version": INTERFACE,
            "description": _ABOUT,
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "here": {
                "host": "localhost:5000",
                "protocol": "ws",
                "description": "Where `PORT` is the default; `wss` behind a TLS proxy.",
                "security": [_to("securitySchemes", name) for name in _SECURITY],
            }
        },
        "channels": {channel.name: _channel(channel) for channel in channels},
        "operations": {
            name: item for channel in channels for name, item in _operations(channel).items()
        },
        "components": {
            "messages": messages,
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": _SECURITY,
        },
    }


def who_may(channel: SocketChannel) -> str:
    """Who may connect, in a sentence."""
    scope = SCOPES.get(channel.name)
    if scope is None:
        return "Needs a login; API tokens are not taken."
    return f"Needs a login, a ticket, or an API token with the scope `{scope}`."


def received_name(channel: SocketChannel, message: SocketMessage) -> str:
    """The name in the document of a message that clients send."""
    return f"{channel.name}.received.{message.name}"


def sent_name(channel: SocketChannel, message: SocketMessage) -> str:
    """The name in the document of a message that clients receive."""
    return f"{channel.name}.sent.{message.name}"


def _to(kind: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{name}"}


def _describe(
    channel: SocketChannel,
    described: tuple[SocketMessage, ...],
    schemas_of: Any,
    messages: dict[str, Any],
    schemas: dict[str, Schema],
) -> None:
    """Add the messages of one direction, and the schemas they are made of."""
    is_received = described is channel.received
    bodies, parts = schemas_of([message.body for message in described], channel.name)
    schemas.update(parts)
    for message, body in zip(described, bodies, strict=True):
        name = received_name(channel, message) if is_received else sent_name(channel, message)
        messages[name] = {
            "name": message.name,
            "summary": message.about,
            "contentType": "text/plain" if message.body is AS_TEXT else "application/json",
            "payload": body,
        }


def _channel(channel: SocketChannel) -> dict[str, Any]:
    names = [received_name(channel, message) for message in channel.received]
    names += [sent_name(channel, message) for message in channel.sent]
    entry: dict[str, Any] = {
        "address": channel.path,
        "title": channel.title,
        "description": f"{channel.about} {who_may(channel)}",
        "messages": {_short(name): _to("messages", name) for name in names},
    }
    if channel.namespace is not None:
        entry["x-socketio-namespace"] = channel.namespace
    if channel.parameters:
        entry["parameters"] = {
            name: {"description": about} for name, about in channel.parameters.items()
        }
    return entry


def _operations(channel: SocketChannel) -> dict[str, Any]:
    """One operation for each message of clients, with its answers, and one for all sent ones."""
    here = {"$ref": f"#/channels/{channel.name}"}
    sent = {message.name: _in(channel, sent_name(channel, message)) for message in channel.sent}
    operations: dict[str, Any] = {}
    for message in channel.received:
        operation: dict[str, Any] = {
            "action": "receive",
            "channel": here,
            "summary": message.about,
            "messages": [_in(channel, received_name(channel, message))],
        }
        if message.answers:
            answers = [sent[name] for name in message.answers]
            operation["reply"] = {"channel": here, "messages": answers}
        operations[received_name(channel, message)] = operation
    operations[f"{channel.name}.sent"] = {
        "action": "send",
        "channel": here,
        "summary": f"What clients of {channel.path} receive.",
        "messages": list(sent.values()),
    }
    return operations


def _in(channel: SocketChannel, name: str) -> dict[str, str]:
    return {"$ref": f"#/channels/{channel.name}/messages/{_short(name)}"}


def _short(name: str) -> str:
    """The name without the channel's, which the channel has already."""
    return name.partition(".")[2]
