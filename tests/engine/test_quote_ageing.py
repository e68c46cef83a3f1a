"""Without an engine the classes of quotes age by the policy, and never become better."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from msgspec import structs

from omcrm.engine.bus import LocalBus
from omcrm.engine.market_view import MarketView
from omcrm.engine.quote_ageing import QuoteAgeing
from omcrm.market.instrument import AssetClass
from omcrm.market.policy import LOOK_AHEAD, POLICIES
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Quote, StaleReason
from omcrm.market.session import Calendar
from omcrm.market.source import LAST_RESORT, Source
from tests.conftest import ManualClock
from tests.processes import wait_for
from tests.values import START, instrument, no_news, quote, trade

CRYPTO = POLICIES[AssetClass.CRYPTO]
MAX_AGE = CRYPTO.max_age.total_seconds()
AHEAD = LOOK_AHEAD.total_seconds()


@pytest.fixture
def view() -> Iterator[MarketView]:
    view = MarketView(LocalBus(), 0.1, no_news())
    view.follow([instrument("BTC"), instrument("ETH")])
    yield view
    view.stop()


@pytest.fixture
def ageing(view: MarketView, clock: ManualClock) -> QuoteAgeing:
    return QuoteAgeing(view, clock)


def held(view: MarketView) -> Quote:
    quote = view.cache.get("BTC")
    assert quote is not None
    return quote


def test_a_live_price_is_stale_after_its_maximum_age(
    view: MarketView, ageing: QuoteAgeing, clock: ManualClock
) -> None:
    """A little before, because the next review is later; with the reason."""
    view.take(quote(trade("100"), seq=4))
    clock.pass_seconds(MAX_AGE - AHEAD - 0.1)
    ageing.review()
    assert PriceClass.LIVE is held(view).price_class
    clock.pass_seconds(0.2)
    ageing.review()

    assert PriceClass.STALE is held(view).price_class
    assert StaleReason.AGE is held(view).stale_reason


def test_the_next_quote_of_the_engine_is_newer_than_an_aged_one(
    view: MarketView, ageing: QuoteAgeing, clock: ManualClock
) -> None:
    """Its number is above."""
    view.take(quote(trade("100"), seq=4))
    clock.pass_seconds(60)
    ageing.review()
    ageing.review()
    assert 5 == held(view).seq
    view.take(quote(trade("101"), seq=6, at=clock()))

    assert PriceClass.LIVE is held(view).price_class


def test_listeners_receive_aged_quotes(
    view: MarketView, ageing: QuoteAgeing, clock: ManualClock
) -> None:
    """Once."""
    seen: list[Quote] = []
    view.take(quote(trade("100"), seq=4))
    view.hub.subscribe(seen.append)
    clock.pass_seconds(60)
    for _ in range(3):
        ageing.review()

    assert [PriceClass.STALE] == [aged.price_class for aged in seen]


def test_what_was_asked_for_has_the_maximum_age_of_its_source(
    ageing: QuoteAgeing, clock: ManualClock
) -> None:
    """Not that of streams."""
    asked = Source("coingecko", PriceClass.INDICATIVE, timedelta(minutes=10))
    price = quote(trade("100"), source=asked, price_class=PriceClass.INDICATIVE)

    assert price is ageing.classify(price, START + timedelta(minutes=9))
    aged = ageing.classify(price, START + timedelta(minutes=10))
    assert PriceClass.STALE is aged.price_class


@pytest.mark.parametrize("reason", [StaleReason.CONTRADICTED, StaleReason.SOURCE_DOWN])
def test_no_price_becomes_better(ageing: QuoteAgeing, reason: StaleReason) -> None:
    """What is stale for another reason stays so, and the last resort is what it is."""
    stale = structs.replace(quote(trade("100")), price_class=PriceClass.STALE, stale_reason=reason)
    last_resort = quote(trade("1"), source=LAST_RESORT, price_class=PriceClass.LAST_RESORT)

    assert stale is ageing.classify(stale, START)
    assert last_resort is ageing.classify(last_resort, START + timedelta(days=1))


def test_a_market_that_closes_and_opens_does_so_by_the_clock(
    view: MarketView, ageing: QuoteAgeing
) -> None:
    """A live price becomes the close, and the close is no price of the next day."""
    share = instrument("ACME", AssetClass.STOCK, calendar=Calendar.XNYS)
    view.follow([share])
    closes = START.replace(hour=21, minute=0)
    price = quote(trade("100"), symbol="ACME", at=closes - timedelta(seconds=5))

    assert price is ageing.classify(price, closes - timedelta(seconds=1))
    closed = ageing.classify(price, closes + timedelta(seconds=1))
    assert PriceClass.CLOSED is closed.price_class
    assert None is closed.stale_reason
    assert closed is ageing.classify(closed, closes + timedelta(hours=3))
    opens = START.replace(hour=14, minute=30) + timedelta(days=1)
    assert PriceClass.STALE is ageing.classify(closed, opens + timedelta(seconds=1)).price_class


def test_the_thread_reviews_and_ends(
    view: MarketView, ageing: QuoteAgeing, clock: ManualClock
) -> None:
    """Starting and stopping twice is harmless."""
    ageing.start()
    ageing.start()
    view.take(quote(trade("100"), seq=4))
    clock.pass_seconds(60)
    wait_for(lambda: held(view).price_class is PriceClass.STALE, what="the review")
    ageing.stop()
    ageing.stop()
