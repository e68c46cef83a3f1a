"""The desk in the browser: pages, Socket.IO events and the manager behind them."""

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask


def init_webtrader(app: "Flask") -> None:
    """Add the routes and the events to the app."""
    from omcrm.engine.bus import Control, FeedChanged, FeedEvents, LoginEnded
    from omcrm.engine.elected_engine import ElectedEngine
    from omcrm.extensions import socketio
    from omcrm.services import services_of
    from omcrm.webtrader import routes, service, socketio_events
    from omcrm.webtrader.feed_log import FeedLog
    from omcrm.wire.desk import NAMESPACE

    app.register_blueprint(routes.blueprint)
    parts = services_of(app)
    bus, feed_log = parts.bus, FeedLog(app, parts.fence)
    send_status = partial(socketio_events.send_status, app)
    if isinstance(parts.engine, ElectedEngine):
        parts.engine.on_change(bus, send_status)
    else:
        bus.subscribe(FeedChanged, send_status)
    bus.subscribe(FeedEvents, lambda message: feed_log.write(message.events))
    socketio.server.on_lost(NAMESPACE, socketio_events.send_events_lost)
    bus.subscribe(LoginEnded, partial(socketio_events.end_login, app))
    bus.subscribe(Control, partial(service.reload_catalogue, app))
