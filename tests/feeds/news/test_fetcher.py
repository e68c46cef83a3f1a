"""A source's feed is fetched only if it has changed, and redirects are restricted."""

import gzip
import socket
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from email.utils import format_datetime

import pytest

from omcrm.errors import FeedError, FeedRefused
from omcrm.feeds.news.fetcher import NewsFetcher, is_inside
from omcrm.feeds.provider import Reply
from tests.feeds.news.feeds import NOW
from tests.feeds.upstream import Upstream, answering, http
from tests.processes import Exchange


@pytest.fixture
def fetchers() -> Iterator[list[NewsFetcher]]:
    """Fetchers that are closed after the test."""
    made: list[NewsFetcher] = []
    yield made
    for fetcher in made:
        fetcher.close()


def ask(fetchers: list[NewsFetcher], url: str, **options: object) -> Reply | None:
    fetchers.append(NewsFetcher(url, **options))  # type: ignore[arg-type]
    return fetchers[-1].ask(NOW)


def moved(location: str, status: str = "302 Found") -> bytes:
    return http(b"", status, f"Location: {location}")


# Unchanged feeds


@pytest.mark.parametrize("path", ["rss", "atom"])
def test_what_has_not_changed_is_not_sent(
    fetchers: list[NewsFetcher], exchange: Exchange, path: str
) -> None:
    """With the tag and the time of the last answer, the source sends no body."""
    url = f"http://127.0.0.1:{exchange.port}/news/{path}"
    first = ask(fetchers, url)
    fetchers[0].remember(first)

    assert b"Simulated: " in first.body
    assert None is fetchers[0].ask(NOW)
    exchange.fault("trick", venue="news", name="extra")
    assert b"extra 1" in fetchers[0].ask(NOW).body


@pytest.mark.parametrize("header", ["ETag: x\ty", f"ETag: {'x' * 600}", "Etag:"])
def test_odd_tags_are_not_repeated(fetchers: list[NewsFetcher], header: str) -> None:
    """The feed is fetched again, and the request stays valid."""
    with Upstream(answering(http(b"", "200 OK", header))) as upstream:
        fetchers.append(NewsFetcher(upstream.url))
        for _ in range(2):
            fetchers[0].remember(fetchers[0].ask(NOW))

    assert b"if-none-match" not in upstream.requests[1].lower()


def test_asks_for_feeds(fetchers: list[NewsFetcher]) -> None:
    """The request has an Accept header, and a compressed answer is unpacked."""
    packed = http(gzip.compress(b"<rss/>"), "200 OK", "Content-Encoding: gzip")
    with Upstream(answering(packed)) as upstream:
        reply = ask(fetchers, upstream.url)

    assert b"<rss/>" == reply.body
    assert b"Accept: application/rss+xml" in upstream.requests[0]


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("Retry-After: 7", 7.0),
        (f"Retry-After: {format_datetime(NOW + timedelta(minutes=5), usegmt=True)}", 300.0),
        (f"Retry-After: {format_datetime(NOW - timedelta(minutes=5), usegmt=True)}", 0.0),
        ("Retry-After: 999999999", 86_400.0),
        ("Retry-After: soon", None),
        ("X: y", None),
    ],
)
def test_refusals(fetchers: list[NewsFetcher], header: str, wait: float | None) -> None:
    """`Retry-After` is read as seconds or as a date; the source's own text is not used."""
    refusing = answering(http(b"<b>go away</b>", "503 <b>", header))
    with Upstream(refusing) as upstream, pytest.raises(FeedRefused) as error:
        ask(fetchers, upstream.url)

    assert (503, wait) == (error.value.status, error.value.retry_after)
    assert "refused with 503: Service Unavailable" == str(error.value)


# Redirects


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 Temp", "308 Perm"])
def test_follows_redirects(fetchers: list[NewsFetcher], status: str) -> None:
    """To another host, and to a relative address."""
    with Upstream(answering(http(b"here"))) as there:

        def serve(client: socket.socket, request: bytes) -> bool:
            is_second = b" /next " in request
            client.sendall(moved(f"{there.url}/x" if is_second else "next", status))
            return True

        with Upstream(serve) as upstream:
            reply = ask(fetchers, f"{upstream.url}/first?token=secret")

    assert b"here" == reply.body
    assert [b"/first?token=secret", b"/next"] == [e.split(b" ")[1] for e in upstream.requests]
    assert b"GET /x HTTP/1.1" == there.requests[0].split(b"\r\n")[0]
    assert b"secret" not in there.requests[0]


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("", "no web address"),
        ("ftp://example.com/", "no web address"),
        ("file:///etc/passwd", "no web address"),
        ("gopher://127.0.0.1:70/", "no web address"),
        ("http://", "redirected too often"),
        ("http://[", "no address"),
        ("http://127.0.0.1:99999/", "no answer"),
        ("/again", "redirected too often"),
    ],
)
def test_redirects_are_bounded(fetchers: list[NewsFetcher], location: str, words: str) -> None:
    """Their number and their targets are restricted."""
    with Upstream(answering(moved(location))) as upstream, pytest.raises(FeedError, match=words):
        ask(fetchers, upstream.url)

    assert len(upstream.requests) <= 6


