"""Every single trade, for those who ask for more than the newest price."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable

from omcrm.concurrency import native_lock
from omcrm.gateways.subscribers import EventSubscriber, SymbolSubscribers
from omcrm.market.hub import Hub
from omcrm.market.quote import Quote
from omcrm.streaming.frame import text_frame
from omcrm.streaming.throttled_log import ThrottledLog

# Trades that wait to be told; beyond that they are lost to everybody, who is told so.
_MOST_WAITING = 10_000
# Others are let run after so many.
_IN_A_ROW = 32

_failures = ThrottledLog(logging.getLogger(__name__))


class TradeTape:
    """Tells trades as they happen, none left out, from a thread that lives while anybody reads.

    A trade is told where its source names it or its size: a price that was asked for is none. Where
    another source begins to speak for a symbol, its trades count from the next one on.
    """

    def __init__(self, hub: Hub, written: Callable[[Quote], str]) -> None:
        self._hub = hub
        self._written = written
        self._lock = native_lock()
        self._readers = SymbolSubscribers()
        self._last: dict[str, Quote] = {}
        self._waiting: deque[Quote] = deque()
        self._overflowed = False
        self._ready = threading.Event()
        self._running = False

    # Who reads

    def watch(
        self, reader: EventSubscriber, symbols: Iterable[str], known: Iterable[Quote]
    ) -> None:
        """Tell this reader the trades of these symbols, after those `known` already."""
        with self._lock:
            for quote in known:
                self._last.setdefault(quote.symbol, quote)
            self._readers.add(reader, symbols)
            starts = bool(self._readers) and not self._running
            self._running = self._running or starts
        if starts:
            self._hub.subscribe(self.take)
            threading.Thread(target=self._run, name="trades", daemon=True).start()

    def unwatch(self, reader: EventSubscriber, symbols: Iterable[str]) -> None:
        """Tell it no more of these."""
        with self._lock:
            for symbol in self._readers.remove(reader, symbols):
                self._last.pop(symbol, None)
            is_over = not self._readers
        if is_over:
            self._ready.set()

    def leave(self, reader: EventSubscriber) -> None:
        """It is gone."""
        with self._lock:
            symbols = self._readers.symbols(reader)
        self.unwatch(reader, symbols)

    # What happens

    def take(self, quote: Quote) -> None:
        """Remember a trade until it is told; in the thread that publishes."""
        if quote.symbol not in self._readers:
            return
        with self._lock:
            last = self._last.get(quote.symbol)
            if last is not None and quote.seq <= last.seq:
                return
            self._last[quote.symbol] = quote
            if not _is_new(quote, last):
                return
            if len(self._waiting) >= _MOST_WAITING:
                self._waiting.clear()
                self._overflowed = True
            self._waiting.append(quote)
        self._ready.set()

    def _run(self) -> None:
        while True:
            self._ready.wait()
            self._ready.clear()
            try:
                self._tell_all()
            except Exception:
                _failures.exception("telling trades failed")
            with self._lock:
                if not self._readers:
                    self._waiting.clear()
                    self._running = False
                    return

    def _tell_all(self) -> None:
        with self._lock:
            quotes, self._waiting = self._waiting, deque()
            overflowed, self._overflowed = self._overflowed, False
            everybody = self._readers.everybody() if overflowed else []
        for reader in everybody:
            reader.lost()
        sent = 0
        for quote in quotes:
            payload = self._written(quote).encode()
            framed = text_frame(payload)
            with self._lock:
                readers = self._readers.of([quote.symbol])
            for reader in readers:
                reader.send_framed(payload, framed)
                sent += 1
                if sent % _IN_A_ROW == 0:
                    time.sleep(0)


def _is_new(quote: Quote, last: Quote | None) -> bool:
    """Whether this quote brought a trade that was not sent before."""
    if quote.last_received_at != quote.received_at:
        return False
    if quote.trade_id is None and quote.last_size is None:
        return False
    if last is None:
        return True
    return last.source == quote.source and last.trade_number != quote.trade_number
