"""HTTP to upstreams: the only file of the feeds that makes a request.

It follows no redirect, and no error or log has a URL in it, in which a key may be.
"""

import contextlib
import http.client
import socket
import ssl
import threading
import zlib
from collections.abc import Iterator
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError

from omcrm.errors import FeedError, FeedUnreached
from omcrm.feeds.dialer import Choose, Dialer, Stage
from omcrm.feeds.provider import Call, Reply
from omcrm.feeds.upstream_session import UpstreamSession, is_proxied, proxies_for
from omcrm.market.feed_event import FeedCode, FeedFigures, FeedProblem

# The largest regular answer has 250 coins in it.
_LARGEST = 4 * 1024 * 1024
# What a name is worth that perhaps only the proxy can look up.
_LOOK_UP_TIMEOUT = 3.0
_GZIP = 16 + zlib.MAX_WBITS
# What the libraries raise; `OSError` includes what `requests` does.
_FAILURES = (OSError, HTTPError, http.client.HTTPException, ValueError, EOFError, zlib.error)


class Fetcher:
    """Keeps the connection to one upstream alive between calls; thread-safe, one call at a time.

    No call takes longer than `longest` seconds, however slowly the answer arrives, and no answer
    may have more than `largest` bytes, packed or unpacked. With `choose`, only the addresses that
    it returns are connected to. A proxy looks names up itself: then `choose` is asked only about
    addresses that are known here, too.
    """

    def __init__(
        self, longest: float = 20.0, largest: int = _LARGEST, choose: Choose | None = None
    ) -> None:
        self._longest = longest
        self._largest = largest
        self._choose = choose
        self._call_lock = threading.Lock()
        self._dialer = Dialer(choose)
        self._session = UpstreamSession(self._dialer)

    @property
    def closed(self) -> bool:
        """Whether no more calls are made."""
        return self._dialer.is_stopped

    def get(self, call: Call, seconds: float | None = None) -> Reply:
        """The upstream's reply, within `seconds` if they are less than the longest of any call.

        Raises FeedError where there is none.
        """
        longest = self._longest if seconds is None else min(seconds, self._longest)
        try:
            with self._call_lock:
                return self._get(call, longest)
        finally:
            self._close_if_unused()

    def close(self) -> None:
        """End the connection, also in the middle of an answer; later calls fail."""
        self._dialer.stop()
        self._close_if_unused()

    def _get(self, call: Call, seconds: float) -> Reply:
        if self.closed:
            raise FeedError(FeedCode.STOPPED)
        self._dialer.begin(seconds, self._largest)
        try:
            with self._answer(call) as answer:
                return self._read(answer)
        except _FAILURES as error:
            kind = FeedUnreached if self._dialer.stage is Stage.DIALING else FeedError
            problem = self._problem(error)
            raise kind(problem.code, problem.figures) from None

    def _answer(self, call: Call) -> requests.Response:
        """The answer's head, its body unread."""
        try:
            return self._send(call)
        except _FAILURES as error:
            is_lost = self._problem(error) == FeedProblem(FeedCode.CONNECTION_LOST)
            if self._dialer.stage is not Stage.KEPT or not is_lost:
                raise
        # The upstream has ended the kept connection meanwhile, which shows only at the next call.
        try:
            return self._send(call)
        except _FAILURES as error:
            # Not FeedUnreached: it may have received the call nevertheless.
            problem = self._problem(error)
            raise FeedError(problem.code, problem.figures) from None

    def _send(self, call: Call) -> requests.Response:
        url = urlsplit(call.url)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise FeedError(FeedCode.ADDRESS_INVALID)
        proxies = proxies_for(call.url)
        if self._choose is not None and is_proxied(call.url, proxies):
            with contextlib.suppress(OSError):
                known = self._dialer.look_up(url.hostname, url.port or 0, _LOOK_UP_TIMEOUT)
                self._choose(list(known))
        return self._session.get(
            call.url, headers=call.headers, proxies=proxies, stream=True, allow_redirects=False
        )

    def _read(self, answer: requests.Response) -> Reply:
        body = answer.raw.read(self._largest + 1, decode_content=False)
        # Without a Content-Length, a connection that was cut looks like the end of the body.
        if self.closed:
            raise FeedError(FeedCode.STOPPED)
        if len(body) > self._largest:
            raise FeedError(FeedCode.ANSWER_TOO_LARGE, FeedFigures(limit=self._largest))
        if answer.raw.length_remaining:
            raise FeedError(FeedCode.CONNECTION_LOST)
        headers = {name.lower(): value for name, value in answer.headers.items()}
        encoding = headers.get("content-encoding", "")
        return Reply(answer.status_code, headers, _unpacked(body, encoding, self._largest))

    def _problem(self, error: BaseException) -> FeedProblem:
        problem = FeedProblem(FeedCode.STOPPED) if self.closed else _problem(error)
        _forget_frames(error)
        return problem

    def _close_if_unused(self) -> None:
        """Close the connection of a closed fetcher, unless a call uses it: that call closes it."""
        if self.closed and self._call_lock.acquire(blocking=False):
            self._session.close()
            self._call_lock.release()


def _unpacked(body: bytes, encoding: str, largest: int) -> bytes:
    if encoding in ("", "identity"):
        return body
    if encoding != "gzip":
        raise FeedError(FeedCode.UNKNOWN_ENCODING)
    unpacker = zlib.decompressobj(_GZIP)
    # A few bytes may unpack into gigabytes.
    plain = unpacker.decompress(body, largest + 1)
    if len(plain) > largest:
        raise FeedError(FeedCode.ANSWER_TOO_LARGE, FeedFigures(limit=largest))
    if not unpacker.eof:
        raise FeedError(FeedCode.ANSWER_CUT_SHORT)
    return plain


_LOST = (ConnectionError, EOFError, ssl.SSLEOFError, http.client.IncompleteRead)
_CODES: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], FeedCode], ...] = (
    (socket.gaierror, FeedCode.HOST_NOT_FOUND),
    (TimeoutError, FeedCode.TIMED_OUT),
    (ConnectionRefusedError, FeedCode.CONNECTION_REFUSED),
    (ssl.SSLCertVerificationError, FeedCode.CERTIFICATE_INVALID),
    (_LOST, FeedCode.CONNECTION_LOST),
)


def _problem(error: BaseException) -> FeedProblem:
    """What is wrong. The error's own text may hold the URL or a header, and with it the key."""
    causes, by_proxy = list(_causes(error)), isinstance(error, requests.exceptions.ProxyError)
    codes = (code for cause in causes for kinds, code in _CODES if isinstance(cause, kinds))
    if code := next(codes, None):
        return FeedProblem(code, FeedFigures(by_proxy=by_proxy))
    figures = FeedFigures(detail=type(causes[0]).__name__, by_proxy=by_proxy)
    return FeedProblem(FeedCode.NO_ANSWER, figures)


def _forget_frames(error: BaseException) -> None:
    """Let what failed be freed now and by this thread: the libraries' frames hold their own errors.

    The exception of a signal is lost that comes while the collector frees an answer.
    """
    cause: BaseException | None = error
    while cause is not None:
        cause.__traceback__ = None
        cause = cause.__cause__ or cause.__context__


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error without the libraries' wrapping, and what led to it."""
    cause: BaseException | None = error
    while cause is not None:
        inner = cause.__cause__ or cause.__context__
        if inner is None or type(cause).__module__.partition(".")[0] not in ("requests", "urllib3"):
            yield cause
        cause = inner