class Inside:
    """A listener at 127.0.0.2, which counts as private in these tests; 127.0.0.1 is public."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.2", 0))
        self.url = f"http://127.0.0.2:{self._listener.getsockname()[1]}/secret"

    def was_connected_to(self) -> bool:
        self._listener.setblocking(False)
        try:
            self._listener.accept()[0].close()
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        self._listener.close()


def is_private(address: str) -> bool:
    return address == "127.0.0.2"


def test_no_redirect_leads_inside(fetchers: list[NewsFetcher]) -> None:
    """A source on the internet cannot redirect to a private host: no connection is made."""
    inside = Inside()
    with closing(inside), Upstream(answering(moved(inside.url))) as upstream:
        for _ in range(2):
            with pytest.raises(FeedError, match="redirected to a private address"):
                ask(fetchers, upstream.url, inside=is_private)

        was_connected_to = inside.was_connected_to()

    assert not was_connected_to
    assert 2 == len(upstream.requests)


def test_no_redirect_leads_inside_by_way_of_a_proxy(
    fetchers: list[NewsFetcher], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy at a private address may be used, but not to reach another one."""
    with Upstream(answering(moved("http://10.1.2.3/secret"))) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        with pytest.raises(FeedError, match="redirected to a private address"):
            ask(fetchers, "http://no-such-host.invalid/feed")

    assert 1 == len(proxy.requests)


def test_from_inside_a_redirect_may_lead_inside(fetchers: list[NewsFetcher]) -> None:
    """A private address in the settings is trusted."""
    there = Upstream(answering(http(b"inside")))
    with there, Upstream(answering(moved(there.url))) as upstream:
        reply = ask(fetchers, upstream.url)

    assert b"inside" == reply.body


def test_a_name_with_inside_and_outside_addresses_counts_as_outside(
    fetchers: list[NewsFetcher],
) -> None:
    """Only its public addresses are connected to, and none of its private ones after a redirect."""
    fetchers.append(NewsFetcher("http://both.example.com/", inside=is_private))

    assert ["127.0.0.1"] == fetchers[0]._choose(["127.0.0.2", "127.0.0.1"])
    fetchers[0]._is_redirected = True
    with pytest.raises(FeedError):
        fetchers[0]._choose(["127.0.0.2"])


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("127.0.0.1", True),
        ("10.1.2.3", True),
        ("172.16.0.1", True),
        ("192.168.1.1", True),
        ("169.254.169.254", True),
        ("100.64.0.1", True),
        ("0.0.0.0", True),
        ("224.0.0.1", True),
        ("::1", True),
        ("::", True),
        ("fe80::1%eth0", True),
        ("fd00::1", True),
        ("::ffff:127.0.0.1", True),
        ("64:ff9b::7f00:1", True),
        ("2002:7f00:1::", True),
        ("ff02::1", True),
        ("93.184.215.14", False),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", False),
        ("64:ff9b::5db8:d70e", False),
    ],
)
def test_inside(address: str, inside: bool) -> None:
    """This machine, private networks, and every spelling of them."""
    assert inside is is_inside(address)


def test_tls_is_not_left(fetchers: list[NewsFetcher]) -> None:
    """A redirect from https to http is rejected before any request."""
    from omcrm.feeds.news.fetcher import _target

    with pytest.raises(FeedError, match="without TLS"):
        _target("https://example.com/", "http://example.com/")
    assert "https://example.com/a%0Db%C3%A9" == _target("https://example.com/", "/a\rb\xc3\xa9")


def test_nothing_is_asked_after_the_end(fetchers: list[NewsFetcher]) -> None:
    """After `close` it makes no request."""
    with Upstream(answering(http())) as upstream:
        fetchers.append(NewsFetcher(upstream.url))
        fetchers[0].close()
        with pytest.raises(FeedError, match="stopped"):
            fetchers[0].ask(NOW)

    assert fetchers[0].closed
    assert [] == upstream.requests
