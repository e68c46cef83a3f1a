"""Plays tapes together: one clock says when each of their lines is sent."""

import asyncio
import heapq
import logging
import math
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Any, Protocol

from omcrm.exchange.source import Outlet
from omcrm.exchange.tape import NANOSECONDS

START_DELAY = 0.5
# How many lines go out before others get their turn.
BATCH = 64

log = logging.getLogger(__name__)


class Line(Protocol):
    """What stands on a tape."""

    @property
    def time(self) -> int:
        """When it was received, in ns."""


class Reel(Protocol):
    """One venue's part of what is played; `frames` counts what was sent."""

    frames: int

    def lines(self) -> Iterator[Line]:
        """Give every line from the beginning, in order."""

    def send(self, line: Any) -> None:
        """Send a line, whose time has come."""

    def second(self) -> None:
        """A second of the recording is over."""

    def finish(self) -> None:
        """The last line of all tapes has been sent."""


class Player:
    """Plays `reels` `speed` times as fast as recorded; infinite for as fast as they are read.

    `first` and `position` are the times, in ns, of the first line of all and of the newest so far.
    """

    def __init__(self, reels: Sequence[Reel], speed: float, outlet: Outlet) -> None:
        self.speed = speed
        self.first: int | None = None
        self.position = 0
        self.finished = False
        self._reels = reels
        self._outlet = outlet
        self._task: asyncio.Task[None] | None = None
        self._began = 0.0
        self._next_second = 0

    @property
    def frames(self) -> int:
        """How many lines were sent so far."""
        return sum(reel.frames for reel in self._reels)

    def played(self) -> int:
        """Give how much of the recording's time has passed, in ns."""
        return self.position - (self.first or 0)

    def speed_text(self) -> str:
        """Give the speed as it is asked for."""
        return "max" if math.isinf(self.speed) else f"{self.speed:g}"

    def begin(self) -> None:
        """Play, after a moment for the others to ask as well; harmless where it has begun."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._play())
            self._task.add_done_callback(_report)

    def stop(self) -> None:
        """Play no further."""
        if self._task:
            self._task.cancel()

    async def _play(self) -> None:
        await asyncio.sleep(START_DELAY)
        loop = asyncio.get_running_loop()
        self._began = loop.time()
        cues = heapq.merge(*map(_cues, self._reels), key=itemgetter(0))
        for count, (time, reel, line) in enumerate(cues, 1):
            if self.first is None:
                self.first, self._next_second = time, time + NANOSECONDS
            while time >= self._next_second:
                await self._wait(self._next_second)
                self._each_second()
            await self._wait(time)
            self.position = max(self.position, time)
            reel.send(line)
            if count % BATCH == 0:
                await self._let_out()
        self._finish(loop.time() - self._began)

    async def _wait(self, moment: int) -> None:
        if math.isinf(self.speed) or self.first is None:
            return
        due = self._began + (moment - self.first) / NANOSECONDS / self.speed
        delay = due - asyncio.get_running_loop().time()
        if delay > 0:
            self._outlet.flush()
            await asyncio.sleep(delay)

    async def _let_out(self) -> None:
        self._outlet.flush()
        await asyncio.sleep(0)
        await self._outlet.drained()

    def _each_second(self) -> None:
        self._next_second += NANOSECONDS
        for reel in self._reels:
            reel.second()

    def _finish(self, took: float) -> None:
        for reel in self._reels:
            reel.finish()
        self._outlet.flush()
        self.finished = True
        print(f"tape finished: {self.frames} frames in {took:.1f} s", flush=True)


def _cues(reel: Reel) -> Iterator[tuple[int, Reel, Line]]:
    return ((line.time, reel, line) for line in reel.lines())


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception():
        log.error("the tape stopped", exc_info=task.exception())
