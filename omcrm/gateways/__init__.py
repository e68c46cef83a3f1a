"""Raw WebSockets for other programs: one mount for all, a dialect for each kind of program."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from omcrm.settings import Settings
    from omcrm.streaming.connection import ConnectionLimits


def init_gateways(app: "Flask", settings: "Settings", limits: "ConnectionLimits") -> None:
    """Mount the dialects' WebSockets in front of the app, and register their HTTP routes.

    `limits` apply to each connection. The market-data system must exist already.
    """
    from omcrm.extensions import socketio
    from omcrm.gateways import market_feed_routes, realtime_routes
    from omcrm.gateways.client_connection import ClientServices
    from omcrm.gateways.mount import HandshakePolicy, Mount, TransportSettings
    from omcrm.gateways.registry import DIALECTS
    from omcrm.services import services_of
    from omcrm.streaming.client_session import ClientLimits
    from omcrm.web.feed_control import start_for_viewer

    app.register_blueprint(market_feed_routes.blueprint)
    app.register_blueprint(realtime_routes.blueprint)
    engine, services = socketio.server.eio, services_of(app)
    client_limits = ClientLimits(settings.max_connections, settings.max_subscriptions)
    app.wsgi_app = Mount(  # type: ignore[method-assign]
        app.wsgi_app,
        app,
        ClientServices(
            engine.workers,
            services.client_registry,
            app.app_context,
            start_for_viewer,
            client_limits,
        ),
        HandshakePolicy(settings.use_security),
        TransportSettings(engine.reactor, limits, settings.websocket_compression),
        [dialect(services.view) for dialect in DIALECTS],
    )
