"""The market model at a steady pace, as a load: every symbol trades so often a second, exactly."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from omcrm.exchange.model import Model
from omcrm.exchange.simulation import Simulation
from omcrm.exchange.source import Outlet
from omcrm.exchange.stream import symbol_of
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.instrument import Instrument


class Beat(Simulation):
    """Every instrument trades at a new price `rate` times a second, stamped as it is made.

    All of them in one beat, or one after the other over the beat if `spread`. The book and the day
    are told once, at the beat after somebody asked for them, so that a beat is one change.
    """

    def __init__(
        self,
        seed: int,
        outlet: Outlet,
        rate: float,
        spread: bool = False,
        catalogue: Iterable[Instrument] = CATALOGUE,
    ) -> None:
        super().__init__(seed, outlet, catalogue)
        models = list(self.models.values())
        self._rate = rate
        self._groups = [[model] for model in models] if spread else [models]
        self._turn = 0
        self._began = 0.0
        self._asked: set[str] = set()

    def describe(self) -> str:
        """Give the words for the line printed at the start."""
        return f"a steady {self._rate:g} trades a second of each symbol, seed {self.seed}"

    def start(self) -> None:
        """Open the market."""
        for model in self.models.values():
            model.begin(self.now())
        self._began = asyncio.get_running_loop().time()
        self._beat()

    def subscribed(self, streams: Iterable[str]) -> None:
        """Remember whose book and day are to be told."""
        self._asked.update(map(symbol_of, streams))

    def status(self) -> Mapping[str, Any]:
        """Give what `GET /control` tells about the model."""
        return {**super().status(), "mode": "beat", "rate": self._rate}

    def _beat(self) -> None:
        for model in self._groups[self._turn % len(self._groups)]:
            self._trade(model)
        self._outlet.flush()
        self._turn += 1
        # Counted from the beginning, so that a late beat does not make the next ones late.
        due = self._began + self._turn / (self._rate * len(self._groups))
        self._timers["beat"] = asyncio.get_running_loop().call_at(due, self._beat)

    def _trade(self, model: Model) -> None:
        if model.listing.status != "TRADING":
            return
        step = model.trade_anew(self.now())
        if model.listing.symbol in self._asked:
            self._asked.discard(model.listing.symbol)
            self._send_top(model.listing, step.top)
            self._digest.publish_tickers([model.listing], self.now())
        if step.trade:
            self._send_trade(model.listing, step.trade)
