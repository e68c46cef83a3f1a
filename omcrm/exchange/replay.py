"""A tape as the source of the exchange: when its lines are sent, and what is derived from them."""

import asyncio
import logging
import math
import time
from collections.abc import Iterable, Mapping
from typing import Any

from omcrm.exchange.digest import Digest
from omcrm.exchange.listing import Listing
from omcrm.exchange.message import Message
from omcrm.exchange.playback import Playback
from omcrm.exchange.source import Outlet
from omcrm.exchange.stream import symbol_of
from omcrm.exchange.tape import NANOSECONDS, Recorded, Tape

START_DELAY = 0.5
# How many lines go out before others get their turn.
BATCH = 64
# Event times of several symbols differ by a little: a minute is closed this much later.
LATENESS = 500
SNAPSHOT = "@snapshot"

log = logging.getLogger(__name__)


class Replay:
    """Plays a tape `speed` times as fast as it was recorded; infinite for as fast as it is read."""

    waits_for_readers = True

    def __init__(self, tape: Tape, speed: float, outlet: Outlet) -> None:
        self.speed = speed
        self.frames = 0
        self.finished = False
        self.position = 0
        self._tape = tape
        self._outlet = outlet
        self._playback = Playback(tape.symbols)
        self._digest = Digest(outlet)
        self._digest.recorded.update(tape.streams)
        self._task: asyncio.Task[None] | None = None
        self._first = 0
        self._began = 0.0
        self._next_second = 0
        self._second = 0

    @property
    def listings(self) -> Mapping[str, Listing]:
        """The symbols of the tape."""
        return self._playback.listings

    def describe(self) -> str:
        """Give the words for the line printed at the start."""
        files = len(self._tape.files)
        return f"tape: {files} file{'s' if files > 1 else ''}, speed {self._speed_text()}"

    def now(self) -> int:
        """Give the newest event time of the tape so far; the wall clock before any."""
        return self._playback.time or time.time_ns() // 1_000_000

    def take_trade_id(self, listing: Listing) -> int:
        """Give the id after the last trade; the tape's next trade may well carry it too."""
        return listing.last.id + 1 if listing.last else 1

    def take_update_id(self, listing: Listing) -> int:
        """Give the id after the last book update; the tape's next may well carry it too."""
        return listing.top.update_id + 1 if listing.top else 1

    def start(self) -> None:
        """Wait for the first subscriber."""

    def stop(self) -> None:
        """Play no further."""
        if self._task:
            self._task.cancel()

    def subscribed(self, streams: Iterable[str]) -> None:
        """Begin to play when the first client asks for a symbol on the tape."""
        if self._task is None and any(symbol_of(name) in self.listings for name in streams):
            self._task = asyncio.get_running_loop().create_task(self._play())
            self._task.add_done_callback(_report)

    def status(self) -> Mapping[str, Any]:
        """Give what `GET /control` tells about the tape."""
        return {
            "mode": "tape",
            "symbols": list(self.listings),
            "tape": {
                "files": [path.name for path in self._tape.files],
                "speed": self._speed_text(),
                "started": self._first > 0,
                "finished": self.finished,
                "frames": self.frames,
                "skipped": self._tape.skipped,
                "unreadable_events": self._playback.unreadable,
                "position_seconds": round((self.position - self._first) / NANOSECONDS, 3),
            },
        }

    async def _play(self) -> None:
        await asyncio.sleep(START_DELAY)
        loop = asyncio.get_running_loop()
        self._began = loop.time()
        for count, line in enumerate(self._tape.play(), 1):
            if not self._first:
                self._first, self._next_second = line.time, line.time + NANOSECONDS
            while line.time >= self._next_second:
                await self._wait(self._next_second)
                self._each_second()
            await self._wait(line.time)
            self._send(line)
            if count % BATCH == 0:
                await self._let_out()
        self._finish(loop.time() - self._began)

    async def _wait(self, moment: int) -> None:
        if math.isinf(self.speed):
            return
        due = self._began + (moment - self._first) / NANOSECONDS / self.speed
        delay = due - asyncio.get_running_loop().time()
        if delay > 0:
            self._outlet.flush()
            await asyncio.sleep(delay)

    async def _let_out(self) -> None:
        self._outlet.flush()
        await asyncio.sleep(0)
        await self._outlet.drained()

    def _send(self, line: Recorded) -> None:
        self.position = max(self.position, line.time)
        self._playback.apply(line)
        if line.stream.endswith(SNAPSHOT):
            return
        self.frames += 1
        if line.stream not in self._digest.recorded:
            self._digest.recorded.add(line.stream)
        if self._outlet.wants(line.stream):
            self._outlet.publish(Message(line.stream, line.data, line.wrapped))

    def _each_second(self) -> None:
        self._next_second += NANOSECONDS
        self._second += 1
        now = self.now()
        for listing in self.listings.values():
            listing.history.advance(now - LATENESS)
        self._digest.publish(self.listings.values(), now, even=self._second % 2 == 0)

    def _finish(self, took: float) -> None:
        self._digest.publish_tickers(self.listings.values(), self.now())
        self._outlet.flush()
        self.finished = True
        print(f"tape finished: {self.frames} frames in {took:.1f} s", flush=True)

    def _speed_text(self) -> str:
        return "max" if math.isinf(self.speed) else f"{self.speed:g}"


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception():
        log.error("the tape stopped", exc_info=task.exception())
