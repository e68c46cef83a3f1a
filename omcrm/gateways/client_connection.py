"""One raw WebSocket of any dialect: what it receives and sends, its limits and its end."""

import logging
import time
from collections.abc import Callable, Hashable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from msgspec import Struct
from websockets.frames import CloseCode

from omcrm.auth.credential import Caller
from omcrm.concurrency import native_lock
from omcrm.errors import MessageRefused
from omcrm.gateways.dialect import Dialect
from omcrm.streaming.client_registry import ClientRegistry
from omcrm.streaming.client_session import ClientLimits, ClientSession
from omcrm.streaming.connection import WebSocketConnection
from omcrm.streaming.frame import deflated_frame, text_frame
from omcrm.streaming.inbox import Inbox
from omcrm.streaming.rate_tier import Batch
from omcrm.streaming.throttled_log import ThrottledLog
from omcrm.streaming.worker_pool import WorkerPool
from omcrm.web import database_away
from omcrm.wire.error_code import ErrorCode
from omcrm.wire.user_event import UserMessage

# Shorter messages gain nothing from compression.
_COMPRESS_FROM = 256

_failures = ThrottledLog(logging.getLogger(__name__))

Job = Callable[[], None]


class ClientServices(Struct, frozen=True):
    """What all client connections of an app share.

    `context` makes the app's context, inside of which everything is handled; `on_open` is called in
    it for each new client.
    """

    workers: WorkerPool
    registry: ClientRegistry
    context: Callable[[], AbstractContextManager[object]]
    on_open: Callable[[], object]
    limits: ClientLimits


