"""What is a believable price: refuses what cannot be, what is old, and what nobody confirms."""

from collections import Counter, deque
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct, structs

from omcrm.market.policy import Policy
from omcrm.market.quote import Statement
from omcrm.market.tick import DayFigures, Tick, TopOfBook, Trade

_KEPT = 200
# Clocks differ by seconds; what is hours ahead would make everything after it look old.
_FURTHEST_AHEAD = timedelta(hours=1)

_Part: TypeAlias = Trade | TopOfBook | DayFigures


class Reason(StrEnum):
    """Why a tick was refused."""

    EMPTY = "empty"
    NOT_A_PRICE = "not_a_price"
    CROSSED = "crossed"
    HIGH_BELOW_LOW = "high_below_low"
    FROM_THE_FUTURE = "from_the_future"
    OLDER = "older"
    JUMP = "jump"


class Refusal(Struct, frozen=True):
    """A refused tick, kept for inspection."""

    reason: Reason
    tick: Tick


class Gate:
    """Judges ticks and remembers the refused ones; `refused` counts them by reason."""

    def __init__(self) -> None:
        self.refused: Counter[Reason] = Counter()
        self.kept: deque[Refusal] = deque(maxlen=_KEPT)

    def judge(
        self, tick: Tick, held: Statement | None, others: Iterable[Statement], policy: Policy
    ) -> Tick | None:
        """The believable part of `tick`, or None where nothing of it may be used.

        `held` is what the same source said before, `others` what other sources say.
        """
        reason = _impossible(tick)
        news: Tick | None = tick
        if reason is None and held is not None:
            news = _newer_part(tick, held, policy)
            reason = Reason.OLDER if news is None else _jump(news, held, others, policy)
        if reason is None:
            return news
        self.refused[reason] += 1
        if reason is not Reason.OLDER:
            self.kept.append(Refusal(reason, tick))
        return None


# What cannot be


def _impossible(tick: Tick) -> Reason | None:
    if tick.trade is None and tick.book is None and tick.day is None:
        return Reason.EMPTY
    if tick.trade is not None:
        if not _is_trade(tick.trade):
            return Reason.NOT_A_PRICE
        if tick.trade.time and tick.trade.time - tick.received_at > _FURTHEST_AHEAD:
            return Reason.FROM_THE_FUTURE
    if tick.book is not None:
        if not _is_book(tick.book):
            return Reason.NOT_A_PRICE
        if tick.book.bid > tick.book.ask:
            return Reason.CROSSED
    return None if tick.day is None else _impossible_day(tick.day)


def _is_price(number: Decimal) -> bool:
    return number.is_finite() and number > 0


def _is_size(number: Decimal | None) -> bool:
    return number is None or (number.is_finite() and number >= 0)


def _is_trade(trade: Trade) -> bool:
    return _is_price(trade.price) and _is_size(trade.size)


def _is_book(book: TopOfBook) -> bool:
    return (
        _is_price(book.bid)
        and _is_price(book.ask)
        and _is_size(book.bid_size)
        and _is_size(book.ask_size)
    )


def _impossible_day(day: DayFigures) -> Reason | None:
    for price in (day.open, day.high, day.low):
        if price is not None and not _is_price(price):
            return Reason.NOT_A_PRICE
    change = day.change_percent
    if not _is_size(day.volume) or (change is not None and not change.is_finite()):
        return Reason.NOT_A_PRICE
    if day.high is not None and day.low is not None and day.high < day.low:
        return Reason.HIGH_BELOW_LOW
    return None


# What is old


def _newer_part(tick: Tick, held: Statement, policy: Policy) -> Tick | None:
    trade, book, day = tick.trade, tick.book, tick.day
    if trade and held.trade and _is_old_trade(trade, held.trade):
        confirms = trade.id == held.trade.id and _is_of_later_connection(tick, held.trade_from)
        restarts = _has_restarted(tick, held.trade_from, trade, held.trade, policy)
        trade = trade if confirms or restarts else None
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
    """Whether an old part is to be believed, because its source began its numbers anew.

    That takes a new connection, and a held part that is too old to contradict it; else the part
    would be "older" for ever. A mere repetition is none.
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


# What nobody confirms


def _jump(
    tick: Tick, held: Statement, others: Iterable[Statement], policy: Policy
) -> Reason | None:
    if held.trade is None or held.trade_from is None:
        return None
    if tick.received_at - held.trade_from.received_at > policy.max_age:
        return None
    if _is_long_after(tick.trade, held.trade, policy):
        return None
    reference, most = held.trade.price, policy.max_deviation
    if not any(_is_far(price, reference, most) for price in _prices(tick)):
        return None
    for other in others:
        if _speaks_freshly(other, tick, policy) and other.trade is not None:
            second = other.trade.price
            if not any(_is_far(price, second, most) for price in _prices(tick)):
                return None
    return Reason.JUMP


def _is_long_after(new: Trade | None, held: Trade, policy: Policy) -> bool:
    # A recording played fast: what is minutes apart there is no jump.
    if new is None or new.time is None or held.time is None:
        return False
    return new.time - held.time > policy.max_age


def _prices(tick: Tick) -> list[Decimal]:
    prices = [] if tick.trade is None else [tick.trade.price]
    return prices if tick.book is None else [*prices, tick.book.bid, tick.book.ask]


def _is_far(price: Decimal, reference: Decimal, most: Decimal) -> bool:
    return abs(price - reference) > reference * most


def _speaks_freshly(other: Statement, tick: Tick, policy: Policy) -> bool:
    return other.source.is_real and other.age(tick.received_at) <= policy.max_age
