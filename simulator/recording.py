"""Binance's recording: several files merged by receive time.

Two line formats are read, plain or compressed:

    <receive time, ns> <json>
    <receive time, s>: <json>

The second format's recorder also notes connections and requests, with `<->`, `<-` and `->`; of
those only REST depth answers are used. Unreadable lines are counted and skipped.
"""

import gzip
import heapq
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, cast

import msgspec
from msgspec import Raw, Struct

from simulator.stream_name import symbol_of

GZIP_MAGIC = b"\x1f\x8b"
NANOSECONDS = 1_000_000_000
# How many lines of each file are searched for symbols before it is played.
SCANNED_LINES = 5_000
DEPTH_REQUEST = re.compile(rb"/depth\?\S*symbol=([A-Z0-9]+)")
BROKEN = (EOFError, zlib.error, gzip.BadGzipFile)


class RecordingError(Exception):
    """A recording cannot be played; the process does not start."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(path, problem)
        self.path = path
        self.problem = problem

    def __str__(self) -> str:
        return f"tape {self.path}: {self.problem}"


class RecordedEvent(Struct, frozen=True, gc=False):
    """One line: receive time in ns, its stream, the event, the frame as recorded.

    `stream` ends with `@snapshot` for a REST depth answer; `wrapped` is None for a bare event.
    """

    time: int
    stream: str
    data: bytes
    wrapped: bytes | None


class _Wrapped(Struct):
    stream: str | None = None
    data: Raw = Raw()


class _Bare(Struct):
    kind: str | None = msgspec.field(name="e", default=None)
    symbol: str | None = msgspec.field(name="s", default=None)
    bar: dict[str, object] = msgspec.field(name="k", default={})
    update_id: int | None = msgspec.field(name="lastUpdateId", default=None)


_read_wrapped = msgspec.json.Decoder(_Wrapped).decode
_read_bare = msgspec.json.Decoder(_Bare).decode

BARE_STREAMS = {
    "trade": "trade",
    "aggTrade": "aggTrade",
    "24hrTicker": "ticker",
    "24hrMiniTicker": "miniTicker",
    "depthUpdate": "depth@100ms",
    "avgPrice": "avgPrice",
    None: "bookTicker",
}


class Recording:
    """The lines of all files, merged; `skipped` counts the unreadable ones so far.

    `first` is the receive time, in ns, of the earliest line; None without files.
    """

    def __init__(
        self, files: tuple[Path, ...], streams: frozenset[str], first: int | None = None
    ) -> None:
        self.files = files
        self.streams = streams
        self.first = first
        self.skipped = 0

    @classmethod
    def open(cls, files: Iterable[Path]) -> "Recording":
        """Check each file; raises RecordingError for one that cannot be played."""
        files = tuple(files)
        streams: set[str] = set()
        firsts = []
        for path in files:
            lines = list(_scan(path))
            if not lines:
                raise RecordingError(path, "no recorded message in it")
            streams |= {line.stream for line in lines}
            firsts.append(lines[0].time)
        return cls(files, frozenset(streams), min(firsts, default=None))

    @property
    def symbols(self) -> list[str]:
        """The symbols seen so far, in capitals."""
        return sorted({symbol_of(stream) for stream in self.streams} - {""})

    def play(self) -> Iterator[RecordedEvent]:
        """Return every line by receive time; each file keeps its own order."""
        self.skipped = 0
        readers = [self._lines(path) for path in self.files]
        return heapq.merge(*readers, key=lambda line: line.time)

    def _lines(self, path: Path) -> Iterator[RecordedEvent]:
        reader = RecordingReader(path)
        for line in reader:
            yield line
            self.skipped += reader.take_skipped()
        self.skipped += reader.take_skipped()


class RecordingReader:
    """The lines of one file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._skipped = 0
        self._symbol = ""

    def take_skipped(self) -> int:
        """Return the number of unreadable lines since the last call."""
        skipped, self._skipped = self._skipped, 0
        return skipped

    def __iter__(self) -> Iterator[RecordedEvent]:
        with open_file(self._path) as file:
            try:
                for line in file:
                    if recorded := self._read(line):
                        yield recorded
            except BROKEN:
                self._skipped += 1

    def _read(self, line: bytes) -> RecordedEvent | None:
        line = line.strip()
        if not line:
            return None
        head, _, body = line.partition(b" ")
        if not head[:1].isdigit():
            return self._read_note(line)
        try:
            return self._read_json(read_time(head), body)
        except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, RecursionError):
            self._skipped += 1
            return None

    def _read_note(self, line: bytes) -> RecordedEvent | None:
        head, arrow, answer = line.partition(b" -> ")
        request = DEPTH_REQUEST.search(head)
        if arrow and request:
            self._symbol = request[1].decode().lower()
            return self._read(answer)
        if b" <" not in line and not arrow:
            self._skipped += 1
        return None

    def _read_json(self, time: int, body: bytes) -> RecordedEvent | None:
        wrapped = _read_wrapped(body)
        if wrapped.stream:
            self._symbol = wrapped.stream.partition("@")[0]
            data = bytes(wrapped.data)
            if not data:
                raise ValueError("a stream without data")
            return RecordedEvent(time, wrapped.stream, data, body)
        return self._read_bare(time, body)

    def _read_bare(self, time: int, body: bytes) -> RecordedEvent | None:
        bare = _read_bare(body)
        if bare.update_id is not None:
            # A depth answer does not name its symbol: it belongs to the line before it.
            return (
                RecordedEvent(time, f"{self._symbol}@snapshot", body, None)
                if self._symbol
                else None
            )
        if bare.symbol is None:
            return None
        self._symbol = bare.symbol.lower()
        kind = BARE_STREAMS.get(bare.kind, bare.kind)
        if bare.kind == "kline":
            kind = f"kline_{bare.bar.get('i')}"
        return RecordedEvent(time, f"{self._symbol}@{kind}", body, None)


def _scan(path: Path) -> Iterator[RecordedEvent]:
    try:
        for count, line in enumerate(RecordingReader(path)):
            if count >= SCANNED_LINES:
                return
            yield line
    except OSError as error:
        raise RecordingError(path, error.strerror or str(error)) from None


def open_file(path: Path) -> IO[bytes]:
    """Open a file for reading, compressed or not."""
    with path.open("rb") as file:
        compressed = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    if compressed:
        return cast(IO[bytes], gzip.open(path, "rb"))
    return path.open("rb")


def read_time(head: bytes) -> int:
    """Return the time at the beginning of a line, in ns; ValueError where there is none."""
    if not head.endswith(b":"):
        return int(head)
    whole, _, fraction = head[:-1].partition(b".")
    return int(whole) * NANOSECONDS + int(fraction[:9].ljust(9, b"0"))
