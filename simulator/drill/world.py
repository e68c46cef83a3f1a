"""Which sources there are in a drill, which of them fail, and what `drill all` plays."""

from collections.abc import Iterator

from msgspec import Struct

from simulator.drill.fault import FAULTS

# Every stream; the faults that need no comparison with others are played at each of them.
_STREAMS = (
    *("binance", "coinbase", "kraken", "okx", "finnhub", "alpaca", "massive", "massive_forex"),
)
_POLLS = ("finnhub_quote", "coingecko")
# The best sources of coins, and of shares and currencies, with one or two others or alone.
_COMPARED = ("binance", "finnhub")
# What the other sources play of wrong prices.
_LIES = ("frozen", "above", "walks-off")


class DrillWorld(Struct, frozen=True):
    """The source that fails, and how many streams of a symbol there are: None for it and all that
    are less preferred. `erring` of them fail alike."""

    provider: str
    streams: int | None = None
    erring: int = 1

    def __str__(self) -> str:
        return "" if self.streams is None else f"{self.erring} of {self.streams}"


def worlds() -> Iterator[tuple[DrillWorld, str]]:
    """Every world of `drill all`, with its fault."""
    for provider in (*_STREAMS, *_POLLS):
        for name, fault in FAULTS.items():
            if not fault.suits(provider):
                continue
            if provider not in _COMPARED or not fault.is_compared:
                if not fault.lies or name in _LIES:
                    yield DrillWorld(provider), name
                continue
            for streams in (1, 2, 3):
                yield DrillWorld(provider, streams), name
            if fault.lies:
                yield DrillWorld(provider, 2, 2), name
                yield DrillWorld(provider, 3, 2), name
