"""Strict parser of Socket.IO v5 packets."""

import re
from typing import Any

from socketio import packet as packets

from omcrm.wire import encoding

_MOST_ATTACHMENTS = 10
_RESERVED = frozenset(
    ("connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener")
)
# Type, attachments, namespace, id, data.
_SHAPE = re.compile(
    r"([0-6])(?:([0-9]{1,2})-)?(?:(/[^,?]*)(?:\?[^,]*)?(?:,|$))?([0-9]{1,15})?(.*)", re.S
)
_BINARY = (packets.BINARY_EVENT, packets.BINARY_ACK)
_MAY_HAVE_ID = (packets.EVENT, packets.ACK, *_BINARY)


class StrictPacket(packets.Packet):  # type: ignore[misc]
    """A packet whose parser raises ValueError for anything the specification does not allow."""

    json = encoding

    def decode(self, encoded_packet: str) -> int:
        """Parse the text; the number of attachments that follow it."""
        shape = _SHAPE.fullmatch(encoded_packet) if isinstance(encoded_packet, str) else None
        if shape is None:
            raise ValueError("not a packet")
        kind, attachments, namespace, number, text = shape.groups()
        self.packet_type = int(kind)
        self.namespace = namespace
        self.id = int(number) if number else None
        self.data = encoding.loads(text) if text else None
        if text and self.data is None:
            raise ValueError("a payload must not be null")
        if (attachments is not None) != (self.packet_type in _BINARY):
            raise ValueError("binary packets, and no others, have attachments")
        count = int(attachments or 0)
        if count > _MOST_ATTACHMENTS:
            raise ValueError("too many attachments")
        if self.id is not None and self.packet_type not in _MAY_HAVE_ID:
            raise ValueError("only events and acknowledgements have an id")
        self._check()
        self._check_places(self.data, count)
        return count

    def add_attachment(self, attachment: Any) -> bool:
        """Add the next attachment; whether it was the last one."""
        if not isinstance(attachment, bytes):
            raise ValueError("an attachment must be binary")
        try:
            return bool(super().add_attachment(attachment))
        except RecursionError as error:
            raise ValueError("nested too deep") from error

    def _check(self) -> None:
        kind, data = self.packet_type, self.data
        if kind == packets.CONNECT:
            allowed = data is None or isinstance(data, dict)
        elif kind == packets.DISCONNECT:
            allowed = data is None
        elif kind in (packets.EVENT, packets.BINARY_EVENT):
            allowed = isinstance(data, list) and bool(data) and _is_event(data[0])
        elif kind in (packets.ACK, packets.BINARY_ACK):
            allowed = isinstance(data, list) and self.id is not None
        else:
            allowed = False
        if not allowed:
            raise ValueError("wrong payload")

    def _check_places(self, data: Any, count: int) -> None:
        """Check that a binary packet's placeholders name exactly the attachments that follow."""
        if self.packet_type in _BINARY and {*_places(data)} != {*range(count)}:
            raise ValueError("placeholders must name the attachments")


def _is_event(name: Any) -> bool:
    return isinstance(name, str) and name not in _RESERVED


def _places(data: Any) -> list[Any]:
    numbers, left = [], [data]
    while left:
        entry = left.pop()
        if isinstance(entry, list):
            left.extend(entry)
        elif isinstance(entry, dict) and entry.get("_placeholder") is True:
            numbers.append(entry.get("num") if type(entry.get("num")) is int else None)
        elif isinstance(entry, dict):
            left.extend(entry.values())
    return numbers
