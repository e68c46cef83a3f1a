"""Every answer of an upstream over HTTP becomes a reply or an error without the key in it.

Long for a reason: there is a test for each way in which a call can fail.
"""

import gc
import gzip
import json
import logging
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from http.client import HTTPResponse

import pytest

from omcrm.concurrency import MODES
from omcrm.errors import FeedError, FeedUnreached
from omcrm.feeds import dialer, fetch
from omcrm.feeds.fetch import Fetcher
from omcrm.feeds.provider import Call
from omcrm.market.feed_event import FeedCode
from tests.feeds.hostile_upstreams import EXPECTED, dripping, secured
from tests.feeds.upstream import Upstream, answering, http
from tests.processes import PATIENCE, ROOT, free_port, wait_for
from tests.threads import Threads

KEY = "a-very-secret-key"


@pytest.fixture
def fetcher() -> Iterator[Fetcher]:
    """A fetcher whose connection ends with the test, and that leaves no thread behind."""
    threads = Threads()
    fetcher = Fetcher()
    yield fetcher
    fetcher.close()
    threads.wait()


def call(url: str) -> Call:
    """A call with its key in the URL and in a header."""
    return Call(f"{url}/prices?ids=a%2Cb&token={KEY}", ("a", "b"), {"X-Key": KEY})


def failure(fetcher: Fetcher, url: str) -> str:
    """The text of the error that a call to `url` must raise."""
    with pytest.raises(FeedError) as raised:
        fetcher.get(call(url))
    assert KEY not in repr(raised.value)
    return str(raised.value)


def reset(client: socket.socket, request: bytes) -> bool:
    """End the connection by a reset."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


# Answers


def test_asks_and_reads_the_answer(fetcher: Fetcher) -> None:
    """A call is sent with its query and headers; status, headers and body come back."""
    with Upstream(answering(http(b'{"a":1}', "200 OK", "Retry-After: 7"))) as upstream:
        reply = fetcher.get(call(upstream.url))
    line, *headers = upstream.requests[0].decode().split("\r\n")

    assert (200, "7", b'{"a":1}') == (reply.status, reply.headers["retry-after"], reply.body)
    assert f"GET /prices?ids=a%2Cb&token={KEY} HTTP/1.1" == line
    assert {f"Host: 127.0.0.1:{upstream.port}", f"X-Key: {KEY}"} <= set(headers)
    assert 1 == sum(header.lower().startswith("user-agent: omcrm") for header in headers)


@pytest.mark.parametrize("url", ["/", "", "/?a=b", "?a=b"])
def test_asks_for_the_root_too(fetcher: Fetcher, url: str) -> None:
    """An address without a path is the root's."""
    with Upstream(answering(http())) as upstream:
        fetcher.get(Call(f"{upstream.url}{url}", ()))

    query = url.partition("?")[2]
    assert upstream.requests[0].split(b" ")[1].decode() == (f"/?{query}" if query else "/")


@pytest.mark.parametrize("status", ["404 Not Found", "429 Too Many", "500 Oops"])
def test_a_refusal_is_a_reply(fetcher: Fetcher, status: str) -> None:
    """The provider decides what a status means."""
    with Upstream(answering(http(b"no", status))) as upstream:
        reply = fetcher.get(call(upstream.url))

    assert (int(status[:3]), b"no") == (reply.status, reply.body)


def test_a_redirect_is_not_followed(fetcher: Fetcher) -> None:
    """The key is sent to no other host."""
    with Upstream(answering(http())) as elsewhere:
        moved = http(b"", "302 Found", f"Location: {elsewhere.url}/there")
        with Upstream(answering(moved)) as upstream:
            reply = fetcher.get(call(upstream.url))

    assert 302 == reply.status
    assert 0 == elsewhere.connections


@pytest.mark.parametrize("chunked", [True, False])
def test_unpacks(fetcher: Fetcher, *, chunked: bool) -> None:
    """A compressed body is read, whether its length is known before or not."""
    packed = gzip.compress(b'{"a":1}' * 1000)
    raw = http(packed, "200 OK", "Content-Encoding: gzip")
    if chunked:
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
        raw = head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(packed), packed)
    with Upstream(answering(raw)) as upstream:
        replies = [fetcher.get(call(upstream.url)) for _ in range(2)]

    assert [b'{"a":1}' * 1000] * 2 == [reply.body for reply in replies]
    assert 1 == upstream.connections


def test_an_answer_that_ends_with_its_connection(fetcher: Fetcher) -> None:
    """A body without a length is read to the connection's end, and the next call connects anew."""
    with Upstream(answering(b"HTTP/1.0 200 OK\r\n\r\n{}", keep=False)) as upstream:
        replies = [fetcher.get(call(upstream.url)) for _ in range(2)]

    assert [b"{}", b"{}"] == [reply.body for reply in replies]
    assert 2 == upstream.connections


