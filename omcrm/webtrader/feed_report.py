"""The report about the feeds: each symbol's active source and standby, quotas, events."""

from datetime import datetime

from omcrm.engine.market_engine import EngineDetails, MarketEngine
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


def feed_report(view: MarketView, engine: MarketEngine, now: datetime) -> DeskFeedReport:
    """The part of `realtime_status` that is for those who look after the feeds."""
    details, standbys = engine.details(), engine.standbys()
    return DeskFeedReport(
        symbols=[
            _symbol_report(view, details, symbol, standbys.get(symbol), now)
            for symbol in view.instruments
        ],
        quota={source: [_use(use) for use in uses] for source, uses in engine.uses().items()},
        quarantine=[DeskRejectedTick.of(tick) for tick in details.rejected],
        events=[DeskFeedEvent.of(event) for event in feed_event.recent(_EVENTS)],
    )


def _symbol_report(
    view: MarketView, details: EngineDetails, symbol: str, standby: str | None, now: datetime
) -> DeskSymbolReport:
    quote = view.cache.get(symbol)
    return DeskSymbolReport(
        symbol=symbol,
        source=quote.source.name if quote else None,
        runner_up=standby,
        chain=[DeskSourceQuote.of(quote, now) for quote in details.chains.get(symbol, ())],
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
