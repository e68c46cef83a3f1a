"""What every bus does; each implementation is held to it."""

import logging
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from omcrm.engine.bus import (
    Bus,
    Control,
    ControlAction,
    Demand,
    FeedChanged,
    FeedEvents,
    Holdings,
    LocalBus,
    LoginEnded,
    Message,
    PortfolioChanged,
)
from omcrm.engine.redis_bus import RedisBus
from omcrm.market.feed_event import FeedEvent, FeedEventKind
from tests.processes import wait_for
from tests.values import START, quote, trade

BUSES: dict[str, Callable[[str], Bus]] = {"local": lambda url: LocalBus(), "redis": RedisBus}
"""Each kind of bus, made anew."""
MESSAGES: list[Message] = [
    quote(trade("100")),
    FeedChanged("binance"),
    FeedEvents((FeedEvent(at=START, kind=FeedEventKind.BEGAN, source="binance"),)),
    Demand("view", frozenset({"BTC"})),
    Holdings(frozenset({"BTC"})),
    Control(ControlAction.START),
    LoginEnded("hash"),
    PortfolioChanged(1, 2),
]


@pytest.fixture(params=BUSES)
def bus(request: pytest.FixtureRequest) -> Iterator[Bus]:
    """One bus of each kind; what a process publishes reaches itself without a server."""
    bus = BUSES[request.param]("redis://127.0.0.1:1/0")
    yield bus
    bus.stop()


def test_a_bus_that_was_not_started_is_not_lost(bus: Bus) -> None:
    """It has reached nobody yet, and need not."""
    assert None is bus.status().lost_since
    assert 1 == bus.status().processes


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_reaches_the_handlers_of_its_type(bus: Bus, message: Message) -> None:
    """As an equal value, once each, and nobody else."""
    first, second, other = list[Message](), list[Message](), list[Message]()
    kinds = [type(another) for another in MESSAGES if type(another) is not type(message)]
    bus.subscribe(type(message), first.append)
    bus.subscribe(type(message), second.append)
    for kind in kinds:
        bus.subscribe(kind, other.append)
    bus.publish(message)
    wait_for(lambda: first and second, 5, "the message")

    assert [message] == first == second
    assert [] == other


def test_subscribing_twice_is_subscribing_once(bus: Bus) -> None:
    """A handler that is added again is not called twice."""
    received: list[Message] = []
    bus.subscribe(FeedChanged, received.append)
    bus.subscribe(FeedChanged, received.append)
    bus.publish(FeedChanged())
    wait_for(lambda: received, 5, "the message")

    assert [FeedChanged()] == received


def test_an_unsubscribed_handler_is_not_called(bus: Bus) -> None:
    """Unsubscribing twice is harmless."""
    received, kept = list[Message](), list[Message]()
    bus.subscribe(FeedChanged, received.append)
    bus.subscribe(FeedChanged, kept.append)
    bus.unsubscribe(FeedChanged, received.append)
    bus.unsubscribe(FeedChanged, received.append)
    bus.publish(FeedChanged())
    wait_for(lambda: kept, 5, "the message")

    assert [] == received


def test_messages_of_one_thread_keep_their_order(bus: Bus) -> None:
    """Quotes of several publishing threads mix, those of one do not overtake each other."""
    received: list[PortfolioChanged] = []
    bus.subscribe(PortfolioChanged, received.append)

    def publish(user: int) -> None:
        for number in range(500):
            bus.publish(PortfolioChanged(user, number))

    threads = [threading.Thread(target=publish, args=(user,)) for user in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_for(lambda: len(received) == 2000, 5, "all messages")

    for user in range(4):
        numbers = [message.portfolio_id for message in received if message.user_id == user]

        assert list(range(500)) == numbers


def test_a_failing_handler_does_not_hurt_the_others(
    bus: Bus, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged with the type of the message."""
    received: list[Message] = []

    def fail(message: Message) -> None:
        raise ZeroDivisionError

    bus.subscribe(FeedChanged, fail)
    bus.subscribe(FeedChanged, received.append)
    with caplog.at_level(logging.ERROR):
        bus.publish(FeedChanged())
        wait_for(lambda: received, 5, "the message")

    assert ["a handler failed on FeedChanged"] == [record.message for record in caplog.records]


def test_a_handler_that_always_fails_does_not_fill_the_log(
    bus: Bus, caplog: pytest.LogCaptureFixture
) -> None:
    """Of many failures a second one is logged, with a count of the others."""

    def fail(message: Message) -> None:
        raise ZeroDivisionError

    bus.subscribe(FeedChanged, fail)
    began = time.monotonic()
    for _ in range(500):
        bus.publish(FeedChanged())

    assert len(caplog.records) <= 1 + (time.monotonic() - began)


def test_handlers_come_and_go_in_many_threads(bus: Bus, restless: None) -> None:
    """No subscription is lost because another one is made or ended at the same moment."""
    kept: list[list[Message]] = [[] for _ in range(4)]

    def come_and_go(number: int) -> None:
        for _ in range(300):
            passing: list[Message] = []
            bus.subscribe(FeedChanged, passing.append)
            bus.unsubscribe(FeedChanged, passing.append)
        bus.subscribe(FeedChanged, kept[number].append)

    threads = [threading.Thread(target=come_and_go, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bus.publish(FeedChanged())
    wait_for(lambda: all(kept), 5, "the message at every handler")
