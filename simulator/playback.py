"""Applies the lines of a recording to the listings of their symbols."""

from collections import deque
from collections.abc import Callable

import msgspec
from msgspec import Struct, field

from simulator.fixed import parse
from simulator.listing import Listing
from simulator.recording import RecordedEvent
from simulator.simulated_book import Level
from simulator.simulated_trade import SimulatedTrade, Top
from simulator.stream_name import symbol_of

QUOTES = ("USDT", "FDUSD", "USDC", "TUSD", "BUSD", "BTC", "ETH", "BNB", "EUR", "GBP", "USD", "TRY")
REMEMBERED_CHANGES = 100
SIDE = list[tuple[str, str]]


class TradeEvent(Struct, gc=False):
    """The fields of a recorded `trade` that are used; only those of a fault have the last two."""

    E: int
    t: int
    p: str
    q: str
    T: int
    m: bool
    c: str = ""
    w: str = "0"


class TopEvent(Struct, gc=False):
    """The fields of a recorded bookTicker."""

    u: int
    b: str
    B: str
    a: str
    A: str


class DepthEvent(Struct):
    """The fields of a recorded depthUpdate that are used."""

    E: int
    first: int = field(name="U")
    last: int = field(name="u")
    bids: SIDE = field(name="b")
    asks: SIDE = field(name="a")


class SnapshotEvent(Struct):
    """A recorded REST depth answer."""

    last: int = field(name="lastUpdateId")
    bids: SIDE
    asks: SIDE


class TimedEvent(Struct):
    """Any other event: only its time is used."""

    E: int = 0


_trade = msgspec.json.Decoder(TradeEvent).decode
_top = msgspec.json.Decoder(TopEvent).decode
_depth = msgspec.json.Decoder(DepthEvent).decode
_snapshot = msgspec.json.Decoder(SnapshotEvent).decode
_timed = msgspec.json.Decoder(TimedEvent).decode


class Playback:
    """The state of the market at one point of the recording; `time` is the newest event time in
    ms."""

    def __init__(self, symbols: list[str]) -> None:
        self.time = 0
        self.unreadable = 0
        self.listings: dict[str, Listing] = {name: _listing(name) for name in symbols}
        self._changes: dict[str, deque[DepthEvent]] = {}
        self._take: dict[str, Callable[[Listing, bytes], None]] = {
            "trade": self._take_trade,
            "bookTicker": self._take_top,
            "depth": self._take_depth,
            "depth@100ms": self._take_depth,
            "snapshot": self._take_snapshot,
        }

    def apply(self, line: RecordedEvent) -> None:
        """Apply one line to its symbol; an unreadable event is counted and changes nothing."""
        kind = line.stream.partition("@")[2]
        symbol = symbol_of(line.stream)
        if not symbol:
            return
        listing = self.listings.get(symbol)
        if listing is None:
            listing = self.listings[symbol] = _listing(symbol)
        try:
            self._take.get(kind, self._take_other)(listing, line.data)
        except (msgspec.MsgspecError, ValueError):
            self.unreadable += 1

    def _pass(self, time: int) -> None:
        self.time = max(self.time, time)

    def _take_trade(self, listing: Listing, data: bytes) -> None:
        event = _trade(data)
        price, quantity = parse(event.p), parse(event.q)
        if not price or not quantity:
            raise ValueError("a trade of nothing")
        self._pass(event.E)
        listing.record(SimulatedTrade(event.t, price, quantity, event.T, event.m))

    def _take_top(self, listing: Listing, data: bytes) -> None:
        event = _top(data)
        top = Top(event.u, parse(event.b), parse(event.B), parse(event.a), parse(event.A))
        listing.quote_at(top)

    def _take_depth(self, listing: Listing, data: bytes) -> None:
        event = _depth(data)
        self._pass(event.E)
        seen = self._changes.setdefault(listing.symbol, deque(maxlen=REMEMBERED_CHANGES))
        seen.append(event)
        _change(listing, event)

    def _take_snapshot(self, listing: Listing, data: bytes) -> None:
        event = _snapshot(data)
        listing.book.replace(event.last, _levels(event.bids), _levels(event.asks))
        # The snapshot may be older than changes that were received before it.
        for change in self._changes.get(listing.symbol, ()):
            _change(listing, change)

    def _take_other(self, listing: Listing, data: bytes) -> None:
        self._pass(_timed(data).E)


def _change(listing: Listing, event: DepthEvent) -> None:
    book = listing.book
    # Without a snapshot the changes alone make no book.
    if not book.update_id or event.last <= book.update_id:
        return
    for price, quantity in _levels(event.bids):
        book.set_bid(price, quantity)
    for price, quantity in _levels(event.asks):
        book.set_ask(price, quantity)
    book.update_id = event.last


def _levels(side: SIDE) -> list[Level]:
    return [(parse(price), parse(quantity)) for price, quantity in side]


def _listing(symbol: str) -> Listing:
    quote = next((name for name in QUOTES if symbol.endswith(name) and symbol != name), "")
    return Listing(symbol, symbol.removesuffix(quote), quote)
