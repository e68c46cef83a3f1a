"""One raw WebSocket, whatever it speaks: what it says, what it is sent, its limits and its end."""

import logging
import time
from collections.abc import Callable, Hashable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from msgspec import Struct
from websockets.frames import CloseCode

from omcrm.auth.credential import Caller
from omcrm.concurrency import native_lock
from omcrm.errors import MessageRefused
from omcrm.gateways.client_registry import ClientRegistry
from omcrm.gateways.dialect import Dialect
from omcrm.streaming.batch import Batch
from omcrm.streaming.connection import WebSocketConnection
from omcrm.streaming.frame import deflated_frame, text_frame
from omcrm.streaming.inbox import Inbox
from omcrm.streaming.rate_limiter import RateLimiter
from omcrm.streaming.rate_tier import Subscriber
from omcrm.streaming.throttled_log import ThrottledLog
from omcrm.streaming.worker_pool import WorkerPool
from omcrm.web import database_away

# What is shorter is not worth compressing.
_COMPRESS_FROM = 256

_failures = ThrottledLog(logging.getLogger(__name__))

Job = Callable[[], None]
Key = TypeVar("Key", bound=Hashable)


class ClientServices(Struct, frozen=True):
    """What all clients of an app share.

    `context` makes the app's context, inside of which everything is handled; `welcome` is called
    in it for each new client. One client may have so many `subscriptions`.
    """

    workers: WorkerPool
    registry: ClientRegistry
    context: Callable[[], AbstractContextManager[object]]
    welcome: Job
    subscriptions: int


