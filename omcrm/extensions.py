"""The Flask extensions, made unbound; `create_app` binds them."""

from typing import Any

import flask_socketio
from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import LoginManager
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_wtf.csrf import CSRFProtect
from sqlalchemy import MetaData

from omcrm.streaming.socketio_adapter import RealtimeServer

SOCKETIO_PATH = "/socket.io/"


class SocketIOMount:
    """WSGI middleware: serves Socket.IO at its path, and passes everything else to the app.

    The library's own creates a class for each request under gunicorn, which stays until the garbage
    is collected.
    """

    def __init__(self, within: Any, server: RealtimeServer) -> None:
        self._within = within
        self._server = server

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        if environ["PATH_INFO"].startswith(SOCKETIO_PATH):
            return self._server.handle_request(environ, start_response)
        return self._within(environ, start_response)


class SocketIO(flask_socketio.SocketIO):  # type: ignore[misc]
    """Flask-SocketIO with our own server."""

    def init_app(self, app: Flask | None, **options: Any) -> None:
        """Create the server, which `SocketIOMount` serves; see `RealtimeServer` for the options."""
        assert app is not None, "an emitter without an app has no server"
        app.extensions["socketio"] = self
        self._app = app
        self.server_options.update(options)
        options = dict(self.server_options)
        self.manage_session: Any = options.pop("manage_session", self.manage_session)
        before: RealtimeServer | None = self.server
        self.server: RealtimeServer = RealtimeServer(**options)
        self.async_mode = self.server.async_mode
        # Handlers are registered at import: a process's second app needs those of the first.
        for namespace, handlers in before.handlers.items() if before is not None else ():
            self.server.handlers[namespace] = dict(handlers)
        for event, handler, namespace in self.handlers:
            self.server.on(event, handler, namespace=namespace)
        for ns_handler in self.namespace_handlers:
            self.server.register_namespace(ns_handler)

    def _handle_event(
        self, handler: Any, message: str, namespace: str, sid: str, *values: Any
    ) -> Any:
        """Call a handler with the client's id and what it sent, in an app context.

        The library's own makes a request out of each event: it parses the handshake's cookies,
        looks for a route and reads the session, which costs more than most handlers.
        """
        with self._app.app_context():
            return handler(sid, *values)


db = SQLAlchemy(
    # Named constraints, so that a migration can alter them on every database.
    metadata=MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
)
migrate = Migrate(render_as_batch=True)
login_manager = LoginManager()
csrf = CSRFProtect()
limiter = Limiter(key_func=get_remote_address)
socketio = SocketIO()
