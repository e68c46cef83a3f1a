"""What is held of a symbol: what each source says, and the one quote that is shown."""

from datetime import datetime, timedelta
from decimal import Decimal

from msgspec import Struct, structs

from omcrm.market.price_class import PriceClass
from omcrm.market.source import Source
from omcrm.market.tick import DayFigures, Tick, TopOfBook, Trade

# So many trades without a word about the book are no accident.
_TRADES_WITHOUT_BOOK = 5
# A price moves a little between a trade and the next word about the book.
_CLOSE_BY = Decimal("0.001")


class SourceQuote(Struct, frozen=True):
    """Everything one source has said about one symbol, merged from its ticks.

    `trade_from`, `book_from` and `day_from` are the ticks that brought the parts. At `confirmed_at`
    the last price was true: it was traded, or lay in a book that was told then. `trades_since_book`
    counts the trades after the last word about the book.
    """

    symbol: str
    source: Source
    received_at: datetime
    trade: Trade | None = None
    book: TopOfBook | None = None
    day: DayFigures | None = None
    trade_from: Tick | None = None
    book_from: Tick | None = None
    day_from: Tick | None = None
    confirmed_at: datetime | None = None
    trades_since_book: int = 0

    def age(self, now: datetime) -> timedelta:
        """How long ago the last price was true at its source, as far as is known here."""
        return now - (self.confirmed_at or self.received_at)


class Quote(Struct, frozen=True):
    """The price that is shown, exactly as it stood: a statement, its class and its number.

    `seq` grows with every change of any symbol; equal or smaller numbers are old news.
    """

    symbol: str
    seq: int
    price_class: PriceClass
    said: SourceQuote

    @property
    def source(self) -> Source:
        """Where the price comes from."""
        return self.said.source


def without_dead_parts(held: SourceQuote, connection: int) -> SourceQuote:
    """What still holds once every connection before `connection` has ended.

    The last trade stays the last trade, and is told as stale; a book or day figures of a dead
    connection beside a new trade would be a state that never was.
    """
    dead_book = held.book_from is not None and held.book_from.connection < connection
    dead_day = held.day_from is not None and held.day_from.connection < connection
    if dead_book:
        held = structs.replace(held, book=None, book_from=None)
    if dead_day:
        held = structs.replace(held, day=None, day_from=None)
    return held


def merge(tick: Tick, held: SourceQuote | None) -> SourceQuote:
    """The statement that holds after `tick`: its parts, and the held ones where it has none."""
    if held is None:
        held = SourceQuote(tick.symbol, tick.source, tick.received_at)
    trade, book = _later(tick.trade, held.trade), tick.book or held.book
    confirmed_at = held.confirmed_at
    if tick.trade is not None:
        confirmed_at = tick.received_at - tick.late
    elif tick.book is not None and _is_within(trade, tick.book):
        # A book that was long on its way does not make the price older than it is.
        confirmed_at = max(confirmed_at or tick.received_at, tick.received_at - tick.late)
    return SourceQuote(
        tick.symbol,
        tick.source,
        tick.received_at,
        trade,
        book,
        tick.day or held.day,
        tick if tick.trade else held.trade_from,
        tick if tick.book else held.book_from,
        tick if tick.day else held.day_from,
        confirmed_at,
        0 if tick.book else held.trades_since_book + (tick.trade is not None),
    )


def without_forgotten_book(said: SourceQuote, max_age: timedelta) -> SourceQuote:
    """What is left where the book was not told for too long although the symbol trades.

    A trade takes from the book: after several without a word about it, its stream has fallen mute.
    """
    if said.book_from is None or said.trades_since_book < _TRADES_WITHOUT_BOOK:
        return said
    if said.received_at - said.book_from.received_at <= max_age:
        return said
    return structs.replace(said, book=None, book_from=None)


def _is_within(trade: Trade | None, book: TopOfBook) -> bool:
    """Whether the book confirms the last price: it lies between bid and ask, or close by."""
    if trade is None:
        return False
    room = trade.price * _CLOSE_BY
    return book.bid - room <= trade.price <= book.ask + room


def _later(trade: Trade | None, held: Trade | None) -> Trade | None:
    if trade is None or held is None:
        return trade or held
    if trade.id is not None and trade.id == held.id:
        # A new connection confirms what the old one said.
        return held
    if trade.time is None or held.time is None or trade.time >= held.time:
        return trade
    if trade.id is not None and held.id is not None and trade.id < held.id:
        # The source began its numbers anew, and its times with them.
        return trade
    # A summary carries its own, later time: the next trade must not seem to go back.
    return structs.replace(trade, time=held.time)
