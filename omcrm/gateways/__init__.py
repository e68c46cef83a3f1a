"""Raw WebSockets for other programs: one mount for all, a dialect for each kind of program."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from omcrm.settings import Settings
    from omcrm.streaming.connection import ConnectionLimits

GATEWAYS = "omcrm.gateways"
"""The key of an app's client registry, among its extensions."""


def init_gateways(app: "Flask", settings: "Settings", limits: "ConnectionLimits") -> None:
    """Mount the dialects' WebSockets in front of the app, and register their HTTP routes.

    `limits` apply to each connection. The market-data system must exist already.
    """
    from omcrm.auth.credential import dead_among
    from omcrm.extensions import socketio
    from omcrm.gateways import market_feed_routes, realtime_routes
    from omcrm.gateways.client_connection import ClientServices
    from omcrm.gateways.client_registry import ClientRegistry, SessionSweeper
    from omcrm.gateways.finance_query import init_finance_query
    from omcrm.gateways.mount import HandshakePolicy, Mount, TransportSettings
    from omcrm.gateways.registry import DIALECTS
    from omcrm.web.feed_control import start_for_viewer
    from omcrm.web.market_access import VIEW

    app.register_blueprint(market_feed_routes.blueprint)
    app.register_blueprint(realtime_routes.blueprint)
    engine, market = socketio.server.eio, app.extensions[VIEW]
    client_registry = app.extensions[GATEWAYS] = ClientRegistry(settings.max_connections)
    init_finance_query(app, settings, client_registry)
    most = settings.max_subscriptions
    app.wsgi_app = Mount(  # type: ignore[method-assign]
        app.wsgi_app,
        app,
        ClientServices(engine.workers, client_registry, app.app_context, start_for_viewer, most),
        HandshakePolicy(settings.use_security),
        SessionSweeper(client_registry, app.app_context, dead_among),
        TransportSettings(engine.reactor, limits, settings.websocket_compression),
        [dialect(market) for dialect in DIALECTS],
    )
