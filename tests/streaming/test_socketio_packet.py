"""Packets of Socket.IO v5: exactly those of the specification are accepted."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from socketio import packet as packets

from omcrm.streaming.socketio_packet import StrictPacket

CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR, BINARY_EVENT, BINARY_ACK = range(7)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abé", max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)
NAMESPACES = st.sampled_from([None, "/webtrader", "/a b", "/é"])
PLACE = '{"_placeholder":true,"num":%s}'


def read(text: Any, *attachments: Any) -> StrictPacket:
    """The packet with its attachments, which must be complete."""
    packet = StrictPacket(encoded_packet=text)
    whole = [packet.add_attachment(attachment) for attachment in attachments]
    assert whole == [False] * (len(whole) - 1) + [True] * bool(whole)
    assert packet.attachment_count == len(attachments)
    return packet


def facts(packet: StrictPacket) -> tuple[Any, ...]:
    return packet.packet_type, packet.namespace, packet.id, packet.data


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", (CONNECT, None, None, None)),
        ('0{"token":"123"}', (CONNECT, None, None, {"token": "123"})),
        ("0/admin,", (CONNECT, "/admin", None, None)),
        ('0/admin?token=1,{"a":1}', (CONNECT, "/admin", None, {"a": 1})),
        ("1/admin,", (DISCONNECT, "/admin", None, None)),
        ("1", (DISCONNECT, None, None, None)),
        ('2["foo"]', (EVENT, None, None, ["foo"])),
        ('2/admin,["bar"]', (EVENT, "/admin", None, ["bar"])),
        ('212["foo"]', (EVENT, None, 12, ["foo"])),
        ('2/admin,456["a",{"b":[]}]', (EVENT, "/admin", 456, ["a", {"b": []}])),
        ('3/admin,13["bar"]', (ACK, "/admin", 13, ["bar"])),
        ("30[]", (ACK, None, 0, [])),
    ],
)
def test_as_in_the_specification(text: str, expected: tuple[Any, ...]) -> None:
    """The protocol's own examples, and similar ones."""
    assert expected == facts(read(text))


@given(
    kind=st.sampled_from([EVENT, ACK]),
    namespace=NAMESPACES,
    number=st.integers(0, 10**15 - 1),
    values=st.lists(VALUES, max_size=4),
    binary=st.lists(st.binary(max_size=9), max_size=3),
)
@settings(deadline=None)
def test_packets_of_the_library_are_read(
    kind: int, namespace: str | None, number: int, values: list[Any], binary: list[bytes]
) -> None:
    """Any event or acknowledgement of a valid client, with or without attachments."""
    data = [*(["name"] if kind == EVENT else []), *values, *binary, {"inner": binary}]
    sent = packets.Packet(kind, data=data, namespace=namespace, id=number).encode()
    text, *attachments = sent if isinstance(sent, list) else [sent]
    packet = read(text, *attachments)

    assert (namespace, number, data) == facts(packet)[1:]
    assert kind + (3 if attachments else 0) == packet.packet_type


@pytest.mark.parametrize(
    "text",
    [
        "abc",
        "7",
        "-1",
        "٢" + '["a"]',
        "0[]",
        '0"a"',
        "0null",
        "01",
        '1{"a":1}',
        "1/admin,[]",
        "2",
        "2[]",
        "2{}",
        "2[1]",
        "2[null]",
        '2["connect"]',
        '2["disconnect"]',
        '2["newListener",1]',
        '2-["a"]',
        '21-["a"]',
        '2["a"',
        '2["a"]x',
        '2["a"]["b"]',
        '2٣["a"]',
        '2-1["a"]',
        '21234567890123456["a"]',
        '2/admin["a"]',
        '2["a",NaN]',
        '2["a",1e999]',
        '2["a",01]',
        '2["a","\\ud800"]x',
        "3[]",
        "3/admin,[]",
        "31{}",
        "31",
        "4",
        '4{"message":"no"}',
        '5["a"]',
        '5-["a"]',
        f'51-["a",{PLACE % 1}]',
        f'51-["a",{PLACE % -1}]',
        f'51-["a",{PLACE % 0.0}]',
        f'51-["a",{PLACE % "true"}]',
        f'51-["a",{PLACE % chr(34) + "0" + chr(34)}]',
        f'52-["a",{PLACE % 0}]',
        f'52-["a",{PLACE % 0},{PLACE % 0}]',
        f'511-["a",{",".join(PLACE % number for number in range(11))}]',
        '51-["a"]',
        f'51-["connect",{PLACE % 0}]',
        f"61-[{PLACE % 0}]",
        f"6-1[{PLACE % 0}]",
    ],
)
def test_invalid_packets_are_refused(text: str) -> None:
    """Everything that the specification does not allow."""
    with pytest.raises(ValueError, match=r"."):
        read(text)


