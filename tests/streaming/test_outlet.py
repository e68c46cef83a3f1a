"""Long for a reason: when a price leaves, in which order, and which one, are one story."""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from omcrm.market.quote import Quote
from omcrm.streaming.outlet import Outlet
from tests.processes import wait_for
from tests.values import quote, trade

# So long that nothing leaves a second time while a test looks.
FOR_EVER = 1000.0
BLINK = 0.03

Open = Callable[..., Outlet]


def price(seq: int, symbol: str = "BTC") -> Quote:
    return quote(trade("1", seq), symbol=symbol, seq=seq)


class Told:
    """Remembers what was delivered, in order."""

    def __init__(self) -> None:
        self.quotes: list[Quote] = []

    def __call__(self, each: Quote) -> None:
        self.quotes.append(each)

    def seqs(self, symbol: str = "BTC") -> list[int]:
        return [each.seq for each in self.quotes if each.symbol == symbol]

    def wait(self, seq: int, symbol: str = "BTC") -> None:
        wait_for(lambda: seq in self.seqs(symbol), 5, f"{symbol} {seq}")


@pytest.fixture
def told() -> Told:
    """Whoever is told."""
    return Told()


@pytest.fixture
def open_outlet(told: Told) -> Iterator[Open]:
    """Opens outlets, and stops them in the end."""
    outlets: list[Outlet] = []

    def make(window: float, deliver: Callable[[Quote], None] = told) -> Outlet:
        outlets.append(Outlet(deliver, window))
        outlets[-1].start()
        return outlets[-1]

    yield make
    for each in outlets:
        each.stop()


# When it leaves


def test_first_change_leaves_at_once(open_outlet: Open, told: Told) -> None:
    """After silence nothing is waited for, for each symbol by itself."""
    outlet = open_outlet(FOR_EVER)
    outlet.take(price(1))
    outlet.take(price(2, "ETH"))
    told.wait(1)
    told.wait(2, "ETH")

    assert [1, 2] == sorted(each.seq for each in told.quotes)


def test_within_the_window_nothing_more_leaves(open_outlet: Open, told: Told) -> None:
    """One symbol's next change waits, another symbol's first does not."""
    outlet = open_outlet(FOR_EVER)
    outlet.take(price(1))
    told.wait(1)
    outlet.take(price(2))
    outlet.take(price(3, "ETH"))
    told.wait(3, "ETH")

    assert [1] == told.seqs()


def test_a_stream_leaves_at_most_once_a_window(open_outlet: Open, told: Told) -> None:
    """However fast a price changes, there is one update a window, and the last is the latest."""
    began, seq = time.monotonic(), 1
    outlet = open_outlet(BLINK)
    outlet.take(price(seq))
    told.wait(seq)
    while time.monotonic() - began < 6 * BLINK:
        seq += 1
        outlet.take(price(seq))
        time.sleep(0.0005)
    told.wait(seq)
    windows = (time.monotonic() - began) / BLINK

    assert 2 <= len(told.quotes) <= windows + 1
    assert seq == told.quotes[-1].seq


def test_last_change_always_leaves(open_outlet: Open, told: Told) -> None:
    """Of a burst the last one arrives, though nothing follows it."""
    outlet = open_outlet(BLINK)
    for seq in range(1, 501):
        outlet.take(price(seq))
    told.wait(500)

    assert 500 == told.seqs()[-1]


def test_each_change_is_either_delivered_or_skipped(open_outlet: Open, told: Told) -> None:
    """What is counted adds up."""
    outlet = open_outlet(BLINK)
    for seq in range(1, 501):
        outlet.take(price(seq))
    told.wait(500)
    outlet.stop()

    assert len(told.quotes) == outlet.delivered
    assert 500 == outlet.delivered + outlet.skipped


# What never happens


def test_an_older_one_is_dropped(open_outlet: Open, told: Told) -> None:
    """What was overtaken, or is known, is not told."""
    outlet = open_outlet(0.0)
    outlet.take(price(5))
    told.wait(5)
    outlet.take(price(4))
    outlet.take(price(5))
    outlet.take(price(6))
    told.wait(6)

    assert [5, 6] == told.seqs()