# The kept connection


def test_keeps_its_connection(fetcher: Fetcher) -> None:
    """Two calls one after the other use one connection."""
    with Upstream(answering(http())) as upstream:
        for _ in range(3):
            fetcher.get(call(upstream.url))

    assert (1, 3) == (upstream.connections, len(upstream.requests))


def test_asks_again_where_the_upstream_ends_it_at_the_next_call(fetcher: Fetcher) -> None:
    """A kept connection that is closed while the next call is sent costs no error."""
    with Upstream(answering(http())) as upstream:
        fetcher.get(call(upstream.url))
        upstream.serve = lambda *_: setattr(upstream, "serve", answering(http())) or False

        assert 200 == fetcher.get(call(upstream.url)).status

    assert (2, 3) == (upstream.connections, len(upstream.requests))


def test_connects_anew_where_the_upstream_has_ended_it(fetcher: Fetcher) -> None:
    """A kept connection that was closed meanwhile costs no extra call."""
    with Upstream(answering(http(), keep=False)) as upstream:
        for _ in range(3):
            assert 200 == fetcher.get(call(upstream.url)).status
            time.sleep(0.05)

    assert (3, 3) == (upstream.connections, len(upstream.requests))


def test_another_host_has_another_connection(fetcher: Fetcher) -> None:
    """A connection is kept for its own host only."""
    with Upstream(answering(http(b"1"))) as one, Upstream(answering(http(b"2"))) as two:
        bodies = [fetcher.get(call(upstream.url)).body for upstream in (one, two, one)]

    assert [b"1", b"2", b"1"] == bodies


