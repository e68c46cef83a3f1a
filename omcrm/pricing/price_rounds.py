"""Writes the shown prices to the database in rounds, while somebody wants them there."""

import logging
import threading
import time
from collections.abc import Callable

from flask import Flask
from msgspec import Struct
from sqlalchemy.exc import SQLAlchemyError

from omcrm.engine.market_view import QuoteCache
from omcrm.errors import LeaseLost
from omcrm.pricing.price_writer import PriceWriter
from omcrm.pricing.upstream_query import utc_now
from omcrm.storage.asset_price import latest_prices

_log = logging.getLogger(__name__)

# Seconds until the first prices are written, if the interval is longer, and between two looks
# whether they are wanted.
_FIRST, _LOOK_EVERY = 3.0, 0.25


class RoundPlan(Struct, frozen=True):
    """Every so many seconds a round, with so many prices in one transaction."""

    interval: int
    batch: int


class PriceRounds:
    """Writes from a thread of its own; starting or stopping twice is harmless.

    `plan` says how, None for not at all, and is asked again and again. `fence` is called in each
    transaction.
    """

    def __init__(
        self,
        app: Flask,
        cache: QuoteCache,
        plan: Callable[[], RoundPlan | None],
        fence: Callable[[], None] = lambda: None,
    ) -> None:
        self._app = app
        self._cache = cache
        self._plan = plan
        self._fence = fence
        self._writer: PriceWriter | None = None
        self._batch = 0
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, in the background."""
        if self._thread is None:
            self._stopped.clear()
            self._thread = threading.Thread(target=self._run, name="stored-prices", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End, with a last round if one is wanted: the prices of feeds that have ended."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._stopped.set()
            thread.join()
            if (plan := self._plan()) is not None:
                self._write(plan)

    def _run(self) -> None:
        due: float | None = None
        while not self._stopped.wait(_LOOK_EVERY):
            plan, now = self._plan(), time.monotonic()
            if plan is None:
                # Others may write meanwhile.
                due, self._writer = None, None
                continue
            if due is None:
                due = now + min(_FIRST, plan.interval)
            if now >= due:
                due = now + plan.interval
                self._write(plan)

    def _write(self, plan: RoundPlan) -> None:
        """Write what has changed since the last round."""
        try:
            writer = self._writer_of(plan)
            quotes = self._cache.snapshot().values()
            count = writer.write(quotes, utc_now())
            sources = ", ".join(sorted({quote.source.name for quote in quotes}))
            _log.info("%s prices written; sources: %s", count, sources or "none")
        except LeaseLost as lost:
            _log.warning("prices not written: %s", lost)
        except SQLAlchemyError as error:
            _log.warning("prices not written, tried again: %s", type(error).__name__)
        except Exception:
            _log.exception("writing the prices failed")

    def _writer_of(self, plan: RoundPlan) -> PriceWriter:
        """The writer of these batches; a new one knows what is in the database."""
        if self._writer is None or self._batch != plan.batch:
            with self._app.app_context():
                written = latest_prices()
            self._batch = plan.batch
            self._writer = PriceWriter(self._app, plan.batch, written, self._fence)
        return self._writer
