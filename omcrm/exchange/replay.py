"""A tape as the source of the exchange: what its lines bring, and what is derived from them."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from omcrm.exchange.digest import Digest
from omcrm.exchange.listing import Listing
from omcrm.exchange.message import Message
from omcrm.exchange.playback import Playback
from omcrm.exchange.player import Player
from omcrm.exchange.source import Outlet
from omcrm.exchange.stream import symbol_of
from omcrm.exchange.tape import NANOSECONDS, Recorded, Tape
from omcrm.exchange.taped_venue import UNTAPED, TapedVenue
from omcrm.exchange.venue import Venue
from omcrm.exchange.venues import BINANCE
from omcrm.exchange.verbatim import Verbatim, by_venue

# Event times of several symbols differ by a little: a minute is closed this much later.
LATENESS = 500
SNAPSHOT = "@snapshot"


class Replay:
    """Plays Binance's tape, which all venues tell of, or that and the tapes of others beside it.

    Where others have tapes, each venue tells of its own; one that has none refuses.
    """

    waits_for_readers = True

    def __init__(
        self, tape: Tape, speed: float, outlet: Outlet, taped: Sequence[TapedVenue] = ()
    ) -> None:
        self.frames = 0
        self._tape = tape
        self._taped = {venue.name: venue for venue in taped}
        self._streams = frozenset(venue.stream for venue in taped)
        self._outlet = outlet
        self._playback = Playback(tape.symbols)
        self._digest = Digest(outlet)
        self._digest.recorded.update(tape.streams)
        self._player = Player((self, *taped), speed, outlet)
        self._second = 0

    @classmethod
    def open(cls, files: Iterable[Path], speed: float, outlet: Outlet) -> "Replay":
        """Look into each file, whose name says of which source it is; TapeError for a bad one."""
        binance, others = by_venue(files)
        taped = [TapedVenue(name, Verbatim.open(item), outlet) for name, item in others.items()]
        return cls(Tape.open(binance), speed, outlet, taped)

    @property
    def listings(self) -> Mapping[str, Listing]:
        """The symbols of Binance's tape."""
        return self._playback.listings

    def describe(self) -> str:
        """Give the words for the line printed at the start."""
        files = len(self._files())
        return f"tape: {files} file{'s' if files > 1 else ''}, speed {self._player.speed_text()}"

    def now(self) -> int:
        """Give the newest event time so far, else the tapes' own; the wall clock before any."""
        return self._playback.time or self._player.position // 1_000_000 or _wall()

    def take_trade_id(self, listing: Listing) -> int:
        """Give the id after the last trade; the tape's next trade may well carry it too."""
        return listing.last.id + 1 if listing.last else 1

    def take_update_id(self, listing: Listing) -> int:
        """Give the id after the last book update; the tape's next may well carry it too."""
        return listing.top.update_id + 1 if listing.top else 1

    def venue(self, name: str, usual: Venue) -> Venue:
        """Give how a venue speaks: where it has a tape of its own, as that does."""
        if taped := self._taped.get(name):
            return taped.venue()
        if self._taped and not (name == BINANCE and self._tape.files):
            return UNTAPED
        return usual

    def start(self) -> None:
        """Wait for the first subscriber."""

    def stop(self) -> None:
        """Play no further."""
        self._player.stop()

    def subscribed(self, streams: Iterable[str]) -> None:
        """Begin to play when the first client asks for what is on a tape."""
        if any(name in self._streams or symbol_of(name) in self.listings for name in streams):
            self._player.begin()

    def status(self) -> Mapping[str, Any]:
        """Give what `GET /control` tells about the tapes."""
        player, taped = self._player, self._taped.values()
        own = {BINANCE: self.frames} if self._tape.files else {}
        return {
            "mode": "tape",
            "symbols": list(self.listings),
            "tape": {
                "files": [path.name for path in self._files()],
                "speed": player.speed_text(),
                "started": player.first is not None,
                "finished": player.finished,
                "frames": player.frames,
                "frames_of_venues": {**own, **{venue.name: venue.frames for venue in taped}},
                "skipped": self._tape.skipped + sum(venue.tape.skipped for venue in taped),
                "unreadable_events": self._playback.unreadable,
                "position_seconds": round(player.played() / NANOSECONDS, 3),
            },
        }

    def _files(self) -> list[Path]:
        others = (reading.path for venue in self._taped.values() for reading in venue.tape.readings)
        return [*self._tape.files, *others]

    # Binance's part of what is played

    def lines(self) -> Iterator[Recorded]:
        """Give every line."""
        return self._tape.play()

    def send(self, line: Recorded) -> None:
        """Let a line move its symbol, and pass it on."""
        self._playback.apply(line)
        if line.stream.endswith(SNAPSHOT):
            return
        self.frames += 1
        if line.stream not in self._digest.recorded:
            self._digest.recorded.add(line.stream)
        if self._outlet.wants(line.stream):
            self._outlet.publish(Message(line.stream, line.data, line.wrapped))

    def second(self) -> None:
        """Tell what a second brings."""
        self._second += 1
        now = self.now()
        for listing in self.listings.values():
            listing.history.advance(now - LATENESS)
        self._digest.publish(self.listings.values(), now, even=self._second % 2 == 0)

    def finish(self) -> None:
        """Tell the day's figures as they are in the end."""
        self._digest.publish_tickers(self.listings.values(), self.now())


def _wall() -> int:
    return time.time_ns() // 1_000_000
