"""Takes a request's connection away from the WSGI server: it lives on, and the request ends.

The server's socket object stays, but what is inside of it is dead, so that whatever the server
still does with it (read the next request, shut it down, linger, close) cannot reach the client.
Of TLS the server's side stays in use: it carries the bytes for as long as the connection lasts.
"""

import _socket
import contextlib
import selectors
import socket
import ssl
import time
from collections.abc import Callable
from selectors import EVENT_READ, EVENT_WRITE
from typing import Any, NamedTuple, NoReturn
from wsgiref.types import WSGIEnvironment

from omcrm.concurrency import native_epoll

_PIECE = 65536
# Where TLS keeps the server's end of the pair, between taking and leaving.
_TUNNEL = "omcrm.tunnel"
# epoll's own value; under green threads the module does not show it.
_HUNG_UP = 0x2000
# A TLS client that takes nothing for so long is gone; the plain ones are the taker's to watch.
_STALLED = 30.0
# So long a TLS client may take to answer our end with its own.
_GOODBYE = 1.0


class NotDetachable(Exception):
    """The request's connection cannot be taken; nothing was done, the app answers as usual."""


class DetachedSocket(NamedTuple):
    """A connection that is ours alone, and what its client sent right behind the request."""

    # Not `socket.socket`, which may be patched; non-blocking, and closed only by who took it.
    socket: _socket.socket
    early: bytes


def take(environ: WSGIEnvironment) -> DetachedSocket:
    """The connection of this request; the app must then `leave`.

    Raises NotTakeable for an unknown server, HTTP/2, and a request with a body.
    """
    theirs = _connection(environ)
    _refuse_more_than_a_request(environ)
    _set(theirs, socket.TCP_NODELAY, 1)
    if hasattr(theirs, "do_handshake"):
        # What is made by a patched module waits as this server's threads do.
        ours, environ[_TUNNEL] = socket.socketpair()
        taken = _socket.socket(fileno=ours.detach())
        theirs.setblocking(False)
    else:
        taken = _exchange(theirs)
    taken.setblocking(False)
    return DetachedSocket(taken, bytes(environ["wsgi.input"].reader.unreader.take_buffered()))


def has_hung_up(environ: WSGIEnvironment) -> bool:
    """Whether the client of this request is gone, or will read no answer; False if unknown."""
    try:
        theirs = _connection(environ)
    except NotDetachable:
        return False
    with contextlib.closing(native_epoll()) as epoll:
        epoll.register(theirs.fileno(), _HUNG_UP)
        return bool(epoll.poll(0))


def leave(environ: WSGIEnvironment) -> NoReturn:
    """Let the outermost app go, once it has taken: the server ends the request without a word.

    With TLS it first waits for the connection's end. Raises StopIteration, which the server takes
    for that.
    """
    plain = environ.pop(_TUNNEL, None)
    if plain is not None:
        tls = _connection(environ)
        try:
            _carry(tls, plain)
        finally:
            plain.close()
            with contextlib.suppress(OSError):
                # Forgets the TLS state, too: nothing decrypted is left to be read as a request.
                tls.shutdown(socket.SHUT_RDWR)
            _exchange(tls).close()
    raise StopIteration


def system_socket(theirs: Any) -> _socket.socket:
    """The system's socket, around which eventlet (sometimes twice) and gevent put their own."""
    while not isinstance(theirs, _socket.socket):
        theirs = theirs.fd if hasattr(theirs, "fd") else theirs._sock
    return theirs


def _connection(environ: WSGIEnvironment) -> Any:
    """The server's socket of this request."""
    try:
        return environ["gunicorn.socket"]
    except KeyError:
        raise NotDetachable(f"unknown server: {environ.get('SERVER_SOFTWARE')}") from None


def _refuse_more_than_a_request(environ: WSGIEnvironment) -> None:
    """Other streams would be taken along with HTTP/2, and the body as if it came behind."""
    if environ["SERVER_PROTOCOL"].startswith("HTTP/2"):
        raise NotDetachable("HTTP/2 has one connection for many requests")
    has_body = environ.get("CONTENT_LENGTH") not in (None, "", "0")
    if has_body or "HTTP_TRANSFER_ENCODING" in environ:
        raise NotDetachable("the request has a body")


def _set(theirs: Any, option: int, value: int) -> None:
    """Set an option of TCP, where it is that."""
    if theirs.family in (socket.AF_INET, socket.AF_INET6):
        theirs.setsockopt(socket.IPPROTO_TCP, option, value)


def _exchange(theirs: Any) -> _socket.socket:
    """What was inside of the server's socket; it holds a dead one from now on.

    The descriptor keeps its number: libev's epoll still knows it, and for a duplicate would report
    traffic under the old number, of which it gets rid only by building itself anew each time.
    """
    inner = system_socket(theirs)
    # Reading gives the end at once, writing fails: nobody ever waits for it.
    dead, other = _socket.socketpair()
    other.close()
    descriptor = _socket.socket.detach(inner)
    _socket.socket.__init__(inner, dead.family, dead.type, dead.proto, dead.detach())
    return _socket.socket(fileno=descriptor)


# TLS


class _Direction:
    """One way through the tunnel, with at most one piece under way."""

    def __init__(self, source: Any, sink: Any, at_end: Callable[[], None]) -> None:
        self._source = source
        self._sink = sink
        self._at_end = at_end
        self._piece = b""
        self.ended = False

    def move(self) -> tuple[Any, int] | None:
        """Go one step; or who must first be ready for what."""
        at, event = (self._sink, EVENT_WRITE) if self._piece else (self._source, EVENT_READ)
        try:
            moved = self._give() if self._piece else self._fetch()
        except ssl.SSLWantReadError:
            return at, EVENT_READ
        except ssl.SSLWantWriteError:
            return at, EVENT_WRITE
        except BlockingIOError:
            return at, event
        # gevent's TLS says zero where the others raise.
        return None if moved else (at, event)

    def _fetch(self) -> bool:
        self._piece = self._source.recv(_PIECE)
        if not self._piece:
            self.ended = True
            self._at_end()
        return True

    def _give(self) -> bool:
        sent = self._sink.send(self._piece)
        self._piece = self._piece[sent:]
        return bool(sent)


def _carry(tls: Any, plain: Any) -> None:
    """Move bytes both ways until both have ended or one is gone.

    In a single thread: OpenSSL does not let two use a connection at once.
    """
    plain.setblocking(False)
    _set(tls, socket.TCP_USER_TIMEOUT, int(_STALLED * 1000))
    inward = _Direction(tls, plain, lambda: plain.shutdown(socket.SHUT_WR))
    outward = _Direction(plain, tls, lambda: _hang_up(tls))
    with contextlib.suppress(OSError), selectors.DefaultSelector() as selector:
        while not outward.ended:
            _step(selector, [outward] if inward.ended else [inward, outward], None)
        until = time.monotonic() + _GOODBYE
        while not inward.ended and time.monotonic() < until:
            _step(selector, [inward], until - time.monotonic())


def _step(selector: selectors.BaseSelector, tiers: list[_Direction], timeout: float | None) -> None:
    """Go on in each lane; where nothing moves, wait until something may."""
    waits = [tier.move() for tier in tiers]
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
    """Say that nothing more comes, and still listen."""
    # Not `unwrap`, which under eventlet closes the connection. Half of the goodbye is an error.
    with contextlib.suppress(ssl.SSLError):
        tls._sslobj.shutdown()
    _socket.socket.shutdown(system_socket(tls), socket.SHUT_WR)
