"""What the health of a source, and the symbols that it does not serve, mean for the others."""

from datetime import timedelta

import pytest

from omcrm.market.failover import FailoverReason
from omcrm.market.price_class import PriceClass
from omcrm.market.source import HealthState, Source
from tests.market.whole_market import DOWN, HEALTHY, PENDING, STALE, Market, shown
from tests.values import KRAKEN

POLLED = Source("kraken", PriceClass.INDICATIVE)


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (DOWN, FailoverReason.DOWN),
        (HealthState.OFF, FailoverReason.OFF),
        # It was started again, and the other one is first.
        (PENDING, FailoverReason.FIRST),
    ],
)
def test_the_reason_is_the_state_of_the_source_before(
    streaming: Market, state: HealthState, reason: FailoverReason
) -> None:
    """A source that was switched off, or has just been started, is not down."""
    streaming.set_health(HEALTHY, "kraken")
    streaming.trade("100")
    streaming.trade("100", KRAKEN)
    streaming.consolidator.take_failovers()
    streaming.set_health(state)

    assert [reason] == [item.reason for item in streaming.consolidator.take_failovers()]


def test_switching_all_off_is_no_failover(streaming: Market) -> None:
    """What is shown becomes stale where it is."""
    streaming.set_health(HEALTHY, "kraken")
    streaming.trade("100")
    streaming.trade("100", KRAKEN)
    streaming.consolidator.take_failovers()
    quotes = streaming.consolidator.set_all_off()

    assert [("BTC", "binance", STALE)] == shown(quotes)
    assert [] == streaming.consolidator.take_failovers()


def test_a_change_of_health_looks_as_far_ahead_as_a_review(streaming: Market) -> None:
    """What a review ahead has called too old is not live again because another source connects."""
    ahead = timedelta(seconds=0.75)
    streaming.trade("100")
    streaming.clock.pass_seconds(9.5)
    reviewed = shown(streaming.review(ahead))
    connected = streaming.consolidator.set_health("kraken", HEALTHY, 1, ahead)
    unserved = streaming.consolidator.set_unserved("kraken", frozenset({"BTC"}), ahead)

    assert [("BTC", "binance", STALE)] == reviewed
    assert ([], []) == (connected, unserved)


def test_an_unserved_symbol_has_no_better_price(streaming: Market) -> None:
    """The next source is asked for it, while the others of the source stay as they are."""
    consolidator = streaming.consolidator
    streaming.set_health(HEALTHY, "kraken")
    for symbol in ("BTC", "ETH"):
        streaming.trade("100", POLLED, symbol)
    consolidator.set_unserved("kraken", frozenset({"BTC"}))

    assert [False, True] == [consolidator.has_better(name, "simulated") for name in ("BTC", "ETH")]


def test_a_starting_source_is_better(market: Market) -> None:
    """Until its startup grace is over or it fails; not where the instrument has no name there."""
    market.set_health(PENDING)
    at_the_start = market.consolidator.has_better("BTC", "coingecko")
    of_a_share = market.consolidator.has_better("AAPL", "alpha_vantage")
    market.clock.pass_seconds(10)
    after_the_grace = market.consolidator.has_better("BTC", "coingecko")
    market.set_health(PENDING)
    market.set_health(DOWN)

    assert (True, False, False) == (at_the_start, of_a_share, after_the_grace)
    assert not market.consolidator.has_better("BTC", "coingecko")


def test_a_stream_that_has_just_failed_is_still_better(streaming: Market) -> None:
    """As long as its last price is shown rather than a polled one."""
    streaming.trade("100")
    streaming.set_health(DOWN)
    at_once = streaming.consolidator.has_better("BTC", "coingecko")
    streaming.clock.pass_seconds(61)

    assert at_once
    assert not streaming.consolidator.has_better("BTC", "coingecko")
