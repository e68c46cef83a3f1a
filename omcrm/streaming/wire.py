"""JSON for the wire: decimals are exact numbers, and input of any shape fails safely."""

from typing import Any

import msgspec

_encoder = msgspec.json.Encoder(decimal_format="number")


def dumps(value: Any, **_: Any) -> str:
    """`value` as JSON text; options that other libraries pass are ignored."""
    return _encoder.encode(value).decode()


def loads(text: str | bytes, **_: Any) -> Any:
    """The value of a JSON text; raises ValueError for anything else, nesting bombs included."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError("invalid JSON") from error
