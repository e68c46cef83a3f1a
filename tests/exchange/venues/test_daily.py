"""The days of every venue, and that their providers understand them."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from omcrm.exchange.interval import DAY
from omcrm.exchange.simulation import Simulation
from omcrm.exchange.venues.daily import PART, day_of, finished_days, parts
from omcrm.feeds.fetch import Fetcher
from omcrm.feeds.history import HISTORIES, histories
from omcrm.feeds.history_provider import HistoryRequest
from omcrm.feeds.keys import Keys
from omcrm.feeds.registry import FeedSettings
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.daily_bar import DailyBar
from omcrm.market.trading_day import finished_days as expected_days

BY_SOURCE = {
    source: next(instrument for instrument in CATALOGUE if source in instrument.provider_symbols)
    for source in HISTORIES
}
PATHS = {
    "binance_rest": "",
    "coinbase_rest": "/coinbase",
    "coingecko": "/coingecko/api/v3",
    "alpha_vantage": "/alpha_vantage",
    "frankfurter": "/frankfurter",
}


@pytest.fixture
def everything(serve: Callable[..., Any]) -> Any:
    """An exchange with all that the catalogue has."""
    return serve(lambda outlet: Simulation(7, outlet, CATALOGUE))


def ask(running: Any, source: str, count: int) -> tuple[list[date], list[Any]]:
    """The days that a source should tell now, and what it tells."""
    host = f"127.0.0.1:{running.port}"
    urls = {name: f"http://{host}{path}" for name, path in PATHS.items()}
    settings = FeedSettings(
        urls={**urls, "simulated": f"ws://{host}"}, keys=Keys(lambda name: "a-key-of-the-test")
    )
    provider, instrument, now = histories(settings)[source], BY_SOURCE[source], datetime.now(UTC)
    days = expected_days(instrument.asset_class, count, now)
    names = {instrument.provider_symbols[source]: instrument.symbol}
    past = HistoryRequest(names, days[0], days[-1], now)
    fetcher = Fetcher()
    try:
        (call,) = provider.calls(past)
        return days, list(provider.parse(call, fetcher.get(call), past))
    finally:
        fetcher.close()


@pytest.mark.parametrize("source", HISTORIES)
def test_every_venue_tells_the_days_before(everything: Any, source: str) -> None:
    """A day like any other each, that its provider believes; none is left out."""
    days, told = ask(everything, source, 20)

    assert days == sorted(candle.day for candle in told)
    assert all(isinstance(candle, DailyBar) and candle.is_believable for candle in told)
    assert {source} == {candle.source for candle in told}


def test_a_day_is_the_same_wherever_it_is_told(everything: Any) -> None:
    """There is one market."""
    told = {
        source: max(ask(everything, source, 3)[1], key=lambda candle: candle.day)
        for source in ("binance", "coinbase", "coingecko")
    }

    for source in ("coinbase", "coingecko"):
        assert (told["binance"].open, told["binance"].close) == (
            told[source].open,
            told[source].close,
        )
        assert (told["binance"].high, told["binance"].low) == (
            told[source].high,
            told[source].low,
        )
    assert told["binance"].volume == told["coinbase"].volume


def test_days_follow_each_other(market: Any) -> None:
    """Each begins at the price at which the one before ended, and all of them are over."""
    now = market.market.source.now()
    days = finished_days(market.market.source.listings["BTCUSDT"], now)

    assert len(days) > 365
    assert all(b - a == timedelta(days=1) for a, b in pairwise(days))
    assert all(a.close == b.open for a, b in pairwise(days.values()))
    assert day_of(now) - timedelta(days=1) == max(days)


def test_a_day_is_made_of_its_parts(market: Any) -> None:
    """Six of four hours, which have its open, high, low and close between them."""
    now = market.market.source.now()
    day = list(finished_days(market.market.source.listings["BTCUSDT"], now).values())[-1]
    six = list(parts(day))

    assert DAY == len(six) * PART
    assert [day.time + number * PART for number in range(6)] == [bar.time for bar in six]
    assert (day.open, day.close) == (six[0].open, six[-1].close)
    assert (day.high, day.low) == (max(bar.high for bar in six), min(bar.low for bar in six))
    assert all(a.close == b.open for a, b in pairwise(six))


# What is refused


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/coinbase/products/NONE-USD/candles", 404),
        ("/coinbase/products/BTC-USD/trades", 404),
        ("/coinbase/products/BTC-USD/candles?granularity=7", 400),
        ("/coinbase/products/BTC-USD/candles?granularity=86400&start=yesterday", 400),
        ("/coinbase/products/BTC-USD/candles?granularity=86400&start=2020-01-01", 400),
        ("/coingecko/api/v3/coins/none/ohlc?vs_currency=usd&days=7", 404),
        ("/coingecko/api/v3/coins/bitcoin/ohlc?vs_currency=usd&days=8", 422),
        ("/frankfurter/v1/2026-13-01..2026-13-02?base=USD", 404),
        ("/frankfurter/v1/2001-01-01..2001-01-02?base=USD", 404),
        ("/frankfurter/v1/2026-01-01..2036-01-02?base=XXX", 404),
    ],
)
def test_a_wrong_call_is_refused(market: Any, path: str, status: int) -> None:
    """With the status of the upstream, and words."""
    found, body, _ = market.request(path)

    assert status == found
    assert body


def test_coinbase_tells_candles_of_every_granularity(market: Any) -> None:
    """Newest first, three hundred at most, the low before the high."""
    minutes = market.get("/coinbase/products/BTC-USD/candles")
    hours = market.get("/coinbase/products/BTC-USD/candles?granularity=3600")

    assert 300 == len(minutes)
    assert minutes[0][0] - minutes[1][0] == 60
    assert hours[0][0] - hours[1][0] == 3600
    assert all(low <= min(opened, close) <= max(opened, close) <= high
               for _, low, high, opened, close, _ in minutes)  # fmt: skip


def test_alpha_vantage_tells_a_hundred_days(market: Any) -> None:
    """Newest first; an unknown share is a wrong call."""
    path = "/alpha_vantage/query?function=TIME_SERIES_DAILY&apikey=abcd&symbol="
    days = list(market.get(f"{path}AAPL")["Time Series (Daily)"])

    assert 100 == len(days)
    assert days == sorted(days, reverse=True)
    assert ["Error Message"] == list(market.get(f"{path}NONE"))


def test_a_throttled_coingecko_tells_no_days(market: Any) -> None:
    """In plain text, as it does sometimes."""
    market.fault("trick", venue="coingecko", name="throttled")
    path = "/coingecko/api/v3/coins/bitcoin/ohlc?vs_currency=usd&days=7"

    assert (429, b"Throttled") == market.request(path)[:2]
