"""What the desk's routes and events share: the catalogue and the answers."""

import gc
import time
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
from flask import Flask, current_app

from omcrm.extensions import socketio
from omcrm.gateways import GATEWAYS
from omcrm.gateways.client_registry import ClientRegistry
from omcrm.market.instrument import AssetClass, Instrument, canonical_symbol
from omcrm.market.quote import Quote
from omcrm.market.session import session_state
from omcrm.storage import feed_switch
from omcrm.storage.instrument import active_instruments
from omcrm.streaming.page_registry import PageRegistry
from omcrm.streaming.price_update import candle, iso
from omcrm.web.market_access import MARKET, market
from omcrm.web.news import news_report
from omcrm.webtrader.feed_report import feed_report
from omcrm.webtrader.realtime_data import RealTimeDataManager

MANAGER = MARKET
PAGES = "omcrm.desk"


def manager() -> RealTimeDataManager:
    """The market-data system of this app, with its catalogue loaded."""
    return cast(RealTimeDataManager, market())


def pages() -> PageRegistry:
    """The desk's connected pages."""
    found: PageRegistry = current_app.extensions[PAGES]
    return found


def reload_catalogue(app: Flask) -> None:
    """Follow what the database says now."""
    app.extensions[MANAGER].follow(active_instruments())


# Answers


def find_instruments(symbols: list[str | int]) -> tuple[list[Instrument], list[str | int]]:
    """The instruments of these symbols or ids, each once, and what there are none for."""
    known = manager().instruments
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
    }


def connection_status(found: RealTimeDataManager) -> dict[str, Any]:
    """The body of `connection_status`."""
    return {
        name: {
            **msgspec.to_builtins(status, builtin_types=(datetime,)),
            "connected_since": iso(status.connected_since),
            "last_message_at": iso(status.last_message_at),
        }
        for name, status in found.status().items()
    }


def market_status() -> dict[str, Any]:
    """The body of `market_status`."""
    now = datetime.now(UTC)
    states = {asset_class: session_state(asset_class, now) for asset_class in AssetClass}
    feeds = connection_status(manager())
    return {
        "is_market_hours": states[AssetClass.STOCK].is_open,
        "markets": [
            {
                "name": state.market,
                "is_open": state.is_open,
                "session": state.session,
                "opens_at": iso(state.opens_at),
                "closes_at": iso(state.closes_at),
                "reason": state.reason,
            }
            for state in states.values()
        ],
        "active_data_feeds": sum(feed["active"] for feed in feeds.values()),
        "total_data_feeds": len(feeds),
        "connection_status": feeds,
        "timestamp": iso(now),
    }


def price_history(symbol: str, timeframe: str, limit: int) -> dict[str, Any]:
    """The body of `price_history`: the candles of the source that speaks for the symbol now."""
    found = manager()
    quote = found.cache.get(symbol)
    source = quote.source.name if quote else ""
    candles = found.bars.series(symbol, source, timeframe, limit)
    return {
        "symbol": symbol,
        "timeframe": timeframe,
        "source": source or None,
        "data": [candle(bar) for bar in candles],
    }


def realtime_status(is_admin: bool) -> dict[str, Any]:
    """The body of `realtime_status`; what concerns single users only for administrators."""
    found, now = manager(), datetime.now(UTC)
    quotes = found.cache.snapshot()
    clients: dict[str, Any] = pages().counts()
    registry: ClientRegistry = current_app.extensions[GATEWAYS]
    gateways = registry.counts()
    if is_admin:
        clients["by_user"] = pages().by_user()
        gateways["by_user"] = registry.by_user()
    return {
        "success": True,
        "running": found.running,
        "since": iso(found.since),
        "stopped_by_admin": feed_switch.are_stopped(),
        "providers": connection_status(found),
        "instruments": [
            _state(found, instrument, quotes.get(instrument), now)
            for instrument in found.instruments
        ],
        "clients": clients,
        "gateways": gateways,
        "cache": {
            "quotes": len(quotes),
            "seq": max((quote.seq for quote in quotes.values()), default=0),
            "refused": dict(found.validator.refused),
        },
        "delivery": found.fanout.counts(),
        "connections": _connections(),
        "timestamp": iso(now),
        **({"feeds": feed_report(found, now), "news": news_report(found.news)} if is_admin else {}),
    }


def _connections() -> dict[str, Any]:
    """What happened to connections, by name, the worst lateness of the last minute, the deadlines
    that are kept, and how much the garbage collector leaves alone.
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


def _state(
    found: RealTimeDataManager, symbol: str, quote: Quote | None, now: datetime
) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "price": quote.last if quote else None,
        "price_class": quote.price_class.value if quote else None,
        "source": quote.source.name if quote else None,
        "runner_up": found.consolidator.standby(symbol),
        "seq": quote.seq if quote else None,
        "age_seconds": round(quote.age(now).total_seconds(), 3) if quote else None,
    }
