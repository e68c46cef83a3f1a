import json

from websockets.frames import Opcode

from omcrm.exchange.message import Message, framed, in_microseconds


def test_a_message_is_framed_once_for_each_kind_of_connection() -> None:
    """Connections with the same properties share one frame."""
    message = Message("btcusdt@trade", b'{"E":1}')

    assert message.frame(True, False) is message.frame(True, False)
    assert b'{"stream":"btcusdt@trade","data":{"E":1}}' == message.frame(True, False)[2:]
    assert b'{"E":1}' == message.frame(False, False)[2:]


def test_a_recorded_wrapping_is_passed_on_byte_for_byte() -> None:
    """The recorder's own bytes are kept, however they are spaced."""
    message = Message("a@trade", b'{"E": 1}', b'{"stream": "a@trade", "data": {"E": 1}}')

    assert message.frame(True, False).endswith(b'{"stream": "a@trade", "data": {"E": 1}}')
    assert message.frame(False, False).endswith(b'{"E": 1}')


def test_microseconds_change_times_and_nothing_else() -> None:
    """Event, trade, window and candle times grow; ids, counts and texts stay."""
    ticker = {
        "E": 1,
        "O": 2,
        "C": 3,
        "F": 4,
        "L": 5,
        "n": 6,
        "c": "7",
        "k": {"t": 8, "T": 9, "f": 1},
    }

    assert {**ticker, "E": 1000, "O": 2000, "C": 3000, "k": {"t": 8000, "T": 9000, "f": 1}} == (
        json.loads(in_microseconds(json.dumps(ticker).encode()))
    )
    assert [{"E": 1000}] == json.loads(in_microseconds(b'[{"E":1}]'))


def test_a_ping_has_its_own_opcode() -> None:
    """Frames of other kinds carry their opcode."""

    assert b"\x89\x01x" == framed(b"x", Opcode.PING)
