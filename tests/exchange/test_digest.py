import json
from typing import Any

from omcrm.exchange.digest import ALL_MINI_TICKERS, Digest
from omcrm.exchange.fixed import ONE
from omcrm.exchange.listing import Listing
from omcrm.exchange.message import Message
from omcrm.exchange.switchboard import Switchboard
from omcrm.exchange.trade import Trade


class Reader:
    """A receiver that keeps the payloads by stream."""

    def __init__(self) -> None:
        self.got: dict[str, list[Any]] = {}

    def deliver(self, message: Message) -> None:
        """Keep it."""
        self.got.setdefault(message.stream, []).append(json.loads(message.payload))

    def flush(self) -> None:
        """Nothing is queued."""


def scene(*streams: str) -> tuple[Digest, Reader, Listing]:
    """A digest, one reader of these streams, one symbol that has traded."""
    board, reader, listing = Switchboard(), Reader(), Listing("BTCUSDT", "BTC", "USDT")
    board.subscribe(reader, streams)
    listing.record(Trade(1, 100 * ONE, ONE, 30_000, False))
    return Digest(board), reader, listing


def test_figures_are_sent_only_where_something_changed() -> None:
    """A quiet second brings no ticker."""
    digest, reader, listing = scene("btcusdt@ticker", "btcusdt@miniTicker", ALL_MINI_TICKERS)
    digest.publish([listing], 31_000, even=True)
    digest.publish([listing], 32_000, even=True)
    listing.record(Trade(2, 120 * ONE, ONE, 32_500, False))
    digest.publish([listing], 33_000, even=True)

    assert [1, 2] == [ticker["L"] for ticker in reader.got["btcusdt@ticker"]]
    assert ["100.00000000", "120.00000000"] == [
        ticker["c"] for ticker in reader.got["btcusdt@miniTicker"]
    ]
    assert [["BTCUSDT"], ["BTCUSDT"]] == [
        [item["s"] for item in array] for array in reader.got[ALL_MINI_TICKERS]
    ]


def test_a_recorded_stream_is_not_derived() -> None:
    """What the tape itself holds wins."""
    digest, reader, listing = scene("btcusdt@ticker", "btcusdt@miniTicker")
    digest.recorded.add("btcusdt@ticker")
    digest.publish([listing], 31_000, even=True)

    assert ["btcusdt@miniTicker"] == list(reader.got)


def test_a_halted_symbol_is_silent() -> None:
    """No figures of a symbol that does not trade."""
    digest, reader, listing = scene("btcusdt@ticker", "btcusdt@kline_1m", ALL_MINI_TICKERS)
    listing.status = "BREAK"
    digest.publish([listing], 31_000, even=True)

    assert {} == reader.got


def test_a_candle_is_closed_once_and_the_next_one_opens() -> None:
    """Candles come every second second; the first after the end says that it is closed."""
    digest, reader, listing = scene("btcusdt@kline_1m")
    for now in (57_000, 58_000, 59_000, 60_000, 61_000, 62_000):
        listing.history.advance(now)
        digest.publish([listing], now, even=now % 2_000 == 0)

    assert [(0, False), (0, True), (60_000, False), (60_000, False)] == [
        (candle["k"]["t"], candle["k"]["x"]) for candle in reader.got["btcusdt@kline_1m"]
    ]


def test_averages_cover_five_minutes() -> None:
    """Older trades do not count in avgPrice."""
    digest, reader, listing = scene("btcusdt@avgPrice")
    listing.record(Trade(2, 200 * ONE, ONE, 30_000 + 6 * 60_000, False))
    digest.publish([listing], 31_000 + 6 * 60_000, even=True)

    assert "200.00000000" == reader.got["btcusdt@avgPrice"][0]["w"]
