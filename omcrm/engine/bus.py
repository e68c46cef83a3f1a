"""The bus between the feed engine and the market views, in one process or between several."""

import logging
import threading
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, Protocol, TypeVar

from msgspec import Struct

from omcrm.feeds.quota import BudgetUse
from omcrm.market.feed_event import FeedEvent
from omcrm.market.feed_status import FeedStatus
from omcrm.market.quote import Quote
from omcrm.streaming.throttled_log import ThrottledLog

_log = logging.getLogger(__name__)


class FeedChanged(Struct, frozen=True, tag=True):
    """A feed is in another state; without a source, the feeds were started or stopped."""

    source: str | None = None


class FeedEvents(Struct, frozen=True, tag=True):
    """Events of the feeds, oldest first."""

    events: tuple[FeedEvent, ...]


class Demand(Struct, frozen=True, tag=True):
    """The symbols that one view's clients watch now."""

    view: str
    symbols: frozenset[str]


class Holdings(Struct, frozen=True, tag=True):
    """The symbols that are in somebody's portfolio."""

    symbols: frozenset[str]


class ControlAction(StrEnum):
    """What the engine is to do."""

    START = "start"
    STOP = "stop"
    CATALOGUE_CHANGED = "catalogue_changed"


class Control(Struct, frozen=True, tag=True):
    """A request to the engine."""

    action: ControlAction


class LoginEnded(Struct, frozen=True, tag=True):
    """A login session has ended; its hash names it."""

    session_hash: str


class PortfolioChanged(Struct, frozen=True, tag=True):
    """Somebody's portfolio was edited or deleted."""

    user_id: int
    portfolio_id: int


class UserEventsWritten(Struct, frozen=True, tag=True):
    """Events to these users were written to the database."""

    user_ids: frozenset[int]


class ConnectionCounts(Struct, frozen=True, tag=True):
    """How many connections each owner has at a process: what has changed, or all."""

    process: str
    counts: dict[str, int]
    is_all: bool = False


class EngineReport(Struct, frozen=True, tag=True, kw_only=True):
    """How the feeds of the engine stand, for processes without one.

    `since` is when they were started, None where they do not run; `failure` why no price can be
    expected; `budgets` the call budgets of each polled source; `rejected` how many ticks were
    rejected by reason; `standbys` the standby of each symbol.
    """

    since: datetime | None
    reviewed_at: datetime | None
    failure: str | None
    statuses: dict[str, FeedStatus]
    budgets: dict[str, list[BudgetUse]]
    rejected: dict[str, int] = {}
    standbys: dict[str, str | None] = {}


class EngineTopic(StrEnum):
    """What the engine can be asked."""

    EXPLAIN = "explain"
    DETAILS = "details"
    REFRESH = "refresh"


class EngineQuestion(Struct, frozen=True, tag=True, kw_only=True):
    """A question of a process without an engine; `id` is that of the answer."""

    id: str
    topic: EngineTopic
    symbols: tuple[str, ...] = ()


class EngineReply(Struct, frozen=True, tag=True):
    """The engine's answer: the topic's type in msgpack."""

    id: str
    body: bytes


class BusLost(Struct, frozen=True):
    """This process does not reach the others any more; never leaves it."""


class BusRejoined(Struct, frozen=True):
    """Messages may have been missed: whatever can be read again, should be; never leaves the
    process."""


RemoteMessage = (
    FeedChanged
    | FeedEvents
    | Demand
    | Holdings
    | Control
    | LoginEnded
    | PortfolioChanged
    | UserEventsWritten
    | ConnectionCounts
    | EngineReport
    | EngineQuestion
    | EngineReply
)
"""What processes send each other besides quotes."""
Message = Quote | RemoteMessage | BusLost | BusRejoined
M = TypeVar("M", bound=Message)
Handler = Callable[[Any], object]


class BusStatus(Struct, frozen=True, kw_only=True):
    """How the bus stands, for people and programs.

    `lost_since` is None while other processes are reached, or where there are none. `processes` are
    those on the bus, `token` is the highest of a leader. Counted since the start: `refused` frames
    were malformed or of a lower token, `gaps` are losses that were noticed, `dropped` messages did
    not fit into the queue.
    """

    kind: Literal["local", "redis"]
    lost_since: datetime | None = None
    processes: int = 1
    token: int = 0
    engine_seen_at: datetime | None = None
    sent: int = 0
    received: int = 0
    refused: int = 0
    gaps: int = 0
    dropped: int = 0


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

    def start(self) -> None:
        """Begin to reach other processes; twice is once."""

    def stop(self) -> None:
        """Send what waits, and end."""

    def status(self) -> BusStatus:
        """How the bus stands."""

    def read_again(self) -> None:
        """Publish again, here and soon, the newest quotes of other processes: some were not wanted
        when they came."""


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

    def start(self) -> None:
        """Nothing to do: there are no other processes."""

    def stop(self) -> None:
        """Nothing to do."""

    def status(self) -> BusStatus:
        """A call cannot be lost."""
        return BusStatus(kind="local")

    def read_again(self) -> None:
        """Nothing to do: whoever makes quotes is told what is followed."""
