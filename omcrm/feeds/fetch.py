"""HTTP to upstreams: the only file of the feeds that makes a request.

By the standard library: it follows no redirect, and never logs a URL, in which a key may be.
"""

import contextlib
import http.client
import socket
import ssl
import threading
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeAlias
from urllib.parse import SplitResult, urlsplit

from omcrm.errors import FeedError, FeedUnreached
from omcrm.feeds.provider import Call, Reply

_CONNECT_TIMEOUT = 5.0
_READ_TIMEOUT = 10.0
# Each address may take the whole connect timeout, and a name may have hundreds of them.
_MOST_ADDRESSES = 3
# The largest regular answer has 250 coins in it.
_LARGEST = 4 * 1024 * 1024
_HEADERS = {
    "User-Agent": "OMCRM (self-hosted trading desk)",
    "Accept": "application/json",
    "Accept-Encoding": "gzip",
}
_KINDS: Mapping[str, type[http.client.HTTPConnection]] = {
    "http": http.client.HTTPConnection,
    "https": http.client.HTTPSConnection,
}
_GZIP = 16 + zlib.MAX_WBITS

Choose: TypeAlias = Callable[[Sequence[str]], Sequence[str]]
"""Returns the IP addresses of a host that may be connected to; raises FeedError for none."""


class Fetcher:
    """Keeps the connection to one upstream alive between calls; thread-safe, one call at a time.

    No call takes longer than `longest` seconds after its connection is made, however slowly the
    answer arrives, and no answer may have more than `largest` bytes. With `choose`, only the
    addresses that it returns are connected to.
    """

    def __init__(
        self, longest: float = 20.0, largest: int = _LARGEST, choose: Choose | None = None
    ) -> None:
        self.closed = False
        self._longest = longest
        self._largest = largest
        self._choose = choose
        self._call_lock = threading.Lock()
        self._lock = threading.Lock()
        self._connection: http.client.HTTPConnection | None = None
        self._origin = ""
        self._socket: socket.socket | None = None
        self._cut_reason = ""

    def get(self, call: Call) -> Reply:
        """The upstream's reply; raises FeedError where there is none."""
        try:
            with self._call_lock:
                return self._get(call)
        finally:
            self._close_if_unused()

    def close(self) -> None:
        """End the connection, also in the middle of an answer; later calls fail."""
        self.closed = True
        self._cut("stopped")
        self._close_if_unused()

    def _get(self, call: Call) -> Reply:
        self._cut_reason = ""
        if self.closed:
            raise FeedError("stopped")
        alarm = threading.Timer(self._longest, self._cut, ["timed out"])
        alarm.daemon = True
        alarm.start()
        try:
            return self._ask(call)
        except FeedError:
            self._drop_connection()
            raise
        except (http.client.HTTPException, OSError, ValueError, zlib.error) as error:
            self._drop_connection()
            raise FeedError(self._cut_reason or _words(error)) from None
        finally:
            alarm.cancel()

    def _ask(self, call: Call) -> Reply:
        with self._answer(call) as answer:
            body = answer.read(self._largest + 1)
        # Without a Content-Length, a connection that was cut looks like the end of the body.
        if self._cut_reason:
            raise FeedError(self._cut_reason)
        if len(body) > self._largest:
            raise FeedError(f"answer of more than {self._largest} bytes")
        if answer.length:
            raise FeedError("connection lost")
        headers = {name.lower(): value for name, value in answer.getheaders()}
        if answer.will_close:
            self._drop_connection()
        encoding = headers.get("content-encoding", "")
        return Reply(answer.status, headers, _unpacked(body, encoding, self._largest))

    def _answer(self, call: Call) -> http.client.HTTPResponse:
        url = urlsplit(call.url)
        origin = f"{url.scheme}://{url.netloc}"
        kept = self._connection if self._origin == origin else None
        if kept is not None:
            # The upstream may have closed it meanwhile, which shows only at the next write.
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                return _begin(kept, url, call)
            if self._cut_reason:
                raise FeedError(self._cut_reason)
        self._drop_connection()
        self._origin = origin
        try:
            return _begin(self._connected(url), url, call)
        except FeedUnreached as error:
            if kept is None:
                raise
            # The call may have reached the upstream on the connection that is closed now.
            raise FeedError(str(error)) from None

    def _connected(self, url: SplitResult) -> http.client.HTTPConnection:
        if url.scheme not in _KINDS or not url.hostname:
            raise FeedError("its address is no HTTP URL")
        make = _KINDS[url.scheme]
        connection = make(url.hostname, url.port, timeout=_CONNECT_TIMEOUT)
        if self._choose is not None:
            # The library's own hook. It connects by address, so that a second look-up of the name
            # cannot give another one.
            connection._create_connection = partial(_dial, self._choose)  # type: ignore[attr-defined]
        try:
            connection.connect()
            connection.sock.settimeout(_READ_TIMEOUT)
        except OSError as error:
            connection.close()
            raise FeedUnreached(self._cut_reason or _words(error)) from None
        except BaseException:
            connection.close()
            raise
        with self._lock:
            self._connection, self._socket = connection, connection.sock
        if self._cut_reason or self.closed:
            raise FeedError(self._cut_reason or "stopped")
        return connection

    def _drop_connection(self) -> None:
        with self._lock:
            connection, self._connection = self._connection, None
            sock, self._socket = self._socket, None
        if connection is not None:
            connection.close()
        if sock is not None:
            sock.close()

    def _close_if_unused(self) -> None:
        """Close the connection of a closed fetcher, unless a call uses it: that call closes it."""
        if self.closed and self._call_lock.acquire(blocking=False):
            self._drop_connection()
            self._call_lock.release()

    def _cut(self, reason: str) -> None:
        with self._lock:
            self._cut_reason = self._cut_reason or reason
            # Wakes the reading thread, which then closes the socket.
            if self._socket is not None:
                with contextlib.suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)


