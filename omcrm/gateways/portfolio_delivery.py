"""Values the portfolios that clients watch as prices move, once for all their subscribers."""

import logging
import threading
import time
from collections.abc import Callable
from typing import TypeAlias

from flask import Flask, current_app

from omcrm.concurrency import native_lock
from omcrm.engine.bus import Bus, PortfolioChanged
from omcrm.engine.market_view import Hub
from omcrm.gateways.client_connection import ClientConnection
from omcrm.market.currency import DOLLAR
from omcrm.market.quote import Quote
from omcrm.portfolio import service
from omcrm.portfolio.holding import Portfolio
from omcrm.portfolio.valuation import Valuation
from omcrm.services import services_of
from omcrm.streaming.demand_thread import DemandThread
from omcrm.streaming.throttled_log import ThrottledLog
from omcrm.web import database_away

# The shortest pause between two rounds of valuations, in seconds.
_GATHER = 0.02
# How often changes by other processes are checked, in seconds.
_CHECK_EVERY = 2.0
# The share of the thread's time that one user's valuations may take.
_SHARE = 0.1
# The wait after a failure (mostly of the database), in seconds.
_AGAIN_AFTER = 1.0

_Key: TypeAlias = tuple[int, int]
_failures = ThrottledLog(logging.getLogger(__name__))


class _WatchedPortfolio:
    """One portfolio with its subscribers; `text` is the last message sent to them."""

    def __init__(self, key: _Key) -> None:
        self.key = key
        self.subscribers: dict[ClientConnection, None] = {}
        self.portfolio: Portfolio | None = None
        self.symbols: frozenset[str] = frozenset()
        self.is_edited = True
        self.is_moved = False
        self.not_before = 0.0
        self.text = ""

    @property
    def needs_value(self) -> bool:
        return self.is_edited or self.is_moved


