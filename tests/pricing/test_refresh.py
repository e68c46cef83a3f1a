import threading
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

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
from tests.processes import PATIENCE, App, Exchange, wait_for
from tests.upstreams import frozen
from tests.values import BINANCE, quote, trade


def stream(source: Source, price: str) -> None:
    """Publish a price of BTC as a stream of `source` does."""
    now, consolidator = datetime.now(UTC), feed_engine().consolidator
    consolidator.set_health(source.name, HealthState.HEALTHY, 1)
    last = Trade(Decimal(price), id=1, time=now)
    streamed = consolidator.apply(Tick("BTC", source, now, 1, trade=last))
    assert streamed is not None
    services().bus.publish(streamed)


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


# What the feeds bring meanwhile


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have it wait as long as feeds take to start on a busy machine."""
    monkeypatch.setattr(refresh, "_LONGEST_START", PATIENCE)
    monkeypatch.setattr(refresh, "_SECONDS", PATIENCE)


@pytest.mark.usefixtures("patient")
def test_it_waits_for_a_stream_that_is_starting(priced: Flask) -> None:
    """Just after a start, and after a restart: the price is the stream's, and no call is made."""
    engine = feed_engine()
    for _ in range(2):
        engine.start()
        (result,) = refresh_prices(["BTC"]).updated

        assert PriceClass.LIVE is result.price_class
        engine.stop()
    assert {0} == {use.used for use in engine.uses()["coingecko"]}


@pytest.mark.usefixtures("patient")
def test_it_waits_for_the_call_that_a_feed_makes_meanwhile(
    priced: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its price is the answer, also where the quota allows no other call."""
    # The feed may have its price before the request begins.
    began = datetime.now(UTC)
    monkeypatch.setattr(refresh, "utc_now", lambda: began)
    engine = feed_engine()
    engine.start()
    results = [refresh_prices(["EURUSD"]) for _ in range(2)]

    assert {1} == {use.used for use in engine.uses()["exchangerate_api"]}
    assert ["exchangerate_api"] * 2 == [result.updated[0].source for result in results]


def test_just_after_a_restart_over_http(tmp_path: Path, exchange: Exchange) -> None:
    """Also where the price was stale for a moment: the answer has the live one."""
    body = {"symbols": ["BTC"]}
    with App(tmp_path, {"BINANCE_WS_URL": exchange.url}) as app:
        browser = app.new_browser("admin")
        headers = {"X-CSRFToken": browser.csrf("/webtrader/dashboard")}
        answers = []
        for _ in range(3):
            for action in ("stop", "start"):
                assert browser.send(f"/webtrader/{action}_realtime_feeds").ok
            answers.append(
                browser.post("/api/realtime/force_price_update/", json=body, headers=headers).json()
            )

    assert [[]] * 3 == [answer["failed"] for answer in answers]
    assert {"live"} == {answer["updated"][0]["price_class"] for answer in answers}


@pytest.mark.usefixtures("patient")
def test_it_waits_for_feeds_that_are_being_started(priced: Flask) -> None:
    """By the request itself: then they have been asked to start, but do not run yet."""
    engine = feed_engine()
    starter = threading.Timer(0.5, engine.start)
    starter.start()
    (result,) = refresh_prices(["BTC"], starting=True).updated
    starter.join()

    assert PriceClass.LIVE is result.price_class


def test_the_reason_is_what_is_true_of_each_source(priced: Flask, exchange: Exchange) -> None:
    """Of the streams as well: why they are away, or that they do not run."""
    exchange.fault("trick", venue="coingecko", name="throttled")
    exchange.fault("refuse", venue="binance", status=451)
    exchange.fault("refuse", venue="coinbase", status=503)
    (stopped,) = refresh_prices(["BTC"]).failed
    feed_engine().start()
    wait_for(lambda: feed_engine().status()["binance"].cause, what="the refusal")
    wait_for(lambda: feed_engine().status()["coinbase"].reconnects, what="the other one")
    (refused,) = refresh_prices(["BTC"]).failed

    assert stopped.reason.startswith("binance: stopped; coinbase: stopped; coingecko: refused with")
    assert "binance: waiting: refused with 451: " in refused.reason
    assert "coinbase: " in refused.reason
    assert "coingecko: " in refused.reason


def test_the_last_price_of_a_closed_market_is_the_present_one(
    priced: Flask, exchange: Exchange
) -> None:
    """Where no source answers."""
    exchange.fault("trick", venue="alpha_vantage", name="information_premium")
    now, view = datetime.now(UTC), market_view()
    closed = quote(trade("231.5"), symbol="AAPL", price_class=PriceClass.CLOSED, at=now)
    view.bus.publish(closed)
    (result,) = refresh_prices(["AAPL"]).updated

    assert (Decimal("231.5"), PriceClass.CLOSED) == (result.price, result.price_class)
