"""The report about feeds and news, for those who look after them."""

from datetime import datetime
from typing import Self

from msgspec import UNSET, Struct

from omcrm.market.feed_event import FeedCode, FeedEvent, FeedEventKind, FeedFigures
from omcrm.market.feed_sentence import cause_sentence, event_sentence
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import PriceBasis, Quote
from omcrm.market.validation import RejectedTick, RejectReason
from omcrm.wire.encoding import iso, iso_or_unset
from omcrm.wire.field import Number, RecordedAt, Time


class DeskSourceQuote(Struct, frozen=True, kw_only=True):
    """The last price of a symbol at one source."""

    source: str
    price: Number | None
    price_class: PriceClass
    price_basis: PriceBasis
    age_seconds: float
    recorded_at: RecordedAt = UNSET

    @classmethod
    def of(cls, quote: Quote, now: datetime) -> Self:
        """The message part of a source's quote."""
        return cls(
            source=quote.source.name,
            price=quote.last,
            price_class=quote.price_class,
            price_basis=quote.price_basis,
            age_seconds=round(quote.age(now).total_seconds(), 3),
            recorded_at=iso_or_unset(quote.recorded_at),
        )


class DeskSymbolReport(Struct, frozen=True, kw_only=True):
    """A symbol's active source, its standby, and the sources in the policy's order."""

    symbol: str
    source: str | None
    runner_up: str | None
    chain: list[DeskSourceQuote]


class DeskBudgetUse(Struct, frozen=True, kw_only=True):
    """The use of a source's calls; `ends_at` is when they are used up at the present rate, if that
    is before they renew."""

    calls: int
    period: str
    used: int
    left: int
    renews_at: Time
    ends_at: Time | None


class DeskOtherPrice(Struct, frozen=True, kw_only=True):
    """The last price of another source, by which a tick was rejected."""

    source: str
    price: Number


class DeskRejectedTick(Struct, frozen=True, kw_only=True):
    """A rejected tick with the last price of its source and those of the others."""

    at: Time
    source: str
    symbol: str
    reason: RejectReason
    price: Number | None
    bid: Number | None
    ask: Number | None
    held: Number | None
    others: list[DeskOtherPrice]

    @classmethod
    def of(cls, rejected: RejectedTick) -> Self:
        """The message part of a rejected tick."""
        tick = rejected.tick
        return cls(
            at=iso(tick.received_at),
            source=tick.source.name,
            symbol=tick.symbol,
            reason=rejected.reason,
            price=tick.trade.price if tick.trade else None,
            bid=tick.book.bid if tick.book else None,
            ask=tick.book.ask if tick.book else None,
            held=rejected.held,
            others=[DeskOtherPrice(source=name, price=price) for name, price in rejected.others],
        )


class DeskFeedEvent(Struct, frozen=True, kw_only=True):
    """Something that happened to a source, or to the active source of symbols.

    `reason` is `code` with its `figures`, in words, and `cause` its part about a new state. Events
    of before there were codes have no code.
    """

    at: Time
    kind: FeedEventKind
    source: str
    before: str | None
    symbols: list[str]
    reason: str
    code: FeedCode | None
    figures: FeedFigures
    cause: str | None
    silent_seconds: float | None

    @classmethod
    def of(cls, event: FeedEvent) -> Self:
        """The message part of an event."""
        return cls(
            at=iso(event.at),
            kind=event.kind,
            source=event.source,
            before=event.before,
            symbols=list(event.symbols),
            reason=event_sentence(event),
            code=event.code,
            figures=event.figures,
            cause=cause_sentence(event),
            silent_seconds=event.silent_seconds,
        )


class DeskFeedReport(Struct, frozen=True, kw_only=True):
    """All symbols, the quotas by source, and the newest rejected ticks and events."""

    symbols: list[DeskSymbolReport]
    quota: dict[str, list[DeskBudgetUse]]
    quarantine: list[DeskRejectedTick]
    events: list[DeskFeedEvent]


class DeskNewsSource(Struct, frozen=True, kw_only=True):
    """How a source of news is doing; its address is without secrets."""

    source: str
    url: str
    last_success: Time | None
    last_error: str | None
    failures: int
    items: int
    next_in_seconds: float | None
