"""Portfolios that somebody watches: valued as their prices move, once for all who watch."""

import logging
import threading
import time
from collections.abc import Callable
from typing import TypeAlias

from flask import Flask, current_app

from omcrm.concurrency import native_lock
from omcrm.gateways.client_connection import ClientConnection
from omcrm.market.currency import DOLLAR, currency_of
from omcrm.market.hub import Hub
from omcrm.market.quote import Quote
from omcrm.portfolio import service
from omcrm.portfolio.holding import Portfolio
from omcrm.portfolio.valuation import Valuation
from omcrm.streaming.throttled_log import ThrottledLog
from omcrm.web import database_away

# Between two looks at what has to be valued, however much happens.
_GATHER = 0.02
# How often what other processes change is looked for.
_LOOK_EVERY = 2.0
# What takes long to value is valued less often: one user may have so much of the time.
_SHARE = 0.1
# After a failure, which is the database's.
_AGAIN_AFTER = 1.0

_Key: TypeAlias = tuple[int, int]
_failures = ThrottledLog(logging.getLogger(__name__))


class _WatchedPortfolio:
    """One portfolio with those who watch it; `text` is what they were told last."""

    def __init__(self, key: _Key) -> None:
        self.key = key
        self.readers: dict[ClientConnection, None] = {}
        self.portfolio: Portfolio | None = None
        self.symbols: frozenset[str] = frozenset()
        self.is_edited = True
        self.is_moved = False
        self.not_before = 0.0
        self.text = ""

    @property
    def waits(self) -> bool:
        return self.is_edited or self.is_moved


