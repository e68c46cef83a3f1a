"""What is measured with whom: each scenario is a row of runs."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from bench.fanout.dialect import SYMBOLS
from bench.fanout.subject import Pace
from bench.fanout.tongue import TONGUES

OMCRM = ("omcrm-eventlet", "omcrm-gevent")
STOCK = ("stock-eventlet", "stock-gevent")
EVERYBODY = (*OMCRM, "floor", "node", *STOCK)

_ONE = ("BTC",)
_WATCHED = 8
# So long those are waited for who cannot serve so many.
_HASTE = ("--patience", "40")
_RIVALS = (*OMCRM, "floor", "node")
# The ratios of these levels are judged: a single run of a few seconds is at the mercy of the
# machine, so those are measured in turns, and the median counts.
_LEVELS = {
    500: (EVERYBODY,),
    2_000: (EVERYBODY, _RIVALS, _RIVALS),
    5_000: (EVERYBODY, _RIVALS, _RIVALS),
    10_000: (_RIVALS,),
}


@dataclass(frozen=True)
class Lengths:
    """How long is measured, in seconds."""

    window: float = 6.0
    stalled: float = 40.0


@dataclass(frozen=True)
class Run:
    """One run to do; `variant` tells it from others of its scenario."""

    scenario: str
    subject: str
    clients: int
    pace: Pace
    seconds: float
    options: Sequence[str] = field(default=())
    variant: str = ""

    @property
    def arguments(self) -> list[str]:
        """What the load client is told."""
        rate = [] if "--idle" in self.options else ["--rate", f"{self.pace.rate:g}"]
        seconds = ["--seconds", f"{self.seconds:g}"]
        return ["--clients", str(self.clients), *seconds, *rate, *self.options]


def fanout(lengths: Lengths) -> Iterator[Run]:
    """One symbol, ten times a second, to more and more clients."""
    for clients, rounds in _LEVELS.items():
        for subject in itertools.chain(*rounds):
            haste = _HASTE if subject in STOCK else ()
            yield Run("fanout", subject, clients, Pace(10, _ONE), lengths.window, haste)


def watchlist(lengths: Lengths) -> Iterator[Run]:
    """All symbols move, each client watches some of them."""
    options = ("--watch", str(_WATCHED))
    for variant, spread in (("all in one beat", False), ("one after the other", True)):
        for subject in OMCRM:
            pace = Pace(10, SYMBOLS, spread)
            yield Run("watchlist", subject, 2_000, pace, lengths.window, options, variant)


def mixed(lengths: Lengths) -> Iterator[Run]:
    """All symbols move; a quarter each are pages, clients of the two raw sockets that push, and of
    the one that tells a list every five seconds. Beside them the floor, for one symbol."""
    options = ("--watch", str(_WATCHED), "--tongues", *TONGUES)
    yield Run("mixed", "floor", 2_000, Pace(10, _ONE), lengths.window)
    for subject in OMCRM:
        yield Run("mixed", subject, 2_000, Pace(10, SYMBOLS), lengths.window, options)


def stalled(lengths: Lengths) -> Iterator[Run]:
    """All symbols move, everybody watches one; one in ten watches all of them and never reads."""
    for subject in OMCRM:
        for share, seconds in ((0.0, lengths.window), (0.1, lengths.stalled)):
            still = ("--stalled", f"{share:g}", "--stalled-symbols", "all")
            options, variant = ("--symbols", *_ONE, *still), f"{share:.0%} never read"
            yield Run("stalled", subject, 2_000, Pace(10, SYMBOLS), seconds, options, variant)


def storm(lengths: Lengths) -> Iterator[Run]:
    """Thousands are dropped at once and come back at once, beside some who are not."""
    options = ("--storm", "5000")
    for subject in OMCRM:
        yield Run("storm", subject, 5_500, Pace(10, _ONE), lengths.window, options)


def idle(lengths: Lengths) -> Iterator[Run]:
    """Logged in, connected, and subscribed to nothing."""
    for subject in OMCRM:
        yield Run("idle", subject, 5_000, Pace(1, _ONE), lengths.window, ("--idle",))


def quiet(lengths: Lengths) -> Iterator[Run]:
    """One symbol once a second to a few clients: the latency of a machine at rest."""
    for subject in OMCRM:
        yield Run("quiet", subject, 10, Pace(1, _ONE, spread=True), max(15.0, lengths.window))


SCENARIOS: dict[str, Callable[[Lengths], Iterator[Run]]] = {
    "fanout": fanout,
    "watchlist": watchlist,
    "mixed": mixed,
    "stalled": stalled,
    "storm": storm,
    "idle": idle,
    "quiet": quiet,
}
INGEST = "ingest"
