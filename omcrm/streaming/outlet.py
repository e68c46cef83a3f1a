"""Where prices leave: the only file between the hub and whoever is told."""

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable

from omcrm.market.quote import Quote

_log = logging.getLogger(__name__)

# How long what looks the same is kept to itself, in seconds.
_SIGN_OF_LIFE = 1.0

Deliver = Callable[[Quote], None]


class Outlet:
    """Gives the latest quote of each symbol to `deliver`, from a thread of its own.

    The first change after silence leaves at once, then at most one per `window` seconds and
    symbol; the last one always leaves, and never an older one after a newer. One that `is_same` as
    what was told before leaves once a second, to show that its source lives.
    """

    def __init__(
        self,
        deliver: Deliver,
        window: float,
        is_same: Callable[[Quote, Quote], bool] = lambda quote, told: False,
    ) -> None:
        self._deliver = deliver
        self._window = window
        self._is_same = is_same
        self._lock = threading.Lock()
        # Held while anybody is told, so that nobody is told an older quote after a newer one.
        self._telling = threading.Lock()
        self._wake = threading.Event()
        self._known: dict[str, Quote] = {}
        self._told: dict[str, tuple[Quote, float]] = {}
        self._waiting: set[str] = set()
        self._turns: dict[str, float] = {}
        self._wakes_at = math.inf
        self._thread: threading.Thread | None = None
        self._running = False
        self.delivered = 0
        self.skipped = 0

    def take(self, quote: Quote) -> None:
        """Remember the quote until its symbol's turn; an older one than known is dropped."""
        with self._lock:
            known = self._known.get(quote.symbol)
            if known is not None and quote.seq <= known.seq:
                return
            self._known[quote.symbol] = quote
            if quote.symbol in self._waiting or self._is_told(quote):
                self.skipped += 1
                return
            self._waiting.add(quote.symbol)
            comes_too_late = self._turn(quote.symbol) < self._wakes_at
        if comes_too_late:
            self._wake.set()

    def show(self, symbols: Iterable[str], send: Deliver) -> None:
        """Give `send` the latest quote of each of these symbols, in line with what is delivered."""
        with self._telling:
            for symbol in symbols:
                quote = self._known.get(symbol)
                if quote is not None:
                    send(quote)

    def forget(self, symbols: Iterable[str]) -> None:
        """Drop what is held of these symbols."""
        with self._lock:
            for symbol in symbols:
                self._known.pop(symbol, None)
                self._told.pop(symbol, None)
                self._waiting.discard(symbol)

    def start(self) -> None:
        """Begin to deliver; twice is once."""
        with self._lock:
            if self._thread is not None:
                return
            self._running = True
            self._thread = threading.Thread(target=self._run, name="outlet", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Deliver what is held, and end."""
        with self._lock:
            thread, self._thread = self._thread, None
            self._running = False
        if thread is not None:
            self._wake.set()
            thread.join()

    def _run(self) -> None:
        while self._running:
            self._wake.wait(self._send_due(time.monotonic()))
            self._wake.clear()
        self._turns.clear()
        self._send_due(time.monotonic())

    def _send_due(self, now: float) -> float | None:
        """Deliver what may leave by now; the seconds until the next turn, None where there is none.

        After a delivery the next turn is waited for even if nothing is there for it yet: a busy
        symbol then needs nobody to wake this thread.
        """
        with self._telling:
            due = self._take_due(now)
            for quote in due:
                try:
                    self._deliver(quote)
                except Exception:
                    _log.exception("delivering %s failed", quote.symbol)
        self.delivered += len(due)
        with self._lock:
            coming = [*self._waiting, *(quote.symbol for quote in due)]
            self._wakes_at = min(map(self._turn, coming), default=math.inf)
        if self._wakes_at == math.inf:
            return None
        return max(0.0, self._wakes_at - time.monotonic())

    def _take_due(self, now: float) -> list[Quote]:
        with self._lock:
            due = [each for each in self._waiting if self._turn(each) <= now]
            for symbol in due:
                self._waiting.discard(symbol)
                self._turns[symbol] = now + self._window
                self._told[symbol] = (self._known[symbol], now)
            return [self._known[symbol] for symbol in due]

    def _is_told(self, quote: Quote) -> bool:
        told, at = self._told.get(quote.symbol, (None, 0.0))
        if told is None or not self._is_same(quote, told):
            return False
        return time.monotonic() - at < _SIGN_OF_LIFE

    def _turn(self, symbol: str) -> float:
        return self._turns.get(symbol, 0.0)
