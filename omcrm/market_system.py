"""Puts together who runs the feeds: this process, or one of several on a bus."""

import os
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass

from flask import Flask

from omcrm.bus_member import BusMember
from omcrm.engine.bus import EngineQuestion, EngineTopic
from omcrm.engine.elected_engine import ElectedEngine
from omcrm.engine.engine_lock import EngineLock, PriceFeedLock, WebEngineLock
from omcrm.engine.engine_reporter import EngineReporter
from omcrm.engine.engine_runner import EngineRunner
from omcrm.engine.feed_engine import system_clock
from omcrm.engine.lease import Lease, LeaseLock
from omcrm.engine.market_engine import Companion, MarketEngine
from omcrm.engine.quote_ageing import QuoteAgeing
from omcrm.engine.redis_bus import RedisBus
from omcrm.engine.remote_engine import RemoteEngine
from omcrm.feeds.news.collector import NewsCollector
from omcrm.feeds.poll_schedule import Polling
from omcrm.pricing.daily_backfill import DailyBackfill
from omcrm.pricing.price_feed_state import price_feed_state
from omcrm.pricing.price_rounds import PriceRounds, RoundPlan
from omcrm.pricing.refresh import RefreshResult, refresh_prices
from omcrm.settings import Settings
from omcrm.web.engine_orders import read_orders
from omcrm.web.stored_lease import StoredLease, fence_of
from omcrm.webtrader.realtime_data import RealTimeDataManager

# How often an engine writes the shown prices where nobody says otherwise.
_USUAL_ROUNDS = RoundPlan(interval=30, batch=50)


@dataclass(frozen=True)
class MarketSystem:
    """The market-data system of this process, and what the pages ask of the engine.

    `member` runs what needs no viewer; None where the viewers start the feeds.
    """

    manager: RealTimeDataManager
    engine: MarketEngine
    member: BusMember | None
    fence: Callable[[], None]


def market_system(app: Flask, settings: Settings, rounds: RoundPlan | None) -> MarketSystem:
    """The parts of a process with these settings; none of them runs yet.

    A process that serves clients has no `rounds`; an engine's own process writes prices by them.
    """
    if settings.bus_url:
        return _on_a_bus(app, settings, rounds)
    if rounds is None:
        return _web_process(app, settings)
    return _price_feed(app, settings, rounds)


def _web_process(app: Flask, settings: Settings) -> MarketSystem:
    """Without a bus: viewers start the feeds, and a price feed leaves them to this process."""
    folder, database = settings.feed_state_path, settings.database
    manager = _manager(settings, _news(settings), lock=WebEngineLock(folder, database))

    def plan() -> RoundPlan | None:
        # A price feed that waits says how it would write.
        state = price_feed_state(folder, database)
        if state.interval is None or state.batch is None:
            return None
        return RoundPlan(state.interval, state.batch)

    manager.engine.accompany(PriceRounds(app, manager.cache, plan))
    return MarketSystem(manager, manager.engine, None, lambda: None)


def _price_feed(app: Flask, settings: Settings, rounds: RoundPlan) -> MarketSystem:
    """Without a bus, in an engine's own process: the feeds run while no web process has them."""
    lock = PriceFeedLock(settings.feed_state_path, settings.database)
    manager = _manager(settings, None, lock=lock)
    manager.engine.accompany(
        PriceRounds(app, manager.cache, lambda: rounds if lock.holds() else None)
    )
    runner = _runner(app, manager, lock)
    # The days are asked for over HTTP, whoever has the feeds.
    member = BusMember([DailyBackfill(app, settings), runner])
    return MarketSystem(manager, manager.engine, member, lambda: None)


def _on_a_bus(app: Flask, settings: Settings, rounds: RoundPlan | None) -> MarketSystem:
    """One of several processes: its feeds run while it has the lease."""
    lease = Lease(StoredLease(app.app_context, _holder()))
    lock, fence = LeaseLock(lease), fence_of(lease)
    bus = RedisBus(settings.bus_url, lock.token)
    bus.on_higher_token(lease.note_token)
    manager = _manager(settings, _news(settings), bus, lock)
    ageing = QuoteAgeing(manager.view, bus.engine_now)
    bus.classify_late(ageing.classify)
    plan = rounds or _USUAL_ROUNDS
    manager.engine.accompany(
        PriceRounds(app, manager.cache, lambda: plan if lock.holds() else None, fence)
    )
    manager.engine.accompany(DailyBackfill(app, settings, fence))
    runner = _runner(app, manager, lock)
    lease.on_change(runner.wake)

    def refresh(question: EngineQuestion) -> RefreshResult:
        with app.app_context():
            return refresh_prices(question.symbols)

    reporter = EngineReporter(
        bus, manager.engine, lambda: lock.token() is not None, {EngineTopic.REFRESH: refresh}
    )
    parts: list[Companion] = [bus]
    if rounds is None:
        parts += [ageing, manager.view, manager.view.news]
    if rounds is not None or settings.engine == "on":
        # At the end in the other order: the lease is given back once the feeds have ended.
        parts += [lease, runner, reporter]
    engine = ElectedEngine(manager.engine, RemoteEngine(bus), lock.token)
    return MarketSystem(manager, engine, BusMember(parts), fence)


def _manager(
    settings: Settings,
    news: NewsCollector | None,
    bus: RedisBus | None = None,
    lock: EngineLock | None = None,
) -> RealTimeDataManager:
    return RealTimeDataManager(
        settings.feeds,
        settings.price_window_ms / 1000,
        state=settings.feed_state_path,
        polling=Polling(settings.realtime_update_interval, settings.realtime_batch_size),
        news=news,
        bus=bus,
        lock=lock,
    )


def _news(settings: Settings) -> NewsCollector:
    return NewsCollector(settings.news_sources, settings.news_interval, system_clock)


def _runner(app: Flask, manager: RealTimeDataManager, lock: EngineLock) -> EngineRunner:
    return EngineRunner(
        manager.bus, manager.engine, lock, lambda: read_orders(app.app_context), manager.follow
    )


def _holder() -> str:
    """This process's name in the lease, for people."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(2)}"
