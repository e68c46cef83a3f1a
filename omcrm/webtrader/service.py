"""Shared by the desk's routes and events: the catalogue and the bodies of answers."""

import gc
import time
from datetime import UTC, datetime
from typing import Any

from flask import Flask
from msgspec import UNSET, Struct, structs
from sqlalchemy.exc import SQLAlchemyError

from omcrm.auth.credential import Caller
from omcrm.auth.permission import Permission
from omcrm.engine.bus import Control, ControlAction
from omcrm.engine.feed_engine import FeedEngine
from omcrm.engine.market_view import MarketView
from omcrm.extensions import socketio
from omcrm.market.instrument import Instrument, canonical_symbol
from omcrm.market.quote import Quote
from omcrm.market.session import Calendar, session_state
from omcrm.services import services, services_of
from omcrm.storage import feed_switch
from omcrm.storage.instrument import active_instruments
from omcrm.streaming.client_registry import by_user, subscriptions
from omcrm.web.database_away import is_away
from omcrm.web.market_access import feed_engine, market_view
from omcrm.web.news import news_status
from omcrm.webtrader.feed_report import feed_report
from omcrm.wire.client_counts import PageCounts
from omcrm.wire.desk import DESK, DeskCandle, DeskCandles
from omcrm.wire.desk_market import DeskFeedStatus, DeskMarketState, DeskMarketStatus
from omcrm.wire.encoding import iso


def reload_catalogue(app: Flask, control: Control) -> None:
    """Follow the instruments that the database has now, if they have changed."""
    if control.action is not ControlAction.CATALOGUE_CHANGED:
        return
    try:
        with app.app_context():
            services_of(app).manager.follow(active_instruments())
    except SQLAlchemyError as error:
        # As long as there is no catalogue, each request tries again.
        if not is_away(error):
            raise


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


def described(instrument: Instrument) -> dict[str, Any]:
    """One entry of the catalogue."""
    return {
        "id": instrument.id,
        "symbol": instrument.symbol,
        "name": instrument.name,
        "type": instrument.asset_class.value,
        "decimals": instrument.decimals,
        "currency": instrument.currency,
        "price_step": instrument.price_step,
        "quantity_step": instrument.quantity_step,
        "minimum_quantity": instrument.minimum_quantity,
        "maximum_quantity": instrument.maximum_quantity,
        "storage_scale": instrument.storage_scale,
        "calendar": instrument.calendar.value,
    }


def connection_status(engine: FeedEngine) -> dict[str, DeskFeedStatus]:
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


def realtime_status(caller: Caller) -> dict[str, Any]:
    """The body of `realtime_status`; the details of single users and feeds by permission."""
    view, engine, now = market_view(), feed_engine(), datetime.now(UTC)
    quotes = view.cache.snapshot()
    return {
        "success": True,
        "running": engine.running,
        "since": iso(engine.since),
        "stopped_by_admin": feed_switch.are_stopped(),
        "providers": connection_status(engine),
        "instruments": [
            _state(symbol, quotes.get(symbol), engine.consolidator.standby(symbol), now)
            for symbol in view.instruments
        ],
        **_client_counts(caller),
        "cache": {
            "quotes": len(quotes),
            "seq": max((quote.seq for quote in quotes.values()), default=0),
            "refused": dict(engine.validator.rejected),
        },
        "delivery": view.fanout.counts(),
        "connections": _connections(),
        "timestamp": iso(now),
        **(_details(view, engine, now) if caller.may(Permission.FEEDS_READ) else {}),
    }


def _client_counts(caller: Caller) -> dict[str, Struct]:
    """The counts of the desk's pages, and of all other clients."""
    registry = services().client_registry
    pages, others = registry.split(DESK.name)
    sees_users = caller.may(Permission.CONNECTIONS_READ)
    return {
        "clients": PageCounts(
            connections=len(pages),
            users=len({page.owner for page in pages}),
            subscriptions=subscriptions(pages),
            by_user=by_user(pages) if sees_users else UNSET,
        ),
        "gateways": structs.replace(
            registry.counts(others), by_user=by_user(others) if sees_users else UNSET
        ),
    }


def _details(view: MarketView, engine: FeedEngine, now: datetime) -> dict[str, Any]:
    return {"feeds": feed_report(view, engine, now), "news": news_status(view.news)}


def _connections() -> dict[str, Any]:
    """Counts of connection events, the worst lag of the last minute, the number of deadlines, and
    the number of objects frozen for the garbage collector.
    """
    reactor = socketio.server.eio.reactor
    lag = reactor.lag_meter.lag.worst(time.monotonic())
    return {
        "open": reactor.connections(),
        **reactor.counters,
        "worst_lag_ms": round(lag * 1000, 1),
        "timers": reactor.timers(),
        "frozen_objects": gc.get_freeze_count(),
    }


def _state(symbol: str, quote: Quote | None, standby: str | None, now: datetime) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "price": quote.last if quote else None,
        "price_class": quote.price_class.value if quote else None,
        "source": quote.source.name if quote else None,
        "runner_up": standby,
        "seq": quote.seq if quote else None,
        "age_seconds": round(quote.age(now).total_seconds(), 3) if quote else None,
    }
