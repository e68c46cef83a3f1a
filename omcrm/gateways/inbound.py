"""Decodes JSON messages by their schemas, and explains what is invalid about the others."""

import operator
from functools import reduce
from typing import Generic, TypeVar

import msgspec

from omcrm.errors import MessageRefused
from omcrm.wire import encoding
from omcrm.wire.channel import SocketChannel
from omcrm.wire.error_code import ErrorCode

# How many characters of an unknown message type are sent back.
_SHOWN = 50

T = TypeVar("T")


class Inbound(Generic[T]):
    """Decodes the messages of a channel's clients: tagged Structs, which one field distinguishes.

    `unknown` begins the error for a type that does not exist, `invalid` holds the error for each
    type with wrong fields.
    """

    def __init__(self, channel: SocketChannel, *, unknown: str, invalid: dict[str, str]) -> None:
        bodies = [message.body for message in channel.received]
        self._decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(reduce(operator.or_, bodies))
        self._field: str = bodies[0].__struct_config__.tag_field
        self._known = {message.name for message in channel.received}
        self._unknown = unknown
        self._invalid = invalid

    def read(self, text: str) -> T:
        """The message; raises MessageRefused."""
        try:
            return self._decoder.decode(text)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise self._refusal(text, str(error)) from error

    def _refusal(self, text: str, problem: str) -> MessageRefused:
        try:
            content = encoding.loads(text)
        except ValueError:
            return MessageRefused(ErrorCode.INVALID_JSON, "Invalid JSON format")
        if not isinstance(content, dict):
            return MessageRefused(
                ErrorCode.INVALID_JSON, "Invalid JSON format", "expected an object"
            )
        kind = content.get(self._field)
        if not isinstance(kind, str) or kind not in self._known:
            shown = kind if isinstance(kind, str) else encoding.dumps(kind)
            return MessageRefused(ErrorCode.UNKNOWN_MESSAGE, f"{self._unknown}: {shown[:_SHOWN]}")
        message = self._invalid.get(kind, f"Invalid {kind}")
        return MessageRefused(ErrorCode.INVALID_MESSAGE, message, problem)
