"""A deliberate defect of the product, and whether the simulation notices it."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.market.simulation.play import play
from tests.market.simulation.world import World

_WORLDS = 2000

Patch = Callable[[pytest.MonkeyPatch], None]


@contextmanager
def with_defect(defect: Patch) -> Iterator[None]:
    """Have this defect for a while."""
    with pytest.MonkeyPatch.context() as patch:
        defect(patch)
        yield


def first_violation(random_world: Callable[[random.Random], World]) -> int | None:
    """The number of the first world of two thousand in which a price is shown wrongly."""
    for number in range(_WORLDS):
        if play(random_world(random.Random(number))).violations:
            return number
    return None