@pytest.mark.parametrize("text", [None, b'2["a"]', 2, ["a"]])
def test_a_packet_is_text(text: Any) -> None:
    """Bytes are attachments only."""
    with pytest.raises((ValueError, TypeError)):
        StrictPacket(None).decode(text)


def test_ten_attachments_are_accepted() -> None:
    """The reference server accepts as many."""
    places = ",".join(PLACE % number for number in range(10))
    data = read(f'510-["a",{places}]', *[b"%d" % number for number in range(10)]).data

    assert ["a", *[b"%d" % number for number in range(10)]] == data


def test_attachments_are_bytes_and_no_more_than_announced() -> None:
    """Text instead of bytes, or one too many, is refused."""
    packet = StrictPacket(encoded_packet=f'51-["a",{PLACE % 0}]')
    with pytest.raises(ValueError, match="binary"):
        packet.add_attachment('2["b"]')
    packet.add_attachment(b"")
    with pytest.raises(ValueError, match=r"."):
        packet.add_attachment(b"")


@pytest.mark.parametrize("depth", [10, 400, 700, 900, 2000, 200_000])
@pytest.mark.parametrize("kind", ["2", "51-"])
def test_nesting_is_bounded(kind: str, depth: int) -> None:
    """Deep nesting is read or refused, but never crashes."""
    inner = PLACE % 0 if kind == "51-" else "1"
    text = f'{kind}["a",{"[" * depth}{inner}{"]" * depth}]'
    try:
        read(text, *([b""] if kind == "51-" else []))
    except ValueError:
        assert depth > 400


def test_huge_numbers_are_refused() -> None:
    """A number of ten thousand digits is refused."""
    for digits in ("1" * 10_001, "1" * 10_001 + ".5", "0." + "1" * 10_001 + "e99999"):
        with pytest.raises(ValueError, match=r"."):
            read(f'2["a",{digits}]')


@given(
    st.one_of(
        st.text(min_size=1, max_size=60),
        st.text('0123456-/,?[]{}"a: _', min_size=1, max_size=60),
        st.builds(
            "{}{}{}{}".format,
            st.sampled_from(["2", "51-", "3", "61-", "0", "52-"]),
            st.sampled_from(["", "/a,", "/a?b,", "/a", "?", "/,"]),
            st.sampled_from(["", "1", "007", "-1"]),
            VALUES.map(json.dumps) | st.sampled_from([PLACE % 0, f"[{PLACE % 0}]", "["]),
        ),
    ),
    st.lists(st.binary(max_size=4) | st.text(max_size=4), max_size=3),
)
@settings(deadline=None, max_examples=300)
def test_reading_fails_in_one_way(text: str, attachments: list[bytes | str]) -> None:
    """Any input is a packet or raises ValueError."""
    try:
        packet = StrictPacket(encoded_packet=text)
        for attachment in attachments:
            packet.add_attachment(attachment)
    except ValueError:
        return

    assert packet.packet_type in (CONNECT, DISCONNECT, EVENT, ACK, BINARY_EVENT, BINARY_ACK)
    assert packet.packet_type not in (EVENT, BINARY_EVENT) or isinstance(packet.data[0], str)
