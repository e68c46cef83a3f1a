"""reader.c in Python, for machines without a C compiler."""

import contextlib
import math
import re
import select
import socket
import time
from collections import Counter
from copy import deepcopy
from dataclasses import dataclass, field, fields

from bench.fanout.dialect import UPDATES, moment
from bench.fanout.frame import CLOSE, PING, PONG, frames, masked

# The same frame is sent to thousands of clients: its fields are parsed once.
_CACHED = 4096
_READ = 1 << 16
_NAMED = re.compile(rb'"symbol":"([^"]*)"')
_NUMBERED = re.compile(rb'"seq":(\d+)')


@dataclass
class Tally:
    """The counts of one group of connections: see reader.c.

    `slowest` and `newest` are microseconds, `latency` counts by tenths of a millisecond.
    """

    updates: int = 0
    bytes: int = 0
    reads: int = 0
    others: int = 0
    untimed: int = 0
    regressions: int = 0
    lost: int = 0
    counted: int = 0
    slowest: int = 0
    newest: int = 0
    latency: Counter[int] = field(default_factory=Counter)

    def __add__(self, other: "Tally") -> "Tally":
        sums = {
            field.name: getattr(self, field.name) + getattr(other, field.name)
            for field in fields(self)
        }
        return Tally(
            **{
                **sums,
                "slowest": max(self.slowest, other.slowest),
                "newest": max(self.newest, other.newest),
            }
        )


@dataclass(slots=True)
class _ReaderConnection:
    socket: socket.socket
    group: int
    held: bytes = b""
    seqs: dict[bytes, int] = field(default_factory=dict)


class PlainReader:
    """Reads price updates from many sockets."""

    def __init__(self, connections: int, symbols: tuple[str, ...]) -> None:
        self._epoll = select.epoll()
        self._connections: dict[int, _ReaderConnection] = {}
        self._tallies = (Tally(), Tally())
        self._since, self._until = 0.0, math.inf
        self._known: dict[bytes, tuple[bytes, int, float | None]] = {}

    def fileno(self) -> int:
        """The descriptor that is readable when `poll` has something to read."""
        return self._epoll.fileno()

    def add(self, index: int, sock: socket.socket, group: int, rest: bytes) -> None:
        """Read this socket from now on; `rest` was read from it already."""
        connection = self._connections[sock.fileno()] = _ReaderConnection(sock, group)
        self._epoll.register(sock.fileno(), select.EPOLLIN)
        self._take(connection, rest)

    def tally(self, group: int) -> Tally:
        """A copy of what a group has read since `reset`."""
        return deepcopy(self._tallies[group])

    def reset(self, since: float, until: float) -> None:
        """Count from zero, latencies of what is made from `since` until `until`, as `time.time`."""
        self._tallies = (Tally(), Tally())
        self._since, self._until = since, until

    def poll(self, milliseconds: int) -> int:
        """Wait for something to read, and read it; the number of readable sockets."""
        ready = self._epoll.poll(milliseconds / 1000, 512)
        for fd, _ in ready:
            connection = self._connections[fd]
            try:
                data = connection.socket.recv(_READ)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if not data:
                self._end(connection)
                continue
            tally = self._tallies[connection.group]
            tally.bytes += len(data)
            tally.reads += 1
            self._take(connection, data)
        return len(ready)

    def _take(self, connection: _ReaderConnection, data: bytes) -> None:
        data = connection.held + data
        at, now = 0, time.time()
        for opcode, payload, at in frames(data):  # noqa: B007
            if opcode == CLOSE:
                self._end(connection)
                return
            if payload.startswith(UPDATES):
                self._take_update(connection, payload, now)
                continue
            self._tallies[connection.group].others += 1
            with contextlib.suppress(OSError):
                if payload == b"2":
                    connection.socket.send(masked(b"3"))
                elif opcode == PING:
                    connection.socket.send(masked(payload, PONG))
        connection.held = data[at:]

    def _take_update(self, connection: _ReaderConnection, payload: bytes, now: float) -> None:
        tally = self._tallies[connection.group]
        symbol, seq, made = self._known.get(payload) or self._read(payload)
        tally.updates += 1
        tally.regressions += seq < connection.seqs.get(symbol, 0)
        connection.seqs[symbol] = seq
        if made is None:
            tally.untimed += 1
            return
        tally.newest = max(tally.newest, round(made * 1_000_000))
        if not self._since <= made < self._until:
            return
        tally.counted += 1
        took = max(0, int((now - made) * 1_000_000))
        tally.slowest = max(tally.slowest, took)
        tally.latency[took // 100] += 1

    def _read(self, payload: bytes) -> tuple[bytes, int, float | None]:
        if len(self._known) > _CACHED:
            self._known.clear()
        symbol, seq = _NAMED.search(payload), _NUMBERED.search(payload)
        known = (symbol[1] if symbol else b"", int(seq[1]) if seq else 0, moment(payload))
        self._known[payload] = known
        return known

    def _end(self, connection: _ReaderConnection) -> None:
        self._tallies[connection.group].lost += 1
        with contextlib.suppress(OSError, ValueError):
            self._epoll.unregister(connection.socket.fileno())
