"""Decodes JSON messages by their schemas, and explains what is invalid about the others."""

from typing import Any, Generic, TypeVar, get_args

import msgspec

from omcrm.errors import MessageRefused
from omcrm.wire import encoding
from omcrm.wire.error_code import ErrorCode

# How many characters of an unknown message type are sent back.
_SHOWN = 50

T = TypeVar("T")


class Inbound(Generic[T]):
    """Decodes a union of Structs that one field distinguishes (`tag_field` and `tag`).

    `unknown` begins the error for a type that does not exist, `invalid` holds the error for each
    type with wrong fields.
    """

    def __init__(self, messages: Any, *, unknown: str, invalid: dict[str, str]) -> None:
        kinds = get_args(messages) or (messages,)
        self._decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(messages)
        self._field: str = kinds[0].__struct_config__.tag_field
        self._known = {kind.__struct_config__.tag for kind in kinds}
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
