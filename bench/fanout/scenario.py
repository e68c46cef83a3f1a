"""The scenarios: each is a row of runs."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from bench.fanout.client_dialect import DIALECTS
from bench.fanout.dialect import SYMBOLS
from bench.fanout.subject import TickLoad

OMCRM = ("omcrm-eventlet", "omcrm-gevent")
STOCK = ("stock-eventlet", "stock-gevent")
EVERYBODY = (*OMCRM, "floor", "node", *STOCK)

_ONE = ("BTC",)
_WATCHED = 8
_CONNECTING, _UNDISTURBED = (5_000, 10_000), 500
# A shorter timeout for subjects that cannot serve so many clients.
_SHORT_TIMEOUT = ("--connect-timeout", "40")
_RIVALS = (*OMCRM, "floor", "node")
# The verdict has ratios of the middle levels: a single run of a few seconds depends on the machine,
# so those are measured in several rounds, and the median counts.
_LEVELS = {
    500: (EVERYBODY,),
    2_000: (EVERYBODY, _RIVALS, _RIVALS),
    5_000: (EVERYBODY, _RIVALS, _RIVALS),
    10_000: (_RIVALS,),
}


@dataclass(frozen=True)
class Lengths:
    """How long the runs measure, in seconds."""

    window: float = 6.0
    stalled: float = 40.0


@dataclass(frozen=True)
class Run:
    """One run to make; `variant` distinguishes it from others of its scenario."""

    scenario: str
    subject: str
    clients: int
    load: TickLoad
    seconds: float
    options: Sequence[str] = field(default=())
    variant: str = ""

    @property
    def arguments(self) -> list[str]:
        """The arguments of the load client."""
        rate = [] if "--idle" in self.options else ["--rate", f"{self.load.rate:g}"]
        seconds = ["--seconds", f"{self.seconds:g}"]
        return ["--clients", str(self.clients), *seconds, *rate, *self.options]


def fanout(lengths: Lengths) -> Iterator[Run]:
    """One symbol, ten times a second, to more and more clients."""
    for clients, rounds in _LEVELS.items():
        for subject in itertools.chain(*rounds):
            options = _SHORT_TIMEOUT if subject in STOCK else ()
            yield Run("fanout", subject, clients, TickLoad(10, _ONE), lengths.window, options)


def watchlist(lengths: Lengths) -> Iterator[Run]:
    """All symbols move, each client watches some of them."""
    options = ("--watch", str(_WATCHED))
    for variant, spread in (("all at once", False), ("one after the other", True)):
        for subject in OMCRM:
            load = TickLoad(10, SYMBOLS, spread)
            yield Run("watchlist", subject, 2_000, load, lengths.window, options, variant)


def mixed(lengths: Lengths) -> Iterator[Run]:
    """All symbols move; a quarter each are pages, clients of the two raw sockets that send each
    change, and of the one that sends a list every five seconds. Besides, the floor.
    """
    options = ("--watch", str(_WATCHED), "--dialects", *DIALECTS)
    yield Run("mixed", "floor", 2_000, TickLoad(10, _ONE), lengths.window)
    for subject in OMCRM:
        yield Run("mixed", subject, 2_000, TickLoad(10, SYMBOLS), lengths.window, options)


def stalled(lengths: Lengths) -> Iterator[Run]:
    """All symbols move, every client watches one; one in ten watches all and never reads."""
    for subject in OMCRM:
        for share, seconds in ((0.0, lengths.window), (0.1, lengths.stalled)):
            stalled_options = ("--stalled", f"{share:g}", "--stalled-symbols", "all")
            options, variant = ("--symbols", *_ONE, *stalled_options), f"{share:.0%} never read"
            yield Run("stalled", subject, 2_000, TickLoad(10, SYMBOLS), seconds, options, variant)


def connect(lengths: Lengths) -> Iterator[Run]:
    """Clients connect all at once, as after a restart, each with a login of its own."""
    for clients in _CONNECTING:
        options = ("--limit", str(clients))
        for subject in (*OMCRM, "node"):
            load = TickLoad(1, _ONE, logins=clients)
            yield Run("connect", subject, clients, load, lengths.window, options)


def storm(lengths: Lengths) -> Iterator[Run]:
    """Thousands of clients are dropped and reconnect at once, beside some that are not; each has a
    login of its own.
    """
    for stormy in _CONNECTING:
        clients = stormy + _UNDISTURBED
        options = ("--storm", str(stormy))
        for subject in OMCRM:
            load = TickLoad(10, _ONE, logins=clients)
            yield Run("storm", subject, clients, load, lengths.window, options)


def idle(lengths: Lengths) -> Iterator[Run]:
    """Logged in, connected, and subscribed to nothing."""
    for subject in OMCRM:
        yield Run("idle", subject, 5_000, TickLoad(1, _ONE), lengths.window, ("--idle",))


def quiet(lengths: Lengths) -> Iterator[Run]:
    """One symbol once a second to a few clients: the latency of an idle machine."""
    for subject in OMCRM:
        yield Run("quiet", subject, 10, TickLoad(1, _ONE, spread=True), max(15.0, lengths.window))


SCENARIOS: dict[str, Callable[[Lengths], Iterator[Run]]] = {
    "fanout": fanout,
    "watchlist": watchlist,
    "mixed": mixed,
    "stalled": stalled,
    "connect": connect,
    "storm": storm,
    "idle": idle,
    "quiet": quiet,
}
INGEST = "ingest"
SCALE = "scale"
ROLLING = "rolling"
