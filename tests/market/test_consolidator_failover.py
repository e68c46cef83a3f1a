"""Failover of the active source, with consolidator, validator and cache together."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from msgspec import structs

from omcrm.market.failover import FailoverReason
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Quote
from omcrm.market.source import LAST_RESORT, SIMULATED, Source
from tests.market.whole_market import DOWN, HEALTHY, LIVE, PENDING, STALE, Market, shown
from tests.values import BINANCE, KRAKEN, START, book, tick, trade

# Recordings


def play(market: Market, price: str, source: Source) -> Quote | None:
    """Apply a trade of a recording, and let half a second pass."""
    market.number += 1
    played = tick(trade(price, market.number), source=source, at=market.clock())
    changed = market.consolidator.apply(structs.replace(played, recorded_at=START))
    market.clock.pass_seconds(0.5)
    market.review()
    return changed


def test_recordings_and_prices_of_now_do_not_contradict_each_other(market: Market) -> None:
    """Half the price of now is no outlier in a recording, nor twice that of a recording now."""
    market.set_health(HEALTHY)
    market.set_health(HEALTHY, "kraken")
    quote = play(market, "50", KRAKEN)
    market.trade("100")
    play(market, "50", KRAKEN)

    assert quote is not None
    assert (PriceClass.REPLAYED, START) == (quote.price_class, quote.recorded_at)
    assert {} == market.validator.rejected
    assert ("binance", LIVE) == market.shows()


def test_a_recording_does_not_keep_others_from_being_asked(market: Market) -> None:
    """It is no price of now."""
    market.set_health(HEALTHY)
    play(market, "50", BINANCE)
    beside_recording = market.consolidator.has_better("BTC", "kraken")
    market.clock.pass_seconds(20)
    market.trade("50")

    assert (False, True) == (beside_recording, market.consolidator.has_better("BTC", "kraken"))


def test_an_outlier_of_a_recording_confirms_none_of_now(market: Market) -> None:
    """Two sources that jump alike confirm each other only if both are of now."""
    market.set_health(HEALTHY)
    market.set_health(HEALTHY, "kraken")
    market.trade("100")
    play(market, "100", KRAKEN)
    play(market, "150", KRAKEN)

    assert market.trade("150") is None


def test_among_stale_prices_the_youngest_is_shown(market: Market) -> None:
    """Not that of a source that goes on sending times of another day."""
    market.set_health(HEALTHY)
    market.set_health(HEALTHY, "kraken")
    market.trade("100")
    market.clock.pass_seconds(70)
    market.apply(trade("99", 1, time=datetime(2015, 1, 1, tzinfo=UTC)), source=KRAKEN)
    market.review()

    assert ("binance", STALE) == market.shows()


# Starting


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
