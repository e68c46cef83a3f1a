"""The publisher of the channels: a snapshot at each interval, and its messages to subscribers."""

import logging
import threading
import time
from collections.abc import Callable, Hashable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

from omcrm.engine.market_view import MarketView
from omcrm.gateways.client_connection import ClientConnection
from omcrm.gateways.finance_query.year_figures import CloseHistory
from omcrm.market.clock import Clock
from omcrm.market.quote import Quote
from omcrm.streaming.demand_thread import DemandThread
from omcrm.streaming.frame import deflated_frame, text_frame
from omcrm.streaming.rate_tier import Batch
from omcrm.streaming.throttled_log import ThrottledLog
from omcrm.web import database_away
from omcrm.wire import encoding
from omcrm.wire.channel import SocketChannel
from omcrm.wire.finance_query import FinanceQueryFirst, FinanceQueryMetadata

# Other green threads may run after so many sends.
_IN_A_ROW = 32

Count = Callable[[str, str, int], None]
T = TypeVar("T")
Other = TypeVar("Other")

_failures = ThrottledLog(logging.getLogger(__name__))


# Snapshots


class IntervalSnapshot:
    """The market at the start of one interval; thread-safe.

    `began` is monotonic, `at` the same moment in UTC. `count` takes the name of a channel, the
    name of a counter and a number.
    """

    def __init__(
        self, began: float, at: datetime, market: MarketView, archive: CloseHistory, count: Count
    ) -> None:
        self.began = began
        self.at = at
        self.quotes: Mapping[str, Quote] = market.cache.snapshot()
        self.instruments = market.instruments
        self.news = market.news
        self.archive = archive
        self._count = count
        self._lock = threading.Lock()
        self._made: dict[Hashable, _Memo] = {}

    def cached(self, key: Hashable, make: Callable[[], T]) -> T:
        """The result of `make`, which is called once for each key unless it raises."""
        with self._lock:
            cached = self._made.setdefault(key, _Memo())
        made: T = cached.get(make)
        return made

    def computed(self, channel: str, key: Hashable, make: Callable[[], T]) -> T:
        """Like `cached`; counts the call as a computation of this channel."""

        def counted() -> T:
            self._count(channel, "computed", 1)
            return make()

        return self.cached((channel, key), counted)


def or_fallback(make: Callable[[], T], otherwise: Other) -> T | Other:
    """The result of `make`, or `otherwise` where it raises, which is logged."""
    try:
        return make()
    except Exception as error:
        if not database_away.is_away(error):
            _failures.exception("a part of a message could not be made")
        return otherwise


class _Memo:
    """A value that is computed on first use; concurrent callers wait for it."""

    __slots__ = ("_is_made", "_lock", "_made")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_made = False
        self._made: Any = None

    def get(self, make: Callable[[], Any]) -> Any:
        if self._is_made:
            return self._made
        with self._lock:
            if not self._is_made:
                self._made = make()
                self._is_made = True
        return self._made


# Messages


class EncodedMessage(Batch):
    """A JSON text for many clients; `framed` and `deflated` are its frames."""

    __slots__ = ("payload", "text")

    def __init__(self, text: str) -> None:
        super().__init__(())
        self.text = text
        self.payload = text.encode()
        self.framed = text_frame(self.payload)

    @property
    def deflated(self) -> bytes:
        """The compressed frame."""
        if not self._deflated:
            self._deflated = deflated_frame(self.payload)
        return self._deflated

    def with_metadata(self, metadata: FinanceQueryMetadata) -> str:
        """The text with `metadata` first: as the first element of a list or key of an object."""
        encoded = encoding.dumps(FinanceQueryFirst(metadata=metadata))
        head, rest = self.text[0], self.text[1:]
        if head != "[":
            encoded = encoded[1:-1]
        comma = "" if rest[:1] in ("]", "}") else ","
        return f"{head}{encoded}{comma}{rest}"


# Publishing


class ChannelContent(Protocol):
    """One channel: its name in the counts, and its messages."""

    @property
    def channel(self) -> SocketChannel:
        """The channel; its name is the one in counts and in the keys of a snapshot."""

    def encode(self, snapshot: IntervalSnapshot, about: Hashable) -> str:
        """The message of this interval about what a client is subscribed to."""


