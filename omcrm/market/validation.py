"""Validation: rejects ticks that are impossible, old, or far from everything that confirms them.

Long for a reason: every rule by which a tick is rejected stands here, and nowhere else.
"""

from collections import Counter, deque
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct, structs

from omcrm.market.outlier import LoneTrades, Outliers
from omcrm.market.policy import Policy
from omcrm.market.price_class import LIVE
from omcrm.market.quote import MID
from omcrm.market.source_quote import SourceQuote
from omcrm.market.tick import DayFigures, Tick, TopOfBook, Trade

_KEPT = 200
# What is further ahead would make everything after it look old, whatever the clocks.
_FURTHEST_AHEAD = timedelta(minutes=1)
# After so many refusals of older trades in a row, over so long, a source has begun anew.
_BEGUN_ANEW, _BEGUN_ANEW_FOR = 5, timedelta(seconds=2)

_Part: TypeAlias = Trade | TopOfBook | DayFigures


class RejectReason(StrEnum):
    """Why a tick was rejected."""

    EMPTY = "empty"
    NOT_A_PRICE = "not_a_price"
    CROSSED = "crossed"
    HIGH_BELOW_LOW = "high_below_low"
    FROM_THE_FUTURE = "from_the_future"
    OLDER = "older"
    JUMP = "jump"
    WIDE = "wide"
    CONTRADICTED = "contradicted"


class RejectedTick(Struct, frozen=True):
    """A rejected tick in quarantine; `held` is the source's own last price before it, `others` are
    the last prices of the other sources then."""

    reason: RejectReason
    tick: Tick
    held: Decimal | None = None
    others: tuple[tuple[str, Decimal], ...] = ()


class _OlderRun(Struct):
    """How many trades in a row were older than the one held, since when, and the time of the
    last."""

    since: datetime
    count: int = 0
    time: datetime | None = None


