"""The engine's own process under its older name, with the rounds in which it writes prices."""

import logging

import click

from omcrm.number_option import Whole
from omcrm.pricing.engine_process import run_engine
from omcrm.pricing.price_rounds import RoundPlan
from omcrm.settings import load


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
    """Run the feeds until TERM or an interrupt, unless a web process or another engine does, and
    have their prices written to the database."""
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    logging.getLogger("alembic").setLevel(logging.WARNING)
    run_engine(load(), RoundPlan(interval, batch_size))
