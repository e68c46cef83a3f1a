"""An HTTP upstream over real sockets, with answers that a test sets."""

import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Self

from tests.processes import PATIENCE

Serve = Callable[[socket.socket, bytes], bool]
"""Answers one request; returns whether the connection stays open."""


def http(body: bytes = b"{}", status: str = "200 OK", *headers: str) -> bytes:
    """The bytes of an HTTP answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def answering(raw: bytes, *, keep: bool = True) -> Serve:
    """Answer every request with these bytes."""

    def serve(client: socket.socket, request: bytes) -> bool:
        client.sendall(raw)
        return keep

    return serve


class Upstream:
    """Listens on a loopback port; keeps every request and counts its connections.

    With `context` it speaks TLS. `greet` is served at once, before a request.
    """

    def __init__(
        self, serve: Serve, context: ssl.SSLContext | None = None, greet: Serve | None = None
    ) -> None:
        self.serve = serve
        self._context = context
        self._greet = greet
        self.requests: list[bytes] = []
        self.asked_at: list[float] = []
        self.connections = 0
        self.open = 0
        self._is_ending = False
        self._clients: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._threads = [threading.Thread(target=self._accept, name="upstream")]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._is_ending:
                client.close()
                return
            self.connections += 1
            self.open += 1
            self._clients.append(client)
            thread = threading.Thread(target=self._talk, args=[client], name="upstream")
            self._threads.append(thread)
            thread.start()

    def _talk(self, client: socket.socket) -> None:
        held = b""
        try:
            if self._greet is not None:
                self._greet(client, b"")
            if self._context is not None:
                client = self._context.wrap_socket(client, server_side=True)
                self._clients.append(client)
            while True:
                while b"\r\n\r\n" not in held:
                    chunk = client.recv(65536)
                    if not chunk:
                        return
                    held += chunk
                request, _, held = held.partition(b"\r\n\r\n")
                self.asked_at.append(time.monotonic())
                self.requests.append(request)
                if not self.serve(client, request):
                    return
        except OSError:
            return
        finally:
            self.open -= 1
            client.close()

    def refuse(self) -> None:
        """Accept no connection any more."""
        self._is_ending = True
        self._listener.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # A connection wakes the listening thread, of whatever kind it is.
        if not self._is_ending:
            self._is_ending = True
            socket.create_connection(("127.0.0.1", self.port)).close()
        for sock in self._clients:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        for thread in self._threads:
            thread.join(PATIENCE)
        self._listener.close()
