from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from msgspec import structs

from omcrm.feeds.timing import FeedClock
from omcrm.market.instrument import AssetClass
from omcrm.market.policy import POLICIES
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Quote
from simulator.drill.price_monitor import PriceMonitor
from tests.values import after, instrument, quote, trade

POLICY = POLICIES[AssetClass.CRYPTO]


def problem(
    shown: Quote, seconds: float = 1.0, truth: str = "100", reviewed: float | None = None
) -> str | None:
    """What is wrong with a quote at this age, the last review being `reviewed`."""
    reviewed_at = None if reviewed is None else after(reviewed)
    setup = SimpleNamespace(
        instruments=[instrument("BTC")],
        clock=lambda: after(seconds),
        feed_clock=FeedClock(),
        manager=SimpleNamespace(engine=SimpleNamespace(reviewed_at=reviewed_at)),
    )
    monitor = PriceMonitor(setup)
    monitor._truth = {"BTC": Decimal(truth)}
    return monitor._problem(shown, POLICY)


def test_a_good_price_is_good() -> None:
    """Fresh, quick and close to the market."""
    assert None is problem(quote(trade("100.5", time=after(-0.1))))


def test_an_old_price_is_wrong_as_live_only() -> None:
    """The same price is right once its class is stale."""
    assert "old" in str(problem(quote(trade("100")), seconds=10.1))
    assert None is problem(quote(trade("100"), price_class=PriceClass.STALE), seconds=10.1)


def test_an_indicative_price_of_last_week_is_wrong() -> None:
    """Of the last trading day it is right."""
    days = {3: None, 6: "indicative, but of"}

    for number, words in days.items():
        asked = trade("100", time=after(-86_400 * number))
        wrong = problem(quote(asked, price_class=PriceClass.INDICATIVE))
        assert (words is None) is (wrong is None)
        assert (words or "") in (wrong or "")


def test_a_delayed_review_is_not_wrong() -> None:
    """A busy machine delays the review; a price that was too old at the last one is wrong."""
    assert None is problem(quote(trade("100")), seconds=30.0, reviewed=9.9)
    assert "old" in str(problem(quote(trade("100")), seconds=30.0, reviewed=10.1))


def test_a_price_with_a_long_latency_is_wrong() -> None:
    """Also where the feed did not measure the latency."""
    assert "on its way" in str(problem(quote(trade("100", time=after(-20)))))
    assert "old" in str(problem(quote(trade("100", time=after(-86_400)))))


@pytest.mark.parametrize(("truth", "is_wrong"), [("95.3", False), ("95.2", True), ("106", True)])
def test_a_price_far_from_the_market_is_wrong(truth: str, is_wrong: bool) -> None:
    """More than five percent is no movement between two observations."""
    assert is_wrong == bool(problem(quote(trade("100")), truth=truth))


def test_feed_latency_counts_as_age() -> None:
    """The age includes the latency that the feeds measured."""
    quoted = quote(trade("100"))
    late = structs.replace(quoted, confirmed_at=quoted.received_at - timedelta(seconds=12))

    assert "old" in str(problem(late))
