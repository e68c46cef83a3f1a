"""Plays recordings together: one clock determines when each of their lines is sent."""

import asyncio
import heapq
import logging
import math
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Any, Protocol

from simulator.market_source import StreamPublisher
from simulator.recording import NANOSECONDS

START_DELAY = 0.5
# How many lines are sent before other tasks run.
BATCH = 64

log = logging.getLogger(__name__)


class RecordedLine(Protocol):
    """A line of a recording."""

    @property
    def time(self) -> int:
        """The receive time in ns."""


class PlayedRecording(Protocol):
    """The recording of one provider; `frames` counts the lines sent."""

    frames: int

    def lines(self) -> Iterator[RecordedLine]:
        """Return every line from the beginning, in order."""

    def send(self, line: Any) -> None:
        """Send a line that is due."""

    def second(self) -> None:
        """Called after each second of the recording."""

    def finish(self) -> None:
        """Called after the last line of all recordings."""


class Player:
    """Plays `recordings` `speed` times as fast as recorded; infinite for as fast as they are read.

    `first_time` and `newest_time` are the receive times, in ns, of the first line and of the newest
    one so far.
    """

    def __init__(
        self, recordings: Sequence[PlayedRecording], speed: float, publisher: StreamPublisher
    ) -> None:
        self.speed = speed
        self.first_time: int | None = None
        self.newest_time = 0
        self.finished = False
        self._recordings = recordings
        self._publisher = publisher
        self._task: asyncio.Task[None] | None = None
        self._began = 0.0
        self._next_second = 0

    @property
    def frames(self) -> int:
        """The number of lines sent so far."""
        return sum(recording.frames for recording in self._recordings)

    def played(self) -> int:
        """Return how much of the recording's time has passed, in ns."""
        return self.newest_time - (self.first_time or 0)

    def speed_text(self) -> str:
        """Return the speed as the command line takes it."""
        return "max" if math.isinf(self.speed) else f"{self.speed:g}"

    def begin(self) -> None:
        """Start playing after a short delay, in which others may subscribe; does nothing after the
        first call."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._play())
            self._task.add_done_callback(_report)

    def stop(self) -> None:
        """Stop playing."""
        if self._task:
            self._task.cancel()

    async def _play(self) -> None:
        await asyncio.sleep(START_DELAY)
        loop = asyncio.get_running_loop()
        self._began = loop.time()
        timed_lines = heapq.merge(*map(_timed_lines, self._recordings), key=itemgetter(0))
        for count, (time, recording, line) in enumerate(timed_lines, 1):
            if self.first_time is None:
                self.first_time, self._next_second = time, time + NANOSECONDS
            while time >= self._next_second:
                await self._wait(self._next_second)
                self._each_second()
            await self._wait(time)
            self.newest_time = max(self.newest_time, time)
            recording.send(line)
            if count % BATCH == 0:
                await self._flush_and_yield()
        self._finish(loop.time() - self._began)

    async def _wait(self, moment: int) -> None:
        if math.isinf(self.speed) or self.first_time is None:
            return
        due = self._began + (moment - self.first_time) / NANOSECONDS / self.speed
        delay = due - asyncio.get_running_loop().time()
        if delay > 0:
            self._publisher.flush()
            await asyncio.sleep(delay)

    async def _flush_and_yield(self) -> None:
        self._publisher.flush()
        await asyncio.sleep(0)
        await self._publisher.drained()

    def _each_second(self) -> None:
        self._next_second += NANOSECONDS
        for recording in self._recordings:
            recording.second()

    def _finish(self, took: float) -> None:
        for recording in self._recordings:
            recording.finish()
        self._publisher.flush()
        self.finished = True
        print(f"tape finished: {self.frames} frames in {took:.1f} s", flush=True)


def _timed_lines(recording: PlayedRecording) -> Iterator[tuple[int, PlayedRecording, RecordedLine]]:
    return ((line.time, recording, line) for line in recording.lines())


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception():
        log.error("the tape stopped", exc_info=task.exception())
