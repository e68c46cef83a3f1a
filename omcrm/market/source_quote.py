"""What one source reported of one symbol, merged from its ticks.

Long for a reason: every part of a quote, how it is merged, and when it is too old stand here.
"""

from datetime import datetime, timedelta
from decimal import Decimal

from msgspec import Struct, structs

from omcrm.market.amount import halfway
from omcrm.market.day_change import change_from
from omcrm.market.instrument import AssetClass
from omcrm.market.price_class import LIVE, PriceClass
from omcrm.market.quote import MID, ChangeBasis, Quote, StaleReason
from omcrm.market.source import Source
from omcrm.market.tick import DayFigures, Tick, TopOfBook, Trade

# After so many trades without a book, the stream of the book has stopped.
_TRADES_WITHOUT_BOOK = 5
# A price moves a little between a trade and the next book.
_CLOSE_BY = Decimal("0.001")
# What follows within this time of a trade, over another channel, may have been sent before it.
_SETTLED = timedelta(seconds=2)
# Day figures so much older than a trade say nothing about it: the price has moved on since.
_TOGETHER = timedelta(seconds=0.5)
# A source takes back one of its last trades.
_REMEMBERED = 16
# No feed is so late: what is older by its own time was true then and not when it arrived.
_LONG_AGO = timedelta(hours=1)
_NO_FIGURES = DayFigures()
_NO_CHANGE = (None, None)


