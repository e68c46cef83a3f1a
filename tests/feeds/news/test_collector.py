"""The news collector against the built-in exchange and faulty upstreams.

Long for a reason: there is a test for each way in which a source can fail.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from omcrm.feeds.news.collector import NewsCollector, NewsStatus
from omcrm.feeds.news.source_list import NewsSource, news_sources
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.news_item import NewsItem
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
def collectors(threads: Threads) -> Iterator[Callable[..., NewsCollector]]:
    """Starts collectors with a short interval, and stops them without leaving a thread."""
    made: list[NewsCollector] = []

    def start(*urls: str, interval: float = INTERVAL) -> NewsCollector:
        sources = [NewsSource(url, f"source-{n}") for n, url in enumerate(urls)]
        collector = NewsCollector(sources, interval, lambda: datetime.now(UTC))
        made.append(collector)
        collector.start()
        return collector

    yield start
    for started in made:
        started.stop()
    threads.wait()


def address(exchange: Exchange, path: str = "rss") -> str:
    return f"http://127.0.0.1:{exchange.port}/news/{path}"


def only(collector: NewsCollector) -> NewsStatus:
    (status,) = collector.status()
    return status


def trouble(collector: NewsCollector, words: str) -> NewsStatus:
    """The status as soon as its error has these words."""
    wait_for(lambda: words in (only(collector).last_error or ""), 5, words)
    return only(collector)


# Polling


@pytest.mark.parametrize("path", ["rss", "atom"])
def test_reads_the_exchange(
    collectors: Callable[..., NewsCollector], exchange: Exchange, path: str
) -> None:
    """The simulated news are read, labelled as such, and mention their instruments."""
    collector = collectors(address(exchange, path))
    collector.follow(CATALOGUE)
    wait_for(collector.latest, 5, "news")
    items = collector.latest(200)

    assert 24 == len(items)
    assert all(item.title.startswith("Simulated: ") for item in items)
    assert all(1 == len(item.symbols) for item in items)
    assert all(item.published_at is not None and item.url is None for item in items)
    assert sorted(items, key=lambda item: item.at, reverse=True) == items
    symbol = items[0].symbols[0]
    assert collector.latest(200, symbol) == [item for item in items if symbol in item.symbols]
    assert items[:2] == collector.latest(2)


def test_only_what_changed_is_sent(
    collectors: Callable[..., NewsCollector], exchange: Exchange
) -> None:
    """Repeated polls get an empty answer; each listener gets a new item once."""
    new_items: list[NewsItem] = []
    collector = collectors(address(exchange))
    collector.listen(new_items.append)
    collector.listen(new_items.append)
    wait_for(collector.latest, 5, "news")
    before = wait_for(lambda: only(collector).last_success, 5, "the first answer")
    wait_for(lambda: only(collector).last_success > before, 5, "another question")

    # The items of the first answer are not reported.
    assert [] == new_items
    exchange.fault("trick", venue="news", name="extra", amount=2)
    wait_for(lambda: len(new_items) >= 2, 5, "the new items")
    time.sleep(3 * INTERVAL)

    assert {"Simulated: extra 1", "Simulated: extra 2"} == {item.title[:18] for item in new_items}
    assert 2 == len(new_items)
    assert None is only(collector).last_error
    collector.leave(new_items.append)
    exchange.fault("trick", venue="news", name="extra", amount=3)
    wait_for(lambda: 27 == len(collector.latest(200)), 5, "one more")
    assert 2 == len(new_items)


def test_the_tag_is_sent_back(collectors: Callable[..., NewsCollector]) -> None:
    """The tag is in the next request, and the items of an unchanged feed are kept."""
    body = titled("A", "<guid>1</guid>")

    def serve(client: object, request: bytes) -> bool:
        is_known = b'If-None-Match: "7"' in request
        answer = http(b"", "304 Not Modified") if is_known else http(body, "200 OK", 'ETag: "7"')
        client.sendall(answer)  # type: ignore[attr-defined]
        return True

    with Upstream(serve) as upstream:
        collector = collectors(upstream.url)
        wait_for(lambda: len(upstream.requests) > 2, 5, "three questions")
        collector.stop()

    assert ["A"] == [item.title for item in collector.latest()]
    assert (1, 0, 1) == (only(collector).items, only(collector).failures, upstream.connections)
    assert b"If-None-Match" not in upstream.requests[0]


def test_one_story_of_two_sources_is_kept_once(collectors: Callable[..., NewsCollector]) -> None:
    """The first source's item is kept."""
    story = "Central bank keeps rates where they are"
    first = answering(http(titled(story, "<guid>1</guid>")))
    second = answering(http(titled(f"{story} - Example", "<guid>2</guid>")))
    with Upstream(first) as one, Upstream(second) as two:
        collector = collectors(one.url, two.url)
        wait_for(lambda: all(status.last_success for status in collector.status()), 5, "both")
        collector.stop()

    assert ["source-0"] == [item.source for item in collector.latest()]


