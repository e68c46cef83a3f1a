"""The streams published every second: tickers and klines."""

from collections.abc import Iterable

import msgspec

from simulator import event
from simulator.interval import LENGTHS, opening
from simulator.listing import Listing
from simulator.market_source import StreamPublisher
from simulator.stream_message import StreamMessage

ALL_MINI_TICKERS = "!miniTicker@arr"


class TickerPublisher:
    """Publishes the timed streams of some listings, except those in `recorded`."""

    def __init__(self, publisher: StreamPublisher) -> None:
        self.recorded: set[str] = set()
        self._publisher = publisher
        self._open_klines: dict[str, int] = {}

    def publish(self, listings: Iterable[Listing], now: int, *, even: bool) -> None:
        """Publish what is due every second; klines other than those of 1s only when it is an `even`
        one."""
        listings = [*listings]
        changed = [listing for listing in listings if listing.changed]
        self.publish_tickers(changed, now)
        self._publish_klines({listing.stream: listing for listing in listings}, now, even)

    def publish_tickers(self, listings: Iterable[Listing], now: int) -> None:
        """Publish the 24-hour figures of these listings."""
        array = []
        for listing in listings:
            listing.changed = False
            day = listing.day(now)
            if day is None:
                continue
            array.append(event.mini_ticker(listing.symbol, day, now))
            if self._lacks(f"{listing.stream}@ticker"):
                self._send(f"{listing.stream}@ticker", event.ticker(listing, day, now))
            if self._lacks(f"{listing.stream}@miniTicker"):
                self._send(f"{listing.stream}@miniTicker", msgspec.json.encode(array[-1]))
        if array and self._lacks(ALL_MINI_TICKERS):
            self._send(ALL_MINI_TICKERS, msgspec.json.encode(array))

    def _publish_klines(self, listings: dict[str, Listing], now: int, even: bool) -> None:
        for stream in self._publisher.wanted():
            symbol, _, kind = stream.partition("@kline_")
            listing = listings.get(symbol)
            if listing and kind in LENGTHS and (even or kind == "1s") and self._lacks(stream):
                self._publish_kline(listing, stream, kind, now)

    def _publish_kline(self, listing: Listing, stream: str, interval: str, now: int) -> None:
        since = opening(interval, opening(interval, now) - 1)
        bars = listing.bars(interval, since)[-2:]
        if not bars:
            return
        before = self._open_klines.get(stream)
        self._open_klines[stream] = bars[-1].time
        if before is not None and before == bars[0].time != bars[-1].time:
            closed = event.kline(listing.symbol, interval, bars[0], now, True)
            self._send(stream, closed)
        self._send(stream, event.kline(listing.symbol, interval, bars[-1], now, False))

    def _lacks(self, stream: str) -> bool:
        return self._publisher.wants(stream) and stream not in self.recorded

    def _send(self, stream: str, payload: bytes) -> None:
        self._publisher.publish(StreamMessage(stream, payload))