def _begin(
    connection: http.client.HTTPConnection, url: SplitResult, call: Call
) -> http.client.HTTPResponse:
    target = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
    connection.request("GET", target, headers={**_HEADERS, **call.headers})
    return connection.getresponse()


def _dial(
    choose: Choose,
    host_port: tuple[str, int],
    timeout: float,
    source: tuple[str, int] | None = None,
) -> socket.socket:
    """A connection to one of the chosen addresses of a host."""
    entries = socket.getaddrinfo(*host_port, type=socket.SOCK_STREAM)
    problem: OSError | None = None
    addresses = choose(list(dict.fromkeys(str(entry[4][0]) for entry in entries)))
    for address in addresses[:_MOST_ADDRESSES]:
        try:
            return socket.create_connection((address, host_port[1]), timeout, source)
        except OSError as error:
            problem = error
    raise problem or OSError("no address to connect to")


def _unpacked(body: bytes, encoding: str, largest: int) -> bytes:
    if encoding in ("", "identity"):
        return body
    if encoding != "gzip":
        raise FeedError("answer in an unknown encoding")
    unpacker = zlib.decompressobj(_GZIP)
    # A few bytes may unpack into gigabytes.
    plain = unpacker.decompress(body, largest + 1)
    if len(plain) > largest:
        raise FeedError(f"answer of more than {largest} bytes")
    if not unpacker.eof:
        raise FeedError("answer cut short")
    return plain


def _words(error: Exception) -> str:
    # The error's own text may hold the URL or a header, and with it the key.
    if isinstance(error, socket.gaierror):
        return "host not found"
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, ssl.SSLCertVerificationError):
        return "its certificate is not valid"
    if isinstance(error, ConnectionError | http.client.IncompleteRead):
        return "connection lost"
    return f"no answer ({type(error).__name__})"
