from websockets.frames import Opcode

from simulator.stream_message import StreamMessage, framed


def test_a_message_is_framed_once_for_every_kind_of_connection() -> None:
    """Bare connections share one frame, combined ones another."""
    message = StreamMessage("btcusdt@trade", b'{"E":1}')

    assert message.frame(True) is message.frame(True)
    assert b'{"stream":"btcusdt@trade","data":{"E":1}}' == message.frame(True)[2:]
    assert b'{"E":1}' == message.frame(False)[2:]


def test_a_recorded_wrapping_is_passed_on_byte_for_byte() -> None:
    """The recorder's own bytes are kept, with all blanks."""
    message = StreamMessage("a@trade", b'{"E": 1}', b'{"stream": "a@trade", "data": {"E": 1}}')

    assert message.frame(True).endswith(b'{"stream": "a@trade", "data": {"E": 1}}')
    assert message.frame(False).endswith(b'{"E": 1}')


def test_a_ping_has_its_own_opcode() -> None:
    """Frames of other kinds have their opcode."""

    assert b"\x89\x01x" == framed(b"x", Opcode.PING)
