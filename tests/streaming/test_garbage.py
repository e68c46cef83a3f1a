import gc
import weakref
from collections.abc import Iterator

import pytest

from omcrm.streaming.garbage import Garbage


class Knot:
    """An object in a reference cycle with itself."""

    def __init__(self) -> None:
        self.self = self


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    """Unfreezes everything after a test."""
    gc.disable()
    yield
    gc.unfreeze()
    gc.enable()
    gc.collect()


def tied() -> "weakref.ref[Knot]":
    return weakref.ref(Knot())


def test_new_garbage_is_collected_after_enough_changes() -> None:
    """Not at each connection, but after some hundred."""
    garbage, knot = Garbage(), tied()

    garbage.tidy(changes=10, connections=10)
    assert knot() is not None
    garbage.tidy(changes=600, connections=600)

    assert knot() is None


def test_live_objects_are_frozen() -> None:
    """The next collection does not scan the objects of all connections."""
    kept = Knot()
    Garbage().tidy(changes=600, connections=600)

    assert gc.get_freeze_count() > 0
    assert not any(item is kept for item in gc.get_objects())


@pytest.mark.parametrize(("changes", "connections"), [(1200, 0), (700, 40), (30_000, 600)])
def test_frozen_garbage_is_collected_later(changes: int, connections: int) -> None:
    """When few connections are left; with not very many connections also after many changes."""
    garbage, kept = Garbage(), Knot()
    gone = weakref.ref(kept)
    garbage.tidy(changes=600, connections=600)
    del kept

    garbage.tidy(changes=1100, connections=600)
    assert gone() is not None
    garbage.tidy(changes, connections)

    assert gone() is None


def test_thousands_of_connections_are_never_scanned_together() -> None:
    """However many come and go meanwhile: a full scan would stop the process."""
    garbage, kept = Garbage(), Knot()
    garbage.tidy(changes=10_000, connections=10_000)
    frozen = gc.get_freeze_count()
    for changes in range(20_000, 100_000, 10_000):
        garbage.tidy(changes, connections=10_000)

        assert gc.get_freeze_count() >= frozen / 2
        assert not any(item is kept for item in gc.get_objects())


def test_few_connections_are_not_frozen() -> None:
    """With few connections garbage is collected now and then, and nothing is frozen."""
    garbage, knot, kept = Garbage(), tied(), Knot()

    garbage.tidy(changes=20, connections=10)
    assert knot() is not None
    garbage.tidy(changes=600, connections=40)

    assert knot() is None
    assert any(item is kept for item in gc.get_objects())
