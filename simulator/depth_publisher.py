"""The depth streams: book changes and best levels, at fixed intervals."""

import asyncio
import time
from collections.abc import Mapping

from simulator import event
from simulator.listing import Listing
from simulator.market_source import StreamPublisher
from simulator.simulated_book import BookSubscription
from simulator.stream_message import StreamMessage

EVERY = 0.1
SLOW_TICKS = 10
PARTIAL = {"depth5": 5, "depth10": 10, "depth20": 20}


class DepthPublisher:
    """Publishes the subscribed depth streams."""

    def __init__(self, listings: Mapping[str, Listing], publisher: StreamPublisher) -> None:
        self._listings = listings
        self._publisher = publisher
        self._subscriptions: dict[str, BookSubscription] = {}
        self._sent: dict[str, int] = {}
        self._tick = 0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Publish ten times a second."""
        self._timer = asyncio.get_running_loop().call_later(EVERY, self.start)
        self._tick += 1
        wanted = [name for name in self._publisher.wanted() if "@depth" in name]
        self._forget(set(wanted))
        for stream in wanted:
            symbol, kind, *speed = stream.split("@")
            listing = self._listings.get(symbol.upper())
            if listing is None or symbol != listing.stream or speed not in ([], ["100ms"]):
                continue
            self._subscribe(stream, kind, listing)
            if speed or self._tick % SLOW_TICKS == 0:
                self._publish(stream, kind, listing)
        self._publisher.flush()

    def stop(self) -> None:
        """Stop publishing."""
        if self._timer:
            self._timer.cancel()

    def _subscribe(self, stream: str, kind: str, listing: Listing) -> None:
        if kind == "depth" and stream not in self._subscriptions:
            subscription = self._subscriptions[stream] = BookSubscription(listing.book)
            listing.book.subscriptions.append(subscription)

    def _publish(self, stream: str, kind: str, listing: Listing) -> None:
        if kind == "depth":
            payload = self._changes(stream, listing)
        elif kind in PARTIAL and self._sent.get(stream) != listing.book.update_id:
            self._sent[stream] = listing.book.update_id
            payload = event.depth_snapshot(listing, PARTIAL[kind])
        else:
            return
        if payload:
            self._publisher.publish(StreamMessage(stream, payload))

    def _changes(self, stream: str, listing: Listing) -> bytes | None:
        change = self._subscriptions[stream].take()
        if change is None:
            return None
        return event.depth_update(listing.symbol, change, time.time_ns() // 1_000_000)

    def _forget(self, wanted: set[str]) -> None:
        for stream in [name for name in self._subscriptions if name not in wanted]:
            subscription = self._subscriptions.pop(stream)
            for listing in self._listings.values():
                if subscription in listing.book.subscriptions:
                    listing.book.subscriptions.remove(subscription)