def test_threads_call_one_at_a_time(fetcher: Fetcher) -> None:
    """Each of many threads gets its own answer."""

    def echo(client: socket.socket, request: bytes) -> bool:
        client.sendall(http(request.split(b" ")[1]))
        return True

    got: dict[int, bytes] = {}
    with Upstream(echo) as upstream:

        def ask(number: int) -> None:
            got[number] = fetcher.get(Call(f"{upstream.url}/{number}", ())).body

        threads = [threading.Thread(target=ask, args=[number]) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert {number: b"/%d" % number for number in range(20)} == got


# Allowed addresses


def test_only_chosen_addresses_are_connected_to() -> None:
    """They are chosen before anything is sent, and the Host header keeps the name."""
    seen: list[str] = []

    def choose(addresses: Sequence[str]) -> list[str]:
        seen.extend(addresses)
        return [address for address in addresses if address == "127.0.0.1"]

    fetcher = Fetcher(choose=choose)
    with Upstream(answering(http())) as upstream:
        url = f"http://localhost:{upstream.port}"
        assert 200 == fetcher.get(call(url)).status
    fetcher.close()

    assert "127.0.0.1" in seen
    assert f"Host: localhost:{upstream.port}" in upstream.requests[0].decode()


@pytest.mark.parametrize("refuses", [True, False])
def test_none_may_be_connected_to(*, refuses: bool) -> None:
    """No connection is made, and an error of `choose` is passed on."""

    def choose(addresses: Sequence[str]) -> list[str]:
        if refuses:
            raise FeedError(FeedCode.REDIRECTED_INSIDE)
        return []

    with Upstream(answering(http())) as upstream, closing(Fetcher(choose=choose)) as fetcher:
        words = failure(fetcher, upstream.url)

    assert ("redirected to a private address" if refuses else "no answer (OSError)") == words
    assert 0 == upstream.connections


# Proxies


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Upstream]:
    """A proxy that the environment names, and that answers every request."""
    with Upstream(answering(http(b"by way of the proxy"))) as proxy:
        for name in ("http_proxy", "HTTP_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        yield proxy


def test_the_proxy_of_the_environment_is_used(fetcher: Fetcher, proxy: Upstream) -> None:
    """It gets the name: nothing is looked up here."""
    reply = fetcher.get(call("http://no-such-host.invalid"))

    assert b"by way of the proxy" == reply.body
    assert proxy.requests[0].startswith(b"GET http://no-such-host.invalid/prices?")


def test_this_machine_is_asked_without_a_proxy(fetcher: Fetcher, proxy: Upstream) -> None:
    """So is the built-in exchange of a demonstration."""
    with Upstream(answering(http(b"directly"))) as upstream:
        urls = (upstream.url, f"http://localhost:{upstream.port}")
        bodies = [fetcher.get(call(url)).body for url in urls]

    assert [b"directly"] * 2 == bodies
    assert [] == proxy.requests


def test_a_proxy_that_is_not_there(fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says that it is the proxy, and the call was not sent."""
    monkeypatch.setenv("http_proxy", f"http://somebody:secret@127.0.0.1:{free_port()}")
    with pytest.raises(FeedUnreached) as raised:
        fetcher.get(call("http://upstream.example"))

    assert "its proxy: connection refused" == str(raised.value)


def test_a_proxy_of_another_kind(fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its library would wait for longer than a call may."""
    monkeypatch.setenv("http_proxy", "socks5://127.0.0.1:1")

    assert "its proxy is none of HTTP" == failure(fetcher, "http://upstream.example")


def test_known_addresses_are_chosen_before_a_proxy_is_asked(proxy: Upstream) -> None:
    """A proxy's own address may be any; what only the proxy can look up is left to it."""
    seen: list[str] = []

    def choose(addresses: Sequence[str]) -> list[str]:
        seen.extend(addresses)
        raise FeedError(FeedCode.REDIRECTED_INSIDE)

    with closing(Fetcher(choose=choose)) as fetcher:
        assert "redirected to a private address" == failure(fetcher, "http://10.1.2.3")
        assert 200 == fetcher.get(call("http://no-such-host.invalid")).status

    assert ["10.1.2.3"] == seen
    assert 1 == len(proxy.requests)


# Hostile upstreams


@pytest.mark.parametrize("mode", MODES)
def test_the_worst_ends_in_time(mode: str, certificate: tuple[str, str]) -> None:
    """Whatever upstreams and proxies do, each call ends, by itself or closed, and says why."""
    command = [sys.executable, "-m", "tests.feeds.hostile_upstreams", mode, *certificate]
    environ = {**os.environ, "SSL_CERT_FILE": certificate[0]}
    ended = subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, timeout=4 * PATIENCE, check=False
    )

    assert 0 == ended.returncode, ended.stderr.decode()[-3000:]
    assert EXPECTED == json.loads(ended.stdout)


# Failures


def test_nobody_listens(fetcher: Fetcher) -> None:
    """A port without a listener refuses."""
    assert "connection refused" == failure(fetcher, f"http://127.0.0.1:{free_port()}")


def test_a_lost_kept_connection_is_not_unreached(fetcher: Fetcher) -> None:
    """A call on a kept connection may have reached the upstream, though reconnecting fails."""
    with pytest.raises(FeedUnreached):
        fetcher.get(Call(f"http://127.0.0.1:{free_port()}", ()))
    with Upstream(answering(http())) as upstream:
        fetcher.get(Call(upstream.url, ()))
        upstream.serve = lambda *_: bool(upstream.refuse())
        with pytest.raises(FeedError) as gone:
            fetcher.get(Call(upstream.url, ()))

    assert FeedError is gone.type


def test_a_kept_connection_that_is_known_to_be_lost_is_not_used(fetcher: Fetcher) -> None:
    """The call is sent on a new one only, so that a refusal means that it was not sent."""
    with Upstream(answering(http())) as upstream:
        fetcher.get(Call(upstream.url, ()))
    with pytest.raises(FeedUnreached, match="connection refused"):
        fetcher.get(Call(upstream.url, ()))


def test_no_such_host(fetcher: Fetcher) -> None:
    """A name that does not resolve has its own text."""
    assert "host not found" == failure(fetcher, "http://no-such-host.invalid")


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "http://", "http://127.0.0.1:99999", "x", ""])
def test_no_url(fetcher: Fetcher, url: str) -> None:
    """A URL that is none raises FeedError."""
    assert failure(fetcher, url)


def test_a_slow_upstream(fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch) -> None:
    """An upstream that takes the request and sends nothing times out."""
    monkeypatch.setattr(dialer, "_READ_TIMEOUT", 0.2)
    waiting = threading.Event()
    with Upstream(lambda *_: waiting.wait(PATIENCE)) as upstream:
        words = failure(fetcher, upstream.url)
        waiting.set()

    assert "timed out" == words


def test_a_huge_answer(fetcher: Fetcher) -> None:
    """A larger answer than allowed is rejected, and the next call works."""
    with Upstream(answering(http(b"x" * (fetch._LARGEST + 1)))) as upstream:
        words = failure(fetcher, upstream.url)
        upstream.serve = answering(http(b"x" * fetch._LARGEST))
        reply = fetcher.get(call(upstream.url))

    assert "answer of more than 4194304 bytes" == words
    assert fetch._LARGEST == len(reply.body)


