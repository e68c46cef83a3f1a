"""A recorded tape of Binance: several files read as one, in the order lines were received.

Two line formats are read, plain or compressed:

    <receive time, ns> <json>
    <receive time, s>: <json>

The second format's recorder also notes connections and requests, with `<->`, `<-` and `->`; of
those only REST depth answers are of use. What cannot be read is counted and left out.
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

from omcrm.exchange.stream import symbol_of

GZIP_MAGIC = b"\x1f\x8b"
NANOSECONDS = 1_000_000_000
# How far into each file one looks for the symbols it holds before it is played.
SCANNED_LINES = 5_000
DEPTH_REQUEST = re.compile(rb"/depth\?\S*symbol=([A-Z0-9]+)")
BROKEN = (EOFError, zlib.error, gzip.BadGzipFile)


class TapeError(Exception):
    """A tape file cannot be played at all; the process does not start."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(path, problem)
        self.path = path
        self.problem = problem

    def __str__(self) -> str:
        return f"tape {self.path}: {self.problem}"


class Recorded(Struct, frozen=True, gc=False):
    """One line: receive time in ns, the stream it came by, the event, the frame as recorded.

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
    candle: dict[str, object] = msgspec.field(name="k", default={})
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


class Tape:
    """The lines of all files as one, and how many were unreadable so far."""

    def __init__(self, files: tuple[Path, ...], streams: frozenset[str]) -> None:
        self.files = files
        self.streams = streams
        self.skipped = 0

    @classmethod
    def open(cls, files: Iterable[Path]) -> "Tape":
        """Look into each file; TapeError for one that cannot be played."""
        files = tuple(files)
        streams: set[str] = set()
        for path in files:
            found = {line.stream for line in _scan(path)}
            if not found:
                raise TapeError(path, "no recorded message in it")
            streams |= found
        return cls(files, frozenset(streams))

    @property
    def symbols(self) -> list[str]:
        """The symbols found so far, in capitals."""
        return sorted({symbol_of(stream) for stream in self.streams} - {""})

    def play(self) -> Iterator[Recorded]:
        """Give every line in order of receive time, each file's own order kept."""
        self.skipped = 0
        readers = [self._lines(path) for path in self.files]
        return heapq.merge(*readers, key=lambda line: line.time)

    def _lines(self, path: Path) -> Iterator[Recorded]:
        reader = Reader(path)
        for line in reader:
            yield line
            self.skipped += reader.take_skipped()
        self.skipped += reader.take_skipped()


class Reader:
    """The lines of one file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._skipped = 0
        self._symbol = ""

    def take_skipped(self) -> int:
        """Give how many lines were unreadable since the last call."""
        skipped, self._skipped = self._skipped, 0
        return skipped

    def __iter__(self) -> Iterator[Recorded]:
        with opened(self._path) as file:
            try:
                for line in file:
                    if recorded := self._read(line):
                        yield recorded
            except BROKEN:
                self._skipped += 1

    def _read(self, line: bytes) -> Recorded | None:
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

    def _read_note(self, line: bytes) -> Recorded | None:
        head, arrow, answer = line.partition(b" -> ")
        request = DEPTH_REQUEST.search(head)
        if arrow and request:
            self._symbol = request[1].decode().lower()
            return self._read(answer)
        if b" <" not in line and not arrow:
            self._skipped += 1
        return None

    def _read_json(self, time: int, body: bytes) -> Recorded | None:
        wrapped = _read_wrapped(body)
        if wrapped.stream:
            self._symbol = wrapped.stream.partition("@")[0]
            data = bytes(wrapped.data)
            if not data:
                raise ValueError("a stream without data")
            return Recorded(time, wrapped.stream, data, body)
        return self._read_bare(time, body)

    def _read_bare(self, time: int, body: bytes) -> Recorded | None:
        bare = _read_bare(body)
        if bare.update_id is not None:
            # A depth answer does not name its symbol: it belongs to what stands before it.
            return Recorded(time, f"{self._symbol}@snapshot", body, None) if self._symbol else None
        if bare.symbol is None:
            return None
        self._symbol = bare.symbol.lower()
        kind = BARE_STREAMS.get(bare.kind, bare.kind)
        if bare.kind == "kline":
            kind = f"kline_{bare.candle.get('i')}"
        return Recorded(time, f"{self._symbol}@{kind}", body, None)


def _scan(path: Path) -> Iterator[Recorded]:
    try:
        for count, line in enumerate(Reader(path)):
            if count >= SCANNED_LINES:
                return
            yield line
    except OSError as error:
        raise TapeError(path, error.strerror or str(error)) from None


def opened(path: Path) -> IO[bytes]:
    """Open a file for reading, packed or not."""
    with path.open("rb") as file:
        compressed = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    if compressed:
        return cast(IO[bytes], gzip.open(path, "rb"))
    return path.open("rb")


def read_time(head: bytes) -> int:
    """Give the time that a line begins with, in ns; ValueError for what is none."""
    if not head.endswith(b":"):
        return int(head)
    whole, _, fraction = head[:-1].partition(b".")
    return int(whole) * NANOSECONDS + int(fraction[:9].ljust(9, b"0"))
