"""What the bus sends from process to process: one frame per flush, as msgpack."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, TypeAlias, TypeVar

import msgspec
from msgspec import Meta, Struct

from omcrm.engine.bus import RemoteMessage
from omcrm.market.quote import Moment, Quote

T = TypeVar("T")

VERSION = 1
"""Processes with another number do not take each other's frames."""
_LARGEST = 2**53
_ZERO = Decimal(0)
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
# The texts of decimals that are no numbers, in small letters, as msgpack has them: the length comes
# first, so that they are not found within a name.
_NOT_NUMBERS = tuple(
    bytes([0xA0 + len(text)]) + text
    for text in (b"nan", b"snan", b"-nan", b"inf", b"-inf", b"infinity", b"-infinity")
)

_Name: TypeAlias = Annotated[str, Meta(max_length=64)]
_Count: TypeAlias = Annotated[int, Meta(ge=0, le=_LARGEST)]


class FrameRefused(Exception):
    """Bytes that are no frame; says what is wrong with them."""


class BusFrame(Struct, frozen=True, array_like=True):
    """What one process sends at once; `sender` is the process.

    The leader's frames have its fencing `token`, all others 0. Frames with quotes are numbered by
    `quote_seq`, anew in each `epoch` of a leader; a frame without quotes has the number of the last
    one with some. `message_seq` counts the messages that the sender sent before those of this
    frame. `joins` counts how often the sender missed something: then the others send their last
    messages again, in frames with `is_repeat`.
    """

    sender: _Name
    token: _Count
    epoch: _Name
    quote_seq: _Count
    message_seq: _Count
    sent_at: Moment
    quotes: tuple[Quote, ...] = ()
    messages: tuple[RemoteMessage, ...] = ()
    joins: _Count = 0
    is_repeat: bool = False


class SnapshotHead(Struct, frozen=True, array_like=True):
    """What the snapshot of the quotes contains: all frames of an epoch up to `quote_seq`."""

    token: _Count
    epoch: _Name
    quote_seq: _Count
    written_at: Moment


_encoder = msgspec.msgpack.Encoder()
_frames = msgspec.msgpack.Decoder(BusFrame)
_quotes = msgspec.msgpack.Decoder(Quote)
_heads = msgspec.msgpack.Decoder(SnapshotHead)


def encode(value: BusFrame | Quote | SnapshotHead) -> bytes:
    """The bytes of a frame, or of a part of the snapshot."""
    return _encoder.encode(value)


def own_prefix(sender: str) -> bytes:
    """With what the frames of a sender begin: it need not decode what comes back to it."""
    frame = BusFrame(sender, 0, "", 0, 0, _EARLIEST)
    return encode(frame)[: 1 + len(_encoder.encode(sender))]


def decode_frame(data: bytes) -> BusFrame:
    """The frame; raises FrameRefused where a part of it is malformed or is no price."""
    frame = _decoded(_frames, data)
    _check(frame.quotes, data)
    return frame


def decode_quote(data: bytes) -> Quote:
    """The quote of a snapshot; raises FrameRefused."""
    quote = _decoded(_quotes, data)
    _check((quote,), data)
    return quote


def decode_head(data: bytes) -> SnapshotHead:
    """The head of a snapshot; raises FrameRefused."""
    return _decoded(_heads, data)


def _decoded(decoder: "msgspec.msgpack.Decoder[T]", data: bytes) -> T:
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, ArithmeticError, ValueError, RecursionError) as error:
        raise FrameRefused(str(error)) from error


def _check(quotes: Iterable[Quote], data: bytes) -> None:
    for quote in quotes:
        last = quote.last
        if not (last.is_finite() and last > _ZERO):
            raise FrameRefused("a price is not above zero")
    lowered = data.lower()
    if any(text in lowered for text in _NOT_NUMBERS):
        for quote in quotes:
            if not all(_is_number(getattr(quote, field)) for field in quote.__struct_fields__):
                raise FrameRefused("a figure is not a number")


def _is_number(value: object) -> bool:
    return not isinstance(value, Decimal) or value.is_finite()
