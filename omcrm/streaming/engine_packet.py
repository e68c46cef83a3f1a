"""Packets of Engine.IO v4: a type character and text; or bytes."""

import base64
import binascii

OPEN, CLOSE, PING, PONG, MESSAGE, UPGRADE, NOOP = "0123456"
PROBE = "probe"

_SEPARATOR = "\x1e"
_MOST_PACKETS = 16
# The types that a client may send; only the server sends OPEN and PING.
_FROM_CLIENTS = frozenset((CLOSE, PONG, MESSAGE, UPGRADE, NOOP))

Packet = str | bytes


class InvalidPacket(ValueError):
    """The input is not a packet that a client may send."""


def read_packet(packet: Packet) -> Packet:
    """The packet itself, if it is valid; bytes are messages."""
    if isinstance(packet, bytes) or packet[:1] in _FROM_CLIENTS:
        return packet
    raise InvalidPacket("unknown packet type")


def read_payload(body: bytes) -> list[Packet]:
    """The packets of a polling request's body."""
    try:
        packets = body.decode().split(_SEPARATOR)
    except UnicodeDecodeError as error:
        raise InvalidPacket("a payload must be UTF-8") from error
    if len(packets) > _MOST_PACKETS:
        raise InvalidPacket("too many packets")
    return [_from_text(packet) for packet in packets]


def write_payload(packets: list[Packet]) -> bytes:
    """The body of a polling response."""
    return _SEPARATOR.join(map(_to_text, packets)).encode()


def _from_text(packet: str) -> Packet:
    if not packet.startswith("b"):
        return read_packet(packet)
    try:
        return base64.b64decode(packet[1:], validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidPacket("invalid base64") from error


def _to_text(packet: Packet) -> str:
    if isinstance(packet, bytes):
        return "b" + base64.b64encode(packet).decode()
    return packet
