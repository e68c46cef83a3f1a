"""A socket as pages show it: who may connect, and the fields of its messages."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from omcrm.reference import asyncapi, shown
from omcrm.reference.asyncapi import received_name, sent_name, who_may
from omcrm.reference.schema import Schema
from omcrm.wire.channel import SocketChannel, SocketMessage


class ShownMessage(Struct, frozen=True, kw_only=True):
    """A message with its fields."""

    message: SocketMessage
    body: shown.ShownBody


class ShownChannel(Struct, frozen=True, kw_only=True):
    """A socket; `parts` are what fields of its messages refer to, by name."""

    channel: SocketChannel
    who_may: str
    received: tuple[ShownMessage, ...]
    sent: tuple[ShownMessage, ...]
    parts: Mapping[str, shown.ShownBody]


def shown_channels(channels: Sequence[SocketChannel]) -> list[ShownChannel]:
    """These sockets, as their document describes them."""
    components = asyncapi.document(channels)["components"]
    payloads = {name: message["payload"] for name, message in components["messages"].items()}
    return [_shown(channel, payloads, components["schemas"]) for channel in channels]


def _shown(
    channel: SocketChannel, payloads: Mapping[str, Schema], schemas: Mapping[str, Schema]
) -> ShownChannel:
    # Parts are named after the socket that they belong to.
    own = {name: schema for name, schema in schemas.items() if name.startswith(f"{channel.name}.")}

    def fields(message: SocketMessage, name: str) -> ShownMessage:
        return ShownMessage(message=message, body=shown.expanded_body(payloads[name], own))

    received = [(message, received_name(channel, message)) for message in channel.received]
    sent = [(message, sent_name(channel, message)) for message in channel.sent]
    return ShownChannel(
        channel=channel,
        who_may=who_may(channel),
        received=tuple(fields(message, name) for message, name in received),
        sent=tuple(fields(message, name) for message, name in sent),
        parts=shown.parts(own, [payloads[name] for _, name in received + sent]),
    )