@pytest.mark.parametrize("window", [0.0, 0.002])
def test_two_publishers_never_make_an_older_one_follow(
    open_outlet: Open, told: Told, restless: None, window: float
) -> None:
    """Threads that overtake each other are put in order, and the newest is the last."""
    outlet = open_outlet(window)
    newest = 3000

    def publish(first: int) -> None:
        chance = random.Random(first)
        seqs = sorted(range(first, newest + 1, 2), key=lambda each: each + chance.randint(0, 20))
        for seq in seqs:
            outlet.take(price(seq, f"S{seq % 3}"))

    threads = [threading.Thread(target=publish, args=(first,)) for first in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seq in range(newest - 2, newest + 1):
        told.wait(seq, f"S{seq % 3}")

    for symbol in ("S0", "S1", "S2"):
        assert sorted(set(told.seqs(symbol))) == told.seqs(symbol)


def test_what_is_shown_is_in_line_with_what_is_delivered(
    open_outlet: Open, told: Told, restless: None
) -> None:
    """A snapshot between two updates is older than neither: nobody sees a price go back."""
    outlet = open_outlet(0.0)
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            outlet.show(["BTC", "ETH"], told)

    viewer = threading.Thread(target=look)
    viewer.start()
    for seq in range(1, 1501):
        outlet.take(price(seq, ("BTC", "ETH")[seq % 2]))
    told.wait(1500, "BTC")
    told.wait(1499, "ETH")
    over.set()
    viewer.join()

    for symbol in ("BTC", "ETH"):
        assert sorted(told.seqs(symbol)) == told.seqs(symbol)


def test_shows_the_latest_even_within_the_window(open_outlet: Open, told: Told) -> None:
    """Who subscribes gets what is known now, and only of what has a price."""
    outlet, viewer = open_outlet(FOR_EVER), Told()
    outlet.take(price(1))
    told.wait(1)
    outlet.take(price(2))
    outlet.show(["BTC", "ETH"], viewer)

    assert [2] == [each.seq for each in viewer.quotes]


def test_one_who_cannot_be_told_does_not_stop_the_others(
    open_outlet: Open, told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    """A failing delivery is logged, and the next ones are made."""

    def deliver(each: Quote) -> None:
        if each.symbol == "BTC":
            raise RuntimeError("cannot deliver")
        told(each)

    outlet = open_outlet(0.0, deliver)
    with caplog.at_level(logging.ERROR):
        outlet.take(price(1))
        outlet.take(price(2, "ETH"))
        told.wait(2, "ETH")
        wait_for(lambda: caplog.messages, 5)

    assert "delivering BTC failed" == caplog.messages[0]
    assert "cannot deliver" in caplog.text


# Forgetting


def test_what_is_forgotten_is_neither_shown_nor_delivered(open_outlet: Open, told: Told) -> None:
    """An instrument that is followed no more has no last price to tell."""
    outlet, viewer = open_outlet(FOR_EVER), Told()
    outlet.take(price(1))
    told.wait(1)
    outlet.take(price(2))
    outlet.forget(["BTC", "unheard of"])
    outlet.show(["BTC"], viewer)
    outlet.stop()

    assert [] == viewer.quotes
    assert [1] == told.seqs()


# Starting and stopping


def test_nothing_leaves_before_the_start(told: Told) -> None:
    """What is taken before waits for the start."""
    outlet = Outlet(told, FOR_EVER)
    outlet.take(price(1))
    before = list(told.quotes)
    outlet.start()
    told.wait(1)
    outlet.stop()

    assert [] == before
    assert [1] == told.seqs()


def test_stopping_delivers_what_is_held(open_outlet: Open, told: Told) -> None:
    """The last change leaves, in the middle of its window, before the stop is over."""
    outlet = open_outlet(FOR_EVER)
    outlet.take(price(1))
    told.wait(1)
    outlet.take(price(2))
    outlet.stop()

    assert [1, 2] == told.seqs()


def test_starts_again_after_a_stop(open_outlet: Open, told: Told) -> None:
    """A stopped outlet can be started, and goes on where it was."""
    outlet = open_outlet(BLINK)
    outlet.take(price(1))
    outlet.stop()
    outlet.take(price(2))
    outlet.start()
    told.wait(2)
    outlet.stop()

    assert [1, 2] == told.seqs()


def test_starting_and_stopping_twice_is_once(open_outlet: Open, told: Told) -> None:
    """There is one thread while it runs and none afterwards."""
    outlet = open_outlet(FOR_EVER)
    outlet.start()
    running = [each for each in threading.enumerate() if each.name == "outlet"]
    outlet.stop()
    outlet.stop()

    assert 1 == len(running)
    assert not running[0].is_alive()


# What looks the same


def of(seq: int, number: str) -> Quote:
    return quote(trade(number, seq), seq=seq)


def same_price(one: Quote, other: Quote) -> bool:
    return one.said.trade.price == other.said.trade.price


def test_what_looks_the_same_is_told_once(told: Told) -> None:
    """Only a change that can be seen leaves; who comes later is shown the latest all the same."""
    outlet = Outlet(told, 0.0, same_price)
    outlet.start()
    outlet.take(of(1, "100"))
    told.wait(1)
    for seq in range(2, 20):
        outlet.take(of(seq, "100"))
    outlet.take(of(20, "101"))
    told.wait(20)
    shown: list[Quote] = []
    outlet.take(of(21, "101"))
    outlet.show(["BTC"], shown.append)
    outlet.stop()

    assert [1, 20] == told.seqs()
    assert [21] == [each.seq for each in shown]


def test_a_source_that_lives_shows_it(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """What looks the same leaves now and then, so that its age stays true."""
    monkeypatch.setattr("omcrm.streaming.outlet._SIGN_OF_LIFE", BLINK)
    outlet = Outlet(told, 0.0, same_price)
    outlet.start()
    outlet.take(of(1, "100"))
    told.wait(1)
    time.sleep(BLINK * 1.5)
    outlet.take(of(2, "100"))
    told.wait(2)
    outlet.stop()

    assert [1, 2] == told.seqs()
