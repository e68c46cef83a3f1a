"""Lets the quotes of a process without an engine age."""

import logging
import threading
from collections.abc import Callable
from datetime import datetime

from msgspec import structs

from omcrm.engine.market_view import MarketView
from omcrm.feeds.timing import ORDINARY
from omcrm.market.policy import LOOK_AHEAD, POLICIES
from omcrm.market.price_class import LAST_RESORT, LIVE, STALE, PriceClass
from omcrm.market.quote import Quote, StaleReason
from omcrm.market.quote_number import aged_number

_log = logging.getLogger(__name__)

_REVIEW_EVERY = 0.5


class QuoteAgeing:
    """Reviews the quotes that a view holds by the same rule as the engine, as if their sources were
    well.

    While the engine is received that changes nothing that it would not change itself; without it,
    no price stays live for longer than its policy allows. `now` gives the time by the engine's
    clock.
    """

    def __init__(self, view: MarketView, now: Callable[[], datetime]) -> None:
        self._view = view
        self._now = now
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to review twice a second; twice is once."""
        with self._lock:
            if self._thread is not None:
                return
            self._stopped.clear()
            self._thread = threading.Thread(target=self._run, name="quote-ageing", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End."""
        with self._lock:
            self._stopped.set()
            if self._thread is not None:
                self._thread.join()
            self._thread = None

    def classify(self, quote: Quote, now: datetime) -> Quote:
        """The quote as it is at `now`: itself, or as stale or closed if it has become so.

        It never becomes better: only the engine knows how its source is doing.
        """
        instrument = self._view.instruments.get(quote.symbol)
        if instrument is None or quote.price_class in (STALE, LAST_RESORT):
            return quote
        policy = POLICIES[instrument.asset_class]
        price_class = policy.classify(quote, now + LOOK_AHEAD, instrument.calendar, streaming=True)
        is_worse = price_class is STALE or (
            price_class is PriceClass.CLOSED and quote.price_class is LIVE
        )
        if not is_worse:
            return quote
        return structs.replace(
            quote,
            seq=aged_number(quote.seq),
            price_class=price_class,
            stale_reason=StaleReason.AGE if price_class is STALE else None,
            ineligible_time=None,
        )

    def review(self) -> None:
        """Let the time that passed change the classes of the view's quotes."""
        now = self._now()
        for quote in self._view.cache.snapshot().values():
            aged = self.classify(quote, now)
            if aged is not quote:
                self._view.take(aged)

    def _run(self) -> None:
        while not ORDINARY.wait(self._stopped, _REVIEW_EVERY):
            try:
                self.review()
            except Exception:
                _log.exception("reviewing the quotes failed")
