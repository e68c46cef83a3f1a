"""Runs the feeds in a process of its own and writes their prices to the database."""

import logging
import os
import signal
import sys
import time
from contextlib import ExitStack

import click
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy.exc import SQLAlchemyError

from omcrm.concurrency import end_on
from omcrm.engine.bus import LocalBus
from omcrm.engine.feed_engine import FeedEngine
from omcrm.engine.market_view import QuoteCache
from omcrm.errors import PriceFeedRuns
from omcrm.feeds.poll_schedule import Polling
from omcrm.market.quote import Quote
from omcrm.number_option import Whole
from omcrm.pricing.daily_backfill import DailyBackfill
from omcrm.pricing.price_feed_state import held
from omcrm.pricing.price_writer import PriceWriter
from omcrm.pricing.upstream_query import utc_now
from omcrm.settings import Settings, load
from omcrm.storage import feed_switch
from omcrm.storage.asset_price import latest_prices
from omcrm.storage.instrument import active_instruments

_log = logging.getLogger(__name__)

# Seconds until the first prices are written, if the interval is longer.
_FIRST = 3.0


@click.command("start_price_feed")
@click.option(
    "--interval",
    type=Whole(1, 3600),
    default=30,
    show_default=True,
    help="Seconds between two rounds of writing.",
)
@click.option(
    "--batch-size",
    type=Whole(1, 500),
    default=50,
    show_default=True,
    help="How many prices are written at once.",
)
@click.option("--verbose", is_flag=True, help="Log every round and every source.")
def start_price_feed(interval: int, batch_size: int, verbose: bool) -> None:
    """Run the feeds in this process until TERM or an interrupt, and write their prices to the
    database."""
    end_on(signal.SIGTERM, signal.SIGINT)
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    logging.getLogger("alembic").setLevel(logging.WARNING)
    settings = load()
    try:
        with held(settings.feed_state_path, settings.database, interval, batch_size):
            _run(settings, interval, batch_size)
    except PriceFeedRuns as running:
        click.echo(str(running), err=True)
        sys.exit(1)
    except SQLAlchemyError as error:
        click.echo(f"cannot use the database: {str(error).splitlines()[0]}", err=True)
        sys.exit(1)


def _run(settings: Settings, interval: int, batch_size: int) -> None:
    from omcrm import create_app

    app = create_app(settings)
    with app.app_context():
        upgrade()
        instruments, written = active_instruments(), latest_prices()
    polling = Polling(settings.realtime_update_interval, settings.realtime_batch_size)
    bus, cache = LocalBus(), QuoteCache()
    bus.subscribe(Quote, cache.put)
    engine = FeedEngine(bus, settings.feeds, state=settings.feed_state_path, polling=polling)
    engine.follow(instruments)
    feed = PriceFeedProcess(app, engine, cache, PriceWriter(app, batch_size, written))
    days = DailyBackfill(app, settings)
    with ExitStack() as at_the_end:
        at_the_end.callback(feed.stop)
        at_the_end.callback(days.stop)
        at_the_end.callback(_ignore_further_signals)
        click.echo(
            f"The price feed of {len(instruments)} instruments runs as process {os.getpid()}: "
            f"prices are written every {interval} s. Stop it with Ctrl-C."
        )
        if settings.demo and not settings.exchange_url:
            click.echo("Without OMCRM_EXCHANGE_URL there are no simulated prices in this process.")
        days.start()
        feed.run(interval)


def _ignore_further_signals() -> None:
    # A second signal must not interrupt the shutdown.
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, signal.SIG_IGN)


class PriceFeedProcess:
    """Writes the quotes of `cache` in rounds; its engine follows the database's instruments."""

    def __init__(
        self, app: Flask, engine: FeedEngine, cache: QuoteCache, writer: PriceWriter
    ) -> None:
        self._app = app
        self._engine = engine
        self._cache = cache
        self._writer = writer

    def run(self, interval: float) -> None:
        """Write a round per interval until the caller's thread is interrupted."""
        self._follow()
        time.sleep(min(_FIRST, interval))
        while True:
            began = time.monotonic()
            self.round()
            time.sleep(max(0.0, interval - (time.monotonic() - began)))

    def round(self) -> int:
        """Write the current prices; how many had changed."""
        self._follow()
        count = self._writer.write(self._cache.snapshot().values(), utc_now())
        active = [name for name, item in self._engine.status().items() if item.active]
        _log.info("%s prices written; sources: %s", count, ", ".join(active) or "none")
        return count

    def stop(self) -> None:
        """Stop the feeds."""
        self._engine.stop()

    def _follow(self) -> None:
        """Follow the database's instruments; run the feeds unless an administrator stopped them."""
        try:
            with self._app.app_context():
                instruments, stopped = active_instruments(), feed_switch.are_stopped()
        except SQLAlchemyError as error:
            _log.warning("instruments not read, tried again: %s", type(error).__name__)
            return
        followed = self._engine.instruments
        if instruments != list(followed.values()):
            self._engine.follow(instruments)
            self._cache.forget(followed.keys() - self._engine.instruments.keys())
        if stopped:
            self._engine.stop()
        else:
            self._engine.start()
