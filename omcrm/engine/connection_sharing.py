"""Limits of connections that hold for all processes together."""

import secrets
import time

from omcrm.engine.bus import Bus, BusLost, ConnectionCounts
from omcrm.streaming.client_registry import ClientRegistry, OwnerKey
from omcrm.streaming.demand_thread import DemandThread

# How soon the others know of a new connection, and of all, in seconds.
_EVERY, _ALL_EVERY = 0.2, 5.0


class ConnectionSharing:
    """Publishes how many connections each owner has here, and tells how many there are elsewhere.

    Nobody who connects waits for that: for a moment an owner may have a connection too many. While
    the bus is lost each process counts its own.
    """

    def __init__(self, bus: Bus, clients: ClientRegistry) -> None:
        self._bus = bus
        self._clients = clients
        self._process = secrets.token_hex(8)
        self._published: dict[str, int] = {}
        self._next_all = 0.0
        self._elsewhere: dict[str, dict[str, int]] = {}

    def begin(self) -> None:
        """Count with the other processes from now on; a thread runs while clients are connected."""
        self._bus.subscribe(ConnectionCounts, self._take)
        self._bus.subscribe(BusLost, self._forget)
        self._clients.count_elsewhere = self.count
        thread = DemandThread("connection-counts", self._publish, self._is_needed)
        self._clients.run_while_connected(thread)

    def count(self, key: OwnerKey) -> int:
        """How many connections an owner has at the other processes."""
        if not self._elsewhere:
            return 0
        name = _name(key)
        return sum(counts.get(name, 0) for counts in tuple(self._elsewhere.values()))

    def _is_needed(self) -> bool:
        return bool(self._clients) or bool(self._published)

    def _publish(self) -> float:
        present = {_name(key): count for key, count in self._clients.counts_by_owner().items()}
        before, now = self._published, time.monotonic()
        is_all = now >= self._next_all
        if is_all:
            self._next_all = now + _ALL_EVERY
            changed = present
        else:
            changed = {name: count for name, count in present.items() if count != before.get(name)}
            changed |= dict.fromkeys(before.keys() - present.keys(), 0)
        self._published = present
        if changed or is_all:
            self._bus.publish(ConnectionCounts(self._process, changed, is_all))
        return _EVERY

    def _take(self, message: ConnectionCounts) -> None:
        if message.process == self._process:
            return
        held = {} if message.is_all else self._elsewhere.get(message.process, {})
        counts = {name: count for name, count in (held | message.counts).items() if count > 0}
        if counts:
            self._elsewhere[message.process] = counts
        else:
            self._elsewhere.pop(message.process, None)

    def _forget(self, _: BusLost) -> None:
        self._elsewhere = {}


def _name(key: OwnerKey) -> str:
    noun, owner = key
    return f"{noun}:{owner}"
