"""What waits to be sent to other processes: bounded, and quick for whoever publishes."""

import threading
from collections import deque

from omcrm.concurrency import native_lock
from omcrm.engine.bus import RemoteMessage
from omcrm.market.quote import Quote


class SendQueue:
    """Of quotes the newest of each symbol waits, of messages the last `most`, in their order.

    Thread-safe. `wake` ends the wait of the thread that sends.
    """

    def __init__(self, most: int) -> None:
        self._lock = native_lock()
        self._most = most
        self._changed: dict[str, Quote] = {}
        self._messages: deque[RemoteMessage] = deque()
        self._waiting = threading.Event()
        self._is_woken = False
        self.dropped = 0

    def put_quote(self, quote: Quote) -> None:
        """Send a quote, unless a newer one of its symbol waits."""
        with self._lock:
            held = self._changed.get(quote.symbol)
            if held is None or held.seq < quote.seq:
                self._changed[quote.symbol] = quote
        if not self._waiting.is_set():
            self._waiting.set()

    def put_message(self, message: RemoteMessage) -> None:
        """Send a message after the others; where too many wait, the oldest is dropped."""
        with self._lock:
            self._messages.append(message)
            if len(self._messages) > self._most:
                self._messages.popleft()
                self.dropped += 1
        if not self._waiting.is_set():
            self._waiting.set()

    def wake(self) -> None:
        """End the wait of the sending thread."""
        self._is_woken = True
        self._waiting.set()

    def wait(self, seconds: float) -> None:
        """Wait until something is to be sent, so long at most."""
        # Cleared only before a wait: while there is always something, nobody sets it either.
        if not self._has_something():
            self._waiting.clear()
            if not self._has_something():
                self._waiting.wait(seconds)
        self._is_woken = False

    def _has_something(self) -> bool:
        return bool(self._changed or self._messages or self._is_woken)

    def take_quotes(self) -> dict[str, Quote]:
        """The changed quotes, by symbol."""
        with self._lock:
            taken, self._changed = self._changed, {}
        return taken

    def take_messages(self) -> tuple[RemoteMessage, ...]:
        """The messages, oldest first."""
        with self._lock:
            taken = tuple(self._messages)
            self._messages.clear()
        return taken