def test_a_failing_listener_does_not_stop_the_others(
    collectors: Callable[..., NewsCollector], exchange: Exchange, caplog: pytest.LogCaptureFixture
) -> None:
    """The error is logged, and the other listeners are called."""
    new_items: list[NewsItem] = []
    collector = collectors(address(exchange))
    collector.listen(lambda item: 1 / 0)
    collector.listen(new_items.append)
    wait_for(collector.latest, 5, "news")
    exchange.fault("trick", venue="news", name="extra")
    wait_for(lambda: new_items, 5, "the new item")

    assert "a news listener failed" in caplog.text


# Failures


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
    collectors: Callable[..., NewsCollector],
    exchange: Exchange,
    fault: dict[str, object],
    words: str,
    wait: float,
) -> None:
    """Each fault is reported and waited out as long as the source asks; the items are kept."""
    collector = collectors(address(exchange))
    wait_for(collector.latest, 5, "news")
    name = fault.pop("name")
    if name == "refuse":
        exchange.fault("refuse", venue="news", **fault)
    else:
        exchange.fault("trick", venue="news", name=name, **fault)
    status = trouble(collector, words)

    assert status.next_in >= wait
    assert 24 == len(collector.latest(200))
    assert status.last_success is not None


def test_markup_is_not_passed_on(
    collectors: Callable[..., NewsCollector], exchange: Exchange
) -> None:
    """Titles with markup become plain text."""
    exchange.fault("trick", venue="news", name="html")
    collector = collectors(address(exchange))
    wait_for(collector.latest, 5, "news")

    assert all(item.title.startswith("Simulated: ") for item in collector.latest(200))


def test_recovers(collectors: Callable[..., NewsCollector]) -> None:
    """After failures the wait grows; after a success the interval applies again."""
    with Upstream(answering(http(b"", "500 Oops"))) as upstream:
        collector = collectors(upstream.url)
        wait_for(lambda: only(collector).failures >= 2, 10, "two failures")
        gaps = upstream.asked_at[1] - upstream.asked_at[0]
        upstream.serve = answering(http(titled("Back")))
        wait_for(collector.latest, 10, "news")
        status = only(collector)

    assert gaps >= INTERVAL
    assert None is status.last_error
    assert status.next_in <= INTERVAL


def test_a_slow_source_is_left(collectors: Callable[..., NewsCollector], threads: Threads) -> None:
    """Stopping does not wait for a slow answer."""
    waiting = threading.Event()
    with Upstream(lambda *_: waiting.wait(PATIENCE)) as upstream:
        collector = collectors(upstream.url)
        wait_for(lambda: upstream.requests, 5, "the request")
        collector.stop()
        left = threads.count("news")
        waiting.set()

    assert 0 == left
    assert None is only(collector).last_error


def test_a_failing_source_does_not_stop_the_others(
    collectors: Callable[..., NewsCollector],
) -> None:
    """The other sources are polled meanwhile."""
    with Upstream(answering(http(titled("Good")))) as good:
        collector = collectors("http://127.0.0.1:1/rss", good.url)
        wait_for(lambda: len(good.requests) > 2, 5, "three questions")
        bad, well = collector.status()

    assert ("connection refused", None) == (bad.last_error, well.last_error)


def test_secrets_are_masked(
    collectors: Callable[..., NewsCollector], caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the status nor the log has a secret."""
    caplog.set_level(logging.DEBUG)
    with Upstream(answering(http(b"", "404 No"))) as upstream:
        collector = collectors(f"{upstream.url}/rss?token=a-secret")
        status = trouble(collector, "404")

    assert "a-secret" not in repr(status) + caplog.text
    assert status.url.endswith("/rss?token=***")
    assert b"a-secret" in upstream.requests[0]


# Start and stop


def test_starting_and_stopping_twice_is_harmless(exchange: Exchange, threads: Threads) -> None:
    """The items survive both."""
    collector = NewsCollector(news_sources((), exchange.url), INTERVAL, lambda: datetime.now(UTC))
    collector.stop()
    for _ in range(2):
        collector.start()
        collector.start()
        wait_for(collector.latest, 5, "news")
        assert 1 == threads.count("news")
        collector.stop()
        collector.stop()

    assert 24 == len(collector.latest(200))
    assert None is only(collector).next_in


def test_without_sources_there_is_no_thread(
    collectors: Callable[..., NewsCollector], threads: Threads
) -> None:
    """There are no items and no status either."""
    collector = collectors()

    assert ([], []) == (collector.latest(), collector.status())
    assert 0 == threads.count("news")


def test_is_bounded(collectors: Callable[..., NewsCollector]) -> None:
    """A source with ever more items does not exceed the bound."""
    numbers = iter(range(10**9))

    def serve(client: object, request: bytes) -> bool:
        items = [f"<item><title>n{next(numbers)}</title></item>" for _ in range(150)]
        client.sendall(http(rss(*items)))  # type: ignore[attr-defined]
        return True

    with Upstream(serve) as upstream:
        collector = collectors(upstream.url, interval=0.01)
        wait_for(lambda: len(upstream.requests) > 5, 5, "some answers")
        collector.stop()

    assert 200 == len(collector.latest(1000))
