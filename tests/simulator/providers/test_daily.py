"""The days of every provider, and that the product's clients read them."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from omcrm.feeds.feed_settings import FeedSettings
from omcrm.feeds.fetch import Fetcher
from omcrm.feeds.history_provider import HistoryRequest
from omcrm.feeds.keys import Keys
from omcrm.feeds.registry import HISTORIES, histories
from omcrm.feeds.usual_name import with_usual_names
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.daily_bar import DailyBar
from omcrm.market.trading_day import finished_days as expected_days
from simulator.drill.setup import urls
from simulator.interval import DAY
from simulator.providers.daily import BAR_LENGTH, day_of, finished_days, four_hour_bars
from simulator.simulation import Simulation

BY_SOURCE = {
    source: next(
        instrument
        for instrument in map(with_usual_names, CATALOGUE)
        if source in instrument.provider_symbols
    )
    for source in HISTORIES
}


@pytest.fixture
def everything(serve: Callable[..., Any]) -> Any:
    """A simulator with the whole catalogue."""
    return serve(lambda publisher: Simulation(7, publisher, CATALOGUE))


def ask(running: Any, source: str, count: int) -> tuple[list[date], list[Any]]:
    """The days that a source should have now, and those it has."""
    exchange = f"ws://127.0.0.1:{running.port}"
    settings = FeedSettings(
        urls={**urls(exchange), "simulated": exchange}, keys=Keys(lambda name: "a-key-of-the-test")
    )
    provider, instrument, now = histories(settings)[source], BY_SOURCE[source], datetime.now(UTC)
    days = expected_days(instrument.calendar, count, now)
    names = {instrument.provider_symbols[source]: instrument.symbol}
    history = HistoryRequest(names, days[0], days[-1], now)
    fetcher = Fetcher()
    try:
        (call,) = provider.calls(history)
        return days, list(provider.parse(call, fetcher.get(call), history))
    finally:
        fetcher.close()


@pytest.mark.parametrize("source", HISTORIES)
def test_every_provider_has_the_days_before(everything: Any, source: str) -> None:
    """Each is valid for the product's client, and none is missing."""
    days, fields = ask(everything, source, 20)

    assert days == sorted(bar.day for bar in fields)
    assert all(isinstance(bar, DailyBar) and bar.is_plausible for bar in fields)
    assert {source} == {bar.source for bar in fields}


def test_a_day_is_the_same_at_every_provider(everything: Any) -> None:
    """There is one market."""
    fields = {
        source: max(ask(everything, source, 3)[1], key=lambda bar: bar.day)
        for source in ("binance", "coinbase", "coingecko")
    }

    for source in ("coinbase", "coingecko"):
        assert (fields["binance"].open, fields["binance"].close) == (
            fields[source].open,
            fields[source].close,
        )
        assert (fields["binance"].high, fields["binance"].low) == (
            fields[source].high,
            fields[source].low,
        )
    assert fields["binance"].volume == fields["coinbase"].volume


def test_days_are_consecutive(running: Any) -> None:
    """Each opens at the close of the day before, and all are completed."""
    now = running.simulator.source.now()
    days = finished_days(running.simulator.source.listings["BTCUSDT"], now)

    assert len(days) > 365
    assert all(b - a == timedelta(days=1) for a, b in pairwise(days))
    assert all(a.close == b.open for a, b in pairwise(days.values()))
    assert day_of(now) - timedelta(days=1) == max(days)


def test_a_day_consists_of_four_hour_bars(running: Any) -> None:
    """Six of them, which have its open, high, low and close between them."""
    now = running.simulator.source.now()
    day = list(finished_days(running.simulator.source.listings["BTCUSDT"], now).values())[-1]
    six = list(four_hour_bars(day))

    assert DAY == len(six) * BAR_LENGTH
    assert [day.time + number * BAR_LENGTH for number in range(6)] == [bar.time for bar in six]
    assert (day.open, day.close) == (six[0].open, six[-1].close)
    assert (day.high, day.low) == (max(bar.high for bar in six), min(bar.low for bar in six))
    assert all(a.close == b.open for a, b in pairwise(six))


# Refusals


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
def test_a_wrong_call_is_refused(running: Any, path: str, status: int) -> None:
    """With the upstream's status and text."""
    answered, body, _ = running.request(path)

    assert status == answered
    assert body


def test_coinbase_has_candles_of_every_granularity(running: Any) -> None:
    """Newest first, three hundred at most, the low before the high."""
    minutes = running.get("/coinbase/products/BTC-USD/candles")
    hours = running.get("/coinbase/products/BTC-USD/candles?granularity=3600")

    assert 300 == len(minutes)
    assert minutes[0][0] - minutes[1][0] == 60
    assert hours[0][0] - hours[1][0] == 3600
    assert all(low <= min(opened, close) <= max(opened, close) <= high
               for _, low, high, opened, close, _ in minutes)  # fmt: skip


def test_alpha_vantage_has_a_hundred_days(running: Any) -> None:
    """Newest first; an unknown share is a wrong call."""
    path = "/alpha_vantage/query?function=TIME_SERIES_DAILY&apikey=abcd&symbol="
    days = list(running.get(f"{path}AAPL")["Time Series (Daily)"])

    assert 100 == len(days)
    assert days == sorted(days, reverse=True)
    assert ["Error Message"] == list(running.get(f"{path}NONE"))


def test_a_throttled_coingecko_sends_no_days(running: Any) -> None:
    """In plain text, as the real provider sometimes does."""
    running.fault("trick", venue="coingecko", name="throttled")
    path = "/coingecko/api/v3/coins/bitcoin/ohlc?vs_currency=usd&days=7"

    assert (429, b"Throttled") == running.request(path)[:2]
