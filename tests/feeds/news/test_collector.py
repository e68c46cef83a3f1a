"""The news desk against the built-in exchange and upstreams that misbehave.

Long for a reason: each way in which a source can fail is played here.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from omcrm.feeds.news.collector import NewsCollector, NewsStatus
from omcrm.feeds.news.item import NewsItem, NewsSource
from omcrm.feeds.news.source_list import news_sources
from omcrm.market.catalogue import CATALOGUE
from tests.feeds.news.feeds import rss, titled
from tests.feeds.upstream import Upstream, answering, http
from tests.processes import PATIENCE, Exchange, wait_for
from tests.threads import Threads

INTERVAL = 0.1


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    """One exchange for all tests of this file."""
    with Exchange(tmp_path_factory.mktemp("exchange")) as running:
        yield running


@pytest.fixture
def exchange(market: Exchange) -> Iterator[Exchange]:
    """The exchange, without faults before and after the test."""
    yield market
    market.clear()


@pytest.fixture
def desks(threads: Threads) -> Iterator[Callable[..., NewsCollector]]:
    """Starts desks that ask often, and ends them without leaving a thread."""
    made: list[NewsCollector] = []

    def start(*urls: str, interval: float = INTERVAL) -> NewsCollector:
        sources = [NewsSource(url, f"source-{n}") for n, url in enumerate(urls)]
        desk = NewsCollector(sources, interval, lambda: datetime.now(UTC))
        made.append(desk)
        desk.start()
        return desk

    yield start
    for news_desk in made:
        news_desk.stop()
    threads.wait()


def address(exchange: Exchange, path: str = "rss") -> str:
    return f"http://127.0.0.1:{exchange.port}/news/{path}"


def only(desk: NewsCollector) -> NewsStatus:
    (status,) = desk.status()
    return status


def trouble(desk: NewsCollector, words: str) -> NewsStatus:
    """The status as soon as it says so."""
    wait_for(lambda: words in (only(desk).last_error or ""), 5, words)
    return only(desk)


# It asks and tells


@pytest.mark.parametrize("path", ["rss", "atom"])
def test_reads_the_exchange(
    desks: Callable[..., NewsCollector], exchange: Exchange, path: str
) -> None:
    """The simulated news are there, find their instruments, and say what they are."""
    desk = desks(address(exchange, path))
    desk.follow(CATALOGUE)
    wait_for(desk.latest, 5, "news")
    items = desk.latest(200)

    assert 24 == len(items)
    assert all(item.title.startswith("Simulated: ") for item in items)
    assert all(1 == len(item.symbols) for item in items)
    assert all(item.published_at is not None and item.url is None for item in items)
    assert sorted(items, key=lambda item: item.at, reverse=True) == items
    symbol = items[0].symbols[0]
    assert desk.latest(200, symbol) == [item for item in items if symbol in item.symbols]
    assert items[:2] == desk.latest(2)


def test_only_what_changed_is_sent(desks: Callable[..., NewsCollector], exchange: Exchange) -> None:
    """Asking again and again costs an empty answer each; what is new is told, once."""
    told: list[NewsItem] = []
    desk = desks(address(exchange))
    desk.listen(told.append)
    desk.listen(told.append)
    wait_for(desk.latest, 5, "news")
    before = only(desk).last_success
    wait_for(lambda: only(desk).last_success > before, 5, "another question")

    # What was there at the first answer is no news.
    assert [] == told
    exchange.fault("trick", venue="news", name="extra", amount=2)
    wait_for(lambda: len(told) >= 2, 5, "the new items")
    time.sleep(3 * INTERVAL)

    assert {"Simulated: extra 1", "Simulated: extra 2"} == {item.title[:18] for item in told}
    assert 2 == len(told)
    assert None is only(desk).last_error
    desk.leave(told.append)
    exchange.fault("trick", venue="news", name="extra", amount=3)
    wait_for(lambda: 27 == len(desk.latest(200)), 5, "one more")
    assert 2 == len(told)


def test_the_tag_is_sent_back(desks: Callable[..., NewsCollector]) -> None:
    """And what has not changed keeps its place."""
    body = titled("A", "<guid>1</guid>")

    def serve(client: object, request: bytes) -> bool:
        is_known = b'If-None-Match: "7"' in request
        answer = http(b"", "304 Not Modified") if is_known else http(body, "200 OK", 'ETag: "7"')
        client.sendall(answer)  # type: ignore[attr-defined]
        return True

    with Upstream(serve) as upstream:
        desk = desks(upstream.url)
        wait_for(lambda: len(upstream.requests) > 2, 5, "three questions")
        desk.stop()

    assert ["A"] == [item.title for item in desk.latest()]
    assert (1, 0, 1) == (only(desk).items, only(desk).failures, upstream.connections)
    assert b"If-None-Match" not in upstream.requests[0]


def test_one_story_of_two_sources_is_told_once(desks: Callable[..., NewsCollector]) -> None:
    """By whom it was heard first."""
    story = "Central bank keeps rates where they are"
    first = answering(http(titled(story, "<guid>1</guid>")))
    second = answering(http(titled(f"{story} - Example", "<guid>2</guid>")))
    with Upstream(first) as one, Upstream(second) as two:
        desk = desks(one.url, two.url)
        wait_for(lambda: all(status.last_success for status in desk.status()), 5, "both")
        desk.stop()

    assert ["source-0"] == [item.source for item in desk.latest()]


def test_one_listener_s_mistake_is_its_own(
    desks: Callable[..., NewsCollector], exchange: Exchange, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged, and the others are told."""
    told: list[NewsItem] = []
    desk = desks(address(exchange))
    desk.listen(lambda item: 1 / 0)
    desk.listen(told.append)
    wait_for(desk.latest, 5, "news")
    exchange.fault("trick", venue="news", name="extra")
    wait_for(lambda: told, 5, "the new item")

    assert "a listener failed on the news" in caplog.text


