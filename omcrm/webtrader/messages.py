"""Reads the messages of a page by their types, and names those to it."""

from typing import Any, TypeVar

import msgspec

from omcrm.errors import AccessRefused
from omcrm.wire.desk import DESK, DeskMessage
from omcrm.wire.error_code import ErrorCode

Body = TypeVar("Body")

_EVENT_NAMES: dict[Any, str] = {message.body: message.name for message in DESK.sent}


def read(body: Any, schema: type[Body]) -> Body:
    """`body` as `schema`; refused with INVALID_PAYLOAD, the wrong field and the problem."""
    try:
        return msgspec.convert(body, schema)
    except (msgspec.ValidationError, RecursionError) as error:
        raise AccessRefused(ErrorCode.INVALID_PAYLOAD, f"invalid payload: {error}") from error


def event_name(message: DeskMessage) -> str:
    """The name of the event that brings a page this message."""
    return _EVENT_NAMES[type(message)]
