"""Who speaks for a symbol, told by the cache as a whole."""

from decimal import Decimal

import pytest

from omcrm.market.failover import FailoverReason
from omcrm.market.price_class import PriceClass
from omcrm.market.source import LAST_RESORT, SIMULATED, Source
from tests.market.whole_market import DOWN, HEALTHY, LIVE, PENDING, STALE, Market, shown
from tests.values import KRAKEN, book


@pytest.mark.parametrize("source", [SIMULATED, LAST_RESORT])
def test_a_real_source_is_waited_for(market: Market, source: Source) -> None:
    """While Binance connects, no invented price is shown, until the grace is over."""
    market.set_health(HEALTHY, "simulated")
    market.set_health(PENDING)

    assert None is market.trade("100", source)
    market.clock.pass_seconds(9.999)

    assert [] == market.review()
    market.trade("100", source)
    market.clock.pass_seconds(0.001)

    assert [("BTC", source.name, source.claim)] == shown(market.review())


def test_a_failed_real_source_is_not_waited_for(market: Market) -> None:
    """When Binance is known to be down, the built-in exchange speaks at once."""
    market.set_health(HEALTHY, "simulated")
    market.set_health(PENDING)
    market.trade("100", SIMULATED)

    assert [("BTC", "simulated", PriceClass.SIMULATED)] == market.set_health(DOWN)


def test_who_has_no_real_source_is_not_kept_waiting(market: Market) -> None:
    """An instrument that Binance does not know gets its price of last resort at once."""
    market.set_health(PENDING)
    market.trade("213", LAST_RESORT, "AAPL")

    assert ("last_resort", PriceClass.LAST_RESORT) == market.shows("AAPL")


def test_the_pending_exchange_of_our_own_is_not_waited_for(market: Market) -> None:
    """Only a market is worth waiting for."""
    market.set_health(PENDING, "simulated")
    market.trade("100", LAST_RESORT)

    assert ("last_resort", PriceClass.LAST_RESORT) == market.shows()


def test_simulation_is_better_than_the_last_resort(market: Market) -> None:
    """What moves takes over from what is hard-coded, and the price is called what it is."""
    market.set_health(HEALTHY, "simulated")
    market.trade("100", LAST_RESORT)
    market.trade("100", SIMULATED)

    assert ("simulated", PriceClass.SIMULATED) == market.shows()
    assert None is market.trade("100", LAST_RESORT)


def test_a_real_price_takes_over_at_once(market: Market) -> None:
    """Binance's first trade replaces the simulation, and is compared with none of it."""
    market.set_health(HEALTHY, "simulated")
    market.set_health(DOWN)
    market.trade("100", SIMULATED)
    market.set_health(HEALTHY)
    quote = market.trade("61837.63")

    assert Decimal("61837.63") == quote.last
    assert ("binance", LIVE) == market.shows()


def test_an_invented_price_never_takes_the_place_of_a_real_one(streaming: Market) -> None:
    """However long Binance is gone, its last price stands there as stale."""
    streaming.set_health(HEALTHY, "simulated")
    streaming.trade("100")
    streaming.set_health(DOWN)
    streaming.clock.pass_seconds(86_400)

    assert None is streaming.trade("100", SIMULATED)
    assert None is streaming.trade("100", LAST_RESORT)
    assert [] == streaming.review()
    assert ("binance", STALE) == streaming.shows()


def test_another_real_source_takes_over_and_gives_back(streaming: Market) -> None:
    """Kraken speaks while Binance is stale, and Binance once it has lived for a while."""
    streaming.set_health(HEALTHY, "kraken")
    streaming.trade("100")
    unheard = streaming.trade("101", KRAKEN)
    streaming.clock.pass_seconds(9)
    streaming.trade("101", KRAKEN)
    streaming.clock.pass_seconds(2)

    assert None is unheard
    assert [("BTC", "kraken", LIVE)] == shown(streaming.review())
    for _ in range(10):
        streaming.trade("100")
        streaming.trade("101", KRAKEN)
        streaming.review()
        assert ("kraken", LIVE) == streaming.shows()
        streaming.clock.pass_seconds(1)
    streaming.review()

    assert ("binance", LIVE) == streaming.shows()
    switches = [
        (failover.before, failover.after, failover.reason)
        for failover in streaming.consolidator.take_failovers()
    ]
    assert [
        (None, "binance", FailoverReason.FIRST),
        ("binance", "kraken", FailoverReason.STALE),
        ("kraken", "binance", FailoverReason.RECOVERED),
    ] == switches
    assert [] == streaming.consolidator.take_failovers()


def test_a_source_that_says_nothing_of_a_price_does_not_speak(streaming: Market) -> None:
    """A fresh book alone does not replace a price."""
    streaming.set_health(HEALTHY, "kraken")
    streaming.trade("100")
    streaming.set_health(DOWN)
    streaming.apply(book("99", "101"), source=KRAKEN)

    assert ("binance", STALE) == streaming.shows()