class Validator:
    """Validates ticks; `rejected` counts the rejected ones by reason, `quarantine` has the last."""

    def __init__(self) -> None:
        self.is_contradicted = self.is_late_jump = False
        self.rejected: Counter[RejectReason] = Counter()
        self.quarantine: deque[RejectedTick] = deque(maxlen=_KEPT)
        self._new: deque[RejectedTick] = deque(maxlen=_KEPT)
        self.outliers = Outliers()
        self._older: dict[tuple[str, str], _OlderRun] = {}
        self._lone_trades = LoneTrades()
        # By symbol and source, a trade of a moment ago: small steps must not lead far from it.
        self._references: dict[tuple[str, str], Tick] = {}

    def validate(
        self, tick: Tick, held: SourceQuote | None, sources: Iterable[SourceQuote], policy: Policy
    ) -> Tick | None:
        """The part of `tick` that may be used, or None where there is none.

        `held` is what the same source reported before, `sources` what all of them did.
        Afterwards `is_contradicted` says whether every other live source is far from it, and
        `is_late_jump` whether its source was refused about the same price before.
        """
        self.is_contradicted = self.is_late_jump = False
        reason = _impossible(tick)
        if reason is not None:
            self._reject(_rejected(reason, tick, held, []))
            return None
        # Its other parts may be right.
        if tick.book is not None and (part_reason := _unusable_book(tick.book, tick.late, policy)):
            self._reject(_rejected(part_reason, tick, held, []))
            trade = None if part_reason is RejectReason.CROSSED else tick.trade
            tick = structs.replace(tick, trade=trade, book=None)
        if tick.day is not None and (part_reason := _impossible_day(tick.day)):
            self._reject(_rejected(part_reason, tick, held, []))
            tick = structs.replace(tick, day=None)
        if tick.trade is None and tick.book is None and tick.day is None:
            return None
        newer = tick if held is None else self._newer(tick, held, policy)
        if newer is None:
            return None
        fresh = [other for other in sources if _is_fresh_peer(other, tick, policy)]
        reference = None if newer.trade is None else self._reference(newer, policy)
        # Other sources do not confirm or contradict an invented price.
        peers = fresh if fresh and tick.source.is_real else []
        outlier, self.is_contradicted = _outlier(newer, held, reference, peers, policy)
        if (
            outlier is None
            and newer.trade is not None
            and (newer.book is not None or (held is not None and held.book is not None))
            and self._lone_trades.is_lone(newer, held, peers, policy)
        ):
            self._reject(_rejected(RejectReason.JUMP, tick, held, fresh))
            return None
        if outlier is None or self.outliers.is_confirmed(tick, policy):
            self._note_accepted(newer, reference, policy)
            return newer
        self.outliers.note(tick, policy)
        self._reject(_rejected(outlier, tick, held, fresh))
        if newer.day is not None and newer.trade is None:
            # The figures of the day may say that the price held is the wrong one.
            return structs.replace(newer, book=None)
        return None

    def _newer(self, tick: Tick, held: SourceQuote, policy: Policy) -> Tick | None:
        """What is not older than what is held, or all where the source has begun anew."""
        newer = _newer_part(tick, held, policy)
        if tick.trade is None or (newer is not None and newer.trade is not None):
            if tick.trade is not None and self._older:
                self._older.pop((tick.symbol, tick.source.name), None)
            if newer is None:
                self._reject(_rejected(RejectReason.OLDER, tick, held, []))
            return newer
        key = tick.symbol, tick.source.name
        run = self._older.setdefault(key, _OlderRun(tick.received_at))
        if self._has_begun_anew(tick, held, run, policy):
            del self._older[key]
            return tick
        if newer is None:
            self._reject(_rejected(RejectReason.OLDER, tick, held, []), run.count)
        return newer

    def _has_begun_anew(
        self, tick: Tick, held: SourceQuote, run: _OlderRun, policy: Policy
    ) -> bool:
        """Whether older trades have come for so long that the held one was wrong."""
        assert tick.trade is not None
        time = tick.trade.time
        if time is not None and run.time is not None and time < run.time:
            # A repetition of old trades, not a stream of new ones.
            run.since, run.count = tick.received_at, 0
        run.count, run.time = run.count + 1, time
        held_at = held.trade_from.received_at if held.trade_from else held.received_at
        return (
            time is not None
            and run.count >= _BEGUN_ANEW
            and tick.received_at - run.since >= _BEGUN_ANEW_FOR
            and tick.received_at - held_at > policy.max_age
            # A repetition, or a stream that is far behind, is late.
            and tick.late <= policy.max_age
            and (held.trade is None or not _is_repeated(tick.trade, held.trade))
        )

    def note_reference(self, tick: Tick, policy: Policy) -> None:
        """Measure the next jump of its source from this outlier, which was taken in."""
        self._references[tick.symbol, tick.source.name] = tick
        self.outliers.forget(tick, policy)

    def is_usable(self, tick: Tick, held: SourceQuote, policy: Policy) -> bool:
        """Whether the trade of `tick`, which does not set the last price, may count otherwise."""
        trade = tick.trade
        assert trade is not None
        reason = None
        if not _is_trade(trade):
            reason = RejectReason.NOT_A_PRICE
        elif trade.updates.high_low and held.trade is not None:
            far = _are_far([trade.price], held.trade.price, policy.max_deviation)
            reason = RejectReason.JUMP if far else None
        if reason is not None:
            self._reject(_rejected(reason, tick, held, []))
        return reason is None

    def forget(self, symbol: str, source: str) -> None:
        """Measure no jump from the last trade of this source: it is taken back."""
        self._references.pop((symbol, source), None)

    def _reference(self, tick: Tick, policy: Policy) -> Trade | None:
        held = self._references.get((tick.symbol, tick.source.name))
        if held is None or held.trade is None or tick.trade is None:
            return None
        is_old = tick.received_at - held.received_at > policy.max_age
        return None if is_old or _is_long_after(tick.trade, held.trade, policy) else held.trade

    def _note_accepted(self, tick: Tick, reference: Trade | None, policy: Policy) -> None:
        if tick.trade is not None and reference is None:
            self._references[tick.symbol, tick.source.name] = tick
        outliers = self.outliers
        if tick.symbol in outliers.trades or tick.symbol in outliers.books:
            self.is_late_jump = outliers.forget(tick, policy)

    def _reject(self, rejected: RejectedTick, in_a_row: int = _BEGUN_ANEW) -> None:
        self.rejected[rejected.reason] += 1
        # A repeated trade is usual, many in a row are not.
        if rejected.reason is not RejectReason.OLDER or in_a_row > _BEGUN_ANEW:
            self.quarantine.append(rejected)
            self._new.append(rejected)

    def take_rejected(self) -> list[RejectedTick]:
        """The ticks rejected since the last call; of old ones those that many came before."""
        taken = []
        while self._new:
            taken.append(self._new.popleft())
        return taken


