"""JSON and times, as all messages have them."""

from datetime import UTC, datetime
from typing import Any, overload

import msgspec

# Decimals are exact numbers.
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


@overload
def iso(time: datetime) -> str: ...
@overload
def iso(time: datetime | None) -> str | None: ...
def iso(time: datetime | None) -> str | None:
    """`2026-01-05T14:30:00.123Z`."""
    if time is None:
        return None
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def iso_or_unset(time: datetime | None) -> str | msgspec.UnsetType:
    """The same; a field without a time is left out."""
    return msgspec.UNSET if time is None else iso(time)
