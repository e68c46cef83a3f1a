"""The app in the tests' own process, whose prices the tests set, and clients for it."""

import itertools
import json
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from flask import Flask

from omcrm.auth.login import hash_token
from omcrm.extensions import db
from omcrm.market.quote import Quote
from omcrm.services import services_of
from omcrm.serving.server import listen, make_worker
from omcrm.storage.api_token import ApiToken
from omcrm.storage.login_session import open_session
from omcrm.storage.user import Role, User
from omcrm.web.market_access import market_view
from tests.processes import free_port, wait_for
from tests.streaming.raw_client import CLOSE, TEXT, RawClient, text, upgrade
from tests.values import BINANCE, quote, trade

# Above the numbers of the fixed prices, which are published at the start.
_FIRST = 1000
# The header that a browser sends from one of our own pages.
OURS = "Origin: http://127.0.0.1"


class JsonPeer:
    """A JSON client on a raw WebSocket; also a context manager that closes it."""

    def __init__(self, raw: RawClient) -> None:
        self.raw = raw
        # All messages in order, decoded and as bytes.
        self.received: list[dict[str, Any]] = []
        self.texts: list[bytes] = []

    @classmethod
    def open(cls, port: int, path: str, *headers: str, **options: Any) -> Self:
        return cls(RawClient.open(port, path, *headers, **options))

    def send(self, *messages: Any) -> None:
        """Send messages, in one write."""
        texts = (
            message if isinstance(message, str) else json.dumps(message) for message in messages
        )
        self.raw.send(*(text(payload) for payload in texts))

    def receive(self) -> dict[str, Any]:
        """The next message."""
        frame = self.raw.read()
        assert TEXT == frame.opcode, frame
        self.texts.append(frame.payload)
        self.received.append(json.loads(frame.payload))
        return self.received[-1]

    def receive_until(self, kind: str) -> dict[str, Any]:
        """The next message of that type; skips others."""
        while self.receive()["type"] != kind:
            pass
        return self.received[-1]

    def receive_all(self) -> list[dict[str, Any]]:
        """All messages up to the answer to a ping sent now."""
        self.received.clear()
        self.send({"action": "ping"})
        self.receive_until("pong")
        return self.received[:-1]

    def ask(self, message: Any) -> dict[str, Any]:
        """Send a message; the next one received that is no quote and no trade."""
        self.send(message)
        while (answer := self.receive())["type"] in ("quote", "trade"):
            pass
        return answer

    def end(self) -> tuple[int | None, str]:
        """Wait for the close frame; its code and reason."""
        while (frame := self.raw.read()).opcode != CLOSE:
            pass
        return frame.code, frame.payload[2:].decode()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.raw.sock.close()


class Served:
    """A running app that has only fixed prices."""

    def __init__(self, app: Flask, port: int) -> None:
        self.app = app
        self.port = port
        self.base = f"http://127.0.0.1:{port}"
        self.registry = services_of(app).client_registry
        self.manager = services_of(app).manager
        with app.app_context():
            self.market = market_view()
        self._numbers = itertools.count(_FIRST)

    def price(self, symbol: str, **details: Any) -> Quote:
        """Publish a new trade, whose price and id are the number of the quote."""
        number = next(self._numbers)
        made = quote(
            trade(str(number), number, "0.5"), symbol=symbol, seq=number, source=BINANCE, **details
        )
        self.market.hub.publish(made)
        return made

    def create_user(self, role: Role = Role.CLIENT) -> int:
        """A user without a usable password."""
        email = f"{secrets.token_hex(8)}@example.com"
        user = User(email=email, password_hash="", role=role, created_at=datetime.now(UTC))
        with self.app.app_context():
            db.session.add(user)
            db.session.commit()
            return int(user.id)

    def session(self, user_id: int) -> str:
        """The cookie header of a login session."""
        token, now = secrets.token_urlsafe(), datetime.now(UTC)
        lifetime = timedelta(hours=1)
        with self.app.app_context():
            open_session(
                hash_token(token), user_id, now, lifetime, user_agent=None, remote_addr=None
            )
            db.session.commit()
        client = self.app.test_client()
        with client.session_transaction() as cookie:
            cookie.update(_user_id=token, _fresh=True)
        return f"Cookie: omcrm_session={client.get_cookie('omcrm_session').value}"

    def token(
        self,
        user_id: int | None = None,
        scopes: tuple[str, ...] = ("market:read",),
        lifetime: timedelta = timedelta(days=1),
    ) -> str:
        """An API token, of a new user where none is given."""
        secret, now = f"omcrm_{secrets.token_urlsafe()}", datetime.now(UTC)
        row = ApiToken(
            user_id=self.create_user() if user_id is None else user_id,
            name="test",
            prefix=secret[:12],
            token_hash=hash_token(secret),
            scopes=list(scopes),
            created_at=now,
            expires_at=now + lifetime,
        )
        with self.app.app_context():
            db.session.add(row)
            db.session.commit()
        return secret

    def connect(self, path: str, token: str | None = None, **options: Any) -> JsonPeer:
        """A connected client, of a new user unless a token is given."""
        secret = token or self.token()
        return JsonPeer.open(self.port, path, f"Authorization: Bearer {secret}", **options)

    def status(self, path: str, *headers: str) -> tuple[int, Any]:
        """The HTTP status and body of a refused handshake."""
        with RawClient.connect(self.port) as client:
            client.send(upgrade(path, *headers))
            status = client.read_head()
            body = client.read_body()
            return status, json.loads(body) if body[:1] == b"{" else body.decode()


@contextmanager
def served(app: Flask) -> Iterator[Served]:
    """Serve the app in threads."""
    port = free_port()
    listener = listen("127.0.0.1", port)
    worker = make_worker(app, listener)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        running = Served(app, port)
        running.manager.start()
        wait_for(lambda: 24 == len(running.market.cache.snapshot()), 5, "the fixed prices")
        yield running
    finally:
        worker.stop()
        thread.join()
        listener.close()


Make = Callable[..., Served]
