"""Many well-behaved clients."""

import contextlib
import selectors
import socket
import threading

from tests.e2e.hostile import PONG
from tests.streaming.raw_client import PING, RawClient


class WellBehavedClients:
    """Clients in one thread: they read everything and answer pings."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._clients: list[socket.socket] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def add(self, client: RawClient) -> None:
        """Read from this client, too."""
        client.sock.setblocking(False)
        self._clients.append(client.sock)
        self._selector.register(client.sock, selectors.EVENT_READ)

    def _run(self) -> None:
        while not self._over.is_set():
            for key, _ in self._selector.select(0.1):
                self._serve(key.fileobj)

    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError):
            data = sock.recv(65536)
            if b"\x81\x012" in data or bytes([0x80 | PING]) == data[:1]:
                sock.send(PONG)
            if not data:
                self._selector.unregister(sock)

    def __enter__(self) -> "WellBehavedClients":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        for client in self._clients:
            client.close()
        self._selector.close()
