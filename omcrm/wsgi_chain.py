"""The layers around the Flask app that every request passes, in their order."""

from collections.abc import Callable
from functools import partial

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from omcrm.extensions import SocketIOMount, socketio
from omcrm.gateways.mount import mount_dialects
from omcrm.settings import Settings
from omcrm.streaming.connection import ConnectionLimits
from omcrm.web.headers import SecurityHeaders, Wsgi
from omcrm.webtrader.handshake import Handshake


def wrap(app: Flask, settings: Settings, limits: ConnectionLimits) -> None:
    """Put the layers around the app; `limits` are those of raw WebSockets."""
    proxies = settings.trusted_proxies
    from_outside_to_inside: list[Callable[[Wsgi], Wsgi]] = [
        # First: all that follow read the client's address, scheme and host, not the proxy's.
        *([partial(ProxyFix, x_for=proxies, x_proto=proxies, x_host=proxies)] if proxies else []),
        # Around all that answer: refusals of the layers below get the headers, too.
        SecurityHeaders,
        # Before Socket.IO reads anything of a page of another site.
        partial(Handshake, app=app, public_url=settings.public_url),
        # Before Flask: Socket.IO answers below its path itself.
        partial(SocketIOMount, server=socketio.server),
        # Before Flask: a WebSocket leaves the HTTP server here.
        partial(mount_dialects, app=app, settings=settings, limits=limits),
    ]
    for layer in reversed(from_outside_to_inside):
        app.wsgi_app = layer(app.wsgi_app)  # type: ignore[assignment, method-assign]
