"""Shared by the desk's routes and events: the catalogue and the bodies of answers."""

import gc
import logging
import time
from datetime import UTC, datetime

from flask import Flask
from msgspec import UNSET, UnsetType, structs

from omcrm.auth.credential import Caller
from omcrm.auth.permission import Permission
from omcrm.concurrency import spawn
from omcrm.engine.bus import BusStatus, Control, ControlAction
from omcrm.engine.market_engine import MarketEngine
from omcrm.extensions import socketio
from omcrm.market.instrument import Instrument, canonical_symbol
from omcrm.market.session import Calendar, session_state
from omcrm.services import services, services_of
from omcrm.storage import feed_switch
from omcrm.streaming.client_registry import by_user, subscriptions
from omcrm.web.market_access import feed_engine, load_catalogue, market_view
from omcrm.web.news import news_status
from omcrm.webtrader.feed_report import feed_report
from omcrm.wire.client_counts import ClientCounts, PageCounts
from omcrm.wire.desk import DESK, DeskCandle, DeskCandles
from omcrm.wire.desk_market import DeskFeedStatus, DeskMarketState, DeskMarketStatus
from omcrm.wire.desk_status import (
    DeskBusState,
    DeskCacheState,
    DeskConnectionState,
    DeskInstrumentState,
    DeskRealtimeStatus,
)
from omcrm.wire.encoding import iso

_log = logging.getLogger(__name__)


def reload_catalogue(app: Flask, control: Control) -> None:
    """Follow the instruments that the database has now, if they have changed."""
    if control.action is not ControlAction.CATALOGUE_CHANGED:
        return
    if services_of(app).member is None:
        _reload(app)
    else:
        # Of another process it comes in the thread that receives the prices.
        spawn(_reload, app)


def _reload(app: Flask) -> None:
    try:
        with app.app_context():
            load_catalogue()
    except Exception:
        _log.exception("the instruments could not be read")


# Answers


def find_instruments(symbols: list[str | int]) -> tuple[list[Instrument], list[str | int]]:
    """The instruments of these symbols or ids, each once, and the unknown symbols or ids."""
    known = market_view().instruments
    by_id = {instrument.id: symbol for symbol, instrument in known.items()}
    wanted = dict.fromkeys(
        canonical_symbol(name) if isinstance(name, str) else by_id.get(name, name)
        for name in symbols
    )
    return [known[name] for name in wanted if name in known], [
        name for name in wanted if name not in known
    ]


def connection_status(engine: MarketEngine) -> dict[str, DeskFeedStatus]:
    """The body of `connection_status`: how each source is doing, by its name."""
    return {name: DeskFeedStatus.of(status) for name, status in engine.status().items()}


def market_status() -> DeskMarketStatus:
    """Which markets are open, and how the feeds are doing."""
    now = datetime.now(UTC)
    states = {calendar: session_state(calendar, now) for calendar in Calendar}
    feeds = connection_status(feed_engine())
    return DeskMarketStatus(
        is_market_hours=states[Calendar.XNYS].is_open,
        markets=[DeskMarketState.of(state) for state in states.values()],
        active_data_feeds=sum(feed.active for feed in feeds.values()),
        total_data_feeds=len(feeds),
        connection_status=feeds,
        timestamp=iso(now),
    )


def price_history(symbol: str, timeframe: str, limit: int) -> DeskCandles:
    """The candles of the symbol's active source."""
    view = market_view()
    quote = view.cache.get(symbol)
    source = quote.source.name if quote else ""
    candles = view.bars.series(symbol, source, timeframe, limit)
    return DeskCandles(
        symbol=symbol,
        timeframe=timeframe,
        source=source or None,
        data=[DeskCandle.of(bar) for bar in candles],
    )


def realtime_status(caller: Caller) -> DeskRealtimeStatus:
    """The state of everything; the details of single users and feeds by permission."""
    view, engine, now = market_view(), feed_engine(), datetime.now(UTC)
    quotes, standbys = view.cache.snapshot(), engine.standbys()
    sees_feeds = caller.may(Permission.FEEDS_READ)
    pages, others = _client_counts(caller)
    return DeskRealtimeStatus(
        running=engine.running,
        since=iso(engine.since),
        stopped_by_admin=feed_switch.are_stopped(),
        providers=connection_status(engine),
        instruments=[
            DeskInstrumentState.of(symbol, quotes.get(symbol), standbys.get(symbol), now)
            for symbol in view.instruments
        ],
        clients=pages,
        gateways=others,
        cache=DeskCacheState(
            quotes=len(quotes),
            seq=max((quote.seq for quote in quotes.values()), default=0),
            refused=dict(engine.rejected()),
        ),
        delivery=view.fanout.counts(),
        connections=_connections(),
        timestamp=iso(now),
        feeds=feed_report(view, engine, now) if sees_feeds else UNSET,
        news=news_status(view.news) if sees_feeds else UNSET,
        bus=_bus_state(services().bus.status()),
    )


def _bus_state(status: BusStatus) -> DeskBusState | UnsetType:
    if status.kind == "local":
        return UNSET
    return DeskBusState(
        lost_since=iso(status.lost_since),
        processes=status.processes,
        engine_seen_at=iso(status.engine_seen_at),
        sent=status.sent,
        received=status.received,
        refused=status.refused,
        gaps=status.gaps,
        dropped=status.dropped,
    )


def _client_counts(caller: Caller) -> tuple[PageCounts, ClientCounts]:
    """The counts of the desk's pages, and of all other clients."""
    registry = services().client_registry
    pages, others = registry.split(DESK.name)
    sees_users = caller.may(Permission.CONNECTIONS_READ)
    return PageCounts(
        connections=len(pages),
        users=len({page.owner for page in pages}),
        subscriptions=subscriptions(pages),
        by_user=by_user(pages) if sees_users else UNSET,
    ), structs.replace(registry.counts(others), by_user=by_user(others) if sees_users else UNSET)


def _connections() -> DeskConnectionState:
    reactor = socketio.server.eio.reactor
    lag = reactor.lag_meter.lag.worst(time.monotonic())
    counted = {
        name: count
        for name, count in reactor.counters.items()
        if name in DeskConnectionState.__struct_fields__
    }
    return DeskConnectionState(
        open=reactor.connections(),
        **counted,
        worst_lag_ms=round(lag * 1000, 1),
        timers=reactor.timers(),
        frozen_objects=gc.get_freeze_count(),
    )
