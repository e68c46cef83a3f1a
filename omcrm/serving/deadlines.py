"""How long clients may take over a request; who takes longer is cut off."""

import _socket
import contextlib
import socket
import threading
import time
from typing import Any

from omcrm.concurrency import native_lock
from omcrm.streaming.detach import system_socket

_EVERY = 1.0


class Deadlines:
    """Shuts down each connection that is still in the middle of something when its time is over.

    A limit for the whole, unlike a socket's timeout, which begins anew with each byte. Thread-safe;
    one deadline for each connection.
    """

    def __init__(self) -> None:
        self._lock = native_lock()
        self._due: dict[Any, float] = {}

    def set(self, client: Any, seconds: float) -> None:
        """Cut this connection off in so many seconds, unless that is set anew or cleared."""
        due = time.monotonic() + seconds
        with self._lock:
            self._due[client] = due

    def clear(self, client: Any) -> None:
        """Let this connection take its time; call it before the socket is closed."""
        with self._lock:
            self._due.pop(client, None)

    def run(self, ended: threading.Event) -> None:
        """Look once a second until it has ended; in a thread of its own."""
        while not ended.wait(_EVERY):
            self.cut(time.monotonic())

    def cut(self, now: float) -> int:
        """Shut down those whose time is over by now (monotonic seconds); how many that were."""
        with self._lock:
            overdue = [client for client, due in self._due.items() if due <= now]
            for client in overdue:
                del self._due[client]
                # With the lock held: nobody closes the socket meanwhile, and its number is its own.
                shut_down(client)
        return len(overdue)


def shut_down(client: Any) -> None:
    """End both directions of a server's socket, from any thread: whoever waits on it goes on."""
    # The system's own call: TLS would first say goodbye to a client that does not read.
    with contextlib.suppress(OSError):
        _socket.socket.shutdown(system_socket(client), socket.SHUT_RDWR)
