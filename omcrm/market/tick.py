"""What an upstream sent in one frame, as values."""

from datetime import datetime, timedelta
from decimal import Decimal

from msgspec import Struct

from omcrm.market.source import Source

ON_TIME = timedelta()


class Trade(Struct, frozen=True):
    """The last price; `id` grows with every trade of the symbol at its source."""

    price: Decimal
    size: Decimal | None = None
    id: int | None = None
    time: datetime | None = None


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


class Tick(Struct, frozen=True):
    """A partial statement about one symbol: any of trade, book and day figures.

    `connection` counts the source's connections, so that a later one can be told from an earlier.
    `late` is its feed latency beyond the usual one of its source: so old is what it reports.
    """

    symbol: str
    source: Source
    received_at: datetime
    connection: int = 0
    trade: Trade | None = None
    book: TopOfBook | None = None
    day: DayFigures | None = None
    late: timedelta = ON_TIME
