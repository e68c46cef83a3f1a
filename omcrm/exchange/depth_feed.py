"""The depth streams: what changed in a book, and its best levels, by the clock."""

import asyncio
import time
from collections.abc import Mapping

from omcrm.exchange import event
from omcrm.exchange.book import Watch
from omcrm.exchange.listing import Listing
from omcrm.exchange.message import Message
from omcrm.exchange.source import Outlet

EVERY = 0.1
SLOW_TICKS = 10
PARTIAL = {"depth5": 5, "depth10": 10, "depth20": 20}


class DepthFeed:
    """Publishes the depth streams somebody wants."""

    def __init__(self, listings: Mapping[str, Listing], outlet: Outlet) -> None:
        self._listings = listings
        self._outlet = outlet
        self._watches: dict[str, Watch] = {}
        self._sent: dict[str, int] = {}
        self._tick = 0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Look ten times a second."""
        self._timer = asyncio.get_running_loop().call_later(EVERY, self.start)
        self._tick += 1
        wanted = [name for name in self._outlet.wanted() if "@depth" in name]
        self._forget(set(wanted))
        for stream in wanted:
            symbol, kind, *speed = stream.split("@")
            listing = self._listings.get(symbol.upper())
            if listing is None or symbol != listing.stream or speed not in ([], ["100ms"]):
                continue
            self._watch(stream, kind, listing)
            if speed or self._tick % SLOW_TICKS == 0:
                self._publish(stream, kind, listing)
        self._outlet.flush()

    def stop(self) -> None:
        """Look no more."""
        if self._timer:
            self._timer.cancel()

    def _watch(self, stream: str, kind: str, listing: Listing) -> None:
        if kind == "depth" and stream not in self._watches:
            watch = self._watches[stream] = Watch(listing.book)
            listing.book.watches.append(watch)

    def _publish(self, stream: str, kind: str, listing: Listing) -> None:
        if kind == "depth":
            payload = self._changes(stream, listing)
        elif kind in PARTIAL and self._sent.get(stream) != listing.book.update_id:
            self._sent[stream] = listing.book.update_id
            payload = event.depth_snapshot(listing, PARTIAL[kind])
        else:
            return
        if payload:
            self._outlet.publish(Message(stream, payload))

    def _changes(self, stream: str, listing: Listing) -> bytes | None:
        change = self._watches[stream].take()
        if change is None:
            return None
        return event.depth_update(listing.symbol, change, time.time_ns() // 1_000_000)

    def _forget(self, wanted: set[str]) -> None:
        for stream in [name for name in self._watches if name not in wanted]:
            watch = self._watches.pop(stream)
            for listing in self._listings.values():
                if watch in listing.book.watches:
                    listing.book.watches.remove(watch)
