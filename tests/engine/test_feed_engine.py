from pathlib import Path

import pytest

from omcrm.engine.bus import Control, ControlAction, Demand, FeedChanged, Holdings, LocalBus
from omcrm.engine.feed_engine import FeedEngine
from omcrm.feeds.feed_settings import FeedSettings
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.feed_event import FeedCode
from omcrm.market.instrument import Instrument
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Quote
from omcrm.market.source import HealthState
from tests.conftest import ManualClock
from tests.processes import Exchange, wait_for
from tests.threads import Threads
from tests.values import BINANCE, tick, trade


@pytest.fixture
def bus() -> LocalBus:
    """A bus on which nothing happened yet."""
    return LocalBus()


@pytest.fixture
def engine(bus: LocalBus, clock: ManualClock, tmp_path: Path) -> FeedEngine:
    """An engine without feeds that follows the catalogue."""
    engine = FeedEngine(bus, FeedSettings(), clock, state=tmp_path)
    engine.follow(CATALOGUE)
    return engine


def test_a_tick_becomes_a_quote_on_the_bus(
    bus: LocalBus, engine: FeedEngine, clock: ManualClock
) -> None:
    """With its class; a tick that changes nothing publishes nothing."""
    quotes: list[Quote] = []
    bus.subscribe(Quote, quotes.append)
    engine.consolidator.set_health("binance", HealthState.HEALTHY, 1)
    engine.take(tick(trade("61000", 1), source=BINANCE, at=clock()))
    engine.take(tick(trade("61000", 1), source=BINANCE, at=clock()))

    assert [("BTC", PriceClass.LIVE)] == [(quote.symbol, quote.price_class) for quote in quotes]


def test_what_is_held_is_as_urgent_as_what_is_watched(bus: LocalBus, engine: FeedEngine) -> None:
    """A polled source is asked for both before what nobody has or sees, of every view."""
    bus.publish(Holdings(frozenset({"BTC"})))
    bus.publish(Demand("one", frozenset({"ETH"})))
    bus.publish(Demand("other", frozenset({"SOL"})))

    assert [2, 2, 2, 1] == [
        engine._urgency("coingecko", symbol) for symbol in ("BTC", "ETH", "SOL", "ADA")
    ]
    bus.publish(Demand("one", frozenset()))

    assert 1 == engine._urgency("coingecko", "ETH")
    assert 2 == engine._urgency("coingecko", "SOL")


def test_nothing_is_urgent_that_a_better_source_has(engine: FeedEngine, clock: ManualClock) -> None:
    """A fresh price of a preferred source makes a poll useless."""
    engine.consolidator.set_health("binance", HealthState.HEALTHY, 1)
    engine.take(tick(trade("61000", 1), source=BINANCE, at=clock()))

    assert 0 == engine._urgency("coingecko", "BTC")


def test_a_clock_that_is_off_is_an_event(bus: LocalBus, exchange: Exchange, tmp_path: Path) -> None:
    """One, with the seconds; the feed goes on."""
    settings = FeedSettings(urls={"binance": exchange.url})
    engine = FeedEngine(bus, settings, state=tmp_path)
    engine.follow(CATALOGUE)
    exchange.fault("skewed_clock", seconds=30)
    engine.start()
    try:
        wait_for(
            lambda: FeedCode.CLOCK_OFF in {event.code for event in engine.events.recent()},
            what="the event",
        )
        status = engine.status()["binance"]
        events = [event for event in engine.events.recent() if event.code is FeedCode.CLOCK_OFF]
    finally:
        engine.stop()

    (event,) = events
    assert ("binance", "streaming") == (event.source, event.figures.state)
    assert 10 < (event.figures.seconds or 0) < 31
    assert status.active
    assert status.last_error is not None
    assert "its times differ by +" in status.last_error


def test_it_is_started_and_stopped_by_the_bus(
    bus: LocalBus, engine: FeedEngine, threads: Threads
) -> None:
    """As by a call; twice is once, and a stop is published."""
    changes: list[FeedChanged] = []
    bus.subscribe(FeedChanged, changes.append)
    bus.publish(Control(ControlAction.START))
    bus.publish(Control(ControlAction.START))

    assert engine.running
    assert "already_running" == engine.start()
    bus.publish(Control(ControlAction.STOP))

    assert not engine.running
    assert "already_stopped" == engine.stop()
    assert FeedChanged() in changes


def test_static_prices_come_with_the_start(
    bus: LocalBus, engine: FeedEngine, threads: Threads
) -> None:
    """The last resort of each instrument, as nothing else is expected."""
    quotes: list[Quote] = []
    bus.subscribe(Quote, quotes.append)
    engine.start()
    engine.stop()

    assert {instrument.symbol for instrument in CATALOGUE} == {quote.symbol for quote in quotes}
    assert {PriceClass.LAST_RESORT} == {quote.price_class for quote in quotes}


def test_an_instrument_that_is_added_has_a_price_at_once(
    bus: LocalBus, engine: FeedEngine, threads: Threads
) -> None:
    """While the engine runs."""
    first: list[Instrument] = [CATALOGUE[0]]
    quotes: list[Quote] = []
    engine.follow(first)
    engine.start()
    bus.subscribe(Quote, quotes.append)
    engine.follow([*first, CATALOGUE[1]])
    engine.stop()

    assert CATALOGUE[1].symbol in {quote.symbol for quote in quotes}
