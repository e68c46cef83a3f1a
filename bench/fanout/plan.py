"""What the load client measures."""

import random
from dataclasses import dataclass

from bench.fanout.client_dialect import DESK, ClientDialect
from bench.fanout.client_handshake import Address
from bench.fanout.page_pool import Page

EVERYBODY, STORM = 0, 1
"""The groups of pages: those that stay, and those that are dropped and reconnect."""


@dataclass(frozen=True)
class Plan:
    """The arguments of one run of the load client."""

    address: Address
    clients: int
    symbols: tuple[str, ...]
    watch: int
    seconds: float
    warm_up: float
    limit: int
    connect_timeout: float
    stalled: float
    stalled_symbols: tuple[str, ...]
    storm: int
    seed: int
    rate: float
    server: int | None
    feed: int | None
    dialects: tuple[ClientDialect, ...] = (DESK,)

    def pages(self) -> list[Page]:
        """All clients; those of the storm are last."""
        dice, undisturbed = random.Random(self.seed), self.clients - self.storm
        stalled = set(dice.sample(range(undisturbed), round(undisturbed * self.stalled)))
        return [
            Page(
                index,
                self.stalled_symbols if index in stalled else self._some_symbols(dice),
                EVERYBODY if index < undisturbed else STORM,
                index not in stalled,
                self.dialects[index % len(self.dialects)],
            )
            for index in range(self.clients)
        ]

    def _some_symbols(self, dice: random.Random) -> tuple[str, ...]:
        return tuple(dice.sample(self.symbols, self.watch))
