"""The server's frames, read by an independent parser."""

import socket
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omcrm.streaming.frame import WINDOW_BITS, binary_frame, deflated_frame, ping_frame, text_frame
from tests.streaming.raw_client import BINARY, PING, TEXT, Frame, RawClient


def read(frames: bytes) -> list[Frame]:
    """The frames in these bytes, which must contain nothing else."""
    ours, theirs = socket.socketpair()
    with theirs, RawClient(ours) as client:
        client._read = frames
        theirs.shutdown(socket.SHUT_WR)
        return list(client.frames())


def inflate(payload: bytes, bits: int = WINDOW_BITS) -> bytes:
    return zlib.decompressobj(wbits=-bits).decompress(payload + b"\x00\x00\xff\xff")


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536])
@pytest.mark.parametrize(("make", "opcode"), [(text_frame, TEXT), (binary_frame, BINARY)])
def test_a_frame_holds_its_payload(make: Callable[[bytes], bytes], opcode: int, size: int) -> None:
    """A single final frame, not masked, of any size."""
    assert [Frame(opcode, b"a" * size)] == read(make(b"a" * size))


def test_a_ping() -> None:
    """With or without a payload."""
    assert [Frame(PING, b""), Frame(PING, b"?")] == read(ping_frame() + ping_frame(b"?"))


@given(st.text(max_size=2000))
def test_a_compressed_frame_can_be_read(text: str) -> None:
    """By a client without earlier messages; the first reserved bit marks it."""
    (frame,) = read(deflated_frame(text.encode()))

    assert (TEXT, 4, True) == (frame.opcode, frame.rsv, frame.fin)
    assert text.encode() == inflate(frame.payload)


def test_compression_keeps_to_its_window() -> None:
    """No back-reference goes beyond the agreed window."""
    block = bytes(range(256)) * 2
    noise = b"".join(number.to_bytes(4, "big") for number in range(50_000, 80_000))
    payload = block + noise + block
    (frame,) = read(deflated_frame(payload))

    assert payload == inflate(frame.payload, WINDOW_BITS)
    assert len(frame.payload) < len(payload)


def test_compressed_frames_are_reusable() -> None:
    """No frame depends on earlier ones, so it can be made a single time."""
    payload = b'42/webtrader,["price_update",{}]' * 20

    assert deflated_frame(payload) == deflated_frame(payload)
    assert len(deflated_frame(payload)) < len(payload) / 4
