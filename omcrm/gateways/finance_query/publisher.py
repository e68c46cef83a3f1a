"""The channels' subscriptions, and the one clock by which all of them are published."""

import logging
import threading
import time
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Protocol

from omcrm.gateways.client_connection import ClientConnection
from omcrm.gateways.finance_query.encoded_message import EncodedMessage, Metadata
from omcrm.gateways.finance_query.interval import Count, IntervalSnapshot
from omcrm.gateways.finance_query.year_figures import CloseHistory
from omcrm.market.clock import Clock
from omcrm.streaming.throttled_log import ThrottledLog
from omcrm.web import database_away
from omcrm.web.market_access import MarketAccess

# Other green threads may run after so many sends.
_IN_A_ROW = 32

_failures = ThrottledLog(logging.getLogger(__name__))


class ChannelContent(Protocol):
    """One channel: its name in the counts, and its messages."""

    @property
    def name(self) -> str:
        """The name in counts and in the keys of a snapshot."""

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
        market: MarketAccess,
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
        self._no_clients = threading.Event()
        self._running = False

    # Subscriptions

    def subscribe(
        self,
        client: ClientConnection,
        channel: ChannelContent,
        about: Hashable,
        metadata: Metadata | None = None,
    ) -> None:
        """Send a client this topic now and at each interval, instead of any earlier topic.

        Needs an app context.
        """
        message = EncodedMessage(channel.encode(self.snapshot(), about))
        with self._lock:
            # In one step, or the next interval's message might be sent before this one.
            self._topics[client] = (channel, about)
            if metadata is None:
                client.send_framed(message.payload, message.framed)
            else:
                client.send(message.with_metadata(metadata))
            starts, self._running = not self._running, True
            self._no_clients.clear()
        if starts:
            threading.Thread(target=self._run, name="finance-query", daemon=True).start()

    def remove(self, client: ClientConnection) -> None:
        """Remove a client, whether it has a topic or not."""
        with self._lock:
            self._topics.pop(client, None)
            if not self._topics:
                self._no_clients.set()

    # Snapshots

    def snapshot(self) -> IntervalSnapshot:
        """The snapshot of the current interval."""
        with self._lock:
            if self._snapshot is None or not (self._running or self._is_young(self._snapshot)):
                self._snapshot = self._new_snapshot()
            return self._snapshot

    def _is_young(self, snapshot: IntervalSnapshot) -> bool:
        return time.monotonic() - snapshot.began < self.interval

    def _new_snapshot(self) -> IntervalSnapshot:
        began, now = time.monotonic(), self._clock()
        return IntervalSnapshot(began, now, self._market, self._archive, self._count)

    # The clock

    def _run(self) -> None:
        due = self.snapshot().began + self.interval
        while not self._is_over():
            # A client that comes as the last one goes does not delay the next message.
            if self._no_clients.wait(max(0.0, due - time.monotonic())):
                continue
            try:
                self._publish_all()
            except Exception as error:
                if not database_away.is_away(error):
                    _failures.exception("publishing the channels failed")
            # Intervals that were missed are left out.
            due = max(due + self.interval, time.monotonic())

    def _is_over(self) -> bool:
        with self._lock:
            self._running = bool(self._topics)
            if self._running:
                self._no_clients.clear()
            return not self._running

    def _publish_all(self) -> None:
        with self._lock:
            snapshot = self._snapshot = self._new_snapshot()
            topics = list(self._topics.items())
        clients_of: dict[Topic, list[ClientConnection]] = {}
        for client, topic in topics:
            clients_of.setdefault(topic, []).append(client)
        with self._context():
            for topic, clients in clients_of.items():
                channel, about = topic
                try:
                    self._send(EncodedMessage(channel.encode(snapshot, about)), topic, clients)
                except Exception as error:
                    if not database_away.is_away(error):
                        _failures.exception("publishing %s failed", channel.name)

    def _send(self, message: EncodedMessage, topic: Topic, clients: list[ClientConnection]) -> None:
        sent = 0
        for number, client in enumerate(clients, 1):
            with self._lock:
                # A slow client is left out, and gets the newest message at a later interval.
                sent += self._topics.get(client) == topic and client.try_send(message)
            if number % _IN_A_ROW == 0:
                time.sleep(0)
        self._count(topic[0].name, "messages_out", sent)