class SourceQuote(Struct, frozen=True):
    """Everything that one source reported of one symbol.

    `trade_from`, `book_from` and `day_from` are the ticks that brought the parts. At `confirmed_at`
    the last price was true: it was traded, or lay within a book that arrived then.
    `trades_since_book` counts the trades after the last book, `trade_number` all of them.
    `recent_trades` are the ticks that brought the last trades that may be taken back, oldest first.
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
    trade_number: int = 0
    recent_trades: tuple[Tick, ...] = ()

    def with_missed_trade(self, tick: Tick) -> Tick:
        """`tick` with the last price of its day figures as a trade, where the channel of the trades
        has not brought it."""
        last = tick.day.last if tick.day is not None else None
        if last is None or tick.trade is not None or self.trade is None:
            return tick
        if last == self.trade.price or self.trade_from is None:
            return tick
        if tick.received_at - self.trade_from.received_at < _SETTLED:
            return tick
        assert tick.day is not None
        return structs.replace(tick, trade=Trade(last, time=tick.day.time))

    @property
    def recorded_at(self) -> datetime | None:
        """When the recording of the price began; None where the price is of now."""
        return None if self.trade_from is None else self.trade_from.recorded_at

    @property
    def provider_time(self) -> datetime | None:
        """When the last trade was, by its source's clock."""
        return None if self.trade is None else self.trade.time

    def age(self, now: datetime) -> timedelta:
        """How long ago the last price was true at its source, as far as is known here."""
        return now - (self.confirmed_at or self.received_at)

    @property
    def as_of(self) -> datetime:
        """When the last price was true by what is known: its source's time, if that is earlier."""
        confirmed_at = self.confirmed_at or self.received_at
        time = self.provider_time
        return confirmed_at if time is None else min(time, confirmed_at)

    @classmethod
    def merge(cls, tick: Tick, held: "SourceQuote | None") -> "SourceQuote":
        """The record after `tick`: its parts, and the held ones where it has none."""
        if held is None:
            held = cls(tick.symbol, tick.source, tick.received_at)
        trade, book = _later(tick, held.trade), tick.book or held.book
        confirmed_at = held.confirmed_at
        if tick.trade is not None:
            confirmed_at = _when_true(tick, tick.trade.time)
            if trade is held.trade and held.confirmed_at is not None:
                # A trade that is reported again does not become older.
                confirmed_at = max(confirmed_at, held.confirmed_at)
        elif tick.book is not None and _is_within(trade, tick.book):
            # A book that was long on its way does not make the price older than it is.
            true_at = _when_true(tick, tick.book.time or confirmed_at)
            confirmed_at = max(confirmed_at or tick.received_at, true_at)
        return cls(
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
            held.trade_number + (trade is not held.trade),
            held.recent_trades
            if tick.trade is None or tick.trade.reference is None
            else _with_recent(held.recent_trades, tick),
        )

    def with_ineligible(self, tick: Tick) -> "SourceQuote":
        """The record after a trade that neither sets nor confirms the last price.

        It may extend the range of the day, and is remembered if it does.
        """
        assert tick.trade is not None
        if self.day is None or not tick.trade.updates.high_low:
            return structs.replace(self)
        day = _extended(self.day, tick.trade.price)
        if day == self.day:
            return structs.replace(self)
        recent_trades = _with_recent(self.recent_trades, tick)
        return structs.replace(self, day=day, recent_trades=recent_trades)

    def without_trade(self, reference: str) -> "SourceQuote":
        """The record without a recent trade that is taken back; itself where there is none.

        The last price is again the one before, as old as it is by now, and the high or low that the
        trade may have made is dropped.
        """
        trades = [self.trade, *(tick.trade for tick in self.recent_trades)]
        wrong = next((trade for trade in trades if trade and trade.reference == reference), None)
        if wrong is None:
            return self
        recent_trades = tuple(
            tick for tick in self.recent_trades if tick.trade and tick.trade.reference != reference
        )
        day = None if self.day is None else _without_extreme(self.day, wrong.price)
        left = structs.replace(self, day=day, recent_trades=recent_trades)
        if wrong is not self.trade:
            return left
        before = next((tick for tick in reversed(recent_trades) if _sets_last(tick)), None)
        return structs.replace(
            left,
            trade=before.trade if before else None,
            trade_from=before,
            confirmed_at=_when_true(before, before.trade.time) if before and before.trade else None,
            trade_number=self.trade_number - 1,
        )

    def without_dead_parts(self, connection: int) -> "SourceQuote":
        """What still holds once every connection before `connection` has ended.

        The last trade stays, as stale; a book or day figures of a dead connection beside a new
        trade would be a state that never was.
        """
        dead_book = self.book_from is not None and self.book_from.connection < connection
        dead_day = self.day_from is not None and self.day_from.connection < connection
        left = self
        if dead_book:
            left = structs.replace(left, book=None, book_from=None)
        if dead_day:
            left = structs.replace(left, day=None, day_from=None)
        return left

    def without_silent_book(self, max_age: timedelta) -> "SourceQuote":
        """What is left where no book arrived for too long although the symbol trades.

        A trade changes the book: after several without a new one, the stream of the book has
        stopped.
        """
        if self.book_from is None or self.trades_since_book < _TRADES_WITHOUT_BOOK:
            return self
        if self.received_at - self.book_from.received_at <= max_age:
            return self
        return structs.replace(self, book=None, book_from=None)

    def without_old_parts(
        self, now: datetime, max_book_age: timedelta, max_day_age: timedelta, max_beside: Decimal
    ) -> "SourceQuote":
        """What is left at `now` without a book or day figures that are too old.

        A book that is older than the price and does not hold it, by more than `max_beside` (a
        fraction), is too old at any age.
        """
        left = self
        if self.book_from is not None and (
            now - self.book_from.received_at > max_book_age
            or (self._is_book_older(_SETTLED) and self.is_beside_book(max_beside))
        ):
            left = structs.replace(left, book=None, book_from=None)
        if self.day_from is not None and now - self.day_from.received_at > max_day_age:
            left = structs.replace(left, day=None, day_from=None)
        return left

    def is_beside_book(self, max_beside: Decimal) -> bool:
        """Whether the last price lies further than `max_beside` (a fraction) outside the book."""
        trade, book = self.trade, self.book
        if trade is None or book is None:
            return False
        room = trade.price * max_beside
        return not book.bid - room <= trade.price <= book.ask + room

    def by_book(
        self, now: datetime, max_age: timedelta, max_width: Decimal
    ) -> "SourceQuote | None":
        """The record with the middle of its book as the last price; None where no book arrived
        within `max_age`, or its spread is more than `max_width` of its bid."""
        book, brought_by = self.book, self.book_from
        if book is None or brought_by is None:
            return None
        if now - brought_by.received_at + brought_by.late > max_age:
            return None
        if book.ask - book.bid > book.bid * max_width:
            return None
        return structs.replace(self, trade=Trade(halfway(book.bid, book.ask), basis=MID))

    def is_beside_figures(self, max_beside: Decimal) -> bool | None:
        """Whether the last price lies further than `max_beside` (a fraction) from the last price of
        the day figures that came with it or after it, or outside of their range; None where they
        say nothing about it."""
        trade, day = self.trade, self.day
        if trade is None or day is None or self.trade_from is None or self.day_from is None:
            return None
        ahead = self.trade_from.received_at - self.day_from.received_at
        if ahead > _TOGETHER or self.day_from.late or trade.basis is MID:
            return None
        room = trade.price * max_beside
        low, high = (day.low, day.high) if day.last is None else (day.last, day.last)
        return (low is not None and trade.price < low - room) or (
            high is not None and trade.price > high + room
        )

    def opposes(self, tick: Tick, now: datetime, max_age: timedelta) -> bool:
        """Whether this is a live source's price of now that may contradict an outlier."""
        is_live = self.source.claim is LIVE and self.recorded_at == tick.recorded_at
        return is_live and self.age(now) <= max_age

    def _is_book_older(self, by: timedelta) -> bool:
        return (
            self.trade_from is not None
            and self.book_from is not None
            and self.trade_from.received_at - self.book_from.received_at >= by
        )

    def quote(
        self,
        seq: int,
        price_class: PriceClass,
        asset_class: AssetClass,
        stale_reason: StaleReason | None = None,
        divergence: float | None = None,
    ) -> Quote:
        """The flat quote of a record that has a price."""
        trade, book, day = self.trade, self.book, self.day or _NO_FIGURES
        assert trade is not None, "a quote has a price"
        assert self.trade_from is not None
        reference, basis = _change(self, trade, asset_class)
        return Quote(
            self.symbol,
            seq,
            price_class,
            self.source,
            trade.price,
            self.received_at,
            self.trade_from.received_at,
            self.confirmed_at or self.received_at,
            trade.time,
            trade.size,
            trade.id,
            self.trade_number,
            book.bid if book else None,
            book.ask if book else None,
            book.bid_size if book else None,
            book.ask_size if book else None,
            day.open,
            # A trade after the figures came may lie beyond them.
            day.high if day.high is None or day.high >= trade.price else trade.price,
            day.low if day.low is None or day.low <= trade.price else trade.price,
            day.volume,
            day.change_percent,
            reference,
            basis,
            trade.basis,
            stale_reason,
            self.trade_from.recorded_at,
            divergence,
        )


