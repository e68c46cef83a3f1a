"""The report about the feeds: each symbol's active source and standby, quotas, events."""

from datetime import datetime

from omcrm.engine.feed_engine import FeedEngine
from omcrm.engine.market_view import MarketView
from omcrm.feeds.quota import BudgetUse
from omcrm.storage import feed_event
from omcrm.wire.encoding import iso
from omcrm.wire.feed_report import (
    DeskBudgetUse,
    DeskFeedEvent,
    DeskFeedReport,
    DeskRejectedTick,
    DeskSourceQuote,
    DeskSymbolReport,
)

_EVENTS = 100
_QUARANTINED = 50


def feed_report(view: MarketView, engine: FeedEngine, now: datetime) -> DeskFeedReport:
    """The part of `realtime_status` that is for those who look after the feeds."""
    rejected = list(engine.validator.quarantine)[: -_QUARANTINED - 1 : -1]
    return DeskFeedReport(
        symbols=[_symbol_report(view, engine, symbol, now) for symbol in view.instruments],
        quota={source: [_use(use) for use in uses] for source, uses in engine.uses().items()},
        quarantine=[DeskRejectedTick.of(tick) for tick in rejected],
        events=[DeskFeedEvent.of(event) for event in feed_event.recent(_EVENTS)],
    )


def _symbol_report(
    view: MarketView, engine: FeedEngine, symbol: str, now: datetime
) -> DeskSymbolReport:
    quote = view.cache.get(symbol)
    chain = engine.consolidator.quotes_by_source(symbol)
    return DeskSymbolReport(
        symbol=symbol,
        source=quote.source.name if quote else None,
        runner_up=engine.consolidator.standby(symbol),
        chain=[DeskSourceQuote.of(quote, now) for quote in chain.values()],
    )


def _use(use: BudgetUse) -> DeskBudgetUse:
    return DeskBudgetUse(
        calls=use.budget.calls,
        period=use.budget.period,
        used=use.used,
        left=use.left,
        renews_at=iso(use.renews_at),
        ends_at=iso(use.ends_at),
    )
