"""Portfolio updates with a real database and a hub on which the tests publish.

Long for a reason: subscriptions and the times of valuations belong together.
"""

import itertools
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from omcrm.engine.bus import LocalBus, PortfolioChanged
from omcrm.engine.market_view import Hub
from omcrm.extensions import db
from omcrm.gateways import portfolio_delivery
from omcrm.gateways.portfolio_delivery import PortfolioDelivery
from omcrm.market.quote import Quote
from omcrm.portfolio import service
from omcrm.portfolio.valuation import Valuation
from omcrm.services import services
from omcrm.web.market_access import market_view
from tests.gateways.here import Served
from tests.processes import wait_for
from tests.threads import Threads, is_running
from tests.values import book, quote, trade


@dataclass(eq=False)
class RecordingSubscriber:
    """Takes pending state at once, and records it."""

    received: list[str] = field(default_factory=list)
    deleted: list[int] = field(default_factory=list)

    def send_latest(self, key: Hashable, make: Callable[[], str]) -> None:
        self.received.append(make())


def encode(valuation: Valuation) -> str:
    return f"{valuation.name} v{valuation.version} {valuation.total_value}"


@pytest.fixture
def owner(here: Served) -> Iterator[int]:
    """A user, inside of the app's context; only the tests set prices."""
    here.manager.stop()
    with here.app.app_context():
        yield here.create_user()


@pytest.fixture
def delivery(owner: int) -> Iterator[PortfolioDelivery]:
    """A delivery with a hub of its own."""
    made = PortfolioDelivery(
        Hub(), services().bus, encode, lambda subscriber, number: subscriber.deleted.append(number)
    )  # type: ignore[attr-defined]
    yield made
    wait_for(lambda: not is_running("portfolios"), what="the end of the thread")


def price(delivery: PortfolioDelivery, value: int, symbol: str = "BTC", *parts: Any) -> Quote:
    """Put a new price into the cache and publish it."""
    made = quote(trade(str(value)), *parts, symbol=symbol, seq=next(_numbers))
    market_view().cache._quotes[symbol] = made
    delivery._hub.publish(made)
    return made


_numbers = itertools.count(100)
_values = itertools.cycle(range(100, 150))


def hold(owner: int, name: str = "One", **quantities: str) -> int:
    made = service.create(owner, name)
    for symbol, quantity in quantities.items():
        service.put_holding(owner, made.id, symbol, quantity, "1")
    return made.id


def follow(delivery: PortfolioDelivery, owner: int, number: int) -> Any:
    """A subscriber that has received the current value."""
    subscriber: Any = RecordingSubscriber()
    delivery.subscribe(subscriber, owner, number)
    wait_for(lambda: subscriber.received, 5, "the first value")
    return subscriber


def test_a_value_moves_with_its_price(owner: int, delivery: PortfolioDelivery) -> None:
    """The first value is sent at once, then the last of each window."""
    price(delivery, 100)
    number = hold(owner, BTC="2")
    subscriber = follow(delivery, owner, number)
    for value in range(101, 151):
        price(delivery, value)
    wait_for(lambda: "One v2 300" == subscriber.received[-1], 5)
    delivery.remove(subscriber)

    assert "One v2 200" == subscriber.received[0]
    assert len(subscriber.received) <= 4


def test_a_window_has_one_value(owner: int, delivery: PortfolioDelivery) -> None:
    """However many prices are published."""
    price(delivery, 100)
    subscriber = follow(delivery, owner, hold(owner, BTC="2"))
    before, began = delivery.valued, time.monotonic()
    while delivery.valued < before + 5:
        price(delivery, next(_values))
        time.sleep(0.002)
    window = services().settings.price_window_ms / 1000
    windows = (time.monotonic() - began) / window
    delivery.remove(subscriber)

    assert 5 <= delivery.valued - before <= windows + 2