# What is impossible


def _impossible(tick: Tick) -> RejectReason | None:
    if tick.trade is None and tick.book is None and tick.day is None:
        return RejectReason.EMPTY
    if tick.ahead:
        return RejectReason.FROM_THE_FUTURE
    trade, book, day = tick.trade, tick.book, tick.day
    if trade is not None:
        if not _is_trade(trade):
            return RejectReason.NOT_A_PRICE
        if trade.time and trade.time - tick.received_at > _FURTHEST_AHEAD:
            return RejectReason.FROM_THE_FUTURE
    if day is not None and day.time and day.time - tick.received_at > _FURTHEST_AHEAD:
        return RejectReason.FROM_THE_FUTURE
    if book is not None and not _is_book(book):
        return RejectReason.NOT_A_PRICE
    return None


def _unusable_book(book: TopOfBook, late: timedelta, policy: Policy) -> RejectReason | None:
    if book.bid > book.ask:
        return RejectReason.CROSSED
    if book.ask - book.bid > book.bid * policy.max_spread:
        # Stub quotes: a bid near zero, an ask far above.
        return RejectReason.WIDE
    # Beside a fresh price it would be a state that never was.
    return RejectReason.OLDER if late > policy.max_age else None


def _is_price(number: Decimal) -> bool:
    return number.is_finite() and number > 0


def _is_size(number: Decimal | None) -> bool:
    return number is None or (number.is_finite() and number >= 0)


def _is_trade(trade: Trade) -> bool:
    return _is_price(trade.price) and _is_size(trade.size)


def _is_book(book: TopOfBook) -> bool:
    # Without calls, for most ticks are books.
    bid, ask, bid_size, ask_size = book.bid, book.ask, book.bid_size, book.ask_size
    return (
        bid.is_finite()
        and ask.is_finite()
        and bid > 0
        and ask > 0
        and (bid_size is None or (bid_size.is_finite() and bid_size >= 0))
        and (ask_size is None or (ask_size.is_finite() and ask_size >= 0))
    )


def _impossible_day(day: DayFigures) -> RejectReason | None:
    for price in (day.open, day.high, day.low, day.last):
        if price is not None and not _is_price(price):
            return RejectReason.NOT_A_PRICE
    change = day.change_percent
    if not _is_size(day.volume) or (change is not None and not change.is_finite()):
        return RejectReason.NOT_A_PRICE
    if day.high is not None and day.low is not None and day.high < day.low:
        return RejectReason.HIGH_BELOW_LOW
    return None


# What is old


def _newer_part(tick: Tick, held: SourceQuote, policy: Policy) -> Tick | None:
    trade, book, day = tick.trade, tick.book, tick.day
    if trade and held.trade and _is_old_trade(trade, held.trade):
        confirms = trade.id == held.trade.id and _is_of_later_connection(tick, held.trade_from)
        restarts = _has_restarted(tick, held.trade_from, trade, held.trade, policy)
        trade = trade if confirms or restarts else None
        if trade is None and tick.trade is not None and tick.trade.basis is MID:
            # The book that an old mid is of is as old.
            book = None
    if book and held.book and _is_old(book.id, held.book.id):
        book = book if _has_restarted(tick, held.book_from, book, held.book, policy) else None
    if day and held.day and _is_old_day(day, held.day):
        day = day if _has_restarted(tick, held.day_from, day, held.day, policy) else None
    if trade is tick.trade and book is tick.book and day is tick.day:
        return tick
    if trade is None and book is None and day is None:
        return None
    return structs.replace(tick, trade=trade, book=book, day=day)


def _is_old_trade(new: Trade, held: Trade) -> bool:
    if new.id is not None and held.id is not None:
        return new.id <= held.id
    return new.time is not None and held.time is not None and new.time < held.time


