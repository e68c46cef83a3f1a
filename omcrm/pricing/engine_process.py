"""An engine's own process: it runs the feeds, writes what they bring, and serves nobody."""

import os
import signal
import sys
import time
from contextlib import AbstractContextManager, ExitStack

import click
from flask_migrate import upgrade
from sqlalchemy.exc import SQLAlchemyError

from omcrm.concurrency import end_on
from omcrm.errors import PriceFeedRuns
from omcrm.logs import configure_logs
from omcrm.pricing.price_feed_state import held
from omcrm.pricing.price_rounds import RoundPlan
from omcrm.services import Services, services_of
from omcrm.settings import Settings, load
from omcrm.storage.instrument import active_instruments

_LOOK_EVERY = 0.5
_USUAL_ROUNDS = RoundPlan(interval=30, batch=50)


@click.command()
def engine() -> None:
    """Run the feeds for all web processes until TERM or an interrupt, or stand by while another
    engine does."""
    settings = load()
    configure_logs(settings.log_level)
    run_engine(settings, _USUAL_ROUNDS)


def run_engine(settings: Settings, rounds: RoundPlan) -> None:
    """Run the feeds while no other process has them, until TERM or an interrupt; prices are written
    in these rounds."""
    end_on(signal.SIGTERM, signal.SIGINT)
    try:
        with ExitStack() as noted:
            try:
                noted.enter_context(_note(settings, rounds))
            except PriceFeedRuns:
                # On a bus there may be several, and the lease decides.
                if not settings.bus_url:
                    raise
            _run(settings, rounds)
    except PriceFeedRuns as running:
        click.echo(str(running), err=True)
        sys.exit(1)
    except SQLAlchemyError as error:
        click.echo(f"cannot use the database: {str(error).splitlines()[0]}", err=True)
        sys.exit(1)


def _note(settings: Settings, rounds: RoundPlan) -> AbstractContextManager[None]:
    """While it is entered, this process is the machine's price feed of the database."""
    return held(settings.feed_state_path, settings.database, rounds.interval, rounds.batch)


def _run(settings: Settings, rounds: RoundPlan) -> None:
    from omcrm import create_app

    app = create_app(settings, rounds)
    with app.app_context():
        upgrade()
        count = len(active_instruments())
    parts = services_of(app)
    click.echo(
        f"The price feed of {count} instruments runs as process {os.getpid()}: "
        f"prices are written every {rounds.interval} s. Stop it with Ctrl-C."
    )
    if settings.demo and not settings.exchange_url:
        click.echo("Without OMCRM_EXCHANGE_URL there are no simulated prices in this process.")
    try:
        parts.begin()
        _say_who_runs_the_feeds(parts)
    finally:
        _ignore_further_signals()
        parts.stop()


def _say_who_runs_the_feeds(parts: Services) -> None:
    """Print each change, until the caller's thread is interrupted."""
    on_a_bus = bool(parts.settings.bus_url)
    elsewhere = "another engine" if on_a_bus else "a web process"
    runs: bool | None = None
    while True:
        # First of all, for the feeds start meanwhile.
        time.sleep(_LOOK_EVERY)
        if (now := parts.manager.engine.running) is not runs:
            runs = now
            click.echo(
                "The feeds run in this process."
                if runs
                else f"This process waits: {elsewhere} has the feeds, or they are stopped."
            )


def _ignore_further_signals() -> None:
    # A second signal must not interrupt the shutdown.
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, signal.SIG_IGN)
