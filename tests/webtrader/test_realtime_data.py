"""The market-data system as a whole, against the real exchange and with the real policies.

Long for a reason: each fault of the exchange is a story of this one system.
"""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from omcrm.feeds.feed_settings import FeedSettings
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Quote
from omcrm.streaming.rate_tier import Batch
from omcrm.webtrader.realtime_data import RealTimeDataManager
from tests.processes import Exchange, free_port, wait_for
from tests.threads import Threads
from tests.values import instrument


class Reader:
    """Takes whatever it is sent, at once."""

    def __init__(self) -> None:
        self.sent: list[PriceClass] = []

    def try_send(self, state: Batch) -> bool:
        self.sent.extend(PriceClass(packet) for packet in state.packets)
        return True

    def direct(self) -> None:
        """Nothing: it takes no bytes."""

    def on_ready(self, ready_callback: Callable[[], None]) -> None:
        """It is ready always."""


class Demonstration:
    """A manager, every quote that it made, and the class of each that somebody was sent."""

    def __init__(self, binance: str = "", simulated: str = "") -> None:
        self.threads = Threads()
        self.quotes: list[Quote] = []
        settings = FeedSettings(urls={"binance": binance, "simulated": simulated})
        self.manager = RealTimeDataManager(settings)
        self.manager.add_callback(self.quotes.append)
        self.manager.follow(CATALOGUE)
        reader = Reader()
        self.sent = reader.sent
        fanout = self.manager.fanout
        subscriber = fanout.add(reader, lambda quote: quote.price_class.value)
        fanout.subscribe(subscriber, [instrument.symbol for instrument in CATALOGUE])
        self.manager.start()

    def price_class(self, symbol: str) -> PriceClass | None:
        quote = self.manager.cache.get(symbol)
        return quote.price_class if quote else None

    def source(self, symbol: str) -> str | None:
        quote = self.manager.cache.get(symbol)
        return quote.source.name if quote else None

    def wait_for_class(self, symbol: str, price_class: PriceClass, timeout: float) -> None:
        """Until the symbol's price is of this class."""
        wait_for(lambda: self.price_class(symbol) is price_class, timeout, price_class.value)


@pytest.fixture
def markets() -> Iterator[type]:
    """Makes markets, and ends them without leaving a thread."""
    made: list[Demonstration] = []

    class Made(Demonstration):
        def __init__(self, binance: str = "", simulated: str = "") -> None:
            super().__init__(binance, simulated)
            made.append(self)

    yield Made
    for market in made:
        market.manager.stop()
    for market in made:
        market.threads.wait()


@pytest.fixture
def live(markets: type, exchange: Exchange) -> Demonstration:
    """A system whose BTC is live."""
    market = markets(exchange.url)
    market.wait_for_class("BTC", PriceClass.LIVE, 10)
    return market


def test_start_and_stop_twice(live: Demonstration, exchange: Exchange) -> None:
    """Starting or stopping twice is harmless; after the stop prices are stale and nothing runs."""
    assert "already_running" == live.manager.start()
    assert "stopped" == live.manager.stop()
    assert "already_stopped" == live.manager.stop()
    assert not live.manager.running
    assert live.price_class("BTC") is PriceClass.STALE
    assert live.sent[-1] in (PriceClass.STALE, PriceClass.LAST_RESORT)
    wait_for(lambda: not exchange.state()["connections"], 5, "the socket to close")
    assert "started" == live.manager.start()
    live.wait_for_class("BTC", PriceClass.LIVE, 10)


