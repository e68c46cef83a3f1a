"""What an upstream sent in one frame, as values."""

from datetime import datetime, timedelta
from decimal import Decimal

from msgspec import Struct, structs

from omcrm.market.quote import PriceBasis
from omcrm.market.source import Source
from omcrm.market.trade_condition import EVERYTHING, TradeUpdates

ON_TIME = timedelta()

# Whether a tick has a trade, a book and day figures.
TickParts = tuple[bool, bool, bool]


class Trade(Struct, frozen=True):
    """One trade; `id` grows with every trade of the symbol at its source.

    `updates` is what it sets: without conditions everything, the last price above all. By
    `reference` its source may take it back later.
    In a quote-driven market it is a mid: `market/mid.py` makes it.
    """

    price: Decimal
    size: Decimal | None = None
    id: int | None = None
    time: datetime | None = None
    updates: TradeUpdates = EVERYTHING
    reference: str | None = None
    basis: PriceBasis = PriceBasis.TRADE


class TradeCorrection(Struct, frozen=True):
    """A trade that its source takes back, by its reference; `trade` is what it should have been,
    None where it is cancelled."""

    reference: str
    trade: Trade | None = None


class TopOfBook(Struct, frozen=True):
    """The best bid and ask; `id` grows with every change of the book, `time` is the source's."""

    bid: Decimal
    ask: Decimal
    bid_size: Decimal | None = None
    ask_size: Decimal | None = None
    id: int | None = None
    time: datetime | None = None


class DayFigures(Struct, frozen=True):
    """Figures of the source's 24 hours or trading day; the change is in percent.

    `last` is the last price where another channel of the source sends the trades.
    """

    open: Decimal | None = None
    high: Decimal | None = None
    low: Decimal | None = None
    volume: Decimal | None = None
    change_percent: Decimal | None = None
    time: datetime | None = None
    last: Decimal | None = None


class TickStamp(Struct, frozen=True):
    """What a tick carries beside its prices: its parts, the upstream's own time, the trade's id.

    `transit` is from that time to its receipt in seconds, by two clocks. Where there is no id,
    time and `price_hash` tell a repetition from a new tick.
    """

    symbol: str
    parts: TickParts
    time: datetime | None
    transit: float | None
    trade_id: int | None
    price_hash: int | None


class Tick(Struct, frozen=True):
    """A partial statement about one symbol: any of trade, book and day figures, or a correction.

    A trade that does not set the last price comes alone.

    `connection` counts the source's connections, so that a later one can be told from an earlier.
    `late` is its feed latency beyond the usual one of its source: so old is what it reports.
    `recorded_at` is when the recording began that brings it, None where it is of now.
    `ahead` is how far its time is in the future by the clock of its source: the time is wrong.
    """

    symbol: str
    source: Source
    received_at: datetime
    connection: int = 0
    trade: Trade | None = None
    book: TopOfBook | None = None
    day: DayFigures | None = None
    late: timedelta = ON_TIME
    ahead: timedelta = ON_TIME
    correction: TradeCorrection | None = None
    recorded_at: datetime | None = None

    @property
    def prices(self) -> list[Decimal]:
        """The prices of the trade, and of the best bid and ask."""
        trade, book = self.trade, self.book
        if book is None:
            return [] if trade is None else [trade.price]
        return [book.bid, book.ask] if trade is None else [trade.price, book.bid, book.ask]

    @property
    def stamp(self) -> TickStamp:
        """What it carries beside its prices."""
        trade, book, day = self.trade, self.book, self.day
        time = trade_id = price = None
        if trade is not None:
            time, trade_id, price = trade.time, trade.id, trade.price
        elif book is not None:
            price = book.bid
        if time is None and book is not None:
            time = book.time
        if time is None and day is not None:
            time = day.time
        if trade is not None and not trade.updates.last:
            # It may be reported long after it was made.
            time = None
        return TickStamp(
            self.symbol,
            (trade is not None, book is not None, day is not None),
            time,
            None if time is None else (self.received_at - time).total_seconds(),
            trade_id,
            None if price is None else hash(price),
        )

    def dated(self, late: float) -> "Tick":
        """The tick with its measured latency in seconds, negative where it is from the future."""
        if not late:
            return self
        if late < 0:
            return structs.replace(self, ahead=timedelta(seconds=-late))
        return structs.replace(self, late=timedelta(seconds=late))
