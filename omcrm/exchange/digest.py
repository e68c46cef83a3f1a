"""What an exchange sends by the clock: tickers, candles, average prices."""

from collections.abc import Iterable
from copy import copy

import msgspec

from omcrm.exchange import event
from omcrm.exchange.candle import Candle
from omcrm.exchange.interval import LENGTHS, MINUTE, opening
from omcrm.exchange.listing import Listing
from omcrm.exchange.message import Message
from omcrm.exchange.source import Outlet

ALL_MINI_TICKERS = "!miniTicker@arr"
AVERAGE_MINUTES = 5


class Digest:
    """Publishes the timed streams of some listings, except those in `recorded`."""

    def __init__(self, outlet: Outlet) -> None:
        self.recorded: set[str] = set()
        self._outlet = outlet
        self._open_candles: dict[str, int] = {}

    def publish(self, listings: Iterable[Listing], now: int, *, even: bool) -> None:
        """Publish what a second brings; candles but those of 1s only when it is an `even` one."""
        listings = [listing for listing in listings if listing.status == "TRADING"]
        changed = [listing for listing in listings if listing.changed]
        self.publish_tickers(changed, now)
        self._publish_averages(changed, now)
        self._publish_candles({listing.stream: listing for listing in listings}, now, even)

    def publish_tickers(self, listings: Iterable[Listing], now: int) -> None:
        """Publish the 24 h figures of these listings."""
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

    def _publish_averages(self, listings: Iterable[Listing], now: int) -> None:
        for listing in listings:
            stream, last = f"{listing.stream}@avgPrice", listing.last
            if last is None or not self._lacks(stream):
                continue
            candle = _latest(listing, now - AVERAGE_MINUTES * MINUTE)
            self._send(stream, event.average_price(listing.symbol, candle, now, last.time))

    def _publish_candles(self, listings: dict[str, Listing], now: int, even: bool) -> None:
        for stream in self._outlet.wanted():
            symbol, _, kind = stream.partition("@kline_")
            listing = listings.get(symbol)
            if listing and kind in LENGTHS and (even or kind == "1s") and self._lacks(stream):
                self._publish_candle(listing, stream, kind, now)

    def _publish_candle(self, listing: Listing, stream: str, interval: str, now: int) -> None:
        since = opening(interval, opening(interval, now) - 1)
        candles = listing.candles(interval, since)[-2:]
        if not candles:
            return
        before = self._open_candles.get(stream)
        self._open_candles[stream] = candles[-1].time
        if before is not None and before == candles[0].time != candles[-1].time:
            closed = event.kline(listing.symbol, interval, candles[0], now, True)
            self._send(stream, closed)
        self._send(stream, event.kline(listing.symbol, interval, candles[-1], now, False))

    def _lacks(self, stream: str) -> bool:
        return self._outlet.wants(stream) and stream not in self.recorded

    def _send(self, stream: str, payload: bytes) -> None:
        self._outlet.publish(Message(stream, payload))


def _latest(listing: Listing, since: int) -> Candle:
    total, *later = listing.history.minutes(since)
    total = copy(total)
    for candle in later:
        total.join(candle)
    return total
