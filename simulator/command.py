"""The command line of the built-in exchange."""

import asyncio
import time
from pathlib import Path

import click

from omcrm.market.parsing import plain
from omcrm.number_option import Real, Whole
from simulator.clock import MarketClock
from simulator.fast_loop import fast_loop
from simulator.market_source import MarketSource, StreamPublisher
from simulator.recording import RecordingError
from simulator.replay import Replay
from simulator.server import HOST, serve
from simulator.simulation import Simulation
from simulator.simulator import Simulator
from simulator.steady_load import SteadyLoad

DEFAULT_PORT = 8765
MAXIMUM = "max"


def _speed(_: click.Context, __: click.Parameter, value: str) -> float:
    if value == MAXIMUM:
        return float("inf")
    try:
        speed = float(plain(value))
    except ValueError:
        speed = 0.0
    if speed <= 0:
        raise click.BadParameter(f"a number above 0, or {MAXIMUM}")
    return speed


@click.command("exchange")
@click.option(
    "--port",
    type=Whole(0, 65535),
    default=DEFAULT_PORT,
    show_default=True,
    help="Port to listen on; 0 takes any free one.",
)
@click.option(
    "--tape",
    "recordings",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Recorded tape to play, of the source in its name; several files may follow.",
)
@click.option(
    "--speed",
    default="1",
    show_default=True,
    callback=_speed,
    help=f"How many times faster than recorded tapes play, or {MAXIMUM}.",
)
@click.option(
    "--redate",
    is_flag=True,
    help="Shift all times of a tape so that it happens now; else its date is told.",
)
@click.option(
    "--ahead",
    type=Real(),
    default=0.0,
    help="Seconds by which the model's clock is ahead of the wall's; behind where negative.",
)
@click.option(
    "--fast",
    type=Real(1, 1000),
    default=1.0,
    help="How many times faster than the wall's the model's time passes.",
)
@click.option(
    "--fast-since",
    type=Real(),
    help="With --fast: the wall's Unix time at which both clocks agreed; without it, now.",
)
@click.option(
    "--seed", type=Whole(), default=1, show_default=True, help="Seed of the market model."
)
@click.option(
    "--swing", is_flag=True, help="The model's prices rise for a minute and fall for the next."
)
@click.option(
    "--beat",
    "rate",
    type=Real(0.1, 1000),
    help="A load: every symbol trades at a new price exactly so often a second.",
)
@click.option(
    "--spread", is_flag=True, help="With --beat: one symbol after the other, not all at once."
)
@click.option(
    "--exit-with-stdin",
    is_flag=True,
    help="End when standard input ends, as it does when the parent process dies.",
)
@click.argument(
    "more_recordings", type=click.Path(path_type=Path), nargs=-1, metavar="[MORE TAPE FILES]..."
)
def exchange(
    port: int,
    recordings: tuple[Path, ...],
    speed: float,
    redate: bool,
    seed: int,
    rate: float | None,
    ahead: float,
    fast: float,
    fast_since: float | None,
    swing: bool,
    spread: bool,
    exit_with_stdin: bool,
    more_recordings: tuple[Path, ...],
) -> None:
    """Run the built-in exchange, which speaks the upstreams' own wire formats on loopback."""
    if more_recordings and not recordings:
        raise click.UsageError(f"a tape is given with --tape: {more_recordings[0]}")
    if rate and recordings:
        raise click.UsageError("--beat is of the model; a tape has its own pace: --speed")
    if spread and not rate:
        raise click.UsageError("--spread goes with --beat")
    if redate and not recordings:
        raise click.UsageError("--redate goes with --tape")
    if fast != 1 and (rate or recordings):
        raise click.UsageError("--fast is of the model; a tape has its own pace: --speed")
    if swing and (rate or recordings):
        raise click.UsageError("--swing is of the model")
    clock = MarketClock(ahead, fast, time.time() if fast_since is None else fast_since)

    def make_source(publisher: StreamPublisher) -> MarketSource:
        if rate:
            return SteadyLoad(seed, publisher, rate, spread)
        if not (files := (*recordings, *more_recordings)):
            return Simulation(seed, publisher, clock=clock, swings=swing)
        return _replay(files, speed, publisher, redate)

    simulator = Simulator(make_source)
    try:
        with asyncio.Runner(loop_factory=fast_loop(fast) if fast != 1 else None) as runner:
            runner.run(serve(simulator, port, exit_with_stdin))
    except OSError as error:
        raise click.ClickException(f"cannot listen on {HOST}:{port}: {error.strerror}") from None


def _replay(
    files: tuple[Path, ...], speed: float, publisher: StreamPublisher, redate: bool
) -> MarketSource:
    try:
        return Replay.open(files, speed, publisher, redate)
    except RecordingError as error:
        raise click.UsageError(str(error)) from None
