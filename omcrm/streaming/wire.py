"""What goes over the wire: JSON, times, the bodies of the desk, and WebSocket frames."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode

from omcrm.market.bar import Bar
from omcrm.market.quote import Quote

# Decimals are exact numbers.
_encoder = msgspec.json.Encoder(decimal_format="number")
# No context takeover on either side, so that a compressed frame is the same for every client.
WINDOW_BITS = 12
_WIDEST = 15


def dumps(value: Any, **_: Any) -> str:
    """`value` as JSON text; options that other libraries pass are ignored."""
    return _encoder.encode(value).decode()


def loads(text: str | bytes, **_: Any) -> Any:
    """The value of a JSON text; raises ValueError for anything else, nesting bombs included."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError("invalid JSON") from error


# Bodies of the desk


def iso(time: datetime | None) -> str | None:
    """`2026-01-05T14:30:00.123Z`."""
    if time is None:
        return None
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def price_update(quote: Quote) -> dict[str, Any]:
    """The body of `price_update`: exact decimals, None for what the source did not report."""
    return {
        "symbol": quote.symbol,
        "price": quote.last,
        "change_24h": quote.change_percent,
        "timestamp": iso(quote.received_at),
        "bid": quote.bid,
        "ask": quote.ask,
        "open_24h": quote.open,
        "high_24h": quote.high,
        "low_24h": quote.low,
        "volume_24h": quote.volume,
        "source": quote.source.name,
        "price_class": quote.price_class.value,
        "provider_time": iso(quote.provider_time),
        "received_at": iso(quote.received_at),
        "seq": quote.seq,
    }


def candle(bar: Bar) -> dict[str, Any]:
    """One entry of `price_history`."""
    return {
        "timestamp": iso(bar.timestamp),
        "open": bar.open,
        "high": bar.high,
        "low": bar.low,
        "close": bar.close,
        "volume": bar.volume,
    }


# Frames: not masked, so that a frame is the same for every client


def text_frame(payload: bytes) -> bytes:
    """A whole text message; `payload` is UTF-8."""
    return Frame(Opcode.TEXT, payload).serialize(mask=False)


def binary_frame(payload: bytes) -> bytes:
    """A whole binary message."""
    return Frame(Opcode.BINARY, payload).serialize(mask=False)


def ping_frame(payload: bytes = b"") -> bytes:
    """A ping."""
    return Frame(Opcode.PING, payload).serialize(mask=False)


def deflated_frame(payload: bytes) -> bytes:
    """A whole text message for clients that negotiated permessage-deflate."""
    extension = PerMessageDeflate(
        remote_no_context_takeover=True,
        local_no_context_takeover=True,
        remote_max_window_bits=_WIDEST,
        local_max_window_bits=WINDOW_BITS,
    )
    return Frame(Opcode.TEXT, payload).serialize(mask=False, extensions=[extension])
