"""The desk in the browser: pages, Socket.IO events and the manager behind them."""

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from omcrm.settings import Settings


def init_webtrader(app: "Flask", settings: "Settings") -> None:
    """Add the market-data manager, the routes and the events to the app."""
    from omcrm.engine.bus import Control, FeedChanged, FeedEvents, LoginEnded
    from omcrm.engine.feed_engine import system_clock
    from omcrm.extensions import BUS, CLIENTS, socketio
    from omcrm.feeds.news.collector import NewsCollector
    from omcrm.feeds.poller import Polling
    from omcrm.web import market_access
    from omcrm.web.user_events import init_user_events
    from omcrm.webtrader import routes, service, socketio_events
    from omcrm.webtrader.feed_log import FeedLog
    from omcrm.webtrader.page_session import NAMESPACE, PAGE_LIMITS, page_limits
    from omcrm.webtrader.realtime_data import RealTimeDataManager

    polling = Polling(settings.realtime_update_interval, settings.realtime_batch_size)
    manager = RealTimeDataManager(
        settings.feeds,
        settings.price_window_ms / 1000,
        state=settings.feed_state_path,
        polling=polling,
        news=NewsCollector(settings.news_sources, settings.news_interval, system_clock),
    )
    app.extensions[service.MANAGER], app.extensions[BUS] = manager, manager.bus
    app.extensions[market_access.VIEW] = manager.view
    app.extensions[market_access.ENGINE] = manager.engine
    app.extensions[PAGE_LIMITS] = page_limits(
        settings.max_desk_connections, settings.max_desk_subscriptions
    )
    init_user_events(app, app.extensions[CLIENTS], manager.bus)
    app.register_blueprint(routes.blueprint)
    feed_log = FeedLog(app)
    manager.bus.subscribe(FeedChanged, partial(socketio_events.send_status, app))
    manager.bus.subscribe(FeedEvents, lambda message: feed_log.write(message.events))
    socketio.server.on_lost(NAMESPACE, socketio_events.send_events_lost)
    manager.bus.subscribe(LoginEnded, partial(socketio_events.end_login, app))
    manager.bus.subscribe(Control, partial(service.reload_catalogue, app))
