"""Deadlines for clients' requests: a client that takes longer is disconnected."""

import _socket
import contextlib
import socket
import threading
import time
from typing import Any

from omcrm.concurrency import native_lock
from omcrm.streaming.detach import system_socket

_CHECK_EVERY = 1.0


class Deadlines:
    """Shuts down each connection whose current request step exceeds its deadline.

    A limit for the whole step, unlike a socket's timeout, which restarts with each byte.
    Thread-safe; one deadline per connection.
    """

    def __init__(self) -> None:
        self._lock = native_lock()
        self._due: dict[Any, float] = {}

    def set(self, client: Any, seconds: float) -> None:
        """Shut this connection down in so many seconds, unless `set` anew or cleared."""
        due = time.monotonic() + seconds
        with self._lock:
            self._due[client] = due

    def clear(self, client: Any) -> None:
        """Remove the connection's deadline; call it before the socket is closed."""
        with self._lock:
            self._due.pop(client, None)

    def run(self, ended: threading.Event) -> None:
        """Check once a second until `ended` is set; in a thread of its own."""
        before = time.monotonic()
        # Asked first: gevent loses a thread that begins to wait while it wakes another one.
        while not (ended.is_set() or ended.wait(_CHECK_EVERY)):
            now = time.monotonic()
            self.postpone(now - before - _CHECK_EVERY)
            self.cut(now)
            before = now

    def postpone(self, late: float) -> None:
        """Leave out the seconds by which a check is late: where this process did not run, what
        clients had sent was not read."""
        if late <= _CHECK_EVERY:
            return
        with self._lock:
            self._due = {client: due + late for client, due in self._due.items()}

    def cut(self, now: float) -> int:
        """Shut down the connections overdue at `now` (monotonic seconds); their number."""
        with self._lock:
            overdue = [client for client, due in self._due.items() if due <= now]
            for client in overdue:
                del self._due[client]
                # With the lock held, so that the descriptor is not closed and reused meanwhile.
                shut_down(client)
        return len(overdue)


def shut_down(client: Any) -> None:
    """End both directions of a server's socket, from any thread; this wakes blocked threads."""
    # The system's own call: TLS would first send close_notify to a client that does not read.
    with contextlib.suppress(OSError):
        _socket.socket.shutdown(system_socket(client), socket.SHUT_RDWR)
