"""Recordings of sources other than Binance, whose frames are replayed as they were recorded.

Lines are `<receive time, ns> <frame>`, plain or compressed. A frame may be any bytes, also none:
what an upstream sent in an outage is part of the outage. For a source that is polled over HTTP a
frame is a call.
"""

import heapq
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path

from msgspec import Struct

from simulator.protocol import SourceEndpoint
from simulator.providers import PROVIDERS
from simulator.recorded_call import RecordedCall
from simulator.recording import BROKEN, SCANNED_LINES, RecordingError, open_file, read_time

ENDPOINTS: Mapping[str, SourceEndpoint] = {
    source: endpoint for venue in PROVIDERS.values() for source, endpoint in venue.endpoints.items()
}
# Binance's events, which are parsed and served by all providers.
READ = ("binance", "simulated")
# The recorder's file names: `day.kraken.gz`, and `day.kraken.1.gz` for an older part.
NAMED = re.compile(rf".+\.({'|'.join(ENDPOINTS)})(\.\d+)?(\.gz)?")


class RecordingFile(Struct, frozen=True):
    """A file to replay and the endpoint of its source; None for Binance."""

    path: Path
    endpoint: SourceEndpoint | None

    @classmethod
    def of(cls, path: Path) -> "RecordingFile":
        """Return the file with the source that its name contains, or that precedes it as in
        `kraken:FILE`."""
        source, colon, rest = str(path).partition(":")
        if colon and (source in ENDPOINTS or source in READ):
            return cls(Path(rest), ENDPOINTS.get(source))
        named = NAMED.fullmatch(path.name)
        return cls(path, ENDPOINTS[named[1]] if named else None)


class RecordedFrame(Struct, frozen=True, gc=False):
    """One line: receive time in ns, the bytes, and whether they are the answer to a call."""

    time: int
    data: bytes
    is_answer: bool


class ByteReplay:
    """All recordings of one provider, merged.

    `first` is the receive time, in ns, of the earliest line, `first_answers` are the first recorded
    calls of each question in each file, in order. `skipped` counts the unreadable lines so far.
    """

    def __init__(self, files: tuple[RecordingFile, ...], heads: list[RecordedFrame]) -> None:
        self.files = files
        self.endpoints = [file.endpoint for file in files if file.endpoint is not None]
        self.first = heads[0].time
        self.first_answers = [RecordedCall.read(head.data) for head in heads if head.is_answer]
        self.skipped = 0

    @classmethod
    def open(cls, files: Iterable[RecordingFile]) -> "ByteReplay":
        """Check each file; raises RecordingError for one that cannot be replayed."""
        files = tuple(files)
        heads = [head for file in files for head in _heads(file)]
        heads.sort(key=lambda frame: frame.time)
        return cls(files, heads)

    def play(self) -> Iterator[RecordedFrame]:
        """Return every frame by receive time; each file keeps its own order."""
        self.skipped = 0
        return heapq.merge(*map(self._frames, self.files), key=lambda frame: frame.time)

    def _frames(self, file: RecordingFile) -> Iterator[RecordedFrame]:
        for frame in _read(file):
            if frame is None:
                self.skipped += 1
            else:
                yield frame


def by_provider(paths: Iterable[Path]) -> tuple[list[Path], dict[str, list[RecordingFile]]]:
    """Return Binance's files, and those of each other provider."""
    binance: list[Path] = []
    others: dict[str, list[RecordingFile]] = {}
    for file in map(RecordingFile.of, paths):
        if file.endpoint is None:
            binance.append(file.path)
        else:
            others.setdefault(file.endpoint.provider, []).append(file)
    return binance, others


def _heads(file: RecordingFile) -> Iterable[RecordedFrame]:
    """Return the first frame; for an endpoint with questions, the first frame of each question."""
    has_questions = file.endpoint is not None and file.endpoint.by_question
    heads: dict[str, RecordedFrame] = {}
    try:
        frames = (frame for frame in _read(file) if frame)
        for frame in islice(frames, SCANNED_LINES if has_questions else 1):
            heads.setdefault(RecordedCall.read(frame.data).question, frame)
    except OSError as error:
        raise RecordingError(file.path, error.strerror or str(error)) from None
    if not heads:
        raise RecordingError(file.path, "no recorded message in it")
    return heads.values()


def _read(file: RecordingFile) -> Iterator[RecordedFrame | None]:
    """Return the frames of one file; None for an unreadable line."""
    is_answer = file.endpoint is not None and file.endpoint.over_http
    with open_file(file.path) as lines:
        try:
            for line in lines:
                if line.strip():
                    yield _frame(line.rstrip(b"\r\n"), is_answer)
        except BROKEN:
            yield None


def _frame(line: bytes, is_answer: bool) -> RecordedFrame | None:
    head, blank, data = line.partition(b" ")
    if not blank or not head[:1].isdigit():
        return None
    try:
        return RecordedFrame(read_time(head), data, is_answer)
    except ValueError:
        return None
