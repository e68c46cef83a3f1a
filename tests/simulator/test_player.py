import asyncio
import math
import time
from collections.abc import Iterator

import pytest
from msgspec import Struct

from simulator import player
from simulator.player import BATCH, Player
from simulator.stream_subscriptions import StreamSubscriptions

SECOND = 1_000_000_000
START = 1_723_161_254 * SECOND


class Written(Struct, frozen=True):
    """A line of a recording."""

    time: int


class Noted:
    """A recording that notes its calls and their times in a list that several may share."""

    def __init__(self, name: str, times: list[float], notes: list[tuple[str, str, float]]) -> None:
        self.frames = 0
        self._name = name
        self._times = times
        self._notes = notes

    def lines(self) -> Iterator[Written]:
        """The times as lines."""
        return (Written(START + round(time * SECOND)) for time in self._times)

    def send(self, line: Written) -> None:
        """Note it with its receive time."""
        self.frames += 1
        self._note("line", (line.time - START) / SECOND)

    def second(self) -> None:
        """Note it with the time it is."""
        self._note("second", asyncio.get_running_loop().time())

    def finish(self) -> None:
        """Note it."""
        self._note("finish", 0.0)

    def _note(self, what: str, when: float) -> None:
        self._notes.append((self._name, what, when))


async def played(recordings: list[Noted], speed: float) -> Player:
    """A player that has finished."""
    made = Player(recordings, speed, StreamSubscriptions())
    made.begin()
    made.begin()
    for _ in range(500):
        if made.finished:
            return made
        await asyncio.sleep(0.01)
    raise AssertionError("it did not finish")


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Playing begins without a delay."""
    monkeypatch.setattr(player, "START_DELAY", 0.0)


@pytest.fixture
def notes() -> list[tuple[str, str, float]]:
    """The calls that the recordings of a test noted."""
    return []


def test_recordings_are_played_together_by_their_times(notes) -> None:
    """Also at full speed; of two lines of one moment the first recording's comes first."""
    recordings = [Noted("a", [0.2, 0.5, 0.5], notes), Noted("b", [0.1, 0.3, 0.5], notes)]
    made = asyncio.run(played(recordings, math.inf))

    assert [("b", 0.1), ("a", 0.2), ("b", 0.3), ("a", 0.5), ("a", 0.5), ("b", 0.5)] == [
        (name, when) for name, what, when in notes if what == "line"
    ]
    assert START + SECOND // 10 == made.first_time
    assert 0.4 == made.played() / SECOND
    assert (6, "max") == (made.frames, made.speed_text())


def test_seconds_are_of_the_recording(notes) -> None:
    """Each recording gets each second since the first line of all, before the lines after it."""
    recordings = [Noted("a", [0.0, 2.5], notes), Noted("b", [1.5], notes)]
    began = time.monotonic()
    asyncio.run(played(recordings, 20.0))

    assert ["a line", "a second", "b second", "b line", "a second", "b second", "a line"] == [
        f"{name} {what}" for name, what, _ in notes[:-2]
    ]
    assert [("a", "finish", 0.0), ("b", "finish", 0.0)] == notes[-2:]
    first, second = (when for name, what, when in notes if (name, what) == ("a", "second"))
    # At twenty times the speed; a busy machine is late, but nothing is early.
    assert 0.05 <= first - began
    assert 0.1 <= second - began


def test_an_interrupted_player_plays_no_further(notes) -> None:
    """After a stop no line is sent, and the recordings are not called finished."""

    async def scenario() -> Player:
        made = Player([Noted("a", [0.0, 60.0], notes)], 1.0, StreamSubscriptions())
        made.stop()
        made.begin()
        await asyncio.sleep(0.05)
        made.stop()
        await asyncio.sleep(0.01)
        return made

    made = asyncio.run(scenario())

    assert [("a", "line", 0.0)] == notes
    assert (False, 1) == (made.finished, made.frames)


def test_it_waits_for_slow_readers(notes) -> None:
    """At full speed a full reader stops all recordings after a batch, until it has caught up."""

    class SlowReceiver:
        def deliver(self, message: object) -> None:
            """Nothing comes."""

        def flush(self) -> None:
            """Nothing is queued."""

    async def scenario() -> tuple[int, int]:
        subscriptions, reader = StreamSubscriptions(), SlowReceiver()
        made = Player([Noted("a", [0.0] * (BATCH + 5), notes)], math.inf, subscriptions)
        subscriptions.mark_full(reader)
        made.begin()
        await asyncio.sleep(0.05)
        halfway = made.frames
        subscriptions.mark_free(reader)
        await asyncio.sleep(0.05)
        return halfway, made.frames

    assert (BATCH, BATCH + 5) == asyncio.run(scenario())


def test_an_error_while_playing_is_logged(notes, caplog) -> None:
    """And raised nowhere else."""

    class Broken(Noted):
        def send(self, line: Written) -> None:
            """Fail."""
            raise RuntimeError("a bad line")

    async def scenario() -> None:
        Player([Broken("a", [0.0], notes)], 1.0, StreamSubscriptions()).begin()
        await asyncio.sleep(0.05)

    asyncio.run(scenario())

    assert ["the tape stopped"] == [record.message for record in caplog.records]
