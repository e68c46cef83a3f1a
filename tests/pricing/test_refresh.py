from datetime import UTC, datetime
from decimal import Decimal

import pytest
from flask import Flask

from omcrm.market.price_class import PriceClass
from omcrm.market.source import SIMULATED, HealthState, Source
from omcrm.market.tick import Tick, Trade
from omcrm.pricing import refresh
from omcrm.pricing.refresh import refresh_prices
from omcrm.services import services, services_of
from omcrm.storage.asset_price import latest_prices
from omcrm.web.market_access import feed_engine, market_view
from tests.processes import Exchange
from tests.upstreams import frozen
from tests.values import BINANCE


def stream(source: Source, price: str) -> None:
    """Publish a price of BTC as a stream of `source` does."""
    now, consolidator = datetime.now(UTC), feed_engine().consolidator
    consolidator.set_health(source.name, HealthState.HEALTHY, 1)
    trade = Trade(Decimal(price), id=1, time=now)
    quote = consolidator.apply(Tick("BTC", source, now, 1, trade=trade))
    assert quote is not None
    services().bus.publish(quote)


def test_prices_are_fetched_shown_and_written(priced: Flask) -> None:
    """The new prices are returned, in the cache, and in the database."""
    result = refresh_prices(["EURUSD", "BTC", "AAPL", "BTC"])

    assert ["EURUSD", "BTC", "AAPL"] == [price.symbol for price in result.updated]
    assert ["exchangerate_api", "coingecko", "alpha_vantage"] == [
        price.source for price in result.updated
    ]
    assert [] == result.failed
    assert {price.symbol: price for price in result.updated} == latest_prices()
    for price in result.updated:
        quote = market_view().cache.get(price.symbol)
        assert quote is not None
        assert price.price == quote.last


def test_a_streamed_symbol_is_not_fetched(priced: Flask) -> None:
    """Its live price is returned, and no call is made."""
    stream(BINANCE, "61000.5")
    (result,) = refresh_prices(["BTC"]).updated

    assert (Decimal("61000.5"), PriceClass.LIVE, "binance") == (
        result.price,
        result.price_class,
        result.source,
    )
    assert not list(services_of(priced).settings.feed_state_path.glob("coingecko*"))


def test_a_failed_symbol_has_a_reason(priced: Flask, exchange: Exchange) -> None:
    """The other symbols are updated; an unknown symbol fails, too."""
    exchange.fault("trick", venue="alpha_vantage", name="information_premium")
    result = refresh_prices(["NONE", "AAPL", "BTC"])

    assert ["BTC"] == [price.symbol for price in result.updated]
    assert ["NONE", "AAPL"] == [failure.symbol for failure in result.failed]
    assert "unknown symbol" == result.failed[0].reason
    assert "alpha_vantage: refused with 403" in result.failed[1].reason


def test_a_simulated_price_is_used_without_a_real_answer(priced: Flask, exchange: Exchange) -> None:
    """In a demo installation, labelled as simulated."""
    exchange.fault("trick", venue="coingecko", name="throttled")
    stream(SIMULATED, "5")
    (result,) = refresh_prices(["BTC"]).updated

    assert PriceClass.SIMULATED is result.price_class


def test_it_ends_in_time(
    priced: Flask, exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every symbol gets a result, even when no upstream answers."""
    monkeypatch.setattr(refresh, "_SECONDS", 0.3)
    with frozen(exchange):
        result = refresh_prices(["BTC", "EURUSD"])

    assert ["BTC", "EURUSD"] == [failure.symbol for failure in result.failed]
    assert {} == latest_prices()
