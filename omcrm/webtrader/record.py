"""The command that records what upstreams send."""

import logging
import time
from pathlib import Path

import click

from omcrm.feeds.recorder import Recorder
from omcrm.market.catalogue import CATALOGUE
from omcrm.number_option import Real, Whole
from omcrm.settings import load
from omcrm.webtrader.realtime_data import RealTimeDataManager

_REPORT_EVERY = 10.0
_STEP = 0.2


@click.command("record")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="e.g. day.gz"
)
@click.option("--seconds", type=Real(min=0.1), help="Without it: until interrupted.")
@click.option(
    "--megabytes",
    type=Whole(1, 1_000_000),
    default=1_000,
    show_default=True,
    help="The most that the tapes of one source may take.",
)
def record(out: Path, seconds: float | None, megabytes: int) -> None:
    """Record the frames of every source that is set, one tape for each, to be played back by
    `exchange --tape`."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    settings = load()
    recorder = Recorder(out, megabytes)
    manager = RealTimeDataManager(
        settings.feeds, state=settings.feed_state_path, recorder=recorder.take
    )
    manager.follow(CATALOGUE)
    recorder.start()
    manager.start()
    try:
        _wait(recorder, seconds)
    except KeyboardInterrupt:
        pass
    finally:
        manager.stop()
        recorder.stop()
    for path in recorder.files():
        click.echo(f"{path}  {path.stat().st_size:,} bytes")
    click.echo(f"{recorder.frames} frames recorded, {recorder.lost} lost")


def _wait(recorder: Recorder, seconds: float | None) -> None:
    began = reported_at = time.monotonic()
    while seconds is None or time.monotonic() - began < seconds:
        time.sleep(_STEP)
        if time.monotonic() - reported_at >= _REPORT_EVERY:
            reported_at = time.monotonic()
            click.echo(f"{recorder.frames} frames", err=True)
