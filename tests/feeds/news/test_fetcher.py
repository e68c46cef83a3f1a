"""One source is asked for what changed only, and cannot send us where it likes."""

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
def askers() -> Iterator[list[NewsFetcher]]:
    """Askers that end with the test."""
    made: list[NewsFetcher] = []
    yield made
    for asker in made:
        asker.close()


def ask(askers: list[NewsFetcher], url: str, **options: object) -> Reply | None:
    askers.append(NewsFetcher(url, **options))  # type: ignore[arg-type]
    return askers[-1].ask(NOW)


def moved(location: str, status: str = "302 Found") -> bytes:
    return http(b"", status, f"Location: {location}")


# Only what changed


@pytest.mark.parametrize("path", ["rss", "atom"])
def test_what_has_not_changed_is_not_sent(
    askers: list[NewsFetcher], exchange: Exchange, path: str
) -> None:
    """With the tag and the time of the last answer, the source says so."""
    url = f"http://127.0.0.1:{exchange.port}/news/{path}"
    first = ask(askers, url)
    askers[0].remember(first)

    assert b"Simulated: " in first.body
    assert None is askers[0].ask(NOW)
    exchange.fault("trick", venue="news", name="extra")
    assert b"extra 1" in askers[0].ask(NOW).body


@pytest.mark.parametrize("header", ["ETag: x\ty", f"ETag: {'x' * 600}", "ETag: a\r\n b", "Etag:"])
def test_odd_tags_are_not_repeated(askers: list[NewsFetcher], header: str) -> None:
    """They cost an answer, and never a request that cannot be made."""
    with Upstream(answering(http(b"", "200 OK", header))) as upstream:
        askers.append(NewsFetcher(upstream.url))
        for _ in range(2):
            askers[0].remember(askers[0].ask(NOW))

    assert b"if-none-match" not in upstream.requests[1].lower()


def test_asks_for_feeds(askers: list[NewsFetcher]) -> None:
    """What it would like to have is said, and what is compressed is unpacked."""
    packed = http(gzip.compress(b"<rss/>"), "200 OK", "Content-Encoding: gzip")
    with Upstream(answering(packed)) as upstream:
        reply = ask(askers, upstream.url)

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
def test_refusals(askers: list[NewsFetcher], header: str, wait: float | None) -> None:
    """They say when to come back, as seconds or as a time; no word of theirs is repeated."""
    refusing = answering(http(b"<b>go away</b>", "503 <b>", header))
    with Upstream(refusing) as upstream, pytest.raises(FeedRefused) as error:
        ask(askers, upstream.url)

    assert (503, wait) == (error.value.status, error.value.retry_after)
    assert "refused with 503: Service Unavailable" == str(error.value)


# Redirects


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 Temp", "308 Perm"])
def test_follows_redirects(askers: list[NewsFetcher], status: str) -> None:
    """To another host, and by a relative address."""
    with Upstream(answering(http(b"here"))) as there:

        def serve(client: socket.socket, request: bytes) -> bool:
            is_second = b" /next " in request
            client.sendall(moved(f"{there.url}/x" if is_second else "next", status))
            return True

        with Upstream(serve) as upstream:
            reply = ask(askers, f"{upstream.url}/first?token=secret")

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
def test_redirects_are_bounded(askers: list[NewsFetcher], location: str, words: str) -> None:
    """In their number and in where they lead."""
    with Upstream(answering(moved(location))) as upstream, pytest.raises(FeedError, match=words):
        ask(askers, upstream.url)

    assert len(upstream.requests) <= 6


class Inside:
    """A listener at 127.0.0.2, which the tests call private, while 127.0.0.1 is called public."""

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


def test_no_redirect_leads_inside(askers: list[NewsFetcher]) -> None:
    """A source on the internet cannot make us ask a private host: not even a connection is made."""
    inside = Inside()
    with closing(inside), Upstream(answering(moved(inside.url))) as upstream:
        for _ in range(2):
            with pytest.raises(FeedError, match="redirected to a private address"):
                ask(askers, upstream.url, inside=is_private)

        was_connected_to = inside.was_connected_to()

    assert not was_connected_to
    assert 2 == len(upstream.requests)


def test_from_inside_a_redirect_may_lead_inside(askers: list[NewsFetcher]) -> None:
    """Whoever sets a private address trusts it."""
    there = Upstream(answering(http(b"inside")))
    with there, Upstream(answering(moved(there.url))) as upstream:
        reply = ask(askers, upstream.url)

    assert b"inside" == reply.body


def test_a_name_that_is_here_and_there_is_treated_as_one_of_there(
    askers: list[NewsFetcher],
) -> None:
    """Of its addresses only the public ones are connected to, and none after a redirect."""
    askers.append(NewsFetcher("http://both.example.com/", inside=is_private))

    assert ["127.0.0.1"] == askers[0]._choose(["127.0.0.2", "127.0.0.1"])
    askers[0]._is_redirected = True
    with pytest.raises(FeedError):
        askers[0]._choose(["127.0.0.2"])


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


def test_tls_is_not_left(askers: list[NewsFetcher]) -> None:
    """A redirect from https to http is refused before anything is asked."""
    from omcrm.feeds.news.fetcher import _target

    with pytest.raises(FeedError, match="without TLS"):
        _target("https://example.com/", "http://example.com/")
    assert "https://example.com/a%0Db%C3%A9" == _target("https://example.com/", "/a\rb\xc3\xa9")


def test_nothing_is_asked_after_the_end(askers: list[NewsFetcher]) -> None:
    """Once closed it is closed."""
    with Upstream(answering(http())) as upstream:
        askers.append(NewsFetcher(upstream.url))
        askers[0].close()
        with pytest.raises(FeedError, match="stopped"):
            askers[0].ask(NOW)

    assert askers[0].closed
    assert [] == upstream.requests