def test_its_own_bound() -> None:
    """`largest` is kept, compressed or not."""
    fetcher = Fetcher(largest=100)
    packed = http(gzip.compress(b"x" * 101), "200 OK", "Content-Encoding: gzip")
    for raw in (http(b"x" * 101), packed):
        with Upstream(answering(raw)) as upstream:
            assert "answer of more than 100 bytes" == failure(fetcher, upstream.url)
    fetcher.close()


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "no answer (BadStatusLine)"),
        (b"\0\xff\0\xff\r\n\r\n", "no answer (BadStatusLine)"),
        (b"", "connection lost"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}", "connection lost"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}", "connection lost"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}", "connection lost"),
        (http(b"{}", "200 OK", "Content-Encoding: gzip"), "no answer (error)"),
        (
            http(gzip.compress(b"{}", mtime=0)[:-5], "200 OK", "Content-Encoding: gzip"),
            "answer cut short",
        ),
        (http(b"{}", "200 OK", "Content-Encoding: br"), "answer in an unknown encoding"),
        (http(b"{}", "200 OK", "X: " + "x" * 100_000), "no answer (LineTooLong)"),
    ],
)
def test_garbage(fetcher: Fetcher, raw: bytes, words: str) -> None:
    """Bytes that are no HTTP, or are cut short, raise an error; the next call is answered."""
    with Upstream(answering(raw, keep=False)) as upstream:
        problem = failure(fetcher, upstream.url)
        upstream.serve = answering(http())
        assert 200 == fetcher.get(call(upstream.url)).status

    assert words == problem


def test_a_reset(fetcher: Fetcher) -> None:
    """A reset connection is reported as lost, and the call is not repeated."""
    with Upstream(reset) as upstream:
        words = failure(fetcher, upstream.url)

    assert "connection lost" == words
    assert 1 == len(upstream.requests)


def test_a_self_signed_certificate(fetcher: Fetcher, certificate: tuple[str, str]) -> None:
    """A host without a valid certificate gets no request."""
    with Upstream(answering(http()), secured(*certificate)) as upstream:
        words = failure(fetcher, f"https://localhost:{upstream.port}")

    assert "its certificate is not valid" == words
    assert [] == upstream.requests


def test_the_time_of_one_call(fetcher: Fetcher) -> None:
    """A call may have less time than others."""
    with Upstream(dripping(b"H")) as upstream, pytest.raises(FeedError, match="timed out"):
        fetcher.get(call(upstream.url), seconds=0.2)


def test_a_failure_leaves_nothing_to_the_garbage_collector(fetcher: Fetcher) -> None:
    """What failed is freed at once, by its own thread."""
    before = _answers()
    gc.disable()
    try:
        for raw in (b"garbage\r\n\r\n", b"", http(b"{}")[:-1], http(b"{}", "200", "X" * 70_000)):
            with Upstream(answering(raw, keep=False)) as upstream, suppress(FeedError):
                fetcher.get(call(upstream.url))
        assert before == _answers()
    finally:
        gc.enable()


def _answers() -> int:
    return sum(isinstance(thing, HTTPResponse) for thing in gc.get_objects())


# The key


def test_the_key_is_in_no_log(fetcher: Fetcher, caplog: pytest.LogCaptureFixture) -> None:
    """Not even a debug log holds the URL."""
    caplog.set_level(logging.DEBUG)
    for raw in (http(), http(b"{}", "200 OK", "no header at all"), b"garbage\r\n\r\n"):
        with Upstream(answering(raw, keep=False)) as upstream:
            try:
                fetcher.get(call(upstream.url))
            except FeedError as error:
                logging.getLogger("test").exception("failed", exc_info=error)

    assert KEY not in caplog.text
    assert "failed" in caplog.text


@pytest.mark.parametrize("key", ["two\r\nlines: x", "sp ace", "ключ", "\0"])
def test_a_key_that_cannot_be_sent(fetcher: Fetcher, key: str) -> None:
    """A key with invalid characters cannot change the request, and is in no error."""
    words: list[str] = []
    with Upstream(answering(http())) as upstream:
        for request in (Call(f"{upstream.url}/?k={key}", ()), Call(upstream.url, (), {"X": key})):
            try:
                fetcher.get(request)
            except FeedError as error:
                words.append(str(error))

    assert 2 == len(words) + len(upstream.requests)
    assert not any(key in word for word in words)
    assert all(3 == len(request.split(b"\r\n")[0].split(b" ")) for request in upstream.requests)
    assert not any(b"lines: x" in request.split(b"\r\n") for request in upstream.requests)


# The end


def test_nothing_is_asked_after_the_end(fetcher: Fetcher) -> None:
    """After `close` it makes no connection and no call, and its connection is closed."""
    with Upstream(answering(http())) as upstream:
        fetcher.get(call(upstream.url))
        fetcher.close()
        assert "stopped" == failure(fetcher, upstream.url)
        wait_for(lambda: not upstream.open, what="the end of the connection")

    assert 1 == len(upstream.requests)
