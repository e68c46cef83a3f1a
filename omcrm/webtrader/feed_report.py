"""What is told about the feeds: who speaks for each symbol and who would, quotas, events."""

from datetime import datetime
from typing import Any

from omcrm.feeds.quota import BudgetUse
from omcrm.market.failover import Candidate
from omcrm.market.feed_event import FeedEvent
from omcrm.market.validation import RejectedTick
from omcrm.storage import feed_event
from omcrm.streaming.price_update import iso
from omcrm.webtrader.realtime_data import RealTimeDataManager

_EVENTS = 100
_QUARANTINED = 50


def feed_report(manager: RealTimeDataManager, now: datetime) -> dict[str, Any]:
    """The part of `realtime_status` that is for administrators."""
    return {
        "symbols": [_standing(manager, symbol, now) for symbol in manager.instruments],
        "quota": {source: [_use(use) for use in uses] for source, uses in manager.uses().items()},
        "quarantine": [
            _refusal(refusal) for refusal in list(manager.validator.kept)[: -_QUARANTINED - 1 : -1]
        ],
        "events": [_event(event) for event in feed_event.recent(_EVENTS)],
    }


def _standing(manager: RealTimeDataManager, symbol: str, now: datetime) -> dict[str, Any]:
    quote = manager.cache.get(symbol)
    chain = manager.cache.candidates(symbol)
    return {
        "symbol": symbol,
        "source": quote.source.name if quote else None,
        "runner_up": manager.cache.standby(symbol),
        "chain": [_candidate(name, item, now) for name, item in chain.items()],
    }


def _candidate(name: str, candidate: Candidate, now: datetime) -> dict[str, Any]:
    said = candidate.said
    return {
        "source": name,
        "price": said.trade.price if said.trade else None,
        "price_class": candidate.price_class.value,
        "age_seconds": round(said.age(now).total_seconds(), 3),
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
