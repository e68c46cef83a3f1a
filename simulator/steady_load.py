"""The market model at a constant rate, as a load: every symbol trades exactly so often a second."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from omcrm.market.catalogue import CATALOGUE
from omcrm.market.instrument import Instrument
from simulator.market_source import StreamPublisher
from simulator.model import Model
from simulator.simulation import Simulation
from simulator.stream_name import symbol_of


class SteadyLoad(Simulation):
    """Every instrument trades at a new price `rate` times a second, stamped when it is made.

    All of them at the same moment, or spread evenly over the interval with `spread`. Book and day
    figures are published once, at the next trade after a subscription, so that each trade is one
    change.
    """

    def __init__(
        self,
        seed: int,
        publisher: StreamPublisher,
        rate: float,
        spread: bool = False,
        catalogue: Iterable[Instrument] = CATALOGUE,
    ) -> None:
        super().__init__(seed, publisher, catalogue)
        models = list(self.models.values())
        self._rate = rate
        self._groups = [[model] for model in models] if spread else [models]
        self._count = 0
        self._began = 0.0
        self._subscribed: set[str] = set()

    def describe(self) -> str:
        """Return the description for the line printed at the start."""
        return f"a steady {self._rate:g} trades a second of each symbol, seed {self.seed}"

    def start(self) -> None:
        """Start trading."""
        for model in self.models.values():
            model.begin(self.now())
        self._began = asyncio.get_running_loop().time()
        self._trade_group()

    def subscribed(self, streams: Iterable[str]) -> None:
        """Remember the symbols whose book and day figures are to be published."""
        self._subscribed.update(map(symbol_of, streams))

    def status(self) -> Mapping[str, Any]:
        """Return the model's part of `GET /control`."""
        return {**super().status(), "mode": "beat", "rate": self._rate}

    def _trade_group(self) -> None:
        for model in self._groups[self._count % len(self._groups)]:
            self._trade(model)
        self._publisher.flush()
        self._count += 1
        # Counted from the start, so that a late trade does not delay the next ones.
        due = self._began + self._count / (self._rate * len(self._groups))
        self._timers["beat"] = asyncio.get_running_loop().call_at(due, self._trade_group)

    def _trade(self, model: Model) -> None:
        step = model.trade_anew(self.now())
        if model.listing.symbol in self._subscribed:
            self._subscribed.discard(model.listing.symbol)
            self._send_top(model.listing, step.top)
            self._tickers.publish_tickers([model.listing], self.now())
        if step.trade:
            self._send_trade(model.listing, step.trade)
