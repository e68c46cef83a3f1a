"""Records the frames of upstreams, byte for byte, within a bound on the disk."""

import gzip
import logging
import queue
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

from omcrm.feeds.provider import Call, Reply

_log = logging.getLogger(__name__)

# So many frames may wait for the disk; more are counted as lost.
_MOST_WAITING = 100_000
_FLUSH_EVERY = 1.0
_MEGABYTE = 1_000_000
_UNANSWERED = Reply(0, {}, b"")


def asked(call: Call, reply: Reply | None) -> bytes:
    """A call as a recorded frame: `<status> <Retry-After or -> <path and query> <body>`.

    Without an answer the status is 000 and the body empty.
    """
    reply = reply or _UNANSWERED
    url = urlsplit(call.url)
    question = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
    wait = reply.headers.get("retry-after", "")
    head = f"{reply.status:03d} {wait if wait.isdecimal() else '-'} {question} "
    return head.encode() + reply.body


class Recorder:
    """Writes one recording for each source beside `out`: `day.gz` becomes `day.binance.gz`.

    Lines are `<receive time in ns> <frame>`. A file that has grown to its share of `megabytes`
    becomes `day.binance.1.gz` and so on, and the oldest of `parts` is deleted. `take` may be called
    from any thread and never waits for the disk.
    """

    def __init__(self, out: Path, megabytes: int = 1_000, parts: int = 4) -> None:
        self.frames = 0
        self.lost = 0
        self._out = out
        self._share = max(1, megabytes * _MEGABYTE // parts)
        self._parts = parts
        self._waiting: queue.Queue[tuple[str, int, bytes] | None] = queue.Queue(_MOST_WAITING)
        self._recordings: dict[str, _RecordingFile] = {}
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)

    def start(self) -> None:
        """Begin to write, in the background."""
        self._out.parent.mkdir(parents=True, exist_ok=True)
        self._thread.start()

    def stop(self) -> None:
        """Write what is queued and close the recordings."""
        self._waiting.put(None)
        self._thread.join()

    def take(self, source: str, frame: bytes) -> None:
        """Queue a frame that has just arrived; a full queue counts it as lost."""
        try:
            self._waiting.put_nowait((source, time.time_ns(), frame))
        except queue.Full:
            self.lost += 1

    def files(self) -> list[Path]:
        """The recordings, the newest part of each source."""
        return [recording.path for recording in self._recordings.values()]

    def _run(self) -> None:
        try:
            while (taken := self._waiting.get()) is not None:
                source, at, frame = taken
                self._recording_of(source).write(at, frame)
                self.frames += 1
        except OSError as error:
            _log.error("recording ended: %s", error)
        finally:
            for recording in self._recordings.values():
                recording.close()

    def _recording_of(self, source: str) -> "_RecordingFile":
        if source not in self._recordings:
            stem = self._out.name.removesuffix(".gz")
            self._recordings[source] = _RecordingFile(
                self._out.parent, f"{stem}.{source}", self._share
            )
        recording = self._recordings[source]
        recording.rotate_if_full(self._parts)
        return recording


class _RecordingFile:
    def __init__(self, folder: Path, stem: str, share: int) -> None:
        self._folder, self._stem, self._share = folder, stem, share
        self.path = folder / f"{stem}.gz"
        self._file = gzip.GzipFile(self.path, "wb", compresslevel=4)
        self._flushed_at = time.monotonic()

    def write(self, at: int, frame: bytes) -> None:
        # A frame of JSON has no line breaks that matter; a line must have none.
        self._file.write(b"%d %s\n" % (at, frame.replace(b"\n", b" ").replace(b"\r", b" ")))
        now = time.monotonic()
        if now - self._flushed_at >= _FLUSH_EVERY:
            self._flushed_at = now
            self._file.flush()

    def rotate_if_full(self, parts: int) -> None:
        if self.path.stat().st_size < self._share:
            return
        self._file.close()
        self._numbered_path(parts - 1).unlink(missing_ok=True)
        for number in range(parts - 2, 0, -1):
            if self._numbered_path(number).exists():
                self._numbered_path(number).rename(self._numbered_path(number + 1))
        self.path.rename(self._numbered_path(1))
        self._file = gzip.GzipFile(self.path, "wb", compresslevel=4)

    def close(self) -> None:
        self._file.close()

    def _numbered_path(self, number: int) -> Path:
        return self._folder / f"{self._stem}.{number}.gz"
