"""The state of everything, and the answers of the routes that start and stop the feeds."""

from datetime import datetime
from typing import Literal, Self

from msgspec import UNSET, Struct, UnsetType

from omcrm.market.price_class import PriceClass
from omcrm.market.quote import PriceBasis, Quote
from omcrm.wire.answer import JsonDone
from omcrm.wire.client_counts import ClientCounts, DeliveryCounts, PageCounts
from omcrm.wire.desk_market import DeskFeedStatus
from omcrm.wire.encoding import iso_or_unset
from omcrm.wire.feed_report import DeskFeedReport, DeskNewsSource
from omcrm.wire.field import Number, RecordedAt, Time


class DeskFeedsStarted(JsonDone, frozen=True, kw_only=True):
    """The feeds run, for these symbols."""

    status: Literal["started", "already_running"]
    instruments_count: int
    crypto_symbols: list[str]
    stock_symbols: list[str]
    forex_symbols: list[str]


class DeskFeedsStopped(JsonDone, frozen=True, kw_only=True):
    """The feeds do not run until an administrator starts them."""

    status: Literal["stopped", "already_stopped"]


class DeskInstrumentState(Struct, frozen=True, kw_only=True):
    """An instrument's active source, its standby, and the age of its quote."""

    symbol: str
    price: Number | None
    price_class: PriceClass | None
    price_basis: PriceBasis | None
    source: str | None
    runner_up: str | None
    seq: int | None
    age_seconds: float | None
    recorded_at: RecordedAt = UNSET

    @classmethod
    def of(cls, symbol: str, quote: Quote | None, standby: str | None, now: datetime) -> Self:
        """The message part of a symbol and its quote, if it has one."""
        return cls(
            symbol=symbol,
            price=quote.last if quote else None,
            price_class=quote.price_class if quote else None,
            price_basis=quote.price_basis if quote else None,
            source=quote.source.name if quote else None,
            runner_up=standby,
            seq=quote.seq if quote else None,
            age_seconds=round(quote.age(now).total_seconds(), 3) if quote else None,
            recorded_at=iso_or_unset(quote.recorded_at if quote else None),
        )


class DeskCacheState(Struct, frozen=True, kw_only=True):
    """How many quotes are held, and how many ticks were rejected, by reason."""

    quotes: int
    seq: int
    refused: dict[str, int]


class DeskConnectionState(Struct, frozen=True, kw_only=True):
    """How many sockets are open, the worst delay of the event loop in the last minute, how many
    timers are set, and how many objects the garbage collector ignores.

    The others count events since the start of the process; an event that did not happen is absent.
    """

    open: int
    opened: int | UnsetType = UNSET
    closed: int | UnsetType = UNSET
    silent: int | UnsetType = UNSET
    unanswered: int | UnsetType = UNSET
    stalled: int | UnsetType = UNSET
    failed: int | UnsetType = UNSET
    blocked: int | UnsetType = UNSET
    floods: int | UnsetType = UNSET
    bad_packets: int | UnsetType = UNSET
    unclaimed: int | UnsetType = UNSET
    ping_timeouts: int | UnsetType = UNSET
    events_dropped: int | UnsetType = UNSET
    worst_lag_ms: float
    timers: int
    frozen_objects: int


class DeskBusState(Struct, frozen=True, kw_only=True):
    """How the bus between the processes stands: since when it is lost, how many processes are on
    it, and when something of the engine came last.

    Counted since the start: frames, those that were `refused`, `gaps` that were noticed, and
    messages that were `dropped` while nothing could be sent.
    """

    lost_since: Time | None
    processes: int
    engine_seen_at: Time | None
    sent: int
    received: int
    refused: int
    gaps: int
    dropped: int


class DeskRealtimeStatus(JsonDone, frozen=True, kw_only=True):
    """The state of everything; `feeds`, and what concerns single users, for administrators only.

    `bus` is there where an installation has several processes.
    """

    running: bool
    since: Time | None
    stopped_by_admin: bool
    providers: dict[str, DeskFeedStatus]
    instruments: list[DeskInstrumentState]
    clients: PageCounts
    gateways: ClientCounts
    cache: DeskCacheState
    delivery: DeliveryCounts
    connections: DeskConnectionState
    timestamp: Time
    feeds: DeskFeedReport | UnsetType = UNSET
    news: list[DeskNewsSource] | UnsetType = UNSET
    bus: DeskBusState | UnsetType = UNSET
