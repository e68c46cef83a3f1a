"""Detaches a request's connection from the WSGI server: the request ends, the connection stays.

The server keeps its socket object, which holds a dead socket from then on: whatever the server
still does with it (read the next request, shut it down, linger, close) cannot reach the client.
With TLS the server's socket stays in use: it relays the bytes for as long as the connection lasts.
"""

import _socket
import contextlib
import selectors
import socket
import ssl
import time
from collections.abc import Callable
from selectors import EVENT_READ, EVENT_WRITE, BaseSelector
from typing import Any, NamedTuple, NoReturn
from wsgiref.types import WSGIEnvironment

from omcrm.concurrency import native_epoll

_PIECE = 65536
# With TLS, the server's end of the socket pair between `detach` and `end_request`.
_TUNNEL = "omcrm.tunnel"
# epoll's own value; patched select modules lack it.
_HUNG_UP = 0x2000
# After this time without progress a TLS client is gone; plain ones have the caller's timeout.
_STALLED = 30.0
# How long a TLS client may take to answer our close_notify.
_CLOSE_TIMEOUT = 1.0


class NotDetachable(Exception):
    """The request's connection cannot be detached; nothing was changed, the app may answer."""


class DetachedSocket(NamedTuple):
    """A detached connection, and the bytes that its client sent right after the request."""

    # Not `socket.socket`, which may be patched; non-blocking; the caller closes it.
    socket: _socket.socket
    early: bytes


def detach(environ: WSGIEnvironment) -> DetachedSocket:
    """The connection of this request; the app must call `end_request` afterwards.

    Raises NotDetachable for an unknown server, HTTP/2, and a request with a body.
    """
    server_socket = _connection(environ)
    _check_detachable(environ)
    _set(server_socket, socket.TCP_NODELAY, 1)
    if hasattr(server_socket, "do_handshake"):
        # A patched module's sockets block only this server's (green) thread.
        ours, environ[_TUNNEL] = socket.socketpair()
        detached = _socket.socket(fileno=ours.detach())
        server_socket.setblocking(False)
    else:
        detached = _swap_out(server_socket)
    detached.setblocking(False)
    return DetachedSocket(detached, bytes(environ["wsgi.input"].reader.unreader.take_buffered()))


def has_hung_up(environ: WSGIEnvironment) -> bool:
    """Whether the client of this request has closed its connection; False if unknown."""
    try:
        server_socket = _connection(environ)
    except NotDetachable:
        return False
    with contextlib.closing(native_epoll()) as epoll:
        epoll.register(server_socket.fileno(), _HUNG_UP)
        return bool(epoll.poll(0))


def end_request(environ: WSGIEnvironment) -> NoReturn:
    """End the request of a detached connection: the server sends no answer.

    With TLS it first relays until the connection ends. Raises StopIteration, by which the server
    knows that the connection is finished.
    """
    plain = environ.pop(_TUNNEL, None)
    if plain is not None:
        tls = _connection(environ)
        try:
            _relay(tls, plain)
        finally:
            plain.close()
            with contextlib.suppress(OSError):
                # Also drops the TLS state: no decrypted bytes are left to be read as a request.
                tls.shutdown(socket.SHUT_RDWR)
            _swap_out(tls).close()
    raise StopIteration


def system_socket(server_socket: Any) -> _socket.socket:
    """The system's socket inside the wrappers of eventlet (sometimes two) and gevent."""
    while not isinstance(server_socket, _socket.socket):
        server_socket = server_socket.fd if hasattr(server_socket, "fd") else server_socket._sock
    return server_socket


def _connection(environ: WSGIEnvironment) -> Any:
    """The server's socket of this request."""
    try:
        return environ["gunicorn.socket"]
    except KeyError:
        raise NotDetachable(f"unknown server: {environ.get('SERVER_SOFTWARE')}") from None


def _check_detachable(environ: WSGIEnvironment) -> None:
    """HTTP/2 carries other requests' streams, and a body would be read as early data."""
    if environ["SERVER_PROTOCOL"].startswith("HTTP/2"):
        raise NotDetachable("HTTP/2 has one connection for many requests")
    has_body = environ.get("CONTENT_LENGTH") not in (None, "", "0")
    if has_body or "HTTP_TRANSFER_ENCODING" in environ:
        raise NotDetachable("the request has a body")