def test_subscribers_share_one_valuation(owner: int, delivery: PortfolioDelivery) -> None:
    """And one text, which a later subscriber gets without a valuation."""
    price(delivery, 100)
    number = hold(owner, BTC="1")
    subscribers = [follow(delivery, owner, number) for _ in range(5)]
    before = delivery.valued
    price(delivery, 101)
    wait_for(lambda: all("One v2 101" == subscriber.received[-1] for subscriber in subscribers), 5)
    for subscriber in subscribers:
        delivery.remove(subscriber)

    assert (1, before + 1) == (before, delivery.valued)
    assert 1 == len({id(subscriber.received[-1]) for subscriber in subscribers})


def test_irrelevant_changes_cause_no_valuation(owner: int, delivery: PortfolioDelivery) -> None:
    """Instruments not held and top of book are irrelevant; a rate of a held currency is not."""
    price(delivery, 100)
    price(delivery, 2, "GBPUSD")
    price(delivery, 1, "EURGBP")
    subscriber = follow(delivery, owner, hold(owner, BTC="1", EURGBP="10"))
    price(delivery, 100)
    wait_for(lambda: not any(entry.needs_value for entry in delivery._watched.values()), 5)
    before = delivery.valued
    price(delivery, 5, "ETH")
    price(delivery, 100, "BTC", book("99", "101"))
    time.sleep(0.2)
    unmoved = delivery.valued
    price(delivery, 3, "GBPUSD")
    wait_for(lambda: "One v3 130" == subscriber.received[-1], 5)
    delivery.remove(subscriber)

    assert before == unmoved


def test_an_edit_is_sent_and_changes_the_symbols(owner: int, delivery: PortfolioDelivery) -> None:
    """Prices of added holdings move the value, those of removed ones do not."""
    price(delivery, 100)
    price(delivery, 10, "ETH")
    number = hold(owner, BTC="1")
    subscriber = follow(delivery, owner, number)
    service.put_holding(owner, number, "ETH", "2", "1")
    wait_for(lambda: "One v3 120" == subscriber.received[-1], 5)
    service.remove_holding(owner, number, "BTC")
    wait_for(lambda: "One v4 20" == subscriber.received[-1], 5)
    price(delivery, 11, "ETH")
    wait_for(lambda: "One v4 22" == subscriber.received[-1], 5)

    assert {"ETH"} == delivery._by_symbol.keys()
    delivery.remove(subscriber)


