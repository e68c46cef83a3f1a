"""The report about the feeds: each symbol's active source and standby, quotas, events."""

from datetime import datetime
from typing import Any

from omcrm.engine.feed_engine import FeedEngine
from omcrm.engine.market_view import MarketView
from omcrm.feeds.quota import BudgetUse
from omcrm.market.feed_event import FeedEvent
from omcrm.market.quote import Quote
from omcrm.market.validation import RejectedTick
from omcrm.storage import feed_event
from omcrm.wire.encoding import iso

_EVENTS = 100
_QUARANTINED = 50


def feed_report(view: MarketView, engine: FeedEngine, now: datetime) -> dict[str, Any]:
    """The part of `realtime_status` that is for administrators."""
    rejected = list(engine.validator.quarantine)[: -_QUARANTINED - 1 : -1]
    return {
        "symbols": [_symbol_report(view, engine, symbol, now) for symbol in view.instruments],
        "quota": {source: [_use(use) for use in uses] for source, uses in engine.uses().items()},
        "quarantine": [_refusal(tick) for tick in rejected],
        "events": [_event(event) for event in feed_event.recent(_EVENTS)],
    }


def _symbol_report(
    view: MarketView, engine: FeedEngine, symbol: str, now: datetime
) -> dict[str, Any]:
    quote = view.cache.get(symbol)
    chain = engine.consolidator.quotes_by_source(symbol)
    return {
        "symbol": symbol,
        "source": quote.source.name if quote else None,
        "runner_up": engine.consolidator.standby(symbol),
        "chain": [_chain_entry(quote, now) for quote in chain.values()],
    }


def _chain_entry(quote: Quote, now: datetime) -> dict[str, Any]:
    return {
        "source": quote.source.name,
        "price": quote.last,
        "price_class": quote.price_class.value,
        "age_seconds": round(quote.age(now).total_seconds(), 3),
    }


def _use(use: BudgetUse) -> dict[str, Any]:
    return {
        "calls": use.budget.calls,
        "period": use.budget.period,
        "used": use.used,
        "left": use.left,
        "renews_at": iso(use.renews_at),
        "ends_at": iso(use.ends_at),
    }


def _refusal(refusal: RejectedTick) -> dict[str, Any]:
    tick = refusal.tick
    return {
        "at": iso(tick.received_at),
        "source": tick.source.name,
        "symbol": tick.symbol,
        "reason": refusal.reason.value,
        "price": tick.trade.price if tick.trade else None,
        "bid": tick.book.bid if tick.book else None,
        "ask": tick.book.ask if tick.book else None,
        "held": refusal.held,
        "others": [{"source": name, "price": price} for name, price in refusal.others],
    }


def _event(event: FeedEvent) -> dict[str, Any]:
    return {
        "at": iso(event.at),
        "kind": event.kind.value,
        "source": event.source,
        "before": event.before,
        "symbols": list(event.symbols),
        "reason": event.reason,
        "silent_seconds": event.silent_seconds,
    }
