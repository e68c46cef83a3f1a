"""The bus between several processes, by way of Redis or Valkey."""

import secrets
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from omcrm.engine.bus import (
    BusLost,
    BusRejoined,
    BusStatus,
    Demand,
    Holdings,
    LocalBus,
    M,
    Message,
)
from omcrm.engine.bus_condition import BusCondition
from omcrm.engine.bus_receiver import BusReceiver, Classify
from omcrm.engine.bus_sender import BusSender
from omcrm.engine.redis_connection import shown_url
from omcrm.engine.send_queue import SendQueue
from omcrm.market.clock import Clock
from omcrm.market.quote import Quote

_MOST_MESSAGES = 10_000


def _system_clock() -> datetime:
    return datetime.now(UTC)


def _does_not_lead() -> int | None:
    return None


class RedisBus:
    """Handlers of this process are called by the thread that publishes, as on a `LocalBus`; those
    of others by a thread that receives.

    Quotes are only sent while this process leads: `token` gives its fencing token then. Nobody who
    publishes waits for the server; while it is away, the newest quotes and the last messages wait.
    `BusLost` and `BusRejoined` are published when it is lost, and when what was missed can be read.
    """

    def __init__(
        self,
        url: str,
        token: Callable[[], int | None] = _does_not_lead,
        clock: Clock = _system_clock,
    ) -> None:
        self._clock = clock
        self._local = LocalBus()
        self._queue = SendQueue(_MOST_MESSAGES)
        self._condition = BusCondition(
            shown_url(url), clock, lambda: self._local.publish(BusLost()), self._note_joined
        )
        sender = secrets.token_hex(8)
        self._sender = BusSender(url, sender, self._queue, token, self._condition, clock)
        self._receiver = BusReceiver(
            url, sender, self._local, self._condition, self._sender, self._send_wanted, clock
        )
        # What this process wants, for an engine that starts later.
        self._wanted: dict[str, Demand | Holdings] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []

    # Publishing

    def publish(self, message: Message) -> None:
        """Pass a message to all handlers of its type, here at once and elsewhere soon."""
        self._local.publish(message)
        if isinstance(message, Quote):
            self._queue.put_quote(message)
        elif not isinstance(message, BusLost | BusRejoined):
            if isinstance(message, Demand):
                self._wanted[message.view] = message
            elif isinstance(message, Holdings):
                self._wanted[""] = message
            self._queue.put_message(message)

    def subscribe(self, kind: type[M], handler: Callable[[M], object]) -> None:
        """Call `handler` with every message of this type from now on; twice is once."""
        self._local.subscribe(kind, handler)

    def unsubscribe(self, kind: type[M], handler: Callable[[M], object]) -> None:
        """Do not call it any more."""
        self._local.unsubscribe(kind, handler)

    # Starting and stopping

    def start(self) -> None:
        """Begin to reach other processes; twice is once."""
        with self._lock:
            if self._threads:
                return
            self._stopped.clear()
            self._condition.begin()
            runs = {"bus-send": self._sender.run, "bus-receive": self._receiver.run}
            self._threads = [
                threading.Thread(target=run, args=(self._stopped,), name=name, daemon=True)
                for name, run in runs.items()
            ]
            for thread in self._threads:
                thread.start()

    def stop(self) -> None:
        """Send what waits, and end."""
        with self._lock:
            self._stopped.set()
            self._queue.wake()
            for thread in self._threads:
                thread.join()
            self._threads = []

    # How it is doing

    @property
    def lost_since(self) -> datetime | None:
        """Since when other processes are not reached; None while they are."""
        return self._condition.lost_since

    def status(self) -> BusStatus:
        """How the bus stands."""
        counts = self._condition.counts
        return BusStatus(
            kind="redis",
            lost_since=self._condition.lost_since,
            processes=self._receiver.processes,
            token=self._condition.token,
            engine_seen_at=self._receiver.engine_seen_at,
            sent=counts.sent,
            received=counts.received,
            refused=counts.refused,
            gaps=counts.gaps,
            dropped=self._queue.dropped,
        )

    def read_again(self) -> None:
        """Publish again, here and soon, the newest quotes of other processes: some were not wanted
        when they came."""
        self._receiver.read_again()

    # For those who lead, and who follow

    def on_higher_token(self, handler: Callable[[int], object]) -> None:
        """Call `handler` with every token of a leader that is higher than all before."""
        self._condition.on_higher_token(handler)

    def engine_now(self) -> datetime:
        """The time by the clock of the engine that this process receives from, or is."""
        if self._sender.is_leading:
            return self._clock()
        return self._receiver.clock.now()

    def classify_late(self, classify: Classify) -> None:
        """Have quotes that come late, or from a snapshot, classified before they are published."""
        self._receiver.classify = classify

    def _note_joined(self) -> None:
        self._send_wanted()
        self._local.publish(BusRejoined())

    def _send_wanted(self) -> None:
        for message in tuple(self._wanted.values()):
            self._queue.put_message(message)