def _change(
    held: SourceQuote, trade: Trade, asset_class: AssetClass
) -> tuple[Decimal, ChangeBasis] | tuple[None, None]:
    if held.day is None:
        return _NO_CHANGE
    # The change belongs to the price that came with it; a later trade has moved on.
    came_with = held.day_from.trade if held.day_from else None
    price = (came_with or trade).price
    return change_from(held.day, price, held.source, asset_class) or _NO_CHANGE


def _with_recent(recent_trades: tuple[Tick, ...], tick: Tick) -> tuple[Tick, ...]:
    if tick.trade is None or tick.trade.reference is None:
        return recent_trades
    return (*recent_trades[1 - _REMEMBERED :], tick)


def _sets_last(tick: Tick) -> bool:
    return tick.trade is not None and tick.trade.updates.last


def _extended(day: DayFigures, price: Decimal) -> DayFigures:
    """The figures of the day with a price in its range; what is not known remains so."""
    high = None if day.high is None else max(day.high, price)
    low = None if day.low is None else min(day.low, price)
    return structs.replace(day, high=high, low=low)


def _without_extreme(day: DayFigures, price: Decimal) -> DayFigures:
    """The figures of the day without a high or low at this price."""
    high = None if day.high == price else day.high
    low = None if day.low == price else day.low
    return structs.replace(day, high=high, low=low)


def _when_true(tick: Tick, time: datetime | None) -> datetime:
    """When a part of a tick with this time of its own was true at its source.

    That is on arrival, less the latency; or at its own time where that is long ago, as it is of the
    last trade of an illiquid symbol, and of an upstream whose clock is wrong or that sends another
    day. A recording is as old as its arrival, and a polled price as its answer.
    """
    arrived_at = tick.received_at - tick.late
    if time is None or arrived_at - time <= _LONG_AGO:
        return arrived_at
    if tick.recorded_at is not None or tick.source.claim is PriceClass.INDICATIVE:
        return arrived_at
    return time


def _is_within(trade: Trade | None, book: TopOfBook) -> bool:
    """Whether the book confirms the last price: it lies between bid and ask, or close by."""
    if trade is None:
        return False
    room = trade.price * _CLOSE_BY
    return book.bid - room <= trade.price <= book.ask + room


def _later(tick: Tick, held: Trade | None) -> Trade | None:
    trade = tick.trade
    if trade is None or held is None:
        return trade or held
    if trade.id is not None and trade.id == held.id:
        # A new connection confirms the trade of the old one.
        return held
    if trade.time is None or held.time is None or trade.time >= held.time:
        return trade
    if trade.id is None or held.id is None or trade.id < held.id:
        # The source began its times anew, and its numbers where it has any.
        return trade
    if tick.late:
        # Its time is the true one.
        return trade
    # A summary carries its own, later time: the next trade must not seem to go back.
    return structs.replace(trade, time=held.time)
