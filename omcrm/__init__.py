"""OMCRM: a self-hosted real-time trading desk."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging

    from flask import Flask

    from omcrm.engine.bus import Bus
    from omcrm.engine.shared_counts import SharedCounts
    from omcrm.pricing.price_rounds import RoundPlan
    from omcrm.services import Services
    from omcrm.settings import Settings
    from omcrm.streaming.client_registry import ClientRegistry

__version__ = "0.1.0"

# The largest inbound message, and the most inbound frames of one connection in a second, pings
# included. The dialects limit messages further.
_MOST_BYTES = 16 * 1024
_MOST_FRAMES = 300


def create_app(settings: "Settings | None" = None, rounds: "RoundPlan | None" = None) -> "Flask":
    """The app, ready to be served; nothing runs in the background before the first viewer.

    Without `settings` they are read from the environment; raises SettingError where one is wrong.
    An engine's own process, which does not serve it, writes prices in these `rounds`.
    """
    # Imported here, so that the market core can be used without Flask.
    from flask import Flask

    from omcrm.secret_key import secret_key
    from omcrm.services import SERVICES
    from omcrm.settings import load

    settings = settings or load()
    app = Flask(__name__, instance_path=str(settings.instance_path))
    _configure(app, settings, secret_key(settings))
    app.extensions[SERVICES] = _make_services(app, settings, rounds)
    _bind_extensions(app, settings)
    _register_rooms(app, settings)
    _add_middleware(app, settings)
    return app


def _configure(app: "Flask", settings: "Settings", key: str) -> None:
    from omcrm.auth.shared_storage import storage_uri
    from omcrm.concurrency import active_mode
    from omcrm.storage.database import engine_options

    app.config.update(
        SECRET_KEY=key,
        SQLALCHEMY_DATABASE_URI=settings.database,
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(settings.database),
        SESSION_COOKIE_NAME="omcrm_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.public_url.startswith("https:"),
        WTF_CSRF_TIME_LIMIT=settings.session_hours * 3600,
        MAX_CONTENT_LENGTH=1024 * 1024,
        RATELIMIT_STORAGE_URI=storage_uri(settings.bus_url),
        OMCRM_ASYNC_MODE=active_mode(),
    )


def _make_services(app: "Flask", settings: "Settings", rounds: "RoundPlan | None") -> "Services":
    from omcrm.auth.credential import Caller, dead_among
    from omcrm.auth.recent_logins import RecentLogins
    from omcrm.engine.bus import LoginEnded, UserEventsWritten
    from omcrm.gateways.finance_query.channels import DailyLimit
    from omcrm.gateways.finance_query.publisher import ChannelPublisher
    from omcrm.market_system import market_system
    from omcrm.services import Services
    from omcrm.storage.health import DatabaseHealth
    from omcrm.streaming.client_registry import ClientRegistry
    from omcrm.streaming.event_delivery import EventDelivery
    from omcrm.web.session_sweeper import session_sweeper
    from omcrm.web.user_events import StoredUserEvents
    from omcrm.webtrader.page_session import page_limits

    system = market_system(app, settings, rounds)
    manager = system.manager
    clients, context = ClientRegistry(), app.app_context
    logins = RecentLogins[Caller]()
    clients.run_while_connected(session_sweeper(clients, context, dead_among, logins.forget))
    manager.bus.subscribe(LoginEnded, lambda ended: logins.forget(ended.session_hash))
    events = EventDelivery(clients, StoredUserEvents(context))
    manager.bus.subscribe(UserEventsWritten, lambda written: events.note_written(written.user_ids))
    daily_limit = DailyLimit(
        settings.instance_path / "daily_requests",
        settings.daily_request_limit,
        _shared_counts(settings.bus_url, manager.bus, clients),
    )
    return Services(
        settings=settings,
        manager=manager,
        engine=system.engine,
        member=system.member,
        fence=system.fence,
        client_registry=clients,
        recent_logins=logins,
        user_events=events,
        page_limits=page_limits(settings.max_desk_connections, settings.max_desk_subscriptions),
        publisher=ChannelPublisher(manager.view, settings.stream_interval, context, clients.count),
        daily_limit=daily_limit if settings.use_security else None,
        database_health=DatabaseHealth(),
    )


def _shared_counts(url: str, bus: "Bus", clients: "ClientRegistry") -> "SharedCounts | None":
    """The counts that several processes share; connections count for all of them from now on."""
    from omcrm.engine.connection_sharing import ConnectionSharing
    from omcrm.engine.shared_counts import SharedCounts

    if not url:
        return None
    ConnectionSharing(bus, clients).begin()
    return SharedCounts(url)


def _bind_extensions(app: "Flask", settings: "Settings") -> None:
    from omcrm.auth.login import init_auth
    from omcrm.env_file import ROOT
    from omcrm.extensions import csrf, db, limiter, migrate, socketio
    from omcrm.storage.database import init_database
    from omcrm.streaming.connection import ConnectionLimits
    from omcrm.wire import encoding

    db.init_app(app)
    init_database(app)
    migrate.init_app(app, db, directory=str(ROOT / "migrations"))
    csrf.init_app(app)
    # It logs a line for each POST without a CSRF token.
    _quiet("flask_wtf.csrf")
    limiter.init_app(app)
    init_auth(app)
    socketio.init_app(
        app,
        async_mode=app.config["OMCRM_ASYNC_MODE"],
        json=encoding,
        # An empty list: `Handshake`, which runs before this, checks the origin.
        cors_allowed_origins=[],
        max_http_buffer_size=_MOST_BYTES,
        limits=ConnectionLimits(
            message=_MOST_BYTES, frames=_MOST_FRAMES, stalled=settings.websocket_timeout
        ),
        compression=settings.websocket_compression,
        ping_interval=settings.ping_interval,
        ping_timeout=settings.ping_timeout,
        connect_timeout=settings.connect_timeout,
        manage_session=False,
        # One page's events are handled in order: an unsubscribe must not overtake its subscribe.
        async_handlers=False,
        namespaces=["/webtrader"],
        logger=_quiet("socketio"),
        engineio_logger=_quiet("engineio"),
    )


def _quiet(name: str) -> "logging.Logger":
    """A logger that logs errors once; the libraries' own would log them twice."""
    import logging

    logger = logging.getLogger(name)
    logger.setLevel(logging.ERROR)
    return logger


