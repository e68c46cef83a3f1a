"""Packets and payloads of Engine.IO: what is none is refused, and nothing else happens."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omcrm.streaming.engine_packet import (
    InvalidPacket,
    Packet,
    read_packet,
    read_payload,
    write_payload,
)

# What a client may send, and what stands behind it.
PACKETS = st.one_of(
    st.binary(max_size=50),
    st.builds("{}{}".format, st.sampled_from("13456"), st.text("aé\n😀 b{}[]\"'", max_size=20)),
)


@given(st.lists(PACKETS, min_size=1, max_size=16))
def test_payloads_there_and_back(packets: list[Packet]) -> None:
    """What one side writes the other reads."""
    assert packets == read_payload(write_payload(packets))


def test_as_in_the_specification() -> None:
    """The protocol's own examples."""
    assert ["4hello", "3", "4world"] == read_payload(b"4hello\x1e3\x1e4world")
    assert ["4hello", b"\x01\x02\x03\x04"] == read_payload(b"4hello\x1ebAQIDBA==")
    assert b"4hello\x1ebAQIDBA==" == write_payload(["4hello", b"\x01\x02\x03\x04"])
    assert "4€" == read_packet("4€")


@given(st.one_of(st.text(max_size=40), st.binary(max_size=40)))
def test_reading_a_packet_fails_in_one_way(packet: Packet) -> None:
    """It is given back as it is, or refused."""
    try:
        assert packet == read_packet(packet)
    except InvalidPacket:
        assert isinstance(packet, str)
        assert packet[:1] not in [*"13456"]


@given(
    st.one_of(
        st.binary(max_size=200),
        st.text("b0123456789AQI=\x1e \né", max_size=60).map(str.encode),
        st.lists(st.text("b=+/-_ é1", max_size=9), max_size=20).map(
            lambda parts: "\x1e".join(parts).encode()
        ),
    )
)
def test_reading_a_payload_fails_in_one_way(body: bytes) -> None:
    """Whatever was posted, it is a list of packets or refused."""
    try:
        packets = read_payload(body)
    except InvalidPacket:
        return

    assert 1 <= len(packets) <= 16
    assert all(isinstance(packet, bytes) or packet[0] in "13456" for packet in packets)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"abc",
        b"0{}",
        b"2",
        b"7",
        "٤hello".encode(),
        b"\xff",
        b"4a\x1e",
        b"\x1e4a",
        b"b===",
        b"bAQIDBA",
        b"bAQ ID",
        b"bAQ\xc3\xa9D",
        b"\x1e".join([b"4"] * 17),
    ],
)
def test_what_is_refused(body: bytes) -> None:
    """An unknown type or one of the server's, an empty packet, bad text or base64, too many."""
    with pytest.raises(InvalidPacket):
        read_payload(body)


def test_sixteen_are_not_too_many() -> None:
    """A client may post that many at once."""
    assert ["4"] * 16 == read_payload(b"\x1e".join([b"4"] * 16))


@given(st.binary(max_size=100))
def test_bytes_are_base64(data: bytes) -> None:
    """In a payload binary has its own letter."""
    assert b"b" + base64.b64encode(data) == write_payload([data])