class PortfolioDelivery:
    """Tells the values of portfolios from a thread that lives while anybody watches one.

    A portfolio is valued when one of its prices moves or its holdings are edited, at most once in
    the window of prices, and `written` once for all who watch it. Who is slow gets the newest, and
    who has much to be valued waits longer than others.
    `gone` is called for each of those who watch one that is deleted.
    """

    def __init__(
        self,
        hub: Hub,
        written: Callable[[Valuation], str],
        gone: Callable[[ClientConnection, int], None],
    ) -> None:
        self._hub = hub
        self._written = written
        self._gone = gone
        # Held for a moment by whoever brings a quote.
        self._lock = native_lock()
        # Held while readers are told, so that nobody is told after it has left.
        self._telling = threading.Lock()
        self._watched: dict[_Key, _WatchedPortfolio] = {}
        self._by_symbol: dict[str, set[_Key]] = {}
        self._seen: dict[str, Quote] = {}
        # Until when each user has had its share of the time.
        self._spent_until: dict[int, float] = {}
        self._ready = threading.Event()
        self._running = False
        self.valued = 0

    # Who watches

    def watch(self, reader: ClientConnection, user_id: int, portfolio_id: int) -> None:
        """Tell this reader what the user's portfolio is worth, now and when that changes.

        Needs an app context.
        """
        key = (user_id, portfolio_id)
        with self._lock:
            watched = self._watched.setdefault(key, _WatchedPortfolio(key))
            # What is told first after this is told to the reader, too.
            was_told = bool(watched.text)
            watched.readers[reader] = None
            starts, self._running = not self._running, True
        if starts:
            app = current_app._get_current_object()  # type: ignore[attr-defined]
            self._hub.subscribe(self.take)
            service.portfolio_changed.connect(self._note_edit)
            threading.Thread(target=self._run, args=(app,), name="portfolios", daemon=True).start()
        if was_told:
            reader.send_latest(key, lambda: watched.text)
        self._ready.set()

    def unwatch(self, reader: ClientConnection, user_id: int, portfolio_id: int) -> None:
        """Tell it no more of this one."""
        with self._telling, self._lock:
            self._remove(reader, (user_id, portfolio_id))
        self._ready.set()

    def leave(self, reader: ClientConnection) -> None:
        """It is gone."""
        with self._telling, self._lock:
            for key in [key for key, item in self._watched.items() if reader in item.readers]:
                self._remove(reader, key)
        self._ready.set()

    def _remove(self, reader: ClientConnection, key: _Key) -> None:
        watched = self._watched.get(key)
        if watched is not None:
            watched.readers.pop(reader, None)
            if not watched.readers:
                self._place(watched, frozenset())
                del self._watched[key]

    # What happens

    def take(self, quote: Quote) -> None:
        """Note that a price moved; in the thread that publishes."""
        if quote.symbol not in self._by_symbol:
            return
        with self._lock:
            seen = self._seen.get(quote.symbol)
            if seen is not None and (quote.seq <= seen.seq or _is_worth_the_same(quote, seen)):
                return
            self._seen[quote.symbol] = quote
            for key in self._by_symbol.get(quote.symbol, ()):
                self._watched[key].is_moved = True
        self._ready.set()

    def _note_edit(self, _: object, user_id: int, portfolio_id: int) -> None:
        with self._lock:
            watched = self._watched.get((user_id, portfolio_id))
            if watched is None:
                return
            watched.is_edited = True
        self._ready.set()

    # Telling: in the thread

    def _run(self, app: Flask) -> None:
        window = app.extensions["omcrm.settings"].price_window_ms / 1000
        looked_at = time.monotonic()
        while self._lives():
            self._ready.wait(self._patience(looked_at))
            self._ready.clear()
            if time.monotonic() - looked_at >= _LOOK_EVERY:
                self._look_for_edits(app)
                looked_at = time.monotonic()
            spent = self._tell_due(app, window)
            # Others have at least half of the time.
            time.sleep(max(_GATHER, spent))

    def _lives(self) -> bool:
        """Whether anybody watches; the end of the thread where nobody does."""
        with self._lock:
            if not self._watched:
                self._running = False
                self._seen.clear()
                self._spent_until.clear()
                self._hub.unsubscribe(self.take)
                service.portfolio_changed.disconnect(self._note_edit)
            return self._running

    def _patience(self, looked_at: float) -> float:
        with self._lock:
            due = [self._turn(watch) for watch in self._watched.values() if watch.waits]
        return max(0.0, min([looked_at + _LOOK_EVERY, *due]) - time.monotonic())

    def _look_for_edits(self, app: Flask) -> None:
        """Other processes change portfolios, too."""
        with self._lock:
            held = {key: item.portfolio for key, item in self._watched.items()}
        try:
            with app.app_context():
                versions = service.versions_of({portfolio_id for _, portfolio_id in held})
        except Exception as error:
            if not database_away.is_away(error):
                _failures.exception("the versions of portfolios could not be looked at")
            return
        for (user_id, portfolio_id), portfolio in held.items():
            if portfolio is not None and versions.get(portfolio_id) != portfolio.version:
                self._note_edit(None, user_id, portfolio_id)

    def _tell_due(self, app: Flask, window: float) -> float:
        """Value and tell what waits; the seconds that took."""
        began = time.monotonic()
        with self._lock:
            due = [watch for watch in self._watched.values() if watch.waits]
        # Of one user's, who has waited longest comes first.
        for watch in sorted(due, key=lambda one: one.not_before):
            now = time.monotonic()
            if self._turn(watch) > now:
                continue
            try:
                self._tell(app, watch)
                watch.not_before = now + window
            except Exception as error:
                if not database_away.is_away(error):
                    _failures.exception("a portfolio could not be valued")
                watch.is_edited, watch.not_before = True, now + _AGAIN_AFTER
            self._spent_until[watch.key[0]] = now + (time.monotonic() - now) / _SHARE
        return time.monotonic() - began

    def _turn(self, watched: _WatchedPortfolio) -> float:
        return max(watched.not_before, self._spent_until.get(watched.key[0], 0.0))

    def _tell(self, app: Flask, watched: _WatchedPortfolio) -> None:
        with self._lock:
            is_edited, watched.is_edited, watched.is_moved = watched.is_edited, False, False
        with app.app_context():
            if is_edited:
                watched.portfolio = service.portfolio_of(*watched.key)
                self._follow(watched)
            if watched.portfolio is None:
                self._drop(watched)
                return
            watched.text = self._written(service.valuation_of(watched.portfolio))
        self.valued += 1
        with self._telling:
            for reader in list(watched.readers):
                reader.send_latest(watched.key, lambda: watched.text)

    def _follow(self, watched: _WatchedPortfolio) -> None:
        symbols = frozenset() if watched.portfolio is None else _symbols(watched.portfolio)
        with self._lock:
            if watched.readers:
                self._place(watched, symbols)

    def _drop(self, watched: _WatchedPortfolio) -> None:
        with self._telling, self._lock:
            readers = list(watched.readers)
            for reader in readers:
                self._remove(reader, watched.key)
        for reader in readers:
            self._gone(reader, watched.key[1])

    # With the lock held

    def _place(self, watched: _WatchedPortfolio, symbols: frozenset[str]) -> None:
        for symbol in watched.symbols - symbols:
            self._by_symbol[symbol].discard(watched.key)
            if not self._by_symbol[symbol]:
                del self._by_symbol[symbol]
                self._seen.pop(symbol, None)
        for symbol in symbols - watched.symbols:
            self._by_symbol.setdefault(symbol, set()).add(watched.key)
        watched.symbols = symbols


def _symbols(portfolio: Portfolio) -> frozenset[str]:
    """Everything whose price has a part in the value: what is held, and rates to the dollar."""
    found = {holding.symbol for holding in portfolio.holdings}
    for currency in {currency_of(holding.instrument) for holding in portfolio.holdings}:
        if currency is not None and currency != DOLLAR:
            found |= {f"{currency}{DOLLAR}", f"{DOLLAR}{currency}"}
    return frozenset(found)


def _is_worth_the_same(quote: Quote, other: Quote) -> bool:
    """Whether nothing differs that a value or its change of the day is made of."""
    return (
        quote.price_class is other.price_class
        and quote.source == other.source
        and quote.last == other.last
        and quote.change_from == other.change_from
    )
