"""A way to a server on this machine that can be shut: nothing gets through, nothing is refused."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_CHUNK = 65_536


class TcpRelay:
    """Listens on a port of its own, and hands everything on to the server's, from `start` to
    `stop`.

    While it is shut, bytes are kept and new connections get no answer, as where packets are
    dropped; what was kept arrives late when it opens, as TCP sends it again.
    """

    def __init__(self, port: int) -> None:
        self._server = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open = threading.Event()
        self._open.set()
        self._ended = False
        self._sockets: set[socket.socket] = set()

    @property
    def port(self) -> int:
        """The port to connect to."""
        return int(self._listener.getsockname()[1])

    def start(self) -> None:
        """Accept connections from now on."""
        threading.Thread(target=self._accept, name="tcp-relay", daemon=True).start()

    def stop(self) -> None:
        """End it with its connections."""
        self._ended = True
        self._open.set()
        for end in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    @contextmanager
    def shut(self) -> Iterator[None]:
        """Meanwhile nothing gets through."""
        self._open.clear()
        try:
            yield
        finally:
            self._open.set()

    def _accept(self) -> None:
        while not self._ended:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        self._sockets.add(client)
        self._open.wait()
        try:
            server = socket.create_connection(self._server)
        except OSError:
            self._end(client)
            return
        self._sockets.add(server)
        back = threading.Thread(target=self._carry, args=(server, client), daemon=True)
        back.start()
        self._carry(client, server)
        back.join()
        self._end(client, server)

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK):
                self._open.wait()
                target.sendall(data)
        # The end of a connection is also a packet.
        self._open.wait()
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _end(self, *ends: socket.socket) -> None:
        for end in ends:
            end.close()
            self._sockets.discard(end)
