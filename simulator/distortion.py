"""How a provider's prices differ from the market's: by a factor, more and more, or frozen."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from simulator.fixed import parse, render
from simulator.listing import DaySummary, Listing
from simulator.simulated_bar import SimulatedBar
from simulator.simulated_trade import SimulatedTrade, Top
from simulator.stream_message import StreamMessage
from simulator.stream_name import symbol_of

# The prices in the events of a stream; those of bars and of deeper books stay as they are.
_LAST, _BID, _ASK = "last", "bid", "ask"
_PRICES: Mapping[str, Mapping[str, str]] = {
    "trade": {"p": _LAST},
    "aggTrade": {"p": _LAST},
    "bookTicker": {"b": _BID, "a": _ASK},
    "ticker": {"c": _LAST, "b": _BID, "a": _ASK, "o": "", "h": "", "l": "", "w": "", "x": ""},
}


class Distortion:
    """Prices times `factor`, which grows by `a_second` (a fraction) every second of `now` (in ms);
    if `is_frozen`, the last price, bid and ask stay what they were, while ids and times go on."""

    def __init__(
        self,
        listings: Mapping[str, Listing],
        now: Callable[[], int],
        *,
        factor: float = 1.0,
        a_second: float = 0.0,
        is_frozen: bool = False,
    ) -> None:
        self._now = now
        self._since = now()
        self._factor = factor
        self._a_second = a_second
        self._listings = listings
        self._frozen = dict(_prices_of(listings.values())) if is_frozen else {}

    @property
    def listings(self) -> Mapping[str, Listing]:
        """The market's listings with this distortion."""
        return _DistortedListings(self._listings, self)

    def price(self, listing: Listing, price: int, kind: str = "") -> int:
        """Return a price as it is shown; `kind` says whether it is the last price, bid or ask."""
        if frozen := self._frozen.get((listing.symbol, kind)):
            return frozen
        factor = self._factor + self._a_second * (self._now() - self._since) / 1000
        return max(1, round(price * factor / listing.tick)) * listing.tick

    def trade(self, listing: Listing, trade: SimulatedTrade) -> SimulatedTrade:
        """Return a trade at the price that is shown."""
        return replace(trade, price=self.price(listing, trade.price, _LAST))

    def top(self, listing: Listing, top: Top) -> Top:
        """Return a bid and ask as they are shown."""
        bid, ask = self.price(listing, top.bid, _BID), self.price(listing, top.ask, _ASK)
        return replace(top, bid=bid, ask=max(ask, bid + listing.tick))

    def bar(self, listing: Listing, bar: SimulatedBar) -> SimulatedBar:
        """Return a bar with the prices that are shown; quote volumes follow them."""
        opened, high, low, close = (
            self.price(listing, price) for price in (bar.open, bar.high, bar.low, bar.close)
        )
        return replace(bar, open=opened, high=high, low=low, close=close)

    def message(self, message: StreamMessage) -> StreamMessage:
        """Return a message of a stream with the prices that are shown."""
        kinds = _PRICES.get(message.stream.partition("@")[2])
        listing = self._listings.get(symbol_of(message.stream))
        if kinds is None or listing is None:
            return message
        fields: dict[str, Any] = msgspec.json.decode(message.payload)
        for key, kind in kinds.items():
            fields[key] = render(self.price(listing, parse(fields[key]), kind))
        return StreamMessage(message.stream, msgspec.json.encode(fields))


class _DistortedListing(Listing):
    def __init__(self, listing: Listing, distortion: Distortion) -> None:
        super().__init__(
            listing.symbol, listing.base, listing.quote, tick=listing.tick, step=listing.step
        )
        self._listing = listing
        self._distortion = distortion
        self.book, self.history = listing.book, listing.history
        self.first_time, self.changed = listing.first_time, listing.changed
        self.trades.extend(distortion.trade(listing, trade) for trade in list(listing.trades)[-50:])
        self.top = None if listing.top is None else distortion.top(listing, listing.top)

    def day(self, now: int) -> DaySummary | None:
        day = self._listing.day(now)
        if day is None or self.last is None:
            return None
        distortion, before = self._distortion, day.price_before
        return replace(
            day,
            bar=distortion.bar(self._listing, day.bar),
            price_before=before and distortion.price(self._listing, before),
            last=self.last,
        )

    def bars(self, interval: str, since: int = 0) -> list[SimulatedBar]:
        bars = self._listing.bars(interval, since)
        return [self._distortion.bar(self._listing, bar) for bar in bars]


class _DistortedListings(Mapping[str, Listing]):
    def __init__(self, listings: Mapping[str, Listing], distortion: Distortion) -> None:
        self._listings = listings
        self._distortion = distortion

    def __getitem__(self, symbol: str) -> Listing:
        return _DistortedListing(self._listings[symbol], self._distortion)

    def __iter__(self) -> Iterator[str]:
        return iter(self._listings)

    def __len__(self) -> int:
        return len(self._listings)


def _prices_of(listings: Iterable[Listing]) -> Iterator[tuple[tuple[str, str], int]]:
    for listing in listings:
        if listing.last is not None:
            yield (listing.symbol, _LAST), listing.last.price
        if listing.top is not None:
            yield (listing.symbol, _BID), listing.top.bid
            yield (listing.symbol, _ASK), listing.top.ask
