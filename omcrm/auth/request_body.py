"""Reads the JSON bodies of requests by their schema, for all routes."""

import json
import re
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
from flask import request

from omcrm.errors import AccessRefused
from omcrm.market.parsing import plain
from omcrm.storage.outside_text import is_readable
from omcrm.wire.error_code import ErrorCode

LARGEST_BODY = 1024 * 1024
"""In bytes."""

Body = TypeVar("Body")

_FIELD = re.compile(r"`\$\.(\w+)|field `([^`]*)`")


def request_body(schema: type[Body], most: int = LARGEST_BODY) -> Body:
    """The body of this request, of `most` bytes; raises AccessRefused as `read_body` does."""
    return read_body(request.get_data(), schema, most)


def read_body(body: bytes, schema: type[Body], most: int = LARGEST_BODY) -> Body:
    """`body` as the Struct `schema`; raises AccessRefused with the wrong field."""
    if len(body) > most:
        raise AccessRefused(ErrorCode.TOO_LARGE, "invalid payload: too long", 413)
    # Bytes that are no UTF-8 become a character that is refused below, with its field.
    text = body.decode(errors="replace")
    try:
        read = msgspec.json.decode(text, type=schema)
    except (msgspec.MsgspecError, RecursionError) as error:
        _refuse_unreadable(_leniently(text), schema)
        raise _wrong(error, schema) from error
    _refuse_unreadable(msgspec.to_builtins(read), schema)
    _refuse_odd_numbers(read, text)
    return read


def _refuse_odd_numbers(read: Any, text: str) -> None:
    """Refuse a decimal whose text only Python reads as a number."""
    written = _leniently(text) or {}
    for name in read.__struct_fields__:
        if isinstance(getattr(read, name), Decimal) and isinstance(written.get(name), str):
            try:
                plain(written[name])
            except ValueError:
                message = f"invalid payload: Expected a number such as 0.25 - at `$.{name}`"
                raise AccessRefused(ErrorCode.INVALID_PAYLOAD, message, field=name) from None


def _refuse_unreadable(fields: Any, schema: type) -> None:
    for name, value in fields.items() if isinstance(fields, dict) else ():
        if name in _names(schema) and not _is_readable(value):
            message = f"invalid payload: `{name}` has characters that cannot be read"
            raise AccessRefused(ErrorCode.INVALID_PAYLOAD, message, field=name)


def _is_readable(value: Any) -> bool:
    if isinstance(value, str):
        return is_readable(value)
    parts = [*value.keys(), *value.values()] if isinstance(value, dict) else value
    return not isinstance(parts, list) or all(map(_is_readable, parts))


def _leniently(text: str) -> Any:
    """The texts of the JSON, also lone surrogates, which the strict reader refuses without their
    field."""
    try:
        return json.loads(text, parse_int=_no_text, parse_float=_no_text)
    except (ValueError, RecursionError):
        return None


def _no_text(number: str) -> None:
    """None for a number, which may be of any size."""


def _wrong(error: Exception, schema: type) -> AccessRefused:
    match = _FIELD.search(str(error))
    field = next(filter(None, match.groups()), None) if match else None
    if match and field not in _names(schema):
        # The answer does not repeat an unknown name.
        names = ", ".join(f"`{name}`" for name in _names(schema))
        message = f"expected a JSON object with {names} and nothing else"
        return AccessRefused(ErrorCode.INVALID_PAYLOAD, f"invalid payload: {message}")
    return AccessRefused(
        ErrorCode.INVALID_PAYLOAD, f"invalid payload: {str(error)[:200]}", field=field
    )


def _names(schema: type) -> tuple[str, ...]:
    names: tuple[str, ...] = schema.__struct_fields__  # type: ignore[attr-defined]
    return names
