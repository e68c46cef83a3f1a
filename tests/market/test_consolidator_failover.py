"""Failover of the active source, with consolidator, validator and cache together."""

from decimal import Decimal

import pytest

from omcrm.market.failover import FailoverReason
from omcrm.market.price_class import PriceClass
from omcrm.market.source import LAST_RESORT, SIMULATED, Source
from tests.market.whole_market import DOWN, HEALTHY, LIVE, PENDING, STALE, Market, shown
from tests.values import KRAKEN, book


@pytest.mark.parametrize("source", [SIMULATED, LAST_RESORT])
def test_no_invented_price_is_shown_during_the_startup_grace(
    market: Market, source: Source
) -> None:
    """While Binance is pending, no invented price is shown until the startup grace is over."""
    market.set_health(HEALTHY, "simulated")
    market.set_health(PENDING)

    assert None is market.trade("100", source)
    market.clock.pass_seconds(9.999)

    assert [] == market.review()
    market.trade("100", source)
    market.clock.pass_seconds(0.001)

    assert [("BTC", source.name, source.claim)] == shown(market.review())


def test_a_source_that_is_down_has_no_startup_grace(market: Market) -> None:
    """When Binance goes down while it starts, the simulated source becomes active at once."""
    market.set_health(HEALTHY, "simulated")
    market.set_health(PENDING)
    market.trade("100", SIMULATED)

    assert [("BTC", "simulated", PriceClass.SIMULATED)] == market.set_health(DOWN)


def test_no_startup_grace_for_a_source_outside_the_policy(market: Market) -> None:
    """An instrument without a pending source in its policy has its last-resort price at once."""
    market.set_health(PENDING)
    market.trade("213", LAST_RESORT, "AAPL")

    assert ("last_resort", PriceClass.LAST_RESORT) == market.shows("AAPL")


def test_a_pending_simulated_source_has_no_startup_grace(market: Market) -> None:
    """Only a real source that is pending holds back the last-resort price."""
    market.set_health(PENDING, "simulated")
    market.trade("100", LAST_RESORT)

    assert ("last_resort", PriceClass.LAST_RESORT) == market.shows()


def test_simulation_is_better_than_the_last_resort(market: Market) -> None:
    """The simulated source replaces the last resort, and its price is classed as simulated."""
    market.set_health(HEALTHY, "simulated")
    market.trade("100", LAST_RESORT)
    market.trade("100", SIMULATED)

    assert ("simulated", PriceClass.SIMULATED) == market.shows()
    assert None is market.trade("100", LAST_RESORT)


def test_a_real_source_replaces_the_simulated_one_at_once(market: Market) -> None:
    """Binance's first trade makes it active and is not validated against the simulated price."""
    market.set_health(HEALTHY, "simulated")
    market.set_health(DOWN)
    market.trade("100", SIMULATED)
    market.set_health(HEALTHY)
    quote = market.trade("61837.63")

    assert Decimal("61837.63") == quote.last
    assert ("binance", LIVE) == market.shows()


def test_an_invented_price_never_replaces_a_real_one(streaming: Market) -> None:
    """However long Binance is down, its last price stays as stale."""
    streaming.set_health(HEALTHY, "simulated")
    streaming.trade("100")
    streaming.set_health(DOWN)
    streaming.clock.pass_seconds(86_400)

    assert None is streaming.trade("100", SIMULATED)
    assert None is streaming.trade("100", LAST_RESORT)
    assert [] == streaming.review()
    assert ("binance", STALE) == streaming.shows()


def test_failover_to_the_standby_and_back_after_the_recovery_hold(streaming: Market) -> None:
    """Kraken is active while Binance is stale, and Binance again after its recovery hold."""
    streaming.set_health(HEALTHY, "kraken")
    streaming.trade("100")
    standby = streaming.trade("101", KRAKEN)
    streaming.clock.pass_seconds(9)
    streaming.trade("101", KRAKEN)
    streaming.clock.pass_seconds(2)

    assert None is standby
    assert [("BTC", "kraken", LIVE)] == shown(streaming.review())
    for _ in range(10):
        streaming.trade("100")
        streaming.trade("101", KRAKEN)
        streaming.review()
        assert ("kraken", LIVE) == streaming.shows()
        streaming.clock.pass_seconds(1)
    streaming.review()

    assert ("binance", LIVE) == streaming.shows()
    failovers = [
        (failover.before, failover.after, failover.reason)
        for failover in streaming.consolidator.take_failovers()
    ]
    assert [
        (None, "binance", FailoverReason.FIRST),
        ("binance", "kraken", FailoverReason.STALE),
        ("kraken", "binance", FailoverReason.RECOVERED),
    ] == failovers
    assert [] == streaming.consolidator.take_failovers()


def test_a_source_without_a_trade_does_not_become_active(streaming: Market) -> None:
    """A fresh book alone causes no failover."""
    streaming.set_health(HEALTHY, "kraken")
    streaming.trade("100")
    streaming.set_health(DOWN)
    streaming.apply(book("99", "101"), source=KRAKEN)

    assert ("binance", STALE) == streaming.shows()