def _set(server_socket: Any, option: int, value: int) -> None:
    """Set a TCP option if the socket is TCP."""
    if server_socket.family in (socket.AF_INET, socket.AF_INET6):
        server_socket.setsockopt(socket.IPPROTO_TCP, option, value)


def _swap_out(server_socket: Any) -> _socket.socket:
    """The system socket inside the server's socket, which holds a dead one from now on.

    The descriptor keeps its number: libev's epoll still has it registered, and for a duplicate it
    would report traffic under the old number and have to rebuild itself each time.
    """
    inner = system_socket(server_socket)
    # Reading gives the end at once, writing fails: no thread ever waits for it.
    dead, other = _socket.socketpair()
    other.close()
    descriptor = _socket.socket.detach(inner)
    _socket.socket.__init__(inner, dead.family, dead.type, dead.proto, dead.detach())
    return _socket.socket(fileno=descriptor)


# TLS


class _Direction:
    """One direction of the relay, with at most one chunk in flight."""

    def __init__(self, source: Any, sink: Any, at_end: Callable[[], None]) -> None:
        self._source = source
        self._sink = sink
        self._at_end = at_end
        self._piece = b""
        self.ended = False

    def move(self) -> tuple[Any, int] | None:
        """Receive or send one chunk; else the socket that must be ready first, and its event."""
        at, event = (self._sink, EVENT_WRITE) if self._piece else (self._source, EVENT_READ)
        try:
            moved = self._send() if self._piece else self._receive()
        except ssl.SSLWantReadError:
            return at, EVENT_READ
        except ssl.SSLWantWriteError:
            return at, EVENT_WRITE
        except BlockingIOError:
            return at, event
        # gevent's TLS returns zero where the others raise.
        return None if moved else (at, event)

    def _receive(self) -> bool:
        self._piece = self._source.recv(_PIECE)
        if not self._piece:
            self.ended = True
            self._at_end()
        return True

    def _send(self) -> bool:
        sent = self._sink.send(self._piece)
        self._piece = self._piece[sent:]
        return bool(sent)


def _relay(tls: Any, plain: Any) -> None:
    """Relay bytes both ways until both directions have ended or one side is gone.

    In a single thread: OpenSSL does not let two use a connection at once.
    """
    plain.setblocking(False)
    _set(tls, socket.TCP_USER_TIMEOUT, int(_STALLED * 1000))
    inward = _Direction(tls, plain, lambda: plain.shutdown(socket.SHUT_WR))
    outward = _Direction(plain, tls, lambda: _hang_up(tls))
    with contextlib.suppress(OSError), selectors.DefaultSelector() as selector:
        while not outward.ended:
            _step(selector, [outward] if inward.ended else [inward, outward], None)
        until = time.monotonic() + _CLOSE_TIMEOUT
        while not inward.ended and time.monotonic() < until:
            _step(selector, [inward], until - time.monotonic())


def _step(selector: BaseSelector, directions: list[_Direction], timeout: float | None) -> None:
    """Move each direction on; if none moved, wait until one may."""
    waits = [direction.move() for direction in directions]
    wanted: dict[Any, int] = {}
    for wait in waits:
        if wait is None:
            return
        wanted[wait[0]] = wanted.get(wait[0], 0) | wait[1]
    for known in list(selector.get_map().values()):
        if wanted.get(known.fileobj) == known.events:
            del wanted[known.fileobj]
        else:
            selector.unregister(known.fileobj)
    for item, events in wanted.items():
        selector.register(item, events)
    selector.select(timeout)


def _hang_up(tls: Any) -> None:
    """End our side of the TLS stream; the client's stays open."""
    # Not `unwrap`, which under eventlet closes the connection. A one-sided close raises SSLError.
    with contextlib.suppress(ssl.SSLError):
        tls._sslobj.shutdown()
    _socket.socket.shutdown(system_socket(tls), socket.SHUT_WR)
