"""The trades tape: every single trade, for clients that need more than the newest price."""

import time
from collections import deque
from collections.abc import Callable, Iterable

from omcrm.concurrency import native_lock
from omcrm.engine.market_view import Hub
from omcrm.gateways.subscribers import EventSubscriber, SymbolSubscribers
from omcrm.market.quote import Quote
from omcrm.streaming.demand_thread import DemandThread
from omcrm.streaming.frame import text_frame

# Most pending trades; beyond that all of them are dropped, and every subscriber gets EVENTS_LOST.
_MOST_PENDING = 10_000
# Other green threads may run after so many sends.
_IN_A_ROW = 32
# It is woken for every trade.
_UNTIL_WOKEN = 3600.0


class TradeTape:
    """Sends every trade as it happens, from a thread that runs while there are subscribers.

    A trade has an id or a size from its source: a polled price is no trade. After a failover the
    trades of the new source count from its next one on.
    """

    def __init__(self, hub: Hub, encode: Callable[[Quote], str]) -> None:
        self._hub = hub
        self._encode = encode
        self._lock = native_lock()
        self._subscribers = SymbolSubscribers()
        self._last: dict[str, Quote] = {}
        self._pending: deque[Quote] = deque()
        self._overflowed = False
        self._thread = DemandThread("trades", self._send_pending, self._is_needed)

    # Subscribers

    def subscribe(
        self, subscriber: EventSubscriber, symbols: Iterable[str], known: Iterable[Quote]
    ) -> None:
        """Send this subscriber the trades of these symbols, after those `known` already."""
        with self._lock:
            for quote in known:
                self._last.setdefault(quote.symbol, quote)
            self._subscribers.add(subscriber, symbols)
        self._hub.subscribe(self.take)
        self._thread.start()

    def unsubscribe(self, subscriber: EventSubscriber, symbols: Iterable[str]) -> None:
        """Stop sending it trades of these symbols."""
        with self._lock:
            for symbol in self._subscribers.remove(subscriber, symbols):
                self._last.pop(symbol, None)
            is_over = not self._subscribers
        if is_over:
            self._thread.wake()

    def remove(self, subscriber: EventSubscriber) -> None:
        """Remove a subscriber from all its symbols."""
        with self._lock:
            symbols = self._subscribers.symbols(subscriber)
        self.unsubscribe(subscriber, symbols)

    # Trades

    def take(self, quote: Quote) -> None:
        """Queue the quote's trade if it is new; called in the publishing thread."""
        if quote.symbol not in self._subscribers:
            return
        with self._lock:
            last = self._last.get(quote.symbol)
            if last is not None and quote.seq <= last.seq:
                return
            self._last[quote.symbol] = quote
            if not _is_new(quote, last):
                return
            if len(self._pending) >= _MOST_PENDING:
                self._pending.clear()
                self._overflowed = True
            self._pending.append(quote)
        self._thread.wake()

    def _is_needed(self) -> bool:
        with self._lock:
            if not self._subscribers:
                self._pending.clear()
            return bool(self._subscribers)

    def _send_pending(self) -> float:
        with self._lock:
            quotes, self._pending = self._pending, deque()
            overflowed, self._overflowed = self._overflowed, False
            all_subscribers = self._subscribers.all_subscribers() if overflowed else []
        for subscriber in all_subscribers:
            subscriber.lost()
        sent = 0
        for quote in quotes:
            payload = self._encode(quote).encode()
            framed = text_frame(payload)
            with self._lock:
                subscribers = self._subscribers.of([quote.symbol])
            for subscriber in subscribers:
                subscriber.send_framed(payload, framed)
                sent += 1
                if sent % _IN_A_ROW == 0:
                    time.sleep(0)
        return _UNTIL_WOKEN


def _is_new(quote: Quote, last: Quote | None) -> bool:
    """Whether this quote brought a trade that was not sent before."""
    if quote.last_received_at != quote.received_at:
        return False
    if quote.trade_id is None and quote.last_size is None:
        return False
    if last is None:
        return True
    return last.source == quote.source and last.trade_number != quote.trade_number
