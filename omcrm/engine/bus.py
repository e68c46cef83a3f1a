"""The bus between the feed engine and the market views, in one process or between several."""

import logging
import threading
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from msgspec import Struct

from omcrm.market.feed_event import FeedEvent
from omcrm.market.quote import Quote
from omcrm.streaming.throttled_log import ThrottledLog

_log = logging.getLogger(__name__)


class FeedChanged(Struct, frozen=True):
    """A feed is in another state; without a source, the feeds were started or stopped."""

    source: str | None = None


class FeedEvents(Struct, frozen=True):
    """Events of the feeds, oldest first."""

    events: tuple[FeedEvent, ...]


class Demand(Struct, frozen=True):
    """The symbols that one view's clients watch now."""

    view: str
    symbols: frozenset[str]


class Holdings(Struct, frozen=True):
    """The symbols that are in somebody's portfolio."""

    symbols: frozenset[str]


class ControlAction(StrEnum):
    """What the engine is to do."""

    START = "start"
    STOP = "stop"
    CATALOGUE_CHANGED = "catalogue_changed"


class Control(Struct, frozen=True):
    """A request to the engine."""

    action: ControlAction


class LoginEnded(Struct, frozen=True):
    """A login session has ended; its hash names it."""

    session_hash: str


class PortfolioChanged(Struct, frozen=True):
    """Somebody's portfolio was edited or deleted."""

    user_id: int
    portfolio_id: int


class UserEventsWritten(Struct, frozen=True):
    """Events to these users were written to the database."""

    user_ids: frozenset[int]


Message = (
    Quote
    | FeedChanged
    | FeedEvents
    | Demand
    | Holdings
    | Control
    | LoginEnded
    | PortfolioChanged
    | UserEventsWritten
)
M = TypeVar("M", bound=Message)
Handler = Callable[[Any], object]


class Bus(Protocol):
    """Carries messages to the handlers of their type.

    Messages of one publishing thread arrive in their order. A handler must be quick: it may be
    called in the thread that publishes. One that fails does not hurt the others.
    """

    def publish(self, message: Message) -> None:
        """Pass a message to all handlers of its type."""

    def subscribe(self, kind: type[M], handler: Callable[[M], object]) -> None:
        """Call `handler` with every message of this type from now on; twice is once."""

    def unsubscribe(self, kind: type[M], handler: Callable[[M], object]) -> None:
        """Do not call it any more."""


class LocalBus:
    """The bus of one process: handlers are called by the thread that publishes."""

    def __init__(self) -> None:
        # For changes of the handlers; publishing reads a tuple that never changes.
        self._lock = threading.Lock()
        self._handlers: dict[type, tuple[Handler, ...]] = {}
        # A client can cause many messages a second, and each may fail.
        self._failures = ThrottledLog(_log)

    def publish(self, message: Message) -> None:
        """Pass a message to all handlers of its type."""
        for handler in self._handlers.get(type(message), ()):
            try:
                handler(message)
            except Exception:
                self._failures.exception("a handler failed on %s", type(message).__name__)

    def subscribe(self, kind: type[M], handler: Callable[[M], object]) -> None:
        """Call `handler` with every message of this type from now on; twice is once."""
        with self._lock:
            handlers = self._handlers.get(kind, ())
            if handler not in handlers:
                self._handlers[kind] = (*handlers, handler)

    def unsubscribe(self, kind: type[M], handler: Callable[[M], object]) -> None:
        """Do not call it any more."""
        with self._lock:
            handlers = self._handlers.get(kind, ())
            self._handlers[kind] = tuple(other for other in handlers if other != handler)
