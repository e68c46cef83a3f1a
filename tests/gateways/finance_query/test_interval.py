import logging
import threading
from typing import Any

import pytest

from omcrm.gateways.finance_query import interval as turns
from omcrm.gateways.finance_query.interval import IntervalSnapshot, part
from omcrm.gateways.finance_query.year_figures import CloseHistory
from omcrm.streaming.throttled_log import ThrottledLog
from tests.gateways.clients import Market
from tests.processes import PATIENCE
from tests.values import START


@pytest.fixture
def counted() -> list[Any]:
    """What was counted."""
    return []


@pytest.fixture
def turn(counted: list[Any]) -> IntervalSnapshot:
    """A turn of an empty market."""
    market: Any = Market()
    market.news = None
    return IntervalSnapshot(0.0, START, market, CloseHistory(), lambda *what: counted.append(what))


def test_each_thing_is_made_once(turn: IntervalSnapshot, counted: list[Any]) -> None:
    """Also what is nothing; and only computations are counted, for each channel by itself."""
    made: list[str] = []
    for _ in range(3):
        turn.once("a", lambda: made.append("a"))
        turn.computed("one", "b", lambda: made.append("b"))
        turn.computed("other", "b", lambda: made.append("c"))

    assert ["a", "b", "c"] == made
    assert [("one", "computed", 1), ("other", "computed", 1)] == counted


def test_who_comes_in_between_waits(turn: IntervalSnapshot) -> None:
    """Ten threads that want the same get the same, made by one of them."""
    begun, done = threading.Event(), threading.Event()
    made: list[object] = []

    def make() -> object:
        begun.set()
        done.wait(PATIENCE)
        made.append(object())
        return made[-1]

    got: list[object] = []
    threads = [threading.Thread(target=lambda: got.append(turn.once("a", make))) for _ in range(10)]
    for thread in threads:
        thread.start()
    assert begun.wait(PATIENCE)
    # Something else does not wait for it.
    assert 1 == turn.once("b", lambda: 1)
    done.set()
    for thread in threads:
        thread.join(PATIENCE)

    assert 1 == len(made)
    assert made * 10 == got


def test_what_failed_is_tried_again(turn: IntervalSnapshot) -> None:
    """A failure is nothing to remember."""
    with pytest.raises(ZeroDivisionError):
        turn.once("a", lambda: 1 // 0)

    assert 2 == turn.once("a", lambda: 2)


def test_a_part_that_fails(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is something else instead, and the log has the reason."""
    monkeypatch.setattr(turns, "_failures", ThrottledLog(logging.getLogger("test")))

    assert [] == part(lambda: 1 // 0, [])
    assert 3 == part(lambda: 3, None)
    assert ["a part of a message could not be made"] == caplog.messages
