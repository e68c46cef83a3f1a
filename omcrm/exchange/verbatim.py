"""Tapes of sources other than Binance: whose a file is, and its frames as they were recorded.

Lines are `<receive time, ns> <frame>`, plain or compressed. A frame may be anything, also nothing:
what an upstream sent in an outage is part of the outage. Of a source that is asked it is a call.
"""

import heapq
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path

from msgspec import Struct

from omcrm.exchange.tape import BROKEN, SCANNED_LINES, TapeError, opened, read_time
from omcrm.exchange.taped_call import TapedCall


class Place(Struct, frozen=True):
    """Where a source is found: its venue, and whether it is asked there over HTTP.

    `by_question` tells that an answer does not say what it is about; `login` is in the frame that
    a connection waits for before it asks for anything.
    """

    venue: str
    asked: bool = False
    by_question: bool = False
    login: bytes = b""


PLACES: Mapping[str, Place] = {
    "alpaca": Place("alpaca", login=b'"authenticated"'),
    "alpha_vantage": Place("alpha_vantage", asked=True, by_question=True),
    "coinbase": Place("coinbase"),
    "coingecko": Place("coingecko", asked=True),
    "exchangerate_api": Place("exchangerate_api", asked=True),
    "exchangerate_open": Place("exchangerate_api", asked=True),
    "finnhub": Place("finnhub"),
    "finnhub_quote": Place("finnhub", asked=True, by_question=True),
    "frankfurter": Place("frankfurter", asked=True),
    "kraken": Place("kraken"),
    "massive": Place("massive", login=b'"auth_success"'),
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

    `places` tells where their sources are found. `first_answers` are the calls that each question
    was first answered with in each file, in order; `skipped` counts the lines that were unreadable
    so far.
    """

    def __init__(self, readings: tuple[Reading, ...], firsts: Iterable[Frame]) -> None:
        self.readings = readings
        self.places = [reading.place for reading in readings if reading.place is not None]
        self.first_answers = [TapedCall.read(first.data) for first in firsts]
        self.skipped = 0

    @classmethod
    def open(cls, readings: Iterable[Reading]) -> "Verbatim":
        """Look into each file; TapeError for one that cannot be played."""
        readings = tuple(readings)
        heads = [head for reading in readings for head in _heads(reading)]
        heads.sort(key=lambda frame: frame.time)
        return cls(readings, [head for head in heads if head.asked])

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


def _heads(reading: Reading) -> Iterable[Frame]:
    """Give the first frame, of calls that to each question."""
    has_questions = reading.place is not None and reading.place.by_question
    heads: dict[str, Frame] = {}
    try:
        frames = (frame for frame in _read(reading) if frame)
        for frame in islice(frames, SCANNED_LINES if has_questions else 1):
            heads.setdefault(TapedCall.read(frame.data).question, frame)
    except OSError as error:
        raise TapeError(reading.path, error.strerror or str(error)) from None
    if not heads:
        raise TapeError(reading.path, "no recorded message in it")
    return heads.values()


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
