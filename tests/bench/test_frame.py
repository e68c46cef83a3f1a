import pytest

from bench.fanout.frame import PING, TEXT, frames, masked
from bench.fanout.plain_floor import framed, unmasked


@pytest.mark.parametrize("size", [0, 1, 125, 126, 300, 65535])
def test_a_server_reads_a_clients_frame(size: int) -> None:
    """Short and longer payloads, with bytes after them."""
    payload = bytes(range(256)) * (size // 256 + 1)
    payload = payload[:size]

    assert (payload, len(masked(payload))) == unmasked(masked(payload) + b"more")
    assert 0 == unmasked(masked(payload)[:-1])[1] or size == 0


def test_frames_are_read_one_after_the_other() -> None:
    """All three lengths, other opcodes, and only complete frames."""
    long = b"\x81\x7f" + (70_000).to_bytes(8, "big") + b"x" * 70_000
    data = framed(b"one") + b"\x89\x02hi" + framed(b"y" * 300) + long

    read = [(opcode, len(payload)) for opcode, payload, _ in frames(data + framed(b"cut")[:-1])]

    assert [(TEXT, 3), (PING, 2), (TEXT, 300), (TEXT, 70_000)] == read
    assert len(data) == list(frames(data + b"\x81"))[-1][2]
    for cut in (1, 2, 3):
        assert [] == list(frames(framed(b"y" * 300)[:cut]))
