"""The market model as the source of the exchange: when its symbols step, and what is sent."""

import asyncio
import heapq
from collections.abc import Iterable, Mapping
from typing import Any

from omcrm.exchange import event
from omcrm.exchange.clock import MarketClock
from omcrm.exchange.depth_feed import DepthFeed
from omcrm.exchange.digest import Digest
from omcrm.exchange.listing import Listing
from omcrm.exchange.message import Message
from omcrm.exchange.model import Model, Step
from omcrm.exchange.source import Outlet
from omcrm.exchange.trade import Top, Trade
from omcrm.exchange.venue import Venue
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.instrument import Instrument

DIGEST_EVERY = 1.0
WALL = MarketClock()


class Simulation:
    """Every instrument of `catalogue`, traded by the model of one seed."""

    waits_for_readers = False

    def __init__(
        self,
        seed: int,
        outlet: Outlet,
        catalogue: Iterable[Instrument] = CATALOGUE,
        clock: MarketClock = WALL,
    ) -> None:
        self.seed = seed
        self._clock = clock
        self.models = {
            model.listing.symbol: model for model in (Model(item, seed) for item in catalogue)
        }
        self.listings: Mapping[str, Listing] = {
            symbol: model.listing for symbol, model in self.models.items()
        }
        self._outlet = outlet
        self._digest = Digest(outlet)
        self._depth = DepthFeed(self.listings, outlet)
        self._due: list[tuple[float, str]] = []
        self._second = 0
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def describe(self) -> str:
        """Give the words for the line printed at the start."""
        return f"seeded model, seed {self.seed}"

    def now(self) -> int:
        """Give the time in ms: the model lives now, by its clock."""
        return self._clock.now()

    def take_trade_id(self, listing: Listing) -> int:
        """Use up the next trade id of a symbol."""
        return self.models[listing.symbol].take_trade_id()

    def take_update_id(self, listing: Listing) -> int:
        """Use up the next book update id of a symbol."""
        return self.models[listing.symbol].take_update_id()

    def venue(self, name: str, usual: Venue) -> Venue:
        """Give how a venue speaks: as it does."""
        return usual

    def start(self) -> None:
        """Open the market."""
        loop = asyncio.get_running_loop()
        for symbol, model in self.models.items():
            model.begin(self.now())
            heapq.heappush(self._due, (loop.time() + model.wait(), symbol))
        self._step_due()
        self._each_second()
        self._depth.start()

    def stop(self) -> None:
        """Close the market."""
        self._depth.stop()
        for timer in self._timers.values():
            timer.cancel()

    def subscribed(self, streams: Iterable[str]) -> None:
        """Hear of a subscription: the model trades whoever listens."""

    def status(self) -> Mapping[str, Any]:
        """Give what `GET /control` tells about the model."""
        return {"mode": "model", "seed": self.seed, "symbols": list(self.listings)}

    def _step_due(self) -> None:
        loop = asyncio.get_running_loop()
        while self._due[0][0] <= loop.time():
            due, symbol = self._due[0]
            model = self.models[symbol]
            if model.listing.status == "TRADING":
                self._send(model.listing, model.step(self.now()))
            heapq.heapreplace(self._due, (due + model.wait(), symbol))
        self._outlet.flush()
        self._timers["step"] = loop.call_at(self._due[0][0], self._step_due)

    def _send(self, listing: Listing, step: Step) -> None:
        if step.trade:
            self._send_trade(listing, step.trade)
        self._send_top(listing, step.top)

    def _send_trade(self, listing: Listing, trade: Trade) -> None:
        now = self.now()
        for kind, build in (("trade", event.trade), ("aggTrade", event.aggregate_trade)):
            stream = f"{listing.stream}@{kind}"
            if self._outlet.wants(stream):
                self._outlet.publish(Message(stream, build(listing.symbol, trade, now)))

    def _send_top(self, listing: Listing, top: Top) -> None:
        stream = f"{listing.stream}@bookTicker"
        if self._outlet.wants(stream):
            self._outlet.publish(Message(stream, event.book_ticker(listing.symbol, top)))

    def _each_second(self) -> None:
        self._second += 1
        now = self.now()
        for listing in self.listings.values():
            listing.history.advance(now)
        self._digest.publish(self.listings.values(), now, even=self._second % 2 == 0)
        self._outlet.flush()
        loop = asyncio.get_running_loop()
        self._timers["second"] = loop.call_later(DIGEST_EVERY, self._each_second)