# Clients of the same topic are sent the same bytes.
Topic = tuple[ChannelContent, Hashable]


def system_clock() -> datetime:
    """The current time by this machine's clock."""
    return datetime.now(UTC)


class ChannelPublisher:
    """Sends the newest state at each interval, from a thread that runs while there are clients.

    Thread-safe. `interval` is in seconds, `context` makes the app's context, `count` takes the
    name of a channel, the name of a counter and a number.
    """

    def __init__(
        self,
        market: MarketView,
        interval: float,
        context: Callable[[], AbstractContextManager[object]],
        count: Count,
        clock: Clock = system_clock,
    ) -> None:
        self._market = market
        self.interval = interval
        self._archive = CloseHistory()
        self._context = context
        self._count = count
        self._clock = clock
        self._lock = threading.Lock()
        self._topics: dict[ClientConnection, Topic] = {}
        self._snapshot: IntervalSnapshot | None = None
        # When the present interval ends.
        self._due = 0.0
        self._thread = DemandThread("finance-query", self._step, lambda: bool(self._topics))

    # Subscriptions

    def subscribe(
        self,
        client: ClientConnection,
        channel: ChannelContent,
        about: Hashable,
        metadata: FinanceQueryMetadata | None = None,
    ) -> None:
        """Send a client this topic now and at each interval, instead of any earlier topic.

        Needs an app context.
        """
        snapshot = self.snapshot()
        message = EncodedMessage(channel.encode(snapshot, about))
        with self._lock:
            if not self._topics:
                self._due = snapshot.began + self.interval
            # In one step, or the next interval's message might be sent before this one.
            self._topics[client] = (channel, about)
            if metadata is None:
                client.send_framed(message.payload, message.framed)
            else:
                client.send(message.with_metadata(metadata))
        self._thread.start()

    def remove(self, client: ClientConnection) -> None:
        """Remove a client, whether it has a topic or not."""
        with self._lock:
            self._topics.pop(client, None)
            is_over = not self._topics
        if is_over:
            self._thread.wake()

    # Snapshots

    def snapshot(self) -> IntervalSnapshot:
        """The snapshot of the current interval."""
        with self._lock:
            if self._snapshot is None or not (self._topics or self._is_young(self._snapshot)):
                self._snapshot = self._new_snapshot()
            return self._snapshot

    def _is_young(self, snapshot: IntervalSnapshot) -> bool:
        return time.monotonic() - snapshot.began < self.interval

    def _new_snapshot(self) -> IntervalSnapshot:
        began, now = time.monotonic(), self._clock()
        return IntervalSnapshot(began, now, self._market, self._archive, self._count)

    # The clock

    def _step(self) -> float:
        """Publish at the end of the interval; a client that leaves or comes may wake it before."""
        with self._lock:
            due = self._due
        if time.monotonic() >= due:
            self._publish_all()
            with self._lock:
                # Intervals that were missed are left out.
                self._due = due = max(due + self.interval, time.monotonic())
        return max(0.0, due - time.monotonic())

    def _publish_all(self) -> None:
        with self._lock:
            snapshot = self._snapshot = self._new_snapshot()
            topics = list(self._topics.items())
        clients_of: dict[Topic, list[ClientConnection]] = {}
        for client, topic in topics:
            clients_of.setdefault(topic, []).append(client)
        with self._context():
            for topic, clients in clients_of.items():
                dialect, about = topic
                try:
                    self._send(EncodedMessage(dialect.encode(snapshot, about)), topic, clients)
                except Exception as error:
                    if not database_away.is_away(error):
                        _failures.exception("publishing %s failed", dialect.channel.name)

    def _send(self, message: EncodedMessage, topic: Topic, clients: list[ClientConnection]) -> None:
        sent = 0
        for number, client in enumerate(clients, 1):
            with self._lock:
                # A slow client is left out, and gets the newest message at a later interval.
                sent += self._topics.get(client) == topic and client.try_send(message)
            if number % _IN_A_ROW == 0:
                time.sleep(0)
        self._count(topic[0].channel.name, "messages_out", sent)