# It fails


@pytest.mark.parametrize(
    ("fault", "words", "wait"),
    [
        ({"name": "refuse", "status": 429}, "refused with 429: Too Many Requests", 55),
        ({"name": "refuse", "status": 503, "retry_after": 90}, "503: Service Unavailable", 85),
        ({"name": "refuse", "status": 403}, "refused with 403: Forbidden", 290),
        ({"name": "garbage"}, "read in part: not well-formed", 0),
        ({"name": "bomb"}, "unreadable answer: it has a document type", 0),
        ({"name": "large", "amount": 5_000_000}, "answer of more than 2097152 bytes", 0),
        ({"name": "moved", "amount": 1}, "connection refused", 0),
    ],
)
def test_faults(
    desks: Callable[..., NewsCollector], exchange: Exchange, fault: dict[str, object], words: str,
    wait: float,
) -> None:  # fmt: skip
    """Each is said, and waited for as long as the source wants; what is there stays."""
    desk = desks(address(exchange))
    wait_for(desk.latest, 5, "news")
    name = fault.pop("name")
    if name == "refuse":
        exchange.fault("refuse", venue="news", **fault)
    else:
        exchange.fault("trick", venue="news", name=name, **fault)
    status = trouble(desk, words)

    assert status.next_in >= wait
    assert 24 == len(desk.latest(200))
    assert status.last_success is not None


def test_markup_is_not_passed_on(desks: Callable[..., NewsCollector], exchange: Exchange) -> None:
    """Whatever stands in the titles."""
    exchange.fault("trick", venue="news", name="html")
    desk = desks(address(exchange))
    wait_for(desk.latest, 5, "news")

    assert all(item.title.startswith("Simulated: ") for item in desk.latest(200))


def test_recovers(desks: Callable[..., NewsCollector]) -> None:
    """After a failure it asks later and later; after a success as before."""
    with Upstream(answering(http(b"", "500 Oops"))) as upstream:
        desk = desks(upstream.url)
        wait_for(lambda: only(desk).failures >= 2, 10, "two failures")
        gaps = upstream.asked_at[1] - upstream.asked_at[0]
        upstream.serve = answering(http(titled("Back")))
        wait_for(desk.latest, 10, "news")
        status = only(desk)

    assert gaps >= INTERVAL
    assert None is status.last_error
    assert status.next_in <= INTERVAL


def test_a_slow_source_is_left(desks: Callable[..., NewsCollector], threads: Threads) -> None:
    """Stopping does not wait for its answer."""
    waiting = threading.Event()
    with Upstream(lambda *_: waiting.wait(PATIENCE)) as upstream:
        desk = desks(upstream.url)
        wait_for(lambda: upstream.requests, 5, "the request")
        desk.stop()
        left = threads.count("news")
        waiting.set()

    assert 0 == left
    assert None is only(desk).last_error


def test_one_source_s_trouble_is_its_own(desks: Callable[..., NewsCollector]) -> None:
    """The others are asked meanwhile."""
    with Upstream(answering(http(titled("Good")))) as good:
        desk = desks("http://127.0.0.1:1/rss", good.url)
        wait_for(lambda: len(good.requests) > 2, 5, "three questions")
        bad, well = desk.status()

    assert ("connection refused", None) == (bad.last_error, well.last_error)


def test_secrets_are_masked(
    desks: Callable[..., NewsCollector], caplog: pytest.LogCaptureFixture
) -> None:
    """In the status and in what is logged."""
    caplog.set_level(logging.DEBUG)
    with Upstream(answering(http(b"", "404 No"))) as upstream:
        desk = desks(f"{upstream.url}/rss?token=a-secret")
        status = trouble(desk, "404")

    assert "a-secret" not in repr(status) + caplog.text
    assert status.url.endswith("/rss?token=***")
    assert b"a-secret" in upstream.requests[0]


# Beginning and end


def test_starting_and_stopping_twice_is_harmless(exchange: Exchange, threads: Threads) -> None:
    """And what was heard outlives both."""
    desk = NewsCollector(news_sources((), exchange.url), INTERVAL, lambda: datetime.now(UTC))
    desk.stop()
    for _ in range(2):
        desk.start()
        desk.start()
        wait_for(desk.latest, 5, "news")
        assert 1 == threads.count("news")
        desk.stop()
        desk.stop()

    assert 24 == len(desk.latest(200))
    assert None is only(desk).next_in


def test_without_sources_there_is_no_thread(
    desks: Callable[..., NewsCollector], threads: Threads
) -> None:
    """And nothing to tell."""
    desk = desks()

    assert ([], []) == (desk.latest(), desk.status())
    assert 0 == threads.count("news")


def test_is_bounded(desks: Callable[..., NewsCollector]) -> None:
    """A source that tells of more and more makes nothing grow."""
    numbers = iter(range(10**9))

    def serve(client: object, request: bytes) -> bool:
        items = [f"<item><title>n{next(numbers)}</title></item>" for _ in range(150)]
        client.sendall(http(rss(*items)))  # type: ignore[attr-defined]
        return True

    with Upstream(serve) as upstream:
        desk = desks(upstream.url, interval=0.01)
        wait_for(lambda: len(upstream.requests) > 5, 5, "some answers")
        desk.stop()

    assert 200 == len(desk.latest(1000))
