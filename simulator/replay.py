"""Recordings as the source of the market: the recorded events, and what is derived from them."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from simulator.byte_replay import ByteReplay, by_provider
from simulator.listing import Listing
from simulator.market_source import StreamPublisher
from simulator.playback import Playback
from simulator.player import Player
from simulator.protocol import ProviderProtocol
from simulator.providers import BINANCE
from simulator.recorded_provider import UNRECORDED, RecordedProvider
from simulator.recording import NANOSECONDS, RecordedEvent, Recording
from simulator.redating import Redating, times_of
from simulator.stream_message import StreamMessage
from simulator.stream_name import symbol_of
from simulator.ticker_publisher import TickerPublisher

# Event times of several symbols differ by a little: a minute is closed this much later.
LATENESS = 500
SNAPSHOT = "@snapshot"
# Binance's; `t` is a time only in a bar, in a trade it is its id.
TIMES = times_of(("E", "T", "C", "O", 'k":{"t'))


class Replay:
    """Plays Binance's recording for all providers, or the recordings of several providers together.

    Where other providers have recordings, each one serves its own; a provider without one refuses.
    """

    waits_for_readers = True

    def __init__(
        self,
        recording: Recording,
        speed: float,
        publisher: StreamPublisher,
        recorded: Sequence[RecordedProvider] = (),
        redating: Redating | None = None,
    ) -> None:
        self.frames = 0
        self._recording = recording
        self._recorded = {provider.name: provider for provider in recorded}
        self._streams = frozenset(provider.stream for provider in recorded)
        self._publisher = publisher
        self._redating = redating
        self._playback = Playback(recording.symbols)
        self._tickers = TickerPublisher(publisher)
        self._tickers.recorded.update(recording.streams)
        self._player = Player((self, *recorded), speed, publisher)
        self._second = 0

    @classmethod
    def open(
        cls,
        files: Iterable[Path],
        speed: float,
        publisher: StreamPublisher,
        redate: bool = False,
    ) -> "Replay":
        """Check each file and find its source from the name; raises RecordingError for a bad
        one.

        With `redate` the recording happens now.
        """
        binance, others = by_provider(files)
        recording = Recording.open(binance)
        replays = {name: ByteReplay.open(item) for name, item in others.items()}
        first = _first(recording, replays.values())
        redating = Redating(first, speed) if redate else None
        recorded = [
            RecordedProvider(name, replay, publisher, redating) for name, replay in replays.items()
        ]
        return cls(recording, speed, publisher, recorded, redating)

    @property
    def recorded_at(self) -> datetime | None:
        """When the first line was received; None where the recording is redated."""
        if self._redating is not None:
            return None
        recordings = [provider.recording for provider in self._recorded.values()]
        first = _first(self._recording, recordings)
        return datetime.fromtimestamp(first / NANOSECONDS, UTC)

    @property
    def listings(self) -> Mapping[str, Listing]:
        """The symbols of Binance's recording."""
        return self._playback.listings

    def describe(self) -> str:
        """Return the description for the line printed at the start."""
        files = len(self._files())
        return f"tape: {files} file{'s' if files > 1 else ''}, speed {self._player.speed_text()}"

    def now(self) -> int:
        """Return the newest event time so far, else the newest receive time; the wall clock before
        any, and without event times where the recording is redated."""
        received = 0 if self._redating else self._player.newest_time // 1_000_000
        return self._playback.time or received or _wall()

    def take_trade_id(self, listing: Listing) -> int:
        """Return the id after the last trade; the recording's next trade may have it too."""
        return listing.last.id + 1 if listing.last else 1

    def take_update_id(self, listing: Listing) -> int:
        """Return the id after the last book update; the recording's next one may have it too."""
        return listing.top.update_id + 1 if listing.top else 1

    def protocol(self, name: str, usual: ProviderProtocol) -> ProviderProtocol:
        """Return a provider's protocol: that of its recording, where it has one."""
        if recorded := self._recorded.get(name):
            return recorded.protocol()
        if self._recorded and not (name == BINANCE and self._recording.files):
            return UNRECORDED
        return usual

    def start(self) -> None:
        """Wait for the first subscriber."""

    def stop(self) -> None:
        """Stop playing."""
        self._player.stop()

    def subscribed(self, streams: Iterable[str]) -> None:
        """Start playing at the first subscription to a recorded stream."""
        if any(name in self._streams or symbol_of(name) in self.listings for name in streams):
            self._player.begin()

    def status(self) -> Mapping[str, Any]:
        """Return the recordings' part of `GET /control`."""
        player, recorded = self._player, self._recorded.values()
        own = {BINANCE: self.frames} if self._recording.files else {}
        return {
            "mode": "tape",
            "symbols": list(self.listings),
            "tape": {
                "files": [path.name for path in self._files()],
                "speed": player.speed_text(),
                "started": player.first_time is not None,
                "finished": player.finished,
                "frames": player.frames,
                "frames_of_venues": {
                    **own,
                    **{provider.name: provider.frames for provider in recorded},
                },
                "skipped": self._recording.skipped
                + sum(provider.recording.skipped for provider in recorded),
                "unreadable_events": self._playback.unreadable,
                "position_seconds": round(player.played() / NANOSECONDS, 3),
            },
        }

    def _files(self) -> list[Path]:
        others = (
            file.path for provider in self._recorded.values() for file in provider.recording.files
        )
        return [*self._recording.files, *others]

    # Binance's recording

    def lines(self) -> Iterator[RecordedEvent]:
        """Return every line."""
        return self._recording.play()

    def send(self, line: RecordedEvent) -> None:
        """Apply a line to its symbol and publish it."""
        if self._redating is not None:
            line = _redated(line, self._redating)
        self._playback.apply(line)
        if line.stream.endswith(SNAPSHOT):
            return
        self.frames += 1
        if line.stream not in self._tickers.recorded:
            self._tickers.recorded.add(line.stream)
        if self._publisher.wants(line.stream):
            self._publisher.publish(StreamMessage(line.stream, line.data, line.wrapped))

    def second(self) -> None:
        """Publish what is due every second."""
        self._second += 1
        now = self.now()
        for listing in self.listings.values():
            listing.history.advance(now - LATENESS)
        self._tickers.publish(self.listings.values(), now, even=self._second % 2 == 0)

    def finish(self) -> None:
        """Publish the final 24-hour figures."""
        self._tickers.publish_tickers(self.listings.values(), self.now())


def _redated(line: RecordedEvent, redating: Redating) -> RecordedEvent:
    redating.follow(line.time)
    data = redating.redated(line.data, TIMES)
    wrapped = None if line.wrapped is None else line.wrapped.replace(line.data, data)
    return RecordedEvent(line.time, line.stream, data, wrapped)


def _first(recording: Recording, others: Iterable[ByteReplay]) -> int:
    """The receive time of the earliest line."""
    firsts = [other.first for other in others]
    return min(firsts if recording.first is None else [recording.first, *firsts])


def _wall() -> int:
    return time.time_ns() // 1_000_000