class ClientConnection(ClientSession):
    """The connection of one client of a dialect; thread-safe.

    `arguments` are the variable parts of the path, `state` belongs to the dialect. `closed_with` is
    the code and reason of our close, None before it.
    """

    caller: Caller | None

    def __init__(
        self,
        services: ClientServices,
        dialect: Dialect,
        caller: Caller | None,
        address: str,
        arguments: Mapping[str, str],
    ) -> None:
        super().__init__(dialect.channel.name, caller, address, services.limits)
        self.dialect = dialect
        self.takes_events = dialect.takes_events
        self.arguments = arguments
        self.state: Any = None
        self._services = services
        # Created in `start`: it refers to the client, which may be refused before that.
        self._inbox: Inbox[str | bytes | Job]
        self._connection: WebSocketConnection | None = None
        self._started = False
        self.closed_with: tuple[int, str] | None = None
        self._wants_state: Job | None = None
        self._lock = native_lock()
        self._pending_state: dict[Hashable, Callable[[], str]] = {}
        self._is_flushing = False

    def start(self, connection: WebSocketConnection, first: bytes, early: bytes) -> None:
        """Write `first` and serve this connection; `early` holds bytes received already."""
        self._connection = connection
        self._inbox = Inbox(self._services.workers, self._handle, self._pause)
        self._inbox.put(self._open)
        connection.start(self, first, early)
        self._started = True
        if self.closed_with is not None:
            connection.close(*self.closed_with)
        self._inbox.start()

    # For dialects: sending

    def send(self, text: str) -> None:
        """Send a message after all pending ones; a client that does not read gets `EVENTS_LOST`."""
        self.send_framed(text.encode())

    def send_framed(self, payload: bytes, framed: bytes | None = None) -> None:
        """Like `send`; `framed` is the uncompressed frame where it was encoded once for all."""
        connection = self._connection
        if connection is None:
            return
        self._services.registry.count(self.dialect_name, "messages_out")
        if connection.deflates and len(payload) >= _COMPRESS_FROM:
            connection.send(deflated_frame(payload))
        else:
            connection.send(framed or text_frame(payload))

    def send_latest(self, key: Hashable, make: Callable[[], str]) -> None:
        """Send what `make` returns as soon as the client has read what was sent before.

        Of each key only the last is sent: for state that is large or soon out of date. `make` is
        called inside of an app context, in any thread.
        """
        with self._lock:
            self._pending_state[key] = make
        self._flush_pending()

    def close(self, code: int = CloseCode.POLICY_VIOLATION, reason: str = "") -> None:
        """Close the connection; later messages of the client are ignored."""
        self.closed_with = (code, reason)
        # A close frame may only follow the answer to the handshake.
        connection = self._connection
        if connection is not None and self._started:
            connection.close(code, reason)

    def end_login(self) -> None:
        """Close the connection, because its login or token has ended."""
        self.close(CloseCode.POLICY_VIOLATION, self.dialect.session_ended)

    # For user events

    def can_take_events(self) -> bool:
        """Whether what was sent before has been read."""
        connection = self._connection
        return connection is not None and not connection.blocked

    def send_user_message(self, message: UserMessage) -> None:
        """Send a message about the events of the client's user."""
        self.send(self.dialect.user_message(message))

    # For dialects: quotes

    def subscribe(self, symbols: Iterable[str], max_rate: float | None = None) -> None:
        """Send the newest quote of each symbol now, then each change, as the dialect encodes it."""
        self.subscribe_quotes(
            self.dialect.market.fanout,
            self,
            self.dialect.quote,
            symbols,
            facts=self.dialect.facts,
            max_rate=max_rate,
        )

    # For the fan-out

    def try_send(self, state: Batch, *, asked: bool = False) -> bool:
        """Write quotes unless older bytes are pending; return whether they were written."""
        connection = self._connection
        if connection is None:
            return True
        return connection.try_send(state.deflated if connection.deflates else state.framed)

    def direct(self) -> WebSocketConnection | None:
        """The connection that takes plain frames; None where frames are compressed."""
        connection = self._connection
        return None if connection is None or connection.deflates else connection

    def on_ready(self, wants_state: Job) -> None:
        """Call `wants_state` whenever quotes can be written again."""
        self._wants_state = wants_state

    # For the connection: in the reactor's thread

    def received(self, message: str | bytes) -> None:
        """Queue a received message for the worker pool."""
        self._inbox.put(message)

    def writable(self) -> None:
        """Send quotes and pending state: the pending bytes have been written."""
        if self._wants_state is not None:
            self._wants_state()
        if self._pending_state:
            self._inbox.put(self._flush_pending)

    def lost(self) -> None:
        """Report that events were dropped because the client did not read."""
        self._inbox.put(self._send_events_lost)

    def closed(self) -> None:
        """Remove the client from the registry and end its inbox."""
        self._services.registry.remove(self)
        self._inbox.end(self._end)

    # Handling messages: in the worker pool, one after the other

    def _handle(self, message: str | bytes | Job) -> None:
        if self.closed_with is not None:
            return
        try:
            with self._services.context():
                if callable(message):
                    message()
                else:
                    self._services.registry.count(self.dialect_name, "messages_in")
                    self._answer(message)
        except Exception as error:
            if database_away.is_away(error):
                self._send_error(
                    MessageRefused(ErrorCode.DATABASE_UNAVAILABLE, database_away.MESSAGE)
                )
                return
            _failures.exception("a client of %s could not be served", self.dialect_name)
            self._send_error(
                MessageRefused(ErrorCode.INTERNAL_ERROR, "Something went wrong on our side")
            )

    def _answer(self, message: str | bytes) -> None:
        now = time.monotonic()
        try:
            if not self.limiter.may_send(now):
                raise MessageRefused(ErrorCode.RATE_LIMITED, "Too many messages: slow down")
            if isinstance(message, bytes):
                raise MessageRefused(ErrorCode.TEXT_ONLY, "Binary messages are not understood")
            self.dialect.received(self, message)
        except MessageRefused as refusal:
            self._services.registry.count(self.dialect_name, "messages_refused")
            self._send_error(refusal)
            if self.limiter.too_many_errors(now):
                self.close(CloseCode.POLICY_VIOLATION, "too many bad messages")

    def _send_error(self, refusal: MessageRefused) -> None:
        self.send(self.dialect.error(refusal))

    def _send_events_lost(self) -> None:
        self._send_error(
            MessageRefused(ErrorCode.EVENTS_LOST, "Some messages were lost: subscribe again")
        )

    def _open(self) -> None:
        try:
            self._services.on_open()
        except Exception as error:
            # The feeds may not run then, but the client is served.
            if not database_away.is_away(error):
                _failures.exception("starting the feeds for a new client failed")
        self.dialect.opened(self)

    def _end(self) -> None:
        try:
            with self._services.context():
                self.dialect.closed(self)
        finally:
            self.drop_subscriptions()
            self._pending_state.clear()
            # Both refer back to this client: without them no reference cycle is left.
            self._connection = self._wants_state = None

    def _pause(self, paused: bool) -> None:
        connection = self._connection
        if connection is not None:
            connection.pause(paused)

    def _flush_pending(self) -> None:
        """Send pending state until the connection blocks; one thread at a time keeps the order."""
        with self._lock:
            if self._is_flushing:
                return
            self._is_flushing = True
        while (make := self._next_pending()) is not None:
            try:
                with self._services.context():
                    text = make()
                self.send(text)
            except Exception as error:
                if database_away.is_away(error):
                    continue
                _failures.exception("pending state of a client of %s failed", self.dialect_name)

    def _next_pending(self) -> Callable[[], str] | None:
        with self._lock:
            connection = self._connection
            # A blocked connection calls `writable` later, which flushes what is pending then.
            if connection is None or connection.blocked or not self._pending_state:
                self._is_flushing = False
                return None
            return self._pending_state.pop(next(iter(self._pending_state)))
