"""Tapes of sources other than Binance: whose a file is, and its frames as they were recorded.

Lines are `<receive time, ns> <frame>`, plain or compressed. A frame may be anything, also nothing:
what an upstream sent in an outage is part of the outage.
"""

import heapq
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from omcrm.exchange.tape import BROKEN, TapeError, opened, read_time


class Place(Struct, frozen=True):
    """Where a source is found: its venue, and whether it is asked there over HTTP."""

    venue: str
    asked: bool = False


PLACES: Mapping[str, Place] = {
    "alpaca": Place("alpaca"),
    "alpha_vantage": Place("alpha_vantage", asked=True),
    "coinbase": Place("coinbase"),
    "coingecko": Place("coingecko", asked=True),
    "exchangerate_api": Place("exchangerate_api", asked=True),
    "exchangerate_open": Place("exchangerate_api", asked=True),
    "finnhub": Place("finnhub"),
    "finnhub_quote": Place("finnhub", asked=True),
    "frankfurter": Place("frankfurter", asked=True),
    "kraken": Place("kraken"),
    "massive": Place("massive"),
}
# The words of Binance, which are read and told by all venues.
READ = ("binance", "simulated")
# As the recorder names its files: `day.kraken.gz`, and `day.kraken.1.gz` for an older part.
NAMED = re.compile(rf".+\.({'|'.join(PLACES)})(\.\d+)?(\.gz)?")


class Reading(Struct, frozen=True):
    """A file to be played, and the place of its source; None for Binance."""

    path: Path
    place: Place | None

    @classmethod
    def of(cls, path: Path) -> "Reading":
        """Tell by the name whose a file is; `kraken:FILE` says so in front."""
        source, colon, rest = str(path).partition(":")
        if colon and (source in PLACES or source in READ):
            return cls(Path(rest), PLACES.get(source))
        named = NAMED.fullmatch(path.name)
        return cls(path, PLACES[named[1]] if named else None)


class Frame(Struct, frozen=True, gc=False):
    """One line: receive time in ns, the bytes, whether they answered a call."""

    time: int
    data: bytes
    asked: bool


class Verbatim:
    """The tapes of one venue as one.

    `pushes` tells whether any has frames of a WebSocket, `first_answer` is the first body of a call
    where any has one, `skipped` counts the lines that were unreadable so far.
    """

    def __init__(self, readings: tuple[Reading, ...], pushes: bool, first: Frame | None) -> None:
        self.readings = readings
        self.pushes = pushes
        self.first_answer = first
        self.skipped = 0

    @classmethod
    def open(cls, readings: Iterable[Reading]) -> "Verbatim":
        """Look into each file; TapeError for one that cannot be played."""
        readings = tuple(readings)
        heads = [_head(each) for each in readings]
        answers = [each for each in heads if each.asked]
        first = min(answers, key=lambda frame: frame.time, default=None)
        return cls(readings, len(answers) < len(heads), first)

    def play(self) -> Iterator[Frame]:
        """Give every frame in order of receive time, each file's own order kept."""
        self.skipped = 0
        return heapq.merge(*map(self._frames, self.readings), key=lambda frame: frame.time)

    def _frames(self, reading: Reading) -> Iterator[Frame]:
        for frame in _read(reading):
            if frame is None:
                self.skipped += 1
            else:
                yield frame


def by_venue(paths: Iterable[Path]) -> tuple[list[Path], dict[str, list[Reading]]]:
    """Give Binance's files, and those of every other venue."""
    binance: list[Path] = []
    others: dict[str, list[Reading]] = {}
    for reading in map(Reading.of, paths):
        if reading.place is None:
            binance.append(reading.path)
        else:
            others.setdefault(reading.place.venue, []).append(reading)
    return binance, others


def _head(reading: Reading) -> Frame:
    try:
        found = next((frame for frame in _read(reading) if frame), None)
    except OSError as error:
        raise TapeError(reading.path, error.strerror or str(error)) from None
    if found is None:
        raise TapeError(reading.path, "no recorded message in it")
    return found


def _read(reading: Reading) -> Iterator[Frame | None]:
    """Give the frames of one file, and None for what is none."""
    asked = reading.place is not None and reading.place.asked
    with opened(reading.path) as file:
        try:
            for line in file:
                if line.strip():
                    yield _frame(line.rstrip(b"\r\n"), asked)
        except BROKEN:
            yield None


def _frame(line: bytes, asked: bool) -> Frame | None:
    head, blank, data = line.partition(b" ")
    if not blank or not head[:1].isdigit():
        return None
    try:
        return Frame(read_time(head), data, asked)
    except ValueError:
        return None
