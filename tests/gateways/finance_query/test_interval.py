import logging
import threading
from typing import Any

import pytest

from omcrm.gateways.finance_query import publisher
from omcrm.gateways.finance_query.publisher import IntervalSnapshot, or_fallback
from omcrm.gateways.finance_query.year_figures import CloseHistory
from omcrm.streaming.throttled_log import ThrottledLog
from tests.gateways.clients import Market
from tests.processes import PATIENCE
from tests.values import START


@pytest.fixture
def counted() -> list[Any]:
    """The calls of `count`."""
    return []


@pytest.fixture
def snapshot(counted: list[Any]) -> IntervalSnapshot:
    """A snapshot of an empty market."""
    market: Any = Market()
    market.news = None
    return IntervalSnapshot(0.0, START, market, CloseHistory(), lambda *what: counted.append(what))


def test_each_key_is_computed_once(snapshot: IntervalSnapshot, counted: list[Any]) -> None:
    """Also where the result is None; `computed` counts for each channel."""
    made: list[str] = []
    for _ in range(3):
        snapshot.cached("a", lambda: made.append("a"))
        snapshot.computed("one", "b", lambda: made.append("b"))
        snapshot.computed("other", "b", lambda: made.append("c"))

    assert ["a", "b", "c"] == made
    assert [("one", "computed", 1), ("other", "computed", 1)] == counted


def test_concurrent_callers_wait_for_one_computation(snapshot: IntervalSnapshot) -> None:
    """Ten threads with the same key get the same object."""
    begun, done = threading.Event(), threading.Event()
    made: list[object] = []

    def make() -> object:
        begun.set()
        done.wait(PATIENCE)
        made.append(object())
        return made[-1]

    got: list[object] = []
    threads = [
        threading.Thread(target=lambda: got.append(snapshot.cached("a", make))) for _ in range(10)
    ]
    for thread in threads:
        thread.start()
    assert begun.wait(PATIENCE)
    # Another key does not wait for it.
    assert 1 == snapshot.cached("b", lambda: 1)
    done.set()
    for thread in threads:
        thread.join(PATIENCE)

    assert 1 == len(made)
    assert made * 10 == got


def test_a_failure_is_not_cached(snapshot: IntervalSnapshot) -> None:
    """The next call computes again."""
    with pytest.raises(ZeroDivisionError):
        snapshot.cached("a", lambda: 1 // 0)

    assert 2 == snapshot.cached("a", lambda: 2)


def test_the_fallback_of_a_section(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is returned where the section raises, which is logged."""
    monkeypatch.setattr(publisher, "_failures", ThrottledLog(logging.getLogger("test")))

    assert [] == or_fallback(lambda: 1 // 0, [])
    assert 3 == or_fallback(lambda: 3, None)
    assert ["a part of a message could not be made"] == caplog.messages