class PortfolioDelivery:
    """Sends the values of portfolios from a thread that runs while there are subscribers.

    A portfolio is valued when one of its prices moves or its holdings are edited, at most once per
    price window, and encoded once for all its subscribers. A slow client gets the newest value; a
    user whose portfolios take long to value gets updates less often than others.
    `on_deleted` is called for each subscriber of a portfolio that is deleted.
    """

    def __init__(
        self,
        hub: Hub,
        bus: Bus,
        encode: Callable[[Valuation], str],
        on_deleted: Callable[[ClientConnection, int], None],
    ) -> None:
        self._hub = hub
        self._bus = bus
        self._encode = encode
        self._on_deleted = on_deleted
        # Also taken, briefly, by the thread that publishes quotes.
        self._lock = native_lock()
        # Held while sending, so that nothing is sent to a subscriber after it was removed.
        self._sending = threading.Lock()
        self._watched: dict[_Key, _WatchedPortfolio] = {}
        self._by_symbol: dict[str, set[_Key]] = {}
        self._seen: dict[str, Quote] = {}
        # When each user's share of the thread's time allows the next valuation.
        self._spent_until: dict[int, float] = {}
        self._checked_at = 0.0
        self._app: Flask | None = None
        self._thread = DemandThread("portfolios", self._step, self._is_needed)
        self.valued = 0

    # Subscribers

    def subscribe(self, subscriber: ClientConnection, user_id: int, portfolio_id: int) -> None:
        """Send this subscriber the value of the user's portfolio, now and when it changes.

        Needs an app context.
        """
        key = (user_id, portfolio_id)
        self._app = current_app._get_current_object()  # type: ignore[attr-defined]
        self._hub.subscribe(self.take)
        self._bus.subscribe(PortfolioChanged, self._note_edit)
        with self._lock:
            if not self._watched:
                self._checked_at = time.monotonic()
            watched = self._watched.setdefault(key, _WatchedPortfolio(key))
            # Where nothing was valued before, the first value goes to this subscriber, too.
            was_valued = bool(watched.text)
            watched.subscribers[subscriber] = None
        self._thread.start()
        if was_valued:
            subscriber.send_latest(key, lambda: watched.text)
        self._thread.wake()

    def unsubscribe(self, subscriber: ClientConnection, user_id: int, portfolio_id: int) -> None:
        """Stop sending it this portfolio."""
        with self._sending, self._lock:
            self._remove(subscriber, (user_id, portfolio_id))
        self._thread.wake()

    def remove(self, subscriber: ClientConnection) -> None:
        """Remove a subscriber from all its portfolios."""
        with self._sending, self._lock:
            for key in [
                key for key, item in self._watched.items() if subscriber in item.subscribers
            ]:
                self._remove(subscriber, key)
        self._thread.wake()

    def _remove(self, subscriber: ClientConnection, key: _Key) -> None:
        watched = self._watched.get(key)
        if watched is not None:
            watched.subscribers.pop(subscriber, None)
            if not watched.subscribers:
                self._index(watched, frozenset())
                del self._watched[key]

    # Changes

    def take(self, quote: Quote) -> None:
        """Mark the portfolios that hold this price; called in the publishing thread."""
        if quote.symbol not in self._by_symbol:
            return
        with self._lock:
            keys, seen = self._by_symbol.get(quote.symbol), self._seen.get(quote.symbol)
            if not keys:
                return
            if seen is not None and (quote.seq <= seen.seq or _has_same_value(quote, seen)):
                return
            self._seen[quote.symbol] = quote
            for key in keys:
                self._watched[key].is_moved = True
        self._thread.wake()

    def _note_edit(self, change: PortfolioChanged) -> None:
        with self._lock:
            watched = self._watched.get((change.user_id, change.portfolio_id))
            if watched is None:
                return
            watched.is_edited = True
        self._thread.wake()

    # Valuing and sending: in the thread

    def _is_needed(self) -> bool:
        with self._lock:
            if not self._watched:
                self._spent_until.clear()
            return bool(self._watched)

    def _step(self) -> float:
        app = self._app
        assert app is not None
        if time.monotonic() - self._checked_at >= _CHECK_EVERY:
            self._check_for_edits(app)
            self._checked_at = time.monotonic()
        spent = self._value_due(app, services_of(app).settings.price_window_ms / 1000)
        # Leaves at least half of the time to other threads.
        time.sleep(max(_GATHER, spent))
        return self._wait_seconds()

    def _wait_seconds(self) -> float:
        with self._lock:
            due = [
                self._due_at(watched) for watched in self._watched.values() if watched.needs_value
            ]
        return max(0.0, min([self._checked_at + _CHECK_EVERY, *due]) - time.monotonic())

    def _check_for_edits(self, app: Flask) -> None:
        """Find portfolios that other processes have changed, by their versions."""
        with self._lock:
            held = {key: item.portfolio for key, item in self._watched.items()}
        try:
            with app.app_context():
                versions = service.versions_of({portfolio_id for _, portfolio_id in held})
        except Exception as error:
            if not database_away.is_away(error):
                _failures.exception("the versions of portfolios could not be read")
            return
        for (user_id, portfolio_id), portfolio in held.items():
            if portfolio is not None and versions.get(portfolio_id) != portfolio.version:
                self._note_edit(PortfolioChanged(user_id, portfolio_id))

    def _value_due(self, app: Flask, window: float) -> float:
        """Value and send the portfolios that are due; return how many seconds it took."""
        began = time.monotonic()
        with self._lock:
            due = [watched for watched in self._watched.values() if watched.needs_value]
        # Of one user's portfolios the one that waits longest comes first.
        for watched in sorted(due, key=lambda one: one.not_before):
            now = time.monotonic()
            if self._due_at(watched) > now:
                continue
            try:
                self._value_and_send(app, watched)
                watched.not_before = now + window
            except Exception as error:
                if not database_away.is_away(error):
                    _failures.exception("a portfolio could not be valued")
                watched.is_edited, watched.not_before = True, now + _AGAIN_AFTER
            self._spent_until[watched.key[0]] = now + (time.monotonic() - now) / _SHARE
        return time.monotonic() - began

    def _due_at(self, watched: _WatchedPortfolio) -> float:
        return max(watched.not_before, self._spent_until.get(watched.key[0], 0.0))

    def _value_and_send(self, app: Flask, watched: _WatchedPortfolio) -> None:
        with self._lock:
            is_edited, watched.is_edited, watched.is_moved = watched.is_edited, False, False
            # In the same moment: who sees no change that waits has it in the count.
            self.valued += 1
        with app.app_context():
            if is_edited:
                watched.portfolio = service.portfolio_of(*watched.key)
                self._update_symbols(watched)
            if watched.portfolio is None:
                self._remove_deleted(watched)
                return
            watched.text = self._encode(service.valuation_of(watched.portfolio))
        with self._sending:
            for subscriber in list(watched.subscribers):
                subscriber.send_latest(watched.key, lambda: watched.text)

    def _update_symbols(self, watched: _WatchedPortfolio) -> None:
        symbols = frozenset() if watched.portfolio is None else _symbols(watched.portfolio)
        with self._lock:
            if watched.subscribers:
                self._index(watched, symbols)

    def _remove_deleted(self, watched: _WatchedPortfolio) -> None:
        with self._sending, self._lock:
            subscribers = list(watched.subscribers)
            for subscriber in subscribers:
                self._remove(subscriber, watched.key)
        for subscriber in subscribers:
            self._on_deleted(subscriber, watched.key[1])

    # With the lock held

    def _index(self, watched: _WatchedPortfolio, symbols: frozenset[str]) -> None:
        for symbol in watched.symbols - symbols:
            self._by_symbol[symbol].discard(watched.key)
            if not self._by_symbol[symbol]:
                del self._by_symbol[symbol]
                self._seen.pop(symbol, None)
        for symbol in symbols - watched.symbols:
            self._by_symbol.setdefault(symbol, set()).add(watched.key)
        watched.symbols = symbols


def _symbols(portfolio: Portfolio) -> frozenset[str]:
    """The symbols that the value depends on: those held, and rates to the dollar."""
    symbols = {holding.symbol for holding in portfolio.holdings}
    for currency in {holding.instrument.currency for holding in portfolio.holdings}:
        if currency is not None and currency != DOLLAR:
            symbols |= {f"{currency}{DOLLAR}", f"{DOLLAR}{currency}"}
    return frozenset(symbols)


def _has_same_value(quote: Quote, other: Quote) -> bool:
    """Whether both quotes give the same value and the same change of the day."""
    return (
        quote.price_class is other.price_class
        and quote.source == other.source
        and quote.last == other.last
        and quote.change_from == other.change_from
    )
