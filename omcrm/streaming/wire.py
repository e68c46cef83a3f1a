"""JSON as it goes over the wire: exact decimals are numbers, whatever comes in is bounded."""

from typing import Any

import msgspec

_encoder = msgspec.json.Encoder(decimal_format="number")


def dumps(value: Any, **_: Any) -> str:
    """`value` as JSON text; the options other libraries pass are of no use here."""
    return _encoder.encode(value).decode()


def loads(text: str | bytes, **_: Any) -> Any:
    """The value of a JSON text; raises ValueError for anything else, nesting bombs included."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError("invalid JSON") from error
