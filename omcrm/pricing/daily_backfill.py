"""Fetches each day that is over, in the background of a price feed."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from omcrm.errors import LeaseLost
from omcrm.pricing.backfill import BackfillResult, backfill
from omcrm.pricing.upstream_query import UpstreamQuery, utc_now
from omcrm.settings import Settings
from omcrm.storage.daily_bar import add_candles
from omcrm.storage.instrument import active_instruments
from omcrm.storage.transaction import transaction

_log = logging.getLogger(__name__)

# Seconds between two checks whether a day is over.
_CHECK_EVERY = 300.0
# Seconds until a symbol is fetched again, after a failure and after an answer without the day.
_AFTER_FAILURE, _AFTER_NOTHING = 3600.0, 4 * 3600.0
# Includes days on which no feed was running; older ones are fetched by the command.
_DAYS_BACK = 7
_ROUND, _RENEWAL_WAIT = 900.0, 65.0
_END = 10.0


class DailyBackfill:
    """Owns the fetching thread; starting or stopping twice is harmless."""

    def __init__(
        self, app: Flask, settings: Settings, fence: Callable[[], None] = lambda: None
    ) -> None:
        self._app = app
        self._fence = fence
        self._settings = settings
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._query: UpstreamQuery | None = None
        self._thread: threading.Thread | None = None
        self._ask_at: dict[str, float] = {}

    def start(self) -> None:
        """Begin to fetch, in the background."""
        if self._thread is None:
            self._stopped.clear()
            self._thread = threading.Thread(target=self._run, name="days", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop, also in the middle of an answer, and wait until the thread has ended."""
        self._stopped.set()
        with self._lock:
            if self._query is not None:
                self._query.close()
        if self._thread is not None:
            self._thread.join(_END)
            self._thread = None

    def backfill_missing(self, now: datetime) -> int:
        """Fetch and write the missing ones of the last days; returns how many were written."""
        query = UpstreamQuery(self._settings, _ROUND, _RENEWAL_WAIT)
        with self._lock:
            self._query = query
            if self._stopped.is_set():
                query.close()
        try:
            with self._app.app_context():
                return self._backfill(query, now)
        finally:
            query.close()

    def _backfill(self, query: UpstreamQuery, now: datetime) -> int:
        moment, added = time.monotonic(), 0
        due = [
            instrument
            for instrument in active_instruments()
            if self._is_due(instrument.symbol, moment)
        ]
        for backfilled in backfill(query, due, _DAYS_BACK, now):
            if self._stopped.is_set():
                break
            if backfilled.result.candles:
                with transaction():
                    self._fence()
                    added += add_candles(backfilled.result.candles, utc_now())
            self._note(backfilled, moment)
        return added

    def _is_due(self, symbol: str, moment: float) -> bool:
        return moment >= self._ask_at.get(symbol, moment)

    def _note(self, backfilled: BackfillResult, moment: float) -> None:
        result = backfilled.result
        if not result.missing:
            self._ask_at.pop(result.symbol, None)
            return
        wait = _AFTER_FAILURE if backfilled.has_failed else _AFTER_NOTHING
        self._ask_at[result.symbol] = moment + wait
        _log.info("%s: %s days missing. %s", result.symbol, len(result.missing),
                  "; ".join(result.problems))  # fmt: skip

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                count = self.backfill_missing(utc_now())
                if count:
                    _log.info("%s days written", count)
            except LeaseLost as lost:
                _log.warning("days not written: %s", lost)
            except SQLAlchemyError as error:
                _log.warning("days not written, tried again: %s", type(error).__name__)
            except Exception:
                _log.exception("fetching days failed")
            self._stopped.wait(_CHECK_EVERY)
