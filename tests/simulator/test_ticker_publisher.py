import json
from typing import Any

from simulator.fixed import ONE
from simulator.listing import Listing
from simulator.simulated_trade import SimulatedTrade
from simulator.stream_message import StreamMessage
from simulator.stream_subscriptions import StreamSubscriptions
from simulator.ticker_publisher import ALL_MINI_TICKERS, TickerPublisher


class CollectingReceiver:
    """A receiver that keeps the payloads by stream."""

    def __init__(self) -> None:
        self.got: dict[str, list[Any]] = {}

    def deliver(self, message: StreamMessage) -> None:
        """Keep it."""
        self.got.setdefault(message.stream, []).append(json.loads(message.payload))

    def flush(self) -> None:
        """Nothing is queued."""


def publisher(*streams: str) -> tuple[TickerPublisher, CollectingReceiver, Listing]:
    """A publisher, one receiver of these streams, one symbol that has traded."""
    subscriptions, reader, listing = (
        StreamSubscriptions(),
        CollectingReceiver(),
        Listing("BTCUSDT", "BTC", "USDT"),
    )
    subscriptions.subscribe(reader, streams)
    listing.record(SimulatedTrade(1, 100 * ONE, ONE, 30_000, False))
    return TickerPublisher(subscriptions), reader, listing


def test_figures_are_sent_only_where_something_changed() -> None:
    """A second without changes brings no ticker."""
    tickers, reader, listing = publisher("btcusdt@ticker", "btcusdt@miniTicker", ALL_MINI_TICKERS)
    tickers.publish([listing], 31_000, even=True)
    tickers.publish([listing], 32_000, even=True)
    listing.record(SimulatedTrade(2, 120 * ONE, ONE, 32_500, False))
    tickers.publish([listing], 33_000, even=True)

    assert [1, 2] == [ticker["L"] for ticker in reader.got["btcusdt@ticker"]]
    assert ["100.00000000", "120.00000000"] == [
        ticker["c"] for ticker in reader.got["btcusdt@miniTicker"]
    ]
    assert [["BTCUSDT"], ["BTCUSDT"]] == [
        [item["s"] for item in array] for array in reader.got[ALL_MINI_TICKERS]
    ]


def test_a_recorded_stream_is_not_derived() -> None:
    """The recording's own events are used."""
    tickers, reader, listing = publisher("btcusdt@ticker", "btcusdt@miniTicker")
    tickers.recorded.add("btcusdt@ticker")
    tickers.publish([listing], 31_000, even=True)

    assert ["btcusdt@miniTicker"] == list(reader.got)


def test_a_kline_is_closed_once_and_the_next_one_opens() -> None:
    """Klines come every second second; the first after the end is the closed one."""
    tickers, reader, listing = publisher("btcusdt@kline_1m")
    for now in (57_000, 58_000, 59_000, 60_000, 61_000, 62_000):
        listing.history.advance(now)
        tickers.publish([listing], now, even=now % 2_000 == 0)

    assert [(0, False), (0, True), (60_000, False), (60_000, False)] == [
        (bar["k"]["t"], bar["k"]["x"]) for bar in reader.got["btcusdt@kline_1m"]
    ]
