"""Portfolios as their prices move, against a real database and a hub that the tests publish on.

Long for a reason: who watches what, and when it is valued, is one thought.
"""

import itertools
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask, current_app
from sqlalchemy import text

from omcrm.extensions import db
from omcrm.gateways import portfolio_delivery
from omcrm.gateways.portfolio_delivery import PortfolioDelivery
from omcrm.market.hub import Hub
from omcrm.market.quote import Quote
from omcrm.portfolio import service
from omcrm.portfolio.valuation import Valuation
from omcrm.web.market_access import market
from tests.gateways.here import Served
from tests.processes import wait_for
from tests.threads import Threads
from tests.values import book, quote, trade


@dataclass(eq=False)
class Owed:
    """A reader that takes at once what it is owed, and remembers it."""

    told: list[str] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)

    def send_latest(self, key: Hashable, make: Callable[[], str]) -> None:
        self.told.append(make())


def written(worth: Valuation) -> str:
    return f"{worth.name} v{worth.version} {worth.total_value}"


@pytest.fixture
def owner(here: Served) -> Iterator[int]:
    """An account, inside of the app's context; nothing but the tests makes prices."""
    here.market.stop()
    with here.app.app_context():
        yield here.create_user()


@pytest.fixture
def watch() -> Iterator[PortfolioDelivery]:
    """A watch over a hub of its own."""
    made = PortfolioDelivery(Hub(), written, lambda reader, number: reader.gone.append(number))  # type: ignore[attr-defined]
    yield made
    wait_for(lambda: not made._running, 5, "the end of the thread")


def price(watch: PortfolioDelivery, value: int, symbol: str = "BTC", *parts: Any) -> Quote:
    """A new price, in the cache and on the hub."""
    made = quote(trade(str(value)), *parts, symbol=symbol, seq=next(_numbers))
    market().cache._quotes[symbol] = made
    watch._hub.publish(made)
    return made


_numbers = itertools.count(100)
_values = itertools.cycle(range(100, 150))


def hold(owner: int, name: str = "One", **quantities: str) -> int:
    made = service.create(owner, name)
    for symbol, quantity in quantities.items():
        service.put_holding(owner, made.id, symbol, quantity, "1")
    return made.id


def follow(watch: PortfolioDelivery, owner: int, number: int) -> Any:
    """A reader that has been told the value of now."""
    reader: Any = Owed()
    watch.watch(reader, owner, number)
    wait_for(lambda: reader.told, 5, "the first value")
    return reader


def test_a_value_moves_with_its_price(owner: int, watch: PortfolioDelivery) -> None:
    """The first at once, then the last of each window."""
    price(watch, 100)
    number = hold(owner, BTC="2")
    reader = follow(watch, owner, number)
    for value in range(101, 151):
        price(watch, value)
    wait_for(lambda: "One v2 300" == reader.told[-1], 5)
    watch.leave(reader)

    assert "One v2 200" == reader.told[0]
    assert len(reader.told) <= 4


def test_a_window_has_one_value(owner: int, watch: PortfolioDelivery) -> None:
    """However many prices come, and they come all the time."""
    price(watch, 100)
    reader = follow(watch, owner, hold(owner, BTC="2"))
    before, began = watch.valued, time.monotonic()
    while watch.valued < before + 5:
        price(watch, next(_values))
        time.sleep(0.002)
    window = current_app.extensions["omcrm.settings"].price_window_ms / 1000
    windows = (time.monotonic() - began) / window
    watch.leave(reader)

    assert 5 <= watch.valued - before <= windows + 2


def test_all_who_watch_share_one_valuation(owner: int, watch: PortfolioDelivery) -> None:
    """And one text, which a latecomer gets without any."""
    price(watch, 100)
    number = hold(owner, BTC="1")
    readers = [follow(watch, owner, number) for _ in range(5)]
    before = watch.valued
    price(watch, 101)
    wait_for(lambda: all("One v2 101" == reader.told[-1] for reader in readers), 5)
    for reader in readers:
        watch.leave(reader)

    assert (1, before + 1) == (before, watch.valued)
    assert 1 == len({id(reader.told[-1]) for reader in readers})


def test_what_is_not_held_passes_by(owner: int, watch: PortfolioDelivery) -> None:
    """And so does a book, which is no part of a value; a rate of what is held is one."""
    price(watch, 100)
    price(watch, 2, "GBPUSD")
    price(watch, 1, "EURGBP")
    reader = follow(watch, owner, hold(owner, BTC="1", EURGBP="10"))
    price(watch, 100)
    wait_for(lambda: not any(entry.waits for entry in watch._watched.values()), 5)
    before = watch.valued
    price(watch, 5, "ETH")
    price(watch, 100, "BTC", book("99", "101"))
    time.sleep(0.2)
    unmoved = watch.valued
    price(watch, 3, "GBPUSD")
    wait_for(lambda: "One v3 130" == reader.told[-1], 5)
    watch.leave(reader)

    assert before == unmoved


def test_an_edit_is_told_and_followed(owner: int, watch: PortfolioDelivery) -> None:
    """The prices of what was added move the value, those of what was removed do not."""
    price(watch, 100)
    price(watch, 10, "ETH")
    number = hold(owner, BTC="1")
    reader = follow(watch, owner, number)
    service.put_holding(owner, number, "ETH", "2", "1")
    wait_for(lambda: "One v3 120" == reader.told[-1], 5)
    service.remove_holding(owner, number, "BTC")
    wait_for(lambda: "One v4 20" == reader.told[-1], 5)
    price(watch, 11, "ETH")
    wait_for(lambda: "One v4 22" == reader.told[-1], 5)

    assert {"ETH"} == watch._by_symbol.keys()
    watch.leave(reader)