def test_concurrent_switching(live: Demonstration) -> None:
    """Eight threads that start and stop at will leave a system that works."""

    def switch(number: int) -> None:
        for attempt in range(3):
            live.manager.start() if (number + attempt) % 2 else live.manager.stop()

    threads = [threading.Thread(target=switch, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    live.manager.start()

    live.wait_for_class("BTC", PriceClass.LIVE, 10)


def test_mute(live: Demonstration, exchange: Exchange) -> None:
    """Where pings go on but data stops, prices are stale within their maximum age."""
    exchange.fault("mute")
    live.wait_for_class("BTC", PriceClass.STALE, 11)
    exchange.clear()

    live.wait_for_class("BTC", PriceClass.LIVE, 15)


def test_cut(live: Demonstration, exchange: Exchange) -> None:
    """After a cut no price counts as live, until its own next tick."""
    before = len(live.quotes)
    exchange.fault("cut")

    def went_stale() -> bool:
        return any(
            quote.symbol == "BTC" and quote.price_class is PriceClass.STALE
            for quote in live.quotes[before:]
        )

    wait_for(went_stale, 1, "the prices to go stale")
    live.wait_for_class("BTC", PriceClass.LIVE, 10)


def test_half_open(live: Demonstration, exchange: Exchange) -> None:
    """A dead connection is noticed within the maximum age, too."""
    exchange.fault("half_open")
    live.wait_for_class("BTC", PriceClass.STALE, 11)
    exchange.clear()

    live.wait_for_class("BTC", PriceClass.LIVE, 30)


def test_unknown_symbol(markets: type, exchange: Exchange) -> None:
    """What the upstream acknowledges and never sends falls back to the last resort, and says so."""
    market = markets(exchange.url)
    unknown = instrument("ZZZ", provider_symbols={"binance": "zzzusdt"})
    market.manager.follow([*CATALOGUE, unknown])
    market.wait_for_class("BTC", PriceClass.LIVE, 10)

    market.wait_for_class("ZZZ", PriceClass.LAST_RESORT, 12)
    assert market.price_class("BTC") is PriceClass.LIVE


@pytest.mark.parametrize("fault", ["garbage", "crossed", "out_of_order", "duplicate"])
def test_bad_frames_change_no_price(live: Demonstration, exchange: Exchange, fault: str) -> None:
    """What cannot be, what is old and what came before is refused; numbers only grow."""
    details = {} if fault == "garbage" else {"symbol": "BTCUSDT"}
    exchange.fault(fault, **details)
    before = len(live.quotes)
    wait_for(lambda: len(live.quotes) > before + 20, 10, "more quotes")

    for symbol in ("BTC", "ETH"):
        quotes = [quote for quote in live.quotes if quote.symbol == symbol]
        real = [quote for quote in quotes if quote.source.is_real]
        ids = [quote.trade_id for quote in real if quote.trade_id is not None]
        assert sorted(ids) == ids
        assert all(quote.bid <= quote.ask for quote in real if quote.bid is not None)
    assert live.manager.status()["binance"].active
    if fault != "garbage":
        assert sum(live.manager.engine.validator.rejected.values()) > 0


def test_spike(live: Demonstration, exchange: Exchange) -> None:
    """A price far from the last one is rejected while no other source confirms it."""
    exchange.fault("spike", symbol="BTCUSDT", factor=3, count=1)
    wait_for(lambda: live.manager.engine.validator.rejected["jump"] > 0, 5, "the refusal")

    prices = [quote.last for quote in live.quotes if quote.symbol == "BTC"]
    assert max(prices) < 2 * min(prices)


def test_nothing_but_the_last_resort(markets: type) -> None:
    """Without any source every instrument has its hard-coded price, and says so."""
    market = markets()

    wait_for(lambda: len(market.manager.cache.snapshot()) == 24, 5, "all prices")
    assert {PriceClass.LAST_RESORT} == {
        quote.price_class for quote in market.manager.cache.snapshot().values()
    }
    assert {"off"} == {status.state for status in market.manager.status().values()}


def test_demo_without_a_network(markets: type, exchange: Exchange) -> None:
    """Where Binance cannot be reached, everything is simulated and says so."""
    market = markets(f"ws://127.0.0.1:{free_port()}", exchange.url)

    for symbol in ("BTC", "AAPL", "EURUSD"):
        market.wait_for_class(symbol, PriceClass.SIMULATED, 10)
    wait_for(lambda: market.manager.status()["binance"].state == "waiting", what="its next try")


def test_real_before_simulated(markets: type, exchange: Exchange, tmp_path: Path) -> None:
    """A real source takes over from the simulated one, which never takes over from it."""
    port = free_port()
    market = markets(f"ws://127.0.0.1:{port}", exchange.url)
    for symbol in ("BTC", "AAPL"):
        market.wait_for_class(symbol, PriceClass.SIMULATED, 10)
    with Exchange(tmp_path, "--seed", "2", port=port):
        market.wait_for_class("BTC", PriceClass.LIVE, 20)
        assert "binance" == market.source("BTC")
        assert "simulated" == market.source("AAPL")

    market.wait_for_class("BTC", PriceClass.STALE, 5)
    time.sleep(1)
    assert "binance" == market.source("BTC")


def test_adding_and_dropping_an_instrument(live: Demonstration) -> None:
    """The catalogue may change while the feeds run."""
    live.manager.follow(
        [instrument for instrument in CATALOGUE if instrument.symbol in ("BTC", "SOL")]
    )
    before = len(live.quotes)

    def newest() -> set[str]:
        return {quote.symbol for quote in live.quotes[before:][-20:]}

    wait_for(lambda: len(live.quotes) > before + 20 and newest() == {"BTC", "SOL"}, what="quotes")

    assert {"BTC", "SOL"} == set(live.manager.cache.snapshot())


def test_instrument_mapping() -> None:
    """Each group's symbols, with what their first real source calls them."""
    manager = RealTimeDataManager(FeedSettings())
    manager.follow(CATALOGUE)
    mapping = manager.instrument_mapping

    assert {"crypto", "stocks", "forex"} == set(mapping)
    assert [8, 8, 8] == [len(group) for group in mapping.values()]
    assert "btcusdt" == mapping["crypto"]["BTC"]
    assert "polusdt" == mapping["crypto"]["MATIC"]
    assert "AAPL" == mapping["stocks"]["AAPL"]
    assert "EURUSD" == mapping["forex"]["EURUSD"]


def test_callbacks(live: Demonstration) -> None:
    """A callback hears every quote until it is removed; a failing one hurts nobody."""

    def fail(quote: Quote) -> None:
        raise RuntimeError("a callback's own fault")

    live.manager.add_callback(fail)
    before = len(live.quotes)
    wait_for(lambda: len(live.quotes) > before + 5, 10, "quotes beside a failing callback")
    live.manager.remove_callback(live.quotes.append)
    time.sleep(0.1)
    before = len(live.quotes)
    time.sleep(0.5)

    assert before == len(live.quotes)


def test_failure_is_reported_only_after_a_while(markets: type) -> None:
    """The feeds are given time to connect before they count as failing."""
    market = markets(f"ws://127.0.0.1:{free_port()}")

    assert market.manager.engine.failure() is None
    market.manager.engine._started_at -= 60
    assert "no source is streaming" == market.manager.engine.failure()
    market.manager.stop()
    assert market.manager.engine.failure() is None


def test_candles_come_from_what_was_seen(live: Demonstration) -> None:
    """The candle of the running minute ends at the last price that was seen."""
    bars = live.manager.bars.series("BTC", "binance", "1m", 5)

    assert bars
    assert bars[-1].timestamp <= datetime.now(UTC)
    assert bars[-1].low <= bars[-1].close <= bars[-1].high
