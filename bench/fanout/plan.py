"""What the load client is to measure."""

import random
from dataclasses import dataclass

from bench.fanout.crowd import Page
from bench.fanout.greeting import Address
from bench.fanout.tongue import DESK, Tongue

EVERYBODY, STORM = 0, 1
"""The groups of pages: those that stay, and those that are dropped and come back."""


@dataclass(frozen=True)
class Plan:
    """What is to be measured."""

    address: Address
    clients: int
    symbols: tuple[str, ...]
    watch: int
    seconds: float
    warm_up: float
    limit: int
    patience: float
    stalled: float
    stalled_symbols: tuple[str, ...]
    storm: int
    seed: int
    rate: float
    server: int | None
    feed: int | None
    tongues: tuple[Tongue, ...] = (DESK,)

    def pages(self) -> list[Page]:
        """Every client; those of the storm are the last ones."""
        dice, undisturbed = random.Random(self.seed), self.clients - self.storm
        still = set(dice.sample(range(undisturbed), round(undisturbed * self.stalled)))
        return [
            Page(
                index,
                self.stalled_symbols if index in still else self._some_symbols(dice),
                EVERYBODY if index < undisturbed else STORM,
                index not in still,
                self.tongues[index % len(self.tongues)],
            )
            for index in range(self.clients)
        ]

    def _some_symbols(self, dice: random.Random) -> tuple[str, ...]:
        return tuple(dice.sample(self.symbols, self.watch))
