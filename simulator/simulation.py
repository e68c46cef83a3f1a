"""The market model as the source of the market: when its symbols trade, and what is published."""

import asyncio
import heapq
from collections.abc import Iterable, Mapping
from typing import Any

from omcrm.market.catalogue import CATALOGUE
from omcrm.market.instrument import Instrument
from simulator import event
from simulator.clock import MarketClock
from simulator.depth_publisher import DepthPublisher
from simulator.listing import Listing
from simulator.market_source import StreamPublisher
from simulator.model import Model, Step
from simulator.protocol import ProviderProtocol
from simulator.simulated_trade import SimulatedTrade, Top
from simulator.stream_message import StreamMessage
from simulator.ticker_publisher import TickerPublisher

DIGEST_EVERY = 1.0
WALL = MarketClock()
# Steps that are late by up to so many seconds are made up for.
_MADE_UP_FOR = 0.5


class Simulation:
    """Every instrument of `catalogue`, traded by the model of one seed."""

    waits_for_readers = False
    recorded_at = None

    def __init__(
        self,
        seed: int,
        publisher: StreamPublisher,
        catalogue: Iterable[Instrument] = CATALOGUE,
        clock: MarketClock = WALL,
        *,
        swings: bool = False,
    ) -> None:
        self.seed = seed
        self._clock = clock
        self.models = {
            model.listing.symbol: model
            for model in (Model(item, seed, swings=swings) for item in catalogue)
        }
        self.listings: Mapping[str, Listing] = {
            symbol: model.listing for symbol, model in self.models.items()
        }
        self._publisher = publisher
        self._tickers = TickerPublisher(publisher)
        self._depth = DepthPublisher(self.listings, publisher)
        self._due: list[tuple[float, str]] = []
        self._second = 0
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def describe(self) -> str:
        """Return the description for the line printed at the start."""
        return f"seeded model, seed {self.seed}"

    def now(self) -> int:
        """Return the time of the model's clock in ms."""
        return self._clock.now()

    def take_trade_id(self, listing: Listing) -> int:
        """Return and use up the next trade id of a symbol."""
        return self.models[listing.symbol].take_trade_id()

    def take_update_id(self, listing: Listing) -> int:
        """Return and use up the next book update id of a symbol."""
        return self.models[listing.symbol].take_update_id()

    def protocol(self, name: str, usual: ProviderProtocol) -> ProviderProtocol:
        """Return the provider's usual protocol."""
        return usual

    def start(self) -> None:
        """Start trading."""
        loop = asyncio.get_running_loop()
        for symbol, model in self.models.items():
            model.begin(self.now())
            heapq.heappush(self._due, (loop.time() + model.wait(), symbol))
        self._step_due()
        self._each_second()
        self._depth.start()

    def stop(self) -> None:
        """Stop trading."""
        self._depth.stop()
        for timer in self._timers.values():
            timer.cancel()

    def subscribed(self, streams: Iterable[str]) -> None:
        """Do nothing: the model trades with or without subscribers."""

    def status(self) -> Mapping[str, Any]:
        """Return the model's part of `GET /control`."""
        return {"mode": "model", "seed": self.seed, "symbols": list(self.listings)}

    def _step_due(self) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        # Where the machine is too slow steps are left out, so that clients and calls are served.
        while self._due[0][0] <= began:
            due, symbol = self._due[0]
            model = self.models[symbol]
            self._send(model.listing, model.step(self.now()))
            due = max(due, began - _MADE_UP_FOR) + model.wait()
            heapq.heapreplace(self._due, (due, symbol))
        self._publisher.flush()
        self._timers["step"] = loop.call_at(self._due[0][0], self._step_due)

    def _send(self, listing: Listing, step: Step) -> None:
        if step.trade:
            self._send_trade(listing, step.trade)
        self._send_top(listing, step.top)

    def _send_trade(self, listing: Listing, trade: SimulatedTrade) -> None:
        now = self.now()
        for kind, build in (("trade", event.trade), ("aggTrade", event.aggregate_trade)):
            stream = f"{listing.stream}@{kind}"
            if self._publisher.wants(stream):
                self._publisher.publish(StreamMessage(stream, build(listing.symbol, trade, now)))

    def _send_top(self, listing: Listing, top: Top) -> None:
        stream = f"{listing.stream}@bookTicker"
        if self._publisher.wants(stream):
            self._publisher.publish(StreamMessage(stream, event.book_ticker(listing.symbol, top)))

    def _each_second(self) -> None:
        self._second += 1
        now = self.now()
        for listing in self.listings.values():
            listing.history.advance(now)
        self._tickers.publish(self.listings.values(), now, even=self._second % 2 == 0)
        self._publisher.flush()
        loop = asyncio.get_running_loop()
        self._timers["second"] = loop.call_later(DIGEST_EVERY, self._each_second)
