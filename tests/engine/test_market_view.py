from collections.abc import Iterator

import pytest

from omcrm.engine.bus import Demand, LocalBus
from omcrm.engine.market_view import MarketView
from omcrm.market.quote import Quote
from tests.processes import wait_for
from tests.streaming.page import Page
from tests.values import instrument, no_news, quote, trade


@pytest.fixture
def bus() -> LocalBus:
    """A bus on which nothing happened yet."""
    return LocalBus()


@pytest.fixture
def view(bus: LocalBus) -> Iterator[MarketView]:
    """A running view of BTC and ETH."""
    view = MarketView(bus, 0.01, no_news())
    view.follow([instrument("BTC"), instrument("ETH")])
    view.start()
    yield view
    view.stop()


def test_a_quote_of_the_bus_is_held_and_passed_on(bus: LocalBus, view: MarketView) -> None:
    """Once; an older one, and one of an unknown symbol, go no further."""
    passed: list[Quote] = []
    view.hub.subscribe(passed.append)
    newest = quote(trade("2"), seq=2)
    bus.publish(newest)
    bus.publish(quote(trade("1"), seq=1))
    bus.publish(quote(trade("3"), seq=3, symbol="DOGE"))

    assert [newest] == passed
    assert {"BTC": newest} == view.cache.snapshot()


def test_a_symbol_that_is_not_followed_any_more_is_gone(bus: LocalBus, view: MarketView) -> None:
    """From the cache and the bars; what comes late is dropped."""
    bus.publish(quote(trade("2"), seq=1))
    view.follow([instrument("ETH")])
    bus.publish(quote(trade("3"), seq=2))

    assert None is view.cache.get("BTC")
    assert [] == view.bars.series("BTC", "binance", "1m", 5)


def test_demand_is_published_when_it_changes(bus: LocalBus, view: MarketView) -> None:
    """The symbols of all subscribers, whatever their rate; a second subscriber changes nothing."""
    demands: list[Demand] = []
    bus.subscribe(Demand, demands.append)
    pages = [Page(), Page()]
    subscribers = [view.fanout.add(page, lambda quote: quote.symbol) for page in pages]
    view.fanout.subscribe(subscribers[0], ["BTC"])
    wait_for(lambda: demands and demands[-1].symbols == {"BTC"}, 5, "the demand")
    view.fanout.subscribe(subscribers[1], ["BTC", "ETH"], max_rate=1.0)
    wait_for(lambda: demands[-1].symbols == {"BTC", "ETH"}, 5, "the demand")
    view.fanout.remove(subscribers[1])
    wait_for(lambda: demands[-1].symbols == {"BTC"}, 5, "the demand")
    view.fanout.remove(subscribers[0])
    wait_for(lambda: not demands[-1].symbols, 5, "the demand")

    assert 1 == len({demand.view for demand in demands})


def test_two_views_show_the_same(bus: LocalBus, view: MarketView) -> None:
    """Each is fed by the bus alone."""
    other = MarketView(bus, 0.01, no_news())
    other.follow([instrument("BTC"), instrument("ETH")])
    for seq in range(1, 20):
        bus.publish(quote(trade(str(seq), seq), seq=seq, symbol=("BTC", "ETH")[seq % 2]))

    assert view.cache.snapshot() == other.cache.snapshot()
    assert view.bars.series("BTC", "binance", "1m", 5) == other.bars.series(
        "BTC", "binance", "1m", 5
    )
