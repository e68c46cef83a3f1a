"""Packets and payloads of Engine.IO: invalid ones are refused."""

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

# The packets that a client may send.
PACKETS = st.one_of(
    st.binary(max_size=50),
    st.builds("{}{}".format, st.sampled_from("13456"), st.text("aé\n😀 b{}[]\"'", max_size=20)),
)


@given(st.lists(PACKETS, min_size=1, max_size=16))
def test_payloads_round_trip(packets: list[Packet]) -> None:
    """Reading a written payload gives the same packets."""
    assert packets == read_payload(write_payload(packets))


def test_as_in_the_specification() -> None:
    """The protocol's own examples."""
    assert ["4hello", "3", "4world"] == read_payload(b"4hello\x1e3\x1e4world")
    assert ["4hello", b"\x01\x02\x03\x04"] == read_payload(b"4hello\x1ebAQIDBA==")
    assert b"4hello\x1ebAQIDBA==" == write_payload(["4hello", b"\x01\x02\x03\x04"])
    assert "4€" == read_packet("4€")


@given(st.one_of(st.text(max_size=40), st.binary(max_size=40)))
def test_reading_a_packet_fails_in_one_way(packet: Packet) -> None:
    """The packet is returned unchanged, or InvalidPacket is raised."""
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
            lambda packets: "\x1e".join(packets).encode()
        ),
    )
)
def test_reading_a_payload_fails_in_one_way(body: bytes) -> None:
    """Any body is a list of packets, or InvalidPacket is raised."""
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
def test_invalid_payloads_are_refused(body: bytes) -> None:
    """Unknown or server-only types, empty packets, invalid text or base64, too many packets."""
    with pytest.raises(InvalidPacket):
        read_payload(body)


def test_sixteen_packets_are_accepted() -> None:
    """A client may post that many in one request."""
    assert ["4"] * 16 == read_payload(b"\x1e".join([b"4"] * 16))


@given(st.binary(max_size=100))
def test_bytes_are_base64(data: bytes) -> None:
    """In a payload binary packets begin with `b`."""
    assert b"b" + base64.b64encode(data) == write_payload([data])
