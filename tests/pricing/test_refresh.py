from datetime import UTC, datetime
from decimal import Decimal

import pytest
from flask import Flask

from omcrm.market.price_class import PriceClass
from omcrm.market.source import SIMULATED, HealthState
from omcrm.market.tick import Tick, Trade
from omcrm.pricing import refresh
from omcrm.pricing.refresh import refresh_prices
from omcrm.storage.asset_price import latest_prices
from omcrm.web.market_access import market
from tests.processes import Exchange
from tests.upstreams import frozen
from tests.values import BINANCE


def test_prices_are_fetched_shown_and_written(priced: Flask) -> None:
    """What the sources say now is told, stands in the cache, and in the database."""
    told = refresh_prices(["EURUSD", "BTC", "AAPL", "BTC"])

    assert ["EURUSD", "BTC", "AAPL"] == [price.symbol for price in told.updated]
    assert ["exchangerate_api", "coingecko", "alpha_vantage"] == [
        price.source for price in told.updated
    ]
    assert [] == told.failed
    assert {price.symbol: price for price in told.updated} == latest_prices()
    for price in told.updated:
        quote = market().cache.get(price.symbol)
        assert quote is not None
        assert quote.said.trade is not None
        assert price.price == quote.said.trade.price


def test_who_streams_is_not_asked_otherwise(priced: Flask) -> None:
    """A live price is told as it is, and costs nothing."""
    now, cache = datetime.now(UTC), market().cache
    cache.set_condition("binance", HealthState.HEALTHY, 1)
    cache.apply(Tick("BTC", BINANCE, now, 1, trade=Trade(Decimal("61000.5"), id=1, time=now)))
    (told,) = refresh_prices(["BTC"]).updated

    assert (Decimal("61000.5"), PriceClass.LIVE, "binance") == (
        told.price,
        told.price_class,
        told.source,
    )
    assert not list(priced.extensions["omcrm.settings"].feed_state_path.glob("coingecko*"))


def test_what_cannot_be_fetched_says_why(priced: Flask, exchange: Exchange) -> None:
    """Beside what can; an unknown symbol is one of them."""
    exchange.fault("trick", venue="alpha_vantage", name="information_premium")
    told = refresh_prices(["NONE", "AAPL", "BTC"])

    assert ["BTC"] == [price.symbol for price in told.updated]
    assert ["NONE", "AAPL"] == [failure.symbol for failure in told.failed]
    assert "unknown symbol" == told.failed[0].reason
    assert "alpha_vantage: refused with 403" in told.failed[1].reason


def test_an_invented_price_is_told_where_nobody_real_answers(
    priced: Flask, exchange: Exchange
) -> None:
    """In a demonstration, and named so."""
    now, cache = datetime.now(UTC), market().cache
    exchange.fault("trick", venue="coingecko", name="throttled")
    cache.set_condition(SIMULATED.name, HealthState.HEALTHY, 1)
    cache.apply(Tick("BTC", SIMULATED, now, 1, trade=Trade(Decimal(5), id=1, time=now)))
    (told,) = refresh_prices(["BTC"]).updated

    assert PriceClass.SIMULATED is told.price_class


def test_it_ends_in_time(
    priced: Flask, exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the upstreams do, whoever asked gets an answer for each symbol."""
    monkeypatch.setattr(refresh, "_SECONDS", 0.3)
    with frozen(exchange):
        told = refresh_prices(["BTC", "EURUSD"])

    assert ["BTC", "EURUSD"] == [failure.symbol for failure in told.failed]
    assert {} == latest_prices()