def test_an_edit_by_another_process_is_sent(
    owner: int, delivery: PortfolioDelivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The change of the version is noticed within two seconds."""
    monkeypatch.setattr(portfolio_delivery, "_CHECK_EVERY", 0.05)
    number = hold(owner)
    subscriber = follow(delivery, owner, number)
    db.session.execute(text("UPDATE portfolios SET name = 'Other', version = version + 1"))
    db.session.commit()
    wait_for(lambda: "Other v2 0" == subscriber.received[-1], 5)
    db.session.execute(text("DELETE FROM portfolios"))
    db.session.commit()
    wait_for(lambda: [number] == subscriber.deleted, 5)

    assert {} == delivery._watched


def test_a_reused_id_is_another_portfolio(
    here: Served, owner: int, delivery: PortfolioDelivery
) -> None:
    """SQLite reuses the id of a deleted row, perhaps for another user's portfolio."""
    other, number = here.create_user(), hold(owner, "Old")
    subscriber = follow(delivery, owner, number)
    service.delete(owner, number)
    again = hold(other, "New")
    newcomer = follow(delivery, other, again)
    wait_for(lambda: [number] == subscriber.deleted, 5)
    delivery.remove(newcomer)

    assert number == again
    assert ["Old v1 0"] == subscriber.received
    assert ["New v1 0"] == newcomer.received


def test_a_removed_subscriber_receives_nothing(owner: int, delivery: PortfolioDelivery) -> None:
    """The others do."""
    price(delivery, 100)
    number = hold(owner, BTC="1")
    one, other = (follow(delivery, owner, number) for _ in range(2))
    delivery.unsubscribe(one, owner, number)
    price(delivery, 101)
    wait_for(lambda: "One v2 101" == other.received[-1], 5)
    delivery.remove(other)

    assert ["One v2 100"] == one.received


def test_the_thread_runs_while_there_are_subscribers(
    owner: int, delivery: PortfolioDelivery, threads: Threads
) -> None:
    """It ends with the last one, and can start again; then neither prices nor edits start it."""
    price(delivery, 100)
    number = hold(owner, BTC="1")
    for _ in range(2):
        subscriber = follow(delivery, owner, number)
        assert ["portfolios"] == threads.new()
        delivery.remove(subscriber)
        threads.wait()
        before = delivery.valued
        price(delivery, next(_values))
        services().bus.publish(PortfolioChanged(owner, number))

        assert ([], before) == (threads.new(), delivery.valued)
    delivery.remove(subscriber)


def test_a_failed_valuation_is_retried(
    owner: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A short failure of the database leaves no subscriber without a value."""
    monkeypatch.setattr(portfolio_delivery, "_AGAIN_AFTER", 0.05)
    failures = iter([True, True, False])

    def fails(valuation: Valuation) -> str:
        if next(failures):
            raise RuntimeError("busy")
        return encode(valuation)

    delivery = PortfolioDelivery(Hub(), LocalBus(), fails, lambda subscriber, number: None)
    subscriber = follow(delivery, owner, hold(owner))
    delivery.remove(subscriber)
    wait_for(lambda: not is_running("portfolios"))

    assert ["One v1 0"] == subscriber.received
    assert "a portfolio could not be valued" in caplog.text


def test_a_user_with_slow_valuations_gets_fewer_updates(
    here: Served, owner: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their portfolios are valued alternately, and other users' values do not wait for them."""

    def slow(valuation: Valuation) -> str:
        if valuation.name != "Small":
            time.sleep(0.01)
        return encode(valuation)

    delivery = PortfolioDelivery(Hub(), LocalBus(), slow, lambda subscriber, number: None)
    price(delivery, 100)
    large = [
        follow(delivery, owner, hold(owner, f"Large {number}", BTC="1")) for number in range(3)
    ]
    other = here.create_user()
    small = follow(delivery, other, hold(other, "Small", BTC="1"))
    for follower in (*large, small):
        follower.received.clear()
    while not all(follower.received for follower in large) or len(small.received) < 6:
        price(delivery, next(_values))
        time.sleep(0.005)
    counts = [len(follower.received) for follower in (*large, small)]
    for follower in (*large, small):
        delivery.remove(follower)
    wait_for(lambda: not is_running("portfolios"))

    assert max(counts[:3]) < counts[3], counts


def test_concurrent_subscriptions(
    here: Served, owner: int, delivery: PortfolioDelivery, restless: None
) -> None:
    """In any order, nothing fails and nothing is left at the end."""
    price(delivery, 100)
    numbers = [hold(owner, name, BTC="1") for name in "ab"]
    failures: list[Exception] = []

    def come_and_go(app: Flask) -> None:
        try:
            with app.app_context():
                for attempt in range(50):
                    subscriber: Any = RecordingSubscriber()
                    delivery.subscribe(subscriber, owner, numbers[attempt % 2])
                    delivery.subscribe(subscriber, owner, numbers[0])
                    delivery.unsubscribe(subscriber, owner, numbers[0])
                    delivery.remove(subscriber)
        except Exception as error:
            failures.append(error)

    coming = [threading.Thread(target=come_and_go, args=(here.app,)) for _ in range(3)]
    for thread in coming:
        thread.start()
    for value in range(101, 201):
        price(delivery, value)
    for thread in coming:
        thread.join()
    wait_for(lambda: not is_running("portfolios"))

    assert [] == failures
    assert ({}, {}, {}) == (delivery._watched, delivery._by_symbol, delivery._seen)