def _register_rooms(app: "Flask", settings: "Settings") -> None:
    from omcrm.web.path_number import PathNumber

    app.url_map.converters["int"] = PathNumber
    from omcrm.admin.routes import blueprint as admin
    from omcrm.auth.access import public
    from omcrm.auth.login_history import blueprint as login_history
    from omcrm.auth.routes import blueprint as auth
    from omcrm.auth.token_routes import blueprint as tokens
    from omcrm.feeds.registry import LABELS
    from omcrm.gateways.market_feed_routes import blueprint as market_feed
    from omcrm.gateways.realtime_routes import blueprint as realtime
    from omcrm.portfolio.api import blueprint as portfolio_api
    from omcrm.portfolio.routes import blueprint as portfolio
    from omcrm.reference import init_reference
    from omcrm.web.news import blueprint as news
    from omcrm.web.routes import blueprint as web
    from omcrm.webtrader import init_webtrader

    app.register_blueprint(web)
    app.register_blueprint(news)
    app.register_blueprint(auth)
    app.register_blueprint(tokens)
    app.register_blueprint(login_history)
    app.register_blueprint(admin)
    app.register_blueprint(portfolio)
    app.register_blueprint(portfolio_api)
    init_webtrader(app)
    app.register_blueprint(market_feed)
    app.register_blueprint(realtime)
    init_reference(app)
    public(page=True)(app.view_functions["static"])
    page = {"demo": settings.demo, "version": __version__, "source_labels": dict(LABELS)}
    app.context_processor(lambda: page)


def _add_middleware(app: "Flask", settings: "Settings") -> None:
    from omcrm.streaming.connection import ConnectionLimits
    from omcrm.web.cors import init_cors
    from omcrm.web.errors import init_errors
    from omcrm.web.request_text import init_request_text
    from omcrm.wsgi_chain import wrap

    init_request_text(app)
    init_errors(app)
    init_cors(app, settings)
    timeout = settings.websocket_timeout
    wrap(
        app, settings, ConnectionLimits(_MOST_BYTES, _MOST_FRAMES, stalled=timeout, silent=timeout)
    )