def _is_old(new_id: int | None, held_id: int | None) -> bool:
    return new_id is not None and held_id is not None and new_id <= held_id


def _is_old_day(new: DayFigures, held: DayFigures) -> bool:
    return new.time is not None and held.time is not None and new.time < held.time


def _has_restarted(
    tick: Tick, brought_by: Tick | None, new: _Part, held: _Part, policy: Policy
) -> bool:
    """Whether an old part may be used, because its source began its numbers anew.

    That takes a new connection, and a held part that is too old to contradict it; else the part
    would be "older" for ever. A repetition of the held part is none.
    """
    return (
        brought_by is not None
        and _is_of_later_connection(tick, brought_by)
        and tick.received_at - brought_by.received_at > policy.max_age
        and not _is_repeated(new, held)
    )


def _is_of_later_connection(tick: Tick, brought_by: Tick | None) -> bool:
    return brought_by is not None and tick.connection > brought_by.connection


def _is_repeated(new: _Part, held: _Part) -> bool:
    number: int | None = getattr(new, "id", None)
    return number is not None and number == getattr(held, "id", None)


# Outliers


def _outlier(
    tick: Tick,
    held: SourceQuote | None,
    reference: Trade | None,
    fresh: list[SourceQuote],
    policy: Policy,
) -> tuple[RejectReason | None, bool]:
    """Why a price is an outlier, None where it is none; and whether live sources contradict it.

    A second source that agrees confirms any price. Else a source may move only so far while its
    last price is fresh, and from its `reference` price of a moment ago. What live sources say
    against each other is not decided here: the price is taken in, and neither is live.
    """
    prices = tick.prices
    if not prices:
        return _FITS
    # A polled or delayed price can confirm another one, but not contradict it.
    streamed = False
    for peer in fresh:
        if peer.trade is not None:
            if not _are_far(prices, peer.trade.price, policy.max_divergence):
                return _FITS
            streamed = streamed or peer.source.claim is LIVE
    most = policy.max_deviation
    # A step is a small one if it is so from the last price and from that of a moment ago.
    if held is not None and held.trade is not None and _is_recent(held, tick, policy):
        if _are_far(prices, held.trade.price, most):
            return RejectReason.JUMP, streamed
        if reference is not None and _are_far(prices, reference.price, most):
            return RejectReason.JUMP, streamed
    if streamed and tick.source.claim is not LIVE:
        return RejectReason.CONTRADICTED, streamed
    return _DISPUTED if streamed else _FITS


_FITS: tuple[RejectReason | None, bool] = (None, False)
_DISPUTED: tuple[RejectReason | None, bool] = (None, True)


def _is_recent(held: SourceQuote, tick: Tick, policy: Policy) -> bool:
    """Whether the source's own last price is recent enough to measure a jump from."""
    if held.trade is None or held.trade_from is None:
        return False
    if tick.received_at - held.trade_from.received_at > policy.max_age:
        return False
    return tick.trade is None or not _is_long_after(tick.trade, held.trade, policy)


def _are_far(prices: list[Decimal], reference: Decimal, most: Decimal) -> bool:
    room = reference * most
    low, high = reference - room, reference + room
    # A loop, for every tick comes here several times.
    for price in prices:  # noqa: SIM110
        if not low <= price <= high:
            return True
    return False


def _rejected(
    reason: RejectReason, tick: Tick, held: SourceQuote | None, fresh: list[SourceQuote]
) -> RejectedTick:
    own = held.trade.price if held is not None and held.trade is not None else None
    others = tuple((peer.source.name, peer.trade.price) for peer in fresh if peer.trade is not None)
    return RejectedTick(reason, tick, own, others)


def _is_long_after(new: Trade, held: Trade, policy: Policy) -> bool:
    # In a recording that is played fast, minutes lie between two ticks.
    if new.time is None or held.time is None:
        return False
    return new.time - held.time > policy.max_age


def _is_fresh_peer(other: SourceQuote, tick: Tick, policy: Policy) -> bool:
    return (
        other.source is not tick.source
        and other.source.is_real
        # A recording says nothing about the prices of now, nor these about it.
        and other.recorded_at == tick.recorded_at
        and other.age(tick.received_at) <= policy.max_age
    )