def test_what_another_process_edits_is_noticed(
    owner: int, watch: PortfolioDelivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its version, within two seconds."""
    monkeypatch.setattr(portfolio_delivery, "_LOOK_EVERY", 0.05)
    number = hold(owner)
    reader = follow(watch, owner, number)
    db.session.execute(text("UPDATE portfolios SET name = 'Other', version = version + 1"))
    db.session.commit()
    wait_for(lambda: "Other v2 0" == reader.told[-1], 5)
    db.session.execute(text("DELETE FROM portfolios"))
    db.session.commit()
    wait_for(lambda: [number] == reader.gone, 5)

    assert {} == watch._watched


def test_a_number_that_is_given_again_is_another_portfolio(
    here: Served, owner: int, watch: PortfolioDelivery
) -> None:
    """SQLite gives the number of a deleted row to the next one, which may be somebody else's."""
    other, number = here.create_user(), hold(owner, "Old")
    reader = follow(watch, owner, number)
    service.delete(owner, number)
    again = hold(other, "New")
    newcomer = follow(watch, other, again)
    wait_for(lambda: [number] == reader.gone, 5)
    watch.leave(newcomer)

    assert number == again
    assert ["Old v1 0"] == reader.told
    assert ["New v1 0"] == newcomer.told


def test_who_has_left_is_told_nothing(owner: int, watch: PortfolioDelivery) -> None:
    """And the others are."""
    price(watch, 100)
    number = hold(owner, BTC="1")
    one, other = (follow(watch, owner, number) for _ in range(2))
    watch.unwatch(one, owner, number)
    price(watch, 101)
    wait_for(lambda: "One v2 101" == other.told[-1], 5)
    watch.leave(other)

    assert ["One v2 100"] == one.told


def test_the_thread_lives_while_anybody_watches(
    owner: int, watch: PortfolioDelivery, threads: Threads
) -> None:
    """It ends with the last, leaves the hub and the signal, and begins again."""
    number = hold(owner)
    for _ in range(2):
        reader = follow(watch, owner, number)
        assert ["portfolios"] == threads.new()
        watch.leave(reader)
        threads.wait()

        assert () == watch._hub._listeners
        assert not list(service.portfolio_changed.receivers_for(None))
    watch.leave(reader)


def test_a_failure_is_followed_by_another_try(
    owner: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody is left without a value because the database was busy for a moment."""
    monkeypatch.setattr(portfolio_delivery, "_AGAIN_AFTER", 0.05)
    failures = iter([True, True, False])

    def fails(worth: Valuation) -> str:
        if next(failures):
            raise RuntimeError("busy")
        return written(worth)

    watch = PortfolioDelivery(Hub(), fails, lambda reader, number: None)
    reader = follow(watch, owner, hold(owner))
    watch.leave(reader)
    wait_for(lambda: not watch._running)

    assert ["One v1 0"] == reader.told
    assert "a portfolio could not be valued" in caplog.text


def test_a_user_with_much_to_be_valued_waits_longer(
    here: Served, owner: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its portfolios take turns, and others' values do not wait for them."""

    def slow(worth: Valuation) -> str:
        if worth.name != "Small":
            time.sleep(0.01)
        return written(worth)

    watch = PortfolioDelivery(Hub(), slow, lambda reader, number: None)
    price(watch, 100)
    large = [follow(watch, owner, hold(owner, f"Large {number}", BTC="1")) for number in range(3)]
    other = here.create_user()
    small = follow(watch, other, hold(other, "Small", BTC="1"))
    for follower in (*large, small):
        follower.told.clear()
    while not all(follower.told for follower in large) or len(small.told) < 6:
        price(watch, next(_values))
        time.sleep(0.005)
    counts = [len(follower.told) for follower in (*large, small)]
    for follower in (*large, small):
        watch.leave(follower)
    wait_for(lambda: not watch._running)

    assert max(counts[:3]) < counts[3], counts


def test_who_comes_and_goes_at_the_same_time(
    here: Served, owner: int, watch: PortfolioDelivery, restless: None
) -> None:
    """Whatever the order, in the end nothing is left and nothing failed."""
    price(watch, 100)
    numbers = [hold(owner, name, BTC="1") for name in "ab"]
    failures: list[Exception] = []

    def come_and_go(app: Flask) -> None:
        try:
            with app.app_context():
                for turn in range(50):
                    reader: Any = Owed()
                    watch.watch(reader, owner, numbers[turn % 2])
                    watch.watch(reader, owner, numbers[0])
                    watch.unwatch(reader, owner, numbers[0])
                    watch.leave(reader)
        except Exception as error:
            failures.append(error)

    coming = [threading.Thread(target=come_and_go, args=(here.app,)) for _ in range(3)]
    for thread in coming:
        thread.start()
    for value in range(101, 201):
        price(watch, value)
    for thread in coming:
        thread.join()
    wait_for(lambda: not watch._running)

    assert [] == failures
    assert ({}, {}, {}) == (watch._watched, watch._by_symbol, watch._seen)
