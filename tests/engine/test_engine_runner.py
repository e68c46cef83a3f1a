from collections.abc import Iterator
from pathlib import Path

import pytest

from omcrm.engine.bus import Control, ControlAction, Holdings, LocalBus
from omcrm.engine.engine_runner import EngineOrders, EngineRunner
from omcrm.engine.feed_engine import FeedEngine
from omcrm.feeds.feed_settings import FeedSettings
from omcrm.market.catalogue import CATALOGUE
from tests.processes import wait_for


class Right:
    """A right that the test gives and takes away."""

    def __init__(self) -> None:
        self.is_given = self.is_closed = False
        self._taken = False

    def take(self) -> int | None:
        self._taken = self.is_given and not self.is_closed
        return 1 if self._taken else None

    def holds(self) -> bool:
        return self._taken and self.is_given

    def give_back(self) -> None:
        self._taken = False

    def close(self) -> None:
        self.is_closed = True


class Runs:
    """An engine, and what the database wants of it."""

    def __init__(self, folder: Path) -> None:
        self.bus, self.right = LocalBus(), Right()
        self.engine = FeedEngine(self.bus, FeedSettings(), state=folder, lock=self.right)
        self.orders: EngineOrders | None = EngineOrders(list(CATALOGUE), False, frozenset({"BTC"}))
        self.held: list[Holdings] = []
        self.bus.subscribe(Holdings, self.held.append)
        self.runner = EngineRunner(
            self.bus, self.engine, self.right, lambda: self.orders, self.engine.follow
        )


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    made = Runs(tmp_path)
    made.runner.start()
    yield made
    made.runner.stop()


def test_the_feeds_run_while_they_may(runs: Runs) -> None:
    """And again when the right comes back."""
    for is_given in (True, False, True):
        runs.right.is_given = is_given
        runs.runner.wake()
        wait_for(lambda given=is_given: runs.engine.running is given, what="the feeds")

    assert {item.symbol for item in CATALOGUE} == runs.engine.instruments.keys()
    assert [Holdings(frozenset({"BTC"}))] == runs.held


def test_an_administrator_stops_them(runs: Runs) -> None:
    """As the database says; a message only makes it look at once."""
    runs.right.is_given = True
    wait_for(lambda: runs.engine.running, what="the feeds")
    runs.orders = EngineOrders(list(CATALOGUE), True, frozenset())
    runs.bus.publish(Control(ControlAction.STOP))
    wait_for(lambda: len(runs.held) == 2, what="the new orders")
    wait_for(lambda: not runs.engine.running, what="the end of the feeds")

    runs.orders = EngineOrders(list(CATALOGUE), False, frozenset())
    wait_for(lambda: runs.engine.running, what="the feeds, without a message")


def test_instruments_are_followed(runs: Runs) -> None:
    """When the database has others, and not each time that it is read."""
    runs.right.is_given = True
    wait_for(lambda: runs.engine.running, what="the feeds")
    runs.orders = EngineOrders(list(CATALOGUE[:3]), False, frozenset())
    runs.bus.publish(Control(ControlAction.CATALOGUE_CHANGED))

    wait_for(lambda: len(runs.engine.instruments) == 3, what="the instruments")


def test_without_the_database_the_last_orders_hold(runs: Runs) -> None:
    """The feeds go on."""
    runs.right.is_given = True
    wait_for(lambda: runs.engine.running, what="the feeds")
    runs.orders = None
    runs.bus.publish(Control(ControlAction.CATALOGUE_CHANGED))
    runs.right.is_given = False
    runs.runner.wake()
    wait_for(lambda: not runs.engine.running, what="the end of the feeds")
    runs.right.is_given = True

    wait_for(lambda: runs.engine.running, what="the feeds")


def test_it_ends_with_the_process(runs: Runs) -> None:
    """Nobody sees that the feeds end: the lock is closed before."""
    runs.right.is_given = True
    wait_for(lambda: runs.engine.running, what="the feeds")
    runs.runner.stop()
    runs.runner.stop()

    assert (True, False) == (runs.right.is_closed, runs.engine.running)
