"""Which polled source is asked, and when: no call is spent before it is known to be needed."""

import json
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from omcrm.engine.bus import LocalBus
from omcrm.engine.feed_engine import FeedEngine
from omcrm.engine.market_view import QuoteCache
from omcrm.feeds.feed_settings import FeedSettings
from omcrm.feeds.keys import Keys
from omcrm.feeds.poll_schedule import Polling
from omcrm.feeds.timing import FeedClock, SupervisorTiming
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.instrument import AssetClass
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Quote
from simulator.drill.setup import opening_shift, urls
from tests.feeds.upstream import Upstream, http
from tests.processes import Exchange, wait_for

SHARES = [item for item in CATALOGUE if item.asset_class is AssetClass.STOCK]
PAIRS = [item for item in CATALOGUE if item.asset_class is AssetClass.FOREX]
SYMBOLS = {share.symbol for share in SHARES}
STOCK_SOURCES = ("finnhub", "finnhub_quote", "alpha_vantage")
SHIFT = opening_shift(SHARES, datetime.now(UTC))

Make = Callable[..., FeedEngine]


@pytest.fixture(scope="module")
def trading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    """An exchange at an hour at which shares are traded."""
    folder = tmp_path_factory.mktemp("exchange")
    with Exchange(folder, "--ahead", str(SHIFT.total_seconds())) as exchange:
        yield exchange


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes engines with some sources at an exchange, as after a restart of the process: only the
    counts of calls are kept. They are stopped after the test."""
    made: list[FeedEngine] = []

    def engine(
        exchange: str | Mapping[str, str],
        *sources: str,
        keys: str = "a-key",
        speed: float = 1.0,
        interval: float = 30.0,
    ) -> FeedEngine:
        began = time.time()
        addresses = urls(exchange) if isinstance(exchange, str) else exchange
        made.append(
            FeedEngine(
                LocalBus(),
                FeedSettings(
                    urls={name: addresses[name] for name in sources}, keys=Keys(lambda name: keys)
                ),
                lambda: (
                    datetime.now(UTC)
                    + SHIFT
                    + timedelta(seconds=(time.time() - began) * (speed - 1))
                ),
                SupervisorTiming(feed_clock=FeedClock(speed)),
                tmp_path,
                Polling(interval),
            )
        )
        return made[-1]

    yield engine
    for running in made:
        running.stop()


def used(engine: FeedEngine, source: str) -> int:
    """The largest count of calls to a source in a period."""
    return max(use.used for use in engine.uses()[source])


def watched(engine: FeedEngine) -> QuoteCache:
    """What the engine publishes."""
    cache = QuoteCache()
    engine._bus.subscribe(Quote, cache.put)
    return cache


def live(cache: QuoteCache) -> set[str]:
    quotes = cache.snapshot().items()
    return {symbol for symbol, quote in quotes if quote.price_class is PriceClass.LIVE}


def test_restarts_spend_no_calls(trading: Exchange, make: Make) -> None:
    """Ten times, with healthy streams: none of the day's 25 calls, nor of a better source's."""
    for number in range(10):
        engine = make(trading.url, *STOCK_SOURCES)
        engine.follow(SHARES)
        cache = watched(engine)
        engine.start()
        wait_for(lambda cache=cache: live(cache) == SYMBOLS, what=f"live prices of start {number}")
        if number == 9:
            # Longer than the startup grace.
            time.sleep(11)
        engine.stop()

    assert (0, 0) == (used(engine, "alpha_vantage"), used(engine, "finnhub_quote"))


def test_the_only_source_is_asked_at_once(trading: Exchange, make: Make) -> None:
    """Where no better one is set up, or those have no key, there is nothing to wait for."""
    alone = make(trading.url, "alpha_vantage")
    alone.follow(SHARES[:1])
    alone.start()
    wait_for(
        lambda: "alpha_vantage" in alone.consolidator.quotes_by_source(SHARES[0].symbol),
        what="a price",
    )

    assert 1 == used(alone, "alpha_vantage")


def test_a_better_polled_source_is_asked_first(trading: Exchange, make: Make) -> None:
    """While it works through its symbols, one in each call, no call is spent at the next one."""
    engine = make(trading.url, "finnhub_quote", "alpha_vantage")
    engine.follow(SHARES)
    cache = watched(engine)
    engine.start()
    wait_for(lambda: SYMBOLS == cache.snapshot().keys(), what="prices of all")

    assert {"finnhub_quote"} == {quote.source.name for quote in cache.snapshot().values()}
    assert 0 == used(engine, "alpha_vantage")


def test_where_better_sources_refuse_the_next_one_is_asked(trading: Exchange, make: Make) -> None:
    """At once, as nothing better is to be expected."""
    trading.fault("refuse", venue="finnhub", status=403)
    try:
        engine = make(trading.url, *STOCK_SOURCES)
        engine.follow(SHARES[:2])
        engine.start()
        wait_for(lambda: used(engine, "alpha_vantage") >= 2, what="the calls")
    finally:
        trading.clear()

    assert "403" in str(engine.status()["finnhub_quote"].last_error)


def test_a_symbol_that_is_refused_alone_is_asked_of_the_next(make: Make) -> None:
    """Also where the first source has served it before; the others stay with the first."""
    refused: set[str] = set()
    day = {"01. symbol": "AAPL", "05. price": "231.5", "07. latest trading day": "2026-01-05"}

    def serve(client: socket.socket, request: bytes) -> bool:
        path = request.split(b" ")[1].decode()
        if "GLOBAL_QUOTE" in path:
            client.sendall(http(json.dumps({"Global Quote": day}).encode()))
        elif path.rpartition("=")[2] in refused:
            words = json.dumps({"error": "You don't have access to this resource."})
            client.sendall(http(words.encode(), "403 Forbidden"))
        else:
            at = int((datetime.now(UTC) + SHIFT).timestamp())
            client.sendall(http(json.dumps({"c": 230.5, "t": at}).encode()))
        return True

    with Upstream(serve) as upstream:
        addresses = dict.fromkeys(("finnhub_quote", "alpha_vantage"), upstream.url)
        engine = make(addresses, *addresses, interval=1.0, speed=10.0)
        engine.follow([share for share in SHARES if share.symbol in ("AAPL", "MSFT")])
        cache = watched(engine)
        engine.start()
        wait_for(lambda: {"AAPL", "MSFT"} == cache.snapshot().keys(), what="both prices")
        at_first = used(engine, "alpha_vantage")
        refused.add("AAPL")
        wait_for(lambda: used(engine, "alpha_vantage"), what="the next source to be asked")
        engine.stop()
        calls = [request for request in upstream.requests if b"GLOBAL_QUOTE" in request]

    assert 0 == at_first
    assert all(b"symbol=AAPL" in call for call in calls)


def test_a_source_that_refuses_for_days_is_replaced(exchange: Exchange, make: Make) -> None:
    """Once it is down the next one is asked, again and again; when it serves again, it is first."""
    hours, speed = 48, 7200.0
    engine = make(exchange.url, "exchangerate_api", "frankfurter", speed=speed)
    engine.follow(PAIRS)
    engine.start()
    wait_for(lambda: engine.status()["exchangerate_api"].active, what="the first source")
    exchange.fault("refuse", venue="exchangerate_api", status=403)
    began = time.monotonic()
    wait_for(lambda: engine.status()["frankfurter"].active, what="the next source")
    wait_for(lambda: (time.monotonic() - began) * speed > hours * 3600, what="two days")
    during = engine.status()
    exchange.clear()
    wait_for(lambda: engine.status()["exchangerate_api"].active, what="the first source again")
    wait_for(lambda: not engine.status()["frankfurter"].active, what="the next one to stand by")

    assert ("waiting", "polling") == (
        during["exchangerate_api"].state,
        during["frankfurter"].state,
    )