class ClientConnection:
    """One connected client of a dialect; thread-safe.

    `caller` is None for a stranger, `arguments` are the variable parts of the path, `state` is
    whatever the dialect wants to remember. `subscriptions` names what counts against the limit,
    `goodbye` is the code and reason of the close, as soon as there is one of ours.
    """

    def __init__(
        self,
        services: ClientServices,
        dialect: Dialect,
        caller: Caller | None,
        address: str,
        arguments: Mapping[str, str],
    ) -> None:
        self.dialect = dialect
        self.caller = caller
        self.owner: int | str = address if caller is None else caller.user_id
        self.arguments = arguments
        self.state: Any = None
        self.subscriptions: set[Hashable] = set()
        self._services = services
        self._limiter = RateLimiter()
        # Made at the start: it holds the client, who may be refused before.
        self._inbox: Inbox[str | bytes | Job]
        self._connection: WebSocketConnection | None = None
        self._started = False
        self.goodbye: tuple[int, str] | None = None
        self._subscriber: Subscriber | None = None
        self._wants_state: Job | None = None
        self._lock = native_lock()
        self._pending_state: dict[Hashable, Callable[[], str]] = {}
        self._paying = False

    def start(self, connection: WebSocketConnection, first: bytes, early: bytes) -> None:
        """Speak on this connection, after `first`; `early` is what the client has said already."""
        self._connection = connection
        self._inbox = Inbox(self._services.workers, self._handle, self._pause)
        self._inbox.put(self._open)
        connection.start(self, first, early)
        self._started = True
        if self.goodbye is not None:
            connection.close(*self.goodbye)
        self._inbox.start()

    # For dialects: to the client

    def send(self, text: str) -> None:
        """Send a message behind all that waits; one who does not read loses them, and is told."""
        self.send_framed(text.encode())

    def send_framed(self, payload: bytes, framed: bytes | None = None) -> None:
        """The same, with the plain frame where somebody has made that for all."""
        connection = self._connection
        if connection is None:
            return
        self._services.registry.count(self.dialect.name, "messages_out")
        if connection.deflates and len(payload) >= _COMPRESS_FROM:
            connection.send(deflated_frame(payload))
        else:
            connection.send(framed or text_frame(payload))

    def send_latest(self, key: Hashable, make: Callable[[], str]) -> None:
        """Send what `make` gives as soon as the client has taken what is before it.

        Of the same key only the last is sent: for what is large, or soon out of date. `make` is
        called inside of an app context, in some thread.
        """
        with self._lock:
            self._pending_state[key] = make
        self._pay()

    def close(self, code: int = CloseCode.POLICY_VIOLATION, reason: str = "") -> None:
        """Say goodbye; nothing more is heard of the client."""
        self.goodbye = (code, reason)
        # Nothing is said before the handshake is answered.
        connection = self._connection
        if connection is not None and self._started:
            connection.close(code, reason)

    # For dialects: what it is subscribed to

    def accept(self, wanted: Iterable[Key]) -> tuple[list[Key], list[Key]]:
        """Count subscriptions: those within the limit (or held already), and those beyond."""
        accepted: list[Key] = []
        beyond: list[Key] = []
        for fromkey in dict.fromkeys(wanted):
            is_new = fromkey not in self.subscriptions
            if is_new and len(self.subscriptions) >= self._services.subscriptions:
                beyond.append(fromkey)
            else:
                self.subscriptions.add(fromkey)
                accepted.append(fromkey)
        return accepted, beyond

    def release(self, unwanted: Iterable[Hashable]) -> None:
        """Count these no more."""
        self.subscriptions.difference_update(unwanted)

    @property
    def most_subscriptions(self) -> int:
        """How many there may be."""
        return self._services.subscriptions

    def watch(self, symbols: Iterable[str], max_rate: float | None = None) -> None:
        """The newest quote of each symbol, now, and then each change, in the dialect's words."""
        fanout = self.dialect.market.fanout
        if self._subscriber is None:
            self._subscriber = fanout.join(self, self.dialect.quote, self.dialect.facts)
        fanout.watch(self._subscriber, symbols, max_rate)

    def unwatch(self, symbols: Iterable[str]) -> None:
        """No more quotes of these symbols."""
        if self._subscriber is not None:
            self.dialect.market.fanout.unwatch(self._subscriber, symbols)

    # For the fan-out

    def try_send(self, state: Batch, *, asked: bool = False) -> bool:
        """Write quotes, unless older bytes wait."""
        connection = self._connection
        if connection is None:
            return True
        return connection.try_send(state.deflated if connection.deflates else state.framed)

    def direct(self) -> WebSocketConnection | None:
        """What takes plain frames at once; None where frames are compressed."""
        connection = self._connection
        return None if connection is None or connection.deflates else connection

    def on_ready(self, wants_state: Job) -> None:
        """Call `wants_state` whenever quotes can be taken again."""
        self._wants_state = wants_state

    # For the connection: in the reactor's thread

    def received(self, message: str | bytes) -> None:
        """A message came."""
        self._inbox.put(message)

    def writable(self) -> None:
        """What waited has been taken."""
        if self._wants_state is not None:
            self._wants_state()
        if self._pending_state:
            self._inbox.put(self._pay)

    def lost(self) -> None:
        """Events were dropped because the client did not read."""
        self._inbox.put(self._tell_lost)

    def closed(self) -> None:
        """The connection is over."""
        self._services.registry.leave(self)
        self._inbox.end(self._end)

    # What it said: by the crew, one after the other

    def _handle(self, message: str | bytes | Job) -> None:
        if self.goodbye is not None:
            return
        try:
            with self._services.context():
                if callable(message):
                    message()
                else:
                    self._services.registry.count(self.dialect.name, "messages_in")
                    self._answer(message)
        except Exception as error:
            if database_away.is_away(error):
                self._tell(MessageRefused("DATABASE_UNAVAILABLE", database_away.MESSAGE))
                return
            _failures.exception("a client of %s could not be served", self.dialect.name)
            self._tell(MessageRefused("INTERNAL_ERROR", "Something went wrong on our side"))

    def _answer(self, message: str | bytes) -> None:
        now = time.monotonic()
        try:
            if not self._limiter.may_send(now):
                raise MessageRefused("RATE_LIMITED", "Too many messages: slow down")
            if isinstance(message, bytes):
                raise MessageRefused("TEXT_ONLY", "Binary messages are not understood")
            self.dialect.received(self, message)
        except MessageRefused as refusal:
            self._services.registry.count(self.dialect.name, "messages_refused")
            self._tell(refusal)
            if self._limiter.too_many_errors(now):
                self.close(CloseCode.POLICY_VIOLATION, "too many bad messages")

    def _tell(self, refusal: MessageRefused) -> None:
        self.send(self.dialect.error(refusal))

    def _tell_lost(self) -> None:
        self._tell(MessageRefused("EVENTS_LOST", "Some messages were lost: subscribe again"))

    def _open(self) -> None:
        try:
            self._services.welcome()
        except Exception as error:
            # The feeds may not run then, but who has come is served.
            if not database_away.is_away(error):
                _failures.exception("welcoming a client failed")
        self.dialect.opened(self)

    def _end(self) -> None:
        try:
            with self._services.context():
                self.dialect.closed(self)
        finally:
            self.subscriptions.clear()
            self._pending_state.clear()
            subscriber, self._subscriber = self._subscriber, None
            if subscriber is not None:
                self.dialect.market.fanout.leave(subscriber)
            # Both hold this client in turn.
            self._connection = self._wants_state = None

    def _pause(self, paused: bool) -> None:
        connection = self._connection
        if connection is not None:
            connection.pause(paused)

    def _pay(self) -> None:
        """Send what is owed, as long as it is taken; one thread at a time, to keep the order."""
        with self._lock:
            if self._paying:
                return
            self._paying = True
        while (make := self._next_owed()) is not None:
            try:
                with self._services.context():
                    text = make()
                self.send(text)
            except Exception as error:
                if database_away.is_away(error):
                    continue
                _failures.exception("what a client of %s is owed failed", self.dialect.name)

    def _next_owed(self) -> Callable[[], str] | None:
        with self._lock:
            connection = self._connection
            # A blocked connection calls `writable` later, which sees what is owed by then.
            if connection is None or connection.blocked or not self._pending_state:
                self._paying = False
                return None
            return self._pending_state.pop(next(iter(self._pending_state)))
